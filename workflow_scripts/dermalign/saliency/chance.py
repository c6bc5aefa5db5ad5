"""Chance maps: what overlap a map has that knows nothing of the picture, or nothing of this one.

Each is a map source of its own, made from a model's maps so that it has their grid, and flows through the same
shards. No Jaccard index says much alone: lesions lie in the middle of pictures, and so does any blob there.
"""

import zlib
from collections.abc import Iterator
from typing import Protocol

import numpy as np

from ..errors import InputError
from .blocks import MapBlock, Maps
from .inputs import Inputs
from .maps import open_maps


class Chance(Protocol):
    """The function of a chance map: takes a model's maps, float32 (n, h, w) in [0, 1], and gives as many."""

    __name__: str

    def __call__(self, saliency: Maps, generator: np.random.Generator) -> Maps: ...


def all_white(saliency: Maps, generator: np.random.Generator) -> Maps:
    """Return maps of ones, float32 (n, h, w) as `saliency`: white at every threshold below 1."""
    return np.ones_like(saliency)


def center_gaussian(saliency: Maps, generator: np.random.Generator) -> Maps:
    """Return one centred Gaussian for every picture, float32 (n, h, w) as `saliency`.

    exp(-((y - h/2) / (h/4))^2 - ((x - w/2) / (w/4))^2) at the centres of the cells of an (h, w) grid.
    """
    rows, columns = ((np.arange(cells) + 0.5 - cells / 2) / (cells / 4) for cells in saliency.shape[1:])
    gaussian = np.exp(-(rows[:, np.newaxis] ** 2) - columns**2).astype(np.float32)
    return np.broadcast_to(gaussian, saliency.shape)


def shuffled(saliency: Maps, generator: np.random.Generator) -> Maps:
    """Give each of n pictures another picture's map, float32 (n, h, w).

    The control for what all pictures have in common, as centre bias.

    A random cyclic permutation (Sattolo 1986), so that no picture keeps its own map. Raises InputError for fewer
    than two maps.
    """
    if len(saliency) < 2:
        raise InputError("chance.methods: `shuffled` needs at least two pictures; take it out for a study of one.")
    order = generator.permutation(len(saliency))
    result = np.empty_like(saliency)
    result[order] = saliency[np.roll(order, 1)]
    return result


def random_cells(saliency: Maps, generator: np.random.Generator) -> Maps:
    """Shuffle the h*w cells of each of n maps, float32 (n, h, w).

    At every threshold as many cells are white as in the map, anywhere.
    """
    return generator.permuted(saliency.reshape(len(saliency), -1), axis=1).reshape(saliency.shape)


def chance_blocks(chance: Chance, inputs: Inputs, draws: int = 1) -> Iterator[MapBlock]:
    """Yield a chance method's maps for each of its draws, a map per picture and draw.

    draws: what is drawn is drawn so many times; they depend on the seed, the function's name and the order of the maps.
    The model's predictions stay with the pictures. Memory: all maps, three times.
    """
    with open_maps(str(inputs.maps)) as source:
        saliency = source.saliency(slice(None))
        for draw in range(draws):
            generator = np.random.default_rng([inputs.seed, zlib.crc32(chance.__name__.encode()), draw])
            maps = np.ascontiguousarray(chance(saliency, generator))
            yield MapBlock(
                images=source.images,
                saliency=maps,
                raw=maps,
                degenerate=maps.max(axis=(1, 2)) == 0,
                predicted=source.predicted,
                target=source.target,
            )
