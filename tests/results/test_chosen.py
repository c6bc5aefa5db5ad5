"""Intervals with the threshold chosen in each resample: those of a loop, and as wide as they say by lesion alone."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from bootstrap_bounds import shares
from dermalign.data.patients import read_patients, read_units
from dermalign.errors import InputError
from dermalign.overlap.shards import Shards
from dermalign.results.chosen import best_interval, chosen_rows, resampled_unit, threshold_interval
from dermalign.results.intervals import resampled_lesions
from dermalign.results.statistics import UNION_BEST, best_threshold, source_statistics
from dermalign.study.groups import default_groups
from hypothesis import given, settings
from hypothesis import strategies as st

THRESHOLDS = ["0.000", "0.300", "0.600", "1.000"]
SEED = 5
RESAMPLES = 400


def study_of(seed: int, pictures: int = 40) -> tuple[dict[str, Shards], list[str], dict[str, str]]:
    """Shards of one feature and the union, of which the feature lacks some pictures; images; lesions of some."""
    random = np.random.default_rng(seed)
    images = [f"p{number:02d}" for number in range(pictures)]
    lesions = {image: f"l{random.integers(0, pictures // 2)}" for image in images[: pictures * 3 // 4]}
    shards = {}
    for feature, shown in (("streaks", images[::3]), ("union", images)):
        intersection = random.integers(0, 60, (len(THRESHOLDS), len(shown)))
        intersection[-1] = 0
        shards[feature] = Shards(
            shown, THRESHOLDS, intersection, np.full_like(intersection, 100), np.arange(len(shown), dtype=np.intp)
        )
    return shards, images, lesions


def in_a_loop(images: list[str], lesions: dict[str, str], resamples: int) -> list[list[str]]:
    """The pictures of each resample, one by one: of every lesion that it has all pictures, as often as it has it."""
    names = list(dict.fromkeys(lesions.get(image, image) for image in images))
    of_lesion = {name: [image for image in images if lesions.get(image, image) == name] for name in names}
    times = np.concatenate(list(resampled_lesions(len(names), SEED, resamples)))
    return [
        [image for name, count in zip(names, row, strict=True) for image in of_lesion[name] * count]
        for row in times.tolist()
    ]


def highest(shards: Shards, pictures: list[str]) -> tuple[int, float]:
    """The lowest threshold with the highest mean J over pictures, which may be there several times; and that mean."""
    place = {image: column for column, image in enumerate(shards.images)}
    columns = [place[image] for image in pictures]
    name = best_threshold(shards.thresholds, shards.jaccard[:, columns])
    assert name is not None
    row = shards.thresholds.index(name)
    return row, float(np.mean([shards.jaccard[row, column] for column in columns]))


def manifest_of(images: list[str], diagnoses: list[str]) -> pd.DataFrame:
    return pd.DataFrame(
        {"image": images, "diagnosis": diagnoses, "width": 20, "height": 10, "streaks": 50, "union": 60}
    )


def percentiles(rows: list[int], bounding: tuple[float, float]) -> list[str]:
    """The least thresholds that at least these shares of the choices do not exceed."""
    return [
        next(name for row, name in enumerate(THRESHOLDS) if sum(each <= row for each in rows) >= share * len(rows))
        for share in bounding
    ]


def test_best_thresholds_and_groups_are_those_of_a_loop() -> None:
    shards, images, lesions = study_of(1)
    random = np.random.default_rng(2)
    diagnoses = random.choice(["MEL", "NV"], len(images)).tolist()
    predicted = {image: str(random.choice(["MEL", "NV"])) for image in images}
    group = {
        image: f"{diagnosis}-{'correct' if predicted[image] == diagnosis else 'wrong'}"
        for image, diagnosis in zip(images, diagnoses, strict=True)
    }
    found = source_statistics(
        *("m", "s", shards, manifest_of(images, diagnoses), predicted, default_groups(["MEL", "NV"]), lesions, SEED),
        resamples=RESAMPLES,
    )
    for row in found.best_thresholds.to_dict("records"):
        of_feature = shards[row["feature"]]
        chosen = [highest(of_feature, pictures) for pictures in in_a_loop(of_feature.images, lesions, RESAMPLES)]
        bounding = shares(lesions.get(image, image) for image in of_feature.images)
        expected = np.quantile([mean for _, mean in chosen], bounding)
        np.testing.assert_allclose([row["j_low"], row["j_high"]], expected, atol=1e-11)
        assert [row["threshold_low"], row["threshold_high"]] == percentiles([place for place, _ in chosen], bounding)
        assert len({place for place, _ in chosen}) > 1
        units = {lesions.get(image, image) for image in of_feature.images}
        assert (row["resampled"], row["lesions"]) == ("lesion", len(units)) and len(units) < len(of_feature.images)
    resamples = in_a_loop(images, lesions, RESAMPLES)
    for row in found.correctness.to_dict("records"):
        of_feature = shards[row["feature"]]
        shown = {image for image in of_feature.images if group[image] == row["group"]}
        means = []
        for pictures in resamples:
            if members := [image for image in pictures if image in shown]:
                deciding = (shards["union"], pictures) if row["at"] == UNION_BEST else (of_feature, members)
                columns = [of_feature.images.index(image) for image in members]
                means.append(of_feature.jaccard[highest(*deciding)[0], columns].mean())
        expected = np.quantile(means, shares(lesions.get(image, image) for image in shown))
        np.testing.assert_allclose([row["j_low"], row["j_high"]], expected, atol=1e-11)


def test_a_constant_map_has_no_best_threshold_but_a_number() -> None:
    intersection = np.array([[10, 30, 5, 20]] * 3 + [[0] * 4])
    images = ["a", "b", "c", "d"]
    shards = {"union": Shards(images, THRESHOLDS, intersection, np.full_like(intersection, 100), np.arange(4))}
    found = source_statistics(
        *("controls", "all_white", shards, manifest_of(images, ["MEL"] * 4), dict.fromkeys(images, "MEL")),
        *(default_groups(["MEL"]), {}, SEED),
        is_constant=True,
    )
    for table in (found.best_thresholds, found.correctness):
        assert table[[name for name in table if "threshold" in name]].isna().all(axis=None)
    (best,) = found.best_thresholds.to_dict("records")
    fixed = found.thresholds.iloc[0]
    assert (best["j_mean"], best["n"]) == (pytest.approx(0.1625), 4)
    assert [best["j_low"], best["j_high"]] == [fixed["j_low"], fixed["j_high"]]
    assert found.thresholds["threshold"].tolist() == THRESHOLDS
    assert found.correctness["n"].tolist() == [4, 0] * 2


def test_of_one_lesion_nothing_has_an_interval() -> None:
    shards, images, _ = study_of(3)
    one = dict.fromkeys(images, "x")
    found = source_statistics("m", "s", shards, manifest_of(images, ["NV"] * 40), None, {}, one, SEED, "patient")
    bounds = ["j_low", "j_high", "threshold_low", "threshold_high"]
    assert found.best_thresholds[bounds].isna().all(axis=None) and found.best_thresholds["threshold"].notna().all()
    assert found.best_thresholds["resampled"].tolist() == ["patient"] * 2
    assert found.best_thresholds["lesions"].tolist() == [1, 1]


@settings(max_examples=50, deadline=None)
@given(rows=st.lists(st.integers(0, 3), min_size=1, max_size=60), pictures=st.integers(2, 60))
def test_bounds_of_a_threshold_are_thresholds_of_the_grid(rows: list[int], pictures: int) -> None:
    found = threshold_interval(THRESHOLDS, np.array(rows), np.arange(pictures))
    assert list(found) == percentiles(rows, shares(range(pictures)))


def test_the_lowest_threshold_is_chosen_on_a_tie() -> None:
    means = np.array([[0.1, 0.3, 0.3 + 1e-16, 0.2], [0.2, 0.2, 0.1, 0.2], [np.nan] * 4, [0, 0.1, 0.2, 0.3]])
    assert chosen_rows(means).tolist() == [1, 0, 0, 3]


def test_the_choice_in_each_resample_can_only_raise_the_bounds_of_a_fixed_threshold() -> None:
    shards, images, lesions = study_of(4)
    found = source_statistics("m", "s", shards, manifest_of(images, ["NV"] * 40), None, {}, lesions, SEED)
    for row in found.best_thresholds.to_dict("records"):
        fixed = found.thresholds.query("feature == @row['feature'] and threshold == @row['threshold']").iloc[0]
        assert row["j_low"] >= fixed["j_low"] and row["j_high"] >= fixed["j_high"]
        assert row["j_high"] > fixed["j_high"]


# What is resampled


def test_the_table_says_what_is_resampled(tmp_path: Path) -> None:
    assert resampled_unit(["a", "b_downsampled"], {"b": "x"}, "lesion") == "lesion"
    assert resampled_unit(["a", "b"], {"c": "x"}, "patient") == resampled_unit(["a"], {}, "lesion") == "picture"
    table = tmp_path / "metadata.csv"
    table.write_text("image,lesion_id,Patient ID\na,l1,p1\nb,l2,p1\nc,l3,unknown\na,l4,p9\n", encoding="utf-8")
    assert read_units([table], "patient") == read_patients(table) == {"a": "p1", "b": "p1"}
    assert read_units([table], "lesion") == {"a": "l1", "b": "l2", "c": "l3"}
    assert read_units([table], "picture") == {}
    table.write_text("image,lesion_id\na,l1\n", encoding="utf-8")
    with pytest.raises(InputError, match="patient_id"):
        read_patients(table)


# Coverage


def covered(by_lesion: bool, simulations: int = 500) -> float:
    """The share of intervals that hold the true mean, of lesions of unequal sizes whose pictures are alike."""
    random = np.random.default_rng(20)
    held = 0
    for _ in range(simulations):
        sizes = random.choice([1, 2, 3, 8], 60)
        lesions = np.repeat(np.arange(60), sizes)
        # Mean 0.2 whatever the size; of the variance nine tenths are the lesions'.
        j = 0.2 + 0.09 * random.standard_normal(60)[lesions] + 0.03 * random.standard_normal(lesions.size)
        clusters = lesions if by_lesion else np.arange(lesions.size)
        found = best_interval(["0.500"], j[np.newaxis], clusters, SEED, resamples=500)
        held += found.j_low <= 0.2 <= found.j_high
    return held / simulations


def test_intervals_by_lesion_hold_the_mean_as_often_as_they_say_and_those_by_picture_do_not() -> None:
    assert 0.93 <= covered(by_lesion=True) <= 0.97
    assert covered(by_lesion=False) < 0.8
