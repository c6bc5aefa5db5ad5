"""Cohen's kappa: how far two readers agree on categories, beyond what chance alone would give.

kappa = (p_o - p_e) / (1 - p_e), with the observed share of agreement p_o and that of chance p_e, the sum over
categories of the product of both readers' shares (Cohen, A Coefficient of Agreement for Nominal Scales, 1960).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .chosen import has_spread
from .intervals import bounds, lesions_of, resampled


@dataclass(frozen=True)
class Kappa:
    """Cohen's kappa of two readers and its 95 % interval by lesion; NaN where undefined."""

    kappa: float
    low: float
    high: float


def cohen_kappa(first: Sequence[object], second: Sequence[object], clusters: NDArray[np.intp], seed: int) -> Kappa:
    """Return Cohen's kappa of n pairs of categories, with its interval.

    clusters: int (n,), the lesion of each picture, which are resampled with the seed. Kappa is undefined without pairs
    and where both readers have the same category everywhere: then agreement is all that chance could give. Resamples in
    which it is undefined are left out of the interval; there is none of fewer than two lesions.
    """
    place = {name: number for number, name in enumerate(dict.fromkeys([*first, *second]))}
    count = len(place)
    pairs = np.array([place[a] * count + place[b] for a, b in zip(first, second, strict=True)], dtype=np.intp)
    # How often each lesion's pictures have each pair of categories.
    tables = np.zeros((lesions_of(clusters), count * count))
    np.add.at(tables, (clusters, pairs), 1)
    kappa = float(_kappas(tables.sum(axis=0)[np.newaxis], count)[0])
    if np.isnan(kappa) or not has_spread(clusters):
        return Kappa(kappa, np.nan, np.nan)

    def of_resamples(times: NDArray[np.uint8]) -> NDArray[np.float64]:
        return _kappas(times.astype(np.float64) @ tables, count)[:, np.newaxis]

    low, high = bounds(resampled(of_resamples, 1, len(tables), seed), clusters)[0].tolist()
    return Kappa(kappa, low, high)


def _kappas(tables: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Return kappa of tables of counts, (n, count * count), float64 (n,). Counts are whole: nothing is rounded."""
    counts = tables.reshape(len(tables), count, count)
    total = counts.sum(axis=(1, 2))
    agreed = np.trace(counts, axis1=1, axis2=2) * total
    by_chance = (counts.sum(axis=1) * counts.sum(axis=2)).sum(axis=1)
    beyond = total**2 - by_chance
    return np.divide(agreed - by_chance, beyond, out=np.full(len(tables), np.nan), where=beyond > 0)
