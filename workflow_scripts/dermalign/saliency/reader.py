"""A reader's regions as maps: what an expert drew in the explorer, beside what classifiers look at.

No grid of cells holds the border of a region: these maps are for what is shown, and for measures without a threshold.
Jaccard indices of a reader come from the pixels of the masks, see `overlap.reader_overlaps`.
"""

from collections.abc import Iterator

import numpy as np

from ..data.grids import cell_areas
from ..data.mask_counts import count_cells
from ..data.reader_files import masked_images, read_reader_masks
from ..terms import UNION
from .blocks import MapBlock, rows_in_memory
from .inputs import Inputs


def reader(inputs: Inputs, cells: int) -> Iterator[MapBlock]:
    """Yield maps by feature, float32 (n, features, h, w): the share of each cell's pixels inside the reader's regions.

    Of every picture that the reader finished; `union` is among the features. A map is degenerate where it is constant.
    Memory: a block of maps for all features, and the masks of its pictures.
    """
    archive, features = str(inputs.reader_masks), [name for name in inputs.features if name != UNION]
    block = max(1, rows_in_memory(cells * cells) // len(inputs.features))
    images = masked_images(archive, features)
    for start in range(0, len(images), block):
        part = images[start : start + block]
        maps = np.empty((len(part), len(inputs.features), *inputs.grid), dtype=np.float32)
        for row, (_, boxes) in enumerate(read_reader_masks(archive, features, part)):
            for column, feature in enumerate(inputs.features):
                (white,) = count_cells(boxes[feature], [inputs.grid])
                maps[row, column] = white / np.maximum(cell_areas(inputs.grid, *boxes[feature].size), 1)
        degenerate = (maps.min(axis=(1, 2, 3)) == maps.max(axis=(1, 2, 3))).astype(np.bool_)
        yield MapBlock(part, maps, maps, degenerate, list(inputs.features))
