"""The resolution ceiling: no set of cells is better, found by trying them all."""

import math
from fractions import Fraction
from itertools import product
from pathlib import Path

import brute_force
import numpy as np
import pytest
from dermalign.data.grids import cell_areas
from dermalign.data.masks import black_box, white_box
from dermalign.errors import InputError
from dermalign.overlap.ceiling_files import read_ceilings, write_ceilings
from dermalign.overlap.ceilings import best_cells, mask_ceilings, picture_ceilings
from engine_cases import SIDES, draw_mask
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

SEEDS = st.integers(0, 2**32)
KINDS = st.sampled_from(["black", "full", "pixel", "box", "noise"])


def best_of_all(white: list[int], area: list[int]) -> Fraction | None:
    """Return the highest J of all 2^k sets of cells, exactly; None for a black mask."""
    total, found = sum(white), []
    for chosen in product([False, True], repeat=len(white)):
        common = sum(c for c, is_in in zip(white, chosen, strict=True) if is_in)
        union = total + sum(a for a, is_in in zip(area, chosen, strict=True) if is_in) - common
        found += [Fraction(common, union)] if union else []
    return max(found) if total else None


CELL = st.integers(0, 12).flatmap(lambda a: st.tuples(st.integers(0, a), st.just(a)))


@settings(max_examples=150, deadline=None)
@given(
    pictures=st.integers(1, 9).flatmap(
        lambda k: st.lists(st.lists(CELL, min_size=k, max_size=k), min_size=1, max_size=4)
    )
)
def test_no_set_of_cells_is_better(pictures: list[list[tuple[int, int]]]) -> None:
    counts = np.array(pictures)
    intersection, union, jaccard = best_cells(counts[..., 0], counts[..., 1])
    for row, cells in enumerate(pictures):
        best = best_of_all([c for c, _ in cells], [a for _, a in cells])
        if best is None:
            assert (intersection[row], union[row], np.isnan(jaccard[row])) == (0, 0, True)
        else:
            assert Fraction(int(intersection[row]), int(union[row])) == best
            assert jaccard[row] == float(best)
        # Several pictures at once are each alone, and so is the order of cells.
        turned = counts[row : row + 1, ::-1]
        assert best_cells(turned[..., 0], turned[..., 1])[2] == pytest.approx(jaccard[row], nan_ok=True, abs=0)


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS, kind=KINDS, grid=st.tuples(st.integers(1, 3), st.integers(1, 3)), width=SIDES, height=SIDES)
def test_no_map_that_pillow_scales_up_is_better(
    seed: int, kind: str, grid: tuple[int, int], width: int, height: int
) -> None:
    mask = draw_mask(np.random.default_rng(seed), kind, width, height)
    white = mask > 127
    (found,) = mask_ceilings(white_box(Image.fromarray(mask)), [grid]).tolist()
    if not white.any():
        assert found == [0, 0]
        return
    maps = (np.array(cells, dtype=np.float32).reshape(grid) for cells in product([0, 1], repeat=grid[0] * grid[1]))
    overlaps = [brute_force.intersection_and_union(one, white, "0.500") for one in maps]
    assert Fraction(*found) == max(Fraction(*overlap) for overlap in overlaps)
    assert tuple(found) in overlaps


def test_a_large_picture_against_pixels() -> None:
    """Of 3 megapixels: its ceiling is what the shares of white give at one of their values, scaled up by Pillow."""
    rows, columns = np.mgrid[:1500, :2000]
    white = (((rows - 700) / 450) ** 2 + ((columns - 1050) / 650) ** 2 < 1) & ((rows // 37 + columns // 53) % 3 > 0)
    grid = (7, 9)
    share = (brute_force.cell_counts(white, grid) / cell_areas(grid, 2000, 1500)).astype(np.float32)
    overlaps = []
    for level in np.unique(share):
        scaled = brute_force.scaled_up(share, 2000, 1500) >= level
        overlaps.append((int((scaled & white).sum()), int((scaled | white).sum())))
    found = mask_ceilings(white_box(Image.fromarray(white)), [(28, 28), grid])
    assert Fraction(*found[1].tolist()) == max(Fraction(*overlap) for overlap in overlaps)
    assert found[0, 0] / found[0, 1] > found[1, 0] / found[1, 1]


def test_a_cell_for_each_pixel_reaches_everything() -> None:
    white = draw_mask(np.random.default_rng(5), "noise", 31, 23)
    found = mask_ceilings(white_box(Image.fromarray(white)), [(23, 31), (46, 62), (50, 40), (1, 1)])
    count = (white > 127).sum()
    assert found[:3].tolist() == [[count, count]] * 3  # more cells than pixels: some cover none
    assert found[3].tolist() == [count, 23 * 31]


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS, kind=KINDS, width=SIDES, height=SIDES, rows=st.integers(1, 9), times=st.integers(2, 4))
def test_a_grid_that_divides_another_s_cells_has_no_lower_ceiling(
    seed: int, kind: str, width: int, height: int, rows: int, times: int
) -> None:
    width, height = width * rows * times, rows * times * height  # so that cells are whole pixels
    box = white_box(Image.fromarray(draw_mask(np.random.default_rng(seed), kind, width, height)))
    coarse, fine = mask_ceilings(box, [(rows, rows), (rows * times, rows * times)]).tolist()
    if box.count():
        assert Fraction(*fine) >= Fraction(*coarse)


@settings(max_examples=100, deadline=None)
@given(st.integers(80_000_000, 94_000_000), st.integers(1, 10_000_000))
def test_shares_as_close_as_can_be_are_told_apart(a: int, step: int) -> None:
    """Neighbours among fractions of such cells, which differ by 1 / (a1 a2), round to different numbers, in order."""
    other = a - step
    if math.gcd(a, other) > 1:
        return
    c = pow(other, -1, a)  # c other - d a = 1
    d = (c * other - 1) // a
    high, low = (np.array([c, d]) / np.array([a, other])).tolist()
    assert Fraction(c, a) - Fraction(d, other) == Fraction(1, a * other)
    assert high > low


def test_equal_masks_are_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    box, black = white_box(Image.fromarray(draw_mask(np.random.default_rng(1), "box", 30, 20))), black_box((30, 20))
    seen = []
    monkeypatch.setattr(
        "dermalign.overlap.ceilings.mask_ceilings",
        lambda white, grids: seen.append(white) or mask_ceilings(white, grids),
    )
    found = picture_ceilings({"streaks": box, "globules": black, "union": box}, [(2, 3)])
    np.testing.assert_array_equal(found["streaks"], found["union"])
    assert found["globules"].tolist() == [[0, 0]]
    assert len(seen) == 2


GRIDS = [(4, 4), (8, 7)]


def test_files_of_ceilings(tmp_path: Path) -> None:
    one = {"streaks": np.array([[3, 5], [4, 5]]), "union": np.array([[3, 6], [4_000_000_000, 4_100_000_000]])}
    black = {name: np.zeros((2, 2), dtype=np.int64) for name in one}
    for name, images in (("a", [f"ISIC_{number}" for number in range(200)]), ("b", ["NA", "A"]), ("c", [])):
        with write_ceilings(tmp_path / f"{name}.h5", GRIDS, ["streaks"]) as writer:
            for image in images:
                writer.append(image, black if image == "A" or image.endswith("7") else one)
    found = read_ceilings(tmp_path / f"{name}.h5" for name in "bac")
    assert (len(found.images), found.features, found.grids) == (202, ["streaks", "union"], GRIDS)
    images, jaccard = found.of_feature("union", ["NA", "ISIC_3", "ISIC_7", "A", "ISIC_110"])
    assert images == ["ISIC_110", "ISIC_3", "NA"]
    np.testing.assert_array_equal(jaccard, [[0.5] * 3, [4_000_000_000 / 4_100_000_000] * 3])
    assert found.of_feature("union", ["A"])[1].shape == (2, 0)


def test_files_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no picture has masks"):
        read_ceilings([])
    for name, grids in (("a", GRIDS), ("b", GRIDS[:1])):
        with write_ceilings(tmp_path / f"{name}.h5", grids, ["streaks"]):
            pass
    with pytest.raises(InputError, match=r"b\.h5 is of other features or grids"):
        read_ceilings([tmp_path / "a.h5", tmp_path / "b.h5"])
    (tmp_path / "c.h5").write_bytes(b"none")
    with pytest.raises(InputError, match=r"c\.h5"):
        read_ceilings([tmp_path / "c.h5"])
    with pytest.raises(RuntimeError), write_ceilings(tmp_path / "d.h5", GRIDS, []):
        raise RuntimeError
    assert not (tmp_path / "d.h5").exists()
