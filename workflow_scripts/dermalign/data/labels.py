"""Who has what: diagnoses and lesions from the label tables that ISIC has published over the years.

Four kinds of table are told apart by their columns:

- ISIC challenge one-hot (2018, 2019): `image,MEL,NV,...`, one 1.0 a row;
- ISIC 2017 Part 3: `image_id,melanoma,seborrheic_keratosis`, both 0 meaning nevus;
- ISIC archive metadata export: `isic_id` with `diagnosis`, or with `diagnosis_1` to `diagnosis_5` (finest last);
- plain: `image,diagnosis`.

An image's name is known with or without the suffix `_downsampled`.
"""

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import InputError

# Diagnoses in words, as ISIC's tables write them, by the class that ISIC 2019 puts them in. A seborrheic keratosis
# is one of the benign keratoses (BKL).
WORDS = {
    "melanoma": "MEL",
    "melanoma, nos": "MEL",
    "melanoma in situ": "MEL",
    "melanoma invasive": "MEL",
    "melanoma metastasis": "MEL",
    "nevus": "NV",
    "melanocytic nevus": "NV",
    "basal cell carcinoma": "BCC",
    "actinic keratosis": "AK",
    "solar or actinic keratosis": "AK",
    "benign keratosis": "BKL",
    "benign keratosis-like lesion": "BKL",
    "pigmented benign keratosis": "BKL",
    "seborrheic keratosis": "BKL",
    "solar lentigo": "BKL",
    "lichenoid keratosis": "BKL",
    "lichen planus like keratosis": "BKL",
    "dermatofibroma": "DF",
    "vascular lesion": "VASC",
    "angioma": "VASC",
    "hemangioma": "VASC",
    "squamous cell carcinoma": "SCC",
    "squamous cell carcinoma, nos": "SCC",
}
ONE_HOT_UNKNOWN = "UNK"

# The columns of a metadata export that hold a diagnosis; others, as `diagnosis_confirm_type`, only begin like them.
_DIAGNOSIS_COLUMN = re.compile(r"diagnosis(_\d+)?")


def plain_name(image: str) -> str:
    """Return the image's name without `_downsampled`: both names stand for one photograph."""
    return image.removesuffix("_downsampled")


@dataclass(frozen=True)
class Diagnoses:
    """Diagnoses by plain image name, each with the table that it came from, and what contradicts them."""

    by_image: dict[str, str] = field(default_factory=dict)
    source: dict[str, str] = field(default_factory=dict)
    contradictions: list[str] = field(default_factory=list)


def read_diagnoses(tables: Sequence[str | Path], classes: Sequence[str]) -> Diagnoses:
    """Read diagnosis tables of any of the four kinds; the first table that knows a picture wins.

    A later table that says otherwise is noted in `contradictions`, one sentence each. Diagnoses in words become
    classes by `WORDS`; a diagnosis that is neither a class nor a known word is kept as it is written.
    Raises FileNotFoundError for a missing table and InputError for one of no known kind or with a bad row.
    """
    result = Diagnoses()
    for table in tables:
        for image, diagnosis in _read_table(Path(table), classes):
            name = plain_name(image)
            known = result.by_image.setdefault(name, diagnosis)
            result.source.setdefault(name, str(table))
            if known != diagnosis:
                result.contradictions.append(
                    f"{name}: {known} in {result.source[name]}, but {diagnosis} in {table}; the first is used."
                )
    return result


def read_one_hot(table: str | Path, classes: Sequence[str]) -> dict[str, str]:
    """Return {image: class} of an ISIC challenge table, names as written; pictures of other classes are left out.

    Raises FileNotFoundError, and InputError where columns lack a class, a row is not one-hot or two rows contradict.
    """
    path = Path(table)
    columns, rows = _read_csv(path)
    _check_one_hot(path, columns, classes)
    found: dict[str, str] = {}
    for image, label in _one_hot_rows(path, columns, rows):
        if found.setdefault(image, label) != label:
            raise InputError(f"{path}: {image} is {found[image]} in one row and {label} in another. Remove one.")
    return {image: label for image, label in found.items() if label in classes}


def read_training_labels(table: str | Path, classes: Sequence[str]) -> dict[str, str]:
    """Return {image: class} of a table of any of the four kinds, names as written; pictures of other classes left out.

    Raises FileNotFoundError, and as `read_one_hot` for a one-hot table. Of the others, which may lack a class without
    anybody noticing, InputError where no picture has one of the classes, with the diagnoses that there are, or where
    two rows contradict.
    """
    path = Path(table)
    columns, _ = _read_csv(path)
    if columns[0] == "image" and "diagnosis" not in columns:
        return read_one_hot(path, classes)
    found: dict[str, str] = {}
    for image, label in _read_table(path, classes):
        if found.setdefault(image, label) != label:
            raise InputError(f"{path}: {image} is {found[image]} in one row and {label} in another. Remove one.")
    lacking = [name for name in classes if name not in found.values()]
    if lacking:
        raise InputError(
            f"{path}: no picture is of the class {', '.join(lacking)}. Its diagnoses are "
            f"{', '.join(sorted(set(found.values()))) or 'none'}. Correct `classes` or the table."
        )
    return {image: label for image, label in found.items() if label in classes}


def read_lesions(table: str | Path) -> dict[str, str]:
    """Return {image: lesion_id} of a metadata table with those two columns; unknown lesions are left out.

    Names are as written; the column of images may be called `image`, `isic_id` or `image_id`. Raises
    FileNotFoundError, and InputError for what is no table or lacks one of the columns.
    """
    path = Path(table)
    columns, rows = _read_csv(path)
    name = next((column for column in ("image", "isic_id", "image_id") if column in columns), None)
    if name is None or "lesion_id" not in columns:
        raise InputError(
            f"{path} has the columns {', '.join(columns)}: a metadata table needs `image` and `lesion_id`. "
            "Name another file at archives.training_metadata, or set it to null."
        )
    return {row[name]: row["lesion_id"] for row in rows if row["lesion_id"]}


def _read_csv(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            columns = list(reader.fieldnames or [])
            rows = [{key: (value or "").strip() for key, value in row.items() if key} for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} cannot be read as a table ({error}): it must be CSV text in UTF-8.") from error
    if not columns:
        raise InputError(f"{path} is empty: a table needs a line of column names.")
    return columns, rows


def _read_table(path: Path, classes: Sequence[str]) -> Iterable[tuple[str, str]]:
    columns, rows = _read_csv(path)
    if {"image", "diagnosis"} <= set(columns):
        return [(row["image"], _as_class(row["diagnosis"], classes)) for row in rows if row["diagnosis"]]
    if {"image_id", "melanoma", "seborrheic_keratosis"} <= set(columns):
        return _part_3_rows(path, rows)
    if "isic_id" in columns and any(map(_DIAGNOSIS_COLUMN.fullmatch, columns)):
        return _archive_rows(rows, columns, classes)
    if columns[0] == "image" and len(columns) > 2:
        return _one_hot_rows(path, columns, rows)
    raise InputError(
        f"{path} is no diagnosis table that dermalign knows: its columns are {', '.join(columns)}. Known are "
        "`image,diagnosis`; `image,MEL,NV,...` (one-hot); `image_id,melanoma,seborrheic_keratosis` (ISIC 2017); "
        "and the ISIC archive's metadata export with `isic_id` and `diagnosis` or `diagnosis_1`, ..."
    )


def _as_class(diagnosis: str, classes: Sequence[str]) -> str:
    if diagnosis in classes:
        return diagnosis
    upper = diagnosis.upper()
    return upper if upper in classes else WORDS.get(diagnosis.lower().replace("_", " "), diagnosis)


def _number(path: Path, row: dict[str, str], column: str, name: str) -> float:
    try:
        return float(row[column])
    except ValueError:
        raise InputError(
            f"{path}: {row[name]} has {row[column]!r} in column {column}, where a number belongs."
        ) from None


def _part_3_rows(path: Path, rows: Iterable[dict[str, str]]) -> Iterable[tuple[str, str]]:
    for row in rows:
        melanoma = _number(path, row, "melanoma", "image_id")
        keratosis = _number(path, row, "seborrheic_keratosis", "image_id")
        if (melanoma, keratosis) not in ((0, 0), (0, 1), (1, 0)):
            raise InputError(
                f"{path}: {row['image_id']} has melanoma={row['melanoma']} and seborrheic_keratosis="
                f"{row['seborrheic_keratosis']}, where 0 and 1, or 0 twice, belong. Correct the row."
            )
        yield row["image_id"], "MEL" if melanoma else "BKL" if keratosis else "NV"


def _archive_rows(
    rows: Iterable[dict[str, str]], columns: Sequence[str], classes: Sequence[str]
) -> Iterable[tuple[str, str]]:
    # The new export splits the diagnosis over columns from coarse to fine; the finest known word decides.
    finest_first = sorted(filter(_DIAGNOSIS_COLUMN.fullmatch, columns), reverse=True)
    for row in rows:
        values = [row[column] for column in finest_first if row[column]]
        known = [value for value in values if _as_class(value, classes) in classes]
        if values:
            yield row["isic_id"], _as_class(known[0] if known else values[0], classes)


def _check_one_hot(path: Path, columns: Sequence[str], classes: Sequence[str]) -> None:
    lacking = [name for name in classes if name not in columns]
    if columns[0] != "image" or lacking:
        raise InputError(
            f"{path} has the columns {', '.join(columns)}: a table of training labels needs `image` first"
            + (f" and the classes {', '.join(lacking)}. Correct `classes` or the file." if lacking else ".")
        )


def _one_hot_rows(path: Path, columns: Sequence[str], rows: Iterable[dict[str, str]]) -> Iterable[tuple[str, str]]:
    for row in rows:
        hot = [column for column in columns[1:] if _number(path, row, column, "image") == 1.0]
        cold = sum(_number(path, row, column, "image") == 0.0 for column in columns[1:])
        if len(hot) != 1 or cold != len(columns) - 2:
            raise InputError(
                f"{path}: the row of {row['image']} is not one-hot (a single 1.0, else 0.0): "
                f"{', '.join(f'{column}={row[column]}' for column in columns[1:])}. Correct the row."
            )
        if hot[0] != ONE_HOT_UNKNOWN:
            yield row["image"], hot[0]
