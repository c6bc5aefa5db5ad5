"""The areas of faithfulness of all sources of maps that a model was asked about, picture by picture.

`faithfulness/{model}.csv`, UTF-8, a row per source and picture of the sample, sources in the order of the study,
pictures by name. Columns:

- source_model, method: the two parts of the source's name, the first of which is the model or that of no model;
- image;
- deletion, insertion: the areas below the curves (`faithfulness.faithfulness_curves`) of the probability of the class
  that the model predicts for the picture, 0 to 1; of a picture with several maps, as draws of chance, their mean;
  written so that reading it gives the same float64;
- whole, black, blurred: that probability of the picture whole, blacked out and blurred, where the curves begin and end;
  the same for all sources.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..files import csv_field, write_text

if TYPE_CHECKING:  # the jobs that ask a classifier do without
    import pandas as pd

AREAS = ("deletion", "insertion")
ENDS = ("whole", "black", "blurred")
COLUMNS = ("source_model", "method", "image", *AREAS, *ENDS)


class FaithfulnessRow(NamedTuple):
    """A row of the file, as the module describes it."""

    source_model: str
    method: str
    image: str
    deletion: float
    insertion: float
    whole: float
    black: float
    blurred: float


def write_faithfulness(path: str | Path, rows: Iterable[FaithfulnessRow]) -> None:
    """Write the areas of a model's sources, whole or not at all, in the order given; the last five are floats."""
    lines = [",".join(COLUMNS)]
    for row in rows:
        names = map(csv_field, (row.source_model, row.method, row.image))
        lines.append(",".join((*names, *map(repr, row[3:]))))
    write_text(path, "\n".join([*lines, ""]))


def read_faithfulness(path: str | Path) -> "pd.DataFrame":
    """Read the areas of a model's sources: names as text, numbers as float64."""
    import pandas as pd

    return pd.read_csv(
        path,
        dtype={**dict.fromkeys(COLUMNS, str), **dict.fromkeys((*AREAS, *ENDS), float)},
        keep_default_na=False,
        float_precision="round_trip",
    )
