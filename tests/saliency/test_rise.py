"""RISE: its masks against Pillow, its mean against the exact expectation, and when it stops."""

from typing import Any

import numpy as np
import pytest
from dermalign.classifiers.passes import AFTER_SOFTMAX
from dermalign.saliency.explaining import explain
from dermalign.saliency.network import Network
from dermalign.saliency.rise import BETWEEN, FEWEST, draw_masks, rise
from hypothesis import given, settings
from hypothesis import strategies as st
from pass_cases import Formula, linear, smooth_network
from PIL import Image
from scipy.special import softmax

RANDOM = np.random.default_rng(0)
SIZE = (10, 12)
PICTURE = RANDOM.integers(0, 256, (*SIZE, 3), dtype=np.uint8)
WEIGHTS = RANDOM.normal(size=(3, *SIZE, 3)) / 1000


def scaled_up(grid: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Pillow's bilinear interpolation of a grid (cells, cells), to one cell more than a picture has."""
    cells = len(grid)
    height, width = ((cells + 1) * -(-side // cells) for side in size)
    return np.asarray(Image.fromarray(grid.astype(np.float32), mode="F").resize((width, height), Image.BILINEAR))


# Masks


@settings(max_examples=30, deadline=None)
@given(
    size=st.tuples(st.integers(7, 40), st.integers(7, 40)),
    cells=st.integers(2, 7),
    kept=st.sampled_from([0.1, 0.5, 0.9]),
    seed=st.integers(0, 99),
)
def test_masks_are_grids_scaled_up_and_shifted_by_less_than_a_cell(
    size: tuple[int, int], cells: int, kept: float, seed: int
) -> None:
    masks = draw_masks(9, size, cells, kept, np.random.default_rng(seed))
    assert set(np.unique(masks.grids)) <= {0, 1} and masks.grids.shape == (9, cells, cells)
    for part in (slice(0, 9), slice(4, 6)):
        found = masks.pixels(part)
        assert (found.shape, found.dtype) == ((part.stop - part.start, *size), np.float32)
        assert found.min() >= 0 and found.max() <= 1 + 1e-6
        for mask, grid, (down, right) in zip(found, masks.grids[part], masks.shifts[part], strict=True):
            assert 0 <= down < -(-size[0] // cells) and 0 <= right < -(-size[1] // cells)
            expected = scaled_up(grid, size)[down : down + size[0], right : right + size[1]]
            assert expected.shape == size
            np.testing.assert_allclose(mask, expected, atol=1e-5)


def test_cells_are_kept_with_their_probability_and_all_shifts_are_drawn() -> None:
    for kept in (0.2, 0.5):
        masks = draw_masks(4000, SIZE, 3, kept, np.random.default_rng(1))
        deviation = np.sqrt(kept * (1 - kept) / 4000)
        assert np.abs(masks.grids.mean(axis=0) - kept).max() < 5 * deviation
        assert {tuple(shift) for shift in masks.shifts} == {(down, right) for down in range(4) for right in range(4)}
        # Each pixel is kept as often, wherever it is.
        assert np.abs(masks.pixels(slice(0, 4000)).mean(axis=0) - kept).max() < 5 * deviation


# Maps


def tried(masks: int, cells: int, kept: float, seed: int, score_of: Any) -> np.ndarray:
    """Return mask times score over `kept` of each mask, (masks, H, W); the map is their mean."""
    shown = draw_masks(masks, SIZE, cells, kept, np.random.default_rng(seed)).pixels(slice(0, masks)).astype(np.float64)
    scores = score_of(shown[..., None] * PICTURE)
    return shown * scores[:, None, None] / kept


def scores_of(pictures: np.ndarray) -> np.ndarray:
    """The score of the first class before the softmax."""
    return np.einsum("nhwc,hwc->n", pictures, WEIGHTS[0])


def probabilities_of(pictures: np.ndarray) -> np.ndarray:
    return softmax(np.einsum("nhwc,khwc->nk", pictures, WEIGHTS), axis=1)[:, 0]


@pytest.mark.parametrize("kept", [0.3, 0.5])
def test_the_map_is_the_mean_of_the_masks_weighted_by_the_scores(kept: float) -> None:
    for score, of in (("before_softmax", scores_of), (AFTER_SOFTMAX, probabilities_of)):
        network = Network(linear(WEIGHTS), score=score)
        found = rise(network, PICTURE, 0, np.random.default_rng(7), masks=50, cells=3, kept=kept)
        expected = tried(50, 3, kept, 7, of).mean(axis=0)
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5 * np.abs(expected).max())
        assert (found.shape, found.dtype) == (SIZE, np.float32)


@pytest.mark.parametrize(("cells", "kept"), [(3, 0.5), (4, 0.2)])
def test_of_a_linear_score_the_map_nears_its_expectation(cells: int, kept: float) -> None:
    """A mask is M = R G C, of grids G of independent cells and weights R and C, whose rows add up to 1, at a shift.

    Of a score that is the sum of a M over the pixels, the mean of M(p) sum_q a(q) M(q) over the grids is, with k kept,
    k^2 sum(a) + k (1 - k) (R R' a C' C)(p), since cells of one grid vary by k (1 - k) and no two of them together. The
    map's expectation is its mean over the shifts, over k.
    """
    contributions = (WEIGHTS[0] * PICTURE).sum(axis=-1)
    one_cell = np.eye(cells)[:, :, None]
    rows, columns = (
        np.stack([scaled_up(np.broadcast_to(cell, (cells, cells)), SIZE)[:, 0] for cell in one_cell], axis=1),
        np.stack([scaled_up(np.broadcast_to(cell.T, (cells, cells)), SIZE)[0] for cell in one_cell], axis=1),
    )
    down, right = (-(-side // cells) for side in SIZE)
    overlaps = [
        sum(weights[shift : shift + side] @ weights[shift : shift + side].T for shift in range(shifts)) / shifts
        for weights, side, shifts in ((rows, SIZE[0], down), (columns, SIZE[1], right))
    ]
    expected = kept * contributions.sum() + (1 - kept) * overlaps[0] @ contributions @ overlaps[1]
    masks = 3000
    found = rise(
        Network(linear(WEIGHTS), batch_size=500),
        PICTURE,
        0,
        np.random.default_rng(3),
        masks=masks,
        cells=cells,
        kept=kept,
    )
    errors = tried(masks, cells, kept, 3, scores_of).std(axis=0) / np.sqrt(masks)
    off = (found - expected) / errors
    assert np.abs(off).max() < 4.5 and np.sqrt((off**2).mean()) < 2
    # It tells pixels apart, beyond what chance would.
    assert np.ptp(expected) > 5 * errors.mean()


def test_draws_do_not_depend_on_batches_and_follow_the_seed() -> None:
    def made(batch_size: int, seed: int) -> np.ndarray:
        network = Network(linear(WEIGHTS), score=AFTER_SOFTMAX, batch_size=batch_size)
        return rise(network, PICTURE, 1, np.random.default_rng(seed), masks=40, cells=4)

    for batch_size in (1, 7, 40):
        np.testing.assert_allclose(made(batch_size, 5), made(32, 5), rtol=1e-5)
    np.testing.assert_array_equal(made(32, 5), made(32, 5))
    assert not np.allclose(made(32, 6), made(32, 5), rtol=1e-3)


def test_through_a_network_the_seed_alone_decides() -> None:
    model = smooth_network(SIZE)
    one, same, other = (explain(model, PICTURE[None], "rise", masks=20, seed=seed).raw for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.allclose(one, other, rtol=1e-3)
    assert one.shape == (1, *SIZE) and one.min() >= 0  # of probabilities, by default


# Stopping


def stopped(classifier: Formula, standard_error: float, masks: int = 2000) -> tuple[np.ndarray, int]:
    """Return the map and how many pictures the network was asked about, in batches of 32."""
    network = Network(classifier, score=AFTER_SOFTMAX, batch_size=20)
    before = sum(classifier.scored)
    found = rise(network, PICTURE, 0, np.random.default_rng(4), masks=masks, cells=3, standard_error=standard_error)
    return found, sum(classifier.scored) - before


def test_it_stops_at_the_standard_error_and_not_with_none() -> None:
    classifier = linear(WEIGHTS * 5)
    values = tried(2000, 3, 0.5, 4, lambda pictures: probabilities_of(5 * pictures))

    def share(count: int) -> float:
        errors = values[:count].std(axis=0, ddof=1) / np.sqrt(count)
        return float(np.sqrt((errors**2).mean()) / np.ptp(values[:count].mean(axis=0)))

    counts = []
    for wanted in (0.2, 0.12):
        count = next(count for count in range(FEWEST, 2000, BETWEEN) if share(count) <= wanted)
        found, asked = stopped(classifier, wanted)
        np.testing.assert_allclose(found, values[:count].mean(axis=0), rtol=1e-3)
        off = [np.abs(found - values[:each].mean(axis=0)).max() for each in (count, count - BETWEEN, count + BETWEEN)]
        assert off[0] < min(off[1:]) / 10
        assert asked == -(-count // 32) * 32
        counts.append(count)
    assert FEWEST <= counts[0] < counts[1]
    for wanted in (0, 1e-6):
        found, asked = stopped(classifier, wanted)
        assert asked == 2000
        np.testing.assert_allclose(found, values.mean(axis=0), rtol=1e-3)


def test_it_does_not_stop_before_the_error_can_be_told() -> None:
    """A standard error of 1 is reached at once; of a map that is the same everywhere it never is."""
    _, asked = stopped(linear(WEIGHTS * 5), 1)
    assert asked == -(-FEWEST // 32) * 32
    _, asked = stopped(linear(WEIGHTS * 5), 1, masks=60)
    assert asked == 64
    nothing = Formula(SIZE, lambda pictures: np.zeros((len(pictures), 1)), lambda pictures: pictures[:, None])
    network = Network(nothing, batch_size=20)
    found = rise(network, PICTURE, 0, np.random.default_rng(4), masks=200, standard_error=1)
    np.testing.assert_array_equal(found, np.zeros(SIZE))
    assert sum(nothing.scored) == 7 * 32
