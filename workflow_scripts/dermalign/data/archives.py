"""Pictures inside archives, zip files or folders: found by name, never unpacked.

The official archives hold one folder with the files and, beside them, ATTRIBUTION.txt and LICENSE.txt; only
files that look like a picture are seen (masks: see `mask_files`), everything else is ignored. A folder on the disk is
read like a zip of it, all its subfolders included.
"""

import hashlib
import io
import lzma
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path, PurePosixPath
from typing import IO, Protocol

from ..errors import InputError
from .file_kinds import HEAD, is_packed, kind_of_content
from .names import PICTURE_SUFFIXES, composed, folded

# What zipfile raises for a member that is missing, damaged, cut off or encrypted, and the disk for a file of a folder.
# Memory lacks where a damaged header of LZMA asks for gigabytes.
UNREADABLE = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, KeyError, OSError, EOFError, RuntimeError, ValueError),
    MemoryError,
)
MEMORY = "it asks for more memory than there is, as a damaged file may"
# Ways of packing that zips name and Python's zipfile does not read.
_METHODS = {1: "Shrink", 6: "Implode", 9: "Deflate64", 93: "Zstandard", 95: "XZ", 98: "PPMd"}
SPLIT = "a part of a zip archive that was split. Join its parts (`zip -s 0 parts.zip --out whole.zip`)."
_ARCHIVES = (".zip", ".rar", ".7z", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".zst")


@dataclass(frozen=True)
class Member:
    """A file in an archive: its path there and what tells its content from another's without reading it.

    path: with `/` between folders and accents composed, whatever the system that wrote it (see `_clean_path`).
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


class Zip(zipfile.ZipFile):
    """A zip whose members are asked for by the paths that `list_members` gives."""

    def getinfo(self, name: str) -> zipfile.ZipInfo:
        """Return what the zip's directory says of a member; raises KeyError."""
        try:
            return super().getinfo(name)
        except KeyError:
            return self._cleaned[name]

    def is_last_part(self) -> bool:
        """Return whether this is the last of several files, which has the directory of all (APPNOTE 4.3.16)."""
        assert self.fp is not None
        self.fp.seek(-22 - len(self.comment), os.SEEK_END)
        number = int.from_bytes(self.fp.read(6)[4:], "little")
        return number not in (0, 0xFFFF)  # the latter says that it stands elsewhere

    @cached_property
    def _cleaned(self) -> dict[str, zipfile.ZipInfo]:
        return {_clean_path(_name_of(info)): info for info in self.infolist()}


@dataclass(frozen=True)
class Folder:
    """A folder that is read as an archive; members are the paths below it that `list_members` gives."""

    filename: str

    def read(self, name: str, /) -> bytes:
        """Return a file's content; raises OSError."""
        return self._path(name).read_bytes()

    def open(self, name: str, /) -> IO[bytes]:
        """Open a file for reading; raises OSError."""
        return self._path(name).open("rb")

    def _path(self, name: str) -> Path:
        path = Path(self.filename) / name
        return path if path.exists() else Path(self.filename) / self._cleaned.get(name, name)

    @cached_property
    def _cleaned(self) -> dict[str, str]:
        return {_clean_path(path): path for path, _ in _walk(self.filename)}


def _clean_path(path: str) -> str:
    """Return a path as it is compared and shown: composed, and with `/` where a system wrote its own separator."""
    return composed(path.replace("\\", "/"))


def _name_of(info: zipfile.ZipInfo) -> str:
    """Return a member's path as it was meant.

    macOS and others write UTF-8 without the flag that says so, where Python takes a name for code page 437. Some
    programs write the name a second time, as UTF-8, in an extra field (Info-ZIP's APPNOTE 4.6.9, header 0x7075).
    """
    if info.filename.isascii() or info.flag_bits & 0x800:
        return info.filename
    try:
        raw = info.filename.encode("cp437")
    except UnicodeEncodeError:  # Python has read the extra field
        return info.filename
    rest = info.extra
    while len(rest) >= 4:
        header, size = struct.unpack("<HH", rest[:4])
        field, rest = rest[4 : 4 + size], rest[4 + size :]
        if header == 0x7075 and field[1:5] == struct.pack("<L", zlib.crc32(raw)):
            raw = field[5:]
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return info.filename


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
    members = _list_folder(archive) if Path(archive).is_dir() else _list_zip(archive)
    return tuple(sorted((member for member in members if _is_seen(member.path)), key=lambda member: member.path))


def _is_seen(path: str) -> bool:
    # Nearly all paths are told by these; taking 150,000 of them to pieces is most of a second at every job's start.
    if "__MACOSX" not in path and "/." not in path and not path.startswith("."):
        return True
    return not any(part == "__MACOSX" or part.startswith(".") for part in PurePosixPath(path).parts)


def _list_folder(folder: str) -> Iterator[Member]:
    for path, status in _walk(folder):
        yield Member(_clean_path(path), status.st_mtime_ns, status.st_size)


def _list_zip(archive: str) -> Iterator[Member]:
    with zipfile_of(archive) as opened:
        # One without a name is nobody's file, and Python's zipfile cannot say whether it is a folder.
        infos = [info for info in opened.infolist() if info.filename and not info.is_dir()]
    if unreadable := [info for info in infos if _is_picture(info.filename) and _packed_otherwise(info)]:
        raise InputError(
            f"{archive}: {len(unreadable)} of {len(infos)} files are {_packed_otherwise(unreadable[0])}, as "
            f"{_name_of(unreadable[0])}, which is not read. Pack the zip anew in the ordinary way (Deflate, no "
            "password), or unpack it and name the folder."
        )
    for info in infos:
        path = _clean_path(_name_of(info))
        if not path.endswith("/"):  # a folder, by a separator of Windows
            yield Member(path, info.CRC, info.file_size)


def _packed_otherwise(info: zipfile.ZipInfo) -> str | None:
    """Return how a member is packed, in words, where Python's zipfile cannot read it, else None."""
    if info.flag_bits & 0x1 or info.compress_type == 99:
        return "encrypted"
    if info.flag_bits & 0x20:
        return "packed as patches"
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        return f"packed with {_METHODS.get(info.compress_type, f'method {info.compress_type}')}"
    return None


def _walk(folder: str) -> Iterator[tuple[str, os.stat_result]]:
    """Yield the paths of a folder's files below it, as the disk has them, and what it says of them."""
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
                        yield path, entry.stat()
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
    """Open a zip archive for reading.

    Raises InputError with the file's name where it is missing or not a whole zip, and what it is instead.
    """
    try:
        opened = Zip(archive)
    except FileNotFoundError as error:
        raise InputError(f"{archive}: there is no such archive. Correct the path, or fetch it.") from error
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise InputError(f"{archive} is {_no_zip(archive, error)}") from error
    except OSError as error:
        raise InputError(f"{archive} cannot be opened ({error}).") from error
    with opened:
        if opened.is_last_part():
            raise InputError(f"{archive} is {SPLIT}")
        yield opened


def _no_zip(archive: str | Path, error: Exception) -> str:
    """Return what a file is that cannot be opened as a zip, and what to do."""
    with Path(archive).open("rb") as stream:
        head = stream.read(HEAD)
    kind = kind_of_content(head)
    if "multiple disks" in str(error) or head.startswith(b"PK\x07\x08"):
        return SPLIT
    if kind is None or head.startswith(b"PK"):
        return f"not a whole zip archive ({error}). Was its download cut off? Remove it and fetch it again."
    if is_packed(head):
        return f"{kind}, not a zip archive. Unpack it and name the folder, or pack its files as a zip."
    return f"not a whole zip archive, it is {kind}. Correct the path, or remove it and fetch it again."


def read_member(opened: OpenArchive, member: str) -> io.BytesIO:
    """Return the content of a member; raises InputError naming both where it is damaged or missing."""
    try:
        return io.BytesIO(opened.read(member))
    except UNREADABLE as error:
        raise unreadable(opened, member, error) from error


def unreadable(opened: OpenArchive, member: str, error: Exception) -> InputError:
    """Return what to say of a member that an archive does not give: that is missing, packed otherwise or damaged."""
    if isinstance(error, (KeyError, FileNotFoundError)):
        fault = "cannot be read: there is no such file in it. Complete the archive, or correct the name."
    elif isinstance(error, MemoryError):
        fault = f"cannot be read: {MEMORY}. Fetch the archive again, or run where there is more memory."
    elif isinstance(opened, Folder):
        fault = f"cannot be read ({error}). Mend its rights or replace the file."
    elif packed := _packed_otherwise(opened.getinfo(member)) if isinstance(opened, Zip) else None:
        fault = f"cannot be read: it is {packed}. Pack the zip anew, or unpack it and name the folder."
    else:
        fault = f"cannot be read ({error}). The archive is damaged: fetch it again."
    return InputError(f"{opened.filename}: {member} {fault}")


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
    by_name: dict[str, Member] = {}
    for member in _list_members(archive, modified, size):
        if not _is_picture(member.path):
            continue
        name = PurePosixPath(member.path).stem
        other = by_name.setdefault(folded(name), member)
        if other is not member:
            raise InputError(
                f"{archive} holds two pictures named {name}: {other.path} and {member.path}. "
                "Remove or rename one of them: a name must stand for one picture, and case does not tell names apart."
            )
        pictures[name] = member
    if not pictures:
        raise InputError(
            f"{archive} holds no picture ({', '.join(PICTURE_SUFFIXES)}){held_instead(archive)}. Is it the "
            "archive that its key names?"
        )
    return dict(sorted(pictures.items()))


def _is_picture(path: str) -> bool:
    name = path.lower()
    return name.endswith(PICTURE_SUFFIXES) and not PurePosixPath(name).stem.endswith("_superpixels")


def held_instead(archive: str | Path) -> str:
    """Return what an archive holds without what was looked for, in words that follow: packed archives, other files."""
    members = _list_members(*archive_key(archive))
    packed = [member.path for member in members if member.path.lower().endswith(_ARCHIVES)]
    if packed:
        return f", but {len(packed)} packed archives, as {packed[0]}: unpack it and name what is in it"
    return f", but {len(members)} other files, as {members[0].path}" if members else ": it is empty"


def fingerprint(members: Mapping[str, Member]) -> str:
    """Return a short digest of names and contents: equal exactly if the same names have the same contents.

    Of files in a folder their times of change stand for their contents.
    """
    digest = hashlib.sha256()
    for name in sorted(members):
        digest.update(f"{name}\0{members[name].version}\0{members[name].size}\n".encode())
    return digest.hexdigest()[:16]
