"""Priors: what each of them is, by definition, and the mean mask counted again from the masks themselves."""

import math
from pathlib import Path

import numpy as np
import pytest
from dermalign.data.cell_files import write_cells
from dermalign.data.masks import WhiteBox
from dermalign.overlap.mask_cells import count_picture
from dermalign.saliency.inputs import Inputs
from dermalign.saliency.maps import write_maps
from dermalign.saliency.priors import all_white, center_gaussian, mean_mask
from hypothesis import given, settings
from hypothesis import strategies as st
from map_cases import read
from PIL import Image

FEATURES = ["globules", "streaks"]


def test_all_white_is_one_cell_white_below_1_and_black_at_1() -> None:
    (block,) = all_white(Inputs(["a", "b"], (1, 1)))
    assert block.saliency.shape == (2, 1, 1)
    assert (block.saliency > np.float32(0.999)).all() and not (block.saliency > np.float32(1)).any()


@pytest.mark.parametrize("cells", [8, 9, 72])
def test_the_gaussian_is_the_one_of_the_definition_stretched(cells: int) -> None:
    blocks = list(center_gaussian(Inputs([f"{number}" for number in range(300)], (cells, cells)), cells))
    assert [image for block in blocks for image in block.images] == [f"{number}" for number in range(300)]
    places = [(place + 0.5 - cells / 2) / (cells / 4) for place in range(cells)]
    raw = np.array([[math.exp(-(y**2) - x**2) for x in places] for y in places])
    for block in blocks:
        np.testing.assert_allclose(block.raw, np.broadcast_to(raw, block.raw.shape), rtol=1e-6)
        stretched = (raw - raw.min()) / (raw.max() - raw.min())
        np.testing.assert_allclose(block.saliency, np.broadcast_to(stretched, block.raw.shape), atol=1e-6)
        assert block.saliency.min() == 0 and block.saliency.max() == 1 and not block.degenerate.any()


# Mean masks


def masks_of(sizes: list[tuple[int, int]], seed: int) -> list[dict[str, np.ndarray]]:
    """Masks of pictures of these widths and heights, some of them black."""
    random = np.random.default_rng(seed)
    return [
        {name: (random.random((height, width)) < random.choice([0, 0.3, 0.9])).astype(np.uint8) for name in FEATURES}
        for width, height in sizes
    ]


def counted(path: Path, masks: list[dict[str, np.ndarray]], cells: int, images: list[str]) -> Path:
    """Write the mask cells of pictures."""
    pictures = []
    for image, of in zip(images, masks, strict=True):
        height, width = of[FEATURES[0]].shape
        boxes = [(name, WhiteBox((width, height), mask)) for name, mask in of.items()]
        pictures.append(count_picture(image, boxes, [(cells, cells)], (width, height)))
    write_cells(path, pictures, [(cells, cells)], FEATURES)
    return path


def lesion_table(path: Path, lesions: dict[str, str]) -> list[str]:
    path.write_text("image,lesion_id\n" + "".join(f"{image},{lesion}\n" for image, lesion in lesions.items()))
    return [str(path)]


SIZES = st.lists(st.tuples(st.integers(3, 30), st.integers(3, 30)), min_size=2, max_size=6)


@settings(deadline=None, max_examples=60)
@given(
    sizes=SIZES,
    cells=st.integers(2, 9),
    lesions=st.lists(st.sampled_from("xyz-"), min_size=6, max_size=6),
    seed=st.integers(0, 2**32 - 1),
)
def test_the_mean_mask_is_that_of_all_pictures_of_other_lesions(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[tuple[int, int]], cells: int, lesions: list[str], seed: int
) -> None:
    folder = tmp_path_factory.mktemp("mean")
    images = [f"ISIC_{number:07d}" for number in range(len(sizes))]
    of = {image: lesion for image, lesion in zip(images, lesions, strict=False) if lesion != "-"}
    masks = masks_of(sizes, seed)
    files = [str(counted(folder / "cells.h5", masks, cells, images))]
    tables = lesion_table(folder / "lesions.csv", of) if of else []
    inputs = Inputs(images, (cells, cells), features=[*FEATURES, "union"], cells=files, lesions=tables)
    write_maps(folder / "maps.h5", mean_mask(inputs, cells))
    found = read(folder / "maps.h5")
    assert found["image"].tolist() == images

    unions = [mask["globules"] | mask["streaks"] for mask in masks]

    # Pixel by pixel: which cell of the map covers a pixel, Pillow's own scaling tells.
    def share(mask: np.ndarray) -> np.ndarray:
        numbers = Image.fromarray(np.arange(cells * cells, dtype=np.int32).reshape(cells, cells))
        cell = np.asarray(numbers.resize(mask.shape[::-1], Image.Resampling.NEAREST)).ravel()
        pixels = np.bincount(cell, minlength=cells * cells)
        white = np.bincount(cell, weights=mask.ravel(), minlength=cells * cells)
        return (white / np.maximum(pixels, 1)).reshape(cells, cells)

    for row, image in enumerate(images):
        others = [
            number
            for number, other in enumerate(images)
            if other != image and (image not in of or of.get(other) != of[image])
        ]
        for column, feature in enumerate([*FEATURES, "union"]):
            shares = [share(unions[number] if feature == "union" else masks[number][feature]) for number in others]
            mean = np.mean(shares, axis=0) if shares else np.zeros((cells, cells))
            np.testing.assert_allclose(found["raw"][row, column], mean, atol=1e-6)
            span = mean.max() - mean.min()
            if span > 1e-6:
                np.testing.assert_allclose(found["saliency"][row, column], (mean - mean.min()) / span, atol=1e-4)


def test_a_feature_on_no_other_lesion_leaves_nothing_behind(tmp_path: Path) -> None:
    """What is added and taken away again is exactly nothing, and not stretched to a map."""
    masks = masks_of([(13, 17), (13, 17), (11, 7)], 3)
    for mask in masks:
        mask["streaks"][:] = 0
    masks[0]["streaks"][2:5, 3:9] = masks[1]["streaks"][1:4, 1:12] = 1
    files = [str(counted(tmp_path / "cells.h5", masks, 5, ["a", "b", "c"]))]
    tables = lesion_table(tmp_path / "lesions.csv", {"a": "one", "b": "one", "c": "two"})
    inputs = Inputs(["a", "b", "c"], (5, 5), features=["streaks"], cells=files, lesions=tables)
    write_maps(tmp_path / "maps.h5", mean_mask(inputs, 5))
    found = read(tmp_path / "maps.h5")
    assert found["degenerate"].tolist() == [True, True, False]
    assert not found["saliency"][:2].any() and found["saliency"][2].max() == 1
