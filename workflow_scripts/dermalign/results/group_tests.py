"""Tests between groups of pictures, and how far the groups lie apart.

Groups and the Mann-Whitney test are as in section 3 of the design. A p value says whether two groups can be told apart,
which among enough pictures they always can; an effect size says by how much.
"""

import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..logs import logger
from ..overlap.shards import Shards
from ..study.groups import Groups, groups_of
from ..terms import UNION
from .intervals import FEWEST, RESAMPLES, bounds, clusters_of, fewer_lesions, lesions_of, resampled, sums_before
from .statistics import GROUP_BEST, UNION_BEST, below_each_other, best_threshold

EXACT = "exact"
ASYMPTOTIC = "asymptotic"
LARGEST_EXACT = 8  # pictures of the smaller group
BRUNNER_MUNZEL, KRUSKAL_WALLIS = "brunner_munzel", "kruskal_wallis"

EFFECT_COLUMNS = ("rank_biserial", "rank_biserial_low", "rank_biserial_high", "common_language")
MANN_WHITNEY_COLUMNS = (
    *("model", "method", "feature", "first", "second", "at", "first_threshold", "second_threshold"),
    *("n_first", "n_second", "u", "p", "test", *EFFECT_COLUMNS),
)
GROUP_TEST_COLUMNS = ("model", "method", "feature", "at", "test", "groups", "n", "statistic", "df", "p")
Pair = tuple[str, str]


# The tests


@dataclass(frozen=True)
class MannWhitney:
    """What a Mann-Whitney U test gives.

    - u: U of the first-named group, NaN where a sample is empty;
    - p: two-sided, not corrected for the number of tests, NaN likewise;
    - test: how p was computed, `exact` or `asymptotic`, None likewise.
    """

    u: float
    p: float
    test: str | None


def mann_whitney(first: NDArray[np.float64], second: NDArray[np.float64]) -> MannWhitney:
    """Compare two samples by the two-sided Mann-Whitney U test (Mann and Whitney 1947).

    With ranks over both samples, U = R1 - n1 (n1 + 1) / 2. Where a sample has at most 8 values and none are tied, p is
    that of U among all ways to deal the ranks; else that of the normal distribution, U having mean n1 n2 / 2 and
    variance n1 n2 / 12 * (n + 1 - sum(t^3 - t) / (n (n - 1))) over the sizes t of ties, corrected for continuity
    (Lehmann, Nonparametrics, 1975, section 1.4). This is the choice of SciPy's `method="auto"`. p = 1 where all values
    are equal.
    """
    from scipy.stats import mannwhitneyu  # half a second, which what only reads statistics need not wait for

    if not first.size or not second.size:
        return MannWhitney(np.nan, np.nan, None)
    distinct = np.unique(np.concatenate([first, second])).size
    is_exact = min(first.size, second.size) <= LARGEST_EXACT and distinct == first.size + second.size
    # Chosen here and handed on, so that the word in the table and the number beside it cannot differ.
    test = EXACT if is_exact else ASYMPTOTIC
    if distinct == 1:  # U has no variance
        return MannWhitney(first.size * second.size / 2, 1.0, test)
    found = mannwhitneyu(first, second, use_continuity=True, alternative="two-sided", method=test)
    return MannWhitney(float(found.statistic), float(found.pvalue), test)


@dataclass(frozen=True)
class GroupTest:
    """What a test of another kind gives: its statistic, the degrees of freedom where SciPy tells them, and p.

    NaN what is undefined.
    """

    statistic: float
    df: float
    p: float


UNDEFINED = GroupTest(np.nan, np.nan, np.nan)


def brunner_munzel(first: NDArray[np.float64], second: NDArray[np.float64]) -> GroupTest:
    """Compare two samples by the two-sided Brunner-Munzel test (Brunner and Munzel 2000), p of the t distribution.

    Unlike Mann and Whitney's it does not take the two distributions as equally wide. The statistic is above 0 where the
    second sample is the larger one, as SciPy has it, which does not tell the degrees of freedom. Undefined where a
    sample has fewer than two values, and where all of one are above all of the other, as the ranks have no variance.
    """
    from scipy.stats import brunnermunzel

    if min(first.size, second.size) < 2:
        return UNDEFINED
    with np.errstate(divide="ignore", invalid="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of what is undefined, which the result says
        found = brunnermunzel(first, second, alternative="two-sided", distribution="t")
    if not (np.isfinite(found.statistic) and np.isfinite(found.pvalue)):
        return UNDEFINED
    return GroupTest(float(found.statistic), np.nan, float(found.pvalue))


def kruskal_wallis(samples: Iterable[NDArray[np.float64]]) -> GroupTest:
    """Compare two or more samples at once by the Kruskal-Wallis H test (Kruskal and Wallis 1952), corrected for ties.

    p is of the chi-squared distribution with one degree of freedom fewer than there are samples; empty ones do not
    count. Undefined for fewer than two samples, and where all values are equal.
    """
    from scipy.stats import kruskal

    known = [sample for sample in samples if sample.size]
    if len(known) < 2 or np.unique(np.concatenate(known)).size == 1:
        return UNDEFINED
    found = kruskal(*known)
    return GroupTest(float(found.statistic), len(known) - 1, float(found.pvalue))


def epsilon_squared(statistic: float, count: int) -> float:
    """Return the effect size of a Kruskal-Wallis test, H / (n - 1): 0 none, 1 the most that can be.

    Kelley 1935, as in Tomczak and Tomczak 2014 (table 2). count: values of all samples together.
    """
    return statistic / (count - 1) if count > 1 else np.nan


# How far two groups lie apart


def common_language(u: float, n_first: int, n_second: int) -> float:
    """Return the share of pairs in which the first group's picture has the larger value, ties half: U / (n1 n2).

    McGraw and Wong 1992; Vargha and Delaney's A (2000). NaN where a group is empty.
    """
    return u / (n_first * n_second) if n_first and n_second else np.nan


def rank_biserial(u: float, n_first: int, n_second: int) -> float:
    """Return the rank-biserial correlation 2 U / (n1 n2) - 1, from -1 to 1, U of the first group.

    Wendt 1972, signed as by Kerby 2014 (favourable minus unfavourable pairs): above 0 where the first group is the
    larger one. NaN where a group is empty.
    """
    return 2 * common_language(u, n_first, n_second) - 1


def resampled_rank_biserial(
    values: NDArray[np.float64],
    groups: NDArray[np.str_],
    pairs: Sequence[Pair],
    clusters: NDArray[np.intp],
    seed: int,
    resamples: int = RESAMPLES,
) -> NDArray[np.float64]:
    """Return the rank-biserial correlation of each pair of groups in each resample, float64 (resamples, pairs).

    values: (n,), a value per picture. groups: (n,), the name of each picture's group. clusters: (n,), its lesion,
    numbered from 0: what is resampled is lesions, with all their pictures, of whatever group, so that the groups' sizes
    vary as they would among other pictures. NaN in a resample that has no picture of a group, and in all where there
    are fewer than two lesions.

    A picture that is drawn k times counts as k pictures. With the pictures of a group in the order of their values, the
    sums of these counts up to each place tell how many of them are below a value, and how many equal it: exactly, in
    whole numbers.
    """
    members = {name: np.flatnonzero(groups == name) for name in dict.fromkeys(name for pair in pairs for name in pair)}
    ordered = {name: rows[np.argsort(values[rows], kind="stable")] for name, rows in members.items()}
    places = [
        tuple(values[ordered[second]].searchsorted(values[ordered[first]], side) for side in ("left", "right"))
        for first, second in pairs
    ]

    def effects(times: NDArray[np.uint8]) -> NDArray[np.float64]:
        # A row per lesion, so that rows are gathered as a whole.
        of_lesion = np.ascontiguousarray(times.T)
        counts = {name: of_lesion[clusters[rows]] for name, rows in ordered.items()}
        sums = {name: sums_before(of_name) for name, of_name in counts.items()}
        found = np.empty((len(times), len(pairs)))
        for column, (first, second) in enumerate(pairs):
            below, up_to = (sums[second][place] for place in places[column])
            # Below and as large, each counted twice where below: 2 U.
            twice = np.einsum("ir,ir->r", counts[first], below + up_to, dtype=np.int64, casting="unsafe")
            pairs_drawn = sums[first][-1].astype(np.float64) * sums[second][-1]
            with np.errstate(divide="ignore", invalid="ignore"):
                found[:, column] = twice / pairs_drawn - 1
        return found

    return resampled(effects, len(pairs), lesions_of(clusters), seed, resamples)


def rank_biserial_intervals(
    values: NDArray[np.float64],
    groups: NDArray[np.str_],
    pairs: Sequence[Pair],
    clusters: NDArray[np.intp],
    seed: int,
    resamples: int = RESAMPLES,
) -> NDArray[np.float64]:
    """Return the bounds of the 95 % bootstrap interval of each pair's rank-biserial correlation, float64 (pairs, 2).

    Arguments as in `resampled_rank_biserial`. Of the resamples those count that have pictures of both groups. NaN where
    either group is of fewer than two lesions. The interval of the common-language effect size is (1 + bound) / 2.
    """
    found = np.full((len(pairs), 2), np.nan)
    lesions = {name: np.unique(clusters[groups == name]).size for pair in pairs for name in pair}
    columns = [column for column, pair in enumerate(pairs) if min(lesions[name] for name in pair) >= FEWEST]
    compared = [pairs[each] for each in columns]
    effects = resampled_rank_biserial(values, groups, compared, clusters, seed, resamples)
    for column, pair, effect in zip(columns, compared, effects.T, strict=True):
        fewer = fewer_lesions(*(clusters[groups == name] for name in pair))
        found[column] = bounds(effect[:, np.newaxis], fewer)[0]
    return found


# Many tests at once


def holm(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the p values of a family of m tests adjusted by Holm (1979): the chance of one false find or more.

    With p ascending, the i-th is the highest of (m - j + 1) p_j over j up to i, at most 1. A test without p, NaN, is
    none: it stays NaN and does not count in m.
    """
    adjusted = np.full(p.shape, np.nan)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    adjusted[order] = np.maximum.accumulate(p[order] * np.arange(order.size, 0, -1)).clip(max=1)
    return adjusted


def with_family(
    tests: pd.DataFrame,
    features: Collection[str],
    at: Collection[str],
    methods: Collection[str],
    pairs: Collection[Pair],
) -> pd.DataFrame:
    """Return the Mann-Whitney tests of all models with what the family makes of them.

    tests: as `mann_whitney_statistics`, of all models. features, at, methods, pairs: which tests are in the family, of
    whatever model. Columns after those that there are:

    - family: whether the test is in it; one without p, as of an empty group, never is;
    - p_holm: p adjusted for all tests of the family, as `holm`; empty outside of it.
    """
    named = [pair in pairs for pair in zip(tests["first"], tests["second"], strict=True)]
    of_family = tests["feature"].isin(list(features)) & tests["at"].isin(list(at)) & tests["method"].isin(list(methods))
    of_family &= np.array(named, dtype=bool) & tests["p"].notna()
    p = tests["p"].to_numpy(dtype=np.float64)
    return tests.assign(family=of_family, p_holm=holm(np.where(of_family, p, np.nan)))


# Whole sources


def comparisons(names: Sequence[str]) -> list[Pair]:
    """Return every pair of groups, in order."""
    return [(first, second) for row, first in enumerate(names) for second in names[row + 1 :]]


def _samples(
    shards: Shards, groups: NDArray[np.str_], names: Sequence[str], union_best: str | None
) -> Iterator[tuple[str, dict[str, str | None], NDArray[np.float64], NDArray[np.str_]]]:
    """Yield `at`, {group: the threshold that it means}, each picture's J there, and its group.

    A picture without a group, or whose group has no threshold, is in none.
    """
    rows = np.arange(len(shards.images))
    for at in (UNION_BEST, GROUP_BEST):
        thresholds = {
            name: union_best
            if at == UNION_BEST
            else best_threshold(shards.thresholds, shards.jaccard[:, groups == name])
            for name in names
        }
        place_of = {name: shards.thresholds.index(each) for name, each in thresholds.items() if each is not None}
        places = np.array([place_of.get(name, 0) for name in groups.tolist()], dtype=np.intp)
        kept = np.where(np.isin(groups, list(place_of)), groups, "")
        yield at, thresholds, shards.jaccard[places, rows], kept


def mann_whitney_statistics(
    model: str,
    method: str,
    feature: str,
    shards: Shards,
    groups: NDArray[np.str_],
    names: Sequence[str],
    union_best: str | None,
    lesions: Mapping[str, str],
    seed: int,
) -> pd.DataFrame:
    """Compare the groups' J pairwise, at the union's best threshold and at each group's own best.

    model, method: the source's name. groups: (n,) as `groups_of`. names: the groups in order. union_best: the source's
    best threshold for `union`. lesions: {image: lesion_id}, as far as they are known. Columns:

    - model, method, feature; first, second: the two groups;
    - at: `best of union` or `best of group`; first_threshold, second_threshold: that of each group;
    - n_first, n_second: pictures of each that show the feature;
    - u, p, test: as in `MannWhitney`; empty where a group has no picture;
    - rank_biserial, common_language: effect sizes, see there; rank_biserial_low, rank_biserial_high: the 95 % bootstrap
      interval by lesion, at the thresholds of the data, which are not chosen anew in resamples.
    """
    clusters = clusters_of(shards.images, lesions)
    pairs = comparisons(names)
    rows = []
    for at, thresholds, values, of_group in _samples(shards, groups, names, union_best):
        intervals = rank_biserial_intervals(values, of_group, pairs, clusters, seed)
        for (first, second), (low, high) in zip(pairs, intervals.tolist(), strict=True):
            samples = [values[of_group == name] for name in (first, second)]
            found = mann_whitney(*samples)
            sizes = (samples[0].size, samples[1].size)
            rows.append(
                {
                    "model": model,
                    "method": method,
                    "feature": feature,
                    "first": first,
                    "second": second,
                    "at": at,
                    "first_threshold": thresholds[first],
                    "second_threshold": thresholds[second],
                    "n_first": sizes[0],
                    "n_second": sizes[1],
                    **asdict(found),
                    "rank_biserial": rank_biserial(found.u, *sizes),
                    "rank_biserial_low": low,
                    "rank_biserial_high": high,
                    "common_language": common_language(found.u, *sizes),
                }
            )
    return pd.DataFrame(rows, columns=MANN_WHITNEY_COLUMNS)


def further_tests(
    model: str,
    method: str,
    feature: str,
    shards: Shards,
    groups: NDArray[np.str_],
    names: Sequence[str],
    union_best: str | None,
    tests: Collection[str],
) -> pd.DataFrame:
    """Compare the groups' J by other tests. tests: of `brunner_munzel` and `kruskal_wallis`.

    Other arguments as in `mann_whitney_statistics`. A row per pair of groups of the former, one for all groups of the
    latter. Columns:

    - model, method, feature; at: as there; test: its name;
    - groups: the groups' names, joined by ` vs `; those without a picture are left out of a Kruskal-Wallis test;
    - n: pictures of all of them; statistic: W or H; df: degrees of freedom, empty where SciPy does not tell them;
    - p: two-sided, not corrected for the number of tests. Empty is what is undefined, of which the log tells.
    """
    rows = []
    for at, _, values, of_group in _samples(shards, groups, names, union_best):
        samples = {name: values[of_group == name] for name in names}
        present = [name for name in names if samples[name].size]
        compared: list[tuple[str, Sequence[str], GroupTest]] = []
        if BRUNNER_MUNZEL in tests:
            for first, second in comparisons(names):
                found = brunner_munzel(samples[first], samples[second])
                compared.append((BRUNNER_MUNZEL, (first, second), found))
        if KRUSKAL_WALLIS in tests:
            compared.append((KRUSKAL_WALLIS, present, kruskal_wallis(samples.values())))
        for test, of, found in compared:
            words = " vs ".join(of)
            if np.isnan(found.p):
                logger.info("%s/%s, %s, %s: the test %s of %s is undefined", model, method, feature, at, test, words)
            size = sum(samples[name].size for name in of)
            row = {"model": model, "method": method, "feature": feature, "at": at, "test": test, "groups": words}
            rows.append({**row, "n": size, **asdict(found)})
    return pd.DataFrame(rows, columns=GROUP_TEST_COLUMNS)


@dataclass(frozen=True)
class GroupTests:
    """All tests between the groups of some sources.

    mann_whitney: as `mann_whitney_statistics`; group_tests: as `further_tests`.
    """

    mann_whitney: pd.DataFrame
    group_tests: pd.DataFrame


def source_group_tests(
    model: str,
    method: str,
    shards: Mapping[str, Shards],
    evaluation: pd.DataFrame,
    predicted: Mapping[str, str],
    groups: Groups,
    lesions: Mapping[str, str],
    seed: int,
    tests: Collection[str] = (),
) -> GroupTests:
    """Return all tests between the groups of one source, for every feature.

    model, method: its name. shards: {feature: shards}, `union` among the features. evaluation: manifest. predicted:
    {image: predicted class}. groups: those of tables 4 to 6, in order. lesions: {image: lesion_id}, as far as they are
    known. tests: those beside Mann and Whitney's, as in `further_tests`.
    """
    evaluation, names = evaluation.set_index("image"), list(groups)
    union_best = best_threshold(shards[UNION].thresholds, shards[UNION].jaccard)
    found: list[pd.DataFrame] = []
    others: list[pd.DataFrame] = []
    for feature, of_feature in shards.items():
        of_group = groups_of(of_feature.images, evaluation, predicted, groups)
        same = (model, method, feature, of_feature, of_group, names, union_best)
        found.append(mann_whitney_statistics(*same, lesions, seed))
        others.append(further_tests(*same, tests))
    return GroupTests(below_each_other(found), below_each_other(others))
