"""What the page is given of a picture tells every Jaccard index exactly, whatever the maps and masks."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from dermalign.explorer.picture_data import picture_data
from dermalign.overlap.ceiling_files import Ceilings
from engine_cases import (
    FINE_GRIDS,
    FINE_KINDS,
    GRIDS,
    KINDS,
    NAMES,
    THOUSANDTHS,
    THRESHOLDS,
    Picture,
    expected_counts,
    pictures,
    run_engine,
)
from explorer_cases import counted
from hypothesis import given, settings
from hypothesis import strategies as st
from map_cases import store_with

SOURCE = "plain/gradcam"


def data_of(folder: Path, drawn: Sequence[Picture], features: Sequence[str] = (), **more: Any) -> dict[str, Any]:
    """Return the data of pictures, through files as the workflow has them."""
    run_engine(folder, [drawn], features=features)
    shown = {
        picture.image: {"number": number, "width": 6, "height": 4, "outlines": {"union": "M0 0Z"}}
        for number, picture in enumerate(drawn)
    }
    rows = [
        {
            "image": picture.image,
            "width": picture.size[0],
            "height": picture.size[1],
            **{name: int(mask.sum()) for name, mask in picture.white.items()},
        }
        for picture in drawn
    ]
    given: dict[str, Any] = {
        "ceilings": Ceilings([picture.image for picture in drawn], NAMES, [], np.zeros((0,)), np.zeros((0,))),
        "stores": {},
        **more,
    }
    maps = {SOURCE: folder / "maps.h5"}
    evaluation = pd.DataFrame(rows).set_index("image")
    return dict(picture_data(folder / "cells0.h5", shown, evaluation, maps=maps, **given))


@settings(max_examples=40, deadline=None)
@given(data=st.data(), is_fine=st.sampled_from([False, False, True]), by_feature=st.booleans())
def test_counts_are_those_of_every_pixel(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, is_fine: bool, by_feature: bool
) -> None:
    grid = data.draw(FINE_GRIDS if is_fine else GRIDS)
    features = ("streaks", "globules") if by_feature else ()
    kinds = FINE_KINDS if is_fine else KINDS
    drawn = data.draw(pictures(grid, st.integers(1, 3), kinds, len(features) or None))
    some = data.draw(st.lists(st.sampled_from(THOUSANDTHS), unique=True, max_size=5))
    found = data_of(tmp_path_factory.mktemp("data"), drawn, features)
    assert list(found) == sorted(picture.image for picture in drawn)
    for feature in NAMES:
        for threshold in {*THRESHOLDS, *some}:
            counts = {image: counted(value, SOURCE, feature, threshold) for image, value in found.items()}
            expected = {image: pair for image, *pair in expected_counts(drawn, feature, threshold, features)}
            assert {image: list(pair) for image, pair in counts.items() if pair} == expected


def test_scores_ceilings_and_white_are_told(tmp_path: Path) -> None:
    mask = np.zeros((4, 6), dtype=np.uint8)
    mask[1:3, 2:5] = 255
    # The outline of a mask may be too small for the picture that is shown; what is white is told all the same.
    drawn = [Picture("a<b>", {"globules": mask, "streaks": mask * 0}, np.ones((2, 2), dtype=np.float32))]
    store_with(tmp_path / "stores" / "a<b>.h5", np.ones((2, 2), dtype=np.float32), image="a<b>")
    counts = np.array([[[3], [0], [3]]], dtype=np.uint32), np.array([[[8], [0], [8]]], dtype=np.uint32)
    ceilings = Ceilings(["a<b>"], NAMES, [(2, 2)], *counts)
    (found,) = data_of(tmp_path, drawn, ceilings=ceilings, stores={"plain": tmp_path / "stores"}).values()
    assert found["white"] == {"globules": 6, "union": 6}
    assert found["ceilings"] == {"2x2": {"globules": 3 / 8, "union": 3 / 8}}
    assert found["probabilities"] == {"plain": [0.25, 0.75]}
    assert (found["image"], found["width"], found["height"], found["shown"]) == ("a<b>", 6, 4, [6, 4])
    assert found["grids"]["2x2"]["heights"] == [2, 2] and found["grids"]["2x2"]["widths"] == [3, 3]
    assert set(found["grids"]["2x2"]["cells"]) == {"globules", "union"}
    assert found["maps"][SOURCE]["degenerate"] is False
