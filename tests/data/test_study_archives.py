"""The study's archives: which pictures there are, in which batches, what is lacking, and digests of what is there."""

import itertools
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from dermalign.data.study_archives import Archives
from dermalign.errors import InputError
from dermalign.study.configuration import checked
from dermalign.study.study import Study
from study_cases import FEATURES, IMAGES, masks_of, small_study, write_archives

Configured = Callable[..., Archives]


@pytest.fixture
def archives(tmp_path: Path, zipped: Callable[..., Path], encoded: Callable[..., bytes]) -> Configured:
    """A function that returns the archives of a study of twelve pictures, with changes of its configuration."""
    write_archives(tmp_path, zipped, encoded)
    return lambda **changes: Archives(small_study(tmp_path, **changes))


def test_which_pictures_get_masks_counted_and_maps(archives: Configured) -> None:
    small = archives(batches={"masks": 3, "saliency": 2})
    assert len(small.evaluation_images) == 12
    assert len(small.diagnosed_images) == 9
    assert sorted(itertools.chain(*small.mask_batches.values())) == small.evaluation_images
    assert sorted(itertools.chain(*small.saliency_batches.values())) == small.diagnosed_images
    assert len(small.mask_batches) <= 3 and len(small.saliency_batches) <= 2
    only = archives(evaluation_diagnoses=["MEL"])
    assert only.diagnosed_images == ["ISIC_0000000", "ISIC_0000004", "ISIC_0000008"]
    assert small.evaluated_among_training() == [f"ISIC_{number:07d}" for number in range(5)]
    # What is asked of each picture's own class is asked in the order of the pictures.
    assert small.diagnoses_of(["ISIC_0000005", "ISIC_0000000", "ISIC_0000001"]) == ["NV", "MEL", "NV"]
    assert small.diagnoses_of(iter(small.diagnosed_images)) == [
        ["MEL", "NV", "NV", "BKL"][int(image[5:]) % 4] for image in small.diagnosed_images
    ]
    assert small.diagnoses_of([]) == []


def test_a_trial_takes_a_fixed_sample(archives: Configured) -> None:
    four, eight = (archives(evaluation_limit=limit).evaluation_images for limit in (4, 8))
    assert len(four) == 4 and len(eight) == 8
    assert set(four) < set(eight)
    assert four == sorted(four) != archives().evaluation_images[:4]
    assert len(archives(evaluation_limit=999).evaluation_images) == 12
    # What may leak does not depend on the trial.
    assert len(archives(evaluation_limit=4).evaluated_among_training()) == 5


def test_faults_of_archives_and_labels(archives: Configured) -> None:
    with pytest.raises(InputError, match=r"blue_veil has no mask in .*masks\.zip, which knows globules, streaks"):
        _ = archives(features=["blue_veil"]).evaluation_images
    with pytest.raises(InputError, match=r"no evaluation picture has a diagnosis among BCC in .*diagnoses\.csv"):
        _ = archives(classes=["MEL", "BCC"], evaluation_diagnoses=["BCC"]).diagnosed_images


def test_missing_archives_are_told_by_their_keys(archives: Configured) -> None:
    assert archives().missing_files() is None
    sources = {"masks-2.zip": {"url": "https://example.org/masks-2.zip"}}
    changes = {"evaluation_masks": "masks-2.zip", "diagnoses": ["diagnoses.csv", "nowhere.csv"], "sources": sources}
    lines = str(archives(archives=changes).missing_files()).splitlines()
    assert len(lines) == 3
    assert "`archives.evaluation_masks`" in lines[1]
    assert "masks-2.zip" in lines[1] and "`snakemake fetch` gets it" in lines[1]
    assert "`archives.diagnoses[1]`" in lines[2]
    assert "nowhere.csv" in lines[2] and "correct the key" in lines[2]


def test_pictures_without_masks_are_not_evaluated_where_the_study_says_so(
    archives: Configured, tmp_path: Path, zipped: Callable[..., Path], encoded: Callable[..., bytes]
) -> None:
    zipped(
        tmp_path / "some.zip", {f"{feature}/ISIC_000000{number}.png": b"" for feature in FEATURES for number in (1, 6)}
    )
    some = {"evaluation_masks": "some.zip", "mask_pattern": "{feature}/{image}.png"}
    with pytest.raises(InputError, match=r"some\.zip lacks globules/ISIC_0000000\.png"):
        _ = archives(archives=some).evaluation_images
    assert len(archives(archives={**some, "missing_masks": "black"}).evaluation_images) == 12
    left = archives(archives={**some, "missing_masks": "leave_out"})
    assert left.evaluation_images == ["ISIC_0000001", "ISIC_0000006"]
    assert left.evaluated_among_training() == ["ISIC_0000001"]
    # `network` ends like a name that has masks, but no picture is called `ISIC_1_pigment`.
    zipped(tmp_path / "some.zip", {"ISIC_0000001_pigment_network.png": b""})
    wrong = {**some, "mask_pattern": "{image}_{feature}.png", "missing_masks": "black"}
    with pytest.raises(InputError, match=r"no picture of .*evaluation\.zip has a mask of network in .*some\.zip"):
        _ = archives(archives=wrong, features=["network"]).evaluation_images


def test_archives_may_be_folders(archives: Configured, tmp_path: Path) -> None:
    as_zip = archives()
    for name in ("evaluation", "masks", "training"):
        shutil.unpack_archive(tmp_path / f"{name}.zip", tmp_path / name)
    folders = {"training_pictures": "training", "evaluation_pictures": "evaluation/", "evaluation_masks": "masks"}
    of_folders = archives(archives=folders)
    assert of_folders.missing_files() is None
    for ask in ("evaluation_images", "diagnosed_images", "mask_batches"):
        assert getattr(of_folders, ask) == getattr(as_zip, ask)
    table = archives(archives={**folders, "training_labels": "training", "evaluation_masks": "nowhere"}).missing_files()
    assert "there is no file" in str(table) and "there is no file or folder" in str(table)


def test_digests_of_pictures_and_masks_are_of_their_batch(
    archives: Configured, tmp_path: Path, zipped: Callable[..., Path], encoded: Callable[..., bytes]
) -> None:
    small = archives()
    images = small.evaluation_images[:3]
    paths = [str(small.path(key)) for key in ("evaluation_pictures", "evaluation_masks")]
    before = small.pictures_digest("evaluation_pictures", images), small.masks_digest(images)
    whole = small.pictures_digest("evaluation_pictures")

    other, changed = encoded(width=9), small.evaluation_images
    pictures = {f"Input/{image}.jpg": encoded() for image in changed}
    zipped(Path(paths[0]), {**pictures, f"Input/{changed[5]}.jpg": other, "Input/ISIC_new.jpg": other})
    assert small.pictures_digest("evaluation_pictures", images) == before[0]
    assert small.pictures_digest("evaluation_pictures") != whole
    zipped(Path(paths[0]), {**pictures, f"Input/{changed[1]}.jpg": other})
    assert small.pictures_digest("evaluation_pictures", images) != before[0]

    masks = masks_of(encoded)
    zipped(Path(paths[1]), {**masks, f"masks/{changed[5]}_attribute_streaks.png": other})
    assert small.masks_digest(images) == before[1]
    zipped(Path(paths[1]), {**masks, f"masks/{changed[1]}_attribute_streaks.png": other})
    assert small.masks_digest(images) != before[1]
    with pytest.raises(FileNotFoundError):
        archives(archives={"training_pictures": "none.zip"}).pictures_digest("training_pictures")


def test_tables_are_told_by_their_content(archives: Configured, tmp_path: Path) -> None:
    small = archives()
    assert small.diagnosis_tables == [str(tmp_path / "diagnoses.csv")]
    before = small.table_digests(small.diagnosis_tables)
    assert small.table_digests([*small.diagnosis_tables, str(small.path("training_labels"))])[:1] == before
    with (tmp_path / "diagnoses.csv").open("a") as stream:
        stream.write("\nISIC_new,NV")
    assert small.table_digests(small.diagnosis_tables) != before


def test_names_with_braces_are_refused(
    archives: Configured, tmp_path: Path, zipped: Callable[..., Path], encoded: Callable[..., bytes]
) -> None:
    """Snakemake would take them for wildcards."""
    zipped(tmp_path / "evaluation.zip", {"Input/ISIC_{1}.jpg": encoded()})
    with pytest.raises(InputError, match=r"evaluation\.zip: ISIC_\{1\} has braces in its name\. Rename it"):
        _ = archives().evaluation_images


def test_archives_that_are_not_named_are_not_there(archives: Configured, tmp_path: Path) -> None:
    small = archives()
    assert small.has_training_pictures and small.drawn == [] and small.sources == {}
    assert small.path("training_metadata") is None
    assert list(small.files) == [
        "archives.training_pictures",
        "archives.training_labels",
        "archives.evaluation_pictures",
        "archives.evaluation_masks",
        "archives.diagnoses[0]",
    ]
    assert set(small.files.values()) == {str(path) for path in tmp_path.iterdir()}


def test_lesions_of_the_metadata_table_are_among_the_training_pictures(archives: Configured, tmp_path: Path) -> None:
    (tmp_path / "metadata.csv").write_text("image,lesion_id\nISIC_0000009_downsampled,L1\nISIC_elsewhere,L2\n")
    known = archives(archives={"training_metadata": "metadata.csv"}).evaluated_among_training()
    assert known == [*IMAGES[:5], "ISIC_0000009"]


# Tables are checked when a study is planned


def test_tables_that_fit_have_no_fault(archives: Configured, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("image,MEL,NV,BKL\nisic_0000001.JPG,1,0,0\nISIC_0000002,0,1,0\n")
    (tmp_path / "metadata.csv").write_text("image,lesion_id\nISIC_OTHER.jpg,L1\n")
    assert archives(archives={"training_metadata": "metadata.csv"}).check_tables() == []
    # Nor does it know patients, which matters where they are resampled.
    (fault,) = archives(archives={"training_metadata": "metadata.csv"}, resampled_by="patient").check_tables()
    assert fault.startswith("archives.training_metadata: ") and "`patient_id`. Set resampled_by to lesion" in fault
    assert archives(archives={"training_pictures": "none.zip", "evaluation_pictures": "masks.csv"}).check_tables() == []


def test_tables_of_lesions_are_checked_with_those_of_their_pictures(archives: Configured, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("lesion_id,MEL,NV,BKL\nIL_1,1,0,0\nIL_2,0,1,0\n")
    (tmp_path / "metadata.csv").write_text("isic_id,lesion_id\nISIC_0000001,IL_1\nISIC_0000002,IL_2\n")
    metadata = {"training_metadata": "metadata.csv"}
    assert archives(archives={**metadata, "diagnoses": ["labels.csv", "metadata.csv"]}).check_tables() == []
    (fault,) = archives().check_tables()
    assert fault.startswith("archives.training_labels: ") and "names lesions, not pictures" in fault


def test_every_table_that_does_not_fit_is_told(archives: Configured, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("image,MEL,NV,BKL\nspot-1,1,0,0\n")
    (tmp_path / "metadata.csv").write_text("image,sex\nISIC_0000001,male\n")
    (tmp_path / "more.csv").write_text("image,diagnosis\nspot-1,nevus\n")
    (tmp_path / "empty.csv").write_text("image,diagnosis\nISIC_0000001,unknown\n")
    (tmp_path / "sheet.csv").write_bytes(b"PK\3\4")
    tables = ["more.csv", "diagnoses.csv", "empty.csv", "sheet.csv", "nowhere.csv"]
    faults = archives(archives={"training_metadata": "metadata.csv", "diagnoses": tables}).check_tables()
    expected = {
        "training_metadata": ["metadata.csv has the columns image, sex", "`lesion_id`", "set it to null"],
        "training_labels": ["labels.csv names no picture of archives.training_pictures", "training.zip", "`spot-1`"],
        "diagnoses[0]": ["more.csv names no picture of archives.evaluation_pictures", "evaluation.zip", "ISIC_0000000"],
        "diagnoses[2]": ["empty.csv has no row of a picture that says something"],
        "diagnoses[3]": ["sheet.csv is a spreadsheet", "as CSV"],
        "diagnoses[4]": ["nowhere.csv cannot be read", "archives.folder"],
    }
    assert len(faults) == len(expected)
    for fault, (key, words) in zip(faults, expected.items(), strict=True):
        assert fault.startswith(f"archives.{key}: ") and all(word in fault for word in words)


def test_classes_that_the_labels_lack_are_a_fault_of_the_table(archives: Configured, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("image,diagnosis\nISIC_0000001,nevus\n")
    (fault,) = archives().check_tables()
    assert "labels.csv: no picture is of the class MEL, BKL" in fault and "Correct `classes` or the table" in fault


def test_real_tables_fit(real_data: Path, tmp_path: Path) -> None:
    labels = real_data / "labels"
    folders = {"folder": str(real_data / "isic-256"), "evaluation_masks": "ISIC2018_Task2_Training_GroundTruth_v3.zip"}
    pictures = {
        "training_pictures": "ISIC_2019_Training_Input.zip",
        "evaluation_pictures": "ISIC2018_Task1-2_Training_Input.zip",
    }
    tables = {
        "training_labels": str(labels / "ISIC_2019_Training_GroundTruth.csv"),
        "training_metadata": str(labels / "ISIC_2019_Training_Metadata.csv"),
        "diagnoses": [str(labels / "ISIC_2019_Training_GroundTruth.csv"), str(labels / "isic2018_task2_diagnosis.csv")],
    }
    classes = ["MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC"]
    study = Archives(small_study(tmp_path, archives={**folders, **pictures, **tables}, classes=classes))
    assert study.check_tables() == []


def test_real_archives(real_data: Path) -> None:
    folder = real_data / "isic-256"
    configuration = checked(
        {
            "study": "real",
            "archives": {
                "folder": str(folder),
                "training_pictures": "ISIC_2019_Training_Input.zip",
                "training_labels": "ISIC_2019_Training_GroundTruth.csv",
                "evaluation_pictures": "ISIC2018_Task1-2_Training_Input.zip",
                "evaluation_masks": "ISIC2018_Task2_Training_GroundTruth_v3.zip",
                "diagnoses": ["ISIC_2019_Training_GroundTruth.csv", "../labels/isic2018_task2_diagnosis.csv"],
            },
            "features": ["globules", "milia_like_cyst", "negative_network", "pigment_network", "streaks"],
            "classes": ["MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC"],
            "evaluation_diagnoses": ["MEL", "NV"],
            "models": {
                "a": {"architecture": "VGG16", "input_size": 450, "saliency_layer": "x", "training": {"epochs": 0}}
            },
            "methods": {"gradcam": {}},
            "thresholds": [0.5],
            "seed": 1,
        }
    )
    study = Archives(Study(configuration))
    assert study.missing_files() is None
    assert len(study.evaluation_images) == 1522
    assert len(study.diagnosed_images) == 312 + 1097
    # Of the 900 pictures of Task 1-2 among the training pictures, those that the reduced archive has too.
    assert len(study.evaluated_among_training()) == 533


def test_lesion_masks_are_used_where_they_are_there(
    archives: Configured, tmp_path: Path, zipped: Callable[..., Path]
) -> None:
    without, named = archives(), archives(archives={"lesion_masks": "lesions.zip"})
    assert without.lesion_archive is None and without.lesion_masks(without.evaluation_images) == {}
    # Named, but not there: they only add to what is shown, and nothing waits for them.
    assert named.lesion_archive is None and named.missing_files() is None
    before, lesions = named.shown_digests, named.shown_lesions_digest
    zipped(tmp_path / "lesions.zip", {f"{IMAGES[1]}_segmentation.png": b"mask"})
    named = archives(archives={"lesion_masks": "lesions.zip"})
    assert named.lesion_archive == str(tmp_path / "lesions.zip") == named.files["archives.lesion_masks"]
    assert list(named.lesion_masks(IMAGES)) == [IMAGES[1]]
    assert named.shown_digests == before and named.shown_lesions_digest != lesions
    shutil.unpack_archive(tmp_path / "lesions.zip", tmp_path / "lesions")
    folder = archives(archives={"lesion_masks": "lesions"})
    assert folder.missing_files() is None and list(folder.lesion_masks(IMAGES)) == [IMAGES[1]]
    other = archives(archives={"lesion_masks": "lesions.zip", "lesion_pattern": "{image}.png"})
    with pytest.raises(InputError, match=r"archives\.lesion_masks: .*lesions\.zip has no lesion mask of any"):
        _ = other.evaluation_images


def test_each_file_has_a_digest_of_its_content(archives: Configured, tmp_path: Path) -> None:
    first = archives()
    assert len(first.file_digests()) == len(first.files)
    before = dict(zip(first.files, first.file_digests(), strict=True))
    with (tmp_path / "diagnoses.csv").open("a") as table:
        table.write("ISIC_9999999,nevus\n")
    after = dict(zip(first.files, archives().file_digests(), strict=True))
    changed = {key for key in before if before[key] != after[key]}
    assert changed == {key for key, path in first.files.items() if path.endswith("diagnoses.csv")}
