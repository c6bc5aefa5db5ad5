"""The sanity check of saliency methods: how far maps stay what they are while the classifier's weights are randomised.

Adebayo, Gilmer, Muelly, Goodfellow, Hardt, Kim, "Sanity Checks for Saliency Maps", NeurIPS 2018,
https://arxiv.org/abs/1810.03292, section 3. A method whose maps stay alike does not explain what the classifier has
learned: an edge detector's would. The class that is explained, and whatever a method draws, are the same before and
after.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..classifiers.backend import limit_threads
from ..classifiers.classifier import Classifier, load_classifier
from ..classifiers.passes import BEFORE_SOFTMAX
from ..classifiers.randomising import Stage, randomised, weights_kept
from ..logs import logger, progress
from .inputs import Inputs
from .method_blocks import asked_methods, asked_target
from .methods import NETWORK, PREDICTED, Explained, Method, explainer
from .sanity_files import SanityRow
from .similarity import similarity


@dataclass(frozen=True)
class Asked:
    """Saliency methods that are asked together, as `methods.explainer` takes them, and of which class.

    target: `predicted`, that of the classifier as it is trained, or class indices.
    """

    methods: Mapping[str, Method]
    target: "str | ArrayLike" = PREDICTED
    score: str = BEFORE_SOFTMAX
    batch_size: int = 32


class Compared(NamedTuple):
    """How alike a method's maps of n pictures are before and after a stage: float64 (n,), as `similarity`."""

    method: str
    stage: Stage
    rank_correlation: NDArray[np.float64]
    ssim: NDArray[np.float64]


def compared_maps(
    classifier: Classifier,
    asked: Sequence[Asked],
    pictures: NDArray[np.uint8],
    *,
    stages: int = 5,
    logits: str | None = None,
    seed: int = 0,
) -> list[Compared]:
    """Return how alike each method's maps are to those of the classifier as it was trained: by method, then stage.

    Each picture has a randomisation of its own, so that an interval of a mean over pictures is one over draws of the
    weights, too; the classifier is then as it was. pictures: (n, H, W, 3) uint8, of the classifier's input size, at
    least one. stages: as in `randomising.randomised`. logits: as in `methods.explained_batches`. seed: of the weights,
    and of what methods draw.
    Raises `InputError` as these do.
    """
    functions = [
        explainer(
            classifier,
            each.methods,
            score=each.score,
            batch_size=each.batch_size if any(method.takes == NETWORK for method in each.methods.values()) else 1,
            logits=logits,
            seed=seed,
        )
        for each in asked
    ]
    methods = [name for each in asked for name in each.methods]

    def maps_of(picture: NDArray[np.uint8], targets: Sequence[Any]) -> dict[str, Explained]:
        of_each = (function([picture], target) for function, target in zip(functions, targets, strict=True))
        return {name: explained for (found,) in of_each for name, explained in found.items()}

    found: dict[Stage, NDArray[np.float64]] = {}
    kept: Counter[Stage] = Counter()
    for row, picture in enumerate(progress(pictures, len(pictures), "pictures of the sanity check")):
        before = maps_of(picture, [_target(each, row) for each in asked])
        targets = [before[next(iter(each.methods))].target for each in asked]
        drawn = int(np.random.SeedSequence([seed, row]).generate_state(1)[0])
        with weights_kept(classifier):
            for stage in randomised(classifier, pictures, stages=stages, seed=drawn):
                after = maps_of(picture, targets)
                values = found.setdefault(stage, np.full((len(methods), 2, len(pictures)), np.nan))
                for place, name in enumerate(methods):
                    values[place, :, row] = similarity(before[name].raw, after[name].raw)
                kept[stage] += int(before[methods[0]].predicted[0] == after[methods[0]].predicted[0])
    for stage in found:
        words = "%d of %d layers randomised, as far as %s: %d of %d pictures get the class that they had"
        logger.info(words, stage.layers, stage.of, stage.layer, kept[stage], len(pictures))
    return [
        Compared(name, stage, *values[place]) for place, name in enumerate(methods) for stage, values in found.items()
    ]


def _target(asked: Asked, row: int) -> "str | ArrayLike":
    return asked.target if isinstance(asked.target, str) else np.asarray(asked.target)[[row]]


def sanity_rows(jobs: Sequence[Mapping[str, Any]], inputs: Inputs, stages: int) -> list[SanityRow]:
    """Return how alike a model's maps stay: by method, then stage, then picture.

    jobs: for those methods that one pass serves, `methods` and `asked`, as `method_blocks.method_blocks` takes them.
    inputs: of the model; `images` is the sample, at least one. Raises `InputError` as `compared_maps`.
    """
    limit_threads(inputs.threads)
    asked = [
        Asked(
            asked_methods(job["methods"], inputs.settings["layers"]),
            asked_target(job["asked"]["target"], inputs),
            job["asked"]["score"],
            job["asked"]["batch_size"],
        )
        for job in jobs
    ]
    found = compared_maps(
        load_classifier(str(inputs.classifier)),
        asked,
        np.stack(list(inputs.decoded(inputs.images, inputs.settings["input_size"]))),
        stages=stages,
        logits=inputs.settings.get("logits"),
        seed=inputs.seed,
    )
    return [
        SanityRow(method, stage.number, stage.layers, stage.layer, image, float(correlation), float(similarity))
        for method, stage, *values in found
        for image, correlation, similarity in zip(inputs.images, *values, strict=True)
    ]
