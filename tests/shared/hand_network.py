"""A network of two layers, small enough to be differentiated by hand, and gradients of any kind for formulas.

The picture has 2 x 2 pixels. A convolution of 1 x 1 pixel makes two channels of it, red - 2 and green - 2 blue:

    red 1 2   green 2 0   blue 0 0        A1 = -1 0   A2 = 2 0
        3 4         1 1        0 0              1 2        1 1

Behind it are three hidden neurons with ReLU, whose weights are a row each, in the order of cells (two channels each),
and two classes. With a = (-1 2, 0 0, 1 1, 2 1):

    h1 = ReLU( 1 -1, 2 1, -2 3,  1  2) a = ReLU(2)  = 2
    h2 = ReLU( 1  1, 1 1,  1 1, -3 -1) a = ReLU(-4) = 0        its weights do not count
    h3 = ReLU(-1  2, 0 3, -2 1,  0 -1) a = ReLU(3)  = 3

    first class:  z1 = h1   + 5 h2 - h3 = -1       second class:  z2 = h1/2 + 7 h2 + h3 = 4, which is predicted

The gradient of z1 is the first row less the third, that of z2 half the first and the third:

    z1:  2  2   -3 -2        z2:  -1/2   1     3/2 7/2
         0  1    2  3              -3   1/2    5/2  0
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

FIRST, SECOND = 0, 1  # the classes; the second is predicted
LOGITS = (-1.0, 4.0)
PICTURE = np.array([[[1, 2, 0], [2, 0, 0]], [[3, 1, 0], [4, 1, 0]]], np.uint8)
ACTIVATIONS = np.array([[[-1, 2], [0, 0]], [[1, 1], [2, 1]]], np.float32)
GRADIENTS = {
    FIRST: np.array([[[2, -3], [2, -2]], [[0, 2], [1, 3]]], np.float32),
    SECOND: np.array([[[-1 / 2, 3 / 2], [1, 7 / 2]], [[-3, 5 / 2], [1 / 2, 0]]], np.float32),
}
# Of a probability: p1 p2 times the difference of the two.
PRODUCT = float(np.exp(-5) / (1 + np.exp(-5)) ** 2)


def network() -> Any:
    """Return the network as a model of Keras; its layer of two channels is `features`."""
    import keras
    from keras import layers

    model = keras.Sequential(
        [
            keras.Input((2, 2, 3)),
            layers.Conv2D(2, 1, name="features"),
            layers.Flatten(),
            layers.Dense(3, activation="relu", use_bias=False),
            layers.Dense(2, activation="softmax", use_bias=False),
        ]
    )
    hidden = [[1, -1, 2, 1, -2, 3, 1, 2], [1, 1, 1, 1, 1, 1, -3, -1], [-1, 2, 0, 3, -2, 1, 0, -1]]
    model.set_weights(
        [
            np.array([[1, 0], [0, 1], [0, -2]], np.float32).reshape(1, 1, 3, 2),
            np.array([-2, 0], np.float32),
            np.array(hidden, np.float32).T,
            np.array([[1, 5, -1], [1 / 2, 7, 1]], np.float32).T,
        ]
    )
    return model


# (activations, gradients) of some pictures, channels and cells. Multiples of 1/16, whose products are exact in float32.
SIXTEENTHS = st.integers(-64, 64).map(lambda number: number / 16)


def check_proportional(
    formula: Callable[[Any, Any], Any], given_pass: tuple[np.ndarray, np.ndarray], factor: float
) -> None:
    """Check that a steeper score, or a stronger layer, has a map as much stronger; factor: a power of two."""
    activations, gradients = given_pass
    expected = factor * np.asarray(formula(activations, gradients))
    np.testing.assert_array_equal(formula(activations, np.float32(factor) * gradients), expected)
    np.testing.assert_array_equal(formula(np.float32(factor) * activations, gradients), expected)


@st.composite
def passes(draw: Any) -> tuple[np.ndarray, np.ndarray]:
    """Draw (activations, gradients), both (n, h, w, channels) float32."""
    shape = tuple(draw(st.integers(1, most)) for most in (2, 3, 4, 3))
    activations, gradients = (draw(arrays(np.float32, shape, elements=SIXTEENTHS)) for _ in range(2))
    return activations, gradients
