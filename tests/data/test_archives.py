"""Pictures and masks found in archives as ISIC lays them out, and archives that are not as they should be."""

import os
import re
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from dermalign.data import archives
from dermalign.data.archives import (
    check_mask_pattern,
    fingerprint,
    list_masks,
    list_members,
    list_pictures,
    mask_path,
    open_archive,
    read_member,
)
from dermalign.errors import InputError

Zipped = Callable[[Path, Mapping[str, bytes]], Path]
FEATURES = ["globules", "milia_like_cyst", "negative_network", "pigment_network", "streaks"]


def masks_of(*images: str, features: list[str] = FEATURES) -> dict[str, bytes]:
    return {f"masks/{image}_attribute_{feature}.png": b"mask" for image in images for feature in features}


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


def test_masks_by_image_and_feature(tmp_path: Path, zipped: Zipped) -> None:
    archive = zipped(tmp_path / "masks.zip", {"masks/LICENSE.txt": b"", **masks_of("ISIC_1", "ISIC_2")})
    masks = list_masks(archive, ["ISIC_2"], ["streaks", "globules"])
    assert list(masks) == ["ISIC_2"]
    assert list(masks["ISIC_2"]) == ["streaks", "globules"]
    assert masks["ISIC_2"]["globules"].path == "masks/ISIC_2_attribute_globules.png"


def test_a_feature_without_masks_names_those_with(tmp_path: Path, zipped: Zipped) -> None:
    archive = zipped(tmp_path / "masks.zip", masks_of("ISIC_1"))
    with pytest.raises(InputError) as stopped:
        list_masks(archive, ["ISIC_1"], ["globules", "blue_veil"])
    for word in ("features", "blue_veil", "masks.zip", *FEATURES):
        assert word in str(stopped.value)


def test_masks_archive_without_masks(tmp_path: Path, zipped: Zipped) -> None:
    archive = zipped(tmp_path / "masks.zip", {"LICENSE.txt": b""})
    with pytest.raises(InputError, match=r"globules has no mask in .*masks\.zip, which knows none"):
        list_masks(archive, ["ISIC_1"], ["globules"])


def test_a_picture_that_lacks_a_mask(tmp_path: Path, zipped: Zipped) -> None:
    members = masks_of("ISIC_1", "ISIC_2")
    del members["masks/ISIC_2_attribute_streaks.png"]
    archive = zipped(tmp_path / "masks.zip", members)
    assert list_masks(archive, ["ISIC_1"], FEATURES)
    assert list_masks(archive, ["ISIC_1", "ISIC_2"], ["globules"])
    with pytest.raises(InputError, match=r"masks\.zip lacks ISIC_2_attribute_streaks\.png"):
        list_masks(archive, ["ISIC_1", "ISIC_2"], FEATURES)


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


# Folders, and masks by another pattern


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
        with pytest.raises(InputError, match=r"folder: none\.jpg cannot be read.*Replace the file"):
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


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("{image}_attribute_{feature}.png", "any/where/{image}_attribute_{feature}.png"),
        ("{feature}/{image}.png", "masks/{feature}/{image}.png"),
        ("masks/{image}/{feature}.tif", "masks/{image}/{feature}.tif"),
        ("masks/{image}/{feature}.tif", "top/masks/{image}/{feature}.tif"),
        ("{image}/{image}-{feature}.bmp", "{image}/{image}-{feature}.bmp"),
        ("{feature}_{image}.png", "{feature}_{image}.png"),
    ],
)
@pytest.mark.parametrize("as_folder", [False, True])
def test_masks_by_any_pattern(tmp_path: Path, zipped: Zipped, pattern: str, path: str, as_folder: bool) -> None:
    images, features = ["a", "a_b", "c d"], ["network", "pigment_network"]
    paths = {(image, feature): mask_path(path, image, feature) for image in images for feature in features}
    archive = zipped(tmp_path / "masks.zip", {**dict.fromkeys(paths.values(), b"mask"), "masks/note.txt": b""})
    if as_folder:
        archive = unpacked(archive, tmp_path / "masks")
    masks = list_masks(archive, images, features, pattern)
    found = {(image, feature): member.path for image, of in masks.items() for feature, member in of.items() if member}
    assert found == paths
    with pytest.raises(InputError, match=r"features: blue_veil has no mask .* knows .*network.* by .*mask_pattern"):
        list_masks(archive, images, ["blue_veil"], pattern)
    with pytest.raises(InputError, match=f"lacks {re.escape(mask_path(pattern, 'e', 'network'))}"):
        list_masks(archive, ["e"], features, pattern)


def test_what_a_missing_mask_means(tmp_path: Path, zipped: Zipped) -> None:
    archive = zipped(tmp_path / "masks.zip", {"dots/a.png": b"", "streaks/a.png": b"", "dots/b.png": b""})
    options = {"features": ["dots", "streaks"], "pattern": "{feature}/{image}.png"}
    black = list_masks(archive, ["a", "b", "c"], missing="black", **options)
    assert {image: [member and member.path for member in of.values()] for image, of in black.items()} == {
        "a": ["dots/a.png", "streaks/a.png"],
        "b": ["dots/b.png", None],
        "c": [None, None],
    }
    assert list_masks(archive, ["a", "b", "c"], missing="leave_out", **options) == {
        image: black[image] for image in ("a", "b")
    }
    with pytest.raises(InputError, match=r"lacks streaks/b\.png"):
        list_masks(archive, ["a", "b"], **options)


def test_a_mask_that_is_there_twice(tmp_path: Path, zipped: Zipped) -> None:
    archive = zipped(tmp_path / "masks.zip", {"1/a_dots.png": b"", "2/a_dots.png": b"", "1/b_dots.png": b""})
    assert list_masks(archive, ["b"], ["dots"], "{image}_{feature}.png")["b"]["dots"].path == "1/b_dots.png"
    with pytest.raises(InputError, match=r"holds the mask a_dots\.png twice: as 1/a_dots\.png and as 2/a_dots\.png"):
        list_masks(archive, ["a"], ["dots"], "{image}_{feature}.png")
    assert list_masks(archive, ["a"], ["dots"], "2/{image}_{feature}.png")["a"]["dots"].path == "2/a_dots.png"


@pytest.mark.parametrize(
    "pattern",
    ["{image}.png", "{feature}.png", "{image}_{feature}_{side}.png", "/{image}_{feature}.png", "a//{image}{feature}"],
)
def test_patterns_that_find_nothing(pattern: str) -> None:
    with pytest.raises(InputError, match=r"archives\.mask_pattern"):
        check_mask_pattern(pattern)


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
    masks_archive = folder / "ISIC2018_Task2_Training_GroundTruth_v3.zip"
    masks = list_masks(masks_archive, pictures, FEATURES)
    assert sum(map(len, masks.values())) == 7610
    with zipfile.ZipFile(masks_archive) as opened:
        others = {Path(name).suffix for name in opened.namelist()} - {".png"}
    assert ".txt" in others  # the attributions are there, and seen by nobody
    assert len(list_pictures(folder / "ISIC_2019_Training_Input.zip")) == 3861
