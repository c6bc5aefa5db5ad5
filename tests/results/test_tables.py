"""The paper's tables: layout, counts by hand, and how numbers are rounded for reading."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from dermalign.results.pairing import OWN_BEST, SAME
from dermalign.results.statistics import GROUP_BEST, UNION_BEST
from dermalign.results.tables import classifiers, markdown, table1, table2, table3, table4, table5, table6, write_table
from dermalign.terms import OVERALL, SHARES

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


def test_a_study_of_one_model_has_an_empty_table_5(tmp_path: Path) -> None:
    table = table5(correctness(["a"]), ["a"])
    assert len(table) == 0
    write_table(table, "Table 5.", tmp_path / "table5.csv", tmp_path / "table5.md")
    assert (tmp_path / "table5.csv").read_text().startswith("model,at,group")
    assert (tmp_path / "table5.md").read_text().startswith("Table 5.\n\n| model")


def test_table_6_is_of_the_union_and_the_saliency_methods() -> None:
    rows = [
        {"model": "a", "method": method, "feature": feature, "first": "MEL-correct", "u": 3.0, "p": 0.5}
        for method in ("gradcam", "all_white")
        for feature in [*FEATURES, "union"]
    ]
    table = table6(pd.DataFrame(rows), ["gradcam"])
    assert table[["model", "method", "first"]].to_numpy().tolist() == [["a", "gradcam", "MEL-correct"]]
    assert "feature" not in table


def test_markdown_rounds_and_csv_does_not(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {
            "feature": ["globules", "union"],
            "threshold": ["0.300", None],
            "n": [30, 1963],
            "share": [0.12345, 1.0],
            "j_mean": [0.14159, np.nan],
            "u": [1234.5, 7.0],
            "p": [1.23456e-9, 0.5],
        }
    )
    write_table(table, "Table 7. Of nothing.", tmp_path / "a" / "7.csv", tmp_path / "a" / "7.md")
    lines = (tmp_path / "a" / "7.md").read_text().splitlines()
    assert lines[:2] == ["Table 7. Of nothing.", ""]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]
    assert cells[0] == list(table.columns)
    assert cells[2] == ["globules", "0.300", "30", "12.3%", "0.142", "1234.5", "1.23e-09"]
    assert cells[3] == ["union", "-", "1963", "100.0%", "-", "7.0", "0.5"]
    assert [cell.endswith(":") for cell in cells[1]] == [False, False, True, True, True, True, True]
    assert len({len(line) for line in lines[2:]}) == 1
    read = pd.read_csv(tmp_path / "a" / "7.csv", dtype={"threshold": str}, float_precision="round_trip")
    assert read["j_mean"][0] == 0.14159
    assert read["p"].tolist() == [1.23456e-9, 0.5]
    assert read["threshold"][0] == "0.300"
    assert markdown(table, "x").endswith("|\n")


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
    assert "| sensitivity " in markdown(found, "Classifiers.")
