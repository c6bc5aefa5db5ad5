"""Chance maps: what overlap a map has that knows nothing of the picture, or nothing of this one.

Each is a map source of its own, made from a model's maps so that it has their grid, and flows through the same
shards. No Jaccard index says much alone: lesions lie in the middle of pictures, and so does any blob there.
"""

import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..files import atomic_path

Maps = NDArray[np.float32]
COPIED = ("image", "predicted_class", "target_class")


def all_white(saliency: Maps, generator: np.random.Generator) -> Maps:
    """Return maps of ones: white at every threshold below 1."""
    return np.ones_like(saliency)


def center_gaussian(saliency: Maps, generator: np.random.Generator) -> Maps:
    """Return one centred Gaussian for every picture.

    exp(-((y - h/2) / (h/4))^2 - ((x - w/2) / (w/4))^2) at the centres of the cells of an (h, w) grid.
    """
    rows, columns = ((np.arange(cells) + 0.5 - cells / 2) / (cells / 4) for cells in saliency.shape[1:])
    gaussian = np.exp(-(rows[:, np.newaxis] ** 2) - columns**2).astype(np.float32)
    return np.broadcast_to(gaussian, saliency.shape)


def shuffled(saliency: Maps, generator: np.random.Generator) -> Maps:
    """Give each picture another picture's map: the control for what all pictures have in common, as centre bias.

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
    """Shuffle each map's cells: at every threshold as many cells are white as in the map, anywhere."""
    return generator.permuted(saliency.reshape(len(saliency), -1), axis=1).reshape(saliency.shape)


METHODS: dict[str, Callable[[Maps, np.random.Generator], Maps]] = {
    "all_white": all_white,
    "center_gaussian": center_gaussian,
    "shuffled": shuffled,
    "random_cells": random_cells,
}
DRAWN = ("shuffled", "random_cells")  # those that chance draws, several times for each picture


def chance_maps(method: str, saliency: Maps, draws: int, seed: int) -> Iterator[Maps]:
    """Yield a chance method's maps, float32 (n, h, w), for each of its draws; what is not drawn comes once.

    saliency: a model's maps (n, h, w). The draws depend on seed, method and the order of the maps.
    """
    for draw in range(draws if method in DRAWN else 1):
        yield METHODS[method](saliency, np.random.default_rng([seed, zlib.crc32(method.encode()), draw]))


def write_chance_maps(path: str | Path, maps: str | Path, method: str, draws: int, seed: int) -> None:
    """Write a chance method's maps in the layout of `maps.gather_maps`, with a row per picture and draw.

    maps: the model's maps as `maps.gather_maps` leaves them; its predictions are copied, so that groups by
    correctness are the model's.
    """
    with h5py.File(maps) as source, atomic_path(path) as temporary, h5py.File(temporary, "w") as target:
        drawn = list(chance_maps(method, source["saliency"][:], draws, seed))
        target["saliency"] = np.concatenate(drawn)
        target["degenerate"] = np.zeros(len(target["saliency"]), dtype=np.bool_)
        for name in COPIED:
            target.create_dataset(name, data=np.tile(source[name][:], len(drawn)), dtype=h5py.string_dtype())
