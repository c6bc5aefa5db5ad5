"""Curve files: what is appended is read back, each threshold finds its column, and files that are none are named."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from dermalign.errors import InputError
from dermalign.overlap.curves import ALL, BLOCK, bin_of, open_curves, write_curve_file
from dermalign.overlap.engine import BINS, Curves, binned_curves, intersection_and_union, overlap_curves
from engine_cases import NAMES, THOUSANDTHS, THRESHOLDS, draw_map
from hypothesis import given, settings
from hypothesis import strategies as st
from map_cases import without_seal


def test_each_threshold_has_a_bin_of_its_own() -> None:
    assert [bin_of(threshold) for threshold in THOUSANDTHS] == list(range(BINS))
    assert all(bin_of(threshold) == Decimal(threshold) * 1000 for threshold in THOUSANDTHS)


def drawn(seed: int, rows: int, by_feature: bool, is_fine: bool) -> dict[str, Curves]:
    """Return curves of maps of 4 x 3 cells by what they are of, in steps or in bins."""
    random = np.random.default_rng(seed)
    compute = binned_curves if is_fine else overlap_curves
    sizes = random.integers(12, 30, (rows, 2))
    # At most the smallest cell's pixels.
    cells = {name: random.integers(0, 12, (rows, 4, 3)) * random.integers(0, 2, (rows, 1, 1)) for name in NAMES}

    def of(some: Mapping[str, np.ndarray]) -> Curves:
        maps = [draw_map(random, ("ties", "any")[row % 2], (4, 3)) for row in range(rows)]
        return compute(np.stack(maps), some, sizes)

    return {name: of({name: counts}) for name, counts in cells.items()} if by_feature else {ALL: of(cells)}


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=4),
    by_feature=st.booleans(),
    is_fine=st.booleans(),
)
def test_what_is_appended_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, seed: int, sizes: list[int], by_feature: bool, is_fine: bool
) -> None:
    path = tmp_path_factory.mktemp("curves") / "curves.h5"
    blocks = [drawn(seed + number, rows, by_feature, is_fine) for number, rows in enumerate(sizes)]
    images = [[f"p{number}_{row}" for row in range(rows)] for number, rows in enumerate(sizes)]
    with write_curve_file(path) as target:
        for names, block in zip(images, blocks, strict=True):
            target.append(names, block)
    with open_curves(path) as curves:
        assert curves.images == [image for names in images for image in names]
        assert curves.features == sorted(NAMES)
        assert curves.is_binned == is_fine
        for name in NAMES:
            maps = name if by_feature else ALL
            assert curves.maps_of(name) == maps
            for found, expected in (
                (curves.area(name), [block[maps].area for block in blocks]),
                (curves.intersection(name), [block[maps].intersection[name] for block in blocks]),
            ):
                assert found.dtype == np.uint32
                np.testing.assert_array_equal(found[:], np.concatenate(expected))
            if not is_fine:
                assert curves.levels(name).dtype == np.float32
                steps = [block[maps].levels for block in blocks if block[maps].levels is not None]
                np.testing.assert_array_equal(curves.levels(name)[:], np.concatenate(steps))


@pytest.mark.parametrize("by_feature", [False, True])
@pytest.mark.parametrize("is_fine", [False, True])
def test_counts_at_thresholds_are_those_of_the_curves(tmp_path: Path, by_feature: bool, is_fine: bool) -> None:
    rows = BLOCK + 5  # more than are held in memory
    steps = drawn(1, rows, by_feature, is_fine=False)
    with write_curve_file(tmp_path / "curves.h5") as target:
        target.append([f"p{row}" for row in range(rows)], drawn(1, rows, by_feature, is_fine))
    with open_curves(tmp_path / "curves.h5") as curves:
        assert curves.blocks == [slice(0, BLOCK), slice(BLOCK, 2 * BLOCK)]
        for name in [*NAMES, *NAMES[::-1]]:  # in turn: columns are kept for the maps that were asked for last
            of_maps = steps[name if by_feature else ALL]
            intersection, union, mask = curves.counts(name, THRESHOLDS)
            for row, threshold in enumerate(THRESHOLDS):
                expected = intersection_and_union(of_maps, name, float(threshold))
                np.testing.assert_array_equal([intersection[row], union[row]], expected)
            np.testing.assert_array_equal(mask, of_maps.intersection[name][:, -1])
            np.testing.assert_array_equal(curves.mask(name, slice(3, 9)), mask[3:9])
            # Other thresholds of the same maps are another question.
            np.testing.assert_array_equal(curves.counts(name, ["1.000", "0.000"])[0], [0 * mask, mask])


def test_a_block_that_fails_leaves_no_file(tmp_path: Path) -> None:
    curves = drawn(0, 2, False, False)
    with pytest.raises(RuntimeError), write_curve_file(tmp_path / "curves.h5") as target:
        target.append(["a", "b"], curves)
        raise RuntimeError
    assert not list(tmp_path.iterdir())


def test_files_that_hold_no_curves_are_named(tmp_path: Path) -> None:
    def refused(name: str, words: str) -> None:
        with (
            pytest.raises(
                InputError, match=rf"{name}\.h5: {words}.*[;.] (delete it to make it anew|Run again to make it)"
            ),
            open_curves(tmp_path / f"{name}.h5"),
        ):
            pass

    with write_curve_file(tmp_path / "whole.h5") as target:
        target.append(["a", "b"], drawn(0, 2, False, False))
    refused("none", "there is no such file")
    (tmp_path / "text.h5").write_text("image,intersection\n")
    refused("text", "not a curve file, or damaged")
    (tmp_path / "short.h5").write_bytes((tmp_path / "whole.h5").read_bytes()[:3000])
    refused("short", "not a curve file, or damaged")
    with h5py.File(tmp_path / "old.h5", "w") as file:
        file["levels"] = np.zeros((2, 4))
    refused("old", "not a curve file, or from an older version, as it lacks image, area, intersection, by_feature")


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("levels/all", None),  # not there
        ("area/all", None),
        ("area/all", np.zeros((2, 3), np.uint32)),
        ("intersection/globules", np.zeros((2, 5), np.float32)),
        ("levels/all", np.zeros((1, 4), np.float32)),
        ("image", [1, 2]),
    ],
)
def test_data_of_another_kind_are_no_curves(tmp_path: Path, part: str, value: Any) -> None:
    path = tmp_path / "whole.h5"
    with write_curve_file(path) as target:
        counts = np.zeros((2, 5), np.int64)
        target.append(["a", "b"], {ALL: Curves(np.zeros((2, 4), np.float32), counts, {"globules": counts})})
    with open_curves(path) as curves:
        assert curves.features == ["globules"]
    with without_seal(path) as file:
        del file[part]
        if value is not None:
            file[part] = value
    with pytest.raises(InputError, match=r"whole\.h5: not a curve file, or damaged .*delete it"), open_curves(path):
        pass
