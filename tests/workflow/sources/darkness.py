"""A saliency method for tests, of the resolution that the classifier sees: how dark each pixel of the picture is."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def darkness(
    network: Any, picture: NDArray[np.uint8], target: int, random: np.random.Generator, *, power: float = 1.0
) -> NDArray[np.float32]:
    """Return 255 minus the mean of a pixel's channels, to the given power."""
    return ((255 - picture.mean(axis=2)) ** power).astype(np.float32)
