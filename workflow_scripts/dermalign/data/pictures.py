"""Pictures from archives: decoded once, squeezed to the classifier's square input, kept in one HDF5 file."""

import io
import itertools
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..errors import InputError
from ..logs import progress
from .archives import OpenArchive, mend, open_archive, read_member
from .picture_store import write_picture_store


def decode(archive: OpenArchive, member: str, size: int) -> NDArray[np.uint8]:
    """Return the picture `member` of the open `archive` as (size, size, 3) uint8 RGB.

    The whole picture is squeezed to the square, whatever its aspect ratio, with Pillow's `resize(BILINEAR)` (which
    averages over the pixels that fall together). Raises `InputError` naming archive and member if the member is
    missing, damaged, truncated or no picture.
    """
    return _decode_bytes(read_member(archive, member), archive, member, size)


def store_pictures(
    archive: str | Path,
    members: Mapping[str, str],
    images: Sequence[str],
    size: int,
    output: str | Path,
    threads: int = 1,
) -> None:
    """Decode `images` from the zip or folder `archive` into the HDF5 file `output`, whole or not at all.

    `members` maps image names to member names. Written is a `picture_store` of pictures as `decode` gives them, in the
    order of `images`. Only a few pictures are in memory at any time. Decoding runs in `threads` threads.
    Raises `InputError` for an unreadable archive, an image without member, an image named twice, and as `decode`.
    """
    if not images:
        raise InputError(f"{output}: there are no pictures to store; manifest/training.csv says why each was left out")
    missing = [image for image in images if image not in members]
    if missing:
        raise InputError(f"{archive}: lacks {len(missing)} of {len(images)} pictures, among them {missing[0]}")
    if len(set(images)) < len(images):
        raise InputError(f"{output}: {len(images) - len(set(images))} images are named more than once")
    with open_archive(archive) as opened:
        decoded = _decoded(opened, [members[image] for image in images], size, threads)
        write_picture_store(output, images, size, progress(decoded, len(images), f"pictures at {size} pixels"))


def _decoded(archive: OpenArchive, members: Sequence[str], size: int, threads: int) -> Iterator[NDArray[np.uint8]]:
    """Yield decoded pictures in order; Pillow works outside of Python's lock, so threads help."""
    if threads <= 1:
        yield from (decode(archive, member, size) for member in members)
        return
    reading = Lock()  # one file handle: members are read one after the other, decoded side by side

    def locked(member: str) -> NDArray[np.uint8]:
        with reading:
            content = read_member(archive, member)
        return _decode_bytes(content, archive, member, size)

    with ThreadPoolExecutor(threads) as pool:
        remaining = iter(members)
        # In groups, since `map` alone would run ahead of the writer through the whole archive.
        while group := list(itertools.islice(remaining, 16 * threads)):
            yield from pool.map(locked, group)


def _decode_bytes(content: io.BytesIO, archive: OpenArchive, member: str, size: int) -> NDArray[np.uint8]:
    try:
        with Image.open(content) as picture:
            if picture.mode.startswith(("I", "F")):  # of which Pillow would cut off all that is above 255
                raise ValueError(f"it has more than 8 bits a channel, mode {picture.mode}")
            resized = picture.convert("RGB").resize((size, size), Image.Resampling.BILINEAR)
    except Exception as error:  # Pillow raises OSError, SyntaxError, ValueError, struct.error ... by format
        raise InputError(
            f"{archive.filename}: {member} is not a readable picture ({error}). {mend(archive)}"
        ) from error
    return np.asarray(resized, dtype=np.uint8)
