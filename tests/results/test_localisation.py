"""Means of localisation measures: over which pictures, with which intervals, and the order of their table."""

import numpy as np
import pandas as pd
import pytest
from dermalign.overlap.localisation import MEASURES
from dermalign.results.formats import latex, readable
from dermalign.results.intervals import clusters_of, mean_intervals
from dermalign.results.localisation import POLICIES, extended_localisation, localisation_statistics

FEATURES = ["globules", "streaks", "union"]


@pytest.fixture
def measured() -> pd.DataFrame:
    """40 pictures of the union, 20 of globules, none of streaks; of four no mass is defined, of one no area."""
    random = np.random.default_rng(8)
    images = [f"i{n:02}" for n in range(40)]
    table = pd.concat(
        [
            pd.DataFrame(random.random((count, len(MEASURES))), columns=list(MEASURES)).assign(
                image=images[:count], feature=feature, maps=1, constant=0
            )
            for feature, count in (("globules", 20), ("union", 40))
        ],
        ignore_index=True,
    )
    table.loc[table["image"].isin(images[:4]), ["relevance_mass", "constant"]] = [np.nan, 1]
    table.loc[table["image"] == images[9], "roc_auc"] = np.nan
    return table


LESIONS = {f"i{n:02}": f"lesion {n // 3}" for n in range(30)}


def test_means_are_over_the_pictures_for_which_a_measure_is_defined(measured: pd.DataFrame) -> None:
    table = localisation_statistics(measured, FEATURES, LESIONS, seed=3)
    assert list(zip(table["feature"], table["measure"], strict=True)) == [(f, m) for f in FEATURES for m in MEASURES]
    for row in table.to_dict("records"):
        population = measured[measured["feature"] == row["feature"]]
        values = population.set_index("image")[row["measure"]].dropna()
        assert row["n"] == len(values)
        assert row["undefined"] == len(population) - len(values)
        assert row["constant"] == (4 if len(population) else 0)
        assert row["policy"] == POLICIES[row["measure"]]
        bounds = mean_intervals(values.to_numpy()[None], clusters_of(values.index.tolist(), LESIONS), seed=3)
        np.testing.assert_allclose([row["mean"], row["low"], row["high"]], [values.mean(), *bounds[0]], rtol=1e-9)
    undefined = table.set_index(["feature", "measure"])["undefined"]
    assert undefined["union", "relevance_mass"] == 4
    assert undefined["union", "roc_auc"] == 1
    assert undefined.sum() == 10
    assert (
        table.loc[table["feature"] == "streaks", ["n", "mean", "low", "high"]].fillna(-1).eq([0, -1, -1, -1]).all(None)
    )


def test_lesions_make_the_intervals(measured: pd.DataFrame) -> None:
    by_lesion, by_picture = (localisation_statistics(measured, ["union"], each, 3) for each in (LESIONS, {}))
    np.testing.assert_array_equal(by_lesion["mean"], by_picture["mean"])
    assert (by_lesion["low"] != by_picture["low"]).all()


def test_the_table_has_the_union_first_and_sources_of_a_measure_together(measured: pd.DataFrame) -> None:
    sources = [("plain", "gradcam"), ("plain", "all_white"), ("residual", "gradcam")]
    of_source = localisation_statistics(measured, FEATURES, {}, 3)
    statistics = pd.concat([of_source.assign(model=model, method=method) for model, method in sources])
    table = extended_localisation(statistics, FEATURES)
    blocks = table[["feature", "model"]].drop_duplicates().to_numpy().tolist()
    assert blocks == [[f, m] for f in ("union", "globules", "streaks") for m in ("plain", "residual")]
    assert table["measure"].tolist()[:4] == ["pointing_game"] * 2 + ["pointing_share"] * 2
    assert table["method"].tolist()[:4] == ["gradcam", "all_white"] * 2
    text = readable(table, ["feature", "model"])
    assert text.heads == [*("measure", "method", "pictures", "undefined", "constant", "mean (95 % interval)")]
    assert text.blocks[0][0] == "union, plain"
    assert text.blocks[0][1][8][0] == "ROC AUC"
    assert "longtable" in latex(text, "caption", "extended_localisation")
