"""The canvas: arrays of colour, what stains and covers them, and the random numbers that a drawing follows.

A canvas is (h, w, 3) float32, red, green and blue from 0 (black) to 255. Rounding to whole numbers comes last, when
the picture is finished; until then values may leave the range.
"""

import zlib

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]  # canvases (h, w, 3) and single values of pixels (h, w)
Mask = NDArray[np.bool_]  # (h, w), true where a feature is
Points = NDArray[np.float64]  # coordinates (n, 2), x before y, and lengths or angles (n,)
Random = np.random.Generator

# How strongly the two pigments of skin absorb red, green and blue light: what makes brown brown and red red.
_MELANIN = np.array([0.42, 0.72, 0.95], dtype=np.float32)
_BLOOD = np.array([0.12, 0.80, 0.62], dtype=np.float32)


def random_stream(seed: int, *words: str) -> Random:
    """Return the random numbers of one part of a drawing: of other words, an independent stream from the same seed."""
    return np.random.default_rng([seed, *(zlib.crc32(word.encode()) for word in words)])


def rise(values: Floats, low: float, high: float) -> Floats:
    """Return `values` as (same shape) float32 in [0, 1]: 0 below `low`, 1 above `high` and a smooth step between."""
    t = np.clip((values - low) / np.float32(high - low), 0, 1)
    return t * t * (3 - 2 * t)


def stain(canvas: Floats, melanin: Floats | float = 0.0, blood: Floats | float = 0.0) -> Floats:
    """Return the canvas (h, w, 3) darkened by pigments, each by its colour, as a transparency on the lamp would be.

    melanin, blood: optical densities, (h, w) or one for all pixels; 0 leaves the canvas as it is.
    """
    brown = np.asarray(melanin, dtype=np.float32)[..., None] * _MELANIN
    red = np.asarray(blood, dtype=np.float32)[..., None] * _BLOOD
    return canvas * np.exp(-brown - red)


def blend(canvas: Floats, colour: tuple[int, int, int], alpha: Floats) -> Floats:
    """Return the canvas (h, w, 3) under a coat of `colour` (red, green, blue; each 0 to 255).

    alpha: (h, w) in [0, 1]: 0 leaves the canvas as it is, 1 hides it.
    """
    return canvas + (np.array(colour, dtype=np.float32) - canvas) * alpha[..., None]
