"""Classifiers whose weights are randomised layer by layer, from the scores back to the picture.

Adebayo, Gilmer, Muelly, Goodfellow, Hardt, Kim, "Sanity Checks for Saliency Maps", NeurIPS 2018,
https://arxiv.org/abs/1810.03292, section 3: the cascading randomisation.
"""

import random
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .classifier import Classifier
from .gradients import replaced_call
from .keras_classifier import KerasClassifier
from .layers import walk


@dataclass(frozen=True)
class Stage:
    """How far a classifier is randomised.

    number: from 1. layers: how many of the layers with a kernel are randomised by now, of `of` that there are. layer:
    the name of the last of them, that which is nearest the picture, with those of the models that it is nested in.
    """

    number: int
    layers: int
    of: int
    layer: str


@dataclass(frozen=True)
class _Part:
    """A layer with a kernel, and the layers without one that follow it up to the next: they are randomised together."""

    name: str
    layers: list[Any]


def randomised(classifier: Classifier, pictures: NDArray[Any], *, stages: int = 5, seed: int = 0) -> Iterator[Stage]:
    """Randomise a classifier's weights in place, from the last layer to the first, and yield after each stage.

    The layers with a kernel (a weight of two axes or more), nested models' too, are dealt into `stages` groups of about
    equal numbers, fewer where there are fewer layers; with a layer go those without a kernel that follow it. After the
    last stage nothing of the training is left. What has been compiled of the classifier reads the new weights.

    Every weight that training learns, of a frozen layer too, gets a new value of its layer's own initializer, drawn
    with `seed`: that of an untrained network, which is 0 for most biases, and scale 1 and offset 0 in
    BatchNormalization. The mean and variance of a Normalization of pixels are no weights and stay.

    pictures: (n, H, W, 3), RGB from 0 to 255, at least one; they are for BatchNormalization alone. Its moving mean and
    variance are not learned but measured, and belong to the weights before them. Left as they are, as by the code of
    the paper's authors, which initializes trainable variables, they no longer fit: in MobileNetV2 with ImageNet's
    weights, two fifths of the layers randomised, scores differed from picture to picture by 3e-6 instead of 0.6, and
    maps were nearly the same for all pictures. Set to 0 and 1, as Keras starts with them, scores shrank to 1e-12, too
    small for methods that compare probabilities. So they are measured anew, on these pictures, at every stage, as in
    the first step of a training: scores keep their size in any depth (differences of 0.2 there), and are finite.

    Raises `InputError` for a frozen graph, whose weights are constants, for a classifier without kernels, and for a
    layer that cannot be built anew.
    """
    if not isinstance(classifier, KerasClassifier):
        raise InputError(
            f"model {classifier.name}: a frozen graph has constants in the place of weights, which cannot be randomised"
        )
    if stages < 1:
        raise InputError(f"stages: must be at least 1, not {stages}")
    parts = _parts(classifier)
    done: list[Any] = []
    count = 0
    groups = np.array_split(np.arange(len(parts))[::-1], min(stages, len(parts)))
    for number, group in enumerate(groups, start=1):
        for place in group.tolist():
            for layer in parts[place].layers:
                _reinitialise(layer, int(np.random.SeedSequence([seed, len(done)]).generate_state(1)[0]))
                done.append(layer)
            count += 1
        _measure_normalizations(classifier, done, pictures)
        yield Stage(number, count, len(parts), parts[int(group[-1])].name)


@contextmanager
def weights_kept(classifier: Classifier) -> Iterator[None]:
    """Have a classifier's weights, and all that stands beside them, after the block as they were before it."""
    model = classifier.model if isinstance(classifier, KerasClassifier) else None
    kept = model.get_weights() if model else []
    try:
        yield
    finally:
        if model:
            model.set_weights(kept)


def _parts(classifier: KerasClassifier) -> list[_Part]:
    """Return the parts that are randomised as one, in the order of the forward pass."""
    parts: list[_Part] = []
    before: list[Any] = []  # any kernel
    seen: set[int] = set()
    for name, layer in walk(classifier.model, ""):
        if id(layer) in seen or getattr(layer, "layers", None) or not layer.variables:
            continue
        seen.add(id(layer))  # a layer that is called twice is one
        if _has_kernel(layer):
            parts.append(_Part(name, [layer]))
        else:
            (parts[-1].layers if parts else before).append(layer)
    if not parts:
        raise InputError(f"model {classifier.name}: it has no layer with a kernel that could be randomised")
    parts[0].layers.extend(before)
    return parts


def _has_kernel(layer: Any) -> bool:
    return any(len(variable.shape) > 1 for variable in _learned(layer))


def _learned(layer: Any) -> list[Any]:
    """Return the variables that training learns, of a frozen layer too."""
    was = layer.trainable
    try:
        layer.trainable = True
        return list(layer.trainable_variables)
    finally:
        layer.trainable = was


def _reinitialise(layer: Any, seed: int) -> None:
    """Give a layer's weights the values that it would start with."""
    learned = _learned(layer)
    try:
        with _python_seeded(seed):
            # Its own configuration, but for seeds: those would give the weights that it started with.
            new = type(layer).from_config({**_without_seeds(layer.get_config()), "trainable": True})
            new.build_from_config(layer.get_build_config())
    except Exception as error:  # whatever a layer of somebody else's raises
        raise InputError(f"layer {layer.name}: it cannot be built anew to be randomised ({error})") from error
    values = list(new.trainable_variables)
    if [tuple(variable.shape) for variable in values] != [tuple(variable.shape) for variable in learned]:
        raise InputError(f"layer {layer.name}: built anew it has other weights, so that it cannot be randomised")
    for variable, value in zip(learned, values, strict=True):
        variable.assign(value)


def _without_seeds(settings: Any) -> Any:
    if isinstance(settings, dict):
        return {key: None if key == "seed" else _without_seeds(value) for key, value in settings.items()}
    if isinstance(settings, list | tuple):
        return type(settings)(map(_without_seeds, settings))
    return settings


@contextmanager
def _python_seeded(seed: int) -> Iterator[None]:
    """Have initializers without a seed draw theirs, as Keras does, from Python's generator with this one."""
    state = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)


def _measure_normalizations(classifier: KerasClassifier, layers: Sequence[Any], pictures: NDArray[Any]) -> None:
    """Set the moving statistics of BatchNormalization layers to those of their inputs, in one pass of the pictures.

    Each is measured when the pass comes to it, behind those before it with their new statistics. All other layers
    compute as they do when asked: nothing is dropped out, no other statistics move.
    """
    import keras

    normalizations = [layer for layer in layers if isinstance(layer, keras.layers.BatchNormalization)]
    if not normalizations:
        return

    def measured(layer: Any) -> Any:
        def wrap(call: Any) -> Any:
            def layer_call(inputs: Any, *arguments: Any, **keywords: Any) -> Any:
                axes = [axis for axis in range(len(inputs.shape)) if axis != layer.axis % len(inputs.shape)]
                mean, variance = keras.ops.moments(keras.ops.cast(inputs, "float32"), axes)
                layer.moving_mean.assign(mean)
                layer.moving_variance.assign(variance)
                return call(inputs, *arguments, **keywords)

            return layer_call

        return wrap

    with ExitStack() as replaced:
        for layer in normalizations:
            replaced.enter_context(replaced_call(layer, measured(layer)))
        classifier.model(np.asarray(pictures, dtype=np.float32), training=False)
