"""HiResCAM: gradient times activation, cell by cell, which shows what the classifier computed its score from.

Draelos, Carin, "Use HiResCAM instead of Grad-CAM for faithful explanations of convolutional neural networks", 2020,
https://arxiv.org/abs/2011.08891
"""

from typing import Any


def hires_cam(activations: Any, gradients: Any) -> Any:
    """Return maps (n, h, w), not negative, of a layer's activations and the score's gradients there, (n,h,w,channels).

    The map is the sum over the channels of gradient times activation (section 3), of which, as of Grad-CAM, the
    positive part is taken: what speaks for the class. Arrays or tensors, float32; in units of the class score.
    """
    from keras import ops

    return ops.relu(ops.sum(gradients * activations, axis=-1))
