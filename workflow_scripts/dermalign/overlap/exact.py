"""The exact mean Jaccard index as a function of the threshold: its best threshold without a grid, and its band.

J of a picture is a step function of the threshold t that changes only at values of its map (see `engine`). So the
mean over pictures is one too, and it changes only at values of any map: with all of them merged, its highest step is
the best of all thresholds in [0, 1], not of those tried.

White is s > t, both as float32, and at t = 0 everything is white (design, section 3). Thresholds are therefore the
float32 values of [0, 1], and a step is an interval of them: from its threshold up to, not including, the next one.
A picture that has several maps has their mean as its J; n counts pictures. Of fine maps no steps are kept: they have a
mean curve, at thresholds of three digits, and no best of all thresholds.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .curves import BLOCK, CurveFile, open_curves
from .engine import jaccard_index

SMALLEST = np.nextafter(np.float32(0), np.float32(1))  # the lowest threshold at which cells of value 0 are black
TOLERANCE = 1e-9  # steps whose running mean is this near to the highest are computed freshly
NO_THRESHOLD = {"threshold": None, "threshold_until": None}
CURVE_THRESHOLDS = [f"{number / 1000:.3f}" for number in range(1001)]


@dataclass(frozen=True)
class Steps:
    """The step functions of maps with k cells, merged: step g is the thresholds edges[g] <= t < edges[g + 1].

    edges: float32 (s,), ascending: 0, the smallest positive float32, and every higher value of any map. Nothing
    changes within a step; in the last, from the highest value on, everything is black.
    position: int32 (rows, k), descending along a row. A cell is white in the steps below its position, so that
    count(position > g) of a map's cells are white in step g.
    """

    edges: NDArray[np.float32]
    position: NDArray[np.int32]


def merge_levels(levels: NDArray[np.float32]) -> Steps:
    """Merge maps' values, float32 (rows, k) in [0, 1], each row descending as in `engine.Curves.levels`."""
    values = np.unique(levels[levels > SMALLEST])
    edges = np.concatenate([np.array([0, SMALLEST], dtype=np.float32), values])
    position = np.empty(levels.shape, dtype=np.int32)
    for start in range(0, len(levels), BLOCK):
        # Cells of value 0 are white in step 0 alone, as are those of the smallest positive value.
        position[start : start + BLOCK] = np.maximum(np.searchsorted(edges, levels[start : start + BLOCK]), 1)
    return Steps(edges, position)


@dataclass(frozen=True)
class Population:
    """The pictures of a source whose mask of one feature is not black, by name, and their step functions.

    images: the n pictures, ascending. first: intp (n + 1,), picture i has the rows first[i] to first[i + 1]
    (exclusive), one per map. steps: of all rows, k cells. jaccard: float64 (rows, k + 1), J of a row when its j
    highest cells are white.
    """

    images: list[str]
    first: NDArray[np.intp]
    steps: Steps
    jaccard: NDArray[np.float64]

    @property
    def maps(self) -> NDArray[np.intp]:
        """The number of each picture's maps, intp (n,)."""
        return np.diff(self.first)


def population_of(
    images: Sequence[str],
    steps: Steps,
    area: NDArray[np.integer],
    intersection: NDArray[np.integer],
) -> Population:
    """Return one feature's population.

    images: the picture of each row, ascending; the same name stands once per map. steps: of these rows.
    area, intersection: (rows, k + 1), as in `engine.Curves`. Memory beside the result: `BLOCK` rows.
    """
    rows = np.flatnonzero(intersection[:, -1])
    jaccard = np.empty((len(rows), area.shape[1]))
    for start in range(0, len(rows), BLOCK):
        part = rows[start : start + BLOCK]
        common = intersection[part].astype(np.int64)
        union = area[part].astype(np.int64) + common[:, -1:] - common
        jaccard[start : start + BLOCK] = jaccard_index(common, union)
    names, first = _pictures([images[row] for row in rows.tolist()])
    return Population(
        images=names,
        first=first,
        steps=Steps(steps.edges, steps.position[rows]),
        jaccard=jaccard,
    )


def _pictures(names: Sequence[str]) -> tuple[list[str], NDArray[np.intp]]:
    """Return the pictures of rows whose names ascend, each once, and `Population.first`."""
    first = [row for row, name in enumerate(names) if row == 0 or name != names[row - 1]]
    return [names[row] for row in first], np.array([*first, len(names)], dtype=np.intp)


def jaccard_at(population: Population, steps: NDArray[np.integer]) -> NDArray[np.float64]:
    """Return J of every picture in the given steps (t,), float64 (t, n), pictures by name."""
    result = np.empty((len(steps), len(population.images)))
    for start in range(0, len(population.images), BLOCK):
        first = population.first[start : start + BLOCK + 1]
        rows = slice(first[0], first[-1])
        white = _white_cells(population.steps.position[rows], steps)
        of_rows = np.take_along_axis(population.jaccard[rows], white, axis=1)
        result[:, start : start + BLOCK] = _per_picture(of_rows, first - first[0])
    return result


def _per_picture(jaccard: NDArray[np.float64], first: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the mean over each picture's maps, (t, n), of J by map, (rows, t): as from shards, bit for bit."""
    return np.add.reduceat(np.ascontiguousarray(jaccard.T), first[:-1], axis=-1) / np.diff(first)


def _white_cells(position: NDArray[np.int32], steps: NDArray[np.integer]) -> NDArray[np.intp]:
    """Return how many cells of each row are white in each step, intp (rows, t)."""
    steps = steps.astype(np.int32)
    ascending = np.ascontiguousarray(position[:, ::-1])
    black = np.empty((len(position), len(steps)), dtype=np.intp)
    for row, values in enumerate(ascending):
        black[row] = np.searchsorted(values, steps, side="right")
    return position.shape[1] - black


@dataclass(frozen=True)
class BestOfMean:
    """The thresholds [threshold, threshold_until) at which the mean of J over n pictures is highest, j_mean."""

    n: int
    threshold: np.float32
    threshold_until: np.float32
    j_mean: float


def best_of_mean(population: Population) -> BestOfMean | None:
    """Return the best of all thresholds in [0, 1], the lowest interval on a tie; None for an empty population.

    The mean at every step is a running sum of changes of J, kept in integers so that it carries no error on. It
    names the few steps that may be highest; their means are then computed freshly, as from a shard at the
    threshold, and decide. Neighbouring steps of the same mean are one interval.
    """
    if not population.images:
        return None
    running, changed, scale = _running_sums(population)
    starts = np.flatnonzero(changed)  # where a new value of J, of any picture, begins
    sums = running[starts]
    near = np.flatnonzero(sums >= sums.max() - int(TOLERANCE * scale * len(population.images)))
    means = np.concatenate(
        [
            jaccard_at(population, starts[near[begin : begin + BLOCK]]).mean(axis=1)
            for begin in range(0, len(near), BLOCK)
        ]
    )
    best = int(np.argmax(means))
    end = best + 1
    while end < len(near) and near[end] == near[end - 1] + 1 and means[end] == means[best]:
        end += 1
    # J is 0 in the last step and above 0 at t = 0, so that there is always a next start.
    edges = population.steps.edges
    return BestOfMean(
        n=len(population.images),
        threshold=edges[starts[near[best]]],
        threshold_until=edges[starts[near[end - 1] + 1]],
        j_mean=float(means[best]),
    )


def _running_sums(population: Population) -> tuple[NDArray[np.int64], NDArray[np.bool_], float]:
    """Return by step the sum of J over pictures in units of 1 / scale, whether any J is new there, and the scale."""
    position = population.steps.position
    scale = 2.0 ** (62 - len(position).bit_length())  # the sum of all J stays below 2 ** 63
    share = np.repeat(scale / population.maps, population.maps)
    sums = np.zeros(len(population.steps.edges), dtype=np.int64)
    changed = np.zeros(len(population.steps.edges), dtype=np.bool_)
    changed[0] = True
    for start in range(0, len(position), BLOCK):
        block = slice(start, start + BLOCK)
        units = np.rint(population.jaccard[block] * share[block, np.newaxis]).astype(np.int64)
        np.add.at(sums, position[block].ravel() - 1, np.diff(units, axis=1).ravel())
        changed[position[block][np.diff(population.jaccard[block], axis=1) != 0]] = True
    return np.cumsum(sums[::-1])[::-1], changed, scale


@dataclass(frozen=True)
class BestPerPicture:
    """Each picture's own best thresholds [threshold, threshold_until), float32 (n,), and J there, float64 (n,)."""

    images: list[str]
    threshold: NDArray[np.float32]
    threshold_until: NDArray[np.float32]
    jaccard: NDArray[np.float64]


def best_per_picture(population: Population) -> BestPerPicture:
    """Return the best of all thresholds in [0, 1] of each picture by itself, the lowest interval on a tie."""
    n = len(population.images)
    step, until, highest = np.empty(n, dtype=np.intp), np.empty(n, dtype=np.intp), np.empty(n)
    for picture in range(n):
        rows = slice(population.first[picture], population.first[picture + 1])
        position = population.steps.position[rows]
        own = np.concatenate([[0], np.unique(position)])
        jaccard = np.take_along_axis(population.jaccard[rows], _white_cells(position, own), axis=1)
        mean = _per_picture(jaccard, np.array([0, len(jaccard)]))[:, 0]
        best = int(np.argmax(mean))
        highest[picture] = mean[best]
        step[picture] = own[best]
        # J is 0 in the last step and above 0 at t = 0, so that it differs somewhere after the best.
        until[picture] = own[best + np.argmax(mean[best:] != mean[best])]
    edges = population.steps.edges
    return BestPerPicture(population.images, edges[step], edges[until], highest)


def mean_curve(population: Population, thresholds: Sequence[str] = CURVE_THRESHOLDS) -> pd.DataFrame:
    """Return the mean of J and its band over pictures at thresholds, decimals as written in file names.

    Columns: threshold (text), n, j_mean, j_sd (sample SD, n - 1), j_q25, j_median, j_q75 (quantiles interpolated
    linearly between pictures); NaN where they are not defined. Memory: `BLOCK` thresholds of all pictures.
    """
    values = np.array([float(threshold) for threshold in thresholds]).astype(np.float32)
    steps = np.searchsorted(population.steps.edges, values, side="right") - 1
    return _curve_table(thresholds, len(population.images), lambda block: jaccard_at(population, steps[block]))


def binned_mean_curve(curves: CurveFile, feature: str, thresholds: Sequence[str] = CURVE_THRESHOLDS) -> pd.DataFrame:
    """Return what `mean_curve` does for one feature of fine maps."""
    mask = curves.mask(feature, slice(None))
    rows = np.array(sorted(np.flatnonzero(mask), key=curves.images.__getitem__), dtype=np.intp)
    images, first = _pictures([curves.images[row] for row in rows])

    def jaccard(block: slice) -> NDArray[np.float64]:
        intersection, union, _ = curves.counts(feature, thresholds[block])
        return _per_picture(jaccard_index(intersection[:, rows], union[:, rows]).T, first)

    return _curve_table(thresholds, len(images), jaccard)


def _curve_table(thresholds: Sequence[str], n: int, jaccard_of: Callable[[slice], NDArray[np.float64]]) -> pd.DataFrame:
    """Return the table of `mean_curve`; jaccard_of: J (t, n) of a slice of the thresholds."""
    columns = np.full((5, len(thresholds)), np.nan)
    for start in range(0, len(thresholds) if n else 0, BLOCK):
        block = slice(start, start + BLOCK)
        jaccard = jaccard_of(block)
        columns[0, block] = jaccard.mean(axis=1)
        if n > 1:
            columns[1, block] = jaccard.std(axis=1, ddof=1)
        columns[2:, block] = np.quantile(jaccard, [0.25, 0.5, 0.75], axis=1, overwrite_input=True)
    names = ("j_mean", "j_sd", "j_q25", "j_median", "j_q75")
    return pd.DataFrame({"threshold": list(thresholds), "n": n, **dict(zip(names, columns, strict=True))})


def read_populations(curves: CurveFile) -> Iterator[tuple[str, Population]]:
    """Yield every feature of a file of coarse curves with its population, features by name.

    An image may stand in several rows, in any order. The maps' values are merged once where they are the same for all
    features. Memory: the file's levels, areas and one feature.
    """
    order = sorted(range(len(curves.images)), key=curves.images.__getitem__)
    place = np.empty(len(order), dtype=np.intp)
    place[order] = np.arange(len(order))
    images = [curves.images[row] for row in order]
    merged: dict[str, tuple[Steps, NDArray[Any]]] = {}
    for feature in sorted(curves.features):
        maps = curves.maps_of(feature)
        if maps not in merged:
            merged = {maps: (merge_levels(_read(curves.levels(feature), place)), _read(curves.area(feature), place))}
        steps, area = merged[maps]
        yield feature, population_of(images, steps, area, _read(curves.intersection(feature), place))


def _read(dataset: h5py.Dataset, place: NDArray[np.intp]) -> NDArray[Any]:
    """Read a data set whose row i goes to row place[i]."""
    result = np.empty(dataset.shape, dtype=dataset.dtype)
    for start in range(0, len(result), BLOCK):
        result[place[start : start + BLOCK]] = dataset[start : start + BLOCK]
    return result


def threshold_text(threshold: np.float32) -> str:
    """Return the shortest decimal that reads back as the same float32."""
    return str(threshold)


@dataclass(frozen=True)
class ExactStatistics:
    """The tables of one map source, thresholds as text; 1e-45 is the smallest positive float32.

    thresholds: model, method, feature, n, threshold, threshold_until, j_mean; one row per feature, empty from
    threshold on where the population is. pictures: model, method, feature, image, threshold, threshold_until,
    jaccard. curves: model, method, feature, and the columns of `mean_curve`. Of a source of constant maps thresholds
    are empty in the first two.
    """

    thresholds: pd.DataFrame
    pictures: pd.DataFrame
    curves: pd.DataFrame


def exact_statistics(model: str, method: str, curves_path: str | Path, *, is_constant: bool = False) -> ExactStatistics:
    """Return the exact statistics of one map source from its curve file, see `curves`.

    is_constant: whether each of its maps is the same everywhere: J is the same at all thresholds below 1, and none is
    best.
    """
    thresholds, pictures, means = [], [], []
    with open_curves(curves_path) as curves:
        if curves.is_binned:
            for feature in sorted(curves.features):
                means.append(binned_mean_curve(curves, feature).assign(feature=feature))
        else:
            for feature, population in read_populations(curves):
                thresholds.append(_threshold_row(feature, best_of_mean(population)))
                pictures.append(_picture_rows(feature, best_per_picture(population)))
                if is_constant:
                    thresholds[-1] |= NO_THRESHOLD
                    pictures[-1] = pictures[-1].assign(**NO_THRESHOLD)
                means.append(mean_curve(population).assign(feature=feature))
    return ExactStatistics(
        thresholds=_table(
            model,
            method,
            [pd.DataFrame(thresholds)] if thresholds else [],
            ["feature", "n", "threshold", "threshold_until", "j_mean"],
        ),
        pictures=_table(model, method, pictures, ["feature", "image", "threshold", "threshold_until", "jaccard"]),
        curves=_table(
            model,
            method,
            means,
            ["feature", "threshold", "n", "j_mean", "j_sd", "j_q25", "j_median", "j_q75"],
        ),
    )


def _picture_rows(feature: str, own: BestPerPicture) -> pd.DataFrame:
    columns = {
        "image": own.images,
        "threshold": [threshold_text(threshold) for threshold in own.threshold],
        "threshold_until": [threshold_text(threshold) for threshold in own.threshold_until],
        "jaccard": own.jaccard,
    }
    return pd.DataFrame({"feature": feature, **columns}, columns=["feature", *columns])


def _threshold_row(feature: str, best: BestOfMean | None) -> dict[str, object]:
    if best is None:
        return {"feature": feature, "n": 0, **NO_THRESHOLD, "j_mean": np.nan}
    return {
        "feature": feature,
        "n": best.n,
        "threshold": threshold_text(best.threshold),
        "threshold_until": threshold_text(best.threshold_until),
        "j_mean": best.j_mean,
    }


def _table(model: str, method: str, parts: Sequence[pd.DataFrame], columns: Sequence[str]) -> pd.DataFrame:
    filled = [part for part in parts if len(part)]
    table = pd.concat(filled, ignore_index=True)[list(columns)] if filled else pd.DataFrame(columns=list(columns))
    table.insert(0, "model", model)
    table.insert(1, "method", method)
    return table
