"""Groupings by other columns: levels, what is unknown, and J of each."""

import numpy as np
import pytest
from dermalign.errors import InputError
from dermalign.overlap.shards import Shards
from dermalign.results.groupings import (
    GROUPING_COLUMNS,
    MOST_LEVELS,
    OUTSIDE,
    UNKNOWN,
    grouping_statistics,
    levels_of,
)
from dermalign.results.intervals import mean_intervals
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kruskal


def test_texts_are_levels_by_name_and_what_nobody_knows_is_the_last() -> None:
    found, order = levels_of("site", {"column": "site"}, ["torso", None, "head/neck", "torso"])
    assert found.tolist() == ["torso", UNKNOWN, "head/neck", "torso"]
    assert order == ["head/neck", "torso", UNKNOWN]
    assert levels_of("site", {}, ["torso"])[1] == ["torso"]


def test_numbers_are_in_bins_from_their_lower_bound_up_to_but_without_the_upper_one() -> None:
    texts = ["0", "39.9", "40", "60", "200", "200.1", "-1", None, "old"]
    found, order = levels_of("age", {"bins": [0, 40, 60, 200]}, texts)
    young, middle, old = "0 to below 40", "40 to below 60", "60 to 200"
    assert found.tolist() == [young, young, middle, old, old, OUTSIDE, OUTSIDE, UNKNOWN, UNKNOWN]
    assert order == [young, middle, old, OUTSIDE, UNKNOWN]
    assert levels_of("age", {"bins": [0, 40, 60, 200]}, ["50"])[1] == [young, middle, old]


@settings(max_examples=100, deadline=None)
@given(numbers=st.lists(st.floats(0, 1), min_size=1, max_size=60), count=st.integers(2, 6))
def test_quantiles_are_levels_in_order_with_all_pictures(numbers: list[float], count: int) -> None:
    found, order = levels_of("confidence", {"quantiles": count}, [*numbers, None])
    assert found[-1] == UNKNOWN and order[-1] == UNKNOWN and len(order) <= count + 1
    places = [order.index(level) for level in found[:-1].tolist()]
    for one, at in zip(numbers, places, strict=True):
        assert all(one <= other for other, higher in zip(numbers, places, strict=True) if higher > at)
    if len(set(numbers)) == len(numbers) >= count and len(order) == count + 1:
        sizes = np.bincount(places, minlength=count)
        assert sizes.max() - sizes.min() <= 1 + (len(numbers) % count > 0)


def test_levels_without_end_are_a_fault_in_plain_words() -> None:
    levels_of("lesion", {"column": "lesion_id"}, [f"L{number}" for number in range(MOST_LEVELS)])
    with pytest.raises(InputError, match=r"groupings\.lesion has 51 levels.*`bins` or `quantiles`"):
        levels_of("lesion", {"column": "lesion_id"}, [f"L{number}" for number in range(MOST_LEVELS + 1)])


@pytest.mark.parametrize("grouping", [{"bins": [0, 1]}, {"quantiles": 4}, {}])
def test_of_no_picture_and_of_nothing_known_there_are_levels_nonetheless(grouping: dict[str, object]) -> None:
    assert levels_of("age", grouping, [])[0].size == 0
    assert levels_of("age", grouping, [None, None])[0].tolist() == [UNKNOWN] * 2


def test_j_of_each_level_with_its_interval_and_one_test_between_those_known() -> None:
    random = np.random.default_rng(2)
    images = [f"ISIC_{number:02d}" for number in range(30)]
    counts = np.stack([random.integers(0, 20, 30), random.integers(30, 80, 30)])
    shards = Shards(images, ["0.000", "0.500"], counts, np.full((2, 30), 100), np.arange(30))
    sex = {f"isic_{number:02d}": "female" if number < 12 else "male" for number in range(25)}  # by the plain name
    lesions = {image: f"L{number // 2}" for number, image in enumerate(images)}
    confidence = dict(zip(images, random.random(30).tolist(), strict=True))
    groupings = {"sex": {"column": "sex"}, "sure": {"column": "confidence", "bins": [0, 0.5, 1]}}
    table = grouping_statistics("m", "s", shards, groupings, {"sex": sex}, confidence, lesions, 7)
    assert tuple(table.columns) == GROUPING_COLUMNS
    assert set(table["threshold"]) == {"0.500"}  # the best of all pictures
    values = counts[1] / 100
    rows = table.set_index(["grouping", "level"])
    assert rows["n"].to_dict()[("sex", UNKNOWN)] == 5
    parts = {"female": slice(0, 12), "male": slice(12, 25), UNKNOWN: slice(25, 30)}
    test = kruskal(values[:12], values[12:25])
    for level, part in parts.items():
        row = rows.loc[("sex", level)]
        assert row["j_mean"] == pytest.approx(values[part].mean())
        assert row["j_sd"] == pytest.approx(values[part].std(ddof=1))
        numbers = np.unique(np.arange(30)[part] // 2, return_inverse=True)[1]
        assert row["lesions"] == numbers.max() + 1
        np.testing.assert_array_equal([row["low"], row["high"]], mean_intervals(values[part][None], numbers, 7)[0])
        assert (row["h"], row["df"], row["p"]) == (test.statistic, 1, test.pvalue)
        assert row["epsilon_squared"] == pytest.approx(test.statistic / 24)
    sure = rows.loc["sure"]
    assert sure["n"].tolist() == [sum(each < 0.5 for each in confidence.values()), 30 - sure["n"].iloc[0]]


def test_of_one_known_level_there_is_no_test() -> None:
    shards = Shards(["a", "b"], ["0.000"], np.array([[1, 2]]), np.array([[9, 9]]), np.arange(2))
    table = grouping_statistics("m", "s", shards, {"sex": {"column": "sex"}}, {"sex": {"a": "female"}}, {}, {}, 1)
    assert table["level"].tolist() == ["female", UNKNOWN]
    assert table[["h", "df", "p", "epsilon_squared", "low", "high"]].isna().all(axis=None)
