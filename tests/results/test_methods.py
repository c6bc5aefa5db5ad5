"""Saliency methods beside each other: every difference equals a loop over resamples; costs are those of the jobs."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from bootstrap_bounds import shares
from dermalign.overlap.shards import Shards
from dermalign.results.formats import readable
from dermalign.results.intervals import resampled_lesions
from dermalign.results.method_figure import methods_figure
from dermalign.results.methods import extended_methods, method_differences, method_runs
from dermalign.results.words import in_words
from dermalign.saliency.blocks import MapBlock
from dermalign.saliency.maps import write_maps

THRESHOLDS = ["0.000", "0.500", "1.000"]
SEED = 3
IMAGES = [f"p{number:02d}" for number in range(12)]


def shards_of(images: list[str], seed: int) -> Shards:
    intersection = np.random.default_rng(seed).integers(0, 1000, (len(THRESHOLDS), len(images)))
    return Shards(images, THRESHOLDS, intersection, np.full_like(intersection, 1000), np.arange(len(images)))


def test_differences_are_paired_by_the_pictures_that_both_have_maps_of() -> None:
    lesions = {"p00": "a", "p01": "a", "p05": "b", "p06": "b"}
    first, sample = shards_of(IMAGES, 1), shards_of(IMAGES[1::2], 2)
    table = method_differences("plain", {"gradcam": {"union": first}, "rise": {"union": sample}}, lesions, SEED)
    (row,) = table.to_dict("records")
    assert (row["model"], row["method"], row["versus"], row["feature"], row["n"]) == (
        *("plain", "rise", "gradcam", "union"),
        6,
    )
    mine, theirs = sample.jaccard, first.jaccard[:, 1::2]
    best = [THRESHOLDS[int(each.mean(axis=1).argmax())] for each in (mine, theirs)]
    assert [row["threshold"], row["versus_threshold"]] == best
    assert row["difference"] == pytest.approx(mine.mean(axis=1).max() - theirs.mean(axis=1).max())
    # Of p01, p03, p05, p07, p09, p11 no two are of one lesion.
    drawn = np.concatenate(list(resampled_lesions(6, SEED))).astype(float)
    means = [(drawn @ each.T / drawn.sum(axis=1, keepdims=True)).max(axis=1) for each in (mine, theirs)]
    low, high = np.quantile(means[0] - means[1], shares("abcdef"))
    assert (row["low"], row["high"]) == pytest.approx((low, high))


def test_without_a_common_picture_there_is_no_difference() -> None:
    methods = {"gradcam": {"streaks": shards_of(IMAGES[:3], 1)}, "rise": {"streaks": shards_of(IMAGES[3:], 2)}}
    (row,) = method_differences("plain", methods, {}, SEED).to_dict("records")
    assert row["n"] == 0 and pd.isna(row["difference"]) and pd.isna(row["low"])
    alone = method_differences("plain", {"gradcam": methods["gradcam"]}, {}, SEED)
    assert alone.empty and "difference" in alone
    one = {"gradcam": {"streaks": shards_of(IMAGES, 1)}, "rise": {"streaks": shards_of(IMAGES[:1], 2)}}
    (row,) = method_differences("plain", one, {}, SEED).to_dict("records")
    assert row["n"] == 1 and row["difference"] == row["difference"] and pd.isna(row["low"])


def test_runs_count_constant_maps_and_divide_wall_time_by_pictures(tmp_path: Path) -> None:
    saliency = np.random.default_rng(0).random((5, 2, 2)).astype(np.float32)
    degenerate = np.array([False, True, False, True, False])
    write_maps(tmp_path / "maps.h5", [MapBlock(IMAGES[:5], saliency, saliency, degenerate)])
    for name, seconds in (("one", 4.0), ("two", 6.0)):
        (tmp_path / f"{name}.tsv").write_text(f"s\th:m:s\tmax_rss\n{seconds}\t0:00:04\t100\n")
    key = ("plain", "gradcam")
    paths = [str(tmp_path / "one.tsv"), str(tmp_path / "two.tsv")]
    job: dict[str, Any] = {"benchmarks": paths, "methods": 2}
    (row,) = method_runs({key: tmp_path / "maps.h5"}, {key: job}).to_dict("records")
    assert row == {
        "model": "plain",
        "method": "gradcam",
        "maps": 5,
        "degenerate": 2,
        "methods": 2,
        "seconds": 2.0,
    }
    (tmp_path / "two.tsv").unlink()
    assert method_runs({key: tmp_path / "maps.h5"}, {key: job})["seconds"].isna().all()


def tables(methods: list[str], features: list[str], models: list[str]) -> tuple[pd.DataFrame, ...]:
    keys = [(model, method, feature) for model in models for method in methods for feature in features]
    random = np.random.default_rng(0)

    def drawn(names: list[str], rows: list[tuple[str, str, str]]) -> pd.DataFrame:
        table = pd.DataFrame(rows, columns=["model", "method", "feature"])
        return table.assign(**{name: random.random(len(table)) for name in names})

    best = drawn(["j_mean", "j_low", "j_high"], keys).assign(n=7, threshold="0.500")
    others = [key for key in keys if key[1] != methods[0]]
    runs = pd.DataFrame([(*key, 7, 1, 2, 0.25) for key in dict.fromkeys(key[:2] for key in keys)])
    runs.columns = pd.Index(["model", "method", "maps", "degenerate", "methods", "seconds"])
    return best, drawn(["share", "low", "high"], keys), drawn(["difference", "low", "high"], others), runs


def test_the_table_puts_methods_of_a_feature_below_each_other() -> None:
    methods, features, models = ["gradcam", "tiled", "rise"], ["streaks", "union"], ["b", "a"]
    best, shared, differences, runs = tables(methods, features, models)
    runs = runs[runs["method"] != "tiled"]  # a variant
    table = extended_methods(best.sample(frac=1, random_state=1), shared, differences, runs, methods)
    order = [tuple(row) for row in table[["model", "feature", "method"]].to_numpy()]
    seen = {column: list(dict.fromkeys(table[column])) for column in ("model", "feature")}
    assert order == [(m, f, method) for m in seen["model"] for f in seen["feature"] for method in methods]
    row = table[(table["model"] == "a") & (table["feature"] == "union") & (table["method"] == "rise")].iloc[0]
    (expected,) = best.query("model == 'a' and feature == 'union' and method == 'rise'").to_dict("records")
    assert (row["j_value"], row["j_low"], row["j_high"]) == tuple(
        expected[key] for key in ("j_mean", "j_low", "j_high")
    )
    (expected,) = differences.query("model == 'a' and feature == 'union' and method == 'rise'").to_dict("records")
    assert (row["versus_first_value"], row["versus_first_low"]) == (expected["difference"], expected["low"])
    assert table.loc[table["method"] == "gradcam", "versus_first_value"].isna().all()
    assert table.loc[table["method"] == "tiled", ["degenerate", "seconds"]].isna().all(axis=None)
    text = readable(table, ["model", "feature"])
    assert text.heads[:3] == ["method", "pictures", "best threshold"]
    assert text.heads[3:] == [
        *("J mean (95 % interval)", "share (95 % interval)", "minus the first method's (95 % interval)"),
        *("constant maps", "seconds a picture"),
    ]


def test_the_figure_draws_any_number_of_methods_also_where_values_are_missing() -> None:
    methods = [f"method_{number}" for number in range(12)]
    best, shared, differences, runs = tables(methods, ["streaks", "globules", "union"], ["plain", "other"])
    table = extended_methods(best, shared, differences, runs[runs["method"] != "method_3"], methods)
    table.loc[table["feature"] == "streaks", ["j_value", "j_low", "j_high"]] = np.nan
    figure = methods_figure(table)
    assert len(figure.axes) == 2 * 3
    first = figure.axes[0]
    labels = [label.get_text() for label in first.get_yticklabels()]
    assert labels == [in_words(name) for name in methods]
    union = table[(table["feature"] == "union") & (table["model"] == "plain")]
    np.testing.assert_allclose(first.lines[-1].get_xdata(), union["j_value"])
    one = extended_methods(*tables(["gradcam"], ["union"], ["plain"]), ["gradcam"])
    assert len(methods_figure(one).axes) == 3
