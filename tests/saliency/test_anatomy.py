"""Controls of anatomy, against the lesion masks themselves."""

from pathlib import Path

import numpy as np
import pytest
from dermalign.errors import InputError
from dermalign.saliency.anatomy import lesion, lesion_depth
from dermalign.saliency.inputs import Inputs
from dermalign.saliency.maps import write_maps
from map_cases import read
from PIL import Image

PATTERN = "{image}_segmentation.png"


def lesions(folder: Path) -> dict[str, np.ndarray]:
    """Write lesion masks: a disc, one at the edge, a black one, a white one."""
    rows, columns = np.mgrid[:61, :83]
    masks = {
        "disc": np.hypot(rows - 30, columns - 40) < 20,
        "edge": np.hypot(rows, columns - 40) < 33,
        "black": np.zeros((61, 83), bool),
        "white": np.ones((61, 83), bool),
    }
    for image, mask in masks.items():
        Image.fromarray(np.uint8(255) * mask).save(folder / f"{image}_segmentation.png")
    return masks


def inputs_of(folder: Path, images: list[str], cells: int) -> Inputs:
    return Inputs(images, (cells, cells), lesion_masks=str(folder), lesion_pattern=PATTERN)


def test_the_lesion_is_the_share_of_each_cell_inside_it(tmp_path: Path) -> None:
    masks = lesions(tmp_path)
    masks["white"][0, 0] = False  # a mask that is white everywhere cannot be told from one that is black
    Image.fromarray(np.uint8(255) * masks["white"]).save(tmp_path / "white_segmentation.png")
    write_maps(tmp_path / "maps.h5", lesion(inputs_of(tmp_path, list(masks), 9), 9))
    found = read(tmp_path / "maps.h5")
    numbers = Image.fromarray(np.arange(81, dtype=np.int32).reshape(9, 9))
    cell = np.asarray(numbers.resize((83, 61), Image.Resampling.NEAREST))
    for row, (image, mask) in enumerate(masks.items()):
        assert found["image"][row] == image
        expected = [mask[cell == number].mean() for number in range(81)]
        np.testing.assert_allclose(found["saliency"][row].ravel(), expected, atol=1e-6)
    assert found["degenerate"].tolist() == [False, False, True, False]


def test_the_depth_is_the_distance_to_the_nearest_cell_outside(tmp_path: Path) -> None:
    masks = lesions(tmp_path)
    cells = 12
    images = ["disc", "edge", "black"]
    write_maps(tmp_path / "maps.h5", lesion_depth(inputs_of(tmp_path, images, cells), cells))
    write_maps(tmp_path / "shares.h5", lesion(inputs_of(tmp_path, images, cells), cells))
    found, shares = read(tmp_path / "maps.h5"), read(tmp_path / "shares.h5")
    height, width = masks["disc"].shape
    for row in range(2):
        inside = shares["saliency"][row] > 0.5
        outside = np.argwhere(~inside)
        for place in np.ndindex(cells, cells):
            away = (outside - place) * (height / cells, width / cells)
            expected = np.hypot(*away.T).min() if inside[place] else 0
            assert found["raw"][row][place] == pytest.approx(expected, rel=1e-5)
        np.testing.assert_allclose(found["saliency"][row], found["raw"][row] / found["raw"][row].max(), rtol=1e-5)
    assert found["saliency"][1].argmax() < cells  # the picture's edge is no border: deepest where the lesion is cut off
    assert found["degenerate"].tolist() == [False, False, True] and not found["raw"][2].any()


def test_a_picture_without_a_lesion_mask_is_named(tmp_path: Path) -> None:
    lesions(tmp_path)
    with pytest.raises(InputError, match=r"lacks the lesion mask of other and of 1 more pictures\. Complete it, or"):
        list(lesion(inputs_of(tmp_path, ["disc", "other", "third"], 8), 8))
