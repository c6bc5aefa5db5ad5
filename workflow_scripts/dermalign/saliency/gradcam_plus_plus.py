"""Grad-CAM++: Grad-CAM whose weights heed where in a channel the gradient is positive, for several small structures.

Chattopadhay, Sarkar, Howlader, Balasubramanian, "Grad-CAM++: Generalized Gradient-based Visual Explanations for Deep
Convolutional Networks", WACV 2018, https://arxiv.org/abs/1710.11063
"""

from typing import Any


def grad_cam_plus_plus(activations: Any, gradients: Any) -> Any:
    """Return maps (n, h, w), not negative, of a layer's activations and the score's gradients there, (n,h,w,channels).

    The score is the one before the softmax, S: the paper explains exp(S), whose higher derivatives are powers of the
    gradient g of S, so that the coefficient of a cell is g^2 / (2 g^2 + sum(A) g^3), with the sum of the channel's
    activations A over all cells (equation 19). That is 1 / (2 + sum(A) g), computed so, since the cube of a small
    gradient is no float32. The weight of a channel is the sum of coefficient times ReLU(g), and the map the ReLU of the
    weighted sum (section 3). The factor exp(S), equal for all cells of a picture, is left out: no stretched map depends
    on it. Arrays or tensors, float32.
    """
    from keras import ops

    denominators = 2 + ops.sum(activations, axis=(1, 2), keepdims=True) * gradients
    has_coefficient = ops.not_equal(denominators, 0)
    coefficients = ops.where(has_coefficient, 1 / ops.where(has_coefficient, denominators, 1), 0)
    weights = ops.sum(coefficients * ops.relu(gradients), axis=(1, 2))
    return ops.relu(ops.einsum("nhwc,nc->nhw", activations, weights))
