"""SmoothGrad: the plain gradient, averaged over copies of the picture with noise.

Smilkov, Thorat, Kim, Viegas, Wattenberg, "SmoothGrad: removing noise by adding noise", 2017,
https://arxiv.org/abs/1706.03825
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .network import Floats, Network


def smooth_grad(
    network: Network,
    picture: NDArray[Any],
    target: int,
    random: np.random.Generator,
    *,
    samples: int = 50,
    noise: float = 0.15,
) -> Floats:
    """Return the map (H, W), not negative, of a picture (H, W, 3), RGB from 0 to 255, for a class index.

    The gradients of `samples` copies are averaged, each with Gaussian noise of its own, whose standard deviation is
    `noise` times the range of the picture's values (section 3). A pixel's saliency is the greatest absolute value of
    its colours' mean gradients, as in `gradient`. `random`: the source of the noise.
    """
    pixels = picture.astype(np.float32)
    deviation = np.float32(noise * np.ptp(pixels))
    total = np.zeros(pixels.shape, np.float64)
    for part in network.batches(samples):
        shape = (part.stop - part.start, *pixels.shape)
        noisy = pixels + deviation * random.standard_normal(shape, dtype=np.float32)
        for gradient in network.gradients(noisy, target):  # one by one: batches of another size give the same sum
            total += gradient
    return np.asarray(np.abs(total / samples).max(axis=-1), dtype=np.float32)
