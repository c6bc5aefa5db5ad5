"""Mask cells: how many white pixels each cell of a saliency grid covers, from one decoding per mask.

With nearest-neighbour scaling, every cell of an (h, w) map covers a rectangle of the picture. The white pixels of
a mask per rectangle are all that the Jaccard index at any threshold needs (see `engine`), and they depend on the
grid's shape and the picture alone, not on the classifier. So no map is ever scaled up, no mask is decoded twice.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..data.archives import Member, open_archive
from ..data.cell_files import PictureCells
from ..data.grids import Grid
from ..data.images import picture_size
from ..data.mask_counts import count_cells
from ..data.masks import MaskReader, WhiteBox, black_box, other_size, unite
from ..errors import InputError
from ..logs import progress
from ..terms import UNION

# What else is made of a picture's masks while they are in memory: a function of its name and their white pixels by
# feature, `union` last.
Observer = Callable[[str, Mapping[str, WhiteBox]], None]


def count_picture(
    image: str,
    masks: Iterable[tuple[str, WhiteBox]],
    grids: Sequence[Grid],
    size: tuple[int, int],
    observers: Iterable[Observer] = (),
) -> PictureCells:
    """Count one picture's masks, given as pairs of feature and white pixels, and their union.

    size: (width, height) of the picture. observers: are called once. Raises InputError where a mask's size is another.
    """
    boxes: dict[str, WhiteBox] = {}
    for feature, box in masks:
        if box.size != size:
            raise InputError(other_size(f"the mask of {feature} of {image}", box.size, size))
        boxes[feature] = box
    readings = {feature: box.reading for feature, box in boxes.items() if box.reading}
    boxes[UNION] = unite(list(boxes.values()), size)
    for observe in observers:
        observe(image, boxes)
    cells: dict[Grid, dict[str, NDArray[np.int64]]] = {grid: {} for grid in grids}
    for feature, box in boxes.items():
        for grid, counts in zip(grids, count_cells(box, grids), strict=True):
            cells[grid][feature] = counts
    return PictureCells(image, *size, {feature: box.count() for feature, box in boxes.items()}, cells, readings)


def count_archive(
    picture_archive: str | Path,
    mask_archive: str | Path,
    pictures: Mapping[str, Member],
    masks: Mapping[str, Mapping[str, Member | None]],
    grids: Sequence[Grid],
    observers: Sequence[Observer] = (),
) -> Iterator[PictureCells]:
    """Yield the counts of the pictures, in their order, reading masks straight from the archive.

    masks: {image: {feature: member}}; a mask that is None is all black. observers: are called for each picture.

    Memory: one decoded mask, what is white of one picture's, and 8 bytes a cell and feature. Raises InputError for an
    archive that is missing or no whole zip, and naming archive and member for what cannot be read.
    """
    with open_archive(picture_archive) as opened_pictures, open_archive(mask_archive) as opened_masks:
        reader = MaskReader(opened_masks)
        for image, picture in progress(pictures.items(), len(pictures), "counting mask cells"):
            # One mask after the other, so that only one is decoded at a time.
            size = picture_size(opened_pictures, picture.path)
            boxes = (
                (feature, reader.read(member.path) if member else black_box(size))
                for feature, member in masks[image].items()
            )
            yield count_picture(image, boxes, grids, size, observers)
