"""Pictures that were made to harm: small files of a huge size, formats that start programs, bombs beside the pixels."""

import io
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from dermalign.data import images
from dermalign.data.archives import list_pictures, open_archive
from dermalign.data.images import LARGE_PIXELS, picture_sizes
from dermalign.data.pictures import decode
from dermalign.errors import InputError
from picture_readers import read_mask, read_pixels, read_size
from PIL import Image

Measured = Callable[[str, str], tuple[str, int]]


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def grey_png(width: int, height: int, *beside: bytes, value: int = 7) -> bytes:
    """A PNG of one grey, packed without being whole in memory. beside: chunks before the pixels."""
    packer = zlib.compressobj(9)
    row = b"\0" + bytes([value]) * width
    packed = b"".join(packer.compress(row * 100) for _ in range(height // 100)) + packer.compress(row * (height % 100))
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    pixels = chunk(b"IDAT", packed + packer.flush())
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(beside) + pixels + chunk(b"IEND", b"")


def saved(form: str, width: int, height: int, **options: object) -> bytes:
    stream = io.BytesIO()
    Image.new("L", (width, height)).save(stream, form, **options)
    return stream.getvalue()


READERS = [read_size, read_pixels, read_mask]
STORE = "from dermalign.data.pictures import store_pictures"
STORED = "store_pictures({folder!r}, {members!r}, {names!r}, 8, {folder!r} + '/store.h5', threads={threads})"


def stored(measured: Measured, folder: Path, threads: int) -> tuple[str, int]:
    """Store all pictures of a folder at 8 pixels in a process of its own; what is said, and its peak in MiB."""
    members = {path.stem: path.name for path in sorted(folder.glob("*.png"))}
    return measured(STORE, STORED.format(folder=str(folder), members=members, names=list(members), threads=threads))


@pytest.mark.slow
def test_large_pictures_are_decoded_one_at_a_time_however_many_threads_there_are(
    tmp_path: Path, measured: Measured
) -> None:
    """Eight files of 62 kB, of 49 million pixels each: one takes 250 MiB, eight at once 2 GB."""
    content = grey_png(7_000, 7_000)
    assert len(content) < 70_000 and LARGE_PIXELS < 7_000 * 7_000
    (tmp_path / "0.png").write_bytes(content)
    _, of_one = stored(measured, tmp_path, threads=1)
    for number in range(1, 8):
        (tmp_path / f"{number}.png").write_bytes(content)
    printed, peak = stored(measured, tmp_path, threads=8)
    assert not printed.strip()
    assert peak < of_one + 120


@pytest.mark.slow
def test_two_pictures_of_the_largest_size_take_what_one_takes(tmp_path: Path, measured: Measured) -> None:
    """Of 499 million pixels in 600 kB each, with threads for eight: together they would take 5 GB."""
    content = grey_png(49_900, 10_000)
    assert len(content) < 700_000
    for number in range(2):
        (tmp_path / f"{number}.png").write_bytes(content)
    printed, peak = stored(measured, tmp_path, threads=8)
    assert not printed.strip()
    assert peak < 3_000


@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF"])
@pytest.mark.parametrize("read", READERS)
def test_a_small_file_of_a_huge_size_is_refused_before_it_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str, read: Callable[[Path], None]
) -> None:
    """Of every format that is read; the limit is lowered, since some formats cannot say more than 500 megapixels."""
    monkeypatch.setattr(images, "PIXEL_LIMIT", 10_000)
    (tmp_path / "a.png").write_bytes(saved(form, 200, 51))
    decoded = []
    for each in (Image.Image, *(type(Image.open(tmp_path / "a.png")),)):
        monkeypatch.setattr(each, "load", lambda *_: decoded.append(1))
    with pytest.raises(InputError, match=r"a\.png is too large \(200 x 51 pixels\).*scale it down"):
        read(tmp_path)
    assert not decoded


@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF"])
def test_the_formats_that_are_read_are_read_whatever_they_are_called(tmp_path: Path, form: str) -> None:
    (tmp_path / "a.png").write_bytes(saved(form, 20, 10))
    assert picture_sizes(tmp_path, list_pictures(tmp_path)) == {"a": (20, 10)}


EPS = b"""%!PS-Adobe-3.0 EPSF-3.0
%%BoundingBox: 0 0 20 10
%%EndComments
(%pipe%touch PLACE) (w) file closefile
showpage
"""


@pytest.mark.parametrize("read", READERS)
def test_no_program_is_started_for_a_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: Callable[[Path], None]
) -> None:
    """PostScript is a program, which Pillow gives to Ghostscript, whatever the file is called."""
    started = tmp_path / "started"
    program = tmp_path / "bin" / "gs"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ntouch {started}\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "a.png").write_bytes(EPS.replace(b"PLACE", str(started).encode()))
    with pytest.raises(InputError, match=r"a\.png is not a readable picture \(it is a PostScript document\)"):
        read(folder)
    assert not started.exists()


@pytest.mark.parametrize("form", ["PPM", "TGA", "PCX", "ICO", "ICNS", "DDS", "SGI", "IM", "JPEG2000"])
def test_formats_that_no_archive_has_are_not_opened(tmp_path: Path, form: str) -> None:
    """Each decoder is code that a file can attack: few are needed."""
    stream = io.BytesIO()
    Image.new("RGB", (32, 32)).save(stream, form)
    (tmp_path / "a.png").write_bytes(stream.getvalue())
    with pytest.raises(InputError, match=r"a\.png is not a readable picture"):
        picture_sizes(tmp_path, list_pictures(tmp_path))


BOMB = zlib.compress(bytes(200_000_000), 9)
BESIDE = {
    "text": chunk(b"zTXt", b"Raw profile type exif\0\0" + BOMB),
    "international text": chunk(b"iTXt", b"XML:com.adobe.xmp\0\x01\0\0\0" + BOMB),
    "colour profile": chunk(b"iCCP", b"icc\0\0" + BOMB),
    "texts": chunk(b"zTXt", b"text\0\0" + zlib.compress(bytes(1_000_000), 9)) * 200,
}


@pytest.mark.parametrize("beside", BESIDE)
def test_bombs_beside_the_pixels_are_not_inflated(tmp_path: Path, measured: Measured, beside: str) -> None:
    (tmp_path / "a.png").write_bytes(grey_png(8, 8, BESIDE[beside]))
    imports = (
        f"{STORE}\nfrom dermalign.data.images import picture_sizes\nfrom dermalign.data.archives import list_pictures"
    )
    code = f"picture_sizes({str(tmp_path)!r}, list_pictures({str(tmp_path)!r}))\n"
    code += STORED.format(folder=str(tmp_path), members={"a": "a.png"}, names=["a"], threads=1)
    printed, peak = measured(imports, code)
    assert peak < 250  # 64 MiB of texts are what Pillow takes
    assert not printed.strip() or "a.png is not a readable picture (" in printed


@pytest.mark.parametrize("form", ["GIF", "TIFF", "WEBP", "PNG"])
def test_several_pictures_in_a_file_are_refused_without_a_look_at_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    random = np.random.default_rng(0)
    frames = [Image.fromarray(random.integers(0, 256, (30, 40), dtype=np.uint8)) for _ in range(300)]
    options = {"lossless": True} if form == "WEBP" else {}
    frames[0].save(tmp_path / "a.png", form, save_all=True, append_images=frames[1:], **options)
    decoded: list[bool] = []
    monkeypatch.setattr(type(Image.open(tmp_path / "a.png")), "load", lambda _: decoded.append(True))
    with open_archive(tmp_path) as opened, pytest.raises(InputError, match=r"a\.png holds 300 pictures"):
        decode(opened, "a.png", 40)
    assert not decoded


def test_a_chunk_that_claims_to_be_long_takes_no_memory(tmp_path: Path, measured: Measured) -> None:
    header = grey_png(8, 8)[:33]
    (tmp_path / "a.png").write_bytes(header + struct.pack(">I", 2**31 - 1) + b"iCCP" + b"icc\0\0" + bytes(50))
    printed, peak = stored(measured, tmp_path, threads=1)
    assert "a.png is not a readable picture" in printed
    assert peak < 120
