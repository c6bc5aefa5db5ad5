"""The plain gradient, by hand and by what holds of any gradients."""

import numpy as np
import pytest
from dermalign.saliency.explaining import explain
from dermalign.saliency.gradient import gradient
from hand_network import FIRST, GRADIENTS, PICTURE, PRODUCT, SECOND, network, passes
from hypothesis import given, settings
from hypothesis import strategies as st

# Of the network of `hand_network`: red makes the first channel, green the second, and of blue the second lacks twice as
# much. So the gradients of the colours are those of the channels, G1 and G2, and -2 G2, of which the last is greatest
# but for the last pixel of the second class, where it is 0 beside G1 of 1/2.
BY_HAND = {FIRST: [[6, 4], [4, 6]], SECOND: [[3, 7], [5, 1 / 2]]}


@pytest.mark.parametrize("target", BY_HAND)
def test_a_network_of_two_layers_by_hand(target: int) -> None:
    expected = [BY_HAND[target]]
    channels = GRADIENTS[target]
    colours = np.stack([channels[..., 0], channels[..., 1], -2 * channels[..., 1]], axis=-1)
    np.testing.assert_array_equal(gradient(PICTURE[None], colours[None]), expected)
    found = explain(network(), PICTURE[None], "gradient", target=[target])
    np.testing.assert_allclose(found.raw, expected, rtol=1e-6)
    assert (found.predicted.tolist(), found.target.tolist(), found.signed) == ([SECOND], [target], None)


def test_a_probability_s_gradient_by_hand() -> None:
    """p1 p2 (z2' - z1'): of the channels, (-5/2 9/2, -1 11/2 / -3 1/2, -1/2 -3), and twice as much of blue."""
    found = explain(network(), PICTURE[None], "gradient", score="after_softmax")
    np.testing.assert_allclose(found.raw, [PRODUCT * np.array([[9, 11], [3, 6]])], rtol=1e-5)
    # Of two classes, what speaks for the one speaks as much against the other.
    other = explain(network(), PICTURE[None], "gradient", score="after_softmax", target=[FIRST])
    np.testing.assert_allclose(other.raw, found.raw, rtol=1e-5)


@settings(max_examples=25, deadline=None)
@given(passes(), st.sampled_from([-8.0, 0.25, 2.0]))
def test_the_greatest_colour_counts_whichever_its_sign(
    given_pass: tuple[np.ndarray, np.ndarray], factor: float
) -> None:
    pictures, gradients = given_pass
    found = np.asarray(gradient(pictures, gradients))
    np.testing.assert_array_equal(found, np.maximum(gradients.max(axis=-1), -gradients.min(axis=-1)))
    np.testing.assert_array_equal(gradient(pictures, np.float32(factor) * gradients), abs(factor) * found)
    np.testing.assert_array_equal(gradient(0 * pictures, gradients), found)
