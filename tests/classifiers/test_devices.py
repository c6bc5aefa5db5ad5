"""A training on two devices ends as one on one device, but for rounding. On JAX, which alone distributes."""

import logging
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from dermalign.classifiers import training
from dermalign.classifiers.devices import data_parallel, device_count

LIBRARY = Path(training.__file__).parents[2]

# Two trainings of test_resuming's study: whole batches, and one picture more than the devices can share.
TRAINED = """
import logging, sys
from pathlib import Path
import pandas as pd
import keras
import test_resuming as study

logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
assert keras.backend.backend() == "jax"
folder = Path(sys.argv[1])
study.write_study(folder)
table = pd.read_csv(folder / "table.csv")
table.loc[table["split"] == "test", "split"] = ["test"] * 9 + ["train"]
# Adam would make of a gradient's last digit, where it is near 0, a step of its own.
chosen = study.settings(epochs=3, optimizer="sgd", learning_rate=0.05, momentum=0.5)
study.run(folder, folder / "even", chosen, table=table[:-1])
if len(sys.argv) > 2:
    study.run(folder, folder / "odd", chosen, table=table)
    study.run(folder, folder / "batch of 9", study.settings(epochs=1, batch_size=9))
"""


def trained(folder: Path, devices: int) -> str:
    folder.mkdir()
    arguments = [sys.executable, "-c", TRAINED, str(folder), *(["more"] if devices > 1 else [])]
    environment = {
        **os.environ,
        "KERAS_BACKEND": "jax",
        "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}",
        "PYTHONPATH": os.pathsep.join([str(LIBRARY), str(Path(__file__).parent)]),
    }
    ended = subprocess.run(arguments, env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr[-3000:]
    return ended.stdout


@pytest.mark.slow
def test_two_devices_give_what_one_gives(tmp_path: Path) -> None:
    said = {count: trained(tmp_path / str(count), count) for count in (1, 2)}
    assert "devices" not in said[1]
    assert "training on 2 devices, each with 4 pictures of a batch" in said[2]
    assert "of 2 GPUs, training uses 1: batch_size 9 is no multiple of more" in said[2]
    one, two = (pd.read_csv(tmp_path / f"{count}" / "even" / "history.csv") for count in (1, 2))
    np.testing.assert_allclose(two.drop(columns="seconds"), one.drop(columns="seconds"), rtol=1e-3)
    one, two = (pd.read_csv(tmp_path / f"{count}" / "even" / "predictions.csv") for count in (1, 2))
    assert len(one) == 19  # which two devices cannot share evenly
    assert list(two["image"]) == list(one["image"])
    columns = [column for column in one if column.startswith("p_")]
    np.testing.assert_allclose(two[columns], one[columns], atol=1e-3)
    assert one[columns].std().min() > 0.02  # they do differ from picture to picture
    for name, epochs in (("odd", 3), ("batch of 9", 1)):
        history = pd.read_csv(tmp_path / "2" / name / "history.csv")
        assert list(history["epoch"]) == list(range(1, epochs + 1))
        assert np.isfinite(history).all(axis=None)


def test_one_device_is_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="dermalign"), data_parallel(32) as count:
        assert count == device_count() == 1
        assert keras.distribution.distribution() is None
    assert caplog.messages == []


def test_several_gpus_on_tensorflow_are_said(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    # Two GPUs cannot be had here; what is told of is all that is replaced.
    monkeypatch.setattr("tensorflow.config.list_physical_devices", lambda kind: [f"{kind}:0", f"{kind}:1"])
    with caplog.at_level(logging.INFO, logger="dermalign"), data_parallel(32) as count:
        assert count == 1
    assert any("of 2 GPUs, training uses one: Keras distributes a training on JAX alone" in s for s in caplog.messages)
