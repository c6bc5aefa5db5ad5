"""How long 10,000 resamples of a whole study take, beside a loop over resamples and SciPy's bootstrap.

For J that is made up, of the paper's size: 1,963 pictures of 1,700 lesions, 6 features as often as in its table 1, 11
thresholds, 12 sources. Ours: every mean of J, of each threshold, source and feature in every resample, with intervals.
The peers do less: the loop of NumPy takes `--peer-resamples` resamples of one source's union, and SciPy's
`stats.bootstrap` as many of one threshold of it, by picture, since it knows no lesions. Their times are scaled to the
whole. Prints medians and ratios.

    python benchmarks/bootstrap.py [--runs 3] [--peer-resamples 200]
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy import stats

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow_scripts"))
from dermalign.results import intervals
from dermalign.results.intervals import RESAMPLES, bounds, resampled_means

FEATURES = {"globules": 601, "milia": 574, "negative": 188, "pigment": 1502, "streaks": 98, "union": 1963}
THRESHOLDS, SOURCES, LESIONS = 11, 12, 1700


def median_seconds(function: Callable[[], object], runs: int) -> float:
    seconds = []
    for _ in range(runs):
        intervals._held_chunks.cache_clear()
        begin = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - begin)
    return float(np.median(seconds))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--peer-resamples", type=int, default=200)
    options = parser.parse_args()
    random = np.random.default_rng(0)
    jaccard = {name: random.gamma(1, 0.13, (SOURCES, THRESHOLDS, count)) for name, count in FEATURES.items()}
    clusters = {
        name: np.unique(random.integers(0, LESIONS, count), return_inverse=True)[1] for name, count in FEATURES.items()
    }

    def ours() -> None:
        for name, values in jaccard.items():
            for source in values:
                bounds(resampled_means(source, clusters[name], 1))

    def loop() -> None:
        values, of = jaccard["union"][0], clusters["union"]
        pictures = [np.flatnonzero(of == lesion) for lesion in range(of.max() + 1)]
        means = [
            values[
                :, np.concatenate([pictures[lesion] for lesion in random.integers(0, len(pictures), len(pictures))])
            ].mean(axis=1)
            for _ in range(options.peer_resamples)
        ]
        np.quantile(means, [0.025, 0.975], axis=0)

    def scipy() -> None:
        values = (jaccard["union"][0, 5],)
        stats.bootstrap(values, np.mean, n_resamples=options.peer_resamples, method="percentile", batch=100)

    whole = sum(FEATURES.values()) / FEATURES["union"] * SOURCES * RESAMPLES / options.peer_resamples
    own = median_seconds(ours, options.runs)
    by_loop = median_seconds(loop, options.runs) * whole
    by_scipy = median_seconds(scipy, options.runs) * whole * THRESHOLDS
    print(f"| {RESAMPLES:,} resamples of the whole study | seconds | ratio to ours |")
    print("|---|---:|---:|")
    print(f"| ours, by lesion | {own:.1f} | 1 |")
    print(f"| a loop over resamples, by lesion | {by_loop:.0f} | {by_loop / own:.0f} |")
    print(f"| scipy.stats.bootstrap, by picture | {by_scipy:.0f} | {by_scipy / own:.0f} |")


if __name__ == "__main__":
    main()
