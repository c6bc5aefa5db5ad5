"""Further columns of the metadata table, such as age, sex and site, by which pictures are grouped."""

from collections.abc import Iterable, Mapping, Sequence
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
    the study names and the table lacks.
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
    return {name: each for name, each in groupings.items() if name not in lacking}
