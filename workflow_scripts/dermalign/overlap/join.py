"""The maps of a source joined with the mask cells of the same pictures: its curve file."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..saliency.blocks import Maps
from ..saliency.maps import MapFile, open_maps
from .blocks import joined_blocks
from .curves import ALL, write_curve_file
from .engine import Curves, binned_curves, overlap_curves


def write_curves(path: str | Path, maps: str | Path, cell_files: Sequence[str | Path], images: Sequence[str]) -> None:
    """Write the curve file of a source: see `curves` for the layout.

    maps: as `saliency.maps.write_maps` leaves them; a picture may have several, as the draws of chance. cell_files: one
    or more, as `cell_files.write_cells` leaves them. images: the pictures of the analysis. Memory: a block of maps.
    Raises InputError for a picture without a map or without mask cells.
    """
    with open_maps(maps) as source, write_curve_file(path) as target:
        # Of no pictures there is a block, too: an analysis without any has a file with all columns and no rows.
        for block in joined_blocks(source, cell_files, images):
            target.append(block.images, _curves(source, block.saliency, block.cells, block.sizes))


def _curves(
    source: MapFile, maps: Maps, cells: Mapping[str, NDArray[np.integer]], sizes: NDArray[np.integer]
) -> dict[str, Curves]:
    """Return the curves of a block by the maps that they are of: one for all features, or one for each."""
    compute = binned_curves if source.is_fine else overlap_curves
    if not source.features:
        return {ALL: compute(maps, cells, sizes)}
    return {name: compute(source.of_feature(maps, name), {name: counts}, sizes) for name, counts in cells.items()}
