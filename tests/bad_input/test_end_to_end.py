"""What a user sees: cases of the table through Snakemake, many of them in one run, since all are told at once."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from ..workflow.conftest import Run, Study
from .builders import Sound, drawn
from .cases import CASES, Case

# What config.yaml, over which the study's settings are laid, has and the study has not.
NOT_OF_THE_STUDY: dict[str, Any] = {
    "archives": {"drawn": None, "lesion_masks": None},
    "models": {"plain": None, "residual": None},
    "segmentation": {"networks": {"unet": None}},
    "thresholds": [0.5],
    "published": None,
}


def chosen(*names: str) -> list[Case]:
    """Return cases of the table by name."""
    by_name = {case.name: case for case in CASES}
    return [by_name[name] for name in names]


def overlay(study: Sound) -> dict[str, Any]:
    """Return the study's settings as an overlay over config.yaml."""
    settings = {**NOT_OF_THE_STUDY, **study.settings}
    for key in ("archives", "models", "segmentation"):
        settings[key] = {**NOT_OF_THE_STUDY[key], **study.settings[key]}
    return settings


def stopped(folder: Path, *arguments: str) -> Run:
    """Return a run that is stopped before any job, with nothing computed."""
    run = Study(folder).snakemake("--configfile", "study.yaml", *arguments)
    assert run.status != 0
    assert not run.steps()
    assert not (folder / "results").exists()
    assert "Traceback (most recent call last)" not in run.text
    return run


def run_of(cases: Iterable[Case], folder: Path) -> Run:
    """Return the run of a study with all these cases in it."""
    study = drawn(folder)
    for case in cases:
        case.change(study)
    study.write()
    (folder / "study.yaml").write_text(yaml.safe_dump(overlay(study), sort_keys=False), encoding="utf-8")
    return stopped(folder)


def assert_told(cases: Iterable[Case], text: str) -> None:
    """Assert that each case is told in its words."""
    for case in cases:
        assert all(re.search(words, text) for words in case.words), f"{case.name}\n{text}"


def test_faults_of_the_configuration(tmp_path: Path) -> None:
    cases = chosen(
        "a text for the seed",
        "an unknown key",
        "a feature twice",
        "a threshold that is not a number",
        "a learning rate that is not a number",
        "half a thread",
    )
    assert_told(cases, run_of(cases, tmp_path).text)


def test_faults_of_archives_pictures_masks_and_tables(tmp_path: Path) -> None:
    cases = chosen(
        "half a PNG",
        "a mask of 0, 1 and 2",
        "a training picture that is a web page",
        "labels with a quote that does not end",
        "metadata with the lesions' column twice",
        "feedback of another study",
        "published values with a comma",
        "a picture to mail that is not there",
    )
    text = run_of(cases, tmp_path).text
    assert_told(cases, text)
    assert f"{len(cases)} faults are to be mended before anything is computed" in text
    # What is missing is told alone.
    (missing,) = chosen("no archive of pictures")
    (tmp_path / "data" / "pictures.zip").unlink()
    assert_told([missing], stopped(tmp_path).text)


def test_a_file_of_configuration_that_yaml_reads_otherwise_than_it_was_meant(tmp_path: Path) -> None:
    """Twice a key, of which YAML reads the last; what YAML cannot read at all, Snakemake tells in its own words."""
    study = drawn(tmp_path)
    study.write()
    text = yaml.safe_dump(overlay(study))
    (tmp_path / "study.yaml").write_text(f"{text}thresholds: [0.2]\n", encoding="utf-8")
    told = stopped(tmp_path, "-n").text
    assert re.search(r"study\.yaml: `thresholds` stands there twice, in line \d+ and in line \d+", told)
    (tmp_path / "study.yaml").write_text(f"{text}split:\n\tvalidation: 0.1\n", encoding="utf-8")
    assert "make sure to not mix whitespace and tab indentation" in stopped(tmp_path, "-n").text
