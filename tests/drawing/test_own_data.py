"""Own data: the plan's pictures and masks in folders, by other names, as documented for the worked example."""

from pathlib import Path

import numpy as np
import pytest
from dermalign.drawing.own_data import DIAGNOSIS_WORDS, FEATURE_WORDS, write_own_data
from dermalign.drawing.pictures import draw_picture
from dermalign.drawing.plan import DrawnPicture, plan
from PIL import Image


@pytest.fixture(scope="module")
def drawn() -> dict[str, DrawnPicture]:
    return {f"spot-{number:04d}": picture for number, picture in enumerate(plan(10, 8, seed=4), start=1)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own")
    write_own_data(folder, 10, 8, seed=4)
    return folder


def test_photographs_are_the_drawn_pictures(drawn: dict[str, DrawnPicture], folder: Path) -> None:
    paths = {path.stem: path for path in (folder / "photographs").rglob("*.*")}
    assert sorted(paths) == sorted(drawn)
    assert {(path.parent.name, path.suffix) for path in paths.values()} == {("north", ".jpg"), ("south", ".png")}
    for image, picture in drawn.items():
        pixels, photograph = draw_picture(picture)[0], Image.open(paths[image])
        assert (photograph.mode, photograph.size) == ("RGB", (picture.width, picture.height))
        if photograph.format == "PNG":
            np.testing.assert_array_equal(np.asarray(photograph), pixels)
        else:
            assert photograph.format == "JPEG"
            assert np.abs(np.asarray(photograph) - pixels.astype(float)).mean() < 4


def test_masks_are_those_of_the_features_that_evaluated_pictures_show(
    drawn: dict[str, DrawnPicture], folder: Path
) -> None:
    masks = {
        f"{FEATURE_WORDS[feature]}/{image}.tif": draw_picture(picture)[1][feature]
        for image, picture in drawn.items()
        if picture.evaluation
        for feature in picture.features
    }
    paths = {str(path.relative_to(folder / "outlines")): path for path in (folder / "outlines").rglob("*.*")}
    assert sorted(paths) == sorted(masks)
    for name, path in paths.items():
        mask = Image.open(path)
        assert (mask.format, mask.mode) == ("TIFF", "1")
        np.testing.assert_array_equal(np.asarray(mask), masks[name])


def test_the_table_has_a_row_for_each_picture(drawn: dict[str, DrawnPicture], folder: Path) -> None:
    rows = [f"{image},{DIAGNOSIS_WORDS[p.diagnosis]},{p.lesion_id}" for image, p in drawn.items()]
    assert (folder / "patients.csv").read_text().splitlines() == ["image,diagnosis,lesion_id", *rows]
