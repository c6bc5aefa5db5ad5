"""What runs again: only what a change touches."""

import io
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from PIL import Image

from .conftest import Run, Study

# The same archives as if the user had brought them: what depends on them depends on their content then.
BROUGHT = {"archives": {"drawn": None}}
GRID = [number / 10 for number in range(11)]
FOLLOWS = {
    "statistics_plain",
    "statistics_residual",
    *("statistics_unet", "statistics_controls", "statistics_ceiling", "merge_statistics"),
    *("control_statistics_plain", "control_statistics_residual", "control_statistics_unet", "merge_controls"),
    *("challenge_statistics", "extended_challenge", "reference_shares", "extended_reference", "reference_figure"),
    *("ceiling_shares", "ceilings_figure", "method_differences", "methods_figure", "out_of_sample", "hypotheses"),
    *("group_tests", "groupings", "correlations", "correlations_figure"),
    *(f"table{number}" for number in range(2, 7)),
    *(f"extended_{name}" for name in ("thresholds", "best_thresholds", "groups", "mann_whitney")),
    *("extended_groupings", "extended_correlations", "extended_controls", "extended_ceilings"),
    *("extended_out_of_sample", "extended_hypotheses", "extended_methods"),
    *("comparison", "jaccard_by_threshold", "groups_figure"),
    *("example", "figure1", "figure2", "figure4", "figure5", "extremes"),
    *("explorer", "study_record", "report_page"),
}


@pytest.fixture(scope="module")
def touched(finished: tuple[Study, Run], tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A copy of the finished study, of archives that are not drawn. To be read, not changed."""
    folder = tmp_path_factory.mktemp("touched") / "study"
    study = Study(Path(shutil.copytree(finished[0].folder, folder, copy_function=shutil.copy2)))
    assert "mask_cells" in study.snakemake("-n", overlay=BROUGHT).jobs()
    assert study.snakemake("--touch", overlay=BROUGHT).status == 0
    assert study.snakemake("-n", overlay=BROUGHT).jobs() == {}
    return study


@pytest.fixture
def brought(touched: Study, tmp_path: Path) -> Study:
    """A copy of that, to be changed at will."""
    return Study(Path(shutil.copytree(touched.folder, tmp_path / "study", copy_function=shutil.copy2)))


def test_nothing_touched_nothing_runs(copied: Study) -> None:
    assert copied.snakemake("-n").jobs() == {}


def test_what_no_result_depends_on_renews_the_record_and_its_page_alone(copied: Study) -> None:
    assert set(copied.snakemake("-n", overlay={"gpus": 0}).jobs()) == {"study_record", "report_page"}


def test_a_new_threshold_lists_only_its_shards_and_what_follows(copied: Study) -> None:
    jobs = copied.snakemake("-n", overlay={"thresholds": [*GRID, 0.55]}).jobs()
    shards = jobs.pop("jaccard_1")
    sources = 3 * (1 + 2) + 5 + 2  # of two models and a network, each with chance; priors and anatomy, ceilings
    assert len(shards) == sources * 6  # features
    assert {Path(path).name for path in shards} == {"0.550.csv"}
    assert set(jobs) == FOLLOWS


@pytest.mark.slow
def test_a_threshold_comes_and_goes_without_a_stale_row(copied: Study) -> None:
    statistics = copied.results / "statistics" / "thresholds.csv"
    before = statistics.read_bytes()
    shard = copied.results / "jaccard" / "plain" / "gradcam" / "union" / "0.300.csv"
    made = shard.stat().st_mtime_ns

    table = copied.results / "tables" / "extended_thresholds.csv"
    with_it = [str(path.relative_to(copied.folder)) for path in (statistics, table)]
    assert copied.snakemake(*with_it, overlay={"thresholds": [*GRID, 0.55]}).status == 0
    assert "0.550" in set(pd.read_csv(statistics, dtype=str)["threshold"])
    assert ",0.550," in table.read_text(encoding="utf-8")
    assert shard.stat().st_mtime_ns == made

    without = {"thresholds": [value for value in GRID if value != 0.3]}
    published = {"comparison", "audit"}  # which have the paper's thresholds
    ours = [path for path in (copied.results / "tables").glob("*.csv") if path.stem not in published]
    targets = [str(path.relative_to(copied.folder)) for path in (statistics, *ours)]
    assert copied.snakemake(*targets, overlay=without).status == 0
    for table in [statistics, *ours]:
        text = table.read_text(encoding="utf-8")
        assert ",0.550," not in text and ",0.300," not in text, table

    assert copied.snakemake("results/embedded/statistics/thresholds.csv", overlay={"thresholds": GRID}).status == 0
    assert shard.stat().st_mtime_ns == made
    assert statistics.read_bytes() == before


@pytest.mark.slow
def test_another_seed_draws_other_pictures_and_does_everything_again(
    empty: Study, tiny: Callable[[], dict[str, Any]]
) -> None:
    assert empty.snakemake("results/embedded/manifest/evaluation.csv", overlay=tiny()).status == 0
    before = set(pd.read_csv(empty.results / "manifest" / "evaluation.csv")["image"])
    other = {**tiny(), "seed": 5}
    assert {"draw_archives", "mask_cells", "train", "table6"} <= set(empty.snakemake("-n", overlay=other).jobs())
    run = empty.snakemake("results/embedded/manifest/evaluation.csv", overlay=other)
    assert run.status == 0, run.text[-3000:]
    assert set(pd.read_csv(empty.results / "manifest" / "evaluation.csv")["image"]) != before


@pytest.mark.slow
def test_touched_archives_with_the_same_content_run_nothing(brought: Study) -> None:
    for path in (brought.results / "archives").iterdir():
        path.touch()
    assert brought.snakemake("-n", overlay=BROUGHT).jobs() == {}


@pytest.mark.slow
def test_a_new_picture_runs_its_batch_only(brought: Study) -> None:
    archives = brought.results / "archives"
    with zipfile.ZipFile(archives / "ISIC2018_Task1-2_Training_Input.zip", "a") as pictures:
        pictures.writestr("ISIC2018_Task1-2_Training_Input/ISIC_0099999.jpg", _encoded("RGB", "JPEG"))
    with zipfile.ZipFile(archives / "ISIC2018_Task2_Training_GroundTruth_v3.zip", "a") as masks:
        for feature in ("globules", "milia_like_cyst", "negative_network", "pigment_network", "streaks"):
            masks.writestr(
                f"ISIC2018_Task2_Training_GroundTruth_v3/ISIC_0099999_attribute_{feature}.png", _encoded("L", "PNG")
            )
    with (archives / "evaluation_diagnosis.csv").open("a", encoding="utf-8") as table:
        table.write("ISIC_0099999,nevus\n")
    jobs = brought.snakemake("-n", overlay=BROUGHT).jobs()
    assert len(jobs.pop("perceptual_hashes")) == 1
    counted = {Path(path).parent.name for path in jobs["mask_cells"]}
    assert counted == {"cells", "shapes", "ceilings"} and len(jobs.pop("mask_cells")) == 3  # of one batch
    assert len(jobs["explorer_pictures"]) == 1
    assert "train" not in jobs and "training_manifest" not in jobs
    assert "train_segmentation_unet" in jobs  # which learns from all pictures but its fold's
    batches = [name for name in jobs if name.startswith("gradcam_")]
    assert len(batches) == 2  # one of the two batches of each of the two models
    assert {name[-5:] for name in batches} == {batches[0][-5:]}

    shard = brought.results / "jaccard" / "plain" / "gradcam" / "union" / "0.500.csv"
    before = pd.read_csv(shard, index_col="image")
    assert brought.snakemake(str(shard.relative_to(brought.folder)), overlay=BROUGHT).status == 0
    after = pd.read_csv(shard, index_col="image")
    assert set(after.index) - set(before.index) == {"ISIC_0099999"}
    pd.testing.assert_frame_equal(after.loc[before.index], before)


@pytest.mark.slow
def test_other_content_under_the_same_name_runs_what_reads_it(brought: Study) -> None:
    archives = brought.results / "archives"
    evaluation = pd.read_csv(brought.results / "manifest" / "evaluation.csv", keep_default_na=False)
    image = evaluation.loc[evaluation["included"], "image"].iloc[0]
    pictures, masks, training = (
        archives / f"{name}.zip"
        for name in (
            "ISIC2018_Task1-2_Training_Input",
            "ISIC2018_Task2_Training_GroundTruth_v3",
            "ISIC_2019_Training_Input",
        )
    )
    before = {path: path.read_bytes() for path in (*archives.iterdir(),)}

    def jobs_after(archive: Path, name: str) -> dict[str, list[str]]:
        _replace(archive, name)
        found = brought.snakemake("-n", overlay=BROUGHT).jobs()
        archive.write_bytes(before[archive])
        return found

    jobs = jobs_after(masks, f"{image}_attribute_streaks.png")
    assert len({Path(path).stem for path in jobs["mask_cells"]}) == len(jobs["explorer_pictures"]) == 1
    assert {"archive_digests", "study_record"} <= set(jobs)
    assert not [name for name in jobs if name.startswith(("gradcam_", "training", "perceptual_hashes"))]
    assert "train" not in jobs and "train_segmentation_unet" in jobs

    jobs = jobs_after(pictures, f"{image}.jpg")
    assert len({Path(path).stem for path in jobs["mask_cells"]}) == len(jobs["perceptual_hashes"]) == 1
    assert len([name for name in jobs if name.startswith("gradcam_")]) == 2  # one batch of each model
    assert "training_manifest" not in jobs

    with zipfile.ZipFile(training) as opened:
        trained = Path(opened.namelist()[5]).name
    jobs = jobs_after(training, trained)
    assert {"training_manifest", "training_pictures", "train", "perceptual_hashes"} <= set(jobs)
    assert "mask_cells" not in jobs and "train_segmentation_unet" not in jobs

    labels = archives / "ISIC_2019_Training_GroundTruth.csv"
    lines = labels.read_text(encoding="utf-8").splitlines()
    labels.write_text("\n".join(lines[:-1]) + "\n", encoding="utf-8")
    assert {"training_manifest", "evaluation_manifest"} <= set(brought.snakemake("-n", overlay=BROUGHT).jobs())
    labels.write_bytes(before[labels])
    assert brought.snakemake("-n", overlay=BROUGHT).jobs() == {}


def _replace(archive: Path, name: str) -> None:
    """Write a zip archive anew, with another picture or mask of the same size as the member of the given file name."""
    with zipfile.ZipFile(archive) as opened:
        members = {info.filename: opened.read(info) for info in opened.infolist()}
    (member,) = [path for path in members if Path(path).name == name]
    with Image.open(io.BytesIO(members[member])) as old:
        members[member] = _encoded(old.mode, str(old.format), old.size)
    with zipfile.ZipFile(archive, "w") as opened:
        for path, content in members.items():
            opened.writestr(path, content)


def _encoded(mode: str, kind: str, size: tuple[int, int] = (97, 75)) -> bytes:
    content = io.BytesIO()
    Image.radial_gradient("L").resize(size).point(lambda value: 255 * (value < 90)).convert(mode).save(content, kind)
    return content.getvalue()


def test_a_retrained_classifier_decodes_no_mask_again(copied: Study) -> None:
    overlay = {"models": {"plain": {"training": {"epochs": 1}}}}
    jobs = copied.snakemake("-n", overlay=overlay).jobs()
    assert "mask_cells" not in jobs and "train_segmentation_unet" not in jobs
    assert [path for path in jobs["train"] if "residual" in path] == []
    assert [path for path in jobs["jaccard_0"] if "/residual/" in path] == []


def test_another_grid_counts_masks_again_and_trains_nothing(copied: Study) -> None:
    jobs = copied.snakemake("-n", overlay={"controls": {"cells": 48}}).jobs()
    assert "mask_cells" in jobs and "maps_controls_mean_mask" in jobs
    assert not [name for name in jobs if name.startswith(("train", "segmentation", "gradcam"))]


def test_another_network_trains_itself_alone(copied: Study) -> None:
    started = {"architecture": "plain_stack", "input_size": 64, "cells": 32, "training": {"epochs": 1}}
    jobs = copied.snakemake("-n", overlay={"segmentation": {"networks": {"started": started}}}).jobs()
    assert len(jobs["train_segmentation_started"]) == 4  # two files of each of two folds
    trained = {name for name in jobs if name.startswith(("train", "segmentation", "evaluation_pictures", "mask_cells"))}
    assert trained == {f"{name}_started{batch}" for name in ("segmentation",) for batch in ("_00000", "_00001")} | {
        "train_segmentation_started"
    }


@pytest.mark.slow
def test_the_maps_of_another_layer_train_nothing(copied: Study) -> None:
    jobs = copied.snakemake("-n", overlay={"models": {"plain": {"saliency_layer": "stage3_convolution1"}}}).jobs()
    assert "train" not in jobs and "mask_cells" not in jobs  # its cells are 16 x 16, too
    assert {name for name in jobs if name.startswith("gradcam_")} == {"gradcam_plain_00000", "gradcam_plain_00001"}
