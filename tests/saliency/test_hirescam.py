"""HiResCAM, by hand and by what holds of any activations and gradients."""

import numpy as np
import pytest
from dermalign.saliency.explaining import explain
from dermalign.saliency.gradcam import grad_cam
from dermalign.saliency.hirescam import hires_cam
from hand_network import ACTIVATIONS, FIRST, GRADIENTS, PICTURE, SECOND, check_proportional, network, passes
from hypothesis import given, settings
from hypothesis import strategies as st

# Of the network of `hand_network`, gradient times activation of each cell, summed over the two channels:
#
#   first class:  (2 A1 - 3 A2, 2 A1 - 2 A2 / 0 A1 + 2 A2, 1 A1 + 3 A2) = (-8, 0 / 2, 5)
#   second class: (-1/2 A1 + 3/2 A2, 1 A1 + 7/2 A2 / -3 A1 + 5/2 A2, 1/2 A1 + 0 A2) = (7/2, 0 / -1/2, 1)
BY_HAND = {FIRST: [[0, 0], [2, 5]], SECOND: [[7 / 2, 0], [0, 1]]}


@pytest.mark.parametrize("target", BY_HAND)
def test_a_network_of_two_layers_by_hand(target: int) -> None:
    expected = [BY_HAND[target]]
    np.testing.assert_array_equal(hires_cam(ACTIVATIONS[None], GRADIENTS[target][None]), expected)
    found = explain(network(), PICTURE[None], "hirescam", layer="features", target=[target])
    np.testing.assert_allclose(found.raw, expected, rtol=1e-6)
    assert (found.predicted.tolist(), found.target.tolist(), found.signed) == ([SECOND], [target], None)


def test_without_the_rectification_the_map_is_the_score_of_a_network_without_bias() -> None:
    """Draelos and Carin 2020, section 3.2: behind the layer only ReLU and dense layers, so the cells add up to it."""
    for target, score in ((FIRST, -1), (SECOND, 4)):
        both = [np.asarray(hires_cam(ACTIVATIONS[None], sign * GRADIENTS[target][None])) for sign in (1, -1)]
        assert (both[0] - both[1]).sum() == score


@settings(max_examples=50, deadline=None)
@given(passes())
def test_maps_are_sums_of_products(given_pass: tuple[np.ndarray, np.ndarray]) -> None:
    activations, gradients = given_pass
    expected = np.zeros(activations.shape[:3])
    for cell in np.ndindex(activations.shape):
        expected[cell[:3]] += float(gradients[cell]) * float(activations[cell])
    np.testing.assert_array_equal(hires_cam(activations, gradients), np.maximum(expected, 0))


@settings(max_examples=25, deadline=None)
@given(passes(), st.sampled_from([0.25, 2.0, 8.0]))
def test_a_steeper_score_or_a_stronger_layer_has_a_map_as_much_stronger(
    given_pass: tuple[np.ndarray, np.ndarray], factor: float
) -> None:
    check_proportional(hires_cam, given_pass, factor)


@settings(max_examples=25, deadline=None)
@given(passes())
def test_where_gradients_are_the_same_everywhere_it_is_grad_cam(given_pass: tuple[np.ndarray, np.ndarray]) -> None:
    activations, gradients = given_pass
    same = np.broadcast_to(gradients[:, :1, :1], gradients.shape)
    np.testing.assert_allclose(hires_cam(activations, same), grad_cam(activations, same), rtol=1e-5, atol=1e-5)
