"""Jaccard shards: every count is the pixel's, whichever source the maps are of, and order and batches do not show.

What is written is read again, and shards of different runs are not taken for one.
"""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from dermalign.data.archives import list_pictures
from dermalign.errors import InputError
from dermalign.overlap.curves import BLOCK
from dermalign.overlap.shards import Shards, read_shards, shard_text, write_shards
from engine_cases import (
    FEATURES,
    FINE_GRIDS,
    FINE_KINDS,
    GRIDS,
    KINDS,
    NAMES,
    THOUSANDTHS,
    THRESHOLDS,
    Picture,
    check_real_shards,
    count_real,
    counts_of,
    draw_map,
    draw_mask,
    expected_counts,
    pictures,
    run_engine,
    shard_paths,
    write_map_file,
)
from hypothesis import given, settings
from hypothesis import strategies as st

# As the sources of maps that differ by feature: with a map of the union, or without one; in an order of their own.
MAP_FEATURES = st.sampled_from([("streaks", "globules"), ("streaks", "union", "globules")])


def check(shards: Mapping[tuple[str, str], Path], drawn: Sequence[Picture], features: Sequence[str] = ()) -> None:
    """Check shards of the pictures' own maps against the pixels."""
    for (name, threshold), path in shards.items():
        assert counts_of(path) == expected_counts(drawn, name, threshold, features)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_shards_hold_the_pixels_counts(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    drawn = data.draw(pictures(data.draw(GRIDS)))
    shards = run_engine(tmp_path_factory.mktemp("engine"), [drawn])
    assert set(shards) == {(name, threshold) for name in NAMES for threshold in THRESHOLDS}
    check(shards, drawn)
    for path in shards.values():
        with path.open(newline="") as file:
            for row in csv.DictReader(file):
                assert float(row["jaccard"]) == int(row["intersection"]) / int(row["union"])


@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_shards_of_fine_maps_hold_them_too(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    drawn = data.draw(pictures(data.draw(FINE_GRIDS), st.integers(1, 2), FINE_KINDS))
    some = data.draw(st.lists(st.sampled_from(THOUSANDTHS), unique=True, max_size=20))
    check(run_engine(tmp_path_factory.mktemp("fine"), [drawn], sorted({*some, "0.000", "1.000"})), drawn)


@settings(max_examples=30, deadline=None)
@given(data=st.data(), is_fine=st.sampled_from([False, False, True]))
def test_each_feature_is_compared_with_its_own_map(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, is_fine: bool
) -> None:
    grid = data.draw(FINE_GRIDS if is_fine else GRIDS)
    features = data.draw(MAP_FEATURES)
    drawn = data.draw(pictures(grid, st.integers(1, 3), FINE_KINDS if is_fine else KINDS, len(features)))
    folder = tmp_path_factory.mktemp("by_feature")
    check(run_engine(folder, [drawn[:1], drawn[1:]], features=features), drawn, features)


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
    check(run_engine(tmp_path, [drawn], ["0.000", "0.300", "0.500"]), drawn)


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


def with_masks(random: np.random.Generator, kinds: Sequence[str]) -> list[Picture]:
    """Return a picture for each kind of mask, with a map of 3 x 4 cells."""
    return [
        Picture(f"p{n}", {name: draw_mask(random, kind, 19, 7) for name in FEATURES}, draw_map(random, "any", (3, 4)))
        for n, kind in enumerate(kinds)
    ]


def of_draws(drawn: Sequence[Picture], draws: Sequence[Mapping[str, np.ndarray]]) -> list[Picture]:
    """Return the pictures once per draw, with the draw's map."""
    return [Picture(picture.image, picture.masks, maps[picture.image]) for picture in drawn for maps in draws]


def test_every_draw_of_a_picture_is_counted(tmp_path: Path) -> None:
    random = np.random.default_rng(7)
    drawn = with_masks(random, ["noise", "box", "noise", "full"])
    # More rows than one block holds, so that a picture's draws may come to lie in two of them.
    draws = [{picture.image: draw_map(random, "any", (3, 4)) for picture in drawn} for _ in range(BLOCK // 4 + 7)]
    shards = run_engine(tmp_path, [drawn[2:], drawn[:2]], ["0.300", "0.500"], draws)
    check(shards, of_draws(drawn, draws))


def test_every_draw_of_a_picture_is_counted_in_fine_maps(tmp_path: Path) -> None:
    random = np.random.default_rng(8)
    drawn = with_masks(random, ["noise", "box"])
    grid = (65, 64)
    drawn = [Picture(picture.image, picture.masks, draw_map(random, "any", grid)) for picture in drawn]
    draws = [{picture.image: draw_map(random, "thousandths", grid) for picture in drawn} for _ in range(5)]
    shards = run_engine(tmp_path, [drawn[1:], drawn[:1]], ["0.000", "0.001", "0.300"], draws)
    check(shards, of_draws(drawn, draws))


def test_a_shard_is_written_for_what_is_asked_alone(tmp_path: Path) -> None:
    drawn = with_masks(np.random.default_rng(9), ["noise", "full"])
    run_engine(tmp_path, [drawn], [])
    asked = {("streaks", "0.500"): tmp_path / "one.csv", ("union", "0.300"): tmp_path / "other.csv"}
    write_shards(tmp_path / "curves.h5", asked)
    check(asked, drawn)
    assert sorted(path.name for path in tmp_path.glob("*.csv")) == ["one.csv", "other.csv"]
    assert not (tmp_path / "jaccard").exists()
    assert list(shard_paths(tmp_path, ["streaks"], ["0.500"])) == [("streaks", "0.500")]


@given(st.integers(0, 2**53), st.integers(1, 2**53))
def test_an_index_reads_back_as_the_same_number(intersection: int, union: int) -> None:
    header, row = shard_text(["a"], np.array([intersection]), np.array([union])).splitlines()
    assert header == "image,intersection,union,jaccard"
    image, *counts, jaccard = row.split(",")
    assert (image, *map(int, counts)) == ("a", intersection, union)
    assert float(jaccard) == intersection / union


@pytest.mark.parametrize("grid", [(28, 28), (8, 8), (7, 7), (72, 60)])
def test_real_pictures_are_counted_as_the_pixels(real_data: Path, tmp_path: Path, grid: tuple[int, int]) -> None:
    features = ["globules", "milia_like_cyst", "negative_network", "pigment_network", "streaks"]
    archive = list_pictures(real_data / "isic-256" / "ISIC2018_Task1-2_Training_Input.zip")
    random = np.random.default_rng(18)
    images = random.choice(list(archive), 40, replace=False).tolist()
    maps = {image: draw_map(random, "any", grid) for image in images}
    pixels = count_real(real_data, tmp_path / "cells.h5", images, features, grid)
    maps_path = write_map_file(tmp_path / "maps.h5", maps)
    check_real_shards(tmp_path, pixels, maps, maps_path, [f"{number / 10:.3f}" for number in range(11)])


# Reading


def write_shard(path: Path, rows: Mapping[str, tuple[int, int]]) -> Path:
    """Write a shard, {image: (intersection, union)}."""
    counts = np.array(list(rows.values()), dtype=np.int64).reshape(-1, 2)
    path.write_text(shard_text(list(rows), counts[:, 0], counts[:, 1]))
    return path


def test_shards_of_different_runs_are_refused(tmp_path: Path) -> None:
    first = write_shard(tmp_path / "0.000.csv", {"a": (1, 2), "b": (1, 3)})
    for rows in ({"a": (1, 2)}, {"b": (1, 3)}, {"a": (1, 2), "c": (1, 3)}, {}):
        other = write_shard(tmp_path / "0.100.csv", rows)
        with pytest.raises(InputError, match=r"0\.100\.csv is not of the pictures"):
            read_shards({"0.000": first, "0.100": other})
        with pytest.raises(InputError, match="is not of the pictures"):
            read_shards({"0.000": other, "0.100": first})
    other = write_shard(tmp_path / "0.100.csv", {"b": (1, 3), "a": (1, 2)})
    with pytest.raises(InputError, match=r"0\.100\.csv: .*not in the order of their names"):
        read_shards({"0.000": first, "0.100": other})


@pytest.mark.parametrize("counts", ["3,2", "-1,2", "0,0"])
def test_counts_that_no_mask_can_have_are_refused(tmp_path: Path, counts: str) -> None:
    first = write_shard(tmp_path / "0.000.csv", {"a": (1, 2), "b": (1, 3)})
    impossible = tmp_path / "0.100.csv"
    impossible.write_text(f"image,intersection,union,jaccard\na,1,2,0.5\nb,{counts},0.5\n")
    with pytest.raises(InputError, match=r"0\.100\.csv.*counts that no mask can have.*elete"):
        read_shards({"0.000": first, "0.100": impossible})


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"image,intersection\na,1\n",
        b"image,intersection,union\na,1,x\n",
        b"image,intersection,union\na,1,2.5\n",
        b"image,intersection,union\na,1,99999999999999999999\n",
        b"\xff\xfe\0",
        b'image,intersection,union\n"a,1,2\n',
    ],
)
def test_what_is_no_shard_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "0.100.csv").write_bytes(content)
    with pytest.raises(InputError, match=r"0\.100\.csv: not a shard, or damaged .*; delete it to make it anew"):
        read_shards({"0.100": tmp_path / "0.100.csv"})


def test_names_that_look_like_missing_values_are_names(tmp_path: Path) -> None:
    names = ["NA", "None", "nan", "null", "1e5", "007", 'a, "b"', '"', ","]
    path = write_shard(tmp_path / "0.000.csv", dict.fromkeys(sorted(names), (1, 2)))
    assert read_shards({"0.000": path}).images == sorted(names)


@given(counts=st.lists(st.tuples(st.integers(0, 10**8), st.integers(1, 10**8)), min_size=1, max_size=20))
def test_the_index_is_read_as_it_was_computed(counts: list[tuple[int, int]]) -> None:
    intersection, more = np.array(counts, dtype=np.int64).T
    text = shard_text([f"p{row}" for row in range(len(counts))], intersection, intersection + more)
    read = [float(line.rpartition(",")[2]) for line in text.splitlines()[1:]]
    assert read == (intersection / (intersection + more)).tolist()


def test_several_draws_of_a_picture_count_as_their_mean(tmp_path: Path) -> None:
    shard = tmp_path / "0.500.csv"
    shard.write_text(
        "image,intersection,union,jaccard\na,1,2,0.5\na,1,4,0.25\na,0,3,0.0\nb,3,3,1.0\nb,1,2,0.5\nb,0,1,0.0\n"
    )
    shards = read_shards({"0.500": shard})
    assert shards.images == ["a", "b"]
    np.testing.assert_allclose(shards.jaccard, [[0.25, 0.5]])


def test_shards_of_some_pictures_are_their_rows() -> None:
    """Also of a control, which has several rows a picture."""
    random = np.random.default_rng(0)
    union = random.integers(1, 100, (2, 6))
    shards = Shards(["a", "b", "c"], ["0.000", "1.000"], union // 2, union, np.array([0, 2, 3]))
    some = shards.among(["c", "a"])
    assert some.images == ["a", "c"] and some.first.tolist() == [0, 2]
    np.testing.assert_array_equal(some.union, union[:, [0, 1, 3, 4, 5]])
    np.testing.assert_array_equal(some.jaccard, shards.jaccard[:, [0, 2]])
    assert shards.among(shards.images) is shards
    assert shards.among([]).images == [] and shards.among([]).jaccard.shape == (2, 0)
    with pytest.raises(ValueError, match="there are no shards of z"):
        shards.among(["a", "z"])
