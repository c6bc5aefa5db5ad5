"""Files of Keras: those that would execute code are refused, and nothing of them is run."""

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from dermalign.classifiers.brought.keras_files import load_keras_file
from dermalign.errors import InputError
from keras import layers
from keras.src.applications import convnext

from .models import PICTURES, SIZE, backbone, chained, made, pool


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_file_that_names_parts_of_keras_alone_is_loaded(tmp_path: Path, suffix: str) -> None:
    model = made(lambda: chained(layers.RandomFlip(), *backbone().layers, pool(), layers.Dense(3), keras.ops.softmax))
    if suffix == ".h5":  # which knows no operations
        model = made(lambda: chained(*backbone().layers, pool(), layers.Dense(3, activation="softmax")))
    model.save(tmp_path / f"mine{suffix}")
    found = load_keras_file(tmp_path / f"mine{suffix}").predict(PICTURES, verbose=0)
    np.testing.assert_array_equal(found, model.predict(PICTURES, verbose=0))


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
        load_keras_file(tmp_path / f"mine{suffix}")
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
            load_keras_file(tmp_path / f"mine{suffix}")


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
        load_keras_file(tmp_path / "bad.keras")


def test_files_that_are_no_models_are_refused(tmp_path: Path) -> None:
    backbone().save_weights(tmp_path / "a.weights.h5")
    with pytest.raises(InputError, match="holds no model, weights at most"):
        load_keras_file(tmp_path / "a.weights.h5")
    for name in ("broken.keras", "broken.h5"):
        (tmp_path / name).write_bytes(b"?")
        with pytest.raises(InputError, match="no whole file"):
            load_keras_file(tmp_path / name)


@pytest.mark.parametrize("damage", ["deep", "deep in Keras 2", "two axes", "encrypted", "version", "list", "number"])
def test_no_zip_ends_in_a_traceback(tmp_path: Path, damage: str) -> None:
    """What fuzzing found: nesting, wrong kinds, and what zip files say of themselves."""
    config: Any = {"class_name": "BatchNormalization", "config": {"axis": [1, 2]}}
    if damage == "deep in Keras 2":
        for _ in range(450):
            config = {"config": config}
    text = "[" * 100_000 if damage == "deep" else json.dumps(config)
    text = {"list": "[]", "number": "1"}.get(damage, text)
    with zipfile.ZipFile(tmp_path / "a.keras", "w") as archive:
        archive.writestr("metadata.json", '{"keras_version": "2.15.0"}')
        archive.writestr("config.json", text)
    content = bytearray((tmp_path / "a.keras").read_bytes())
    directory = content.rindex(b"PK\x01\x02")  # that of config.json
    content[directory + 8] |= damage == "encrypted"
    content[directory + 6] = 127 if damage == "version" else content[directory + 6]
    (tmp_path / "a.keras").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.keras is no whole file of a Keras model .*Save the classifier again"):
        load_keras_file(tmp_path / "a.keras")


# What is Keras's own, Keras is asked


def with_layer_scale() -> Any:
    """What a block of ConvNeXt is made of, its LayerScale with weights that are no ones."""
    scale = convnext.LayerScale(0.5, 4, name="scale")
    return chained(layers.Conv2D(4, 3), layers.LayerNormalization(), scale, pool(), layers.Dense(3))


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_layers_of_keras_own_applications_are_loaded(tmp_path: Path, suffix: str) -> None:
    model = made(with_layer_scale)
    model.save(tmp_path / f"mine{suffix}")
    found = load_keras_file(tmp_path / f"mine{suffix}").predict(PICTURES, verbose=0)
    np.testing.assert_array_equal(found, model.predict(PICTURES, verbose=0))


@pytest.mark.slow
def test_a_whole_convnext_is_loaded(tmp_path: Path) -> None:
    inner = made(lambda: keras.applications.ConvNeXtTiny(weights=None, include_top=False, input_shape=(SIZE, SIZE, 3)))
    model = chained(inner, pool(), layers.Dense(3, activation="softmax"))
    model.save(tmp_path / "mine.keras")
    found = load_keras_file(tmp_path / "mine.keras").predict(PICTURES, verbose=0)
    np.testing.assert_array_equal(found, model.predict(PICTURES, verbose=0))


def test_a_file_that_keras_itself_cannot_load_again_is_told_with_what_helps(tmp_path: Path) -> None:
    inputs = keras.Input((SIZE, SIZE, 3))
    tensor = layers.Conv2D(4, 3)(inputs)
    keras.Model(inputs, layers.Dense(3)(pool()(tensor + tensor))).save(tmp_path / "mine.h5")
    with pytest.raises(InputError, match=r"does not tell operations from layers: try `model.save\('name.keras'\)`"):
        load_keras_file(tmp_path / "mine.h5")


@pytest.mark.parametrize("own", [True, False])
def test_a_layer_of_the_users_may_have_the_name_of_one_of_keras(tmp_path: Path, own: bool) -> None:
    class LayerScale(OwnLayer):  # type: ignore[misc]
        """A layer of the user's, as many have it."""

    if own:
        keras.saving.register_keras_serializable("mine")(LayerScale)
    chained(layers.Conv2D(2, 3), LayerScale(name="mine_own"), pool(), layers.Dense(3)).save(tmp_path / "mine.keras")
    with pytest.raises(InputError, match=r"'mine_own' is or has a .*LayerScale"):
        load_keras_file(tmp_path / "mine.keras")


# The kind of a file is told by its content


def test_files_under_another_kinds_suffix_are_read(tmp_path: Path) -> None:
    model = made(lambda: chained(*backbone().layers, pool(), layers.Dense(3, activation="softmax")))
    model.save(tmp_path / "a.keras")
    model.save(tmp_path / "b.h5")
    shutil.move(tmp_path / "a.keras", tmp_path / "c.h5")
    shutil.move(tmp_path / "b.h5", tmp_path / "d.keras")
    for name in ("c.h5", "d.keras"):
        found = load_keras_file(tmp_path / name).predict(PICTURES, verbose=0)
        np.testing.assert_array_equal(found, model.predict(PICTURES, verbose=0))


@pytest.mark.parametrize(
    ("members", "words"),
    [
        (["archive/data.pkl"], "is a file of PyTorch, which holds Python code"),
        (["mine/saved_model.pb"], "is a zip of a SavedModel. Unpack it and name the folder"),
        (["model.h5"], "is a zip of a Keras model. Unpack it"),
        (["a.txt"], "is a zip without config.json"),
    ],
)
def test_zips_of_something_else_are_named(tmp_path: Path, members: list[str], words: str) -> None:
    with zipfile.ZipFile(tmp_path / "mine.keras", "w") as archive:
        for name in members:
            archive.writestr(name, b"")
    with pytest.raises(InputError) as stopped:
        load_keras_file(tmp_path / "mine.keras")
    assert words in str(stopped.value)


# What Keras 2 wrote


def as_keras_2(part: Any, is_h5: bool) -> Any:
    """Return a configuration as Keras 2.13 to 2.15 write it."""
    if isinstance(part, list):
        return [as_keras_2(each, is_h5) for each in part]
    if not isinstance(part, dict):
        return part
    part = {key: as_keras_2(value, is_h5) for key, value in part.items()}
    kind, inner = part.get("class_name"), part.get("config")
    if kind == "DTypePolicy":
        return {"module": "keras.mixed_precision", "class_name": "Policy", "config": inner, "registered_name": None}
    if kind == "Functional":
        part.update(module="keras.src.engine.functional", registered_name="Functional")
        for ends in ("input_layers", "output_layers"):
            inner[ends] = [inner[ends]] if isinstance(inner[ends][0], str) else inner[ends]
        for layer in inner["layers"]:
            arguments = [node["args"] for node in layer["inbound_nodes"]]
            histories = [each["config"]["keras_history"] for of in arguments for each in flat(of)]
            layer["inbound_nodes"] = [[[*history, {}] for history in histories]] if histories else []
    if kind == "InputLayer":
        inner["batch_input_shape"] = inner.pop("batch_shape")
    if kind == "DepthwiseConv2D":
        inner["groups"] = 1
    if kind == "SeparableConv2D":
        inner.update(groups=1, kernel_initializer=None, kernel_regularizer=None)
    if kind == "BatchNormalization":
        inner["axis"] = [3]
    if is_h5 and isinstance(inner, dict) and kind not in ("Policy",) and "name" in inner:
        part.pop("module", None)
        part.pop("registered_name", None)
    return part


def flat(arguments: Any) -> list[Any]:
    return [each for part in arguments for each in flat(part)] if isinstance(arguments, list) else [arguments]


def rewritten(path: Path, change: Callable[[Any], Any], version: str) -> None:
    """Change the configuration in a file, and the version of Keras that it says wrote it."""
    if path.suffix == ".h5":
        with h5py.File(path, "a") as file:
            file.attrs["model_config"] = json.dumps(change(json.loads(file.attrs["model_config"])))
            file.attrs["keras_version"] = version
        return
    with zipfile.ZipFile(path) as source:
        contents = {name: source.read(name) for name in source.namelist()}
    contents["config.json"] = json.dumps(change(json.loads(contents["config.json"]))).encode()
    contents["metadata.json"] = json.dumps({"keras_version": version}).encode()
    with zipfile.ZipFile(path, "w") as target:
        for name, content in contents.items():
            target.writestr(name, content)


def old_network() -> Any:
    inner = keras.Sequential([keras.Input((SIZE, SIZE, 3)), layers.Conv2D(4, 3, name="target")], name="inner")
    inputs = keras.Input((SIZE, SIZE, 3))
    tensor = layers.BatchNormalization()(inner(inputs))
    depthwise = layers.DepthwiseConv2D(3, padding="same")(tensor)
    separable = layers.SeparableConv2D(4, 3, padding="same", activation="relu")(tensor)
    nested_inputs = keras.Input((30, 30, 4))
    nested = keras.Model(nested_inputs, layers.ReLU(6.0)(layers.Conv2D(5, 3)(nested_inputs)), name="nested")
    tensor = nested(layers.Add()([depthwise, separable]))
    return keras.Model(inputs, layers.Dense(3, activation="softmax")(pool()(tensor)))


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_functional_models_and_policies_of_keras_2_are_loaded(tmp_path: Path, suffix: str, policy: str) -> None:
    before = keras.config.dtype_policy()
    try:
        keras.config.set_dtype_policy(policy)
        model = made(old_network)
    finally:
        keras.config.set_dtype_policy(before)
    path = tmp_path / f"old{suffix}"
    model.save(path)
    rewritten(path, lambda written: as_keras_2(written, suffix == ".h5"), "2.15.0")
    found = load_keras_file(path)
    np.testing.assert_array_equal(found.predict(PICTURES, verbose=0), model.predict(PICTURES, verbose=0))
    assert found.layers[-1].compute_dtype == ("float16" if policy != "float32" else policy)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_what_keras_2_knew_and_this_one_does_not_is_said_in_one_sentence(tmp_path: Path, suffix: str) -> None:
    def with_operation(written: Any) -> Any:
        layer = next(each for each in written["config"]["layers"] if each["class_name"] == "ReLU")
        layer.update(class_name="TFOpLambda", module="keras.src.layers.core.tf_op_layer", registered_name="TFOpLambda")
        layer["config"] = {"name": "tf.nn.relu", "trainable": True, "dtype": "float32", "function": "nn.relu"}
        return written

    path = tmp_path / f"old{suffix}"
    chained(layers.Conv2D(2, 3), layers.ReLU(), pool(), layers.Dense(3)).save(path)
    rewritten(path, with_operation, "2.13.1")
    with pytest.raises(InputError) as stopped:
        load_keras_file(path)
    text = str(stopped.value)
    for words in ("which Keras 2.13.1 wrote", "layer 'tf.nn.relu' is or has a TFOpLambda", "model.export('folder')"):
        assert words in text
    assert "would execute code" not in text and "\n" not in text


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_key_that_says_something_and_is_not_known_is_named(tmp_path: Path, suffix: str) -> None:
    def with_groups(written: Any) -> Any:
        layer = next(each for each in written["config"]["layers"] if each["class_name"] == "DepthwiseConv2D")
        layer["config"].update(groups=2, name="odd")
        layer["name"] = "odd"
        return written

    path = tmp_path / f"old{suffix}"
    keras.Sequential([keras.Input((SIZE, SIZE, 3)), layers.DepthwiseConv2D(3), pool(), layers.Dense(3)]).save(path)
    rewritten(path, with_groups, "2.15.0")
    with pytest.raises(InputError) as stopped:
        load_keras_file(path)
    assert "does not know: layer 'odd' (DepthwiseConv2D) has groups=2" in str(stopped.value)
    assert "\n" not in str(stopped.value)
