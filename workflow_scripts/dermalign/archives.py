"""Pictures and masks inside zip archives: found by member name, never unpacked.

The official archives hold one folder with the files and, beside them, ATTRIBUTION.txt and LICENSE.txt; only
files that look like a picture or a mask of a configured feature are seen, everything else is ignored.
"""

import hashlib
import io
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

from .errors import InputError

PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png")

# What zipfile raises for a member that is missing, damaged, cut off or encrypted.
UNREADABLE = (zipfile.BadZipFile, zlib.error, KeyError, OSError, EOFError, RuntimeError, ValueError)


@dataclass(frozen=True)
class Member:
    """A file in an archive: its path there, and its content's CRC-32 and size as the archive lists them."""

    path: str
    crc: int
    size: int


def list_members(archive: str | Path) -> dict[str, Member]:
    """Return the members of a zip archive by file name (without folders), read from its directory alone.

    Raises FileNotFoundError where there is no file, and InputError where it is no zip archive or where two
    members in different folders have one name.
    """
    status = Path(archive).stat()
    return _list_members(str(archive), status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=16)
def _list_members(archive: str, _modified: int, _size: int) -> dict[str, Member]:
    members: dict[str, Member] = {}
    with open_archive(archive) as opened:
        for info in opened.infolist():
            path = PurePosixPath(info.filename)
            if info.is_dir() or "__MACOSX" in path.parts or path.name.startswith("."):
                continue
            if path.name in members:
                raise InputError(
                    f"{archive} holds {path.name} twice: as {members[path.name].path} and as {info.filename}. "
                    "Remove one of them: a name must stand for one picture."
                )
            members[path.name] = Member(info.filename, info.CRC, info.file_size)
    return members


@contextmanager
def open_archive(archive: str | Path) -> Iterator[zipfile.ZipFile]:
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


def read_member(opened: zipfile.ZipFile, member: str) -> io.BytesIO:
    """Return the content of a member; raises InputError naming both where it is damaged or missing."""
    try:
        return io.BytesIO(opened.read(member))
    except UNREADABLE as error:
        raise InputError(
            f"{opened.filename}: {member} cannot be read ({error}). The archive is damaged: fetch it again."
        ) from error


def list_pictures(archive: str | Path) -> dict[str, Member]:
    """Return the pictures of an archive by image name (file name without suffix), in order of name.

    The `_superpixels.png` files of the ISIC 2016 and 2017 archives are no pictures. Raises as `list_members`,
    and InputError where there is no picture at all.
    """
    status = Path(archive).stat()
    return dict(_list_pictures(str(archive), status.st_mtime_ns, status.st_size))


# Rules ask once per batch: with a hundred batches of a large archive, sorting it anew would take minutes.
@lru_cache(maxsize=16)
def _list_pictures(archive: str, modified: int, size: int) -> dict[str, Member]:
    pictures: dict[str, Member] = {}
    for name, member in _list_members(archive, modified, size).items():
        image, suffix = PurePosixPath(name).stem, PurePosixPath(name).suffix.lower()
        if suffix not in PICTURE_SUFFIXES or image.endswith("_superpixels"):
            continue
        if image in pictures:
            raise InputError(f"{archive} holds two pictures named {image}: {pictures[image].path} and {member.path}.")
        pictures[image] = member
    if not pictures:
        raise InputError(
            f"{archive} holds no picture ({', '.join(PICTURE_SUFFIXES)}). Is it the archive that its key names?"
        )
    return dict(sorted(pictures.items()))


def list_masks(archive: str | Path, images: Iterable[str], features: Sequence[str]) -> dict[str, dict[str, Member]]:
    """Return the masks of the images as {image: {feature: member}}, from names `{image}_attribute_{feature}.png`.

    Raises as `list_members`, and InputError for a feature that the archive does not know at all (with the ones
    that it knows), and for a picture that lacks one of its masks.
    """
    status = Path(archive).stat()
    members = _list_members(str(archive), status.st_mtime_ns, status.st_size)
    known = _masked_features(str(archive), status.st_mtime_ns, status.st_size)
    for feature in features:
        if feature not in known:
            raise InputError(
                f"features: {feature} has no mask in {archive}, which knows {', '.join(sorted(known)) or 'none'}. "
                "Correct the name or take the feature out of `features`."
            )
    masks: dict[str, dict[str, Member]] = {}
    for image in images:
        try:
            masks[image] = {feature: members[f"{image}_attribute_{feature}.png"] for feature in features}
        except KeyError as missing:
            raise InputError(
                f"{archive} lacks {missing.args[0]}: every evaluation picture needs a mask of every feature. "
                "Complete the archive, or remove the picture from the evaluation pictures."
            ) from None
    return masks


@lru_cache(maxsize=16)
def _masked_features(archive: str, modified: int, size: int) -> frozenset[str]:
    names = _list_members(archive, modified, size)
    return frozenset(name.removesuffix(".png").split("_attribute_", 1)[1] for name in names if "_attribute_" in name)


def fingerprint(members: Mapping[str, Member]) -> str:
    """Return a short digest of names and contents: equal exactly if the same names have the same contents."""
    digest = hashlib.sha256()
    for name in sorted(members):
        digest.update(f"{name}\0{members[name].crc}\0{members[name].size}\n".encode())
    return digest.hexdigest()[:16]
