"""Resolution ceilings in numbers: what grids allow, and which share of it models reach.

The ceiling of a picture is the best J that any map of a grid can have on it, see `overlap.ceilings`. Populations are as
everywhere: the pictures of the analysis whose mask of the feature is not black.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..data.grids import Grid, grid_name
from ..overlap.ceiling_files import Ceilings
from ..overlap.curves import CurveFile, open_curves
from ..overlap.engine import jaccard_index
from ..overlap.exact import CURVE_THRESHOLDS
from ..overlap.shards import Shards
from .intervals import bounds, clusters_of, mean_intervals, resampled_means
from .statistics import best_threshold

CEILING_COLUMNS = (
    *("grid", "feature", "n", "j_mean", "low", "high"),
    *("threshold", "one_threshold_j_mean", "one_threshold_low", "one_threshold_high"),
)
SHARE_COLUMNS = (
    *("model", "method", "feature", "n", "grid", "threshold", "j_mean"),
    *("ceiling_j_mean", "share", "low", "high"),
)
# Thresholds of a map of shares among which each resample chooses. J changes little from one to the next.
CHOSEN_FROM = CURVE_THRESHOLDS[::5]


def ceiling_statistics(
    ceilings: Ceilings,
    analysed: Iterable[str],
    lesions: Mapping[str, str],
    seed: int,
    curves: Mapping[Grid, str | Path],
    exact: pd.DataFrame,
) -> pd.DataFrame:
    """Return what each grid allows on each feature.

    analysed: the pictures of the analysis. lesions: {image: lesion_id}, as far as they are known, by which intervals
    are resampled, with the seed. curves: the curve files of the ceilings that are map sources, by grid; exact:
    statistics/exact_thresholds.csv, or their rows of it. Columns:

    - grid: `{h}x{w}`; feature; n: pictures of the feature's population;
    - j_mean: the mean over pictures of the ceiling; low, high: its 95 % bootstrap interval by lesion;
    - threshold: of the share of white of a cell, the best of all for all pictures together, of grids that have a source
      and are not fine; one_threshold_j_mean: mean J there, which is what is left of the ceiling when one threshold has
      to do for all pictures; one_threshold_low, one_threshold_high: its interval, the threshold chosen anew in each
      resample, among 0.000, 0.005, ..., 1.000.
    """
    analysed = list(analysed)
    rows = []
    for feature in ceilings.features:
        images, jaccard = ceilings.of_feature(feature, analysed)
        clusters = clusters_of(images, lesions)
        intervals = mean_intervals(jaccard, clusters, seed)
        for grid, values, (low, high) in zip(ceilings.grids, jaccard, intervals.tolist(), strict=True):
            mean = float(values.mean()) if values.size else np.nan
            row: dict[str, object] = {"grid": grid_name(grid), "feature": feature, "n": len(images)}
            row |= {"j_mean": mean, "low": low, "high": high}
            if grid in curves and images:
                row |= _one_threshold(curves[grid], exact, grid, feature, lesions, seed)
            rows.append(row)
    place = {grid_name(grid): number for number, grid in enumerate(ceilings.grids)}
    # Stable: the features of a grid stay in their order.
    return pd.DataFrame(rows, columns=CEILING_COLUMNS).sort_values(
        "grid", key=lambda names: names.map(place), kind="stable", ignore_index=True
    )


def _one_threshold(
    path: str | Path, exact: pd.DataFrame, grid: Grid, feature: str, lesions: Mapping[str, str], seed: int
) -> dict[str, object]:
    best = exact[(exact["method"] == grid_name(grid)) & (exact["feature"] == feature)]
    with open_curves(path) as opened:
        if opened.is_binned or best.empty:
            return {}
        images, jaccard = _jaccard(opened, feature)
    clusters = clusters_of(images, lesions)
    (low, high), *_ = bounds(resampled_means(jaccard, clusters, seed).max(axis=1, keepdims=True), clusters).tolist()
    (best_row,) = best.to_dict("records")
    return {
        "threshold": best_row["threshold"],
        "one_threshold_j_mean": best_row["j_mean"],
        "one_threshold_low": low,
        "one_threshold_high": high,
    }


def _jaccard(curves: CurveFile, feature: str) -> tuple[list[str], NDArray[np.float64]]:
    """Return a population by name, and its J at the thresholds that are chosen from, (t, n)."""
    intersection, union, mask = curves.counts(feature, CHOSEN_FROM)
    rows = sorted(np.flatnonzero(mask), key=curves.images.__getitem__)
    return [curves.images[row] for row in rows], jaccard_index(intersection[:, rows], union[:, rows])


def share_statistics(
    model: str,
    method: str,
    grid: Grid,
    shards: Mapping[str, Shards],
    ceilings: Ceilings,
    lesions: Mapping[str, str],
    seed: int,
) -> pd.DataFrame:
    """Return which share of its grid's ceiling a source of maps reaches.

    model, method: the source. grid: of its maps, one of those of `ceilings`. shards: {feature: shards}. lesions, seed:
    as `ceiling_statistics`. Columns:

    - model, method, feature; n: pictures of the feature's population; grid: `{h}x{w}`;
    - threshold: the source's best of the grid of thresholds, empty for an empty population; j_mean: mean J there;
    - ceiling_j_mean: the mean over the same pictures of the ceiling; share: j_mean / ceiling_j_mean;
    - low, high: the 95 % bootstrap interval of the share by lesion; both means are of the same resample, in which the
      threshold is chosen anew.
    """
    rows = []
    for feature, of_feature in shards.items():
        images, all_ceilings = ceilings.of_feature(feature, of_feature.images)
        if images != of_feature.images:
            raise ValueError(f"the ceilings of {feature} are of other pictures than the shards of {model}/{method}")
        own = all_ceilings[ceilings.grids.index(grid)]
        row: dict[str, object] = {
            "model": model,
            "method": method,
            "feature": feature,
            "n": len(images),
            "grid": grid_name(grid),
        }
        best = best_threshold(of_feature.thresholds, of_feature.jaccard)
        if best is not None:
            clusters = clusters_of(images, lesions)
            means = resampled_means(np.vstack([of_feature.jaccard, own]), clusters, seed)
            share = means[:, :-1].max(axis=1) / means[:, -1]
            ((low, high),) = bounds(share[:, np.newaxis], clusters).tolist()
            mean = float(of_feature.jaccard_at(best).mean())
            row |= {"threshold": best, "j_mean": mean, "ceiling_j_mean": float(own.mean())}
            row |= {"share": mean / float(own.mean()), "low": low, "high": high}
        rows.append(row)
    return pd.DataFrame(rows, columns=SHARE_COLUMNS)
