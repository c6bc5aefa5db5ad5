"""How J goes with what else is known of a picture: rank correlations with intervals by lesion."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..overlap.shards import Shards
from .chosen import interval
from .intervals import clusters_of, lesions_of, resampled, sums_before
from .statistics import best_threshold

CORRELATION_COLUMNS = ("model", "method", "feature", "covariate", "n", "rho", "low", "high")
RESAMPLES = 2_000  # each is ranked anew, which takes longer than a mean; bounds differ by some hundredths of the width
COVARIATES = ("mask_share", "picture_pixels", "regions", "elongation", "confidence")


def rank_correlation(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Return Spearman's rank correlation of two rows of n values: Pearson's of their ranks, tied ones the mean rank.

    Spearman 1904; Kendall and Gibbons, Rank Correlation Methods, 1990, section 3.8 on ties. NaN where one is constant.
    """
    ones = np.ones((first.size, 1), dtype=np.uint8)
    return float(_weighted(_Ranks(first), _Ranks(second), ones)[0]) if first.size else np.nan


def resampled_rank_correlation(
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    clusters: NDArray[np.intp],
    seed: int,
    resamples: int = RESAMPLES,
) -> NDArray[np.float64]:
    """Return Spearman's rank correlation in each resample, float64 (resamples,).

    first, second: (n,), a value per picture; clusters: (n,), its lesion, numbered from 0: what is resampled is lesions,
    with all their pictures. Ranks are those of the resample, in which a picture that is drawn k times counts as k. NaN
    where either is constant in a resample, and in all where there are fewer than two lesions.
    """
    ranks = _Ranks(first), _Ranks(second)

    def correlation(times: NDArray[np.uint8]) -> NDArray[np.float64]:
        weights = np.ascontiguousarray(times.T)[clusters]  # a row per picture, gathered as a whole
        return _weighted(*ranks, weights)[:, np.newaxis]

    return resampled(correlation, 1, lesions_of(clusters), seed, resamples)[:, 0]


class _Ranks:
    """The order of n values, from which their ranks follow however often each counts."""

    def __init__(self, values: NDArray[np.float64]) -> None:
        self.order = np.argsort(values, kind="stable")
        ascending = values[self.order]
        self.below = ascending.searchsorted(values, "left")
        self.up_to = ascending.searchsorted(values, "right")

    def centred(self, weights: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return twice each value's mid-rank less the mean of all: exact whole numbers, (n, resamples).

        With w below a value, e equal to it and W in all, the ranks of the equal ones are w + 1 to w + e, their mean
        w + (e + 1) / 2, and the mean of all ranks is (W + 1) / 2: twice the difference is w + (w + e) - W.
        """
        sums = sums_before(weights[self.order])
        centred: NDArray[np.float64] = (sums[self.below] + sums[self.up_to] - sums[-1]).astype(np.float64)
        return centred


def _weighted(first: _Ranks, second: _Ranks, weights: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return Pearson's correlation of two rows of ranks, each value as often as it counts: weights (n, resamples)."""
    one, other = first.centred(weights), second.centred(weights)
    weighted, others = one * weights, other * weights
    covariance = np.einsum("ir,ir->r", weighted, other)
    variance = np.einsum("ir,ir->r", weighted, one) * np.einsum("ir,ir->r", others, other)
    with np.errstate(divide="ignore", invalid="ignore"):
        found: NDArray[np.float64] = np.clip(covariance / np.sqrt(variance), -1, 1)
    return found


def covariates(
    images: Sequence[str],
    feature: str,
    evaluation: pd.DataFrame,
    masks: pd.DataFrame,
    confidence: Mapping[str, float],
) -> dict[str, NDArray[np.float64]]:
    """Return what is known of each of n pictures beside J, {covariate: float64 (n,)}, NaN where it is not known.

    images: those that show the feature. evaluation: manifest, indexed by image. masks: manifest/masks.csv, the shapes
    of masks that are not black. confidence: {image: probability of the predicted class}. They are:

    - mask_share: the mask's white pixels as a share of the picture; picture_pixels: width times height;
    - regions: connected white regions of the mask; elongation: how much longer than wide they are;
    - confidence.
    """
    rows = evaluation.loc[list(images)]
    pixels = rows["width"].to_numpy(np.float64) * rows["height"].to_numpy(np.float64)
    shapes = masks[masks["feature"] == feature].set_index("image").reindex(list(images))
    return {
        "mask_share": rows[feature].to_numpy(np.float64) / pixels,
        "picture_pixels": pixels,
        "regions": shapes["regions"].to_numpy(np.float64),
        "elongation": shapes["elongation"].to_numpy(np.float64),
        "confidence": np.array([confidence.get(image, np.nan) for image in images], dtype=np.float64),
    }


def correlation_statistics(
    model: str,
    method: str,
    shards: Mapping[str, Shards],
    evaluation: pd.DataFrame,
    masks: pd.DataFrame,
    confidence: Mapping[str, float],
    lesions: Mapping[str, str],
    seed: int,
) -> pd.DataFrame:
    """Return the rank correlations of one source's J with each covariate, a row per feature and covariate.

    shards: {feature: shards}. evaluation: manifest. Other arguments as in `covariates`; lesions: {image: lesion_id}, as
    far as they are known. Columns:

    - model, method, feature; covariate: as `covariates` names them;
    - n: pictures that show the feature and whose covariate is known;
    - rho: Spearman's rank correlation of J, at the source's best threshold for the feature, with the covariate;
    - low, high: its 95 % bootstrap interval by lesion, ranks being those of each resample, the threshold that of the
      data. All three are empty where J or covariate is the same for all pictures, low and high also for fewer than two
      lesions.
    """
    evaluation = evaluation.set_index("image")
    rows = []
    for feature, of_feature in shards.items():
        threshold = best_threshold(of_feature.thresholds, of_feature.jaccard)
        values = of_feature.jaccard_at(threshold)
        found = covariates(of_feature.images, feature, evaluation, masks, confidence)
        for covariate in COVARIATES:
            known = np.isfinite(found[covariate])
            pair = values[known], found[covariate][known]
            clusters = clusters_of([of_feature.images[row] for row in np.flatnonzero(known)], lesions)
            rho, low, high = rank_correlation(*pair), np.nan, np.nan
            if np.isfinite(rho):
                low, high = interval(resampled_rank_correlation(*pair, clusters, seed), clusters)
            row = {"model": model, "method": method, "feature": feature, "covariate": covariate}
            rows.append({**row, "n": int(known.sum()), "rho": rho, "low": low, "high": high})
    return pd.DataFrame(rows, columns=CORRELATION_COLUMNS)
