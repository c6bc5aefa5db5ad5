"""Measure the bootstrap of a whole study against a plain loop over resamples and SciPy's, on the same data.

    python benchmarks/bootstrap.py [--runs N]

1,963 pictures of 1,500 lesions, 6 features, 11 thresholds, 12 sources, 10,000 resamples: intervals of every mean and of
the best. The loop and SciPy, which resample pictures, run on one source and feature and a part of the resamples; their
times are scaled up.
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
from scipy.stats import bootstrap

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow_scripts"))

from dermalign.results.chosen import best_interval
from dermalign.results.intervals import RESAMPLES, mean_intervals

PICTURES, LESIONS, FEATURES, THRESHOLDS, SOURCES = 1_963, 1_500, 6, 11, 12
PART = 500  # resamples of the loop and of SciPy


def seconds(what: Callable[[], object], runs: int) -> float:
    """Return the median time of several runs, in seconds."""
    taken = []
    for _ in range(runs):
        start = time.perf_counter()
        what()
        taken.append(time.perf_counter() - start)
    return median(taken)


def main() -> None:
    """Print the seconds of each way and the ratio to ours."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    runs = parser.parse_args().runs
    random = np.random.default_rng(0)
    jaccard = random.random((THRESHOLDS, PICTURES)) ** 3
    clusters = np.concatenate([np.arange(LESIONS), random.integers(0, LESIONS, PICTURES - LESIONS)])
    names = [f"{number / 10:.3f}" for number in range(THRESHOLDS)]
    members = [np.flatnonzero(clusters == lesion) for lesion in range(LESIONS)]

    def ours() -> None:
        for seed in range(FEATURES):  # features have other lesions, and so other resamples; sources share them
            for _ in range(SOURCES):
                mean_intervals(jaccard, clusters, seed)
                best_interval(names, jaccard, clusters, seed)

    def loop() -> None:
        for _ in range(PART):
            columns = np.concatenate([members[lesion] for lesion in random.integers(0, LESIONS, LESIONS)])
            jaccard[:, columns].mean(axis=1).max()

    def scipys() -> None:
        bootstrap((jaccard,), np.mean, axis=1, method="percentile", n_resamples=PART, batch=100, rng=random)

    whole = FEATURES * SOURCES * RESAMPLES / PART
    times = {
        "ours": seconds(ours, runs),
        "loop over resamples": seconds(loop, runs) * whole,
        "scipy.stats.bootstrap": seconds(scipys, runs) * whole,
    }
    print("| way | seconds | to ours |\n|---|--:|--:|")
    for name, taken in times.items():
        print(f"| {name} | {taken:,.1f} | {taken / times['ours']:.1f} |")


if __name__ == "__main__":
    main()
