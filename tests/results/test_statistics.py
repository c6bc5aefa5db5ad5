"""Statistics: equal to SciPy's, scikit-learn's and the ISIC challenge's own, and defined where groups are empty."""

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import brute_force
import numpy as np
import pandas as pd
import pytest
from dermalign.overlap.shards import Shards, read_shards
from dermalign.results.group_tests import source_group_tests
from dermalign.results.intervals import mean_intervals
from dermalign.results.statistics import (
    GROUP_BEST,
    NAME_COLUMNS,
    UNION_BEST,
    WORD_COLUMNS,
    best_threshold,
    correctness_statistics,
    merge,
    read_statistics,
    source_statistics,
    threshold_statistics,
)
from dermalign.study.groups import default_groups
from engine_cases import FEATURES, Picture, draw_map, draw_mask, run_engine
from hypothesis import given, settings
from hypothesis import strategies as st
from isic_challenge_scoring import task2
from PIL import Image
from sklearn.metrics import f1_score, jaccard_score, precision_score, recall_score

NAMES = [*FEATURES, "union"]
MEL_NV = default_groups(["MEL", "NV"])
GROUPS = ["MEL-correct", "MEL-wrong", "NV-correct", "NV-wrong"]
# What pandas would take for a missing value, a number or a truth value, unless it is told that it is text.
ODD_NAMES = ["NA", "None", "nan", "null", "N/A", "n/a", "#N/A", "NaN", "-inf", "1e5", "0.300", "True", "MEL-correct"]


# Thresholds


def shards_of(intersection: Sequence[Sequence[int]], union: Sequence[Sequence[int]]) -> Shards:
    counts = np.array(intersection, dtype=np.int64), np.array(union, dtype=np.int64)
    thresholds = [f"{number / 10:.3f}" for number in range(len(intersection))]
    rows = np.arange(counts[0].shape[1])
    return Shards([f"p{number}" for number in rows], thresholds, *counts, rows)


def evaluation_of(pictures: Sequence[Picture], diagnoses: Sequence[str] = ()) -> pd.DataFrame:
    """The manifest that belongs to drawn pictures, with the columns that the statistics read."""
    rows = []
    for number, picture in enumerate(pictures):
        masks = {feature: values > 127 for feature, values in picture.masks.items()}
        masks["union"] = brute_force.union_of(masks)
        width, height = picture.size
        rows.append(
            {
                "image": picture.image,
                "diagnosis": diagnoses[number] if diagnoses else "NV",
                "width": width,
                "height": height,
                **{name: int(mask.sum()) for name, mask in masks.items()},
            }
        )
    return pd.DataFrame(rows)


def drawn_pictures(seed: int, count: int, kinds: Sequence[str] = ("box", "noise")) -> list[Picture]:
    random = np.random.default_rng(seed)
    pictures = []
    for number in range(count):
        width, height = random.integers(20, 60, 2).tolist()
        masks = {feature: draw_mask(random, random.choice(kinds), width, height) for feature in FEATURES}
        pictures.append(Picture(f"ISIC_{number:07d}", masks, draw_map(random, "any", (6, 5))))
    return pictures


def test_best_threshold_is_the_lowest_on_a_tie() -> None:
    thresholds = ["0.000", "0.100", "0.200", "0.300"]
    jaccard = np.array([[0.1, 0.2], [0.2, 0.4], [0.4, 0.2], [0.3, 0.1]])
    assert best_threshold(thresholds, jaccard) == "0.100"
    assert best_threshold(thresholds, np.zeros((4, 3))) == "0.000"
    assert best_threshold(thresholds, np.empty((4, 0))) is None


def test_a_tie_is_seen_through_rounding() -> None:
    # The same indices in another order: their means are equal, though sums of floats differ in the last digits.
    random = np.random.default_rng(1)
    values = random.integers(0, 1000, 1500) / random.integers(1000, 3000, 1500)
    pairs = [np.stack([values, random.permutation(values)]) for _ in range(100)]
    assert any(first != second for first, second in (pair.mean(axis=1) for pair in pairs))
    for pair in pairs:
        assert best_threshold(["0.100", "0.200"], pair) == "0.100"
        assert best_threshold(["0.100", "0.200"], pair[::-1]) == "0.100"
    nearly = np.stack([values, values])
    nearly[1, 0] += 1e-13
    assert best_threshold(["0.100", "0.200"], nearly) == "0.200"


@settings(max_examples=60, deadline=None)
@given(counts=st.lists(st.lists(st.integers(0, 50), min_size=3, max_size=3), min_size=1, max_size=12))
def test_spread_has_the_sample_sd(counts: list[list[int]]) -> None:
    intersection = np.array(counts).T
    shards = shards_of(intersection, np.full_like(intersection, 50))
    evaluation = pd.DataFrame({"width": 10, "height": 10, "streaks": 50}, index=shards.images)
    for row, values in zip(
        threshold_statistics("streaks", shards, evaluation, {}, 1).to_dict("records"), intersection / 50, strict=True
    ):
        assert row["n"] == len(counts)
        assert (row["j_min"], row["j_max"]) == (values.min(), values.max())
        assert row["j_mean"] == pytest.approx(statistics.fmean(values), rel=1e-14)
        if len(counts) > 1:
            assert row["j_sd"] == pytest.approx(statistics.stdev(values.tolist()), rel=1e-12, abs=1e-15)
        else:
            assert np.isnan(row["j_sd"])


def test_other_indices_are_scikit_learns(tmp_path: Path) -> None:
    pictures = drawn_pictures(11, 8)
    thresholds = ["0.000", "0.300", "0.900", "1.000"]
    paths = run_engine(tmp_path, [pictures], thresholds)
    evaluation = evaluation_of(pictures).set_index("image")
    for name in NAMES:
        found = threshold_statistics(name, read_shards({t: paths[name, t] for t in thresholds}), evaluation, {}, 1)
        for row in found.to_dict("records"):
            scores = []
            for picture in pictures:
                masks = {feature: values > 127 for feature, values in picture.masks.items()}
                mask = brute_force.union_of(masks) if name == "union" else masks[name]
                if mask.any():
                    white = brute_force.thresholded(picture.saliency, *picture.size, row["threshold"])
                    pair = mask.ravel(), white.ravel()
                    scores.append(
                        [jaccard_score(*pair), f1_score(*pair)]
                        + [score(*pair, zero_division=0) for score in (precision_score, recall_score)]
                    )
            columns = ["j_mean", "dice_mean", "precision_mean", "recall_mean"]
            assert [row[column] for column in columns] == pytest.approx(np.mean(scores, axis=0).tolist(), rel=1e-12)
            assert row["n"] == len(scores)


def test_ratio_of_sums_is_that_of_the_isic_scorer(tmp_path: Path) -> None:
    pictures = drawn_pictures(12, 7)
    thresholds = ["0.000", "0.200", "0.600"]
    paths = run_engine(tmp_path, [pictures], thresholds)
    evaluation = evaluation_of(pictures).set_index("image")
    truth = tmp_path / "truth"
    truth.mkdir()
    for picture in pictures:
        for feature, values in picture.masks.items():
            assert (values > 127).any()  # the scorer counts pictures with a black mask, too
            mask = Image.fromarray(np.where(values > 127, 255, 0).astype(np.uint8))
            mask.save(truth / f"{picture.image}_attribute_{feature}.png")
    for threshold in thresholds:
        prediction = tmp_path / threshold
        prediction.mkdir()
        for picture in pictures:
            white = brute_force.thresholded(picture.saliency, *picture.size, threshold)
            for feature in FEATURES:
                Image.fromarray(white.astype(np.uint8) * 255).save(
                    prediction / f"{picture.image}_attribute_{feature}.png"
                )
        scores = task2.score(truth, prediction)
        for feature in FEATURES:
            shards = read_shards({threshold: paths[feature, threshold]})
            (found,) = threshold_statistics(feature, shards, evaluation, {}, 1).to_dict("records")
            assert found["j_ratio_of_sums"] == pytest.approx(scores[feature]["jaccard"], rel=1e-12)
            assert found["dice_ratio_of_sums"] == pytest.approx(scores[feature]["dice"], rel=1e-12)
            # Precision and recall, which the scorer does not give, from the shares of each picture's pixels.
            shares = []
            for picture in pictures:
                white = brute_force.thresholded(picture.saliency, *picture.size, threshold)
                mask = picture.masks[feature] > 127
                shares.append([np.logical_and(white, mask).mean(), white.mean(), mask.mean()])
            common, saliency, masks = np.sum(shares, axis=0)
            assert found["precision_ratio_of_sums"] == pytest.approx(common / saliency, rel=1e-12)
            assert found["recall_ratio_of_sums"] == pytest.approx(common / masks, rel=1e-12)


def test_a_black_map_has_no_ratio_of_precision(tmp_path: Path) -> None:
    pictures = drawn_pictures(15, 3)
    paths = run_engine(tmp_path, [pictures], ["1.000"])
    evaluation = evaluation_of(pictures).set_index("image")
    (found,) = threshold_statistics(
        "union", read_shards({"1.000": paths["union", "1.000"]}), evaluation, {}, 1
    ).to_dict("records")
    zeros = ("j_mean", "dice_mean", "precision_mean", "recall_mean", "j_ratio_of_sums", "recall_ratio_of_sums")
    assert [found[name] for name in zeros] == [0] * 6
    assert np.isnan(found["precision_ratio_of_sums"])


# Groups


def test_groups_empty_and_of_one_member() -> None:
    # Three pictures at two thresholds; MEL-wrong is empty, NV-wrong has one member.
    shards = shards_of([[1, 2, 9], [4, 2, 3]], [[10, 10, 10], [10, 10, 10]])
    groups = np.array(["MEL-correct", "MEL-correct", "NV-wrong"])
    found = correctness_statistics("streaks", shards, groups, GROUPS, "0.000").set_index(["at", "group"])
    one = found.loc[(GROUP_BEST, "NV-wrong")]
    assert (one["threshold"], one["n"], one["j_min"], one["j_mean"], one["j_max"]) == ("0.000", 1, 0.9, 0.9, 0.9)
    assert np.isnan(one["j_sd"])
    assert found.loc[(GROUP_BEST, "MEL-correct")]["threshold"] == "0.100"
    assert found.loc[(UNION_BEST, "MEL-correct")]["j_mean"] == pytest.approx(0.15)
    for at in (UNION_BEST, GROUP_BEST):
        empty = found.loc[(at, "MEL-wrong")]
        assert empty["n"] == 0
        assert empty[["j_min", "j_mean", "j_sd", "j_max"]].isna().all()


# Whole sources


def test_a_source_from_pixels_to_statistics(tmp_path: Path) -> None:
    pictures = drawn_pictures(13, 60, ["black", "box", "noise"])
    thresholds = ["0.000", "0.200", "0.400", "0.600", "0.800", "1.000"]
    random = np.random.default_rng(13)
    diagnoses = random.choice(["MEL", "NV"], len(pictures)).tolist()
    predicted = {picture.image: str(random.choice(["MEL", "NV", "BKL"])) for picture in pictures}
    paths = run_engine(tmp_path, [pictures[:11], pictures[11:]], thresholds)
    shards = {name: read_shards({t: paths[name, t] for t in thresholds}) for name in NAMES}
    evaluation = evaluation_of(pictures, diagnoses)
    found = source_statistics("vgg16", "grad_cam", shards, evaluation, predicted, MEL_NV, {}, 1)

    jaccard: dict[str, dict[str, list[float]]] = {}  # by feature and image, one value per threshold
    for name in NAMES:
        jaccard[name] = {}
        for picture in pictures:
            masks = {feature: values > 127 for feature, values in picture.masks.items()}
            mask = brute_force.union_of(masks) if name == "union" else masks[name]
            if mask.any():
                counts = [brute_force.intersection_and_union(picture.saliency, mask, t) for t in thresholds]
                jaccard[name][picture.image] = [common / union for common, union in counts]
    group = {
        picture.image: f"{diagnosis}-{'correct' if predicted[picture.image] == diagnosis else 'wrong'}"
        for picture, diagnosis in zip(pictures, diagnoses, strict=True)
    }

    def best(of: Mapping[str, list[float]]) -> int:
        means = [statistics.fmean(values) for values in zip(*of.values(), strict=True)]
        return means.index(max(means))

    assert set(found.thresholds["model"]) == {"vgg16"}
    assert set(found.thresholds["method"]) == {"grad_cam"}
    assert found.thresholds.groupby("feature")["n"].first().to_dict() == {name: len(jaccard[name]) for name in NAMES}
    for row in found.best_thresholds.to_dict("records"):
        place = best(jaccard[row["feature"]])
        values = [of[place] for of in jaccard[row["feature"]].values()]
        assert row["threshold"] == thresholds[place]
        assert row["j_mean"] == pytest.approx(statistics.fmean(values), rel=1e-14)
        assert row["j_sd"] == pytest.approx(statistics.stdev(values), rel=1e-12)
    assert found.best_thresholds["feature"].tolist() == NAMES

    def members(name: str, of: str, at: str) -> tuple[int, list[float]]:
        chosen = {image: values for image, values in jaccard[name].items() if group[image] == of}
        place = best(jaccard["union"]) if at == UNION_BEST else best(chosen)
        return place, [values[place] for values in chosen.values()]

    assert len(found.correctness) == len(NAMES) * 2 * 4
    for row in found.correctness.to_dict("records"):
        place, values = members(row["feature"], row["group"], row["at"])
        assert (row["threshold"], row["n"]) == (thresholds[place], len(values))
        assert row["j_mean"] == pytest.approx(statistics.fmean(values), rel=1e-14)
        assert row["j_sd"] == pytest.approx(statistics.stdev(values), rel=1e-12)


def test_a_feature_without_any_mask_has_rows_without_numbers(tmp_path: Path) -> None:
    shown = {"globules": np.full((8, 8), 255, dtype=np.uint8), "streaks": np.zeros((8, 8), dtype=np.uint8)}
    saliency = draw_map(np.random.default_rng(0), "any", (2, 2))
    pictures = [Picture(name, shown, saliency) for name in ("a", "b")]
    paths = run_engine(tmp_path, [pictures], ["0.000", "0.500"])
    shards = {name: read_shards({t: paths[name, t] for t in ("0.000", "0.500")}) for name in NAMES}
    found = source_statistics("m", "s", shards, evaluation_of(pictures), {"a": "NV", "b": "NV"}, MEL_NV, {}, 1)
    streaks = found.thresholds[found.thresholds["feature"] == "streaks"]
    assert streaks["n"].tolist() == [0, 0]
    assert streaks["lesions"].tolist() == [0, 0]
    assert streaks.drop(columns=["model", "method", "feature", "threshold", "n", "lesions"]).isna().all(axis=None)
    best = found.best_thresholds.set_index("feature")
    assert best["n"].to_dict() == {"globules": 2, "streaks": 0, "union": 2}
    assert best["threshold"].isna().to_dict() == {"globules": False, "streaks": True, "union": False}
    assert (found.correctness.loc[found.correctness["feature"] == "streaks", "n"] == 0).all()


def test_an_analysis_without_pictures_has_statistics_without_numbers() -> None:
    shards = {name: shards_of([[]], [[]]) for name in NAMES}
    found = source_statistics("m", "s", shards, evaluation_of(drawn_pictures(1, 1)), {}, MEL_NV, {}, 1)
    assert found.thresholds["n"].tolist() == [0, 0, 0]
    assert found.best_thresholds["n"].tolist() == [0, 0, 0] and found.best_thresholds["threshold"].isna().all()
    assert list(found.best_thresholds.columns) == [*found.thresholds.columns, "threshold_low", "threshold_high"]


def test_draws_of_a_picture_count_as_their_mean(tmp_path: Path) -> None:
    random = np.random.default_rng(14)
    pictures = drawn_pictures(14, 5)
    draws = [{picture.image: draw_map(random, "any", (6, 5)) for picture in pictures} for _ in range(3)]
    thresholds = ["0.000", "0.400", "1.000"]
    paths = run_engine(tmp_path, [pictures[3:], pictures[:3]], thresholds, draws)
    evaluation = evaluation_of(pictures).set_index("image")
    shards = read_shards({t: paths["streaks", t] for t in thresholds})
    assert shards.images == [picture.image for picture in pictures]
    table = threshold_statistics("streaks", shards, evaluation, {}, 1)
    for row, threshold in enumerate(thresholds):
        counts = [
            [brute_force.intersection_and_union(draw[p.image], p.masks["streaks"] > 127, threshold) for draw in draws]
            for p in pictures
        ]
        expected = [statistics.fmean(common / union for common, union in of) for of in counts]
        assert shards.jaccard[row].tolist() == pytest.approx(expected, rel=1e-14)
        assert table["n"][row] == len(pictures)
        assert table["j_mean"][row] == pytest.approx(statistics.fmean(expected), rel=1e-14)
        assert table["j_sd"][row] == pytest.approx(statistics.stdev(expected), rel=1e-12, abs=1e-15)
    # What is resampled is pictures, not their draws.
    found = table[["j_low", "j_high"]].to_numpy()
    np.testing.assert_array_equal(found, mean_intervals(shards.jaccard, np.arange(len(pictures)), 1))
    lesions = {pictures[0].image: "a", pictures[1].image: "a"}
    by_lesion = threshold_statistics("streaks", shards, evaluation, lesions, 1)[["j_low", "j_high"]].to_numpy()
    np.testing.assert_array_equal(by_lesion, mean_intervals(shards.jaccard, np.array([0, 0, 1, 2, 3]), 1))
    assert (by_lesion[0] != found[0]).any()


def manifest_of(images: Sequence[str], diagnoses: Sequence[str]) -> pd.DataFrame:
    """A manifest of pictures whose masks have 50 white pixels each."""
    white = dict.fromkeys(NAMES, 50)
    return pd.DataFrame({"image": images, "diagnosis": diagnoses, "width": 10, "height": 10, **white})


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32), count=st.integers(1, 12))
def test_a_source_without_predictions_has_thresholds_and_no_groups(
    tmp_path_factory: pytest.TempPathFactory, seed: int, count: int
) -> None:
    random = np.random.default_rng(seed)
    shards = {name: shards_of(random.integers(0, 50, (3, count)), np.full((3, count), 60)) for name in NAMES}
    images = shards["union"].images
    evaluation = manifest_of(images, ["NV"] * count)
    predicted = {image: str(random.choice(["MEL", "NV"])) for image in images}
    known = source_statistics("plain", "gradcam", shards, evaluation, predicted, MEL_NV, {}, 1)
    unknown = source_statistics("plain", "gradcam", shards, evaluation, None, MEL_NV, {}, 1)
    pd.testing.assert_frame_equal(unknown.thresholds, known.thresholds)
    pd.testing.assert_frame_equal(unknown.best_thresholds, known.best_thresholds)
    folder = tmp_path_factory.mktemp("statistics")
    full, empty = known.correctness, unknown.correctness
    assert len(empty) == 0
    assert list(empty.columns) == list(full.columns)
    for place, table in (("full", full), ("empty", empty)):
        table.to_csv(folder / f"{place}.csv", index=False)
    alone = read_statistics(folder / "full.csv")
    for order in (["empty", "full"], ["full", "empty", "empty"]):
        pd.testing.assert_frame_equal(merge(folder / f"{place}.csv" for place in order), alone)
    assert list(merge([folder / "empty.csv"] * 2).columns) == list(full.columns)


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_tables_come_back_as_they_were_written(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 6))

    def column(values: st.SearchStrategy[Any]) -> list[Any]:
        return data.draw(st.lists(values, min_size=size, max_size=size))

    names = {name: column(st.sampled_from(ODD_NAMES)) for name in NAME_COLUMNS}
    thresholds = {name: column(st.sampled_from(["0.300", "0.001", "1.000", None])) for name in WORD_COLUMNS[:-1]}
    table = pd.DataFrame({**names, **thresholds})
    table["test"] = pd.array(column(st.sampled_from(["exact", "asymptotic", None])), dtype="str")
    table = table.astype(dict.fromkeys(thresholds, "str"))
    table["n"] = column(st.integers(0, 10**6))
    table["j_mean"] = np.array(column(st.one_of(st.floats(0, 1), st.just(np.nan))), dtype=np.float64)
    folder = tmp_path_factory.mktemp("tables")
    table.to_csv(folder / "a.csv", index=False)
    pd.testing.assert_frame_equal(read_statistics(folder / "a.csv"), table, check_exact=True)
    merged = merge([folder / "a.csv", folder / "a.csv"])
    pd.testing.assert_frame_equal(merged, pd.concat([table, table], ignore_index=True), check_exact=True)


def test_groups_and_classes_may_be_called_as_missing_values_are(tmp_path: Path) -> None:
    groups = {"NA": {"correct": True}, "None": {"correct": False}}
    shards = {name: shards_of([[1, 2, 3]], [[9, 9, 9]]) for name in NAMES}
    evaluation = manifest_of(["p0", "p1", "p2"], ["nan", "nan", "NA"])
    predicted = {"p0": "nan", "p1": "NA", "p2": "NA"}
    found = source_statistics("NaN", "null", shards, evaluation, predicted, groups, {}, 1)
    tests = source_group_tests("NaN", "null", shards, evaluation, predicted, groups, {}, 1).mann_whitney
    found.correctness.to_csv(tmp_path / "correctness.csv", index=False)
    tests.to_csv(tmp_path / "mann_whitney.csv", index=False)
    correctness = read_statistics(tmp_path / "correctness.csv").query("feature == 'union'")
    assert correctness["group"].tolist() == ["NA", "None"] * 2
    assert correctness["n"].tolist() == [2, 1] * 2
    tests = read_statistics(tmp_path / "mann_whitney.csv").query("feature == 'union'")
    assert tests[["model", "method", "first", "second"]].drop_duplicates().to_numpy().tolist() == [
        ["NaN", "null", "NA", "None"]
    ]
