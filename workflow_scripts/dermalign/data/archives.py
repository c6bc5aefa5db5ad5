"""Pictures inside archives, zip files or folders: found by name, never unpacked.

The official archives hold one folder with the files and, beside them, ATTRIBUTION.txt and LICENSE.txt; only
files that look like a picture are seen (masks: see `mask_files`), everything else is ignored. A folder on the disk is
read like a zip of it, all its subfolders included.
"""

import hashlib
import io
import os
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import IO, Protocol

from ..errors import InputError
from .names import PICTURE_SUFFIXES

# What zipfile raises for a member that is missing, damaged, cut off or encrypted, and the disk for a file of a folder.
UNREADABLE = (zipfile.BadZipFile, zlib.error, KeyError, OSError, EOFError, RuntimeError, ValueError)


@dataclass(frozen=True)
class Member:
    """A file in an archive: its path there and what tells its content from another's without reading it.

    version: of a zip the CRC-32 that it lists; of a folder the time in ns at which the file was last changed.
    size: in bytes.
    """

    path: str
    version: int
    size: int

    @property
    def name(self) -> str:
        """The file's name without folders."""
        return PurePosixPath(self.path).name


class OpenArchive(Protocol):
    """An archive that is open for reading: a `zipfile.ZipFile` or a `Folder`."""

    @property
    def filename(self) -> str | None: ...  # for messages

    def read(self, name: str, /) -> bytes: ...

    def open(self, name: str, /) -> IO[bytes]: ...


@dataclass(frozen=True)
class Folder:
    """A folder that is read as an archive; members are paths below it, with `/`."""

    filename: str

    def read(self, name: str, /) -> bytes:
        """Return a file's content; raises OSError."""
        return (Path(self.filename) / name).read_bytes()

    def open(self, name: str, /) -> IO[bytes]:
        """Open a file for reading; raises OSError."""
        return (Path(self.filename) / name).open("rb")


def list_members(archive: str | Path) -> list[Member]:
    """Return the files of a zip archive or a folder in order of path, read from its directory alone.

    Left out are hidden files and folders, and those that macOS adds to zips. A folder is walked once in a process, as
    long as its own time of change stays: planning asks for every batch, and a walk over many files takes seconds.
    Raises FileNotFoundError where there is no such archive, and InputError where a file is no zip.
    """
    return list(_list_members(*archive_key(archive)))


def archive_key(archive: str | Path) -> tuple[str, int, int]:
    """Return an archive's path, its time of change in ns and its size in bytes: what a cache of its listing depends on.

    Raises FileNotFoundError where there is no such archive.
    """
    status = Path(archive).stat()
    return str(archive), status.st_mtime_ns, status.st_size


@lru_cache(maxsize=16)
def _list_members(archive: str, _modified: int, _size: int) -> tuple[Member, ...]:
    members = _walk(archive) if Path(archive).is_dir() else _list_zip(archive)
    return tuple(sorted((member for member in members if _is_seen(member.path)), key=lambda member: member.path))


def _is_seen(path: str) -> bool:
    # Nearly all paths are told by these; taking 150,000 of them to pieces is most of a second at every job's start.
    if "__MACOSX" not in path and "/." not in path and not path.startswith("."):
        return True
    return not any(part == "__MACOSX" or part.startswith(".") for part in PurePosixPath(path).parts)


def _list_zip(archive: str) -> Iterator[Member]:
    with zipfile_of(archive) as opened:
        for info in opened.infolist():
            if not info.is_dir():
                yield Member(info.filename, info.CRC, info.file_size)


def _walk(folder: str) -> Iterator[Member]:
    # Links are followed, as data on clusters often are links; a folder that is reached twice is listed once, so that
    # a link to a folder above does not end in a circle.
    waiting, seen = [""], set()
    while waiting:
        inside = waiting.pop()
        try:
            status = (Path(folder) / inside).stat()
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(Path(folder) / inside) as entries:
                for entry in entries:
                    path = f"{inside}{entry.name}"
                    if not _is_seen(entry.name):
                        continue
                    if entry.is_dir():
                        waiting.append(f"{path}/")
                    elif entry.is_file():
                        file = entry.stat()
                        yield Member(path, file.st_mtime_ns, file.st_size)
        except OSError as error:
            raise InputError(f"{folder}: {inside or 'it'} cannot be listed ({error}).") from error


@contextmanager
def open_archive(archive: str | Path) -> Iterator[OpenArchive]:
    """Open a zip archive or a folder for reading.

    Raises InputError with its name where it is missing or a file that is not a whole zip.
    """
    if Path(archive).is_dir():
        yield Folder(str(archive))
        return
    with zipfile_of(archive) as opened:
        yield opened


@contextmanager
def zipfile_of(archive: str | Path) -> Iterator[zipfile.ZipFile]:
    """Open a zip archive for reading; raises InputError with the file's name where it is missing or not a whole zip."""
    try:
        opened = zipfile.ZipFile(archive)
    except FileNotFoundError as error:
        raise InputError(f"{archive}: there is no such archive. Correct the path, or fetch it.") from error
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise InputError(
            f"{archive} is not a whole zip archive ({error}). Was its download cut off? Remove it and fetch it again."
        ) from error
    with opened:
        yield opened


def read_member(opened: OpenArchive, member: str) -> io.BytesIO:
    """Return the content of a member; raises InputError naming both where it is damaged or missing."""
    try:
        return io.BytesIO(opened.read(member))
    except UNREADABLE as error:
        raise InputError(f"{opened.filename}: {member} cannot be read ({error}). {mend(opened)}") from error


def mend(opened: OpenArchive) -> str:
    """Return what to do about a member that cannot be read."""
    return "Replace the file." if isinstance(opened, Folder) else "The archive is damaged: fetch it again."


def list_pictures(archive: str | Path) -> dict[str, Member]:
    """Return the pictures of an archive by image name (file name without suffix), in order of name.

    The `_superpixels.png` files of the ISIC 2016 and 2017 archives are no pictures. Raises as `list_members`, and
    InputError where two pictures have one name or where there is no picture at all.
    """
    return dict(_list_pictures(*archive_key(archive)))


# Rules ask once per batch: with a hundred batches of a large archive, sorting it anew would take minutes.
@lru_cache(maxsize=16)
def _list_pictures(archive: str, modified: int, size: int) -> dict[str, Member]:
    pictures: dict[str, Member] = {}
    for member in _list_members(archive, modified, size):
        name = PurePosixPath(member.path)
        if name.suffix.lower() not in PICTURE_SUFFIXES or name.stem.endswith("_superpixels"):
            continue
        if name.stem in pictures:
            raise InputError(
                f"{archive} holds two pictures named {name.stem}: {pictures[name.stem].path} and {member.path}. "
                "Remove or rename one of them: a name must stand for one picture."
            )
        pictures[name.stem] = member
    if not pictures:
        raise InputError(
            f"{archive} holds no picture ({', '.join(PICTURE_SUFFIXES)}). Is it the archive that its key names?"
        )
    return dict(sorted(pictures.items()))


def fingerprint(members: Mapping[str, Member]) -> str:
    """Return a short digest of names and contents: equal exactly if the same names have the same contents.

    Of files in a folder their times of change stand for their contents.
    """
    digest = hashlib.sha256()
    for name in sorted(members):
        digest.update(f"{name}\0{members[name].version}\0{members[name].size}\n".encode())
    return digest.hexdigest()[:16]
