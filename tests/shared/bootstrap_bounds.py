"""Which percentiles of resamples bound a 95 % interval, by SciPy: Hesterberg 2015, and Kish 1965 for the count."""

from collections import Counter
from collections.abc import Hashable, Iterable

import numpy as np
from scipy.stats import norm, t


def shares(lesions: Iterable[Hashable]) -> tuple[float, float]:
    """The shares of resamples below the two bounds of a number. lesions: that of each of its pictures."""
    sizes = list(Counter(lesions).values())
    count = sum(sizes) ** 2 / sum(size**2 for size in sizes)
    low = float(norm.cdf(-np.sqrt(count / (count - 1)) * t.ppf(0.975, count - 1)))
    return low, 1 - low
