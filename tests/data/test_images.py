"""Pictures are opened in one way: the same sizes are taken, and the same faults named, wherever one is read."""

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from dermalign.data.archives import list_pictures, open_archive
from dermalign.data.images import open_picture, picture_sizes
from dermalign.data.masks import MaskReader
from dermalign.data.perceptual_hash import hash_archive
from dermalign.data.pictures import decode, store_pictures
from dermalign.errors import InputError
from picture_readers import read_mask, read_pixels, read_size
from PIL import ExifTags, Image, ImageOps


def read_store(archive: Path) -> None:
    store_pictures(archive, {"a": "a.png"}, ["a"], 8, archive.parent / "store.h5", threads=2)


def read_hash(archive: Path) -> None:
    list(hash_archive(archive, list_pictures(archive)))


READERS = [read_size, read_pixels, read_store, read_hash, read_mask]


def oriented(orientation: int, form: str, values: np.ndarray) -> bytes:
    """Return a picture whose EXIF says how it is to be turned; `values` are its pixels as they are stored."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    stream = io.BytesIO()
    Image.fromarray(values).save(stream, form, exif=exif, **({"quality": 95} if form == "JPEG" else {}))
    return stream.getvalue()


def claiming(width: int, height: int) -> bytes:
    """Return a PNG whose header claims a size and that has no pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


@pytest.mark.parametrize("read", READERS)
def test_a_picture_of_200_megapixels_is_of_a_size_that_is_read(
    tmp_path: Path, zipped: Callable[..., Path], read: Callable[[Path], None]
) -> None:
    archive = zipped(tmp_path / "Input.zip", {"a.png": claiming(20_000, 10_000)})
    if read is read_size:
        assert picture_sizes(archive, list_pictures(archive)) == {"a": (20_000, 10_000)}
        return
    # What is wrong with it is that it has no pixels, not that it has too many.
    with pytest.raises(InputError, match=r"Input\.zip: a\.png is not a readable picture") as stopped:
        read(archive)
    assert "pixels" not in str(stopped.value)


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("width", [60_000, 120_000])  # above twice the limit Pillow stops by itself
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_picture_of_600_megapixels_is_refused(
    tmp_path: Path, zipped: Callable[..., Path], read: Callable[[Path], None], width: int
) -> None:
    archive = zipped(tmp_path / "Input.zip", {"a.png": claiming(width, 10_000)})
    with pytest.raises(InputError, match=r"Input\.zip: a\.png is too large .* at most 500 million .* scale it down"):
        read(archive)


@pytest.mark.parametrize("read", READERS)
def test_more_than_8_bits_are_refused(tmp_path: Path, read: Callable[[Path], None]) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    Image.fromarray(np.full((4, 4), 1000, dtype=np.uint16)).save(folder / "a.png")
    with pytest.raises(InputError, match=r"pictures: a\.png has more than 8 bits a channel .* Convert it"):
        read(folder)


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("content", [b"", b"not a picture", claiming(4, 4)[:20]])
def test_what_is_no_picture_is_named_alike(tmp_path: Path, read: Callable[[Path], None], content: bytes) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "a.png").write_bytes(content)
    with pytest.raises(InputError, match=r"pictures: a\.png is not a readable picture \(.+\)\. Replace the file\. Or"):
        read(folder)


def test_sizes_are_read_from_headers(
    tmp_path: Path, zipped: Callable[..., Path], encoded: Callable[..., bytes]
) -> None:
    png = encoded(width=31, height=20)
    jpeg = encoded(np.random.default_rng(0).integers(0, 256, (100, 200, 3)), form="JPEG")
    archive = zipped(tmp_path / "Input.zip", {"a/one.png": png, "a/two.jpg": jpeg[: len(jpeg) // 2]})
    assert picture_sizes(archive, list_pictures(archive)) == {"one": (31, 20), "two": (200, 100)}


def test_pictures_that_cannot_be_read(
    tmp_path: Path, zipped: Callable[..., Path], encoded: Callable[..., bytes]
) -> None:
    text = zipped(tmp_path / "text.zip", {"a/one.jpg": encoded(form="JPEG"), "a/two.jpg": b"not a picture"})
    with pytest.raises(InputError, match=r"text\.zip: a/two\.jpg is not a readable picture"):
        picture_sizes(text, list_pictures(text))
    damaged = zipped(tmp_path / "damaged.zip", {"a/one.png": encoded(np.zeros((300, 300, 3)))})
    members = list_pictures(damaged)
    content = damaged.read_bytes()
    for start in (0, len(b"PK") + 28 + len("a/one.png")):  # the member's header, its compressed data
        damaged.write_bytes(content[:start] + bytes(8) + content[start + 8 :])
        with pytest.raises(InputError, match=r"damaged\.zip: a/one\.png cannot be read .* archive is damaged: fetch"):
            picture_sizes(damaged, members)


# Pictures are seen upright


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_every_reader_sees_pictures_upright(tmp_path: Path, orientation: int, form: str) -> None:
    values = np.zeros((24, 40), dtype=np.uint8)
    values[:6, :25] = 255  # in one corner, so that each way to turn or mirror it is another picture
    folder, upright = tmp_path / "pictures", tmp_path / "upright"
    for place in (folder, upright):
        place.mkdir()
    (folder / "a.png").write_bytes(oriented(orientation, form, np.stack([values] * 3, axis=-1)))
    expected = ImageOps.exif_transpose(Image.open(folder / "a.png"))
    expected.save(upright / "a.png", exif=Image.Exif())
    size = (40, 24) if orientation < 5 else (24, 40)
    assert expected.size == size
    members = list_pictures(folder)
    assert picture_sizes(folder, members) == {"a": size}
    with open_archive(folder) as opened, open_archive(upright) as turned:
        np.testing.assert_array_equal(decode(opened, "a.png", 16), decode(turned, "a.png", 16))
        box, other = (MaskReader(archive).read("a.png") for archive in (opened, turned))
    assert (box.size, box.left, box.top) == (size, other.left, other.top)
    np.testing.assert_array_equal(box.pixels, other.pixels)
    hashes = [dict(hash_archive(place, list_pictures(place)))["a"] for place in (folder, upright)]
    np.testing.assert_array_equal(*hashes)


def test_broken_exif_makes_no_picture_unreadable(tmp_path: Path) -> None:
    content = oriented(6, "JPEG", np.zeros((8, 12), dtype=np.uint8))
    place = content.index(b"Exif\0\0")
    for broken in (bytes(8), b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08"):
        (tmp_path / "a.png").write_bytes(content[: place + 6] + broken + content[place + 6 + len(broken) :])
        assert picture_sizes(tmp_path, list_pictures(tmp_path)) in ({"a": (12, 8)}, {"a": (8, 12)})


def test_a_picture_that_is_cut_off_in_a_whole_archive(tmp_path: Path, zipped: Callable[..., Path]) -> None:
    stream = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)).save(stream, "JPEG")
    archive = zipped(tmp_path / "Input.zip", {"a.jpg": stream.getvalue()[:-500], "b.jpg": stream.getvalue()[:10]})
    with open_archive(archive) as opened:
        for name, words in {"a.jpg": "image file is truncated", "b.jpg": "Truncated File Read"}.items():
            with (
                pytest.raises(InputError, match=rf"{name} is not a readable .*{words}.* whole, this file in it is not"),
                opened.open(name) as stream,
                open_picture(stream, opened, name) as picture,
            ):
                picture.load()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"<!DOCTYPE html><html>", "a web page, as a download that needs a login gives it"),
        (b"version https://git-lfs.github.com/spec/v1", "a pointer of Git LFS in the place of the file"),
        (bytes(100), "a file of zeros"),
        (b"", "it is empty"),
    ],
)
def test_what_a_file_is_that_is_no_picture(tmp_path: Path, content: bytes, kind: str) -> None:
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(InputError, match=rf"a\.jpg is not a readable picture \(.*{kind}"):
        picture_sizes(tmp_path, list_pictures(tmp_path))
