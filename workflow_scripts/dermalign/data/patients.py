"""Which patient, or else lesion, a picture is of, as a metadata table says: what a bootstrap resamples."""

from collections.abc import Iterable
from pathlib import Path

from ..errors import InputError
from .lesions import read_lesions
from .tables import missing_word, read_table

LESION, PATIENT, PICTURE = "lesion", "patient", "picture"  # what may be resampled
PATIENT_COLUMNS = ("patient_id", "patient", "patientid")  # as `tables.column_key` gives them


def read_patients(table: str | Path) -> dict[str, str]:
    """Return {image: patient_id} of a metadata table, names as written; unknown patients are left out.

    Raises FileNotFoundError, and InputError for what is no table or lacks one of the columns.
    """
    found = read_table(table)
    column = next((found.keys.index(name) for name in PATIENT_COLUMNS if name in found.keys), None)
    if column is None or not found.picture_columns:
        raise InputError(
            f"{table} has the columns {', '.join(found.columns)}: to resample by patient it needs `image` and "
            "`patient_id`. Set resampled_by to lesion or picture."
        )
    named = [(image, row[column]) for row in found.rows for image in found.pictures(row)]
    return {image: patient for image, patient in reversed(named) if missing_word(patient) is None}


def read_units(tables: Iterable[str | Path], by: str) -> dict[str, str]:
    """Return {image: what it is resampled with} of metadata tables: its lesion or patient; nothing by picture.

    by: `lesion`, `patient` or `picture`. Raises as `lesions.read_lesions` and `read_patients`.
    """
    if by == PICTURE:
        return {}
    read = read_patients if by == PATIENT else read_lesions
    return {image: unit for table in tables for image, unit in read(table).items()}
