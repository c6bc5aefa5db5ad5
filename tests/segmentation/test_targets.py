"""Targets of segmentation networks against masks counted pixel by pixel, and the measure that chooses an epoch."""

import math
from pathlib import Path
from typing import Any

import brute_force
import h5py
import numpy as np
import pytest
from dermalign.errors import InputError
from dermalign.segmentation.targets import (
    STEPS,
    THRESHOLDS,
    best_ratio,
    in_steps,
    read_shown,
    read_targets,
    white_shares,
    write_targets,
)
from engine_cases import FEATURES, GRIDS, NAMES, counted, pictures
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

BIG = 2**40


@given(st.data())
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_targets_are_the_white_shares_of_cells(tmp_path: Path, data: st.DataObject) -> None:
    grid = data.draw(GRIDS)
    drawn = data.draw(pictures(grid))
    path = tmp_path / "targets.h5"
    write_targets(path, (counted(picture, [grid]) for picture in drawn), len(drawn), grid, NAMES)
    images, features, shares = read_targets(path)
    assert (images, features) == ([picture.image for picture in drawn], NAMES)
    assert shares.shape == (len(drawn), *grid, len(NAMES)) and shares.dtype == np.uint8
    for picture, of_picture in zip(drawn, shares, strict=True):
        area = brute_force.cell_counts(np.ones(picture.size[::-1], bool), grid)
        for column, name in enumerate(NAMES):
            white, found = brute_force.cell_counts(picture.white[name], grid), of_picture[..., column]
            share = np.divide(white, area, out=np.zeros(grid), where=area > 0)
            assert (found[white == 0] == 0).all()
            assert (found[(white == area) & (area > 0)] == STEPS).all()
            partly = (white > 0) & (white < area)
            assert ((found[partly] > 0) & (found[partly] < STEPS)).all()
            # To the nearest step, but for what would be none, or all.
            off = np.abs(found.astype(float) - share * STEPS)
            assert (off <= np.where(partly & ((share * STEPS < 0.5) | (share * STEPS > STEPS - 0.5)), 1, 0.5)).all()
    shown = read_shown(path)
    assert list(shown) == ["image", *FEATURES]
    for name in FEATURES:
        expected = [int(picture.white[name].any()) for picture in drawn]
        # A cell map that is finer than the picture leaves no pixel out.
        assert shown[name].tolist() == expected


@given(st.integers(1, BIG), st.data())
def test_a_cell_that_is_partly_white_is_neither_black_nor_white(area: int, data: st.DataObject) -> None:
    white = data.draw(st.integers(0, area) | st.sampled_from([0, min(1, area), area - 1, area]))
    (step,) = in_steps(np.array([white]), np.array([area])).tolist()
    assert (step == 0) == (white == 0)
    assert (step == STEPS) == (white == area)


def test_some_images_are_read_in_their_own_order(tmp_path: Path) -> None:
    path = tmp_path / "targets.h5"
    shares = np.arange(4 * 2 * 3 * 2).reshape(4, 2, 3, 2).astype(np.uint8)
    with h5py.File(path, "w") as file:
        file.attrs["features"] = ["globules", "union"]
        file.create_dataset("image", data=list("abcd"), dtype=h5py.string_dtype())
        file["shares"] = shares
    for images in (list("db"), list("abcd"), ["c"], list("dcba")):
        found, features, of_images = read_targets(path, images)
        assert (found, features) == (images, ["globules", "union"])
        np.testing.assert_array_equal(of_images, shares[["abcd".index(image) for image in images]])
    with pytest.raises(InputError, match=r"targets\.h5: lacks 2 pictures, among them x; delete it"):
        read_targets(path, ["a", "x", "y"])
    (tmp_path / "text.h5").write_text("no HDF5")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["image"] = [1]
    for name in ("text.h5", "other.h5", "none.h5"):
        with pytest.raises((InputError, FileNotFoundError), match=name.replace(".", r"\.")):
            read_targets(tmp_path / name)


SHARES = st.sampled_from([0, 0, 0, 1, 128, 254, 255])


@given(arrays(np.uint8, st.tuples(st.integers(0, 4), st.just(2), st.just(3), st.integers(1, 3)), elements=SHARES))
def test_white_shares_are_means(shares: np.ndarray) -> None:
    expected = shares.astype(float).mean(axis=(0, 1, 2)) / 255 if len(shares) else np.zeros(shares.shape[-1])
    np.testing.assert_allclose(white_shares(shares), expected, rtol=1e-12)


@st.composite
def predictions(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities in 256ths, which float32 and their hundredfold hold exactly, in ties and on thresholds; shares."""
    shape = draw(st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 4), st.integers(1, 3)))
    known = st.sampled_from([0, 1, 2, 3, 64, 65, 128, 192, 255, 256]) | st.integers(0, 256)
    return draw(arrays(np.int64, shape, elements=known)), draw(arrays(np.uint8, shape, elements=SHARES))


@given(predictions())
def test_best_ratio_is_the_best_of_all_thresholds(drawn: tuple[np.ndarray, np.ndarray]) -> None:
    numerators, shares = drawn
    reached = []
    for feature in range(shares.shape[-1]):
        of, white = numerators[..., feature].ravel().tolist(), (shares[..., feature].ravel() / 255).tolist()
        if not any(white):
            continue
        ratios = []
        for hundredths in range(THRESHOLDS):
            above = [100 * numerator > 256 * hundredths for numerator in of]  # white is what is above the threshold
            both = sum(share for share, is_white in zip(white, above, strict=True) if is_white)
            either = sum(1 if is_white else share for share, is_white in zip(white, above, strict=True))
            ratios.append(both / either)
        reached.append(max(ratios))
    found = best_ratio((numerators / 256).astype(np.float32), shares)
    if reached:
        assert found == pytest.approx(sum(reached) / len(reached), abs=1e-12)
    else:
        assert math.isnan(found)


def test_best_ratio_of_no_pictures_is_unknown() -> None:
    empty: Any = np.zeros((0, 4, 4, 2))
    assert math.isnan(best_ratio(empty.astype(np.float32), empty.astype(np.uint8)))
