"""Pictures from archives: decoded once, squeezed to the classifier's square input, kept in one HDF5 file."""

from collections.abc import Container, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..errors import InputError
from ..logs import progress
from .archives import OpenArchive, open_archive, read_member
from .images import decode_each, open_picture
from .picture_store import write_picture_store


def decode(archive: OpenArchive, member: str, size: int) -> NDArray[np.uint8]:
    """Return the picture `member` of the open `archive` as (size, size, 3) uint8 RGB.

    The whole picture is squeezed to the square, whatever its aspect ratio, with Pillow's `resize(BILINEAR)` (which
    averages over the pixels that fall together). Raises `InputError` naming archive and member if the member is
    missing, and as `images.open_picture`.
    """
    with open_picture(read_member(archive, member), archive, member) as picture:
        return _squeezed(picture, size)


def check_there(archive: str | Path, images: Sequence[str], members: Container[str]) -> None:
    """Raise `InputError` where an archive lacks pictures that it had when the run was planned."""
    if missing := [image for image in images if image not in members]:
        raise InputError(
            f"{archive}: lacks {len(missing)} of {len(images)} pictures, among them {missing[0]}, which were there "
            "when the run was planned. Complete the archive, or start the run again with what is there now."
        )


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
        raise InputError(
            f"{output}: there are no pictures to store; the manifests say why each was left out. Correct the archives "
            "or the tables."
        )
    check_there(archive, images, members)
    if len(set(images)) < len(images):
        raise InputError(f"{output}: {len(images) - len(set(images))} images are named more than once")
    with open_archive(archive) as opened:
        decoded = decode_each(opened, [members[image] for image in images], partial(_squeezed, size=size), threads)
        write_picture_store(output, images, size, progress(decoded, len(images), f"pictures at {size} pixels"))


def _squeezed(picture: Image.Image, size: int) -> NDArray[np.uint8]:
    return np.asarray(picture.convert("RGB").resize((size, size), Image.Resampling.BILINEAR), dtype=np.uint8)
