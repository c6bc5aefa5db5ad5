"""Saliency stores: what is written is what is read."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from dermalign import __version__
from dermalign.errors import InputError
from dermalign.saliency.stores import read_store, write_store
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

TEXTS = {
    "image": "ISIC_0000013",
    "model": "vgg16",
    "method": "grad_cam",
    "layer": "block5_conv3",
    "target_class": "MEL",
    "predicted_class": "NV",
    "classifier_sha256": "0" * 64,
}


def write(path: Path, saliency: np.ndarray, **changes: object) -> None:
    content = {"saliency": saliency, "raw": saliency * 3, "probabilities": [0.25, 0.75], "degenerate": False}
    write_store(path, **{**TEXTS, **content, **changes})


@settings(max_examples=25, deadline=None)
@given(
    saliency=arrays.arrays(
        np.float32, st.tuples(st.integers(1, 30), st.integers(1, 30)), elements=st.floats(0, 1, width=32)
    ),
    degenerate=st.booleans(),
)
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, saliency: np.ndarray, degenerate: bool) -> None:
    path = tmp_path_factory.mktemp("stores") / "picture.h5"
    write(path, saliency, degenerate=degenerate)
    store = read_store(path)
    np.testing.assert_array_equal(store.saliency, saliency)
    np.testing.assert_array_equal(store.raw, saliency * np.float32(3))
    assert store.saliency.dtype == store.raw.dtype == store.probabilities.dtype == np.float32
    np.testing.assert_array_equal(store.probabilities, [0.25, 0.75])
    assert {name: getattr(store, name) for name in TEXTS} == TEXTS
    assert store.degenerate is degenerate
    assert store.dermalign_version == __version__


def test_layout_is_that_of_the_design(tmp_path: Path) -> None:
    write(tmp_path / "a.h5", np.zeros((2, 3)))
    with h5py.File(tmp_path / "a.h5") as file:
        assert set(file) == {"saliency", "raw", "probabilities"}
        assert set(file.attrs) == {*TEXTS, "degenerate", "dermalign_version"}
    assert [path.name for path in tmp_path.iterdir()] == ["a.h5"]


@pytest.mark.parametrize(
    "changes",
    [
        {"saliency": np.full((2, 2), np.nan)},
        {"saliency": np.full((2, 2), 1.01)},
        {"saliency": np.full((2, 2), -0.01)},
        {"raw": np.full((2, 2), np.inf)},
        {"raw": np.zeros((2, 3))},
        {"probabilities": np.zeros((2, 3))},
    ],
)
def test_what_is_no_saliency_map_is_refused_and_leaves_no_file(tmp_path: Path, changes: dict) -> None:
    with pytest.raises(InputError, match="ISIC_0000013"):
        write(tmp_path / "a.h5", **{"saliency": np.zeros((2, 2)), **changes})
    assert not list(tmp_path.iterdir())


def test_missing_and_damaged_stores_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no\.h5"):
        read_store(tmp_path / "no.h5")
    write(tmp_path / "a.h5", np.zeros((28, 28)))
    (tmp_path / "short.h5").write_bytes((tmp_path / "a.h5").read_bytes()[:3000])
    with pytest.raises(InputError, match=r"short\.h5"):
        read_store(tmp_path / "short.h5")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["pictures"] = 1
    with pytest.raises(InputError, match=r"other\.h5"):
        read_store(tmp_path / "other.h5")
