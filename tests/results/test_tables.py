"""The paper's tables: layout, counts by hand, and map sources of many kinds beside each other."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from dermalign.overlap.shards import Shards
from dermalign.results.formats import write_table
from dermalign.results.pairing import OWN_BEST, SAME, chance_statistics
from dermalign.results.statistics import GROUP_BEST, UNION_BEST, read_statistics, source_statistics
from dermalign.results.tables import classifiers, table1, table2, table3, table4, table5, table6
from dermalign.study.groups import default_groups
from dermalign.terms import OVERALL, SHARES
from hypothesis import given, settings
from hypothesis import strategies as st

FEATURES = ["globules", "streaks"]
SPREAD = ["j_min", "j_mean", "j_sd", "j_max"]
GROUPS = ["MEL-correct", "MEL-wrong", "NV-correct", "NV-wrong"]


def spread(number: float) -> dict[str, float]:
    return dict(zip(SPREAD, [number, number + 0.1, number + 0.2, number + 0.3], strict=True))


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


def chance(models: list[str], at: str, **more: str) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "model": model,
            "method": "gradcam",
            "chance": "all_white",
            "feature": feature,
            "group": group,
            "at": at,
            "threshold": f"{threshold / 10:.3f}",
            "difference_mean": m + threshold / 1000,
            **more,
        }
        for m, model in enumerate(models)
        for feature in [*FEATURES, "union"]
        for group in (GROUPS if at in (UNION_BEST, GROUP_BEST) else ["all"])
        for threshold in ((0, 5, 10) if at == SAME else (5,))
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


def test_table_1_counts_pictures_by_diagnosis() -> None:
    evaluation = pd.DataFrame(
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
    table = table1(evaluation, FEATURES, ["MEL", "NV"])
    columns = ["feature", "MEL", "MEL_share", "NV", "NV_share", "total", "total_share"]
    assert list(table.columns) == columns
    expected = [
        ("all pictures", 2, 1, 3, 1, 5, 1),
        ("globules", 1, 1 / 2, 1, 1 / 3, 2, 2 / 5),
        ("streaks", 0, 0, 2, 2 / 3, 2, 2 / 5),
        ("union", 1, 1 / 2, 2, 2 / 3, 3, 3 / 5),
    ]
    pd.testing.assert_frame_equal(table, pd.DataFrame(expected, columns=columns), check_dtype=False)
    none = table1(evaluation[evaluation["diagnosis"] != "MEL"], FEATURES, ["MEL", "NV"])
    assert none["MEL"].tolist() == [0, 0, 0, 0]
    assert none["MEL_share"].isna().all()


def test_table_2_is_the_union_by_threshold_a_block_per_model() -> None:
    table = table2(thresholds(["b", "a"], ["gradcam"]))
    assert list(table.columns) == ["threshold", "method", *(f"{model}_{name}" for model in "ba" for name in SPREAD)]
    assert table["threshold"].tolist() == ["0.000", "0.500", "1.000"]
    np.testing.assert_allclose(table["b_j_min"], [0.02, 0.025, 0.03])
    np.testing.assert_allclose(table["a_j_max"], [1.32, 1.325, 1.33])


def test_table_2_with_chance_tells_the_difference_beside_it() -> None:
    both = thresholds(["b", "a"], ["gradcam", "all_white"])
    table = table2(both, chance(["b", "a"], SAME))
    assert table["method"].tolist() == ["gradcam", "all_white"] * 3
    assert table["threshold"].tolist() == ["0.000", "0.000", "0.500", "0.500", "1.000", "1.000"]
    white = table[table["method"] == "all_white"]
    np.testing.assert_allclose(white["a_difference"], [1, 1.005, 1.01])
    np.testing.assert_allclose(white["b_difference"], [0, 0.005, 0.01])
    np.testing.assert_allclose(white["a_j_min"], [1.12, 1.125, 1.13])
    assert table.loc[table["method"] == "gradcam", ["a_difference", "b_difference"]].isna().all(axis=None)


def test_table_3_is_each_features_best_threshold() -> None:
    best = thresholds(["b", "a"], ["gradcam", "all_white"]).query("threshold == '0.500'")
    table = table3(best, chance(["b", "a"], OWN_BEST))
    assert table["feature"].tolist() == ["globules", "globules", "streaks", "streaks", "union", "union"]
    assert table["n"].tolist() == [5, 5, 6, 6, 7, 7]
    values = ["threshold", "j_mean", "j_sd", "difference"]
    assert list(table.columns) == ["feature", "n", "method", *(f"{model}_{name}" for model in "ba" for name in values)]
    assert set(table["a_threshold"]) == {"0.500"}
    np.testing.assert_allclose(table.loc[table["method"] == "gradcam", "a_j_mean"], [1.105, 1.115, 1.125])
    np.testing.assert_allclose(table.loc[table["method"] == "all_white", "a_difference"], 1.005)


def test_a_model_without_a_row_leaves_it_empty() -> None:
    best = thresholds(["b", "a"], ["gradcam"]).query("threshold == '0.500'")
    table = table3(best[(best["model"] == "b") | (best["feature"] != "streaks")]).set_index("feature")
    assert sorted(table.index) == ["globules", "streaks", "union"]
    assert np.isnan(table.loc["streaks", "a_j_mean"])
    assert table.loc["streaks", "b_j_mean"] == pytest.approx(0.115)


def test_tables_4_and_5_are_the_first_and_the_other_models_by_group() -> None:
    models = ["b", "a", "c"]
    statistics = correctness(["a", "c", "b"])  # the tables follow the study's order, not the file's
    fourth, fifth = table4(statistics, models), table5(statistics, models)
    assert fourth["model"].unique().tolist() == ["b"]
    assert fifth["model"].unique().tolist() == ["a", "c"]
    for table in (fourth, fifth):
        assert "feature" not in table
        for _, of_model in table.groupby("model"):
            assert of_model["at"].tolist() == [UNION_BEST] * 4 + [GROUP_BEST] * 4
            assert of_model["group"].tolist() == GROUPS * 2
    np.testing.assert_allclose(fourth["j_min"], 2.002 + np.array([0, 0.1, 0.2, 0.3, 0.01, 0.11, 0.21, 0.31]))


def test_table_4_with_chance() -> None:
    gradcam = correctness(["a"])
    statistics = pd.concat([gradcam, gradcam.assign(method="all_white")], ignore_index=True)
    parts = pd.concat([chance(["a"], UNION_BEST), chance(["a"], GROUP_BEST)], ignore_index=True)
    table = table4(statistics, ["a"], parts)
    assert table["method"].tolist() == ["gradcam", "all_white"] * 8
    np.testing.assert_allclose(table.loc[table["method"] == "all_white", "difference"], 0.005)


def test_a_study_of_one_model_has_an_empty_table_5() -> None:
    table = table5(correctness(["a"]), ["a"])
    assert len(table) == 0
    assert list(table.columns) == list(table4(correctness(["a"]), ["a"]).columns)


def test_table_6_is_of_the_union_and_the_saliency_methods() -> None:
    rows = [
        {"model": "a", "method": method, "feature": feature, "first": "MEL-correct", "u": 3.0, "p": 0.5}
        for method in ("gradcam", "all_white")
        for feature in [*FEATURES, "union"]
    ]
    table = table6(pd.DataFrame(rows), ["gradcam"])
    assert table[["model", "method", "first"]].to_numpy().tolist() == [["a", "gradcam", "MEL-correct"]]
    assert "feature" not in table


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
    numbers = np.arange(len(table) * len(SPREAD), dtype=np.float64).reshape(-1, len(SPREAD))
    return table.join(pd.DataFrame(numbers, columns=SPREAD))


def assert_beside_each_other(table: pd.DataFrame, statistics: pd.DataFrame, keys: list[str], values: list[str]) -> None:
    """Every number of the statistics stands in its model's block and the row of its keys, and nothing else does."""
    models = statistics["model"].unique()
    assert list(table.columns) == [*keys, *(f"{model}_{name}" for model in models for name in values)]
    assert not table.duplicated(keys).any()
    rows = table.set_index(keys)
    for _, row in statistics.iterrows():
        cells = rows.loc[tuple(row[keys]), [f"{row['model']}_{name}" for name in values]]
        assert cells.tolist() == row[values].tolist()
    assert rows.notna().to_numpy().sum() == len(statistics) * len(values)


@settings(max_examples=100, deadline=None)
@given(pairs=sources())
def test_blocks_of_tables_2_and_3_hold_their_own_rows_in_order_of_first_appearance(
    pairs: list[tuple[str, str]],
) -> None:
    names = list(dict.fromkeys(method for _, method in pairs))
    grid = pd.DataFrame({"feature": "union", "threshold": ["0.000", "0.500", "1.000"], "n": 7})
    statistics = numbered(pairs, grid)
    table = table2(statistics)
    assert_beside_each_other(table, statistics, ["threshold", "method"], SPREAD)
    assert table["threshold"].tolist() == np.repeat(grid["threshold"], len(names)).tolist()
    assert table["method"].tolist() == names * 3
    features = pd.DataFrame({"feature": [*FEATURES, "union"], "threshold": "0.500", "n": [5, 6, 7]})
    statistics = numbered(pairs, features)
    table = table3(statistics)
    assert_beside_each_other(table, statistics, ["feature", "n", "method"], ["threshold", "j_mean", "j_sd"])
    assert table["feature"].tolist() == np.repeat(features["feature"], len(names)).tolist()
    assert table["method"].tolist() == names * 3


def test_a_reader_of_fewer_pictures_has_rows_of_its_own() -> None:
    best = thresholds(["a"], ["gradcam"]).query("threshold == '0.500'")
    few = best.assign(model="reader", method="one", n=2, j_mean=0.9)
    table = table3(pd.concat([best, few]))
    (model, reader) = table[table["feature"] == "globules"].to_dict("records")
    assert (model["n"], model["method"], reader["n"], reader["method"]) == (5, "gradcam", 2, "one")
    assert np.isnan(model["reader_j_mean"]) and reader["reader_j_mean"] == 0.9 and np.isnan(reader["a_j_mean"])


@settings(max_examples=60, deadline=None)
@given(models=st.permutations(["plain", "residual", "controls", "reader"]), asked=st.integers(0, 2))
def test_tables_4_and_5_are_of_the_models_alone(models: list[str], asked: int) -> None:
    wanted = [model for model in models if model in ("plain", "residual")][:asked]
    statistics = correctness(models)
    fourth, fifth = table4(statistics, wanted), table5(statistics, wanted)
    assert fourth["model"].unique().tolist() == wanted[:1]
    assert fifth["model"].unique().tolist() == wanted[1:]
    assert list(fourth.columns) == list(fifth.columns)


def test_a_study_without_predictions_has_all_tables(tmp_path: Path) -> None:
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
        source_statistics("mine", "maps", own, evaluation, None, groups),
        source_statistics("mine", "all_white", white, evaluation, None, groups),
        source_statistics("controls", "lesion", lesion, evaluation, None, groups),
    ]
    compared = chance_statistics("mine", {"maps": own}, {"all_white": white}, evaluation, None, groups)
    read = {}
    for name in ("thresholds", "best_thresholds", "correctness", "mann_whitney"):
        pd.concat([getattr(part, name) for part in parts]).to_csv(tmp_path / f"{name}.csv", index=False)
        read[name] = read_statistics(tmp_path / f"{name}.csv")
    compared.to_csv(tmp_path / "chance.csv", index=False)
    chance_table = read_statistics(tmp_path / "chance.csv")
    second, third = table2(read["thresholds"], chance_table), table3(read["best_thresholds"], chance_table)
    assert second["method"].tolist() == ["maps", "all_white", "lesion"] * 2
    assert third["method"].tolist() == ["maps", "all_white", "lesion"] * 3
    for table in (second, third):
        assert table["mine_difference"].notna().tolist() == (table["method"] == "all_white").tolist()
        assert table["controls_difference"].isna().all()
    for models in ([], ["mine"]):
        for table in (
            table4(read["correctness"], models, chance_table),
            table5(read["correctness"], models, chance_table),
            table6(read["mann_whitney"], ["maps"]),
        ):
            assert len(table) == 0
            paths = [tmp_path / f"empty{suffix}" for suffix in (".csv", ".md", ".html", ".tex")]
            write_table(table, "Empty.", paths)
            assert paths[0].read_text().rstrip("\n") == ",".join(table.columns)
            assert all("group" in path.read_text() or "first" in path.read_text() for path in paths)


def test_no_comparisons_with_chance_leave_the_difference_undefined() -> None:
    none = chance(["a"], SAME).iloc[:0]
    table = table2(thresholds(["a"], ["gradcam"]), none)
    assert table["a_difference"].isna().all() and table["a_difference"].dtype == np.float64
