"""Outlines enclose what is white, holes and the picture's edge included."""

import re

import numpy as np
import pytest
from dermalign.explorer.outlines import TOLERANCE, outline_path
from scipy.ndimage import binary_dilation, binary_erosion
from skimage.draw import polygon2mask


def filled(path: str, shape: tuple[int, int]) -> np.ndarray:
    """Fill a path by the even-odd rule, a tenth of a pixel each."""
    inside = np.zeros((shape[0] * 10, shape[1] * 10), dtype=bool)
    for part in path.split("Z")[:-1]:
        corners = [(int(y), int(x)) for x, y in re.findall(r"(\d+) (\d+)", part)]
        inside ^= polygon2mask(inside.shape, np.array(corners) - 0.5)
    return inside[5::10, 5::10]


def disc(shape: tuple[int, int], middle: tuple[float, float], radius: float) -> np.ndarray:
    y, x = np.indices(shape)
    return np.hypot(y - middle[0], x - middle[1]) < radius


@pytest.mark.parametrize("shape", [(60, 80), (81, 33)])
def test_what_is_inside_is_white_but_for_the_tolerance(shape: tuple[int, int]) -> None:
    masks = {
        "disc": disc(shape, (30, 16), 12),
        "ring": disc(shape, (30, 16), 14) & ~disc(shape, (30, 16), 6),
        "two": disc(shape, (12, 12), 8) | disc(shape, (45, 20), 9),
        "edge": disc(shape, (0, 0), 25),
        "all": np.ones(shape, dtype=bool),
    }
    for name, mask in masks.items():
        inside = filled(outline_path(mask), shape)
        assert not (inside & ~binary_dilation(mask)).any(), name  # off by a pixel at most
        assert not (binary_erosion(mask) & ~inside).any(), name
        assert (inside & mask).sum() / (inside | mask).sum() > 0.9, name


def test_a_single_pixel_has_an_outline_and_black_has_none() -> None:
    mask = np.zeros((9, 9), dtype=bool)
    assert outline_path(mask) == ""
    mask[4, 6] = True
    corners = [(int(x), int(y)) for x, y in re.findall(r"(\d+) (\d+)", outline_path(mask))]
    assert len(corners) >= 4
    assert np.mean(corners, axis=0) == pytest.approx([65, 45])


def test_every_border_is_a_part_of_its_own() -> None:
    ring = disc((40, 40), (20, 20), 15) & ~disc((40, 40), (20, 20), 7)
    path = outline_path(ring)
    assert path.count("M") == path.count("Z") == 2
    assert len(re.findall(r"\d+ \d+", path)) < 80  # an edge of pixels has 150 corners
    assert TOLERANCE < 1
