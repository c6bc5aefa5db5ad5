"""What goes into the function of a map source, and what comes out: blocks of maps."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.archives import list_pictures, open_archive
from ..data.pictures import decode
from ..errors import InputError
from .grids import Grid

Maps = NDArray[np.float32]

FINE_CELLS = 4096  # a map of more cells than this is fine: design, section 3


def rows_in_memory(cells: int) -> int:
    """Return how many maps of so many cells are held in memory at a time: 256, fewer of fine ones."""
    return max(1, min(256, 256 * FINE_CELLS // cells))


@dataclass(frozen=True)
class Inputs:
    """What a map source is made from; which parts are there follows from what its kind needs.

    images: the pictures that need a map, by name; of a source that is made of maps, whatever these have.
    features: those configured, then `union`.
    grid: the cells (h, w) that the maps must have. seed: of a source that draws. threads: to compute in.
    classifier: path of the model's classifier; settings: its `input_size`, `saliency_layer` and, of a brought one,
        `path` and `logits`; classes: its outputs' names.
    pictures: path of the archive of evaluation pictures.
    maps: path of the maps that the source is made of.
    cells: paths of the mask-cell files.
    """

    images: list[str]
    features: list[str]
    grid: Grid
    seed: int = 0
    threads: int = 1
    classifier: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    classes: list[str] = field(default_factory=list)
    pictures: str | None = None
    maps: str | None = None
    cells: list[str] = field(default_factory=list)

    def decoded(self, images: Sequence[str], size: int) -> Iterator[NDArray[np.uint8]]:
        """Yield pictures as (size, size, 3) uint8 RGB, one at a time, in the given order.

        Raises InputError for a picture that is missing or cannot be read.
        """
        archive = str(self.pictures)
        members = list_pictures(archive)
        if missing := [image for image in images if image not in members]:
            raise InputError(f"{archive}: lacks {len(missing)} of {len(images)} pictures, among them {missing[0]}")
        with open_archive(archive) as opened:
            for image in images:
                yield decode(opened, members[image].path, size)


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
