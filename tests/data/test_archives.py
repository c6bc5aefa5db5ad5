"""Pictures found in archives as ISIC lays them out, and archives that are not as they should be."""

import os
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from dermalign.data import archives
from dermalign.data.archives import fingerprint, list_members, list_pictures, open_archive, read_member
from dermalign.errors import InputError

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
