"""Saved models: the same to the byte whenever they are saved, and the same when they are loaded."""

import datetime
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from dermalign.classifiers import model_files
from dermalign.classifiers.architectures import build_classifier
from dermalign.classifiers.model_files import save_model
from dermalign.study.configuration import complete_model
from keras import layers

PICTURES = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3)).astype(np.float32)


class Tomorrow(datetime.datetime):
    """A day later than it is."""

    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> Any:
        return super().now(tz) + datetime.timedelta(days=1)


def classifier(seed: int = 1) -> Any:
    """A classifier as trained here: a backbone with normalizations within it, and a head."""
    keras.utils.clear_session()
    settings = {
        "architecture": "residual_stack",
        "input_size": 16,
        "saliency_layer": "last_convolution",
        "head": {"dense": [5], "dropout": 0.5},
        "training": {"epochs": 0},
    }
    return build_classifier(complete_model(settings), ["MEL", "NV", "BCC"], seed)


def sharing() -> Any:
    """A model whose layers share an initializer, a regularizer and a layer that is called twice, within another."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(0)
    initializer, regularizer = keras.initializers.HeNormal(seed=3), keras.regularizers.L2(0.01)
    inner_input = keras.Input((16, 16, 3))
    shared = layers.Conv2D(3, 3, padding="same", kernel_initializer=initializer, name="twice")
    inner = keras.Model(inner_input, shared(shared(inner_input)), name="inner")
    inputs = keras.Input((16, 16, 3), name="picture")
    first = layers.Dense(4, kernel_initializer=initializer, kernel_regularizer=regularizer, name="first")
    second = layers.Dense(4, kernel_initializer=initializer, kernel_regularizer=regularizer, name="second")
    other = layers.Dense(4, kernel_initializer=keras.initializers.HeNormal(seed=4), name="other")
    joined = layers.Add()([first(inner(inputs)), second(inner(inputs)), other(inputs)])
    return keras.Model(inputs, layers.GlobalAveragePooling2D()(joined))


@pytest.mark.parametrize("build", [classifier, sharing])
def test_a_model_saved_at_another_time_and_from_elsewhere_in_memory_is_the_same_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, build: Any
) -> None:
    model = build()
    save_model(model, tmp_path / "first.keras")
    save_model(model, tmp_path / "again.keras")
    kept = [build() for _ in range(2)]  # in the memory of the first
    monkeypatch.setattr("keras.src.saving.saving_lib.datetime.datetime", Tomorrow)
    save_model(kept[1], tmp_path / "later.keras")
    first, again, later = ((tmp_path / f"{name}.keras").read_bytes() for name in ("first", "again", "later"))
    assert first == again == later
    assert {path.name for path in tmp_path.iterdir()} == {"first.keras", "again.keras", "later.keras"}
    # Of Keras itself they are not, which is why.
    model.save(tmp_path / "of_keras.keras")
    kept[1].save(tmp_path / "of_keras_later.keras")
    assert (tmp_path / "of_keras.keras").read_bytes() != (tmp_path / "of_keras_later.keras").read_bytes()


@pytest.mark.parametrize("build", [classifier, sharing])
def test_it_loads_in_safe_mode_and_is_the_same(tmp_path: Path, build: Any) -> None:
    model = build()
    save_model(model, tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    assert [weight.path for weight in loaded.weights] == [weight.path for weight in model.weights]
    for found, expected in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(loaded.predict(PICTURES, verbose=0), model.predict(PICTURES, verbose=0))
    # And a loaded model is saved as the one that it was.
    save_model(loaded, tmp_path / "again.keras")
    again = keras.saving.load_model(tmp_path / "again.keras", safe_mode=True)
    np.testing.assert_array_equal(again.predict(PICTURES, verbose=0), model.predict(PICTURES, verbose=0))


def test_what_layers_share_they_share_when_it_is_loaded(tmp_path: Path) -> None:
    save_model(sharing(), tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    first, second, other = (loaded.get_layer(name) for name in ("first", "second", "other"))
    assert first.kernel_initializer.seed == second.kernel_initializer.seed == 3
    assert other.kernel_initializer.seed == 4
    assert loaded.get_layer("inner").get_layer("twice").kernel_initializer.seed == 3
    assert first.kernel_regularizer.l2 == second.kernel_regularizer.l2 == pytest.approx(0.01)
    assert len(loaded.get_layer("inner").get_layer("twice").weights) == 2  # called twice, there once
    assert len(loaded.weights) == len(sharing().weights)


def test_other_weights_are_another_file(tmp_path: Path) -> None:
    model = classifier()
    save_model(model, tmp_path / "first.keras")
    weight = model.get_layer("logits").kernel
    weight.assign(np.nextafter(np.asarray(weight), np.float32(9)))
    save_model(model, tmp_path / "other.keras")
    assert (tmp_path / "first.keras").read_bytes() != (tmp_path / "other.keras").read_bytes()


def test_it_holds_all_that_keras_saves(tmp_path: Path) -> None:
    """But for the date and the times of its parts: weights, configuration, and the training's setup."""
    model = classifier()
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
    save_model(model, tmp_path / "ours.keras")
    model.save(tmp_path / "keras.keras")
    with zipfile.ZipFile(tmp_path / "ours.keras") as ours, zipfile.ZipFile(tmp_path / "keras.keras") as theirs:
        assert ours.namelist() == theirs.namelist()
        assert ours.testzip() is None
        weights = [name for name in ours.namelist() if name.endswith(".h5")]
        assert weights and all(len(ours.read(name)) == len(theirs.read(name)) for name in weights)


def test_a_file_is_there_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = classifier()
    save_model(model, tmp_path / "model.keras")
    before = (tmp_path / "model.keras").read_bytes()

    def full(*_: Any) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(model_files.shutil, "copyfileobj", full)
    with pytest.raises(OSError, match="no space left"):
        save_model(model, tmp_path / "model.keras")
    assert [path.name for path in tmp_path.iterdir()] == ["model.keras"]
    assert (tmp_path / "model.keras").read_bytes() == before
