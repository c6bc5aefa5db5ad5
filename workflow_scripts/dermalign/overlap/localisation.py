"""Localisation measures: where a map points, without a threshold, exactly as on full-size pixels.

Let the full-size map be the map scaled up by nearest neighbour, and B the white pixels of a mask, of which there is at
least one: a feature's population is the pictures whose mask of it is not black, so that a black mask is neither a hit
nor a miss. Every pixel of a cell has the cell's value. With the cells sorted and those of one value put together, level
g has a_g pixels, c_g of them white, and everything below follows from these integers; no map is scaled up.

- `pointing_game` (Zhang et al. 2018, "Top-down neural attention by excitation backprop", there with a tolerance of 15
  pixels, here without): 1 where any of the pixels of the highest value is white, else 0. A constant map points nowhere:
  0.
- `pointing_share`: of the pixels of the highest value the share that is white, c_1 / a_1: the chance that one of them,
  drawn at random, hits.
- `relevance_mass`: the sum of saliency over B, divided by that over all pixels: the energy-based pointing game (Wang et
  al. 2020, "Score-CAM", section 4.3), and the relevance mass accuracy (Arras, Osman and Samek 2022, "CLEVR-XAI: a
  benchmark dataset for the ground truth evaluation of neural network explanations"). Undefined for a map of zeros.
- `relevance_rank` (relevance rank accuracy, Arras et al. 2022): of the |B| highest pixels the share that is white.
  Where the |B|-th is one of equals, these are shared out in proportion: the mean over all orders of the equals.
- `roc_auc`: the probability that a white pixel has a higher value than a black one, ties half (Hanley and McNeil 1982).
  Undefined where the mask is white everywhere.
- `average_precision`: the sum over levels of (R_g - R_(g-1)) P_g, with recall R_g and precision P_g of the pixels of
  this level and higher ones: as scikit-learn's, one step per distinct value, not interpolated.

A constant map has roc_auc 0.5, and the white share of the picture in all that follow the first and are defined. A mask
that is white everywhere gives 1 but for roc_auc, and for a constant map in the pointing game.

`localisation/{model}/{method}.csv`, UTF-8, a row per feature and picture of its population, features in the order of
the mask cells, pictures by name. Columns: image, feature, maps (how many the picture has, as the draws of chance),
constant (how many of them are constant), and one per measure: the mean over the picture's maps for which it is defined,
empty where that is none; written so that reading it gives the same float64.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..data.grids import cell_areas
from ..files import csv_field, write_text
from ..saliency.blocks import Maps
from ..saliency.maps import MapFile, open_maps
from .blocks import JoinedBlock, joined_blocks

if TYPE_CHECKING:  # what measures does not depend on tables
    import pandas as pd

MEASURES = ("pointing_game", "pointing_share", "relevance_mass", "relevance_rank", "roc_auc", "average_precision")


@dataclass(frozen=True)
class Localisation:
    """What is measured of n maps and f masks of each.

    values: float64 (n, f, measures), in the order of `MEASURES`; NaN where a measure is undefined, and of black masks.
    constant: bool (n,), whether a map has one value on all pixels of its picture.
    """

    values: NDArray[np.float64]
    constant: NDArray[np.bool_]


def localisation(saliency: Maps, white: NDArray[np.integer], sizes: NDArray[np.integer]) -> Localisation:
    """Return the localisation measures of n maps.

    saliency: float32 (n, h, w), values in [0, 1]. white: (n, f, h, w), white pixels per cell of f masks.
    sizes: (n, 2), width and height of each picture in pixels.
    """
    count, masks = white.shape[:2]
    values = np.full((count, masks, len(MEASURES)), np.nan)
    constant = np.zeros(count, dtype=np.bool_)
    for row, (width, height) in enumerate(sizes.tolist()):
        levels, pixels, of_masks = _levels(saliency[row], white[row], cell_areas(saliency.shape[1:], width, height))
        constant[row] = len(levels) == 1
        present = np.flatnonzero(of_masks.sum(axis=1))
        values[row, present] = _measures(levels, pixels, of_masks[present])
    return Localisation(values, constant)


def _levels(
    saliency: NDArray[np.float32], white: NDArray[np.integer], areas: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Return a map's values (k,), descending, each once, their pixels (k,) and the white ones of each mask (f, k).

    Cells that cover no pixel, of a map that is larger than its picture, do not count.
    """
    seen = np.flatnonzero(areas.ravel())
    values = saliency.ravel()[seen]
    order = np.argsort(-values, kind="stable")
    values = values[order]
    starts = np.flatnonzero(np.concatenate([[True], values[1:] != values[:-1]]))
    cells = seen[order]
    of_masks = white.reshape(len(white), -1)[:, cells].astype(np.int64)
    return (
        values[starts].astype(np.float64),
        np.add.reduceat(areas.ravel()[cells], starts),
        np.add.reduceat(of_masks, starts, axis=1),
    )


def _measures(levels: NDArray[np.float64], pixels: NDArray[np.int64], white: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the measures (f, measures) of one map and f masks that are not black, from `_levels`."""
    mask = white.sum(axis=1)
    highest, highest_white = np.cumsum(pixels), np.cumsum(white, axis=1)
    found = {
        "pointing_game": (white[:, 0] > 0) & (len(levels) > 1),
        "pointing_share": white[:, 0] / pixels[0],
        "relevance_mass": _ratio(white @ levels, pixels @ levels),
        "relevance_rank": _rank(pixels, white, mask),
        "roc_auc": _area(pixels - white, white),
        "average_precision": (white / mask[:, None] * (highest_white / highest)).sum(axis=1),
    }
    return np.stack([found[name] for name in MEASURES], axis=1)


def _rank(pixels: NDArray[np.int64], white: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the relevance rank (f,): the level of the |B|-th pixel gives as many white ones as its share of them."""
    highest, highest_white = np.cumsum(pixels), np.cumsum(white, axis=1)
    rows = np.arange(len(mask))
    last = np.searchsorted(highest, mask)
    taken = mask - (highest[last] - pixels[last])
    in_last = white[rows, last]
    share: NDArray[np.float64] = (highest_white[rows, last] - in_last + in_last * taken / pixels[last]) / mask
    return share


def _area(black: NDArray[np.int64], white: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the areas under the ROC curves (f,) from black and white pixels (f, k) by level, the highest first.

    Twice the number of pairs stays below 2 ** 63 for pictures of up to 3,000 megapixels, so that it is exact.
    """
    lower = black.sum(axis=1, keepdims=True) - np.cumsum(black, axis=1)
    return _ratio((white * (2 * lower + black)).sum(axis=1), 2 * white.sum(axis=1) * black.sum(axis=1))


def _ratio(part: NDArray[np.number], whole: NDArray[np.number] | np.number) -> NDArray[np.float64]:
    """Return part / whole, of part's shape; NaN where whole is 0."""
    of = np.broadcast_to(whole, part.shape)
    return np.divide(part, of, out=np.full(part.shape, np.nan), where=of > 0)


def write_localisation(
    path: str | Path, maps: str | Path, cell_files: Sequence[str | Path], images: Sequence[str]
) -> None:
    """Write the localisation measures of a source, picture by picture.

    Arguments, memory and errors are those of `join.write_curves`; beside it some numbers a map and feature.
    """
    found: dict[str, dict[str, list[tuple[NDArray[np.float64], bool]]]] = {}
    with open_maps(maps) as source:
        for block in joined_blocks(source, cell_files, images):
            for feature, of_feature in _of_block(source, block):
                rows = found.setdefault(feature, defaultdict(list))
                # A mask is black where its picture has no white pixel in any cell.
                for row in np.flatnonzero(block.cells[feature].any(axis=(1, 2))).tolist():
                    rows[block.images[row]].append((of_feature.values[row, 0], bool(of_feature.constant[row])))
    lines = [",".join(("image", "feature", "maps", "constant", *MEASURES))]
    for feature, of_images in found.items():
        # By name, so that neither batches nor the archive's order show in what is written.
        for image in sorted(of_images):
            values, constant = zip(*of_images[image], strict=True)
            numbers = ["" if np.isnan(value) else repr(value) for value in _mean_of_defined(np.stack(values)).tolist()]
            lines.append(",".join((csv_field(image), feature, str(len(values)), str(sum(constant)), *numbers)))
    write_text(path, "\n".join([*lines, ""]))


def _of_block(source: MapFile, block: JoinedBlock) -> Iterator[tuple[str, Localisation]]:
    """Yield each feature of a block with its measures, values (n, 1, measures)."""
    if source.features:
        for name, counts in block.cells.items():
            yield name, localisation(source.of_feature(block.saliency, name), counts[:, np.newaxis], block.sizes)
        return
    # One order of a map's cells serves all masks.
    of_all = localisation(block.saliency, np.stack(list(block.cells.values()), axis=1), block.sizes)
    for column, name in enumerate(block.cells):
        yield name, Localisation(of_all.values[:, [column]], of_all.constant)


def _mean_of_defined(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of each column of (maps, measures) over what is defined, NaN where nothing is."""
    defined = ~np.isnan(values)
    return _ratio(np.where(defined, values, 0).sum(axis=0), defined.sum(axis=0))


def read_localisation(path: str | Path) -> "pd.DataFrame":
    """Read the measures of a source, picture by picture: names as text, undefined values as NaN."""
    import pandas as pd  # imported here: the jobs that measure do without

    return pd.read_csv(
        path,
        dtype={"image": str, "feature": str, "maps": int, "constant": int, **dict.fromkeys(MEASURES, float)},
        keep_default_na=False,
        na_values={name: [""] for name in MEASURES},
        float_precision="round_trip",
    )
