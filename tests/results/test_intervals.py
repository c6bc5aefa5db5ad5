"""Bootstrap intervals: those of SciPy, of lesions rather than pictures, and as wide as they say."""

import tracemalloc

import numpy as np
import pytest
from bootstrap_bounds import shares
from dermalign.results.intervals import clusters_of, mean_intervals, tails
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import bootstrap, norm


def test_bounds_are_those_of_scipys_percentile_bootstrap() -> None:
    values = np.random.default_rng(3).random(80) ** 3
    (found,) = mean_intervals(values[None], np.arange(80), seed=1)
    low, high = shares(range(80))
    theirs = bootstrap(
        *((values,), np.mean),
        method="percentile",
        confidence_level=high - low,
        n_resamples=10_000,
        rng=np.random.default_rng(7),
    )
    spread = values.std(ddof=1) / np.sqrt(80)  # bounds of other resamples differ by some hundredths of it
    np.testing.assert_allclose(found, theirs.confidence_interval, atol=0.06 * spread)


def test_lesions_are_resampled_with_all_their_pictures() -> None:
    random = np.random.default_rng(5)
    of_lesion = random.random(40)
    sizes = random.integers(1, 6, 40)
    clusters = np.repeat(np.arange(40), sizes)
    values = np.repeat(of_lesion, sizes)
    (found,) = mean_intervals(values[None], clusters, seed=1)

    def mean_of(lesions: np.ndarray) -> float:
        return float(np.concatenate([values[clusters == lesion] for lesion in lesions]).mean())

    plain = [mean_of(random.integers(0, 40, 40)) for _ in range(3_000)]
    np.testing.assert_allclose(found, np.quantile(plain, shares(clusters)), atol=0.012)
    (by_picture,) = mean_intervals(values[None], np.arange(values.size), seed=1)
    assert np.diff(by_picture) < 0.8 * np.diff(found)  # which would promise too much


def test_95_of_100_intervals_hold_the_mean() -> None:
    random = np.random.default_rng(11)
    held = 0
    for _ in range(400):
        values = random.beta(0.8, 6, 150)  # as skewed as Jaccard indices are
        ((low, high),) = mean_intervals(values[None], np.arange(150), seed=2, resamples=800)
        held += low <= 0.8 / 6.8 <= high
    assert abs(held / 400 - 0.95) < norm.ppf(0.9999) * np.sqrt(0.95 * 0.05 / 400)


@pytest.mark.parametrize("lesions", [20, 60])
@pytest.mark.parametrize("sizes", [[1], [1, 2, 3, 8]])
def test_intervals_of_few_lesions_hold_the_mean_as_often(lesions: int, sizes: list[int]) -> None:
    random = np.random.default_rng(lesions)
    held = 0
    for _ in range(1_000):
        clusters = np.repeat(np.arange(lesions), random.choice(sizes, lesions))
        # Mean 0.2 whatever the size; of the variance nine tenths are the lesions'.
        j = 0.2 + 0.09 * random.standard_normal(lesions)[clusters] + 0.03 * random.standard_normal(clusters.size)
        ((low, high),) = mean_intervals(j[None], clusters, seed=2, resamples=500)
        held += low <= 0.2 <= high
    assert 930 <= held <= 970


@settings(max_examples=100)
@given(clusters=st.lists(st.integers(0, 8), max_size=40))
def test_bounds_are_expanded_percentiles(clusters: list[int]) -> None:
    expected = shares(clusters) if len(set(clusters)) > 1 else (0, 1)
    np.testing.assert_allclose(tails(np.array(clusters, dtype=np.intp)), expected, atol=1e-12)


def test_of_many_lesions_bounds_are_the_percentiles_2_5_and_97_5() -> None:
    np.testing.assert_allclose(tails(np.arange(100_000)), [0.025, 0.975], atol=1e-5)


def test_rows_share_resamples_and_seeds_tell_them_apart() -> None:
    values = np.random.default_rng(0).random((3, 50))
    together = mean_intervals(values, np.arange(50), seed=1)
    np.testing.assert_array_equal(together[1], mean_intervals(values[1:2], np.arange(50), seed=1)[0])
    np.testing.assert_allclose(mean_intervals(values + 1, np.arange(50), seed=1), together + 1, rtol=1e-12)
    assert (mean_intervals(values, np.arange(50), seed=2) != together).all()


def test_memory_is_bounded_and_resamples_repeat_where_they_are_not_kept() -> None:
    """6,000 lesions: as floats all their resamples would be 480 MB, and kept they would be 60 MB."""
    values = np.random.default_rng(0).random((2, 6_000))
    tracemalloc.start()
    first = mean_intervals(values, np.arange(6_000), seed=1)
    now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 60e6 and now < 5e6
    np.testing.assert_array_equal(mean_intervals(values, np.arange(6_000), seed=1), first)


@pytest.mark.parametrize(("count", "lesions"), [(0, 0), (1, 1), (5, 1)])
def test_of_fewer_than_two_lesions_there_is_no_interval(count: int, lesions: int) -> None:
    found = mean_intervals(np.full((4, count), 0.5), np.zeros(count, dtype=np.intp), seed=1)
    assert found.shape == (4, 2) and np.isnan(found).all()
    assert np.isfinite(mean_intervals(np.full((1, 2), 0.5), np.arange(2), seed=1)).all()


def test_equal_values_have_an_interval_of_no_width() -> None:
    np.testing.assert_array_equal(mean_intervals(np.full((2, 9), 0.25), np.arange(9), seed=1), 0.25)


def test_pictures_of_unknown_lesions_are_their_own() -> None:
    lesions = {"a_downsampled": "x", "b": "x", "d": "c"}
    assert clusters_of(["a", "b", "c", "d"], lesions).tolist() == [0, 0, 1, 2]
    assert clusters_of([], lesions).tolist() == []
    # Two names of one photograph are one lesion, known or not.
    assert clusters_of(["x", "A.jpg", "X_downsampled", "y"], {"a": "x", "Y": "x"}).tolist() == [0, 1, 0, 1]


@settings(max_examples=30, deadline=None)
@given(clusters=st.lists(st.integers(0, 5), min_size=2, max_size=12), seed=st.integers(0, 2**32 - 1))
def test_bounds_are_means_that_can_be(clusters: list[int], seed: int) -> None:
    numbers = np.unique(clusters, return_inverse=True)[1]
    values = np.linspace(0, 1, len(clusters))
    ((low, high),) = mean_intervals(values[None], numbers, seed, resamples=200)
    if numbers.max() == 0:
        assert np.isnan([low, high]).all()
    else:
        assert 0 <= low <= high <= 1
