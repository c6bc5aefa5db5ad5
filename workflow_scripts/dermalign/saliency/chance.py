"""Chance maps: what overlap a map has that knows nothing of the picture, or nothing of this one.

Each is a map source of its own, made from a model's maps so that it has their grid, and flows through the same
shards. Controls that belong to no model are in `priors` and `anatomy`.
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
    """The function of a chance map: takes a model's maps, float32 (n, h, w) in [0, 1], and gives as many.

    Where maps differ by feature, they are (n, features, h, w).
    """

    __name__: str

    def __call__(self, saliency: Maps, generator: np.random.Generator) -> Maps: ...


def shuffled(saliency: Maps, generator: np.random.Generator) -> Maps:
    """Give each of n pictures another picture's map, float32 (n, h, w), or its maps where they differ by feature.

    The control for what all pictures have in common, as centre bias.

    A random cyclic permutation (Sattolo 1986), so that no picture keeps its own map. Raises InputError for fewer
    than two maps.
    """
    if len(saliency) < 2:
        raise InputError("controls.chance: `shuffled` needs at least two pictures; take it out for a study of one.")
    order = generator.permutation(len(saliency))
    result = np.empty_like(saliency)
    result[order] = saliency[np.roll(order, 1)]
    return result


def random_cells(saliency: Maps, generator: np.random.Generator) -> Maps:
    """Shuffle the h*w cells of each of n maps, float32 (n, h, w), and of each feature's where maps differ by feature.

    At every threshold as many cells are white as in the map, anywhere.
    """
    return generator.permuted(saliency.reshape(*saliency.shape[:-2], -1), axis=-1).reshape(saliency.shape)


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
                degenerate=maps.reshape(len(maps), -1).max(axis=1) == 0,
                features=source.features,
                predicted=source.predicted,
                target=source.target,
            )
