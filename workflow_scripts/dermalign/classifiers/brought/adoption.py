"""Classifiers that a study brings along: checked without running their code, looked into, and adopted.

An adopted classifier takes RGB pictures with values 0 to 255, as the trained ones do: what is done to the pixels stands
before the layers of the file. So nothing downstream knows where a classifier is from.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...files import atomic_path
from ...logs import logger
from ..classifier import activations_at
from ..cost import multiply_adds
from ..functions import ScoreFunction
from ..keras_classifier import KerasClassifier
from ..layers import find_layer, walk
from ..preprocessing import treat_pixels
from .files import SAVED_MODEL, kind_of
from .freezing import freeze
from .graph_adoption import adopt_graph, write_graph
from .graph_classifier import GraphClassifier, demand_tensorflow
from .keras_files import load_keras_file

if TYPE_CHECKING:
    import keras


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
    layers: dict[str, dict[str, Any]] = field(default_factory=dict)
    """of the saliency layer and of those that `layers` in the settings names: `path`, `grid` (h, w) and `channels`"""
    multiply_adds: int | None = None
    """of a picture's pass, None where they cannot be told"""


def probe_classifier(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Load a brought classifier in safe mode, compute one picture's gradient, and return the fields of `Found`.

    Keys read of `settings`, an entry of `models:`: `classifier` (path), `pixels` (raw, unit, symmetric, caffe, torch),
    `classes` (names of its outputs), and if there `input_size`, `saliency_layer`, `layers` (names of more), `logits`.
    Raises InputError where anything of it does not fit, or loading would execute code of the file.
    """
    return asdict(_adopted(settings)[1])


def adopt(settings: Mapping[str, Any], output: str | Path) -> Found:
    """Write a brought classifier with its treatment of pixels before it to `output`, as .keras or (SavedModel) .pb.

    `settings` and faults as `probe_classifier`; a frozen graph over 2 GB is one, too. What was found and not configured
    is logged.
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
    classifier = KerasClassifier(model)
    gray = np.full((1, size, size, 3), 127, np.float32)

    _check_weights({weight.path: np.asarray(weight) for weight in original.weights})
    own = dict(walk(original, ""))
    logits = _layer(original, settings["logits"], "logits") if settings.get("logits") else None
    _check_outputs(classifier.scores(logits)(gray).shape[1], settings["classes"])
    _check_scores(classifier.scores(logits), size)

    if settings.get("saliency_layer"):
        wanted = settings["saliency_layer"]
        names = [_full_name(own, _layer(original, wanted, "saliency_layer"))]
    else:
        wanted = None
        names = [name for name, layer in reversed(own.items()) if _may_be_spatial(layer)]
    shape, name, fault = None, "", InputError("saliency_layer: no layer has an output (n, height, width, channels)")
    for name in names:
        try:
            found = activations_at(classifier, own[name], gray, logits).shape
        except InputError as error:
            fault = error
            continue
        if wanted or found[1] * found[2] > 1:
            shape = found
            break
    if shape is None:
        raise fault
    layers = {wanted or name: _described(f"{original.name}/{name}", shape)}
    for other in settings.get("layers", []):
        path = _full_name(own, _layer(original, other, "methods: layer"))
        layers[other] = _described(f"{original.name}/{path}", activations_at(classifier, own[path], gray, logits).shape)
    scores = None if logits is None else f"{original.name}/{_full_name(own, logits)}"
    return model, _found(settings, size, wanted or name, layers, scores, multiply_adds(original))


def _described(path: str, shape: tuple[int, ...]) -> dict[str, Any]:
    return {"path": path, "grid": (int(shape[1]), int(shape[2])), "channels": int(shape[3])}


def _layer(model: "keras.Model", name: str, key: str) -> "keras.layers.Layer":
    """Return the layer as `layers.find_layer`. key: of the model's settings, by which it is named."""
    layers = dict(walk(model, ""))
    if key == "logits" and not any(f"/{path}".endswith(f"/{name}") for path in layers):
        flat = [path for path, layer in layers.items() if len(_shape(layer)) == 2]
        raise InputError(
            f"logits: there is no layer {name!r}; those with an output (pictures, values) are {', '.join(flat[-8:])}. "
            "Name the one of the class scores"
        )
    try:
        return find_layer(model, name)
    except InputError as error:
        raise InputError(f"{key}: {error}. Name one of them") from error


def _full_name(layers: Mapping[str, Any], layer: Any) -> str:
    return next(name for name, other in layers.items() if other is layer)


def _adopted_graph(settings: Mapping[str, Any]) -> tuple[Any, Found]:
    demand_tensorflow()
    import tensorflow as tf

    try:
        frozen = freeze(settings["classifier"])
        size = _input_size(frozen.shape, settings.get("input_size"))
        pixels = settings["pixels"]
        if not frozen.dtype.is_floating and pixels != "raw":
            raise InputError(f"pixels: {pixels} makes fractions, but it takes {frozen.dtype.name}: say raw")
        others = settings.get("layers", [])
        adopted = adopt_graph(frozen, size, pixels, settings.get("saliency_layer"), settings.get("logits"), others)
        _check_outputs(adopted.outputs, settings["classes"])
        classifier = GraphClassifier(adopted.graph, str(settings["classifier"]))
        _check_scores(classifier.scores(), size)
        gray = np.full((1, size, size, 3), 127, np.float32)
        # Raises where there is no gradient.
        layers = {
            name: _described(path, activations_at(classifier, path, gray).shape)
            for name, path in {adopted.layer: adopted.path, **adopted.others}.items()
        }
    except (tf.errors.OpError, ValueError, LookupError) as error:
        first = str(error).strip().partition("\n")[0]
        raise InputError(f"cannot be used by TensorFlow {tf.__version__}: {first}") from error
    return adopted.graph, _found(settings, size, adopted.layer, layers)


def _found(
    settings: Mapping[str, Any],
    size: int,
    layer: str,
    layers: dict[str, dict[str, Any]],
    logits: str | None = None,
    passes: int | None = None,
) -> Found:
    said = []
    path, grid = layers[layer]["path"], layers[layer]["grid"]
    if not settings.get("input_size"):
        said.append(f"input_size: {size}, found in {settings['classifier']}")
    if not settings.get("saliency_layer"):
        said.append(
            f"saliency_layer: {layer}, found as the last with an output (n, height, width, channels), "
            f"{grid[0]} x {grid[1]} cells; name another to have its maps"
        )
    name = settings.get("saliency_layer") or layer
    return Found(size, name, path, grid, logits, tuple(said), {name: layers[layer], **layers}, passes)


def _input_size(shape: tuple[int | None, ...], configured: int | None) -> int:
    if len(shape) != 4 or shape[3] not in (3, None):
        raise InputError(
            f"takes {shape}, must take RGB pictures (n, height, width, 3), channels last. Bring a classifier that does"
        )
    _, height, width, _ = shape
    if height != width and None not in (height, width):
        raise InputError(
            f"takes pictures of {height} x {width} pixels; only square ones are supported. Bring a classifier of these"
        )
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


def _check_weights(weights: Mapping[str, NDArray[Any]]) -> None:
    broken = [name for name, value in weights.items() if value.dtype.kind == "f" and not np.isfinite(value).all()]
    if broken:
        raise InputError(
            f"its weights hold NaN or infinite values in {len(broken)} of {len(weights)} arrays, among them "
            f"{broken[0]}, as a training that failed leaves them. Bring the classifier from before it failed."
        )


def _check_scores(score: ScoreFunction, size: int) -> None:
    """Raise InputError where the scores of pictures are no numbers, or the same of all: of a classifier that sees none.

    Of pictures that have nothing in common, grey, black and of noise: only a network whose layers have all died, or
    whose weights were lost, gives them the same scores to the last digit.
    """
    noise = np.random.default_rng(0).integers(0, 256, (2, size, size, 3)).astype(np.float32)
    plain = np.stack([np.full((size, size, 3), level, np.float32) for level in (127, 0)])
    scores = score(np.concatenate([plain, noise]))
    if not np.isfinite(scores).all():
        raise InputError(
            "gives scores that are no numbers (NaN or infinite). Are `pixels` what it expects? Else bring a classifier "
            "that was trained to its end"
        )
    if (scores == scores[0]).all():
        raise InputError(
            f"gives the same scores, {', '.join(f'{value:g}' for value in scores[0])}, of a grey picture, a black one "
            "and of noise, so that it tells nothing apart. Are its weights in the file, and `pixels` what it expects?"
        )


def _may_be_spatial(layer: Any) -> bool:
    """Tell whether a layer's output is (n, h, w, c) of more than one cell, as far as its shape says; no model."""
    shape = _shape(layer)
    if len(shape) != 4 or hasattr(layer, "layers") or type(layer).__name__ == "InputLayer":
        return False
    return None in shape[1:3] or shape[1] * shape[2] > 1


def _shape(layer: Any) -> tuple[Any, ...]:
    """Return the shape of a layer's output, empty where it has none or several."""
    try:
        return tuple(layer.output.shape)
    except (AttributeError, ValueError):  # never called, or several outputs
        return ()
