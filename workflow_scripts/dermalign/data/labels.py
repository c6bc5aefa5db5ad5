"""Who has what: diagnoses from the tables that ISIC and others have published over the years.

A table names pictures in one column, or lesions, which another table then says the pictures of (MILK10k). Its diagnoses
stand in one of these forms, told apart by the names of the columns (all of them: docs/data.md):

- words in a column, or in several from coarse to fine, as in the ISIC archive's export, HAM10000 and many others;
- a column per class (one-hot), with one 1 a row, as in ISIC 2018, 2019 and MILK10k, or one X, as in PH2;
- ISIC 2017 Part 3: `image_id,melanoma,seborrheic_keratosis`, both 0 meaning nevus;
- ISIC 2016 Part 3: two columns without names, of pictures and of `benign` or `malignant`, or 0 or 1.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path

from ..errors import InputError
from .diagnoses import class_of, is_class, is_diagnosis
from .lesions import lesion_pictures
from .names import folded, plain_name
from .tables import Table, missing_word, read_table

# Columns of diagnoses in words, by the families that belong together; one that stands before columns per class.
_FAMILIES = ("diagnosis(_?[0-9]+)?", "iddx_(full|[0-9]+)", "dx", "diagnostic", "diagnosis_full")
# Those that may be something else, as a number: where there are no columns per class.
_WEAK_FAMILIES = (
    *("final_diagnosis", "clinical_diagnosis", "histological_diagnosis", "diagnosis_(label|class|name)", "pathology"),
    *("histology", "disease", "lesion_type", "lesion_class", "cell_type", "label", "class", "category"),
    "benign_malignant",
)
# Only of use where the study has classes of these names.
_COARSE = "benign_malignant"

PART_3 = {"melanoma", "seborrheic_keratosis"}
# What numbers mean in PH2's text file, and in ISIC 2016 Part 3, whose malignant pictures are melanomas.
PH2_CODES = {"0": "common nevus", "1": "atypical nevus", "2": "melanoma"}
ISIC_2016 = {"benign": ["benign"], "malignant": ["melanoma", "malignant"]}
ISIC_2016 |= dict.fromkeys(("0", "0.0"), ISIC_2016["benign"]) | dict.fromkeys(("1", "1.0"), ISIC_2016["malignant"])

_TRUTH = {"true": 1, "false": 0}
READ = (
    "Read are tables with a column of pictures (`image`, `isic_id`, `image_id`, `image_name`, `img_id`, `filename`, "
    "...) and one of diagnoses (`diagnosis`, `diagnosis_1` to `diagnosis_5`, `iddx_full`, `dx`, `diagnostic`, `label`, "
    "...) or a column per class (`MEL`, `NV`, ...); `image_id,melanoma,seborrheic_keratosis` (ISIC 2017); two columns "
    "without names, a picture and its diagnosis, `benign` or `malignant` (ISIC 2016); PH2's text file. See docs/data.md"
)

# From the cells of a row its diagnosis in words, from fine to coarse; none where it says nothing.
_Form = Callable[[list[str]], list[str]]


@dataclass(frozen=True)
class Diagnoses:
    """Diagnoses by `names.plain_name`, each with the table that it came from, and what contradicts them."""

    by_image: dict[str, str] = field(default_factory=dict)
    source: dict[str, str] = field(default_factory=dict)
    contradictions: list[str] = field(default_factory=list)


def read_diagnoses(tables: Sequence[str | Path], classes: Sequence[str]) -> Diagnoses:
    """Read diagnosis tables of any form; the first table that knows a picture wins.

    A later table that says otherwise is noted in `contradictions`, one sentence each. Diagnoses in words become
    classes as `diagnoses.class_of` says; what is none is kept by that word. Of a table that names lesions, another one
    of `tables` must say the pictures. Raises FileNotFoundError for a missing table and InputError for one of no known
    form, with a bad row, or with two rows of one photograph that contradict.
    """
    read = [read_table(table) for table in tables]
    result = Diagnoses()
    for table in read:
        if _only_says_lesions(table, read, classes):
            continue
        own: dict[str, str] = {}
        for image, diagnosis in _diagnoses(table, [other for other in read if other is not table], classes):
            name = plain_name(image)
            _check_alike(table.path, image, own.setdefault(name, diagnosis), diagnosis)
            known = result.by_image.setdefault(name, diagnosis)
            result.source.setdefault(name, table.path)
            if known != diagnosis:
                result.contradictions.append(
                    f"{image}: {known} in {result.source[name]}, but {diagnosis} in {table.path}; the first is used."
                )
    return result


def read_training_labels(
    table: str | Path, classes: Sequence[str], metadata: Iterable[str | Path] = ()
) -> dict[str, str]:
    """Return {image: diagnosis} of a table of any form, names as written; not all diagnoses are classes.

    metadata: tables that say the pictures of lesions, for one that names lesions. Raises FileNotFoundError, and
    InputError where two rows of one photograph contradict, where a one-hot table lacks a class, and of the others,
    which may lack one without anybody noticing, where no picture has it, with the diagnoses that there are.
    """
    read = read_table(table)
    found: dict[str, str] = {}
    by_name: dict[str, str] = {}
    for image, label in _diagnoses(read, [read_table(each) for each in metadata], classes):
        _check_alike(table, image, by_name.setdefault(plain_name(image), label), label)
        found[image] = label
    there = set(found.values())
    hot = _hot_columns(read, classes) if _named_form(read, classes, _FAMILIES) is None else []
    if hot and not _is_part_3(read, hot):
        there |= {class_of([read.columns[column]], classes) for column in hot}
    lacking = [name for name in classes if name not in there]
    if lacking and hot and not _is_part_3(read, hot):
        raise InputError(
            f"{table} has the columns {', '.join(read.columns)}: a table of training labels with a column per class "
            f"needs the classes {', '.join(lacking)}. Correct `classes` or the file."
        )
    if lacking:
        raise InputError(
            f"{table}: no picture is of the class {', '.join(lacking)}. Its diagnoses are "
            f"{_listed(sorted(there)) or 'none'}. Correct `classes` or the table."
        )
    return found


def _check_alike(table: str | Path, image: str, first: str, label: str) -> None:
    """Raise InputError for two rows of one photograph in a table that contradict."""
    if first != label:
        raise InputError(f"{table}: {image} is {first} in one row and {label} in another. Remove one.")


def named_pictures(table: str | Path, classes: Sequence[str], others: Iterable[str | Path] = ()) -> list[str]:
    """Return the pictures, as written, that a table of `read_diagnoses` says something of; others: those beside it.

    Of the others nothing is told: one that cannot be read counts as not there. Raises as `read_diagnoses`.
    """
    read, beside = read_table(table), []
    for other in others:
        with suppress(InputError, OSError):
            beside.append(read_table(other))
    if _only_says_lesions(read, beside, classes):
        return [image for row in read.rows for image in read.pictures(row)]
    return [image for image, _ in _diagnoses(read, beside, classes)]


def _listed(words: list[str], most: int = 20) -> str:
    return ", ".join(words[:most]) + (f" and {len(words) - most} others" if len(words) > most else "")


def _diagnoses(table: Table, others: Iterable[Table], classes: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the pictures of a table, as written, with their diagnoses; others: tables that say lesions' pictures."""
    table = _with_names(table, classes) or table
    form = _form(table, classes)
    if form is None:
        raise InputError(
            f"{table.path} is no table of diagnoses that dermalign reads: its columns are "
            f"{', '.join(table.columns)}. {READ}."
        )
    pictures = table.pictures if table.picture_columns else _pictures_by_lesion(table, others)

    @cache  # of many rows few say something new
    def diagnosis_of(words: tuple[str, ...]) -> str:
        return class_of([word for word in words if is_class(word, classes) or missing_word(word) is None], classes)

    for row in table.rows:
        if diagnosis := diagnosis_of(tuple(form(row))):
            for image in pictures(row):
                yield image, diagnosis


def _only_says_lesions(table: Table, tables: Iterable[Table], classes: Sequence[str]) -> bool:
    """Return whether a table is there for another's sake, which names lesions."""
    says = bool(table.picture_columns) and table.lesion_column is not None and _form(table, classes) is None
    return says and any(not other.picture_columns and other.lesion_column is not None for other in tables)


def _pictures_by_lesion(table: Table, others: Iterable[Table]) -> Callable[[list[str]], list[str]]:
    column = table.lesion_column
    assert column is not None  # a form has pictures or lesions
    pictures: dict[str, list[str]] = {}
    for other in others:
        for lesion, images in lesion_pictures(other).items():
            pictures.setdefault(folded(lesion), []).extend(images)
    if not pictures:
        raise InputError(
            f"{table.path} names lesions, not pictures. Name the table that has both, `isic_id` and `lesion_id`, too: "
            "for training labels at archives.training_metadata, for diagnoses beside it in archives.diagnoses."
        )
    return lambda row: pictures.get(folded(row[column]), [])


def _with_names(table: Table, classes: Sequence[str]) -> Table | None:
    """Return a table of two columns without names, as of ISIC 2016 Part 3, with names; None for all others."""
    if table.picture_columns or table.lesion_column is not None or len(table.columns) != 2:
        return None
    words = [row[1] for row in (table.columns, *table.rows)]
    coded = sum(word.casefold() in ISIC_2016 for word in words)
    # One that has a name for the second column alone, and 0 and 1 below it, is another table.
    if coded < len(words) and (coded or not is_diagnosis(words[0], classes)):
        return None
    return Table(table.path, ["image", "isic_2016"], [table.columns, *table.rows])


def _form(table: Table, classes: Sequence[str]) -> _Form | None:
    if not table.picture_columns and table.lesion_column is None:
        return None
    if "isic_2016" in table.keys:
        return lambda row: ISIC_2016.get(row[1].casefold(), row[1:])
    return (
        _named_form(table, classes, _FAMILIES)
        or _hot_form(table, classes)
        or _named_form(table, classes, _WEAK_FAMILIES)
    )


def _named_form(table: Table, classes: Sequence[str], families: Iterable[str]) -> _Form | None:
    """Return what reads the first family of columns with diagnoses in words, None where the table has none of them."""
    for family in families:
        columns = [column for column, key in enumerate(table.keys) if re.fullmatch(family, key)]
        if columns:
            break
    else:
        return None
    table.check_once(columns)
    # From fine to coarse: the highest number first, one without a number last.
    columns.sort(key=lambda column: -int("0" + re.sub("[^0-9]", "", table.keys[column])))
    codes: Mapping[str, str] = PH2_CODES if {"clinical_diagnosis", "histological_diagnosis"} <= set(table.keys) else {}
    coarse = table.keys.index(_COARSE) if _COARSE in table.keys else None

    def words(row: list[str]) -> list[str]:
        found = [codes.get(row[column], row[column]) for column in columns]
        return found + ([row[coarse]] if coarse is not None and is_class(row[coarse], classes) else [])

    return words


def _hot_columns(table: Table, classes: Sequence[str]) -> list[int]:
    """Return the columns per class: with the name of a class or a known diagnosis, at least two, and others of 0 and 1.

    Where cells are marked by an X, others may be marked for something else, as for colours.
    """
    free = [column for column in range(len(table.columns)) if _may_be_class(table, column)]
    known = [column for column in free if is_diagnosis(table.columns[column], classes)]
    if len(known) < 2:
        return []
    if _is_marked(table, known):
        return known
    return [
        column
        for column in free
        if column in known
        or missing_word(table.columns[column]) is not None
        or all(_mark(cell) in (0, 1) for cell in _cells(table, [column]))
    ]


def _may_be_class(table: Table, column: int) -> bool:
    key = table.keys[column]
    named = (*table.picture_columns, table.lesion_column)
    return bool(key) and not key.startswith("unnamed") and column not in named


def _is_marked(table: Table, columns: Iterable[int]) -> bool:
    cells = _cells(table, columns)
    return not cells.isdisjoint("xX") and all(_mark(cell) is None for cell in cells)


def _cells(table: Table, columns: Iterable[int]) -> set[str]:
    return {row[column] for column in columns for row in table.rows}


def _is_part_3(table: Table, hot: Iterable[int]) -> bool:
    return {table.keys[column] for column in hot} == PART_3


def _hot_form(table: Table, classes: Sequence[str]) -> _Form | None:
    hot = _hot_columns(table, classes)
    if not hot:
        return None
    table.check_once(hot)
    names = [table.columns[column] for column in hot]
    is_part_3, is_marked = _is_part_3(table, hot), _is_marked(table, hot)

    def words(row: list[str]) -> list[str]:
        cells = dict(zip(names, (row[column] for column in hot), strict=True))
        who = next(iter(table.pictures(row)), row[0])
        marks = [_number(table.path, who, name, cell, is_marked) for name, cell in cells.items()]
        if sorted(marks) == [0.0] * (len(marks) - 1) + [1.0]:
            return [names[marks.index(1.0)]]
        if is_part_3 and not any(marks):
            return ["nevus"]
        told = ", ".join(f"{name}={cell}" for name, cell in cells.items())
        if is_part_3:
            raise InputError(f"{table.path}: {who} has {told}, where 0 and 1, or 0 twice, belong. Correct the row.")
        raise InputError(
            f"{table.path}: the row of {who} is not one-hot (a single {'X' if is_marked else '1.0, else 0.0'}): "
            f"{told}. Correct the row."
        )

    return words


def _number(path: str, who: str, name: str, cell: str, is_marked: bool) -> float:
    mark = float(bool(cell)) if is_marked and cell.casefold() in ("", "x") else _mark(cell)
    if mark is None:
        what = "an X or nothing" if is_marked else "a number"
        raise InputError(f"{path}: {who} has {cell!r} in column {name}, where {what} belongs.")
    return mark


@lru_cache(maxsize=10_000)
def _mark(cell: str) -> float | None:
    try:
        return float(_TRUTH.get(cell.casefold(), cell.replace(",", ".")))
    except ValueError:
        return None
