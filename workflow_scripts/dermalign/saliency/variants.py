"""Variants of a source's maps: thresholding beyond the paper, which its section 8 leaves to future work.

The paper stretches each map by its own range and applies one threshold to all of it. Here one source's maps are made
into others of the same file layout, each a method of its own, so that shards, statistics and figures follow as they
do for the maps themselves, and the thresholds keep their grid:

- `study_range`: one range for all pictures of the study, so that a faint map stays faint;
- `tiles`: one range for each tile of a map, so that the threshold is a local one;
- `superpixels`: one value for each superpixel of the picture, so that white areas end where the picture's do.

Each is made from the raw maps, as the saliency method gave them, and says in the attributes of its file which
variant it is, and with which settings.
"""

from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
from numpy.typing import NDArray

from ..data.archives import open_archive
from ..data.pictures import decode
from ..errors import InputError
from ..files import atomic_path
from ..logs import progress
from .gradcam import stretch
from .grids import Grid, cell_edges

Maps = NDArray[np.float32]
BLOCK = 256  # maps held in memory at a time
COPIED = ("image", "predicted_class", "target_class")


class Variant(NamedTuple):
    """A block of maps: saliency (n, h, w) float32 in [0, 1], raw (n, h, w) float32, degenerate (n,) bool."""

    saliency: Maps
    raw: Maps
    degenerate: NDArray[np.bool_]


# ---------------------------------------------------------------------------------------------------------------
# One range for the study
# ---------------------------------------------------------------------------------------------------------------


def study_range(maps_in: str | Path, maps_out: str | Path, upper_percentile: float = 100) -> None:
    """Stretch raw maps by the range of the study instead of each by its own (paper, section 8).

    maps_in: HDF5 file as `maps.gather_maps` leaves it; maps_out: the same layout, the same grid. A value v becomes
    (v - low) / (high - low), where low is the minimum over all pictures' raw maps and high the maximum, or, so that
    one extreme map does not make all others black, the `upper_percentile` of all their values, interpolated
    linearly; what is above is 1. A map that is constant is degenerate here as everywhere, and zeros.

    Memory: `BLOCK` maps and, for a percentile below 100, the values that are above it.
    Raises InputError for raw maps that are missing or not finite, a percentile that is not above 0 and at most 100,
    and where the percentile is no larger than the minimum: then no range is left.
    """
    if not 0 < upper_percentile <= 100:
        raise InputError(f"upper_percentile: must be above 0 and at most 100, not {upper_percentile}")
    with h5py.File(maps_in) as source:
        low, high, largest = _range(_raw(source, maps_in), maps_in, upper_percentile)
    if high <= low < largest:
        raise InputError(
            f"upper_percentile: {upper_percentile} % of the raw values in {maps_in} are the minimum {low:g}, so that "
            "there is no range to stretch; choose a higher one, 100 for the maximum"
        )
    span = high - low if high > low else 1.0

    def stretched(raw: Maps) -> Variant:
        degenerate = raw.min(axis=(1, 2)) == raw.max(axis=(1, 2))
        saliency = np.clip((raw.astype(np.float64) - low) / span, 0, 1)
        saliency[degenerate] = 0
        return Variant(saliency.astype(np.float32), raw, degenerate)

    settings = {"upper_percentile": float(upper_percentile), "low": low, "high": high}
    _write(maps_in, maps_out, "study_range", settings, stretched)


def _range(raw: h5py.Dataset, path: str | Path, upper_percentile: float) -> tuple[float, float, float]:
    """Return minimum, upper percentile and maximum of all values, reading blocks of maps."""
    # The percentile lies between the values of ranks floor(rank) and floor(rank) + 1, both among the `kept` largest.
    rank = (raw.size - 1) * upper_percentile / 100
    kept = raw.size - int(rank)
    top = np.empty(0, dtype=np.float32)
    low = np.inf
    for rows in _blocks(len(raw)):
        values = raw[rows].ravel()
        if not np.isfinite(values).all():
            raise InputError(f"{path}: raw maps with values that are not finite; delete its stores and run again")
        low = min(low, float(values.min()))
        top = np.concatenate([top, values])
        if top.size > kept:
            top = np.partition(top, -kept)[-kept:]
    ends = np.sort(top)[[0, min(1, kept - 1)]].astype(np.float64)
    return low, float(ends[0] + (ends[1] - ends[0]) * (rank - int(rank))), float(top.max())


# ---------------------------------------------------------------------------------------------------------------
# Local thresholds
# ---------------------------------------------------------------------------------------------------------------


def tiles(maps_in: str | Path, maps_out: str | Path, tiles: int) -> None:
    """Stretch each tile of a map by its own minimum and maximum: local thresholds (paper, section 8).

    maps_in: HDF5 file as `maps.gather_maps` leaves it; maps_out: the same layout, the same grid. A map is cut into
    `tiles` x `tiles` tiles whose sides differ by one cell at most. One threshold then stands at the same height
    between the faintest and the strongest cell of every tile, which is another value of the map in each. Mind what
    follows: every tile that is not constant has a white cell below threshold 1, however faint. A constant tile is
    zeros, and a map of constant tiles degenerate. A single tile gives the maps of the source.

    Memory: `BLOCK` maps. Raises InputError for raw maps that are missing or not finite, and where there is no tile
    or a tile would have no cell.
    """
    with h5py.File(maps_in) as source:
        rows, columns = (_tile_edges(cells, tiles) for cells in _raw(source, maps_in).shape[1:])

    def stretched(raw: Maps) -> Variant:
        saliency = np.empty_like(raw)
        degenerate = np.ones(len(raw), dtype=np.bool_)
        for top, bottom in pairwise(rows):
            for left, right in pairwise(columns):
                tile, constant = stretch(raw[:, top:bottom, left:right])
                saliency[:, top:bottom, left:right] = tile
                degenerate &= constant
        return Variant(saliency, raw, degenerate)

    _write(maps_in, maps_out, "tiles", {"tiles": tiles}, stretched)


def _tile_edges(cells: int, count: int) -> list[int]:
    """Return where each of `count` tiles of an axis of `cells` cells begins, and where the last one ends."""
    if not 1 <= count <= cells:
        raise InputError(f"tiles: must be from 1 to {cells}, the cells along a side of the maps, not {count}")
    return [number * cells // count for number in range(count + 1)]


# ---------------------------------------------------------------------------------------------------------------
# Superpixels
# ---------------------------------------------------------------------------------------------------------------


def superpixels(
    maps_in: str | Path,
    maps_out: str | Path,
    archive: str | Path,
    members: Mapping[str, str],
    count: int = 100,
    cells: int = 64,
    compactness: float = 10.0,
) -> None:
    """Give each superpixel of the picture one value, so that a threshold keeps or drops it whole (paper, section 8).

    maps_in: HDF5 file as `maps.gather_maps` leaves it; maps_out: the same layout, on a grid of (cells, cells).
    archive: ZIP archive of the pictures; members: {image: name of its member}. The picture is squeezed to cells x
    cells as for a classifier, and cut into about `count` superpixels (`superpixel_labels`). The value of one is the
    mean of the raw map, scaled up to the same cells by nearest neighbour; the map of these means is stretched by its
    own minimum and maximum. /raw has the means.

    Memory: `BLOCK` maps and one picture. Raises InputError for raw maps that are missing or not finite, for pictures
    that are missing or cannot be read, and for settings out of range.
    """
    with h5py.File(maps_in) as source:
        grid: Grid = _raw(source, maps_in).shape[1:]
        images = source["image"].asstr()[:].tolist()
    if cells < max(grid):
        raise InputError(f"cells: must be at least {max(grid)}, the cells along a side of the maps, not {cells}")
    if not 4 <= count <= cells * cells:  # SLIC starts from a square of clusters: below 4 there is one
        raise InputError(f"count: must be from 4 to {cells * cells}, the cells of the picture, not {count}")
    if compactness <= 0:
        raise InputError(f"compactness: must be above 0, not {compactness}")
    missing = [image for image in images if image not in members]
    if missing:
        raise InputError(f"{archive}: lacks {len(missing)} of {len(images)} pictures, among them {missing[0]}")
    # Which row and column of the map each row and column of cells is covered by.
    rows, columns = (np.repeat(np.arange(side), np.diff(cell_edges(side, cells))) for side in grid)
    with open_archive(archive) as opened:
        waiting = iter(images)  # blocks come in the order of the file

        def averaged(raw: Maps) -> Variant:
            scaled = raw[:, rows][:, :, columns]
            means = np.empty(scaled.shape, dtype=np.float32)
            for row in range(len(raw)):
                picture = decode(opened, members[next(waiting)], cells)
                means[row] = superpixel_means(scaled[row], superpixel_labels(picture, count, compactness))
            saliency, degenerate = stretch(means)
            return Variant(saliency, means, degenerate)

        settings = {"count": count, "cells": cells, "compactness": float(compactness)}
        _write(maps_in, maps_out, "superpixels", settings, averaged, (cells, cells))


def superpixel_labels(picture: NDArray[np.uint8], count: int, compactness: float = 10.0) -> NDArray[np.intp]:
    """Cut a picture (h, w, 3) uint8 RGB into connected superpixels; return the number of each pixel's, (h, w), from 0.

    SLIC: k-means of colour (CIELAB) and place, whose number of clusters comes near `count`; a higher `compactness`
    weighs place more, for squarer superpixels (Achanta et al., "SLIC Superpixels Compared to State-of-the-Art
    Superpixel Methods", TPAMI 2012, https://doi.org/10.1109/TPAMI.2012.120). No chance is in it.
    """
    from skimage.segmentation import slic  # imported here: the other variants do without

    labels: NDArray[np.intp] = slic(picture, n_segments=count, compactness=compactness, start_label=0, channel_axis=-1)
    return labels


def superpixel_means(values: Maps, labels: NDArray[np.intp]) -> Maps:
    """Return a map (h, w) float32 that has, in each cell, the mean of `values` (h, w) over the cell's superpixel."""
    flat = labels.ravel()
    sizes = np.bincount(flat)
    sums = np.bincount(flat, weights=values.ravel().astype(np.float64))
    return (sums / np.maximum(sizes, 1)).astype(np.float32)[labels]


# ---------------------------------------------------------------------------------------------------------------
# Files
# ---------------------------------------------------------------------------------------------------------------

VARIANTS: dict[str, Callable[..., None]] = {"study_range": study_range, "tiles": tiles, "superpixels": superpixels}


def _raw(source: h5py.File, path: str | Path) -> h5py.Dataset:
    if "raw" not in source:
        raise InputError(
            f"{path} holds no raw maps. Variants are made of a classifier's maps, not of chance maps; if these are a "
            "classifier's, the file is from before raw maps were gathered: delete it and run again."
        )
    if not source["raw"].size:
        raise InputError(f"{path} holds no map")
    return source["raw"]


def _blocks(count: int) -> list[slice]:
    return [slice(start, min(start + BLOCK, count)) for start in range(0, count, BLOCK)]


def _write(
    maps_in: str | Path,
    maps_out: str | Path,
    variant: str,
    settings: Mapping[str, Any],
    transform: Callable[[Maps], Variant],
    grid: Grid | None = None,
) -> None:
    """Write what `transform` makes of each block of raw maps, in the layout of `maps.gather_maps`.

    transform: takes raw maps (n, h, w), block after block in the order of the file. grid: that of the new maps, the
    source's if None.
    """
    with h5py.File(maps_in) as source, atomic_path(maps_out) as temporary, h5py.File(temporary, "w") as target:
        raw = _raw(source, maps_in)
        shape = (len(raw), *(grid or raw.shape[1:]))
        for name in ("saliency", "raw"):
            target.create_dataset(name, shape, dtype=np.float32)
        target.create_dataset("degenerate", (len(raw),), dtype=np.bool_)
        blocks = _blocks(len(raw))
        for rows in progress(blocks, len(blocks), f"{variant}, blocks of {BLOCK} maps"):
            for name, values in transform(raw[rows])._asdict().items():
                target[name][rows] = values
        for name in COPIED:
            target.create_dataset(name, data=source[name][:], dtype=h5py.string_dtype())
        target.attrs["variant"] = variant
        target.attrs.update(settings)
