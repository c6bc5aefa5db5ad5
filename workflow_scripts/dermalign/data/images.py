"""Where pictures and masks are opened: one limit of size, one treatment of what is damaged, one way to decode many.

All that reads the content of a picture, for its size, its pixels, its hash or a mask, opens it here, so that a file
that one stage takes no later one refuses.

Pictures come from elsewhere, and may be made to harm. Only the formats of `FORMATS` are opened, by content whatever a
file is called: of others Pillow would start a program (Ghostscript for EPS). A file of several pictures is refused. The
memory that a process takes is bounded: pictures of more than `LARGE_PIXELS` are decoded one at a time, however many
threads there are, and while a file of more than `LARGE_BYTES` is decoded `decode_each` reads no other. So n threads
take at most n times 128 MiB of file and 32 million pixels (of 4 bytes, three times over), beside them one file of 1 GiB
and one picture of 500 million pixels, for which that is 6 GB, 9 GB for a progressive JPEG.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from pathlib import Path
from threading import Lock, RLock
from typing import IO, TypeVar

from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from ..errors import InputError
from ..logs import progress
from .archives import UNREADABLE, Folder, Member, OpenArchive, open_archive, read_member, unreadable
from .file_kinds import HEAD, kind_of_content

T = TypeVar("T")

# A dermoscopy photograph of 30 megapixels is no decompression bomb, nor is a scan of 200; a header that claims a
# gigapixel is. Pillow's own limit is lower, and raised here because every picture is opened here.
PIXEL_LIMIT = 500_000_000
Image.MAX_IMAGE_PIXELS = PIXEL_LIMIT
FORMATS = ("JPEG", "PNG", "BMP", "GIF", "TIFF", "WEBP")
LARGE_PIXELS = 32_000_000
LARGE_BYTES = 2**27
_PIECE = 2**20
# Of Pillow's blocks of pixels: as large that the system takes them back, which each thread would keep otherwise.
Image.core.set_block_size(2**26)  # type: ignore[attr-defined]
_one_at_a_time = RLock()  # of the pictures of more than `LARGE_PIXELS`


@contextmanager
def open_picture(stream: IO[bytes], archive: OpenArchive, member: str) -> Iterator[Image.Image]:
    """Open a picture or mask, the content of `member`, upright, for what is done with it in the block.

    Upright: turned and mirrored as its EXIF orientation says, as every viewer shows it. Pillow decodes when pixels are
    asked for: ask for them in the block, and do nothing else there, since whatever is raised in it counts as a fault of
    the file. Raises InputError naming archive and member for what is no picture, damaged or cut off, has more than
    `PIXEL_LIMIT` pixels, or more than 8 bits a channel.
    """
    with (
        _faults_of(archive, member),
        _as_stored(stream, archive, member) as picture,
        _one_at_a_time if picture.width * picture.height > LARGE_PIXELS else nullcontext(),
    ):
        yield ImageOps.exif_transpose(picture) if _orientation(picture, stream) > 1 else picture


@contextmanager
def _as_stored(stream: IO[bytes], archive: OpenArchive, member: str) -> Iterator[Image.Image]:
    with Image.open(stream, formats=FORMATS) as picture:
        width, height = picture.size
        if width * height > PIXEL_LIMIT:
            raise _too_large(archive, member, f"{width} x {height} pixels")
        if picture.mode.startswith(("I", "F")):  # of which Pillow would cut off all that is above 255
            raise InputError(
                f"{archive.filename}: {member} has more than 8 bits a channel (mode {picture.mode}); a picture has 8, "
                "a mask is 0 or 255. Convert it."
            )
        if (count := _pictures_in(picture)) > 1:
            raise InputError(
                f"{archive.filename}: {member} holds {count} pictures, frames or pages, and which of them is meant "
                "cannot be told. Save the one as a file of its own."
            )
        yield picture


def _pictures_in(picture: Image.Image) -> int:
    """Return how many pictures an opened file holds; what phones put behind a JPEG, as depths, does not count."""
    return 1 if picture.format in ("JPEG", "MPO") else getattr(picture, "n_frames", 1)


def is_deep(picture: Image.Image) -> bool:
    """Return whether an opened picture has 16 bits a channel, of which Pillow keeps the upper 8 in a mode of 8."""
    return any(";16" in str(tile) for tile in getattr(picture, "tile", ()))


def _orientation(picture: Image.Image, stream: IO[bytes]) -> int:
    """Return the EXIF orientation, 1 to 8, that an opened picture is still to be turned by; 1 is upright."""
    if picture.format == "TIFF":  # Pillow turns these by itself
        return 1
    if picture.format == "PNG":
        # Pillow would decode every PNG, as EXIF may stand behind the pixels; a look for its words is all that it takes.
        place = stream.tell()
        stream.seek(0)
        has_words = _has_any(stream, (b"eXIf", b"Raw profile type", b"com.adobe.xmp"))
        stream.seek(place)
        if not has_words:
            return 1
    try:
        orientation = picture.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # broken EXIF makes no picture unreadable; Pillow raises what its parsing raises
        return 1
    return orientation if orientation in range(1, 9) else 1


def _has_any(stream: IO[bytes], words: Sequence[bytes]) -> bool:
    """Return whether one of some words stands in what is left of a stream, of which a piece is in memory."""
    kept = max(map(len, words)) - 1
    before = b""
    while piece := stream.read(_PIECE):
        content = before + piece
        if any(word in content for word in words):
            return True
        before = content[-kept:]
    return False


@contextmanager
def _faults_of(archive: OpenArchive, member: str) -> Iterator[None]:
    try:
        yield
    except InputError:
        raise
    except MemoryError as error:
        raise unreadable(archive, member, error) from error
    except Image.DecompressionBombError as error:
        raise _too_large(archive, member, str(error)) from error
    except Exception as error:  # Pillow raises OSError, SyntaxError, ValueError, struct.error ... by format
        raise _fault(archive, member, error) from error


def _fault(archive: OpenArchive, member: str, error: Exception) -> InputError:
    """Return what to say of a picture that cannot be read: of its archive where that is damaged, else of itself."""
    try:
        head = archive.read(member)[:HEAD]
    except UNREADABLE as damage:
        return unreadable(archive, member, damage)
    reason = str(error)
    if isinstance(error, UnidentifiedImageError):
        kind = kind_of_content(head)
        reason = f"it is {kind}" if kind else "it is of no known format"
        if kind and "picture" in kind:
            reason = f"it begins like {kind}, but is cut off, damaged or of a kind that is not read"
    where = "" if isinstance(archive, Folder) else ", in the archive, too: that is whole, this file in it is not"
    return InputError(
        f"{archive.filename}: {member} is not a readable picture ({reason}). Replace the file{where}. Or leave the "
        "picture out."
    )


def _too_large(archive: OpenArchive, member: str, claimed: str) -> InputError:
    return InputError(
        f"{archive.filename}: {member} is too large ({claimed}): at most {PIXEL_LIMIT // 10**6} million pixels are "
        "read, which no photograph has. Replace it by a whole file, scale it down, or leave the picture out."
    )


def picture_size(archive: OpenArchive, member: str) -> tuple[int, int]:
    """Return width and height in pixels of a picture that stands upright (see `open_picture`), from its header.

    Nothing is decoded. Raises as `open_picture`.
    """
    with (
        _faults_of(archive, member),
        archive.open(member) as stream,
        _as_stored(stream, archive, member) as picture,
    ):
        width, height = picture.size
        return (height, width) if _orientation(picture, stream) > 4 else (width, height)


def picture_sizes(archive: str | Path, pictures: Mapping[str, Member]) -> dict[str, tuple[int, int]]:
    """Return {image: (width, height)} in pixels, in the order of `pictures`, as `picture_size`.

    archive: a zip or a folder; pictures: {image: member}. Raises InputError for an archive that is missing or no
    whole zip, and as `open_picture`.
    """
    with open_archive(archive) as opened:
        items = progress(pictures.items(), len(pictures), "reading picture sizes")
        return {image: picture_size(opened, member.path) for image, member in items}


def decode_each(
    archive: OpenArchive, members: Sequence[str], decode: Callable[[Image.Image], T], threads: int = 1
) -> Iterator[T]:
    """Yield `decode(picture)` for each member of an open archive, in their order.

    decode: takes an opened picture; it runs in `threads` threads, since Pillow works outside of Python's lock.
    Memory: a few pictures per thread, and of large ones as the module says. Raises InputError where a member is
    missing, and as `open_picture`.
    """
    reading = Lock()  # one file handle: members are read one after the other, decoded side by side

    def decoded(member: str) -> T:
        with reading:
            content = read_member(archive, member)
            if content.getbuffer().nbytes > LARGE_BYTES:
                return of(content, member)
        return of(content, member)

    def of(content: IO[bytes], member: str) -> T:
        with open_picture(content, archive, member) as picture:
            return decode(picture)

    if threads <= 1:
        yield from map(decoded, members)
        return
    with ThreadPoolExecutor(threads) as pool:
        remaining = iter(members)
        # In groups, since `map` alone would read the whole archive ahead of what is taken.
        while group := list(itertools.islice(remaining, 16 * threads)):
            yield from pool.map(decoded, group)
