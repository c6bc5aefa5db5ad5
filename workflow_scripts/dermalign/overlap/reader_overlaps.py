"""What the masks of two readers, or of a reader and the study, have in common, in pixels of the full-size picture.

`feedback/overlaps.csv`, UTF-8: a row per pair, picture that both have masks of, and feature, `union` last of them.

- first, second: readers, in the order of the configuration, or `STUDY` as the second;
- image; feature; pixels: of the picture;
- first_white, second_white, common: white pixels of the two masks, and of both.

From the rows of a reader and the study follow the reader's curves (see `curves`): regions are compared as they are
drawn, not by cells.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..data.archives import Member, open_archive
from ..data.masks import MaskReader, WhiteBox, black_box, other_size, unite
from ..data.reader_files import masked_images, read_reader_masks
from ..errors import InputError
from ..files import write_text
from ..logs import progress
from ..terms import UNION
from .curves import write_curve_file
from .engine import Curves

STUDY = "masks of the study"  # no reader's name has a blank
COLUMNS = ["first", "second", "image", "feature", "pixels", "first_white", "second_white", "common"]
TEXTS = ["first", "second", "image", "feature"]
LEVELS = np.array([[1, 0]], dtype=np.float32)  # inside and outside of regions


def common_white(first: WhiteBox, second: WhiteBox) -> int:
    """Return how many pixels are white in both of two masks of one size."""
    left, right = max(first.left, second.left), min(first.right, second.right)
    top, bottom = max(first.top, second.top), min(first.bottom, second.bottom)
    if left >= right or top >= bottom:
        return 0

    def part(box: WhiteBox) -> NDArray[np.uint8]:
        return box.pixels[top - box.top : bottom - box.top, left - box.left : right - box.left]

    return int(np.count_nonzero(part(first) & part(second)))


def mask_overlaps(
    readers: Mapping[str, str | Path],
    masks: str | Path,
    of_study: Mapping[str, Mapping[str, Member | None]],
    features: Sequence[str],
) -> pd.DataFrame:
    """Return the overlaps of all pairs, in the columns that the module describes.

    readers: {name: archive of the reader's masks}. masks: the archive of the study's; of_study: {image: {feature:
    member}}, as `mask_files.list_masks`, of the pictures that count. features: without `union`. Memory: the masks of
    one picture. Raises InputError where masks of one picture differ in size, and for what cannot be read.
    """
    marked = {name: set(masked_images(path, features)) & of_study.keys() for name, path in readers.items()}
    images = sorted(set().union(*marked.values()))
    rows: list[list[object]] = []
    with ExitStack() as stack:
        reader = MaskReader(stack.enter_context(open_archive(masks)))
        by_reader = {
            name: read_reader_masks(path, features, [image for image in images if image in marked[name]])
            for name, path in readers.items()
        }
        for image in progress(images, len(images), "overlaps of masks"):
            found = {name: next(by_reader[name])[1] for name in readers if image in marked[name]}
            size = next(iter(found.values()))[UNION].size
            found[STUDY] = _masks_of_study(reader, of_study[image], size)
            for (first, own), (second, other) in combinations(found.items(), 2):
                rows += _rows(first, own, second, other, image)
    # Pair by pair, each in the order of its pictures.
    order = {name: place for place, name in enumerate([*readers, STUDY])}
    rows.sort(key=lambda row: (order[str(row[0])], order[str(row[1])]))
    return pd.DataFrame(rows, columns=COLUMNS)


def _masks_of_study(
    reader: MaskReader, members: Mapping[str, Member | None], size: tuple[int, int]
) -> dict[str, WhiteBox]:
    boxes = {feature: reader.read(member.path) if member else black_box(size) for feature, member in members.items()}
    return {**boxes, UNION: unite(list(boxes.values()), size)}


def _rows(
    first: str, own: Mapping[str, WhiteBox], second: str, other: Mapping[str, WhiteBox], image: str
) -> Iterator[list[object]]:
    for feature, box in own.items():
        if box.size != other[feature].size:
            raise InputError(other_size(f"the mask of {feature} of {image} ({first})", box.size, other[feature].size))
        width, height = box.size
        white = [box.count(), other[feature].count(), common_white(box, other[feature])]
        yield [first, second, image, feature, width * height, *white]


def write_overlaps(path: str | Path, overlaps: pd.DataFrame) -> None:
    """Write overlaps as CSV, whole or not at all."""
    write_text(path, overlaps.to_csv(index=False))


def read_overlaps(path: str | Path) -> pd.DataFrame:
    """Read overlaps: names as text, and integers. Raises FileNotFoundError."""
    return pd.read_csv(path, dtype=dict.fromkeys(TEXTS, str), keep_default_na=False)


def write_reader_curves(
    path: str | Path, overlaps: pd.DataFrame, name: str, features: Sequence[str], images: Sequence[str]
) -> None:
    """Write the curve file of a reader as a source of maps, of two levels: 1 inside the regions, 0 outside.

    So all is white at threshold 0, the regions are below 1, and nothing is at 1. Where nothing is drawn both levels
    are 0. overlaps: as `mask_overlaps`. features: with `union`. images: the pictures of the analysis.
    """
    mine = overlaps[(overlaps["first"] == name) & (overlaps["second"] == STUDY) & overlaps["image"].isin(list(images))]
    curves = {feature: _curves(feature, mine[mine["feature"] == feature]) for feature in features}
    with write_curve_file(path) as target:
        target.append(list(dict.fromkeys(mine["image"])), curves)


def _curves(feature: str, rows: pd.DataFrame) -> Curves:
    drawn, mask, common, pixels = (
        rows[column].to_numpy(dtype=np.int64) for column in ("first_white", "second_white", "common", "pixels")
    )
    nothing: NDArray[np.int64] = np.zeros(len(rows), dtype=np.int64)
    return Curves(
        levels=np.where(drawn[:, np.newaxis] > 0, LEVELS, np.float32(0)),
        area=np.stack([nothing, drawn, pixels], axis=1),
        intersection={feature: np.stack([nothing, common, mask], axis=1)},
    )
