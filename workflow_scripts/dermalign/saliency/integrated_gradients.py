"""Integrated Gradients: how much each pixel adds to the score on the way from an empty picture to this one.

Sundararajan, Taly, Yan, "Axiomatic Attribution for Deep Networks", ICML 2017, https://arxiv.org/abs/1703.01365
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .network import Floats, Network

BASELINES = {"black": 0.0, "gray": 127.5, "white": 255.0}


def integrated_gradients(
    network: Network,
    picture: NDArray[Any],
    target: int,
    random: np.random.Generator,
    *,
    steps: int = 50,
    baseline: str = "black",
) -> Floats:
    """Return the map (H, W), with negative parts, of a picture (H, W, 3), RGB from 0 to 255, for a class index.

    A pixel's saliency is the sum over its colours of their attributions, (x - x') times the integral of the gradient
    along the straight line from the baseline x' to the picture x (equation 1), by the midpoint rule of so many steps
    (equation 3, which takes the right ends). All together are the score of the picture less that of the baseline, as
    far as the steps are fine enough. Nothing is drawn from `random`.
    """
    return attributions(network, picture, target, steps, baseline).sum(axis=-1)


def attributions(network: Network, picture: NDArray[Any], target: int, steps: int, baseline: str) -> Floats:
    """Return the attributions (H, W, 3) of the colours of a picture's pixels; see `integrated_gradients`."""
    difference = picture.astype(np.float32) - np.float32(BASELINES[baseline])
    total = np.zeros(difference.shape, np.float64)
    for part in network.batches(steps):
        shares = ((np.arange(part.start, part.stop) + 0.5) / steps).astype(np.float32)
        on_the_way = np.float32(BASELINES[baseline]) + shares[:, None, None, None] * difference
        for gradient in network.gradients(on_the_way, target):  # one by one: batches of another size give the same sum
            total += gradient
    return np.asarray(difference * (total / steps), dtype=np.float32)
