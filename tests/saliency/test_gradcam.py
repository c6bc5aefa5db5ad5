"""Grad-CAM by hand, against the analytic class activation map, between model kinds and backends."""

import io
import json
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
from dermalign.saliency.explaining import explain
from dermalign.saliency.gradcam import grad_cam
from dermalign.saliency.stretching import stretch
from dermalign.study.sources import METHOD, kinds_of
from hand_network import ACTIVATIONS, FIRST, GRADIENTS, PICTURE, PRODUCT, SECOND, check_proportional, network, passes
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers
from PIL import Image
from second_backend import explained

LIBRARY = Path(__file__).parents[2] / "workflow_scripts"
SHARED = Path(__file__).parents[1] / "shared"
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


# Of the network of `hand_network`. In the mean, the gradients of the channels are 5/4 and 0 for the first class, -1/2
# and 15/8 for the second; those of z2 - z1, of which a probability's are p1 p2 times as much, -7/4 and 15/8. The maps
# are
#
#   5/4 A1                     = (-5/4, 0 / 5/4, 5/2)
#   -1/2 A1 + 15/8 A2          = (34, 0 / 11, 7) / 8
#   p1 p2 (-7/4 A1 + 15/8 A2)  = p1 p2 (44, 0 / 1, -13) / 8
BY_HAND = {FIRST: np.array([[0, 0], [5 / 4, 5 / 2]]), SECOND: np.array([[34, 0], [11, 7]]) / 8}


@pytest.mark.parametrize("target", BY_HAND)
def test_a_network_of_two_layers_by_hand(target: int) -> None:
    expected = [BY_HAND[target]]
    np.testing.assert_array_equal(grad_cam(ACTIVATIONS[None], GRADIENTS[target][None]), expected)
    found = explain(network(), PICTURE[None], layer="features", target=[target])
    np.testing.assert_allclose(found.raw, expected, rtol=1e-6)
    assert (found.predicted.tolist(), found.target.tolist(), found.signed) == ([SECOND], [target], None)


def test_the_map_of_a_probability_by_hand() -> None:
    found = explain(network(), PICTURE[None], layer="features", score="after_softmax")
    np.testing.assert_allclose(found.raw, [PRODUCT * np.array([[44, 0], [1, 0]]) / 8], rtol=1e-4)
    # Of two classes, what speaks for the one speaks as much against the other.
    other = explain(network(), PICTURE[None], layer="features", score="after_softmax", target=[FIRST])
    np.testing.assert_allclose(other.raw, [PRODUCT * np.array([[0, 0], [0, 13]]) / 8], rtol=1e-5)


@settings(max_examples=50, deadline=None)
@given(passes())
def test_maps_are_channels_weighted_by_their_mean_gradient(given_pass: tuple[np.ndarray, np.ndarray]) -> None:
    activations, gradients = given_pass
    expected = np.zeros(activations.shape[:3])
    for picture, channel in np.ndindex(activations.shape[0], activations.shape[3]):
        weight = gradients[picture, ..., channel].astype(np.float64).mean()
        expected[picture] += weight * activations[picture, ..., channel]
    np.testing.assert_allclose(grad_cam(activations, gradients), np.maximum(expected, 0), rtol=1e-5, atol=1e-5)


@settings(max_examples=25, deadline=None)
@given(passes(), st.sampled_from([0.25, 2.0, 8.0]))
def test_a_steeper_score_or_a_stronger_layer_has_a_map_as_much_stronger(
    given_pass: tuple[np.ndarray, np.ndarray], factor: float
) -> None:
    check_proportional(grad_cam, given_pass, factor)


@settings(max_examples=25, deadline=None)
@given(passes())
def test_where_in_a_channel_its_gradients_are_is_no_matter(given_pass: tuple[np.ndarray, np.ndarray]) -> None:
    activations, gradients = given_pass
    turned = gradients[:, ::-1, ::-1]
    np.testing.assert_allclose(grad_cam(activations, turned), grad_cam(activations, gradients), rtol=1e-5, atol=1e-5)


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
    found = explain(cam_model, PICTURES, layer="last_convolution", batch_size=3)

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
    whole = explain(model, PICTURES, layer="last_convolution", batch_size=7)
    assert whole.raw.shape == (7, 2, 2)
    for pictures in (PICTURES, (picture for picture in PICTURES)):
        part = explain(model, pictures, layer="last_convolution", batch_size=3)
        np.testing.assert_allclose(part.raw, whole.raw, atol=1e-6)
        np.testing.assert_allclose(part.probabilities, whole.probabilities, atol=1e-6)
    wrapped = explain(KerasClassifier(model), PICTURES, layer="last_convolution", batch_size=7)
    np.testing.assert_array_equal(wrapped.raw, whole.raw)
    with pytest.raises(InputError, match="pictures: there are none to be explained"):
        explain(model, PICTURES[:0], layer="last_convolution")
    with pytest.raises(InputError, match="batch_size"):
        explain(model, PICTURES, layer="last_convolution", batch_size=0)


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
    expected = explain(nested, PICTURES, layer="last_convolution")
    scaled = PICTURES.astype(np.float32) / 255
    for model, pictures in ((flat, scaled), (sequential, PICTURES)):
        found = explain(model, pictures, layer="last_convolution")
        np.testing.assert_allclose(found.raw, expected.raw, rtol=1e-4, atol=1e-7)
        np.testing.assert_allclose(found.probabilities, expected.probabilities, atol=1e-6)


def test_broken_weights_are_refused() -> None:
    model = build_classifier(SETTINGS, CLASSES, 3)
    model.set_weights([weight * np.float32(np.nan) for weight in model.get_weights()])
    with pytest.raises(InputError, match="7 of 7 pictures"):
        explain(model, PICTURES, layer="last_convolution")


SECOND_BACKEND = """
import json, sys
import keras, numpy as np
from dermalign.classifiers.brought.keras_files import load_keras_file
from second_backend import explained
assert keras.backend.backend() == "jax"
folder, layers = sys.argv[1], json.loads(sys.argv[2])
model = load_keras_file(f"{folder}/model.keras")
np.savez(f"{folder}/maps.npz", **explained(model, pictures=np.load(f"{folder}/pictures.npy"), **layers))
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


@pytest.mark.parametrize(
    ("architecture", "changes", "layers"),
    [
        ("plain_stack", {}, {"layer": "last_convolution"}),
        pytest.param(
            "VGG16",
            {"pixels": "native", "head": {"pooling": "flatten", "dense": [16], "dropout": 0.5}},
            {"layer": "block5_conv3"},
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "residual_stack",
            {"pixels": "unit"},
            {"layer": "block2_convolution2", "finer": "block1_relu1"},
            marks=pytest.mark.slow,
        ),
    ],
)
def test_jax_agrees_with_tensorflow(
    tmp_path: Path, architecture: str, changes: dict[str, Any], layers: dict[str, str]
) -> None:
    """Of each method, of several layers in one pass, and of both scores."""
    model = build_classifier(SETTINGS | {"architecture": architecture} | changes, CLASSES, 3)
    if "finer" in layers:
        trained(model)
    model.save(tmp_path / "model.keras")
    expected = explained(model, pictures=PICTURES, **layers)
    assert ("finer" not in layers) or set(kinds_of(METHOD)) < set(expected)
    np.save(tmp_path / "pictures.npy", PICTURES)
    subprocess.run(
        [sys.executable, "-c", SECOND_BACKEND, str(tmp_path), json.dumps(layers)],
        env=os.environ | {"KERAS_BACKEND": "jax", "PYTHONPATH": os.pathsep.join(map(str, (LIBRARY, SHARED)))},
        check=True,
    )
    there = np.load(tmp_path / "maps.npz")
    assert set(there) == set(expected)
    np.testing.assert_allclose(there["probabilities"], expected.pop("probabilities"), atol=1e-4)
    for method, maps in expected.items():
        most = np.abs(maps).max()
        np.testing.assert_allclose(there[method], maps, rtol=1e-4, atol=1e-4 * most, err_msg=method)
        assert most > 0, method
    np.testing.assert_allclose(stretch(there["gradcam"])[0], stretch(expected["gradcam"])[0], atol=1e-4)


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
    saliency, degenerate = stretch(explain(model, pictures, layer="Conv_1", batch_size=11).raw)
    assert saliency.shape == (len(members), 7, 7)
    assert not degenerate.any()
    edge = np.ones((7, 7), dtype=bool)
    edge[1:-1, 1:-1] = False
    assert saliency[:, ~edge].mean() > 1.3 * saliency[:, edge].mean()
