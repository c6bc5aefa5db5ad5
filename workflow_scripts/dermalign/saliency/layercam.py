"""LayerCAM: each cell of each channel weighted by its own positive gradient, so that fine layers give fine maps.

Jiang, Zhang, Hou, Cheng, Wei, "LayerCAM: Exploring Hierarchical Class Activation Maps for Localization", IEEE
Transactions on Image Processing 30 (2021), https://doi.org/10.1109/TIP.2021.3089943
"""

from typing import Any


def layer_cam(activations: Any, gradients: Any) -> Any:
    """Return maps (n, h, w), not negative, of a layer's activations and the score's gradients there, (n,h,w,channels).

    The weight of a cell is the ReLU of its gradient, the map the ReLU of the sum of weight times activation over the
    channels (section III). Arrays or tensors, float32; in units of the class score.
    """
    from keras import ops

    return ops.relu(ops.sum(ops.relu(gradients) * activations, axis=-1))
