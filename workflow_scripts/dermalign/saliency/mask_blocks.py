"""Blocks of mask cells: what map sources that are made of masks read."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..data.cell_files import CellFile
from ..data.grids import areas_of
from .blocks import rows_in_memory
from .inputs import Inputs


@dataclass(frozen=True)
class MaskBlock:
    """The mask cells of n pictures.

    images: names, n. white: white pixels of each feature's mask in each cell, int64 (n, features, h, w), features as in
    the inputs. area: the pixels of each cell, int64 (n, 1, h, w).
    """

    images: list[str]
    white: NDArray[np.int64]
    area: NDArray[np.int64]


def mask_blocks(inputs: Inputs) -> Iterator[MaskBlock]:
    """Yield the mask cells of the inputs' pictures on their grid, in the order of the files, in blocks.

    A block has as many masks as maps are held in memory. Raises InputError as `CellFile`.
    """
    wanted = set(inputs.images)
    rows, columns = inputs.grid
    block = max(1, rows_in_memory(rows * columns) // len(inputs.features))
    for path in inputs.cells:
        with CellFile(path) as file:
            order = [file.features.index(feature) for feature in inputs.features]
            of_study = np.array([row for row, image in enumerate(file.images) if image in wanted], dtype=np.intp)
            for start in range(0, len(of_study), block):
                part = of_study[start : start + block]
                yield MaskBlock(
                    [file.images[row] for row in part],
                    file.counts(inputs.grid, part)[:, order].astype(np.int64),
                    areas_of(inputs.grid, file.sizes(part))[:, np.newaxis],
                )
