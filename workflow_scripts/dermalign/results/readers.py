"""Readers beside each other, the study's masks and the models: a human benchmark, and maps against readers' masks."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..data.cell_files import read_counts
from ..overlap.curves import open_curves
from ..overlap.reader_overlaps import STUDY
from ..overlap.shards import shards_of_curves
from .intervals import clusters_of, mean_intervals
from .kappa import cohen_kappa
from .statistics import below_each_other, threshold_statistics

JACCARD, PRESENCE, RIGHT, CLASS, RATING = "jaccard", "presence", "right", "class", "rating"
COLUMNS = [
    *("measure", "first", "second", "feature", "source", "threshold", "n", "left_out"),
    *("value", "value_low", "value_high"),
]
Row = dict[str, object]


def reader_mask_statistics(
    reader: str,
    curves: Mapping[tuple[str, str], str | Path],
    cells: str | Path,
    features: Sequence[str],
    thresholds: Sequence[str],
    lesions: Mapping[str, str],
    seed: int,
    resampled_by: str,
) -> pd.DataFrame:
    """Return J of sources of maps with a reader's masks, at every threshold.

    Columns: reader, model, method, then those of `statistics.threshold_statistics`. curves: {(model, method): curve
    file of the maps with the reader's masks}. cells: the reader's mask cells. features: with `union`. A feature's
    population is the pictures on which the reader drew it and the source has a map of.
    """
    pictures = read_counts([cells]).set_index("image")
    found = []
    for (model, method), path in curves.items():
        with open_curves(path) as file:
            for feature in features:
                shards = shards_of_curves(file, feature, thresholds)
                table = threshold_statistics(feature, shards, pictures, lesions, seed, resampled_by)
                for place, (name, value) in enumerate({"reader": reader, "model": model, "method": method}.items()):
                    table.insert(place, name, value)
                found.append(table)
    return below_each_other(found)


def reader_agreement(
    overlaps: pd.DataFrame,
    labels: Mapping[str, pd.DataFrame],
    ratings: Mapping[str, pd.DataFrame],
    sources: Mapping[tuple[str, str], str | Path],
    best_thresholds: pd.DataFrame,
    features: Sequence[str],
    analysed: Sequence[str],
    lesions: Mapping[str, str],
    seed: int,
) -> pd.DataFrame:
    """Return how far readers agree with each other, and with the study's masks, beside the models.

    overlaps: as `reader_overlaps.mask_overlaps`. labels, ratings: {reader: as `reader_files` has them}. sources:
    {(model, method): curve file with the study's masks}, of which best_thresholds, statistics/best_thresholds.csv,
    says the thresholds. features: with `union`. analysed: the pictures of the analysis. lesions: {image: lesion_id}, by
    which intervals are resampled, with the seed. Columns:

    - measure: `jaccard`, mean J of two readers' masks, or of a reader's and the study's; then also of each source's
      maps, as `first`, and the study's masks on the same pictures; `presence`, Cohen's kappa on whether the feature is
      there; `right`, on whether a model's classification is right, and `class`, on which class is; `rating`, the mean
      of a reader's ratings of a source, 1 to 5;
    - first, second: readers, or, as the second, the study's masks; feature, source: what is compared;
    - threshold: of maps, the source's best of the feature, which these pictures helped to choose; n: pictures;
    - left_out: further pictures, of which J is undefined, since both masks, or map and mask, are black, or of which one
      of the two names no class;
    - value, value_low, value_high: with the 95 % interval by lesion; NaN where undefined.
    """
    rows: list[Row] = []
    for (first, second), pair in overlaps.groupby(["first", "second"], sort=False):
        with_study = second == STUDY
        for feature in features:
            of_feature = pair[pair["feature"] == feature]
            names: Row = {"first": first, "second": second, "feature": feature}
            compared = of_feature[of_feature["image"].isin(list(analysed))] if with_study else of_feature
            rows.append({"measure": JACCARD, **names, **_jaccard(compared, lesions, seed)})
            if with_study:
                images = _defined(compared)["image"].tolist()
                rows += _of_sources(sources, best_thresholds, feature, images, lesions, seed)
            mine, theirs = ((of_feature[column] > 0).tolist() for column in ("first_white", "second_white"))
            kappa = _kappa(mine, theirs, of_feature["image"].tolist(), lesions, seed)
            rows.append({"measure": PRESENCE, **names, **kappa})
    for (first, own), (second, other) in combinations(labels.items(), 2):
        rows += _of_labels({"first": first, "second": second}, own, other, lesions, seed)
    for reader, table in ratings.items():
        for (model, method), of_source in table.groupby(["model", "method"], sort=False):
            mean = _mean(of_source["rating"].to_numpy(float), of_source["image"].tolist(), lesions, seed)
            rows.append({"measure": RATING, "first": reader, "source": f"{model}/{method}", **mean})
    return pd.DataFrame(rows, columns=COLUMNS)


def _defined(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows["first_white"] + rows["second_white"] > 0]


def _jaccard(rows: pd.DataFrame, lesions: Mapping[str, str], seed: int) -> Row:
    defined = _defined(rows)
    union = defined["first_white"] + defined["second_white"] - defined["common"]
    jaccard = (defined["common"] / union).to_numpy(float)
    return {**_mean(jaccard, defined["image"].tolist(), lesions, seed), "left_out": len(rows) - len(defined)}


def _of_sources(
    sources: Mapping[tuple[str, str], str | Path],
    best_thresholds: pd.DataFrame,
    feature: str,
    images: Sequence[str],
    lesions: Mapping[str, str],
    seed: int,
) -> Iterator[Row]:
    """Yield the mean J of each source's maps with the study's masks, at its best threshold of a feature."""
    best = best_thresholds.set_index(["model", "method", "feature"])["threshold"]
    for (model, method), path in sources.items():
        threshold = best[model, method, feature]
        row: Row = {"measure": JACCARD, "first": f"{model}/{method}", "second": STUDY, "feature": feature}
        if pd.isna(threshold):  # no picture of the analysis shows the feature
            yield {**row, "n": 0, "left_out": len(images)}
            continue
        with open_curves(path) as file:
            intersection, union, _ = file.counts(feature, [threshold])
            wanted = set(images)
            mine = [place for place, image in enumerate(file.images) if image in wanted and union[0, place]]
            jaccard = intersection[0, mine] / union[0, mine]
            mean = _mean(jaccard, [file.images[place] for place in mine], lesions, seed)
        yield {**row, "threshold": threshold, **mean, "left_out": len(images) - len(mine)}


def _of_labels(
    names: Row, own: pd.DataFrame, other: pd.DataFrame, lesions: Mapping[str, str], seed: int
) -> Iterator[Row]:
    """Yield how far two readers agree on each model that both judged, on the same pictures."""
    both = own.merge(other, on=["image", "model"], suffixes=("_first", "_second"))
    for model, of_model in both.groupby("model", sort=False):
        for measure, known in (
            (RIGHT, of_model),
            (CLASS, of_model[(of_model["class_first"] != "") & (of_model["class_second"] != "")]),
        ):
            mine, theirs = (known[f"{measure}_{which}"].tolist() for which in ("first", "second"))
            kappa = _kappa(mine, theirs, known["image"].tolist(), lesions, seed)
            yield {"measure": measure, **names, "source": model, **kappa, "left_out": len(of_model) - len(known)}


def _kappa(
    first: Sequence[object], second: Sequence[object], images: Sequence[str], lesions: Mapping[str, str], seed: int
) -> Row:
    found = cohen_kappa(first, second, clusters_of(images, lesions), seed)
    return {"n": len(images), "left_out": 0, "value": found.kappa, "value_low": found.low, "value_high": found.high}


def _mean(values: NDArray[np.float64], images: Sequence[str], lesions: Mapping[str, str], seed: int) -> Row:
    low, high = mean_intervals(values[np.newaxis], clusters_of(images, lesions), seed)[0].tolist()
    return {
        "n": len(images),
        "left_out": 0,
        "value": float(values.mean()) if values.size else np.nan,
        "value_low": low,
        "value_high": high,
    }


def extended_readers(agreement: pd.DataFrame) -> pd.DataFrame:
    """Return the agreement of readers as a table, measure by measure; columns as `reader_agreement`."""
    order = {measure: place for place, measure in enumerate((JACCARD, PRESENCE, RIGHT, CLASS, RATING))}
    table = agreement.sort_values("measure", key=lambda names: names.map(order), kind="stable", ignore_index=True)
    texts = ["second", "feature", "source"]
    return table.assign(**{name: table[name].where(table[name] != "", None) for name in texts})


def classifiers_seen(tables: Mapping[str, Sequence[pd.DataFrame]], classifiers: Mapping[str, str]) -> pd.DataFrame:
    """Return which classifiers readers saw: a row per reader, model and classifier that labels or ratings are of.

    tables: {reader: labels and ratings, as `reader_files` has them}. classifiers: {model: SHA-256 of the study's}.
    Columns: reader, model; classifier_sha256: of what was seen; pictures: with labels or ratings of it; changed:
    whether the study's is another one.
    """
    rows = []
    for reader, of_reader in tables.items():
        both = pd.concat([table[["image", "model", "classifier_sha256"]] for table in of_reader])
        both = both[both["model"].isin(list(classifiers))]
        for (model, seen), pictures in both.groupby(["model", "classifier_sha256"])["image"]:
            rows.append([reader, model, seen, pictures.nunique(), seen != classifiers[str(model)]])
    return pd.DataFrame(rows, columns=["reader", "model", "classifier_sha256", "pictures", "changed"])
