"""The maps of all saliency methods of a model, on whichever backend Keras computes."""

from typing import Any

import numpy as np
from dermalign.classifiers.classifier import as_classifier
from dermalign.classifiers.passes import AFTER_SOFTMAX
from dermalign.saliency.calling import named_function
from dermalign.saliency.methods import LAYER, NETWORK, Method, explained_batches, joined
from dermalign.study.sources import METHOD, kinds_of, own_options

# Few of what the maps are means of: they need not be good, but the same.
FEW = {"smoothgrad": {"samples": 3}, "integrated_gradients": {"steps": 3}, "xrai": {"steps": 2}, "rise": {"masks": 6}}


def explained(model: Any, layer: str, pictures: np.ndarray, finer: str | None = None) -> dict[str, np.ndarray]:
    """Return {method: raw maps} and the probabilities.

    All formulas at the layer, and Grad-CAM at a finer one, are of one pass; where a finer one is named, of two pictures
    also those of a probability, and the maps of all methods that ask the network.
    """
    formulas, others = {}, {}
    for name, kind in kinds_of(METHOD).items():
        options = {key: value for key, value in own_options(kind, FEW.get(name, {})).items() if key != "negative"}
        at = layer if kind.takes == LAYER or "layer" in kind.options else None
        method = Method(named_function(kind.compute), kind.takes, at, options)
        (others if kind.takes == NETWORK else formulas)[name] = method
    if finer:
        formulas["finer"] = Method(formulas["gradcam"].function, LAYER, finer)
    found = maps_of(model, formulas, pictures, batch_size=3)
    if finer:
        of_probability = maps_of(model, formulas, pictures[:2], score=AFTER_SOFTMAX, target=[0, 1])
        found |= {f"{name} of a probability": maps for name, maps in of_probability.items()}
        found |= maps_of(model, others, pictures[:2], batch_size=4)
    return found


def maps_of(model: Any, methods: dict[str, Method], pictures: np.ndarray, **asked: Any) -> dict[str, np.ndarray]:
    """Return {method: raw maps} and the probabilities."""
    batches = list(explained_batches(as_classifier(model), methods, pictures, **asked))
    found = {name: joined([batch[name] for batch in batches]) for name in methods}
    return {name: maps.raw for name, maps in found.items()} | {
        "probabilities": next(iter(found.values())).probabilities
    }
