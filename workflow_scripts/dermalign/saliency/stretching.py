"""Maps on one scale: each stretched to [0, 1], so that one threshold means the same height in all of them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError


def stretch(raw: NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Stretch each of n maps (n, h, w) to [0, 1] by its own minimum and maximum (paper, section 3.3).

    Returns (saliency (n, h, w) float32, degenerate (n,) bool). A constant map is degenerate and becomes zeros, so
    nothing is ever NaN. Raises `InputError` for values that are not finite.
    """
    if not np.isfinite(raw).all():
        wrong = np.flatnonzero(~np.isfinite(raw).all(axis=(1, 2)))
        raise InputError(f"saliency maps with values that are not finite: {len(wrong)} (first: number {wrong[0]})")
    values = raw.astype(np.float64)  # the difference of two float32 may overflow float32
    low = values.min(axis=(1, 2), keepdims=True)
    span = values.max(axis=(1, 2), keepdims=True) - low
    degenerate = span == 0
    saliency = (values - low) / np.where(degenerate, 1.0, span)
    return saliency.astype(np.float32), degenerate[:, 0, 0]
