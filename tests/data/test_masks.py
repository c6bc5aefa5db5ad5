"""Masks: what is white of them, of several together, and masks that cannot be read."""

import io
from pathlib import Path

import brute_force
import numpy as np
import pytest
from dermalign.data.archives import open_archive
from dermalign.data.masks import MaskReader, WhiteBox, black_box, unite, white_box
from dermalign.errors import InputError
from PIL import Image


def pixels_of(box: WhiteBox) -> np.ndarray:
    """Return the whole mask, (height, width) bool."""
    whole = np.zeros(box.size[::-1], dtype=bool)
    whole[box.top : box.bottom, box.left : box.right] = box.pixels
    return whole


def noise(seed: int, left: int, top: int, right: int, bottom: int) -> np.ndarray:
    """Return grey values (20, 30), black but for noise in a box."""
    mask = np.zeros((20, 30), dtype=np.uint8)
    values = np.array([0, 1, 127, 128, 255], dtype=np.uint8)
    mask[top:bottom, left:right] = np.random.default_rng(seed).choice(values, (bottom - top, right - left))
    return mask


def test_a_box_holds_all_that_is_white_and_little_more() -> None:
    mask = Image.fromarray(noise(1, 4, 3, 11, 9))
    box = white_box(mask)
    assert (box.left, box.top, box.right, box.bottom) == (4, 3, 11, 9)
    assert box.pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels_of(box), brute_force.white_pixels(mask))
    assert box.count() == brute_force.white_pixels(mask).sum()


def test_masks_together_are_their_pixelwise_or() -> None:
    drawn = [Image.fromarray(noise(seed, 2 * seed, seed, 20 + seed, 10 + seed)) for seed in range(4)]
    united = unite([black_box((30, 20)), *map(white_box, drawn)], (30, 20))
    expected = brute_force.union_of({str(number): brute_force.white_pixels(mask) for number, mask in enumerate(drawn)})
    np.testing.assert_array_equal(pixels_of(united), expected)
    for none in ([], [black_box((30, 20))]):
        assert unite(none, (30, 20)).count() == 0
        assert unite(none, (30, 20)).size == (30, 20)


def test_masks_are_read_from_an_archive_and_faults_named(tmp_path: Path) -> None:
    mask = noise(5, 0, 0, 30, 20)
    stream = io.BytesIO()
    Image.fromarray(mask).save(stream, "PNG")
    (tmp_path / "whole.png").write_bytes(stream.getvalue())
    (tmp_path / "half.png").write_bytes(stream.getvalue()[: len(stream.getvalue()) // 2])
    Image.fromarray(mask.astype(np.uint16) * 257).save(tmp_path / "deep.png")
    with open_archive(tmp_path) as opened:
        reader = MaskReader(opened)
        np.testing.assert_array_equal(pixels_of(reader.read("whole.png")), mask > 127)
        for name, words in {
            "half.png": "is not a readable picture .* Replace the file",
            "deep.png": "has more than 8 bits a channel .* a mask is 0 or 255",
            "none.png": "cannot be read: there is no such file",
        }.items():
            with pytest.raises(InputError, match=f"{tmp_path.name}: {name} {words}"):
                reader.read(name)
