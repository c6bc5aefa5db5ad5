"""A study with pictures that cannot be used: they stop it, or are set aside, and a check tells them beforehand."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from .conftest import FEW_SOURCES, REPOSITORY, Run, Study, environment_of_jobs

FEATURES = ["globules", "streaks"]
EVALUATED = [f"e{number:02d}" for number in range(34)]
TRAINING = [f"t{number:02d}" for number in range(24)]
CHECK = {"DERMALIGN_CHECK": "1"}
# What is computed without a classifier: masks, manifests, a control's shards, the leakage account.
FEW = [
    "results/aside/jaccard/controls/center_gaussian/union/0.500.csv",
    "results/aside/manifest/leakage_summary.csv",
    "results/aside/manifest/masks.csv",
]

Members = dict[str, dict[str, bytes]]


@pytest.fixture
def members(encoded: Callable[..., bytes]) -> Members:
    """The members of a sound study's archives, by archive; every picture and mask is another."""

    def photograph(seed: int) -> bytes:
        return encoded(np.random.default_rng(seed).integers(0, 256, (30, 40, 3)), form="JPEG")

    def mask(seed: int) -> bytes:
        top, left = np.random.default_rng(seed).integers(0, 15, 2)
        values = np.zeros((30, 40), dtype=np.uint8)
        values[top : top + 10, left : left + 12] = 255
        return encoded(values)

    names = [f"{image}_attribute_{feature}.png" for image in EVALUATED for feature in FEATURES]
    # Two evaluation pictures are in the training archive, too: which of them train follows from which are evaluated.
    return {
        "pictures.zip": {f"{image}.jpg": photograph(seed) for seed, image in enumerate(EVALUATED)},
        "masks.zip": {name: mask(seed) for seed, name in enumerate(names)},
        "training.zip": {
            **{f"{image}.jpg": photograph(100 + seed) for seed, image in enumerate(TRAINING)},
            **{f"{image}.jpg": photograph(seed) for seed, image in enumerate(EVALUATED[8:10])},
        },
    }


@pytest.fixture
def write(
    tmp_path: Path, zipped: Callable[..., Path], given: Callable[..., dict[str, Any]]
) -> Callable[..., tuple[Study, dict[str, Any]]]:
    """A function: write archives of members to a folder; returns the study there and its overlay."""

    def of(name: str, members: Members, **changes: Any) -> tuple[Study, dict[str, Any]]:
        data = tmp_path / name / "data"
        data.mkdir(parents=True, exist_ok=True)
        for archive, those in members.items():
            zipped(data / archive, those)
        rows = [f"{image},{number % 2},{1 - number % 2}" for number, image in enumerate([*TRAINING, *EVALUATED])]
        (data / "labels.csv").write_text("\n".join(["image,MEL,NV", *rows]), encoding="utf-8")
        rows = [f"{image},{('MEL', 'NV')[number % 2]}" for number, image in enumerate(EVALUATED)]
        (data / "diagnoses.csv").write_text("\n".join(["image,diagnosis", *rows]), encoding="utf-8")
        settings = {**FEW_SOURCES, "controls": {"chance": [], "prior": ["center_gaussian"], "anatomy": []}}
        overlay = given(
            {"training_pictures": "training.zip", "training_labels": "labels.csv"},
            study="aside",
            on_bad_picture="skip",
            **{**settings, "thresholds": [0.25, 0.5], **changes},
        )
        return Study(tmp_path / name), overlay

    return of


def spoiled(members: Members, encoded: Callable[..., bytes]) -> Members:
    """Return the archives with a picture that is cut off, masks that cannot be used or are missing, and a web page."""
    masks = dict(members["masks.zip"])
    masks["e08_attribute_streaks.png"] = encoded(np.full((20, 20), 255, dtype=np.uint8))
    del masks["e20_attribute_globules.png"]
    return {
        "pictures.zip": {**members["pictures.zip"], "e03.jpg": members["pictures.zip"]["e03.jpg"][:-300]},
        "masks.zip": masks,
        "training.zip": {**members["training.zip"], "t05.jpg": b"<html><body>log in</body></html>"},
    }


def without(members: Members, images: list[str]) -> Members:
    """Return the archives as if pictures, and their masks, had never been there, but for training pictures."""
    return {
        archive: {
            name: content
            for name, content in those.items()
            if not any(name.startswith(image) for image in images if archive != "training.zip" or image[0] == "t")
        }
        for archive, those in members.items()
    }


ASIDE = ["e03", "e08", "e20", "t05"]


def contents(study: Study, folders: tuple[str, ...]) -> Mapping[str, bytes]:
    """Return the files of a study's results in some folders, but those that list what was set aside."""
    results = study.folder / "results" / "aside"
    listing = {"manifest/set_aside.csv", "manifest/evaluation.csv", "manifest/training.csv", "manifest/archives.csv"}
    paths = [path for folder in folders for path in (results / folder).rglob("*") if path.is_file()]
    found = {path.relative_to(results).as_posix(): path.read_bytes() for path in paths}
    return {path: content for path, content in found.items() if path not in listing}


def job_process(study: Study, overlay: dict[str, Any], *arguments: str, **environment: str) -> Run:
    """Plan as the process of a job does, which Snakemake starts, on a node of a cluster or beside itself."""
    return study.snakemake("-n", "--nolock", "--mode", "subprocess", *arguments, overlay=overlay, **environment)


@pytest.mark.slow
def test_numbers_are_those_of_archives_without_the_pictures(
    write: Callable[..., tuple[Study, dict[str, Any]]], members: Members, encoded: Callable[..., bytes]
) -> None:
    study, overlay = write("bad", spoiled(members, encoded))
    run = study.snakemake(*FEW, overlay=overlay)
    assert run.status == 0, run.text[-3000:]
    assert "WARNING: set aside (on_bad_picture: skip): 3 evaluation and 1 training pictures, e03, e08, e20" in run.text
    assert "evaluation manifest:   3 because it was set aside" in run.text
    assert "training manifest:   1 because the picture was set aside" in run.text
    manifest = study.folder / "results" / "aside" / "manifest"
    for name, images in (("evaluation", ASIDE[:3]), ("training", ASIDE[3:])):
        rows = [line for line in (manifest / f"{name}.csv").read_text().splitlines() if "was set aside: data/" in line]
        assert [row.split(",")[0] for row in rows] == images
    assert "e20_attribute_globules.png" in (manifest / "set_aside.csv").read_text()

    other, same = write("without", without(members, ASIDE))
    run = other.snakemake(*FEW, overlay=same)
    assert run.status == 0 and "WARNING: set aside" not in run.text, run.text[-3000:]
    folders = ("jaccard", "cells", "shapes", "curves", "maps", "hashes", "manifest")
    found = contents(study, folders)
    assert found == contents(other, folders) and len(found) > 8
    for name, images in (("evaluation", ASIDE[:3]), ("training", ASIDE[3:])):
        rows = (manifest / f"{name}.csv").read_text().splitlines()
        kept = [row for row in rows if row.split(",")[0] not in images]
        assert kept == (other.folder / "results" / "aside" / "manifest" / f"{name}.csv").read_text().splitlines()

    # What is remembered of files decides nothing.
    shutil.rmtree(study.folder / ".snakemake" / "dermalign")
    assert study.snakemake("-n", *FEW, overlay=overlay).jobs() == {}
    # A picture that was replaced is taken in, with its batch alone; the process of a job goes by what its run kept.
    mended = spoiled(members, encoded)
    mended["pictures.zip"]["e03.jpg"] = members["pictures.zip"]["e03.jpg"]
    write("bad", mended)
    store = "results/aside/saliency/small/gradcam/e03.h5"
    planned = job_process(study, overlay, store)
    assert planned.status != 0 and f"No rule to produce {store}" in planned.text
    jobs = study.snakemake("-n", *FEW, store, overlay=overlay).jobs()
    assert store in [path for paths in jobs.values() for path in paths]
    assert len({Path(path).stem for path in jobs["mask_cells"]}) == 1
    assert "training_manifest" not in jobs and len(jobs["perceptual_hashes"]) == 1
    # Of another run, or of none, it knows nothing, and stops.
    stopped = job_process(study, overlay, *FEW, DERMALIGN_SET_ASIDE="another")
    assert stopped.status != 0 and "names other pictures than the run set aside" in stopped.text
    (manifest / "set_aside.csv").unlink()
    stopped = job_process(study, overlay, *FEW)
    assert stopped.status != 0 and "is not there any more. Start the run again" in stopped.text


@pytest.mark.slow
def test_statistics_and_networks_are_those_of_archives_without_the_pictures(
    write: Callable[..., tuple[Study, dict[str, Any]]], members: Members, encoded: Callable[..., bytes]
) -> None:
    studies = []
    folders = ("jaccard", "cells", "statistics", "manifest", "tables", "curves", "exact")
    targets: list[str] = []  # of the first all, of the other what is compared
    for name, those in (("bad", spoiled(members, encoded)), ("without", without(members, ASIDE))):
        study, overlay = write(name, those)
        run = study.snakemake(*targets, overlay=overlay)
        assert run.status == 0, run.text[-3000:]
        studies.append(study)
        targets = [f"results/aside/{path}" for path in contents(study, folders) if path.endswith(".csv")]
    found, expected = (contents(study, folders) for study in studies)
    # What a map took is a time.
    differs = {path for path in found.keys() | expected.keys() if found.get(path) != expected.get(path)}
    assert len(found) > 100 and all("method_runs" in path or "extended_methods" in path for path in differs)
    results = studies[0].folder / "results" / "aside"
    page = (results / "report" / "index.html").read_text(encoding="utf-8")
    assert "Of 34 pictures with masks 31 are in the analysis. Left out: 3 (it was set aside)." in page
    assert "4 pictures were set aside" in page
    for words in ("data/training.zip: t05.jpg is not a readable picture", "masks.zip lacks e20_attribute_globules"):
        assert words in page
    assert "(manifest/set_aside.csv)" in (results / "README.md").read_text(encoding="utf-8")
    assert json.loads((results / "study.json").read_text())["configuration"]["on_bad_picture"] == "skip"


def test_a_check_tells_all_that_is_wrong_and_computes_nothing(
    write: Callable[..., tuple[Study, dict[str, Any]]], members: Members, encoded: Callable[..., bytes]
) -> None:
    study, overlay = write("checked", members)
    sound = study.snakemake("-n", "--quiet", overlay=overlay, **CHECK)
    assert sound.status == 0
    assert re.search(
        r"^Looked at the configuration, 60 pictures, 68 masks, 92 rows of tables and 1 classifier in .*\.\n"
        r"Nothing is wrong\.$",
        sound.text,
        re.MULTILINE,
    ), sound.text
    assert "rule " not in sound.text and not (study.folder / "results").exists()
    # What would be set aside.
    study, overlay = write("checked", spoiled(members, encoded))
    skipped = study.snakemake("-n", "--quiet", overlay=overlay, **CHECK)
    assert skipped.status == 0 and not (study.folder / "results").exists()
    assert len(re.findall(r"^- (?:evaluation|training) picture \w+: data/", skipped.text, re.MULTILINE)) == 4
    worse = {**members["training.zip"], **{f"{image}.jpg": b"none" for image in TRAINING[:7]}}
    write("checked", {"training.zip": worse})
    # Without skip all faults are told, not some of many, those of what is there beside an archive that is not.
    (study.folder / "data" / "diagnoses.csv").unlink()
    overlay["on_bad_picture"] = "stop"
    stopped = study.snakemake("-n", "--quiet", overlay=overlay, **CHECK)
    assert stopped.status != 0 and not (study.folder / "results").exists()
    assert len(re.findall(r"^- data/training\.zip: t\d\d\.jpg is not a readable picture", stopped.text, re.M)) == 7
    # Of pictures.zip and masks.zip few are bad; of training.zip too many to go on without.
    assert stopped.text.count("Or set on_bad_picture: skip, and the study goes on") == 2
    for words in (r"e03\.jpg is not a readable picture", r"e08_attribute_streaks\.png has 20 x 20", r"diagnoses\.csv"):
        assert re.search(words, stopped.text), words


@pytest.mark.slow
def test_make_check_is_the_command(tmp_path: Path) -> None:
    overlay = {"archives": {"drawn": None, "folder": "nowhere"}}
    (tmp_path / "x.yaml").write_text(yaml.safe_dump(overlay), encoding="utf-8")
    (tmp_path / ".venv").symlink_to(sys.prefix)
    for name in ("Makefile", "Snakefile", "config.yaml", "rules", "schemas", "workflow_scripts", "profiles", "studies"):
        (tmp_path / name).symlink_to(REPOSITORY / name)
    for arguments, status in (([], 0), (["CONFIG=x.yaml"], 2)):
        # The environment is as it is: what made it is no matter here.
        run = subprocess.run(
            ["make", "--old-file", ".venv/run", "check", *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            env=environment_of_jobs(),
            check=False,
        )
        assert run.returncode == status, run.stdout + run.stderr
        said = run.stdout + run.stderr
        if status:
            assert "`archives.evaluation_masks`: there is no file or folder nowhere/" in said
        else:
            assert "the drawing's settings and 2 classifiers" in said and "Nothing is wrong." in said
        assert not (tmp_path / "results").exists()
