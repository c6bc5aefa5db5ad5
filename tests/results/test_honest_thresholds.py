"""J out of sample and the paper's hypotheses: those of loops over folds and resamples."""

import numpy as np
import pandas as pd
import pytest
from bootstrap_bounds import shares
from dermalign.overlap.shards import Shards
from dermalign.results.hypotheses import CORRECTNESS, RESOLUTION, Explained, hypotheses
from dermalign.results.intervals import clusters_of, resampled_lesions
from dermalign.results.out_of_sample import folds_of, held_out, out_of_sample
from dermalign.results.statistics import best_threshold

THRESHOLDS = ["0.000", "0.300", "0.600", "1.000"]
IMAGES = [f"p{number:02d}" for number in range(36)]
LESIONS = {image: f"l{number // 2}" for number, image in enumerate(IMAGES[:24])}
SEED = 3


def shards(seed: int) -> dict[str, Shards]:
    random = np.random.default_rng(seed)
    intersection = random.integers(0, 60, (len(THRESHOLDS), len(IMAGES)))
    return {"union": Shards(IMAGES, THRESHOLDS, intersection, np.full_like(intersection, 100), np.arange(36))}


def best_row(jaccard: np.ndarray) -> int:
    name = best_threshold(THRESHOLDS, jaccard)
    assert name is not None
    return THRESHOLDS.index(name)


@pytest.mark.parametrize(("count", "folds"), [(25, 10), (4, 10), (10, 10), (2, 2)])
def test_folds_share_the_lesions_out_evenly(count: int, folds: int) -> None:
    dealt = folds_of(count, folds, SEED, 0)
    sizes = np.bincount(dealt)
    assert sizes.size == min(folds, count) and sizes.max() - sizes.min() <= 1 and sizes.sum() == count
    np.testing.assert_array_equal(dealt, folds_of(count, folds, SEED, 0))
    assert count < 5 or (dealt != folds_of(count, folds, SEED, 1)).any()


def test_out_of_sample_is_that_of_a_loop_and_no_lesion_is_split() -> None:
    (union,) = shards(1).values()
    clusters = clusters_of(IMAGES, LESIONS)
    expected: list[list[float]] = [[] for _ in IMAGES]
    chosen = []
    for repeat in range(3):
        fold = {image: int(folds_of(24, 5, SEED, repeat)[clusters[column]]) for column, image in enumerate(IMAGES)}
        assert all(fold[first] == fold[second] for first, second in zip(IMAGES[:24:2], IMAGES[1:24:2], strict=True))
        for left_out in range(5):
            others = [column for column, image in enumerate(IMAGES) if fold[image] != left_out]
            row = best_row(union.jaccard[:, others])
            chosen.append(row)
            for column, image in enumerate(IMAGES):
                if fold[image] == left_out:
                    expected[column].append(float(union.jaccard[row, column]))
    found, rows = held_out(union.jaccard, clusters, 5, 3, SEED)
    np.testing.assert_allclose(found, np.mean(expected, axis=1), rtol=1e-12)
    assert rows.ravel().tolist() == chosen and len(set(chosen)) > 1
    (row,) = out_of_sample("m", "s", {"union": union}, LESIONS, 5, 3, SEED, 200).to_dict("records")
    inside = union.jaccard[best_row(union.jaccard)].mean()
    assert row["j_in_sample"] == pytest.approx(inside)
    assert row["optimism"] == pytest.approx(inside - np.mean(expected)) and row["optimism"] > 0
    assert (row["n"], row["lesions"], row["folds"], row["repeats"]) == (36, 24, 5, 3)
    most = max(range(4), key=lambda place: (chosen.count(place), -place))
    assert (row["most_chosen"], row["chosen_share"]) == (THRESHOLDS[most], chosen.count(most) / 15)
    assert row["low"] < row["j_out_of_sample"] < row["high"]


def test_of_one_lesion_nothing_is_out_of_sample() -> None:
    found = out_of_sample("m", "s", shards(1), dict.fromkeys(IMAGES, "x"), 5, 3, SEED)
    assert found[["j_out_of_sample", "low", "high", "most_chosen"]].isna().all(axis=None)


def test_hypotheses_are_those_of_a_loop() -> None:
    random = np.random.default_rng(5)
    diagnoses = random.choice(["MEL", "NV"], 36).tolist()
    evaluation = pd.DataFrame({"image": IMAGES, "diagnosis": diagnoses})
    predicted = {image: str(random.choice(["MEL", "NV"])) for image in IMAGES}
    fine, coarse = shards(1), shards(2)
    sources = [
        Explained("a", "gradcam", (8, 8), True, "cam", coarse, predicted),
        Explained("b", "gradcam", (28, 28), True, "cam", fine, None),
        Explained("b", "other", (28, 28), False, "cam", fine, None),
        Explained("b", "layer", (14, 14), False, "cam", fine, None),
        # Of another method no resolution is compared: what is finer there may be better for another reason.
        Explained("b", "rise", (56, 56), False, "rise", fine, None),
    ]
    tests = pd.DataFrame(
        [["a", "gradcam", "union", "best of union", "NV-correct", "NV-wrong", 0.25]],
        columns=["model", "method", "feature", "at", "first", "second", "p"],
    )
    found = hypotheses(sources, evaluation, ["MEL", "NV"], LESIONS, SEED, tests, resamples=300)
    of_resolution = found[found["hypothesis"] == RESOLUTION]
    assert list(zip(of_resolution["first"], of_resolution["second"], strict=True)) == [
        ("b/gradcam 28x28", "a/gradcam 8x8"),
        ("b/gradcam 28x28", "b/layer 14x14"),
        ("b/other 28x28", "b/layer 14x14"),
    ]
    assert of_resolution["result"].tolist()[1:] == ["undecided"] * 2 and (of_resolution["difference"][1:] == 0).all()

    clusters = clusters_of(IMAGES, LESIONS)
    differences: dict[str, list[float]] = {"resolution": [], "MEL": [], "NV": []}
    for times in np.concatenate(list(resampled_lesions(24, SEED, 300))).tolist():
        columns = [column for column, lesion in enumerate(clusters) for _ in range(times[lesion])]
        means = [each["union"].jaccard[:, columns].mean(axis=1).max() for each in (fine, coarse)]
        differences["resolution"].append(means[0] - means[1])
        row = best_row(coarse["union"].jaccard[:, columns])
        for diagnosis in ("MEL", "NV"):
            sides = [
                [
                    coarse["union"].jaccard[row, column]
                    for column in columns
                    if diagnoses[column] == diagnosis and (predicted[IMAGES[column]] == diagnosis) == correct
                ]
                for correct in (True, False)
            ]
            if all(sides):
                differences[diagnosis].append(float(np.mean(sides[0]) - np.mean(sides[1])))
    correctness = found[found["hypothesis"] == CORRECTNESS].set_index("first")
    assert correctness.index.tolist() == ["MEL-correct", "NV-correct"]
    bounding = {"resolution": shares(clusters)}
    for diagnosis in ("MEL", "NV"):
        sides_of = [
            [
                clusters[column]
                for column, image in enumerate(IMAGES)
                if diagnoses[column] == diagnosis and (predicted[image] == diagnosis) == correct
            ]
            for correct in (True, False)
        ]
        bounding[diagnosis] = min(map(shares, sides_of))  # of the group that tells less
    rows = {
        "resolution": of_resolution.iloc[0],
        "MEL": correctness.loc["MEL-correct"],
        "NV": correctness.loc["NV-correct"],
    }
    for name, row in rows.items():
        expected = np.quantile(differences[name], bounding[name])
        np.testing.assert_allclose([row["low"], row["high"]], expected, atol=1e-11)
        assert row["difference"] == pytest.approx(row["j_first"] - row["j_second"])
        assert row["result"] == ("supported" if row["low"] > 0 else "contradicted" if row["high"] < 0 else "undecided")
    assert rows["NV"]["p"] == 0.25 and np.isnan(rows["MEL"]["p"])
    assert not len(hypotheses(sources[:1], evaluation, [], LESIONS, SEED, tests))


@pytest.mark.parametrize(("lift", "result"), [(30, "supported"), (-30, "contradicted")])
def test_an_interval_off_zero_decides(lift: int, result: str) -> None:
    (base,) = shards(1).values()
    lifted = Shards(IMAGES, THRESHOLDS, base.intersection + 30 + lift, base.union * 2, base.first)
    plain = Shards(IMAGES, THRESHOLDS, base.intersection + 30, base.union * 2, base.first)
    sources = [
        Explained("a", "gradcam", (8, 8), True, "cam", {"union": plain}, None),
        Explained("b", "gradcam", (9, 9), True, "cam", {"union": lifted}, None),
    ]
    found = hypotheses(sources, pd.DataFrame(), [], LESIONS, SEED, pd.DataFrame(), resamples=100)
    assert found["result"].tolist() == [result]
