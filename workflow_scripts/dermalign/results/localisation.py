"""Localisation measures of all map sources: means over pictures with intervals, and their table.

What each measures is said in `overlap.localisation`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..overlap.localisation import MEASURES
from ..terms import UNION
from .intervals import clusters_of, mean_intervals

COLUMNS = ("feature", "measure", "n", "undefined", "constant", "mean", "low", "high", "policy")
BLACK = "pictures with a black mask are left out"
SHARE = "a constant map has the white share of the picture"
POLICIES = {
    "pointing_game": f"{BLACK}; any of several highest pixels may hit; a constant map is a miss",
    "pointing_share": f"{BLACK}; {SHARE}",
    "relevance_mass": f"{BLACK}; undefined for a map of zeros; {SHARE} else",
    "relevance_rank": f"{BLACK}; equal values are shared out in proportion; {SHARE}",
    "roc_auc": f"{BLACK}; equal values count half, so that a constant map has 0.5; undefined for an all-white mask",
    "average_precision": f"{BLACK}; one step per distinct value; {SHARE}",
}


def localisation_statistics(
    measured: pd.DataFrame, features: Iterable[str], lesions: Mapping[str, str], seed: int
) -> pd.DataFrame:
    """Return the mean of each measure over the pictures of each feature, a row per feature and measure.

    measured: of one source, as `overlap.localisation.read_localisation`. lesions: {image: lesion_id}, as far as they
    are known, by which intervals are resampled, with the seed. Columns:

    - feature, measure;
    - n: pictures of the population for which the measure is defined; undefined: the others; constant: pictures of the
      population with a map that is constant, all of them among n or undefined;
    - mean: over the n; low, high: its 95 % bootstrap interval by lesion, as `intervals.mean_intervals`; NaN where
      nothing is defined, and of one lesion alone;
    - policy: what black masks, constant maps, equal values and undefined ones count as.
    """
    rows: list[dict[str, object]] = []
    for feature in features:
        population = measured[measured["feature"] == feature]
        defined = population[list(MEASURES)].notna()
        constant = int((population["constant"] > 0).sum())
        # Measures that are defined for the same pictures are resampled together.
        bounds: dict[str, tuple[float, float]] = {}
        for key in {tuple(defined[name]) for name in MEASURES}:
            alike = [name for name in MEASURES if tuple(defined[name]) == key]
            pictures = population[np.array(key, dtype=bool)]
            clusters = clusters_of(pictures["image"].tolist(), lesions)
            intervals = mean_intervals(pictures[alike].to_numpy(dtype=float).T, clusters, seed)
            bounds |= {name: (low, high) for name, (low, high) in zip(alike, intervals.tolist(), strict=True)}
        for name in MEASURES:
            values = population.loc[defined[name], name]
            low, high = bounds[name]
            rows.append(
                {
                    "feature": feature,
                    "measure": name,
                    "n": len(values),
                    "undefined": len(population) - len(values),
                    "constant": constant,
                    "mean": float(values.mean()),
                    "low": low,
                    "high": high,
                    "policy": POLICIES[name],
                }
            )
    return pd.DataFrame(rows, columns=COLUMNS)


def extended_localisation(localisation: pd.DataFrame, features: Sequence[str]) -> pd.DataFrame:
    """Return the localisation measures of all sources, the union first, sources of a measure below each other.

    localisation: statistics/localisation.csv. features: in order. Columns:

    - feature, model, measure, method;
    - n: pictures that are counted; undefined, constant: pictures, as in `localisation_statistics`;
    - mean_value; mean_low, mean_high: the bounds of its 95 % interval.
    """
    ordered = [UNION, *(name for name in features if name != UNION)]
    places: list[Any] = [
        localisation["feature"].map(ordered.index),
        pd.factorize(localisation["model"])[0],
        localisation["measure"].map(MEASURES.index),
    ]
    table = localisation.iloc[np.lexsort(places[::-1])].reset_index(drop=True)
    table = table.rename(columns={name: f"mean_{name}" for name in ("low", "high")}).rename(
        columns={"mean": "mean_value"}
    )
    columns = ["feature", "model", "measure", "method", "n", "undefined", "constant"]
    return table[[*columns, "mean_value", "mean_low", "mean_high"]]
