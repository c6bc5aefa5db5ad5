"""The maps of a source joined with the mask cells of the same pictures."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..data.cell_files import CellFile
from ..errors import InputError
from ..saliency.blocks import Maps, rows_in_memory
from ..saliency.maps import MapFile, open_maps
from .curves import ALL, write_curve_file
from .engine import Curves, binned_curves, overlap_curves


def write_curves(path: str | Path, maps: str | Path, cell_files: Sequence[str | Path], images: Sequence[str]) -> None:
    """Write the curve file of a source: see `curves` for the layout.

    maps: as `saliency.maps.write_maps` leaves them; a picture may have several, as the draws of chance. cell_files: one
    or more, as `cell_files.write_cells` leaves them. images: the pictures of the analysis. Memory: a block of maps.
    Raises InputError for a picture without a map or without mask cells.
    """
    with open_maps(maps) as source, write_curve_file(path) as target:
        maps_of = defaultdict(list)
        for row, image in enumerate(source.images):
            maps_of[image].append(row)
        wanted = set(images)
        if missing := sorted(wanted - set(maps_of)):
            raise InputError(f"{maps} has no map of {missing[0]} and {len(missing) - 1} more. Make that source again.")
        block = rows_in_memory(source.grid[0] * source.grid[1])
        found = 0
        for cell_file in cell_files:
            with CellFile(cell_file) as cells:
                rows = [row for row, image in enumerate(cells.images) if image in wanted]
                found += len(rows)
                pairs = [(row, of) for row in rows for of in maps_of[cells.images[row]]]
                # Once for no pictures, too: an analysis without any has a file with all columns and no rows.
                for start in range(0, len(pairs) or 1, block):
                    cell_rows, map_rows = np.array(pairs[start : start + block], dtype=np.intp).reshape(-1, 2).T
                    counts = cells.counts(source.grid, cell_rows)
                    by_feature = {name: counts[:, column] for column, name in enumerate(cells.features)}
                    curves = _curves(source, source.saliency(map_rows), by_feature, cells.sizes(cell_rows))
                    target.append([cells.images[row] for row in cell_rows], curves)
        if found != len(wanted):
            raise InputError(f"{len(wanted) - found} of {len(wanted)} pictures have no mask cells. Count them again.")


def _curves(
    source: MapFile, maps: Maps, cells: Mapping[str, NDArray[np.integer]], sizes: NDArray[np.integer]
) -> dict[str, Curves]:
    """Return the curves of a block by the maps that they are of: one for all features, or one for each."""
    compute = binned_curves if source.is_fine else overlap_curves
    if not source.features:
        return {ALL: compute(maps, cells, sizes)}
    return {name: compute(source.of_feature(maps, name), {name: counts}, sizes) for name, counts in cells.items()}
