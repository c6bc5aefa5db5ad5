"""The maps of saliency methods as a job makes them, from a study's classifier and archive of pictures."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..classifiers.backend import limit_threads
from ..classifiers.batches import read_ahead
from ..classifiers.classifier import load_classifier
from ..logs import progress
from .blocks import MapBlock
from .calling import named_function
from .inputs import Inputs
from .methods import PREDICTED, Method, explained_batches
from .stretching import stretch

INPUT = "input"  # the layer of maps of the picture's own pixels
DIAGNOSIS = "diagnosis"  # the target where it is each picture's own


def method_blocks(
    methods: Mapping[str, Mapping[str, Any]], asked: Mapping[str, Any], inputs: Inputs
) -> Iterator[tuple[str, MapBlock]]:
    """Yield (method, maps of a batch of pictures), each map stretched by its own range; the classifier is loaded once.

    methods: {method: `compute` (`module:function`), `layer` (its name as configured, None for the picture's own
    pixels) and the fields of `methods.Method` beside these}. asked: `target` (predicted, or a class for all pictures,
    or for each), `score` and `batch_size`. Raises `InputError` as `methods.explained_batches`.
    """
    limit_threads(inputs.threads)
    settings, images, target = inputs.settings, inputs.images, asked["target"]
    pictures = read_ahead(inputs.decoded(images, settings["input_size"]), 2 * asked["batch_size"])
    batches = explained_batches(
        load_classifier(str(inputs.classifier)),
        asked_methods(methods, settings["layers"]),
        progress(pictures, len(images), "saliency maps"),
        target=asked_target(target, inputs),
        score=asked["score"],
        batch_size=asked["batch_size"],
        logits=settings.get("logits"),
        seed=inputs.seed,
    )
    done = 0
    for batch in batches:
        for name, found in batch.items():
            saliency, degenerate = stretch(found.raw)
            yield (
                name,
                MapBlock(
                    images=images[done : done + len(saliency)],
                    saliency=saliency,
                    raw=found.raw,
                    signed=found.signed,
                    degenerate=degenerate,
                    probabilities=found.probabilities,
                    predicted=[inputs.classes[index] for index in found.predicted],
                    target=[inputs.classes[index] for index in found.target],
                    layer=methods[name]["layer"] or INPUT,
                    score=asked["score"],
                    asked_for=target if isinstance(target, str) else DIAGNOSIS,
                ),
            )
        done += len(saliency)


def asked_methods(methods: Mapping[str, Mapping[str, Any]], layers: Mapping[str, str]) -> dict[str, Method]:
    """Return the methods of a job with their functions; methods: as in `method_blocks`; layers: as in `Inputs`."""
    return {
        name: Method(
            named_function(method["compute"]),
            method["takes"],
            None if method["layer"] is None else layers[method["layer"]],
            method["options"],
            method["negative"],
        )
        for name, method in methods.items()
    }


def asked_target(target: str | Sequence[str], inputs: Inputs) -> str | list[int]:
    """Return what maps are asked of: `predicted` as it is, a class, or one for each picture, as indices."""
    if target == PREDICTED:
        return PREDICTED
    names = [target] * len(inputs.images) if isinstance(target, str) else target
    return [inputs.classes.index(name) for name in names]
