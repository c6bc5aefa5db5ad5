"""Diagnoses in words and as paths of the ISIC archive, by the classes of several studies."""

import pytest
from dermalign.data.diagnoses import class_of, is_class, is_diagnosis, unmapped_lines

ISIC_2019 = ["MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC"]
ISIC_2018 = ["MEL", "NV", "BCC", "AKIEC", "BKL", "DF", "VASC"]
PAD = ["ACK", "BCC", "MEL", "NEV", "SCC", "SEK"]
MILK10K = ["AKIEC", "BCC", "BEN_OTH", "BKL", "DF", "INF", "MAL_OTH", "MEL", "NV", "SCCKA", "VASC"]

# Paths of the ISIC archive, coarse to fine.
SQUAMOUS = "Malignant::Malignant epidermal proliferations::Squamous cell carcinoma"
INVASIVE = f"{SQUAMOUS}, Invasive::Squamous cell carcinoma, Invasive"
VARIANTS = ["Acantholytic", "Adeno-squamous", "Clear cell", "Keratoacanthoma-type", "Sarcomatoid", "Spindle cell"]
VARIANTS += ["Verrucous"]
GRADES = ["well differentiated", "moderately differentiated", "poorly differentiated"]
MELANOMA = "Malignant::Malignant melanocytic proliferations (Melanoma)"
NEVUS = "Benign::Benign melanocytic proliferations::Nevus"
BASAL = "Malignant::Malignant adnexal epithelial proliferations - Follicular::Basal cell carcinoma"
VASCULAR = "Benign::Benign soft tissue proliferations - Vascular"
EPIDERMAL = "Benign::Benign epidermal proliferations"
FIBROUS = "Benign::Benign soft tissue proliferations - Fibro-histiocytic"
UNCLEAR = "Indeterminate::Indeterminate melanocytic proliferations"
PATHS = {
    "SCC": [
        *(f"{SQUAMOUS}{end}" for end in (", NOS", ", Invasive", " in situ")),
        f"{SQUAMOUS} in situ::Squamous cell carcinoma in situ, Bowens disease",
        *(f"{INVASIVE}, {variant}" for variant in VARIANTS),
        *(f"{INVASIVE}, NOS, {grade}" for grade in GRADES),
        *(
            f"{INVASIVE}, {variant}::Squamous cell carcinoma, Invasive, {variant}, {grade}"
            for variant in VARIANTS
            for grade in GRADES
        ),
    ],
    "MEL": [
        MELANOMA,
        *(f"{MELANOMA}::{level}" for level in ("Melanoma, NOS", "Melanoma metastasis", "Melanoma in situ")),
        f"{MELANOMA}::Melanoma in situ::Melanoma in situ, Lentigo maligna type",
        f"{MELANOMA}::Melanoma in situ::Melanoma in situ, associated with a nevus",
        f"{MELANOMA}::Melanoma Invasive",
        f"{MELANOMA}::Melanoma Invasive::Melanoma Invasive, Arising in a congenital nevus",
        f"{MELANOMA}::Melanoma Invasive::Melanoma Invasive, Pigmented spindle cell nevus like",
        f"{MELANOMA}::Melanoma Invasive::Melanoma Invasive, Blue nevus-like::Melanoma Invasive, resembling blue nevus",
    ],
    "NV": [
        NEVUS,
        f"{NEVUS}::Blue nevus::Blue nevus, Cellular",
        f"{NEVUS}::Nevus, Atypical, Dysplastic, or Clark::Nevus, Clark",
        f"{NEVUS}::Nevus, NOS, Dermal",
        f"{NEVUS}::Nevus, BAP-1 deficient",
        f"{NEVUS}::Nevus, Congenital::Nevus, Congenital, by history and histopathological pattern",
    ],
    "BCC": [
        BASAL,
        f"{BASAL}::Basal cell carcinoma, Nodular",
        f"{BASAL}::Basal cell carcinoma with adnexal differentiation",
    ],
    "AK": [
        f"Indeterminate::Indeterminate epidermal proliferations::Solar or actinic keratosis{end}"
        for end in ("", "::Actinic keratosis, Bowenoid", "::Actinic keratosis, Lichenoid")
    ],
    "BKL": [
        f"{EPIDERMAL}::{level}"
        for level in (
            *("Lichen planus like keratosis", "Pigmented benign keratosis", "Solar lentigo"),
            *("Seborrheic keratosis", "Seborrheic keratosis::Seborrheic keratosis, Clonal"),
        )
    ],
    "DF": [f"{FIBROUS}::Dermatofibroma", f"{FIBROUS}::Dermatofibroma::Dermatofibroma, Epithelioid"],
    "VASC": [
        *(VASCULAR, f"{VASCULAR}::Hemangioma::Hemangioma, Cherry", f"{VASCULAR}::Angiokeratoma"),
        *(f"{VASCULAR}::Pyogenic granuloma", f"{VASCULAR}::Nevus anemicus", f"{VASCULAR}::Venous lake"),
    ],
}
NO_CLASS = [
    *("Benign", "Malignant", "Indeterminate", EPIDERMAL, FIBROUS, UNCLEAR, "Benign::Benign melanocytic proliferations"),
    f"{UNCLEAR}::Melanocytic tumor of uncertain malignant potential",
    f"{UNCLEAR}::Atypical melanocytic neoplasm",
    f"{UNCLEAR}::Atypical intraepithelial melanocytic proliferation",
    f"{UNCLEAR}::Atypical Spitz tumor::Atypical Spitz tumor, Dermal",
    f"{UNCLEAR}::Atypical proliferative nodules in congenital melanocytic nevus",
    f"{UNCLEAR}::Superficial atypical melanocytic proliferation of uncertain significance",
    "Benign::Benign melanocytic proliferations::Dermal melanocytosis::Nevus of Ota",
    "Benign::Benign melanocytic proliferations::Lentigo simplex",
    "Benign::Benign melanocytic proliferations::Pigmented epithelioid melanocytoma",
    "Benign::Flat melanotic pigmentations - not melanocytic nevus",
    "Benign::Flat melanotic pigmentations - not melanocytic nevus::Lentigo NOS",
    "Benign::Benign adnexal epithelial proliferations - Sebaceous::Nevus sebaceus",
    "Benign::Benign adnexal epithelial proliferations - Follicular::Nevus comedonicus",
    "Benign::Benign soft tissue proliferations - Adipocytic::Lipomatous nevus",
    f"{EPIDERMAL}::Epidermal nevus",
    f"{EPIDERMAL}::Melanoacanthoma",
    f"{FIBROUS}::Scar::Scar, Keloid",
    "Malignant::Malignant epidermal proliferations",
    "Malignant::Malignant epidermal proliferations::Keratoacanthoma",
    "Malignant::Malignant epidermal proliferations::Bowenoid papulosis",
    "Malignant::Malignant adnexal epithelial proliferations - Follicular::Baso-squamous carcinoma",
    "Malignant::Collision - At least one malignant proliferation",
    "Malignant::Malignant soft tissue proliferations - Fibro-histiocytic::Dermatofibrosarcoma protuberans",
]


def test_there_are_all_paths_of_squamous_cell_carcinoma() -> None:
    assert len(set(PATHS["SCC"])) == 35  # of which NOS alone was once known


@pytest.mark.parametrize(("label", "path"), [(label, path) for label, paths in PATHS.items() for path in paths])
def test_paths_of_the_isic_archive(label: str, path: str) -> None:
    levels = path.split("::")
    assert class_of(levels[::-1], ISIC_2019) == label  # a column each, finest first
    assert class_of([path], ISIC_2019) == class_of([":".join(levels)], ISIC_2019) == label
    assert class_of([path.upper()], ISIC_2019) == label
    # The known parent decides where a finer word is not known.
    assert class_of(["Something new", *levels[::-1]], ISIC_2019) == label


# The finest words say the same without their parents, but for those that only a parent tells.
ALONE = {
    (label, path.split("::")[-1])
    for label, paths in PATHS.items()
    for path in paths
    if not any(word in path for word in ("anemicus", "Venous", "adnexal differentiation"))
}


@pytest.mark.parametrize(("label", "word"), sorted(ALONE))
def test_the_finest_word_alone(label: str, word: str) -> None:
    assert class_of([word], ISIC_2019) == label


@pytest.mark.parametrize("path", NO_CLASS)
def test_paths_of_no_class(path: str) -> None:
    assert class_of([path], ISIC_2019) == path.split("::")[-1]
    assert class_of([path.split("::")[-1]], ISIC_2019) == path.split("::")[-1]


@pytest.mark.parametrize(
    ("word", "label"),
    {
        **{"akiec": "AK", "bcc": "BCC", "bkl": "BKL", "df": "DF", "mel": "MEL", "nv": "NV", "vasc": "VASC"},
        **{"ACK": "AK", "NEV": "NV", "SEK": "BKL", "SCC": "SCC"},
        **{"clark nevus": "NV", "reed or spitz nevus": "NV", "recurrent nevus": "NV", "vascular lesion": "VASC"},
        **{"melanoma (in situ)": "MEL", "melanoma (less than 0.76 mm)": "MEL", "melanoma (0.76 to 1.5 mm)": "MEL"},
        **{"seborrheic_keratosis": "BKL", "Seborrhoeic keratosis": "BKL", "Benign keratosis-like lesions": "BKL"},
        **{"Melanocytic naevus": "NV", "Common Nevus": "NV", "Atypical Nevus": "NV", "haemangioma": "VASC"},
        **{"Bowen's disease": "SCC", "Bowen\N{RIGHT SINGLE QUOTATION MARK}s disease": "SCC", "melanomas": "MEL"},
        **{"SCC in situ": "SCC", "Nodular basal-cell carcinoma": "BCC"},
        **{"Actinic keratosis (AK)": "AK", "lichenoid keratosis": "BKL", "solar lentigo": "BKL"},
    }.items(),
)
def test_words_of_other_tables(word: str, label: str) -> None:
    assert class_of([word], ISIC_2019) == label and is_diagnosis(word, [])


@pytest.mark.parametrize(
    "word",
    [
        *("lentigo", "melanosis", "miscellaneous", "lentigo NOS", "atypical melanocytic proliferation", "other"),
        *("melanoma?", "no melanoma", "not melanoma", "nevus vs melanoma", "nevus, melanoma", "nevus/melanoma"),
        *("nevus, rule out melanoma", "nevus (melanoma)", "melanoma (excluded)", "suspected melanoma", "melanocytic"),
        "amelanotic",
    ],
)
def test_words_of_no_class_stay_as_they_are_written(word: str) -> None:
    assert class_of([word], ISIC_2019) == word


def test_squamous_cell_carcinoma_in_situ_goes_by_the_study() -> None:
    for word in ("Squamous cell carcinoma in situ", "Squamous cell carcinoma in situ, Bowens disease", "Bowen disease"):
        assert class_of([word], ISIC_2019) == "SCC"
        assert class_of([word], ISIC_2018) == class_of([word], MILK10K) == "AKIEC"
        assert class_of([word], ["MEL", "AK"]) == "AK"
        assert class_of([word], ["MEL", "NV"]) == "SCC"  # none of the classes, by the name of ISIC 2019
    for word in ("Squamous cell carcinoma, Invasive", "Squamous cell carcinoma, NOS"):
        assert class_of([word], MILK10K) == "SCCKA"
        assert class_of([word], ISIC_2018) == "SCC"


def test_classes_by_other_names() -> None:
    assert class_of(["Solar or actinic keratosis"], ISIC_2018) == "AKIEC"
    assert class_of(["AKIEC"], ISIC_2019) == "AK" == class_of(["AKIEC"], ["MEL", "NV"])
    assert class_of(["SCCKA"], ISIC_2019) == "SCC"
    words = ["nevus", "actinic keratosis", "seborrheic keratosis"]
    assert [class_of([word], PAD) for word in words] == ["NEV", "ACK", "SEK"]
    assert class_of(["solar lentigo"], PAD) == "BKL"  # a benign keratosis, but no seborrheic one
    assert class_of(["MEL"], ["melanoma", "nevus"]) == "melanoma"
    assert class_of([NEVUS], ["melanoma", "nevus"]) == "nevus"
    assert class_of(["Keratoacanthoma"], MILK10K) == "SCCKA"


def test_the_study_s_own_names_come_first() -> None:
    assert class_of(["Nevus", "Benign"], ["MEL", "benign"]) == "benign"
    assert class_of(["SOLAR LENTIGO"], ["BKL", "solar_lentigo"]) == "solar_lentigo"
    assert class_of(["Melanoma in situ, Mucosal"], ["MEL", "melanoma-in-situ"]) == "melanoma-in-situ"
    assert class_of([f"{MELANOMA}::Melanoma Invasive"], ["malignant", "NV"]) == "malignant"
    assert class_of(["mole"], ["Mole", "NV"]) == "Mole"
    assert is_class("BEN-OTH", MILK10K) and not is_class("nevus", MILK10K)


def test_the_finest_known_word_decides() -> None:
    assert class_of(["In a scar", "Melanoma in situ", "Nevus"], ISIC_2019) == "MEL"
    assert class_of(["Scar", "Something"], ISIC_2019) == "Scar"
    assert class_of([], ISIC_2019) == ""


def test_lines_of_what_is_no_class() -> None:
    lines = unmapped_lines(["a", "b", "c", "d"], ["Scar", "", "lentigo", "Scar"])
    assert lines[0] == "  2 have the diagnosis `Scar`, which is none of the classes, as a"
    assert sorted(lines[1:]) == [
        "  1 have no diagnosis in any row, as b",
        "  1 have the diagnosis `lentigo`, which is none of the classes, as c",
    ]
    assert unmapped_lines([], []) == []
