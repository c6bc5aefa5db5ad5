"""Masks: the white pixels of one feature on one picture, decoded from an archive."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .archives import OpenArchive, read_member
from .images import open_picture

WHITE = 127  # a mask pixel is white where its value is above this


@dataclass(frozen=True)
class WhiteBox:
    """The white pixels of a mask: 0/1 bytes, shape (bottom - top, right - left), where the rest is black.

    size: width and height of the whole mask.
    """

    size: tuple[int, int]
    pixels: NDArray[np.uint8]
    left: int = 0
    top: int = 0

    @property
    def bottom(self) -> int:
        return self.top + self.pixels.shape[0]

    @property
    def right(self) -> int:
        return self.left + self.pixels.shape[1]

    def count(self) -> int:
        """Return the number of white pixels."""
        return int(np.count_nonzero(self.pixels))


def black_box(size: tuple[int, int]) -> WhiteBox:
    """Return what is white of an all black mask."""
    return WhiteBox(size, np.zeros((0, 0), dtype=np.uint8))


def white_box(mask: Image.Image) -> WhiteBox:
    """Return the white pixels (value > 127) of a decoded mask, cropped to where the mask is not 0."""
    grey = mask if mask.mode == "L" else mask.convert("L")
    box = grey.getbbox()
    if box is None:
        return black_box(grey.size)
    pixels = np.asarray(grey if box == (0, 0, *grey.size) else grey.crop(box))
    return WhiteBox(grey.size, (pixels > WHITE).view(np.uint8), box[0], box[1])


def unite(boxes: Sequence[WhiteBox], size: tuple[int, int]) -> WhiteBox:
    """Return the pixelwise OR of masks of one picture, whose size is (width, height)."""
    boxes = [box for box in boxes if box.pixels.size]
    if len(boxes) < 2:
        return boxes[0] if boxes else black_box(size)
    left, top = min(box.left for box in boxes), min(box.top for box in boxes)
    right, bottom = max(box.right for box in boxes), max(box.bottom for box in boxes)
    united = np.zeros((bottom - top, right - left), dtype=np.uint8)
    for box in boxes:
        part = united[box.top - top : box.bottom - top, box.left - left : box.right - left]
        np.bitwise_or(part, box.pixels, out=part)
    return WhiteBox(size, united, left, top)


class MaskReader:
    """Reads masks of an archive, and decodes no black one twice.

    Most masks are black, and black masks of one size are mostly the same file, byte for byte: a file whose bytes
    are those of one that was black is black, of the same size.
    """

    def __init__(self, opened: OpenArchive) -> None:
        self._opened = opened
        self._black: dict[bytes, WhiteBox] = {}  # by the SHA-256 of the file

    def read(self, member: str) -> WhiteBox:
        """Return what is white of a mask, the file `member`.

        Raises InputError naming archive and member where it is missing, and as `images.open_picture`.
        """
        content = read_member(self._opened, member)
        digest = hashlib.sha256(content.getbuffer()).digest()
        if known := self._black.get(digest):
            return known
        with open_picture(content, self._opened, member) as mask:
            box = white_box(mask)
        if not box.pixels.size:
            self._black[digest] = box
        return box
