"""The resolution ceiling as maps: what a map of h x w cells would be that knew the masks.

The share of white pixels in each cell of a feature's mask. For each picture the best map at its best threshold is this
one thresholded (shown in `overlap.ceilings`), so that its best J with one threshold for all pictures is the part of the
ceiling that is not lost to a common threshold. Shares are float32 here, as all maps.
"""

from collections.abc import Iterator

import numpy as np

from ..data.cell_files import CellFile
from ..data.grids import cell_areas
from .blocks import MapBlock, rows_in_memory
from .inputs import Inputs


def ceiling(inputs: Inputs) -> Iterator[MapBlock]:
    """Yield maps by feature, float32 (n, features, h, w): the share of white in each cell, 0 where it covers no pixel.

    Needs masks; `union` is among the features, as its cells are not the other features' maximum. A map is degenerate
    where it is constant. Memory: a block of maps for all features.
    """
    wanted = set(inputs.images)
    rows_of, columns_of = inputs.grid
    for path in inputs.cells:
        with CellFile(path) as cells:
            rows = np.array([row for row, image in enumerate(cells.images) if image in wanted], dtype=np.intp)
            block = max(1, rows_in_memory(rows_of * columns_of) // len(cells.features))
            for start in range(0, len(rows), block):
                part = rows[start : start + block]
                counts = cells.counts(inputs.grid, part)
                areas = np.stack([cell_areas(inputs.grid, *size) for size in cells.sizes(part).tolist()])
                areas = np.broadcast_to(areas[:, np.newaxis], counts.shape)
                maps = np.divide(counts, areas, out=np.zeros(counts.shape), where=areas > 0).astype(np.float32)
                degenerate = (maps.min(axis=(1, 2, 3)) == maps.max(axis=(1, 2, 3))).astype(np.bool_)
                images = [cells.images[row] for row in part]
                yield MapBlock(images, maps, maps, degenerate, list(cells.features))
