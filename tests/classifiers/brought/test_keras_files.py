"""Files of Keras: those that would execute code are refused, and nothing of them is run."""

import json
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from dermalign.classifiers.brought.keras_files import load_keras_file
from dermalign.errors import InputError
from keras import layers

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
