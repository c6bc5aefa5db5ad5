"""Configurations that cannot work stop before the first job, with a sentence that says what to change."""

import shutil
import zipfile
from typing import Any

import pytest

from .conftest import Run, Study


def _stopped(study: Study, overlay: dict[str, Any]) -> Run:
    run = study.snakemake(overlay=overlay)
    assert run.status != 0
    assert not run.steps()
    assert not (study.folder / "results" / "embedded" / "manifest").exists()
    return run


@pytest.mark.parametrize(
    ("overlay", "words"),
    [
        ({"treshold": 0.3}, ["`treshold`", "did you mean `thresholds`?"]),
        ({"models": {"plain": {"input_sise": 64}}}, ["`models.plain.input_sise`", "did you mean `input_size`?"]),
        ({"models": {"plain": {"saliency_layer": "block9"}}}, ["models.plain", "block9", "last_convolution"]),
        ({"models": {"plain": {"architecture": "VGG61"}}}, ["models.plain", "VGG61", "VGG16"]),
        ({"models": {"plain": {"weights": "nowhere.weights.h5"}}}, ["models.plain.weights", "nowhere.weights.h5"]),
        ({"thresholds": [0.1, 1.2]}, ["thresholds", "1.2", "0 to 1"]),
        ({"thresholds": {"start": 0, "stop": 1, "step": 0.3}}, ["thresholds", "0.3"]),
        ({"leakage": "maybe"}, ["`leakage`", "exclude, exclude_content, allow"]),
        ({"evaluation_diagnoses": ["MEL", "NEVUS"]}, ["evaluation_diagnoses", "NEVUS"]),
        ({"archives": {"drawn": None}}, ["archives.training_pictures", "ISIC_2019_Training_Input.zip"]),
    ],
)
def test_faults_of_the_configuration(empty: Study, overlay: dict[str, Any], words: list[str]) -> None:
    text = _stopped(empty, overlay).text
    for word in words:
        assert word in text


def test_faults_of_the_archives(copied: Study) -> None:
    shutil.move(copied.results / "archives", copied.folder / "archives")
    shutil.rmtree(copied.results)
    given = {"archives": {"drawn": None, "folder": str(copied.folder / "archives")}}

    text = _stopped(copied, {**given, "features": ["globules", "blue_veil"]}).text
    assert "blue_veil" in text and "has no mask" in text and "pigment_network" in text

    masks = copied.folder / "archives" / "ISIC2018_Task2_Training_GroundTruth_v3.zip"
    masks.write_bytes(masks.read_bytes()[:50_000])
    text = _stopped(copied, given).text
    assert masks.name in text and "not a whole zip" in text

    with zipfile.ZipFile(masks, "w") as empty_archive:
        empty_archive.writestr("LICENSE.txt", "")
    assert "has no mask" in _stopped(copied, given).text
