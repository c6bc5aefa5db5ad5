"""Files of Keras that are brought along: read as data, and loaded only where they name parts of Keras alone."""

import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py

from ...errors import InputError

if TYPE_CHECKING:
    import keras

# What a file of Keras may name: parts of networks. Others of Keras's modules fetch, load and save.
MODULES = (
    "layers",
    "models",
    "activations",
    "initializers",
    "regularizers",
    "constraints",
    "ops",
    "random",
    "dtype_policies",
    "quantizers",
    "optimizers",
    "losses",
    "metrics",
)
# Of these, the ones whose functions compute; functions of others build, load or save.
MODULES_OF_FUNCTIONS = ("activations", "initializers", "regularizers", "constraints", "ops", "losses", "metrics")
LARGEST_CONFIGURATION = 1 << 27  # bytes; what is larger once unpacked is no network's
MODELS = ("Sequential", "Functional", "Model")
# Layers of Keras that hold code, or load it from another file.
OF_CODE = {
    "Lambda": "a Lambda layer, which is Python code",
    "__lambda__": "a Python lambda",
    "TFSMLayer": "a TFSMLayer, which loads another file",
    "TorchModuleWrapper": "a TorchModuleWrapper, which is Python code",
    "JaxLayer": "a JaxLayer, which is Python code",
    "FlaxLayer": "a FlaxLayer, which is Python code",
    "__typespec__": "a type of TensorFlow's",
}
INSTEAD = (
    "Build the classifier of Keras's own layers and operations and save it again; or, where its code is at home, "
    "export it with `model.export('folder')` and name that folder: a SavedModel holds TensorFlow's operations alone."
)


def load_keras_file(path: str | Path) -> "keras.Model":
    """Load a .keras or .h5 file whose configuration names parts of Keras alone, in safe mode, not compiled.

    The configuration is read as data before Keras sees it; a file that would execute code is refused with the layer.
    Raises InputError.
    """
    import keras

    configuration, is_legacy = _configuration(Path(path))
    reasons = list(dict.fromkeys(foreign_parts(configuration, is_legacy)))
    if reasons:
        raise InputError(
            f"{path} would execute code that comes with it, so it was not loaded: {'; '.join(reasons[:3])}"
            f"{f'; and {len(reasons) - 3} more' if len(reasons) > 3 else ''}. {INSTEAD}"
        )
    try:
        return keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises what its layers raise
        first = str(error).strip().partition("\n")[0]
        raise InputError(f"{path} cannot be loaded by Keras {keras.__version__}: {first}") from error


def _configuration(path: Path) -> tuple[Any, bool]:
    """Return (the model's configuration as data, whether it is of a .h5 file)."""
    try:
        if path.suffix == ".keras":
            with zipfile.ZipFile(path) as archive:
                if archive.getinfo("config.json").file_size > LARGEST_CONFIGURATION:
                    raise ValueError("its config.json is larger than any network's")
                configuration = json.loads(archive.read("config.json"))
            # Not read when a model is loaded without being compiled.
            return {key: value for key, value in configuration.items() if key != "compile_config"}, False
        with h5py.File(path, "r") as file:
            text = file.attrs.get("model_config")
    except (zipfile.BadZipFile, KeyError, ValueError, OSError, AttributeError) as error:
        raise InputError(f"{path} is no whole file of a Keras model ({error}). Save the classifier again.") from error
    if text is None:
        raise InputError(f"{path} holds no model, weights at most. Save the whole model: `model.save('name.keras')`.")
    return json.loads(text), True


def foreign_parts(configuration: Any, is_legacy: bool, layer: str = "") -> Iterator[str]:
    """Yield a phrase per part of a model's configuration that is no part of Keras or holds code, naming its layer.

    is_legacy: of a .h5 file, which names classes without their modules.
    """
    if isinstance(configuration, list):
        for part in configuration:
            yield from foreign_parts(part, is_legacy, layer)
    elif isinstance(configuration, dict):
        kind, inner = configuration.get("class_name"), configuration.get("config")
        if isinstance(kind, str):
            if isinstance(inner, dict) and isinstance(inner.get("name"), str) and "DTypePolicy" not in kind:
                layer = inner["name"]
            reason = _foreign(configuration, kind, inner, is_legacy)
            if reason:
                yield f"layer {layer!r} is or has {reason}"
                return
        for part in configuration.values():
            yield from foreign_parts(part, is_legacy, layer)


def _foreign(configuration: Mapping[str, Any], kind: str, inner: Any, is_legacy: bool) -> str | None:
    import keras

    if kind in OF_CODE:
        return OF_CODE[kind]
    if kind.startswith("__"):  # a tensor or another plain value
        return None
    module = configuration.get("module")
    if kind == "TensorShape" and "items" in configuration:
        return None
    if module is None and is_legacy:
        known = {name for part in MODULES for name in dir(getattr(keras, part, None))} | set(MODELS)
        return None if kind in known else f"a {kind}, which this Keras does not have"
    if not isinstance(module, str):
        return f"a {kind} of no module of Keras"
    if kind == "function":
        named = [getattr(keras, part) for part in MODULES_OF_FUNCTIONS]
        is_known = module == "builtins" and any(hasattr(part, str(inner)) for part in named)
        if is_known or _is_of_keras(module, MODULES_OF_FUNCTIONS):
            return None
        return f"the function {inner} of {module}, no part of Keras"
    if _is_of_keras(module) or (module == "keras" and (kind in MODELS or "DTypePolicy" in kind or kind == "Variable")):
        return None
    return f"a {kind} of {module}, no part of Keras"


def _is_of_keras(module: str, parts: Sequence[str] = MODULES) -> bool:
    first, *_ = module.removeprefix("keras.src.").removeprefix("keras.").split(".")
    return module.startswith("keras.") and first in parts
