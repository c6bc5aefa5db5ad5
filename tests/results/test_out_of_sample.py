"""Thresholds chosen on some lesions and J reported on the others, against loops over folds and pictures."""

import numpy as np
import pytest
from dermalign.overlap.shards import Shards
from dermalign.results.intervals import clusters_of, mean_intervals
from dermalign.results.out_of_sample import folds_of, out_of_fold, out_of_sample_statistics
from hypothesis import given
from hypothesis import strategies as st

GRID = ["0.000", "0.300", "0.600", "1.000"]


def shards_of(n: int, seed: int) -> Shards:
    random = np.random.default_rng(seed)
    intersection = random.integers(0, 60, (len(GRID), n)).astype(np.int64)
    return Shards(
        [f"ISIC_{number:07d}" for number in range(n)], GRID, intersection, np.full_like(intersection, 60), np.arange(n)
    )


@given(st.integers(2, 40), st.integers(2, 10), st.integers(0, 2**32 - 1))
def test_folds_are_of_nearly_one_size(lesions: int, folds: int, seed: int) -> None:
    sizes = np.bincount(folds_of(lesions, min(folds, lesions), np.random.default_rng(seed)))
    assert sizes.sum() == lesions and sizes.max() - sizes.min() <= 1 and len(sizes) == min(folds, lesions)


@given(st.integers(2, 12), st.integers(2, 4), st.integers(0, 2**32 - 1))
def test_every_picture_has_the_threshold_that_is_best_for_the_lesions_of_other_folds(
    lesions: int, folds: int, seed: int
) -> None:
    random = np.random.default_rng(seed)
    clusters = np.concatenate([np.arange(lesions), random.integers(0, lesions, 5)])
    jaccard = random.choice([0, 0.25, 0.5], (3, clusters.size))  # ties are many
    fold = folds_of(lesions, min(folds, lesions), random)
    found, chosen = out_of_fold(jaccard, clusters, fold)
    for picture, lesion in enumerate(clusters):
        others = [other for other in range(clusters.size) if fold[clusters[other]] != fold[lesion]]
        means = [float(sum(row[others])) for row in jaccard]
        best = means.index(max(means))
        assert chosen[fold[lesion]] == best
        assert found[picture] == jaccard[best, picture]


def test_the_table_has_the_mean_over_repeats_and_the_optimism() -> None:
    shards = {"streaks": shards_of(15, 0), "union": shards_of(40, 1)}
    lesions = {f"ISIC_{number:07d}": f"L{number // 3}" for number in range(30)}
    table = out_of_sample_statistics("plain", "gradcam", shards, lesions, 7, folds=5, repeats=3)
    for row in table.to_dict("records"):
        of = shards[row["feature"]]
        clusters = clusters_of(of.images, lesions)
        count = clusters.max() + 1
        random = np.random.default_rng([7, count])
        found = [out_of_fold(of.jaccard, clusters, folds_of(count, 5, random)) for _ in range(3)]
        held_out = np.mean([values for values, _ in found], axis=0)
        best = int(of.jaccard.mean(axis=1).argmax())
        assert (row["n"], row["lesions"], row["folds"], row["repeats"]) == (len(of.images), count, 5, 3)
        assert row["threshold"] == GRID[best] and row["j_in_sample"] == pytest.approx(of.jaccard[best].mean())
        assert row["j_out_of_sample"] == pytest.approx(held_out.mean())
        assert row["optimism"] == pytest.approx(row["j_in_sample"] - row["j_out_of_sample"])
        assert [row["low"], row["high"]] == mean_intervals(held_out[None], clusters, 7)[0].tolist()
        times = np.bincount(np.concatenate([rows for _, rows in found]), minlength=4)
        assert row["most_chosen"] == GRID[times.argmax()] and row["most_chosen_share"] == times.max() / 15


def test_what_is_chosen_among_noise_is_worth_less_elsewhere() -> None:
    """Where no threshold is better than another, the best of many is so by accident: all of its gain is optimism."""
    random = np.random.default_rng(3)
    grid = [f"{number / 100:.3f}" for number in range(100)]
    optimism = []
    for _ in range(20):
        intersection = random.integers(0, 60, (100, 30)).astype(np.int64)
        images = [f"ISIC_{number:07d}" for number in range(30)]
        shards = Shards(images, grid, intersection, np.full_like(intersection, 60), np.arange(30))
        (row,) = out_of_sample_statistics("a", "b", {"union": shards}, {}, 1).to_dict("records")
        optimism.append(row["optimism"])
        assert row["j_in_sample"] > shards.jaccard.mean()
    assert np.mean(optimism) > 0.05


def test_without_two_lesions_nothing_can_be_held_out() -> None:
    shards = {"none": shards_of(0, 0), "union": shards_of(4, 1)}
    one = dict.fromkeys(shards["union"].images, "L")
    table = out_of_sample_statistics("plain", "gradcam", shards, one, 7)
    assert table["lesions"].tolist() == [0, 1]
    assert table["j_out_of_sample"].isna().all() and table["optimism"].isna().all() and table["low"].isna().all()
    assert table["threshold"].isna().tolist() == [True, False]
