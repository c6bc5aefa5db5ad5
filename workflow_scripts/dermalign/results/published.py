"""Values that a paper has published: the file that holds them, and which of its networks is compared with which model.

The file, `published` in the configuration, is UTF-8 CSV, a row per value. Columns:

- table: where it is printed, as `table 2`, `section 3`, `figure 4` (its caption);
- row, column: what it is of, in this project's words: features, groups and classes as in the configuration, columns as
  in the tables and statistics; of a figure the picture and the threshold;
- model: the paper's network, empty where it is of none;
- published: the number as it is printed, since its digits tell how it was rounded.

No pandas here: whoever plans a run reads it, too.
"""

import csv
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from pathlib import Path

from ..errors import InputError

COLUMNS = ("table", "row", "column", "model", "published")
_NUMBER = re.compile(r" *[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]{1,3})? *")
METRICS = "section 3"  # where the metrics of the classifiers stand
CHALLENGE = "section 2"  # where what the challenge's best reached stands


@dataclass(frozen=True)
class PublishedValue:
    """A number that a paper prints; the fields are the columns of the file, `printed` the last of them."""

    table: str
    row: str
    column: str
    model: str
    printed: str

    @property
    def value(self) -> float:
        """The number."""
        return float(self.printed)

    @property
    def bounds(self) -> tuple[Fraction, Fraction]:
        """The lowest and the highest number that is rounded to what is printed; a whole number is a count, exact."""
        number = Decimal(self.printed)
        exponent = int(number.as_tuple().exponent)
        half = Fraction(10) ** exponent / 2 if exponent else Fraction(0)
        return Fraction(number) - half, Fraction(number) + half


@dataclass(frozen=True)
class Published:
    """All values of a file, in its order."""

    values: tuple[PublishedValue, ...]

    @cached_property
    def _by_place(self) -> dict[tuple[str, str, str, str], PublishedValue]:
        return {(each.table, each.row, each.column, each.model): each for each in self.values}

    @property
    def networks(self) -> list[str]:
        """The paper's networks, in order."""
        return list(dict.fromkeys(each.model for each in self.values if each.model))

    def of(self, table: str, row: str, column: str, model: str = "") -> PublishedValue:
        """Return the value of a place. Raises KeyError where nothing is printed."""
        return self._by_place[table, row, column, model]

    @property
    def of_challenge(self) -> dict[str, float]:
        """What the challenge's best reached by its own J, {which: J}, as section 2 tells it."""
        told = (each for each in self.values if (each.table, each.column, each.model) == (CHALLENGE, "j", ""))
        return {each.row: each.value for each in told}

    def metrics(self, network: str, names: Mapping[str, tuple[str, str]]) -> dict[str, float]:
        """Return a network's held-out metrics as `published` of a model may hold them.

        names: {name: (metric, class)}, see `configuration.published_names`; what is not among them is left out.
        """
        found = {name: self._by_place.get((METRICS, row, metric, network)) for name, (metric, row) in names.items()}
        return {name: value.value for name, value in found.items() if value is not None}


def read_published(path: str | Path) -> Published:
    """Read a file of published values.

    Raises InputError where it is none: other columns, a place twice, or something that is no number.
    """
    try:
        with Path(path).open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"published: {path} cannot be read ({error}). Correct the path, or say null.") from error
    if not rows or tuple(rows[0]) != COLUMNS:
        raise InputError(f"published: {path} must begin with the line {','.join(COLUMNS)}. Correct the file.")
    places = set()
    for number, row in enumerate(rows[1:], start=2):
        where = f"published: line {number} of {path}"
        if len(row) != len(COLUMNS):
            raise InputError(f"{where} has {len(row)} columns; it must have {len(COLUMNS)}.")
        if not _is_number(row[-1]):
            raise InputError(f"{where}: {row[-1]!r} is no number. Write it as it is printed, with a point.")
        if tuple(row[:-1]) in places:
            raise InputError(f"{where}: {', '.join(filter(None, row[:-1]))} stands there twice. Take one away.")
        places.add(tuple(row[:-1]))
    return Published(tuple(PublishedValue(*row) for row in rows[1:]))


def _is_number(text: str) -> bool:
    # Python takes more for numbers than papers print, and Decimal other things than float.
    return bool(_NUMBER.fullmatch(text)) and math.isfinite(float(text))


def find_published(name: str, folders: Iterable[str | Path]) -> Path:
    """Return the path of a file of published values, looked for in one folder after the other.

    Raises InputError where it is in none.
    """
    looked = [Path(folder) / name for folder in folders]
    for path in looked:
        if path.is_file():
            return path
    raise InputError(
        f"`published`: there is no file {name}, neither in the working directory nor beside the workflow. Correct the "
        "path, or say null."
    )


def compared_models(networks: Sequence[str], models: Mapping[str, object]) -> dict[str, str | None]:
    """Return {network: the study's model that is compared with it, or None}.

    models: {name: `published` of the model}, in order. That is the model that names the network; else, for the k-th
    network, the k-th model, unless it names another one.
    """
    named = {published: model for model, published in models.items() if isinstance(published, str)}
    in_order = [*models, *[None] * len(networks)]
    return {
        network: named.get(network, None if model in named.values() else model)
        for network, model in zip(networks, in_order, strict=False)
    }


def check_networks(published: Published | None, models: Mapping[str, object], path: str | Path | None) -> None:
    """Raise InputError where a model names a network that the file of published values does not have.

    models: as in `compared_models`.
    """
    known = published.networks if published else []
    for model, name in models.items():
        if isinstance(name, str) and name not in known:
            there = f"known there are {', '.join(known)}" if known else "it names none"
            raise InputError(f"`models.{model}.published` is {name}, which is no network in {path}; {there}.")
