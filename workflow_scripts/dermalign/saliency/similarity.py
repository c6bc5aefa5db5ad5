"""How alike two saliency maps of a picture are."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .stretching import stretch

WINDOW = 7  # cells, scikit-image's own
SMALLEST_WINDOW = 3


def similarity(first: NDArray[Any], second: NDArray[Any]) -> tuple[float, float]:
    """Return the rank correlation and the SSIM of two raw maps (1, h, w), each stretched by its own range.

    Both are NaN where one of the maps is constant: it is like no other. Raises `InputError` as `stretching.stretch`.
    """
    (one, is_constant), (other, is_constant_too) = stretch(first), stretch(second)
    if is_constant[0] or is_constant_too[0]:
        return float("nan"), float("nan")
    return rank_correlation(one[0], other[0]), ssim(one[0], other[0])


def rank_correlation(first: NDArray[Any], second: NDArray[Any]) -> float:
    """Return Spearman's rank correlation of the cells of two maps (h, w), neither constant.

    Pearson's of the ranks, equal cells having the mean of theirs (Spearman 1904; Kendall and Gibbons, Rank Correlation
    Methods, 1990, section 3.8): 1 for equal maps and whatever rises with them, 0 for what has nothing to do with them.
    """
    one, other = _centred_ranks(first), _centred_ranks(second)
    return float((one * other).sum() / np.sqrt((one * one).sum() * (other * other).sum()))


def _centred_ranks(values: NDArray[Any]) -> NDArray[np.float64]:
    _, place, counts = np.unique(values.ravel(), return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: NDArray[np.float64] = (last - (counts - 1) / 2)[place] - (values.size + 1) / 2
    return ranks


def ssim(first: NDArray[Any], second: NDArray[Any]) -> float:
    """Return the structural similarity of two maps (h, w), values in [0, 1]; NaN of maps smaller than 3 x 3 cells.

    Wang, Bovik, Sheikh, Simoncelli, "Image quality assessment: from error visibility to structural similarity", 2004:
    the mean over all windows of 7 x 7 cells that lie in the map, and of as many as fit of smaller ones, an odd number
    (7 of 8 x 8 cells, 3 of 4 x 4); scikit-image's `structural_similarity`.
    """
    window = ssim_window(first.shape)
    if window is None:
        return float("nan")
    # Imported here: planning and tables import this module, too.
    from skimage.metrics import structural_similarity

    one, other = first.astype(np.float64), second.astype(np.float64)
    return float(structural_similarity(one, other, win_size=window, data_range=1.0))  # type: ignore[no-untyped-call]


def ssim_window(grid: Sequence[int]) -> int | None:
    """Return the side, in cells, of the windows in which maps of (h, w) cells are compared; None if none fits."""
    side = min(*grid, WINDOW)
    side -= 1 - side % 2
    return side if side >= SMALLEST_WINDOW else None
