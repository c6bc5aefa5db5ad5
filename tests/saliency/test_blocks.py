"""Blocks of maps: how many are held in memory."""

import pytest
from dermalign.saliency.blocks import FINE_CELLS, rows_in_memory
from hypothesis import given
from hypothesis import strategies as st


@given(st.integers(1, 10**7))
def test_so_many_maps_are_held_that_their_cells_fit(cells: int) -> None:
    rows = rows_in_memory(cells)
    assert 1 <= rows <= 256
    assert rows == 1 or rows * cells <= 256 * FINE_CELLS
    assert rows == 256 or (rows + 1) * cells > 256 * FINE_CELLS
    assert rows_in_memory(cells + 1) <= rows


@pytest.mark.parametrize(("cells", "rows"), [(1, 256), (28 * 28, 256), (4096, 256), (4097, 255), (450 * 450, 5)])
def test_coarse_maps_are_held_256_at_a_time(cells: int, rows: int) -> None:
    assert rows_in_memory(cells) == rows
    assert FINE_CELLS == 4096  # design, section 3
