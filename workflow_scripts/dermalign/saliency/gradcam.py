"""Grad-CAM: where in a picture the score of a class comes from.

Selvaraju, Cogswell, Das, Vedantam, Parikh, Batra, "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based
Localization", ICCV 2017, https://arxiv.org/abs/1610.02391
"""

from typing import Any


def grad_cam(activations: Any, gradients: Any) -> Any:
    """Return maps (n, h, w), not negative, of a layer's activations and the score's gradients there, (n,h,w,channels).

    The weight of a channel is the spatial mean of its gradient (equation 1), the map the ReLU of the weighted sum of
    the channels (equation 2). Arrays or tensors, float32; in units of the class score.
    """
    from keras import ops

    weights = ops.mean(gradients, axis=(1, 2))
    return ops.relu(ops.einsum("nhwc,nc->nhw", activations, weights))
