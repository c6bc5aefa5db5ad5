"""One range for each tile of a map, so that the threshold is a local one (paper, section 8)."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from ..errors import InputError
from .blocks import MapBlock
from .inputs import Inputs
from .maps import open_maps
from .stretching import stretch


def tiles(inputs: Inputs, tiles: int) -> Iterator[MapBlock]:
    """Stretch each tile of a raw map by its own minimum and maximum: local thresholds (paper, section 8).

    A map is cut into `tiles` x `tiles` tiles whose sides differ by one cell at most. One threshold then stands at the
    same height between the faintest and the strongest cell of every tile, which is another value of the map in each.
    Mind what follows: every tile that is not constant has a white cell below threshold 1, however faint. A constant
    tile is zeros, and a map of constant tiles degenerate. A single tile gives the maps of the source.

    Memory: a block of maps. Raises InputError for raw maps that are not finite, and where there is no tile or a tile
    would have no cell.
    """
    with open_maps(str(inputs.maps)) as source:
        rows, columns = (tile_edges(cells, tiles) for cells in source.grid)
        for block in source.blocks():
            raw = source.raw(block)
            saliency = np.empty_like(raw)
            degenerate = np.ones(len(raw), dtype=np.bool_)
            for top, bottom in pairwise(rows):
                for left, right in pairwise(columns):
                    tile, constant = stretch(raw[:, top:bottom, left:right])
                    saliency[:, top:bottom, left:right] = tile
                    degenerate &= constant
            yield source.remade(block, saliency, raw, degenerate)


def tile_edges(cells: int, count: int) -> list[int]:
    """Return where each of `count` tiles of an axis of `cells` cells begins, and where the last one ends."""
    if not 1 <= count <= cells:
        raise InputError(f"tiles: must be from 1 to {cells}, the cells along a side of the maps, not {count}")
    return [number * cells // count for number in range(count + 1)]
