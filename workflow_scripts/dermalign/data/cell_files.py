"""Files of mask cells: HDF5, a batch of pictures each, written by the rule `mask_cells` and read by all that follows.

With n pictures and, as features, those configured and `union`, last:

- attribute `features`: their names, in the order of the axes below;
- /image (n,): names, UTF-8; /size (n, 2) int64: width and height in pixels;
- /white (n, features) int64: white pixels of each mask;
- /reading (n, features): how white was told where it is not what is above 127 (see `masks.WhiteBox`), UTF-8;
- /cells/{h}x{w} (n, features, h, w) uint32: of them, those that each cell of a grid covers. Compressed; a chunk is
  8 pictures, or, where the grid has more than 4,096 cells, one mask.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..hdf5 import new_file, open_file, read_rows
from ..terms import UNION
from .grids import FINE_CELLS, Grid, grid_name

if TYPE_CHECKING:  # what reads counts of cells does not depend on tables
    import pandas as pd

BLOCK = 32  # pictures written at a time


@dataclass(frozen=True)
class PictureCells:
    """One picture's masks, counted: by feature, `union` included.

    width, height: pixels. white: white pixels. cells: {(h, w): {feature: int64 (h, w)}}. readings: of masks whose white
    is not what is above 127, how it was told.
    """

    image: str
    width: int
    height: int
    white: dict[str, int]
    cells: dict[Grid, dict[str, NDArray[np.int64]]]
    readings: dict[str, str] = field(default_factory=dict)


def write_cells(
    path: str | Path, pictures: Iterable[PictureCells], grids: Sequence[Grid], features: Sequence[str]
) -> None:
    """Write counts to a file of mask cells, whole or not at all.

    pictures: with counts for all of `grids`, (h, w), and of `features`, without `union`, which they have, too.
    Memory: the counts of `BLOCK` pictures, or of fewer where grids are fine: of as many as have `BLOCK` grids of 4,096.
    """
    names = [*features, UNION]
    block = max(1, min(BLOCK, BLOCK * FINE_CELLS // max((rows * columns for rows, columns in grids), default=1)))
    with new_file(path) as store:
        store.attrs["features"] = names
        image = store.create_dataset("image", (0,), maxshape=(None,), dtype=h5py.string_dtype())
        size = store.create_dataset("size", (0, 2), maxshape=(None, 2), dtype=np.int64, chunks=(512, 2))
        white = store.create_dataset(
            "white", (0, len(names)), maxshape=(None, len(names)), dtype=np.int64, chunks=(512, len(names))
        )
        reading = store.create_dataset(
            "reading", (0, len(names)), maxshape=(None, len(names)), dtype=h5py.string_dtype(), chunks=(512, len(names))
        )
        cells = {grid: _create(store, grid, len(names)) for grid in grids}
        remaining = iter(pictures)
        while part := list(islice(remaining, block)):
            start, stop = len(image), len(image) + len(part)
            for dataset in (image, size, white, reading, *cells.values()):
                dataset.resize(stop, axis=0)
            image[start:stop] = [picture.image for picture in part]
            size[start:stop] = [(picture.width, picture.height) for picture in part]
            white[start:stop] = [[picture.white[name] for name in names] for picture in part]
            reading[start:stop] = [[picture.readings.get(name, "") for name in names] for picture in part]
            for grid, dataset in cells.items():
                counts = np.empty((len(part), len(names), *grid), dtype=np.uint32)
                for row, picture in enumerate(part):
                    for column, name in enumerate(names):
                        counts[row, column] = picture.cells[grid][name]
                dataset[start:stop] = counts


def _create(store: h5py.File, grid: Grid, features: int) -> h5py.Dataset:
    # Of a fine grid, one mask's counts just fit HDF5's cache of a chunk; most masks are black and compress to nothing.
    chunk = (1, 1, *grid) if grid[0] * grid[1] > FINE_CELLS else (8, features, *grid)
    return store.create_dataset(
        f"cells/{grid_name(grid)}",
        (0, features, *grid),
        maxshape=(None, features, *grid),
        dtype=np.uint32,
        chunks=chunk,
        compression="gzip",
        compression_opts=1,
        shuffle=True,
    )


class CellFile:
    """A file of mask cells, open for reading in a `with` block.

    features: names of the second axis of counts, `union` last. images: names of the n pictures, in the order of rows.
    Raises InputError where the file cannot be read or is none of mask cells, FileNotFoundError where there is none.
    """

    features: list[str]
    images: list[str]

    def __init__(self, path: str | Path) -> None:
        self.path = path
        try:
            self._file = open_file(path)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise self._fault(f"cannot be read ({error})") from error
        if "features" not in self._file.attrs or any(
            name not in self._file for name in ("image", "size", "white", "reading")
        ):
            self._file.close()
            raise self._fault("holds no mask cells")
        self.features = list(self._file.attrs["features"])
        self.images = self._file["image"].asstr()[:].tolist()

    def __enter__(self) -> "CellFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()

    def sizes(self, rows: NDArray[np.integer] | None = None) -> NDArray[np.int64]:
        """Return width and height in pixels of the pictures in `rows`, in their order, or of all: int64 (rows, 2)."""
        return _read(self._file["size"], rows)

    def white(self, rows: NDArray[np.integer] | None = None) -> NDArray[np.int64]:
        """Return the white pixels of each mask of the pictures in `rows`, or of all: int64 (rows, features)."""
        return _read(self._file["white"], rows)

    def readings(self) -> list[tuple[str, str, str]]:
        """Return picture, feature and reading of each mask whose white is not what is above 127."""
        words = self._file["reading"].asstr()[:]
        return [(self.images[row], self.features[of], words[row, of]) for row, of in np.argwhere(words != "")]

    def counts(self, grid: Grid, rows: NDArray[np.integer] | None = None) -> NDArray[np.uint32]:
        """Return the white pixels per cell of a grid (h, w) of the pictures in `rows`, in their order, or of all.

        The result is uint32 (rows, features, h, w). rows: numbers of pictures, in any order, also several times.
        Memory: the result, so ask for blocks of rows. Raises InputError where the file has not that grid.
        """
        name = f"cells/{grid_name(grid)}"
        if name not in self._file:
            known = ", ".join(self._file.get("cells", [])) or "none"
            raise self._fault(f"has no counts for maps of {grid_name(grid)} cells, but for {known}")
        return _read(self._file[name], rows)

    def _fault(self, what: str) -> InputError:
        return InputError(f"{self.path} {what}. Delete it and run again: its masks are then counted anew.")


def _read(dataset: h5py.Dataset, rows: NDArray[np.integer] | None) -> NDArray[Any]:
    return dataset[:] if rows is None else read_rows(dataset, rows)


def read_counts(paths: Iterable[str | Path]) -> "pd.DataFrame":
    """Return `image,width,height,<feature>...,union` of all pictures, in the order of files and rows.

    Image is text, the others are integers: sizes in pixels, and white pixels of each mask. Raises as `CellFile`, and
    InputError where files know other features than those before them, and where there is no file.
    """
    import pandas as pd  # imported here: the jobs of the shards, which are many and short, do without

    tables: list[pd.DataFrame] = []
    for path in paths:
        with CellFile(path) as cells:
            sizes, white = cells.sizes(), cells.white()
            table = pd.DataFrame({"image": cells.images, "width": sizes[:, 0], "height": sizes[:, 1]})
            table = pd.concat([table, pd.DataFrame(white, columns=cells.features)], axis=1)
            if tables and list(table) != list(tables[0]):
                raise cells._fault(f"has the features {', '.join(cells.features)}, other files others")
            tables.append(table)
    if not tables:
        raise InputError("there are no files of mask cells: no picture has masks")
    return pd.concat(tables, ignore_index=True)


def reading_account(paths: Iterable[str | Path]) -> list[str]:
    """Return lines on the masks whose white is not what is above 127: how many of each feature, how it was told.

    Each names one mask. Raises as `CellFile`.
    """
    found: dict[tuple[str, str], list[str]] = {}
    for path in paths:
        with CellFile(path) as cells:
            for image, feature, reading in cells.readings():
                found.setdefault((feature, reading), []).append(image)
    return [
        f"white of {len(images)} masks of {feature} is {reading}, as on {images[0]}"
        for (feature, reading), images in sorted(found.items())
    ]
