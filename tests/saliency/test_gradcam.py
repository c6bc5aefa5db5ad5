"""Grad-CAM against the analytic class activation map, between model kinds and backends."""

import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from dermalign.classifiers.architectures import build_classifier
from dermalign.classifiers.backbones import residual_stack
from dermalign.classifiers.keras_classifier import KerasClassifier
from dermalign.errors import InputError
from dermalign.saliency.gradcam import grad_cam
from dermalign.saliency.stretching import stretch
from keras import layers
from PIL import Image

LIBRARY = Path(__file__).parents[2] / "workflow_scripts"
DATA = Path(os.environ.get("DERMALIGN_DATA", Path(__file__).parents[3] / "shared" / "data"))
CLASSES = ["MEL", "NV", "BCC", "AK"]
PICTURES = np.random.default_rng(0).integers(0, 256, (7, 32, 32, 3), dtype=np.uint8)
SETTINGS: dict[str, Any] = {
    "architecture": "residual_stack",
    "input_size": 32,
    "weights": "none",
    "pixels": "symmetric",
    "head": {"pooling": "average", "dense": [], "dropout": 0.0},
    "training": {"batchnorm_momentum": None, "precision": "float32"},
}


def test_grad_cam_is_the_class_activation_map_where_that_is_defined() -> None:
    """With average pooling and one dense layer, Grad-CAM is CAM / (h w) (Selvaraju et al. 2017, section 3.1)."""
    model = build_classifier(SETTINGS | {"architecture": "plain_stack"}, CLASSES, 3)
    # Without its pooling at the end, the backbone hands `last_convolution` to the average.
    backbone = model.get_layer("plain_stack")
    convolution = backbone.get_layer("last_convolution").output
    inputs = keras.Input((32, 32, 3))
    features = keras.Model(backbone.input, convolution, name="features")
    dense = layers.Dense(4, name="logits")
    cam_model = keras.Model(inputs, layers.Softmax()(dense(layers.GlobalAveragePooling2D()(features(inputs)))))
    found = grad_cam(cam_model, "last_convolution", PICTURES, batch_size=3)

    activations = features.predict(PICTURES, verbose=0)
    kernel, bias = dense.get_weights()
    logits = activations.mean(axis=(1, 2)) @ kernel + bias
    cam = np.einsum("nhwc,cn->nhw", activations, kernel[:, logits.argmax(axis=1)]) / (8 * 8)
    np.testing.assert_array_equal(found.predicted, logits.argmax(axis=1))
    np.testing.assert_allclose(found.raw, np.maximum(cam, 0), rtol=1e-4, atol=np.abs(cam).max() * 1e-5)
    assert found.raw.max() > 0
    np.testing.assert_allclose(found.probabilities, cam_model.predict(PICTURES, verbose=0), atol=1e-6)
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1, atol=1e-6)
    assert found.raw.dtype == found.probabilities.dtype == np.float32


def test_batches_and_iterators_change_nothing() -> None:
    model = build_classifier(SETTINGS, CLASSES, 3)
    whole = grad_cam(model, "last_convolution", PICTURES, batch_size=7)
    assert whole.raw.shape == (7, 2, 2)
    for pictures in (PICTURES, (picture for picture in PICTURES)):
        part = grad_cam(model, "last_convolution", pictures, batch_size=3)
        np.testing.assert_allclose(part.raw, whole.raw, atol=1e-6)
        np.testing.assert_allclose(part.probabilities, whole.probabilities, atol=1e-6)
    wrapped = grad_cam(KerasClassifier(model), "last_convolution", PICTURES, batch_size=7)
    np.testing.assert_array_equal(wrapped.raw, whole.raw)
    assert grad_cam(model, "last_convolution", PICTURES[:0]).raw.shape == (0, 2, 2)
    with pytest.raises(InputError, match="batch_size"):
        grad_cam(model, "last_convolution", PICTURES, batch_size=0)


def test_sequential_and_flat_models_agree_with_the_nested_one() -> None:
    nested = build_classifier(SETTINGS | {"pixels": "unit"}, CLASSES, 3)
    backbone, dense = residual_stack((32, 32, 3)), layers.Dense(4)
    flat = keras.Model(
        backbone.input, layers.Softmax()(dense(layers.GlobalAveragePooling2D()(backbone.output))), name="flat"
    )
    flat.set_weights(nested.get_weights())
    sequential = keras.Sequential(
        [keras.Input((32, 32, 3)), layers.Rescaling(1 / 255), backbone, layers.GlobalAveragePooling2D(), dense]
    )
    expected = grad_cam(nested, "last_convolution", PICTURES)
    scaled = PICTURES.astype(np.float32) / 255
    for found in (grad_cam(flat, "last_convolution", scaled), grad_cam(sequential, "last_convolution", PICTURES)):
        np.testing.assert_allclose(found.raw, expected.raw, rtol=1e-4, atol=1e-7)
        np.testing.assert_allclose(found.probabilities, expected.probabilities, atol=1e-6)


def test_broken_weights_are_refused() -> None:
    model = build_classifier(SETTINGS, CLASSES, 3)
    model.set_weights([weight * np.float32(np.nan) for weight in model.get_weights()])
    with pytest.raises(InputError, match="7 of 7 pictures"):
        grad_cam(model, "last_convolution", PICTURES)


SECOND_BACKEND = """
import sys
import keras, numpy as np
from dermalign.saliency.gradcam import grad_cam
assert keras.backend.backend() == "jax"
folder = sys.argv[1]
for name, layer in zip(sys.argv[2::2], sys.argv[3::2]):
    model = keras.saving.load_model(f"{folder}/{name}.keras")
    found = grad_cam(model, layer, np.load(f"{folder}/pictures.npy"), batch_size=3)
    np.savez(f"{folder}/{name}.npz", raw=found.raw, probabilities=found.probabilities)
"""


def trained(model: Any) -> None:
    """Train a classifier until it knows pictures of four colours, so that nothing in it is as at the start."""
    random = np.random.default_rng(4)
    labels = random.integers(4, size=64)
    colours = np.array([[90, 0, 0], [0, 90, 0], [0, 0, 90], [90, 90, 0]])
    pictures = random.integers(0, 156, (64, 32, 32, 3)) + colours[labels][:, None, None]
    model.compile(optimizer=keras.optimizers.Adam(0.003), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(pictures, labels, batch_size=16, epochs=8, verbose=0).history
    assert history["accuracy"][-1] > 0.9


def test_jax_agrees_with_tensorflow(tmp_path: Path) -> None:
    chosen = {
        "residual_stack": ("block2_convolution2", {"pixels": "unit"}),
        "VGG16": ("block5_conv3", {"pixels": "native", "head": {"pooling": "flatten", "dense": [16], "dropout": 0.5}}),
    }
    here = {}
    for name, (layer, changes) in chosen.items():
        model = build_classifier(SETTINGS | {"architecture": name} | changes, CLASSES, 3)
        if name == "residual_stack":
            trained(model)
        model.save(tmp_path / f"{name}.keras")
        here[name] = grad_cam(model, layer, PICTURES)
    np.save(tmp_path / "pictures.npy", PICTURES)
    words = [word for name, (layer, _) in chosen.items() for word in (name, layer)]
    subprocess.run(
        [sys.executable, "-c", SECOND_BACKEND, str(tmp_path), *words],
        env=os.environ | {"KERAS_BACKEND": "jax", "PYTHONPATH": str(LIBRARY)},
        check=True,
    )
    for name, expected in here.items():
        there = np.load(tmp_path / f"{name}.npz")
        np.testing.assert_allclose(there["probabilities"], expected.probabilities, atol=1e-4)
        np.testing.assert_allclose(there["raw"], expected.raw, rtol=1e-4, atol=1e-4 * expected.raw.max())
        np.testing.assert_allclose(stretch(there["raw"])[0], stretch(expected.raw)[0], atol=1e-4)
        assert expected.raw.max() > 0


def test_maps_of_real_pictures_lie_on_the_lesion() -> None:
    """An ImageNet backbone already looks at the middle of the picture, where the lesion is, not at its edge."""
    archive = DATA / "isic-256" / "ISIC_2019_Training_Input.zip"
    weights = DATA / "weights" / "mobilenet_v2_1.0_224_notop.weights.h5"
    if not archive.is_file() or not weights.is_file():
        pytest.skip(f"the reduced ISIC data are not in {DATA}")
    model = build_classifier(
        SETTINGS | {"architecture": "MobileNetV2", "input_size": 224, "pixels": "native", "weights": str(weights)},
        CLASSES,
        3,
    )
    with zipfile.ZipFile(archive) as opened:
        members = [name for name in opened.namelist() if name.endswith(".jpg")][::120]
        pictures = [
            np.asarray(Image.open(io.BytesIO(opened.read(member))).convert("RGB").resize((224, 224)))
            for member in members
        ]
    saliency, degenerate = stretch(grad_cam(model, "Conv_1", pictures, batch_size=11).raw)
    assert saliency.shape == (len(members), 7, 7)
    assert not degenerate.any()
    edge = np.ones((7, 7), dtype=bool)
    edge[1:-1, 1:-1] = False
    assert saliency[:, ~edge].mean() > 1.3 * saliency[:, edge].mean()
