"""The paper's hypotheses as results, each with its interval and what follows from it.

Nunnari, Kadir and Sonntag (CD-MAKE 2021), sections 5 and 7: saliency maps of higher resolution overlap better; and
section 6: those of misclassified melanomas overlap less.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..overlap.shards import Shards
from ..study.groups import default_groups, groups_of
from ..terms import UNION
from .chosen import at_rows, chosen_rows, has_spread, interval
from .intervals import RESAMPLES, clusters_of, fewer_lesions, resampled_means
from .statistics import UNION_BEST, Whole, best_threshold

RESOLUTION = "maps of higher resolution overlap better"
CORRECTNESS = "maps of wrongly classified pictures overlap less"
SUPPORTED, CONTRADICTED, UNDECIDED = "supported", "contradicted", "undecided"

HYPOTHESIS_COLUMNS = (
    *("hypothesis", "model", "first", "second", "feature", "n_first", "n_second", "first_threshold"),
    *("second_threshold", "j_first", "j_second", "difference", "low", "high", "p", "result"),
)


@dataclass(frozen=True)
class Explained:
    """A saliency method of a model.

    - model, method; grid: cells (h, w) of its maps; is_first: whether it is the first method of its model; kind: all
      that it is but for its layer, so that methods of one model and kind differ in resolution alone;
    - shards: {feature: shards}; predicted: {image: predicted class}, None where it is not known.
    """

    model: str
    method: str
    grid: tuple[int, int]
    is_first: bool
    kind: str
    shards: Mapping[str, Shards]
    predicted: Mapping[str, str] | None

    @property
    def name(self) -> str:
        """How it is called in the table, with its grid."""
        return f"{self.model}/{self.method} {self.grid[0]}x{self.grid[1]}"


def hypotheses(
    sources: Sequence[Explained],
    evaluation: pd.DataFrame,
    diagnoses: Sequence[str],
    lesions: Mapping[str, str],
    seed: int,
    mann_whitney: pd.DataFrame,
    resamples: int = RESAMPLES,
) -> pd.DataFrame:
    """Return what the study says to each hypothesis, a row per comparison.

    evaluation: manifest. diagnoses: those whose pictures are compared by correctness, none where the study defines
    groups of its own. lesions: {image: lesion_id}, as far as they are known. mann_whitney: statistics/mann_whitney.csv.
    Columns:

    - hypothesis: in words; model: of the first-named; feature;
    - first, second: what is compared. Of the first hypothesis the finer and the coarser of two maps, the first methods
      of two models or one method at two layers of one, on the same pictures, each at its own best threshold. Of the
      second the correctly and the wrongly classified pictures of a diagnosis, both at the union's best threshold;
    - n_first, n_second: pictures; first_threshold, second_threshold; j_first, j_second: mean J; difference: of them;
    - low, high: the 95 % bootstrap interval of the difference: all sources share the resamples of lesions, and
      thresholds are chosen anew in each of them; empty where a side has fewer than two lesions;
    - p: of the second hypothesis that of mann_whitney.csv, whose threshold is the one of the sample;
    - result: `supported` or `contradicted` where the interval is above or below 0, else `undecided`.
    """
    rows = [
        row
        for finer, coarser in _by_resolution(sources)
        for feature in finer.shards
        for row in [_resolution(finer, coarser, feature, lesions, seed, resamples)]
    ]
    for source in sources:
        if source.is_first and source.predicted is not None:
            rows += _correctness(source, evaluation, diagnoses, lesions, seed, mann_whitney, resamples)
    return pd.DataFrame(rows, columns=HYPOTHESIS_COLUMNS)


def _by_resolution(sources: Sequence[Explained]) -> Iterator[tuple[Explained, Explained]]:
    for place, one in enumerate(sources):
        for other in sources[place + 1 :]:
            cells = [source.grid[0] * source.grid[1] for source in (one, other)]
            of_one_model = one.model == other.model and one.kind == other.kind
            if cells[0] != cells[1] and (of_one_model or (one.is_first and other.is_first)):
                yield (one, other) if cells[0] > cells[1] else (other, one)


def _resolution(
    finer: Explained, coarser: Explained, feature: str, lesions: Mapping[str, str], seed: int, resamples: int
) -> dict[str, object]:
    pair = [source.shards[feature] for source in (finer, coarser)]
    if pair[0].images != pair[1].images:
        raise ValueError(f"{finer.name} and {coarser.name} are not of the same pictures")
    clusters = clusters_of(pair[0].images, lesions)
    best = [best_threshold(shards.thresholds, shards.jaccard) for shards in pair]
    bounds = (np.nan, np.nan)
    if has_spread(clusters):
        means = [resampled_means(shards.jaccard, clusters, seed, resamples) for shards in pair]
        first, second = (at_rows(each, chosen_rows(each)) for each in means)
        bounds = interval(first - second, clusters)
    values = [shards.jaccard_at(threshold) for shards, threshold in zip(pair, best, strict=True)]
    names = (RESOLUTION, finer.model, finer.name, coarser.name, feature)
    return _row(names, values, best, bounds, np.nan)


def _correctness(
    source: Explained,
    evaluation: pd.DataFrame,
    diagnoses: Sequence[str],
    lesions: Mapping[str, str],
    seed: int,
    mann_whitney: pd.DataFrame,
    resamples: int,
) -> Iterator[dict[str, object]]:
    union = source.shards[UNION]
    groups = default_groups(diagnoses)
    of_group = groups_of(union.images, evaluation.set_index("image"), source.predicted or {}, groups)
    whole = Whole.of(union, lesions, seed, resamples)
    best = best_threshold(union.thresholds, union.jaccard)
    for first, second in zip(list(groups)[::2], list(groups)[1::2], strict=True):
        members = [of_group == name for name in (first, second)]
        bounds = (np.nan, np.nan)
        if all(has_spread(whole.clusters[each]) for each in members):
            of_first, of_second = (
                at_rows(whole.means(union.images, union.jaccard, each), whole.chosen) for each in members
            )
            fewer = fewer_lesions(*(whole.clusters[each] for each in members))
            bounds = interval(of_first - of_second, fewer)  # a resample without one of the groups is left out
        values = [union.jaccard_at(best)[each] for each in members]
        p = _p(mann_whitney, source, first, second)
        yield _row((CORRECTNESS, source.model, first, second, UNION), values, [best, best], bounds, p)


def _p(mann_whitney: pd.DataFrame, source: Explained, first: str, second: str) -> float:
    wanted = {"model": source.model, "method": source.method, "feature": UNION, "at": UNION_BEST}
    found = mann_whitney
    for column, value in {**wanted, "first": first, "second": second}.items():
        found = found[found[column] == value]
    return float(found["p"].iloc[0]) if len(found) else np.nan


def _row(
    names: tuple[str, ...],
    values: Sequence[NDArray[np.float64]],
    thresholds: Sequence[str | None],
    bounds: tuple[float, float],
    p: float,
) -> dict[str, object]:
    first, second = (float(each.mean()) if each.size else np.nan for each in values)
    low, high = bounds
    result = SUPPORTED if low > 0 else CONTRADICTED if high < 0 else UNDECIDED
    counts = (values[0].size, values[1].size)
    row = (*names, *counts, *thresholds, first, second, first - second, low, high, p, result)
    return dict(zip(HYPOTHESIS_COLUMNS, row, strict=True))
