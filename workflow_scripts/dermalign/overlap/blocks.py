"""Blocks of maps with the mask cells of their pictures: what is computed from both reads them here."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..data.cell_files import CellFile
from ..errors import InputError
from ..saliency.blocks import Maps, rows_in_memory
from ..saliency.maps import MapFile


@dataclass(frozen=True)
class JoinedBlock:
    """Maps of n pictures and their mask cells, in one order; a picture with several maps stands several times.

    images: names, n. saliency: as `MapFile.saliency` gives it. cells: {feature: white pixels per cell, uint32 (n, h,
    w)}. sizes: int64 (n, 2), width and height of each picture in pixels.
    """

    images: list[str]
    saliency: Maps
    cells: dict[str, NDArray[np.uint32]]
    sizes: NDArray[np.int64]


def joined_blocks(source: MapFile, cell_files: Sequence[str | Path], images: Sequence[str]) -> Iterator[JoinedBlock]:
    """Yield all maps of the given pictures with their mask cells, in blocks that fit into memory.

    cell_files: one or more, as `cell_files.write_cells` leaves them, in whose order the pictures are. images: those of
    the analysis. Of each file there is a block, also where it has none of the pictures. Raises InputError for a picture
    without a map, before the first block, or without mask cells, after the last.
    """
    maps_of = defaultdict(list)
    for row, image in enumerate(source.images):
        maps_of[image].append(row)
    wanted = set(images)
    if missing := sorted(wanted - set(maps_of)):
        raise InputError(
            f"{source.path} has no map of {missing[0]} and {len(missing) - 1} more. Make that source again."
        )
    block = rows_in_memory(source.grid[0] * source.grid[1])
    found = 0
    for cell_file in cell_files:
        with CellFile(cell_file) as cells:
            rows = [row for row, image in enumerate(cells.images) if image in wanted]
            found += len(rows)
            pairs = [(row, of) for row in rows for of in maps_of[cells.images[row]]]
            for start in range(0, len(pairs) or 1, block):
                cell_rows, map_rows = np.array(pairs[start : start + block], dtype=np.intp).reshape(-1, 2).T
                counts = cells.counts(source.grid, cell_rows)
                yield JoinedBlock(
                    images=[cells.images[row] for row in cell_rows],
                    saliency=source.saliency(map_rows),
                    cells={name: counts[:, column] for column, name in enumerate(cells.features)},
                    sizes=cells.sizes(cell_rows),
                )
    if found != len(wanted):
        raise InputError(f"{len(wanted) - found} of {len(wanted)} pictures have no mask cells. Count them again.")
