"""The overlap engine: every intersection and union is the pixel's, and order and batches do not show."""

import csv
import math
from pathlib import Path

import brute_force
import h5py
import numpy as np
import pytest
from dermalign.data.archives import list_pictures
from dermalign.data.cell_files import write_cells
from dermalign.data.mask_files import list_masks
from dermalign.errors import InputError
from dermalign.overlap.engine import BLOCK, intersection_and_union, overlap_curves
from dermalign.overlap.join import write_curves
from dermalign.overlap.mask_cells import count_archive
from dermalign.overlap.shards import write_shards
from engine_cases import (
    FEATURES,
    GRIDS,
    THRESHOLDS,
    Picture,
    counted,
    draw_map,
    draw_mask,
    pictures,
    run_engine,
    shard_paths,
    write_map_file,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import jaccard_score

NAMES = [*FEATURES, "union"]


def masks_of(picture: Picture) -> dict[str, np.ndarray]:
    masks = {feature: values > 127 for feature, values in picture.masks.items()}
    return {**masks, "union": brute_force.union_of(masks)}


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def expected_rows(drawn: list[Picture], feature: str, threshold: str) -> list[tuple[str, int, int]]:
    """What a shard must hold: the pictures whose mask is not black, by name, counted pixel by pixel."""
    rows = []
    for picture in sorted(drawn, key=lambda picture: picture.image):
        mask = masks_of(picture)[feature]
        if mask.any():
            rows.append((picture.image, *brute_force.intersection_and_union(picture.saliency, mask, threshold)))
    return rows


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_every_count_is_the_pixels(data: st.DataObject) -> None:
    grid = data.draw(GRIDS)
    drawn = data.draw(pictures(grid))
    cells = [counted(picture, [grid]).cells[grid] for picture in drawn]
    curves = overlap_curves(
        np.stack([picture.saliency for picture in drawn]),
        {name: np.stack([of[name] for of in cells]) for name in NAMES},
        np.array([picture.size for picture in drawn]),
    )
    for name in NAMES:
        before = None
        for threshold in THRESHOLDS:
            found = intersection_and_union(curves, name, float(threshold))
            expected = [
                brute_force.intersection_and_union(picture.saliency, masks_of(picture)[name], threshold)
                for picture in drawn
            ]
            np.testing.assert_array_equal(np.transpose(found), expected)
            assert all(counts.dtype == np.int64 for counts in found)
            assert (found[0] >= 0).all()
            assert (found[0] <= found[1]).all()
            # A higher threshold never makes more white.
            assert before is None or all((now <= then).all() for now, then in zip(found, before, strict=True))
            before = found


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_shards_hold_the_pixels_counts(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    drawn = data.draw(pictures(data.draw(GRIDS)))
    shards = run_engine(tmp_path_factory.mktemp("engine"), [drawn])
    assert set(shards) == {(name, threshold) for name in NAMES for threshold in THRESHOLDS}
    for (name, threshold), path in shards.items():
        rows = rows_of(path)
        found = [(row["image"], int(row["intersection"]), int(row["union"])) for row in rows]
        assert found == expected_rows(drawn, name, threshold)
        for row in rows:
            assert float(row["jaccard"]) == int(row["intersection"]) / int(row["union"])


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_order_and_batches_change_no_byte(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    drawn = data.draw(pictures(data.draw(GRIDS), st.integers(2, 7)))
    shuffled = data.draw(st.permutations(drawn))
    cut = data.draw(st.integers(1, len(drawn) - 1))
    once = run_engine(tmp_path_factory.mktemp("once"), [drawn])
    parted = run_engine(tmp_path_factory.mktemp("parted"), [shuffled[:cut], shuffled[cut:]])
    for shard, path in once.items():
        assert path.read_bytes() == parted[shard].read_bytes()


def test_more_pictures_than_are_held_in_memory(tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    drawn = []
    for number in random.permutation(2 * BLOCK + 3).tolist():
        width, height = random.integers(1, 20, 2).tolist()
        kinds = random.choice(["black", "full", "pixel", "box", "noise"], 2).tolist()
        masks = {feature: draw_mask(random, kind, width, height) for feature, kind in zip(FEATURES, kinds, strict=True)}
        drawn.append(Picture(f"p{number}", masks, draw_map(random, "ties", (5, 4))))
    for (name, threshold), path in run_engine(tmp_path, [drawn], ["0.000", "0.300", "0.500"]).items():
        found = [(row["image"], int(row["intersection"]), int(row["union"])) for row in rows_of(path)]
        assert found == expected_rows(drawn, name, threshold)


def test_zero_is_all_white_and_one_is_all_black(tmp_path: Path) -> None:
    mask = np.zeros((10, 20), dtype=np.uint8)
    mask[:5] = 255
    black = np.zeros_like(mask)
    drawn = [
        Picture("degenerate", {"globules": mask, "streaks": black}, np.zeros((4, 4), dtype=np.float32)),
        Picture("ones", {"globules": mask, "streaks": black}, np.ones((4, 4), dtype=np.float32)),
    ]
    shards = run_engine(tmp_path, [drawn], ["0.000", "0.999", "1.000"])
    assert shards["globules", "0.000"].read_text() == (
        "image,intersection,union,jaccard\ndegenerate,100,200,0.5\nones,100,200,0.5\n"
    )
    assert shards["globules", "0.999"].read_text().splitlines()[1:] == ["degenerate,0,100,0.0", "ones,100,200,0.5"]
    assert shards["union", "1.000"].read_text().splitlines()[1:] == ["degenerate,0,100,0.0", "ones,0,100,0.0"]
    # A feature without a single mask has an empty population, and a shard that says so.
    assert shards["streaks", "0.000"].read_text() == "image,intersection,union,jaccard\n"


def test_threshold_and_map_are_compared_as_float32() -> None:
    # float32(0.1) is above 0.1, float32(0.3) is above 0.3, float32(0.7) below 0.7: in float64 they would differ.
    for threshold in (0.1, 0.3, 0.7):
        on = np.float32(threshold)
        saliency = np.array([[[np.nextafter(on, np.float32(0)), on, np.nextafter(on, np.float32(1))]]])
        curves = overlap_curves(saliency, {"union": np.ones((1, 1, 3), dtype=np.uint32)}, np.array([(3, 1)]))
        intersection, union = intersection_and_union(curves, "union", threshold)
        assert (intersection.tolist(), union.tolist()) == ([1], [3])


def test_only_the_pictures_of_the_analysis_are_written(tmp_path: Path) -> None:
    random = np.random.default_rng(6)
    grid = (3, 3)
    drawn = [
        Picture(f"p{n}", {name: draw_mask(random, "full", 9, 7) for name in FEATURES}, draw_map(random, "any", grid))
        for n in range(5)
    ]
    write_cells(tmp_path / "cells.h5", [counted(picture, [grid]) for picture in drawn], [grid], FEATURES)
    maps = write_map_file(tmp_path / "maps.h5", {picture.image: picture.saliency for picture in drawn})
    write_curves(tmp_path / "curves.h5", maps, [tmp_path / "cells.h5"], ["p3", "p1"])
    with h5py.File(tmp_path / "curves.h5") as curves:
        assert sorted(curves["image"].asstr()[:]) == ["p1", "p3"]


def test_every_draw_of_a_picture_is_counted(tmp_path: Path) -> None:
    random = np.random.default_rng(7)
    kinds = ["noise", "box", "noise", "full"]
    drawn = [
        Picture(f"p{n}", {name: draw_mask(random, kind, 19, 7) for name in FEATURES}, draw_map(random, "any", (3, 4)))
        for n, kind in enumerate(kinds)
    ]
    # More rows than one block holds, so that a picture's draws may come to lie in two of them.
    draws = [{picture.image: draw_map(random, "any", (3, 4)) for picture in drawn} for _ in range(BLOCK // 4 + 7)]
    for (name, threshold), path in run_engine(tmp_path, [drawn[2:], drawn[:2]], ["0.300", "0.500"], draws).items():
        expected = [
            (
                picture.image,
                *brute_force.intersection_and_union(maps[picture.image], masks_of(picture)[name], threshold),
            )
            for picture in drawn
            for maps in draws
        ]
        assert [(row["image"], int(row["intersection"]), int(row["union"])) for row in rows_of(path)] == expected


def test_a_picture_without_a_map_or_cells_is_refused(tmp_path: Path) -> None:
    picture = Picture("p0", {name: np.full((5, 5), 255, dtype=np.uint8) for name in FEATURES}, np.zeros((3, 3), "f"))
    write_cells(tmp_path / "cells.h5", [counted(picture, [(3, 3)])], [(3, 3)], FEATURES)
    maps = write_map_file(tmp_path / "maps.h5", {"p0": picture.saliency, "p1": picture.saliency})
    with pytest.raises(InputError, match="no map of p2"):
        write_curves(tmp_path / "curves.h5", maps, [tmp_path / "cells.h5"], ["p0", "p2"])
    with pytest.raises(InputError, match="1 of 2 pictures have no mask cells"):
        write_curves(tmp_path / "curves.h5", maps, [tmp_path / "cells.h5"], ["p0", "p1"])
    assert not (tmp_path / "curves.h5").exists()


def test_an_analysis_without_pictures_has_empty_shards(tmp_path: Path) -> None:
    write_cells(tmp_path / "cells.h5", [], [(3, 3)], FEATURES)
    maps = write_map_file(tmp_path / "maps.h5", {"p0": np.zeros((3, 3), dtype=np.float32)})
    write_curves(tmp_path / "curves.h5", maps, [tmp_path / "cells.h5"], [])
    shards = shard_paths(tmp_path, NAMES, ["0.500"])
    write_shards(tmp_path / "curves.h5", shards)
    assert all(path.read_text() == "image,intersection,union,jaccard\n" for path in shards.values())


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_jaccard_is_scikit_learns(data: st.DataObject) -> None:
    grid = data.draw(GRIDS)
    (picture,) = data.draw(pictures(grid, st.just(1)))
    cells = counted(picture, [grid]).cells[grid]
    curves = overlap_curves(
        picture.saliency[np.newaxis],
        {name: cells[name][np.newaxis] for name in NAMES},
        np.array([picture.size]),
    )
    for name, mask in masks_of(picture).items():
        if mask.any():
            for threshold in ("0.000", "0.300", "0.500"):
                (intersection,), (union,) = intersection_and_union(curves, name, float(threshold))
                white = brute_force.thresholded(picture.saliency, *picture.size, threshold)
                assert math.isclose(intersection / union, jaccard_score(mask.ravel(), white.ravel()), rel_tol=1e-15)


@pytest.mark.parametrize("grid", [(28, 28), (8, 8), (7, 7)])
def test_real_pictures_are_counted_as_the_pixels(real_data: Path, tmp_path: Path, grid: tuple[int, int]) -> None:
    pictures_path = real_data / "isic-256" / "ISIC2018_Task1-2_Training_Input.zip"
    masks_path = real_data / "isic-256" / "ISIC2018_Task2_Training_GroundTruth_v3.zip"
    features = ["globules", "milia_like_cyst", "negative_network", "pigment_network", "streaks"]
    thresholds = [f"{number / 10:.3f}" for number in range(11)]
    found = list_pictures(pictures_path)
    random = np.random.default_rng(18)
    images = random.choice(list(found), 40, replace=False).tolist()
    maps = {image: draw_map(random, "any", grid) for image in images}
    masks = list_masks(masks_path, images, features)
    counts = count_archive(pictures_path, masks_path, {image: found[image] for image in images}, masks, [grid])
    write_cells(tmp_path / "cells.h5", counts, [grid], features)
    maps_path = write_map_file(tmp_path / "maps.h5", maps)
    write_curves(tmp_path / "curves.h5", maps_path, [tmp_path / "cells.h5"], images)
    shards = shard_paths(tmp_path, [*features, "union"], thresholds)
    write_shards(tmp_path / "curves.h5", shards)
    pixels = {image: brute_force.masks_in(masks_path, image, features) for image in sorted(images)}
    assert any(mask["union"].any() for mask in pixels.values())
    for (feature, threshold), path in shards.items():
        expected = [
            (image, *brute_force.intersection_and_union(maps[image], of[feature], threshold))
            for image, of in pixels.items()
            if of[feature].any()
        ]
        assert [(row["image"], int(row["intersection"]), int(row["union"])) for row in rows_of(path)] == expected
