"""Saliency methods beside each other: what each reaches, and what a picture costs.

The first method of a study, whose maps the paper's tables are of, is the one that the others are compared with, on the
pictures that both have maps of: a costly method has some of a sample only.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..overlap.shards import Shards
from ..saliency.maps import open_maps
from .chosen import at_rows, chosen_rows, interval
from .intervals import FEWEST, clusters_of, lesions_of, resampled_means
from .statistics import best_threshold

DIFFERENCE_COLUMNS = (
    *("model", "method", "versus", "feature", "n", "threshold", "versus_threshold"),
    *("j_mean", "versus_j_mean", "difference", "low", "high"),
)
RUN_COLUMNS = ("model", "method", "maps", "degenerate", "methods", "seconds")


def method_differences(
    model: str, methods: Mapping[str, Mapping[str, Shards]], lesions: Mapping[str, str], seed: int
) -> pd.DataFrame:
    """Return how far the saliency methods of a model differ from the first of them, paired by picture.

    methods: {method: {feature: shards}}, the first first. lesions: {image: lesion_id}, as far as they are known, by
    which intervals are resampled, with the seed. Columns:

    - model, method, versus: the first method; feature; n: pictures of the feature's population with maps of both;
    - threshold, versus_threshold: the best of each on these pictures; j_mean, versus_j_mean: mean J there;
    - difference: j_mean - versus_j_mean; low, high: its 95 % bootstrap interval by lesion, both thresholds chosen anew
      in each resample. NaN where there is no picture, an interval also where there are fewer than two lesions.
    """
    (first, reference), *others = methods.items()
    rows = []
    for method, by_feature in others:
        for feature, own in by_feature.items():
            images = [image for image in own.images if image in set(reference[feature].images)]
            mine, theirs = own.among(images), reference[feature].among(images)
            row: dict[str, object] = {"model": model, "method": method, "versus": first, "feature": feature}
            row["n"] = len(images)
            if images:
                row |= _difference(mine, theirs, clusters_of(images, lesions), seed)
            rows.append(row)
    return pd.DataFrame(rows, columns=DIFFERENCE_COLUMNS)


def _difference(mine: Shards, theirs: Shards, clusters: NDArray[np.intp], seed: int) -> dict[str, object]:
    best = [best_threshold(each.thresholds, each.jaccard) for each in (mine, theirs)]
    means = [float(each.jaccard_at(at).mean()) for each, at in zip((mine, theirs), best, strict=True)]
    low = high = np.nan
    if lesions_of(clusters) >= FEWEST:
        resamples = [resampled_means(each.jaccard, clusters, seed) for each in (mine, theirs)]
        chosen = [at_rows(each, chosen_rows(each)) for each in resamples]
        low, high = interval(chosen[0] - chosen[1], clusters)
    return {
        "threshold": best[0],
        "versus_threshold": best[1],
        "j_mean": means[0],
        "versus_j_mean": means[1],
        "difference": means[0] - means[1],
        "low": low,
        "high": high,
    }


def method_runs(
    maps: Mapping[tuple[str, str], str | Path], jobs: Mapping[tuple[str, str], Mapping[str, object]]
) -> pd.DataFrame:
    """Return what the maps of each saliency method took, and how many of them are constant.

    maps: {(model, method): file of maps}. jobs: {(model, method): `benchmarks`, the paths of the benchmarks that
    Snakemake wrote of the jobs, and `methods`, how many methods they made maps of in one pass}. Columns: model, method;
    maps: their number; degenerate: how many of them are the same everywhere; methods: of the pass; seconds: of a
    picture, of the whole pass: the jobs' wall time, with their start, over their pictures. Measured: no two runs give
    the same. NaN where a benchmark is not there.
    """
    rows = []
    for (model, method), path in maps.items():
        with open_maps(path) as opened:
            count = len(opened.images)
            degenerate = sum(int(opened.degenerate(block).sum()) for block in opened.blocks())
        job = jobs[model, method]
        rows.append((model, method, count, degenerate, job["methods"], _seconds(job["benchmarks"]) / count))
    return pd.DataFrame(rows, columns=RUN_COLUMNS)


def _seconds(paths: object) -> float:
    assert isinstance(paths, Sequence)
    if not all(Path(path).is_file() for path in paths):
        return np.nan
    return float(sum(pd.read_csv(path, sep="\t")["s"].iloc[-1] for path in paths))


def extended_methods(
    best_thresholds: pd.DataFrame,
    shares: pd.DataFrame,
    differences: pd.DataFrame,
    runs: pd.DataFrame,
    methods: Sequence[str],
) -> pd.DataFrame:
    """Return the saliency methods beside each other, a row per model, feature and method.

    best_thresholds, shares, differences, runs: statistics/best_thresholds.csv, ceiling_shares.csv,
    method_differences.csv and method_runs.csv. methods: in order. Columns:

    - model, feature, method; n: pictures of the population with a map; threshold: the best; j_value, j_low, j_high: the
      mean J there, and its interval;
    - share_value, share_low, share_high: of the ceiling of the method's grid;
    - versus_first_value, versus_first_low, versus_first_high: mean J minus that of the first method, on the
      pictures that both have maps of, each at its best threshold there; undefined of the first;
    - degenerate: maps that are the same everywhere, of all that there are; seconds: of a picture, see `method_runs`;
      both are undefined of variants, which are made of other maps.
    """
    keys = ["model", "method", "feature"]
    best = best_thresholds[best_thresholds["method"].isin(methods)].rename(columns={"j_mean": "j_value"})
    table = best[[*keys, "n", "threshold", "j_value", "j_low", "j_high"]]
    names = {"low": "share_low", "high": "share_high", "share": "share_value"}
    table = table.merge(shares.rename(columns=names)[[*keys, *names.values()]], on=keys, how="inner")
    names = {"low": "versus_first_low", "high": "versus_first_high", "difference": "versus_first_value"}
    table = table.merge(differences.rename(columns=names)[[*keys, *names.values()]], on=keys, how="left")
    table = table.merge(runs[["model", "method", "degenerate", "seconds"]], on=["model", "method"], how="left")
    table["degenerate"] = table["degenerate"].astype("Int64")
    order = {"model": list(dict.fromkeys(table["model"])), "feature": list(dict.fromkeys(table["feature"]))}
    order["method"] = list(methods)
    places = [table[column].map(order[column].index) for column in ("method", "feature", "model")]
    table = table.iloc[np.lexsort(places)].reset_index(drop=True)
    spread = [f"{stem}_{end}" for stem in ("j", "share", "versus_first") for end in ("value", "low", "high")]
    return table[["model", "feature", "method", "n", "threshold", *spread, "degenerate", "seconds"]]
