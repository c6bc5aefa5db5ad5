"""What the explorer knows of each picture: its maps and its masks in cells, from which the page computes J itself.

Values of maps are whole numbers: how many of the thresholds 0.001, 0.002, ... 1.000 are below them, as
`overlap.engine.threshold_columns` counts them. So the page finds, by adding whole numbers, exactly the intersection and
the union that the shard of any threshold of at most three digits has.
"""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..data.cell_files import CellFile
from ..data.grids import Grid, cell_edges, grid_name
from ..overlap.ceiling_files import Ceilings
from ..overlap.curves import open_curves
from ..overlap.engine import threshold_columns
from ..saliency.blocks import rows_in_memory
from ..saliency.maps import MapFile, open_maps
from ..saliency.stores import read_store
from .packing import packed

LEVEL_BYTES, CELL_BYTES = 2, 4


def picture_data(
    cell_file: str | Path,
    shown: Mapping[str, Mapping[str, Any]],
    evaluation: pd.DataFrame,
    ceilings: Ceilings,
    maps: Mapping[str, str | Path],
    stores: Mapping[str, str | Path],
    drawn: Mapping[str, str | Path] | None = None,
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (image, what the page knows of it) of a batch's pictures in the analysis, by name.

    cell_file: of the batch. shown: as `picture_files.read_outlines`. evaluation: manifest indexed by image.
    ceilings: of the batch. maps: {`{model}/{method}`: file of maps}. stores: {model: folder of its saliency
    stores}, for the scores of all classes. drawn: {`{model}/{method}`: file of curves} of those whose maps are only for
    what is shown, since no cells hold the border of a region. Each is

    - image, width, height: in pixels; shown: width and height of the picture that is shown;
    - white: {feature: white pixels}, of masks that are not black; outlines: {feature or `lesion`: SVG path}, of those
      that are not too small to be seen on the picture that is shown;
    - maps: {source: {grid, levels: packed, degenerate}}; levels is {feature: packed} where maps differ by
      feature; with drawn: {feature: pixels inside the regions, and of them those that are white in the mask};
    - grids: {grid: {heights, widths: of its rows and columns in pixels, cells: {feature: packed}}};
    - ceilings: {grid: {feature: the best J that a map of this grid could have}};
    - probabilities: {model: of each of its classes}.

    Memory: the packed numbers of the batch. Raises as `CellFile` and `open_maps`.
    """
    manifest = evaluation.loc[list(shown)].to_dict("index")
    with CellFile(cell_file) as cells:
        found = {
            str(image): _of_masks(str(image), row, shown[str(image)], cells.features) for image, row in manifest.items()
        }
        row_of = {image: row for row, image in enumerate(cells.images)}
        grids: dict[Grid, set[str]] = {}
        for name, path in maps.items():
            with open_maps(path) as opened:
                for image, entry in _maps(opened, found):
                    found[image]["maps"][name] = entry
                    grids.setdefault(opened.grid, set()).add(image)
        for name, path in (drawn or {}).items():
            _add_drawn(found, name, path)
        for grid, images in grids.items():
            for image, entry in _cells(cells, grid, {image: row_of[image] for image in sorted(images)}):
                found[image]["grids"][grid_name(grid)] = entry
    _add_ceilings(found, ceilings, list(grids))
    for model, folder in stores.items():
        for image, entry in found.items():
            if (store := Path(folder) / f"{image}.h5").is_file():
                entry["probabilities"][model] = [round(float(each), 6) for each in read_store(store).probabilities]
    yield from sorted(found.items())


def _of_masks(
    image: str, manifest: Mapping[Hashable, Any], entry: Mapping[str, Any], features: Sequence[str]
) -> dict[str, Any]:
    return {
        "image": image,
        "width": int(manifest["width"]),
        "height": int(manifest["height"]),
        "shown": [entry["width"], entry["height"]],
        "white": {name: int(manifest[name]) for name in features if manifest[name]},
        "outlines": entry["outlines"],
        "maps": {},
        "grids": {},
        "ceilings": {},
        "probabilities": {},
    }


def _maps(maps: MapFile, images: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the maps of some pictures, of each its first one."""
    rows: dict[str, int] = {}
    for row, image in enumerate(maps.images):
        if image in images:
            rows.setdefault(image, row)
    names = list(rows)
    block = rows_in_memory(maps.grid[0] * maps.grid[1])
    for start in range(0, len(names), block):
        part = names[start : start + block]
        numbers = np.array([rows[image] for image in part], dtype=np.intp)
        saliency, degenerate = maps.saliency(numbers), maps.degenerate(numbers)
        for place, image in enumerate(part):
            levels = threshold_columns(saliency[place])
            yield (
                image,
                {
                    "grid": grid_name(maps.grid),
                    "levels": _packed_levels(levels, maps.features),
                    "degenerate": bool(degenerate[place]),
                },
            )


def _add_drawn(found: Mapping[str, dict[str, Any]], name: str, curves: str | Path) -> None:
    """Add what regions have in common with the masks, from curves of two levels, inside and outside."""
    with open_curves(curves) as file:
        for feature in file.features:
            inside = zip(file.area(feature)[:, 1].tolist(), file.intersection(feature)[:, 1].tolist(), strict=True)
            for image, counts in zip(file.images, inside, strict=True):
                if image in found:
                    found[image]["maps"][name].setdefault("drawn", {})[feature] = list(counts)


def _packed_levels(levels: NDArray[np.intp], features: Sequence[str]) -> str | dict[str, str]:
    if not features:
        return packed(levels, LEVEL_BYTES)
    return {name: packed(of, LEVEL_BYTES) for name, of in zip(features, levels, strict=True)}


def _cells(cells: CellFile, grid: Grid, rows: Mapping[str, int]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the mask cells of some pictures: of masks that are not black."""
    images, block = list(rows), max(1, rows_in_memory(grid[0] * grid[1]) // len(cells.features))
    for start in range(0, len(images), block):
        part = images[start : start + block]
        numbers = np.array([rows[image] for image in part], dtype=np.intp)
        sizes, counts = cells.sizes(numbers), cells.counts(grid, numbers)
        for image, (width, height), of_picture in zip(part, sizes.tolist(), counts, strict=True):
            yield (
                image,
                {
                    "heights": np.diff(cell_edges(grid[0], height)).tolist(),
                    "widths": np.diff(cell_edges(grid[1], width)).tolist(),
                    "cells": {
                        name: packed(of, CELL_BYTES)
                        for name, of in zip(cells.features, of_picture, strict=True)
                        if of.any()
                    },
                },
            )


def _add_ceilings(found: Mapping[str, dict[str, Any]], ceilings: Ceilings, grids: Sequence[Grid]) -> None:
    row_of = {image: row for row, image in enumerate(ceilings.images)}
    for grid in grids:
        if grid not in ceilings.grids:
            continue
        column = ceilings.grids.index(grid)
        for image, entry in found.items():
            intersection = ceilings.intersection[row_of[image], :, column].tolist()
            union = ceilings.union[row_of[image], :, column].tolist()
            entry["ceilings"][grid_name(grid)] = {
                name: part / whole
                for name, part, whole in zip(ceilings.features, intersection, union, strict=True)
                if whole
            }
