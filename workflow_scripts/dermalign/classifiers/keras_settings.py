"""Keras's own settings on a machine, read without Keras: its variables of the environment, and its file keras.json."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import InputErrors

BACKENDS = ("tensorflow", "jax")
# What dermalign's networks are built with; what Keras does where nothing is set, too.
NEEDED = {"image_data_format": "channels_last", "floatx": "float32"}


def settings_file(environment: Mapping[str, str]) -> Path:
    """Return the path of Keras's own file of settings, which need not be there."""
    home = Path("~").expanduser()
    own = home if os.access(home, os.W_OK) else Path("/tmp")  # as Keras has it
    return Path(environment.get("KERAS_HOME") or own / ".keras").expanduser() / "keras.json"


def keras_backend(environment: Mapping[str, str]) -> str:
    """Return the backend that Keras takes in an environment: by its variable, else by its own file, else TensorFlow.

    Keras itself is not asked, since it would load the backend for it.
    """
    return environment.get("KERAS_BACKEND") or str(_settings(settings_file(environment)).get("backend", "tensorflow"))


def check_keras_settings(environment: Mapping[str, str]) -> None:
    """Raise InputErrors where Keras is set up for what dermalign cannot use, naming the variable or the file."""
    path = settings_file(environment)
    settings = _settings(path)
    faults = []
    backend = keras_backend(environment)
    if backend not in BACKENDS:
        where, remedy = f"{path} sets the backend to", "there, or in KERAS_BACKEND for this run"
        if environment.get("KERAS_BACKEND"):
            where, remedy = "the environment sets KERAS_BACKEND to", "there"
        faults.append(
            f"{where} {backend}: saliency needs gradients of {' or '.join(BACKENDS)}. Say {BACKENDS[0]} {remedy}."
        )
    faults += [
        f'{path} sets "{key}" to {settings[key]}, for all that uses Keras: dermalign\'s networks need {needed}. Change '
        "it there, or set KERAS_HOME to a folder without keras.json for this run."
        for key, needed in NEEDED.items()
        if settings.get(key, needed) != needed
    ]
    if faults:
        raise InputErrors(faults)


def _settings(path: Path) -> dict[str, Any]:
    """Return what the file says; nothing where there is none, or none that Keras could read."""
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return settings if isinstance(settings, dict) else {}
