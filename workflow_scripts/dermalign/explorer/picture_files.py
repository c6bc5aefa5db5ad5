"""A batch of pictures as the explorer shows them: a small one for the gallery, a larger one, and outlines of masks.

In a folder, pictures of the analysis numbered in the order of their names (names may hold what no address may):

- {number}.jpg: the picture, its longer side as long as the configuration says (`explorer.side`);
- {number}_small.jpg: of the gallery;
- outlines.json: {image: {number, width, height: of the shown picture in pixels, outlines: {feature: SVG path, `union`
  and `lesion` among them}}}, in tenths of the shown picture's pixels, of masks that are not black.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from PIL import Image

from ..files import atomic_folder, atomic_path, write_text
from ..logs import progress
from ..results.shown_pictures import PictureReader
from ..terms import UNION
from .outlines import outline_path

SMALL_SIDE = 160  # pixels of the longer side, in the gallery
QUALITY, SMALL_QUALITY = 80, 70  # of JPEG
OUTLINES = "outlines.json"
LESION = "lesion"
LARGE, SMALL = "", "_small"  # what the names of files end in


def write_pictures(
    folder: str | Path, reader: PictureReader, counts: pd.DataFrame, images: Sequence[str], side: int
) -> None:
    """Write those of a batch's pictures that show a feature into a folder, which is whole or not there.

    counts: as `cell_files.read_counts`, of the batch. images: names of those that are evaluated. side: pixels of the
    longer side. Raises as `PictureReader.read`.
    """
    counts = counts.assign(diagnosis="")  # the page has it from the manifest
    analysed = set(counts.loc[counts[UNION] > 0, "image"])
    shown = sorted(image for image in images if image in analysed)
    table: dict[str, Any] = {}
    with atomic_folder(folder) as temporary:
        for number, image in enumerate(progress(shown, len(shown), "pictures of the explorer")):
            picture = reader.read(counts, image, side)
            masks = {**picture.masks, **({LESION: picture.lesion} if picture.lesion is not None else {})}
            height, width = picture.pixels.shape[:2]
            table[image] = {
                "number": number,
                "width": width,
                "height": height,
                "outlines": {name: path for name, mask in masks.items() if (path := outline_path(mask))},
            }
            pixels = Image.fromarray(picture.pixels)
            _save(pixels, temporary / picture_file(number, LARGE), QUALITY)
            pixels.thumbnail((SMALL_SIDE, SMALL_SIDE), Image.Resampling.LANCZOS)
            _save(pixels, temporary / picture_file(number, SMALL), SMALL_QUALITY)
        write_text(temporary / OUTLINES, json.dumps(table, ensure_ascii=False))


def picture_file(number: int, size: str) -> str:
    """Return the name of a picture's file in its folder. size: `LARGE` or `SMALL`."""
    return f"{number:05d}{size}.jpg"


def read_outlines(folder: str | Path) -> dict[str, Any]:
    """Read what `write_pictures` wrote of its pictures, by image. Raises FileNotFoundError."""
    found: dict[str, Any] = json.loads((Path(folder) / OUTLINES).read_text(encoding="utf-8"))
    return found


def _save(picture: Image.Image, path: Path, quality: int) -> None:
    with atomic_path(path) as temporary:
        picture.save(temporary, quality=quality, optimize=True)
