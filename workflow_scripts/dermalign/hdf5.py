"""HDF5 files: opened in one place, and what several readers of them need."""

import errno
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from .errors import InputError


def open_file(path: str | Path, mode: str = "r") -> h5py.File:
    """Open an HDF5 file. mode: as h5py has it.

    Raises InputError where the file itself is not at fault: it cannot be locked, or is not to be read; for one to be
    read, as `demand_own`; and OSError, as h5py, for one that is no HDF5 file or damaged (FileNotFoundError where there
    is none).
    """
    try:
        file = h5py.File(path, mode)
        if mode == "r":
            try:
                demand_own(file, path)
            except BaseException:
                file.close()
                raise
        return file
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


def demand_own(file: h5py.File, name: object) -> None:
    """Raise InputError where what an HDF5 file holds is read from other files; neither Keras nor dermalign writes that.

    Such are external links, external storage and virtual data sets: who made the file would choose what is read. name:
    for messages. Raises OSError for a file that is damaged.
    """

    # What a visitor returns ends the visit; what it raises, h5py does not hand on whole.
    def of_link(place: str, link: Any) -> str | None:
        return f"{place} is a link to {link.filename}" if isinstance(link, h5py.ExternalLink) else None

    def of_data(place: str, part: Any) -> str | None:
        if not isinstance(part, h5py.Dataset):
            return None
        if part.is_virtual:
            return f"{place} is a virtual data set"
        return f"{place} is stored in {part.external[0][0]}" if part.external else None

    try:
        found = file.visititems_links(of_link) or file.visititems(of_data)
    except (RuntimeError, KeyError) as error:
        raise OSError(str(error)) from error
    if found:
        raise InputError(f"{name}: {found}, and would be read from another file. Replace it by a whole file.")


def declared_bytes(file: h5py.File) -> int:
    """Return how much memory all data sets of an HDF5 file would take, whether it holds them or merely says so."""
    found = []

    def add(_: str, part: Any) -> None:
        if isinstance(part, h5py.Dataset):
            found.append(part.size * part.dtype.itemsize if part.shape is not None else 0)

    file.visititems(add)
    return sum(found)


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
