"""Priors: maps that know where features lie on other pictures, or in pictures at all, and nothing of this one.

Each is a map source of its own that belongs to no model, once per study, and flows through the same shards. No Jaccard
index says much alone: lesions lie in the middle of pictures, and so does any blob there.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ..data.lesions import read_lesions
from ..data.names import plain_name
from .blocks import MapBlock, rows_in_memory
from .inputs import Inputs
from .mask_blocks import mask_blocks
from .stretching import stretch

UNITS = 2**32  # a share is counted in these, as integers, so that what is added and taken away again leaves nothing


def all_white(inputs: Inputs) -> Iterator[MapBlock]:
    """Yield maps of one cell, 1: white at every threshold below 1."""
    maps = np.ones((len(inputs.images), *inputs.grid), dtype=np.float32)
    # Not degenerate: that is what a map is that should have said more. The registry says that its kind is constant.
    yield MapBlock(inputs.images, maps, maps, np.zeros(len(maps), dtype=np.bool_))


def center_gaussian(inputs: Inputs, cells: int) -> Iterator[MapBlock]:
    """Yield one centred Gaussian for every picture, stretched to [0, 1].

    exp(-((y - h/2) / (h/4))^2 - ((x - w/2) / (w/4))^2) at the centres of the cells of an (h, w) grid, h = w = `cells`.
    """
    rows, columns = ((np.arange(side) + 0.5 - side / 2) / (side / 4) for side in inputs.grid)
    gaussian = np.exp(-(rows[:, np.newaxis] ** 2) - columns**2).astype(np.float32)[np.newaxis]
    saliency, degenerate = stretch(gaussian)
    block = rows_in_memory(cells * cells)
    for start in range(0, len(inputs.images), block):
        images = inputs.images[start : start + block]
        shape = (len(images), *inputs.grid)
        yield MapBlock(
            images,
            np.broadcast_to(saliency, shape),
            np.broadcast_to(gaussian, shape),
            np.repeat(degenerate, len(images)),
        )


def mean_mask(inputs: Inputs, cells: int) -> Iterator[MapBlock]:
    """Yield, for each picture and feature, the mean of that feature's masks on pictures of other lesions.

    Masks are scaled to the picture: a cell of the map has the mean, over these pictures, of the share of the cell's
    pixels that are white. Left out are the picture itself and, where lesions are known, the others of its lesion. Each
    map is stretched to [0, 1] by its own range; raw ones are the shares. A map is degenerate where no other lesion's
    mask of any feature, union included, is white anywhere.

    Memory: the maps of a block, and of lesions with several pictures the sum of their masks. Raises InputError where
    mask cells or the table of lesions cannot be read.
    """
    lesions = _lesions_of(inputs.images, inputs.lesions)
    several = {lesion for lesion, count in Counter(lesions.values()).items() if count > 1}
    total = np.zeros((len(inputs.features), *inputs.grid), dtype=np.int64)
    of_lesion = {lesion: np.zeros_like(total) for lesion in several}
    for images, shares in _shares(inputs):
        total += shares.sum(axis=0)
        for image, of_picture in zip(images, shares, strict=True):
            if lesions[image] in several:
                of_lesion[lesions[image]] += of_picture
    sizes = Counter(lesions.values())
    for images, shares in _shares(inputs):
        raw = np.empty(shares.shape, dtype=np.float32)
        for row, (image, of_picture) in enumerate(zip(images, shares, strict=True)):
            others = len(lesions) - sizes[lesions[image]]
            left_out = of_lesion.get(lesions[image], of_picture)
            raw[row] = (total - left_out) / (UNITS * max(others, 1))
        flat, constant = stretch(raw.reshape(-1, *inputs.grid))
        yield MapBlock(
            images,
            flat.reshape(raw.shape),
            raw,
            np.asarray(constant.reshape(raw.shape[:2]).all(axis=1)),
            features=list(inputs.features),
        )


def _lesions_of(images: Sequence[str], tables: Sequence[str]) -> dict[str, str]:
    """Return the lesion of each image, of one whose lesion is not known a name of its own."""
    known: Mapping[str, str] = {
        plain_name(image): lesion for table in tables for image, lesion in read_lesions(table).items()
    }
    names = {image: plain_name(image) for image in images}
    return {image: f"lesion {known[name]}" if name in known else f"picture {name}" for image, name in names.items()}


def _shares(inputs: Inputs) -> Iterator[tuple[list[str], NDArray[np.int64]]]:
    """Yield blocks of pictures: their names, and the share of each cell that is white in units, (n, features, h, w)."""
    for block in mask_blocks(inputs):
        yield block.images, block.white * UNITS // np.maximum(block.area, 1)
