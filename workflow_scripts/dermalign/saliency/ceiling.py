"""The resolution ceiling as maps: what a map of h x w cells would be that knew the masks.

The share of white pixels in each cell of a feature's mask. For each picture the best map at its best threshold is this
one thresholded (shown in `overlap.ceilings`), so that its best J with one threshold for all pictures is the part of the
ceiling that is not lost to a common threshold. Shares are float32 here, as all maps.
"""

from collections.abc import Iterator

import numpy as np

from .blocks import MapBlock
from .inputs import Inputs
from .mask_blocks import mask_blocks


def ceiling(inputs: Inputs) -> Iterator[MapBlock]:
    """Yield maps by feature, float32 (n, features, h, w): the share of white in each cell, 0 where it covers no pixel.

    Needs masks; `union` is among the features, as its cells are not the other features' maximum. A map is degenerate
    where it is constant. Memory: a block of maps for all features.
    """
    for block in mask_blocks(inputs):
        areas = np.broadcast_to(block.area, block.white.shape)
        shares = np.divide(block.white, areas, out=np.zeros(areas.shape), where=areas > 0)
        maps = shares.astype(np.float32)
        degenerate = (maps.min(axis=(1, 2, 3)) == maps.max(axis=(1, 2, 3))).astype(np.bool_)
        yield MapBlock(block.images, maps, maps, degenerate, list(inputs.features))
