"""Brought classifiers: adopted ones give the original's maps, and what does not fit is told."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from dermalign.classifiers.brought.adoption import adopt, probe_classifier
from dermalign.classifiers.brought.files import adopted_name
from dermalign.classifiers.classification import class_scores
from dermalign.classifiers.classifier import load_classifier
from dermalign.classifiers.cost import multiply_adds
from dermalign.classifiers.probabilities import softmax
from dermalign.errors import InputError
from dermalign.saliency.explaining import explain
from keras import layers
from token_networks import transformer

from .models import CLASSES, KINDS, PICTURES, SIZE, backbone, chained, made, open_sized, pool, served

LIBRARY = Path(__file__).parents[3] / "workflow_scripts"


def settings(path: Path, **changes: Any) -> dict[str, Any]:
    return {"classifier": str(path), "pixels": "raw", "classes": CLASSES, **changes}


def adopted(tmp_path: Path, chosen: dict[str, Any]) -> tuple[Any, Any]:
    """The classifier as the workflow uses it, from its adopted file, and what was found."""
    output = tmp_path / "adopted" / adopted_name(chosen["classifier"])
    found = adopt(chosen, output)
    return load_classifier(output), found


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=[pytest.mark.slow] if kind.startswith("MobileNetV2") else []) for kind in KINDS]
)
def test_the_adopted_classifier_has_the_maps_of_the_original(tmp_path: Path, kind: str) -> None:
    build, layer, last = KINDS[kind]
    model = made(build)
    treated = PICTURES / np.float32(127.5) - 1
    expected = explain(model, treated, layer=layer)
    assert expected.raw.max() > 0
    model.save(tmp_path / "mine.keras")
    chosen = settings(tmp_path / "mine.keras", pixels="symmetric", saliency_layer=layer)
    classifier, found = adopted(tmp_path, chosen)
    assert (found.input_size, found.saliency_layer, found.grid) == (SIZE, layer, expected.raw.shape[1:])
    maps = explain(classifier, PICTURES, layer=found.path)
    np.testing.assert_allclose(maps.raw, expected.raw, rtol=1e-4, atol=1e-6 * expected.raw.max())
    np.testing.assert_allclose(maps.probabilities, expected.probabilities, atol=1e-6)
    np.testing.assert_allclose(softmax(class_scores(classifier, PICTURES)), expected.probabilities, atol=1e-6)
    if not kind.startswith("MobileNetV2"):
        answer = probe_classifier(settings(tmp_path / "mine.keras"))
        assert answer["saliency_layer"] == last
        assert any(last in sentence for sentence in answer["said"])


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind", ["functional, fused softmax", "nested functional, softmax layer", "sequential, linear end"]
)
@pytest.mark.parametrize("how", ["export", "save"])
def test_a_saved_model_gives_what_the_keras_file_gives(tmp_path: Path, kind: str, how: str) -> None:
    build, layer, last = KINDS[kind]
    model = made(build)
    model.save(tmp_path / "mine.keras")
    folder = tmp_path / "mine"
    if how == "export":
        model.export(folder, verbose=False)
    else:
        tf.saved_model.save(model, str(folder))
    one, found = adopted(tmp_path, settings(tmp_path / "mine.keras", pixels="caffe", saliency_layer=layer))
    other, same = adopted(tmp_path, settings(folder, pixels="caffe", saliency_layer=layer))
    assert (same.input_size, same.saliency_layer, same.grid) == (SIZE, layer, found.grid)
    expected, maps = explain(one, PICTURES, layer=found.path), explain(other, PICTURES, layer=same.path)
    assert expected.raw.max() > 0
    np.testing.assert_allclose(maps.probabilities, expected.probabilities, atol=1e-5)
    np.testing.assert_allclose(maps.raw, expected.raw, rtol=1e-4, atol=1e-5 * expected.raw.max())
    np.testing.assert_allclose(class_scores(other, PICTURES), class_scores(one, PICTURES), rtol=1e-4, atol=1e-5)
    # Without a name, the same layer is found in both, by its scope in the graph.
    answer = probe_classifier(settings(folder))
    assert last.rpartition("/")[2] in answer["saliency_layer"]
    assert answer["grid"] == probe_classifier(settings(tmp_path / "mine.keras"))["grid"]


def test_augmentation_is_off_in_a_keras_file_and_refused_in_a_saved_model(tmp_path: Path) -> None:
    """Keras exports augmentation layers switched on: the scores would be others at every call."""
    model = made(lambda: chained(layers.RandomFlip(), *backbone().layers, pool(), layers.Dense(3)))
    model.save(tmp_path / "mine.keras")
    classifier, _ = adopted(tmp_path, settings(tmp_path / "mine.keras"))
    expected = model.predict(PICTURES, verbose=0)
    np.testing.assert_allclose(class_scores(classifier, PICTURES), expected, rtol=1e-4, atol=1e-5)
    model.export(tmp_path / "mine", verbose=False)
    with pytest.raises(InputError, match="as augmentation layers do; leave them out"):
        probe_classifier(settings(tmp_path / "mine"))


@pytest.mark.slow
def test_layers_that_methods_name_are_found_in_either_file(tmp_path: Path) -> None:
    model = made(KINDS["nested functional, softmax layer"][0])
    model.save(tmp_path / "mine.keras")
    model.export(tmp_path / "mine", verbose=False)
    layer, further = "last_convolution", ["block1_relu1", "block2_out"]
    described = {
        "last_convolution": ((2, 2), 96),
        "block1_relu1": ((8, 8), 32),
        "block2_out": ((4, 4), 64),
    }
    expected = {name: explain(model, PICTURES, layer=name) for name in described}
    for path in (tmp_path / "mine.keras", tmp_path / "mine"):
        chosen = settings(path, saliency_layer=layer)
        classifier, found = adopted(tmp_path, {**chosen, "layers": further})
        assert (found.saliency_layer, found.path, found.grid) == (layer, found.layers[layer]["path"], (2, 2))
        assert set(described) <= set(found.layers)
        for name, (grid, channels) in described.items():
            own = found.layers[name]
            assert (own["grid"], own["channels"]) == (grid, channels)
            maps = explain(classifier, PICTURES, layer=own["path"])
            np.testing.assert_allclose(maps.raw, expected[name].raw, rtol=1e-3, atol=1e-4 * expected[name].raw.max())
        # What a pass costs is not told of a graph.
        assert found.multiply_adds == (multiply_adds(model) if path.suffix else None)
        with pytest.raises(InputError, match=r"'block9'.*candidates"):
            probe_classifier({**chosen, "layers": ["block9"]})


@pytest.mark.slow
@pytest.mark.parametrize("own", [0, 1])
def test_a_transformer_has_maps_of_its_tokens(tmp_path: Path, own: int) -> None:
    """By the name of a layer, in a graph too, where attention has outputs of its heads on the way."""
    model = transformer(own)
    pictures = PICTURES[:, :16, :16]
    path = tmp_path / ("mine" if own else "mine.keras")
    if own:  # a file of Keras does not know the layer that puts them before others, which is no layer of Keras
        model.export(path, verbose=False)
    else:
        model.save(path)
    names, target = ("attention1", "block1"), [0, 1, 2, 0, 1]
    expected = {name: explain(model, pictures, "layercam", layer=name, target=target).raw for name in names}
    classifier, found = adopted(tmp_path, settings(path, saliency_layer=names[0], layers=names[1:]))
    for name, maps in expected.items():
        layer = found.layers[name]
        assert (layer["grid"], layer["channels"]) == ((4, 4), 8)
        ours = explain(classifier, pictures, "layercam", layer=layer["path"], target=target)
        np.testing.assert_allclose(ours.raw, maps, rtol=1e-3, atol=1e-3 * maps.max())
        assert maps.max() > 0
    answer = probe_classifier(settings(path))
    assert "patches" in answer["saliency_layer"] and answer["grid"] == (4, 4)


def test_tokens_in_no_square_are_refused(tmp_path: Path) -> None:
    parts = [layers.Conv2D(4, 8, strides=8), layers.Reshape((16, 4)), layers.Cropping1D((0, 3), name="tokens")]
    model = made(lambda: chained(*parts, layers.GlobalAveragePooling1D(), layers.Dense(3)))
    model.save(tmp_path / "mine.keras")
    model.export(tmp_path / "mine", verbose=False)
    for path in (tmp_path / "mine.keras", tmp_path / "mine"):
        with pytest.raises(InputError, match=r"tokens.*output of 13 tokens is no square of cells"):
            probe_classifier(settings(path, saliency_layer="tokens"))


def test_an_open_size_must_be_told(tmp_path: Path) -> None:
    model = made(open_sized)
    model.save(tmp_path / "mine.keras")
    model.export(tmp_path / "mine", verbose=False)
    for path in (tmp_path / "mine.keras", tmp_path / "mine"):
        with pytest.raises(InputError, match=r"pictures of any size.*`input_size`"):
            probe_classifier(settings(path))
        answer = probe_classifier(settings(path, input_size=48))
        assert (answer["grid"], answer["multiply_adds"]) == ((16, 16), None)


def test_a_single_sigmoid_tells_two_classes_apart(tmp_path: Path) -> None:
    model = made(lambda: chained(backbone(), pool(), layers.Dense(1, activation="sigmoid")))
    model.save(tmp_path / "mine.keras")
    model.export(tmp_path / "mine", verbose=False)
    raw = []
    for path in (tmp_path / "mine.keras", tmp_path / "mine"):
        classifier, found = adopted(tmp_path, settings(path, classes=["NV", "MEL"], saliency_layer="target"))
        maps = explain(classifier, PICTURES, layer=found.path)
        expected = model.predict(PICTURES, verbose=0)[:, 0]
        np.testing.assert_allclose(maps.probabilities[:, 1], expected, atol=1e-5)
        raw.append(maps.raw)
    np.testing.assert_allclose(raw[0], raw[1], rtol=1e-4, atol=1e-5 * raw[0].max())


def test_scores_behind_an_end_that_is_not_known_are_named(tmp_path: Path) -> None:
    parts = [*backbone().layers, pool(), layers.Dense(3, name="scores"), layers.Rescaling(2.0), keras.ops.softplus]
    model = made(lambda: chained(*parts))
    expected = explain(keras.Model(model.inputs, model.get_layer("scores").output), PICTURES, layer="target")
    model.save(tmp_path / "mine.keras")
    model.export(tmp_path / "mine", verbose=False)
    for path in (tmp_path / "mine.keras", tmp_path / "mine"):
        with pytest.raises(InputError, match=r"cannot be told.*logits"):
            probe_classifier(settings(path))
        chosen = settings(path, saliency_layer="target", logits="scores")
        classifier, found = adopted(tmp_path, chosen)
        logits = found.logits
        maps = explain(classifier, PICTURES, layer=found.path, logits=logits)
        np.testing.assert_allclose(maps.raw, expected.raw, rtol=1e-4, atol=1e-5 * expected.raw.max())
        np.testing.assert_allclose(maps.probabilities, expected.probabilities, atol=1e-5)
        np.testing.assert_allclose(
            softmax(class_scores(classifier, PICTURES, logits=logits)), expected.probabilities, atol=1e-5
        )


def test_a_file_of_older_keras_is_adopted(tmp_path: Path) -> None:
    model = made(KINDS["sequential, linear end"][0])
    expected = explain(model, PICTURES, layer="target")
    model.save(tmp_path / "mine.h5")
    classifier, found = adopted(tmp_path, settings(tmp_path / "mine.h5", saliency_layer="target"))
    np.testing.assert_allclose(explain(classifier, PICTURES, layer=found.path).raw, expected.raw, rtol=1e-4, atol=1e-6)


def test_what_does_not_fit_is_told_in_words(tmp_path: Path) -> None:
    model = made(lambda: chained(*backbone().layers, pool(), layers.Dense(3, activation="softmax")))
    model.save(tmp_path / "mine.keras")
    model.export(tmp_path / "mine", verbose=False)
    for path in (tmp_path / "mine.keras", tmp_path / "mine"):
        faults = {
            "tells 3 classes apart, but `classes` names 2": {"classes": ["MEL", "NV"]},
            "takes pictures of 32 pixels, but `input_size` is 64": {"input_size": 64},
            "'tarket'; candidates: .*target": {"saliency_layer": "tarket"},
            "logits: .*'scores'(; candidates: |; those with an output)": {"logits": "scores"},
        }
        for words, changes in faults.items():
            with pytest.raises(InputError, match=words) as told:
                probe_classifier(settings(path, **changes))
            assert str(path) in str(told.value)
    wide = keras.Sequential([keras.Input((32, 48, 3)), layers.Conv2D(2, 3), pool(), layers.Dense(3)])
    wide.save(tmp_path / "wide.keras")
    with pytest.raises(InputError, match="32 x 48 pixels; only square"):
        probe_classifier(settings(tmp_path / "wide.keras"))


def test_a_name_that_an_export_makes_ambiguous_is_refused(tmp_path: Path) -> None:
    """Exporting calls the scope of `conv2d` `conv2d_1`, which is the name of the next layer."""
    model = chained(layers.Conv2D(4, 3, name="conv2d"), layers.Conv2D(4, 5, name="conv2d_1"), pool(), layers.Dense(3))
    model.export(tmp_path / "mine", verbose=False)
    with pytest.raises(InputError, match=r"'conv2d_1' may be .*conv2d_1 or .*conv2d_1_2"):
        probe_classifier(settings(tmp_path / "mine", saliency_layer="conv2d_1"))
    assert probe_classifier(settings(tmp_path / "mine", saliency_layer="conv2d"))["grid"] == (30, 30)
    assert probe_classifier(settings(tmp_path / "mine", saliency_layer="conv2d_1_2"))["grid"] == (26, 26)


def test_a_saved_model_that_was_not_made_by_keras(tmp_path: Path) -> None:
    folder = served(tmp_path / "mine", lambda pictures: pictures / 255)
    classifier, found = adopted(tmp_path, settings(folder))
    assert found.grid == (30, 30)
    maps = explain(classifier, PICTURES, layer=found.path)
    loaded = tf.saved_model.load(str(folder))
    expected = loaded.serve(tf.constant(PICTURES, tf.float32))
    np.testing.assert_allclose(maps.probabilities, expected, atol=1e-6)


@pytest.mark.slow
def test_a_saved_model_needs_tensorflow(tmp_path: Path) -> None:
    folder = served(tmp_path / "mine", tf.identity)
    command = "import sys; from dermalign.classifiers.brought.adoption import probe_classifier as p\n"
    command += (
        "try: p({'classifier': sys.argv[1], 'pixels': 'raw', 'classes': list('abc')})\nexcept Exception as e: print(e)"
    )
    run = subprocess.run(
        [sys.executable, "-c", command, str(folder)],
        env=os.environ | {"KERAS_BACKEND": "jax", "PYTHONPATH": str(LIBRARY)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "KERAS_BACKEND=jax" in run.stdout and "bring the classifier as .keras" in run.stdout


def test_paths_that_are_no_classifier_are_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for name in ("a.weights.h5", "a.onnx", "broken.keras", "broken.h5"):
        (tmp_path / name).write_bytes(b"?")
    for name, words in {
        "empty": "no SavedModel",
        "nowhere.keras": "there is no file",
        "a.weights.h5": "weights alone",
        "a.onnx": "neither a .keras file",
        "broken.keras": "no whole file",
        "broken.h5": "no whole file",
    }.items():
        with pytest.raises(InputError, match=words):
            probe_classifier(settings(tmp_path / name))
