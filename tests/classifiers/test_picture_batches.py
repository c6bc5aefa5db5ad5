"""Batches of a picture store: what they hold, and how pictures are turned."""

from pathlib import Path

import numpy as np
from dermalign.classifiers.picture_batches import READ_AHEAD, PictureBatches, flip_and_turn
from dermalign.data.picture_store import open_picture_store, write_picture_store

SIZE = 16


def test_batches_hold_what_the_store_holds_in_whatever_order_they_are_read(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    content = random.integers(0, 256, (100, SIZE, SIZE, 3)).astype(np.uint8)
    write_picture_store(tmp_path / "pictures.h5", [f"p{number}" for number in range(100)], SIZE, content)
    rows, labels, symmetries = random.permutation(100), random.integers(3, size=100), random.integers(8, size=100)
    weights = np.array([1.0, 2.0, 3.0])
    with open_picture_store(tmp_path / "pictures.h5", SIZE) as store:
        batches = PictureBatches(
            store.pictures, rows, 9, symmetries, lambda part: (labels[part], weights[labels[part]])
        )
        assert len(batches) == 12
        # As Keras does it on TensorFlow: the first two for their shapes, then all; and any other way.
        for number in (0, 1, *range(12), 7, 3, 11):
            pictures, of_batch, weighted = batches[number]
            part = slice(9 * number, 9 * number + 9)
            expected = [
                flip_and_turn(content[row], element) for row, element in zip(rows[part], symmetries[part], strict=True)
            ]
            np.testing.assert_array_equal(pictures, expected)
            np.testing.assert_array_equal(of_batch, labels[part])
            np.testing.assert_array_equal(weighted, labels[part] + 1)
            assert len(batches._ahead) <= 2 * READ_AHEAD + 1  # memory does not grow with the pictures


def test_without_symmetries_and_anything_beside_batches_are_the_pictures_alone(tmp_path: Path) -> None:
    content = np.random.default_rng(0).integers(0, 256, (7, SIZE, SIZE, 3)).astype(np.uint8)
    write_picture_store(tmp_path / "pictures.h5", list("abcdefg"), SIZE, content)
    with open_picture_store(tmp_path / "pictures.h5", SIZE) as store:
        batches = PictureBatches(store.pictures, np.array([6, 0, 0, 3]), 3)
        assert len(batches) == 2
        ((first,), (second,)) = batches[0], batches[1]
    np.testing.assert_array_equal(first, content[[6, 0, 0]])
    np.testing.assert_array_equal(second, content[[3]])


def test_flips_and_turns_are_the_symmetries_of_the_square() -> None:
    picture = np.arange(27).reshape(3, 3, 3)
    elements = [flip_and_turn(picture, element).tobytes() for element in range(8)]
    np.testing.assert_array_equal(flip_and_turn(picture, 0), picture)
    assert len(set(elements)) == 8
    for first in range(8):
        images = [flip_and_turn(flip_and_turn(picture, first), second).tobytes() for second in range(8)]
        assert sorted(images) == sorted(elements), "closed, with inverses"
    assert flip_and_turn(picture, 5).shape == picture.shape
