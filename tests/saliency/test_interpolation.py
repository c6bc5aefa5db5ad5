"""Bilinear interpolation against Pillow's."""

import numpy as np
from dermalign.saliency.interpolation import bilinear_weights
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image


@settings(max_examples=100, deadline=None)
@given(
    rows=st.integers(1, 12),
    columns=st.integers(1, 12),
    more=st.tuples(st.integers(0, 60), st.integers(0, 60)),
    seed=st.integers(0, 9),
)
def test_scaling_up_is_pillow_s(rows: int, columns: int, more: tuple[int, int], seed: int) -> None:
    cells = np.random.default_rng(seed).normal(size=(rows, columns)).astype(np.float32)
    height, width = rows + more[0], columns + more[1]
    found = bilinear_weights(rows, height) @ cells @ bilinear_weights(columns, width).T
    expected = Image.fromarray(cells, mode="F").resize((width, height), Image.Resampling.BILINEAR)
    np.testing.assert_allclose(found, np.asarray(expected), rtol=1e-4, atol=1e-5)


@given(cells=st.integers(1, 40), pixels=st.integers(1, 200))
def test_a_pixel_is_between_two_neighbours(cells: int, pixels: int) -> None:
    weights = bilinear_weights(cells, pixels)
    assert (weights.shape, weights.dtype) == ((pixels, cells), np.float32)
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-6)
    assert weights.min() >= 0
    for row in weights:
        (of_it,) = np.nonzero(row)
        assert len(of_it) <= 2 and of_it[-1] - of_it[0] <= 1
    # The same from either end.
    np.testing.assert_allclose(weights[::-1, ::-1], weights, atol=1e-5)


def test_as_many_pixels_as_cells_are_the_cells() -> None:
    for cells in (1, 2, 7):
        np.testing.assert_array_equal(bilinear_weights(cells, cells), np.eye(cells))


def test_a_cell_of_two_pixels_by_hand() -> None:
    np.testing.assert_array_equal(
        bilinear_weights(3, 6),
        np.array([[4, 0, 0], [3, 1, 0], [1, 3, 0], [0, 3, 1], [0, 1, 3], [0, 0, 4]]) / 4,
    )
