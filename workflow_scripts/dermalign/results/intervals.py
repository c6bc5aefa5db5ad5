"""Bootstrap intervals of means over pictures, resampled by lesion where lesions are known.

Pictures of one lesion are alike: what is resampled is lesions, with all their pictures (the cluster bootstrap: Field
and Welsh 2007); a picture of unknown lesion is its own. Bounds are percentiles (Efron and Tibshirani, An Introduction
to the Bootstrap, 1993, section 13.3), a little farther out than 2.5 and 97.5 where lesions are few: see `tails`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..data.names import plain_name

RESAMPLES = 10_000
COVERAGE = 0.95
CELLS = 1_000_000  # lesions times resamples that are weighed at once, in some arrays of 8 MB
HELD = 50_000_000  # bytes of resamples that are kept for the next source; more are drawn anew
FEWEST = 2  # of lesions: one alone says nothing about the spread


def clusters_of(images: Sequence[str], lesions: Mapping[str, str]) -> NDArray[np.intp]:
    """Return the number of each image's lesion, int (n,), from 0 in the order of appearance.

    lesions: {image: lesion_id} of those whose lesion is known, by any form of the name (`names.plain_name`).
    """
    # A name and a lesion_id never mean the same, even where they are spelled alike.
    by_name = {plain_name(image): lesion for image, lesion in lesions.items()}
    names = map(plain_name, images)
    keys = [("lesion", by_name[name]) if name in by_name else ("", name) for name in names]
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    return np.array([numbers[key] for key in keys], dtype=np.intp)


def mean_intervals(
    values: NDArray[np.float64], clusters: NDArray[np.intp], seed: int, resamples: int = RESAMPLES
) -> NDArray[np.float64]:
    """Return the bounds of the 95 % interval of the mean of each row, float64 (rows, 2); see `resampled_means`.

    NaN where there are fewer than two lesions.
    """
    return bounds(resampled_means(values, clusters, seed, resamples), clusters)


def resampled_means(
    values: NDArray[np.float64],
    clusters: NDArray[np.intp],
    seed: int,
    resamples: int = RESAMPLES,
    members: NDArray[np.bool_] | None = None,
) -> NDArray[np.float64]:
    """Return the mean of each row in each resample, float64 (resamples, rows).

    values: (rows, n), a column per picture; clusters: (n,), the lesion of each, numbered from 0. All rows share the
    resamples, and so do all calls of as many lesions with this seed: two sources' means on the same pictures can be
    subtracted resample by resample. members: bool (n,), which pictures the means are of, all by default; lesions of all
    pictures are resampled. NaN where there are fewer than two lesions, and in resamples without a member.
    """
    count = lesions_of(clusters)
    if members is not None:
        values, clusters = values[:, members], clusters[members]
    sums = np.array([np.bincount(clusters, weights=row, minlength=count) for row in values]).T
    sizes = np.bincount(clusters, minlength=count).astype(np.float64)

    def means(times: NDArray[np.uint8]) -> NDArray[np.float64]:
        drawn = times.astype(np.float64)
        with np.errstate(invalid="ignore"):  # 0 / 0, of a resample without a member
            found: NDArray[np.float64] = (drawn @ sums) / (drawn @ sizes)[:, None]
        return found

    return resampled(means, len(values), count, seed, resamples)


def lesions_of(clusters: NDArray[np.intp]) -> int:
    """Return how many lesions there are; clusters: the lesion of each picture, numbered from 0."""
    return int(clusters.max()) + 1 if clusters.size else 0


def resampled(
    statistics: Callable[[NDArray[np.uint8]], NDArray[np.float64]],
    columns: int,
    count: int,
    seed: int,
    resamples: int = RESAMPLES,
) -> NDArray[np.float64]:
    """Return statistics of each resample, float64 (resamples, columns); NaN where there are fewer than two lesions.

    statistics: function of how often each of `count` lesions is drawn, uint8 (some resamples, count), that returns
    float64 (some resamples, columns).
    """
    found = np.full((resamples, columns), np.nan)
    if count < FEWEST:
        return found
    first = 0
    for times in resampled_lesions(count, seed, resamples):
        found[first : first + len(times)] = statistics(times)
        first += len(times)
    return found


def sums_before(counts: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Return the sums of all rows before each, and of all: int32 (rows + 1, columns)."""
    sums = np.zeros((len(counts) + 1, counts.shape[1]), dtype=np.int32)
    np.cumsum(counts, axis=0, out=sums[1:])
    return sums


def effective_lesions(clusters: NDArray[np.intp]) -> float:
    """Return how many lesions of one size would tell as much: (sum of sizes)^2 / sum of squared sizes (Kish 1965).

    clusters: (n,), the lesion of each picture, at least one.
    """
    sizes = np.unique(clusters, return_counts=True)[1]
    return float(clusters.size**2 / np.square(sizes.astype(np.float64)).sum())


def fewer_lesions(*groups: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the lesions of the group of pictures that tells least, the first on a tie.

    Most of the spread of a difference between groups comes from it: its lesions bound the difference, see `tails`.
    """
    return min(groups, key=effective_lesions)


def tails(clusters: NDArray[np.intp]) -> tuple[float, float]:
    """Return the shares of resamples below the lower and below the upper bound of a 95 % interval.

    clusters: the lesion of each picture that a number is of; of a difference between two groups of pictures those that
    `fewer_lesions` gives.

    Between the percentiles 2.5 and 97.5 an interval is too narrow for few lesions: resamples of n lesions spread less
    than samples do, by (n - 1) / n, and that the spread is itself an estimate is left out. The shares are Phi(-x) and
    Phi(x), x = sqrt(n / (n - 1)) t, t the 97.5 percentile of Student's distribution with n - 1 degrees of freedom: the
    expanded percentile interval (Hesterberg, What Teachers Should Know About the Bootstrap, The American Statistician
    2015). n are the effective lesions: of 20 the shares are 0.016 and 0.984, of 1,000 they are 0.0248 and 0.9752. Of
    fewer than two lesions they are 0 and 1.
    """
    # Imported here: jobs of tables import this module, too, and would wait for it as long as for pandas.
    from scipy.special import ndtr, stdtrit

    n = effective_lesions(clusters) if clusters.size else 1.0
    if n <= 1:
        return 0.0, 1.0
    tail = float(ndtr(-np.sqrt(n / (n - 1)) * stdtrit(n - 1, (1 + COVERAGE) / 2)))
    return tail, 1 - tail


def bounds(resampled: NDArray[np.float64], clusters: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the bounds of the 95 % interval of each column of (resamples, columns), float64 (columns, 2).

    clusters: the lesion of each picture that the numbers are of, see `tails`. Resamples that are NaN, as those without
    a member of a small group, are left out; NaN where all are.
    """
    shares = tails(clusters)
    if np.isnan(resampled).any():
        known = ~np.isnan(resampled).all(axis=0)
        found = np.full((resampled.shape[1], 2), np.nan)
        if known.any():
            found[known] = np.nanquantile(resampled[:, known], shares, axis=0).T.round(12)
        return found
    # The last digits of a product depend on how many rows there are: a new threshold must not move the others' bounds.
    return np.asarray(np.quantile(resampled, shares, axis=0).T.round(12))


def resampled_lesions(count: int, seed: int, resamples: int = RESAMPLES) -> Iterable[NDArray[np.uint8]]:
    """Give how often each of `count` lesions is in each resample, in pieces: uint8 (some resamples, count)."""
    return (_held_chunks if count * resamples <= HELD else _chunks)(count, seed, resamples)


def _chunks(count: int, seed: int, resamples: int) -> Iterator[NDArray[np.uint8]]:
    """Yield how often each of `count` lesions is in each resample, uint8 (some resamples, count).

    Of n lesions each is in a resample once on average; more than 255 times in less than 1 of 10^490 resamples.
    """
    together = max(1, CELLS // count)
    random = np.random.default_rng([seed, count])
    for first in range(0, resamples, together):
        rows = min(together, resamples - first)
        drawn = random.integers(0, count, size=(rows, count)) + count * np.arange(rows)[:, None]
        yield np.bincount(drawn.ravel(), minlength=rows * count).astype(np.uint8).reshape(rows, count)


@lru_cache(maxsize=8)
def _held_chunks(count: int, seed: int, resamples: int) -> tuple[NDArray[np.uint8], ...]:
    return tuple(_chunks(count, seed, resamples))
