"""Blocks of maps: what a map source gives, which map a feature is compared with, how many are held in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..data.grids import FINE_CELLS
from ..errors import InputError
from ..terms import UNION

Maps = NDArray[np.float32]


def rows_in_memory(cells: int) -> int:
    """Return how many maps of so many cells are held in memory at a time: 256, fewer of fine ones."""
    return max(1, min(256, 256 * FINE_CELLS // cells))


def maps_of_feature(maps: Maps, features: Sequence[str], feature: str, source: str, image: str = "") -> Maps:
    """Return those maps that a feature is compared with, (..., h, w).

    maps: (..., h, w), or (..., features, h, w) where they differ by feature. Where there is none of the union, that is
    their maximum: it is white wherever one of them is. source, image: for the message; image where it is of one.
    Raises InputError for a feature that has no map.
    """
    if not features:
        return maps
    if feature in features:
        return maps[..., features.index(feature), :, :]
    if feature == UNION:
        return np.asarray(maps.max(axis=-3))
    of = f" of {image}" if image else ""
    raise InputError(f"{source} has maps of {', '.join(features)}{of}, none of {feature}.")


@dataclass(frozen=True)
class MapBlock:
    """Maps of n pictures, in order; a picture may stand several times, as the draws of chance do.

    images: names, n. saliency: float32 (n, h, w) in [0, 1], or (n, features, h, w) where maps differ by feature.
    raw: the same shape, as the source gave them. degenerate: bool (n,), whether the map is constant.
    features: what the second axis of such maps is of; empty where one map serves all features.
    probabilities: float32 (n, classes); predicted, target: names of classes, n; all empty of a source that predicts
    nothing. layer: where the maps were taken, in a classifier; score: of the class `target`, before or after the
    softmax; asked_for: `predicted`, `diagnosis` or the class that was asked for. signed: of a method whose maps have
    negative parts, the same shape as `raw`, which has none.
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
    score: str = ""
    asked_for: str = ""
    signed: Maps | None = None
