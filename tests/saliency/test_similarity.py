"""How alike two maps are: against SciPy, scikit-image, and windows counted by hand."""

import numpy as np
import pytest
from dermalign.errors import InputError
from dermalign.saliency.similarity import rank_correlation, similarity, ssim, ssim_window
from scipy.stats import spearmanr
from skimage.metrics import structural_similarity

RANDOM = np.random.default_rng(4)


@pytest.mark.parametrize("levels", [2, 3, 10, 10_000])
def test_rank_correlation_is_scipy_s(levels: int) -> None:
    for shape in ((4, 4), (8, 7), (28, 28), (64, 60)):
        one = RANDOM.integers(0, levels, shape) / levels
        other = one + RANDOM.integers(0, levels, shape) / levels
        expected = spearmanr(one.ravel(), other.ravel()).statistic
        assert rank_correlation(one, other) == pytest.approx(expected, abs=1e-12)
        assert rank_correlation(one, -other) == pytest.approx(-expected, abs=1e-12)


def test_equal_maps_are_alike_to_the_last_bit_whatever_their_scale() -> None:
    for shape in ((3, 3), (4, 4), (8, 8), (28, 28), (64, 64)):
        raw = RANDOM.random((1, *shape)).astype(np.float32) * np.float32(1e-12)
        assert similarity(raw, raw.copy()) == (1.0, 1.0)
        assert similarity(raw, np.sqrt(raw))[0] == 1.0


def by_hand(one: np.ndarray, other: np.ndarray, side: int) -> float:
    """The mean over all windows that lie in the map; Wang et al. 2004, equation 13, variances divided by n - 1."""
    first, second = 0.01**2, 0.03**2
    found = []
    for row in range(one.shape[0] - side + 1):
        for column in range(one.shape[1] - side + 1):
            a, b = (each[row : row + side, column : column + side].ravel() for each in (one, other))
            ((of_a, both), (_, of_b)) = np.cov(a, b)
            means = (2 * a.mean() * b.mean() + first) / (a.mean() ** 2 + b.mean() ** 2 + first)
            found.append(means * (2 * both + second) / (of_a + of_b + second))
    return float(np.mean(found))


@pytest.mark.parametrize(
    ("shape", "side"), [((28, 28), 7), ((8, 8), 7), ((9, 7), 7), ((7, 6), 5), ((4, 4), 3), ((3, 9), 3)]
)
def test_ssim_is_that_of_windows_that_fit(shape: tuple[int, int], side: int) -> None:
    one, other = RANDOM.random((2, *shape)).astype(np.float32)
    assert ssim_window(shape) == side
    exact = one.astype(np.float64), other.astype(np.float64)
    assert ssim(one, other) == pytest.approx(by_hand(*exact, side), abs=1e-12)
    assert ssim(one, other) == structural_similarity(*exact, win_size=side, data_range=1.0)


def test_maps_are_compared_stretched() -> None:
    one, other = RANDOM.random((2, 1, 9, 9)).astype(np.float32)
    expected = similarity(one, other)
    assert similarity(40 * one + 3, other / 7)[0] == pytest.approx(expected[0], abs=1e-6)
    assert similarity(40 * one + 3, other / 7)[1] == pytest.approx(expected[1], abs=1e-5)
    (low, high), values = (one.min(), one.max()), other[0]
    stretched = (values - values.min()) / (values.max() - values.min())
    assert expected[1] == pytest.approx(by_hand((one[0] - low) / (high - low), stretched, 7), abs=1e-5)


def test_a_constant_map_is_like_none_and_small_maps_have_no_ssim() -> None:
    maps = RANDOM.random((1, 8, 8)).astype(np.float32)
    for constant in (np.zeros_like(maps), np.full_like(maps, 7)):
        assert np.isnan(
            [*similarity(maps, constant), *similarity(constant, maps), *similarity(constant, constant)]
        ).all()
    for shape in ((2, 2), (1, 5), (2, 40)):
        one, other = RANDOM.random((2, 1, *shape)).astype(np.float32)
        correlation, structure = similarity(one, other)
        assert -1 <= correlation <= 1 and np.isnan(structure) and ssim_window(shape) is None
    with pytest.raises(InputError, match="not finite"):
        similarity(maps, np.full_like(maps, np.inf))
