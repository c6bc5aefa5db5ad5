"""Cohen's kappa against scikit-learn, and its interval against a loop over resamples."""

import warnings

import numpy as np
import pytest
from bootstrap_bounds import shares
from dermalign.results.intervals import clusters_of, resampled_lesions
from dermalign.results.kappa import cohen_kappa
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

CATEGORIES = st.sampled_from(["MEL", "NV", "BCC"])


def of_sklearn(first: list[str], second: list[str]) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # where it divides 0 by 0
        return float(cohen_kappa_score(first, second))


@settings(max_examples=100, deadline=None)
@given(pairs=st.lists(st.tuples(CATEGORIES, CATEGORIES), min_size=1, max_size=12))
def test_it_is_the_one_of_scikit_learn(pairs: list[tuple[str, str]]) -> None:
    first, second = map(list, zip(*pairs, strict=True))
    found = cohen_kappa(first, second, np.zeros(len(pairs), dtype=np.intp), seed=1)
    assert found.kappa == pytest.approx(of_sklearn(first, second), nan_ok=True, abs=1e-12)
    assert np.isnan(found.low) and np.isnan(found.high)  # one lesion has no spread


def test_it_is_undefined_without_two_categories() -> None:
    for pairs in ([], ["NV"], [True, True, True]):
        found = cohen_kappa(pairs, pairs, np.arange(len(pairs)), seed=1)
        assert np.isnan([found.kappa, found.low, found.high]).all()
    # One reader who says the same of all agrees by chance alone.
    assert cohen_kappa([True, True], [True, False], np.arange(2), seed=1).kappa == 0


def test_the_interval_resamples_lesions() -> None:
    random = np.random.default_rng(5)
    images = [f"p{number}" for number in range(14)]
    lesions = {"p0": "a", "p1": "a", "p2": "a", "p3": "b", "p4": "b"}
    first = random.choice(["MEL", "NV"], 14).tolist()
    second = [name if random.random() < 0.7 else "NV" for name in first]
    clusters = clusters_of(images, lesions)
    found = cohen_kappa(first, second, clusters, seed=3)
    values = []
    for times in np.concatenate(list(resampled_lesions(11, 3))):
        repeated = [place for place, cluster in enumerate(clusters) for _ in range(times[cluster])]
        table = np.zeros((2, 2))
        for place in repeated:
            table[int(first[place] == "NV"), int(second[place] == "NV")] += 1
        table /= table.sum()
        by_chance = table.sum(axis=0) @ table.sum(axis=1)
        values.append((np.trace(table) - by_chance) / (1 - by_chance) if by_chance < 1 else np.nan)
    assert np.isnan(values).any()  # of a resample of one class only
    bounds = np.nanquantile(values, shares(clusters))
    assert (found.low, found.high) == pytest.approx(tuple(bounds))
    assert found.low < found.kappa < found.high
