"""Integrated Gradients: complete, by hand, and against the authors' package."""

import numpy as np
import pytest
from dermalign.classifiers.keras_classifier import KerasClassifier
from dermalign.classifiers.passes import AFTER_SOFTMAX
from dermalign.saliency.explaining import explain
from dermalign.saliency.integrated_gradients import BASELINES, attributions, integrated_gradients
from dermalign.saliency.network import Network
from pass_cases import gradients_for_package, linear, quadratic, smooth_network
from saliency.core import IntegratedGradients

RANDOM = np.random.default_rng(0)
PICTURE = RANDOM.integers(0, 256, (8, 6, 3), dtype=np.uint8)
WEIGHTS = RANDOM.normal(size=(3, 8, 6, 3)) / 1000
UNUSED = np.random.default_rng(0)


@pytest.fixture(scope="module")
def network() -> Network:
    """A network of Keras without kinks."""
    return Network(KerasClassifier(smooth_network((8, 6))))


@pytest.mark.parametrize("baseline", BASELINES)
def test_of_linear_and_quadratic_scores_by_hand(baseline: str) -> None:
    """(x - x') w of a linear score; of the squares, w (x^2 - x'^2), for which the middle of each step is exact."""
    picture, empty = PICTURE.astype(np.float64), BASELINES[baseline]
    for classifier, expected in (
        (linear(WEIGHTS), WEIGHTS[1] * (picture - empty)),
        (quadratic(WEIGHTS), WEIGHTS[1] * (picture**2 - empty**2)),
    ):
        for steps in (1, 2, 7):
            found = attributions(Network(classifier, batch_size=3), PICTURE, 1, steps, baseline)
            np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5 * np.abs(expected).max())
            of_pixels = integrated_gradients(Network(classifier), PICTURE, 1, UNUSED, steps=steps, baseline=baseline)
            np.testing.assert_allclose(of_pixels, expected.sum(axis=-1), rtol=1e-3, atol=1e-5 * np.abs(expected).max())
            assert (of_pixels.shape, of_pixels.dtype) == ((8, 6), np.float32)


@pytest.mark.parametrize("baseline", BASELINES)
@pytest.mark.parametrize("score", ["before_softmax", "after_softmax"])
def test_all_pixels_together_are_the_score_less_that_of_the_baseline(baseline: str, score: str) -> None:
    """Completeness (proposition 1), the nearer the more steps; the midpoint rule's error falls with their square."""
    asked = Network(KerasClassifier(smooth_network((8, 6))), score=score)
    ends = np.stack([PICTURE.astype(np.float32), np.full((8, 6, 3), BASELINES[baseline], np.float32)])
    score_of, score_of_baseline = asked.scores(ends, 2).astype(np.float64)
    errors = {
        steps: abs(
            integrated_gradients(asked, PICTURE, 2, UNUSED, steps=steps, baseline=baseline).sum(dtype=np.float64)
            - (score_of - score_of_baseline)
        )
        for steps in (2, 8, 128)
    }
    assert abs(score_of - score_of_baseline) > 0.01
    assert errors[128] < 1e-3 * abs(score_of - score_of_baseline)
    assert errors[8] < errors[2] / 4 and errors[128] < errors[8]


def test_it_is_the_package_s_but_for_the_error_of_the_steps(network: Network) -> None:
    """The package takes both ends among its steps, which errs by their mean's share: it nears ours in proportion."""

    def package(steps: int) -> np.ndarray:
        return IntegratedGradients().GetMask(
            PICTURE.astype(np.float32), gradients_for_package(network, 0), x_steps=steps, batch_size=steps
        )

    ours = attributions(network, PICTURE, 0, 200, "black")
    most = np.abs(ours).max()
    far, near = (np.abs(package(steps) - ours).max() / most for steps in (40, 400))
    assert near < 0.01
    assert 6 < far / near < 16
    # On the way from white, likewise.
    white = np.full(PICTURE.shape, 255, np.float32)
    from_white = IntegratedGradients().GetMask(
        PICTURE.astype(np.float32), gradients_for_package(network, 0), x_baseline=white, x_steps=400, batch_size=400
    )
    np.testing.assert_allclose(attributions(network, PICTURE, 0, 200, "white"), from_white, atol=0.01 * most)


def test_batches_change_nothing() -> None:
    def made(batch_size: int) -> np.ndarray:
        asked = Network(linear(WEIGHTS), score=AFTER_SOFTMAX, batch_size=batch_size)
        return integrated_gradients(asked, PICTURE, 0, UNUSED, steps=10)

    for batch_size in (1, 4, 10):
        np.testing.assert_allclose(made(batch_size), made(32), rtol=1e-4, atol=1e-6 * np.abs(made(32)).max())


def test_a_pixel_of_the_baseline_adds_nothing() -> None:
    picture = PICTURE.copy()
    picture[2:5, 1] = 255
    found = integrated_gradients(
        Network(linear(WEIGHTS), score=AFTER_SOFTMAX), picture, 0, UNUSED, steps=5, baseline="white"
    )
    np.testing.assert_array_equal(found[2:5, 1], 0)
    assert (found != 0).sum() == 45


def test_what_speaks_against_the_class_is_dropped_or_counts(network: Network) -> None:
    model = smooth_network((8, 6))
    dropped = explain(model, PICTURE[None], "integrated_gradients", target=[1], steps=6)
    by_size = explain(model, PICTURE[None], "integrated_gradients", target=[1], steps=6, negative="absolute")
    expected = integrated_gradients(network, PICTURE, 1, UNUSED, steps=6)
    assert expected.min() < 0 < expected.max()
    np.testing.assert_allclose(dropped.raw[0], np.maximum(expected, 0), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(by_size.raw[0], np.abs(expected), rtol=1e-4, atol=1e-6)
    for found in (dropped, by_size):
        np.testing.assert_allclose(found.signed, expected[None], rtol=1e-4, atol=1e-6)
