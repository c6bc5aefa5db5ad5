"""The picture store: a training's pictures, all of one size, in one HDF5 file.

    /pictures   (n, size, size, 3) uint8, RGB; contiguous and not compressed, so that any picture is read at once
    /image      (n,) UTF-8, the pictures' names in the same order

Apart from `pictures`, which decodes them, so that what only reads a store depends on nothing of archives.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..errors import InputError
from ..hdf5 import new_file, open_file


@dataclass(frozen=True)
class PictureStore:
    """An open picture store."""

    path: Path
    pictures: h5py.Dataset
    """(n, size, size, 3) uint8, RGB; `pictures[row]` reads one"""
    images: pd.Index
    """(n,) names"""

    def rows(self, images: Iterable[str]) -> NDArray[np.int64]:
        """Return in which row of `pictures` each of the images is, (count,), -1 for one that is not there."""
        return np.asarray(self.images.get_indexer(pd.Index(images)), np.int64)


@contextmanager
def open_picture_store(path: str | Path, size: int | None = None) -> Iterator[PictureStore]:
    """Open a picture store, to be read for the length of the block.

    size: pixels of a side that its pictures must have, None for any. Raises `InputError` for a file that cannot be
    read, is no picture store or one of another size, or whose pictures are not contiguous.
    """
    try:
        file = open_file(path)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read as a picture store ({error}); delete it, and it is made again"
        ) from error
    with file:
        shape: tuple[int, ...] = file["pictures"].shape if "pictures" in file and "image" in file else ()
        side = size or (shape[1] if len(shape) == 4 else 0)
        if shape[1:] != (side, side, 3):
            wanted = "" if size is None else f" of {size} x {size} pixels, the input_size"
            raise InputError(f"{path}: is not a picture store{wanted}")
        if file["pictures"].dtype != np.uint8 or file["pictures"].id.get_offset() is None:
            raise InputError(f"{path}: its pictures are not contiguous uint8; delete it, and it is made again")
        yield PictureStore(Path(path), file["pictures"], pd.Index(file["image"].asstr()[()]))


def write_picture_store(
    path: str | Path, images: Sequence[str], size: int, pictures: Iterable[NDArray[np.uint8]]
) -> None:
    """Write pictures (size, size, 3), as many as `images` and in their order, to a store, whole or not at all.

    Only one picture is in memory at a time, but for what the iterable holds. Raises what the iterable raises, and
    ValueError where it has fewer or more pictures than there are images.
    """
    with new_file(path) as file:
        stored = file.create_dataset("pictures", (len(images), size, size, 3), dtype=np.uint8)
        file.create_dataset("image", data=list(images), dtype=h5py.string_dtype())
        for (row, _), picture in zip(enumerate(images), pictures, strict=True):
            stored[row] = picture
