"""Grids: every pixel belongs to one cell, the one whose value it gets when a map is scaled up."""

import brute_force
import numpy as np
import pytest
from dermalign.saliency.grids import cell_areas, cell_edges, grid_name
from engine_cases import GRIDS, SIDES
from hypothesis import given, settings
from hypothesis import strategies as st


@settings(max_examples=300, deadline=None)
@given(grid=GRIDS, width=SIDES, height=SIDES)
def test_cells_cover_every_pixel_once(grid: tuple[int, int], width: int, height: int) -> None:
    areas = cell_areas(grid, width, height)
    np.testing.assert_array_equal(areas, brute_force.cell_counts(np.ones((height, width), dtype=bool), grid))
    assert areas.sum() == width * height
    assert areas.dtype == np.int64


@settings(max_examples=200, deadline=None)
@given(cells=st.integers(1, 512), pixels=st.integers(1, 20_000))
def test_edges_are_those_of_a_row_scaled_up(cells: int, pixels: int) -> None:
    edges = cell_edges(cells, pixels)
    assert edges.shape == (cells + 1,)
    assert edges[0] == 0
    assert edges[-1] == pixels
    assert (np.diff(edges) >= 0).all()
    row = brute_force.scaled_up(np.arange(cells, dtype=np.float32)[np.newaxis], pixels, 1)[0]
    np.testing.assert_array_equal(np.repeat(np.arange(cells), np.diff(edges)), row)


def test_edges_that_are_shared_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        cell_edges(8, 100)[0] = 1


def test_grids_are_named_by_rows_and_columns() -> None:
    assert grid_name((28, 7)) == "28x7"
