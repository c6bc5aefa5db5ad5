"""Layers of a network by their names, also of networks within it."""

import difflib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..errors import InputError

if TYPE_CHECKING:
    import keras


def walk(model: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    """Yield (name, layer) of the layers of `model` and of those nested in it, these with their models' names before.

    prefix: what stands before all names, empty for a whole model.
    """
    for layer in getattr(model, "layers", ()):
        yield prefix + layer.name, layer
        yield from walk(layer, f"{prefix}{layer.name}/")


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


def _is_spatial(layer: Any) -> bool:
    try:
        shape = layer.output.shape
    except AttributeError:  # never called, or several outputs
        return False
    return len(shape) == 4 and type(layer).__name__ != "InputLayer"
