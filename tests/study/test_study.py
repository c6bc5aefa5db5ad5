"""The study as the rules see it: batches, blocks of shards and digests that change with what they stand for alone."""

import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from dermalign.errors import InputError
from dermalign.study.configuration import checked
from dermalign.study.study import Study, batches, content_digest, remember_blocks, shard_blocks
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

REPOSITORY = Path(__file__).resolve().parents[2]
LIBRARY = REPOSITORY / "workflow_scripts" / "dermalign"
FEATURES = ["globules", "streaks"]
NAMES = st.sets(st.integers(0, 9999).map("ISIC_{:07d}".format), max_size=60)
GRIDS = st.sets(st.integers(0, 20).map(lambda twentieth: f"{twentieth / 20:.3f}"), min_size=1).map(sorted)

# Batches


@given(NAMES, st.integers(1, 50))
def test_batches_hold_every_picture_once_in_order(images: set[str], count: int) -> None:
    dealt = batches(sorted(images), count)
    assert sorted(itertools.chain(*dealt.values())) == sorted(images)
    assert all(batch == sorted(batch) and batch for batch in dealt.values())
    assert list(dealt) == sorted(dealt)
    assert all(re.fullmatch("[0-9]{5}", name) and int(name) < count for name in dealt)


@given(NAMES, st.integers(1, 50))
def test_a_new_picture_changes_its_own_batch_only(images: set[str], count: int) -> None:
    before, after = batches(sorted(images), count), batches(sorted({*images, "ISIC_new"}), count)
    (changed,) = [name for name in after if after[name] != before.get(name)]
    assert after[changed] == sorted([*before.get(changed, []), "ISIC_new"])
    assert set(after) == {*before, changed}


def test_batches_are_about_even() -> None:
    sizes = [len(batch) for batch in batches([f"ISIC_{number:07d}" for number in range(10_000)], 10).values()]
    assert len(sizes) == 10
    assert 850 < min(sizes) <= max(sizes) < 1150


# Blocks of shards


def test_blocks_of_a_growing_and_shrinking_grid(tmp_path: Path) -> None:
    path = tmp_path / "jaccard" / "blocks.json"
    tenths = [f"{tenth / 10:.3f}" for tenth in range(11)]
    assert shard_blocks(path, tenths) == [tenths]
    assert not path.exists()  # asking, as a dry run does, remembers nothing
    remember_blocks(path, shard_blocks(path, tenths))
    assert shard_blocks(path, tenths) == [tenths]

    more = sorted([*tenths, "0.250"])
    assert shard_blocks(path, more) == [tenths, ["0.250"]]
    remember_blocks(path, shard_blocks(path, more))

    assert shard_blocks(path, tenths) == [tenths, []]
    remember_blocks(path, shard_blocks(path, tenths))
    assert shard_blocks(path, [*tenths[:3], *tenths[4:]]) == [[*tenths[:3], *tenths[4:]], []]
    assert shard_blocks(path, ["0.250", "0.333"]) == [[], ["0.250"], ["0.333"]]
    assert shard_blocks(path, more) == [tenths, ["0.250"]]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(GRIDS, min_size=1, max_size=6), st.data())
def test_a_threshold_never_leaves_its_block(tmp_path: Path, grids: list[list[str]], data: st.DataObject) -> None:
    path = tmp_path / "blocks.json"
    path.unlink(missing_ok=True)
    places: dict[str, int] = {}
    for grid in grids:
        blocks = shard_blocks(path, grid)
        assert sorted(itertools.chain(*blocks)) == grid
        found = {name: number for number, block in enumerate(blocks) for name in block}
        assert all(found[name] == places[name] for name in grid if name in places)
        new = [name for name in grid if name not in places]
        assert len({found[name] for name in new}) <= 1
        assert all(blocks[found[name]] == new for name in new[:1])  # nothing that is there is done again
        if data.draw(st.booleans(), label="runs"):  # not every listed run begins
            remember_blocks(path, blocks)
            places.update(found)


def test_remembering_the_same_again_leaves_the_file(tmp_path: Path) -> None:
    path = tmp_path / "blocks.json"
    remember_blocks(path, [["0.000", "0.500"]])
    before = path.stat()
    remember_blocks(path, shard_blocks(path, ["0.500"]))
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == (before.st_mtime_ns, before.st_ino)
    assert json.loads(path.read_text()) == [["0.000", "0.500"]]


# Digests


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A copy of the library that may be edited."""
    return Path(shutil.copytree(LIBRARY, tmp_path / "dermalign", ignore=shutil.ignore_patterns("__pycache__")))


def digests(library: Path, *modules: str) -> list[str]:
    """Return the digest of each module, asked in a fresh process."""
    code = (
        "import sys; from dermalign.study.study import library_digest; "
        "print(*(library_digest(*m.split('+')) for m in sys.argv[1:]))"
    )
    process = subprocess.run(
        [sys.executable, "-c", code, *modules],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(library.parent), "PYTHONDONTWRITEBYTECODE": "1"},
    )
    return process.stdout.split()


def edit(library: Path, module: str, old: str, new: str) -> None:
    path = library / f"{module}.py"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_comments_docstrings_and_layout_rerun_nothing(library: Path) -> None:
    before = digests(library, "manifests", "labels")
    for module in ("manifests", "labels", "archives"):
        path = library / f"{module}.py"
        text = path.read_text(encoding="utf-8")
        text = re.sub(r'(?s)"""(.*?)"""', lambda match: f'"""Said in other words. {match[1]}"""', text)
        text = text.replace("\n\n\ndef ", "\n\n\n# A remark.\n\ndef ").replace("(path, ", "(\n        path,\n        ")
        path.write_text(text, encoding="utf-8")
        assert "# A remark." in text
    edit(library, "terms", 'UNION = "union"', "UNION = 'union'  # ")
    assert digests(library, "manifests", "labels") == before


def test_code_reruns_what_imports_it(library: Path) -> None:
    asked = ["manifests", "labels", "mask_cells", "labels+mask_cells", "drawing/plan"]
    before = digests(library, *asked)
    assert len(set(before)) == len(asked)

    edit(library, "labels", '"nevus": "NV"', '"nevus": "MEL"')  # manifests imports it
    after = digests(library, *asked)
    assert [old != new for old, new in zip(before, after, strict=True)] == [True, True, False, True, False]

    edit(library, "terms", '"union"', '"any"')  # a word that several import
    last = digests(library, *asked)
    assert [old != new for old, new in zip(after, last, strict=True)] == [True, False, True, True, False]


def test_messages_and_the_writing_of_files_rerun_nothing(library: Path) -> None:
    before = digests(library, "manifests", "mask_cells")
    edit(library, "logs", "%(asctime)s", "%(created)s")
    edit(library, "files", ".partial", ".part")
    assert digests(library, "manifests", "mask_cells") == before


def test_rules_name_modules_that_exist() -> None:
    named = set()
    for path in (REPOSITORY / "rules").glob("*.smk"):
        for arguments in re.findall(r"library_digest\(([^)]*)\)", path.read_text(encoding="utf-8")):
            named |= set(re.findall(r'"(\w+)"', arguments))
    assert len(named) > 5
    assert [name for name in sorted(named) if not (LIBRARY / f"{name}.py").is_file()] == []


def test_content_digest(tmp_path: Path) -> None:
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    first.write_text("image,diagnosis\n")
    second.write_text("image,diagnosis\n")
    assert content_digest(first) == content_digest(second)
    second.write_text("image,diagnosis\na,NV\n")
    assert content_digest(first) != content_digest(second)
    with pytest.raises(FileNotFoundError):
        content_digest(tmp_path / "none.csv")


# Archives


@pytest.fixture
def study(tmp_path: Path, zipped: Callable[..., Path], encoded: Callable[..., bytes]) -> Callable[..., Study]:
    """A function that returns a study of twelve pictures, of which every fourth is neither melanoma nor nevus."""
    images = [f"ISIC_{number:07d}" for number in range(12)]
    picture = encoded()
    evaluation = {f"Input/{image}.jpg": picture for image in images}
    masks = {f"masks/{image}_attribute_{feature}.png": picture for image in images for feature in FEATURES}
    training = {f"Training/{image}_downsampled.jpg": picture for image in images[:5]}
    zipped(tmp_path / "evaluation.zip", evaluation)
    zipped(tmp_path / "masks.zip", masks)
    zipped(tmp_path / "training.zip", {**training, "Training/ISIC_other.jpg": picture})
    diagnoses = ["MEL", "NV", "NV", "BKL"]
    rows = [f"{image},{diagnoses[number % 4]}" for number, image in enumerate(images)]
    (tmp_path / "diagnoses.csv").write_text("\n".join(["image,diagnosis", *rows]))
    (tmp_path / "labels.csv").write_text("image,MEL,NV,BKL\n")

    def configured(**changes: Any) -> Study:
        archives = {
            "folder": str(tmp_path),
            "training_pictures": "training.zip",
            "training_labels": "labels.csv",
            "evaluation_pictures": "evaluation.zip",
            "evaluation_masks": "masks.zip",
            "diagnoses": ["diagnoses.csv"],
        }
        model = {"architecture": "plain_stack", "input_size": 32, "saliency_layer": "last", "training": {"epochs": 0}}
        configuration = {
            "study": "small",
            "archives": {**archives, **changes.pop("archives", {})},
            "features": FEATURES,
            "classes": ["MEL", "NV", "BKL"],
            "evaluation_diagnoses": ["MEL", "NV"],
            "models": {"plain": {**model, **changes.pop("model", {})}},
            "methods": {"gradcam": {}},
            "thresholds": [0.5],
            "seed": 1,
            **changes,
        }
        return Study(checked(configuration))

    return configured


def test_which_pictures_get_masks_counted_and_maps(study: Callable[..., Study]) -> None:
    small = study(batches={"masks": 3, "saliency": 2})
    assert small.features == [*FEATURES, "union"]
    assert len(small.evaluation_images) == 12
    assert len(small.diagnosed_images) == 9
    assert sorted(itertools.chain(*small.mask_batches.values())) == small.evaluation_images
    assert sorted(itertools.chain(*small.saliency_batches.values())) == small.diagnosed_images
    assert len(small.mask_batches) <= 3 and len(small.saliency_batches) <= 2
    only = study(evaluation_diagnoses=["MEL"])
    assert only.diagnosed_images == ["ISIC_0000000", "ISIC_0000004", "ISIC_0000008"]
    assert small.evaluated_among_training() == [f"ISIC_{number:07d}" for number in range(5)]


def test_a_trial_takes_a_fixed_sample(study: Callable[..., Study]) -> None:
    four, eight = (study(evaluation_limit=limit).evaluation_images for limit in (4, 8))
    assert len(four) == 4 and len(eight) == 8
    assert set(four) < set(eight)
    assert four == sorted(four) != study().evaluation_images[:4]
    assert len(study(evaluation_limit=999).evaluation_images) == 12
    # What may leak does not depend on the trial.
    assert len(study(evaluation_limit=4).evaluated_among_training()) == 5


def test_faults_of_archives_and_labels(study: Callable[..., Study]) -> None:
    with pytest.raises(InputError, match=r"blue_veil has no mask in .*masks\.zip, which knows globules, streaks"):
        _ = study(features=["blue_veil"]).evaluation_images
    with pytest.raises(InputError, match=r"no evaluation picture has a diagnosis among BCC in .*diagnoses\.csv"):
        _ = study(classes=["MEL", "BCC"], evaluation_diagnoses=["BCC"]).diagnosed_images
    with pytest.raises(InputError, match=r"models\.plain\.weights: there is no file none\.weights\.h5\. Correct"):
        _ = study(model={"weights": "none.weights.h5"}).grids


def test_missing_archives_are_told_by_their_keys(study: Callable[..., Study]) -> None:
    assert study().missing_files() is None
    sources = {"masks-2.zip": {"url": "https://example.org/masks-2.zip"}}
    changes = {"evaluation_masks": "masks-2.zip", "diagnoses": ["diagnoses.csv", "nowhere.csv"], "sources": sources}
    lines = str(study(archives=changes).missing_files()).splitlines()
    assert len(lines) == 3
    assert "`archives.evaluation_masks`" in lines[1]
    assert "masks-2.zip" in lines[1] and "`snakemake fetch` gets it" in lines[1]
    assert "`archives.diagnoses[1]`" in lines[2]
    assert "nowhere.csv" in lines[2] and "correct the key" in lines[2]


def test_pictures_without_masks_are_not_evaluated_where_the_study_says_so(
    study: Callable[..., Study], tmp_path: Path, zipped: Callable[..., Path], encoded: Callable[..., bytes]
) -> None:
    zipped(
        tmp_path / "some.zip", {f"{feature}/ISIC_000000{number}.png": b"" for feature in FEATURES for number in (1, 6)}
    )
    some = {"evaluation_masks": "some.zip", "mask_pattern": "{feature}/{image}.png"}
    with pytest.raises(InputError, match=r"some\.zip lacks globules/ISIC_0000000\.png"):
        _ = study(archives=some).evaluation_images
    assert len(study(archives={**some, "missing_masks": "black"}).evaluation_images) == 12
    left = study(archives={**some, "missing_masks": "leave_out"})
    assert left.evaluation_images == ["ISIC_0000001", "ISIC_0000006"]
    assert left.evaluated_among_training() == ["ISIC_0000001"]
    # `network` ends like a name that has masks, but no picture is called `ISIC_1_pigment`.
    zipped(tmp_path / "some.zip", {"ISIC_0000001_pigment_network.png": b""})
    wrong = {**some, "mask_pattern": "{image}_{feature}.png", "missing_masks": "black"}
    with pytest.raises(InputError, match=r"no picture of .*evaluation\.zip has a mask of network in .*some\.zip"):
        _ = study(archives=wrong, features=["network"]).evaluation_images


def test_archives_may_be_folders(study: Callable[..., Study], tmp_path: Path) -> None:
    as_zip = study()
    for name in ("evaluation", "masks", "training"):
        shutil.unpack_archive(tmp_path / f"{name}.zip", tmp_path / name)
    folders = {"training_pictures": "training", "evaluation_pictures": "evaluation/", "evaluation_masks": "masks"}
    of_folders = study(archives=folders)
    assert of_folders.missing_files() is None
    for ask in ("evaluation_images", "diagnosed_images", "mask_batches"):
        assert getattr(of_folders, ask) == getattr(as_zip, ask)
    table = study(archives={**folders, "training_labels": "training", "evaluation_masks": "nowhere"}).missing_files()
    assert "there is no file" in str(table) and "there is no file or folder" in str(table)


def test_digests_of_pictures_and_masks_are_of_their_batch(
    study: Callable[..., Study], tmp_path: Path, zipped: Callable[..., Path], encoded: Callable[..., bytes]
) -> None:
    small = study()
    images = small.evaluation_images[:3]
    paths = [str(small.archive(key)) for key in ("evaluation_pictures", "evaluation_masks")]
    before = small.pictures_digest("evaluation_pictures", images), small.masks_digest(images)
    whole = small.pictures_digest("evaluation_pictures")

    other, changed = encoded(width=9), small.evaluation_images
    pictures = {f"Input/{image}.jpg": encoded() for image in changed}
    zipped(Path(paths[0]), {**pictures, f"Input/{changed[5]}.jpg": other, "Input/ISIC_new.jpg": other})
    assert small.pictures_digest("evaluation_pictures", images) == before[0]
    assert small.pictures_digest("evaluation_pictures") != whole
    zipped(Path(paths[0]), {**pictures, f"Input/{changed[1]}.jpg": other})
    assert small.pictures_digest("evaluation_pictures", images) != before[0]

    masks = {f"masks/{image}_attribute_{feature}.png": encoded() for image in changed for feature in FEATURES}
    zipped(Path(paths[1]), {**masks, f"masks/{changed[5]}_attribute_streaks.png": other})
    assert small.masks_digest(images) == before[1]
    zipped(Path(paths[1]), {**masks, f"masks/{changed[1]}_attribute_streaks.png": other})
    assert small.masks_digest(images) != before[1]
    with pytest.raises(FileNotFoundError):
        study(archives={"training_pictures": "none.zip"}).pictures_digest("training_pictures")


def test_digests_of_what_a_run_makes_itself_are_known_before(study: Callable[..., Study], tmp_path: Path) -> None:
    """Else a cluster's first run would record that they were not known, and the next would do everything again."""
    drawn = {"drawn": {"training_pictures": 100, "evaluation_pictures": 10}, "folder": str(tmp_path / "none")}

    def digests(**changes: Any) -> list[Any]:
        of = study(archives=drawn, **changes)
        images = of.evaluation_images[:3]
        return [
            of.pictures_digest("training_pictures"),
            of.pictures_digest("evaluation_pictures", images),
            of.masks_digest(images),
            *of.table_digests(of.diagnosis_tables),
        ]

    assert digests() == digests()
    assert not set(digests()) & set(digests(seed=2))

    from_imagenet = study(model={"weights": "imagenet"}, weights_folder=str(tmp_path / "none"))
    assert from_imagenet.weights_digest("plain") == [Path(from_imagenet.weights_files("plain")[0]).name]
    weights = tmp_path / "own.weights.h5"
    weights.write_bytes(b"weights")
    from_path = study(model={"weights": str(weights)})
    before = from_path.weights_digest("plain")
    weights.write_bytes(b"other weights")
    assert from_path.weights_digest("plain") != before
    assert study(model={"weights": "none"}).weights_digest("plain") == []


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
    study = Study(configuration)
    assert study.missing_files() is None
    assert len(study.evaluation_images) == 1522
    assert len(study.diagnosed_images) == 312 + 1097
    # Of the 900 pictures of Task 1-2 among the training pictures, those that the reduced archive has too.
    assert len(study.evaluated_among_training()) == 533
