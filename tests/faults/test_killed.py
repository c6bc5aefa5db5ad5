"""A study that is killed in each way ends as if it had not been; `kill.py` does the same at many moments, by hand."""

from pathlib import Path

import pytest

from ..workflow.conftest import FEW_SOURCES, Study
from .kill import WAYS, Kills, killed_often

OVERLAY = {"archives": {"drawn": {"training_pictures": 120, "evaluation_pictures": 20}}, **FEW_SOURCES}
TARGETS = ("manifest/training.csv", "explorer/pictures/00000", "tables/extended_features.csv")


@pytest.mark.slow
def test_a_study_killed_in_each_way_ends_as_one_that_was_not(tmp_path: Path) -> None:
    """Of the study as much as is done in seconds: what needs no classifier."""
    whole, study = Study(tmp_path / "whole"), Study(tmp_path / "killed")
    for each in (whole, study):
        each.folder.mkdir()
    targets = tuple(f"results/embedded/{name}" for name in TARGETS)
    run = whole.snakemake(*targets, overlay=OVERLAY)
    assert run.status == 0, run.text[-3000:]
    kills = Kills(study, whole.results, OVERLAY, targets)
    killed_often(kills, moments=len(WAYS) + 1, seed=0, jobs=len(run.steps()))
    assert not kills.faults, "\n".join(kills.faults)
    assert kills.checked and kills.finished
    assert set(kills.ways) == set(WAYS)
