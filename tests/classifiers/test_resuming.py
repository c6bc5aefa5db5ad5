"""A training that was killed ends as one that was not, and goes on from nothing that is not its own."""

import json
import logging
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pandas as pd
import pytest
from dermalign.classifiers import fitting, training
from dermalign.classifiers.architectures import build_classifier
from dermalign.classifiers.scores import kept_epoch
from dermalign.classifiers.training import train
from dermalign.study.configuration import complete_model

pytestmark = pytest.mark.slow

CLASSES = ["MEL", "NV", "BCC"]
SIZE = 16
LIBRARY = Path(training.__file__).parents[2]
OUTPUTS = {"model.keras", "history.csv", "predictions.csv"}


def settings(**changes: Any) -> dict[str, Any]:
    """Settings with every kind of state: dropout, momentum of the optimizer, a decay by its steps."""
    options = {
        "epochs": 5,
        "batch_size": 8,
        "learning_rate": 0.05,
        "decay": 0.01,
    }
    return complete_model(
        {
            "architecture": "residual_stack",
            "input_size": SIZE,
            "saliency_layer": "last_convolution",
            "head": {"dense": [12], "dropout": 0.4},
            "training": {"batchnorm_momentum": None} | options | changes,
        }
    )


def write_study(folder: Path) -> None:
    random = np.random.default_rng(0)
    labels = random.integers(3, size=50)
    pictures = random.integers(0, 156, (50, SIZE, SIZE, 3))
    pictures[np.arange(50), :, :, labels] += 60
    names = [f"p{number}" for number in range(50)]
    with h5py.File(folder / "pictures.h5", "w") as file:
        file["pictures"] = pictures.astype(np.uint8)
        file.create_dataset("image", data=names, dtype=h5py.string_dtype())
    splits = np.repeat(["train", "validation", "test"], [30, 10, 10])
    table = pd.DataFrame({"image": names, "class": np.array(CLASSES)[labels], "split": splits})
    table.to_csv(folder / "table.csv", index=False)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    write_study(folder)
    return folder


def run(study: Path, folder: Path, chosen: dict[str, Any] | None = None, **changes: Any) -> None:
    arguments = {
        "classes": CLASSES,
        "table": pd.read_csv(study / "table.csv"),
        "pictures_path": study / "pictures.h5",
        "seed": 3,
        "model_path": folder / "model.keras",
        "history_path": folder / "history.csv",
        "predictions_path": folder / "predictions.csv",
    }
    keras.utils.clear_session()  # as in a job, whose process numbers layers without a name from the first on
    train(settings() if chosen is None else chosen, **(arguments | changes))


KILLED = f"""
import json, os, signal, sys
from pathlib import Path
sys.path[:0] = [{str(LIBRARY)!r}, {str(Path(__file__).parent)!r}]
import test_resuming
from dermalign.classifiers.picture_batches import PictureBatches

def read(self, number, original=PictureBatches.__getitem__):
    # Within the fourth epoch, when some of its batches were trained on.
    if (folder / ".training" / "epoch_00003.h5").exists() and number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return original(self, number)

folder = Path(sys.argv[2])
PictureBatches.__getitem__ = read
test_resuming.run(Path(sys.argv[1]), folder, json.loads(sys.argv[3]))
"""


def same_as(folder: Path, reference: Path) -> None:
    """Assert that both trainings left equal files, to the byte but for seconds, and nothing else."""
    assert {path.name for path in folder.iterdir()} == OUTPUTS
    columns = [pd.read_csv(path / "history.csv", dtype=str).drop(columns="seconds") for path in (folder, reference)]
    pd.testing.assert_frame_equal(*columns)
    for name in ("model.keras", "predictions.csv"):
        assert (folder / name).read_bytes() == (reference / name).read_bytes(), name


@pytest.fixture(scope="module")
def reference(study: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a training with `settings()` that nothing interrupted."""
    folder = tmp_path_factory.mktemp("reference")
    run(study, folder)
    return folder


@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
def test_a_training_killed_within_an_epoch_ends_as_one_that_was_not(
    study: Path, reference: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, precision: str
) -> None:
    chosen = settings(precision=precision, learning_rate=0.05 if precision == "float32" else 0.03)
    if precision != "float32":
        reference = tmp_path / "reference"
        run(study, reference, chosen)
    folder = tmp_path / "killed"
    ended = subprocess.run(
        [sys.executable, "-c", KILLED, str(study), str(folder), json.dumps(chosen)], capture_output=True, check=False
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()[-2000:]
    assert {path.name for path in folder.iterdir()} == {".training"}
    caplog.clear()
    with caplog.at_level(logging.INFO, logger="dermalign"):
        run(study, folder, chosen)
    assert any(line.startswith("going on after epoch 3 of 5") for line in caplog.messages)
    assert [line for line in caplog.messages if line.startswith("epoch 3")] == []
    same_as(folder, reference)


class Stopped(Exception):
    """In place of a kill, where none is needed."""


def stop_at(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, call: int) -> None:
    """Have the `call`-th call of a function, as a module knows it, end the training."""
    original, calls = getattr(module, name), iter(range(1, 1000))

    def stopping(*arguments: Any, **keywords: Any) -> Any:
        if next(calls) == call:
            raise Stopped
        return original(*arguments, **keywords)

    monkeypatch.setattr(module, name, stopping)


def test_it_may_be_stopped_anywhere_and_often(
    study: Path, reference: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Before a checkpoint is written, before older ones are deleted, after the last epoch, and among the outputs.
    for module, name, call in (
        (fitting, "write_checkpoint", 2),
        (fitting, "keep_only", 3),
        (training, "predict", 2),
        (training, "write_history", 1),
    ):
        with monkeypatch.context() as patch, pytest.raises(Stopped):
            stop_at(patch, module, name, call)
            run(study, tmp_path)
        kept = sorted(path.name for path in (tmp_path / ".training").iterdir())
        assert kept
        assert all(name.startswith("epoch_") for name in kept)
    run(study, tmp_path)
    same_as(tmp_path, reference)


def test_checkpoints_of_the_last_and_the_kept_epoch_lie_there(
    study: Path, reference: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    best = kept_epoch(pd.read_csv(reference / "history.csv"), "accuracy")
    assert best < 5  # so that the weights kept are not those of the end
    with monkeypatch.context() as patch, pytest.raises(Stopped):
        stop_at(patch, fitting, "kept_epoch", 6)
        run(study, tmp_path)
    assert sorted(path.name for path in (tmp_path / ".training").iterdir()) == [
        f"epoch_0000{best}.h5",
        "epoch_00005.h5",
    ]


def test_a_checkpoint_of_another_training_is_not_used(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    chosen = settings(epochs=2)
    with monkeypatch.context() as patch, pytest.raises(Stopped):
        stop_at(patch, training, "predict", 2)
        run(study, tmp_path, chosen)
    checkpoints = tmp_path / ".training"
    (checkpoint,) = {path for path in checkpoints.iterdir() if path.name == "epoch_00001.h5"}
    content = checkpoint.read_bytes()

    other = tmp_path / "other"
    other.mkdir()
    write_study(other)
    with h5py.File(other / "pictures.h5", "a") as file:
        file["pictures"][49, 0, 0, 0] ^= 1
    turned = pd.read_csv(study / "table.csv")
    turned.loc[0, "class"] = next(name for name in CLASSES if name != turned.loc[0, "class"])
    changes: dict[str, Callable[[], None]] = {
        "settings": lambda: run(study, tmp_path, settings(epochs=2, learning_rate=0.02)),
        "classes": lambda: run(study, tmp_path, chosen, classes=CLASSES[::-1]),
        "seed": lambda: run(study, tmp_path, chosen, seed=4),
        "table": lambda: run(study, tmp_path, chosen, table=turned),
        "pictures": lambda: run(study, tmp_path, chosen, pictures_path=other / "pictures.h5"),
        "versions": lambda: run(study, tmp_path, chosen, library="another"),
    }
    for name, change in changes.items():
        checkpoints.mkdir(exist_ok=True)
        checkpoint.write_bytes(content)
        caplog.clear()
        with caplog.at_level(logging.INFO, logger="dermalign"), monkeypatch.context() as patch:
            stop_at(patch, fitting, "PictureBatches", 1)  # it is enough to see where it starts
            with pytest.raises(Stopped):
                change()
        assert [line for line in caplog.messages if line.endswith(f"has other {name}: training starts over")]
        assert not [line for line in caplog.messages if line.startswith("going on")]
    # The layer that Grad-CAM looks at is no matter of training.
    with caplog.at_level(logging.INFO, logger="dermalign"):
        run(study, tmp_path, chosen | {"saliency_layer": "block1_out"})
    assert any(line.startswith("going on after epoch 1 of 2") for line in caplog.messages)


def test_a_damaged_checkpoint_is_said_and_not_used(
    study: Path, reference: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / ".training").mkdir()
    (tmp_path / ".training" / "epoch_00004.h5").write_bytes(b"\x89HDF")
    with caplog.at_level(logging.INFO, logger="dermalign"):
        run(study, tmp_path)
    assert any("is damaged" in line and "starts over" in line for line in caplog.messages)
    same_as(tmp_path, reference)


def test_weights_count_by_their_content(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    paths = [tmp_path / f"{name}.weights.h5" for name in ("first", "moved", "other")]
    for path, seed in ((paths[0], 1), (paths[2], 2)):
        build_classifier(settings(), CLASSES, seed).get_layer("residual_stack").save_weights(path)
    shutil.copy(paths[0], paths[1])
    for number, path in enumerate(paths):
        caplog.clear()
        with caplog.at_level(logging.INFO, logger="dermalign"), monkeypatch.context() as patch:
            # The first leaves a checkpoint of one epoch; of the others it is enough to see where they start.
            if number == 0:
                stop_at(patch, training, "predict", 2)
            else:
                stop_at(patch, fitting, "PictureBatches", 1)
            with pytest.raises(Stopped):
                run(study, tmp_path / "run", settings(epochs=2) | {"weights": str(path)})
        went_on = any(line.startswith("going on after epoch 1 of 2") for line in caplog.messages)
        assert went_on == (number == 1)
    assert any(line.endswith("has other weights: training starts over") for line in caplog.messages)
