"""A saliency method for tests, of the resolution that the classifier sees: how dark each pixel of the picture is."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class DarknessMaps(NamedTuple):
    """See `methods.MethodMaps`."""

    raw: NDArray[np.float32]
    probabilities: NDArray[np.float32]
    predicted: NDArray[np.int64]


def darkness(
    classifier: Any,
    layer: str,
    pictures: Iterable[NDArray[np.uint8]],
    *,
    logits: str | None = None,
    power: float = 1.0,
) -> DarknessMaps:
    """Return 255 minus the mean of a pixel's channels, to the given power."""
    stacked = np.stack(list(pictures))
    scores = classifier.scores(logits)(stacked)
    exponentials = np.exp(scores - scores.max(axis=1, keepdims=True))
    return DarknessMaps(
        raw=((255 - stacked.mean(axis=3)) ** power).astype(np.float32),
        probabilities=exponentials / exponentials.sum(axis=1, keepdims=True),
        predicted=scores.argmax(axis=1),
    )
