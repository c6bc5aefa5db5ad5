"""Mean J at a threshold that other lesions chose: repeated k-fold cross-validation by lesion.

The mean J at a best threshold is that of the pictures that chose it (in sample). Here lesions are dealt into folds; the
threshold is the best of all other folds, and J is taken on the one that is left out (Stone 1974; by lesion, so that no
lesion is on both sides).
"""

from collections import Counter
from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..overlap.shards import Shards
from .chosen import chosen_rows
from .intervals import FEWEST, RESAMPLES, clusters_of, mean_intervals
from .statistics import best_threshold

OUT_OF_SAMPLE_COLUMNS = (
    *("model", "method", "feature", "n", "lesions", "folds", "repeats", "threshold", "j_in_sample"),
    *("j_out_of_sample", "optimism", "low", "high", "most_chosen", "chosen_share"),
)


def folds_of(count: int, folds: int, seed: int, repeat: int) -> NDArray[np.intp]:
    """Deal lesions into folds at random: the fold of each, int (count,); folds differ by one lesion at most.

    Of fewer lesions than folds each is a fold.
    """
    order = np.random.default_rng([seed, count, repeat]).permutation(count)
    dealt = np.empty(count, dtype=np.intp)
    dealt[order] = np.arange(count) % min(folds, count)
    return dealt


def held_out(
    jaccard: NDArray[np.float64], clusters: NDArray[np.intp], folds: int, repeats: int, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Return J of each picture at the thresholds that other folds chose, and the rows of these thresholds.

    jaccard: (t, n); clusters: (n,), the lesion of each picture, numbered from 0, at least two. Returns the means over
    the repeats, float64 (n,), and int (repeats, folds): the highest mean J of the other folds, the lowest on a tie.
    """
    count = int(clusters.max()) + 1
    folds = min(folds, count)
    total = np.zeros(len(clusters))
    rows = np.empty((repeats, folds), dtype=np.intp)
    for repeat in range(repeats):
        of_picture = folds_of(count, folds, seed, repeat)[clusters]
        # Sums over the other folds, added up directly: a difference of sums would tell equal means apart.
        others = (of_picture != np.arange(folds)[:, np.newaxis]).astype(np.float64)
        rows[repeat] = chosen_rows((others @ jaccard.T) / others.sum(axis=1, keepdims=True))
        total += jaccard[rows[repeat][of_picture], np.arange(len(clusters))]
    return total / repeats, rows


def out_of_sample(
    model: str,
    method: str,
    shards: Mapping[str, Shards],
    lesions: Mapping[str, str],
    folds: int,
    repeats: int,
    seed: int,
    resamples: int = RESAMPLES,
) -> pd.DataFrame:
    """Return the mean J of a source out of sample, a row per feature.

    shards: {feature: shards}. lesions: {image: lesion_id}, as far as they are known. Columns:

    - model, method, feature; n: pictures; lesions: how many; folds: into which they were dealt; repeats: how often;
    - threshold: the best of all pictures, and j_in_sample, the mean J there, which the paper reports;
    - j_out_of_sample: the mean over pictures of J where the other folds chose the threshold, the mean over the repeats;
      optimism: j_in_sample - j_out_of_sample;
    - low, high: the 95 % bootstrap interval by lesion of j_out_of_sample;
    - most_chosen: the threshold that the folds chose most often, the lowest on a tie; chosen_share: how often, 0 to 1.

    Empty where there are fewer than two lesions.
    """
    rows = []
    for feature, of_feature in shards.items():
        jaccard, thresholds = of_feature.jaccard, of_feature.thresholds
        clusters = clusters_of(of_feature.images, lesions)
        count = int(np.unique(clusters).size)
        best = best_threshold(thresholds, jaccard)
        inside = float(of_feature.jaccard_at(best).mean()) if best else np.nan
        row: dict[str, object] = {
            **{"model": model, "method": method, "feature": feature, "n": len(of_feature.images), "lesions": count},
            **{"folds": min(folds, count), "repeats": repeats, "threshold": best, "j_in_sample": inside},
        }
        if count >= FEWEST:
            outside, rows_chosen = held_out(jaccard, clusters, folds, repeats, seed)
            chosen = Counter(rows_chosen.ravel().tolist())
            most = min(chosen, key=lambda place: (-chosen[place], place))
            low, high = mean_intervals(outside[np.newaxis], clusters, seed, resamples)[0].tolist()
            row |= {
                **{"j_out_of_sample": float(outside.mean()), "optimism": inside - float(outside.mean())},
                **{"low": low, "high": high, "most_chosen": thresholds[most]},
                "chosen_share": chosen[most] / rows_chosen.size,
            }
        rows.append(row)
    return pd.DataFrame(rows, columns=OUT_OF_SAMPLE_COLUMNS)
