"""Jaccard shards."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..files import write_text
from .curves import open_curves
from .engine import jaccard_index


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
            # By name, so that neither batches nor the archive's order show in what is written.
            population = np.array(sorted(np.flatnonzero(mask), key=curves.images.__getitem__), dtype=np.intp)
            names = [curves.images[row] for row in population]
            for row, threshold in enumerate(thresholds):
                if (feature, threshold) in shards:
                    text = shard_text(names, intersection[row, population], union[row, population])
                    write_text(shards[feature, threshold], text)


def shard_text(images: Sequence[str], intersection: NDArray[np.int64], union: NDArray[np.int64]) -> str:
    """Return a shard as CSV; the index is written so that reading it gives the same float64."""
    jaccard = jaccard_index(intersection, union)
    rows = zip(images, intersection.tolist(), union.tolist(), jaccard.tolist(), strict=True)
    return "image,intersection,union,jaccard\n" + "".join(f"{name},{i},{u},{j!r}\n" for name, i, u, j in rows)
