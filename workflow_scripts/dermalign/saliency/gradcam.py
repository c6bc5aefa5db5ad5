"""Grad-CAM: where in a picture the score of a class comes from.

Selvaraju, Cogswell, Das, Vedantam, Parikh, Batra, "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based
Localization", ICCV 2017, https://arxiv.org/abs/1610.02391
"""

import difflib
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..classifiers.brought.graphs import GraphClassifier
from ..classifiers.gradients import GradientFunction, softmax
from ..errors import InputError

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class GradCam:
    """Maps and predictions of n pictures."""

    raw: NDArray[np.float32]
    """(n, h, w), not negative, not stretched, in units of class score"""
    probabilities: NDArray[np.float32]
    """(n, classes), softmax of the scores"""
    predicted: NDArray[np.int64]
    """(n,) class indices, the classes that the maps explain"""


def find_layer(model: "keras.Model", name: str) -> "keras.layers.Layer":
    """Return the layer called `name` in `model` or in a model nested in it.

    A name that several nested models have must be written with the models' names, `backbone/convolution`.
    Raises `InputError` naming the candidates when there is no such layer or more than one.
    """
    layers = dict(walk(model, ""))
    if name in layers:
        return layers[name]
    matches = {path: layer for path, layer in layers.items() if path.endswith(f"/{name}")}
    if len({id(layer) for layer in matches.values()}) == 1:
        return next(iter(matches.values()))
    if matches:
        raise InputError(f"layer {name!r} of model {model.name} is ambiguous: {', '.join(matches)}")
    spatial = [path for path, layer in layers.items() if _is_spatial(layer)]
    names = {path.rpartition("/")[2]: path for path in spatial}
    nearest = [names[near] for near in difflib.get_close_matches(name.rpartition("/")[2], names, n=5)]
    raise InputError(
        f"model {model.name} has no layer {name!r}; candidates: "
        + (", ".join(nearest or spatial[-8:]) or "none, no layer has an output (height, width, channels)")
    )


def load_classifier(path: str | Path) -> "keras.Model | GraphClassifier":
    """Load a classifier of the study: a model of Keras, in safe mode, or the frozen graph (.pb) of a SavedModel."""
    if Path(path).suffix == ".pb":
        return GraphClassifier.read(path)
    import keras

    return keras.models.load_model(path, compile=False, safe_mode=True)


def grad_cam(
    model: "keras.Model | GraphClassifier",
    layer_name: str,
    pictures: NDArray[np.uint8] | Iterable[NDArray[np.uint8]],
    batch_size: int = 32,
    logits: str | None = None,
) -> GradCam:
    """Compute Grad-CAM of the predicted class at the layer `layer_name` for each picture.

    `logits` names the layer whose output is the class scores, None where they are before the final softmax.

    `pictures`: (n, H, W, 3) uint8, values 0 to 255, of the model's input size, or an iterator of such (H, W, 3)
    pictures, of which only one batch is held at a time. The gradient is that of the score before the softmax; the
    weight of a channel is the spatial mean of its gradient (equation 1) and the map is the ReLU of the weighted sum of
    the channels (equation 2). Raises `InputError` for a missing or unsuitable layer, and when scores are not finite.
    """

    if batch_size < 1:
        raise InputError(f"batch_size: must be at least 1, not {batch_size}")
    if isinstance(model, GraphClassifier):
        evaluate = GradientFunction(model, layer_name)
    else:
        evaluate = GradientFunction(model, find_layer(model, layer_name), logits and find_layer(model, logits))
    raw, scores_of = [], []
    for batch in batched(pictures, batch_size):
        count = len(batch)
        # A shorter last batch would be compiled anew, which takes longer than to compute it in full.
        padded = batch + [batch[-1]] * (batch_size - count)
        found = evaluate(np.stack(padded))
        weights = found.gradients[:count].mean(axis=(1, 2))
        raw.append(np.maximum(np.einsum("nhwc,nc->nhw", found.activations[:count], weights), 0))
        scores_of.append(found.logits[:count])
    if not raw:
        size = [side or 32 for side in evaluate.input_shape]
        nothing = evaluate(np.zeros((1, *size), np.uint8))
        raw.append(np.zeros((0, *nothing.activations.shape[1:3]), np.float32))
        scores_of.append(nothing.logits[:0])
    scores = np.concatenate(scores_of)
    if not np.isfinite(scores).all():
        raise InputError(
            f"model {model.name}: {int((~np.isfinite(scores)).any(axis=1).sum())} of {len(scores)} pictures have class "
            "scores that are not finite; its weights are broken, train it again with a smaller learning rate"
        )
    return GradCam(
        raw=np.concatenate(raw).astype(np.float32),
        probabilities=softmax(scores).astype(np.float32),
        predicted=scores.argmax(axis=1),
    )


def stretch(raw: NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Stretch each of n maps (n, h, w) to [0, 1] by its own minimum and maximum.

    Returns (saliency (n, h, w) float32, degenerate (n,) bool). A constant map is degenerate and becomes zeros, so
    nothing is ever NaN. Raises `InputError` for values that are not finite.
    """
    if not np.isfinite(raw).all():
        wrong = np.flatnonzero(~np.isfinite(raw).all(axis=(1, 2)))
        raise InputError(f"saliency maps with values that are not finite: {len(wrong)} (first: number {wrong[0]})")
    values = raw.astype(np.float64)  # the difference of two float32 may overflow float32
    low = values.min(axis=(1, 2), keepdims=True)
    span = values.max(axis=(1, 2), keepdims=True) - low
    degenerate = span == 0
    saliency = (values - low) / np.where(degenerate, 1.0, span)
    return saliency.astype(np.float32), degenerate[:, 0, 0]


def walk(model: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    """Yield (name, layer) of the layers of `model` and of those nested in it, these with their models' names before."""
    for layer in getattr(model, "layers", ()):
        yield prefix + layer.name, layer
        yield from walk(layer, f"{prefix}{layer.name}/")


def _is_spatial(layer: Any) -> bool:
    try:
        shape = layer.output.shape
    except AttributeError:  # never called, or several outputs
        return False
    return len(shape) == 4 and type(layer).__name__ != "InputLayer"


def batched(pictures: Iterable[NDArray[Any]], size: int) -> Iterator[list[NDArray[Any]]]:
    """Yield lists of at most `size` pictures; only one is held at a time."""
    iterator = iter(pictures)
    while batch := list(itertools.islice(iterator, size)):
        yield batch
