"""Batches of pictures."""

from collections.abc import Iterator

import numpy as np
import pytest
from dermalign.classifiers.batches import batched, padded_batches


@pytest.mark.parametrize("count", [0, 1, 3, 4, 7])
def test_padded_batches_hold_all_pictures_in_order(count: int) -> None:
    pictures = np.arange(count * 12, dtype=np.uint8).reshape(count, 2, 2, 3)
    found = list(padded_batches(iter(pictures), 3))
    assert [(batch.shape, batch.dtype) for batch, _ in found] == [((3, 2, 2, 3), np.uint8)] * -(-count // 3)
    np.testing.assert_array_equal(
        np.concatenate([batch[:own] for batch, own in found]) if found else pictures, pictures
    )
    for batch, own in found:
        np.testing.assert_array_equal(batch[own:], np.repeat(batch[own - 1 : own], 3 - own, axis=0))


def test_only_one_batch_is_read_at_a_time() -> None:
    read = []

    def pictures() -> Iterator[np.ndarray]:
        for number in range(6):
            read.append(number)
            yield np.full((1, 1, 3), number)

    batches = batched(pictures(), 2)
    assert read == []
    assert len(next(batches)) == 2
    assert read == [0, 1]
