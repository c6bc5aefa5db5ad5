"""Zips that were made to harm: paths that lead out, links, names that recur, members that overlap, and bombs."""

import io
import json
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from dermalign.data import archives
from dermalign.data.archives import Zip, list_members, list_pictures, open_archive, read_member
from dermalign.data.feedback import read_feedback, read_mask
from dermalign.data.masks import MaskReader
from dermalign.errors import InputError
from zip_cases import headers

Measured = Callable[[str, str], tuple[str, int]]
READ = "from dermalign.data.archives import list_pictures, open_archive, read_member, read_up_to"
READ_ALL = """
with open_archive({path!r}) as opened:
    for name in {names!r}:
        print(len(read_member(opened, name).getvalue()))
"""
PICTURES = """
list_pictures({path!r})
"""


def written(path: Path, members: list[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED) -> Path:
    """A zip with these members, also of one name."""
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def raw_zip(path: Path, files: list[tuple[bytes, bytes, int, int, int]], offsets: list[int] | None = None) -> Path:
    """A zip made byte by byte, as Python's own would not write it.

    files: name, deflated content, CRC-32 and size that are declared, and method of each. offsets: where the directory
    says that they lie, if not where they do.
    """
    content, directory = b"", b""
    for number, (name, deflated, crc, size, method) in enumerate(files):
        fields = struct.pack("<HHHHHLLLHH", 20, 0, method, 0, 33, crc, len(deflated), size, len(name), 0)
        at = len(content) if offsets is None else offsets[number]
        content += b"PK\x03\x04" + fields + name + deflated
        directory += b"PK\x01\x02" + struct.pack("<H", 20) + fields + bytes(6) + struct.pack("<LL", 0, at) + name
    end = struct.pack("<HHHHLLH", 0, 0, len(files), len(files), len(directory), len(content), 0)
    path.write_bytes(content + directory + b"PK\x05\x06" + end)
    return path


def deflated(content: bytes) -> bytes:
    return zlib.compress(content, 9)[2:-4]


@contextmanager
def nothing_written(folder: Path) -> Iterator[None]:
    """Fails where a file appears in a folder or in the one above."""
    before = {*folder.rglob("*"), *folder.parent.glob("*")}
    yield
    assert {*folder.rglob("*"), *folder.parent.glob("*")} == before


LEADING_OUT = [
    "../a.png",
    "x/../../a.png",
    "/etc/a.png",
    "C:\\a.png",
    "c:/a.png",
    "..\\a.png",
    "\\\\server\\a.png",
    "a/..",
]


@pytest.mark.parametrize("name", LEADING_OUT)
def test_paths_that_lead_out_are_refused_and_nothing_is_written(
    tmp_path: Path, encoded: Callable[..., bytes], name: str
) -> None:
    folder = tmp_path / "study"
    folder.mkdir()
    path = written(folder / "Input.zip", [("b.png", encoded()), (name, encoded())])
    with (
        nothing_written(folder),
        pytest.raises(InputError, match=r"Input\.zip holds .* leads out of it.*Do not unpack"),
    ):
        list_pictures(path)
    with nothing_written(folder), pytest.raises(InputError, match=r"Input\.zip holds"):
        read_feedback(written(folder / "Input.zip", [(name, encoded())]))


def test_a_name_that_ends_at_a_nul_is_refused(tmp_path: Path, encoded: Callable[..., bytes]) -> None:
    path = written(tmp_path / "Input.zip", [("a.png~b.exe", encoded())])
    path.write_bytes(path.read_bytes().replace(b"a.png~b.exe", b"a.png\0b.exe"))
    with pytest.raises(InputError, match=r"Input\.zip holds 'a\.png\\x00b\.exe'"):
        list_pictures(path)


@pytest.mark.parametrize(
    "name", ["a\nb", "a\x1b[2Jb", "a\x7f", "a\u202egpj", "\u2066a", "a\u2028b", "a\u200fb", "x" * 161, "é" * 81]
)
@pytest.mark.parametrize("of_folder", [False, True])
def test_names_that_no_result_can_have_are_refused(tmp_path: Path, name: str, of_folder: bool) -> None:
    place = tmp_path / "Input"
    if of_folder:
        place.mkdir()
        (place / f"{name}.png").write_bytes(b"a")
    else:
        written(place, [(f"{name}.png", b"a")])
    with pytest.raises(InputError, match=r"Input: the picture '.*' has a .*\. Rename it") as stopped:
        list_pictures(place)
    assert str(stopped.value).isprintable()


def test_names_of_a_folder_that_are_no_utf_8_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a\udcff.png").write_bytes(b"a")
    with pytest.raises(InputError, match=r"the picture 'a\\udcff' has a character"):
        list_pictures(tmp_path)


def test_the_longest_name_that_is_read_has_results(tmp_path: Path) -> None:
    path = written(tmp_path / "Input.zip", [(f"{'é' * 80}.png", b"a")])
    (name,) = list_pictures(path)
    (tmp_path / f"{name}_attribute_{'f' * 60}.png").write_bytes(b"")


@pytest.mark.parametrize("target", ["/etc/passwd", "../../secret.png", "b.png"])
def test_links_in_a_zip_are_refused(tmp_path: Path, encoded: Callable[..., bytes], target: str) -> None:
    link = zipfile.ZipInfo("a.png")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    path = written(tmp_path / "Input.zip", [("b.png", encoded())])
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(link, target)
    with pytest.raises(InputError, match=r"1 of 2 files are links, which name files outside of the zip, as a\.png"):
        list_pictures(path)


def test_links_in_folders_are_followed_and_others_led_out(tmp_path: Path, encoded: Callable[..., bytes]) -> None:
    """What is linked is read, as data on clusters often are links; a path is never followed out of the folder."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.png").write_bytes(encoded())
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "data" / "device.png").symlink_to("/dev/zero")
    assert [member.path for member in list_members(tmp_path / "data")] == ["linked/a.png"]
    with open_archive(tmp_path / "data") as opened:
        assert read_member(opened, "linked/a.png").getvalue() == encoded()
        for name in ("../elsewhere/a.png", f"{tmp_path}/elsewhere/a.png", "linked/../../elsewhere/a.png"):
            with pytest.raises(InputError, match=r"there is no such file in it"):
                read_member(opened, name)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("second", ["a.png", ".\\a.png"])
def test_two_members_at_one_path_are_refused(tmp_path: Path, encoded: Callable[..., bytes], second: str) -> None:
    path = written(tmp_path / "Input.zip", [("a.png", encoded(width=4)), (second, encoded(width=5))])
    for call in (list_pictures, list_members) if second == "a.png" else (list_pictures,):
        with pytest.raises(InputError, match=r"Input\.zip holds .*a.*\. Remove (or rename )?one of them"):
            call(path)


def test_a_flat_bomb_of_overlapping_members_is_refused(tmp_path: Path, measured: Measured) -> None:
    """As in Fifield's: every member of the directory is the same kernel, so that 200 times 10 MB stand in 30 kB."""
    content = bytes(10_000_000)
    kernel = deflated(content)
    files = [(b"%03d.png" % number, kernel, zlib.crc32(content), len(content), 8) for number in range(200)]
    single = raw_zip(tmp_path / "one.zip", files[:1]).read_bytes()
    local = single[: single.index(b"PK\x01\x02")]
    several = raw_zip(tmp_path / "Input.zip", files, [0] * len(files)).read_bytes()
    directory = several[several.index(b"PK\x01\x02") : -22]
    end = struct.pack("<HHHHLLH", 0, 0, len(files), len(files), len(directory), len(local), 0)
    path = tmp_path / "Input.zip"
    path.write_bytes(local + directory + b"PK\x05\x06" + end)
    assert path.stat().st_size < 100_000
    printed, peak = measured(READ, READ_ALL.format(path=str(path), names=["000.png"]))
    assert "'000.png' and '001.png' overlap, as in a zip that is damaged, or made to fill a disk" in printed
    assert peak < 120
    with pytest.raises(InputError, match="overlap"):
        read_feedback(path)


def test_a_member_that_reaches_into_the_directory_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "Input.zip", [("a.png", b"a" * 50)], zipfile.ZIP_STORED)
    content = bytearray(path.read_bytes())
    for place in headers(content, 18, 20):
        content[place : place + 4] = struct.pack("<L", 90)
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"'a\.png' overlaps with its directory"):
        list_pictures(path)


# Bombs


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_member_that_declares_a_huge_size_is_refused_before_it_is_read(
    tmp_path: Path, measured: Measured, method: int
) -> None:
    path = written(tmp_path / "Input.zip", [("a.png", bytes(100_000))], method)
    content = bytearray(path.read_bytes())
    for place in headers(content, 22, 24):
        content[place : place + 4] = struct.pack("<L", 2**31)
    path.write_bytes(content)
    printed, peak = measured(READ, READ_ALL.format(path=str(path), names=["a.png"]))
    assert "Input.zip: a.png has more than 1024 MiB once it is unpacked, which no picture has. Replace it" in printed
    assert peak < 120


@pytest.mark.parametrize("forged", [False, True])
def test_a_member_that_declares_little_and_inflates_to_a_lot_is_read_as_far_as_it_declares(
    tmp_path: Path, measured: Measured, forged: bool
) -> None:
    """100 MB where 1000 bytes are declared; forged: with the checksum of these, so that nothing tells."""
    path = written(tmp_path / "Input.zip", [("a.png", bytes(100_000_000))])
    content = bytearray(path.read_bytes())
    for size, crc in zip(headers(content, 22, 24), headers(content, 14, 16), strict=True):
        content[size : size + 4] = struct.pack("<L", 1000)
        content[crc : crc + 4] = struct.pack("<L", zlib.crc32(bytes(1000))) if forged else content[crc : crc + 4]
    path.write_bytes(content)
    printed, peak = measured(READ, READ_ALL.format(path=str(path), names=["a.png"]))
    assert printed == "1000\n" if forged else "a.png cannot be read (Bad CRC-32 for file 'a.png')" in printed
    assert peak < 120, "what is inflated at once is bounded"


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_python_inflates_without_bound_is_not_read(tmp_path: Path, measured: Measured, method: int) -> None:
    """Of bzip2 300 MB stand in 400 bytes, and Python inflates all that it took in, whatever it was asked for."""
    path = written(tmp_path / "Input.zip", [("a.png", bytes(100_000_000))], method)
    printed, peak = measured(READ, READ_ALL.format(path=str(path), names=["a.png"]))
    assert "a.png cannot be read: it is packed with" in printed and "Pack the zip anew" in printed
    assert peak < 120
    with pytest.raises(InputError, match=r"1 of 1 files are packed with (bzip2|LZMA), as a\.png"):
        list_pictures(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_bounded_reading_gives_what_python_s_own_gives(tmp_path: Path, method: int) -> None:
    content = bytes(range(256)) * 20_000
    path = written(tmp_path / "Input.zip", [("a.png", content), ("b.png", b"")], method)
    with open_archive(path) as opened, zipfile.ZipFile(path) as own:
        for name in ("a.png", "b.png"):
            assert read_member(opened, name).getvalue() == own.read(name)
            with opened.open(name) as stream:
                assert stream.read() == own.read(name)


def test_a_folder_s_file_of_any_size_is_bounded(tmp_path: Path) -> None:
    with (tmp_path / "a.png").open("wb") as file:
        file.truncate(archives.MEMBER_BYTES + 1)  # takes no room
    with open_archive(tmp_path) as opened, pytest.raises(InputError, match=r"a\.png has more than 1024 MiB"):
        read_member(opened, "a.png")
    with open_archive(tmp_path) as opened, pytest.raises(InputError, match=r"a\.png has more than 1024 MiB"):
        MaskReader(opened).read("a.png")


def test_zips_in_a_zip_are_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = written(tmp_path / "inner.zip", [("b.png", bytes(1000))]).read_bytes()
    for depth in range(5):
        inner = written(tmp_path / f"{depth}.zip", [("inner.zip", inner)] * 1).read_bytes()
    path = written(tmp_path / "Input.zip", [("inner.zip", inner), ("a.png", b"a")])
    opened = []
    monkeypatch.setattr(Zip, "open", lambda *given, **_: opened.append(given))
    assert list(list_pictures(path)) == ["a"] and not opened


def test_a_directory_without_end_is_refused_before_it_is_read(tmp_path: Path, measured: Measured) -> None:
    """Millions of entries: of each Python makes an object, ten times as large as in the file."""
    entry = b"PK\x01\x02" + bytes(42)
    count = archives.DIRECTORY_BYTES // len(entry) + 1
    path = tmp_path / "Input.zip"
    with path.open("wb") as file:
        for _ in range(count // 1000 + 1):
            file.write(entry * 1000)
        size = file.tell()
        file.write(b"PK\x05\x06" + struct.pack("<HHHHLLH", 0, 0, 0xFFFE, 0xFFFE, size, 0, 0))
    printed, peak = measured(READ, PICTURES.format(path=str(path)))
    assert f"Input.zip has a directory of {size} bytes, at most 128 MiB are read" in printed
    assert peak < 120


def test_a_directory_that_is_said_to_be_larger_than_the_file(tmp_path: Path) -> None:
    path = written(tmp_path / "Input.zip", [("a.png", b"a")])
    content = bytearray(path.read_bytes())
    content[-10:-6] = struct.pack("<L", 0xFFFFFF00)
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"Input\.zip"):
        list_pictures(path)


# Feedback, a zip that comes by mail


def feedback_zip(path: Path, masks: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED, **more: object) -> Path:
    said = {"format": "dermalign feedback 1", "study": "s", "reader": "r", "features": ["streaks"], "classifiers": {}}
    said |= {"pictures": {}} | more
    return written(path, [("feedback.json", json.dumps(said).encode()), *masks.items()], method)


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_a_bomb_in_feedback_is_bounded(tmp_path: Path, measured: Measured, method: int) -> None:
    """100 MB where a mask of 1000 bytes is declared, and a JSON without end."""
    path = feedback_zip(tmp_path / "f.zip", {"masks/a_attribute_streaks.png": bytes(100_000_000)}, method)
    content = bytearray(path.read_bytes())
    for place in [*headers(content, 22, 24)][1::2]:
        content[place : place + 4] = struct.pack("<L", 1000)
    path.write_bytes(content)
    imports = "from dermalign.data.feedback import open_feedback, read_mask"
    code = f"with open_feedback({str(path)!r}) as (_, masks):\n    read_mask(masks, 'a', 'streaks', (8, 8))"
    printed, peak = measured(imports, code)
    assert "f.zip: " in printed and " cannot be read" in printed
    assert peak < 120


@pytest.mark.parametrize("opening", ["[", '{"a":'])
@pytest.mark.parametrize("depth", [400, 900, 100_000])
@pytest.mark.parametrize("key", ["pictures", "study", "features", "masks"])
def test_deep_json_in_feedback_is_refused_in_words(tmp_path: Path, opening: str, depth: int, key: str) -> None:
    closing = {"[": "]", '{"a":': "}"}[opening]
    deep = opening * depth + "1" + closing * depth
    said = {"study": '"s"', "reader": '"r"', "features": "[]", "classifiers": "{}", "pictures": "{}", key: deep}
    text = ",".join(f'"{name}":{value}' for name, value in said.items())
    (tmp_path / "f.json").write_text(f'{{"format":"dermalign feedback 1",{text}}}', encoding="utf-8")
    with pytest.raises(InputError, match=r"f\.json: .*(is no whole JSON|is not as the format says).* Export"):
        read_feedback(tmp_path / "f.json")


def test_a_mask_of_feedback_that_claims_to_be_huge_is_not_decoded(tmp_path: Path, measured: Measured) -> None:
    stream = io.BytesIO()
    from PIL import Image

    Image.new("1", (20_000, 20_000)).save(stream, "PNG")
    path = feedback_zip(tmp_path / "f.zip", {"masks/a_attribute_streaks.png": stream.getvalue()})
    with zipfile.ZipFile(path) as archive, pytest.raises(InputError, match=r"20000 x 20000 pixels, its picture 8 x 8"):
        read_mask(archive, "a", "streaks", (8, 8))
    code = f"with open_feedback({str(path)!r}) as (_, masks):\n    read_mask(masks, 'a', 'streaks', (8, 8))"
    printed, peak = measured("from dermalign.data.feedback import open_feedback, read_mask", code)
    assert "20000 x 20000" in printed and peak < 250
