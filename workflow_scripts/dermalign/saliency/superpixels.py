"""One value for each superpixel of the picture, so that white areas end where the picture's do (paper, section 8)."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .blocks import MapBlock, Maps
from .grids import cell_edges
from .inputs import Inputs
from .maps import open_maps
from .stretching import stretch


def superpixels(inputs: Inputs, cells: int, count: int = 100, compactness: float = 10.0) -> Iterator[MapBlock]:
    """Give each superpixel of the picture one value, so that a threshold keeps or drops it whole (paper, section 8).

    The picture is squeezed to cells x cells as for a classifier, and cut into about `count` superpixels
    (`superpixel_labels`). The value of one is the mean of the raw map, scaled up to the same cells by nearest
    neighbour; the map of these means is stretched by its own minimum and maximum. The raw map has the means.

    Memory: a block of maps and one picture. Raises InputError for raw maps that are not finite, for pictures that are
    missing or cannot be read, and for settings out of range.
    """
    with open_maps(str(inputs.maps)) as source:
        if cells < max(source.grid):
            raise InputError(
                f"cells: must be at least {max(source.grid)}, the cells along a side of the maps, not {cells}"
            )
        if not 4 <= count <= cells * cells:  # SLIC starts from a square of clusters: below 4 there is one
            raise InputError(f"count: must be from 4 to {cells * cells}, the cells of the picture, not {count}")
        if compactness <= 0:
            raise InputError(f"compactness: must be above 0, not {compactness}")
        # Which row and column of the map each row and column of cells is covered by.
        rows, columns = (np.repeat(np.arange(side), np.diff(cell_edges(side, cells))) for side in source.grid)
        pictures = inputs.decoded(source.images, cells)
        for block in source.blocks():
            scaled = source.raw(block)[:, rows][:, :, columns]
            means = np.empty(scaled.shape, dtype=np.float32)
            for row, values in enumerate(scaled):
                means[row] = superpixel_means(values, superpixel_labels(next(pictures), count, compactness))
            saliency, degenerate = stretch(means)
            yield source.remade(block, saliency, means, degenerate)


def superpixel_labels(picture: NDArray[np.uint8], count: int, compactness: float = 10.0) -> NDArray[np.intp]:
    """Cut a picture (h, w, 3) uint8 RGB into connected superpixels; return the number of each pixel's, (h, w), from 0.

    SLIC: k-means of colour (CIELAB) and place, whose number of clusters comes near `count`; a higher `compactness`
    weighs place more, for squarer superpixels (Achanta et al., "SLIC Superpixels Compared to State-of-the-Art
    Superpixel Methods", TPAMI 2012, https://doi.org/10.1109/TPAMI.2012.120). No chance is in it.
    """
    from skimage.segmentation import slic  # imported here: the other variants do without

    labels: NDArray[np.intp] = slic(picture, n_segments=count, compactness=compactness, start_label=0, channel_axis=-1)
    return labels


def superpixel_means(values: Maps, labels: NDArray[np.intp]) -> Maps:
    """Return a map (h, w) float32 that has, in each cell, the mean of `values` (h, w) over the cell's superpixel."""
    flat = labels.ravel()
    sizes = np.bincount(flat)
    sums = np.bincount(flat, weights=values.ravel().astype(np.float64))
    return (sums / np.maximum(sizes, 1)).astype(np.float32)[labels]
