"""Drawn archives: laid out like the official ones, equal bytes from equal seeds, masks that tell the truth."""

import csv
import io
import re
import zipfile
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from dermalign.drawing import (
    CLASSES,
    EVALUATION_ARCHIVE,
    EVALUATION_DIAGNOSIS,
    FEATURES,
    FILES,
    MASK_ARCHIVE,
    TRAINING_ARCHIVE,
    TRAINING_METADATA,
    TRAINING_TRUTH,
    DrawnPicture,
    draw_picture,
    plan,
    write_archives,
)
from dermalign.errors import InputError
from hypothesis import given, settings
from hypothesis import strategies as st
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


# The plan


@settings(max_examples=60, deadline=None)
@given(training=st.integers(8, 300), evaluation=st.integers(3, 150), seed=st.integers(0, 2**40))
def test_plan_keeps_its_promises(training, evaluation, seed):
    drawn = plan(training, evaluation, seed)
    only_training = [p for p in drawn if not p.evaluation]
    evaluated = [p for p in drawn if p.evaluation]
    assert (len(only_training), len(evaluated)) == (training, evaluation)
    assert {p.diagnosis for p in only_training} == set(CLASSES)
    assert {p.diagnosis for p in evaluated} == {"MEL", "NV", "BKL"}

    names = [p.image for p in drawn]
    assert names == sorted(set(names))
    assert all(re.fullmatch(r"ISIC_\d{7}", name) for name in names)
    assert all(p.training_name in (p.image, f"{p.image}_downsampled", None) for p in drawn)
    assert [p.diagnosis for p in drawn if p.training_name is None] == ["NV"]
    assert all(p.training_name is not None for p in only_training)

    lesions: dict[str, list[DrawnPicture]] = defaultdict(list)
    for p in drawn:
        assert list(p.features) == [feature for feature in FEATURES if feature in p.features]
        assert 96 <= p.width <= 160 and 72 <= p.height <= 128
        if p.lesion_id:
            lesions[p.lesion_id].append(p)
    for views in lesions.values():
        assert 1 <= len(views) <= 3
        assert len({(p.diagnosis, p.features, p.seed) for p in views}) == 1
    assert drawn == plan(training, evaluation, seed)


@pytest.mark.parametrize("seed", range(3))
def test_plan_has_the_shares_of_the_embedded_study(seed):
    drawn = plan(800, 120, seed)
    classes = Counter(p.diagnosis for p in drawn if not p.evaluation)
    assert classes.most_common(1)[0][0] == "NV"
    assert min(classes.values()) >= 0.07 * 800
    evaluated = [p for p in drawn if p.evaluation]
    assert Counter(p.diagnosis for p in evaluated) == {"MEL": 24, "NV": 86, "BKL": 10}
    assert 0.15 < np.mean([not p.features for p in evaluated]) < 0.21
    assert 0.55 < np.mean([p.training_name == f"{p.image}_downsampled" for p in evaluated]) < 0.85
    assert 0.75 < np.mean([bool(p.lesion_id) for p in drawn]) < 0.85
    crossing = {p.lesion_id for p in evaluated} & {p.lesion_id for p in drawn if not p.evaluation} - {""}
    assert len(crossing) <= 6
    assert 2 <= max(Counter(p.lesion_id for p in drawn if p.lesion_id).values()) <= 3
    assert len({p.width % 2 for p in evaluated}) == 2
    for diagnosis in ("MEL", "NV"):  # each feature has a population in both classes that are analysed
        seen = Counter(feature for p in evaluated if p.diagnosis == diagnosis for feature in p.features)
        assert min(seen[feature] for feature in FEATURES) >= 2, (diagnosis, seen)


def test_features_belong_to_classes():
    drawn = plan(800, 120, 1)

    def share(diagnosis: str, feature: str) -> float:
        return float(np.mean([feature in p.features for p in drawn if p.diagnosis == diagnosis]))

    assert share("MEL", "negative_network") > 5 * share("NV", "negative_network")
    assert share("MEL", "streaks") > 5 * share("NV", "streaks")
    assert share("NV", "pigment_network") > share("MEL", "pigment_network")
    assert share("BKL", "milia_like_cyst") > 3 * share("NV", "milia_like_cyst")
    assert all(not p.features for p in drawn if p.diagnosis in ("BCC", "AK", "VASC", "SCC"))


@pytest.mark.parametrize("counts", [(7, 12, 0), (24, 2, 0), (24, 12, -1)])
def test_plan_refuses_what_cannot_be_drawn(counts):
    with pytest.raises(InputError, match=r"training_pictures is 7|evaluation_pictures is 2|seed is -1"):
        plan(*counts)


# The drawings

drawings = st.builds(
    DrawnPicture,
    image=st.integers(0, 9_999_999).map("ISIC_{:07d}".format),
    training_name=st.none(),
    diagnosis=st.sampled_from(CLASSES),
    lesion_id=st.just(""),
    evaluation=st.just(True),
    features=st.sets(st.sampled_from(FEATURES), min_size=1).map(lambda some: tuple(sorted(some))),
    width=st.integers(96, 160),
    height=st.integers(72, 128),
    seed=st.integers(0, 2**32 - 1),
)


@settings(max_examples=120, deadline=None)
@given(picture=drawings)
def test_features_change_the_picture_inside_their_masks_and_nowhere_else(picture):
    pixels, masks = draw_picture(picture)
    assert pixels.shape == (picture.height, picture.width, 3) and pixels.dtype == np.uint8
    assert tuple(masks) == FEATURES
    for feature, mask in masks.items():
        assert mask.shape == pixels.shape[:2] and mask.dtype == np.bool_
        assert mask.any() == (feature in picture.features)
        assert mask.mean() < 0.6
    plain, black = draw_picture(replace(picture, features=()))
    assert not any(mask.any() for mask in black.values())
    changed = (pixels != plain).any(axis=2)
    assert not (changed & ~np.logical_or.reduce(list(masks.values()))).any()


@pytest.mark.parametrize("feature", FEATURES)
@pytest.mark.parametrize("diagnosis", ["MEL", "NV", "BKL"])
def test_each_feature_is_visible(feature, diagnosis):
    """The mask differs from the picture without the feature by far more than the grain of the camera (3.5)."""
    contrasts = []
    for seed in range(15):
        picture = DrawnPicture("ISIC_0000001", None, diagnosis, "", True, (feature,), 131, 97, seed)
        pixels, masks = draw_picture(picture)
        plain, _ = draw_picture(replace(picture, features=()))
        contrasts.append(np.abs(pixels.astype(float) - plain)[masks[feature]].mean())
    assert np.median(contrasts) > 10, contrasts


def test_a_feature_does_not_move_another():
    picture = DrawnPicture("ISIC_0000001", None, "MEL", "", True, ("globules", "streaks"), 131, 97, 3)
    both, alone = draw_picture(picture)[1], draw_picture(replace(picture, features=("streaks",)))[1]
    np.testing.assert_array_equal(both["streaks"], alone["streaks"])


def test_seeds_and_views_give_other_pictures():
    picture = DrawnPicture("ISIC_0000001", None, "NV", "", True, ("pigment_network",), 120, 90, 3)
    first = draw_picture(picture)[0]
    np.testing.assert_array_equal(first, draw_picture(picture)[0])
    others = [replace(picture, seed=4), replace(picture, image="ISIC_0000002")]
    for other in others:
        assert (first != draw_picture(other)[0]).any(axis=2).mean() > 0.9


# The archives


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
