"""What a classifier is to all that asks it, of whatever kind it is, and where one comes from."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .functions import PassFunction, Place, ScoreFunction
from .keras_classifier import KerasClassifier
from .passes import BEFORE_SOFTMAX

if TYPE_CHECKING:
    import keras


class Classifier(Protocol):
    """A finished classifier, of whatever kind: see `keras_classifier` and `brought.graph_classifier`.

    One with a single output z, the logit of a sigmoid, tells two classes apart: their scores are -z/2 and z/2, whose
    softmax is 1 - sigmoid(z) and sigmoid(z).
    """

    @property
    def name(self) -> str:
        """What messages call it."""

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        """(H, W, 3) of the pictures that it takes, None for any size."""

    def scores(self, logits: str | None = None) -> ScoreFunction:
        """Return the function of pictures that gives their class scores.

        logits: the name of the layer whose output is the scores, None where they are before the final softmax.
        Raises `InputError` where the scores cannot be told, or there is no such layer.
        """

    def passing(self, places: Sequence[Place], logits: str | None = None, score: str = BEFORE_SOFTMAX) -> PassFunction:
        """Return the function of pictures that gives what is made, in one pass, at each of some places.

        logits: as in `scores`. score: what is differentiated, the class score before the softmax or the probability
        after it. Raises `InputError` as `scores`, and for a layer that is lacking or unsuitable (here, or when the
        function is first called): its output must be (n, height, width, channels), or a square of tokens.
        """


def load_classifier(path: str | Path) -> Classifier:
    """Load a classifier of the study: a model of Keras, in safe mode, or the frozen graph (.pb) of a SavedModel.

    Raises `InputError` for a frozen graph on another backend than TensorFlow, and as `load_keras_file` for a model that
    would execute code, or that Keras cannot load.
    """
    if Path(path).suffix == ".pb":
        from .brought.graph_classifier import GraphClassifier

        return GraphClassifier.read(path)
    from .brought.keras_files import load_keras_file

    return KerasClassifier(load_keras_file(path))


def as_classifier(classifier: "Classifier | keras.Model") -> Classifier:
    """Return a classifier as it is, and a model of Keras as one. Raises `InputError` as `KerasClassifier`."""
    import keras

    return KerasClassifier(classifier) if isinstance(classifier, keras.Model) else classifier


def activations_at(
    classifier: Classifier, layer: str, pictures: NDArray[Any], logits: str | None = None
) -> NDArray[np.float32]:
    """Return a layer's output (n,h,w,channels) for pictures (n,H,W,3). Raises `InputError` as `Classifier.passing`."""
    (found,), _ = classifier.passing([Place(layer, lambda output, _: output)], logits)(pictures)
    return found
