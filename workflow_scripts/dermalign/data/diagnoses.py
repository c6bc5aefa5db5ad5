"""Diagnoses in words, and which class of a study each is.

A diagnosis may be a path, as in the ISIC archive (https://www.isic-archive.com), where `Malignant`, `Malignant
melanocytic proliferations (Melanoma)`, `Melanoma Invasive` and `Melanoma Invasive, Nodular` say ever more of a lesion.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache

from .names import folded

# By kind of diagnosis the names that a study's class of it may have, best first, as `_normal` writes them. Those of
# actinic keratosis: AKIEC of ISIC 2018 and HAM10000 has the squamous cell carcinomas in situ, too, which otherwise are
# SCC. A seborrheic keratosis (SK) is one of the benign keratoses (BKL), as in ISIC 2019.
_AK = ("ak", "ack", "actinic keratosis")
_SCC = ("scc", "squamous cell carcinoma")
_BKL = ("bkl", "benign keratosis", "benign keratosis like lesion", "benign keratosis like lesions")
_CLASSES = {
    "MEL": ("mel", "melanoma"),
    "NV": ("nv", "nev", "nevus", "melanocytic nevus", "nevi", "melanocytic nevi"),
    "BCC": ("bcc", "basal cell carcinoma"),
    "AK": (*_AK, "akiec"),
    "AKIEC": ("akiec", *_AK),
    "BKL": _BKL,
    "SK": ("sk", "sek", "seborrheic keratosis", *_BKL),
    "DF": ("df", "dermatofibroma"),
    "VASC": ("vasc", "vascular lesion", "vascular lesions"),
    "SCC": (*_SCC, "sccka"),
    "SCC in situ": ("akiec", *_SCC, *_AK),
    "SCCKA": ("sccka", *_SCC),
    "keratoacanthoma": ("sccka",),
}
# What ISIC 2019 calls the kinds that it has no class of its own for, if anything.
_ISIC_2019 = {"AKIEC": "AK", "SK": "BKL", "SCC in situ": "SCC", "SCCKA": "SCC", "keratoacanthoma": ""}

# Diagnoses by kind, as `_normal` writes them. Words after a comma may follow (`Nevus, Spitz`). What is no kind's alone,
# as `benign melanocytic proliferations` (nevi and lentigines), stands nowhere here.
_WORDS = {
    "MEL": (
        *("mel", "melanoma", "malignant melanoma", "melanoma in situ", "melanoma invasive", "invasive melanoma"),
        *("melanoma metastasis", "metastatic melanoma", "malignant melanocytic proliferations"),
        *("superficial spreading melanoma", "nodular melanoma", "amelanotic melanoma", "desmoplastic melanoma"),
        *("acral melanoma", "acral lentiginous melanoma", "lentigo maligna melanoma", "lentigo maligna"),
    ),
    "NV": (
        *("nv", "nev", "nevus", "nevi", "melanocytic nevus", "melanocytic nevi", "common nevus", "atypical nevus"),
        *("dysplastic nevus", "clark nevus", "blue nevus", "spitz nevus", "reed nevus", "reed or spitz nevus"),
        *("congenital nevus", "combined nevus", "compound nevus", "junctional nevus", "dermal nevus", "halo nevus"),
        *("intradermal nevus", "recurrent nevus", "acral nevus", "balloon cell nevus", "deep penetrating nevus"),
        "nevus spilus",
    ),
    "BCC": ("bcc", "basal cell carcinoma", "nodular basal cell carcinoma", "superficial basal cell carcinoma"),
    "AK": ("ak", "ack", "actinic keratosis", "actinic keratoses", "solar or actinic keratosis", "solar keratosis"),
    "AKIEC": (
        *("akiec", "actinic keratosis / intraepithelial carcinoma", "actinic keratosis/intraepidermal carcinoma"),
        *("actinic keratoses and intraepithelial carcinoma", "actinic keratosis / intraepidermal carcinoma"),
        "actinic keratoses and intraepithelial carcinoma / bowens disease",
    ),
    "BKL": (
        *("bkl", "benign keratosis", "benign keratoses", "benign keratosis like lesion", "pigmented benign keratosis"),
        *("solar lentigo", "lichenoid keratosis", "lichen planus like keratosis"),
    ),
    "SK": ("sk", "sek", "seborrheic keratosis", "seborrheic keratoses"),
    "DF": ("df", "dermatofibroma"),
    "VASC": (
        *("vasc", "vascular lesion", "angioma", "cherry angioma", "hemangioma", "cherry hemangioma", "angiokeratoma"),
        *("pyogenic granuloma", "benign soft tissue proliferations vascular"),
    ),
    "SCC": ("scc", "squamous cell carcinoma", "invasive squamous cell carcinoma", "squamous cell carcinoma invasive"),
    "SCC in situ": (
        *(
            "scc in situ",
            "squamous cell carcinoma in situ",
            "squamous cell carcinoma, in situ",
            "bowens disease",
            "bowen disease",
        ),
        *("bowen", "morbus bowen", "intraepithelial carcinoma", "intraepidermal carcinoma"),
    ),
    "SCCKA": ("sccka", "squamous cell carcinoma / keratoacanthoma"),
    "keratoacanthoma": ("keratoacanthoma",),
}
KINDS = {word: kind for kind, words in _WORDS.items() for word in words}

_SPELLINGS = {"naev": "nev", "haem": "hem", "rrhoe": "rrhe", "'": "", "\N{RIGHT SINGLE QUOTATION MARK}": ""}
_DOUBT = re.compile(r"\?|\b(rule out|r/o|vs|versus|possibl\w*|probabl\w*|suspect\w*|suspicious|exclude\w*|not|no)\b")
_REMARK = re.compile(r"\s*\(([^()]*)\)$")
_REMARKS = re.compile(r"in situ|invasive|nos|.*\bmm")  # as derm7pt has them: `melanoma (less than 0.76 mm)`


def class_of(levels: Sequence[str], classes: Sequence[str]) -> str:
    """Return the class of a diagnosis, given as words from fine to coarse: those of a path, or a single one.

    A word may be a path itself, coarse to fine, with `::` or `:` between. The finest word that is a class of the study,
    by its own name (whatever its case) or by its kind, decides. Where there is none, what is returned is none of the
    classes: ISIC 2019's name of the finest known word, or else the finest word as it is written.
    """
    return _class_of(tuple(levels), tuple(classes))


def is_diagnosis(word: str, classes: Sequence[str]) -> bool:
    """Return whether a word is the name of a class of the study or a known diagnosis."""
    own = set(map(_normal, classes))
    return any(form in own or _kind(form) for form in _forms(word))


def is_class(word: str, classes: Sequence[str]) -> bool:
    """Return whether a word is the name of a class of the study, whatever its case."""
    return _normal(word) in map(_normal, classes)


def unmapped_lines(images: Sequence[str], diagnoses: Sequence[str]) -> list[str]:
    """Return a plain line for each diagnosis of these images, which are of no class: how many they are, and one.

    diagnoses: that of each image, empty where no table knows it.
    """
    example = dict(zip(reversed(diagnoses), reversed(images), strict=True))
    return [
        f"  {count} have the diagnosis `{diagnosis}`, which is none of the classes, as {example[diagnosis]}"
        if diagnosis
        else f"  {count} have no diagnosis in any row, as {example[diagnosis]}"
        for diagnosis, count in Counter(diagnoses).most_common()
    ]


@lru_cache(maxsize=10_000)
def _class_of(levels: tuple[str, ...], classes: tuple[str, ...]) -> str:
    own = {_normal(name): name for name in classes}
    words = [part for level in levels for part in reversed(re.split(r"\s*::?\s*", level)) if part]
    known = ""
    for word in words:
        for form in _forms(word):
            if form in own:
                return own[form]
            if kind := _kind(form):
                found = next((own[name] for name in _CLASSES[kind] if name in own), None)
                if found:
                    return found
                known = known or _ISIC_2019.get(kind, kind)
    return known or (words[0] if words else "")


def _normal(word: str) -> str:
    text = re.sub(r"[\s_-]+", " ", folded(word)).strip()
    for old, new in _SPELLINGS.items():
        text = text.replace(old, new)
    return text


def _kind(form: str) -> str | None:
    return KINDS.get(form) or KINDS.get(form.removesuffix("s"))


def _forms(word: str) -> Iterator[str]:
    """Yield a diagnosis, and then without its remark and with fewer and fewer of the words after its commas.

    Left are none that may say something else: where one is in doubt, or is itself a diagnosis of another kind.
    """
    text = _normal(word)
    yield text
    if _DOUBT.search(text):
        return
    if (remark := _REMARK.search(text)) and (
        _REMARKS.fullmatch(remark[1]) or _kind(remark[1]) == _kind(text[: remark.start()])
    ):
        text = text[: remark.start()]
        yield text
    parts = re.split(r"\s*,\s*", text)
    for count in range(len(parts) - 1, 0, -1):
        form = ", ".join(parts[:count])
        others = {_kind(part) for part in parts[count:]} - {None}
        if others - {_kind(form)}:
            return
        yield form
