"""Keras's own settings: which backend it takes, and settings that dermalign's networks cannot use."""

import json
import os
from pathlib import Path

import keras
import pytest
from dermalign.classifiers.keras_settings import check_keras_settings, keras_backend
from dermalign.errors import InputError


def test_the_backend_is_the_one_that_keras_takes(tmp_path: Path) -> None:
    assert keras_backend(os.environ) == keras.backend.backend()
    assert keras_backend({"KERAS_BACKEND": "jax"}) == "jax"
    assert keras_backend({"KERAS_HOME": str(tmp_path)}) == "tensorflow"
    for content, backend in (('{"backend": "torch"}', "torch"), ("{}", "tensorflow"), ("[", "tensorflow")):
        (tmp_path / "keras.json").write_text(content)
        assert keras_backend({"KERAS_HOME": str(tmp_path), "KERAS_BACKEND": ""}) == backend


def test_settings_that_can_be_used(tmp_path: Path) -> None:
    environment = {"KERAS_HOME": str(tmp_path)}
    check_keras_settings(environment)
    for backend in ("tensorflow", "jax"):
        (tmp_path / "keras.json").write_text(
            json.dumps({"backend": backend, "image_data_format": "channels_last", "floatx": "float32", "epsilon": 1e-7})
        )
        check_keras_settings(environment)
    (tmp_path / "keras.json").write_text("no JSON, which Keras passes over")
    check_keras_settings(environment)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"image_data_format": "channels_first"}, '"image_data_format" to channels_first.* need channels_last'),
        ({"backend": "torch"}, "the backend to torch.* Say tensorflow there, or in KERAS_BACKEND"),
        ({"floatx": "float16"}, '"floatx" to float16.* need float32'),
    ],
)
def test_others_are_named_with_their_file(tmp_path: Path, settings: dict[str, str], words: str) -> None:
    (tmp_path / "keras.json").write_text(json.dumps(settings))
    with pytest.raises(InputError, match=rf"{tmp_path}/keras\.json sets {words}"):
        check_keras_settings({"KERAS_HOME": str(tmp_path)})


def test_all_are_told_and_a_variable_of_the_environment_comes_first(tmp_path: Path) -> None:
    settings = {"backend": "torch", "image_data_format": "channels_first"}
    (tmp_path / "keras.json").write_text(json.dumps(settings))
    with pytest.raises(InputError) as stopped:
        check_keras_settings({"KERAS_HOME": str(tmp_path)})
    assert len(stopped.value.sentences) == 2
    with pytest.raises(InputError) as stopped:
        check_keras_settings({"KERAS_HOME": str(tmp_path), "KERAS_BACKEND": "tensorflow"})
    assert len(stopped.value.sentences) == 1
    with pytest.raises(InputError, match="the environment sets KERAS_BACKEND to openvino"):
        check_keras_settings({"KERAS_HOME": "/nowhere", "KERAS_BACKEND": "openvino"})
