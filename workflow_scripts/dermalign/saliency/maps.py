"""The maps of a source in one file: what the overlap engine reads, whichever source they come from.

The file, HDF5, with n maps in blocks (a picture's draws of chance are maps of their own, anywhere in the file):

- /image (n,) strings, the picture of each map;
- /saliency (n, h, w) float32 in [0, 1], or (n, features, h, w), with the file's attribute `features`, where maps differ
  by feature;
- /raw, the same shape, as the source gave them; /degenerate (n,) bool, whether the map is constant;
- /predicted_class, /target_class (n,) strings, empty of a source that predicts nothing.

Other attributes are the source's kind and options.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby, islice
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from ..data.grids import FINE_CELLS, Grid
from ..errors import InputError
from ..hdf5 import check_layout, new_file, opened, read_rows, reading
from ..logs import progress
from .blocks import MapBlock, Maps, maps_of_feature, rows_in_memory
from .stores import Store, read_store

WHAT = "a file of maps"
TEXTS = ("image", "predicted_class", "target_class")


class MapFile:
    """An open file of maps; see `open_maps`."""

    def __init__(self, file: h5py.File, path: str | Path) -> None:
        self._file, self.path = file, path
        self.images: list[str] = file["image"].asstr()[:].tolist()
        self.predicted: list[str] = file["predicted_class"].asstr()[:].tolist()
        self.target: list[str] = file["target_class"].asstr()[:].tolist()
        self.features: list[str] = [str(name) for name in file.attrs.get("features", ())]
        rows, columns = file["saliency"].shape[-2:]
        self.grid: Grid = (int(rows), int(columns))
        count = len(self.images)
        shape = (count, *([len(self.features)] if self.features else []), *self.grid)
        check_layout(
            {name: (file[name], np.float32, shape) for name in ("saliency", "raw")}
            | {"degenerate": (file["degenerate"], np.bool_, (count,))}
            | {name: (file[name], np.object_, (count,)) for name in TEXTS}
        )

    @property
    def is_fine(self) -> bool:
        """Whether the maps have more cells than steps are kept of."""
        return self.grid[0] * self.grid[1] > FINE_CELLS

    def saliency(self, rows: slice | NDArray[np.integer]) -> Maps:
        """Return maps as they are in the file; rows: a slice, or row numbers in any order."""
        return self._read("saliency", rows)

    def raw(self, rows: slice | NDArray[np.integer]) -> Maps:
        """Return raw maps as `saliency`."""
        return self._read("raw", rows)

    def degenerate(self, rows: slice | NDArray[np.integer]) -> NDArray[np.bool_]:
        """Return which of the maps are constant."""
        return self._read("degenerate", rows)

    def _read(self, name: str, rows: slice | NDArray[np.integer]) -> NDArray[Any]:
        with reading(self.path, WHAT):
            return self._file[name][rows] if isinstance(rows, slice) else read_rows(self._file[name], rows)

    def blocks(self) -> list[slice]:
        """Return the rows in blocks that fit into memory."""
        size = rows_in_memory(self.grid[0] * self.grid[1])
        return [slice(start, min(start + size, len(self.images))) for start in range(0, len(self.images), size)]

    def remade(self, rows: slice, saliency: Maps, raw: Maps, degenerate: NDArray[np.bool_]) -> MapBlock:
        """Return a block of other maps for the pictures of these rows, with their predictions."""
        return MapBlock(
            self.images[rows], saliency, raw, degenerate, predicted=self.predicted[rows], target=self.target[rows]
        )

    def of_feature(self, maps: Maps, feature: str) -> Maps:
        """Return from maps of this file, as `saliency` gives them, those that a feature is compared with, (n, h, w).

        Raises as `maps_of_feature`.
        """
        return maps_of_feature(maps, self.features, feature, str(self.path))


@contextmanager
def open_maps(path: str | Path) -> Iterator[MapFile]:
    """Open a file of maps to be read. Raises InputError where it is none, or damaged."""
    with opened(path, WHAT, (*TEXTS, "saliency", "raw", "degenerate")) as file:
        with reading(path, WHAT):
            maps = MapFile(file, path)
        yield maps


def images_with_maps(path: str | Path, images: Iterable[str]) -> list[str]:
    """Return those of some pictures that a file of maps has a map of, in their order. Raises as `open_maps`."""
    with open_maps(path) as maps:
        known = set(maps.images)
    return [image for image in images if image in known]


def write_maps(path: str | Path, blocks: Iterable[MapBlock], attributes: Mapping[str, Any] | None = None) -> None:
    """Write blocks of maps, whole or not at all, one block in memory at a time.

    attributes: what else to note, texts and numbers. Raises InputError where there is no map, where grids or features
    differ, and for saliency that is not in [0, 1].
    """
    with new_file(path) as target:
        target.attrs.update(attributes or {})
        for block in blocks:
            if "image" not in target:
                _create(target, block)
            if block.saliency.shape[1:] != target["saliency"].shape[1:] or block.raw.shape != block.saliency.shape:
                raise InputError(
                    f"{path}: the maps of {block.images[0]} are of {block.saliency.shape[1:]} cells, those before of "
                    f"{target['saliency'].shape[1:]}: they are of different classifiers. Delete the stores of this "
                    "model and run again."
                )
            if block.features != list(target.attrs.get("features", [])):
                raise InputError(
                    f"{path}: the maps of {block.images[0]} are of the features {', '.join(block.features) or 'none'}, "
                    "those before of others. Delete the stores of this source and run again."
                )
            # The comparison is false for NaN, too.
            if not ((block.saliency >= 0) & (block.saliency <= 1)).all():
                raise InputError(f"{path}: saliency must be in [0, 1], in the maps from {block.images[0]} on it is not")
            nothing = [""] * len(block.images)
            texts = (block.images, block.predicted or nothing, block.target or nothing)
            columns = {"saliency": block.saliency, "raw": block.raw, "degenerate": block.degenerate}
            start, stop = len(target["image"]), len(target["image"]) + len(block.images)
            for name, values in {**columns, **dict(zip(TEXTS, texts, strict=True))}.items():
                target[name].resize(stop, axis=0)
                target[name][start:stop] = values
        if "image" not in target:
            raise InputError(f"{path}: there is no map to write.")


def _create(target: h5py.File, block: MapBlock) -> None:
    shape = block.saliency.shape[1:]
    if block.features:
        target.attrs["features"] = block.features
    rows = rows_in_memory(int(np.prod(shape[-2:]))) // 4 or 1
    for name in ("saliency", "raw"):
        target.create_dataset(name, (0, *shape), np.float32, maxshape=(None, *shape), chunks=(rows, *shape))
    target.create_dataset("degenerate", (0,), np.bool_, maxshape=(None,))
    for name in TEXTS:
        target.create_dataset(name, (0,), h5py.string_dtype(), maxshape=(None,))


def gather_maps(path: str | Path, stores: Sequence[str | Path]) -> None:
    """Gather a source's saliency stores into one file of maps, in order of image name.

    Raises InputError where a store is damaged or its map has another shape than the first one's.
    """
    ordered = sorted(stores, key=lambda store: Path(store).stem)
    write_maps(path, _blocks_of(progress(map(read_store, ordered), len(ordered), "maps")))


def _blocks_of(stores: Iterable[Store]) -> Iterator[MapBlock]:
    """Yield the maps of stores in blocks, each of one kind: a file that grows by single maps takes twice as long."""
    for kind, alike in groupby(stores, key=lambda store: (store.saliency.shape, store.raw.shape, store.features)):
        rows = rows_in_memory(int(np.prod(kind[0][-2:])))
        while block := list(islice(alike, rows)):
            yield MapBlock(
                images=[store.image for store in block],
                saliency=np.stack([store.saliency for store in block]),
                raw=np.stack([store.raw for store in block]),
                degenerate=np.array([store.degenerate for store in block]),
                features=list(block[0].features),
                predicted=[store.predicted_class for store in block],
                target=[store.target_class for store in block],
            )
