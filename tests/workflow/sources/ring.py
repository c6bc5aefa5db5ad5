"""A prior for tests: one ring for every picture, which belongs to no model."""

from collections.abc import Iterator

import numpy as np

from .blocks import MapBlock
from .inputs import Inputs


def ring(inputs: Inputs, cells: int) -> Iterator[MapBlock]:
    """Yield a map that is highest at a third of the side from its middle."""
    rows, columns = np.mgrid[:cells, :cells] + 0.5 - cells / 2
    away = np.abs(np.hypot(rows, columns) - cells / 3) / cells
    one = (1 - away).clip(0, 1).astype(np.float32)
    maps = np.broadcast_to(one, (len(inputs.images), cells, cells))
    yield MapBlock(inputs.images, maps, maps, np.zeros(len(maps), np.bool_))
