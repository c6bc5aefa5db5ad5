"""A run killed while it trains: the next one goes on from the checkpoint, which Snakemake leaves alone."""

import os
import signal
import time
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from .conftest import Study

pytestmark = pytest.mark.slow


def test_a_killed_run_goes_on_from_its_last_epoch_and_ends_with_the_same_bytes(
    empty: Study, tiny: Callable[[], dict[str, Any]]
) -> None:
    """Of a segmentation network, which is trained by the same loop, tests/segmentation/test_training.py."""
    overlay = tiny()
    overlay["models"]["plain"]["training"]["epochs"] = 16
    folder = empty.results / "classifiers" / "plain"
    target = "results/embedded/classifiers/plain/model.keras"
    log = "train/plain.log"
    process = empty.started(empty.folder / "printed", target, "--cores", "1", overlay=overlay)
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
    text = (empty.results / "logs" / log).read_text(encoding="utf-8")
    assert "going on after epoch" in text
    assert "INFO epoch 1 of 16" not in text
    history = pd.read_csv(folder / "history.csv")
    assert list(history["epoch"]) == list(range(1, 17))
    resumed = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert len(resumed) == 3 and not (folder / ".training").exists()

    (folder / "model.keras").unlink()
    assert empty.snakemake(target, overlay=overlay).status == 0
    assert "going on" not in (empty.results / "logs" / log).read_text(encoding="utf-8")
    for name, content in resumed.items():
        if name != "history.csv":  # whose seconds differ
            assert (folder / name).read_bytes() == content, name
    whole = pd.read_csv(folder / "history.csv")
    pd.testing.assert_frame_equal(whole.drop(columns="seconds"), history.drop(columns="seconds"), check_exact=True)
