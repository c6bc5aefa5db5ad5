"""How large an explorer will be, and which pictures cannot be selected."""

import pytest
from dermalign.errors import InputError
from dermalign.explorer.planning import check_selection, estimated_bytes, size_line


def test_the_real_study_takes_less_than_150_megabytes() -> None:
    grids = [(28 * 28, 1963), (8 * 8, 1963)]
    assert 60e6 < estimated_bytes(1963, 600, grids) < 150e6
    assert size_line(1963, 600, grids, "results/mine/explorer") == (
        f"The explorer of 1,963 pictures will take at most about {estimated_bytes(1963, 600, grids) / 1e6:.0f} MB in "
        "results/mine/explorer/."
    )


def test_larger_pictures_and_finer_maps_take_more() -> None:
    assert estimated_bytes(100, 1200, []) > 3 * estimated_bytes(100, 600, [])
    finer = estimated_bytes(100, 600, [(224 * 224, 100)]) - estimated_bytes(100, 600, [])
    assert 6e6 < finer < 7e6  # 63,321 bytes each, as measured on real gradients


def test_pictures_that_are_not_evaluated_are_named() -> None:
    check_selection(["a", "b"], ["a", "b", "c"])
    with pytest.raises(InputError, match=r"explorer\.pictures: x, <y> not among the evaluation pictures"):
        check_selection(["a", "x", "<y>"], ["a"])
