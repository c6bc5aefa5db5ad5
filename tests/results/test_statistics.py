"""Statistics: equal to SciPy's, scikit-learn's and the ISIC challenge's own, and defined where groups are empty."""

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

import brute_force
import numpy as np
import pandas as pd
import pytest
from dermalign.overlap.engine import shard_text
from dermalign.results.statistics import (
    GROUP_BEST,
    UNION_BEST,
    Shards,
    best_threshold,
    comparisons,
    correctness_statistics,
    mann_whitney,
    mann_whitney_statistics,
    merge,
    read_shards,
    read_statistics,
    source_statistics,
    threshold_statistics,
)
from dermalign.study.groups import default_groups
from engine_cases import FEATURES, Picture, draw_map, draw_mask, run_engine
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from isic_challenge_scoring import task2
from PIL import Image
from scipy.stats import mannwhitneyu
from sklearn.metrics import f1_score, jaccard_score, precision_score, recall_score

NAMES = [*FEATURES, "union"]
MEL_NV = default_groups(["MEL", "NV"])
GROUPS = ["MEL-correct", "MEL-wrong", "NV-correct", "NV-wrong"]
# Few values make ties, as Jaccard indices of 0 do; the others are any float.
SAMPLES = st.lists(st.one_of(st.sampled_from([0.0, 0.1, 0.5, 1.0]), st.floats(0, 1)), min_size=1, max_size=40)


# The Mann-Whitney test


@settings(max_examples=300, deadline=None)
@given(first=SAMPLES, second=SAMPLES)
def test_mann_whitney_is_scipys(first: list[float], second: list[float]) -> None:
    assume(len(set(first + second)) > 1)
    expected = mannwhitneyu(first, second, use_continuity=True, alternative="two-sided", method="asymptotic")
    found = mann_whitney(np.array(first), np.array(second))
    assert found.u == expected.statistic
    assert found.p == pytest.approx(expected.pvalue, rel=1e-12, abs=1e-300)
    turned = mann_whitney(np.array(second), np.array(first))
    assert found.u + turned.u == len(first) * len(second)
    assert found.p == turned.p


@pytest.mark.parametrize("sizes", [(1, 1), (1, 400), (260, 90), (850, 1020)])
def test_mann_whitney_is_scipys_for_groups_as_large_as_the_papers(sizes: tuple[int, int]) -> None:
    random = np.random.default_rng(sum(sizes))
    first, second = (np.maximum(random.normal(mean, 0.2, n), 0) for mean, n in zip((0.1, 0.3), sizes, strict=True))
    expected = mannwhitneyu(first, second, use_continuity=True, alternative="two-sided", method="asymptotic")
    found = mann_whitney(first, second)
    assert found.u == expected.statistic
    assert found.p == pytest.approx(expected.pvalue, rel=1e-12, abs=0)


def test_mann_whitney_of_what_cannot_be_ranked() -> None:
    equal = mann_whitney(np.full(4, 0.5), np.full(3, 0.5))
    assert (equal.u, equal.p) == (6.0, 1.0)
    for first, second in ((0, 3), (3, 0), (0, 0)):
        empty = mann_whitney(np.zeros(first), np.zeros(second))
        assert np.isnan([empty.u, empty.p]).all()


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
        threshold_statistics("streaks", shards, evaluation).to_dict("records"), intersection / 50, strict=True
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
        found = threshold_statistics(name, read_shards({t: paths[name, t] for t in thresholds}), evaluation)
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
            (found,) = threshold_statistics(feature, shards, evaluation).to_dict("records")
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
    (found,) = threshold_statistics("union", read_shards({"1.000": paths["union", "1.000"]}), evaluation).to_dict(
        "records"
    )
    zeros = ("j_mean", "dice_mean", "precision_mean", "recall_mean", "j_ratio_of_sums", "recall_ratio_of_sums")
    assert [found[name] for name in zeros] == [0] * 6
    assert np.isnan(found["precision_ratio_of_sums"])


# Groups


def test_every_two_groups_are_compared() -> None:
    assert comparisons(["a", "b", "c"]) == [("a", "b"), ("a", "c"), ("b", "c")]


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
    tests = mann_whitney_statistics("streaks", shards, groups, GROUPS, "0.000").set_index(["at", "first", "second"])
    assert len(tests) == 2 * 6
    assert np.isnan(tests.loc[(UNION_BEST, "MEL-correct", "MEL-wrong")]["p"])
    pair = tests.loc[(GROUP_BEST, "MEL-correct", "NV-wrong")]
    assert (pair["first_threshold"], pair["second_threshold"]) == ("0.100", "0.000")
    assert (pair["n_first"], pair["n_second"], pair["u"]) == (2, 1, 0.0)


# Shards and whole sources


def write_shard(path: Path, rows: Mapping[str, tuple[int, int]]) -> Path:
    counts = np.array(list(rows.values()), dtype=np.int64).reshape(-1, 2)
    path.write_text(shard_text(list(rows), counts[:, 0], counts[:, 1]))
    return path


def test_shards_of_different_runs_are_refused(tmp_path: Path) -> None:
    first = write_shard(tmp_path / "0.000.csv", {"a": (1, 2), "b": (1, 3)})
    for rows in ({"a": (1, 2)}, {"b": (1, 3), "a": (1, 2)}, {"a": (1, 2), "c": (1, 3)}, {}):
        other = write_shard(tmp_path / "0.100.csv", rows)
        with pytest.raises(ValueError, match=r"0\.100\.csv is not of the pictures"):
            read_shards({"0.000": first, "0.100": other})
        with pytest.raises(ValueError, match="is not of the pictures"):
            read_shards({"0.000": other, "0.100": first})
    for counts in ((3, 2), (-1, 2), (0, 0)):
        impossible = write_shard(tmp_path / "0.100.csv", {"a": (1, 2), "b": (1, 3)})
        impossible.write_text(f"image,intersection,union,jaccard\na,1,2,0.5\nb,{counts[0]},{counts[1]},0.5\n")
        with pytest.raises(ValueError, match="counts that no mask can have"):
            read_shards({"0.000": first, "0.100": impossible})


def test_names_that_look_like_missing_values_are_names(tmp_path: Path) -> None:
    path = write_shard(tmp_path / "0.000.csv", {"NA": (1, 2), "nan": (1, 3), "1e5": (1, 4)})
    assert read_shards({"0.000": path}).images == ["NA", "nan", "1e5"]


def test_a_source_from_pixels_to_statistics(tmp_path: Path) -> None:
    pictures = drawn_pictures(13, 60, ["black", "box", "noise"])
    thresholds = ["0.000", "0.200", "0.400", "0.600", "0.800", "1.000"]
    random = np.random.default_rng(13)
    diagnoses = random.choice(["MEL", "NV"], len(pictures)).tolist()
    predicted = {picture.image: str(random.choice(["MEL", "NV", "BKL"])) for picture in pictures}
    paths = run_engine(tmp_path, [pictures[:11], pictures[11:]], thresholds)
    shards = {name: read_shards({t: paths[name, t] for t in thresholds}) for name in NAMES}
    evaluation = evaluation_of(pictures, diagnoses)
    found = source_statistics("vgg16", "grad_cam", shards, evaluation, predicted, MEL_NV)

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
    assert len(found.mann_whitney) == len(NAMES) * 2 * 6
    for row in found.mann_whitney.to_dict("records"):
        (_, first), (_, second) = (members(row["feature"], row[side], row["at"]) for side in ("first", "second"))
        expected = mannwhitneyu(first, second, use_continuity=True, alternative="two-sided", method="asymptotic")
        assert (row["n_first"], row["n_second"], row["u"]) == (len(first), len(second), expected.statistic)
        assert row["p"] == pytest.approx(expected.pvalue, rel=1e-12)


def test_a_feature_without_any_mask_has_rows_without_numbers(tmp_path: Path) -> None:
    shown = {"globules": np.full((8, 8), 255, dtype=np.uint8), "streaks": np.zeros((8, 8), dtype=np.uint8)}
    saliency = draw_map(np.random.default_rng(0), "any", (2, 2))
    pictures = [Picture(name, shown, saliency) for name in ("a", "b")]
    paths = run_engine(tmp_path, [pictures], ["0.000", "0.500"])
    shards = {name: read_shards({t: paths[name, t] for t in ("0.000", "0.500")}) for name in NAMES}
    found = source_statistics("m", "s", shards, evaluation_of(pictures), {"a": "NV", "b": "NV"}, MEL_NV)
    streaks = found.thresholds[found.thresholds["feature"] == "streaks"]
    assert streaks["n"].tolist() == [0, 0]
    assert streaks.drop(columns=["model", "method", "feature", "threshold", "n"]).isna().all(axis=None)
    best = found.best_thresholds.set_index("feature")
    assert best["n"].to_dict() == {"globules": 2, "streaks": 0, "union": 2}
    assert best["threshold"].isna().to_dict() == {"globules": False, "streaks": True, "union": False}
    assert (found.correctness.loc[found.correctness["feature"] == "streaks", "n"] == 0).all()
    assert found.mann_whitney["p"].isna().all()


def test_an_analysis_without_pictures_has_statistics_without_numbers(tmp_path: Path) -> None:
    shards = {name: read_shards({"0.000": write_shard(tmp_path / f"{name}.csv", {})}) for name in NAMES}
    found = source_statistics("m", "s", shards, evaluation_of(drawn_pictures(1, 1)), {}, MEL_NV)
    assert found.thresholds["n"].tolist() == [0, 0, 0]
    assert found.best_thresholds["n"].tolist() == [0, 0, 0] and found.best_thresholds["threshold"].isna().all()
    assert list(found.best_thresholds.columns) == list(found.thresholds.columns)


def test_draws_of_a_picture_count_as_their_mean(tmp_path: Path) -> None:
    random = np.random.default_rng(14)
    pictures = drawn_pictures(14, 5)
    draws = [{picture.image: draw_map(random, "any", (6, 5)) for picture in pictures} for _ in range(3)]
    thresholds = ["0.000", "0.400", "1.000"]
    paths = run_engine(tmp_path, [pictures[3:], pictures[:3]], thresholds, draws)
    evaluation = evaluation_of(pictures).set_index("image")
    shards = read_shards({t: paths["streaks", t] for t in thresholds})
    assert shards.images == [picture.image for picture in pictures]
    table = threshold_statistics("streaks", shards, evaluation)
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


def test_tables_come_back_as_they_were_written(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {
            "model": ["m", "None"],
            "method": "NA",
            "feature": "union",
            "threshold": ["0.300", None],
            "j_mean": [1 / 3, 0.1],
        }
    )
    table.to_csv(tmp_path / "a.csv", index=False)
    table.to_csv(tmp_path / "b.csv", index=False)
    merged = merge([tmp_path / "a.csv", tmp_path / "b.csv"])
    assert merged["model"].tolist() == ["m", "None"] * 2
    assert set(merged["method"]) == {"NA"}
    assert merged["threshold"].isna().tolist() == [False, True] * 2
    assert merged["threshold"][0] == "0.300"
    assert merged["j_mean"].tolist() == [1 / 3, 0.1] * 2
    pd.testing.assert_frame_equal(read_statistics(tmp_path / "a.csv"), merged[:2])
