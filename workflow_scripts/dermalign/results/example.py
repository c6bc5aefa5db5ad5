"""The example: the one picture that figures 1, 2, 4 and 5 show."""

from pathlib import Path

import numpy as np
import pandas as pd

from ..files import write_text
from ..overlap.shards import Shards
from .statistics import best_threshold


def choose_example(union: Shards, wanted: str | None) -> tuple[str, str]:
    """Return the example's name and, in words, why it is that one.

    union: shards of the union, of the first model's first saliency method; their pictures are those of the analysis.
    wanted: the configured picture, taken where it is in the analysis. Else the picture whose J at the best threshold is
    nearest the mean there, the first by name on a tie. An analysis without pictures has none: ("", why).
    """
    if wanted in union.images:
        return str(wanted), "as configured"
    threshold = best_threshold(union.thresholds, union.jaccard)
    if threshold is None:
        return "", "no picture is in the analysis"
    jaccard = union.jaccard[union.thresholds.index(threshold)]
    apart = np.abs(jaccard - jaccard.mean())
    # The mean's last digits depend on the order of the pictures: what they cannot tell apart is a tie.
    nearest = int(np.flatnonzero(apart <= apart.min() + 1e-12)[0])
    return union.images[nearest], f"its J at threshold {threshold} is nearest the mean"


def write_example(path: str | Path, image: str, reason: str) -> None:
    """Write the example as CSV, `image,reason`, whole or not at all."""
    write_text(path, pd.DataFrame({"image": [image], "reason": [reason]}).to_csv(index=False))


def read_example(path: str | Path) -> str:
    """Read the example's name, empty where there is none."""
    return str(pd.read_csv(path, dtype=str, keep_default_na=False)["image"].iloc[0])
