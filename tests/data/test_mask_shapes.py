"""Shapes of masks: regions and elongation are those of scikit-image, whatever the mask."""

import math
from pathlib import Path

import brute_force
import numpy as np
import pytest
from dermalign.data.mask_shapes import MaskShape, mask_shape, read_shapes, write_shapes
from dermalign.data.masks import WhiteBox, black_box, white_box
from engine_cases import SIDES, draw_mask
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from skimage import measure

KINDS = st.sampled_from(["black", "full", "pixel", "box", "noise"])


def shape_of(pixels: np.ndarray) -> MaskShape:
    return mask_shape(white_box(Image.fromarray(np.where(pixels, 255, 0).astype(np.uint8))))


def elongation_of(pixels: np.ndarray) -> float:
    """As scikit-image has the moments of all white pixels, each of them a square."""
    moments = measure.moments_central(pixels.astype(float), order=2)
    covariance = np.array([[moments[2, 0], moments[1, 1]], [moments[1, 1], moments[0, 2]]]) / moments[0, 0]
    smallest, largest = np.linalg.eigvalsh(covariance + np.eye(2) / 12)
    return math.sqrt(largest / smallest)


@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 2**32), kind=KINDS, width=SIDES, height=SIDES)
def test_shapes_are_those_of_scikit_image(seed: int, kind: str, width: int, height: int) -> None:
    pixels = draw_mask(np.random.default_rng(seed), kind, width, height) > 127
    found = shape_of(pixels)
    assert found.white == pixels.sum()
    assert found.regions == measure.label(pixels, connectivity=2).max()
    if pixels.any():
        assert found.elongation == pytest.approx(elongation_of(pixels), rel=1e-9)
        assert found.elongation >= 1
    else:
        assert math.isnan(found.elongation)


def test_the_axes_are_those_of_region_properties() -> None:
    """Of a region so large that it hardly matters whether pixels are squares or points."""
    rows, columns = np.mgrid[:700, :900]
    along, across = (columns - 450) * 0.8 + (rows - 350) * 0.6, (rows - 350) * 0.8 - (columns - 450) * 0.6
    pixels = (along / 300) ** 2 + (across / 100) ** 2 < 1
    (region,) = measure.regionprops(pixels.astype(int))
    found = shape_of(pixels)
    assert found.elongation == pytest.approx(region.axis_major_length / region.axis_minor_length, rel=1e-4)
    assert found.elongation == pytest.approx(3, rel=1e-3)


@pytest.mark.parametrize("length", [1, 2, 7, 300])
def test_a_line_is_as_elongated_as_it_is_long(length: int) -> None:
    assert shape_of(np.ones((1, length))).elongation == pytest.approx(length)
    assert shape_of(np.ones((length, 1))) == shape_of(np.ones((1, length)))


def test_touching_corners_are_one_region() -> None:
    assert shape_of(np.array([[1, 0, 0], [0, 1, 0], [0, 0, 0], [1, 0, 1]])).regions == 3


def test_where_a_mask_lies_does_not_matter() -> None:
    pixels = draw_mask(np.random.default_rng(3), "noise", 30, 20) > 127
    large = np.zeros((900, 1300), dtype=bool)
    large[700:720, 1000:1030] = pixels
    assert shape_of(large) == shape_of(pixels)


def test_no_sum_of_a_large_mask_is_too_large() -> None:
    """Of 60 megapixels, whose sums of squares, multiplied, have more than 64 bits."""
    white = np.ones((6000, 10000), dtype=np.uint8)
    found = mask_shape(WhiteBox((10000, 6000), white))
    assert (found.white, found.regions) == (60_000_000, 1)
    assert found.elongation == pytest.approx(10 / 6, rel=1e-12)


def test_files_hold_what_is_not_black(tmp_path: Path) -> None:
    black, dot = mask_shape(black_box((5, 4))), MaskShape(1, 1, 1.0)
    odd = MaskShape(3, 2, 1.1 + 2**-52)
    write_shapes(tmp_path / "b.csv", [("NA", {"streaks": dot, "globules": odd, "union": odd})])
    write_shapes(tmp_path / "a.csv", [("c,d", {"streaks": black, "union": black}), ("B", {"streaks": dot})])
    write_shapes(tmp_path / "none.csv", [])
    table = read_shapes([tmp_path / name for name in ("b.csv", "a.csv", "none.csv")])
    assert table.to_dict("list") == {
        "image": ["B", "NA", "NA", "NA"],
        "feature": ["streaks", "streaks", "globules", "union"],
        "white": [1, 1, 3, 3],
        "regions": [1, 1, 2, 2],
        "elongation": [1.0, 1.0, odd.elongation, odd.elongation],
    }
    assert read_shapes([tmp_path / "none.csv"]).empty


def test_real_masks(real_data: Path) -> None:
    folder = real_data / "isic-256"
    archive = folder / "ISIC2018_Task2_Training_GroundTruth_v3.zip"
    found = brute_force.masks_in(archive, "ISIC_0000013", ["globules", "pigment_network", "streaks"])
    assert any(pixels.any() for pixels in found.values())
    for pixels in found.values():
        shape = shape_of(pixels)
        assert shape.regions == measure.label(pixels, connectivity=2).max()
        if pixels.any():
            assert shape.elongation == pytest.approx(elongation_of(pixels), rel=1e-9)
