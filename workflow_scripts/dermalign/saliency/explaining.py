"""Saliency methods by their names, for a notebook; a workflow's jobs are given their functions by the registry."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from jsonschema import Draft202012Validator
from numpy.typing import ArrayLike, NDArray

from ..classifiers.classifier import Classifier, as_classifier
from ..errors import InputError
from ..study.sources import METHOD, kinds_of, own_options
from .calling import named_function
from .methods import PICTURES, PREDICTED, Explained, Method, explained_batches, joined

if TYPE_CHECKING:
    import keras


def explain(
    classifier: "Classifier | keras.Model",
    pictures: NDArray[np.uint8] | Iterable[NDArray[np.uint8]],
    method: str = "gradcam",
    *,
    layer: str | None = None,
    target: "str | ArrayLike" = PREDICTED,
    score: str | None = None,
    batch_size: int = 32,
    logits: str | None = None,
    seed: int = 0,
    **options: Any,
) -> Explained:
    """Return the maps of a saliency method for each picture.

    pictures: (n, H, W, 3) uint8, RGB from 0 to 255, of the classifier's input size, or an iterator of such (H, W, 3)
    pictures; at least one. method: a name of the registry, `study.sources.KINDS`. layer: whose output a method of a
    layer weighs. score: before or after the softmax, None for the method's default. options: the method's own. Others:
    see `methods.explained_batches`.
    Raises `InputError` as `explained_batches`, for an unknown method, for an option, or a score, that it does not know
    or with a value that it cannot have, and where no layer is named for a method that needs one.
    """
    kinds = kinds_of(METHOD)
    if method not in kinds:
        raise InputError(f"method: there is no {method}; known are {', '.join(kinds)}")
    kind = kinds[method]
    known = own_options(kind, {})
    if unknown := set(options) - set(known):
        raise InputError(f"{method} has no option {', '.join(sorted(unknown))}; known are {', '.join(known) or 'none'}")
    for key, value in {"score": score or kind.options["score"]["default"], **options}.items():
        plain = value.item() if isinstance(value, np.generic) else value
        for fault in Draft202012Validator(kind.options[key]).iter_errors(plain):
            raise InputError(f"{method}: {key}: {fault.message}")
    if layer is None and "layer" in kind.options:
        raise InputError(f"{method}: name the layer whose output it weighs")
    negative = options.pop("negative", known.get("negative"))
    asked = Method(
        named_function(kind.compute),
        kind.takes,
        None if kind.takes == PICTURES else layer,
        {key: value for key, value in {**known, **options}.items() if key != "negative"},
        negative,
    )
    found = explained_batches(
        as_classifier(classifier),
        {method: asked},
        pictures,
        target=target,
        score=score or kind.options["score"]["default"],
        batch_size=batch_size,
        logits=logits,
        seed=seed,
    )
    batches = [batch[method] for batch in found]
    if not batches:
        raise InputError("pictures: there are none to be explained")
    return joined(batches)
