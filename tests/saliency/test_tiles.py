"""One range for each tile of a map: by its definition."""

from pathlib import Path

import numpy as np
import pytest
from dermalign.saliency.tiles import tile_edges, tiles
from hypothesis import given, settings
from hypothesis import strategies as st
from map_cases import RAW, check_refused, gathered, made, predictions, read


@settings(max_examples=60, deadline=None)
@given(raw=RAW, data=st.data())
def test_each_tile_is_stretched_by_itself(
    tmp_path_factory: pytest.TempPathFactory, raw: np.ndarray, data: st.DataObject
) -> None:
    count = data.draw(st.integers(1, min(raw.shape[1:])))
    found = made(tiles, gathered(tmp_path_factory.mktemp("tiles"), raw), tiles=count)
    np.testing.assert_array_equal(found["raw"], raw)
    heights, widths = set(), set()
    for row in range(len(raw)):
        covered = 0
        # The definition, with another way of cutting: which tile each cell lies in.
        tile_of = [
            np.searchsorted(np.arange(1, count) * cells // count, np.arange(cells), side="right")
            for cells in raw.shape[1:]
        ]
        for i in range(count):
            for j in range(count):
                here = np.ix_(tile_of[0] == i, tile_of[1] == j)
                tile, out = raw[row][here].astype(np.float64), found["saliency"][row][here]
                span = tile.max() - tile.min()
                expected = (tile - tile.min()) / span if span else np.zeros(tile.shape)
                np.testing.assert_array_equal(out, expected.astype(np.float32))
                covered += tile.size
                heights.add(tile.shape[0])
                widths.add(tile.shape[1])
        assert covered == raw[row].size
    assert max(heights) - min(heights) <= 1 and max(widths) - min(widths) <= 1
    np.testing.assert_array_equal(found["degenerate"], ~found["saliency"].any(axis=(1, 2)))


def test_one_tile_gives_the_maps_of_the_source(tmp_path: Path) -> None:
    raw = np.random.default_rng(0).random((5, 7, 4), dtype=np.float32)
    raw[2] = 0.25
    maps = gathered(tmp_path, raw)
    found = made(tiles, maps, tiles=1)
    for name, values in read(maps).items():
        np.testing.assert_array_equal(found[name], values)


def test_predictions_are_the_classifiers(tmp_path: Path) -> None:
    maps = gathered(tmp_path, np.random.default_rng(0).random((3, 4, 4), dtype=np.float32))
    made(tiles, maps, tiles=2)
    assert predictions(tmp_path / "out.h5") == predictions(maps)
    assert list(predictions(maps).values()) == ["MEL", "NV", "MEL"]


@pytest.mark.parametrize(("count", "words"), [(0, "from 1 to 4"), (5, "from 1 to 4, the cells along a side")])
def test_a_number_of_tiles_out_of_range_is_named(tmp_path: Path, count: int, words: str) -> None:
    check_refused(tiles, tmp_path, f"tiles: must be {words}", tiles=count)


@given(st.integers(1, 100), st.data())
def test_edges_begin_at_0_and_end_with_the_axis(cells: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(1, cells))
    edges = tile_edges(cells, count)
    assert (edges[0], edges[-1], len(edges)) == (0, cells, count + 1)
    assert set(np.diff(edges)) <= {cells // count, cells // count + 1}
