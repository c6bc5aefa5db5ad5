"""Maps joined with mask cells: the pictures of the analysis, all their maps, and words for what is lacking."""

from pathlib import Path

import numpy as np
import pytest
from dermalign.data.cell_files import write_cells
from dermalign.errors import InputError
from dermalign.overlap.curves import open_curves
from dermalign.overlap.engine import BINS
from dermalign.overlap.join import write_curves
from dermalign.overlap.shards import write_shards
from engine_cases import (
    FEATURES,
    NAMES,
    THRESHOLDS,
    Picture,
    counted,
    draw_map,
    draw_mask,
    jaccard_of_maps,
    run_engine,
    shard_paths,
    write_map_file,
)

GRID = (3, 3)


def full(image: str, saliency: np.ndarray) -> Picture:
    """Return a picture that is white in every mask."""
    return Picture(image, {name: np.full((7, 9), 255, dtype=np.uint8) for name in FEATURES}, saliency)


def write_full(folder: Path, count: int, grid: tuple[int, int] = GRID) -> Path:
    """Write the mask cells of so many such pictures, p0, p1, ..."""
    zeros = np.zeros(grid, dtype=np.float32)
    write_cells(folder / "cells.h5", [counted(full(f"p{n}", zeros), [grid]) for n in range(count)], [grid], FEATURES)
    return folder / "cells.h5"


def test_only_the_pictures_of_the_analysis_are_written(tmp_path: Path) -> None:
    random = np.random.default_rng(6)
    cells = write_full(tmp_path, 5)
    maps = write_map_file(tmp_path / "maps.h5", {f"p{n}": draw_map(random, "any", GRID) for n in range(5)})
    write_curves(tmp_path / "curves.h5", maps, [cells], ["p3", "p1"])
    with open_curves(tmp_path / "curves.h5") as curves:
        assert sorted(curves.images) == ["p1", "p3"]


def test_a_picture_without_a_map_or_cells_is_refused(tmp_path: Path) -> None:
    cells = write_full(tmp_path, 1)
    zeros = np.zeros(GRID, dtype=np.float32)
    maps = write_map_file(tmp_path / "maps.h5", {"p0": zeros, "p1": zeros})
    with pytest.raises(InputError, match="no map of p2"):
        write_curves(tmp_path / "curves.h5", maps, [cells], ["p0", "p2"])
    with pytest.raises(InputError, match="1 of 2 pictures have no mask cells"):
        write_curves(tmp_path / "curves.h5", maps, [cells], ["p0", "p1"])
    assert not (tmp_path / "curves.h5").exists()


def test_a_feature_that_the_source_has_no_map_of_is_refused(tmp_path: Path) -> None:
    cells = write_full(tmp_path, 1)
    maps = write_map_file(tmp_path / "maps.h5", {"p0": np.zeros((1, *GRID), "f")}, features=["globules"])
    with pytest.raises(InputError, match=r"maps\.h5 has maps of globules, none of streaks"):
        write_curves(tmp_path / "curves.h5", maps, [cells], ["p0"])
    assert not (tmp_path / "curves.h5").exists()


def test_a_grid_that_was_not_counted_is_refused(tmp_path: Path) -> None:
    maps = write_map_file(tmp_path / "maps.h5", {"p0": np.zeros((2, 5), "f")})
    with pytest.raises(InputError, match="2x5"):
        write_curves(tmp_path / "curves.h5", maps, [write_full(tmp_path, 1)], ["p0"])


@pytest.mark.parametrize(("grid", "columns"), [(GRID, 10), ((65, 64), BINS)])
@pytest.mark.parametrize("features", [(), tuple(FEATURES)])
def test_an_analysis_without_pictures_has_empty_shards(
    tmp_path: Path, grid: tuple[int, int], columns: int, features: tuple[str, ...]
) -> None:
    zeros = np.zeros((len(features), *grid) if features else grid, dtype=np.float32)
    maps = write_map_file(tmp_path / "maps.h5", {"p0": zeros}, features=features)
    for count in (0, 1):  # pictures that are counted and not in the analysis change nothing
        write_curves(tmp_path / "curves.h5", maps, [write_full(tmp_path, count, grid)] * 2, [])
        with open_curves(tmp_path / "curves.h5") as curves:
            assert curves.images == []
            assert curves.intersection("union").shape == (0, columns)
        shards = shard_paths(tmp_path, NAMES, ["0.500"])
        write_shards(tmp_path / "curves.h5", shards)
        assert all(path.read_text() == "image,intersection,union,jaccard\n" for path in shards.values())


@pytest.mark.parametrize("grid", [(4, 5), (65, 64)])
@pytest.mark.parametrize("features", [(), ("streaks", "globules"), ("union", "globules", "streaks")])
def test_curves_hold_the_overlap_of_every_map(tmp_path: Path, grid: tuple[int, int], features: tuple[str, ...]) -> None:
    random = np.random.default_rng(3)
    shape = (len(features), *grid) if features else grid
    masks = [{name: draw_mask(random, kind, 21, 16) for name in FEATURES} for kind in ("noise", "box", "black")]
    maps = [{f"p{n}": draw_map(random, "thousandths", shape) for n in range(3)} for _ in range(2)]  # type: ignore[arg-type]
    drawn = [Picture(f"p{n}", of, maps[0][f"p{n}"]) for n, of in enumerate(masks)]
    run_engine(tmp_path, [drawn[1:], drawn[:1]], [], maps, features)
    both = [Picture(of.image, of.masks, draw[of.image]) for of in drawn for draw in maps]
    with open_curves(tmp_path / "curves.h5") as curves:
        assert curves.is_binned == (grid == (65, 64))
        assert curves.images == ["p1", "p1", "p2", "p2", "p0", "p0"]
        for name in NAMES:
            assert curves.maps_of(name) == (name if features else "all")
            intersection, union, mask = curves.counts(name, THRESHOLDS)
            np.testing.assert_array_equal(
                mask, [of[name].sum() for of in (d.white for d in drawn[1:] + drawn[:1]) for _ in maps]
            )
            expected = jaccard_of_maps(both, name, features)
            for image, of_image in expected.items():
                rows = [row for row, known in enumerate(curves.images) if known == image]
                found = (intersection / np.maximum(union, 1))[:, rows]
                at = [round(float(threshold) * 1000) for threshold in THRESHOLDS]
                np.testing.assert_array_equal(found, np.transpose(of_image)[at])
