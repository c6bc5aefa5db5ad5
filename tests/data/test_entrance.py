"""What archives hold is looked at before anything is computed: every fault is found, whole files are looked at once."""

import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from dermalign.data import archives as archives_module
from dermalign.data import entrance
from dermalign.data.entrance import look
from dermalign.data.study_archives import Archives
from dermalign.study.faults import SHOWN
from PIL import Image
from study_cases import FEATURES, IMAGES, small_study

Make = Callable[..., Archives]


def photograph(width: int = 16, height: int = 12, form: str = "JPEG") -> bytes:
    stream = io.BytesIO()
    values = np.random.default_rng(width).integers(0, 256, (height, width, 3), dtype=np.uint8)
    Image.fromarray(values).save(stream, form)
    return stream.getvalue()


def mask(white: int = 255, width: int = 16, height: int = 12) -> bytes:
    values = np.zeros((height, width), dtype=np.uint8)
    values[2:5, 3:9] = white
    stream = io.BytesIO()
    Image.fromarray(values).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture
def make(tmp_path: Path, zipped: Callable[..., Path]) -> Make:
    """A function that writes sound archives, but for members that are given, and returns the study's archives."""

    def of(changed: Mapping[str, bytes] | None = None, **changes: object) -> Archives:
        members = {
            **{f"evaluation/{image}.jpg": photograph() for image in IMAGES},
            **{f"masks/{image}_attribute_{feature}.png": mask() for image in IMAGES for feature in FEATURES},
            **{f"lesions/{image}_segmentation.png": mask() for image in IMAGES},
            **{f"training/t{number}.png": photograph(form="PNG") for number in range(8)},
            **(changed or {}),
        }
        for name in ("evaluation", "masks", "lesions", "training"):
            zipped(tmp_path / f"{name}.zip", {path: of for path, of in members.items() if path.startswith(name)})
        rows = [f"{image},{['MEL', 'NV'][number % 2]}" for number, image in enumerate(IMAGES)]
        (tmp_path / "diagnoses.csv").write_text("\n".join(["image,diagnosis", *rows]))
        (tmp_path / "labels.csv").write_text("image,MEL,NV,BKL\n")
        return Archives(small_study(tmp_path, archives={"lesion_masks": "lesions.zip"}, **changes))

    return of


def faults_of(archives: Archives, tmp_path: Path) -> list[str]:
    return [fault.replace(f"{tmp_path}/", "") for fault in look(archives, tmp_path / "cache", threads=2).faults]


def test_whole_archives_have_no_faults(make: Make, tmp_path: Path) -> None:
    assert faults_of(make(), tmp_path) == []


@pytest.mark.parametrize(
    ("path", "content", "words"),
    [
        (
            "evaluation/ISIC_0000003.jpg",
            photograph()[:-40],
            "evaluation.zip: evaluation/ISIC_0000003.jpg is not a read",
        ),
        ("training/t5.png", photograph(form="PNG")[:-40], "training.zip: training/t5.png is not a readable picture"),
        ("training/t5.png", b"<html>", "training/t5.png is not a readable picture (it is a web page"),
        (
            "masks/ISIC_0000001_attribute_streaks.png",
            mask()[:-30],
            "masks.zip: masks/ISIC_0000001_attribute_streaks.png",
        ),
        (
            "masks/ISIC_0000001_attribute_streaks.png",
            mask(width=12, height=16),
            "has 12 x 16 pixels, its picture 16 x 12",
        ),
        (
            "lesions/ISIC_0000002_segmentation.png",
            mask(width=9),
            "lesions.zip: the mask lesions/ISIC_0000002_segmentation",
        ),
        (
            "masks/ISIC_0000001_attribute_streaks.png",
            photograph(),
            "masks.zip: the mask masks/ISIC_0000001_attribute_st",
        ),
    ],
)
def test_every_fault_is_found(make: Make, tmp_path: Path, path: str, content: bytes, words: str) -> None:
    (fault,) = faults_of(make({path: content}), tmp_path)
    assert words in fault


def test_faults_of_all_kinds_are_found_together(make: Make, tmp_path: Path) -> None:
    changed = {
        "evaluation/ISIC_0000003.jpg": b"no picture",
        "training/t5.png": b"no picture",
        "masks/ISIC_0000001_attribute_streaks.png": mask(width=9),
        "lesions/ISIC_0000002_segmentation.png": b"no picture",
    }
    assert len(faults_of(make(changed), tmp_path)) == 4


def test_many_faults_of_one_archive_are_counted(make: Make, tmp_path: Path) -> None:
    faults = faults_of(make({f"training/t{number}.png": b"none" for number in range(8)}), tmp_path)
    assert len(faults) == SHOWN + 1
    assert faults[-1] == f"training.zip: {8 - SHOWN} more faults of this kind."


@pytest.mark.slow
def test_masks_of_ones_are_white_and_all_black_ones_leave_nothing(make: Make, tmp_path: Path) -> None:
    members = {f"masks/{image}_attribute_{feature}.png": mask(1) for image in IMAGES for feature in FEATURES}
    assert faults_of(make(members), tmp_path) == []
    black = {name: mask(0) for name in members}
    (fault,) = faults_of(make(black), tmp_path)
    assert "no mask of a picture with a diagnosis of the study shows a feature" in fault
    # One white mask is enough, if it is of a picture with a diagnosis of the study.
    one = {**black, "masks/ISIC_0000003_attribute_streaks.png": mask()}
    assert faults_of(make(one), tmp_path) == []
    (fault,) = faults_of(make(one, evaluation_diagnoses=["MEL"]), tmp_path)
    assert "nothing would be left" in fault


def test_an_archive_that_cannot_be_listed_hides_no_fault_of_another(make: Make, tmp_path: Path) -> None:
    archives = make({"masks/ISIC_0000001_attribute_streaks.png": b"no picture"})
    (tmp_path / "training.zip").write_bytes(b"Rar!\x1a\x07\x01\x00" + bytes(50))
    faults = faults_of(archives, tmp_path)
    assert [fault.partition(".zip")[0] for fault in faults] == ["training", "masks"]


def test_a_missing_mask_hides_no_fault_of_another(make: Make, tmp_path: Path, zipped: Callable[..., Path]) -> None:
    archives = make()
    others = {f"masks/{image}_attribute_{feature}.png": mask() for image in IMAGES[1:] for feature in FEATURES}
    zipped(tmp_path / "masks.zip", {**others, "masks/ISIC_0000005_attribute_streaks.png": b"no picture"})
    (fault,) = faults_of(archives, tmp_path)
    assert "ISIC_0000005_attribute_streaks.png is not a readable picture" in fault


def test_what_was_found_whole_is_not_looked_at_again(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at: list[str] = []
    read = entrance.read_member

    def counting(opened: archives_module.OpenArchive, member: str) -> io.BytesIO:
        looked_at.append(member)
        return read(opened, member)

    monkeypatch.setattr(entrance, "read_member", counting)
    assert faults_of(make(), tmp_path) == []
    assert len(looked_at) == len(IMAGES) + 8
    looked_at.clear()
    assert faults_of(make({"training/t2.png": photograph(20, form="PNG")}), tmp_path) == []
    assert looked_at == ["training/t2.png"]
    # What had a fault is looked at until it is mended.
    for _ in range(2):
        assert len(faults_of(make({"training/t2.png": b"none"}), tmp_path)) == 1
    looked_at.clear()
    (cache,) = (tmp_path / "cache").iterdir()
    kept = json.loads(cache.read_text(encoding="utf-8"))
    cache.write_text(json.dumps({**kept, "code": "other"}), encoding="utf-8")
    assert faults_of(make(), tmp_path) == []
    assert len(looked_at) == len(IMAGES) + 8


def test_a_jpeg_is_whole_if_it_ends_as_one_even_before_zeros(make: Make, tmp_path: Path) -> None:
    assert faults_of(make({"evaluation/ISIC_0000003.jpg": photograph() + bytes(100)}), tmp_path) == []


def test_real_archives_are_whole(real_data: Path, tmp_path: Path) -> None:
    archives = {
        "training_pictures": "ISIC2018_Task1-2_Training_Input.zip",
        "training_labels": "ISIC_2019_Training_GroundTruth.csv",
        "evaluation_pictures": "ISIC2018_Task1-2_Training_Input.zip",
        "evaluation_masks": "ISIC2018_Task2_Training_GroundTruth_v3.zip",
        "diagnoses": ["ISIC_2019_Training_GroundTruth.csv"],
    }
    study = small_study(real_data / "isic-256", archives=archives, evaluation_limit=200)
    assert look(Archives(study), tmp_path, threads=2).faults == []
