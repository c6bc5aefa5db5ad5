"""Diagnoses and lesions from the tables that ISIC has published, and from tables with faults."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from dermalign.data.labels import plain_name, read_diagnoses, read_lesions, read_one_hot, read_training_labels
from dermalign.errors import InputError

CLASSES = ["MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC"]
Table = Callable[[str, str], Path]


@pytest.fixture
def table(tmp_path: Path) -> Table:
    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def one_hot(*rows: tuple[str, str]) -> str:
    columns = [*CLASSES, "UNK"]
    lines = [",".join([image, *("1.0" if column == hot else "0.0" for column in columns)]) for image, hot in rows]
    return "\n".join([",".join(["image", *columns]), *lines]) + "\n"


KINDS = {
    "challenge one-hot": one_hot(("ISIC_1", "MEL"), ("ISIC_2_downsampled", "NV"), ("ISIC_3", "BKL")),
    "ISIC 2017 Part 3": "image_id,melanoma,seborrheic_keratosis\nISIC_1,1.0,0.0\nISIC_2,0.0,0.0\nISIC_3,0,1\n",
    "metadata export": (
        "isic_id,attribution,age_approx,diagnosis,diagnosis_confirm_type\n"
        "ISIC_1,someone,55,melanoma,histopathology\n"
        "ISIC_2,someone,,nevus,single image expert consensus\n"
        "ISIC_3,someone,60,seborrheic keratosis,\n"
    ),
    "metadata export in levels": (
        "isic_id,diagnosis_1,diagnosis_2,diagnosis_3,diagnosis_4,diagnosis_5\n"
        'ISIC_1,Malignant,Malignant melanocytic proliferations,Melanoma Invasive,"Melanoma Invasive, Nodular",\n'
        "ISIC_2,Benign,Benign melanocytic proliferations,Nevus,,\n"
        "ISIC_3,Benign,Benign epidermal proliferations,Seborrheic keratosis,,\n"
    ),
    "plain": "image,diagnosis\nISIC_1,MEL\nISIC_2,nevus\nISIC_3,seborrheic_keratosis\n",
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", ["as it is", "saved by a spreadsheet"])
def test_every_kind_of_table(table: Table, kind: str, form: str) -> None:
    text = KINDS[kind]
    if form == "saved by a spreadsheet":
        text = "\ufeff" + text.replace("\n", "\r\n") + "\r\n"
    diagnoses = read_diagnoses([table("labels.csv", text)], CLASSES)
    assert diagnoses.by_image == {"ISIC_1": "MEL", "ISIC_2": "NV", "ISIC_3": "BKL"}
    assert diagnoses.contradictions == []


def test_kinds_agree_on_one_picture(table: Table) -> None:
    tables = [table(f"{number}.csv", text) for number, text in enumerate(KINDS.values())]
    diagnoses = read_diagnoses(tables, CLASSES)
    assert diagnoses.contradictions == []
    assert set(diagnoses.source.values()) == {str(tables[0])}


def test_first_table_wins_and_contradictions_are_told(table: Table) -> None:
    first = table("first.csv", "image,diagnosis\nISIC_1_downsampled,MEL\nISIC_2,NV\n")
    second = table("second.csv", one_hot(("ISIC_1", "NV"), ("ISIC_2_downsampled", "NV"), ("ISIC_3", "BCC")))
    diagnoses = read_diagnoses([first, second], CLASSES)
    assert diagnoses.by_image == {"ISIC_1": "MEL", "ISIC_2": "NV", "ISIC_3": "BCC"}
    assert diagnoses.source == {"ISIC_1": str(first), "ISIC_2": str(first), "ISIC_3": str(second)}
    (sentence,) = diagnoses.contradictions
    for word in ("ISIC_1", f"MEL in {first}", f"NV in {second}", "first is used"):
        assert word in sentence
    turned = read_diagnoses([second, first], CLASSES)
    assert turned.by_image["ISIC_1"] == "NV"
    assert len(turned.contradictions) == 1


def test_a_table_without_a_word_leaves_the_picture_to_the_next(table: Table) -> None:
    silent = table("export.csv", "isic_id,diagnosis,diagnosis_confirm_type\nISIC_1,,histopathology\n")
    unknown = table("labels.csv", one_hot(("ISIC_1", "UNK")))
    empty = table("plain.csv", "image,diagnosis\nISIC_1,\n")
    knowing = table("last.csv", "image,diagnosis\nISIC_1,nevus\n")
    diagnoses = read_diagnoses([silent, unknown, empty, knowing], CLASSES)
    assert diagnoses.by_image == {"ISIC_1": "NV"}
    assert diagnoses.contradictions == []


def test_words_that_nobody_knows_stay(table: Table) -> None:
    path = table("export.csv", "isic_id,diagnosis,diagnosis_confirm_type\nISIC_1,Scar tissue,histopathology\n")
    assert read_diagnoses([path], CLASSES).by_image == {"ISIC_1": "Scar tissue"}


def test_the_finest_known_word_decides(table: Table) -> None:
    text = "isic_id,diagnosis_3,diagnosis_2,diagnosis_4\nISIC_1,Melanoma in situ,Nevus,In a scar\nISIC_2,,Nevus,\n"
    assert read_diagnoses([table("export.csv", text)], CLASSES).by_image == {"ISIC_1": "MEL", "ISIC_2": "NV"}


def test_classes_of_the_study_come_before_known_words(table: Table) -> None:
    path = table("plain.csv", "image,diagnosis\nISIC_1,nevus\nISIC_2,mel\n")
    assert read_diagnoses([path], ["nevus", "MEL"]).by_image == {"ISIC_1": "nevus", "ISIC_2": "MEL"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (one_hot(("ISIC_1", "MEL"), ("ISIC_2", "none")), ["ISIC_2", "not one-hot", "MEL=0.0"]),
        (one_hot(("ISIC_2", "MEL")).replace("0.0", "1.0", 1), ["ISIC_2", "not one-hot", "NV=1.0"]),
        (one_hot(("ISIC_2", "MEL")).replace("0.0", "0.3", 1), ["ISIC_2", "not one-hot", "NV=0.3"]),
        (one_hot(("ISIC_2", "MEL")).replace("0.0", "yes", 1), ["ISIC_2", "'yes'", "column NV", "number"]),
        (one_hot(("ISIC_2", "MEL")).replace(",0.0\n", "\n"), ["ISIC_2", "column UNK", "number"]),
        ("image_id,melanoma,seborrheic_keratosis\nISIC_2,1,1\n", ["ISIC_2", "melanoma=1", "Correct the row"]),
        ("image_id,melanoma,seborrheic_keratosis\nISIC_2,2,0\n", ["ISIC_2", "melanoma=2"]),
        ("image_id,melanoma,seborrheic_keratosis\nISIC_2,nan,0\n", ["ISIC_2", "melanoma=nan"]),
        ("image_id,melanoma,seborrheic_keratosis\nISIC_2,x,0\n", ["ISIC_2", "'x'", "column melanoma"]),
        ("name,label\nISIC_2,MEL\n", ["no diagnosis table", "name, label", "image,diagnosis"]),
        ("isic_id,diagnosis_confirm_type\nISIC_2,histopathology\n", ["no diagnosis table"]),
        ("", ["is empty", "column names"]),
    ],
)
def test_faults_name_the_file_and_the_row(table: Table, text: str, words: list[str]) -> None:
    with pytest.raises(InputError) as stopped:
        read_diagnoses([table("labels.csv", text)], CLASSES)
    for word in ("labels.csv", *words):
        assert word in str(stopped.value)


def test_a_table_in_another_encoding(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("image,diagnosis\nISIC_1,nävus\n", encoding="latin-1")
    with pytest.raises(InputError, match=r"labels\.csv cannot be read as a table.*UTF-8"):
        read_diagnoses([path], CLASSES)


def test_no_table(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_diagnoses([tmp_path / "none.csv"], CLASSES)


def test_training_labels_keep_names_and_leave_out_what_is_no_class(table: Table) -> None:
    path = table("labels.csv", one_hot(("ISIC_1_downsampled", "MEL"), ("ISIC_2", "UNK"), ("ISIC_3", "SCC")))
    assert read_one_hot(path, CLASSES) == {"ISIC_1_downsampled": "MEL", "ISIC_3": "SCC"}
    assert read_one_hot(path, ["MEL", "NV"]) == {"ISIC_1_downsampled": "MEL"}


def test_training_labels_without_a_class(table: Table) -> None:
    path = table("labels.csv", one_hot(("ISIC_1", "MEL")))
    with pytest.raises(InputError, match=r"labels\.csv .*classes AKIEC\. Correct `classes` or the file"):
        read_one_hot(path, ["MEL", "AKIEC"])
    with pytest.raises(InputError, match=r"plain\.csv .*needs `image` first"):
        read_one_hot(table("plain.csv", "isic_id,MEL,NV\nISIC_1,1,0\n"), ["MEL", "NV"])


def test_training_labels_that_contradict_each_other(table: Table) -> None:
    same = table("same.csv", one_hot(("ISIC_1", "MEL"), ("ISIC_1", "MEL")))
    assert read_one_hot(same, CLASSES) == {"ISIC_1": "MEL"}
    other = table("other.csv", one_hot(("ISIC_1", "MEL"), ("ISIC_1", "NV")))
    with pytest.raises(InputError, match=r"other\.csv: ISIC_1 is MEL in one row and NV in another"):
        read_one_hot(other, CLASSES)


@pytest.mark.parametrize("column", ["image", "isic_id", "image_id"])
def test_lesions(table: Table, column: str) -> None:
    path = table("metadata.csv", f"{column},age_approx,lesion_id\nISIC_1,55,L1\nISIC_2,,\nISIC_3,40,L1\n")
    assert read_lesions(path) == {"ISIC_1": "L1", "ISIC_3": "L1"}


def test_metadata_without_lesions(table: Table) -> None:
    with pytest.raises(InputError, match=r"metadata\.csv has the columns image, sex.*archives\.training_metadata"):
        read_lesions(table("metadata.csv", "image,sex\nISIC_1,female\n"))


def test_real_labels_know_the_evaluation_pictures(real_data: Path) -> None:
    labels = real_data / "labels" / "ISIC_2019_Training_GroundTruth.csv"
    evaluated = read_diagnoses([real_data / "labels" / "isic2018_task2_diagnosis.csv"], CLASSES).by_image
    assert Counter(evaluated.values()) == {"MEL": 519, "NV": 1867, "BKL": 208}
    classes = read_one_hot(labels, CLASSES)
    assert len(classes) == 25_331
    diagnosed = read_diagnoses([labels], CLASSES).by_image
    assert len(diagnosed) == 25_331  # no two names stand for one photograph
    assert set(evaluated) - set(diagnosed) == {"ISIC_0015982"}
    assert sum(image in classes for image in evaluated) == 772
    assert sum(f"{image}_downsampled" in classes for image in evaluated) == 1821


def test_real_tables_do_not_contradict_each_other(real_data: Path) -> None:
    folder = real_data / "labels"
    tables = [folder / "ISIC_2019_Training_GroundTruth.csv", folder / "isic2018_task2_diagnosis.csv"]
    both = read_diagnoses(tables, CLASSES)
    assert both.contradictions == []
    assert len(both.by_image) == 25_332
    assert both.source["ISIC_0015982"] == str(tables[1])


def test_real_lesions(real_data: Path) -> None:
    lesions = read_lesions(real_data / "labels" / "ISIC_2019_Training_Metadata.csv")
    assert len(lesions) == 23_247
    assert all(lesions.values())
    assert any(plain_name(image) != image for image in lesions)


# Training labels of any kind


def test_training_labels_of_any_table(tmp_path: Path) -> None:
    rows = {"a_downsampled": "MEL", "b": "NV", "c": "BCC"}
    one_hot = tmp_path / "one_hot.csv"
    lines = [
        f"{image},{','.join(str(float(label == name)) for name in ('MEL', 'NV', 'BCC'))}"
        for image, label in rows.items()
    ]
    one_hot.write_text("\n".join(["image,MEL,NV,BCC", *lines]))
    plain = tmp_path / "plain.csv"
    plain.write_text("image,age,diagnosis\na_downsampled,30,melanoma\nb,,nevus\nc,,BCC\nd,,\n")
    export = tmp_path / "export.csv"
    export.write_text("isic_id,diagnosis\na_downsampled,melanoma\nb,nevus\nc,basal cell carcinoma\n")
    for table in (one_hot, plain, export):
        assert read_training_labels(table, ["MEL", "NV"]) == {"a_downsampled": "MEL", "b": "NV"}
    part_3 = tmp_path / "part_3.csv"
    part_3.write_text("image_id,melanoma,seborrheic_keratosis\na,1,0\nb,0,0\nc,0,1\n")
    assert read_training_labels(part_3, ["MEL", "NV", "BKL"]) == {"a": "MEL", "b": "NV", "c": "BKL"}


def test_training_labels_in_words_of_their_own(tmp_path: Path) -> None:
    table = tmp_path / "plain.csv"
    table.write_text("image,diagnosis\na,mole\nb,melanoma\nc,wart\n")
    assert read_training_labels(table, ["melanoma", "mole"]) == {"a": "mole", "b": "melanoma"}
    with pytest.raises(InputError, match=r"plain\.csv: no picture is of the class carcinoma\. .*melanoma, mole, wart"):
        read_training_labels(table, ["melanoma", "carcinoma"])
    table.write_text("image,diagnosis\na,mole\na,melanoma\n")
    with pytest.raises(InputError, match="a is mole in one row and melanoma in another"):
        read_training_labels(table, ["melanoma", "mole"])
    table.write_text("image,MEL,NV\na,1,0\n")
    with pytest.raises(InputError, match="BCC"):
        read_training_labels(table, ["MEL", "BCC"])
