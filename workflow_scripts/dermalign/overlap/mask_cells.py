"""Mask cells: how many white pixels each cell of a saliency grid covers, from one decoding per mask.

With nearest-neighbour scaling, every cell of an (h, w) map covers a rectangle of the picture. The white pixels of
a mask per rectangle are all that the Jaccard index at any threshold needs (see `overlap`), and they depend on the
grid's shape and the picture alone, not on the classifier. So no map is ever scaled up, no mask is decoded twice.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, pairwise
from pathlib import Path
from typing import IO

import h5py
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..data.archives import UNREADABLE, Member, OpenArchive, mend, open_archive, read_member
from ..errors import InputError
from ..files import atomic_path
from ..logs import progress
from ..terms import UNION

WHITE = 127  # a mask pixel is white where its value is above this
Grid = tuple[int, int]

# A dermoscopy photograph of 30 megapixels is no decompression bomb; a header that claims a gigapixel is.
Image.MAX_IMAGE_PIXELS = 500_000_000


@lru_cache(maxsize=4096)
def cell_edges(cells: int, pixels: int) -> NDArray[np.int64]:
    """Return where each of `cells` map cells begins along an axis of `pixels` picture pixels.

    The result has shape (cells + 1,): cell i covers the pixels edges[i] to edges[i + 1] (exclusive), none where a
    map is larger than the picture. It is read off Pillow's own nearest-neighbour resize of a row of cell numbers,
    whose rounding is thereby the definition, not our imitation of it.
    """
    numbers = Image.fromarray(np.arange(cells, dtype=np.int32)[np.newaxis, :])
    covered_by = np.asarray(numbers.resize((pixels, 1), Image.Resampling.NEAREST))[0]
    edges = np.concatenate([[0], np.cumsum(np.bincount(covered_by, minlength=cells))])
    edges.setflags(write=False)
    return edges


def cell_areas(grid: Grid, width: int, height: int) -> NDArray[np.int64]:
    """Return the pixels that each cell of an (h, w) grid covers, shape (h, w), in a picture of width x height."""
    rows, columns = grid
    return np.outer(np.diff(cell_edges(rows, height)), np.diff(cell_edges(columns, width)))


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


def count_cells(white: WhiteBox, grids: Sequence[Grid]) -> list[NDArray[np.int64]]:
    """Return for each (h, w) of `grids` the white pixels per cell, shape (h, w), exact.

    The pixels are read once for all grids: added up over the row strips between any grid's edges first, and what
    is left, a few rows of the picture's width, over each grid's cells.
    """
    if not white.pixels.size:
        return [np.zeros(grid, dtype=np.int64) for grid in grids]
    width, height = white.size
    row_edges = [np.clip(cell_edges(rows, height), white.top, white.bottom) - white.top for rows, _ in grids]
    strip_edges = np.unique(np.concatenate([*row_edges, [0, white.pixels.shape[0]]]))
    strips = np.stack([_sum_rows(white.pixels[start:stop]) for start, stop in pairwise(strip_edges.tolist())])
    # Sums above and left of each (strip edge, pixel column) of the box.
    above = np.zeros((len(strip_edges), white.pixels.shape[1] + 1), dtype=np.int64)
    np.cumsum(np.cumsum(strips, axis=0), axis=1, out=above[1:, 1:])
    counts = []
    for (_, columns), edges in zip(grids, row_edges, strict=True):
        column_edges = np.clip(cell_edges(columns, width), white.left, white.right) - white.left
        corners = above[np.searchsorted(strip_edges, edges)][:, column_edges]
        counts.append(np.diff(np.diff(corners, axis=0), axis=1))
    return counts


def _sum_rows(pixels: NDArray[np.uint8]) -> NDArray[np.int64]:
    # Adding 0/1 bytes as bytes is several times faster than widening each; 255 rows cannot overflow a byte.
    total = np.zeros(pixels.shape[1], dtype=np.int64)
    for start in range(0, pixels.shape[0], 255):
        total += np.add.reduce(pixels[start : start + 255], axis=0, dtype=np.uint8)
    return total


@dataclass(frozen=True)
class PictureCells:
    """One picture's masks, counted: by feature, `union` included.

    width, height: pixels. white: white pixels. cells: {(h, w): {feature: int64 (h, w)}}.
    """

    image: str
    width: int
    height: int
    white: dict[str, int]
    cells: dict[Grid, dict[str, NDArray[np.int64]]]


def count_picture(
    image: str, masks: Iterable[tuple[str, WhiteBox]], grids: Sequence[Grid], size: tuple[int, int]
) -> PictureCells:
    """Count one picture's masks, given as pairs of feature and white pixels, and their union.

    size: (width, height) of the picture. Raises InputError where a mask's size is another.
    """
    boxes: dict[str, WhiteBox] = {}
    for feature, box in masks:
        if box.size != size:
            raise InputError(
                f"the mask of {feature} of {image} has {box.size[0]} x {box.size[1]} pixels, its picture "
                f"{size[0]} x {size[1]}: masks are compared pixel for pixel. Replace the one that is wrong."
            )
        boxes[feature] = box
    boxes[UNION] = unite(list(boxes.values()), size)
    cells: dict[Grid, dict[str, NDArray[np.int64]]] = {grid: {} for grid in grids}
    for feature, box in boxes.items():
        for grid, counts in zip(grids, count_cells(box, grids), strict=True):
            cells[grid][feature] = counts
    return PictureCells(image, *size, {feature: box.count() for feature, box in boxes.items()}, cells)


def count_archive(
    picture_archive: str | Path,
    mask_archive: str | Path,
    pictures: Mapping[str, Member],
    masks: Mapping[str, Mapping[str, Member | None]],
    grids: Sequence[Grid],
) -> Iterator[PictureCells]:
    """Yield the counts of the pictures, in their order, reading masks straight from the archive.

    masks: {image: {feature: member}}; a mask that is None is all black.

    Memory: one decoded mask and what is white of one picture's. Raises InputError naming archive and member for what
    cannot be read.
    """
    with open_archive(picture_archive) as opened_pictures, open_archive(mask_archive) as opened_masks:
        reader = MaskReader(opened_masks)
        for image, picture in progress(pictures.items(), len(pictures), "counting mask cells"):
            # One mask after the other, so that only one is decoded at a time.
            size = _picture_size(opened_pictures, picture.path)
            boxes = (
                (feature, reader.read(member.path) if member else black_box(size))
                for feature, member in masks[image].items()
            )
            yield count_picture(image, boxes, grids, size)


class MaskReader:
    """Reads masks of an archive, and decodes no black one twice.

    Most masks are black, and black masks of one size are mostly the same file, byte for byte: a file whose bytes
    are those of one that was black is black, of the same size.
    """

    def __init__(self, opened: OpenArchive) -> None:
        self._opened = opened
        self._black: dict[bytes, WhiteBox] = {}  # by the SHA-256 of the file

    def read(self, member: str) -> WhiteBox:
        """Return what is white of a mask; raises InputError naming archive and member where it cannot be read."""
        content = read_member(self._opened, member)
        digest = hashlib.sha256(content.getbuffer()).digest()
        if known := self._black.get(digest):
            return known
        box = white_box(_decoded(content, self._opened, member))
        if not box.pixels.size:
            self._black[digest] = box
        return box


def _picture_size(opened: OpenArchive, member: str) -> tuple[int, int]:
    try:
        with opened.open(member) as stream:
            return _opened(stream, opened.filename, member).size  # the header alone is read
    except UNREADABLE as error:
        raise InputError(f"{opened.filename}: {member} is damaged ({error}). {mend(opened)}") from error


def _opened(stream: IO[bytes], archive: object, member: str) -> Image.Image:
    try:
        return Image.open(stream)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"{archive}: {member} is no picture that can be read ({error}). Replace it.") from error


def _decoded(content: IO[bytes], opened: OpenArchive, member: str) -> Image.Image:
    archive = opened.filename
    mask = _opened(content, archive, member)
    if mask.mode.startswith(("I", "F")):
        raise InputError(
            f"{archive}: {member} has more than 8 bits a pixel ({mask.mode}); a mask is 0 or 255. Convert it."
        )
    try:
        mask.load()
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(f"{archive}: {member} is damaged ({error}). {mend(opened)}") from error
    return mask


def grid_name(grid: Grid) -> str:
    """Return `28x28` for (28, 28)."""
    return f"{grid[0]}x{grid[1]}"


def write_cells(
    path: str | Path, pictures: Iterable[PictureCells], grids: Sequence[Grid], features: Sequence[str]
) -> None:
    """Write counts to an HDF5 file, 32 pictures at a time, whole or not at all.

    Datasets: /image (n,) strings; /size (n, 2) int64 width and height; /white (n, features + 1) int64;
    /cells/{h}x{w} (n, features + 1, h, w) uint32. Attribute `features` names the second axis, `union` last.
    """
    names = [*features, UNION]
    with atomic_path(path) as temporary, h5py.File(temporary, "w") as store:
        store.attrs["features"] = names
        image = store.create_dataset("image", (0,), maxshape=(None,), dtype=h5py.string_dtype())
        size = store.create_dataset("size", (0, 2), maxshape=(None, 2), dtype=np.int64, chunks=(512, 2))
        white = store.create_dataset(
            "white", (0, len(names)), maxshape=(None, len(names)), dtype=np.int64, chunks=(512, len(names))
        )
        cells = {
            grid: store.create_dataset(
                f"cells/{grid_name(grid)}",
                (0, len(names), *grid),
                maxshape=(None, len(names), *grid),
                dtype=np.uint32,
                chunks=(8, len(names), *grid),
                compression="gzip",
                compression_opts=1,
                shuffle=True,
            )
            for grid in grids
        }
        remaining = iter(pictures)
        while part := list(islice(remaining, 32)):
            start, stop = len(image), len(image) + len(part)
            for dataset in (image, size, white, *cells.values()):
                dataset.resize(stop, axis=0)
            image[start:stop] = [picture.image for picture in part]
            size[start:stop] = [(picture.width, picture.height) for picture in part]
            white[start:stop] = [[picture.white[name] for name in names] for picture in part]
            for grid, dataset in cells.items():
                dataset[start:stop] = np.stack(
                    [np.stack([picture.cells[grid][name] for name in names]) for picture in part]
                )
