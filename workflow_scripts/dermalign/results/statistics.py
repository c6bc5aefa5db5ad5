"""The study's statistics: from the shards of one map source to its rows of the merged tables.

A map source is a model with a method. Populations, best thresholds, groups and the Mann-Whitney test are as in
section 3 of the design; means are over pictures unless a column says otherwise.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..study.groups import Groups, groups_of
from ..terms import UNION

THRESHOLD_COLUMNS = ("threshold", "threshold_until", "chance_threshold", "first_threshold", "second_threshold")
UNION_BEST = "best of union"
GROUP_BEST = "best of group"


@dataclass(frozen=True)
class Shards:
    """A source's shards of one feature.

    images: its population, n pictures by name. thresholds: t names, ascending. intersection, union: pixels, int64
    (t, rows). first: int (n,), the first row of each picture; one row a picture, or one per draw of a chance source.
    """

    images: list[str]
    thresholds: list[str]
    intersection: NDArray[np.int64]
    union: NDArray[np.int64]
    first: NDArray[np.intp]

    def per_picture(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the mean over the draws of each picture, (..., n), of values by row (..., rows)."""
        draws = np.diff([*self.first, self.union.shape[1]])
        if not values.shape[-1] or draws.max() == 1:
            return values
        return np.add.reduceat(values, self.first, axis=-1) / draws

    @cached_property
    def jaccard(self) -> NDArray[np.float64]:
        """The Jaccard index by threshold and picture, float64 (t, n), the mean over draws."""
        return self.per_picture(self.intersection / self.union)


def read_shards(paths: Mapping[str, str | Path]) -> Shards:
    """Read one feature's shards, {threshold: path}, and check that all are of the same pictures.

    Raises ValueError where they are not, or where a count is impossible: such shards are of different runs.
    """
    thresholds = sorted(paths)
    rows: list[str] | None = None
    counts = []
    for threshold in thresholds:
        table = pd.read_csv(
            paths[threshold],
            usecols=["image", "intersection", "union"],
            dtype={"image": str, "intersection": np.int64, "union": np.int64},
            keep_default_na=False,
        )
        found = table["image"].tolist()
        rows = found if rows is None else rows
        if found != rows:
            raise ValueError(f"{paths[threshold]} is not of the pictures of {paths[thresholds[0]]}")
        counts.append(table[["intersection", "union"]].to_numpy().T)
    rows = rows or []
    stacked = np.stack(counts).reshape(len(thresholds), 2, len(rows))
    intersection, union = stacked[:, 0], stacked[:, 1]
    if rows and (intersection.min() < 0 or union.min() < 1 or (intersection > union).any()):
        raise ValueError(f"{paths[thresholds[0]]} or a shard beside it holds counts that no mask can have")
    first = [row for row, image in enumerate(rows) if row == 0 or rows[row - 1] != image]
    return Shards([rows[row] for row in first], thresholds, intersection, union, np.array(first, dtype=np.intp))


def _spread(values: NDArray[np.float64]) -> dict[str, float]:
    """Return n, minimum, mean, sample SD (n - 1) and maximum; NaN where they are not defined."""
    return {
        "n": values.size,
        "j_min": values.min() if values.size else np.nan,
        "j_mean": values.mean() if values.size else np.nan,
        "j_sd": values.std(ddof=1) if values.size > 1 else np.nan,
        "j_max": values.max() if values.size else np.nan,
    }


def threshold_statistics(feature: str, shards: Shards, evaluation: pd.DataFrame) -> pd.DataFrame:
    """Return one row per threshold: spread of J, and what follows from the same counts.

    evaluation: manifest indexed by image, for the white pixels of the masks and the pictures' sizes.
    Columns: feature, threshold, n, j_min, j_mean, j_sd, j_max; dice_mean, precision_mean, recall_mean, means over
    pictures (a black thresholded map has precision 0); and j_, dice_, precision_ and recall_ratio_of_sums, which is
    ISIC's aggregation: the sum over pictures of numerator / picture area, divided by that of denominator / area.
    All are over the population; ISIC's scorer counts the pictures whose mask is black, too.
    Where nothing is white, the precision's ratio of sums is NaN.
    """
    draws = np.diff([*shards.first, shards.union.shape[1]])
    population = evaluation.loc[np.repeat(shards.images, draws)]
    mask = population[feature].to_numpy(dtype=np.int64)
    area = (population["width"] * population["height"]).to_numpy(dtype=np.int64)
    saliency = shards.union + shards.intersection - mask  # |A| = |A or B| + |A and B| - |B|
    rows = []
    for row, threshold in enumerate(shards.thresholds):
        common, union = shards.intersection[row], shards.union[row]
        parts = {
            "dice": (2 * common, union + common),
            "precision": (common, saliency[row]),
            "recall": (common, mask),
        }
        rows.append(
            {
                "feature": feature,
                "threshold": threshold,
                **_spread(shards.jaccard[row]),
                **{f"{name}_mean": _mean(shards.per_picture(_ratio(*part))) for name, part in parts.items()},
                **{
                    f"{name}_ratio_of_sums": _ratio_of_sums(*part, area)
                    for name, part in {"j": (common, union), **parts}.items()
                },
            }
        )
    return pd.DataFrame(rows)


def _ratio(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    # Only the precision of a black map has no whole; then the part is 0, too, and so is the ratio.
    return part / np.maximum(whole, 1)


def _ratio_of_sums(part: NDArray[np.int64], whole: NDArray[np.int64], area: NDArray[np.int64]) -> float:
    total = float((whole / area).sum())
    return float((part / area).sum()) / total if total else np.nan


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if values.size else np.nan


def best_threshold(thresholds: Sequence[str], jaccard: NDArray[np.float64]) -> str | None:
    """Return the grid value with the highest mean J, the lowest on a tie; None for an empty population.

    jaccard: (t, n), rows as `thresholds`, which ascend.
    """
    if not jaccard.shape[1]:
        return None
    # A mean's last digits depend on the order of the pictures; what they cannot tell apart is added up exactly.
    means = jaccard.mean(axis=1)
    near = np.flatnonzero(means >= means.max() - 1e-12).tolist()
    return thresholds[max(near, key=lambda row: math.fsum(jaccard[row]))]


def correctness_statistics(
    feature: str, shards: Shards, groups: NDArray[np.str_], names: Sequence[str], union_best: str | None
) -> pd.DataFrame:
    """Return the spread of J per group, at the union's best threshold and at the group's own best.

    groups: (n,) as `groups_of`. names: the groups in order. union_best: the source's best threshold for `union`.
    Columns: feature, group, at, threshold, n, j_min, j_mean, j_sd, j_max.
    """
    jaccard = shards.jaccard
    rows = []
    for at in (UNION_BEST, GROUP_BEST):
        for name in names:
            members = jaccard[:, groups == name]
            threshold = union_best if at == UNION_BEST else best_threshold(shards.thresholds, members)
            values = members[shards.thresholds.index(threshold)] if threshold else np.empty(0)
            rows.append({"feature": feature, "group": name, "at": at, "threshold": threshold, **_spread(values)})
    return pd.DataFrame(rows)


@dataclass(frozen=True)
class MannWhitney:
    """U of the first-named group and the two-sided asymptotic p."""

    u: float
    p: float


def mann_whitney(first: NDArray[np.float64], second: NDArray[np.float64]) -> MannWhitney:
    """Compare two samples by the two-sided Mann-Whitney U test, asymptotic, corrected for ties and continuity.

    With ranks over both samples, U = R1 - n1 (n1 + 1) / 2; under the hypothesis U has mean n1 n2 / 2 and variance
    n1 n2 / 12 * (n + 1 - sum(t^3 - t) / (n (n - 1))) over the sizes t of ties (Mann and Whitney 1947; ties:
    Lehmann, Nonparametrics, 1975, section 1.4). NaN where a sample is empty; p = 1 where all values are equal.
    """
    n1, n2 = first.size, second.size
    if not n1 or not n2:
        return MannWhitney(np.nan, np.nan)
    values = np.concatenate([first, second])
    n = n1 + n2
    _, tie, sizes = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(sizes) - (sizes - 1) / 2)[tie]  # the mean rank of each tie
    u = float(ranks[:n1].sum() - n1 * (n1 + 1) / 2)
    ties = sizes.astype(np.float64)
    variance = n1 * n2 / 12 * ((n + 1) - (ties**3 - ties).sum() / (n * (n - 1)))
    if variance <= 0:
        return MannWhitney(u, 1.0)
    distance = max(abs(u - n1 * n2 / 2) - 0.5, 0.0)
    return MannWhitney(u, math.erfc(distance / math.sqrt(2 * variance)))


def comparisons(names: Sequence[str]) -> list[tuple[str, str]]:
    """Return every pair of groups, in order."""
    return [(first, second) for row, first in enumerate(names) for second in names[row + 1 :]]


def mann_whitney_statistics(
    feature: str,
    shards: Shards,
    groups: NDArray[np.str_],
    names: Sequence[str],
    union_best: str | None,
) -> pd.DataFrame:
    """Compare the groups' J pairwise, at the union's best threshold and at each group's own best.

    Columns: feature, first, second, at, first_threshold, second_threshold, n_first, n_second, u, p.
    """
    jaccard = shards.jaccard
    rows = []
    for at in (UNION_BEST, GROUP_BEST):
        samples: dict[str, tuple[str | None, NDArray[np.float64]]] = {}
        for name in names:
            members = jaccard[:, groups == name]
            threshold = union_best if at == UNION_BEST else best_threshold(shards.thresholds, members)
            samples[name] = (threshold, members[shards.thresholds.index(threshold)] if threshold else np.empty(0))
        for first, second in comparisons(names):
            (first_threshold, first_values), (second_threshold, second_values) = samples[first], samples[second]
            result = mann_whitney(first_values, second_values)
            rows.append(
                {
                    "feature": feature,
                    "first": first,
                    "second": second,
                    "at": at,
                    "first_threshold": first_threshold,
                    "second_threshold": second_threshold,
                    "n_first": first_values.size,
                    "n_second": second_values.size,
                    "u": result.u,
                    "p": result.p,
                }
            )
    return pd.DataFrame(rows)


@dataclass(frozen=True)
class SourceStatistics:
    """What one map source adds to the merged statistics; see `source_statistics`."""

    thresholds: pd.DataFrame
    best_thresholds: pd.DataFrame
    correctness: pd.DataFrame
    mann_whitney: pd.DataFrame


def source_statistics(
    model: str,
    method: str,
    shards: Mapping[str, Shards],
    evaluation: pd.DataFrame,
    predicted: Mapping[str, str],
    groups: Groups,
) -> SourceStatistics:
    """Return all statistics of one map source.

    shards: {feature: shards}, `union` among the features. evaluation: manifest. predicted: {image: predicted class}.
    groups: those of tables 4 to 6, in order.
    """
    evaluation = evaluation.set_index("image")
    names = list(groups)
    union_best = best_threshold(shards[UNION].thresholds, shards[UNION].jaccard)
    thresholds, best, correctness, tests = [], [], [], []
    for feature, of_feature in shards.items():
        spread = threshold_statistics(feature, of_feature, evaluation)
        thresholds.append(spread)
        best.append(_best_row(spread, best_threshold(of_feature.thresholds, of_feature.jaccard)))
        of_group = groups_of(of_feature.images, evaluation, predicted, groups)
        correctness.append(correctness_statistics(feature, of_feature, of_group, names, union_best))
        tests.append(mann_whitney_statistics(feature, of_feature, of_group, names, union_best))
    return SourceStatistics(*(_labelled(model, method, parts) for parts in (thresholds, best, correctness, tests)))


def _best_row(spread: pd.DataFrame, threshold: str | None) -> pd.DataFrame:
    if threshold is None:  # an empty population has no best threshold, but its row says so
        return spread.iloc[:1].assign(threshold=None)
    return spread[spread["threshold"] == threshold]


def _labelled(model: str, method: str, parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    table = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
    table.insert(0, "model", model)
    table.insert(1, "method", method)
    return table


def merge(paths: Iterable[str | Path]) -> pd.DataFrame:
    """Put the sources' tables below each other; numbers and thresholds stay as they are written."""
    return pd.concat([read_statistics(path) for path in paths], ignore_index=True)


def read_statistics(path: str | Path) -> pd.DataFrame:
    """Read a table of statistics with thresholds as text and floats as they were written."""
    text = ("model", "method", "chance", "feature", "group", "first", "second", *THRESHOLD_COLUMNS)
    return pd.read_csv(
        path, dtype=dict.fromkeys(text, str), keep_default_na=False, na_values=[""], float_precision="round_trip"
    )
