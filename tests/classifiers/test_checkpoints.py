"""Checkpoints: what is written is what is restored, for the training that it belongs to and no other."""

import logging
import os
from pathlib import Path
from socket import gethostname

import keras
import numpy as np
import pytest
from dermalign.classifiers.checkpoints import (
    checkpoint_path,
    find_checkpoint,
    keep_only,
    restore_variables,
    write_checkpoint,
)
from processes import ended_process

DIGESTS = {"settings": "a", "seed": "1"}
HISTORY = [(1, 0.5, float("nan")), (2, 0.25, 1 / 3)]


def written(folder: Path, epoch: int = 2, history: list[tuple[float, ...]] = HISTORY, value: float = 1.0) -> Path:
    path = checkpoint_path(folder, epoch)
    variables = {
        "model": [np.full((2, 3), value, np.float32), np.float16(value)],
        "optimizer": [keras.Variable(int(value), dtype="int64")],
    }
    write_checkpoint(path, DIGESTS, history, variables)
    return path


def test_what_is_written_is_found_and_restored(tmp_path: Path) -> None:
    assert find_checkpoint(tmp_path, DIGESTS) is None
    written(tmp_path, 9, HISTORY[:1])
    path = written(tmp_path, 10, value=7.0)
    found = find_checkpoint(tmp_path, DIGESTS)
    assert found is not None and found[0] == path  # the latest
    np.testing.assert_array_equal(found[1], HISTORY)
    model = [keras.Variable(np.zeros((2, 3))), keras.Variable(0.0, dtype="float16")]
    restore_variables(path, "model", model)
    np.testing.assert_array_equal(model[0], np.full((2, 3), 7))
    assert float(model[1]) == 7
    steps = keras.Variable(0, dtype="int64")
    restore_variables(path, "optimizer", [steps])
    assert int(steps) == 7
    with pytest.raises(KeyError):
        restore_variables(path, "optimizer", [steps, steps])


@pytest.mark.parametrize("content", [b"", b"\x89HDF", None])
def test_a_damaged_file_is_not_used(tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes | None) -> None:
    path = written(tmp_path)
    path.write_bytes(path.read_bytes()[:-200] if content is None else content)
    with caplog.at_level(logging.WARNING, logger="dermalign"):
        assert find_checkpoint(tmp_path, DIGESTS) is None
    assert [f"the checkpoint {path} is damaged" in line for line in caplog.messages] == [True]


def test_what_differs_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = written(tmp_path)
    with caplog.at_level(logging.WARNING, logger="dermalign"):
        assert find_checkpoint(tmp_path, {"settings": "b", "seed": "1", "weights": "none"}) is None
    assert caplog.messages == [f"the checkpoint {path} has other settings, weights: training starts over"]
    assert find_checkpoint(tmp_path, {"seed": "1"}) is not None


def test_only_the_named_epochs_are_kept_and_what_another_process_writes(tmp_path: Path) -> None:
    for epoch in (1, 2, 3):
        written(tmp_path, epoch)
    killed, at_work = (
        f".epoch_00004.{number}@{gethostname()}.partial.h5" for number in (ended_process(), os.getppid())
    )
    for name in (killed, at_work):
        (tmp_path / name).write_bytes(b"half of it")
    keep_only(tmp_path, [3, 1])
    assert sorted(path.name for path in tmp_path.iterdir()) == [at_work, "epoch_00001.h5", "epoch_00003.h5"]
