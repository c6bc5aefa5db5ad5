"""Bilinear interpolation between the centres of cells, as Pillow's and PyTorch's (without aligned corners)."""

import numpy as np
from numpy.typing import NDArray


def bilinear_weights(cells: int, pixels: int) -> NDArray[np.float32]:
    """Return the weights (pixels, cells) with which values of cells make those of more pixels along one axis.

    Cells and pixels are intervals of one length's halves, thirds and so on; a pixel's value lies between those of the
    two cells whose centres are nearest, and before the first and behind the last centre it is that cell's.
    """
    at = np.clip((np.arange(pixels) + 0.5) * cells / pixels - 0.5, 0, cells - 1)
    lower = np.minimum(at.astype(np.intp), max(cells - 2, 0))
    upper = np.minimum(lower + 1, cells - 1)
    share = at - lower
    weights = np.zeros((pixels, cells))
    np.add.at(weights, (np.arange(pixels), lower), 1 - share)
    np.add.at(weights, (np.arange(pixels), upper), share)
    return weights.astype(np.float32)
