"""Pictures and masks found in archives as ISIC lays them out, and archives that are not as they should be."""

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from dermalign.archives import fingerprint, list_masks, list_members, list_pictures, open_archive, read_member
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
