"""SmoothGrad, by hand and against the package of Integrated Gradients' authors, given the same noise."""

from typing import Any

import numpy as np
import pytest
from dermalign.classifiers.keras_classifier import KerasClassifier
from dermalign.classifiers.passes import AFTER_SOFTMAX
from dermalign.saliency.gradient import gradient
from dermalign.saliency.network import Network
from dermalign.saliency.smoothgrad import smooth_grad
from pass_cases import gradients_for_package, linear, quadratic, smooth_network
from saliency.core import GradientSaliency

RANDOM = np.random.default_rng(0)
PICTURE = RANDOM.integers(20, 200, (8, 6, 3), dtype=np.uint8)
PICTURE[0, 0], PICTURE[1, 1] = 10, 210  # a range of 200
WEIGHTS = RANDOM.normal(size=(3, 8, 6, 3)) / 1000


def noise_of(seed: int, samples: int, share: float) -> np.ndarray:
    """The noise of a picture: a share of its range times normal numbers, drawn one picture after another."""
    normal = np.random.default_rng(seed).standard_normal((samples, *PICTURE.shape), dtype=np.float32)
    return share * 200 * normal


def test_of_a_quadratic_score_it_is_the_gradient_at_the_mean_by_hand() -> None:
    """The score is the sum of w x^2, its gradient 2 w x, and the mean over copies that of 2 w (x + noise)."""
    found = smooth_grad(Network(quadratic(WEIGHTS)), PICTURE, 1, np.random.default_rng(5), samples=7, noise=0.25)
    mean = PICTURE + noise_of(5, 7, 0.25).mean(axis=0)
    np.testing.assert_allclose(found, np.abs(2 * WEIGHTS[1] * mean).max(axis=-1), rtol=1e-4)
    assert (found.shape, found.dtype) == ((8, 6), np.float32)


@pytest.mark.parametrize("kind", ["probabilities", "network"])
def test_it_is_the_package_s_given_the_same_noise(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if kind == "probabilities":
        network = Network(linear(WEIGHTS), score=AFTER_SOFTMAX, batch_size=3)
    else:
        network = Network(KerasClassifier(smooth_network((8, 6))), batch_size=3)
    noise = iter(noise_of(2, 5, 0.15))
    asked = []

    def normal(mean: float, deviation: float, shape: tuple[int, ...]) -> Any:
        asked.append((mean, deviation, shape))
        return next(noise)

    monkeypatch.setattr(np.random, "normal", normal)
    signed = GradientSaliency().GetSmoothedMask(
        PICTURE.astype(np.float32), gradients_for_package(network, 2), stdev_spread=0.15, nsamples=5, magnitude=False
    )
    assert asked == [(0, pytest.approx(30), (8, 6, 3))] * 5
    found = smooth_grad(network, PICTURE, 2, np.random.default_rng(2), samples=5, noise=0.15)
    np.testing.assert_allclose(found, np.abs(signed).max(axis=-1), rtol=1e-4, atol=1e-6 * np.abs(signed).max())
    assert found.max() > 0


def test_without_a_range_or_where_the_gradient_is_the_same_everywhere_it_is_the_gradient() -> None:
    flat = np.full((8, 6, 3), 77, np.uint8)
    for weights, classifier, picture in ((2 * 77 * WEIGHTS, quadratic, flat), (WEIGHTS, linear, PICTURE)):
        found = smooth_grad(Network(classifier(WEIGHTS)), picture, 0, np.random.default_rng(1), samples=4)
        expected = gradient(picture[None], np.float32(weights[:1]))
        np.testing.assert_allclose(found, expected[0], rtol=1e-5)


def test_batches_change_nothing_and_the_seed_does() -> None:
    def made(batch_size: int, seed: int) -> np.ndarray:
        network = Network(quadratic(WEIGHTS), batch_size=batch_size)
        return smooth_grad(network, PICTURE, 0, np.random.default_rng(seed), samples=10)

    whole = made(32, 3)
    for batch_size in (1, 3, 10):
        np.testing.assert_allclose(made(batch_size, 3), whole, rtol=1e-5)
    np.testing.assert_array_equal(made(32, 3), whole)
    assert not np.allclose(made(32, 4), whole, rtol=1e-3)
