"""What runs again: only what a change touches."""

import io
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from PIL import Image

from .conftest import REPOSITORY, Study

GRID = [number / 10 for number in range(11)]
FOLLOWS = {
    "model_statistics",
    "merge_statistics",
    *(f"table{number}" for number in range(2, 7)),
    "jaccard_by_threshold",
}


def test_nothing_touched_nothing_runs(copied: Study) -> None:
    assert copied.snakemake("-n").jobs() == {}


def test_touched_archives_with_the_same_content_run_nothing(copied: Study) -> None:
    for path in (copied.results / "archives").iterdir():
        path.touch()
    assert copied.snakemake("-n").jobs() == {}


def test_a_new_threshold_lists_only_its_shards_and_what_follows(copied: Study) -> None:
    jobs = copied.snakemake("-n", overlay={"thresholds": [*GRID, 0.55]}).jobs()
    shards = jobs.pop("jaccard_1")
    assert len(shards) == 2 * 5 * 6  # models, methods with chance, features
    assert {Path(path).name for path in shards} == {"0.550.csv"}
    assert set(jobs) == FOLLOWS


def test_a_threshold_comes_and_goes_without_a_stale_row(copied: Study) -> None:
    statistics = copied.results / "statistics" / "thresholds.csv"
    before = statistics.read_bytes()
    shard = copied.results / "jaccard" / "plain" / "gradcam" / "union" / "0.300.csv"
    made = shard.stat().st_mtime_ns

    assert copied.snakemake(overlay={"thresholds": [*GRID, 0.55]}).status == 0
    assert "0.550" in set(pd.read_csv(statistics, dtype=str)["threshold"])
    assert shard.stat().st_mtime_ns == made

    without = {"thresholds": [value for value in GRID if value != 0.3]}
    assert copied.snakemake(overlay=without).status == 0
    for table in [statistics, *(copied.results / "tables").glob("*.csv")]:
        text = table.read_text(encoding="utf-8")
        assert ",0.550," not in text and ",0.300," not in text, table

    assert copied.snakemake(overlay={"thresholds": GRID}).status == 0
    assert shard.stat().st_mtime_ns == made
    assert statistics.read_bytes() == before


def test_another_seed_draws_other_pictures_and_does_everything_again(
    empty: Study, tiny: Callable[[], dict[str, Any]]
) -> None:
    assert empty.snakemake("results/embedded/manifest/evaluation.csv", overlay=tiny()).status == 0
    before = set(pd.read_csv(empty.results / "manifest" / "evaluation.csv")["image"])
    other = {**tiny(), "seed": 5}
    plan = empty.snakemake("-n", overlay=other)
    assert {"draw_archives", "mask_cells", "train", "table6"} <= set(plan.jobs()), plan.text[-3000:]
    run = empty.snakemake("results/embedded/manifest/evaluation.csv", overlay=other)
    assert run.status == 0, run.text[-3000:]
    assert set(pd.read_csv(empty.results / "manifest" / "evaluation.csv")["image"]) != before


def test_a_new_picture_runs_its_batch_only(copied: Study) -> None:
    archives = copied.results / "archives"
    with zipfile.ZipFile(archives / "ISIC2018_Task1-2_Training_Input.zip", "a") as pictures:
        pictures.writestr("ISIC2018_Task1-2_Training_Input/ISIC_0099999.jpg", _encoded("RGB", "JPEG"))
    with zipfile.ZipFile(archives / "ISIC2018_Task2_Training_GroundTruth_v3.zip", "a") as masks:
        for feature in ("globules", "milia_like_cyst", "negative_network", "pigment_network", "streaks"):
            masks.writestr(
                f"ISIC2018_Task2_Training_GroundTruth_v3/ISIC_0099999_attribute_{feature}.png", _encoded("L", "PNG")
            )
    with (archives / "evaluation_diagnosis.csv").open("a", encoding="utf-8") as table:
        table.write("ISIC_0099999,nevus\n")
    jobs = copied.snakemake("-n").jobs()
    assert [len(jobs.pop("mask_cells")), "train" in jobs, "training_manifest" in jobs] == [1, False, False]
    batches = [name for name in jobs if name.startswith("gradcam_")]
    assert len(batches) == 2  # one of the two batches of each of the two models
    assert {name[-5:] for name in batches} == {batches[0][-5:]}

    assert copied.snakemake().status == 0
    shard = pd.read_csv(copied.results / "jaccard" / "plain" / "gradcam" / "union" / "0.500.csv", index_col="image")
    assert "ISIC_0099999" in shard.index


def test_a_corrected_mask_and_picture_of_the_same_name_run_their_batches(copied: Study) -> None:
    archives = copied.results / "archives"
    for name, suffix in (
        ("ISIC2018_Task2_Training_GroundTruth_v3.zip", "globules.png"),
        ("ISIC2018_Task1-2_Training_Input.zip", ".jpg"),
    ):
        with zipfile.ZipFile(archives / name) as archive:
            members = {member: archive.read(member) for member in archive.namelist()}
        changed = next(member for member in members if member.endswith(suffix))
        with Image.open(io.BytesIO(members[changed])) as picture:
            content = io.BytesIO()
            picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT).point(lambda value: 255 - value).save(
                content, picture.format
            )
        members[changed] = content.getvalue()
        with zipfile.ZipFile(archives / name, "w") as archive:
            for member, data in members.items():
                archive.writestr(member, data)
        jobs = copied.snakemake("-n").jobs()
        assert len(jobs["mask_cells"]) in ([1] if suffix == "globules.png" else [1, 2])  # perhaps of another batch
        assert "train" not in jobs
        # A mask is nothing that maps depend on; a picture is, for each of the two models.
        assert len([rule for rule in jobs if rule.startswith("gradcam_")]) == (0 if suffix == "globules.png" else 2)


def _encoded(mode: str, kind: str) -> bytes:
    content = io.BytesIO()
    Image.radial_gradient("L").resize((97, 75)).point(lambda value: 255 * (value < 90)).convert(mode).save(
        content, kind
    )
    return content.getvalue()


def test_a_retrained_classifier_decodes_no_mask_again(copied: Study) -> None:
    overlay = {"models": {"plain": {"training": {"epochs": 1}}}}
    jobs = copied.snakemake("-n", overlay=overlay).jobs()
    assert "mask_cells" not in jobs
    assert [path for path in jobs["train"] if "residual" in path] == []
    assert [path for path in jobs["jaccard_0"] if "/residual/" in path] == []


def test_a_killed_run_leaves_no_half_file_and_the_next_finishes_the_rest(
    empty: Study, tiny: Callable[[], dict[str, Any]]
) -> None:
    overlay = empty.folder / "overlay.yaml"
    overlay.write_text(yaml.safe_dump(tiny()), encoding="utf-8")
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(REPOSITORY / "Snakefile"), "--cores", "2"]
    process = subprocess.Popen(
        [*command, "--directory", str(empty.folder), "--configfile", str(overlay)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    manifest = empty.results / "manifest" / "evaluation.csv"
    for _ in range(1200):
        if manifest.is_file() or process.poll() is not None:
            break
        time.sleep(0.1)
    else:
        pytest.fail("the run did not come to its manifest")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    cells = {path: path.stat().st_mtime_ns for path in (empty.results / "cells").glob("*.h5")}
    assert cells
    assert empty.snakemake("--unlock", overlay=tiny()).status == 0

    run = empty.snakemake(overlay=tiny())
    assert run.status == 0, run.text[-3000:]
    assert (empty.results / "tables" / "table6.md").is_file()
    assert {path: path.stat().st_mtime_ns for path in cells} == cells
    assert empty.snakemake("-n", overlay=tiny()).jobs() == {}
