"""Brought classifiers: adopted ones give the original's maps, and nothing of a file that holds code is run."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from dermalign.classifiers.architectures import residual_stack
from dermalign.classifiers.brought.adoption import adopt, probe_classifier
from dermalign.classifiers.brought.files import adopted_name, digest_of, files_of, kind_of
from dermalign.classifiers.classification import class_scores
from dermalign.classifiers.gradients import softmax
from dermalign.errors import InputError
from dermalign.saliency.gradcam import grad_cam, load_classifier
from keras import layers

LIBRARY = Path(__file__).parents[3] / "workflow_scripts"
SIZE = 32
CLASSES = ["MEL", "NV", "BCC"]
PICTURES = np.random.default_rng(0).integers(0, 256, (5, SIZE, SIZE, 3), dtype=np.uint8)


def backbone() -> Any:
    return keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 3)),
            layers.Conv2D(6, 3, strides=2, activation="silu", name="stem"),
            layers.BatchNormalization(),
            layers.Conv2D(8, 3, strides=2, activation="relu", name="target"),
        ],
        name="backbone",
    )


def chained(*parts: Any) -> Any:
    """A Functional model of parts in a row."""
    tensor = inputs = keras.Input((SIZE, SIZE, 3))
    for part in parts:
        tensor = part(tensor)
    return keras.Model(inputs, tensor, name="chained")


def mobilenet() -> Any:
    inner = keras.applications.MobileNetV2(weights=None, classes=3, input_shape=(SIZE, SIZE, 3), alpha=0.35)
    return keras.Sequential([keras.Input((SIZE, SIZE, 3)), inner])


def open_sized() -> Any:
    inputs = keras.Input((None, None, 3))
    features = layers.Conv2D(6, 3, strides=3, activation="relu", name="target")(inputs)
    return keras.Model(inputs, layers.Dense(3, activation="softmax")(layers.GlobalMaxPooling2D()(features)))


def pool() -> Any:
    return layers.GlobalAveragePooling2D()


# Kinds of models that users bring; (the model, its layer, the layer that is found where none is named).
KINDS: dict[str, tuple[Callable[[], Any], str, str]] = {
    "functional, fused softmax": (
        lambda: chained(*backbone().layers, pool(), layers.Dense(3, activation="softmax")),
        "target",
        "target",
    ),
    "nested functional, softmax layer": (
        lambda: chained(residual_stack((SIZE, SIZE, 3)), pool(), layers.Dense(3), layers.Softmax()),
        "residual_stack/last_convolution",
        "residual_stack/block3_out",
    ),
    "sequential, linear end": (
        lambda: keras.Sequential([keras.Input((SIZE, SIZE, 3)), *backbone().layers, pool(), layers.Dense(3)]),
        "target",
        "target",
    ),
    "sequential in functional, softmax operation": (
        lambda: chained(backbone(), pool(), layers.Dense(3), keras.ops.softmax),
        "backbone/target",
        "backbone/target",
    ),
    "head nested in sequential": (
        lambda: keras.Sequential(
            [
                keras.Input((SIZE, SIZE, 3)),
                backbone(),
                keras.Sequential([pool(), layers.Dropout(0.5), layers.Dense(3, activation="softmax")]),
            ]
        ),
        "target",
        "backbone/target",
    ),
    "MobileNetV2 with its top in sequential": (mobilenet, "Conv_1", "mobilenetv2_0.35_32/block_5_add"),
}


def made(build: Callable[[], Any]) -> Any:
    keras.utils.set_random_seed(3)
    return build()


def settings(path: Path, **changes: Any) -> dict[str, Any]:
    return {"classifier": str(path), "pixels": "raw", "classes": CLASSES, **changes}


def adopted(tmp_path: Path, chosen: dict[str, Any]) -> tuple[Any, Any]:
    """The classifier as the workflow uses it, from its adopted file, and what was found."""
    output = tmp_path / "adopted" / adopted_name(chosen["classifier"])
    found = adopt(chosen, output)
    return load_classifier(output), found


@pytest.mark.parametrize("kind", KINDS)
def test_the_adopted_classifier_has_the_maps_of_the_original(tmp_path: Path, kind: str) -> None:
    build, layer, last = KINDS[kind]
    model = made(build)
    treated = PICTURES / np.float32(127.5) - 1
    expected = grad_cam(model, layer, treated)
    assert expected.raw.max() > 0
    model.save(tmp_path / "mine.keras")
    chosen = settings(tmp_path / "mine.keras", pixels="symmetric", saliency_layer=layer)
    classifier, found = adopted(tmp_path, chosen)
    assert (found.input_size, found.saliency_layer, found.grid) == (SIZE, layer, expected.raw.shape[1:])
    maps = grad_cam(classifier, found.path, PICTURES)
    np.testing.assert_allclose(maps.raw, expected.raw, rtol=1e-4, atol=1e-6 * expected.raw.max())
    np.testing.assert_allclose(maps.probabilities, expected.probabilities, atol=1e-6)
    np.testing.assert_allclose(softmax(class_scores(classifier, PICTURES)), expected.probabilities, atol=1e-6)
    if not kind.startswith("MobileNetV2"):
        answer = probe_classifier(settings(tmp_path / "mine.keras"))
        assert answer["saliency_layer"] == last
        assert any(last in sentence for sentence in answer["said"])


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
    expected, maps = grad_cam(one, found.path, PICTURES), grad_cam(other, same.path, PICTURES)
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


def test_an_open_size_must_be_told(tmp_path: Path) -> None:
    model = made(open_sized)
    model.save(tmp_path / "mine.keras")
    model.export(tmp_path / "mine", verbose=False)
    for path in (tmp_path / "mine.keras", tmp_path / "mine"):
        with pytest.raises(InputError, match=r"pictures of any size.*`input_size`"):
            probe_classifier(settings(path))
        assert probe_classifier(settings(path, input_size=48))["grid"] == (16, 16)


def test_a_single_sigmoid_tells_two_classes_apart(tmp_path: Path) -> None:
    model = made(lambda: chained(backbone(), pool(), layers.Dense(1, activation="sigmoid")))
    model.save(tmp_path / "mine.keras")
    model.export(tmp_path / "mine", verbose=False)
    raw = []
    for path in (tmp_path / "mine.keras", tmp_path / "mine"):
        classifier, found = adopted(tmp_path, settings(path, classes=["NV", "MEL"], saliency_layer="target"))
        maps = grad_cam(classifier, found.path, PICTURES)
        expected = model.predict(PICTURES, verbose=0)[:, 0]
        np.testing.assert_allclose(maps.probabilities[:, 1], expected, atol=1e-5)
        raw.append(maps.raw)
    np.testing.assert_allclose(raw[0], raw[1], rtol=1e-4, atol=1e-5 * raw[0].max())


def test_scores_behind_an_end_that_is_not_known_are_named(tmp_path: Path) -> None:
    parts = [*backbone().layers, pool(), layers.Dense(3, name="scores"), layers.Rescaling(2.0), keras.ops.softplus]
    model = made(lambda: chained(*parts))
    expected = grad_cam(keras.Model(model.inputs, model.get_layer("scores").output), "target", PICTURES)
    model.save(tmp_path / "mine.keras")
    model.export(tmp_path / "mine", verbose=False)
    for path in (tmp_path / "mine.keras", tmp_path / "mine"):
        with pytest.raises(InputError, match=r"cannot be told.*logits"):
            probe_classifier(settings(path))
        chosen = settings(path, saliency_layer="target", logits="scores")
        classifier, found = adopted(tmp_path, chosen)
        logits = found.logits
        maps = grad_cam(classifier, found.path, PICTURES, logits=logits)
        np.testing.assert_allclose(maps.raw, expected.raw, rtol=1e-4, atol=1e-5 * expected.raw.max())
        np.testing.assert_allclose(maps.probabilities, expected.probabilities, atol=1e-5)
        np.testing.assert_allclose(
            softmax(class_scores(classifier, PICTURES, logits=logits)), expected.probabilities, atol=1e-5
        )


def test_a_file_of_older_keras_is_adopted(tmp_path: Path) -> None:
    model = made(KINDS["sequential, linear end"][0])
    expected = grad_cam(model, "target", PICTURES)
    model.save(tmp_path / "mine.h5")
    classifier, found = adopted(tmp_path, settings(tmp_path / "mine.h5", saliency_layer="target"))
    np.testing.assert_allclose(grad_cam(classifier, found.path, PICTURES).raw, expected.raw, rtol=1e-4, atol=1e-6)


def test_what_does_not_fit_is_told_in_words(tmp_path: Path) -> None:
    model = made(lambda: chained(*backbone().layers, pool(), layers.Dense(3, activation="softmax")))
    model.save(tmp_path / "mine.keras")
    model.export(tmp_path / "mine", verbose=False)
    for path in (tmp_path / "mine.keras", tmp_path / "mine"):
        faults = {
            "tells 3 classes apart, but `classes` names 2": {"classes": ["MEL", "NV"]},
            "takes pictures of 32 pixels, but `input_size` is 64": {"input_size": 64},
            "'tarket'; candidates: .*target": {"saliency_layer": "tarket"},
            "'scores'; candidates: ": {"logits": "scores"},
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


# Files that would execute code


def lambda_that_writes(marker: Path) -> Any:
    """A Lambda layer whose code, wherever it is run, leaves a file."""
    code = f"lambda tensor: (__import__('pathlib').Path({str(marker)!r}).touch(), tensor)[1]"
    return layers.Lambda(eval(code), output_shape=(SIZE, SIZE, 3), name="mine_own")


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_lambda_layer_is_refused_and_its_code_never_runs(tmp_path: Path, suffix: str) -> None:
    marker = tmp_path / "code was run"
    inner = keras.Sequential([keras.Input((SIZE, SIZE, 3)), lambda_that_writes(marker)], name="inner")
    model = keras.Sequential([keras.Input((SIZE, SIZE, 3)), inner, layers.Conv2D(2, 3), pool(), layers.Dense(3)])
    model.save(tmp_path / f"mine{suffix}")
    marker.unlink(missing_ok=True)
    with pytest.raises(InputError, match=r"mine_own.*Lambda layer.*Python code.*model\.export"):
        probe_classifier(settings(tmp_path / f"mine{suffix}"))
    assert not marker.exists()
    # The marker shows what it is meant to show: run without the check, the code leaves it.
    keras.models.load_model(tmp_path / f"mine{suffix}", safe_mode=False, compile=False).predict(PICTURES, verbose=0)
    assert marker.exists()


@keras.saving.register_keras_serializable("tests")
class OwnLayer(layers.Layer):  # type: ignore[misc]
    """A layer of the user's."""

    def call(self, inputs: Any) -> Any:
        return inputs


def test_a_layer_that_is_not_of_keras_is_refused(tmp_path: Path) -> None:
    model = chained(layers.Conv2D(2, 3), OwnLayer(name="mine_own"), pool(), layers.Dense(3))
    for suffix in (".keras", ".h5"):
        model.save(tmp_path / f"mine{suffix}")
        with pytest.raises(InputError, match=r"'mine_own' is or has a .*OwnLayer"):
            probe_classifier(settings(tmp_path / f"mine{suffix}"))


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ({"module": "keras.utils", "class_name": "function", "config": "get_file"}, "get_file of keras.utils"),
        ({"module": "keras.models", "class_name": "function", "config": "clone_model"}, "clone_model of keras.models"),
        ({"module": "builtins", "class_name": "function", "config": "eval"}, "eval of builtins"),
        ({"module": "keras.layers", "class_name": "TFSMLayer", "config": {"name": "x"}}, "TFSMLayer"),
        ({"module": "os", "class_name": "System", "config": {}}, "System of os"),
        ({"module": None, "class_name": "Mine", "config": {}, "registered_name": "a>Mine"}, "Mine of no module"),
    ],
)
def test_parts_that_are_not_networks_are_refused(tmp_path: Path, part: dict[str, Any], words: str) -> None:
    chained(layers.Conv2D(2, 3, name="first"), pool(), layers.Dense(3)).save(tmp_path / "good.keras")
    with zipfile.ZipFile(tmp_path / "good.keras") as good, zipfile.ZipFile(tmp_path / "bad.keras", "w") as bad:
        for name in good.namelist():
            content = good.read(name)
            if name == "config.json":
                configuration = json.loads(content)
                first = next(layer for layer in configuration["config"]["layers"] if layer["config"]["name"] == "first")
                first["config"]["activation"] = part
                content = json.dumps(configuration).encode()
            bad.writestr(name, content)
    with pytest.raises(InputError, match=f"would execute code.*{words}"):
        probe_classifier(settings(tmp_path / "bad.keras"))


class Served(tf.Module):  # type: ignore[misc]
    """A SavedModel whose function does something before it classifies."""

    def __init__(self, before: Callable[[Any], Any]) -> None:
        super().__init__()
        self.kernel = tf.Variable(tf.random.stateless_normal((3, 3, 3, 4), [1, 2]))
        self._before = before

    @tf.function(input_signature=[tf.TensorSpec((None, SIZE, SIZE, 3), tf.float32, name="pictures")])
    def serve(self, pictures: Any) -> Any:
        features = tf.nn.relu(tf.nn.conv2d(self._before(pictures), self.kernel, 1, "VALID", name="target"))
        return tf.nn.softmax(tf.reduce_mean(features, axis=[1, 2])[:, :3])


def served(folder: Path, before: Callable[[Any], Any]) -> Path:
    module = Served(before)
    tf.saved_model.save(module, str(folder), signatures=module.serve)
    return folder


def test_a_saved_model_that_was_not_made_by_keras(tmp_path: Path) -> None:
    folder = served(tmp_path / "mine", lambda pictures: pictures / 255)
    classifier, found = adopted(tmp_path, settings(folder))
    assert found.grid == (30, 30)
    maps = grad_cam(classifier, found.path, PICTURES)
    loaded = tf.saved_model.load(str(folder))
    expected = loaded.serve(tf.constant(PICTURES, tf.float32))
    np.testing.assert_allclose(maps.probabilities, expected, atol=1e-6)


def test_operations_that_do_more_than_compute_are_refused_before_anything_runs(tmp_path: Path) -> None:
    marker = tmp_path / "was run"

    def python(pictures: Any) -> Any:
        def touch(values: Any) -> Any:
            marker.touch()
            return values

        return tf.ensure_shape(tf.numpy_function(touch, [pictures], tf.float32), pictures.shape)

    def stateless_python(pictures: Any) -> Any:
        return tf.ensure_shape(tf.numpy_function(lambda v: v, [pictures], tf.float32, stateful=False), pictures.shape)

    def reads(pictures: Any) -> Any:
        return pictures + tf.cast(tf.strings.length(tf.io.read_file(str(tmp_path / "secret"))), tf.float32)

    def writes(pictures: Any) -> Any:
        with tf.control_dependencies([tf.io.write_file(str(marker), "was run")]):
            return tf.identity(pictures)

    def within_a_loop(pictures: Any) -> Any:
        return tf.while_loop(lambda _: False, lambda values: (reads(values),), (pictures,))[0]

    (tmp_path / "secret").write_text("123", encoding="utf-8")
    refused = {
        "PyFunc.*runs Python code": python,
        "PyFuncStateless.*runs Python code": stateless_python,
        "ReadFile.*reads or writes files": reads,
        "WriteFile.*reads or writes files": writes,
        "ReadFile in the function .*reads or writes files": within_a_loop,
    }
    for number, (words, before) in enumerate(refused.items()):
        folder = served(tmp_path / str(number), before)
        marker.unlink(missing_ok=True)
        with pytest.raises(InputError, match=f"nothing of it was run.*{words}"):
            probe_classifier(settings(folder))
        assert not marker.exists()


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


# Which kind a path is, and its digest


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


def test_the_digest_is_of_the_content_alone(tmp_path: Path) -> None:
    folder = served(tmp_path / "mine", tf.identity)
    assert kind_of(folder) == "saved_model"
    assert next(Path(name).name for name in files_of(folder)) == "saved_model.pb"
    before = digest_of(folder, tmp_path / "cache")
    (folder / "notes.txt").write_text("no part of it", encoding="utf-8")
    (folder / "saved_model.pb").touch()
    shutil.copytree(folder, tmp_path / "copy")
    assert digest_of(folder, tmp_path / "cache") == digest_of(tmp_path / "copy", tmp_path / "cache") == before
    with (folder / "saved_model.pb").open("ab") as file:
        file.write(b"\0")
    assert digest_of(folder, tmp_path / "cache") != before
