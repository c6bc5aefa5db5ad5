"""Jaccard shards: what the thresholded maps of a source and the masks of a feature have in common, in pixels.

`jaccard/{model}/{method}/{feature}/{threshold}.csv`, UTF-8, a row per picture of the feature's population, by name, or,
of a source that is drawn several times, a row per draw, those of a picture below each other. Columns:

- image: the picture's name, text whatever it looks like (`NA` and `1e5` are names);
- intersection, union: |A and B| and |A or B| in pixels of the full-size picture, exact integers, 0 <= intersection <=
  union and 0 < union, as the mask of a picture of the population is not black;
- jaccard: intersection / union, written so that reading it gives the same float64.

A source's shards of one feature are all of the same rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..files import csv_field, write_text
from .curves import CurveFile, open_curves
from .engine import jaccard_index

ANEW = "Delete the shards of this source and run again."


def write_shards(curves_path: str | Path, shards: Mapping[tuple[str, str], str | Path]) -> None:
    """Write Jaccard shards: one CSV file `image,intersection,union,jaccard` per feature and threshold.

    curves_path: file of `join.write_curves`. shards: {(feature, threshold as written in file names): path}. A feature's
    population is the pictures whose mask of that feature is not black; a chance source has a row per draw. The maps
    are compared with the thresholds once, for all features. Memory: `BLOCK` maps' curves and three integers a map
    and threshold.
    """
    thresholds = sorted({threshold for _, threshold in shards})
    with open_curves(curves_path) as curves:
        for feature in dict.fromkeys(feature for feature, _ in shards):
            intersection, union, mask = curves.counts(feature, thresholds)
            population = _population(curves, mask)
            fields = [csv_field(curves.images[row]) for row in population]
            for row, threshold in enumerate(thresholds):
                if (feature, threshold) in shards:
                    text = _text(fields, intersection[row, population], union[row, population])
                    write_text(shards[feature, threshold], text)


def _population(curves: CurveFile, mask: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return the rows of the pictures whose mask is not black; mask: white pixels, (n,)."""
    # By name, so that neither batches nor the archive's order show in what is written.
    return np.array(sorted(np.flatnonzero(mask), key=curves.images.__getitem__), dtype=np.intp)


def shard_text(images: Sequence[str], intersection: NDArray[np.int64], union: NDArray[np.int64]) -> str:
    """Return a shard as CSV; the index is written so that reading it gives the same float64."""
    return _text([csv_field(image) for image in images], intersection, union)


def _text(fields: Sequence[str], intersection: NDArray[np.int64], union: NDArray[np.int64]) -> str:
    jaccard = jaccard_index(intersection, union)
    rows = zip(fields, intersection.tolist(), union.tolist(), jaccard.tolist(), strict=True)
    return "image,intersection,union,jaccard\n" + "".join(f"{name},{i},{u},{j!r}\n" for name, i, u, j in rows)


@dataclass(frozen=True)
class Shards:
    """A source's shards of one feature, its population n pictures.

    - images: the n pictures, by name;
    - thresholds: the t names, ascending;
    - intersection, union: pixels, int64 (t, rows), a row per picture, or one per draw;
    - first: int (n,), the first row of each picture.
    """

    images: list[str]
    thresholds: list[str]
    intersection: NDArray[np.int64]
    union: NDArray[np.int64]
    first: NDArray[np.intp]

    def per_picture(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the mean over the draws of each picture, (..., n), of values by row (..., rows)."""
        draws = np.diff([*self.first, self.union.shape[1]])
        if not values.shape[-1] or draws.max() == 1:
            return values
        return np.add.reduceat(values, self.first, axis=-1) / draws

    def among(self, images: Sequence[str]) -> "Shards":
        """Return the shards of some of the pictures, in their order here. Raises ValueError for one that is lacking."""
        if list(images) == self.images:
            return self
        wanted = set(images)
        if missing := wanted - set(self.images):
            raise ValueError(f"there are no shards of {min(missing)}")
        kept = np.array([image in wanted for image in self.images], dtype=np.bool_)
        draws = np.diff([*self.first, self.union.shape[1]])
        rows = np.repeat(kept, draws)
        return Shards(
            [image for image in self.images if image in wanted],
            self.thresholds,
            self.intersection[:, rows],
            self.union[:, rows],
            np.cumsum([0, *draws[kept]])[:-1].astype(np.intp),
        )

    @cached_property
    def jaccard(self) -> NDArray[np.float64]:
        """The Jaccard index by threshold and picture, float64 (t, n), the mean over draws."""
        return self.per_picture(jaccard_index(self.intersection, self.union))

    def jaccard_at(self, threshold: str | None) -> NDArray[np.float64]:
        """Return the Jaccard index of each picture at a threshold, float64 (n,), or nothing where there is none."""
        return self.jaccard[self.thresholds.index(threshold)] if threshold is not None else np.empty(0)


def read_shards(paths: Mapping[str, str | Path]) -> Shards:
    """Read one feature's shards, {threshold: path}, and check that all are of the same pictures.

    Raises InputError naming the file where they are not, where a count is impossible, and for what is no shard.
    """
    import pandas as pd  # imported here: the jobs that write shards, many and short, do without

    thresholds = sorted(paths)
    rows: list[str] | None = None
    counts = []
    for threshold in thresholds:
        try:
            table = pd.read_csv(
                paths[threshold],
                usecols=["image", "intersection", "union"],
                dtype={"image": str, "intersection": np.int64, "union": np.int64},
                keep_default_na=False,
            )
        except (ValueError, OverflowError) as error:  # those of pandas are ValueErrors
            raise InputError(f"{paths[threshold]} is no Jaccard shard, or damaged ({error}). {ANEW}") from error
        found = table["image"].tolist()
        rows = found if rows is None else rows
        if found != rows:
            raise InputError(f"{paths[threshold]} is not of the pictures of {paths[thresholds[0]]}. {ANEW}")
        counts.append(table[["intersection", "union"]].to_numpy().T)
    rows = rows or []
    stacked = np.stack(counts).reshape(len(thresholds), 2, len(rows))
    intersection, union = stacked[:, 0], stacked[:, 1]
    if rows and (intersection.min() < 0 or union.min() < 1 or (intersection > union).any()):
        raise InputError(f"{paths[thresholds[0]]} or a shard beside it holds counts that no mask can have. {ANEW}")
    return _shards(rows, thresholds, intersection, union)


def shards_of_curves(curves: CurveFile, feature: str, thresholds: Sequence[str]) -> Shards:
    """Return one feature's shards as `write_shards` would write them; thresholds: ascending."""
    intersection, union, mask = curves.counts(feature, thresholds)
    population = _population(curves, mask)
    images = [curves.images[row] for row in population]
    return _shards(images, list(thresholds), intersection[:, population], union[:, population])


def _shards(
    rows: Sequence[str], thresholds: list[str], intersection: NDArray[np.int64], union: NDArray[np.int64]
) -> Shards:
    """Return shards of rows of pictures, those of one picture below each other."""
    first = [row for row, image in enumerate(rows) if row == 0 or rows[row - 1] != image]
    return Shards([rows[row] for row in first], thresholds, intersection, union, np.array(first, dtype=np.intp))
