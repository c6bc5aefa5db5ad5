"""Chance maps: what each of them is, by definition and by property."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from dermalign.errors import InputError
from dermalign.saliency.blocks import MapBlock
from dermalign.saliency.chance import (
    Chance,
    chance_blocks,
    random_cells,
    shuffled,
)
from dermalign.saliency.maps import write_maps
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from map_cases import gathered, inputs_of, predictions, read

SHAPES = st.tuples(st.integers(2, 8), st.integers(1, 6), st.integers(1, 6))
MAPS = SHAPES.flatmap(lambda shape: arrays(np.float32, shape, elements=st.floats(0, 1, width=32)))
METHODS = [shuffled, random_cells]


def drawn(chance: Chance, saliency: np.ndarray, draws: int, seed: int) -> Iterator[np.ndarray]:
    """Yield the maps of each draw, whose values must be possible."""
    for draw in range(draws):
        maps = chance(saliency, np.random.default_rng([seed, draw]))
        assert maps.shape == saliency.shape and maps.dtype == np.float32
        assert (maps >= 0).all() and (maps <= np.maximum(saliency.max(), 1)).all()
        yield maps


@given(MAPS, st.integers(0, 2**32 - 1))
def test_random_cells_are_as_many_at_every_threshold(saliency: np.ndarray, seed: int) -> None:
    before = saliency.copy()
    for of_draw in drawn(random_cells, saliency, 3, seed):
        for threshold in (0.0, 0.25, 0.5, 0.999, *saliency.ravel()[:5].tolist()):
            white = [(maps > np.float32(threshold)).sum(axis=(1, 2)) for maps in (of_draw, saliency)]
            assert (white[0] == white[1]).all()
    np.testing.assert_array_equal(saliency, before)  # the next draw begins with the same maps


OF_FEATURES = st.tuples(st.integers(2, 5), st.integers(1, 4), st.integers(1, 5), st.integers(1, 5))


@given(OF_FEATURES.flatmap(lambda shape: arrays(np.float32, shape, elements=st.floats(0, 1, width=32))), st.integers(0))
def test_random_cells_of_each_feature_stay_its_own(saliency: np.ndarray, seed: int) -> None:
    for of_draw in drawn(random_cells, saliency, 2, seed):
        cells = [maps.reshape(*saliency.shape[:2], -1) for maps in (of_draw, saliency)]
        np.testing.assert_array_equal(*(np.sort(of, axis=-1) for of in cells))


def test_the_cells_of_features_are_shuffled_apart() -> None:
    """Each otherwise, so that where the maps of two features agree they agree by chance."""
    saliency = np.tile(np.arange(400, dtype=np.float32).reshape(20, 20) / 400, (3, 2, 1, 1))
    (of_draw,) = drawn(random_cells, saliency, 1, 5)
    maps = of_draw.reshape(6, -1)
    assert len({one.tobytes() for one in (*maps, saliency[0, 0].ravel())}) == 7
    agreeing = np.mean([(one == other).mean() for place, one in enumerate(maps) for other in maps[:place]])
    assert agreeing < 0.02  # of 1 in 400 by chance


@given(MAPS, st.integers(0, 2**32 - 1))
def test_random_cells_of_one_map_for_all_features_are_those_of_earlier_versions(
    saliency: np.ndarray, seed: int
) -> None:
    flat = saliency.reshape(len(saliency), -1)
    earlier = np.random.default_rng(seed).permuted(flat, axis=1).reshape(saliency.shape)
    np.testing.assert_array_equal(random_cells(saliency, np.random.default_rng(seed)), earlier)


def test_chance_maps_of_features_are_of_the_same_features(tmp_path: Path) -> None:
    random, features, images = np.random.default_rng(0), ["globules", "union"], list("abcd")
    saliency = random.random((4, 2, 3, 5), dtype=np.float32)
    saliency[2] = 0
    saliency[3, 0] = 0  # of one feature alone
    block = MapBlock(images, saliency, saliency, np.array([False, False, True, False]), features)
    write_maps(tmp_path / "maps.h5", [block])
    for method in METHODS:
        first, second = chance_blocks(method, inputs_of(tmp_path / "maps.h5", seed=7), 2)
        for of_draw in (first, second):
            assert (of_draw.images, of_draw.features) == (images, features)
            assert of_draw.saliency.shape == saliency.shape
            np.testing.assert_array_equal(of_draw.degenerate, (of_draw.saliency == 0).all(axis=(1, 2, 3)))
            assert of_draw.degenerate.sum() == 1
        assert not np.array_equal(first.saliency, second.saliency)
    # A picture's maps stay together where they are given to another.
    (block,) = chance_blocks(shuffled, inputs_of(tmp_path / "maps.h5", seed=7), 1)
    known = {maps.tobytes(): image for maps, image in zip(saliency, images, strict=True)}
    given_to = [known[maps.tobytes()] for maps in block.saliency]
    assert sorted(given_to) == images
    assert all(given != own for given, own in zip(given_to, images, strict=True))


@given(st.integers(2, 40), st.integers(0, 2**32 - 1))
def test_shuffled_gives_every_picture_the_map_of_another(count: int, seed: int) -> None:
    saliency = np.arange(count, dtype=np.float32).reshape(count, 1, 1) * np.ones((1, 2, 3), np.float32)
    draws = [maps[:, 0, 0] for maps in drawn(shuffled, saliency, 4, seed)]
    for of_draw in draws:
        assert (of_draw != np.arange(count)).all()
        assert sorted(of_draw) == list(range(count))
    assert count < 6 or len({tuple(of_draw) for of_draw in draws}) > 1


def test_shuffled_of_one_picture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="shuffled"):
        shuffled(np.zeros((1, 2, 2), np.float32), np.random.default_rng(0))
    with pytest.raises(InputError, match=r"controls\.chance: `shuffled` needs at least two pictures"):
        list(chance_blocks(shuffled, inputs_of(gathered(tmp_path, np.zeros((1, 2, 2), np.float32)))))


@pytest.mark.parametrize("method", METHODS)
def test_the_file_has_a_row_per_picture_and_draw_and_the_models_predictions(tmp_path: Path, method: Chance) -> None:
    raw = np.random.default_rng(1).random((4, 3, 5), dtype=np.float32)
    raw[2] = 0.5  # degenerate
    maps = gathered(tmp_path, raw, list("dacb"))
    draws = 3
    for name, seed in (("first", 7), ("again", 7), ("other", 8)):
        write_maps(tmp_path / f"{name}.h5", chance_blocks(method, inputs_of(maps, seed=seed), draws))
    first, again, other = (read(tmp_path / f"{name}.h5") for name in ("first", "again", "other"))
    assert first["image"].tolist() == list("abcd") * draws
    assert first["saliency"].shape == (4 * draws, 3, 5)
    np.testing.assert_array_equal(first["raw"], first["saliency"])
    np.testing.assert_array_equal(first["saliency"], again["saliency"])
    assert not np.array_equal(first["saliency"], other["saliency"])
    assert predictions(tmp_path / "first.h5") == predictions(maps)
    # What is made of a map that is constant is constant, too.
    np.testing.assert_array_equal(first["degenerate"], ~first["saliency"].any(axis=(1, 2)))
    assert first["degenerate"].sum() == draws


def test_each_draw_and_each_method_has_random_numbers_of_its_own(tmp_path: Path) -> None:
    maps = gathered(tmp_path, np.random.default_rng(1).random((4, 3, 5), dtype=np.float32))

    def every(method: Chance) -> list[np.ndarray]:
        return [block.saliency for block in chance_blocks(method, inputs_of(maps, seed=7), 3)]

    def again(saliency: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        return random_cells(saliency, generator)

    draws = every(random_cells)
    assert not any(np.array_equal(draws[0], other) for other in draws[1:])
    assert not np.array_equal(draws[0], every(again)[0])  # of another name
    # More draws leave those before as they are.
    np.testing.assert_array_equal(draws[0], next(chance_blocks(random_cells, inputs_of(maps, seed=7), 1)).saliency)
