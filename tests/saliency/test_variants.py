"""Variants of maps: each by its definition, in the layout that every later stage reads."""

import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import brute_force
import h5py
import numpy as np
import pytest
from dermalign.data.archives import list_pictures, open_archive
from dermalign.data.cell_files import write_cells
from dermalign.data.mask_files import list_masks
from dermalign.data.pictures import decode
from dermalign.errors import InputError
from dermalign.overlap.join import write_curves
from dermalign.overlap.mask_cells import count_archive
from dermalign.overlap.shards import write_shards
from dermalign.saliency import variants
from dermalign.saliency.maps import gather_maps, read_predictions
from dermalign.saliency.stores import write_store
from dermalign.saliency.stretching import stretch
from dermalign.saliency.variants import VARIANTS, study_range, superpixel_labels, superpixel_means, superpixels, tiles
from engine_cases import shard_paths
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

DATASETS = {"image", "saliency", "raw", "predicted_class", "target_class", "degenerate"}
SHAPES = st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 9))
ANY = st.one_of(
    st.floats(-(2.0**100), 2.0**100, width=32),
    st.floats(0, 5, width=32),
    st.sampled_from([0.0, 0.5, 1.0, 2.0]),  # ties, and maps and tiles that are constant
)
RAW = SHAPES.flatmap(lambda shape: arrays(np.float32, shape, elements=ANY))
Zipped = Callable[[Path, Mapping[str, bytes]], Path]


def write_maps(folder: Path, raw: np.ndarray, images: Sequence[str] | None = None) -> Path:
    """Write raw maps (n, h, w) as a source's stores, and gather them."""
    names = images or [f"ISIC_{number:07d}" for number in range(len(raw))]
    saliency, degenerate = stretch(raw)
    for row, image in enumerate(names):
        write_store(
            folder / "stores" / f"{image}.h5",
            saliency=saliency[row],
            raw=raw[row],
            probabilities=[0.5, 0.5],
            image=image,
            model="m",
            method="gradcam",
            layer="last",
            target_class="NV",
            predicted_class=("MEL", "NV")[row % 2],
            degenerate=bool(degenerate[row]),
            classifier_sha256="0" * 64,
        )
    gather_maps(folder / "maps.h5", [folder / "stores" / f"{image}.h5" for image in names])
    return folder / "maps.h5"


def read(path: Path) -> dict[str, np.ndarray]:
    with h5py.File(path) as file:
        assert set(file) == DATASETS
        assert file["saliency"].dtype == file["raw"].dtype == np.float32
        assert file["degenerate"].dtype == np.bool_
        content = {name: file[name].asstr()[:] if file[name].dtype == object else file[name][:] for name in file}
    assert content["raw"].shape == content["saliency"].shape
    assert content["saliency"].min() >= 0 and content["saliency"].max() <= 1
    assert (content["saliency"][content["degenerate"]] == 0).all()
    return content


def same_pictures(found: dict[str, np.ndarray], maps: Path) -> None:
    """The pictures and what the classifier said of them are the source's."""
    source = read(maps)
    for name in ("image", "predicted_class", "target_class"):
        np.testing.assert_array_equal(found[name], source[name])


def test_raw_maps_are_gathered_as_they_are(tmp_path: Path) -> None:
    raw = np.random.default_rng(3).normal(size=(4, 3, 5)).astype(np.float32) * 1000
    found = read(write_maps(tmp_path, raw))
    np.testing.assert_array_equal(found["raw"], raw)
    np.testing.assert_array_equal(found["saliency"], stretch(raw)[0])


@settings(max_examples=60, deadline=None)
@given(raw=RAW, block=st.integers(1, 4))
def test_the_study_is_stretched_as_one_map(
    tmp_path_factory: pytest.TempPathFactory, raw: np.ndarray, block: int
) -> None:
    folder = tmp_path_factory.mktemp("study")
    maps = write_maps(folder, raw)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(variants, "BLOCK", block)
        study_range(maps, folder / "out.h5")
    found = read(folder / "out.h5")
    same_pictures(found, maps)
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
    folder = tmp_path_factory.mktemp("percentile")
    maps = write_maps(folder, raw)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(variants, "BLOCK", block)
        with h5py.File(maps) as file:
            low, high, largest = variants._range(file["raw"], maps, percentile)
        values = raw.astype(np.float64)
        assert (low, largest) == (values.min(), values.max())
        # The weight of the upper neighbour is known to the digits of the rank.
        expected = np.percentile(values, percentile)
        assert high == pytest.approx(expected, rel=1e-9, abs=1e-9 * (largest - low) + 1e-30)
        if low < largest and high <= low:
            with pytest.raises(InputError, match="choose a higher one"):
                study_range(maps, folder / "out.h5", percentile)
            return
        study_range(maps, folder / "out.h5", percentile)
    found = read(folder / "out.h5")
    clipped = np.clip((values - low) / ((high - low) or 1), 0, 1).astype(np.float32)
    np.testing.assert_array_equal(found["saliency"][~found["degenerate"]], clipped[~found["degenerate"]])


def test_a_faint_map_stays_faint_and_an_extreme_one_does_not_hide_the_rest(tmp_path: Path) -> None:
    raw = np.linspace(0, 1, 100, dtype=np.float32).reshape(1, 10, 10) * np.array([1, 2, 0.1], np.float32)[:, None, None]
    raw[0, 0, 0] = 1000
    maps = write_maps(tmp_path, raw)
    study_range(maps, tmp_path / "maximum.h5")
    study_range(maps, tmp_path / "robust.h5", upper_percentile=99.5)
    assert read(tmp_path / "maximum.h5")["saliency"][1].max() == np.float32(0.002)
    robust = read(tmp_path / "robust.h5")["saliency"]
    assert robust[0, 0, 0] == 1
    assert robust[1].max() > 0.99
    assert robust[2].max() == pytest.approx(0.05, abs=0.001)
    with h5py.File(tmp_path / "robust.h5") as file:
        assert dict(file.attrs) == {
            "variant": "study_range",
            "upper_percentile": 99.5,
            "low": 0.0,
            "high": pytest.approx(np.percentile(raw.astype(np.float64), 99.5)),
        }


@settings(max_examples=60, deadline=None)
@given(raw=RAW, data=st.data())
def test_each_tile_is_stretched_by_itself(
    tmp_path_factory: pytest.TempPathFactory, raw: np.ndarray, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("tiles")
    count = data.draw(st.integers(1, min(raw.shape[1:])))
    maps = write_maps(folder, raw)
    tiles(maps, folder / "out.h5", tiles=count)
    found = read(folder / "out.h5")
    same_pictures(found, maps)
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
    maps = write_maps(tmp_path, raw)
    tiles(maps, tmp_path / "out.h5", tiles=1)
    for name, values in read(maps).items():
        np.testing.assert_array_equal(read(tmp_path / "out.h5")[name], values)


def picture_bytes(pixels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def write_pictures(path: Path, images: Sequence[str], zipped: Zipped, seed: int = 0) -> Path:
    """Draw pictures of any size with blots in them, and write them to an archive."""
    random = np.random.default_rng(seed)
    members = {}
    for image in images:
        height, width = random.integers(40, 90, 2).tolist()
        pixels = np.full((height, width, 3), random.integers(150, 250, 3), dtype=np.float64)
        for _ in range(3):
            y, x, radius = random.uniform(0, height), random.uniform(0, width), random.uniform(5, 20)
            rows, columns = np.ogrid[:height, :width]
            pixels[(rows - y) ** 2 + (columns - x) ** 2 < radius**2] = random.integers(0, 250, 3)
        members[f"folder/{image}.png"] = picture_bytes(pixels.astype(np.uint8))
    return zipped(path, members)


def members_of(archive: Path) -> dict[str, str]:
    return {image: member.path for image, member in list_pictures(archive).items()}


@pytest.mark.parametrize(("grid", "cells"), [((8, 8), 32), ((7, 5), 33), ((28, 28), 64), ((3, 4), 4)])
def test_superpixels_have_the_mean_of_the_map_scaled_up(
    tmp_path: Path, zipped: Zipped, grid: tuple[int, int], cells: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(variants, "BLOCK", 2)
    raw = np.random.default_rng(1).random((5, *grid), dtype=np.float32) * 30 - 7
    raw[3] = 1.5
    maps = write_maps(tmp_path, raw)
    images = read(maps)["image"].tolist()
    archive = write_pictures(tmp_path / "pictures.zip", images[::-1], zipped)
    superpixels(maps, tmp_path / "out.h5", archive, members_of(archive), count=12, cells=cells)
    found = read(tmp_path / "out.h5")
    same_pictures(found, maps)
    assert found["saliency"].shape == (5, cells, cells)
    assert found["degenerate"].tolist() == [False, False, False, True, False]
    with open_archive(archive) as opened:
        for row, image in enumerate(images):
            labels = superpixel_labels(decode(opened, members_of(archive)[image], cells), 12)
            scaled = np.asarray(Image.fromarray(raw[row]).resize((cells, cells), Image.Resampling.NEAREST))
            for label in np.unique(labels):
                mean = scaled[labels == label].astype(np.float64).mean()
                np.testing.assert_allclose(found["raw"][row][labels == label], mean, rtol=1e-6, atol=1e-6)
                # Whole superpixels: no threshold can part one.
                assert np.unique(found["saliency"][row][labels == label]).size == 1
    np.testing.assert_array_equal(found["saliency"], stretch(found["raw"])[0])
    with h5py.File(tmp_path / "out.h5") as file:
        assert dict(file.attrs) == {"variant": "superpixels", "count": 12, "cells": cells, "compactness": 10.0}


def test_white_superpixels_end_where_the_pictures_areas_do(tmp_path: Path, zipped: Zipped) -> None:
    # A lesion whose border is not on the border of the map's cells: 4 x 4 on 64 x 64, lesion up to column 23.
    pixels = np.full((64, 64, 3), 220, np.uint8)
    pixels[:, :24] = (90, 50, 40)
    archive = zipped(tmp_path / "pictures.zip", {"a.png": picture_bytes(pixels)})
    raw = np.zeros((1, 4, 4), np.float32)
    raw[0, :, 0] = 2
    raw[0, :, 1] = 1
    maps = write_maps(tmp_path, raw, ["a"])
    superpixels(maps, tmp_path / "out.h5", archive, members_of(archive), count=16, cells=64)
    white = read(tmp_path / "out.h5")["saliency"][0] > np.float32(0.45)
    np.testing.assert_array_equal(white, np.broadcast_to(np.arange(64) < 24, (64, 64)))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 12), st.integers(1, 12))
def test_means_of_superpixels(seed: int, height: int, width: int) -> None:
    random = np.random.default_rng(seed)
    values = random.normal(size=(height, width)).astype(np.float32)
    labels = random.integers(0, 5, (height, width)) * 2  # numbers that no cell has are no trouble
    means = superpixel_means(values, labels)
    assert means.dtype == np.float32
    for label in np.unique(labels):
        np.testing.assert_allclose(means[labels == label], values[labels == label].mean(dtype=np.float64), atol=1e-6)


def test_superpixels_are_connected_many_and_the_same_each_time() -> None:
    from scipy import ndimage

    random = np.random.default_rng(2)
    noise = random.integers(0, 255, (64, 64, 3))
    picture = ndimage.gaussian_filter(noise.astype(np.float64), (3, 3, 0)).astype(np.uint8)
    labels = superpixel_labels(picture, 100)
    np.testing.assert_array_equal(labels, superpixel_labels(picture, 100))
    assert 60 <= labels.max() + 1 <= 140
    assert labels.shape == (64, 64) and set(np.unique(labels)) == set(range(labels.max() + 1))
    for label in range(labels.max() + 1):
        assert ndimage.label(labels == label, ndimage.generate_binary_structure(2, 2))[1] == 1


def test_a_plain_picture_is_cut_too() -> None:
    assert superpixel_labels(np.full((32, 32, 3), 90, np.uint8), 16).max() == 15


@pytest.mark.parametrize(
    ("variant", "options", "message"),
    [
        ("study_range", {"upper_percentile": 0}, "upper_percentile: must be above 0"),
        ("study_range", {"upper_percentile": 100.5}, "upper_percentile: must be above 0 and at most 100"),
        ("tiles", {"tiles": 0}, "tiles: must be from 1 to 4"),
        ("tiles", {"tiles": 5}, "tiles: must be from 1 to 4, the cells along a side"),
        ("superpixels", {"cells": 5}, "cells: must be at least 6"),
        ("superpixels", {"count": 3}, "count: must be from 4 to 4096"),
        ("superpixels", {"count": 4097}, "count: must be from 4 to 4096"),
        ("superpixels", {"compactness": 0}, "compactness: must be above 0"),
        ("superpixels", {"members": {}}, "lacks 2 of 2 pictures, among them ISIC_0000000"),
    ],
)
def test_settings_out_of_range_are_named(
    tmp_path: Path, zipped: Zipped, variant: str, options: dict[str, object], message: str
) -> None:
    maps = write_maps(tmp_path, np.random.default_rng(0).random((2, 4, 6), dtype=np.float32))
    if variant == "superpixels":
        archive = write_pictures(tmp_path / "pictures.zip", ["ISIC_0000000", "ISIC_0000001"], zipped)
        options = {"archive": archive, "members": members_of(archive), **options}
    with pytest.raises(InputError, match=message):
        VARIANTS[variant](maps, tmp_path / "out.h5", **options)
    assert not (tmp_path / "out.h5").exists()


def test_a_source_without_raw_maps_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "chance.h5", "w") as file:
        file["saliency"] = np.ones((2, 4, 4), np.float32)
    for variant, options in (
        ("study_range", {}),
        ("tiles", {"tiles": 2}),
        ("superpixels", {"archive": "a.zip", "members": {}}),
    ):
        with pytest.raises(InputError, match=r"chance\.h5 holds no raw maps"):
            VARIANTS[variant](tmp_path / "chance.h5", tmp_path / "out.h5", **options)


def test_a_damaged_picture_leaves_no_file(tmp_path: Path, zipped: Zipped) -> None:
    maps = write_maps(tmp_path, np.random.default_rng(0).random((1, 4, 4), dtype=np.float32))
    archive = zipped(tmp_path / "pictures.zip", {"ISIC_0000000.png": b"no picture"})
    with pytest.raises(InputError, match=r"ISIC_0000000\.png is not a readable picture"):
        superpixels(maps, tmp_path / "out.h5", archive, members_of(archive))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["maps.h5", "pictures.zip", "stores"]


def test_predictions_are_the_classifiers(tmp_path: Path) -> None:
    maps = write_maps(tmp_path, np.random.default_rng(0).random((3, 4, 4), dtype=np.float32))
    tiles(maps, tmp_path / "out.h5", tiles=2)
    assert read_predictions(tmp_path / "out.h5") == read_predictions(maps)


@pytest.mark.parametrize("variant", VARIANTS)
def test_real_pictures_go_on_unchanged_to_the_shards(real_data: Path, tmp_path: Path, variant: str) -> None:
    archive = real_data / "isic-256" / "ISIC2018_Task1-2_Training_Input.zip"
    masks_path = real_data / "isic-256" / "ISIC2018_Task2_Training_GroundTruth_v3.zip"
    features = ["globules", "pigment_network"]
    found = list_pictures(archive)
    random = np.random.default_rng(11)
    images = sorted(random.choice(list(found), 12, replace=False).tolist())
    maps = write_maps(tmp_path, np.maximum(random.normal(size=(12, 8, 8)), 0).astype(np.float32), images)
    options: dict[str, object] = {
        "study_range": {"upper_percentile": 99.5},
        "tiles": {"tiles": 3},
        "superpixels": {"archive": archive, "members": members_of(archive), "cells": 48},
    }[variant]
    VARIANTS[variant](maps, tmp_path / "out.h5", **options)
    saliency = read(tmp_path / "out.h5")["saliency"]
    grid = saliency.shape[1:]
    masks = list_masks(masks_path, images, features)
    counts = count_archive(archive, masks_path, {image: found[image] for image in images}, masks, [grid])
    write_cells(tmp_path / "cells.h5", counts, [grid], features)
    write_curves(tmp_path / "curves.h5", tmp_path / "out.h5", [tmp_path / "cells.h5"], images)
    shards = shard_paths(tmp_path / "shards", [*features, "union"], ["0.000", "0.300", "0.500"])
    write_shards(tmp_path / "curves.h5", shards)
    pixels = {image: brute_force.masks_in(masks_path, image, features) for image in images}
    for (feature, threshold), path in shards.items():
        expected = [
            ",".join(map(str, (image, *brute_force.intersection_and_union(saliency[row], mask, threshold))))
            for row, image in enumerate(images)
            if (mask := pixels[image][feature]).any()
        ]
        assert [line.rpartition(",")[0] for line in path.read_text().splitlines()[1:]] == expected
