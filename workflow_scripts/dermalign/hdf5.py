"""HDF5 files: written and opened in one place, and what several readers of them need.

Files that are written here are sealed: they begin with a block of 512 bytes, which HDF5 leaves to its users, with
`dermalign sha256` and the SHA-256 of all bytes behind it. It is compared each time a file is opened, so that one that
was cut or changed after it was written is found before a number of it counts. Other programs read such files as any
HDF5 file. Files without that block, of earlier versions or of other programs, are read as they are.
"""

import errno
import hashlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BufferedIOBase, RawIOBase
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from .errors import InputError
from .files import atomic_path

SEAL_BYTES = 512  # the smallest block that HDF5 leaves at the beginning of a file
SEAL = b"dermalign sha256 "


@contextmanager
def new_file(path: str | Path) -> Iterator[h5py.File]:
    """Yield an HDF5 file to be filled; it is there, whole and sealed, when the block ends well, else not at all.

    Raises InputError as `open_file`.
    """
    with atomic_path(path) as temporary, temporary.open("w+b", buffering=0) as stream:
        output = _Output(stream.fileno())
        try:
            with h5py.File(output, "w", userblock_size=SEAL_BYTES) as file:
                yield file
        except Exception:
            output.check()  # what HDF5 makes of a fault says less than the fault
            raise
        output.check()
        with temporary.open("rb") as written:
            seal = _seal(written)
        output.seek(0)
        output.write(seal)
        output.check()


class _Output(RawIOBase):
    """A file for HDF5 to write, as an object of Python, in which no write fails; `check` tells what did.

    HDF5 does not come to terms with a write that fails, as on a disk that is full: closing the file fails, too, and
    what is left of it ends the process with a segmentation fault, without a word.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor, self._place, self._end = descriptor, 0, 0
        self._fault: OSError | None = None

    def check(self) -> None:
        """Raise the first fault of the file system, if there was one."""
        if self._fault is not None:
            raise self._fault

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._place = offset if whence == os.SEEK_SET else self._end + offset
        return self._place

    def tell(self) -> int:
        return self._place

    def write(self, data: Any) -> int:
        rest = memoryview(data).cast("B")
        size, place = len(rest), self._place
        try:
            while len(rest) and self._fault is None:
                written = os.pwrite(self._descriptor, rest, place)
                rest, place = rest[written:], place + written
        except OSError as error:
            self._fault = error
        self._place += size
        self._end = max(self._end, self._place)
        return size

    def readinto(self, buffer: Any) -> int:
        whole = memoryview(buffer).cast("B")
        whole[:] = os.pread(self._descriptor, len(whole), self._place).ljust(len(whole), b"\0")
        self._place += len(whole)
        return len(whole)

    def truncate(self, size: int | None = None) -> int:
        self._end = self._place if size is None else size
        try:
            os.ftruncate(self._descriptor, self._end)
        except OSError as error:
            self._fault = self._fault or error
        return self._end


def _seal(stream: BufferedIOBase) -> bytes:
    """Return the first block that a file must have, of what stands behind it."""
    stream.seek(SEAL_BYTES)
    digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return (SEAL + digest.encode() + b"\n").ljust(SEAL_BYTES, b"\0")


def check_seal(path: str | Path) -> None:
    """Raise OSError where a sealed file is not as it was written; the whole file is read."""
    with Path(path).open("rb") as stream:
        first = stream.read(SEAL_BYTES)
        if first.startswith(SEAL) and first != _seal(stream):
            raise OSError("it was changed or cut after it was written, as its SHA-256 tells")


def open_file(path: str | Path, mode: str = "r") -> h5py.File:
    """Open an HDF5 file; one that is sealed is compared with its seal first. mode: as h5py has it.

    Raises InputError where the file itself is not at fault: it cannot be locked, or is not to be read; for one to be
    read, as `demand_own`; and OSError, as h5py, for one that is no HDF5 file or damaged (FileNotFoundError where there
    is none).
    """
    try:
        if mode == "r":
            check_seal(path)
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
