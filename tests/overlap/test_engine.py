"""The overlap engine: every intersection and union is the pixel's, at every threshold, in coarse and in fine maps."""

import math
from collections.abc import Sequence

import brute_force
import numpy as np
import pytest
from dermalign.overlap.engine import (
    BINS,
    Curves,
    binned_curves,
    intersection_and_union,
    jaccard_index,
    overlap_curves,
    white_cells,
)
from engine_cases import FEW, FINE_KINDS, GRIDS, NAMES, THOUSANDTHS, THRESHOLDS, Picture, counted, pictures
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import jaccard_score

Arguments = tuple[np.ndarray, dict[str, np.ndarray], np.ndarray]


def arguments(drawn: Sequence[Picture]) -> Arguments:
    """Return what curves are computed from: maps, mask cells and sizes."""
    grid: tuple[int, int] = drawn[0].saliency.shape  # type: ignore[assignment]
    cells = [counted(picture, [grid]).cells[grid] for picture in drawn]
    return (
        np.stack([picture.saliency for picture in drawn]),
        {name: np.stack([of[name] for of in cells]) for name in NAMES},
        np.array([picture.size for picture in drawn]),
    )


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_every_count_is_the_pixels(data: st.DataObject) -> None:
    drawn = data.draw(pictures(data.draw(GRIDS)))
    curves = overlap_curves(*arguments(drawn))
    for name in NAMES:
        before = None
        for threshold in THRESHOLDS:
            found = intersection_and_union(curves, name, float(threshold))
            expected = [
                brute_force.intersection_and_union(picture.saliency, picture.white[name], threshold)
                for picture in drawn
            ]
            np.testing.assert_array_equal(np.transpose(found), expected)
            assert all(counts.dtype == np.int64 for counts in found)
            assert (found[0] >= 0).all()
            assert (found[0] <= found[1]).all()
            # A higher threshold never makes more white.
            assert before is None or all((now <= then).all() for now, then in zip(found, before, strict=True))
            before = found


def test_threshold_and_map_are_compared_as_float32() -> None:
    # float32(0.1) is above 0.1, float32(0.3) is above 0.3, float32(0.7) below 0.7: in float64 they would differ.
    for threshold in (0.1, 0.3, 0.7):
        on = np.float32(threshold)
        saliency = np.array([[[np.nextafter(on, np.float32(0)), on, np.nextafter(on, np.float32(1))]]])
        given_cells = {"union": np.ones((1, 1, 3), dtype=np.uint32)}, np.array([(3, 1)])
        curves = overlap_curves(saliency, *given_cells)
        intersection, union = intersection_and_union(curves, "union", threshold)
        assert (intersection.tolist(), union.tolist()) == ([1], [3])
        binned = binned_curves(saliency, *given_cells)
        column = round(threshold * 1000)
        assert (binned.area[0, column], binned.intersection["union"][0, column]) == (1, 1)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_jaccard_is_scikit_learns(data: st.DataObject) -> None:
    (picture,) = data.draw(pictures(data.draw(GRIDS), st.just(1)))
    curves = overlap_curves(*arguments([picture]))
    for name, mask in picture.white.items():
        if mask.any():
            for threshold in ("0.000", "0.300", "0.500"):
                (found,) = jaccard_index(*intersection_and_union(curves, name, float(threshold)))
                white = brute_force.thresholded(picture.saliency, *picture.size, threshold)
                assert math.isclose(found, jaccard_score(mask.ravel(), white.ravel()), rel_tol=1e-15)


# Fine maps: bins instead of steps


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_bins_hold_the_pixels_counts_at_all_thousandths(data: st.DataObject) -> None:
    # Grids of up to 30 x 30 on pictures of 1 to 70 pixels a side: many maps are larger than their picture.
    drawn = data.draw(pictures(data.draw(GRIDS), st.integers(1, 2), FINE_KINDS))
    curves = binned_curves(*arguments(drawn))
    assert curves.levels is None
    assert list(curves.intersection) == NAMES
    for row, picture in enumerate(drawn):
        white = np.stack([brute_force.thresholded(picture.saliency, *picture.size, t) for t in THOUSANDTHS])
        np.testing.assert_array_equal(curves.area[row], white.sum(axis=(1, 2)))
        for name, mask in picture.white.items():
            np.testing.assert_array_equal(curves.intersection[name][row], (white & mask).sum(axis=(1, 2)))


def at_thousandths(curves: Curves) -> list[np.ndarray]:
    """Return what steps say in each bin: |A| and, by feature, |A and B|, each (n, 1001)."""
    assert curves.levels is not None
    columns = np.stack([white_cells(curves.levels, float(threshold)) for threshold in THOUSANDTHS], axis=1)
    return [np.take_along_axis(of, columns, axis=1) for of in (curves.area, *curves.intersection.values())]


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_bins_say_what_steps_say(data: st.DataObject) -> None:
    given_maps = arguments(data.draw(pictures(data.draw(GRIDS), FEW, FINE_KINDS)))
    binned = binned_curves(*given_maps)
    found = [binned.area, *binned.intersection.values()]
    for bins, steps in zip(found, at_thousandths(overlap_curves(*given_maps)), strict=True):
        assert bins.dtype == np.int64
        np.testing.assert_array_equal(bins, steps)


@pytest.mark.parametrize("number", [0, 1, 2, 299, 300, 301, 500, 999, 1000])
def test_a_value_on_a_threshold_is_black_from_there_on(number: int) -> None:
    on = np.float32(THOUSANDTHS[number])
    for value, first_black in (
        (on, number),
        (np.nextafter(on, np.float32(1)), min(number + 1, 1000)),
        (np.nextafter(on, np.float32(0)), number),
    ):
        curves = binned_curves(np.full((1, 2, 2), value), {"union": np.ones((1, 2, 2))}, np.array([(8, 8)]))
        # At 0 everything is white, whatever the map.
        assert np.count_nonzero(curves.area[0]) == max(first_black, 1)
        assert curves.area[0, 0] == 64


@pytest.mark.parametrize(("compute", "columns"), [(overlap_curves, 13), (binned_curves, BINS)])
def test_no_pictures_give_curves_without_rows(compute: type, columns: int) -> None:
    cells = {"union": np.zeros((0, 3, 4), dtype=np.uint32)}
    curves = compute(np.zeros((0, 3, 4), np.float32), cells, np.zeros((0, 2), dtype=np.int64))
    assert curves.area.shape == curves.intersection["union"].shape == (0, columns)
