"""Batches of a picture store for a training, read when they are asked for, turned and mirrored."""

import math
import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import h5py
import keras
import numpy as np
from numpy.typing import NDArray

from ..errors import InputError

# Threads that read pictures, and batches read ahead: what bounds the memory, whatever the number of pictures.
READERS = 2
READ_AHEAD = 4

# What a network is to learn of some pictures: a function of their places in the order of the batches.
Beside = Callable[[slice], tuple[NDArray[Any], ...]]


def flip_and_turn(picture: NDArray[Any], element: int) -> NDArray[Any]:
    """Return a square picture (h, h, ...) after the `element`-th (0 to 7) of the eight symmetries of the square.

    Element 0 changes nothing; elements from 4 are mirrored left to right, then as element - 4; elements 1 to 3 are
    that many quarter turns counterclockwise.
    """
    mirrored = picture[:, ::-1] if element >= 4 else picture
    return np.rot90(mirrored, element % 4)


class PictureBatches(keras.utils.PyDataset):  # type: ignore[misc]  # Keras is untyped
    """Batches read from an open store when they are asked for.

    Each is (pictures (n, size, size, 3) uint8, and what `beside` gives of them); the last may be shorter than the
    others. The next few are read ahead by threads, so that the network need not wait for them. Keras's own threads are
    not used: on TensorFlow they would take the place of its prefetching.

    Asking for a batch raises `InputError` where the store ends within one of its pictures, and OSError where it cannot
    be read.
    """

    def __init__(
        self,
        pictures: h5py.Dataset,
        rows: NDArray[np.integer],
        batch_size: int,
        symmetries: NDArray[np.int64] | None = None,
        beside: Beside | None = None,
    ) -> None:
        """Batch the pictures of `rows` in that order.

        pictures: (n, size, size, 3) uint8 of a picture store, contiguous. rows: where they are in it. symmetries:
        (rows,) elements as `flip_and_turn` takes them, None to change nothing. beside: what comes with the pictures.
        """
        super().__init__()
        self._readers, self._ahead = ThreadPoolExecutor(READERS), dict[int, Future[tuple[NDArray[Any], ...]]]()
        self._pictures, self._rows, self._batch_size = pictures, rows, batch_size
        self._symmetries, self._beside = symmetries, beside
        # Read past HDF5, whose lock would let one thread read at a time, and the training wait for it.
        self._descriptor, self._offset = pictures.file.id.get_vfd_handle(), pictures.id.get_offset()

    def __len__(self) -> int:
        return math.ceil(len(self._rows) / self._batch_size)

    def __getitem__(self, number: int) -> tuple[NDArray[Any], ...]:
        for following in range(number, min(number + 1 + READ_AHEAD, len(self))):
            if following not in self._ahead:
                self._ahead[following] = self._readers.submit(self._batch, following)
        return self._ahead.pop(number).result()

    def _batch(self, number: int) -> tuple[NDArray[Any], ...]:
        part = slice(number * self._batch_size, min((number + 1) * self._batch_size, len(self._rows)))
        batch = np.empty((part.stop - part.start, *self._pictures.shape[1:]), np.uint8)
        picture = np.empty(self._pictures.shape[1:], np.uint8)
        for place, position in enumerate(range(part.start, part.stop)):
            element = 0 if self._symmetries is None else int(self._symmetries[position])
            if element == 0:
                self._read(int(self._rows[position]), batch[place])
                continue
            self._read(int(self._rows[position]), picture)
            turned = flip_and_turn(picture, element)
            for channel in range(turned.shape[-1]):  # one by one, which is four times as fast
                batch[place, ..., channel] = turned[..., channel]
        return (batch, *(self._beside(part) if self._beside else ()))

    def _read(self, row: int, picture: NDArray[np.uint8]) -> None:
        """Read a row of the store into a contiguous array."""
        done, whole = 0, memoryview(picture.data).cast("B")
        while done < len(whole):
            read = os.preadv(self._descriptor, [whole[done:]], self._offset + row * len(whole) + done)
            if read == 0:
                raise InputError(f"the picture store ends within picture {row}; delete it, and it is made again")
            done += read
