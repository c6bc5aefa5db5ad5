"""A model beside chance, paired picture by picture."""

import numpy as np
import pandas as pd
import pytest
from dermalign.overlap.shards import Shards
from dermalign.results.pairing import EVERYONE, OWN_BEST, SAME, chance_statistics, paired_difference
from dermalign.results.statistics import GROUP_BEST, UNION_BEST
from dermalign.study.groups import default_groups
from scipy import stats

THRESHOLDS = ["0.000", "0.500", "1.000"]


def test_the_paired_difference_is_that_of_scipy() -> None:
    first, second = np.random.default_rng(0).random((2, 400))
    found = paired_difference(first, second)
    test = stats.ttest_rel(first, second)
    assert found["n"] == 400
    assert found["difference_mean"] == pytest.approx(first.mean() - second.mean())
    assert found["difference_mean"] / (found["difference_sd"] / 20) == pytest.approx(test.statistic)
    low, high = stats.norm.interval(0.95, found["difference_mean"], found["difference_sd"] / 20)
    assert (found["difference_low"], found["difference_high"]) == pytest.approx((low, high))


def test_too_few_pictures_have_no_deviation() -> None:
    one = paired_difference(np.array([0.5]), np.array([0.25]))
    assert one["difference_mean"] == 0.25 and np.isnan(one["difference_sd"]) and np.isnan(one["difference_low"])
    none = paired_difference(np.empty(0), np.empty(0))
    assert none["n"] == 0 and np.isnan(none["difference_mean"])


def _shards(images: list[str], jaccard: list[list[float]]) -> Shards:
    """Shards with the given J, exact to a thousandth."""
    intersection = np.round(1000 * np.array(jaccard)).astype(np.int64)
    return Shards(images, THRESHOLDS, intersection, np.full_like(intersection, 1000), np.arange(len(images)))


def _evaluation() -> pd.DataFrame:
    return pd.DataFrame({"image": ["a", "b", "c"], "diagnosis": ["MEL", "MEL", "NV"]})


def test_each_side_is_taken_at_the_threshold_that_the_row_names() -> None:
    model = {"union": _shards(["a", "b", "c"], [[0.1, 0.2, 0.3], [0.5, 0.1, 0.9], [0, 0, 0]])}
    chance = {"union": _shards(["a", "b", "c"], [[0.4, 0.3, 0.2], [0.1, 0.9, 0.1], [0, 0, 0]])}
    table = chance_statistics(
        "plain",
        {"gradcam": model},
        {"shuffled": chance},
        _evaluation(),
        {"a": "MEL", "b": "NV", "c": "NV"},
        default_groups(["MEL", "NV"]),
    ).set_index(["group", "at", "threshold"])
    same = table.loc[(EVERYONE, SAME, "0.500")]
    assert same["difference_mean"] == pytest.approx((0.4 - 0.8 + 0.8) / 3)
    best = table.loc[(EVERYONE, OWN_BEST, "0.500")]
    assert best["chance_threshold"] == "0.500"  # means 0.3 and 0.367
    wrong = table.loc[("MEL-wrong", UNION_BEST, "0.500")]
    assert (wrong["n"], wrong["j_mean"], wrong["chance_j_mean"]) == (1, 0.1, 0.9)
    own = table.loc[("MEL-wrong", GROUP_BEST, "0.000")]
    assert (own["chance_threshold"], own["j_mean"], own["chance_j_mean"]) == ("0.500", 0.2, 0.9)
    empty = table[(table["n"] == 0)]
    assert set(empty.index.get_level_values("group")) == {"NV-wrong"}


def test_sources_of_different_pictures_are_not_compared() -> None:
    one = {"union": _shards(["a"], [[0.0]] * 3)}
    other = {"union": _shards(["b"], [[0.0]] * 3)}
    with pytest.raises(ValueError, match="not of the same pictures"):
        chance_statistics(
            "plain", {"gradcam": one}, {"shuffled": other}, _evaluation(), {"a": "MEL"}, default_groups(["MEL"])
        )


def test_without_predictions_only_all_pictures_are_compared() -> None:
    own, other = ({"union": _shards(["a", "b", "c"], [row] * 3)} for row in ([0.1, 0.2, 0.3], [0.4, 0.3, 0.2]))
    arguments = ("plain", {"gradcam": own}, {"shuffled": other}, _evaluation())
    groups = default_groups(["MEL", "NV"])
    known = chance_statistics(*arguments, {"a": "MEL", "b": "NV", "c": "NV"}, groups)
    unknown = chance_statistics(*arguments, None, groups)
    assert set(unknown["group"]) == {EVERYONE}
    pd.testing.assert_frame_equal(unknown, known[known["group"] == EVERYONE].reset_index(drop=True))
    none = chance_statistics("plain", {}, {}, _evaluation(), None, groups)
    assert len(none) == 0 and list(none.columns) == list(known.columns)
