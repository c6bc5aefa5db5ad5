"""What a pass through a network costs, as far as its kernels tell."""

import math
from typing import TYPE_CHECKING

from .layers import walk

if TYPE_CHECKING:
    import keras

KERNELS = ("kernel", "depthwise_kernel", "pointwise_kernel")


def multiply_adds(model: "keras.Model") -> int | None:
    """Return how many multiplications, each with an addition, one picture's pass takes in dense and convolving layers.

    A kernel is applied once for each place of its layer's output, of a transposed convolution its input; those within a
    layer, as attention has them, as often as the layer has places. What attention multiplies beside them is not
    counted. None where the places cannot be told, as in a network for pictures of any size.
    """
    total = 0
    for _, layer in walk(model, ""):
        # The layers of a model are walked themselves.
        kernels = [] if hasattr(layer, "layers") else [weight for weight in layer.weights if weight.name in KERNELS]
        if not kernels:
            continue
        try:
            places = (layer.input if type(layer).__name__.endswith("Transpose") else layer.output).shape[1:-1]
        except (AttributeError, ValueError):  # never called by itself, or several outputs
            return None
        if None in places:
            return None
        total += math.prod(places) * sum(math.prod(kernel.shape) for kernel in kernels)
    return total
