"""The shape of a mask: in how many pieces it is, and how elongated.

`shapes/{batch}.csv` of a batch of pictures, and `manifest/masks.csv` of all, by name, UTF-8: a row per mask that is not
black, those of a picture below each other, in the study's order of features, `union` last. Columns:

- image, feature: names, text whatever they look like (`NA` is a name);
- white: the mask's white pixels;
- regions: connected regions of white pixels, those that touch at a corner being one (8-connectivity);
- elongation: see `MaskShape`, written so that reading it gives the same float64.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..files import csv_field, write_text
from .masks import WhiteBox

if TYPE_CHECKING:  # the jobs that count masks do without
    import pandas as pd

ROWS = 64  # of pixels that are widened at a time

Shapes = Mapping[str, "MaskShape"]  # by feature, `union` among them


@dataclass(frozen=True)
class MaskShape:
    """The shape of a mask.

    - white: its white pixels; regions: its connected regions (8-connectivity);
    - elongation: the ratio of the standard deviations of its white pixels along and across the direction in which they
      spread most, the square root of that of the eigenvalues of their coordinates' covariance (principal axes: Gonzalez
      and Woods, Digital Image Processing, 2018, section 11.4). Pixels are squares, so each variance has 1/12 of a pixel
      more, and a line of n pixels has the elongation n. 1 is round, NaN a black mask.
    """

    white: int
    regions: int
    elongation: float


def mask_shape(white: WhiteBox) -> MaskShape:
    """Return the shape of a mask. Memory: 4 bytes a pixel of the box."""
    if not white.pixels.any():
        return MaskShape(0, 0, np.nan)
    count, elongation = _count_and_elongation(white.pixels)
    return MaskShape(count, _regions(white.pixels), elongation)


def _regions(pixels: NDArray[np.uint8]) -> int:
    from scipy import ndimage  # a fifth of a second, which what only reads shapes need not wait for

    return int(ndimage.label(pixels, structure=np.ones((3, 3)))[1])


def _count_and_elongation(pixels: NDArray[np.uint8]) -> tuple[int, float]:
    """Return the white pixels, and the elongation from their moments, which are exact integers."""
    rows, columns = pixels.shape
    across = np.stack([np.ones(columns), np.arange(columns)], axis=1)
    per_row = np.concatenate([pixels[start : start + ROWS] @ across for start in range(0, rows, ROWS)])
    of_row, first = per_row.astype(np.int64).T  # white pixels of each row, and the sum of their columns
    of_column = np.add.reduce(pixels, axis=0, dtype=np.int64)
    y, x = np.arange(rows), np.arange(columns)
    n, sum_y, sum_x = int(of_row.sum()), int(of_row @ y), int(first.sum())
    # Python's integers: squares of these sums need more than 64 bits. n^2 times each entry of the covariance.
    variance_y = n * int(of_row @ y**2) - sum_y**2 + n * n / 12
    variance_x = n * int(of_column @ x**2) - sum_x**2 + n * n / 12
    covariance = n * int(first @ y) - sum_x * sum_y
    smallest, largest = np.linalg.eigvalsh([[variance_y, covariance], [covariance, variance_x]])
    return n, float(np.sqrt(largest / smallest))


def write_shapes(path: str | Path, pictures: Iterable[tuple[str, Shapes]]) -> None:
    """Write shapes, whole or not at all. pictures: names with the shapes of their masks; black ones have no row."""
    lines = ["image,feature,white,regions,elongation\n"]
    for image, shapes in pictures:
        lines += [
            f"{csv_field(image)},{csv_field(feature)},{shape.white},{shape.regions},{shape.elongation!r}\n"
            for feature, shape in shapes.items()
            if shape.white
        ]
    write_text(path, "".join(lines))


def read_shapes(paths: Iterable[str | Path]) -> "pd.DataFrame":
    """Return the rows of files of shapes, pictures by name: text, integers and float64. Raises FileNotFoundError."""
    import pandas as pd

    tables = [
        pd.read_csv(path, dtype={"image": str, "feature": str}, keep_default_na=False, float_precision="round_trip")
        for path in paths
    ]
    # Stable: features stay in the order in which a batch has them.
    return pd.concat(tables, ignore_index=True).sort_values("image", kind="stable", ignore_index=True)
