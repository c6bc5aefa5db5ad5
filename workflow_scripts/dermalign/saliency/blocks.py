"""Blocks of maps: what the function of a map source gives, and how many maps are held in memory."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Maps = NDArray[np.float32]

FINE_CELLS = 4096  # a map of more cells than this is fine: design, section 3


def rows_in_memory(cells: int) -> int:
    """Return how many maps of so many cells are held in memory at a time: 256, fewer of fine ones."""
    return max(1, min(256, 256 * FINE_CELLS // cells))


@dataclass(frozen=True)
class MapBlock:
    """Maps of n pictures, in order; a picture may stand several times, as the draws of chance do.

    images: names, n. saliency: float32 (n, h, w) in [0, 1], or (n, features, h, w) where maps differ by feature.
    raw: the same shape, as the source gave them. degenerate: bool (n,), whether the map is constant.
    features: what the second axis of such maps is of; empty where one map serves all features.
    probabilities: float32 (n, classes); predicted, target: names of classes, n; all empty of a source that predicts
    nothing. layer: where the maps were taken, in a classifier.
    """

    images: list[str]
    saliency: Maps
    raw: Maps
    degenerate: NDArray[np.bool_]
    features: list[str] = field(default_factory=list)
    probabilities: Maps | None = None
    predicted: list[str] = field(default_factory=list)
    target: list[str] = field(default_factory=list)
    layer: str = ""
