"""What a classifier computes at a layer, and classifiers without a library for networks, whose values are known."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from dermalign.classifiers.functions import PassFunction, Place, ScoreFunction, pass_function, score_function
from dermalign.classifiers.passes import AFTER_SOFTMAX, BEFORE_SOFTMAX
from dermalign.classifiers.probabilities import softmax

Score = Callable[[np.ndarray], np.ndarray]


class Differentiated(NamedTuple):
    """A layer's output and the gradient of the class score there, (n, h, w, channels), and the logits (n, classes)."""

    activations: np.ndarray
    gradients: np.ndarray
    logits: np.ndarray


def differentiated(
    classifier: Any, layer: Any, logits: Any = None, score: str = BEFORE_SOFTMAX
) -> Callable[..., Differentiated]:
    """Return the function of (pictures, target) that gives what a pass has at a layer; None: at the pictures."""
    places = [Place(layer, lambda output, _: output), Place(layer, lambda _, gradient: gradient)]
    one_pass = classifier.passing(places, logits, score)

    def evaluate(pictures: Any, target: Any = "predicted") -> Differentiated:
        (activations, gradients), scores = one_pass(pictures, target)
        return Differentiated(activations, gradients, scores)

    return evaluate


class Formula:
    """A classifier (`classifier.Classifier`) given by its class scores and their gradients, for pictures of one size.

    It has no layer but the pictures themselves, which `layer` may name: its activations are the pictures.
    """

    name = "formula"

    def __init__(self, size: tuple[int, int], logits: Score, gradients: Score, layer: str = "pixels") -> None:
        """logits: of pictures (n, H, W, 3) float64, (n, classes). gradients: of each of them, (n, classes, H, W, 3)."""
        self.input_shape = (*size, 3)
        self._logits, self._gradients, self._layer = logits, gradients, layer
        self.scored: list[int] = []
        """how many pictures each call for scores asked about"""
        self.passed: list[int] = []
        """how many pictures each pass had"""

    def scores(self, logits: str | None = None) -> ScoreFunction:
        """Return the function of pictures that gives their class scores."""

        def evaluate(pictures: np.ndarray) -> np.ndarray:
            self.scored.append(len(pictures))
            return self._logits(pictures.astype(np.float64)).astype(np.float32)

        return score_function(evaluate, self.input_shape)

    def passing(self, places: Sequence[Place], logits: str | None = None, score: str = BEFORE_SOFTMAX) -> PassFunction:
        """Return the function of pictures that gives what is made at each place."""
        assert all(place.layer in (None, self._layer) for place in places)

        def evaluate(pictures: np.ndarray, targets: np.ndarray) -> list[np.ndarray]:
            self.passed.append(len(pictures))
            exact = pictures.astype(np.float64)
            found, gradients = self._logits(exact), self._gradients(exact)
            rows, chosen = np.arange(len(found)), np.where(targets < 0, found.argmax(axis=1), targets)
            # As of a class that there is not; who asks is told only afterwards how many classes there are.
            is_class = (chosen < found.shape[1])[:, None, None, None]
            chosen = np.minimum(chosen, found.shape[1] - 1)
            own = gradients[rows, chosen] * is_class
            if score == AFTER_SOFTMAX:  # p_c' = p_c (z_c' - sum_k p_k z_k')
                probabilities = softmax(found)
                mean = np.einsum("nk,nkhwc->nhwc", probabilities, gradients)
                own = probabilities[rows, chosen][:, None, None, None] * (own - mean)
            values = [place.combine(pictures, own.astype(np.float32)) for place in places]
            return [*(np.asarray(value) for value in values), found.astype(np.float32)]

        return pass_function(evaluate, self.input_shape)


def linear(weights: np.ndarray, bias: np.ndarray | None = None) -> Formula:
    """Return the classifier whose scores are sums over the picture of weights (classes, H, W, 3) times its values."""
    added = np.zeros(len(weights)) if bias is None else bias
    return Formula(
        weights.shape[1:3],
        lambda pictures: np.einsum("nhwc,khwc->nk", pictures, weights) + added,
        lambda pictures: np.broadcast_to(weights, (len(pictures), *weights.shape)),
    )


def quadratic(weights: np.ndarray) -> Formula:
    """Return the classifier whose scores are sums over the picture of weights (classes, H, W, 3) times its squares."""
    return Formula(
        weights.shape[1:3],
        lambda pictures: np.einsum("nhwc,khwc->nk", pictures**2, weights),
        lambda pictures: 2 * pictures[:, None] * weights,
    )


def smooth_network(size: tuple[int, int], layer: str = "features", precision: str = "float32") -> Any:
    """Return a network of Keras without kinks, which tells three classes apart; a cell of its layer is 2 x 2 pixels.

    size: of the pictures, (H, W). precision: a policy of Keras.
    """
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    parts = [
        layers.Rescaling(1 / 127.5, -1),
        layers.Conv2D(4, 4, strides=2, padding="same", activation="tanh", name=layer, dtype=precision),
        layers.Conv2D(4, 3, activation="softplus", dtype=precision),
        layers.Flatten(),
        layers.Dense(3),
        layers.Softmax(),
    ]
    return keras.Sequential([keras.Input((*size, 3)), *parts])


def gradients_for_package(network: Any, target: int, unit: float = 1) -> Callable[..., dict[str, np.ndarray]]:
    """Return a network's gradients as the PyPI package `saliency` asks for them, of pictures in some unit of values."""

    def called(pictures: np.ndarray, call_model_args: Any = None, expected_keys: Any = None) -> dict[str, np.ndarray]:
        assert expected_keys == ["INPUT_OUTPUT_GRADIENTS"]
        return {expected_keys[0]: unit * network.gradients(np.float32(unit * pictures), target)}

    return called
