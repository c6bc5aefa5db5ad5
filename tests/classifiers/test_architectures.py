"""Classifiers: preprocessing, seeds, and the momentum of batch normalization."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from dermalign.classifiers.architectures import (
    NATIVE_PIXELS,
    _prepare_pixels,
    build_classifier,
    set_batchnorm_momentum,
)
from dermalign.classifiers.backbones import architecture_names, family_of
from dermalign.errors import InputError

CLASSES = ["MEL", "NV", "BCC"]


def settings(**changes: Any) -> dict[str, Any]:
    return {
        "architecture": "plain_stack",
        "input_size": 32,
        "weights": "none",
        "pixels": "unit",
        "head": {"pooling": "average", "dense": [], "dropout": 0.0},
        "training": {"batchnorm_momentum": None, "precision": "float32"},
    } | changes


def pictures(size: int = 32, count: int = 4) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"architecture": "VGG61"}, "did you mean .*VGG16"),
        ({"architecture": "vgg16"}, "neither in keras.applications"),
        ({"architecture": "VGG16", "input_size": 16}, "input_size: VGG16 cannot take .*of 16 pixels .*at least 32"),
        ({"input_size": 8}, "at least 16"),
        ({"pixels": "native"}, "natively is unknown"),
        ({"pixels": "zscore"}, "unit, symmetric or native"),
        ({"architecture": "EfficientNetB0"}, "only `native`"),
        ({"weights": "imagenet"}, "no ImageNet weights of plain_stack"),
        ({"weights": "/nowhere/a.weights.h5"}, "there is no file /nowhere/a.weights.h5"),
        ({"head": {"pooling": "mean", "dense": [], "dropout": 0}}, "flatten, average, max"),
        ({"training": {"batchnorm_momentum": 1.0, "precision": "float32"}}, "below 1"),
        ({"training": {"batchnorm_momentum": None, "precision": "float8"}}, "precision: must be .*'float8'"),
        ({"head": {"pooling": "max"}, "training": {}}, "lack `head.dense`, `head.dropout`, `training.batchnorm_mom"),
    ],
)
def test_wrong_settings_are_refused_in_clear_words(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        build_classifier(settings(**changes), CLASSES, 0)


@pytest.mark.parametrize("family", sorted(NATIVE_PIXELS))
def test_native_pixels_are_those_of_keras(family: str) -> None:
    architecture = next(name for name in architecture_names() if family_of(name) == family)
    inputs = keras.Input((32, 32, 3))
    model = keras.Model(inputs, keras.layers.Identity()(_prepare_pixels(inputs, architecture, "native")))
    expected = getattr(keras.applications, family).preprocess_input(pictures().astype(np.float32))
    np.testing.assert_allclose(model.predict(pictures(), verbose=0), expected, atol=1e-4)


def test_every_architecture_of_keras_has_a_known_family() -> None:
    families = {family_of(name) for name in architecture_names()} - {None}
    assert families == set(NATIVE_PIXELS)


def test_classifier_survives_saving_in_safe_mode(tmp_path: Path) -> None:
    head = {"pooling": "flatten", "dense": [8, 6], "dropout": 0.5}
    model = build_classifier(settings(architecture="VGG16", pixels="native", head=head), CLASSES, 0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    probabilities = model.predict(pictures(), verbose=0)
    np.testing.assert_array_equal(loaded.predict(pictures(), verbose=0), probabilities)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(model.predict(pictures().astype(np.float32), verbose=0), probabilities, atol=1e-6)
    assert [layer.name for layer in model.layers[-6:]] == (
        ["dense_1", "dropout_1", "dense_2", "dropout_2", "logits", "probabilities"]
    )
    assert [model.get_layer(name).units for name in ("dense_1", "dense_2", "logits")] == [8, 6, 3]


def test_seed_decides_the_weights() -> None:
    first, again, other = (build_classifier(settings(), CLASSES, seed) for seed in (1, 1, 2))
    for a, b in zip(first.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(first.get_weights()[0], other.get_weights()[0])


def normalizations(model: Any) -> list[Any]:
    nested = [layer for inner in model.layers for layer in getattr(inner, "layers", [inner])]
    return [layer for layer in nested if isinstance(layer, keras.layers.BatchNormalization)]


@pytest.mark.slow
def test_batchnorm_momentum_holds_in_training_and_after_saving(tmp_path: Path) -> None:
    """MobileNetV2's own momentum is 0.999: its statistics would move a hundredth of what 0.9 does."""
    moved = {}
    for momentum in (None, 0.9):
        chosen = settings(architecture="MobileNetV2", training={"batchnorm_momentum": momentum, "precision": "float32"})
        model = build_classifier(chosen, CLASSES, 0)
        if momentum:
            model.save(tmp_path / "model.keras")
            model = keras.saving.load_model(tmp_path / "model.keras")
        found = normalizations(model)
        assert len(found) == 52
        assert {layer.momentum for layer in found} == {momentum or 0.999}
        first = next(layer for layer in found if layer.name == "bn_Conv1")
        model.compile(optimizer=keras.optimizers.SGD(0.0), loss="sparse_categorical_crossentropy")
        model.train_on_batch(pictures(), np.zeros(4))
        moved[momentum] = np.asarray(first.moving_mean)
    np.testing.assert_allclose(moved[0.9], moved[None] * 100, rtol=1e-2)


def test_batchnorm_momentum_reaches_nested_models() -> None:
    inner = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.BatchNormalization()])
    outer = keras.Sequential([keras.Input((4, 4, 3)), keras.Sequential([inner]), keras.layers.BatchNormalization()])
    assert set_batchnorm_momentum(outer, 0.5) == 2
    assert inner.layers[0].momentum == 0.5
