"""Files of the sanity check: how alike a model's maps are before and after its weights are randomised.

`sanity/{model}.csv`, UTF-8, a row per method, stage and picture, in this order. Columns: method, stage (from 1),
layers_randomised (how many of the layers with a kernel), layer (the last of them, nearest the picture), image,
rank_correlation, ssim (as `similarity.similarity`); both empty where one of the two maps is constant, ssim also where
the maps are smaller than 3 x 3 cells; written so that reading it gives the same float64.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..files import csv_field, write_text

if TYPE_CHECKING:  # what measures does not depend on tables
    import pandas as pd

SIMILARITIES = ("rank_correlation", "ssim")
COLUMNS = ("method", "stage", "layers_randomised", "layer", "image", *SIMILARITIES)


class SanityRow(NamedTuple):
    """How alike a method's maps of a picture are before and after a stage; NaN where that is undefined."""

    method: str
    stage: int
    layers_randomised: int
    layer: str
    image: str
    rank_correlation: float
    ssim: float


def write_sanity(path: str | Path, rows: Iterable[SanityRow]) -> None:
    """Write how alike a model's maps stay, rows as they come."""
    lines = [",".join(COLUMNS)]
    for row in rows:
        numbers = ["" if np.isnan(value) else repr(float(value)) for value in (row.rank_correlation, row.ssim)]
        words = row.method, str(row.stage), str(row.layers_randomised), csv_field(row.layer), csv_field(row.image)
        lines.append(",".join((*words, *numbers)))
    write_text(path, "\n".join([*lines, ""]))


def read_sanity(path: str | Path) -> "pd.DataFrame":
    """Read how alike a model's maps stay, picture by picture: names as text, undefined similarities as NaN."""
    import pandas as pd  # imported here: the jobs that measure do without

    return pd.read_csv(
        path,
        dtype={
            **dict.fromkeys(("method", "layer", "image"), str),
            **dict.fromkeys(("stage", "layers_randomised"), int),
            **dict.fromkeys(SIMILARITIES, float),
        },
        keep_default_na=False,
        na_values={name: [""] for name in SIMILARITIES},
        float_precision="round_trip",
    )
