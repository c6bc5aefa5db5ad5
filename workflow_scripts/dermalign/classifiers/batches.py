"""Pictures in batches, for a network that is asked and not trained."""

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray


def batched(pictures: Iterable[NDArray[Any]], size: int) -> Iterator[list[NDArray[Any]]]:
    """Yield lists of at most `size` pictures; only one is held at a time."""
    iterator = iter(pictures)
    while batch := list(itertools.islice(iterator, size)):
        yield batch


def padded_batches(pictures: Iterable[NDArray[Any]], size: int) -> Iterator[tuple[NDArray[Any], int]]:
    """Yield batches (size, H, W, 3) of pictures (H, W, 3), and how many of each count: all, but in the last.

    What the last lacks is filled with its last picture: a shorter batch would be compiled anew, which takes longer than
    to compute it in full.
    """
    for batch in batched(pictures, size):
        yield np.stack(batch + [batch[-1]] * (size - len(batch))), len(batch)
