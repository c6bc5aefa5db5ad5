"""Grad-CAM++, by hand, by its equations as they stand, and by what holds of any activations and gradients."""

import numpy as np
import pytest
from dermalign.saliency.explaining import explain
from dermalign.saliency.gradcam_plus_plus import grad_cam_plus_plus
from hand_network import ACTIVATIONS, FIRST, GRADIENTS, PICTURE, SECOND, network, passes
from hypothesis import given, settings
from hypothesis import strategies as st

# Of the network of `hand_network`. The activations of the channels add up to 2 and to 4, so that the coefficients of
# positive gradients g are 1 / (2 + 2 g) and 1 / (2 + 4 g); those of others do not count.
#
#   first class:  2 * 2/6 + 1/4 = 11/12 and 2/10 + 3/14 = 29/70
#   second class: 1/4 + 1/2 * 1/3 = 5/12 and 3/2 * 1/8 + 7/2 * 1/16 + 5/2 * 1/12 = 59/96
#
# are the channels' weights, and the maps
#
#   (-11/12 + 58/70, 0 / 11/12 + 29/70, 22/12 + 29/70) = (-37, 0 / 559, 944) / 420
#   (-5/12 + 118/96, 0 / 5/12 + 59/96, 10/12 + 59/96) = (78, 0 / 99, 139) / 96
BY_HAND = {FIRST: np.array([[0, 0], [559, 944]]) / 420, SECOND: np.array([[78, 0], [99, 139]]) / 96}


@pytest.mark.parametrize("target", BY_HAND)
def test_a_network_of_two_layers_by_hand(target: int) -> None:
    expected = [BY_HAND[target]]
    np.testing.assert_allclose(grad_cam_plus_plus(ACTIVATIONS[None], GRADIENTS[target][None]), expected, rtol=1e-6)
    found = explain(network(), PICTURE[None], "gradcam_plus_plus", layer="features", target=[target])
    np.testing.assert_allclose(found.raw, expected, rtol=1e-6)
    assert (found.predicted.tolist(), found.target.tolist(), found.signed) == ([SECOND], [target], None)


def as_it_stands(activations: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    """Equations 19, 8 and 9, channel by channel in double precision, with the derivatives of exp(S) less exp(S)."""
    exact, g = activations.astype(np.float64), gradients.astype(np.float64)
    maps = np.zeros(activations.shape[:3])
    for picture, channel in np.ndindex(activations.shape[0], activations.shape[3]):
        own, total = g[picture, ..., channel], exact[picture, ..., channel].sum()
        denominator = 2 * own**2 + total * own**3
        coefficients = np.divide(own**2, denominator, out=np.zeros_like(own), where=denominator != 0)
        maps[picture] += (coefficients * np.maximum(own, 0)).sum() * exact[picture, ..., channel]
    return np.maximum(maps, 0)


@settings(max_examples=50, deadline=None)
@given(passes())
def test_maps_are_those_of_the_equations_as_they_stand(given_pass: tuple[np.ndarray, np.ndarray]) -> None:
    activations, gradients = given_pass
    expected = as_it_stands(activations, gradients)
    found = np.asarray(grad_cam_plus_plus(activations, gradients))
    assert np.isfinite(found).all() and (found >= 0).all()
    # Weights of either sign may nearly cancel.
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-3)


@settings(max_examples=25, deadline=None)
@given(passes(), st.sampled_from([0.25, 2.0, 8.0]))
def test_a_stronger_layer_with_as_much_less_steep_a_score_has_the_same_map(
    given_pass: tuple[np.ndarray, np.ndarray], factor: float
) -> None:
    activations, gradients = given_pass
    expected = grad_cam_plus_plus(activations, gradients)
    found = grad_cam_plus_plus(np.float32(factor) * activations, gradients / np.float32(factor))
    np.testing.assert_array_equal(found, expected)


@settings(max_examples=25, deadline=None)
@given(passes())
def test_a_channel_without_positive_gradients_has_no_weight(given_pass: tuple[np.ndarray, np.ndarray]) -> None:
    activations, gradients = given_pass
    ones = np.ones_like(gradients[..., :1])
    with_others = np.concatenate([activations, 1000 * ones, activations[..., :1] - 500], axis=-1)
    without_gradient = np.concatenate([gradients, 0 * ones, -np.abs(gradients[..., :1])], axis=-1)
    expected = grad_cam_plus_plus(activations, gradients)
    np.testing.assert_allclose(grad_cam_plus_plus(with_others, without_gradient), expected, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("size", [1e-6, 1e-18, 1e-30])
def test_the_coefficients_of_tiny_gradients_are_a_half(size: float) -> None:
    """Their cubes, and at last their squares, are 0 in float32, in which the equation as it stands is 0 / 0."""
    random = np.random.default_rng(0)
    activations = random.random((2, 3, 4, 5), dtype=np.float32)
    gradients = np.float32(size) * random.normal(size=activations.shape).astype(np.float32)
    weights = np.maximum(gradients, 0).astype(np.float64).sum(axis=(1, 2)) / 2
    expected = np.einsum("nhwc,nc->nhw", activations.astype(np.float64), weights)
    found = np.asarray(grad_cam_plus_plus(activations, gradients))
    np.testing.assert_allclose(found, expected, rtol=3e-5)
    assert found.min() > 0


def test_a_denominator_of_nothing_gives_its_cell_no_coefficient() -> None:
    """Where the activations add up to -2 / g; of the other cell, of gradient 1/2, it is 1 / (2 - 2 / 2) = 1."""
    activations = np.array([-3, 1], np.float32).reshape(1, 1, 2, 1)
    gradients = np.array([1, 1 / 2], np.float32).reshape(1, 1, 2, 1)
    np.testing.assert_array_equal(grad_cam_plus_plus(activations, gradients), [[[0, 1 / 2]]])
