"""Rank correlations: SciPy's, also of resamples, and what they are of."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from dermalign.overlap.shards import Shards
from dermalign.results.correlations import (
    CORRELATION_COLUMNS,
    COVARIATES,
    correlation_statistics,
    covariates,
    rank_correlation,
    resampled_rank_correlation,
)
from dermalign.results.intervals import resampled_lesions
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

VALUES = st.integers(0, 6).map(lambda value: value / 4)  # with many ties


@settings(max_examples=200, deadline=None)
@given(pairs=st.lists(st.tuples(VALUES, st.one_of(VALUES, st.floats(-1e6, 1e6))), min_size=2, max_size=30))
def test_a_rank_correlation_is_scipys(pairs: list[tuple[float, float]]) -> None:
    first, second = np.array(pairs, dtype=np.float64).T
    found = rank_correlation(first, second)
    if np.unique(first).size == 1 or np.unique(second).size == 1:
        assert np.isnan(found)
    else:
        assert found == pytest.approx(spearmanr(first, second).statistic, abs=1e-12)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(3, 25))
def test_resamples_are_ranked_anew_as_scipy_ranks_pictures_that_stand_several_times(seed: int, count: int) -> None:
    random = np.random.default_rng(seed)
    clusters = np.unique(random.integers(0, 12, count), return_inverse=True)[1]
    assume(clusters.max() >= 1)
    first, second = random.integers(0, 6, count) / 4, random.random(count).round(1)
    found = resampled_rank_correlation(first, second, clusters, seed, 30)
    times = np.concatenate(list(resampled_lesions(int(clusters.max()) + 1, seed, 30)))
    for value, drawn in zip(found, times, strict=True):
        one, other = (np.repeat(values, drawn[clusters]) for values in (first, second))
        if np.unique(one).size == 1 or np.unique(other).size == 1:
            assert np.isnan(value)
        else:
            assert value == pytest.approx(spearmanr(one, other).statistic, abs=1e-12)


def test_of_one_lesion_and_of_no_picture_there_is_none() -> None:
    assert np.isnan(resampled_rank_correlation(np.arange(3.0), np.arange(3.0), np.zeros(3, np.intp), 1, 5)).all()
    assert np.isnan(rank_correlation(np.empty(0), np.empty(0)))


def study(count: int = 40) -> dict[str, Any]:
    """Shards of a union and of streaks in half of the pictures, their masks and manifest; J grows with the mask."""
    random = np.random.default_rng(8)
    images = [f"p{number:02d}" for number in range(count)]
    white = random.permutation(np.arange(1, count + 1)) * 10
    evaluation = pd.DataFrame(
        {"image": images, "diagnosis": "NV", "width": 40, "height": 30, "union": white, "streaks": white}
    )
    masks = pd.DataFrame(
        [
            (image, feature, number, 1 + number % 3, 1 + 1 / number)
            for image, number in zip(images, white.tolist(), strict=True)
            for feature in ("streaks", "union")
            if not (feature == "streaks" and image == "p00")
        ],
        columns=["image", "feature", "white", "regions", "elongation"],
    )

    def shards(names: list[str]) -> Shards:
        found = white[[images.index(name) for name in names]]
        union = np.full((2, len(names)), 1000)
        return Shards(names, ["0.000", "0.500"], np.stack([found, found // 2]), union, np.arange(len(names)))

    confidence = {image: 0.5 + number / 100 for number, image in enumerate(images[1:])}
    of_features = {"streaks": shards(images[::2]), "union": shards(images)}
    return {"shards": of_features, "evaluation": evaluation, "masks": masks, "confidence": confidence}


def test_correlations_are_of_the_pictures_that_show_the_feature_at_its_best_threshold() -> None:
    given_study = study()
    table = correlation_statistics("m", "s", **given_study, lesions={}, seed=3)
    assert tuple(table.columns) == CORRELATION_COLUMNS
    assert table["covariate"].tolist() == [*COVARIATES] * 2
    rows = table.set_index(["feature", "covariate"])
    # At the threshold 0, the best, J is the mask's share but for a factor.
    size = rows.loc[("union", "mask_share")]
    assert (size["n"], size["rho"], size["low"], size["high"]) == (40, pytest.approx(1), 1, 1)
    # All pictures are as large: no correlation, and no error.
    assert rows.loc[("union", "picture_pixels"), ["rho", "low", "high"]].isna().all()
    assert rows.loc[("union", "picture_pixels"), "n"] == 40
    # The first picture has no confidence and, of streaks, no known shape.
    assert (rows.loc[("union", "confidence"), "n"], rows.loc[("streaks", "elongation"), "n"]) == (39, 19)
    of_union = given_study["shards"]["union"]
    expected = spearmanr(of_union.jaccard[0][1:], list(given_study["confidence"].values())).statistic
    found = rows.loc[("union", "confidence")]
    assert found["rho"] == pytest.approx(expected)
    assert found["low"] < found["rho"] < found["high"]
    assert rows.loc[("streaks", "elongation"), "rho"] == pytest.approx(-1)


def test_lesions_are_what_is_resampled() -> None:
    given_study = study()
    lesions = {image: f"L{number // 4}" for number, image in enumerate(given_study["evaluation"]["image"])}
    rows = [
        correlation_statistics("m", "s", **given_study, lesions=known, seed=3).set_index(["feature", "covariate"])
        for known in ({}, lesions)
    ]
    assert rows[0]["rho"].equals(rows[1]["rho"])
    place = ("union", "regions")
    assert rows[0].loc[place, "low"] != rows[1].loc[place, "low"]


def test_covariates_are_those_of_the_feature() -> None:
    given_study = study(4)
    evaluation = given_study["evaluation"].set_index("image")
    masks = given_study["masks"].copy()
    masks.loc[masks["feature"] == "streaks", "regions"] = 9
    found = covariates(["p03", "p00"], "streaks", evaluation, masks, {"p03": 0.9})
    assert tuple(found) == COVARIATES
    np.testing.assert_array_equal(found["mask_share"], evaluation.loc[["p03", "p00"], "streaks"] / 1200)
    np.testing.assert_array_equal(found["picture_pixels"], [1200, 1200])
    np.testing.assert_array_equal(found["regions"], [9, np.nan])
    np.testing.assert_array_equal(found["confidence"], [0.9, np.nan])
