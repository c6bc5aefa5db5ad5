"""The plain gradient: how much the score of a class changes with each pixel.

Simonyan, Vedaldi, Zisserman, "Deep Inside Convolutional Networks: Visualising Image Classification Models and Saliency
Maps", 2014, https://arxiv.org/abs/1312.6034
"""

from typing import Any


def gradient(pictures: Any, gradients: Any) -> Any:
    """Return maps (n, H, W) of the score's gradients (n, H, W, 3) with respect to the pictures, which are not read.

    A pixel's saliency is the greatest absolute value of its colours' gradients (section 3.1): a colour that speaks
    against the class counts as one that speaks for it. Arrays or tensors, float32; in class score per pixel value.
    """
    from keras import ops

    return ops.max(ops.abs(gradients), axis=-1)
