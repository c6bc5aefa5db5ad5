"""A model's Jaccard indices beside those of chance, paired picture by picture."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..overlap.shards import Shards
from ..study.groups import Groups, groups_of
from ..terms import UNION
from .statistics import GROUP_BEST, UNION_BEST, best_threshold

SAME = "same threshold"
OWN_BEST = "own best"
EVERYONE = "all"
NORMAL_95 = 1.959963984540054  # two-sided 95 % point of the normal distribution

CHANCE_COLUMNS = (
    *("model", "method", "chance", "feature", "group", "at", "threshold", "chance_threshold", "n"),
    *("j_mean", "chance_j_mean", "difference_mean", "difference_sd", "difference_low", "difference_high"),
)


def paired_difference(first: NDArray[np.float64], second: NDArray[np.float64]) -> dict[str, float]:
    """Return how far two sources' J, each (n,), are apart on the same pictures; NaN where undefined.

    - n: pictures; j_mean, chance_j_mean: the means of first and of second;
    - difference_mean, difference_sd: of first - second by picture, sd the sample SD (n - 1);
    - difference_low, difference_high: 95 % interval of the mean, mean ± 1.96 SD / sqrt(n) (Gardner and Altman, BMJ
      292, 1986, on paired samples, with the normal distribution in the place of Student's).

    The interval takes pictures as independent; pictures of one lesion are not, so it is a little too narrow.
    """
    n = first.size
    difference = first - second
    mean = float(difference.mean()) if n else np.nan
    deviation = float(difference.std(ddof=1)) if n > 1 else np.nan
    margin = NORMAL_95 * deviation / np.sqrt(n) if n > 1 else np.nan
    return {
        "n": n,
        "j_mean": float(first.mean()) if n else np.nan,
        "chance_j_mean": float(second.mean()) if n else np.nan,
        "difference_mean": mean,
        "difference_sd": deviation,
        "difference_low": mean - margin,
        "difference_high": mean + margin,
    }


def chance_statistics(
    model: str,
    methods: Mapping[str, Mapping[str, Shards]],
    chances: Mapping[str, Mapping[str, Shards]],
    evaluation: pd.DataFrame,
    predicted: Mapping[str, str] | None,
    groups: Groups,
) -> pd.DataFrame:
    """Return the paired differences between a model's saliency methods and its chance methods.

    methods, chances: {method: {feature: shards}}. evaluation: manifest. predicted, groups: as in `source_statistics`.
    Columns:

    - model, method; chance: the chance method that it is compared with; feature;
    - group: `all`, or one of the groups, of which there are none without predictions;
    - at: which thresholds: of all pictures `same threshold`, a row for each of the grid, and `own best`, each source's
      own; of a group `best of union` and `best of group`, again each source's own;
    - threshold, chance_threshold: those of method and chance; empty where there is none;
    - those of `paired_difference`.
    """
    if predicted is None:
        predicted, groups = {}, {}
    indexed = evaluation.set_index("image")
    rows = []
    for method, by_feature in methods.items():
        for chance, chance_by_feature in chances.items():
            for feature, own in by_feature.items():
                other = chance_by_feature[feature]
                if own.images != other.images or own.thresholds != other.thresholds:
                    raise ValueError(f"{model}: {method} and {chance} are not of the same pictures and thresholds")
                of_group = groups_of(own.images, indexed, predicted, groups)
                union = (by_feature[UNION], chance_by_feature[UNION])
                for where in _comparisons(own, other, union, of_group, list(groups)):
                    rows.append({"model": model, "method": method, "chance": chance, "feature": feature, **where})
    return pd.DataFrame(rows, columns=CHANCE_COLUMNS)


def _comparisons(
    own: Shards,
    other: Shards,
    union: tuple[Shards, Shards],
    of_group: NDArray[np.str_],
    groups: Sequence[str],
) -> Iterable[dict[str, object]]:
    everyone = np.ones(len(own.images), dtype=np.bool_)
    for threshold in own.thresholds:
        yield _compared(own, other, everyone, EVERYONE, SAME, (threshold, threshold))
    yield _compared(own, other, everyone, EVERYONE, OWN_BEST, _best(own, other, everyone))
    for group in groups:
        members = of_group == group
        yield _compared(own, other, members, group, UNION_BEST, _best(*union, np.ones(len(union[0].images), np.bool_)))
        yield _compared(own, other, members, group, GROUP_BEST, _best(own, other, members))


def _best(own: Shards, other: Shards, members: NDArray[np.bool_]) -> tuple[str | None, str | None]:
    first, second = (best_threshold(source.thresholds, source.jaccard[:, members]) for source in (own, other))
    return first, second


def _compared(
    own: Shards,
    other: Shards,
    members: NDArray[np.bool_],
    group: str,
    at: str,
    thresholds: tuple[str | None, str | None],
) -> dict[str, object]:
    values = [
        source.jaccard[source.thresholds.index(threshold), members] if threshold else np.empty(0)
        for source, threshold in zip((own, other), thresholds, strict=True)
    ]
    return {
        "group": group,
        "at": at,
        "threshold": thresholds[0],
        "chance_threshold": thresholds[1],
        **paired_difference(*values),
    }
