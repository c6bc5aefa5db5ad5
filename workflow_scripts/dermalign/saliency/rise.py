"""RISE: the mean of random masks, weighted by the score of the picture behind each; the network is only asked.

Petsiuk, Das, Saenko, "RISE: Randomized Input Sampling for Explanation of Black-box Models", BMVC 2018,
https://arxiv.org/abs/1806.07421
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .interpolation import bilinear_weights
from .network import Floats, Network

# Masks before a standard error is looked at, and from one look to the next.
FEWEST = 100
BETWEEN = 20


def rise(
    network: Network,
    picture: NDArray[Any],
    target: int,
    random: np.random.Generator,
    *,
    masks: int = 4000,
    cells: int = 7,
    kept: float = 0.5,
    standard_error: float = 0,
) -> Floats:
    """Return the map (H, W) of a picture (H, W, 3), RGB from 0 to 255, for a class index.

    It is the sum of masks times the class scores of the masked pictures, over the number of masks times `kept`
    (equation 6). `cells`, `kept`: as in `draw_masks`. At most `masks` are tried; fewer where the standard error of
    the map, the root mean square over its pixels as a share of its range, falls to `standard_error` before (0: never).
    A map of scores before the softmax may be negative, which says nothing against a pixel: all masks hide much of the
    picture. Memory: a batch of masked pictures.
    """
    pixels = picture.astype(np.float32)
    total = np.zeros(pixels.shape[:2], np.float64)
    squares = np.zeros_like(total)
    tried = 0
    drawn = draw_masks(masks, pixels.shape[:2], cells, kept, random)
    for part in network.batches(masks):
        shown = drawn.pixels(part)
        scores = network.scores(shown[..., None] * pixels, target)
        # One by one, and looked at after so many: batches of another size give the same map.
        for score, mask in zip(scores, shown, strict=True):
            weighted = score * mask
            total += weighted
            tried += 1
            if standard_error:
                squares += weighted**2
                is_time = tried >= FEWEST and tried % BETWEEN == 0
                if is_time and _error_share(total, squares, tried) <= standard_error:
                    return _mean(total, tried, kept)
    return _mean(total, tried, kept)


def _mean(total: NDArray[np.float64], tried: int, kept: float) -> Floats:
    return np.asarray(total / (tried * kept), dtype=np.float32)


@dataclass(frozen=True)
class Masks:
    """Random masks of pictures (section 3.2), each a small grid and where it is cut."""

    size: tuple[int, int]
    grids: NDArray[np.float32]
    """(count, cells, cells), 0 or 1"""
    shifts: NDArray[np.int64]
    """(count, 2), pixels down and to the right, less than a cell"""

    def pixels(self, part: slice) -> NDArray[np.float32]:
        """Return some of the masks (m, H, W), from 0 to 1.

        A grid is scaled up bilinearly to one cell more than the picture on either axis, and cut to it at its place.
        """
        cells = self.grids.shape[1]
        rows, columns = (bilinear_weights(cells, (cells + 1) * _cell(side, cells)) for side in self.size)
        height, width = self.size
        found = np.empty((part.stop - part.start, height, width), np.float32)
        for mask, grid, (down, right) in zip(found, self.grids[part], self.shifts[part], strict=True):
            mask[:] = rows[down : down + height] @ grid @ columns[right : right + width].T
        return found


def draw_masks(count: int, size: tuple[int, int], cells: int, kept: float, random: np.random.Generator) -> Masks:
    """Draw masks for pictures of a size (H, W): grids of cells x cells of which each is 1 with probability `kept`."""
    grids = (random.random((count, cells, cells)) < kept).astype(np.float32)
    shifts = np.stack([random.integers(0, _cell(side, cells), count) for side in size], axis=1)
    return Masks(size, grids, shifts)


def _cell(side: int, cells: int) -> int:
    """Return a cell's side in pixels, so that so many of them cover the picture's."""
    return -(-side // cells)


def _error_share(total: NDArray[np.float64], squares: NDArray[np.float64], tried: int) -> float:
    """Return the standard error of the mean of `tried` values per pixel, of sums and sums of squares; see `rise`."""
    variances = np.maximum(squares - total**2 / tried, 0) / (tried - 1)
    span = np.ptp(total / tried)
    return float(np.sqrt((variances / tried).mean()) / span) if span else np.inf
