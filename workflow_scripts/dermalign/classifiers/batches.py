"""Pictures in batches, for a network that is asked and not trained."""

import itertools
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError

T = TypeVar("T")


def batched(pictures: Iterable[NDArray[Any]], size: int) -> Iterator[list[NDArray[Any]]]:
    """Yield lists of at most `size` pictures; only one is held at a time."""
    iterator = iter(pictures)
    while batch := list(itertools.islice(iterator, size)):
        yield batch


def asked_size(batch_size: int) -> int:
    """Return the next multiple of 16 from `batch_size` on: how many pictures a network is asked about at a time.

    So what it says of a picture does not depend on `batch_size`, on a processor: products of few rows are computed in
    other ways than those of many, by their number, and rounded differently. From 16 rows on, in sixteens, all bits were
    the same (`tests/saliency/test_batch_sizes.py`, docs/reliability.md). Raises InputError for less than 1.
    """
    if batch_size < 1:
        raise InputError(f"batch_size: must be at least 1, not {batch_size}")
    return -(-batch_size // 16) * 16


def padded_batches(pictures: Iterable[NDArray[Any]], size: int) -> Iterator[tuple[NDArray[Any], int]]:
    """Yield batches (size, H, W, 3) of pictures (H, W, 3), and how many of each count: all, but in the last.

    What the last lacks is filled with its last picture: a shorter batch would be compiled anew, which takes longer than
    to compute it in full.
    """
    for batch in batched(pictures, size):
        yield np.stack(batch + [batch[-1]] * (size - len(batch))), len(batch)


def read_ahead(items: Iterable[T], count: int) -> Iterator[T]:
    """Yield `items`, made in a thread of their own, at most `count` of them before they are asked for.

    So pictures are decoded while the network computes. What making one raises is raised where it would be yielded.
    """
    iterator, nothing = iter(items), object()
    with ThreadPoolExecutor(1) as pool:
        waiting: deque[Future[Any]] = deque()
        try:
            while True:
                while len(waiting) < max(count, 1):
                    waiting.append(pool.submit(next, iterator, nothing))
                item = waiting.popleft().result()
                if item is nothing:
                    return
                yield item
        finally:
            for future in waiting:
                future.cancel()
