"""Pictures found in archives as ISIC lays them out, and archives that are not as they should be."""

import io
import os
import struct
import subprocess
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from dermalign.data import archives
from dermalign.data.archives import fingerprint, list_members, list_pictures, open_archive, read_member
from dermalign.errors import InputError
from zip_cases import headers, zip_of_macos

Zipped = Callable[[Path, Mapping[str, bytes]], Path]


def test_official_layout(tmp_path: Path, zipped: Zipped) -> None:
    archive = zipped(
        tmp_path / "Input.zip",
        {
            "Input/": b"",
            "Input/ATTRIBUTION.txt": b"text",
            "Input/LICENSE.txt": b"text",
            "Input/ISIC_0000002.jpg": b"two",
            "Input/ISIC_0000001_downsampled.jpg": b"one",
            "Input/ISIC_0000003.JPG": b"three",
            "Input/ISIC_0000003_superpixels.png": b"superpixels",
            "Input/.DS_Store.jpg": b"hidden",
            "__MACOSX/Input/ISIC_0000002.jpg": b"a shadow of two",
        },
    )
    pictures = list_pictures(archive)
    assert list(pictures) == ["ISIC_0000001_downsampled", "ISIC_0000002", "ISIC_0000003"]
    assert pictures["ISIC_0000002"].path == "Input/ISIC_0000002.jpg"
    assert pictures["ISIC_0000002"].size == 3
    with open_archive(archive) as opened:
        assert read_member(opened, pictures["ISIC_0000003"].path).read() == b"three"


@pytest.mark.parametrize(
    "names", [("a/ISIC_1.jpg", "b/ISIC_1.jpg"), ("ISIC_1.jpg", "ISIC_1.png"), ("ISIC_1.jpg", "a/ISIC_1.JPG")]
)
def test_two_pictures_of_one_name(tmp_path: Path, zipped: Zipped, names: tuple[str, str]) -> None:
    archive = zipped(tmp_path / "Input.zip", dict.fromkeys(names, b""))
    with pytest.raises(InputError) as stopped:
        list_pictures(archive)
    for word in ("Input.zip", "ISIC_1", *names):
        assert word in str(stopped.value)


def test_no_archive(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list_members(tmp_path / "none.zip")


@pytest.mark.parametrize("kept", [0.0, 0.3, 0.9, 0.999])
def test_half_a_download(tmp_path: Path, zipped: Zipped, kept: float) -> None:
    archive = zipped(tmp_path / "Input.zip", {f"a/{number}.jpg": bytes(1000) for number in range(20)})
    content = archive.read_bytes()
    archive.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(InputError, match=r"Input\.zip is not a whole zip archive.*fetch it again"):
        list_pictures(archive)


def test_a_replaced_archive_is_read_anew(tmp_path: Path, zipped: Zipped) -> None:
    archive = zipped(tmp_path / "Input.zip", {"a.jpg": b"a"})
    assert list(list_pictures(archive)) == ["a"]
    zipped(archive, {"a.jpg": b"a", "b.jpg": b"b"})
    assert list(list_pictures(archive)) == ["a", "b"]


def test_nothing_in_it(tmp_path: Path, zipped: Zipped) -> None:
    archive = zipped(tmp_path / "Input.zip", {"LICENSE.txt": b"", "a_superpixels.png": b""})
    with pytest.raises(InputError, match=r"Input\.zip holds no picture"):
        list_pictures(archive)


def test_missing_and_encrypted_members(tmp_path: Path, zipped: Zipped) -> None:
    archive = zipped(tmp_path / "Input.zip", {"a.jpg": b"a" * 100})
    with open_archive(archive) as opened, pytest.raises(InputError, match=r"Input\.zip: b\.jpg cannot be read"):
        read_member(opened, "b.jpg")
    content = bytearray(archive.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1  # the flag of encryption in the archive's directory
    archive.write_bytes(content)
    with open_archive(archive) as opened, pytest.raises(InputError, match=r"Input\.zip: a\.jpg cannot be read"):
        read_member(opened, "a.jpg")


def test_a_member_without_a_name_is_nobodys_file(tmp_path: Path, zipped: Zipped) -> None:
    archive = zipped(tmp_path / "Input.zip", {"a.jpg": b"a", "b.txt": b"b"})
    archive.write_bytes(archive.read_bytes().replace(b"b.txt", b"\0.txt"))  # a name ends at a NUL
    assert [member.path for member in list_members(archive)] == ["a.jpg"]


@pytest.mark.parametrize("change", [0x01, 0x08, 0x40, 0xFF])
def test_no_damage_goes_unseen_or_ends_in_a_traceback(tmp_path: Path, zipped: Zipped, change: int) -> None:
    contents = {f"folder/{number}.jpg": f"picture {number} ".encode() * 20 for number in range(2)}
    archive = zipped(tmp_path / "Input.zip", contents)
    whole = archive.read_bytes()
    refused = 0
    for place in range(len(whole)):
        archive.write_bytes(whole[:place] + bytes([whole[place] ^ change]) + whole[place + 1 :])
        try:
            with open_archive(archive) as opened:
                for member in opened.namelist():
                    assert read_member(opened, member).read() in contents.values()
        except InputError as error:
            assert "Input.zip" in str(error)
            refused += 1
    assert refused > len(whole) / 2


# Folders


def unpacked(archive: Path, folder: Path) -> Path:
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder)
    return folder


def test_a_folder_is_read_as_the_zip_of_it(tmp_path: Path, zipped: Zipped) -> None:
    members = {
        "Input/ATTRIBUTION.txt": b"text",
        "Input/first/ISIC_2.jpg": b"two",
        "Input/second/deep/ISIC_1_downsampled.PNG": b"one",
        "Input/Läsion 3.tiff": b"three",
        "Input/ISIC_2_superpixels.png": b"superpixels",
        "Input/.hidden.jpg": b"hidden",
        "Input/.cache/ISIC_2.jpg": b"hidden",
        "__MACOSX/Input/ISIC_2.jpg": b"a shadow of two",
    }
    archive = zipped(tmp_path / "Input.zip", members)
    folder = unpacked(archive, tmp_path / "folder")
    pictures = list_pictures(folder)
    assert list(pictures) == ["ISIC_1_downsampled", "ISIC_2", "Läsion 3"]
    for of_zip, of_folder in zip(list_members(archive), list_members(folder), strict=True):
        assert (of_folder.path, of_folder.size) == (of_zip.path, of_zip.size)
    with open_archive(folder) as opened:
        assert read_member(opened, pictures["Läsion 3"].path).read() == b"three"
        with opened.open(pictures["ISIC_2"].path) as stream:
            assert stream.read(2) == b"tw"
        with pytest.raises(InputError, match=r"folder: none\.jpg cannot be read: there is no such"):
            read_member(opened, "none.jpg")


def test_links_are_followed_and_circles_end(tmp_path: Path) -> None:
    (tmp_path / "data" / "below").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.jpg").write_bytes(b"a")
    (tmp_path / "data" / "a").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "data" / "below" / "up").symlink_to(tmp_path / "data")
    (tmp_path / "data" / "b.jpg").symlink_to(tmp_path / "elsewhere" / "a.jpg")
    (tmp_path / "data" / "lost.jpg").symlink_to(tmp_path / "nowhere.jpg")
    assert [member.path for member in list_members(tmp_path / "data")] == ["a/a.jpg", "b.jpg"]


def test_a_folder_knows_changed_files_by_their_time_and_size(tmp_path: Path) -> None:
    digests = []
    for step in range(4):
        folder = tmp_path / "folder"
        folder.mkdir(exist_ok=True)
        (folder / "a.jpg").write_bytes(b"a" if step < 2 else b"b" if step == 2 else b"bb")
        if step < 3:
            os.utime(folder / "a.jpg", ns=(7, 7 if step < 2 else 8))
        archives._list_members.cache_clear()  # as in the next process
        archives._list_pictures.cache_clear()
        digests.append(fingerprint(list_pictures(folder)))
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3


def test_no_picture_in_a_folder(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"empty holds no picture"):
        list_pictures(tmp_path / "empty")
    with pytest.raises(FileNotFoundError):
        list_pictures(tmp_path / "none")


def test_fingerprint_is_of_names_and_contents(tmp_path: Path, zipped: Zipped) -> None:
    contents = {"a.jpg": b"a", "b.jpg": b"b"}
    first = fingerprint(list_pictures(zipped(tmp_path / "1.zip", contents)))
    moved = {f"elsewhere/{name}": content for name, content in reversed(contents.items())}
    assert fingerprint(list_pictures(zipped(tmp_path / "2.zip", moved))) == first
    for number, changed in enumerate([{"a.jpg": b"x"}, {"c.jpg": b"c"}]):
        other = zipped(tmp_path / f"other{number}.zip", {**contents, **changed})
        assert fingerprint(list_pictures(other)) != first
    swapped = zipped(tmp_path / "swapped.zip", {"a.jpg": b"b", "b.jpg": b"a"})
    assert fingerprint(list_pictures(swapped)) != first


def test_real_archives(real_data: Path) -> None:
    folder = real_data / "isic-256"
    pictures = list_pictures(folder / "ISIC2018_Task1-2_Training_Input.zip")
    assert len(pictures) == 1522
    assert len(list_pictures(folder / "ISIC_2019_Training_Input.zip")) == 3861


# Names, however a system wrote them


def test_names_of_a_zip_of_macos(tmp_path: Path) -> None:
    archive = zip_of_macos(tmp_path / "Input.zip", {"Bilder/Läsion_é.jpg": b"a", "Bilder/plain.jpg": b"b"})
    pictures = list_pictures(archive)
    assert list(pictures) == ["Läsion_é", "plain"]
    assert pictures["Läsion_é"].path == "Bilder/Läsion_é.jpg"
    with open_archive(archive) as opened:
        assert read_member(opened, "Bilder/Läsion_é.jpg").read() == b"a"
        with opened.open("Bilder/Läsion_é.jpg") as stream:
            assert stream.read() == b"a"


def test_names_of_code_page_437_stay(tmp_path: Path) -> None:
    archive = tmp_path / "Input.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("x.jpg", b"a")
    content = archive.read_bytes().replace(b"x.jpg", "\u00e4.jpg".encode("cp437"))
    archive.write_bytes(content)
    assert list(list_pictures(archive)) == ["ä"]


def test_names_in_the_extra_field_of_info_zip(tmp_path: Path) -> None:
    archive = tmp_path / "Input.zip"
    name = "L\u00e4sion \u03b2.jpg".encode()
    with zipfile.ZipFile(archive, "w") as opened:
        info = zipfile.ZipInfo("L_sion _.jpg")
        field = struct.pack("<BL", 1, zlib.crc32(b"L_sion _.jpg".replace(b"_", b"\x84", 1))) + name
        info.extra = struct.pack("<HH", 0x7075, len(field)) + field
        opened.writestr(info, b"a")
    archive.write_bytes(archive.read_bytes().replace(b"L_sion _.jpg", b"L\x84sion _.jpg"))
    assert list(list_pictures(archive)) == ["Läsion β"]
    with open_archive(archive) as opened:
        assert read_member(opened, "Läsion β.jpg").read() == b"a"


def test_separators_of_windows(tmp_path: Path) -> None:
    archive = tmp_path / "Input.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("Input+deep+a.jpg", b"a")
        opened.writestr("Input+deep+", b"")
    archive.write_bytes(archive.read_bytes().replace(b"Input+deep+", b"Input\\deep\\"))
    assert {name: member.path for name, member in list_pictures(archive).items()} == {"a": "Input/deep/a.jpg"}
    assert [member.path for member in list_members(archive)] == ["Input/deep/a.jpg"]
    with open_archive(archive) as opened:
        assert read_member(opened, "Input/deep/a.jpg").read() == b"a"


def test_decomposed_names_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / unicodedata.normalize("NFD", "Läsion.jpg")).write_bytes(b"a")
    assert list(list_pictures(tmp_path)) == ["Läsion"]
    with open_archive(tmp_path) as opened:
        assert read_member(opened, "Läsion.jpg").read() == b"a"


@pytest.mark.parametrize("name", ["a,b", 'a"b', "a'b", "NA", "001", "1e5", "a b", "-", "nan", "Ä#$&;é"])
def test_any_name_is_a_name(tmp_path: Path, zipped: Zipped, name: str) -> None:
    archive = zipped(tmp_path / "Input.zip", {f"Input/{name}.JPG": b"a"})
    assert list(list_pictures(archive)) == [name]


# What an archive is that cannot be read as one


def packed_with(archive: Path, method: int | None = None, flag: int = 0) -> Path:
    """Change what a zip says of how its members are packed."""
    content = bytearray(archive.read_bytes())
    for flags in headers(content, 6, 8):
        content[flags] |= flag
        if method is not None:
            content[flags + 2 : flags + 4] = struct.pack("<H", method)
    archive.write_bytes(content)
    return archive


@pytest.mark.parametrize(
    ("method", "flag", "words"),
    [
        (9, 0, "packed with Deflate64"),
        (93, 0, "packed with Zstandard"),
        (98, 0, "packed with PPMd"),
        (77, 0, "packed with method 77"),
        (None, 1, "encrypted"),
        (99, 1, "encrypted"),
    ],
)
def test_pictures_that_are_packed_otherwise(
    tmp_path: Path, zipped: Zipped, method: int | None, flag: int, words: str
) -> None:
    archive = packed_with(zipped(tmp_path / "Input.zip", {"a.jpg": b"a" * 99, "b.jpg": b"b" * 99}), method, flag)
    with pytest.raises(
        InputError, match=rf"Input\.zip: 2 of 2 files are {words}, as a\.jpg.* Pack the zip anew"
    ) as stop:
        list_pictures(archive)
    assert "damaged" not in str(stop.value)


def test_archives_of_other_kinds_are_named(tmp_path: Path, zipped: Zipped) -> None:
    def tarred(mode: str) -> bytes:
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode=mode) as archive:
            archive.addfile(tarfile.TarInfo("a.jpg"), io.BytesIO())
        return stream.getvalue()

    for content, words in {
        b"Rar!\x1a\x07\x01\x00" + bytes(50): "is a RAR archive, not a zip archive. Unpack it and name the folder",
        tarred("w:gz"): r"is a gzip file, as a .tar.gz, not a zip archive. Unpack it",
        tarred("w"): "is a tar archive, not a zip archive. Unpack it",
        b"7z\xbc\xaf\x27\x1c" + bytes(50): "is a 7-Zip archive, not a zip archive",
        b"<html>log in</html>": "not a whole zip archive, it is a web page",
        b"": "not a whole zip archive, it is empty",
        zipped(tmp_path / "half.zip", {"a.jpg": bytes(500)}).read_bytes()[:-30]: "Was its download cut off",
    }.items():
        (tmp_path / "Input.zip").write_bytes(content)
        with pytest.raises(InputError) as stopped:
            list_pictures(tmp_path / "Input.zip")
        assert words in str(stopped.value)


def test_a_split_zip_is_to_be_joined(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(os.urandom(200_000))
    made = subprocess.run(["zip", "-q", "-s", "64k", "whole.zip", "a.jpg"], cwd=tmp_path, check=False)
    if made.returncode:
        pytest.skip("no program `zip`")
    for part in ("whole.zip", "whole.z01"):
        with pytest.raises(InputError, match=r"is a part of a zip archive that was split\. Join its parts"):
            list_pictures(tmp_path / part)


def test_an_archive_of_archives_says_so(tmp_path: Path, zipped: Zipped) -> None:
    inner = zipped(tmp_path / "inner.zip", {"a.jpg": b""}).read_bytes()
    outer = zipped(tmp_path / "Input.zip", {"data/part1.zip": inner, "data/part2.zip": inner})
    with pytest.raises(InputError, match=r"holds no picture .* but 2 packed archives, as data/part1\.zip: unpack it"):
        list_pictures(outer)


def test_names_that_differ_in_case_alone(tmp_path: Path, zipped: Zipped) -> None:
    archive = zipped(tmp_path / "Input.zip", {"ISIC_1.jpg": b"", "isic_1.jpg": b""})
    with pytest.raises(InputError, match="case does not tell names apart"):
        list_pictures(archive)
