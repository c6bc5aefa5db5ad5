"""Configurations that Keras 2 wrote, put into the words of Keras 3: the same network, under the names of today.

Keras 3 reads most of what Keras 2 wrote, but not where its modules, or mixed precision, were called otherwise, nor keys
that some layers had and never used.
"""

import inspect
import sys
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

MODELS = {"Functional": "keras.src.models.functional", "Sequential": "keras.src.models.sequential"}
# Packages that Keras 2 was called in, and the module of it that Keras 3 does without.
_PACKAGES = ("tf_keras.", "tensorflow.python.keras.", "tensorflow.keras.")
_ENGINE = ("keras.src.engine.", "keras.engine.")
# What `Layer` takes whatever its subclass says.
_OF_EVERY_LAYER = {
    "name",
    "dtype",
    "trainable",
    "autocast",
    "input_shape",
    "batch_shape",
    "batch_input_shape",
    "input_dim",
}


def modernised(part: Any) -> Any:
    """Return a configuration, or a part of it, as Keras 3 writes it; what it says is not changed.

    Keys that a layer does not take any more are left out where their value says nothing (see `unknown_keys`).
    """
    if isinstance(part, list):
        return [modernised(each) for each in part]
    if not isinstance(part, dict):
        return part
    kind, inner = part.get("class_name"), part.get("config")
    if not isinstance(kind, str):
        return {key: modernised(value) for key, value in part.items()}
    if kind == "Policy" and isinstance(inner, dict):  # of mixed precision: its name says all
        return inner.get("name")
    changed = {key: modernised(value) for key, value in part.items()}
    if isinstance(module := part.get("module"), str):
        changed["module"] = _module_of(module, kind)
    elif (layer := layer_called(kind)) is not None:
        changed.update(module=MODELS.get(kind, layer.__module__), registered_name=None)
    if isinstance(inner, dict):
        empty = {key for key, value in unknown_keys(part) if _says_nothing(key, value)}
        config = {key: value for key, value in changed["config"].items() if key not in empty}
        if kind == "BatchNormalization" and isinstance(config.get("axis"), list):
            (config["axis"],) = config["axis"]
        if kind in MODELS:  # a list of one would be a list for the layers behind a nested model
            for ends in ("input_layers", "output_layers"):
                if isinstance(config.get(ends), list) and len(config[ends]) == 1:
                    (config[ends],) = config[ends]
        changed["config"] = config
    return changed


def _says_nothing(key: str, value: Any) -> bool:
    """Return whether a key changes nothing of what a trained layer computes."""
    is_of_training = key.endswith(("_initializer", "_regularizer", "_constraint"))
    return is_of_training or value is None or value is False or value == 1


def _module_of(module: str, kind: str) -> str:
    for package in _PACKAGES:
        if module.startswith(package):
            module = f"keras.{module.removeprefix(package)}"
    if module.startswith(_ENGINE) or module == "keras.models":
        return MODELS.get(kind, "keras.layers")
    return module


def applications() -> list[ModuleType]:
    """Return the modules of Keras's own networks, some of which have layers that Keras publishes nowhere else."""
    return [module for name, module in list(sys.modules.items()) if name.startswith("keras.src.applications.")]


def layer_called(kind: str) -> Any:
    """Return the layer or model of Keras with this name, one of its applications' own among them; None for none."""
    import keras

    if kind in MODELS:
        return getattr(sys.modules[MODELS[kind]], kind)
    found = (getattr(module, kind, None) for module in (keras.layers, keras, *applications()))
    return next((each for each in found if isinstance(each, type) and issubclass(each, keras.Layer)), None)


def unknown_keys(part: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the keys of a layer's configuration, with their values, that the layer of this Keras does not take.

    What it takes is asked of its `__init__`, and of those that this one hands on to.
    """
    layer = layer_called(str(part.get("class_name")))
    if layer is None or part.get("class_name") in MODELS:
        return
    taken = set(_OF_EVERY_LAYER)
    for each in layer.__mro__:
        if "__init__" in vars(each):
            parameters = inspect.signature(each.__init__).parameters.values()
            taken |= {parameter.name for parameter in parameters}
            if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
                break
    yield from ((key, value) for key, value in part["config"].items() if key not in taken)


def lost_keys(part: Any) -> Iterator[str]:
    """Yield words on each key of a `modernised` configuration that a layer does not take and that says something."""
    if isinstance(part, list):
        for each in part:
            yield from lost_keys(each)
    elif isinstance(part, dict):
        if isinstance(part.get("class_name"), str) and isinstance(part.get("config"), dict):
            for key, value in unknown_keys(part):
                yield f"layer {part['config'].get('name')!r} ({part['class_name']}) has {key}={value!r}"
        for each in part.values():
            yield from lost_keys(each)
