"""The overlap engine: the exact Jaccard index of a thresholded map and a mask, at every threshold, from cells.

Let s be a map's cells, a the pixels that each covers and c the white pixels of the mask among them. The map is
white where s > t; then, in pixels of the full-size picture,

    |A| = sum of a over s > t,   |A and B| = sum of c over s > t,   |A or B| = |A| + |B| - |A and B|

are exact integers. Sorting the cells from the highest value to the lowest makes both sums cumulative, so that one
sort per picture answers every threshold: J(t) is a step function with at most h*w steps.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..files import atomic_path
from .mask_cells import Grid, cell_areas, grid_name

BLOCK = 256  # maps held in memory at a time


@dataclass(frozen=True)
class Curves:
    """The step functions of n pictures with k = h*w cells, from the highest cell to the lowest.

    levels: float32 (n, k), the map's values, descending. area: int64 (n, k + 1), |A| when the j highest cells are
    white. intersection: {feature: int64 (n, k + 1)}, likewise |A and B|; its last column is |B|.
    """

    levels: NDArray[np.float32]
    area: NDArray[np.int64]
    intersection: dict[str, NDArray[np.int64]]


def overlap_curves(
    saliency: NDArray[np.float32],
    cells: Mapping[str, NDArray[np.integer]],
    sizes: NDArray[np.integer],
) -> Curves:
    """Return the step functions of n pictures.

    saliency: float32 (n, h, w), values in [0, 1]. cells: {feature: white pixels per cell (n, h, w)}.
    sizes: (n, 2), width and height of each picture in pixels.
    """
    n, rows, columns = saliency.shape
    flat = saliency.reshape(n, rows * columns)
    order = np.argsort(-flat, axis=1, kind="stable")
    areas = np.stack([cell_areas((rows, columns), width, height).ravel() for width, height in sizes.tolist()])
    return Curves(
        levels=np.take_along_axis(flat, order, axis=1),
        area=_cumulative(areas, order),
        intersection={
            feature: _cumulative(counts.reshape(n, -1).astype(np.int64), order) for feature, counts in cells.items()
        },
    )


def _cumulative(values: NDArray[np.int64], order: NDArray[np.intp]) -> NDArray[np.int64]:
    result = np.zeros((values.shape[0], values.shape[1] + 1), dtype=np.int64)
    np.cumsum(np.take_along_axis(values, order, axis=1), axis=1, out=result[:, 1:])
    return result


def white_cells(levels: NDArray[np.float32], threshold: float) -> NDArray[np.int64]:
    """Return how many cells of each picture are white at a threshold, shape (n,), from `Curves.levels`.

    White is s > t, both as float32; at t = 0 everything is white (design, section 3).
    """
    if threshold == 0:
        return np.full(levels.shape[0], levels.shape[1], dtype=np.int64)
    return np.count_nonzero(levels > np.float32(threshold), axis=1).astype(np.int64)


def intersection_and_union(
    curves: Curves, feature: str, threshold: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return |A and B| and |A or B| in pixels at a threshold, each int64 (n,)."""
    pictures = np.arange(curves.levels.shape[0])
    white = white_cells(curves.levels, threshold)
    intersection = curves.intersection[feature][pictures, white]
    union = curves.area[pictures, white] + curves.intersection[feature][:, -1] - intersection
    return intersection, union


def jaccard_index(intersection: NDArray[np.int64], union: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return |A and B| / |A or B|, float64 (n,). The union of a population's pictures is never empty."""
    return intersection / union


def write_curves(path: str | Path, maps: str | Path, cell_files: Sequence[str | Path], images: Sequence[str]) -> None:
    """Join the maps of a source with the mask cells of the same pictures and write their step functions.

    maps: HDF5 file as `maps.gather_maps` leaves it, or `chance.write_chance_maps`, which has a row for each draw of
    a picture. cell_files: one or more, as `mask_cells.write_cells` leaves them. images: the pictures of the analysis.
    The HDF5 file at `path` holds, with n the maps, a picture's beside each other, /image (n,), /levels (n, k) float32,
    /area (n, k + 1) uint32 and /intersection/{feature} (n, k + 1) uint32. Memory: `BLOCK` maps.
    Raises InputError for a picture without a map or without mask cells.
    """
    with h5py.File(maps) as source, atomic_path(path) as temporary, h5py.File(temporary, "w") as target:
        maps_of = defaultdict(list)
        for row, image in enumerate(source["image"].asstr()[:]):
            maps_of[image].append(row)
        wanted = set(images)
        if missing := sorted(wanted - set(maps_of)):
            raise InputError(f"{maps} has no map of {missing[0]} and {len(missing) - 1} more. Make that source again.")
        grid: Grid = source["saliency"].shape[1:]
        found = 0
        for cell_file in cell_files:
            with h5py.File(cell_file) as cells:
                names = list(cells.attrs["features"])
                if "image" not in target:
                    _create(target, names, grid[0] * grid[1])
                batch = cells["image"].asstr()[:]
                found += sum(image in wanted for image in batch)
                pairs = [(row, of) for row, image in enumerate(batch) if image in wanted for of in maps_of[image]]
                for start in range(0, len(pairs), BLOCK):
                    cell_rows, map_rows = np.array(pairs[start : start + BLOCK]).T
                    counts = _read_rows(cells[f"cells/{grid_name(grid)}"], cell_rows)
                    curves = overlap_curves(
                        _read_rows(source["saliency"], map_rows),
                        {name: counts[:, column] for column, name in enumerate(names)},
                        _read_rows(cells["size"], cell_rows),
                    )
                    _append(target, batch[cell_rows], curves)
        if found != len(wanted):
            raise InputError(f"{len(wanted) - found} of {len(wanted)} pictures have no mask cells. Count them again.")


def _read_rows(dataset: h5py.Dataset, rows: NDArray[np.intp]) -> NDArray[Any]:
    # h5py reads rows in ascending order only, and each once.
    ascending, where = np.unique(rows, return_inverse=True)
    return dataset[ascending][where]


def _create(target: h5py.File, features: Sequence[str], cells: int) -> None:
    target.create_dataset("image", (0,), maxshape=(None,), dtype=h5py.string_dtype())
    columns = {"levels": (cells, np.float32), "area": (cells + 1, np.uint32)}
    columns |= {f"intersection/{name}": (cells + 1, np.uint32) for name in features}
    for name, (width, kind) in columns.items():
        target.create_dataset(name, (0, width), maxshape=(None, width), dtype=kind, chunks=(64, width))


def _append(target: h5py.File, images: Sequence[str], curves: Curves) -> None:
    start = len(target["image"])
    stop = start + len(images)
    columns: dict[str, Sequence[str] | NDArray[np.generic]] = {
        "image": images,
        "levels": curves.levels,
        "area": curves.area,
        **{f"intersection/{name}": values for name, values in curves.intersection.items()},
    }
    for name, values in columns.items():
        target[name].resize(stop, axis=0)
        target[name][start:stop] = values
