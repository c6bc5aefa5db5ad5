"""LayerCAM, by hand and by what holds of any activations and gradients."""

import numpy as np
import pytest
from dermalign.saliency.explaining import explain
from dermalign.saliency.layercam import layer_cam
from hand_network import ACTIVATIONS, FIRST, GRADIENTS, PICTURE, SECOND, check_proportional, network, passes
from hypothesis import given, settings
from hypothesis import strategies as st

# Of the network of `hand_network`. Only positive gradients count, each with the activation of its own cell:
#
#   first class:  (2 A1 + 0 A2, 2 A1 + 0 A2 / 0 A1 + 2 A2, 1 A1 + 3 A2) = (-2, 0 / 2, 5)
#   second class: (0 A1 + 3/2 A2, 1 A1 + 7/2 A2 / 0 A1 + 5/2 A2, 1/2 A1 + 0 A2) = (3, 0 / 5/2, 1)
BY_HAND = {FIRST: [[0, 0], [2, 5]], SECOND: [[3, 0], [5 / 2, 1]]}


@pytest.mark.parametrize("target", BY_HAND)
def test_a_network_of_two_layers_by_hand(target: int) -> None:
    expected = [BY_HAND[target]]
    np.testing.assert_array_equal(layer_cam(ACTIVATIONS[None], GRADIENTS[target][None]), expected)
    found = explain(network(), PICTURE[None], "layercam", layer="features", target=[target])
    np.testing.assert_allclose(found.raw, expected, rtol=1e-6)
    assert (found.predicted.tolist(), found.target.tolist(), found.signed) == ([SECOND], [target], None)


@settings(max_examples=50, deadline=None)
@given(passes())
def test_maps_are_sums_over_channels_of_what_speaks_for_the_class(given_pass: tuple[np.ndarray, np.ndarray]) -> None:
    activations, gradients = given_pass
    found = np.asarray(layer_cam(activations, gradients))
    assert (found >= 0).all()
    expected = np.zeros(activations.shape[:3])
    for cell in np.ndindex(activations.shape):
        if gradients[cell] > 0:
            expected[cell[:3]] += float(gradients[cell]) * float(activations[cell])
    np.testing.assert_array_equal(found, np.maximum(expected, 0))


@settings(max_examples=25, deadline=None)
@given(passes(), st.sampled_from([0.25, 2.0, 8.0]))
def test_a_steeper_score_or_a_stronger_layer_has_a_map_as_much_stronger(
    given_pass: tuple[np.ndarray, np.ndarray], factor: float
) -> None:
    check_proportional(layer_cam, given_pass, factor)


@settings(max_examples=25, deadline=None)
@given(passes())
def test_negative_gradients_do_not_count_and_cells_are_apart(given_pass: tuple[np.ndarray, np.ndarray]) -> None:
    activations, gradients = given_pass
    expected = np.asarray(layer_cam(activations, gradients))
    np.testing.assert_array_equal(layer_cam(activations, np.maximum(gradients, 0)), expected)
    turned = np.asarray(layer_cam(activations[:, ::-1], gradients[:, ::-1]))
    np.testing.assert_array_equal(turned[:, ::-1], expected)
