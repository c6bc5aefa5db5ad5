"""The overlap engine: the exact Jaccard index of a thresholded map and a mask, at every threshold, from cells.

Let s be a map's cells, a the pixels that each covers and c the white pixels of the mask among them. The map is
white where s > t; then, in pixels of the full-size picture,

    |A| = sum of a over s > t,   |A and B| = sum of c over s > t,   |A or B| = |A| + |B| - |A and B|

are exact integers. Sorting the cells from the highest value to the lowest makes both sums cumulative, so that one
sort per picture answers every threshold: J(t) is a step function with at most h*w steps.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..data.grids import areas_of

BINS = 1001  # thresholds of three digits, 0.000 to 1.000


@dataclass(frozen=True)
class Curves:
    """What n maps of k = h*w cells cover at every threshold, in c columns.

    levels: float32 (n, k), the maps' values, descending; column j is what holds when the j highest cells are white, so
    that c = k + 1. None of fine maps: column j is what holds at the threshold j / 1000, and c = 1,001.
    area: int64 (n, c), |A|. intersection: {feature: int64 (n, c)}, |A and B|; where all is white, that is |B|.
    """

    levels: NDArray[np.float32] | None
    area: NDArray[np.int64]
    intersection: dict[str, NDArray[np.int64]]


def overlap_curves(
    saliency: NDArray[np.float32],
    cells: Mapping[str, NDArray[np.integer]],
    sizes: NDArray[np.integer],
) -> Curves:
    """Return the step functions of n pictures, exact for every threshold.

    saliency: float32 (n, h, w), values in [0, 1]. cells: {feature: white pixels per cell (n, h, w)}.
    sizes: (n, 2), width and height of each picture in pixels.
    """
    n, rows, columns = saliency.shape
    flat = saliency.reshape(n, rows * columns)
    order = np.argsort(-flat, axis=1, kind="stable")
    return Curves(
        levels=np.take_along_axis(flat, order, axis=1),
        area=_cumulative(areas_of((rows, columns), sizes).reshape(flat.shape), order),
        intersection={
            feature: _cumulative(counts.reshape(flat.shape).astype(np.int64), order)
            for feature, counts in cells.items()
        },
    )


def _cumulative(values: NDArray[np.int64], order: NDArray[np.intp]) -> NDArray[np.int64]:
    result = np.zeros((values.shape[0], values.shape[1] + 1), dtype=np.int64)
    np.cumsum(np.take_along_axis(values, order, axis=1), axis=1, out=result[:, 1:])
    return result


def binned_curves(
    saliency: NDArray[np.float32],
    cells: Mapping[str, NDArray[np.integer]],
    sizes: NDArray[np.integer],
) -> Curves:
    """Return what `overlap_curves` does at the thresholds 0.000, 0.001, ..., 1.000 alone, exactly, for fine maps.

    A cell of value s is white at the thresholds that are below s as float32, and at 0: so its pixels are counted in the
    column of the highest such threshold, and a sum from the last column to the first gives all of them.
    """
    n, rows, columns = saliency.shape
    column = threshold_columns(saliency.reshape(n, rows * columns))
    return Curves(
        levels=None,
        area=_binned(areas_of((rows, columns), sizes).reshape(column.shape), column),
        intersection={feature: _binned(counts.reshape(column.shape), column) for feature, counts in cells.items()},
    )


def threshold_columns(saliency: NDArray[np.float32]) -> NDArray[np.intp]:
    """Return how many of the thresholds 0.001, ..., 1.000, as float32, are below each value, of the same shape.

    That is the last column of `binned_curves` in which a cell of this value is white.
    """
    thresholds = (np.arange(1, BINS) / (BINS - 1)).astype(np.float32)
    return np.searchsorted(thresholds, saliency, side="left")


def _binned(values: NDArray[np.integer], column: NDArray[np.intp]) -> NDArray[np.int64]:
    # Sums of pixels stay far below 2 ** 53, so that adding them up as float64 is exact.
    per_column = np.empty((len(values), BINS), dtype=np.int64)
    for row, (of, pixels) in enumerate(zip(column, values, strict=True)):
        per_column[row] = np.bincount(of, weights=pixels, minlength=BINS)
    return np.cumsum(per_column[:, ::-1], axis=1)[:, ::-1]


def is_white(saliency: NDArray[np.float32], threshold: float) -> NDArray[np.bool_]:
    """Return where maps are white at a threshold, of their shape.

    White is s > t, both as float32; at t = 0 everything is white (design, section 3).
    """
    return saliency > np.float32(threshold) if threshold else np.ones(saliency.shape, dtype=np.bool_)


def white_cells(levels: NDArray[np.float32], threshold: float) -> NDArray[np.int64]:
    """Return how many cells of each picture are white at a threshold, shape (n,), from `Curves.levels` (n, k)."""
    return np.count_nonzero(is_white(levels, threshold), axis=1).astype(np.int64)


def intersection_and_union(
    curves: Curves, feature: str, threshold: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return |A and B| and |A or B| in pixels at a threshold, each int64 (n,), of `overlap_curves`."""
    assert curves.levels is not None
    pictures = np.arange(curves.levels.shape[0])
    white = white_cells(curves.levels, threshold)
    intersection = curves.intersection[feature][pictures, white]
    union = curves.area[pictures, white] + curves.intersection[feature][:, -1] - intersection
    return intersection, union


def jaccard_index(intersection: NDArray[np.int64], union: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return |A and B| / |A or B|, float64 (n,). The union of a population's pictures is never empty."""
    return intersection / union
