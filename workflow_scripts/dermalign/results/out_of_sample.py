"""Best thresholds out of sample: chosen on some lesions, J reported on the others.

The paper reports J at the threshold that was best for the same pictures, which is higher than what that threshold would
give on others. Repeated k-fold cross-validation by lesion tells by how much: the optimism (Efron and Tibshirani, An
Introduction to the Bootstrap, 1993, chapter 17).
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..overlap.shards import Shards
from .intervals import FEWEST, clusters_of, mean_intervals
from .statistics import best_threshold

TIE = 1e-12  # between means of Jaccard indices; the last digits of a sum depend on its order
COLUMNS = (
    *("model", "method", "feature", "n", "lesions", "folds", "repeats", "threshold"),
    *("j_in_sample", "j_out_of_sample", "low", "high", "optimism", "most_chosen", "most_chosen_share"),
)

Values = NDArray[np.float64]


def folds_of(lesions: int, folds: int, random: np.random.Generator) -> NDArray[np.intp]:
    """Return the fold of each lesion, int (lesions,), 0 to folds - 1, at random; sizes differ by one at most."""
    return random.permutation(np.arange(lesions) % folds)


def out_of_fold(jaccard: Values, clusters: NDArray[np.intp], fold: NDArray[np.intp]) -> tuple[Values, NDArray[np.intp]]:
    """Return J of each picture at the threshold that is best for the lesions of the other folds, and those thresholds.

    jaccard: (t, n). clusters: (n,), the lesion of each picture. fold: (lesions,), of at least two folds. Returns
    float64 (n,), and for each fold the row of its threshold: the highest mean over the other folds' pictures, the
    lowest row on a tie.
    """
    of_picture = fold[clusters]
    count = int(fold.max()) + 1
    sums = np.stack([np.bincount(of_picture, weights=row, minlength=count) for row in jaccard], axis=1)
    sizes = np.bincount(of_picture, minlength=count)
    means = (sums.sum(axis=0) - sums) / (sizes.sum() - sizes)[:, np.newaxis]
    chosen = np.argmax(means >= means.max(axis=1, keepdims=True) - TIE, axis=1)
    return jaccard[chosen[of_picture], np.arange(clusters.size)], chosen


def out_of_sample_statistics(
    model: str,
    method: str,
    shards: Mapping[str, Shards],
    lesions: Mapping[str, str],
    seed: int,
    folds: int = 10,
    repeats: int = 20,
) -> pd.DataFrame:
    """Return a source's J in and out of sample, a row per feature.

    shards: {feature: shards}. lesions: {image: lesion_id}, as far as they are known; a picture of unknown lesion is its
    own. folds, repeats: of the cross-validation; of fewer lesions than folds each is a fold. Columns:

    - model, method, feature; n: pictures; lesions: how many there are; folds, repeats: as they were;
    - threshold: the best of all pictures; j_in_sample: the mean of J there, as in best_thresholds.csv;
    - j_out_of_sample: the mean over pictures of J at the thresholds that were chosen without their fold, the mean over
      repeats; low, high: its 95 % interval, lesions resampled, the folds' thresholds as they are;
    - optimism: j_in_sample - j_out_of_sample;
    - most_chosen: the threshold that was chosen most often, the lowest on a tie; most_chosen_share: how often, 0 to 1.

    Undefined, NaN or empty, is what needs pictures, or two lesions, where there are none.
    """
    rows = []
    for feature, of_feature in shards.items():
        jaccard = of_feature.jaccard
        clusters = clusters_of(of_feature.images, lesions)
        count = int(clusters.max()) + 1 if clusters.size else 0
        best = best_threshold(of_feature.thresholds, jaccard)
        in_sample = float(jaccard[of_feature.thresholds.index(best)].mean()) if best else np.nan
        names = {"model": model, "method": method, "feature": feature}
        row: dict[str, object] = {**dict.fromkeys(COLUMNS, np.nan), **names}
        row |= {"n": len(of_feature.images), "lesions": count, "folds": min(folds, count), "repeats": repeats}
        row |= {"threshold": best, "j_in_sample": in_sample, "most_chosen": None}
        if count >= FEWEST:
            random = np.random.default_rng([seed, count])
            found = [out_of_fold(jaccard, clusters, folds_of(count, min(folds, count), random)) for _ in range(repeats)]
            held_out = np.mean([values for values, _ in found], axis=0)
            chosen = np.bincount(np.concatenate([thresholds for _, thresholds in found]))
            low, high = mean_intervals(held_out[np.newaxis], clusters, seed)[0].tolist()
            mean = float(held_out.mean())
            row |= {"j_out_of_sample": mean, "low": low, "high": high, "optimism": in_sample - mean}
            row |= {
                "most_chosen": of_feature.thresholds[int(chosen.argmax())],
                "most_chosen_share": float(chosen.max() / chosen.sum()),
            }
        rows.append(row)
    return pd.DataFrame(rows, columns=COLUMNS)
