"""The upper reference: what each source of maps reaches of a segmentation network's Jaccard index.

Nunnari, Kadir and Sonntag (CD-MAKE 2021, sections 2 and 8) compare their mean of J with the first of ISIC 2018, another
aggregation over other pictures. Here both are of the same pictures, in the same aggregation.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from ..overlap.shards import Shards
from ..terms import UNION
from .challenge import MICRO_AVERAGE
from .intervals import bounds, clusters_of, resampled_means
from .statistics import best_threshold
from .tables import put_together

SHARE_COLUMNS = (
    *("model", "method", "feature", "n", "threshold", "j_mean", "reference", "reference_threshold"),
    *("reference_j_mean", "share", "low", "high"),
)


def reference_shares(
    model: str,
    method: str,
    shards: Mapping[str, Shards],
    reference: str,
    of_reference: Mapping[str, Shards],
    lesions: Mapping[str, str],
    seed: int,
) -> pd.DataFrame:
    """Return which share of a reference's mean J a source of maps reaches, each at its own best threshold.

    model, method: the source; shards: {feature: shards}; reference: `{network}/{method}`; of_reference: its shards, of
    the same pictures at least. lesions, seed: as in `intervals`. A row per feature; columns:

    - model, method, feature; n: the source's pictures of the feature's population;
    - threshold: the source's best of the grid, empty for an empty population; j_mean: mean J there;
    - reference; reference_threshold, reference_j_mean: likewise, over the same pictures;
    - share: j_mean / reference_j_mean; undefined where that is 0;
    - low, high: the 95 % bootstrap interval of the share by lesion; both means are of the same resample, in which each
      threshold is chosen anew.
    """
    rows = []
    for feature, own in shards.items():
        other = of_reference[feature]
        if own.images != other.images:
            other = other.among(own.images)
        row: dict[str, object] = {"model": model, "method": method, "feature": feature, "n": len(own.images)}
        row["reference"] = reference
        best, best_of_reference = (best_threshold(of.thresholds, of.jaccard) for of in (own, other))
        if best is not None and best_of_reference is not None:
            clusters = clusters_of(own.images, lesions)
            means = resampled_means(np.vstack([own.jaccard, other.jaccard]), clusters, seed)
            highest = [part.max(axis=1) for part in np.split(means, [len(own.thresholds)], axis=1)]
            mean, of_other = own.jaccard_at(best).mean(), other.jaccard_at(best_of_reference).mean()
            row |= {"threshold": best, "j_mean": mean}
            row |= {"reference_threshold": best_of_reference, "reference_j_mean": of_other}
            if of_other:
                with np.errstate(divide="ignore", invalid="ignore"):  # in a resample the reference may have nothing
                    share = highest[0] / highest[1]
                share[~np.isfinite(share)] = np.nan
                ((low, high),) = bounds(share[:, np.newaxis], clusters).tolist()
                row |= {"share": mean / of_other, "low": low, "high": high}
        rows.append(row)
    return pd.DataFrame(rows, columns=SHARE_COLUMNS)


def extended_reference(shares: pd.DataFrame) -> pd.DataFrame:
    """Return which share of the reference each source reaches, a row per reference, feature and source.

    shares: statistics/reference_shares.csv, whose columns say how each value is computed. Columns: reference, feature,
    model, method; n; threshold, j_mean; reference_threshold, reference_j_mean; share_value, share_low, share_high, from
    0, above 1 for a source that has more.
    """
    table = shares.rename(columns={"share": "share_value", "low": "share_low", "high": "share_high"})
    columns = ["reference", "feature", "model", "method", "n", "threshold", "j_mean"]
    columns += ["reference_threshold", "reference_j_mean", "share_value", "share_low", "share_high"]
    return put_together(table, ["reference", "feature"])[columns]


def extended_challenge(challenge: pd.DataFrame, best: pd.DataFrame, published: Mapping[str, float]) -> pd.DataFrame:
    """Return the two aggregations beside each other, a row per feature and source.

    challenge, best: statistics/challenge.csv and best_thresholds.csv. published: {what: J of the challenge, over all
    features together}. Features are those of the challenge, all of them together (`micro_average`), and `union`, which
    is none of it. Columns:

    - feature; model, method: the source; of published values `model` says what;
    - threshold: the best of the grid for the mean of J, empty of all features together;
    - n_shown: masks that are not black; j_mean: the mean over them of J, which the paper reports; of all features
      together over all their masks;
    - shown_value: the ratio of sums over the same masks;
    - n_all: masks, black ones included; all_value, all_low, all_high: the ratio of sums over them, the challenge's J,
      with its 95 % interval.
    """
    keys = ["model", "method", "feature"]
    sources = challenge[["model", "method"]].drop_duplicates()
    union = best[best["feature"] == UNION].merge(sources, on=["model", "method"])
    union = union.rename(columns={"j_ratio_of_sums": "jaccard_population"})
    union = union[[*keys, "threshold", "n", "j_mean", "jaccard_population"]]
    of_features = challenge.merge(best[[*keys, "j_mean"]], on=keys, how="left")
    weighted = (of_features["j_mean"] * of_features["n"]).groupby([of_features["model"], of_features["method"]]).sum()
    together = of_features["feature"] == MICRO_AVERAGE
    masks = of_features.loc[together].set_index(["model", "method"])["n"]
    of_features.loc[together, "j_mean"] = (weighted.reindex(masks.index) / masks.where(masks > 0)).to_numpy()
    printed = pd.DataFrame(
        [{"feature": MICRO_AVERAGE, "model": what, "jaccard": value} for what, value in published.items()],
        columns=["feature", "model", "jaccard"],
    )
    parts = [part for part in (of_features, printed, union) if len(part)]
    table = pd.concat(parts, ignore_index=True) if parts else of_features
    names = {"jaccard_population": "shown_value", "jaccard": "all_value", "low": "all_low", "high": "all_high"}
    columns = ["feature", "model", "method", "threshold", "n", "j_mean", "jaccard_population", "n_all"]
    table = table.reindex(columns=[*columns, "jaccard", "low", "high"]).rename(columns={**names, "n": "n_shown"})
    table = table.astype({"n_shown": "Int64", "n_all": "Int64"})  # some rows have none
    order = {name: place for place, name in enumerate([*dict.fromkeys(challenge["feature"]), UNION])}
    return table.iloc[np.argsort(table["feature"].map(order), kind="stable")].reset_index(drop=True)
