"""What segmentation networks learn from: the share of each cell that is white, of each feature and of the union.

The file, HDF5, apart from mask cells, which are counted anew for every further grid: no network is trained again for
one. Attribute `features`: names of the last axis, `union` last; /image (n,) strings; /shares (n, h, w, features) uint8,
contiguous, shares in 255ths.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..data.cell_files import PictureCells
from ..data.grids import Grid, cell_areas
from ..errors import InputError
from ..hdf5 import new_file, opened, read_rows
from ..terms import UNION

STEPS = 255  # of a share, so that all pictures' fit into memory
THRESHOLDS = 101  # at which a validation is measured

Shares = NDArray[np.uint8]


def in_steps(white: NDArray[np.integer], area: NDArray[np.integer]) -> Shares:
    """Return white / area in 255ths, rounded; a cell that is partly white is neither 0 nor 255."""
    share = white / np.maximum(area, 1)
    return np.clip(np.round(share * STEPS), share > 0, STEPS - (share < 1)).astype(np.uint8)


def write_targets(
    path: str | Path, pictures: Iterable[PictureCells], count: int, grid: Grid, features: Sequence[str]
) -> None:
    """Write the targets of `count` pictures, whole or not at all, one picture in memory at a time.

    pictures: their masks, counted on `grid`. features: of the last axis, `union` among them.
    """
    with new_file(path) as file:
        file.attrs["features"] = list(features)
        image = file.create_dataset("image", (count,), h5py.string_dtype())
        shares = file.create_dataset("shares", (count, *grid, len(features)), np.uint8)
        for row, picture in zip(range(count), pictures, strict=True):
            area = cell_areas(grid, picture.width, picture.height)
            image[row] = picture.image
            shares[row] = np.stack([in_steps(picture.cells[grid][name], area) for name in features], axis=-1)


def read_targets(path: str | Path, images: Sequence[str] | None = None) -> tuple[list[str], list[str], Shares]:
    """Return image names, features, and shares (n, h, w, features) uint8, of some images in their order or of all.

    Raises InputError for what is no file of targets, or damaged, and for an image that it has not.
    """
    with opened(path, "a file of targets", ("image", "shares", "features")) as file:
        known, features = file["image"].asstr()[:].tolist(), [str(name) for name in file.attrs["features"]]
        if images is None:
            return known, features, file["shares"][:]
        place = {image: row for row, image in enumerate(known)}
        if lacking := [image for image in images if image not in place]:
            raise InputError(
                f"{path}: lacks {len(lacking)} pictures, among them {lacking[0]}; delete it, and it is made again"
            )
        return list(images), features, read_rows(file["shares"], np.array([place[image] for image in images]))


def read_shown(path: str | Path) -> pd.DataFrame:
    """Return `image`, and for each configured feature whether the picture's mask shows it, 0 or 1; raises as above."""
    images, features, shares = read_targets(path)
    shown = {name: shares[..., column].any(axis=(1, 2)).astype(int) for column, name in enumerate(features)}
    del shown[UNION]
    return pd.DataFrame({"image": images, **shown})


def white_shares(shares: Shares) -> NDArray[np.float64]:
    """Return the share of all cells that is white, of each feature, (features,); 0 without pictures."""
    # Picture by picture, since the sum of all in one go would take eight times their memory.
    total = sum((picture.sum(axis=(0, 1), dtype=np.int64) for picture in shares), np.zeros(shares.shape[-1], np.int64))
    return np.asarray(total / max(STEPS * int(np.prod(shares.shape[:-1])), 1))


def best_ratio(probabilities: NDArray[np.float32], shares: Shares) -> float:
    """Return the mean over features of the highest ratio of sums, sum |A and B| / sum |A or B|, of 101 thresholds.

    probabilities: (n, h, w, features) in [0, 1]; shares: of the same shape, those of white. Cells are counted, not
    pixels, and white is p > t, at t = 0 too: this chooses an epoch, it is no result. Features that no picture shows are
    left out; NaN where none does.
    """
    reached = []
    for feature in range(shares.shape[-1]):
        column = np.ceil(probabilities[..., feature].ravel() * (THRESHOLDS - 1)).astype(np.intp)
        share = shares[..., feature].ravel() / STEPS
        if not share.any():
            continue
        # White is what is above the threshold: of column j, at the thresholds 0 to j - 1.
        above = [
            np.bincount(column, weights, minlength=THRESHOLDS)[::-1].cumsum()[::-1][1:]
            for weights in (np.ones(len(column)), share)
        ]
        reached.append(float((above[1] / (above[0] + share.sum() - above[1])).max()))
    return float(np.mean(reached)) if reached else float("nan")
