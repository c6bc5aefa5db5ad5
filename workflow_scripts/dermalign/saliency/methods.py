"""How a saliency method is called: with a classifier and pictures, for the maps of one batch."""

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..classifiers.backend import limit_threads
from ..classifiers.classifier import load_classifier
from ..logs import progress
from .blocks import MapBlock
from .inputs import Inputs
from .stretching import stretch


class MethodMaps(Protocol):
    """What a saliency method returns for n pictures.

    raw: float32 (n, h, w), not stretched. probabilities: float32 (n, classes), softmax of the class scores.
    predicted: (n,) class indices. A method that explains another class than the predicted one has `target`, (n,).
    """

    @property
    def raw(self) -> NDArray[np.float32]: ...

    @property
    def probabilities(self) -> NDArray[np.float32]: ...

    @property
    def predicted(self) -> NDArray[np.int64]: ...


class Method(Protocol):
    """The function of a saliency method.

    classifier: see `classifiers.classifier`. layer: name of the saliency layer. pictures: (H, W, 3) uint8 RGB of the
    classifier's input size, one at a time. logits: name of the layer of the class scores, None where they are before
    the final softmax. options: as the registry declares them.
    """

    def __call__(
        self,
        classifier: Any,
        layer: str,
        pictures: Iterable[NDArray[np.uint8]],
        *,
        logits: str | None,
        **options: Any,
    ) -> MethodMaps: ...


def method_blocks(method: Method, inputs: Inputs, **options: Any) -> Iterator[MapBlock]:
    """Yield the maps of the inputs' pictures, each stretched by its own range; the classifier is loaded once."""
    limit_threads(inputs.threads)
    settings, images = inputs.settings, inputs.images
    pictures = inputs.decoded(images, settings["input_size"])
    found = method(
        load_classifier(str(inputs.classifier)),
        settings.get("path", settings["saliency_layer"]),
        progress(pictures, len(images), "saliency maps"),
        logits=settings.get("logits"),
        **options,
    )
    saliency, degenerate = stretch(found.raw)
    predicted = [inputs.classes[index] for index in found.predicted]
    target = getattr(found, "target", found.predicted)
    yield MapBlock(
        images=images,
        saliency=saliency,
        raw=found.raw,
        degenerate=degenerate,
        probabilities=found.probabilities,
        predicted=predicted,
        target=[inputs.classes[index] for index in target],
        layer=settings["saliency_layer"],
    )
