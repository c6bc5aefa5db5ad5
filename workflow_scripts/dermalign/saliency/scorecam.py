"""Score-CAM: a layer's channels weighted by the score of the picture as each of them would show it; no gradient.

Wang, Wang, Du, Yang, Zhang, Ding, Mardziel, Hu, "Score-CAM: Score-Weighted Visual Explanations for Convolutional Neural
Networks", CVPR Workshops 2020, https://arxiv.org/abs/1910.01279
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .interpolation import bilinear_weights
from .network import Floats, Network


def score_cam(network: Network, picture: NDArray[Any], target: int, random: np.random.Generator) -> Floats:
    """Return the map (h, w), not negative, of a picture (H, W, 3), RGB from 0 to 255, for a class index.

    Each channel is scaled up bilinearly and stretched to [0, 1], and the picture is multiplied by it (definition 2), so
    that black is where the channel is least. The weights are the softmax, over the channels, of the class scores of
    these pictures (algorithm 1), from which a baseline's score can be left out, since it is the same for all; the map
    is the ReLU of the weighted sum (definition 3). A channel that is the same everywhere shows nothing, and has no
    weight. Channels are asked about in batches; nothing is drawn from `random`.
    """
    activations = network.activations(picture)
    shown = np.flatnonzero(np.ptp(activations, axis=(0, 1)) > 0)
    if not len(shown):
        return np.zeros(activations.shape[:2], np.float32)
    rows, columns = (bilinear_weights(*sizes) for sizes in zip(activations.shape, picture.shape[:2], strict=False))
    pixels = picture.astype(np.float32)
    scores = []
    for part in network.batches(len(shown)):
        # Channel by channel: a product of all would start threads of BLAS, which take the network's cores for a while.
        scaled: Floats = np.matmul(rows @ np.moveaxis(activations[..., shown[part]], -1, 0), columns.T)
        scaled -= scaled.min(axis=(1, 2), keepdims=True)
        # Of a channel with a value in one cell alone, not even a fraction may be left.
        scaled /= np.maximum(scaled.max(axis=(1, 2), keepdims=True), np.finfo(np.float32).tiny)
        scores.append(network.scores(pixels * scaled[..., None], target))
    exponents = np.concatenate(scores).astype(np.float64)
    weights = np.exp(exponents - exponents.max())
    weighted = activations[..., shown] @ (weights / weights.sum())
    return np.maximum(weighted, 0).astype(np.float32)
