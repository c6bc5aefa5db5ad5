"""A run killed while it trains: the next one goes on from the checkpoint, which Snakemake leaves alone."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from .conftest import Study, environment_of_jobs

pytestmark = pytest.mark.slow


def test_a_killed_run_goes_on_from_its_last_epoch(empty: Study, tiny: Callable[[], dict[str, Any]]) -> None:
    overlay = tiny()
    overlay["models"]["plain"]["training"]["epochs"] = 30
    target = "results/embedded/classifiers/plain/model.keras"
    command = empty.command(target, "--cores", "1", overlay=overlay)
    with (empty.folder / "printed").open("w") as printed:
        # A session of its own, so that all its processes can be killed at once.
        process = subprocess.Popen(
            command,
            cwd=empty.folder,
            stdout=printed,
            stderr=subprocess.STDOUT,
            env=environment_of_jobs(),
            start_new_session=True,
        )
        folder = empty.results / "classifiers" / "plain"
        try:
            while process.poll() is None and not list(folder.glob(".training/epoch_*.h5")):
                time.sleep(0.05)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    assert process.returncode == -signal.SIGKILL, (empty.folder / "printed").read_text()[-3000:]
    assert not (folder / "model.keras").exists()

    assert empty.snakemake("--unlock", overlay=overlay).status == 0
    run = empty.snakemake(target, "--rerun-incomplete", overlay=overlay)
    assert run.status == 0, run.text[-3000:]
    log = (empty.results / "logs" / "train" / "plain.log").read_text(encoding="utf-8")
    assert "going on after epoch" in log
    assert "INFO epoch 1 of 30" not in log
    assert list(pd.read_csv(folder / "history.csv")["epoch"]) == list(range(1, 31))
    assert not (folder / ".training").exists()
