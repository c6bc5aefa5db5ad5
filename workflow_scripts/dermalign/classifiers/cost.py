"""What a pass through a network costs, as far as its kernels tell."""

import math
from typing import TYPE_CHECKING

from .layers import walk

if TYPE_CHECKING:
    import keras

KERNELS = ("kernel", "depthwise_kernel", "pointwise_kernel")


def multiply_adds(model: "keras.Model") -> int:
    """Return how many multiplications, each with an addition, one picture's pass takes in dense and convolving layers.

    A kernel is applied once for each place of its layer's output. What attention multiplies beside them is not counted.
    """
    total = 0
    for _, layer in walk(model, ""):
        kernels = [getattr(layer, name, None) for name in KERNELS]
        if any(kernel is not None for kernel in kernels):
            places = math.prod(side or 1 for side in layer.output.shape[1:-1])
            total += places * sum(math.prod(kernel.shape) for kernel in kernels if kernel is not None)
    return total
