"""Drawn archives: laid out like the official ones, equal bytes from equal seeds."""

import csv
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from dermalign.drawing.archives import (
    EVALUATION_ARCHIVE,
    EVALUATION_DIAGNOSIS,
    FILES,
    LESION_ARCHIVE,
    MASK_ARCHIVE,
    TRAINING_ARCHIVE,
    TRAINING_METADATA,
    TRAINING_TRUTH,
    write_archives,
)
from dermalign.drawing.classes import CLASSES, FEATURES
from dermalign.drawing.pictures import draw_picture
from dermalign.drawing.plan import plan
from PIL import Image


@pytest.fixture(scope="module")
def pictures():
    return plan(24, 12, seed=5)


@pytest.fixture(scope="module")
def folder(pictures, tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawn")
    write_archives(pictures, folder)
    return folder


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def members(folder: Path, archive: str) -> dict[str, bytes]:
    with zipfile.ZipFile(folder / f"{archive}.zip") as file:
        return {name: file.read(name) for name in file.namelist()}


def test_archives_are_the_same_bytes_again(pictures, folder, tmp_path):
    write_archives(pictures, tmp_path, progress=lambda items, total, what: iter(items))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(FILES)
    for name in FILES:
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes(), name
    write_archives(plan(24, 12, seed=6), tmp_path)
    for name in FILES:
        assert (tmp_path / name).read_bytes() != (folder / name).read_bytes(), name


def test_archives_hold_what_the_official_ones_hold(pictures, folder):
    texts = ["ATTRIBUTION.txt", "LICENSE.txt"]
    trained = [f"{p.training_name}.jpg" for p in pictures if p.training_name]
    evaluated = [p for p in pictures if p.evaluation]
    masks = [f"{p.image}_attribute_{feature}.png" for p in evaluated for feature in FEATURES]
    for archive, names in (
        (TRAINING_ARCHIVE, trained),
        (EVALUATION_ARCHIVE, [f"{p.image}.jpg" for p in evaluated]),
        (MASK_ARCHIVE, masks),
        (LESION_ARCHIVE, [f"{p.image}_segmentation.png" for p in evaluated]),
    ):
        content = members(folder, archive)
        assert list(content) == [f"{archive}/{name}" for name in texts + names]
        for text in texts:
            assert b"Synthetic drawings by dermalign" in content[f"{archive}/{text}"]
        assert b"MIT" in content[f"{archive}/LICENSE.txt"]


def test_masks_are_8_bit_black_and_white_of_the_pictures_size(pictures, folder):
    masks, sheets = members(folder, MASK_ARCHIVE), members(folder, EVALUATION_ARCHIVE)
    for picture in (p for p in pictures if p.evaluation):
        drawn = draw_picture(picture)[1]
        sheet = Image.open(io.BytesIO(sheets[f"{EVALUATION_ARCHIVE}/{picture.image}.jpg"]))
        assert (sheet.format, sheet.mode, sheet.size) == ("JPEG", "RGB", (picture.width, picture.height))
        for feature in FEATURES:
            mask = Image.open(io.BytesIO(masks[f"{MASK_ARCHIVE}/{picture.image}_attribute_{feature}.png"]))
            assert (mask.format, mask.mode, mask.size) == ("PNG", "L", sheet.size)
            np.testing.assert_array_equal(np.asarray(mask), 255 * drawn[feature])


def test_lesion_masks_hold_the_lesion_and_all_features(pictures, folder):
    lesions = members(folder, LESION_ARCHIVE)
    for picture in (p for p in pictures if p.evaluation):
        _, masks, segmentation = draw_picture(picture)
        mask = Image.open(io.BytesIO(lesions[f"{LESION_ARCHIVE}/{picture.image}_segmentation.png"]))
        assert (mask.format, mask.mode, mask.size) == ("PNG", "L", (picture.width, picture.height))
        np.testing.assert_array_equal(np.asarray(mask), 255 * segmentation)
        assert 0.05 < segmentation.mean() < 0.75
        for feature in masks.values():
            assert not (feature & ~segmentation).any()


def test_training_pictures_are_copies_or_smaller(pictures, folder):
    trained, evaluated = members(folder, TRAINING_ARCHIVE), members(folder, EVALUATION_ARCHIVE)
    for picture in (p for p in pictures if p.training_name):
        content = trained[f"{TRAINING_ARCHIVE}/{picture.training_name}.jpg"]
        size = Image.open(io.BytesIO(content)).size
        if picture.training_name == picture.image:
            assert size == (picture.width, picture.height)
            if picture.evaluation:
                assert content == evaluated[f"{EVALUATION_ARCHIVE}/{picture.image}.jpg"]
        else:
            assert size < (picture.width, picture.height)


def test_tables_match_the_plan(pictures, folder):
    trained = [p for p in pictures if p.training_name]
    truth, metadata = rows(folder / TRAINING_TRUTH), rows(folder / TRAINING_METADATA)
    assert (folder / TRAINING_TRUTH).read_text().startswith("image,MEL,NV,BCC,AK,BKL,DF,VASC,SCC,UNK\n")
    header = "image,age_approx,anatom_site_general,lesion_id,sex\n"
    assert (folder / TRAINING_METADATA).read_text().startswith(header)
    for table in (truth, metadata):
        assert [row["image"] for row in table] == [p.training_name for p in trained]
    for picture, row in zip(trained, truth, strict=True):
        assert {key: row[key] for key in (*CLASSES, "UNK")} == {
            key: "1.0" if key == picture.diagnosis else "0.0" for key in (*CLASSES, "UNK")
        }
    assert [row["lesion_id"] for row in metadata] == [p.lesion_id for p in trained]
    words = {"MEL": "melanoma", "NV": "nevus", "BKL": "seborrheic keratosis"}
    assert rows(folder / EVALUATION_DIAGNOSIS) == [
        {"image": p.image, "diagnosis": words[p.diagnosis]} for p in pictures if p.evaluation
    ]


def test_no_archive_is_left_half_written(pictures, tmp_path):
    def stop(items, total, what):
        yield from list(items)[:3]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_archives(pictures, tmp_path, progress=stop)
    assert list(tmp_path.iterdir()) == []
