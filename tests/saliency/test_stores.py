"""Saliency stores: what is written is what is read."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from dermalign import __version__
from dermalign.errors import InputError
from dermalign.saliency.blocks import MapBlock
from dermalign.saliency.stores import read_store, write_stores
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from map_cases import TEXTS, replace_part, store_with, without_seal


@settings(max_examples=25, deadline=None)
@given(
    saliency=arrays.arrays(
        np.float32, st.tuples(st.integers(1, 30), st.integers(1, 30)), elements=st.floats(0, 1, width=32)
    ),
    degenerate=st.booleans(),
)
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, saliency: np.ndarray, degenerate: bool) -> None:
    path = tmp_path_factory.mktemp("stores") / "picture.h5"
    store_with(path, saliency, degenerate=degenerate)
    store = read_store(path)
    np.testing.assert_array_equal(store.saliency, saliency)
    np.testing.assert_array_equal(store.raw, saliency * np.float32(3))
    assert store.saliency.dtype == store.raw.dtype == store.probabilities.dtype == np.float32
    np.testing.assert_array_equal(store.probabilities, [0.25, 0.75])
    assert {name: getattr(store, name) for name in TEXTS} == TEXTS
    assert store.degenerate is degenerate
    assert store.signed is None
    assert store.dermalign_version == __version__


def test_layout_is_that_of_the_design(tmp_path: Path) -> None:
    store_with(tmp_path / "a.h5", np.zeros((2, 3)))
    with h5py.File(tmp_path / "a.h5") as file:
        assert set(file) == {"saliency", "raw", "probabilities"}
        assert set(file.attrs) == {*TEXTS, "degenerate", "dermalign_version"}
    assert [path.name for path in tmp_path.iterdir()] == ["a.h5"]


def test_negative_parts_are_kept_beside_the_maps(tmp_path: Path) -> None:
    signed = np.random.default_rng(0).normal(size=(2, 3)).astype(np.float32)
    store_with(tmp_path / "a.h5", np.zeros((2, 3)), signed=signed, score="after_softmax")
    store = read_store(tmp_path / "a.h5")
    assert store.signed is not None and store.signed.dtype == np.float32
    np.testing.assert_array_equal(store.signed, signed)
    assert store.score == "after_softmax"
    with h5py.File(tmp_path / "a.h5") as file:
        assert set(file) == {"saliency", "raw", "probabilities", "signed"}
    with without_seal(tmp_path / "a.h5") as file:
        del file.attrs["layer"]
    with pytest.raises(InputError, match=r"a\.h5: not a saliency store, or damaged .*layer.*; delete it"):
        read_store(tmp_path / "a.h5")


def test_a_store_that_does_not_say_what_was_asked_for_can_be_read(tmp_path: Path) -> None:
    """As one of an earlier version, or of another program that keeps to the layout."""
    store_with(tmp_path / "a.h5", np.zeros((2, 3)))
    with without_seal(tmp_path / "a.h5") as file:
        del file.attrs["score"], file.attrs["target"]
    store = read_store(tmp_path / "a.h5")
    assert (store.score, store.target, store.image) == ("", "", TEXTS["image"])


@pytest.mark.parametrize(
    "changes",
    [
        {"saliency": np.full((2, 2), np.nan)},
        {"saliency": np.full((2, 2), 1.01)},
        {"saliency": np.full((2, 2), -0.01)},
        {"raw": np.full((2, 2), np.inf)},
        {"raw": np.zeros((2, 3))},
        {"signed": np.zeros((2, 3))},
        {"signed": np.full((2, 2), np.nan)},
        {"probabilities": np.zeros((2, 3))},
    ],
)
def test_what_is_no_saliency_map_is_refused_and_leaves_no_file(tmp_path: Path, changes: dict) -> None:
    with pytest.raises(InputError, match="ISIC_0000013"):
        store_with(tmp_path / "a.h5", **{"saliency": np.zeros((2, 2)), **changes})
    assert not list(tmp_path.iterdir())


def test_missing_and_damaged_stores_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no\.h5"):
        read_store(tmp_path / "no.h5")
    store_with(tmp_path / "a.h5", np.zeros((28, 28)))
    (tmp_path / "short.h5").write_bytes((tmp_path / "a.h5").read_bytes()[:3000])
    with pytest.raises(InputError, match=r"short\.h5"):
        read_store(tmp_path / "short.h5")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["pictures"] = 1
    with pytest.raises(InputError, match=r"other\.h5"):
        read_store(tmp_path / "other.h5")


@pytest.mark.parametrize(
    ("part", "value", "words"),
    [
        ("saliency", None, "Group"),
        ("saliency", np.full((2, 3), 7, np.float32), r"saliency is not in \[0, 1\]"),
        ("saliency", np.full((2, 3), np.nan, np.float32), r"saliency is not in \[0, 1\]"),
        ("saliency", np.zeros((2, 2, 3), np.float32), "saliency is of the shape"),
        ("saliency", h5py.Empty("f4"), "NoneType"),
        ("raw", np.zeros((2, 3)), "raw is of the type float64"),
        ("raw", np.full((2, 3), np.inf, np.float32), "raw or signed is not finite"),
        ("raw", np.zeros((3, 2), np.float32), "raw is of the shape"),
        ("probabilities", np.zeros((1, 2), np.float32), "probabilities is of the shape"),
        ("probabilities", h5py.Empty("f4"), "probabilities is of the shape"),
    ],
)
def test_data_of_another_kind_is_no_store(tmp_path: Path, part: str, value: Any, words: str) -> None:
    path = store_with(tmp_path / "a.h5", np.zeros((2, 3)))
    replace_part(path, part, value)
    with pytest.raises(InputError, match=rf"a\.h5: not a saliency store, or damaged \(.*{words}.*; delete it"):
        read_store(path)


@pytest.mark.parametrize(("name", "value"), [("image", 3), ("layer", b"\xff"), ("features", ["a"]), ("score", [1])])
def test_attributes_of_another_kind_are_no_stores(tmp_path: Path, name: str, value: Any) -> None:
    path = store_with(tmp_path / "a.h5", np.zeros((2, 3)))
    with without_seal(path) as file:
        file.attrs[name] = value
    with pytest.raises(InputError, match=r"a\.h5: not a saliency store, or damaged"):
        read_store(path)


# Maps that differ by feature, and sources that predict nothing


def test_maps_by_feature_are_kept_with_their_features(tmp_path: Path) -> None:
    saliency = np.random.default_rng(0).random((2, 3, 4), dtype=np.float32)
    store_with(tmp_path / "a.h5", saliency, features=["streaks", "dots"], probabilities=[], predicted_class="")
    store = read_store(tmp_path / "a.h5")
    np.testing.assert_array_equal(store.saliency, saliency)
    assert store.features == ("streaks", "dots")
    assert (store.probabilities.shape, store.predicted_class) == ((0,), "")
    with h5py.File(tmp_path / "a.h5") as file:
        assert file.attrs["features"].tolist() == ["streaks", "dots"]


@pytest.mark.parametrize("features", [[], ["streaks"], ["streaks", "dots", "globules"]])
def test_an_axis_that_is_not_of_the_features_is_refused(tmp_path: Path, features: list[str]) -> None:
    with pytest.raises(InputError, match=rf"ISIC_0000013: saliency \(2, 3, 4\) .* {len(features)} features"):
        store_with(tmp_path / "a.h5", np.zeros((2, 3, 4)), features=features)
    with pytest.raises(InputError, match="ISIC_0000013"):
        store_with(tmp_path / "a.h5", np.zeros(4))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("features", [[], ["streaks", "dots"]])
@pytest.mark.parametrize("predicts", [True, False])
def test_each_picture_of_a_block_gets_its_store(tmp_path: Path, features: list[str], predicts: bool) -> None:
    random = np.random.default_rng(1)
    shape = (3, *([2] if features else []), 4, 5)
    paths = {image: tmp_path / f"{image}.h5" for image in "bac"}
    saliency, probabilities = random.random(shape, dtype=np.float32), random.random((3, 2), dtype=np.float32)
    degenerate = np.array([False, True, False])

    def block(rows: slice) -> MapBlock:
        classes = {"predicted": ["MEL", "NV", "NV"][rows], "target": ["NV", "NV", "MEL"][rows]} if predicts else {}
        return MapBlock(
            list("bac")[rows],
            saliency[rows],
            saliency[rows] * 3,
            degenerate[rows],
            features,
            probabilities[rows] if predicts else None,
            layer="last" if predicts else "",
            score="after_softmax" if predicts else "",
            asked_for="diagnosis" if predicts else "",
            signed=-3 * saliency[rows] if predicts else None,
            **classes,
        )

    blocks = [block(slice(0, 1)), block(slice(1, 3))]
    write_stores(paths, blocks, model="m", method="k", classifier_sha256="0" * 64)
    for row, (image, path) in enumerate(paths.items()):
        store = read_store(path)
        np.testing.assert_array_equal(store.saliency, saliency[row])
        np.testing.assert_array_equal(store.raw, saliency[row] * 3)
        np.testing.assert_array_equal(store.probabilities, probabilities[row] if predicts else [])
        assert (store.image, store.model, store.method) == (image, "m", "k")
        classes = (["MEL", "NV", "NV"][row], ["NV", "NV", "MEL"][row]) if predicts else ("", "")
        assert (store.predicted_class, store.target_class) == classes
        asked = (store.layer, store.score, store.target)
        assert asked == (("last", "after_softmax", "diagnosis") if predicts else ("", "", ""))
        assert (store.signed is not None) == predicts
        if store.signed is not None:
            np.testing.assert_array_equal(store.signed, -3 * saliency[row])
        assert (store.degenerate, store.features) == (bool(degenerate[row]), tuple(features))
        assert store.classifier_sha256 == "0" * 64
