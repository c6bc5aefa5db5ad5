"""The definitions, carried out pixel by pixel: what the overlap engine must equal, and shares no line with."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.bool_]


def white_pixels(mask: Image.Image) -> Pixels:
    """Return where a mask is white, (height, width): the value of the grey picture is above 127."""
    return np.asarray(mask.convert("L")) > 127


def union_of(masks: Mapping[str, Pixels]) -> Pixels:
    """Return the pixelwise OR."""
    return np.logical_or.reduce(list(masks.values()))


def scaled_up(saliency: NDArray[np.float32], width: int, height: int) -> NDArray[np.float32]:
    """Return the (h, w) map at the picture's size, (height, width)."""
    return np.asarray(Image.fromarray(saliency).resize((width, height), Image.Resampling.NEAREST))


def thresholded(saliency: NDArray[np.float32], width: int, height: int, threshold: str) -> Pixels:
    """Return where the map scaled up is white, (height, width): above the threshold, everywhere at 0."""
    if float(threshold) == 0:
        return np.ones((height, width), dtype=np.bool_)
    return scaled_up(saliency, width, height) > np.float32(threshold)


def maps_of(saliency: NDArray[np.float32], names: Sequence[str], feature: str) -> NDArray[np.float32]:
    """Return the maps, (n, h, w), that a feature is compared with: its own, or all of them for the union."""
    if saliency.ndim == 2:
        return saliency[np.newaxis]
    return saliency[[row for row, name in enumerate(names) if name == feature]] if feature in names else saliency


def intersection_and_union(saliency: NDArray[np.float32], mask: Pixels, threshold: str) -> tuple[int, int]:
    """Return |A and B| and |A or B| in pixels of the picture.

    saliency: (h, w), or (n, h, w), of which any makes a pixel white.
    """
    height, width = mask.shape
    maps = saliency.reshape(-1, *saliency.shape[-2:])
    white = np.logical_or.reduce([thresholded(one, width, height, threshold) for one in maps])
    return int(np.logical_and(white, mask).sum()), int(np.logical_or(white, mask).sum())


def cell_counts(mask: Pixels, grid: tuple[int, int]) -> NDArray[np.int64]:
    """Return the white pixels that each cell of an (h, w) map covers, by scaling a map of cell numbers up."""
    height, width = mask.shape
    numbers = np.arange(grid[0] * grid[1], dtype=np.float32).reshape(grid)
    covered_by = scaled_up(numbers, width, height)[mask].astype(np.int64)
    return np.bincount(covered_by, minlength=numbers.size).reshape(grid)


def masks_in(archive: str | Path, image: str, features: list[str]) -> dict[str, Pixels]:
    """Return a picture's masks from an archive in the official layout, `union` among them."""
    with zipfile.ZipFile(archive) as opened:
        members = {Path(name).name: name for name in opened.namelist()}
        masks = {
            feature: white_pixels(Image.open(io.BytesIO(opened.read(members[f"{image}_attribute_{feature}.png"]))))
            for feature in features
        }
    return {**masks, "union": union_of(masks)}
