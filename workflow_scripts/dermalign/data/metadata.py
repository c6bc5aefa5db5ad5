"""Further columns of the metadata table, such as age, sex and site, by which pictures are grouped."""

from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..study.group_settings import CONFIDENCE, DEFAULT_GROUPINGS
from .names import plain_name
from .tables import Table, column_key, missing_word, read_table


def read_metadata(path: str | Path, columns: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return {column: {plain image name: text}} of a metadata table, without cells that say that nothing is known.

    columns: by any spelling that `tables.column_key` takes for the same. Of two rows of one picture, as of its two
    names with and without `_downsampled`, the first that says something counts. Raises as `tables.read_table`, and
    InputError for a column that is not there.
    """
    table = read_table(path)
    found: dict[str, dict[str, str]] = {}
    for column in columns:
        if column_key(column) not in table.keys:
            raise InputError(f"{path} has no column `{column}`; it has {', '.join(table.columns)}.")
        found[column] = _column(table, table.keys.index(column_key(column)))
    return found


def _column(table: Table, place: int) -> dict[str, str]:
    texts: dict[str, str] = {}
    for row in table.rows:
        if missing_word(row[place]) is None:
            for image in table.pictures(row):
                texts.setdefault(plain_name(image), row[place])
    return texts


def configured_groupings(
    configuration: Mapping[str, Any], columns: Sequence[str] | None, table: str | None
) -> dict[str, dict[str, Any]]:
    """Return the groupings of a study by name, {column, and bins or quantiles}, in order.

    configuration: checked. columns: of the metadata table, None where the study has none; table: its path. Those of a
    study that names none are `DEFAULT_GROUPINGS`, as far as there are columns for them. Raises InputError for one that
    the study names and the table lacks, or whose bins or quantiles are of a column without a number.
    """
    known = {column_key(column) for column in columns or []}
    asked = configuration.get("groupings")
    groupings = {name: dict(each) for name, each in (DEFAULT_GROUPINGS if asked is None else asked).items()}
    lacking = {
        name: each["column"]
        for name, each in groupings.items()
        if each["column"] != CONFIDENCE and column_key(each["column"]) not in known
    }
    if asked is not None and lacking:
        name, column = next(iter(lacking.items()))
        where = f"{table} has only {', '.join(columns)}" if columns else "the study names no archives.training_metadata"
        raise InputError(
            f"groupings.{name} is by the column `{column}` of the metadata table, and {where}. Correct the column, or "
            "take the grouping away."
        )
    if asked is not None and table and Path(table).is_file():  # one that is drawn has numbers
        for name, each in groupings.items():
            if each["column"] != CONFIDENCE and ("bins" in each or "quantiles" in each):
                _check_numbers(name, each["column"], table)
    return {name: each for name, each in groupings.items() if name not in lacking}


def _check_numbers(name: str, column: str, table: str) -> None:
    texts = list(read_metadata(table, [column])[column].values())
    if texts and not any(map(_is_number, texts)):
        raise InputError(
            f"groupings.{name} divides the numbers of the column `{column}`, and {table} has none in it, but "
            f"{len(texts)} texts, as `{texts[0]}`. Take `bins` or `quantiles` away, correct the column, or write its "
            "numbers with a point."
        )


def _is_number(text: str) -> bool:
    try:
        return isfinite(float(text))
    except ValueError:
        return False
