"""HDF5 files: opened in one place, and what several readers of them need."""

import errno
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from .errors import InputError


def open_file(path: str | Path, mode: str = "r") -> h5py.File:
    """Open an HDF5 file. mode: as h5py has it.

    Raises InputError where the file itself is not at fault: it cannot be locked, or is not to be read; and OSError, as
    h5py, for one that is no HDF5 file or damaged (FileNotFoundError where there is none).
    """
    try:
        return h5py.File(path, mode)
    except FileNotFoundError:
        raise
    except OSError as error:
        if "unable to lock file" in str(error):
            raise InputError(
                f"{path} cannot be locked ({_reason(error)}): another process writes it, or its file system has no "
                "locks, as network file systems may not. The file may well be whole. If nothing else writes it, set "
                "HDF5_USE_FILE_LOCKING=FALSE in the environment and run again."
            ) from error
        if Path(path).is_dir():
            raise InputError(f"{path} is a folder where a file belongs. Move it away.") from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT):
            words = os.strerror(error.errno)
            raise InputError(
                f"{path} cannot be opened ({words}). Mend the rights of file and folder, or make room."
            ) from error
        raise


def _reason(error: OSError) -> str:
    """Return the system's own words for an error, which h5py puts at the end of long ones."""
    found = re.search(r"error message = '([^']*)'", str(error))
    return found[1] if found else str(error)


@contextmanager
def opened(path: str | Path, what: str, parts: Sequence[str]) -> Iterator[h5py.File]:
    """Open an HDF5 file to be read.

    what: what it is, for messages. parts: data sets, groups and attributes that it must have. Raises InputError with
    the file's name where it is not there, no HDF5 file, or lacks a part, and as `open_file`.
    """
    try:
        file = open_file(path)
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no such file. Run again to make it.") from error
    except OSError as error:
        raise InputError(f"{path}: not {what}, or damaged ({error}); delete it to make it anew") from error
    with file:
        with reading(path, what):
            lacking = [part for part in parts if part not in file and part not in file.attrs]
        if lacking:
            raise InputError(
                f"{path}: not {what}, or from an older version, as it lacks {', '.join(lacking)}; delete it to make "
                "it anew"
            )
        yield file


@contextmanager
def reading(path: str | Path, what: str) -> Iterator[None]:
    """Raise InputError naming the file for what h5py raises in the block where a file is damaged or of another layout.

    what: what the file should be. Do nothing else in the block: whatever is raised in it counts as the file's fault.
    """
    try:
        yield
    except (OSError, KeyError, ValueError, TypeError, AttributeError, IndexError, RuntimeError) as error:
        raise InputError(f"{path}: not {what}, or damaged ({error}); delete it to make it anew") from error


def check_layout(parts: Mapping[str, tuple[Any, type[Any] | tuple[type[Any], ...], tuple[int | None, ...]]]) -> None:
    """Raise ValueError for what is no data set of numbers of its type and shape, in words that begin with its name.

    parts: {name: (what the file has there, NumPy's type or types, the shape, None for an axis of any length)}.
    """
    for name, (found, types, shape) in parts.items():
        if not isinstance(found, h5py.Dataset):
            raise ValueError(f"{name} is no data set")
        if found.dtype.type not in (types if isinstance(types, tuple) else (types,)):
            raise ValueError(f"{name} is of the type {found.dtype}")
        lengths = found.shape if found.shape is not None else ()
        if len(lengths) != len(shape) or any(
            expected not in (None, length) for length, expected in zip(lengths, shape, strict=True)
        ):
            raise ValueError(f"{name} is of the shape {found.shape}")


def read_rows(dataset: h5py.Dataset, rows: NDArray[np.integer]) -> NDArray[Any]:
    """Return rows of an HDF5 dataset in any order, also several times; memory: twice the result."""
    # h5py reads rows in ascending order only, and each once.
    ascending, where = np.unique(rows, return_inverse=True)
    return dataset[ascending][where]
