"""Anatomy: maps that know where the lesion lies on a picture, and nothing of what is on it.

Each is a map source of its own that belongs to no model, once per study, made from the masks of ISIC 2018 Task 1. What
a classifier's map has beyond them is more than finding the lesion.
"""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from ..data.archives import open_archive
from ..data.grids import cell_areas
from ..data.mask_counts import count_cells
from ..data.mask_files import list_lesion_masks
from ..data.masks import MaskReader
from ..errors import InputError
from ..logs import progress
from .blocks import MapBlock, rows_in_memory
from .inputs import Inputs
from .stretching import stretch

INSIDE = 0.5  # a cell is inside the lesion where more than this share of its pixels is


def lesion(inputs: Inputs, cells: int) -> Iterator[MapBlock]:
    """Yield the share of each cell's pixels that are inside the lesion, in [0, 1], not stretched.

    A map is degenerate where the lesion mask is black, or white everywhere. Memory: a block of maps, one decoded mask.
    Raises InputError for a picture without a lesion mask, and for what cannot be read.
    """
    # Shares are on the scale of thresholds as they are.
    return _blocks(inputs, cells, lambda share, size: share, is_stretched=False)


def lesion_depth(inputs: Inputs, cells: int) -> Iterator[MapBlock]:
    """Yield how far inside the lesion each cell is, stretched to [0, 1]: highest in its middle, 0 outside.

    The raw map is the distance, in pixels, between the centre of a cell inside the lesion and that of the nearest cell
    outside (SciPy's exact Euclidean distance transform); cells are inside where more than half of their pixels are. The
    edge of the picture is no border: a lesion that is cut off there goes on. A map is degenerate where no cell, or
    every cell, is inside. Memory and errors: as `lesion`.
    """
    return _blocks(inputs, cells, _depth, is_stretched=True)


def _depth(share: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.float64]:
    from scipy.ndimage import distance_transform_edt  # imported here: other sources do without

    inside = share > INSIDE
    if inside.all():  # nothing to measure the distance to
        return np.zeros(share.shape)
    width, height = size
    rows, columns = share.shape
    distance: NDArray[np.float64] = distance_transform_edt(inside, sampling=(height / rows, width / columns))
    return distance


def _blocks(
    inputs: Inputs,
    cells: int,
    of: Callable[[NDArray[np.float64], tuple[int, int]], NDArray[np.float64]],
    *,
    is_stretched: bool,
) -> Iterator[MapBlock]:
    """Yield the maps that `of` makes of shares (h, w) and the picture's width and height, stretched or as they are."""
    archive = str(inputs.lesion_masks)
    members = list_lesion_masks(archive, inputs.images, inputs.lesion_pattern)
    if lacking := [image for image in inputs.images if image not in members]:
        raise InputError(
            f"{archive} lacks the lesion mask of {lacking[0]} and of {len(lacking) - 1} more pictures. Complete it, or "
            "leave the controls of `controls.anatomy` out."
        )
    block = rows_in_memory(cells * cells)
    with open_archive(archive) as opened:
        reader = MaskReader(opened)
        images: list[str] = []
        found: list[NDArray[np.float64]] = []
        for image in progress(inputs.images, len(inputs.images), "lesion masks"):
            box = reader.read(members[image].path)
            (counts,) = count_cells(box, [inputs.grid])
            share = counts / np.maximum(cell_areas(inputs.grid, *box.size), 1)
            images.append(image)
            found.append(of(share, box.size))
            if len(images) == block:
                yield _block(images, found, is_stretched)
                images, found = [], []
        if images:
            yield _block(images, found, is_stretched)


def _block(images: list[str], found: list[NDArray[np.float64]], is_stretched: bool) -> MapBlock:
    raw = np.stack(found).astype(np.float32)
    stretched, degenerate = stretch(raw)
    return MapBlock(images, stretched if is_stretched else raw, raw, degenerate)
