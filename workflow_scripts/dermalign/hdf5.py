"""What several readers of HDF5 files need."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from .errors import InputError


@contextmanager
def opened(path: str | Path, what: str, parts: Sequence[str]) -> Iterator[h5py.File]:
    """Open an HDF5 file to be read.

    what: what it is, for messages. parts: data sets, groups and attributes that it must have. Raises InputError with
    the file's name where it is not there, no HDF5 file, or lacks a part.
    """
    try:
        file = h5py.File(path)
    except OSError as error:
        raise InputError(f"{path}: not {what}, or damaged ({error}); delete it to make it anew") from error
    with file:
        if lacking := [part for part in parts if part not in file and part not in file.attrs]:
            raise InputError(
                f"{path}: not {what}, or from an older version, as it lacks {', '.join(lacking)}; delete it to make "
                "it anew"
            )
        yield file


def read_rows(dataset: h5py.Dataset, rows: NDArray[np.integer]) -> NDArray[Any]:
    """Return rows of an HDF5 dataset in any order, also several times; memory: twice the result."""
    # h5py reads rows in ascending order only, and each once.
    ascending, where = np.unique(rows, return_inverse=True)
    return dataset[ascending][where]
