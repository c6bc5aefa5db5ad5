"""Chance maps: what each of them is, by definition and by property."""

import math
from pathlib import Path

import h5py
import numpy as np
import pytest
from dermalign.errors import InputError
from dermalign.saliency.chance import DRAWN, METHODS, chance_maps, write_chance_maps
from dermalign.saliency.maps import read_predictions
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

SHAPES = st.tuples(st.integers(2, 8), st.integers(1, 6), st.integers(1, 6))
MAPS = SHAPES.flatmap(lambda shape: arrays(np.float32, shape, elements=st.floats(0, 1, width=32)))


@given(MAPS, st.integers(0, 2**32 - 1))
def test_random_cells_are_as_many_at_every_threshold(saliency: np.ndarray, seed: int) -> None:
    for drawn in chance_maps("random_cells", saliency, 3, seed):
        for threshold in (0.0, 0.25, 0.5, 0.999, *saliency.ravel()[:5].tolist()):
            white = [(maps > np.float32(threshold)).sum(axis=(1, 2)) for maps in (drawn, saliency)]
            assert (white[0] == white[1]).all()


@given(st.integers(2, 40), st.integers(0, 2**32 - 1))
def test_shuffled_gives_every_picture_the_map_of_another(count: int, seed: int) -> None:
    saliency = np.arange(count, dtype=np.float32).reshape(count, 1, 1) * np.ones((1, 2, 3), np.float32)
    draws = [maps[:, 0, 0] for maps in chance_maps("shuffled", saliency, 4, seed)]
    for drawn in draws:
        assert (drawn != np.arange(count)).all()
        assert sorted(drawn) == list(range(count))
    assert count < 6 or len({tuple(drawn) for drawn in draws}) > 1


def test_shuffled_of_one_picture_is_refused() -> None:
    with pytest.raises(InputError, match="shuffled"):
        list(chance_maps("shuffled", np.zeros((1, 2, 2), np.float32), 1, 0))


@pytest.mark.parametrize("shape", [(28, 28), (8, 8), (7, 5), (1, 1)])
def test_the_gaussian_is_the_one_of_the_definition(shape: tuple[int, int]) -> None:
    (maps,) = chance_maps("center_gaussian", np.zeros((3, *shape), np.float32), 5, 0)
    height, width = shape
    for row in range(height):
        for column in range(width):
            y, x = row + 0.5, column + 0.5
            value = math.exp(-(((y - height / 2) / (height / 4)) ** 2) - ((x - width / 2) / (width / 4)) ** 2)
            assert maps[:, row, column] == pytest.approx(value, rel=1e-6)


def test_all_white_is_white_below_1_and_black_at_1() -> None:
    (maps,) = chance_maps("all_white", np.zeros((3, 2, 2), np.float32), 5, 0)
    assert (maps > np.float32(0.999)).all() and not (maps > np.float32(1)).any()


@pytest.mark.parametrize("method", METHODS)
def test_the_file_has_a_row_per_picture_and_draw_and_the_models_predictions(tmp_path: Path, method: str) -> None:
    saliency = np.random.default_rng(1).random((4, 3, 5), dtype=np.float32)
    images = ["d", "a", "c", "b"]
    with h5py.File(tmp_path / "maps.h5", "w") as maps:
        maps["saliency"] = saliency
        for name, values in {
            "image": images,
            "predicted_class": ["MEL", "NV", "NV", "DF"],
            "target_class": images,
        }.items():
            maps.create_dataset(name, data=values, dtype=h5py.string_dtype())
    for name in ("first", "again"):
        write_chance_maps(tmp_path / f"{name}.h5", tmp_path / "maps.h5", method, draws=3, seed=7)
    draws = 3 if method in DRAWN else 1
    with h5py.File(tmp_path / "first.h5") as first, h5py.File(tmp_path / "again.h5") as again:
        assert first["image"].asstr()[:].tolist() == images * draws
        assert first["saliency"].shape == (4 * draws, 3, 5)
        assert first["saliency"].dtype == np.float32
        np.testing.assert_array_equal(first["saliency"], again["saliency"])
    assert read_predictions(tmp_path / "first.h5") == {"d": "MEL", "a": "NV", "c": "NV", "b": "DF"}
