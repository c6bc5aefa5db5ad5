"""Mask cells: every count is the pixels', whatever the sizes, grids and kinds of masks."""

import io
import tracemalloc
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import brute_force
import numpy as np
import pytest
from dermalign.data import masks
from dermalign.data.archives import list_pictures
from dermalign.data.cell_files import write_cells
from dermalign.data.grids import cell_areas
from dermalign.data.mask_counts import count_cells
from dermalign.data.mask_files import list_masks
from dermalign.data.masks import unite, white_box
from dermalign.errors import InputError
from dermalign.overlap.mask_cells import count_archive, count_picture
from engine_cases import GRIDS, SIDES, counted, draw_mask, pictures
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

KINDS = st.sampled_from(["black", "full", "pixel", "box", "noise"])
SEEDS = st.integers(0, 2**32)


@settings(max_examples=200, deadline=None)
@given(seed=SEEDS, kind=KINDS, grids=st.lists(GRIDS, min_size=1, max_size=3), width=SIDES, height=SIDES)
def test_counts_are_the_pixels(seed: int, kind: str, grids: list[tuple[int, int]], width: int, height: int) -> None:
    mask = Image.fromarray(draw_mask(np.random.default_rng(seed), kind, width, height))
    white = brute_force.white_pixels(mask)
    box = white_box(mask)
    assert box.count() == white.sum()
    for grid, counts in zip(grids, count_cells(box, grids), strict=True):
        np.testing.assert_array_equal(counts, brute_force.cell_counts(white, grid))
        # Several grids at once are each grid alone.
        np.testing.assert_array_equal(counts, count_cells(box, [grid])[0])
        assert (counts <= cell_areas(grid, width, height)).all()


@pytest.mark.parametrize("height", [254, 255, 256, 510, 511, 1021])
def test_no_sum_overflows(height: int) -> None:
    mask = Image.fromarray(np.full((height, 3), 255, dtype=np.uint8))
    assert count_cells(white_box(mask), [(1, 1), (2, 3)])[0].tolist() == [[3 * height]]


@settings(max_examples=100, deadline=None)
@given(seed=SEEDS, kinds=st.lists(KINDS, max_size=5), width=SIDES, height=SIDES)
def test_union_is_the_pixelwise_or(seed: int, kinds: list[str], width: int, height: int) -> None:
    random = np.random.default_rng(seed)
    drawn = [Image.fromarray(draw_mask(random, kind, width, height)) for kind in kinds]
    united = unite([white_box(mask) for mask in drawn], (width, height))
    expected = np.zeros((height, width), dtype=bool)
    for mask in drawn:
        expected |= brute_force.white_pixels(mask)
    assert united.count() == expected.sum()
    np.testing.assert_array_equal(count_cells(united, [(7, 5)])[0], brute_force.cell_counts(expected, (7, 5)))


def in_mode(mask: Image.Image, mode: str) -> Image.Image:
    if mode == "P reversed":  # a palette whose number 0 is white
        values = np.where(np.asarray(mask) > 127, 0, 1).astype(np.uint8)
        palette = Image.fromarray(values)
        palette.putpalette([255, 255, 255, 0, 0, 0])
        return palette
    return mask.convert(mode)


@pytest.mark.parametrize("mode", ["L", "1", "P", "P reversed", "RGB", "RGBA", "LA"])
@pytest.mark.parametrize("kind", ["black", "full", "pixel", "box", "noise"])
def test_every_mode_of_a_mask_is_read(mode: str, kind: str) -> None:
    grey = draw_mask(np.random.default_rng(7), kind, 41, 23)
    stream = io.BytesIO()
    in_mode(Image.fromarray(np.where(grey > 127, 255, 0).astype(np.uint8)), mode).save(stream, "PNG")
    found = count_picture("a", [("streaks", white_box(Image.open(stream)))], [(4, 4)], (41, 23))
    for name in ("streaks", "union"):
        assert found.white[name] == (grey > 127).sum()
        np.testing.assert_array_equal(found.cells[4, 4][name], brute_force.cell_counts(grey > 127, (4, 4)))


def test_a_mask_of_another_size_is_refused() -> None:
    mask = Image.fromarray(np.zeros((20, 30), dtype=np.uint8))
    with pytest.raises(InputError, match=r"streaks of ISIC_1 has 30 x 20 pixels, its picture 20 x 30"):
        count_picture("ISIC_1", [("streaks", white_box(mask))], [(4, 4)], (20, 30))


@settings(max_examples=30, deadline=None)
@given(drawn=pictures((3, 4)), data=st.data())
def test_counts_of_a_picture_do_not_depend_on_the_grids_beside_it(drawn: list, data: st.DataObject) -> None:
    others = data.draw(st.lists(GRIDS, max_size=3))
    for picture in drawn:
        alone, together = counted(picture, [(3, 4)]), counted(picture, [*others, (3, 4)])
        assert alone.white == together.white
        for name, counts in alone.cells[3, 4].items():
            np.testing.assert_array_equal(counts, together.cells[3, 4][name])


# Archives


def png(values: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(values).save(stream, "PNG")
    return stream.getvalue()


def write_archives(folder: Path, masks: Mapping[str, bytes], size: tuple[int, int] = (30, 20)) -> tuple[Path, Path]:
    """Write one picture, ISIC_0000001, and its masks by feature; return both archives' paths."""
    picture = io.BytesIO()
    Image.new("RGB", size).save(picture, "JPEG")
    with zipfile.ZipFile(folder / "pictures.zip", "w") as opened:
        opened.writestr("pictures/ISIC_0000001.jpg", picture.getvalue())
    with zipfile.ZipFile(folder / "masks.zip", "w") as opened:
        for feature, content in masks.items():
            opened.writestr(f"masks/ISIC_0000001_attribute_{feature}.png", content)
    return folder / "pictures.zip", folder / "masks.zip"


def count_all(pictures_path: Path, masks_path: Path, grids: list[tuple[int, int]]) -> list:
    found = list_pictures(pictures_path)
    return list(count_archive(pictures_path, masks_path, found, list_masks(masks_path, found, ["streaks"]), grids))


NOISE = np.random.default_rng(1).integers(0, 2, (20, 30), dtype=np.uint8) * 255


def test_masks_are_counted_straight_from_archives(tmp_path: Path) -> None:
    (found,) = count_all(*write_archives(tmp_path, {"streaks": png(NOISE)}), [(8, 8)])
    assert (found.image, found.width, found.height) == ("ISIC_0000001", 30, 20)
    np.testing.assert_array_equal(found.cells[8, 8]["streaks"], brute_force.cell_counts(NOISE > 127, (8, 8)))


def test_a_folder_with_another_pattern_gives_the_same_file(tmp_path: Path) -> None:
    masks = {"streaks": png(NOISE), "dots": png(255 - NOISE)}
    as_zip = write_archives(tmp_path, masks)
    with zipfile.ZipFile(as_zip[0]) as opened:
        opened.extractall(tmp_path / "folder")
    for feature, content in masks.items():
        (tmp_path / "marked" / feature).mkdir(parents=True)
        one_bit = Image.open(io.BytesIO(content)).convert("1")
        one_bit.save(tmp_path / "marked" / feature / "ISIC_0000001.tif", compression="group4")
    as_folder = (tmp_path / "folder", tmp_path / "marked")
    written = []
    for (pictures_path, masks_path), pattern in (
        (as_zip, "{image}_attribute_{feature}.png"),
        (as_folder, "{feature}/{image}.tif"),
    ):
        found = list_pictures(pictures_path)
        of = list_masks(masks_path, found, list(masks), pattern)
        counts = count_archive(pictures_path, masks_path, found, of, [(8, 8)])
        write_cells(tmp_path / "cells.h5", counts, [(8, 8)], list(masks))
        written.append((tmp_path / "cells.h5").read_bytes())
    assert written[0] == written[1]


def test_a_mask_that_is_not_there_is_all_black(tmp_path: Path) -> None:
    pictures_path, masks_path = write_archives(tmp_path, {"streaks": png(NOISE)})
    found = list_pictures(pictures_path)
    masks = list_masks(masks_path, found, ["streaks"])
    masks["ISIC_0000001"]["dots"] = None
    (cells,) = count_archive(pictures_path, masks_path, found, masks, [(4, 4)])
    assert cells.white == {"streaks": (NOISE > 127).sum(), "dots": 0, "union": (NOISE > 127).sum()}
    assert not cells.cells[4, 4]["dots"].any()


def test_black_masks_are_decoded_once_and_counted_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    white, black = np.full((20, 30), 255, dtype=np.uint8), np.zeros((20, 30), dtype=np.uint8)
    contents = [png(black), png(NOISE), png(black), png(white), png(NOISE), png(black), png(np.zeros((30, 20), "u1"))]
    names = [f"ISIC_{number}" for number in range(len(contents))]
    with (
        zipfile.ZipFile(tmp_path / "pictures.zip", "w") as pictures_zip,
        zipfile.ZipFile(tmp_path / "masks.zip", "w") as of,
    ):
        for name, content in zip(names, contents, strict=True):
            pictures_zip.writestr(f"{name}.png", content)
            of.writestr(f"{name}_attribute_streaks.png", content)
    decoded = []
    monkeypatch.setattr(masks, "white_box", lambda mask: decoded.append(mask) or white_box(mask))
    counts = count_all(tmp_path / "pictures.zip", tmp_path / "masks.zip", [(4, 4)])
    noise = int((NOISE > 127).sum())
    assert [cells.white["streaks"] for cells in counts] == [0, noise, 0, 600, noise, 0, 0]
    assert [(cells.width, cells.height) for cells in counts] == [(30, 20)] * 6 + [(20, 30)]
    assert len(decoded) == 5


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(png(NOISE)[:-60], id="cut off"),
        pytest.param(png(NOISE)[:20], id="header cut off"),
        pytest.param(b"", id="empty"),
        pytest.param(png(NOISE)[:11] + b"\x05" + png(NOISE)[12:], id="header too short"),
        pytest.param(b"<html>not found</html>", id="no picture"),
        pytest.param(png(NOISE.astype(np.uint16) * 257), id="16 bits"),
        pytest.param(png(NOISE.T.copy()), id="another size"),
    ],
)
def test_a_wrong_mask_is_named(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(InputError, match=r"streaks"):
        count_all(*write_archives(tmp_path, {"streaks": content}), [(8, 8)])


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_damaged_archive_is_named(tmp_path: Path, compression: int) -> None:
    pictures_path, masks_path = write_archives(tmp_path, {"streaks": png(NOISE)})
    name = "masks/ISIC_0000001_attribute_streaks.png"
    with zipfile.ZipFile(masks_path, "w", compression) as opened:
        opened.writestr(name, png(NOISE))
    content = bytearray(masks_path.read_bytes())
    start = 30 + len(name)  # of the member's bytes, behind its header
    content[start : start + 40] = b"\xff" * 40
    masks_path.write_bytes(content)
    with pytest.raises(InputError, match=r"masks\.zip.*streaks"):
        count_all(pictures_path, masks_path, [(8, 8)])


def test_memory_is_one_pictures(tmp_path: Path) -> None:
    side = 800
    content = png(np.random.default_rng(2).integers(0, 2, (side, side), dtype=np.uint8) * 255)
    pictures_path, masks_path = tmp_path / "pictures.zip", tmp_path / "masks.zip"
    picture = io.BytesIO()
    Image.new("L", (side, side)).save(picture, "JPEG")
    images = [f"ISIC_{number:07d}" for number in range(12)]
    with zipfile.ZipFile(pictures_path, "w") as opened_pictures, zipfile.ZipFile(masks_path, "w") as opened_masks:
        for image in images:
            opened_pictures.writestr(f"{image}.jpg", picture.getvalue())
            opened_masks.writestr(f"{image}_attribute_streaks.png", content)
    tracemalloc.start()
    count_all(pictures_path, masks_path, [(8, 8)])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6 * side**2


def test_real_masks_are_counted_as_the_pixels(real_data: Path) -> None:
    pictures_path = real_data / "isic-256" / "ISIC2018_Task1-2_Training_Input.zip"
    masks_path = real_data / "isic-256" / "ISIC2018_Task2_Training_GroundTruth_v3.zip"
    features = ["globules", "milia_like_cyst", "negative_network", "pigment_network", "streaks"]
    found = list_pictures(pictures_path)
    images = np.random.default_rng(20).choice(list(found), 40, replace=False).tolist()
    grids = [(28, 28), (8, 8), (7, 7)]
    masks = list_masks(masks_path, images, features)
    for cells in count_archive(pictures_path, masks_path, {image: found[image] for image in images}, masks, grids):
        expected = brute_force.masks_in(masks_path, cells.image, features)
        assert cells.white == {name: mask.sum() for name, mask in expected.items()}
        for grid in grids:
            for name, mask in expected.items():
                np.testing.assert_array_equal(cells.cells[grid][name], brute_force.cell_counts(mask, grid))


# Real masks, written as other programs write them


def ones(mask: Image.Image) -> Image.Image:
    return mask.point(lambda value: value // 255)


def palette(mask: Image.Image) -> Image.Image:
    image = ones(mask)
    image.putpalette([0, 0, 0, 128, 0, 0])
    return image


def alpha(mask: Image.Image) -> Image.Image:
    image = Image.new("RGBA", mask.size, (255, 255, 255, 0))
    image.putalpha(mask)
    return image


def red(mask: Image.Image) -> Image.Image:
    return Image.merge("RGB", [mask, *[Image.new("L", mask.size)] * 2])


@pytest.mark.parametrize("rewrite", [ones, palette, alpha, red])
def test_real_masks_count_the_same_however_they_are_written(
    real_data: Path, tmp_path: Path, rewrite: Callable[[Image.Image], Image.Image]
) -> None:
    folder = real_data / "isic-256"
    archives = [folder / "ISIC2018_Task1-2_Training_Input.zip", folder / "ISIC2018_Task2_Training_GroundTruth_v3.zip"]
    pictures = dict(list(list_pictures(archives[0]).items())[::20])
    features = ["globules", "milia_like_cyst", "negative_network", "pigment_network", "streaks"]
    masks = list_masks(archives[1], pictures, features)
    rewritten = tmp_path / "masks.zip"
    with zipfile.ZipFile(archives[1]) as source, zipfile.ZipFile(rewritten, "w") as target:
        for of_image in masks.values():
            for member in of_image.values():
                mask = Image.open(io.BytesIO(source.read(member.path))).convert("L")
                assert set(np.unique(np.asarray(mask))) <= {0, 255}
                stream = io.BytesIO()
                rewrite(mask).save(stream, "PNG")
                target.writestr(member.path.replace(".png", ".PNG"), stream.getvalue())
    grids = [(8, 8), (28, 28)]
    as_they_are = count_archive(*archives, pictures, masks, grids)
    others = count_archive(archives[0], rewritten, pictures, list_masks(rewritten, pictures, features), grids)
    white = 0
    for expected, found in zip(as_they_are, others, strict=True):
        assert (found.image, found.white) == (expected.image, expected.white)
        white += found.white["union"]
        for grid in grids:
            for feature in found.white:
                np.testing.assert_array_equal(found.cells[grid][feature], expected.cells[grid][feature])
        assert set(found.readings) == {feature for feature in features if found.white[feature]}
        assert not expected.readings
    assert white > 10_000
