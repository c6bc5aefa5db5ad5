"""A classifier as it is asked many times about one picture: in batches of one size, of one class."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from dermalign.classifiers.batches import asked_size
from dermalign.classifiers.keras_classifier import KerasClassifier
from dermalign.classifiers.passes import AFTER_SOFTMAX, BEFORE_SOFTMAX
from dermalign.errors import InputError
from dermalign.saliency.network import Network
from hypothesis import given
from hypothesis import strategies as st
from keras import layers
from pass_cases import differentiated, linear, quadratic
from scipy.special import softmax

RANDOM = np.random.default_rng(0)
CHANGED = RANDOM.normal(100, 50, (7, 4, 5, 3)).astype(np.float32)
WEIGHTS = RANDOM.normal(size=(3, 4, 5, 3)) / 1000


@given(count=st.integers(1, 300), batch_size=st.integers(1, 70))
def test_batches_are_of_one_size_but_for_the_last(count: int, batch_size: int) -> None:
    parts = list(Network(linear(WEIGHTS), batch_size=batch_size).batches(count))
    assert [number for part in parts for number in range(part.start, part.stop)] == list(range(count))
    sizes = [part.stop - part.start for part in parts]
    most = asked_size(batch_size)
    assert len(set(sizes[:-1])) <= 1 and 0 < sizes[-1] <= sizes[0] <= most
    # No more batches than there must be, and the last lacks less than one picture of each of them.
    assert len(sizes) == -(-count // most)
    assert sizes[0] - sizes[-1] < len(sizes)


@pytest.mark.parametrize("batch_size", [1, 2, 3, 7, 32])
def test_scores_and_gradients_are_of_the_named_class_in_any_batches(batch_size: int) -> None:
    network = Network(quadratic(WEIGHTS), batch_size=batch_size)
    logits = np.einsum("nhwc,khwc->nk", CHANGED.astype(np.float64) ** 2, WEIGHTS)
    for target in (2, 0):
        np.testing.assert_allclose(network.scores(CHANGED, target), logits[:, target], rtol=1e-4)
        np.testing.assert_allclose(network.gradients(CHANGED, target), 2 * CHANGED * WEIGHTS[target], rtol=1e-5)
    assert network.scores(CHANGED, 1).dtype == network.gradients(CHANGED, 1).dtype == np.float32


def test_scores_may_be_probabilities() -> None:
    network = Network(linear(WEIGHTS), score=AFTER_SOFTMAX)
    probabilities = softmax(np.einsum("nhwc,khwc->nk", CHANGED, WEIGHTS), axis=1)
    np.testing.assert_allclose(network.scores(CHANGED, 1), probabilities[:, 1], rtol=1e-4)
    mean = np.einsum("nk,khwc->nhwc", probabilities, WEIGHTS)
    expected = probabilities[:, 1, None, None, None] * (WEIGHTS[1] - mean)
    np.testing.assert_allclose(network.gradients(CHANGED, 1), expected, rtol=1e-3, atol=1e-9)
    with pytest.raises(InputError, match="score: must be before_softmax or after_softmax"):
        Network(linear(WEIGHTS), score="logits")


def test_all_calls_have_as_many_pictures() -> None:
    """What a batch lacks is filled up, since another size would be compiled anew, and to the next multiple of 16."""
    classifier = linear(WEIGHTS)
    network = Network(classifier, batch_size=3)
    many = np.concatenate([CHANGED] * 6)[:40]
    network.scores(many, 0)
    network.gradients(many, 0)
    assert classifier.scored == classifier.passed == [16, 16, 16]
    network.scores(CHANGED[:4], 0)
    assert classifier.scored[3:] == [16]


class Counting:
    """A classifier that notes what it is asked to compile."""

    def __init__(self, classifier: Any) -> None:
        self.made: list[str] = []
        self._classifier = classifier

    def __getattr__(self, name: str) -> Callable[..., Any]:
        self.made.append(name)
        return getattr(self._classifier, name)


def test_functions_are_made_when_they_are_needed_and_once() -> None:
    classifier: Any = Counting(linear(WEIGHTS))
    network = Network(classifier, "pixels", batch_size=2)
    assert classifier.made == []
    for target in (0, 1):
        network.scores(CHANGED, target)
    assert classifier.made == ["scores"]
    for target in (0, 1):
        network.gradients(CHANGED, target)
    assert classifier.made == ["scores", "passing"]
    for picture in CHANGED[:2]:
        np.testing.assert_array_equal(network.activations(picture), picture)
    assert classifier.made == ["scores", "passing", "passing"]


def test_a_network_of_keras_is_asked_at_its_layers() -> None:
    keras.utils.set_random_seed(0)
    parts = [
        layers.Conv2D(2, 2, activation="tanh", name="features"),
        layers.Flatten(),
        layers.Dense(3, name="scores"),
        layers.Rescaling(3.0),
    ]
    model = KerasClassifier(keras.Sequential([keras.Input((4, 5, 3)), layers.Rescaling(1 / 255), *parts]))
    network = Network(model, "features", "scores", BEFORE_SOFTMAX, 4)
    expected = differentiated(model, "features", "scores")(CHANGED)
    for row, picture in enumerate(CHANGED):
        np.testing.assert_allclose(network.activations(picture), expected.activations[row], rtol=1e-5, atol=1e-6)
    assert network.activations(CHANGED[0]).shape == (3, 4, 2)
    np.testing.assert_allclose(network.scores(CHANGED, 2), expected.logits[:, 2], rtol=1e-5, atol=1e-6)
    of_pixels = differentiated(model, None, "scores")(CHANGED, np.full(7, 2)).gradients
    np.testing.assert_allclose(network.gradients(CHANGED, 2), of_pixels, rtol=1e-4, atol=1e-7)
    with pytest.raises(InputError, match="layer: name the layer whose channels are asked for"):
        Network(model).activations(CHANGED[0])
