"""Classifiers that a study brings along: checked without running their code, looked into, and adopted.

An adopted classifier takes RGB pictures with values 0 to 255, as the trained ones do: what is done to the pixels stands
before the layers of the file. So nothing downstream knows where a classifier is from.
"""

import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from ...errors import InputError
from ...files import atomic_path
from ...logs import logger
from ...saliency.gradcam import find_layer, walk
from ..gradients import GradientFunction, ScoreFunction
from ..preprocessing import treat_pixels
from .files import SAVED_MODEL, kind_of
from .graphs import GraphClassifier, adopt_graph, freeze, write_graph

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


@dataclass(frozen=True)
class Found:
    """What was configured of a brought classifier, or found in its file."""

    input_size: int
    saliency_layer: str
    """as configured, or the found layer's name in the file"""
    path: str
    """the layer in the adopted classifier"""
    grid: tuple[int, int]
    """(h, w) of the saliency maps"""
    logits: str | None = None
    """the configured layer of the class scores in the adopted classifier, None where they are before its softmax"""
    said: tuple[str, ...] = ()
    """plain sentences on what was found and not configured"""


def probe_classifier(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Load a brought classifier in safe mode, compute one picture's gradient, and return the fields of `Found`.

    Keys read of `settings`, an entry of `models:`: `classifier` (path), `pixels` (raw, unit, symmetric, caffe, torch),
    `classes` (names of its outputs), and if there `input_size`, `saliency_layer`, `logits`.
    Raises InputError where anything of it does not fit, or loading would execute code of the file.
    """
    return asdict(_adopted(settings)[1])


def adopt(settings: Mapping[str, Any], output: str | Path) -> Found:
    """Write a brought classifier with its treatment of pixels before it to `output`, as .keras or (SavedModel) .pb.

    `settings` and faults as `probe_classifier`. What was found and not configured is logged.
    """
    adopted, found = _adopted(settings)
    if kind_of(settings["classifier"]) == SAVED_MODEL:
        write_graph(output, adopted)
    else:
        with atomic_path(output) as temporary:
            adopted.save(temporary)
    for sentence in found.said:
        logger.info("%s", sentence)
    return found


def _adopted(settings: Mapping[str, Any]) -> tuple[Any, Found]:
    path = settings["classifier"]
    adopted = _adopted_graph if kind_of(path) == SAVED_MODEL else _adopted_model
    try:
        return adopted(settings)
    except InputError as error:
        text = str(error)
        raise InputError(text if str(path) in text else f"{path}: {text}") from error


def _adopted_model(settings: Mapping[str, Any]) -> tuple["keras.Model", Found]:
    import keras

    original = load_keras_file(settings["classifier"])
    if len(getattr(original, "inputs", None) or ()) != 1:
        raise InputError("must be a Functional or Sequential model with exactly one input")
    size = _input_size(tuple(original.inputs[0].shape), settings.get("input_size"))
    inputs = keras.Input((size, size, 3), dtype="float32", name="dermalign_picture")
    pixels = treat_pixels(inputs, settings["pixels"], name="dermalign_pixels")
    model = keras.Model(inputs, original(pixels), name="brought")
    gray = np.full((1, size, size, 3), 127, np.float32)

    own = dict(walk(original, ""))
    logits = find_layer(original, settings["logits"]) if settings.get("logits") else None
    outputs = ScoreFunction(model, logits)(gray).shape[1]
    _check_outputs(outputs, settings["classes"])

    if settings.get("saliency_layer"):
        wanted = settings["saliency_layer"]
        names = [_full_name(own, find_layer(original, wanted))]
    else:
        wanted = None
        names = [name for name, layer in reversed(own.items()) if _may_be_spatial(layer)]
    grid, name, fault = None, "", InputError("saliency_layer: no layer has an output (n, height, width, channels)")
    for name in names:
        try:
            activations = GradientFunction(model, own[name], logits)(gray).activations
        except InputError as error:
            fault = error
            continue
        if wanted or activations.shape[1] * activations.shape[2] > 1:
            grid = (int(activations.shape[1]), int(activations.shape[2]))
            break
    if grid is None:
        raise fault
    scores = None if logits is None else f"{original.name}/{_full_name(own, logits)}"
    return model, _found(settings, size, name, f"{original.name}/{name}", grid, scores)


def _full_name(layers: Mapping[str, Any], layer: Any) -> str:
    return next(name for name, other in layers.items() if other is layer)


def _adopted_graph(settings: Mapping[str, Any]) -> tuple[Any, Found]:
    import keras

    if keras.backend.backend() != "tensorflow":
        raise InputError(
            f"a SavedModel is TensorFlow's, it cannot be used with KERAS_BACKEND={keras.backend.backend()}. Set "
            "KERAS_BACKEND=tensorflow, or bring the classifier as .keras."
        )
    import tensorflow as tf

    try:
        frozen = freeze(settings["classifier"])
        size = _input_size(frozen.shape, settings.get("input_size"))
        pixels = settings["pixels"]
        if not frozen.dtype.is_floating and pixels != "raw":
            raise InputError(f"pixels: {pixels} makes fractions, but it takes {frozen.dtype.name}: say raw")
        adopted = adopt_graph(frozen, size, pixels, settings.get("saliency_layer"), settings.get("logits"))
        _check_outputs(adopted.outputs, settings["classes"])
        classifier = GraphClassifier(adopted.graph, str(settings["classifier"]))
        # Raises where there is no gradient.
        GradientFunction(classifier, adopted.path)(np.full((1, size, size, 3), 127, np.float32))
    except (tf.errors.OpError, ValueError, LookupError) as error:
        first = str(error).strip().partition("\n")[0]
        raise InputError(f"cannot be used by TensorFlow {tf.__version__}: {first}") from error
    return adopted.graph, _found(settings, size, adopted.layer, adopted.path, adopted.grid)


def _found(
    settings: Mapping[str, Any], size: int, layer: str, path: str, grid: tuple[int, int], logits: str | None = None
) -> Found:
    said = []
    if not settings.get("input_size"):
        said.append(f"input_size: {size}, found in {settings['classifier']}")
    if not settings.get("saliency_layer"):
        said.append(
            f"saliency_layer: {layer}, found as the last with an output (n, height, width, channels), "
            f"{grid[0]} x {grid[1]} cells; name another to have its maps"
        )
    return Found(size, settings.get("saliency_layer") or layer, path, grid, logits, tuple(said))


def _input_size(shape: tuple[int | None, ...], configured: int | None) -> int:
    if len(shape) != 4 or shape[3] not in (3, None):
        raise InputError(f"takes {shape}, must take RGB pictures (n, height, width, 3), channels last")
    _, height, width, _ = shape
    if height != width and None not in (height, width):
        raise InputError(f"takes pictures of {height} x {width} pixels; only square ones are supported")
    fixed = height or width
    if fixed is None:
        if configured is None:
            raise InputError("takes pictures of any size: say which at `input_size`, in pixels of a side")
        return configured
    if configured not in (None, fixed):
        raise InputError(f"takes pictures of {fixed} pixels, but `input_size` is {configured}. Leave it out")
    return fixed


def _check_outputs(outputs: int, classes: list[str]) -> None:
    if outputs != len(classes):
        raise InputError(
            f"tells {outputs} classes apart, but `classes` names {len(classes)}: {', '.join(classes)}. Name its own "
            "outputs, in order, at the model's `classes`"
        )


def _may_be_spatial(layer: Any) -> bool:
    """Tell whether a layer's output is (n, h, w, c) of more than one cell, as far as its shape says; no model."""
    try:
        shape = layer.output.shape
    except (AttributeError, ValueError):  # never called, or several outputs
        return False
    if len(shape) != 4 or hasattr(layer, "layers") or type(layer).__name__ == "InputLayer":
        return False
    return None in shape[1:3] or shape[1] * shape[2] > 1


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
