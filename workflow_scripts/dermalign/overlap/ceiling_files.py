"""Files of resolution ceilings: HDF5, a batch of pictures each, written by the rule `mask_cells`.

With n pictures, g grids and, as features, those configured and `union`, last:

- attribute `features`: their names, in the order of the axes below; /grid (g, 2) int64: rows and columns of cells;
- /image (n,): names, UTF-8;
- /intersection, /union (n, features, g) uint32: |A and B| and |A or B| in pixels of the best set of cells of a grid,
  see `ceilings`; zeros where the mask is all black. Compressed.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from ..data.grids import Grid
from ..errors import InputError
from ..hdf5 import new_file, opened
from ..terms import UNION

BLOCK = 64  # pictures written at a time
NAMES = ("intersection", "union")


class CeilingWriter:
    """Appends pictures to a file of ceilings; see `write_ceilings`."""

    def __init__(self, file: h5py.File, grids: Sequence[Grid], features: Sequence[str]) -> None:
        self._features = [*features, UNION]
        file.attrs["features"] = self._features
        file["grid"] = np.array(grids, dtype=np.int64).reshape(-1, 2)
        self._image = file.create_dataset("image", (0,), maxshape=(None,), dtype=h5py.string_dtype())
        shape = (len(self._features), len(grids))
        self._counts = [
            file.create_dataset(
                name,
                (0, *shape),
                np.uint32,
                maxshape=(None, *shape),
                chunks=(BLOCK, *shape),
                compression="gzip",
                compression_opts=1,
                shuffle=True,
            )
            for name in NAMES
        ]
        self._pending: list[tuple[str, Mapping[str, NDArray[np.int64]]]] = []

    def append(self, image: str, ceilings: Mapping[str, NDArray[np.int64]]) -> None:
        """Append a picture. ceilings: by feature, `union` among them, int64 (g, 2) as `ceilings.mask_ceilings`."""
        self._pending.append((image, ceilings))
        if len(self._pending) == BLOCK:
            self.flush()

    def flush(self) -> None:
        """Write what was appended."""
        start, stop = len(self._image), len(self._image) + len(self._pending)
        counts = [[of[feature] for feature in self._features] for _, of in self._pending]
        for dataset in (self._image, *self._counts):
            dataset.resize(stop, axis=0)
        if self._pending:
            self._image[start:] = [image for image, _ in self._pending]
            for dataset, values in zip(self._counts, np.moveaxis(np.array(counts), -1, 0), strict=True):
                dataset[start:] = values
        self._pending.clear()


@contextmanager
def write_ceilings(path: str | Path, grids: Sequence[Grid], features: Sequence[str]) -> Iterator[CeilingWriter]:
    """Write a file of ceilings, whole or not at all. features: without `union`. Memory: `BLOCK` pictures' numbers."""
    with new_file(path) as file:
        writer = CeilingWriter(file, grids, features)
        yield writer
        writer.flush()


@dataclass(frozen=True)
class Ceilings:
    """The best overlap that grids allow, of n pictures.

    images: names, n. features: names of the second axis, `union` last. grids: (h, w) of the third axis. intersection,
    union: pixels, uint32 (n, features, grids); zeros where a mask is all black.
    """

    images: list[str]
    features: list[str]
    grids: list[Grid]
    intersection: NDArray[np.uint32]
    union: NDArray[np.uint32]

    def of_feature(self, feature: str, among: Iterable[str]) -> tuple[list[str], NDArray[np.float64]]:
        """Return the pictures of a feature's population by name, and their ceilings J, float64 (grids, pictures).

        among: the pictures of the analysis, in any form of order; those whose mask is black are left out.
        """
        column, wanted = self.features.index(feature), set(among)
        rows = [row for row, image in enumerate(self.images) if image in wanted]
        rows = [row for row in rows if self.union.shape[2] and self.union[row, column, 0]]
        rows.sort(key=self.images.__getitem__)
        intersection, union = self.intersection[rows, column].T, self.union[rows, column].T
        return [self.images[row] for row in rows], intersection / union


def read_ceilings(paths: Iterable[str | Path]) -> Ceilings:
    """Read files of ceilings below each other. Memory: 8 bytes a picture, feature and grid.

    Raises InputError where one is no such file or damaged, where grids or features differ, and where there is none.
    """
    parts: list[Ceilings] = []
    for path in paths:
        with opened(path, "a file of ceilings", ("image", "grid", *NAMES)) as file:
            part = Ceilings(
                file["image"].asstr()[:].tolist(),
                [str(name) for name in file.attrs["features"]],
                [(rows, columns) for rows, columns in file["grid"][:].tolist()],
                *(file[name][:] for name in NAMES),
            )
        if parts and (part.features, part.grids) != (parts[0].features, parts[0].grids):
            raise InputError(f"{path} is of other features or grids than the files beside it. Delete it and run again.")
        parts.append(part)
    if not parts:
        raise InputError("there are no files of ceilings: no picture has masks")
    return Ceilings(
        [image for part in parts for image in part.images],
        parts[0].features,
        parts[0].grids,
        np.concatenate([part.intersection for part in parts]),
        np.concatenate([part.union for part in parts]),
    )
