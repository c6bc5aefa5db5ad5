"""Stretching: each map fills the unit interval, a constant one is zeros, and nothing is ever NaN."""

import numpy as np
import pytest
from dermalign.errors import InputError
from dermalign.saliency.stretching import stretch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

MAPS = arrays.arrays(
    np.float32,
    st.tuples(st.integers(1, 4), st.integers(1, 5), st.integers(1, 5)),
    elements=st.floats(allow_nan=False, allow_infinity=False, width=32),
)


@settings(deadline=None)
@given(MAPS)
def test_stretching_fills_the_unit_interval_and_keeps_the_order(raw: np.ndarray) -> None:
    saliency, degenerate = stretch(raw)
    assert saliency.dtype == np.float32
    assert saliency.shape == raw.shape
    for values, stretched, constant in zip(raw, saliency, degenerate, strict=True):
        assert constant == (values.min() == values.max())
        assert (stretched.min(), stretched.max()) == ((0, 0) if constant else (0, 1))
        order = np.argsort(values, axis=None)
        assert (np.diff(stretched.ravel()[order]) >= 0).all()


@settings(deadline=None)
@given(MAPS)
def test_stretching_twice_changes_nothing(raw: np.ndarray) -> None:
    saliency, _ = stretch(raw)
    np.testing.assert_array_equal(stretch(saliency)[0], saliency)


def test_constant_maps_are_degenerate_and_broken_ones_refused() -> None:
    saliency, degenerate = stretch(np.stack([np.zeros((2, 2)), np.full((2, 2), 0.3), np.eye(2)]).astype(np.float32))
    np.testing.assert_array_equal(degenerate, [True, True, False])
    np.testing.assert_array_equal(saliency[:2], 0)
    for wrong in (np.nan, np.inf):
        with pytest.raises(InputError, match=r"not finite: 1 \(first: number 1\)"):
            stretch(np.array([[[0.0]], [[wrong]]], np.float32))


def test_no_maps_are_stretched_to_none() -> None:
    saliency, degenerate = stretch(np.zeros((0, 3, 4), np.float32))
    assert (saliency.shape, degenerate.shape) == ((0, 3, 4), (0,))
