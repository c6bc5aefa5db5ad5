"""Batches of pictures, and pictures that are read while others are looked at."""

import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from dermalign.classifiers.batches import batched, padded_batches, read_ahead
from hypothesis import given, settings
from hypothesis import strategies as st


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


# Reading ahead


class Items:
    """Numbers up to some count, each noted when it is made, and the thread that makes it."""

    def __init__(self, count: int, error_at: int | None = None) -> None:
        self.made: list[int] = []
        self.threads: set[int] = set()
        self._count, self._error_at = count, error_at

    def __iter__(self) -> Iterator[int]:
        for number in range(self._count):
            if number == self._error_at:
                raise OSError(f"number {number} cannot be read")
            self.made.append(number)
            self.threads.add(threading.get_ident())
            yield number


def soon(condition: Callable[[], bool]) -> bool:
    """Return whether a condition comes to hold; another thread has time to make it so."""
    end = time.monotonic() + 20
    while not condition() and time.monotonic() < end:
        time.sleep(0.001)
    return condition()


@settings(max_examples=25, deadline=None)
@given(total=st.integers(0, 12), count=st.integers(0, 15))
def test_what_is_read_ahead_is_all_in_order(total: int, count: int) -> None:
    assert list(read_ahead(iter(range(total)), count)) == list(range(total))


def test_items_are_made_in_a_thread_of_their_own_and_not_before_the_first_is_asked_for() -> None:
    items = Items(3)
    ahead = read_ahead(items, 2)
    assert items.made == []
    assert list(ahead) == [0, 1, 2]
    assert len(items.threads) == 1 and threading.get_ident() not in items.threads


@pytest.mark.parametrize("count", [1, 2, 5])
def test_no_more_are_made_than_are_read_ahead(count: int) -> None:
    items = Items(20)
    for asked, number in enumerate(read_ahead(items, count), start=1):
        assert number == asked - 1
        # The one that is asked for, and as many more as make `count` with it.
        expected = min(asked + count - 1, 20)
        assert soon(lambda expected=expected: len(items.made) >= expected)  # type: ignore[misc]
        time.sleep(0.002)
        assert len(items.made) == expected


@pytest.mark.parametrize("count", [1, 3, 9])
def test_what_making_one_raises_is_raised_in_its_place(count: int) -> None:
    ahead = read_ahead(Items(6, error_at=2), count)
    assert [next(ahead), next(ahead)] == [0, 1]
    with pytest.raises(OSError, match="number 2 cannot be read"):
        next(ahead)
    assert list(ahead) == []


def test_no_more_are_made_once_nobody_asks() -> None:
    items, before = Items(100), set(threading.enumerate())
    ahead = read_ahead(items, 3)
    assert next(ahead) == 0
    ahead.close()  # type: ignore[attr-defined]
    assert set(threading.enumerate()) <= before
    assert len(items.made) <= 4
    made = len(items.made)
    time.sleep(0.01)
    assert len(items.made) == made
