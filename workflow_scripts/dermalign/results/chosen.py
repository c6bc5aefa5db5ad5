"""Intervals of what a best threshold was chosen for, with the choice made anew in each resample.

A mean at a threshold that was chosen for being the highest is higher than what the same threshold would give elsewhere,
and a resample has a best threshold of its own: an interval that takes the threshold as given leaves that spread out.
Resamples are those of `intervals`: of lesions, with all their pictures, and shared by all sources.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..data.names import plain_name
from ..data.patients import PICTURE
from .intervals import FEWEST, RESAMPLES, bounds, resampled_means, tails

TIE = 1e-12  # between means of Jaccard indices; the last digits of a sum depend on its order

Values = NDArray[np.float64]


def resampled_unit(images: Iterable[str], lesions: Mapping[str, str], by: str) -> str:
    """Return what is resampled of these pictures: `by`, or `picture` where none of them has a known lesion or patient.

    lesions: {image: its lesion or patient}, as far as they are known. by: `lesion`, `patient` or `picture`.
    """
    known = {plain_name(image) for image in lesions}
    return by if any(plain_name(image) in known for image in images) else PICTURE


def chosen_rows(means: Values) -> NDArray[np.intp]:
    """Return the row of the highest mean in each resample, int (resamples,): the lowest row on a tie.

    means: (resamples, t), as `intervals.resampled_means`; of a resample without a number it is the first row.
    """
    highest = np.nan_to_num(means, nan=-np.inf)
    return np.argmax(highest >= highest.max(axis=1, keepdims=True) - TIE, axis=1)


def at_rows(means: Values, rows: NDArray[np.intp]) -> Values:
    """Return each resample's mean at its own row, float64 (resamples,), of means (resamples, t)."""
    return np.take_along_axis(means, rows[:, np.newaxis], axis=1)[:, 0]


def interval(resampled: Values, clusters: NDArray[np.intp]) -> tuple[float, float]:
    """Return the bounds of the 95 % interval of a number, resampled (resamples,); see `intervals.bounds`."""
    low, high = bounds(resampled[:, np.newaxis], clusters)[0].tolist()
    return low, high


def threshold_interval(
    thresholds: Sequence[str], rows: NDArray[np.intp], clusters: NDArray[np.intp]
) -> tuple[str, str]:
    """Return the bounds of the 95 % interval of the thresholds that were chosen, which are thresholds of the grid.

    rows: (resamples,), as `chosen_rows`. clusters: the lesion of each picture. The bounds are percentiles, at the
    shares of `intervals.tails`: a percentile p is the least threshold that at least a share p of the choices
    does not exceed, the inverse of their distribution (Hyndman and Fan 1996, definition 1).
    """
    low, high = np.quantile(rows, tails(clusters), method="inverted_cdf").astype(int).tolist()
    return thresholds[low], thresholds[high]


@dataclass(frozen=True)
class BestInterval:
    """The 95 % intervals of the highest mean and of the threshold that has it; NaN and None where undefined."""

    j_low: float
    j_high: float
    threshold_low: str | None
    threshold_high: str | None


def best_interval(
    thresholds: Sequence[str], jaccard: Values, clusters: NDArray[np.intp], seed: int, resamples: int = RESAMPLES
) -> BestInterval:
    """Return the intervals of the highest mean J and of its threshold, chosen anew in each resample.

    jaccard: (t, n), rows as `thresholds`, which ascend. clusters: (n,), the lesion of each picture. There are none of
    fewer than two lesions.
    """
    if not has_spread(clusters):
        return BestInterval(np.nan, np.nan, None, None)
    means = resampled_means(jaccard, clusters, seed, resamples)
    rows = chosen_rows(means)
    return BestInterval(*interval(at_rows(means, rows), clusters), *threshold_interval(thresholds, rows, clusters))


def group_interval(resampled: Values, clusters: NDArray[np.intp]) -> tuple[float, float]:
    """Return the interval of a number of a group, resampled (resamples,).

    clusters: the lesions of the group's pictures; of fewer than two, alike in all resamples, there is no interval.
    Resamples without a picture of the group, NaN, are left out.
    """
    return interval(resampled, clusters) if has_spread(clusters) else (np.nan, np.nan)


def has_spread(clusters: NDArray[np.intp]) -> bool:
    """Return whether there are at least two lesions."""
    return np.unique(clusters).size >= FEWEST
