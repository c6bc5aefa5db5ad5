"""The paper's tables: layout, counts by hand, and map sources of many kinds beside each other."""

import itertools
from pathlib import Path

import numpy as np
import pandas as pd
from dermalign.overlap.shards import Shards
from dermalign.results.controls import BEST_EQUAL_AREA, CONTROL_COLUMNS, EQUAL_AREA, OWN_BEST
from dermalign.results.formats import readable, write_table
from dermalign.results.statistics import GROUP_BEST, UNION_BEST, read_statistics, source_statistics
from dermalign.results.tables import (
    classifiers,
    compared_groups,
    extended_best_thresholds,
    extended_controls,
    extended_features,
    extended_groups,
    extended_mann_whitney,
    extended_thresholds,
    table1,
    table2,
    table4,
    table6,
)
from dermalign.study.groups import default_groups
from dermalign.terms import OVERALL, SHARES
from hypothesis import given, settings
from hypothesis import strategies as st

FEATURES = ["globules", "streaks"]
SPREAD = ["j_min", "j_mean", "j_sd", "j_max"]
BOUNDED = ["j_mean", "j_sd", "j_low", "j_high", "j_max"]
GROUPS = ["MEL-correct", "MEL-wrong", "NV-correct", "NV-wrong"]


def spread(number: float) -> dict[str, float]:
    names = [*SPREAD, "j_low", "j_high", "threshold_low", "threshold_high"]
    return {name: number + place / 10 for place, name in enumerate(names)}


def thresholds(models: list[str], methods: list[str]) -> pd.DataFrame:
    """Rows in the order of merged statistics; J tells model, method, feature and threshold apart."""
    return pd.DataFrame(
        {
            "model": model,
            "method": method,
            "feature": feature,
            "threshold": f"{threshold / 10:.3f}",
            "n": 5 + f,
            **spread(m + k / 10 + f / 100 + threshold / 1000),
        }
        for m, model in enumerate(models)
        for k, method in enumerate(methods)
        for f, feature in enumerate([*FEATURES, "union"])
        for threshold in (0, 5, 10)
    )


def correctness(models: list[str]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "model": model,
            "method": "gradcam",
            "feature": feature,
            "group": group,
            "at": at,
            "threshold": "0.500",
            "n": 3,
            **spread(m + g / 10 + a / 100 + f / 1000),
        }
        for m, model in enumerate(models)
        for f, feature in enumerate([*FEATURES, "union"])
        for a, at in enumerate([UNION_BEST, GROUP_BEST])
        for g, group in enumerate(GROUPS)
    )


EVALUATION = pd.DataFrame(
    [
        ("a", "MEL", 5, 0, 5, True),
        ("b", "MEL", 0, 0, 0, False),
        ("c", "NV", 2, 9, 10, True),
        ("d", "NV", 0, 1, 1, True),
        ("e", "NV", 0, 0, 0, False),
        ("f", "BKL", 7, 7, 7, False),
        ("g", "", 7, 7, 7, False),
    ],
    columns=["image", "diagnosis", *FEATURES, "union", "included"],
)


# The paper's tables


def test_table_1_is_one_row_of_masks_that_are_not_black() -> None:
    table = table1(EVALUATION, FEATURES, ["MEL", "NV"])
    assert list(table.columns) == [*FEATURES, "union"]
    assert table.to_numpy().tolist() == [[2, 2, 3]]
    assert table1(EVALUATION, FEATURES, ["BKL"]).to_numpy().tolist() == [[1, 1, 1]]
    assert table1(EVALUATION, FEATURES, ["SCC"]).to_numpy().tolist() == [[0, 0, 0]]


def test_table_2_is_of_one_model_and_method_a_row_per_feature() -> None:
    best = thresholds(["b", "a"], ["all_white", "gradcam"]).query("threshold == '0.500'")
    table = table2(best, "a", "gradcam")
    assert list(table.columns) == ["feature", "threshold", *SPREAD]
    assert table["feature"].tolist() == [*FEATURES, "union"]
    assert table["threshold"].tolist() == ["0.500"] * 3
    np.testing.assert_allclose(table["j_mean"], [1.205, 1.215, 1.225])
    np.testing.assert_allclose(table["j_max"], [1.405, 1.415, 1.425])


def test_table_4_has_the_groups_of_the_union_at_either_threshold() -> None:
    statistics = correctness(["b", "a"])
    shuffled = statistics.sample(frac=1, random_state=1)
    order = pd.Categorical(shuffled["group"], GROUPS, ordered=True)
    table = table4(shuffled.iloc[np.argsort(order, kind="stable")], "a", "gradcam")
    assert list(table.columns) == ["at", "group", "n", "threshold", "j_mean", "j_sd", "j_max"]
    assert table["at"].tolist() == [UNION_BEST] * 4 + [GROUP_BEST] * 4
    assert table["group"].tolist() == GROUPS * 2
    np.testing.assert_allclose(table["j_mean"], 1.102 + np.array([0, 0.1, 0.2, 0.3, 0.01, 0.11, 0.21, 0.31]))


def mann_whitney_rows(models: list[str], methods: list[str]) -> pd.DataFrame:
    pairs = [(first, second) for row, first in enumerate(GROUPS) for second in GROUPS[row + 1 :]]
    rows = [
        (model, method, feature, *pair, at, 4, 5)
        for model in models
        for method in methods
        for feature in [*FEATURES, "union"]
        for at in (UNION_BEST, GROUP_BEST)
        for pair in pairs
    ]
    columns = ["model", "method", "feature", "first", "second", "at", "n_first", "n_second"]
    table = pd.DataFrame(rows, columns=columns)
    return table.assign(u=np.arange(len(table), dtype=float), p=0.5, test="exact")


def test_table_6_is_of_the_papers_pairs_at_the_best_threshold_of_the_union() -> None:
    statistics = mann_whitney_rows(["b", "a"], ["gradcam", "all_white"])
    pairs = compared_groups(GROUPS, configured=False)
    assert pairs == [("MEL-correct", "MEL-wrong"), ("NV-correct", "NV-wrong")]
    table = table6(statistics, ["a", "b"], "gradcam", pairs)
    assert list(table.columns) == ["model", "versus", "n_first", "n_second", "u", "p"]
    assert table["model"].tolist() == ["a", "a", "b", "b"]
    assert table["versus"].tolist() == ["MEL-correct vs MEL-wrong", "NV-correct vs NV-wrong"] * 2
    for row, (model, pair) in enumerate((model, pair) for model in "ab" for pair in pairs):
        (expected,) = statistics[
            (statistics[["model", "method", "feature", "at"]] == [model, "gradcam", "union", UNION_BEST]).all(axis=1)
            & (statistics["first"] == pair[0])
            & (statistics["second"] == pair[1])
        ]["u"]
        assert table["u"][row] == expected


def test_of_groups_that_a_study_defines_every_pair_is_compared() -> None:
    assert compared_groups(["x", "y", "z"], configured=True) == [("x", "y"), ("x", "z"), ("y", "z")]


# Beyond the paper


def test_features_by_diagnosis_are_counts_and_shares() -> None:
    table = extended_features(EVALUATION, FEATURES, ["MEL", "NV"])
    columns = ["feature", "MEL", "MEL_share", "NV", "NV_share", "total", "total_share"]
    assert list(table.columns) == columns
    expected = [
        ("all pictures", 2, 1, 3, 1, 5, 1),
        ("globules", 1, 1 / 2, 1, 1 / 3, 2, 2 / 5),
        ("streaks", 0, 0, 2, 2 / 3, 2, 2 / 5),
        ("union", 1, 1 / 2, 2, 2 / 3, 3, 3 / 5),
    ]
    pd.testing.assert_frame_equal(table, pd.DataFrame(expected, columns=columns), check_dtype=False)
    none = extended_features(EVALUATION[EVALUATION["diagnosis"] != "MEL"], FEATURES, ["MEL", "NV"])
    assert none["MEL"].tolist() == [0, 0, 0, 0]
    assert none["MEL_share"].isna().all()


def test_all_thresholds_of_the_union_stand_below_each_other() -> None:
    table = extended_thresholds(thresholds(["b", "a"], ["gradcam", "all_white"]))
    assert list(table.columns) == ["model", "method", "threshold", "n", "j_min", *BOUNDED]
    assert table["model"].tolist() == ["b"] * 6 + ["a"] * 6
    assert table["method"].tolist() == (["gradcam"] * 3 + ["all_white"] * 3) * 2
    assert table["threshold"].tolist() == ["0.000", "0.500", "1.000"] * 4
    rows = table.set_index(["model", "method"])
    np.testing.assert_allclose(rows.loc[("a", "all_white"), "j_min"].astype(float), [1.12, 1.125, 1.13])


def test_best_thresholds_of_all_sources_stand_together_by_model_and_feature() -> None:
    best = thresholds(["b", "a"], ["gradcam", "all_white"]).query("threshold == '0.500'")
    table = extended_best_thresholds(best)
    assert list(table.columns) == [
        "model",
        "feature",
        "method",
        "n",
        "threshold",
        "threshold_low",
        "threshold_high",
        *BOUNDED,
    ]
    assert table["model"].tolist() == ["b"] * 6 + ["a"] * 6
    assert table["feature"].tolist() == ["globules", "globules", "streaks", "streaks", "union", "union"] * 2
    assert table["method"].tolist() == ["gradcam", "all_white"] * 6
    assert table["n"].tolist() == [5, 5, 6, 6, 7, 7] * 2


def test_controls_stand_below_each_other_at_equal_area_and_at_their_own_best() -> None:
    rows = [
        {
            **dict.fromkeys(CONTROL_COLUMNS),
            **dict(zip(("model", "method", "feature", "control", "kind"), names, strict=True)),
            "group": group,
            "at": at,
            "threshold": "0.500",
            "control_threshold": "0.100" if at == OWN_BEST and names[3] != "all_white" else None,
            "n": 7,
            **{name: number + place / 10 + (group != "all") for place, name in enumerate(CONTROL_COLUMNS[10:])},
        }
        for number, (names, (group, at)) in enumerate(
            itertools.product(
                itertools.product(["b", "a"], ["gradcam"], ["union", "streaks"], ["all_white", "shuffled"], ["prior"]),
                [("all", EQUAL_AREA), ("all", BEST_EQUAL_AREA), ("all", OWN_BEST), ("MEL-correct", UNION_BEST)],
            )
        )
    ]
    table = extended_controls(pd.DataFrame(rows))
    assert table["model"].tolist() == ["b"] * 4 + ["a"] * 4
    assert table["feature"].tolist() == ["union", "union", "streaks", "streaks"] * 2
    assert table["control"].tolist() == ["all_white", "shuffled"] * 4
    third = table.iloc[3]  # of the rows 4 * 3 + 1 and + 2
    shown = ["j_mean", "control_j_mean", "difference_value", "difference_low", "difference_high"]
    np.testing.assert_allclose(third[shown].astype(float), [13, 13.1, 13.2, 13.4, 13.5])
    shown = ["own_j_mean", "own_difference_value", "own_difference_low", "own_difference_high"]
    np.testing.assert_allclose(third[shown].astype(float), [14.1, 14.2, 14.4, 14.5])
    assert table["control_threshold"].fillna("").tolist() == ["", "0.100"] * 4
    texts = readable(table, ["model", "method", "feature"])
    assert "difference at equal area (95 % interval)" in texts.heads
    assert "difference, each at its best (95 % interval)" in texts.heads
    assert texts.blocks[0][0] == "b, Grad-CAM, union"


def test_groups_of_all_models_in_the_studys_order() -> None:
    statistics = correctness(["a", "c", "b"])  # the table follows the study's order, not the file's
    table = extended_groups(statistics, ["b", "a", "c"])
    assert "feature" not in table
    assert table["model"].unique().tolist() == ["b", "a", "c"]
    for _, of_model in table.groupby("model"):
        assert of_model["at"].tolist() == [UNION_BEST] * 4 + [GROUP_BEST] * 4
        assert of_model["group"].tolist() == GROUPS * 2
    np.testing.assert_allclose(table["j_low"][:8] - 0.4, 2.002 + np.array([0, 0.1, 0.2, 0.3, 0.01, 0.11, 0.21, 0.31]))


def test_all_tests_are_of_the_union_and_the_saliency_methods() -> None:
    table = extended_mann_whitney(mann_whitney_rows(["a"], ["gradcam", "all_white"]), ["gradcam"])
    assert set(table["method"]) == {"gradcam"} and "feature" not in table
    assert len(table) == 2 * 6


def test_classifiers_stand_beside_each_other_and_beside_what_was_published() -> None:
    rows = [("pictures", "all"), ("lesions", "all"), *((name, "all") for name in OVERALL)]
    rows += [(name, each) for name in ("pictures", "predicted", *SHARES) for each in ("MEL", "NV")]
    table = pd.DataFrame(rows, columns=["metric", "class"])
    table["value"] = np.arange(len(rows)) / 100
    table.loc[table["metric"] == "pictures", "value"] = [9, 2, 7]
    table = table.assign(low=table["value"] - 0.1, high=table["value"] + 0.1, published=np.nan)
    other = table.assign(value=table["value"].where(table["metric"] == "pictures", table["value"] + 0.5))
    other.loc[(other["metric"] == "sensitivity") & (other["class"] == "NV"), "published"] = 0.25
    found = classifiers({"a": table, "b": other}, ["MEL", "NV"])
    blocks = [[f"{model}_{name}" for name in ("value", "low", "high")] for model in "ab"]
    assert list(found.columns) == ["metric", "class", "pictures", *blocks[0], *blocks[1], "b_published"]
    assert list(found["metric"].unique()) == [*OVERALL, "sensitivity"]
    row = found.set_index(["metric", "class"]).loc[("sensitivity", "NV")]
    at = rows.index(("sensitivity", "NV")) / 100
    np.testing.assert_allclose(row, [7, at, at - 0.1, at + 0.1, at + 0.5, at - 0.1, at + 0.1, 0.25])
    assert list(found["pictures"].unique()) == [9, 2, 7]
    assert np.isnan(classifiers({"a": table[table["class"] != "NV"]}, ["MEL", "NV"])["a_value"].iloc[-1])
    assert found["b_published"].notna().sum() == 1


# Map sources that belong to no model, or have no predictions


@st.composite
def sources(draw: st.DrawFn) -> list[tuple[str, str]]:
    """(model, method) of a study's map sources, in any order; sources of no model have methods of their own."""
    models = draw(st.lists(st.sampled_from(["plain", "residual", "NA"]), min_size=1, unique=True))
    methods = draw(st.lists(st.sampled_from(["gradcam", "gradient", "shuffled"]), min_size=1, unique=True))
    first_parts = st.sampled_from(["controls", "ceiling", "reader"])
    others = st.tuples(first_parts, st.sampled_from(["lesion", "28x28", "gradcam"]))
    pairs = [(model, method) for model in models for method in methods]
    pairs += draw(st.lists(others, max_size=4, unique=True))
    order = [pair for pair in pairs if draw(st.integers(0, 9)) or pair == pairs[0]]  # some models lack a method
    return draw(st.permutations(order)) if draw(st.booleans()) else order


def numbered(pairs: list[tuple[str, str]], keys: pd.DataFrame) -> pd.DataFrame:
    """Statistics of sources, a row for each of the keys, every number another one."""
    table = pd.concat([keys.assign(model=model, method=method) for model, method in pairs], ignore_index=True)
    names = list(spread(0))
    numbers = np.arange(len(table) * len(names), dtype=np.float64).reshape(-1, len(names))
    return table.join(pd.DataFrame(numbers, columns=names))


@settings(max_examples=100, deadline=None)
@given(pairs=sources())
def test_every_row_of_every_source_stands_in_the_extended_tables_once(pairs: list[tuple[str, str]]) -> None:
    grid = pd.DataFrame({"feature": "union", "threshold": ["0.000", "0.500", "1.000"], "n": 7})
    statistics = numbered(pairs, grid)
    table = extended_thresholds(statistics)
    assert table[SPREAD].to_numpy().tolist() == statistics[SPREAD].to_numpy().tolist()
    features = pd.DataFrame({"feature": [*FEATURES, "union"], "threshold": "0.500", "n": [5, 6, 7]})
    statistics = numbered(pairs, features)
    table = extended_best_thresholds(statistics)
    keys = ["model", "feature", "method"]
    shown = ["threshold_low", "threshold_high", *BOUNDED]
    both = table.set_index(keys)[shown], statistics.set_index(keys)[shown]
    pd.testing.assert_frame_equal(both[0].sort_index(), both[1].sort_index(), check_exact=True)
    together = list(zip(table["model"], table["feature"], strict=True))
    assert len(dict.fromkeys(together)) == 1 + sum(one != other for one, other in itertools.pairwise(together))
    for model, method in pairs:
        of_one = table2(statistics, model, method)
        assert of_one["feature"].tolist() == [*FEATURES, "union"]


@settings(max_examples=60, deadline=None)
@given(models=st.permutations(["plain", "residual", "controls", "reader"]), asked=st.integers(0, 2))
def test_tables_of_groups_are_of_the_models_alone(models: list[str], asked: int) -> None:
    wanted = [model for model in models if model in ("plain", "residual")][:asked]
    assert extended_groups(correctness(models), wanted)["model"].unique().tolist() == wanted


def test_a_study_without_predictions_has_tables_without_groups(tmp_path: Path) -> None:
    names, grid = [*FEATURES, "union"], ["0.000", "0.500"]
    random = np.random.default_rng(3)
    images = ["a", "b", "c"]

    def shards() -> dict[str, Shards]:
        counts = {name: random.integers(0, 50, (2, 3)) for name in names}
        return {name: Shards(images, grid, count, np.full((2, 3), 60), np.arange(3)) for name, count in counts.items()}

    evaluation = pd.DataFrame({"image": images, "diagnosis": "NV", "width": 9, "height": 9, **dict.fromkeys(names, 50)})
    groups = default_groups(["MEL", "NV"])
    own, white, lesion = shards(), shards(), shards()
    parts = [
        source_statistics("mine", "maps", own, evaluation, None, groups, {}, 1),
        source_statistics("mine", "all_white", white, evaluation, None, groups, {}, 1),
        source_statistics("controls", "lesion", lesion, evaluation, None, groups, {}, 1),
    ]
    read = {}
    for name in ("thresholds", "best_thresholds", "correctness", "mann_whitney"):
        pd.concat([getattr(part, name) for part in parts]).to_csv(tmp_path / f"{name}.csv", index=False)
        read[name] = read_statistics(tmp_path / f"{name}.csv")
    table = extended_best_thresholds(read["best_thresholds"])
    assert table["method"].tolist() == ["maps", "all_white"] * 3 + ["lesion"] * 3
    assert len(table2(read["best_thresholds"], "mine", "maps")) == 3
    for models in ([], ["mine"]):
        for table in (
            extended_groups(read["correctness"], models),
            extended_mann_whitney(read["mann_whitney"], ["maps"]),
        ):
            assert len(table) == 0
            paths = [tmp_path / f"empty{suffix}" for suffix in (".csv", ".md", ".html", ".tex")]
            write_table(table, "Empty.", paths)
            assert paths[0].read_text().rstrip("\n") == ",".join(table.columns)
            assert all("group" in path.read_text() or "first" in path.read_text() for path in paths)
