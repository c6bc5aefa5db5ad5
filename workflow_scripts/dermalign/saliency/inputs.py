"""What the function of a map source is given."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.archives import list_pictures, open_archive
from ..data.grids import Grid
from ..data.pictures import check_there, decode


@dataclass(frozen=True)
class Inputs:
    """What a map source is made from; which parts are there follows from what its kind needs.

    images: the pictures that need a map, by name; of a source that is made of maps, whatever these have.
    features: those configured, then `union`; where the kind needs masks.
    grid: the cells (h, w) that the maps must have; of methods that ask a classifier it follows from that.
    seed: of a source that draws. threads: to compute in.
    classifier: path of the model's classifier; settings: its `input_size`, `logits` (the layer of its class scores,
        None where they are before the softmax) and `layers`, {name as configured: name in it}; classes: its outputs'
        names.
    pictures: path of the archive of evaluation pictures.
    maps: path of the maps that the source is made of.
    cells: paths of the mask-cell files.
    lesions: paths of tables that tell which pictures show one lesion.
    lesion_masks: path of the archive of lesion masks; lesion_pattern: how they are found in it, a path with `{image}`.
    reader_masks: path of the archive of a reader's masks.
    """

    images: list[str]
    grid: Grid = (1, 1)
    features: list[str] = field(default_factory=list)
    seed: int = 0
    threads: int = 1
    classifier: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    classes: list[str] = field(default_factory=list)
    pictures: str | None = None
    maps: str | None = None
    cells: list[str] = field(default_factory=list)
    lesions: list[str] = field(default_factory=list)
    lesion_masks: str | None = None
    lesion_pattern: str = ""
    reader_masks: str | None = None

    def decoded(self, images: Sequence[str], size: int) -> Iterator[NDArray[np.uint8]]:
        """Yield pictures as (size, size, 3) uint8 RGB, one at a time, in the given order.

        Raises InputError for a picture that is missing or cannot be read.
        """
        archive = str(self.pictures)
        members = list_pictures(archive)
        check_there(archive, images, members)
        with open_archive(archive) as opened:
            for image in images:
                yield decode(opened, members[image].path, size)
