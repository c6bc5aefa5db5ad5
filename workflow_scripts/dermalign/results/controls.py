"""A model's Jaccard indices beside those of its controls, paired picture by picture."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..overlap.shards import Shards
from ..study.groups import Groups, groups_of
from ..terms import UNION
from .chosen import at_rows, chosen_rows, group_interval, interval
from .intervals import bounds, clusters_of, resampled_means
from .statistics import GROUP_BEST, UNION_BEST, Whole, best_threshold

EQUAL_AREA = "equal area"
BEST_EQUAL_AREA = "equal area at best"
OWN_BEST = "own best"
EVERYONE = "all"

CONTROL_COLUMNS = (
    *("model", "method", "control", "kind", "feature", "group", "at", "threshold", "control_threshold"),
    *("n", "j_mean", "control_j_mean", "difference_mean", "difference_sd", "difference_low", "difference_high"),
)

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Control:
    """A control as a model's maps are compared with it.

    name; kind: `chance`, `prior` or `anatomy`. is_constant: whether its maps are the same everywhere, so that it has no
    best threshold; its J is the same at all of them below 1. shards: {feature: shards}. equal_area: function of a
    feature, n pictures and white areas, int (t, n), that returns J of its maps with these areas, float64 (t, n), as
    `overlap.equal_area.equal_area_jaccard`.
    """

    name: str
    kind: str
    is_constant: bool
    shards: Mapping[str, Shards]
    equal_area: Callable[[str, Sequence[str], NDArray[np.int64]], Values]


def control_statistics(
    model: str,
    methods: Mapping[str, Mapping[str, Shards]],
    controls: Sequence[Control],
    evaluation: pd.DataFrame,
    predicted: Mapping[str, str] | None,
    groups: Groups,
    lesions: Mapping[str, str],
    seed: int,
) -> pd.DataFrame:
    """Return the paired differences between a model's saliency methods and its controls.

    methods: {method: {feature: shards}}. evaluation: manifest. predicted, groups, lesions, seed: as in
    `source_statistics`. Columns:

    - model, method; control, kind: that it is compared with; feature;
    - group: `all`, or one of the groups, of which there are none without predictions;
    - at: of all pictures `equal area`, a row for each threshold of the grid: the control is as white on each picture as
      the map is at that threshold; `equal area at best`, likewise at the method's best threshold; and `own best`, each
      at its own best threshold. Of a group, at equal area again, `best of union` and `best of group`;
    - threshold: the method's; control_threshold: the control's own, in rows of `own best` alone, where it has one;
      empty where there is none;
    - n: pictures; j_mean, control_j_mean: the means of both; difference_mean, difference_sd: of method - control by
      picture, sd the sample SD (n - 1);
    - difference_low, difference_high: 95 % bootstrap interval of the mean difference, lesions resampled as in
      `intervals`; best thresholds are chosen anew in each resample. None of fewer than two lesions.

    What is undefined is NaN.
    """
    if predicted is None:
        predicted, groups = {}, {}
    indexed = evaluation.set_index("image")
    rows: list[dict[str, object]] = []
    for method, by_feature in methods.items():
        union = by_feature[UNION]
        best = best_threshold(union.thresholds, union.jaccard)
        whole = Whole.of(union, lesions, seed)
        clusters = {feature: clusters_of(own.images, lesions) for feature, own in by_feature.items()}
        # Of the source alone: the same beside every control.
        means = {feature: resampled_means(own.jaccard, clusters[feature], seed) for feature, own in by_feature.items()}
        of_group = {feature: groups_of(own.images, indexed, predicted, groups) for feature, own in by_feature.items()}
        for control in controls:
            names = {"model": model, "method": method, "control": control.name, "kind": control.kind}
            for feature, own in by_feature.items():
                pair = _pair(own, control, feature, indexed, f"{model}: {method} and {control.name}")
                found = [
                    *_of_everyone(pair, means[feature], clusters[feature], seed),
                    *_of_groups(pair, list(groups), of_group[feature], clusters[feature], best, whole),
                ]
                rows += [{**names, "feature": feature, **row} for row in found]
    return pd.DataFrame(rows, columns=CONTROL_COLUMNS)


@dataclass(frozen=True)
class _Pair:
    """J of a source and of a control on the same n pictures, each float64 (t, n).

    own, control: at the t thresholds; equal: of the control where it is as white as the source at each threshold.
    """

    images: list[str]
    thresholds: list[str]
    own: Values
    control: Values
    equal: Values
    is_constant: bool


def _pair(own: Shards, control: Control, feature: str, indexed: pd.DataFrame, what: str) -> _Pair:
    other = control.shards[feature]
    if set(own.images) < set(other.images):  # a costly method has maps of a sample of the pictures
        other = other.among(own.images)
    if own.images != other.images or own.thresholds != other.thresholds:
        raise ValueError(f"{what} are not of the same pictures and thresholds")
    # |A| = |A and B| + |A or B| - |B|; a source that is compared has one map per picture.
    mask = indexed.loc[own.images, feature].to_numpy(dtype=np.int64)
    area = own.union + own.intersection - mask
    equal = control.equal_area(feature, own.images, area)
    return _Pair(own.images, own.thresholds, own.jaccard, other.jaccard, equal, control.is_constant)


def _of_everyone(pair: _Pair, own: Values, clusters: NDArray[np.intp], seed: int) -> Iterator[dict[str, object]]:
    """Yield the rows of all pictures. own: the source's mean J in each resample, float64 (resamples, t)."""
    everyone = np.ones(len(pair.images), dtype=np.bool_)
    beside = resampled_means(np.concatenate([pair.control, pair.equal]), clusters, seed)
    control, equal = np.split(beside, 2, axis=1)
    fixed = bounds(own - equal, clusters)
    for row, threshold in enumerate(pair.thresholds):
        yield _row(EVERYONE, EQUAL_AREA, threshold, None, pair.own[row], pair.equal[row], fixed[row].tolist())
    best, at_best = best_threshold(pair.thresholds, pair.own), own.max(axis=1)
    difference = at_best - at_rows(equal, chosen_rows(own))
    yield _row(EVERYONE, BEST_EQUAL_AREA, best, None, *_beside(pair, best, everyone), interval(difference, clusters))
    # A constant map's J is the same at all thresholds below 1.
    lowest = pair.thresholds[0]
    control_best = None if pair.is_constant else best_threshold(pair.thresholds, pair.control)
    of_control = control[:, 0] if pair.is_constant else control.max(axis=1)
    first = _values(pair.own, pair.thresholds, best, everyone)
    second = _values(pair.control, pair.thresholds, lowest if pair.is_constant else control_best, everyone)
    yield _row(EVERYONE, OWN_BEST, best, control_best, first, second, interval(at_best - of_control, clusters))


def _of_groups(
    pair: _Pair,
    groups: Sequence[str],
    of_group: NDArray[np.str_],
    clusters: NDArray[np.intp],
    best: str | None,
    whole: Whole,
) -> Iterator[dict[str, object]]:
    """Yield the rows of groups. of_group, clusters: each picture's group and lesion. best: the union's threshold."""
    both = np.concatenate([pair.own, pair.equal])
    for group in groups:
        members = of_group == group
        own, equal = np.split(whole.means(pair.images, both, members), 2, axis=1)
        for at, threshold, chosen in (
            (UNION_BEST, best, whole.chosen),
            (GROUP_BEST, best_threshold(pair.thresholds, pair.own[:, members]), chosen_rows(own)),
        ):
            difference = at_rows(own, chosen) - at_rows(equal, chosen)
            bounded = group_interval(difference, clusters[members])
            yield _row(group, at, threshold, None, *_beside(pair, threshold, members), bounded)


def _beside(pair: _Pair, threshold: str | None, members: NDArray[np.bool_]) -> tuple[Values, Values]:
    """Return J of the source at a threshold and of the control where it is as white, of some pictures."""
    own, equal = (_values(of, pair.thresholds, threshold, members) for of in (pair.own, pair.equal))
    return own, equal


def _values(jaccard: Values, thresholds: Sequence[str], threshold: str | None, members: NDArray[np.bool_]) -> Values:
    return jaccard[thresholds.index(threshold), members] if threshold else np.empty(0)


def _row(
    group: str,
    at: str,
    threshold: str | None,
    control_threshold: str | None,
    first: Values,
    second: Values,
    bounded: Sequence[float],
) -> dict[str, object]:
    n = first.size
    difference = first - second
    return {
        "group": group,
        "at": at,
        "threshold": threshold,
        "control_threshold": control_threshold,
        "n": n,
        "j_mean": float(first.mean()) if n else np.nan,
        "control_j_mean": float(second.mean()) if n else np.nan,
        "difference_mean": float(difference.mean()) if n else np.nan,
        "difference_sd": float(difference.std(ddof=1)) if n > 1 else np.nan,
        "difference_low": bounded[0],
        "difference_high": bounded[1],
    }
