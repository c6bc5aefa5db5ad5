"""White pixels of a mask per cell of a grid, read once for all grids."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from .grids import Grid, cell_edges
from .masks import WhiteBox


def count_cells(white: WhiteBox, grids: Sequence[Grid]) -> list[NDArray[np.int64]]:
    """Return for each (h, w) of `grids` the white pixels per cell, shape (h, w), exact.

    The pixels are read once for all grids: added up over the row strips between any grid's edges first, and what
    is left, a few rows of the picture's width, over each grid's cells.
    """
    if not white.pixels.size:
        return [np.zeros(grid, dtype=np.int64) for grid in grids]
    width, height = white.size
    row_edges = [np.clip(cell_edges(rows, height), white.top, white.bottom) - white.top for rows, _ in grids]
    strip_edges = np.unique(np.concatenate([*row_edges, [0, white.pixels.shape[0]]]))
    strips = np.stack([_sum_rows(white.pixels[start:stop]) for start, stop in pairwise(strip_edges.tolist())])
    # Sums above and left of each (strip edge, pixel column) of the box.
    above = np.zeros((len(strip_edges), white.pixels.shape[1] + 1), dtype=np.int64)
    np.cumsum(np.cumsum(strips, axis=0), axis=1, out=above[1:, 1:])
    counts = []
    for (_, columns), edges in zip(grids, row_edges, strict=True):
        column_edges = np.clip(cell_edges(columns, width), white.left, white.right) - white.left
        corners = above[np.searchsorted(strip_edges, edges)][:, column_edges]
        counts.append(np.diff(np.diff(corners, axis=0), axis=1))
    return counts


def _sum_rows(pixels: NDArray[np.uint8]) -> NDArray[np.int64]:
    # Adding 0/1 bytes as bytes is several times faster than widening each; 255 rows cannot overflow a byte.
    total = np.zeros(pixels.shape[1], dtype=np.int64)
    for start in range(0, pixels.shape[0], 255):
        total += np.add.reduce(pixels[start : start + 255], axis=0, dtype=np.uint8)
    return total
