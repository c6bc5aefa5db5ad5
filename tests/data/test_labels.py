"""Diagnoses from the tables that ISIC and others have published, and from tables with faults."""

import csv
import io
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from dermalign.data.labels import named_pictures, read_diagnoses, read_training_labels
from dermalign.data.names import plain_name
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


# Three pictures, of a melanoma, a nevus and a seborrheic keratosis, in every form of table that there is.
KINDS = {
    "challenge one-hot": one_hot(("ISIC_1", "MEL"), ("ISIC_2_downsampled", "NV"), ("ISIC_3", "BKL")),
    "one-hot of ISIC 2018 Task 3": (
        "image,MEL,NV,BCC,AKIEC,BKL,DF,VASC\n"
        "ISIC_1,1.0,0.0,0.0,0.0,0.0,0.0,0.0\nISIC_2,0.0,1.0,0.0,0.0,0.0,0.0,0.0\nISIC_3,0.0,0.0,0.0,0.0,1.0,0.0,0.0\n"
    ),
    "one-hot in other words": (
        "filename,melanoma,nevus,seborrheic_keratosis,age\n"
        "ISIC_1.JPG,True,False,False,40\nisic_2.png,False,True,False,\nISIC_3.jpg,False,False,True,70\n"
    ),
    "ISIC 2017 Part 3": "image_id,melanoma,seborrheic_keratosis\nISIC_1,1.0,0.0\nISIC_2,0.0,0.0\nISIC_3,0,1\n",
    "ISIC 2020": (
        "image_name,patient_id,sex,age_approx,anatom_site_general_challenge,diagnosis,benign_malignant,target\n"
        "ISIC_1,IP_1,male,45.0,torso,melanoma,malignant,1\nISIC_2,IP_1,male,45.0,torso,nevus,benign,0\n"
        "ISIC_3,IP_2,female,70.0,torso,seborrheic keratosis,benign,0\nISIC_4,IP_2,female,70.0,torso,unknown,benign,0\n"
    ),
    "ISIC 2024": (
        "isic_id,target,patient_id,lesion_id,iddx_full,iddx_1,iddx_2,iddx_3,iddx_4,iddx_5,tbp_lv_A\n"
        "ISIC_1,1,IP_1,IL_1,Malignant::Malignant melanocytic proliferations (Melanoma)::Melanoma in situ,Malignant,"
        "Malignant melanocytic proliferations (Melanoma),Melanoma in situ,,,20.2\n"
        'ISIC_2,0,IP_1,,"Benign::Benign melanocytic proliferations::Nevus::Nevus, NOS, Dermal",Benign,'
        'Benign melanocytic proliferations,Nevus,"Nevus, NOS, Dermal",,1\n'
        "ISIC_3,0,IP_1,,Benign::Benign epidermal proliferations::Seborrheic keratosis,Benign,"
        "Benign epidermal proliferations,Seborrheic keratosis,,,1\n"
    ),
    "ISIC 2024, full words alone": (
        "isic_id,iddx_full\nISIC_1,Malignant::Malignant melanocytic proliferations (Melanoma)\n"
        'ISIC_2,"Benign::Benign melanocytic proliferations::Nevus::Nevus, Spitz"\n'
        "ISIC_3,Benign::Benign epidermal proliferations::Seborrheic keratosis\n"
    ),
    "metadata export": (
        "isic_id,attribution,age_approx,diagnosis,diagnosis_confirm_type\n"
        "ISIC_1,someone,55,melanoma,histopathology\n"
        "ISIC_2,someone,,nevus,single image expert consensus\n"
        "ISIC_3,someone,60,seborrheic keratosis,\n"
    ),
    "metadata export in levels": (
        "isic_id,diagnosis_1,diagnosis_2,diagnosis_3,diagnosis_4,diagnosis_5\n"
        "ISIC_1,Malignant,Malignant melanocytic proliferations (Melanoma),Melanoma Invasive,"
        '"Melanoma Invasive, Nodular",\n'
        "ISIC_2,Benign,Benign melanocytic proliferations,Nevus,,\n"
        "ISIC_3,Benign,Benign epidermal proliferations,Seborrheic keratosis,,\n"
    ),
    "HAM10000": (
        "lesion_id,image_id,dx,dx_type,age,sex,localization\n"
        "HAM_1,ISIC_1,mel,histo,80.0,male,scalp\nHAM_2,ISIC_2,nv,histo,80.0,male,scalp\nHAM_3,ISIC_3,bkl,histo,,male,ear\n"
    ),
    "BCN20000": (
        "bcn_filename,age_approx,anatom_site_general,diagnosis,lesion_id,capture_date,sex,split\n"
        "ISIC_1.jpg,55.0,anterior torso,MEL,BCN_1,2012-05-16,male,train\nISIC_2.jpg,,,NV,BCN_2,,,train\n"
        "ISIC_3.jpg,,,BKL,BCN_3,,,train\n"
    ),
    "PAD-UFES-20": (
        "patient_id,lesion_id,age,region,diagnostic,itch,img_id,biopsed\n"
        "PAT_1,1,8,ARM,MEL,True,ISIC_1.png,True\nPAT_2,2,8,ARM,NEV,UNK,ISIC_2.png,False\nPAT_3,3,8,ARM,SEK,UNK,ISIC_3.png,False\n"
    ),
    "derm7pt": (
        "case_num,diagnosis,seven_point_score,level_of_diagnostic_difficulty,location,sex,clinic,derm,case_id,notes\n"
        "1,melanoma (less than 0.76 mm),1,low,abdomen,female,NEL/clinic_1.jpg,NEL/ISIC_1.JPG,,\n"
        "2,reed or spitz nevus,1,low,abdomen,female,NEL/clinic_2.jpg,NEL/Isic_2.jpg,,\n"
        "3,seborrheic keratosis,1,low,abdomen,female,NEL/clinic_3.jpg,NEL/ISIC_3.jpg,,\n"
    ),
    "plain": "image,diagnosis\nISIC_1,MEL\nISIC_2,nevus\nISIC_3,seborrheic_keratosis\n",
    "plain, in other columns": "Sex,Label,File Name\nm,Melanoma,a/b/ISIC_1.jpeg\nf,nv,isic_2\nm,SK,ISIC_3\n",
    "without names of columns": "ISIC_1,melanoma\nISIC_2,nevus\nISIC_3,seborrheic keratosis\n",
}
THREE = {"isic_1": "MEL", "isic_2": "NV", "isic_3": "BKL"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", ["as it is", "saved by a spreadsheet", "UTF-16 with tabs"])
def test_every_kind_of_table(tmp_path: Path, kind: str, form: str) -> None:
    path, text = tmp_path / "labels.csv", KINDS[kind]
    if form == "saved by a spreadsheet":
        path.write_text("\ufeff" + text.replace("\n", "\r\n") + "\r\n", encoding="utf-8", newline="")
    elif form == "UTF-16 with tabs":
        rows = io.StringIO(newline="")
        csv.writer(rows, delimiter="\t").writerows(csv.reader(io.StringIO(text)))
        path.write_text(rows.getvalue(), encoding="utf-16", newline="")
    else:
        path.write_text(text, encoding="utf-8")
    diagnoses = read_diagnoses([path], CLASSES)
    assert {image: diagnoses.by_image.get(image) for image in THREE} == THREE
    assert diagnoses.contradictions == []
    assert set(diagnoses.by_image) - set(THREE) == (
        {"clinic_1", "clinic_2", "clinic_3"} if kind == "derm7pt" else set()
    )
    assert set(map(plain_name, named_pictures(path, CLASSES))) == set(diagnoses.by_image)


def test_kinds_agree_on_one_picture(table: Table) -> None:
    tables = [table(f"{number}.csv", text) for number, text in enumerate(KINDS.values())]
    diagnoses = read_diagnoses(tables, CLASSES)
    assert diagnoses.contradictions == []
    assert {diagnoses.source[image] for image in THREE} == {str(tables[0])}


def test_first_table_wins_and_contradictions_are_told(table: Table) -> None:
    first = table("first.csv", "image,diagnosis\nISIC_1_downsampled,MEL\nISIC_2,NV\n")
    second = table("second.csv", one_hot(("ISIC_1", "NV"), ("ISIC_2_downsampled", "NV"), ("ISIC_3", "BCC")))
    diagnoses = read_diagnoses([first, second], CLASSES)
    assert diagnoses.by_image == {"isic_1": "MEL", "isic_2": "NV", "isic_3": "BCC"}
    assert diagnoses.source == {"isic_1": str(first), "isic_2": str(first), "isic_3": str(second)}
    (sentence,) = diagnoses.contradictions
    for word in ("ISIC_1", f"MEL in {first}", f"NV in {second}", "first is used"):
        assert word in sentence
    turned = read_diagnoses([second, first], CLASSES)
    assert turned.by_image["isic_1"] == "NV"
    assert len(turned.contradictions) == 1


def test_a_table_without_a_word_leaves_the_picture_to_the_next(table: Table) -> None:
    silent = table("export.csv", "isic_id,diagnosis,diagnosis_confirm_type\nISIC_1,,histopathology\n")
    unknown = table("labels.csv", one_hot(("ISIC_1", "UNK")))
    empty = table("plain.csv", "image,diagnosis\nISIC_1,\n")
    knowing = table("last.csv", "image,diagnosis\nISIC_1,nevus\n")
    diagnoses = read_diagnoses([silent, unknown, empty, knowing], CLASSES)
    assert diagnoses.by_image == {"isic_1": "NV"}
    assert diagnoses.contradictions == []


def test_words_that_nobody_knows_stay(table: Table) -> None:
    path = table("export.csv", "isic_id,diagnosis,diagnosis_confirm_type\nISIC_1,Scar tissue,histopathology\n")
    assert read_diagnoses([path], CLASSES).by_image == {"isic_1": "Scar tissue"}


def test_the_finest_known_word_decides(table: Table) -> None:
    text = "isic_id,diagnosis_3,diagnosis_2,diagnosis_4\nISIC_1,Melanoma in situ,Nevus,In a scar\nISIC_2,,Nevus,\n"
    assert read_diagnoses([table("export.csv", text)], CLASSES).by_image == {"isic_1": "MEL", "isic_2": "NV"}


def test_classes_of_the_study_come_before_known_words(table: Table) -> None:
    path = table("plain.csv", "image,diagnosis\nISIC_1,nevus\nISIC_2,mel\n")
    assert read_diagnoses([path], ["nevus", "MEL"]).by_image == {"isic_1": "nevus", "isic_2": "MEL"}


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
        (
            "Bild,Befund\nISIC_2,MEL\n",
            ["no table of diagnoses", "Bild, Befund", "`image`", "`diagnosis`", "docs/data.md"],
        ),
        (
            "isic_id,diagnosis_confirm_type\nISIC_2,histopathology\n",
            ["no table of diagnoses", "isic_id, diagnosis_conf"],
        ),
        ("image,sex,age\nISIC_2,male,1\n", ["no table of diagnoses", "image, sex, age"]),
        ("sex,nevus\n1,0\n0,1\n", ["no table of diagnoses", "sex, nevus"]),
        ("lesion_id,MEL,NV\nIL_1,1,0\n", ["names lesions, not pictures", "archives.training_metadata"]),
        ("Image Name,Common Nevus,Melanoma\nISIC_2,X,X\n", ["ISIC_2 is not one-hot", "a single X", "Melanoma=X"]),
        ("Image Name,Common Nevus,Melanoma\nISIC_1,X,\nISIC_2,,y\n", ["ISIC_2", "'y'", "an X or nothing"]),
        ("image,diagnosis\nISIC_2,Nevus, Spitz\n", ["ISIC_2 has 3 cells", "in quotes"]),
        ("PK\3\4", ["is a spreadsheet", "as CSV"]),
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
    assert read_diagnoses([path], CLASSES).by_image == {"isic_1": "nävus"}


ISIC_2016 = {
    "words": "ISIC_1,benign\nISIC_2,malignant\nISIC_3,benign\n",
    "numbers": "ISIC_1,0.0\nISIC_2,1.0\nISIC_3,0.0\n",
    "whole numbers": "ISIC_1,0\nISIC_2,1\nISIC_3,0\n",
}


@pytest.mark.parametrize("form", ISIC_2016)
def test_isic_2016(table: Table, form: str) -> None:
    path = table("ISBI2016_ISIC_Part3_Training_GroundTruth.csv", ISIC_2016[form])
    assert read_diagnoses([path], CLASSES).by_image == {"isic_1": "benign", "isic_2": "MEL", "isic_3": "benign"}
    own = read_diagnoses([path], ["Benign", "Malignant"]).by_image
    assert own == {"isic_1": "Benign", "isic_2": "Malignant", "isic_3": "Benign"}
    assert read_training_labels(path, ["MEL", "benign"])["ISIC_1"] == "benign"
    with pytest.raises(InputError, match=r"no picture is of the class NV\. Its diagnoses are MEL, benign"):
        read_training_labels(path, ["MEL", "NV"])


PH2 = {
    "text": (
        "||   Name || Histological Diagnosis || Clinical Diagnosis || Asymmetry | Pigment Network ||   Colors ||\n"
        "|| IMD003 ||                        ||                  0 ||         0 |               T ||   4      ||\n"
        "|| IMD009 ||                        ||                  1 ||         0 |               T ||   3  4   ||\n"
        "|| IMD405 ||                        ||                  2 ||         2 |              AT ||   1  4  6||\n"
        "\nLegends:\n\n   Clinical Diagnosis:\n\t0 - Common Nevus; 1 - Atypical Nevus; 2 - Melanoma.\n"
    ),
    "sheet": (
        "PH2,,,,,,,\n,,,,,,,\nImage Name,Histological Diagnosis,Common Nevus,Atypical Nevus,Melanoma,"
        '"Asymmetry\n(0/1/2)",White,Red\n'
        "IMD003,,X,,,0,,X\nIMD009,,,x,,0,X,X\nIMD405,Melanoma,,,X,2,X,\n"
    ),
}


@pytest.mark.parametrize("form", PH2)
def test_ph2(table: Table, form: str) -> None:
    path = table("PH2_dataset.txt", PH2[form])
    assert read_training_labels(path, ["MEL", "NV"]) == {"IMD003": "NV", "IMD009": "NV", "IMD405": "MEL"}
    own = read_diagnoses([path], ["common_nevus", "atypical_nevus", "melanoma"]).by_image
    assert own == {"imd003": "common_nevus", "imd009": "atypical_nevus", "imd405": "melanoma"}


MILK10K = "lesion_id,AKIEC,BCC,BEN_OTH,BKL,DF,INF,MAL_OTH,MEL,NV,SCCKA,VASC\n"
MILK10K += "IL_1,0.0,0.0,0.0,0.0,0.0,0.0,0.0,1.0,0.0,0.0,0.0\nIL_2,1.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0\n"
MILK10K += "IL_3,0.0,0.0,1.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0\nIL_9,0.0,0.0,0.0,0.0,0.0,0.0,0.0,1.0,0.0,0.0,0.0\n"
OF_LESIONS = "lesion_id,image_type,isic_id,age_approx,MONET_hair\nIL_1,dermoscopic,ISIC_1,50,0.1\n"
OF_LESIONS += "IL_1,clinical: close-up,ISIC_2,50,0.2\nil_2,dermoscopic,ISIC_3,50,0.2\nIL_3,dermoscopic,ISIC_4,50,0.2\n"


def test_a_table_of_lesions_and_one_of_their_pictures(table: Table) -> None:
    labels, metadata = table("labels.csv", MILK10K), table("metadata.csv", OF_LESIONS)
    found = {"ISIC_1": "MEL", "ISIC_2": "MEL", "ISIC_3": "AK", "ISIC_4": "BEN_OTH"}
    assert read_training_labels(labels, ["MEL", "AK", "SCC"], [metadata]) == found
    for tables in ([labels, metadata], [metadata, labels]):
        diagnoses = read_diagnoses(tables, CLASSES).by_image
        assert diagnoses == {plain_name(image): label for image, label in found.items()}
    assert named_pictures(metadata, CLASSES, [labels]) == list(found)
    assert set(named_pictures(labels, CLASSES, [labels.with_name("none.csv"), metadata])) == set(found)
    with pytest.raises(InputError, match=r"metadata\.csv is no table of diagnoses"):
        read_diagnoses([metadata], CLASSES)
    with pytest.raises(InputError, match=r"labels\.csv names lesions, not pictures"):
        read_training_labels(labels, ["MEL", "AK"])


def test_coarse_words_count_for_classes_of_their_name_alone(table: Table) -> None:
    rows = "image_name,diagnosis,benign_malignant\nISIC_1,unknown,benign\nISIC_2,melanoma,malignant\n"
    path = table("train.csv", rows)
    assert read_diagnoses([path], CLASSES).by_image == {"isic_2": "MEL"}
    assert read_diagnoses([path], ["Benign", "MEL"]).by_image == {"isic_1": "Benign", "isic_2": "MEL"}


def test_a_table_of_coarse_words_alone(table: Table) -> None:
    path = table("train.csv", "image_name,sex,benign_malignant,target\nISIC_1,male,benign,0\nISIC_2,male,malignant,1\n")
    assert read_training_labels(path, ["benign", "malignant"]) == {"ISIC_1": "benign", "ISIC_2": "malignant"}
    assert read_diagnoses([path], CLASSES).by_image == {"isic_1": "benign", "isic_2": "malignant"}


@pytest.mark.parametrize("separator", [";", "\t", " ; "])
def test_other_separators_without_names_of_columns(table: Table, separator: str) -> None:
    path = table("labels.csv", f"ISIC_1{separator}malignant\nISIC_2{separator}benign\n")
    assert read_diagnoses([path], CLASSES).by_image == {"isic_1": "MEL", "isic_2": "benign"}


def test_a_column_of_an_index_is_no_class(table: Table) -> None:
    path = table("labels.csv", ",image,MEL,NV\n0,ISIC_1,1,0\n1,ISIC_2,0,1\n")
    assert read_training_labels(path, ["MEL", "NV"]) == {"ISIC_1": "MEL", "ISIC_2": "NV"}


def test_no_table(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_diagnoses([tmp_path / "none.csv"], CLASSES)


def test_training_labels_keep_names_and_what_is_no_class(table: Table) -> None:
    path = table(
        "labels.csv", one_hot(("ISIC_1_downsampled", "MEL"), ("ISIC_2", "UNK"), ("NA", "SCC"), ("001.jpg", "NV"))
    )
    found = {"ISIC_1_downsampled": "MEL", "NA": "SCC", "001.jpg": "NV"}
    assert read_training_labels(path, CLASSES) == read_training_labels(path, ["MEL", "NV"]) == found


def test_training_labels_without_a_class(table: Table) -> None:
    path = table("labels.csv", one_hot(("ISIC_1", "MEL")))
    with pytest.raises(InputError, match=r"labels\.csv .*classes WART\. Correct `classes` or the file"):
        read_training_labels(path, ["MEL", "WART"])
    # A column may have another name of the class.
    assert read_training_labels(path, ["melanoma", "AKIEC"]) == {"ISIC_1": "melanoma"}


def test_training_labels_that_contradict_each_other(table: Table) -> None:
    same = table("same.csv", one_hot(("ISIC_1", "MEL"), ("ISIC_1", "MEL")))
    assert read_training_labels(same, CLASSES) == {"ISIC_1": "MEL"}
    for again in ("ISIC_1", "isic_1.jpg", "ISIC_1_downsampled"):
        other = table("other.csv", one_hot(("ISIC_1", "MEL"), (again, "NV")))
        with pytest.raises(InputError, match=rf"other\.csv: {again} is MEL in one row and NV in another"):
            read_training_labels(other, CLASSES)


def test_real_labels_know_the_evaluation_pictures(real_data: Path) -> None:
    labels = real_data / "labels" / "ISIC_2019_Training_GroundTruth.csv"
    evaluated = read_diagnoses([real_data / "labels" / "isic2018_task2_diagnosis.csv"], CLASSES).by_image
    assert Counter(evaluated.values()) == {"MEL": 519, "NV": 1867, "BKL": 208}
    classes = read_training_labels(labels, CLASSES)
    assert len(classes) == 25_331
    diagnosed = read_diagnoses([labels], CLASSES).by_image
    assert len(diagnosed) == 25_331  # no two names stand for one photograph
    assert set(evaluated) - set(diagnosed) == {"isic_0015982"}
    assert sum(image.upper() in classes for image in evaluated) == 772
    assert sum(f"{image.upper()}_downsampled" in classes for image in evaluated) == 1821


def test_real_tables_do_not_contradict_each_other(real_data: Path) -> None:
    folder = real_data / "labels"
    tables = [folder / "ISIC_2019_Training_GroundTruth.csv", folder / "isic2018_task2_diagnosis.csv"]
    both = read_diagnoses(tables, CLASSES)
    assert both.contradictions == []
    assert len(both.by_image) == 25_332
    assert both.source["isic_0015982"] == str(tables[1])


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
        assert read_training_labels(table, ["MEL", "NV"]) == {"a_downsampled": "MEL", "b": "NV", "c": "BCC"}
    part_3 = tmp_path / "part_3.csv"
    part_3.write_text("image_id,melanoma,seborrheic_keratosis\na,1,0\nb,0,0\nc,0,1\n")
    assert read_training_labels(part_3, ["MEL", "NV", "BKL"]) == {"a": "MEL", "b": "NV", "c": "BKL"}


def test_training_labels_in_words_of_their_own(tmp_path: Path) -> None:
    table = tmp_path / "plain.csv"
    table.write_text("image,diagnosis\na,mole\nb,melanoma\nc,wart\n")
    assert read_training_labels(table, ["melanoma", "mole"]) == {"a": "mole", "b": "melanoma", "c": "wart"}
    with pytest.raises(InputError, match=r"plain\.csv: no picture is of the class carcinoma\. .*melanoma, mole, wart"):
        read_training_labels(table, ["melanoma", "carcinoma"])
    table.write_text("image,diagnosis\na,mole\na,melanoma\n")
    with pytest.raises(InputError, match="a is mole in one row and melanoma in another"):
        read_training_labels(table, ["melanoma", "mole"])
    table.write_text("image,MEL,NV\na,1,0\n")
    with pytest.raises(InputError, match="BCC"):
        read_training_labels(table, ["MEL", "BCC"])
