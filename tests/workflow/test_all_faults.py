"""What has many faults stops before the first job, and all of them are told at once."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from .conftest import REPOSITORY, Study

FEATURES = ["globules", "streaks"]


def photograph(encoded: Callable[..., bytes], seed: int) -> bytes:
    return encoded(np.random.default_rng(seed).integers(0, 256, (30, 40, 3)), form="JPEG")


def mask(white: int = 255) -> np.ndarray:
    values = np.zeros((30, 40), dtype=np.uint8)
    values[5:12, 8:20] = white
    return values


@pytest.fixture
def overlay(
    empty: Study, zipped: Callable[..., Path], encoded: Callable[..., bytes], given: Callable[..., dict[str, Any]]
) -> dict[str, Any]:
    """A sound study of three evaluation pictures and six to train on."""
    data = empty.folder / "data"
    data.mkdir()
    evaluated = {f"e{number}": photograph(encoded, number) for number in range(3)}
    zipped(data / "pictures.zip", {f"pictures/{name}.jpg": content for name, content in evaluated.items()})
    masks = {f"{name}_attribute_{feature}.png": encoded(mask()) for name in evaluated for feature in FEATURES}
    zipped(data / "masks.zip", masks)
    zipped(data / "training.zip", {f"t{number}.jpg": photograph(encoded, 10 + number) for number in range(6)})
    labels = "".join(f"t{number},{int(number < 3)},{int(number >= 3)}\n" for number in range(6))
    (data / "labels.csv").write_text(f"image,MEL,NV\n{labels}", encoding="utf-8")
    (data / "diagnoses.csv").write_text("image,diagnosis\ne0,MEL\ne1,NV\ne2,NV\n", encoding="utf-8")
    return given({"training_pictures": "training.zip", "training_labels": "labels.csv"}, study="faults")


@pytest.mark.slow
def test_all_faults_are_told_at_once(
    empty: Study, overlay: dict[str, Any], zipped: Callable[..., Path], encoded: Callable[..., bytes]
) -> None:
    data = empty.folder / "data"
    # What does not fit is not read as black: a mask of values that tell nothing, and one of another size.
    masks = {f"{name}_attribute_{feature}.png": encoded(mask()) for name in ("e0", "e1", "e2") for feature in FEATURES}
    masks["e1_attribute_globules.png"] = encoded(np.maximum(mask(100), np.eye(30, 40, dtype=np.uint8) * 50))
    masks["e2_attribute_streaks.png"] = encoded(mask()[:, :20])
    zipped(data / "masks.zip", masks)
    # A picture that is cut off in a whole archive, and an archive that is something else than its name says.
    pictures = {f"e{number}.jpg": photograph(encoded, number) for number in range(3)}
    zipped(data / "pictures.zip", {**pictures, "e0.jpg": photograph(encoded, 0)[:-300]})
    (data / "training.zip").write_bytes(b"Rar!\x1a\x07\x01\x00" + bytes(100))
    # A classifier that is none, weights that are none, a layer that is not there, values that are not there.
    (empty.folder / "brought.keras").write_text("a note\n", encoding="utf-8")
    brought = {"classifier": "brought.keras", "pixels": "unit", "saliency_layer": "conv", "classes": ["MEL", "NV"]}
    overlay["models"].update(brought=brought)
    (empty.folder / "weights.h5").write_text("a note\n", encoding="utf-8")
    overlay["models"]["started"] = {**overlay["models"]["small"], "weights": "weights.h5"}
    overlay["models"]["small"]["saliency_layer"] = "block9"
    overlay["published"] = "nowhere.csv"
    # A control that needs two pictures, of a study of which one is left.
    (data / "diagnoses.csv").write_text("image,diagnosis\ne0,MEL\ne1,BKL\ne2,BKL\n", encoding="utf-8")
    run = empty.snakemake(overlay=overlay)
    assert run.status != 0
    assert not run.steps()
    assert not (empty.folder / "results").exists()
    lines = [line for line in run.text.splitlines() if line.startswith("- ")]
    for words in (
        r"masks\.zip: the mask e1_attribute_globules\.png has value 0, 50 and 100 only, none above 127",
        r"masks\.zip: the mask e2_attribute_streaks\.png has 20 x 30 pixels, its picture 40 x 30",
        r"pictures\.zip: e0\.jpg is not a readable picture .*: that is whole, this file in it is not",
        r"training\.zip is a RAR archive, not a zip archive\. Unpack it and name the folder",
        r"models\.small.*block9.*last_convolution",
        r"models\.brought.*brought\.keras",
        r"models\.started: weights: weights\.h5 is no file of weights as Keras saves them",
        r"nowhere\.csv",
        r"`shuffled` needs at least 2 pictures, and 1 of the evaluation pictures get maps",
    ):
        assert any(re.search(words, line) for line in lines), f"{words}\n{run.text}"
    assert f"{len(lines)} faults are to be mended before anything is computed" in run.text


@pytest.mark.slow
def test_an_environment_in_a_path_with_a_blank_is_told_before_any_job(tmp_path: Path) -> None:
    (tmp_path / "my data").mkdir()
    (tmp_path / "my data" / ".venv").symlink_to(sys.prefix)
    shutil.copy(REPOSITORY / "Makefile", tmp_path / "my data")
    command = [str(tmp_path / "my data/.venv/bin/python"), "-m", "snakemake", "-s", str(REPOSITORY / "Snakefile")]
    for each in ([*command, "--cores", "1", "-d", str(tmp_path)], ["make", "run"]):
        run = subprocess.run(each, cwd=tmp_path / "my data", capture_output=True, text=True, check=False)
        assert run.returncode != 0
        assert "has a blank in it" in run.stdout + run.stderr
        assert "Move the folder to a path without" in run.stdout + run.stderr
        assert not (tmp_path / "results").exists()
