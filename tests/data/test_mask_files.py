"""Masks found in archives by the pattern of their paths, and archives that lack some."""

import re
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from dermalign.data.archives import list_members, list_pictures
from dermalign.data.mask_files import list_lesion_masks, list_masks, mask_account
from dermalign.errors import InputError
from dermalign.study.mask_pattern import mask_path

Zipped = Callable[[Path, Mapping[str, bytes]], Path]
FEATURES = ["globules", "milia_like_cyst", "negative_network", "pigment_network", "streaks"]


def masks_of(*images: str, features: list[str] = FEATURES) -> dict[str, bytes]:
    return {f"masks/{image}_attribute_{feature}.png": b"mask" for image in images for feature in features}


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
    with pytest.raises(InputError, match=r"globules has no mask in .*masks\.zip, which holds no mask of any"):
        list_masks(archive, ["ISIC_1"], ["globules"])


def test_a_picture_that_lacks_a_mask(tmp_path: Path, zipped: Zipped) -> None:
    members = masks_of("ISIC_1", "ISIC_2")
    del members["masks/ISIC_2_attribute_streaks.png"]
    archive = zipped(tmp_path / "masks.zip", members)
    assert list_masks(archive, ["ISIC_1"], FEATURES)
    assert list_masks(archive, ["ISIC_1", "ISIC_2"], ["globules"])
    with pytest.raises(InputError, match=r"masks\.zip lacks ISIC_2_attribute_streaks\.png"):
        list_masks(archive, ["ISIC_1", "ISIC_2"], FEATURES)


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
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(tmp_path / "masks")
        archive = tmp_path / "masks"
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


def test_real_masks(real_data: Path) -> None:
    folder = real_data / "isic-256"
    archive = folder / "ISIC2018_Task2_Training_GroundTruth_v3.zip"
    masks = list_masks(archive, list_pictures(folder / "ISIC2018_Task1-2_Training_Input.zip"), FEATURES)
    assert sum(map(len, masks.values())) == 7610
    with zipfile.ZipFile(archive) as opened:
        others = {Path(name).suffix for name in opened.namelist()} - {".png"}
    assert ".txt" in others  # the attributions are there, and seen by nobody


def test_lesion_masks_of_the_pictures_that_have_one(tmp_path: Path, zipped: Zipped) -> None:
    names = ["top/ISIC_1_segmentation.png", "top/ISIC_3_segmentation.png", "LICENSE.txt", "top/ISIC_1.png"]
    archive = zipped(tmp_path / "lesions.zip", dict.fromkeys(names, b"mask"))
    found = list_lesion_masks(archive, ["ISIC_1", "ISIC_2"], "{image}_segmentation.png")
    assert {image: member.path for image, member in found.items()} == {"ISIC_1": names[0]}
    assert list_lesion_masks(archive, ["ISIC_2"], "{image}_segmentation.png") == {}
    assert list(list_lesion_masks(archive, ["ISIC_1"], "top/{image}.png")) == ["ISIC_1"]


def test_a_lesion_mask_that_is_there_twice(tmp_path: Path, zipped: Zipped) -> None:
    names = ["a/ISIC_1_segmentation.png", "b/ISIC_1_segmentation.png"]
    archive = zipped(tmp_path / "lesions.zip", dict.fromkeys(names, b"mask"))
    with pytest.raises(InputError, match=r"lesions\.zip holds the lesion mask ISIC_1_segmentation\.png twice"):
        list_lesion_masks(archive, ["ISIC_1"], "{image}_segmentation.png")
    assert list_lesion_masks(archive, ["ISIC_1"], "b/{image}_segmentation.png")["ISIC_1"].path == names[1]


def test_names_and_suffixes_compare_without_case(tmp_path: Path, zipped: Zipped) -> None:
    members = {
        "masks/a_attribute_streaks.PNG": b"",
        "masks/B_attribute_streaks.png": b"",
        "C_Attribute_Streaks.Png": b"",
    }
    archive = zipped(tmp_path / "masks.zip", members)
    masks = list_masks(archive, ["A", "b", "c"], ["streaks"])
    assert [of["streaks"].path for of in masks.values() if of["streaks"]] == list(members)
    lesions = zipped(tmp_path / "lesions.zip", {"a_segmentation.PNG": b""})
    assert list(list_lesion_masks(lesions, ["A"], "{image}_segmentation.png")) == ["A"]


def test_a_picture_that_lacks_masks_says_how_many(tmp_path: Path, zipped: Zipped) -> None:
    archive = zipped(tmp_path / "masks.zip", masks_of("ISIC_1"))
    with pytest.raises(InputError, match=r"lacks ISIC_2_attribute_globules\.png, and 9 masks more: every evaluation"):
        list_masks(archive, ["ISIC_1", "ISIC_2", "ISIC_3"], FEATURES)


def test_the_account_counts_what_is_no_mask_of_the_study(tmp_path: Path, zipped: Zipped) -> None:
    members = {
        **masks_of("a", "b", features=["globules", "streaks"]),
        "masks/c_attribute_streaks.PNG": b"",  # of no picture
        "masks/a_attribute_milia.png": b"",  # of no feature of the study
        "masks/a_attribute_streaks.jpg": b"",
        "masks/b-streaks.png": b"",
        "masks/LICENSE.txt": b"",
        "ATTRIBUTION.txt": b"",
    }
    archive = zipped(tmp_path / "masks.zip", members)
    pictures = list_pictures(
        zipped(tmp_path / "pictures.zip", dict.fromkeys(["a.jpg", "b.jpg", "d.jpg", "e.jpg"], b""))
    )
    account = mask_account(archive, pictures, ["a", "b", "d"], ["globules", "streaks"])
    assert account == [
        "2 masks are not there, as globules on d",
        "1 masks are of pictures that are not there, as masks/c_attribute_streaks.PNG",
        "1 masks are of features that the study does not name, as masks/a_attribute_milia.png",
        f"2 files in {archive} are no masks by archives.mask_pattern, `{{image}}_attribute_{{feature}}.png`, as "
        "masks/a_attribute_streaks.jpg",
    ]
    whole = zipped(tmp_path / "whole.zip", {**masks_of("a"), "README.md": b""})
    assert mask_account(whole, {"a": pictures["a"]}, ["a"], FEATURES) == []


def test_pictures_in_the_archive_of_masks_are_no_lost_masks(tmp_path: Path, zipped: Zipped) -> None:
    archive = zipped(tmp_path / "all.zip", {**masks_of("a"), "pictures/a.jpg": b"", "pictures/a.raw": b""})
    pictures = {"a": next(member for member in list_members(archive) if member.name == "a.jpg")}
    (line,) = mask_account(archive, pictures, ["a"], FEATURES)
    assert line.startswith("1 files in") and line.endswith("as pictures/a.raw")
