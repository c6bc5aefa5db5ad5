"""Masks: the white pixels of one feature on one picture, decoded from an archive.

A mask pixel is white where its value is above 127; of a mask with only two values, 0 and another, where it has the
other. So masks count as their makers meant them, whatever values, colours or palette they wrote; where that cannot be
told, the mask is refused instead of read as black. All forms are listed in docs/data.md.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops

from ..errors import InputError
from .archives import OpenArchive, read_member
from .images import is_deep, open_picture

WHITE = 127  # a mask pixel is white where its value is above this


@dataclass(frozen=True)
class WhiteBox:
    """The white pixels of a mask: 0/1 bytes, shape (bottom - top, right - left), where the rest is black.

    size: width and height of the whole mask. reading: how white was told where it is not what is above 127, in words
    that follow `white is`; else empty.
    """

    size: tuple[int, int]
    pixels: NDArray[np.uint8]
    left: int = 0
    top: int = 0
    reading: str = ""

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
    """Return the white pixels of an opened mask, cropped to where the mask is not black.

    Raises InputError, in words that follow the mask's name, where its values do not tell what is white.
    """
    if mask.has_transparency_data:
        return _of_transparent(mask.convert("RGBA"))
    if mask.mode == "P":
        return _of_palette(mask)
    return _of_grey(mask.convert("L")) if mask.mode in ("1", "L") else _of_colours(mask.convert("RGB"))


def _of_grey(grey: Image.Image, word: str = "value") -> WhiteBox:
    """Return what is white of a mask of grey values, mode L. word: what a value is called."""
    box = grey.getbbox()
    if box is None:
        return black_box(grey.size)
    level, reading = WHITE, ""
    values = [value for value, count in enumerate(grey.histogram()) if count]
    if values[-1] <= WHITE:
        if len(values) != 2 or values[0] != 0:
            raise InputError(
                f"has {word} {_listed(values)} only, none above {WHITE}, so that what is white of it cannot be told. "
                "Write it with 0 for black and 255 for white."
            )
        level, reading = 0, f"{word} {values[1]}, the only one but 0"
    pixels = np.asarray(grey if box == (0, 0, *grey.size) else grey.crop(box))
    return WhiteBox(grey.size, (pixels > level).view(np.uint8), box[0], box[1], reading)


def _of_colours(colours: Image.Image) -> WhiteBox:
    """Return what is white of an opaque mask of mode RGB: of its grey values, or of its two colours."""
    red, green, blue = colours.split()
    if not any(ImageChops.difference(red, other).getbbox() for other in (green, blue)):
        return _of_grey(red)
    found = _values(colours)
    if len(found) == 2:
        dark, light = found
        if dark == (0, 0, 0):
            lightest = ImageChops.lighter(red, ImageChops.lighter(green, blue))
            white = _of_grey(lightest.point(lambda level: 255 if level else 0))
            return replace(white, reading=f"colour {light}, the only one but black")
        # Two colours of a colour map: told apart by their grey values, if these lie on both sides of the middle.
        by_grey = sorted((_grey_of(colour), colour) for colour in found)
        if by_grey[0][0] <= WHITE < by_grey[1][0]:
            return replace(
                _of_grey(colours.convert("L")),
                reading=f"the lighter of the colours {by_grey[0][1]} and {by_grey[1][1]}",
            )
    raise InputError(
        f"has {f'the colours {_listed(found)}' if found else 'more than 256 colours'}, so that what is white of it "
        "cannot be told. Write it with black for what the feature does not cover and white for what it covers."
    )


def _of_palette(mask: Image.Image) -> WhiteBox:
    """Return what is white of a mask of mode P: of its colours, or of its indices where all have one colour."""
    indices = _values(mask)
    colours = mask.convert("RGB")
    if len(indices) == 1 or len(_values(colours)) > 1:
        return _of_colours(colours)
    if len(indices) > 2 or indices[0] != 0:
        raise InputError(
            f"has the palette's indices {_listed(indices)} and one colour for all, so that what is white of it cannot "
            "be told. Write it with 0 for black and 255 for white."
        )
    white = Image.frombytes("L", mask.size, mask.tobytes()).point(lambda index: 255 if index else 0)
    return replace(_of_grey(white), reading=f"palette index {indices[1]}, the only one but 0")


def _of_transparent(mask: Image.Image) -> WhiteBox:
    """Return what is white of a mask of mode RGBA: drawn in the alpha channel, or in colours where that is opaque."""
    colours, alpha = mask.convert("RGB"), mask.getchannel("A")
    if _values(alpha)[0] > WHITE:
        return _of_colours(colours)
    visible = _of_grey(alpha, "alpha")
    shown = np.zeros(mask.size[::-1], dtype=bool)
    shown[visible.top : visible.bottom, visible.left : visible.right] = visible.pixels
    if not visible.count():
        if len(_values(colours)) == 1:
            return black_box(mask.size)
        raise InputError(
            "is transparent everywhere, and drawn in colours all the same, so that what is white of it cannot be told. "
            "Save it without an alpha channel."
        )
    drawn = np.asarray(colours)[shown]
    if (drawn == drawn[0]).all():
        return replace(visible, reading="what is opaque")
    return _of_colours(Image.fromarray(np.where(shown[..., None], np.asarray(colours), np.uint8(0))))


def _values(picture: Image.Image) -> list[Any]:
    """Return the values of pixels that there are, in order: numbers, or tuples of colours; [] if more than 256."""
    counted: Sequence[tuple[int, Any]] = picture.getcolors(256) or ()
    return sorted(value for _, value in counted)


def _grey_of(colour: tuple[int, int, int]) -> int:
    grey: Any = Image.new("RGB", (1, 1), colour).convert("L").getpixel((0, 0))
    return int(grey)


def _listed(values: Sequence[object]) -> str:
    """Return values in words: all of a few, of many the first and how many there are."""
    if len(values) <= 6:
        return " and ".join(filter(None, (", ".join(map(str, values[:-1])), str(values[-1]))))
    return f"{', '.join(map(str, values[:5]))} and {len(values) - 5} others"


def other_size(mask: str, size: tuple[int, int], picture: tuple[int, int]) -> str:
    """Return what to say of a mask, named in words, whose width and height are not its picture's."""
    return (
        f"{mask} has {size[0]} x {size[1]} pixels, its picture {picture[0]} x {picture[1]}: masks are compared pixel "
        "for pixel. Replace the one that is wrong."
    )


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
            box = self._white_box(mask, member)
        if not box.pixels.size:
            self._black[digest] = box
        return box

    def _white_box(self, mask: Image.Image, member: str) -> WhiteBox:
        try:
            if is_deep(mask):
                raise InputError("has more than 8 bits a channel. Write it with 0 for black and 255 for white.")
            return white_box(mask)
        except InputError as error:
            raise InputError(f"{self._opened.filename}: the mask {member} {error}") from error
