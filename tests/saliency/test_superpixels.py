"""One value for each superpixel of the picture: by its definition, whole, and where the picture's areas end."""

import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dermalign.data.archives import list_pictures, open_archive
from dermalign.data.pictures import decode
from dermalign.errors import InputError
from dermalign.saliency import maps as map_files
from dermalign.saliency.stretching import stretch
from dermalign.saliency.superpixels import superpixel_labels, superpixel_means, superpixels
from hypothesis import given, settings
from hypothesis import strategies as st
from map_cases import check_refused, gathered, made, read
from PIL import Image

Zipped = Callable[[Path, Mapping[str, bytes]], Path]


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


@pytest.mark.parametrize(("grid", "cells"), [((8, 8), 32), ((7, 5), 33), ((28, 28), 64), ((3, 4), 4)])
def test_superpixels_have_the_mean_of_the_map_scaled_up(
    tmp_path: Path, zipped: Zipped, grid: tuple[int, int], cells: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(map_files, "rows_in_memory", lambda cells: 2)
    raw = np.random.default_rng(1).random((5, *grid), dtype=np.float32) * 30 - 7
    raw[3] = 1.5
    maps = gathered(tmp_path, raw)
    images = read(maps)["image"].tolist()
    archive = write_pictures(tmp_path / "pictures.zip", images[::-1], zipped)
    found = made(superpixels, maps, archive, count=12, cells=cells)
    assert found["saliency"].shape == (5, cells, cells)
    assert found["degenerate"].tolist() == [False, False, False, True, False]
    members = list_pictures(archive)
    with open_archive(archive) as opened:
        for row, image in enumerate(images):
            labels = superpixel_labels(decode(opened, members[image].path, cells), 12)
            scaled = np.asarray(Image.fromarray(raw[row]).resize((cells, cells), Image.Resampling.NEAREST))
            for label in np.unique(labels):
                mean = scaled[labels == label].astype(np.float64).mean()
                np.testing.assert_allclose(found["raw"][row][labels == label], mean, rtol=1e-6, atol=1e-6)
                # Whole superpixels: no threshold can part one.
                assert np.unique(found["saliency"][row][labels == label]).size == 1
    np.testing.assert_array_equal(found["saliency"], stretch(found["raw"])[0])


def test_white_superpixels_end_where_the_pictures_areas_do(tmp_path: Path, zipped: Zipped) -> None:
    # A lesion whose border is not on the border of the map's cells: 4 x 4 on 64 x 64, lesion up to column 23.
    pixels = np.full((64, 64, 3), 220, np.uint8)
    pixels[:, :24] = (90, 50, 40)
    archive = zipped(tmp_path / "pictures.zip", {"a.png": picture_bytes(pixels)})
    raw = np.zeros((1, 4, 4), np.float32)
    raw[0, :, 0] = 2
    raw[0, :, 1] = 1
    found = made(superpixels, gathered(tmp_path, raw, ["a"]), archive, count=16, cells=64)
    white = found["saliency"][0] > np.float32(0.45)
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
    ("options", "message"),
    [
        ({"cells": 5}, "cells: must be at least 6"),
        ({"count": 3}, "count: must be from 4 to 4096"),
        ({"count": 4097}, "count: must be from 4 to 4096"),
        ({"compactness": 0}, "compactness: must be above 0"),
    ],
)
def test_settings_out_of_range_are_named(tmp_path: Path, zipped: Zipped, options: dict[str, Any], message: str) -> None:
    archive = write_pictures(tmp_path / "pictures.zip", ["ISIC_0000000", "ISIC_0000001"], zipped)
    check_refused(superpixels, tmp_path, message, archive, **{"cells": 64, **options})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"ISIC_0000000.png": b"no picture"}, r"ISIC_0000000\.png is not a readable picture"),
        ({"ISIC_0000001.png": b""}, r"lacks 1 of 1 pictures, among them ISIC_0000000"),
    ],
)
def test_a_damaged_or_missing_picture_leaves_no_file(
    tmp_path: Path, zipped: Zipped, content: dict[str, bytes], message: str
) -> None:
    maps = gathered(tmp_path, np.random.default_rng(0).random((1, 4, 4), dtype=np.float32))
    archive = zipped(tmp_path / "pictures.zip", content)
    with pytest.raises(InputError, match=message):
        made(superpixels, maps, archive, cells=64)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["maps.h5", "pictures.zip", "stores"]
