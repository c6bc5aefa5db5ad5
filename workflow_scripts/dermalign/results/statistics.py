"""The study's statistics: from the shards of one map source to its rows of the merged tables.

A map source is a model with a method. Populations, best thresholds and groups are as in section 3 of the design; means
are over pictures unless a column says otherwise. Tests between groups are in `group_tests`.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..data.patients import LESION
from ..overlap.shards import Shards
from ..study.groups import Groups, groups_of
from ..terms import UNION
from .chosen import at_rows, best_interval, chosen_rows, group_interval, resampled_unit
from .intervals import RESAMPLES, clusters_of, mean_intervals, resampled_means

UNION_BEST = "best of union"
GROUP_BEST = "best of group"

SPREAD_COLUMNS = ("n", "j_min", "j_mean", "j_sd", "j_max")
CORRECTNESS_COLUMNS = ("feature", "group", "at", "threshold", *SPREAD_COLUMNS, "j_low", "j_high")
# Of thresholds that a source of constant maps has none of.
THRESHOLD_BOUNDS = ("threshold_low", "threshold_high")
# Text whatever it looks like: a group may be called `NA`, a model `1e5`.
NAME_COLUMNS = (
    *("model", "method", "control", "kind", "feature", "group", "first", "second", "at"),
    *("groups", "grouping", "level", "covariate", "hypothesis", "result", "reader", "source", "reference"),
)
# Text that may be absent; thresholds keep their three digits.
WORD_COLUMNS = (
    *("threshold", "threshold_low", "threshold_high", "threshold_until", "control_threshold", "most_chosen"),
    *("first_threshold", "second_threshold", "reference_threshold", "resampled", "test"),
)


def _spread(values: NDArray[np.float64]) -> dict[str, float]:
    """Return n, minimum, mean, sample SD (n - 1) and maximum; NaN where they are not defined."""
    return {
        "n": values.size,
        "j_min": values.min() if values.size else np.nan,
        "j_mean": values.mean() if values.size else np.nan,
        "j_sd": values.std(ddof=1) if values.size > 1 else np.nan,
        "j_max": values.max() if values.size else np.nan,
    }


def threshold_statistics(
    feature: str,
    shards: Shards,
    evaluation: pd.DataFrame,
    lesions: Mapping[str, str],
    seed: int,
    resampled_by: str = LESION,
    resamples: int = RESAMPLES,
) -> pd.DataFrame:
    """Return one row per threshold: spread of J, and what follows from the same counts.

    evaluation: manifest indexed by image, for the white pixels of the masks and the pictures' sizes. lesions: {image:
    lesion_id}, as far as they are known, or patients, as resampled_by says. Columns, all over the feature's population
    (ISIC's scorer counts the pictures whose mask is black, too):

    - feature, threshold;
    - n: pictures; j_min, j_mean, j_sd, j_max: of their J, sd the sample SD (n - 1);
    - j_low, j_high: the 95 % bootstrap interval of j_mean by lesion, as `intervals.mean_intervals`, the threshold taken
      as given; resampled: what was resampled, `lesion`, `patient` or `picture`; lesions: how many of them there are;
    - dice_mean, precision_mean, recall_mean: means over pictures; a black thresholded map has precision 0;
    - j_ratio_of_sums, dice_ratio_of_sums, precision_ratio_of_sums, recall_ratio_of_sums: ISIC's aggregation, the sum
      over pictures of numerator / picture area, divided by that of denominator / area; NaN for the precision where
      nothing is white.
    """
    draws = np.diff([*shards.first, shards.union.shape[1]])
    population = evaluation.loc[np.repeat(shards.images, draws)]
    mask = population[feature].to_numpy(dtype=np.int64)
    area = (population["width"] * population["height"]).to_numpy(dtype=np.int64)
    saliency = shards.union + shards.intersection - mask  # |A| = |A or B| + |A and B| - |B|
    clusters = clusters_of(shards.images, lesions)
    intervals = mean_intervals(shards.jaccard, clusters, seed, resamples)
    resampled = {
        "resampled": resampled_unit(shards.images, lesions, resampled_by) if shards.images else None,
        "lesions": np.unique(clusters).size,
    }
    rows = []
    for row, threshold in enumerate(shards.thresholds):
        common, union = shards.intersection[row], shards.union[row]
        parts = {
            "dice": (2 * common, union + common),
            "precision": (common, saliency[row]),
            "recall": (common, mask),
        }
        rows.append(
            {
                "feature": feature,
                "threshold": threshold,
                **_spread(shards.jaccard[row]),
                **dict(zip(("j_low", "j_high"), intervals[row].tolist(), strict=True)),
                **resampled,
                **{f"{name}_mean": _mean(shards.per_picture(_ratio(*part))) for name, part in parts.items()},
                **{
                    f"{name}_ratio_of_sums": _ratio_of_sums(*part, area)
                    for name, part in {"j": (common, union), **parts}.items()
                },
            }
        )
    return pd.DataFrame(rows)


def _ratio(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    # Only the precision of a black map has no whole; then the part is 0, too, and so is the ratio.
    return part / np.maximum(whole, 1)


def _ratio_of_sums(part: NDArray[np.int64], whole: NDArray[np.int64], area: NDArray[np.int64]) -> float:
    total = float((whole / area).sum())
    return float((part / area).sum()) / total if total else np.nan


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if values.size else np.nan


def best_threshold(thresholds: Sequence[str], jaccard: NDArray[np.float64]) -> str | None:
    """Return the grid value with the highest mean J, the lowest on a tie; None for an empty population.

    jaccard: (t, n), rows as `thresholds`, which ascend.
    """
    if not jaccard.shape[1]:
        return None
    # A mean's last digits depend on the order of the pictures; what they cannot tell apart is added up exactly.
    means = jaccard.mean(axis=1)
    near = np.flatnonzero(means >= means.max() - 1e-12).tolist()
    return thresholds[max(near, key=lambda row: math.fsum(jaccard[row]))]


Samples = dict[str, tuple[str | None, NDArray[np.float64]]]


def _samples(
    shards: Shards, groups: NDArray[np.str_], names: Sequence[str], union_best: str | None
) -> Iterator[tuple[str, Samples]]:
    """Yield `at` and, by group, the threshold that it means and the J of the group's pictures there."""
    for at in (UNION_BEST, GROUP_BEST):
        samples: Samples = {}
        for name in names:
            members = shards.jaccard[:, groups == name]
            threshold = union_best if at == UNION_BEST else best_threshold(shards.thresholds, members)
            samples[name] = (threshold, members[shards.thresholds.index(threshold)] if threshold else np.empty(0))
        yield at, samples


def correctness_statistics(
    feature: str,
    shards: Shards,
    groups: NDArray[np.str_],
    names: Sequence[str],
    union_best: str | None,
    whole: "Whole | None" = None,
) -> pd.DataFrame:
    """Return the spread of J per group, at the union's best threshold and at the group's own best.

    groups: (n,) as `groups_of`. names: the groups in order, none for a source without predictions. union_best: the
    source's best threshold for `union`. whole: what is resampled; without it there are no intervals. Columns:

    - feature, group;
    - at: which threshold, `best of union` or `best of group`; threshold: its name, empty where there is none;
    - n, j_min, j_mean, j_sd, j_max: of the group's pictures that show the feature, as in `threshold_statistics`;
    - j_low, j_high: the 95 % bootstrap interval of j_mean: the lesions of the whole analysis are resampled, and in each
      resample the threshold is chosen anew, on the union or on the group; empty where the group has fewer than two.
    """
    intervals = whole.intervals(shards, groups, names) if whole and names else {}
    rows = [
        {
            **{"feature": feature, "group": name, "at": at, "threshold": threshold, **_spread(values)},
            **dict(zip(("j_low", "j_high"), intervals.get((at, name), (np.nan, np.nan)), strict=True)),
        }
        for at, samples in _samples(shards, groups, names, union_best)
        for name, (threshold, values) in samples.items()
    ]
    return pd.DataFrame(rows, columns=CORRECTNESS_COLUMNS)


@dataclass(frozen=True)
class Whole:
    """The pictures of the analysis as they are resampled for groups of them.

    - images: the n pictures that show any feature; clusters: int (n,), the lesion of each;
    - chosen: int (resamples,), the row of the union's best threshold in each resample; seed: of the resamples.
    """

    images: list[str]
    clusters: NDArray[np.intp]
    chosen: NDArray[np.intp]
    seed: int

    @classmethod
    def of(cls, union: Shards, lesions: Mapping[str, str], seed: int, resamples: int = RESAMPLES) -> "Whole":
        """Return that of a source. union: its shards of the union. lesions: {image: lesion_id}."""
        clusters = clusters_of(union.images, lesions)
        chosen = chosen_rows(resampled_means(union.jaccard, clusters, seed, resamples))
        return cls(union.images, clusters, chosen, seed)

    def means(
        self, images: Sequence[str], jaccard: NDArray[np.float64], members: NDArray[np.bool_]
    ) -> NDArray[np.float64]:
        """Return the means of rows of J over some pictures in each resample, float64 (resamples, rows).

        images: k of the analysis, those that show a feature. jaccard: (rows, k). members: bool (k,), which of them the
        means are of. NaN in resamples without any.
        """
        columns = self._columns(images)
        spread = np.zeros((len(jaccard), len(self.images)))
        spread[:, columns] = jaccard
        counted = np.zeros(len(self.images), dtype=np.bool_)
        counted[columns] = members
        return resampled_means(spread, self.clusters, self.seed, self.chosen.size, counted)

    def _columns(self, images: Sequence[str]) -> NDArray[np.intp]:
        place = {image: column for column, image in enumerate(self.images)}
        return np.array([place[image] for image in images], dtype=np.intp)

    def intervals(
        self, shards: Shards, groups: NDArray[np.str_], names: Sequence[str]
    ) -> dict[tuple[str, str], tuple[float, float]]:
        """Return {(at, group): the interval of its mean J} of a feature's pictures."""
        clusters = self.clusters[self._columns(shards.images)]
        found = {}
        for name in names:
            members = groups == name
            means = self.means(shards.images, shards.jaccard, members)
            for at, rows in ((UNION_BEST, self.chosen), (GROUP_BEST, chosen_rows(means))):
                found[at, name] = group_interval(at_rows(means, rows), clusters[members])
        return found


@dataclass(frozen=True)
class SourceStatistics:
    """What one map source adds to the merged statistics; each table begins with the columns model and method.

    - thresholds: as `threshold_statistics` gives it;
    - best_thresholds: its rows at each feature's best threshold, but j_low, j_high with the threshold chosen anew in
      each resample, and threshold_low, threshold_high, the bounds of those thresholds, as `chosen.best_interval`; of an
      empty population one without thresholds; of a source of constant maps one without thresholds, too, and J at the
      lowest, which is that at all below 1;
    - correctness: as `correctness_statistics`; columns without rows where the source has no predictions.
    """

    thresholds: pd.DataFrame
    best_thresholds: pd.DataFrame
    correctness: pd.DataFrame


def source_statistics(
    model: str,
    method: str,
    shards: Mapping[str, Shards],
    evaluation: pd.DataFrame,
    predicted: Mapping[str, str] | None,
    groups: Groups,
    lesions: Mapping[str, str],
    seed: int,
    resampled_by: str = LESION,
    *,
    is_constant: bool = False,
    resamples: int = RESAMPLES,
) -> SourceStatistics:
    """Return all statistics of one map source.

    model, method: its name in paths, {model}/{method}; a source that belongs to no model has its own first part there,
    such as `controls`. shards: {feature: shards}, `union` among the features. evaluation: manifest. predicted:
    {image: predicted class}, None for a source without predictions, which has no groups. groups: those of tables 4 to
    6, in order. lesions: {image: lesion_id}, as far as they are known, by which intervals are resampled, with the seed;
    resampled_by: what they are, `lesion`, `patient` or `picture`. is_constant: whether each of its maps is the same
    everywhere, so that no threshold is best. resamples: how many.
    """
    if predicted is None:
        predicted, groups = {}, {}
    evaluation = evaluation.set_index("image")
    names = list(groups)
    choice = {feature: _lowest(of_feature) if is_constant else of_feature for feature, of_feature in shards.items()}
    union = choice[UNION]
    union_best = best_threshold(union.thresholds, union.jaccard)
    whole = Whole.of(union, lesions, seed, resamples) if names else None
    thresholds, best, correctness = [], [], []
    for feature, of_feature in shards.items():
        spread = threshold_statistics(feature, of_feature, evaluation, lesions, seed, resampled_by, resamples)
        thresholds.append(spread)
        clusters = clusters_of(of_feature.images, lesions)
        best.append(_best_row(spread, choice[feature], clusters, seed, resamples))
        of_group = groups_of(of_feature.images, evaluation, predicted, groups)
        correctness.append(correctness_statistics(feature, choice[feature], of_group, names, union_best, whole))
    found = [_labelled(model, method, parts) for parts in (thresholds, best, correctness)]
    return SourceStatistics(found[0], *(_without_thresholds(table) if is_constant else table for table in found[1:]))


def _lowest(shards: Shards) -> Shards:
    """Return the shards of the lowest threshold alone."""
    return Shards(shards.images, shards.thresholds[:1], shards.intersection[:1], shards.union[:1], shards.first)


def _without_thresholds(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(**{name: None for name in table if name == "threshold" or name in THRESHOLD_BOUNDS})


def _best_row(
    spread: pd.DataFrame, choice: Shards, clusters: NDArray[np.intp], seed: int, resamples: int
) -> pd.DataFrame:
    threshold = best_threshold(choice.thresholds, choice.jaccard)
    if threshold is None:  # an empty population has no best threshold, but its row says so
        return spread.iloc[:1].assign(threshold=None, threshold_low=None, threshold_high=None)
    interval = best_interval(choice.thresholds, choice.jaccard, clusters, seed, resamples)
    return spread[spread["threshold"] == threshold].assign(**asdict(interval))


def _labelled(model: str, method: str, parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    table = below_each_other(parts)
    table.insert(0, "model", model)
    table.insert(1, "method", method)
    return table


def merge(paths: Iterable[str | Path]) -> pd.DataFrame:
    """Put the sources' tables below each other; numbers and thresholds stay as they are written."""
    return below_each_other([read_statistics(path) for path in paths])


def below_each_other(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return tables of the same columns below each other."""
    # An empty table, of a source without predictions, does not know that its columns are of numbers.
    return pd.concat([table for table in tables if len(table)] or tables[:1], ignore_index=True)


def read_statistics(path: str | Path) -> pd.DataFrame:
    """Read a table of statistics: names and thresholds as text, floats as they were written.

    Absent are thresholds, numbers and words that are empty; a name never is.
    """
    columns = pd.read_csv(path, nrows=0).columns
    return pd.read_csv(
        path,
        dtype={name: str for name in columns if name in (*NAME_COLUMNS, *WORD_COLUMNS)},
        keep_default_na=False,
        na_values={name: [""] for name in columns if name not in NAME_COLUMNS},
    )
