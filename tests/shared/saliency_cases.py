"""What saliency methods of several libraries are compared on: a small network of known weights, and its pictures."""

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray
from PIL import Image

CLASSES = 4
# Maps of 32 x 32 and of 6 x 4. Behind the second is an average alone, so that the gradient there is the same for all
# cells of a channel; at the first it is not.
LAYERS = ("first", "second")
SCORES = ("before_softmax", "after_softmax")
TARGETS = np.array([3, 1, 2, 0, 0])  # of the drawn pictures, whose predicted classes are 3, 1, 0, 0 and 2


def drawn_weights(seed: int = 2) -> dict[str, NDArray[np.float32]]:
    """Return drawn weights by `{layer}_kernel` and `{layer}_bias`, in the order of Keras.

    Kernels are (height, width, channels in, channels out), that of the dense layer (channels, classes). Scores of
    `drawn_pictures` differ by some units, so that neither they nor their softmax are as good as constant.
    """
    random = np.random.default_rng(seed)

    def normal(*shape: int, deviation: float) -> NDArray[np.float32]:
        values = deviation * random.standard_normal(shape)
        if len(shape) > 1:
            # Of sum 0 for each channel out: it tells structures apart, not dark from bright.
            values -= values.mean(axis=tuple(range(len(shape) - 1)))
        return values.astype(np.float32)

    return {
        "first_kernel": normal(3, 3, 3, 8, deviation=0.008),
        "first_bias": normal(8, deviation=0.2),
        # Not square, so that no library can mistake rows for columns.
        "second_kernel": normal(3, 5, 8, 10, deviation=0.15),
        "second_bias": normal(10, deviation=0.2),
        "dense_kernel": normal(10, CLASSES, deviation=0.7),
        "dense_bias": normal(CLASSES, deviation=0.5),
    }


def keras_network(weights: Mapping[str, NDArray[np.float32]]) -> keras.Model:
    """Return the network: pictures (n, 32, 32, 3) in, probabilities (n, classes) out.

    The scripts that ask other libraries build it once more: their environments cannot import this module.
    """
    inputs = keras.Input((32, 32, 3))
    found = layers.Conv2D(8, 3, padding="same", activation="relu", name="first")(inputs)
    found = layers.MaxPooling2D(4)(found)
    found = layers.Conv2D(10, (3, 5), activation="relu", name="second")(found)
    found = layers.GlobalAveragePooling2D()(found)
    found = layers.Dense(CLASSES, name="dense")(found)
    model = keras.Model(inputs, layers.Softmax()(found))
    for name in (*LAYERS, "dense"):
        model.get_layer(name).set_weights([weights[f"{name}_kernel"], weights[f"{name}_bias"]])
    return model


def drawn_pictures(count: int = 5, seed: int = 1) -> NDArray[np.uint8]:
    """Return pictures (count, 32, 32, 3) of a few soft blobs of any colour each, with some noise."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (count, 4, 4, 3), dtype=np.uint8)
    soft = np.stack([np.asarray(Image.fromarray(one).resize((32, 32), Image.Resampling.BICUBIC)) for one in coarse])
    return np.clip(soft + random.normal(0, 12, soft.shape), 0, 255).astype(np.uint8)


def plus_plus(
    activations: NDArray[Any],
    gradients: NDArray[Any],
    *,
    total: Callable[..., Any] = np.sum,
    added: float = 0,
    over_cells: Callable[..., Any] = np.sum,
) -> NDArray[np.float64]:
    """Return Grad-CAM++ (n, h, w) of activations and gradients (n, h, w, channels), as libraries compute it.

    The coefficient of a cell is g^2 / (2 g^2 + total(A) g^3) (equation 19 of Chattopadhay et al. 2018, of which
    equation 10 is the general case), the weight of a channel the sum of coefficient times ReLU(g) over its cells. Both
    are sums over all cells in the paper: `total` and `over_cells` are what a library has in their place, and `added` is
    what it adds to the denominator. Where g is 0, so is the coefficient.
    """
    activations, gradients = activations.astype(np.float64), gradients.astype(np.float64)
    denominators = 2 * gradients**2 + total(activations, axis=(1, 2), keepdims=True) * gradients**3 + added
    coefficients = np.divide(gradients**2, denominators, out=np.zeros_like(gradients), where=gradients != 0)
    weights = over_cells(coefficients * np.maximum(gradients, 0), axis=(1, 2), keepdims=True)
    return np.maximum((weights * activations).sum(axis=-1), 0)


def enlarged(values: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Return a map (h, w) scaled up bilinearly between the centres of its cells, (height, width)."""
    return np.asarray(Image.fromarray(np.ascontiguousarray(values)).resize((width, height), Image.Resampling.BILINEAR))
