"""Decoding once: pixels, order, damage and memory."""

import io
import tracemalloc
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from dermalign.data.archives import open_archive
from dermalign.data.pictures import decode, store_pictures
from dermalign.errors import InputError
from PIL import Image


def encoded(seed: int, width: int = 40, height: int = 30, mode: str = "RGB", form: str = "JPEG") -> bytes:
    shape = (height, width, 3) if mode == "RGB" else (height, width)
    pixels = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, form)
    return stream.getvalue()


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "pictures.zip"
    with zipfile.ZipFile(path, "w") as opened:
        for number in range(5):
            opened.writestr(f"folder/p{number}.jpg", encoded(number))
        opened.writestr("folder/grey.png", encoded(9, mode="L", form="PNG"))
        opened.writestr("folder/short.jpg", encoded(3)[:-600])
        opened.writestr("folder/text.jpg", b"not a picture")
    return path


def test_decode_squeezes_the_whole_picture(archive: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        found = decode(opened, "folder/p1.jpg", 16)
        whole = Image.open(io.BytesIO(opened.read("folder/p1.jpg")))
        assert decode(opened, "folder/grey.png", 16).shape == (16, 16, 3)
    np.testing.assert_array_equal(found, np.asarray(whole.resize((16, 16), Image.Resampling.BILINEAR)))
    assert found.dtype == np.uint8


@pytest.mark.parametrize("threads", [1, 3])
def test_store_keeps_order_and_pixels(archive: Path, tmp_path: Path, threads: int) -> None:
    images = ["p4", "p0", "p2"]
    members = {f"p{number}": f"folder/p{number}.jpg" for number in range(5)}
    store_pictures(archive, members, images, 24, tmp_path / "store.h5", threads)
    with h5py.File(tmp_path / "store.h5") as file, zipfile.ZipFile(archive) as opened:
        assert list(file["image"].asstr()) == images
        assert file["pictures"].chunks is None
        assert file["pictures"].compression is None
        for row, image in enumerate(images):
            np.testing.assert_array_equal(file["pictures"][row], decode(opened, members[image], 24))


@pytest.mark.parametrize("member", ["folder/short.jpg", "folder/text.jpg", "folder/none.jpg"])
@pytest.mark.parametrize("threads", [1, 2])
def test_damage_names_archive_and_member_and_leaves_no_file(
    archive: Path, tmp_path: Path, member: str, threads: int
) -> None:
    with pytest.raises(InputError, match=rf"pictures\.zip.*{member}"):
        store_pictures(archive, {"a": member}, ["a"], 16, tmp_path / "store.h5", threads)
    assert [path.name for path in tmp_path.iterdir()] == ["pictures.zip"]


def test_damaged_bytes_inside_the_archive_are_named(tmp_path: Path) -> None:
    path = tmp_path / "pictures.zip"
    with zipfile.ZipFile(path, "w") as opened:
        opened.writestr("a.jpg", encoded(1))
    content = bytearray(path.read_bytes())
    content[200] ^= 255
    path.write_bytes(bytes(content))
    with pytest.raises(InputError, match=r"pictures\.zip: a\.jpg"), zipfile.ZipFile(path) as opened:
        decode(opened, "a.jpg", 8)


@pytest.mark.parametrize("form", ["BMP", "TIFF", "WEBP"])
def test_a_folder_and_other_formats(archive: Path, tmp_path: Path, form: str) -> None:
    with zipfile.ZipFile(archive) as opened:
        whole = Image.open(io.BytesIO(opened.read("folder/p1.jpg")))
        expected = decode(opened, "folder/p1.jpg", 16)
    (tmp_path / "folder").mkdir()
    whole.save(tmp_path / "folder" / f"p1.{form.lower()}", form, lossless=True)
    with open_archive(tmp_path) as opened:
        np.testing.assert_array_equal(decode(opened, f"folder/p1.{form.lower()}", 16), expected)


def test_more_than_8_bits_are_refused(tmp_path: Path) -> None:
    Image.fromarray(np.full((4, 4), 1000, dtype=np.uint16)).save(tmp_path / "deep.tif")
    with open_archive(tmp_path) as opened, pytest.raises(InputError, match=r"deep\.tif .* more than 8 bits"):
        decode(opened, "deep.tif", 8)


def test_wrong_lists_are_refused(archive: Path, tmp_path: Path) -> None:
    members = {"p0": "folder/p0.jpg"}
    with pytest.raises(InputError, match="lacks 1 of 2 pictures, among them q"):
        store_pictures(archive, members, ["p0", "q"], 16, tmp_path / "store.h5")
    with pytest.raises(InputError, match="more than once"):
        store_pictures(archive, members, ["p0", "p0"], 16, tmp_path / "store.h5")
    with pytest.raises(InputError, match="no pictures"):
        store_pictures(archive, members, [], 16, tmp_path / "store.h5")
    with pytest.raises(InputError, match=r"none\.zip"):
        store_pictures(tmp_path / "none.zip", members, ["p0"], 16, tmp_path / "store.h5")


def test_memory_does_not_grow_with_the_number_of_pictures(tmp_path: Path) -> None:
    path, picture = tmp_path / "many.zip", encoded(1, 64, 64)
    members = {f"p{number}": f"p{number}.jpg" for number in range(160)}
    with zipfile.ZipFile(path, "w") as opened:
        for member in members.values():
            opened.writestr(member, picture)
    tracemalloc.start()
    try:
        store_pictures(path, members, list(members), 128, tmp_path / "store.h5")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 160 * 128 * 128 * 3 / 3, "the whole store would be 7.9 MB"
