"""Tests between groups: SciPy's and statsmodels', effect sizes that are shares of pairs, intervals of a plain loop."""

import csv
import itertools
import math
import runpy
import statistics
import warnings
from collections.abc import Collection
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from bootstrap_bounds import shares
from dermalign.overlap.shards import Shards
from dermalign.results.group_tests import (
    BRUNNER_MUNZEL,
    KRUSKAL_WALLIS,
    brunner_munzel,
    common_language,
    comparisons,
    epsilon_squared,
    further_tests,
    holm,
    kruskal_wallis,
    mann_whitney,
    mann_whitney_statistics,
    rank_biserial,
    rank_biserial_intervals,
    resampled_rank_biserial,
    source_group_tests,
    with_family,
)
from dermalign.results.intervals import resampled_lesions
from dermalign.results.statistics import GROUP_BEST, UNION_BEST, read_statistics
from dermalign.study.groups import default_groups
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from job_cases import FilesOf
from scipy.stats import brunnermunzel, kruskal, mannwhitneyu
from statsmodels.stats.multitest import multipletests

SCRIPT = Path(__file__).parents[2] / "workflow_scripts" / "group_tests.py"
MEL_NV = default_groups(["MEL", "NV"])
GROUPS = ["MEL-correct", "MEL-wrong", "NV-correct", "NV-wrong"]
# Few values make ties, as Jaccard indices of 0 do; the others are any float.
SAMPLES = st.lists(st.one_of(st.sampled_from([0.0, 0.1, 0.5, 1.0]), st.floats(0, 1)), min_size=1, max_size=40)
SMALL = st.lists(st.floats(0, 1), min_size=2, max_size=11, unique=True)


# The Mann-Whitney test


def by_enumeration(first: list[float], second: list[float]) -> tuple[float, float]:
    """U of the first sample and the exact p: of all ways to deal the values, those at least as far from the middle."""
    together, middle = first + second, len(first) * len(second) / 2

    def u_of(chosen: Collection[int]) -> float:
        rest = [value for place, value in enumerate(together) if place not in chosen]
        return sum((together[place] > value) + (together[place] == value) / 2 for place in chosen for value in rest)

    u = u_of(range(len(first)))
    ways = [u_of(chosen) for chosen in itertools.combinations(range(len(together)), len(first))]
    return u, sum(abs(way - middle) >= abs(u - middle) for way in ways) / len(ways)


def by_formula(first: list[float], second: list[float]) -> tuple[float, float]:
    """U of the first sample and the asymptotic p, corrected for ties and continuity, as Lehmann (1975) writes it."""
    n1, n2 = len(first), len(second)
    n = n1 + n2
    _, tie, sizes = np.unique(first + second, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(sizes) - (sizes - 1) / 2)[tie]  # the mean rank of each tie
    u = float(ranks[:n1].sum() - n1 * (n1 + 1) / 2)
    variance = n1 * n2 / 12 * ((n + 1) - (sizes.astype(float) ** 3 - sizes).sum() / (n * (n - 1)))
    return u, math.erfc(max(abs(u - n1 * n2 / 2) - 0.5, 0) / math.sqrt(2 * variance))


@settings(max_examples=150, deadline=None)
@given(values=SMALL, data=st.data())
def test_p_of_small_groups_without_ties_is_that_of_all_ways_to_deal_the_values(
    values: list[float], data: st.DataObject
) -> None:
    at = data.draw(st.integers(1, len(values) - 1))
    found = mann_whitney(np.array(values[:at]), np.array(values[at:]))
    u, p = by_enumeration(values[:at], values[at:])
    assert (found.u, found.test) == (u, "exact")
    assert found.p == pytest.approx(p, rel=1e-12)


@settings(max_examples=300, deadline=None)
@given(first=SAMPLES, second=SAMPLES)
def test_mann_whitney_is_scipys_choice_and_the_table_says_which(first: list[float], second: list[float]) -> None:
    assume(len(set(first + second)) > 1)
    ties = len(set(first + second)) < len(first + second)
    found = mann_whitney(np.array(first), np.array(second))
    assert found.test == ("exact" if min(len(first), len(second)) <= 8 and not ties else "asymptotic")
    expected = mannwhitneyu(first, second, alternative="two-sided", method="auto")
    assert (found.u, found.p) == (expected.statistic, expected.pvalue)
    if found.test == "asymptotic":
        u, p = by_formula(first, second)
        assert found.u == u
        assert found.p == pytest.approx(p, rel=1e-9, abs=1e-300)
    turned = mann_whitney(np.array(second), np.array(first))
    assert found.u + turned.u == len(first) * len(second)
    assert (found.p, found.test) == (turned.p, turned.test)


@pytest.mark.parametrize(
    ("sizes", "test"),
    [((2, 2), "exact"), ((8, 8), "exact"), ((8, 400), "exact"), ((9, 9), "asymptotic"), ((850, 1020), "asymptotic")],
)
def test_mann_whitney_at_the_border_and_of_groups_as_large_as_the_papers(sizes: tuple[int, int], test: str) -> None:
    random = np.random.default_rng(sum(sizes))
    first, second = (random.normal(mean, 0.2, n) for mean, n in zip((0.1, 0.3), sizes, strict=True))
    found = mann_whitney(first, second)
    assert (found.test, found.p) == (test, mannwhitneyu(first, second, method=test).pvalue)
    assert (found.p == pytest.approx(by_formula(first.tolist(), second.tolist())[1], rel=1e-9)) == (test != "exact")
    tied = mann_whitney(np.append(first, 0.5), np.append(second, 0.5))
    assert tied.test == "asymptotic"
    assert tied.p == pytest.approx(by_formula([*first, 0.5], [*second, 0.5])[1], rel=1e-9)


@pytest.mark.parametrize("sizes", [(1, 1), (4, 3), (7, 30), (300, 200)])
def test_mann_whitney_of_equal_values_tells_nothing_apart(sizes: tuple[int, int]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        equal = mann_whitney(*(np.full(size, 0.1) for size in sizes))
    assert (equal.u, equal.p, equal.test) == (sizes[0] * sizes[1] / 2, 1.0, "asymptotic")


def test_mann_whitney_of_an_empty_sample_is_undefined() -> None:
    for first, second in ((0, 3), (3, 0), (0, 0)):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            empty = mann_whitney(np.zeros(first), np.zeros(second))
        assert np.isnan([empty.u, empty.p]).all()
        assert empty.test is None


# How far two groups lie apart


@settings(max_examples=200, deadline=None)
@given(first=SAMPLES, second=SAMPLES)
def test_effect_sizes_are_shares_of_pairs(first: list[float], second: list[float]) -> None:
    u = mann_whitney(np.array(first), np.array(second)).u
    pairs = list(itertools.product(first, second))
    larger, smaller = sum(a > b for a, b in pairs), sum(a < b for a, b in pairs)
    assert rank_biserial(u, len(first), len(second)) == pytest.approx((larger - smaller) / len(pairs), abs=1e-12)
    share = (larger + (len(pairs) - larger - smaller) / 2) / len(pairs)
    assert common_language(u, len(first), len(second)) == pytest.approx(share, abs=1e-12)


def test_effect_sizes_are_positive_where_the_first_group_is_larger_and_undefined_without_a_group() -> None:
    u = mann_whitney(np.array([0.5, 0.6]), np.array([0.1, 0.2, 0.3])).u
    assert (rank_biserial(u, 2, 3), common_language(u, 2, 3)) == (1, 1)
    assert np.isnan([rank_biserial(np.nan, 0, 3), common_language(np.nan, 3, 0)]).all()


def by_a_loop(
    values: np.ndarray, groups: np.ndarray, pair: tuple[str, str], clusters: np.ndarray, times: np.ndarray
) -> list[float]:
    """The rank-biserial correlation in each resample, of lists of pictures, each as often as it is drawn."""
    found = []
    for drawn in times:
        samples = [
            [v for v, g, c in zip(values.tolist(), groups, clusters, strict=True) if g == name for _ in range(drawn[c])]
            for name in pair
        ]
        pairs = list(itertools.product(*samples))
        found.append(sum((a > b) - (a < b) for a, b in pairs) / len(pairs) if pairs else np.nan)
    return found


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(2, 14), lesions=st.integers(2, 9))
def test_resamples_are_those_of_a_plain_loop(seed: int, count: int, lesions: int) -> None:
    random = np.random.default_rng(seed)
    clusters = np.unique(random.integers(0, lesions, count), return_inverse=True)[1]
    assume(clusters.max() >= 1)
    values = random.integers(0, 5, count) / 4  # with many ties
    groups = random.choice(["a", "b", "c", ""], count)
    pairs = comparisons(["a", "b", "c"])
    found = resampled_rank_biserial(values, groups, pairs, clusters, seed, 40)
    times = np.concatenate(list(resampled_lesions(int(clusters.max()) + 1, seed, 40)))
    for column, pair in enumerate(pairs):
        np.testing.assert_allclose(found[:, column], by_a_loop(values, groups, pair, clusters, times), atol=1e-14)


def test_intervals_are_percentiles_of_resamples_that_have_both_groups() -> None:
    random = np.random.default_rng(4)
    values, clusters = random.integers(0, 9, 30) / 8, np.arange(30) // 2
    groups = np.array(["a"] * 4 + ["b"] * 24 + ["c"] * 2)  # two lesions, some, and one
    pairs = comparisons(["a", "b", "c"])
    found = rank_biserial_intervals(values, groups, pairs, clusters, 7, 400)
    times = np.concatenate(list(resampled_lesions(15, 7, 400)))
    expected = by_a_loop(values, groups, ("a", "b"), clusters, times)
    assert np.isnan(expected).any()
    np.testing.assert_allclose(found[0], np.nanquantile(expected, shares(clusters[:4])), atol=1e-11)
    assert np.isnan(found[1:]).all()  # one lesion says nothing about the spread


def test_groups_drawn_from_one_distribution_have_intervals_about_0_by_lesion_wider_than_by_picture() -> None:
    random = np.random.default_rng(3)
    of_lesion = random.random(60)
    clusters = np.repeat(np.arange(60), 4)
    values = np.repeat(of_lesion, 4)
    groups = np.where(clusters % 2, "a", "b")
    (by_lesion,) = rank_biserial_intervals(values, groups, [("a", "b")], clusters, 1, 2000)
    (by_picture,) = rank_biserial_intervals(values, groups, [("a", "b")], np.arange(240), 1, 2000)
    assert by_lesion[0] < 0 < by_lesion[1]
    assert np.diff(by_picture) < 0.7 * np.diff(by_lesion)


# Other tests


@settings(max_examples=100, deadline=None)
@given(samples=st.lists(st.lists(st.floats(0, 1).map(lambda v: round(v, 1)), max_size=12), min_size=2, max_size=5))
def test_other_tests_are_scipys_and_undefined_where_it_has_none(samples: list[list[float]]) -> None:
    arrays = [np.array(sample) for sample in samples]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        every, two = kruskal_wallis(arrays), brunner_munzel(*arrays[:2])
    known = [sample for sample in samples if sample]
    if len(known) > 1 and len({value for sample in known for value in sample}) > 1:
        expected = kruskal(*known)
        assert (every.statistic, every.p, every.df) == (expected.statistic, expected.pvalue, len(known) - 1)
        size = sum(map(len, known))
        assert 0 <= epsilon_squared(every.statistic, size) <= 1 + 1e-12
    else:
        assert np.isnan([every.statistic, every.p, every.df]).all()
    first, second = samples[:2]
    apart = not first or not second or max(first) < min(second) or max(second) < min(first)
    if min(len(first), len(second)) < 2 or apart:
        assert np.isnan([two.statistic, two.p]).all()
    elif not np.isnan(two.p):
        expected = brunnermunzel(first, second)
        assert (two.statistic, two.p) == (expected.statistic, expected.pvalue)


def test_brunner_munzel_of_samples_that_overlap_is_defined() -> None:
    found = brunner_munzel(np.array([0.1, 0.4, 0.5]), np.array([0.3, 0.45, 0.7, 0.9]))
    expected = brunnermunzel([0.1, 0.4, 0.5], [0.3, 0.45, 0.7, 0.9])
    assert (found.statistic, found.p) == (expected.statistic, expected.pvalue) and 0 < found.p < 1


def test_epsilon_squared_of_samples_without_an_overlap_is_high() -> None:
    assert epsilon_squared(kruskal([1, 2, 3], [11, 12, 13]).statistic, 6) == pytest.approx(3.857142857 / 5)
    assert np.isnan(epsilon_squared(np.nan, 1))


# Many tests at once


@pytest.mark.slow
@settings(max_examples=30, deadline=None)  # statsmodels takes a tenth of a second each
@given(p=st.lists(st.one_of(st.floats(0, 1), st.sampled_from([0.01, 0.05]), st.just(math.nan)), max_size=12))
def test_holm_is_statsmodels_of_the_tests_that_have_a_p(p: list[float]) -> None:
    found = holm(np.array(p, dtype=np.float64))
    known = [value for value in p if not math.isnan(value)]
    assert np.isnan(found[np.isnan(np.array(p, dtype=np.float64))]).all()
    if known:
        expected = multipletests(known, method="holm")[1]
        np.testing.assert_allclose(found[~np.isnan(found)], expected, rtol=1e-14)


def test_the_family_is_of_all_models_and_of_what_is_named_alone() -> None:
    rows = [
        (model, method, feature, first, second, at)
        for model in ("m", "n")
        for method in ("gradcam", "tiles")
        for feature in ("streaks", "union")
        for at in (UNION_BEST, GROUP_BEST)
        for first, second in comparisons(["a", "b", "c"])
    ]
    tests = pd.DataFrame(rows, columns=["model", "method", "feature", "first", "second", "at"])
    tests["p"] = np.random.default_rng(1).random(len(tests)) / 10
    tests.loc[(tests["model"] == "n") & (tests["first"] == "b"), "p"] = np.nan
    found = with_family(tests, ["union"], [UNION_BEST], ["gradcam"], [("a", "b"), ("b", "c")])
    named = (found["feature"] == "union") & (found["at"] == UNION_BEST) & (found["method"] == "gradcam")
    named &= found["second"].where(found["first"] == "a", "b") == "b"
    assert named.sum() == 4
    assert found["family"].tolist() == (named & found["p"].notna()).tolist()
    assert found["family"].sum() == 3 and found["p_holm"].notna().tolist() == found["family"].tolist()
    members = found[found["family"]]
    np.testing.assert_allclose(members["p_holm"], multipletests(members["p"], method="holm")[1])


def test_every_two_groups_are_compared() -> None:
    assert comparisons(["a", "b", "c"]) == [("a", "b"), ("a", "c"), ("b", "c")]


# Whole sources


def shards_of(intersection: np.ndarray, union: np.ndarray) -> Shards:
    rows = np.arange(intersection.shape[1])
    thresholds = [f"{number / 10:.3f}" for number in range(len(intersection))]
    return Shards([f"p{number}" for number in rows], thresholds, intersection, union, rows)


def test_groups_empty_and_of_one_member() -> None:
    # Three pictures at two thresholds; MEL-wrong is empty, NV-wrong has one member.
    shards = shards_of(np.array([[1, 2, 9], [4, 2, 3]]), np.full((2, 3), 10))
    groups = np.array(["MEL-correct", "MEL-correct", "NV-wrong"])
    same = ("m", "s", "streaks", shards, groups, GROUPS, "0.000")
    tests = mann_whitney_statistics(*same, {}, 1).set_index(["at", "first", "second"])
    assert len(tests) == 2 * 6
    undefined = tests.loc[(UNION_BEST, "MEL-correct", "MEL-wrong")]
    assert undefined[["u", "p", "test", "rank_biserial", "rank_biserial_low", "common_language"]].isna().all()
    pair = tests.loc[(GROUP_BEST, "MEL-correct", "NV-wrong")]
    assert (pair["first_threshold"], pair["second_threshold"]) == ("0.100", "0.000")
    assert (pair["n_first"], pair["n_second"], pair["u"], pair["test"]) == (2, 1, 0.0, "exact")
    assert (pair["rank_biserial"], pair["common_language"]) == (-1, 0)
    assert np.isnan(pair["rank_biserial_low"])  # one lesion
    others = further_tests(*same, [BRUNNER_MUNZEL, KRUSKAL_WALLIS])
    every = others[others["test"] == KRUSKAL_WALLIS]
    assert every["groups"].tolist() == ["MEL-correct vs NV-wrong"] * 2 and every["n"].tolist() == [3, 3]
    two = others[others["test"] == BRUNNER_MUNZEL]
    assert len(two) == 2 * 6 and two[["statistic", "df", "p"]].isna().all(axis=None)


def test_an_analysis_without_pictures_has_tests_without_numbers() -> None:
    shards = {name: shards_of(np.zeros((1, 0), np.int64), np.zeros((1, 0), np.int64)) for name in ("streaks", "union")}
    evaluation = pd.DataFrame({"image": ["a"], "diagnosis": ["NV"]})
    found = source_group_tests("m", "s", shards, evaluation, {}, MEL_NV, {}, 1, [KRUSKAL_WALLIS])
    assert len(found.mann_whitney) == 2 * 2 * 6 and found.mann_whitney["p"].isna().all()
    assert found.group_tests["p"].isna().all() and (found.group_tests["n"] == 0).all()


def test_u_and_p_of_the_script_are_those_that_the_shards_say(tmp_path: Path) -> None:
    """From the files, in plain Python: pairs are counted, and p follows from the formula or from all ways to deal."""
    random = np.random.default_rng(5)
    images = [f"ISIC_{number:07d}" for number in range(46)]
    diagnosis = {image: str(random.choice(["MEL", "NV"])) for image in images}
    thresholds, features = ["0.000", "0.500"], ["streaks", "union"]
    predicted: dict[str, dict[str, str]] = {}
    for model in ("one", "other"):
        # Of the second model a group is small.
        wrong = set(random.choice(images, 20 if model == "one" else 6, replace=False).tolist())
        predicted[model] = {
            image: ({"MEL": "NV", "NV": "MEL"}[of] if image in wrong else of) for image, of in diagnosis.items()
        }
        lines = [f"{image},{name},0.75\n" for image, name in predicted[model].items()]
        (tmp_path / model).mkdir()
        (tmp_path / model / "evaluation_predictions.csv").write_text(
            "image,predicted_class,confidence\n" + "".join(lines)
        )
        for feature, threshold in itertools.product(features, thresholds):
            path = tmp_path / "jaccard" / model / "gradcam" / feature / f"{threshold}.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            shown = images if feature == "union" else images[::2]
            half, least = (6, 250_000) if feature == "union" else (500_000, 500_000)  # with ties, and without
            # Both counts fall where the threshold rises.
            more, union = (half, 10**6) if threshold == thresholds[0] else (0, least)
            rows = [(image, more + int(random.integers(0, half)), union) for image in shown]
            path.write_text(
                "image,intersection,union,jaccard\n" + "".join(f"{i},{a},{b},{a / b!r}\n" for i, a, b in rows)
            )
    evaluation = [f"{image},{of},10,10,5,5,True,\n" for image, of in diagnosis.items()]
    (tmp_path / "evaluation.csv").write_text(
        "image,diagnosis,width,height,streaks,union,included,reason\n" + "".join(evaluation)
    )
    pairs = [["MEL-correct", "MEL-wrong"], ["NV-correct", "NV-wrong"]]
    snakemake = SimpleNamespace(
        input=FilesOf(
            shards=sorted(map(str, (tmp_path / "jaccard").rglob("*.csv"))),
            evaluation=tmp_path / "evaluation.csv",
            predictions=[tmp_path / model / "evaluation_predictions.csv" for model in predicted],
            lesions=[],
        ),
        output=[str(tmp_path / "mann_whitney.csv"), str(tmp_path / "group_tests.csv")],
        log=[tmp_path / "job.log"],
        params=SimpleNamespace(
            resampled_by="lesion",
            groups=MEL_NV,
            tests=[BRUNNER_MUNZEL, KRUSKAL_WALLIS],
            family={"features": ["union"], "at": [UNION_BEST], "methods": ["gradcam"], "pairs": pairs},
            seed=1,
        ),
    )
    runpy.run_path(str(SCRIPT), init_globals={"snakemake": snakemake})

    def jaccard(model: str, feature: str) -> dict[str, dict[str, float]]:
        found = {}
        for threshold in thresholds:
            path = tmp_path / "jaccard" / model / "gradcam" / feature / f"{threshold}.csv"
            with path.open(newline="") as file:
                found[threshold] = {
                    row["image"]: int(row["intersection"]) / int(row["union"]) for row in csv.DictReader(file)
                }
        return found

    table = read_statistics(tmp_path / "mann_whitney.csv")
    assert len(table) == 2 * 2 * 2 * 6 and set(table["test"]) == {"exact", "asymptotic"}
    for row in table.to_dict("records"):
        of = jaccard(row["model"], row["feature"])
        if row["at"] == UNION_BEST:
            whole = jaccard(row["model"], "union")
            best = max(thresholds, key=lambda threshold: statistics.fmean(whole[threshold].values()))
            assert row["first_threshold"] == row["second_threshold"] == best
        samples = []
        for side in ("first", "second"):
            members = [
                image
                for image in of[thresholds[0]]
                if row[side]
                == f"{diagnosis[image]}-"
                + ("correct" if predicted[row["model"]][image] == diagnosis[image] else "wrong")
            ]
            samples.append([of[row[f"{side}_threshold"]][image] for image in members])
        first, second = samples
        assert (row["n_first"], row["n_second"]) == (len(first), len(second))
        u = sum((a > b) + (a == b) / 2 for a in first for b in second)
        assert row["u"] == u
        assert row["rank_biserial"] == pytest.approx(2 * u / len(first) / len(second) - 1, abs=1e-12)
        assert row["rank_biserial_low"] <= row["rank_biserial_high"] or min(len(first), len(second)) < 2
        if row["test"] == "asymptotic":
            assert row["p"] == pytest.approx(by_formula(first, second)[1], rel=1e-9)
        elif math.comb(len(first) + len(second), len(first)) < 2000:
            assert row["p"] == pytest.approx(by_enumeration(first, second)[1], rel=1e-9)
    family = table[table["family"]]
    assert sorted(zip(family["model"], family["first"], strict=True)) == [
        (model, pair[0]) for model in predicted for pair in pairs
    ]
    np.testing.assert_allclose(family["p_holm"], multipletests(family["p"], method="holm")[1])
    others = read_statistics(tmp_path / "group_tests.csv")
    assert len(others) == 2 * 2 * 2 * (6 + 1)
    every = others[others["test"] == KRUSKAL_WALLIS]
    assert (every["df"] == every["groups"].str.count(" vs ")).all() and every["p"].between(0, 1).all()
