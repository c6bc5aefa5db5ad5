"""A classifier as methods ask it that look at one picture many times: in batches of one size, of one class's score."""

from collections.abc import Iterator, Sequence
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..classifiers.batches import asked_size
from ..classifiers.classifier import Classifier
from ..classifiers.functions import Place
from ..classifiers.passes import AFTER_SOFTMAX, BEFORE_SOFTMAX, check_score
from ..classifiers.probabilities import softmax
from ..errors import InputError

Floats = NDArray[np.float32]


class Network:
    """The score of a class, its gradient, and a layer's activations, of changed pictures (m, H, W, 3) float32.

    All are compiled when they are first asked for, and for one size of batch each, by `asked_size`.
    """

    def __init__(
        self,
        classifier: Classifier,
        layer: str | None = None,
        logits: str | None = None,
        score: str = BEFORE_SOFTMAX,
        batch_size: int = 32,
    ) -> None:
        """layer, logits: as in `Classifier`. score: of the class, before or after the softmax.

        Raises `InputError` for a score that is none.
        """
        check_score(score)
        self.batch_size = asked_size(batch_size)
        self._classifier, self._layer, self._logits, self._score = classifier, layer, logits, score
        self._functions: dict[str, Any] = {}

    def scores(self, pictures: Floats, target: int) -> Floats:
        """Return the class's scores (m,)."""
        function = self._compiled("scores", lambda: self._classifier.scores(self._logits))
        logits = self._of_all(pictures, lambda batch: function(batch))
        found = softmax(logits) if self._score == AFTER_SOFTMAX else logits
        return np.asarray(found[:, target], dtype=np.float32)

    def gradients(self, pictures: Floats, target: int) -> Floats:
        """Return the gradients (m, H, W, 3) of the class's score with respect to the pictures."""
        places = [Place(None, lambda _, gradient: gradient)]
        function = self._compiled("gradients", lambda: self._classifier.passing(places, self._logits, self._score))
        return self._of_all(pictures, lambda batch: function(batch, np.full(len(batch), target)).values[0])

    def activations(self, picture: NDArray[Any]) -> Floats:
        """Return the layer's activations (h, w, channels) of a picture. Raises `InputError` where no layer is named."""
        if self._layer is None:
            raise InputError("layer: name the layer whose channels are asked for")
        places = [Place(self._layer, lambda output, _: output)]
        function = self._compiled("activations", lambda: self._classifier.passing(places, self._logits))
        found: Floats = function(picture[None]).values[0][0]
        return found

    def batches(self, count: int) -> Iterator[slice]:
        """Yield the parts of `count` that are asked about together, all of a size but the last."""
        size = ceil(count / max(1, ceil(count / self.batch_size)))
        for start in range(0, count, size):
            yield slice(start, min(start + size, count))

    def _of_all(self, pictures: Floats, function: Any) -> Floats:
        parts: Sequence[slice] = list(self.batches(len(pictures)))
        size = asked_size(parts[0].stop)
        found = []
        for part in parts:
            batch = pictures[part]
            short = size - len(batch)  # compiled anew for another size
            full = np.concatenate([batch, np.repeat(batch[-1:], short, axis=0)]) if short else batch
            found.append(function(full)[: len(batch)])
        return np.concatenate(found)

    def _compiled(self, name: str, make: Any) -> Any:
        if name not in self._functions:
            self._functions[name] = make()
        return self._functions[name]
