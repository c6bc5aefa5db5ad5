"""A ceiling for tests, whose maps differ by feature: the share of each cell that a feature's mask covers."""

from collections.abc import Iterator

import numpy as np

from ..data.cell_files import CellFile
from ..data.grids import cell_areas
from .blocks import MapBlock
from .inputs import Inputs


def shares(inputs: Inputs, cells: int) -> Iterator[MapBlock]:
    """Yield, for every feature but the union, white pixels by pixels of each cell."""
    for path in inputs.cells:
        with CellFile(path) as file:
            rows = np.array([row for row, image in enumerate(file.images) if image in set(inputs.images)], np.intp)
            if not rows.size:
                continue
            features = [name for name in file.features if name != "union"]
            counts = file.counts(inputs.grid, rows)[:, : len(features)]
            areas = np.stack([cell_areas(inputs.grid, *size) for size in file.sizes(rows).tolist()])
            maps = (counts / areas[:, np.newaxis]).astype(np.float32)
            images = [file.images[row] for row in rows]
            yield MapBlock(images, maps, maps, np.zeros(len(maps), np.bool_), features)
