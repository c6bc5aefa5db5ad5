"""What several readers of HDF5 files need."""

from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray


def read_rows(dataset: h5py.Dataset, rows: NDArray[np.integer]) -> NDArray[Any]:
    """Return rows of an HDF5 dataset in any order, also several times; memory: twice the result."""
    # h5py reads rows in ascending order only, and each once.
    ascending, where = np.unique(rows, return_inverse=True)
    return dataset[ascending][where]
