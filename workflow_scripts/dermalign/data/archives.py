"""Pictures inside archives, zip files or folders: found by name, never unpacked.

The official archives hold one folder with the files and, beside them, ATTRIBUTION.txt and LICENSE.txt; only
files that look like a picture are seen (masks: see `mask_files`), everything else is ignored. A folder on the disk is
read like a zip of it, all its subfolders included.

Archives come from elsewhere, and may be made to harm. Nothing is unpacked, no path in one becomes a path on the disk,
and archives in an archive are not opened. What is read of a member is bounded by what the zip declares and by
`MEMBER_BYTES`, whatever it inflates to. Refused is a zip whose members overlap, as those of a bomb do, or that has two
pictures at one path, a path that leads out of it, a picture that is a link, or a directory of more than
`DIRECTORY_BYTES`. Links in folders are followed wherever they lead, as data on clusters often are links: a folder of
someone else's is to be looked through for links (`find FOLDER -type l`) before it is named, a zip need not be.
"""

import hashlib
import io
import json
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import IO, Any, Protocol

from ..errors import InputError
from .file_kinds import HEAD, is_packed, kind_of_content
from .names import PICTURE_SUFFIXES, composed, fault_of_name, folded, leads_out

# What zipfile raises for a member that is missing, damaged, cut off or encrypted, and the disk for a file of a folder.
# Memory lacks where a damaged header asks for gigabytes.
UNREADABLE = (zipfile.BadZipFile, zlib.error, KeyError, OSError, EOFError, RuntimeError, ValueError, MemoryError)
MEMORY = "it asks for more memory than there is, as a damaged file may"
# Ways of packing that zips name and that are not read: Python's zipfile does not know them, or (bzip2, LZMA) does not
# bound what it inflates, 4 GB of 4 kB.
_METHODS = {1: "Shrink", 6: "Implode", 9: "Deflate64", 12: "bzip2", 14: "LZMA", 93: "Zstandard", 95: "XZ", 98: "PPMd"}
SPLIT = "a part of a zip archive that was split. Join its parts (`zip -s 0 parts.zip --out whole.zip`)."
# Bounds in bytes. Of a file in an archive: a scan of 300 million pixels has fewer, whatever its format.
MEMBER_BYTES = 2**30
# Of a zip's directory, of which Python makes ten times as much in memory: this is more than a million files.
DIRECTORY_BYTES = 2**27
# In the environment of a run's jobs: a digest of each archive and table as it was when the run was planned, as JSON.
PLANNED = "DERMALIGN_ARCHIVES"
_PIECE = 2**20  # what is read at once
_HEADER = 30  # the least that stands before a member's content
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


class _ZipStream(io.BufferedReader):
    """A zip file that gives no more at once than a directory may have: its size is written in it, and may be a lie."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Read as files do; raises InputError for more than `DIRECTORY_BYTES` at once."""
        if size is not None and size > DIRECTORY_BYTES:
            raise InputError(
                f"{self.name} has a directory of {size} bytes, at most {DIRECTORY_BYTES // 2**20} MiB are read, which "
                "is more than a million files. Unpack it and name the folder, if you know who made it."
            )
        return super().read(size)


class Zip(zipfile.ZipFile):
    """A zip whose members are asked for by the paths that `list_members` gives, and read in bounded pieces."""

    def open(self, name: Any, mode: Any = "r", pwd: Any = None, *, force_zip64: bool = False) -> IO[bytes]:
        """Open a member as `zipfile.ZipFile`; raises InputError for one of more than `MEMBER_BYTES`, too."""
        info = name if isinstance(name, zipfile.ZipInfo) else self.getinfo(name)
        if info.file_size > MEMBER_BYTES:
            raise too_large(self.filename, _clean_path(_name_of(info)))
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise NotImplementedError(_packed_otherwise(info))
        return super().open(info, mode, pwd, force_zip64=force_zip64)

    def read(self, name: Any, pwd: Any = None) -> bytes:
        """Return a member's content; raises as `open`."""
        with self.open(name, "r", pwd) as stream:
            return read_up_to(stream, MEMBER_BYTES)

    def overlapping(self) -> tuple[zipfile.ZipInfo, zipfile.ZipInfo | None] | None:
        """Return two members that overlap, or one and None where it reaches into the directory; else None."""
        infos = sorted(self.infolist(), key=lambda info: info.header_offset)
        for info, following in pairwise(infos):
            if _least_end(info) > following.header_offset:
                return info, following
        return (infos[-1], None) if infos and _least_end(infos[-1]) > self.start_dir else None

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
        """Return a file's content; raises as `open`."""
        with self.open(name) as stream:
            return read_up_to(stream, MEMBER_BYTES)

    def open(self, name: str, /) -> IO[bytes]:
        """Open a file for reading; raises OSError, and InputError for one of more than `MEMBER_BYTES`."""
        path = self._path(name)
        if path.stat().st_size > MEMBER_BYTES:
            raise too_large(self.filename, name)
        return path.open("rb")

    def _path(self, name: str) -> Path:
        if name.startswith("/") or ".." in name.split("/"):
            raise FileNotFoundError(f"{name!r} leads out of the folder")
        path = Path(self.filename) / name
        return path if path.exists() else Path(self.filename) / self._cleaned.get(name, name)

    @cached_property
    def _cleaned(self) -> dict[str, str]:
        return {_clean_path(path): path for path, _ in _walk(self.filename)}


def read_up_to(stream: IO[bytes], most: int) -> bytes:
    """Return what is in a stream, in pieces and at most a byte more than `most`, by which it is told to have more."""
    content = io.BytesIO()
    while content.tell() <= most and (part := stream.read(min(_PIECE, most + 1 - content.tell()))):
        content.write(part)
    return content.getvalue()


def too_large(archive: object, member: str) -> InputError:
    """Return what to say of a file in an archive that has more than `MEMBER_BYTES`."""
    return InputError(
        f"{archive}: {member} has more than {MEMBER_BYTES // 2**20} MiB once it is unpacked, which no picture has. "
        "Replace it, or leave it out."
    )


def _least_end(info: zipfile.ZipInfo) -> int:
    """Return where a member ends at the earliest: extra fields of its own header are not in the directory."""
    return info.header_offset + _HEADER + len(info.orig_filename) + info.compress_size


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
    listed = tuple(sorted((member for member in members if _is_seen(member.path)), key=lambda member: member.path))
    check_planned(archive, lambda: fingerprint({member.path: member for member in listed}))
    return listed


def check_planned(path: str | Path, digest: Callable[[], str]) -> None:
    """Raise InputError where an archive or table has another digest than when the run of this job was planned.

    digest: its own, which is asked for where the run was planned with one.
    """
    planned = json.loads(os.environ.get(PLANNED, "{}")).get(str(path))
    if planned is not None and planned != digest():
        raise InputError(
            f"{path} was changed while the run was going on: what is in it now is not what the run was planned for. "
            "Start the run again when it is whole; what the change touches is made anew."
        )


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
            "password, files in the place of links), or unpack it and name the folder."
        )
    pictures: set[str] = set()
    for info in infos:
        path = _clean_path(_name_of(info))
        if leads_out(path) or "\0" in info.orig_filename:
            raise InputError(
                f"{archive} holds {info.orig_filename!r}, a path that leads out of it or is none, which no program "
                "that packs pictures writes. Do not unpack it; ask whoever made it for another one."
            )
        if _is_picture(path) and _is_seen(path):
            if path in pictures:
                raise InputError(f"{archive} holds {path!r} twice. Remove one of them: which is meant cannot be told.")
            pictures.add(path)
        if not path.endswith("/"):  # a folder, by a separator of Windows
            yield Member(path, info.CRC, info.file_size)


def _packed_otherwise(info: zipfile.ZipInfo) -> str | None:
    """Return how a member is packed, in words, where it is not read, else None."""
    if stat.S_ISLNK(info.external_attr >> 16):
        return "links, which name files outside of the zip"
    if info.flag_bits & 0x1 or info.compress_type == 99:
        return "encrypted"
    if info.flag_bits & 0x20:
        return "packed as patches"
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
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
        stream = _ZipStream(io.FileIO(str(archive)))
    except FileNotFoundError as error:
        raise InputError(f"{archive}: there is no such archive. Correct the path, or fetch it.") from error
    except OSError as error:
        raise InputError(f"{archive} cannot be opened ({error}).") from error
    with stream:
        try:
            opened = Zip(stream)
        except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error) as error:
            raise InputError(f"{archive} is {_no_zip(archive, error)}") from error
        except OSError as error:
            raise InputError(f"{archive} cannot be opened ({error}).") from error
        with opened:
            if opened.is_last_part():
                raise InputError(f"{archive} is {SPLIT}")
            if found := opened.overlapping():
                names = " and ".join(repr(_name_of(info)) for info in found if info)
                raise InputError(
                    f"{archive} is not read: {names} overlap{'' if found[1] else 's with its directory'}, as in a zip "
                    "that is damaged, or made to fill a disk. Do not unpack it; fetch it again, or have it packed anew."
                )
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
        if fault := fault_of_name(name):
            raise InputError(f"{archive}: the picture {name[:200]!r} {fault}. Rename it: results are called by it.")
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
        digest.update(f"{name}\0{members[name].version}\0{members[name].size}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()[:16]
