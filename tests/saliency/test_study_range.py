"""One range for the study: by its definition, read block by block, in the layout that every later stage reads."""

from pathlib import Path

import numpy as np
import pytest
from dermalign.errors import InputError
from dermalign.saliency import maps as map_files
from dermalign.saliency.maps import open_maps, write_maps
from dermalign.saliency.stretching import stretch
from dermalign.saliency.study_range import raw_range, study_range
from hypothesis import given, settings
from hypothesis import strategies as st
from map_cases import RAW, check_refused, gathered, inputs_of, made


@settings(max_examples=60, deadline=None)
@given(raw=RAW, block=st.integers(1, 4))
def test_the_study_is_stretched_as_one_map(
    tmp_path_factory: pytest.TempPathFactory, raw: np.ndarray, block: int
) -> None:
    maps = gathered(tmp_path_factory.mktemp("study"), raw)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(map_files, "rows_in_memory", lambda cells: block)
        found = made(study_range, maps)
    constant = raw.min(axis=(1, 2)) == raw.max(axis=(1, 2))
    expected = stretch(raw.reshape(1, -1, raw.shape[2]))[0].reshape(raw.shape)
    expected[constant] = 0
    np.testing.assert_array_equal(found["saliency"], expected)
    np.testing.assert_array_equal(found["degenerate"], constant)
    np.testing.assert_array_equal(found["raw"], raw)


@settings(max_examples=60, deadline=None)
@given(raw=RAW, percentile=st.floats(0.5, 100), block=st.integers(1, 4))
def test_the_upper_percentile_is_that_of_all_values(
    tmp_path_factory: pytest.TempPathFactory, raw: np.ndarray, percentile: float, block: int
) -> None:
    maps = gathered(tmp_path_factory.mktemp("percentile"), raw)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(map_files, "rows_in_memory", lambda cells: block)
        with open_maps(maps) as source:
            low, high, largest = raw_range(source, percentile)
        values = raw.astype(np.float64)
        assert (low, largest) == (values.min(), values.max())
        # The weight of the upper neighbour is known to the digits of the rank.
        expected = np.percentile(values, percentile)
        assert high == pytest.approx(expected, rel=1e-9, abs=1e-9 * (largest - low) + 1e-30)
        if low < largest and high <= low:
            with pytest.raises(InputError, match="choose a higher one"):
                made(study_range, maps, upper_percentile=percentile)
            assert not (maps.parent / "out.h5").exists()
            return
        found = made(study_range, maps, upper_percentile=percentile)
    clipped = np.clip((values - low) / ((high - low) or 1), 0, 1).astype(np.float32)
    np.testing.assert_array_equal(found["saliency"][~found["degenerate"]], clipped[~found["degenerate"]])


def test_a_faint_map_stays_faint_and_an_extreme_one_does_not_hide_the_rest(tmp_path: Path) -> None:
    raw = np.linspace(0, 1, 100, dtype=np.float32).reshape(1, 10, 10) * np.array([1, 2, 0.1], np.float32)[:, None, None]
    raw[0, 0, 0] = 1000
    maps = gathered(tmp_path, raw)
    assert made(study_range, maps)["saliency"][1].max() == np.float32(0.002)
    robust = made(study_range, maps, upper_percentile=99.5)["saliency"]
    assert robust[0, 0, 0] == 1
    assert robust[1].max() > 0.99
    assert robust[2].max() == pytest.approx(0.05, abs=0.001)
    with open_maps(maps) as source:
        expected = pytest.approx(np.percentile(raw.astype(np.float64), 99.5))
        assert raw_range(source, 99.5) == (0.0, expected, 1000.0)


@pytest.mark.parametrize(("percentile", "words"), [(0, "must be above 0"), (100.5, "must be above 0 and at most 100")])
def test_a_percentile_out_of_range_is_named(tmp_path: Path, percentile: float, words: str) -> None:
    check_refused(study_range, tmp_path, f"upper_percentile: {words}", upper_percentile=percentile)


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_raw_maps_that_are_not_finite_are_named(tmp_path: Path, wrong: float) -> None:
    maps = gathered(tmp_path, np.zeros((2, 2, 2), dtype=np.float32))
    with open_maps(maps) as source:
        broken = source.remade(
            slice(0, 2), source.saliency(slice(None)), np.full((2, 2, 2), wrong, "f"), np.zeros(2, "?")
        )
    write_maps(tmp_path / "broken.h5", [broken])
    with pytest.raises(InputError, match=r"broken\.h5: raw maps with values that are not finite"):
        list(study_range(inputs_of(tmp_path / "broken.h5")))
