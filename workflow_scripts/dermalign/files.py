"""Files and folders that are either whole or not there, and digests of files."""

import errno
import hashlib
import os
import re
import shutil
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import InputError

# HDF5 files carry their own, which is compared as they are opened.
SEALED = ".h5"
# The name of a temporary file or folder ends with the process and the machine that write it; those of earlier versions
# name no machine.
TEMPORARY = re.compile(r"\..+\.(\d{1,9})(?:@(.+))?\.partial(?:\.[^.]*)?")
FORGOTTEN = 24 * 3600  # seconds without a change after which no process is thought to write any more
# The disk, a quota or a limit is reached, or the file system is read-only.
NOT_TO_BE_WRITTEN = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
# How far the clocks of a machine and of the disk that it writes to may be apart, in seconds.
APART = 60


def check_writable(*folders: str | Path) -> None:
    """Raise InputError for the first folder in which nothing may be written, or made where it is not there yet."""
    for folder in map(Path, folders):
        there = next(each for each in (folder, *folder.absolute().parents) if each.exists())
        if not os.access(there, os.W_OK | os.X_OK):
            raise InputError(
                f"{there.absolute()} is not to be written, and the run writes to {folder.absolute()}. Mend the rights "
                "of the folder, or mount its disk for writing; or run in another folder (`--directory`)."
            )


def check_dates(paths: Iterable[str | Path]) -> None:
    """Raise InputError where files are dated in the future; what is not there does not count.

    What is written from them would count as older than they are. So a finished job would fail, and, of a run that is
    stopped, results of yesterday's content as those of today's.
    """
    now = time.time()
    dated = {str(path): Path(path).stat().st_mtime for path in paths if Path(path).exists()}
    later = {path: when for path, when in dated.items() if when > now + APART}
    if later:
        first = min(later)
        raise InputError(
            f"by the clock of this machine it is {_moment(now)}, and {first} is dated {_moment(later[first])}"
            f"{f', as are {len(later) - 1} others later than now' if len(later) > 1 else ''}: what is made from a file "
            "dated in the future would count as older than it. Set the clock right. If it is right, `touch` such files "
            "where they are yours, and delete those in the folder of results: they are made anew."
        )


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` when the block ends well, else remove it.

    The temporary name keeps the suffix of `path`, since Keras, Pillow and Matplotlib choose their format by it. Raises
    InputError where the disk is full or not to be written.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.{_writer()}.partial{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.replace(path)
    except OSError as error:
        if error.errno in NOT_TO_BE_WRITTEN:
            raise InputError(
                f"{path} cannot be written ({os.strerror(error.errno)}). Make room, or mend the rights of the folder, "
                "and run again."
            ) from error
        raise
    finally:
        with suppress(OSError):  # of a file system that is read-only, where there is none
            temporary.unlink(missing_ok=True)


@contextmanager
def temporary_folder(path: str | Path) -> Iterator[Path]:
    """Yield an empty folder beside `path`, for the time of the block."""
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{_writer()}.partial")
    shutil.rmtree(temporary, ignore_errors=True)  # of a process that had the same number and was killed
    temporary.mkdir(parents=True)
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def atomic_folder(path: str | Path) -> Iterator[Path]:
    """Yield an empty folder near `path`; rename it to `path` when the block ends well, else remove it.

    A folder that is there is replaced.
    """
    path = Path(path)
    with temporary_folder(path) as temporary:
        new = temporary / "new"
        new.mkdir()
        yield new
        if path.exists():
            path.rename(temporary / "former")  # removed file by file, it would be a half folder for a while
        new.rename(path)


def _writer() -> str:
    return f"{os.getpid()}@{socket.gethostname()}"


def remove_left_overs(folder: str | Path) -> None:
    """Remove what killed processes left in a folder, and in those below it, of files and folders that they wrote.

    Of a process of this machine it is known whether it is there. What another machine writes, as a node that shares
    the folder, is left where it is until nothing changed in it for a day.
    """
    for place, folders, files in os.walk(folder):
        for name in filter(TEMPORARY.fullmatch, (*folders, *files)):
            path = Path(place, name)
            with suppress(OSError):  # gone by now, or not ours to remove: it harms nobody
                if not _is_left_over(path):
                    continue
                if path.is_dir():
                    shutil.rmtree(path)
                else:
                    path.unlink()
        folders[:] = [name for name in folders if not TEMPORARY.fullmatch(name)]


def _is_left_over(path: Path) -> bool:
    found = TEMPORARY.fullmatch(path.name)
    if found and found[2] == socket.gethostname():
        try:
            os.kill(int(found[1]), 0)  # sends nothing
        except ProcessLookupError:
            return True
        except PermissionError:
            pass  # it is there, and another user's
    return time.time() - path.stat().st_mtime > FORGOTTEN


def write_text(path: str | Path, text: str) -> None:
    """Write `text` as UTF-8, whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def file_sha256(path: str | Path) -> str:
    """Return the SHA-256 of the file's bytes, 64 hexadecimal digits. Raises OSError where it cannot be read."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_digests(path: str | Path, files: Iterable[str | Path], root: str | Path) -> None:
    """Write the digests of files, but for folders and HDF5 files, as `sha256sum --check` reads them in `root`.

    Where there are none to write, nothing is written.
    """
    lines = [
        f"{file_sha256(file)}  {os.path.relpath(file, root)}\n"
        for file in map(Path, files)
        if file.suffix != SEALED and file.is_file()
    ]
    if lines:
        write_text(path, "".join(lines))


def check_digests(lists: Iterable[str | Path], files: Iterable[str | Path], root: str | Path) -> None:
    """Compare files with the lists of `write_digests` that name them; others, as of earlier versions, count as whole.

    lists: some may be gone by now, as a job that begins deletes its own. Raises InputError for a file that is in none
    of them with the digest that it has.
    """
    wanted = {os.path.relpath(file, root): Path(file) for file in files if Path(file).suffix != SEALED}
    if not wanted:
        return
    written: dict[str, set[str]] = {}
    for path in lists:
        try:
            text = Path(path).read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            continue
        for line in text.splitlines():
            digest, _, name = line.partition("  ")
            written.setdefault(name, set()).add(digest)
    for name, file in wanted.items():
        if name in written and file.is_file() and file_sha256(file) not in written[name]:
            raise InputError(f"{file}: was changed or cut after it was written; delete it to make it anew")


def csv_field(text: str) -> str:
    """Return a text as a field of a CSV row, in quotes where it has a comma, a quote or a line's end in it."""
    return '"' + text.replace('"', '""') + '"' if any(character in text for character in ',"\r\n') else text
