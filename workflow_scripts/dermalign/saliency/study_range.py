"""One range for all pictures of the study, so that a faint map stays faint (paper, section 8).

The paper stretches each map by its own range; here one range serves all, and thresholds keep their grid.
"""

from collections.abc import Iterator

import numpy as np

from ..errors import InputError
from ..logs import logger
from .blocks import MapBlock, Maps
from .inputs import Inputs
from .maps import MapFile, open_maps


def study_range(inputs: Inputs, upper_percentile: float = 100) -> Iterator[MapBlock]:
    """Stretch raw maps by the range of the study instead of each by its own (paper, section 8).

    A value v becomes (v - low) / (high - low), where low is the minimum over all pictures' raw maps and high the
    maximum, or, so that one extreme map does not make all others black, the `upper_percentile` of all their values,
    interpolated linearly; what is above is 1. A map that is constant is degenerate here as everywhere, and zeros.

    Memory: a block of maps and, for a percentile below 100, the values that are above it.
    Raises InputError for raw maps that are not finite, a percentile that is not above 0 and at most 100, and where the
    percentile is no larger than the minimum: then no range is left.
    """
    if not 0 < upper_percentile <= 100:
        raise InputError(f"upper_percentile: must be above 0 and at most 100, not {upper_percentile}")
    with open_maps(str(inputs.maps)) as source:
        low, high, largest = raw_range(source, upper_percentile)
        logger.info("the range of the study is %g to %g", low, high)
        if high <= low < largest:
            raise InputError(
                f"upper_percentile: {upper_percentile} % of the raw values in {inputs.maps} are the minimum {low:g}, "
                "so that there is no range to stretch; choose a higher one, 100 for the maximum"
            )
        span = high - low if high > low else 1.0
        for rows in source.blocks():
            raw = source.raw(rows)
            degenerate = raw.min(axis=(1, 2)) == raw.max(axis=(1, 2))
            saliency = np.clip((raw.astype(np.float64) - low) / span, 0, 1)
            saliency[degenerate] = 0
            yield source.remade(rows, saliency.astype(np.float32), raw, degenerate)


def raw_range(source: MapFile, upper_percentile: float) -> tuple[float, float, float]:
    """Return minimum, upper percentile and maximum of all raw values, reading blocks of maps."""
    # The percentile lies between the values of ranks floor(rank) and floor(rank) + 1, both among the `kept` largest.
    size = len(source.images) * source.grid[0] * source.grid[1]
    rank = (size - 1) * upper_percentile / 100
    kept = size - int(rank)
    top: Maps = np.empty(0, dtype=np.float32)
    low = np.inf
    for rows in source.blocks():
        values = source.raw(rows).ravel()
        if not np.isfinite(values).all():
            raise InputError(
                f"{source.path}: raw maps with values that are not finite; delete its stores and run again"
            )
        low = min(low, float(values.min()))
        top = np.concatenate([top, values])
        if top.size > kept:
            top = np.partition(top, -kept)[-kept:]
    ends = np.sort(top)[[0, min(1, kept - 1)]].astype(np.float64)
    return low, float(ends[0] + (ends[1] - ends[0]) * (rank - int(rank))), float(top.max())
