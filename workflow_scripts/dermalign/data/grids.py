"""Grids: which rectangle of a picture each cell of a saliency map covers when the map is scaled up.

Scaling up is by nearest neighbour, pixel for pixel as Pillow's `Image.resize(size, NEAREST)` (design, section 3).
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Grid = tuple[int, int]  # rows and columns of a map's cells

FINE_CELLS = 4096  # a map of more cells than this is fine: design, section 3


def grid_name(grid: Grid) -> str:
    """Return `28x28` for (28, 28)."""
    return f"{grid[0]}x{grid[1]}"


def named_grid(name: str) -> Grid:
    """Return (28, 28) for `28x28`."""
    rows, columns = map(int, name.split("x"))
    return rows, columns


@lru_cache(maxsize=4096)
def cell_edges(cells: int, pixels: int) -> NDArray[np.int64]:
    """Return where each of `cells` map cells begins along an axis of `pixels` picture pixels.

    The result has shape (cells + 1,): cell i covers the pixels edges[i] to edges[i + 1] (exclusive), none where a
    map is larger than the picture. It is read off Pillow's own nearest-neighbour resize of a row of cell numbers,
    whose rounding is thereby the definition, not our imitation of it.
    """
    numbers = Image.fromarray(np.arange(cells, dtype=np.int32)[np.newaxis, :])
    covered_by = np.asarray(numbers.resize((pixels, 1), Image.Resampling.NEAREST))[0]
    edges = np.concatenate([[0], np.cumsum(np.bincount(covered_by, minlength=cells))])
    edges.setflags(write=False)
    return edges


def cell_areas(grid: Grid, width: int, height: int) -> NDArray[np.int64]:
    """Return the pixels that each cell of an (h, w) grid covers, shape (h, w), in a picture of width x height."""
    rows, columns = grid
    return np.outer(np.diff(cell_edges(rows, height)), np.diff(cell_edges(columns, width)))


def areas_of(grid: Grid, sizes: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return what `cell_areas` does for n pictures, int64 (n, h, w). sizes: (n, 2), width and height in pixels."""
    areas = np.empty((len(sizes), *grid), dtype=np.int64)
    for row, (width, height) in enumerate(sizes.tolist()):
        areas[row] = cell_areas(grid, width, height)
    return areas
