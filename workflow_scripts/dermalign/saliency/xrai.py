"""XRAI: regions of the picture in the order of how much they add to the score.

Kapishnikov, Bolukbasi, Viegas, Terry, "XRAI: Better Attributions Through Regions", ICCV 2019,
https://arxiv.org/abs/1906.02825. Regions and their order are those of the authors' package, `saliency`.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .integrated_gradients import attributions
from .network import Floats, Network


def xrai(
    network: Network, picture: NDArray[Any], target: int, random: np.random.Generator, *, steps: int = 50
) -> Floats:
    """Return the map (H, W), with negative parts, of a picture (H, W, 3), RGB from 0 to 255, for a class index.

    The attributions are Integrated Gradients from a black and from a white picture, averaged (section 3.2); the
    picture is segmented on several scales, and segments are joined in the order of their gain per pixel (algorithm 1),
    which is the saliency of their pixels. A picture of one value is one region. `steps`: of each integral. Nothing is
    drawn from `random`.
    """
    from saliency.core import XRAI, XRAIParameters

    both = [attributions(network, picture, target, steps, baseline) for baseline in ("black", "white")]
    # The package stretches the picture by its range, and what it makes of NaN would be segmented by chance.
    whole = None if np.ptp(picture) else [np.ones(picture.shape[:2], dtype=bool)]
    found = XRAI().GetMask(
        x_value=picture.astype(np.float32) / 255,
        call_model_function=_not_called,
        segments=whole,
        base_attribution=np.mean(both, axis=0),
        extra_parameters=XRAIParameters(algorithm="full"),
    )
    return np.asarray(found, dtype=np.float32)


def _not_called(*_: Any, **__: Any) -> Any:
    raise AssertionError("attributions are given")
