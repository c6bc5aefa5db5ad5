"""Training of a segmentation network: it learns, repeats itself, goes on where it was killed, and stops in words."""

import json
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
from dermalign.classifiers.architectures import build_classifier
from dermalign.classifiers.picture_batches import PictureBatches
from dermalign.data.picture_store import open_picture_store, write_picture_store
from dermalign.errors import InputError
from dermalign.segmentation import training
from dermalign.segmentation.folds import TRAIN, VALIDATION
from dermalign.segmentation.networks import build_network
from dermalign.segmentation.targets import STEPS, best_ratio, read_targets
from dermalign.segmentation.training import HISTORY_COLUMNS, KEYS, start_from_classifier
from dermalign.study.configuration import complete_model
from engine_cases import NAMES
from map_cases import without_seal
from segmentation_cases import (
    CELLS,
    IMAGES,
    OUTPUTS,
    SIZE,
    network_settings,
    squares_table,
    stored,
    train_squares,
    write_squares,
)

LIBRARY = Path(training.__file__).parents[2]
SHARED = Path(__file__).parents[1] / "shared"
CLASSES = ["MEL", "NV"]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a store and targets."""
    folder = tmp_path_factory.mktemp("study")
    write_squares(folder)
    return folder


def reached(study: Path, model: Path) -> float:
    """Return how well a saved network finds the squares of the pictures that validate."""
    table = squares_table()
    images = table["image"][table["split"] == VALIDATION].tolist()
    network = keras.saving.load_model(model, safe_mode=True)
    return best_ratio(network.predict(stored(study, images), verbose=0), read_targets(study / "targets.h5", images)[2])


def test_it_learns_what_can_be_learnt_and_keeps_the_best_epoch(
    study: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    train_squares(study, tmp_path / "start", network_settings({"epochs": 0}))
    assert {path.name for path in (tmp_path / "start").iterdir()} == OUTPUTS
    assert pd.read_csv(tmp_path / "start" / "history.csv").empty
    start = reached(study, tmp_path / "start" / "model.keras")

    with caplog.at_level(logging.INFO, logger="dermalign"):
        train_squares(study, tmp_path / "end", network_settings({"epochs": 8, "batch_size": 4}))
    assert sum("epoch" in line and "validation jaccard" in line for line in caplog.messages) == 8
    assert any("unet of plain_stack" in line and "24 train, 8 validation" in line for line in caplog.messages)
    assert {path.name for path in (tmp_path / "end").iterdir()} == OUTPUTS
    history = pd.read_csv(tmp_path / "end" / "history.csv")
    assert list(history) == list(HISTORY_COLUMNS) and list(history["epoch"]) == list(range(1, 9))
    assert history["loss"].iloc[-1] < 0.7 * history["loss"].iloc[0]
    best = history["validation_jaccard"].max()
    assert best > max(0.6, start + 0.3)
    # The model is that of the best epoch, and has an output of its own for the union.
    assert reached(study, tmp_path / "end" / "model.keras") == pytest.approx(best, abs=1e-3)
    network = keras.saving.load_model(tmp_path / "end" / "model.keras", safe_mode=True)
    assert network.output_shape == (None, CELLS, CELLS, len(NAMES))


def test_the_first_scores_are_as_probable_as_the_features(study: Path, tmp_path: Path) -> None:
    """So that no step is spent on learning how rare they are; the loss's weights of white cells are part of it."""
    train_squares(study, tmp_path, network_settings({"epochs": 0, "class_weights": "none"}))
    network = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    table = squares_table()
    shares = read_targets(study / "targets.h5", table["image"][table["split"] == TRAIN].tolist())[2]
    expected = shares.mean(axis=(0, 1, 2)) / STEPS
    bias = network.get_layer("scores").get_weights()[1].astype(float)
    np.testing.assert_allclose(1 / (1 + np.exp(-bias)), expected, rtol=1e-5)


@pytest.mark.slow
def test_it_repeats_itself(study: Path, tmp_path: Path) -> None:
    for name in ("first", "again"):
        train_squares(study, tmp_path / name, network_settings({"epochs": 1}))
    same_as(tmp_path / "first", tmp_path / "again")


def test_without_validation_the_last_epoch_is_kept(study: Path, tmp_path: Path) -> None:
    train_squares(study, tmp_path, network_settings({"epochs": 1}), table=squares_table().assign(split=TRAIN))
    assert pd.read_csv(tmp_path / "history.csv")["validation_jaccard"].isna().all()
    assert {path.name for path in tmp_path.iterdir()} == OUTPUTS


# Pictures and their targets


@pytest.mark.parametrize("turned", [False, True])
def test_targets_are_turned_as_their_pictures(tmp_path: Path, turned: bool) -> None:
    """Of pictures whose pixels tell their target, it stays so in whatever order and symmetry they are trained on."""
    random = np.random.default_rng(0)
    count = 40
    shares = random.integers(0, 256, (count, CELLS, CELLS, 2)).astype(np.uint8)
    content = np.zeros((count, SIZE, SIZE, 3), np.uint8)
    content[..., :2] = shares.repeat(SIZE // CELLS, axis=1).repeat(SIZE // CELLS, axis=2)
    order_of_store = random.permutation(count)
    write_picture_store(tmp_path / "pictures.h5", [str(row) for row in order_of_store], SIZE, content[order_of_store])
    is_trained = random.random(count) < 0.7
    chosen = network_settings()
    network = build_network(chosen, ["first", "union"], 1)
    scores = keras.Model(network.inputs, network.get_layer("logits").output)
    with open_picture_store(tmp_path / "pictures.h5", SIZE) as store:
        rows = store.rows([str(row) for row in range(count)])
        goal = training._goal(scores, chosen["training"], shares, is_trained, ~is_trained, store.pictures, rows)
        of_training = rows[is_trained]
        order = random.permutation(len(of_training))
        symmetries = random.integers(8, size=len(order)) if turned else None
        batches = PictureBatches(store.pictures, of_training[order], 6, symmetries, goal.beside(order, symmetries))
        seen = []
        for number in range(len(batches)):
            pictures, targets = batches[number]
            assert targets.dtype == np.float32 and len(targets) == len(pictures)
            np.testing.assert_allclose(targets * 255, pictures[:, :: SIZE // CELLS, :: SIZE // CELLS, :2], atol=1e-4)
            seen += [picture.tobytes() for picture in pictures]
    assert len(set(seen)) == is_trained.sum()
    untouched = {picture.tobytes() for picture in content}
    assert bool(set(seen) - untouched) == turned


# Killed and repeated


WHOLE = f"""
import json, sys
from pathlib import Path
sys.path[:0] = [{str(LIBRARY)!r}, {str(SHARED)!r}]
from segmentation_cases import train_squares
"""
RUN = """
train_squares(Path(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3]))
"""
KILLED = """
import os, signal
from dermalign.classifiers.picture_batches import PictureBatches

def read(self, number, original=PictureBatches.__getitem__):
    # Within the second epoch, when some of its batches were trained on.
    if (folder / ".training" / "epoch_00001.h5").exists() and number == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return original(self, number)

folder = Path(sys.argv[2])
PictureBatches.__getitem__ = read
"""


def in_a_process(script: str, study: Path, folder: Path, chosen: dict[str, Any]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", script, str(study), str(folder), json.dumps(chosen)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "KERAS_BACKEND": keras.backend.backend()},
    )


def same_as(folder: Path, reference: Path) -> None:
    """Assert that both trainings left equal files, to the byte but for seconds, and nothing else."""
    assert {path.name for path in folder.iterdir()} == OUTPUTS
    columns = [pd.read_csv(path / "history.csv", dtype=str).drop(columns="seconds") for path in (folder, reference)]
    pd.testing.assert_frame_equal(*columns)
    assert (folder / "model.keras").read_bytes() == (reference / "model.keras").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("decoder", ["unet", "pyramid_pooling"])
def test_a_training_in_another_process_or_killed_and_resumed_ends_with_the_same_files(
    study: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, decoder: str
) -> None:
    # With every kind of state: moving statistics, momentum of the optimizer, a decay by its steps.
    chosen = network_settings({"epochs": 3, "decay": 0.01}, architecture="residual_stack", decoder=decoder)
    ended = in_a_process(WHOLE + RUN, study, tmp_path / "alone", chosen)
    assert ended.returncode == 0, ended.stderr[-2000:]
    killed = in_a_process(WHOLE + KILLED + RUN, study, tmp_path / "killed", chosen)
    assert killed.returncode == -signal.SIGKILL, killed.stderr[-2000:]
    assert {path.name for path in (tmp_path / "killed").iterdir()} == {".training"}
    train_squares(study, tmp_path / "here", chosen)
    same_as(tmp_path / "here", tmp_path / "alone")
    caplog.clear()
    with caplog.at_level(logging.INFO, logger="dermalign"):
        train_squares(study, tmp_path / "killed", chosen)
    assert any(line.startswith("going on after epoch 1 of 3") for line in caplog.messages)
    same_as(tmp_path / "killed", tmp_path / "alone")


class Stopped(Exception):
    """In place of a kill, where none is needed."""


@pytest.mark.slow
def test_a_checkpoint_of_other_targets_or_another_classifier_is_not_used(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def stop(*_: Any, **__: Any) -> None:
        raise Stopped

    def stopped(name: str, **changes: Any) -> list[str]:
        caplog.clear()
        with monkeypatch.context() as patch, caplog.at_level(logging.INFO, logger="dermalign"):
            patch.setattr(f"dermalign.classifiers.fitting.{name}", stop)
            with pytest.raises(Stopped):
                train_squares(study, tmp_path / "run", **changes)
        return caplog.messages

    other = tmp_path / "targets.h5"
    other.write_bytes((study / "targets.h5").read_bytes())
    with without_seal(other) as file:
        file["shares"][0, 0, 0, 0] ^= 1
    classifier = saved_classifier(tmp_path / "classifier.keras")
    stopped("keep_only")  # a checkpoint of the first epoch is left
    checkpoint = tmp_path / "run" / ".training" / "epoch_00001.h5"
    content = checkpoint.read_bytes()
    for name, changes in (("targets", {"targets_path": other}), ("classifier", {"classifier": classifier})):
        said = stopped("PictureBatches", **changes)
        assert [line for line in said if line.endswith(f"has other {name}: training starts over")]
        checkpoint.write_bytes(content)
    assert any(line.startswith("going on after epoch 1 of 2") for line in stopped("PictureBatches"))


# Weights to start from, and what is written


def saved_classifier(path: Path, architecture: str = "plain_stack", size: int = SIZE) -> Path:
    chosen = complete_model(
        {"architecture": architecture, "input_size": size, "saliency_layer": "any", "training": {"epochs": 0}}
    )
    build_classifier(chosen, CLASSES, 7).save(path)
    return path


@pytest.mark.parametrize("architecture", ["plain_stack", "residual_stack"])
@pytest.mark.parametrize("size", [SIZE, 64])  # also from a classifier of larger pictures
def test_an_encoder_starts_from_the_backbone_of_a_classifier(tmp_path: Path, architecture: str, size: int) -> None:
    path = saved_classifier(tmp_path / "classifier.keras", architecture, size)
    backbone = keras.saving.load_model(path).get_layer(architecture)
    # With fewer maps than the backbone has, since only those down from `cells` are joined.
    network = build_network(network_settings(architecture=architecture, cells=8), NAMES, 1)
    before = [weight.numpy() for weight in network.weights]
    start_from_classifier(network, path)
    encoder = network.get_layer(architecture)
    assert len(encoder.weights) == len(backbone.weights) > 0
    for layer in (layer for layer in encoder.layers if layer.weights):
        for found, expected in zip(layer.get_weights(), backbone.get_layer(layer.name).get_weights(), strict=True):
            np.testing.assert_array_equal(found, expected)
    own = {weight.path for weight in encoder.weights}
    for weight, earlier in zip(network.weights, before, strict=True):
        if weight.path not in own:
            np.testing.assert_array_equal(weight.numpy(), earlier)


def test_a_training_starts_from_a_classifier(study: Path, tmp_path: Path) -> None:
    path = saved_classifier(tmp_path / "classifier.keras")
    train_squares(study, tmp_path / "run", network_settings({"epochs": 0}), classifier=path)
    found, expected = (
        keras.saving.load_model(file).get_layer("plain_stack").get_weights()
        for file in (tmp_path / "run" / "model.keras", path)
    )
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_classifier_of_another_architecture_is_refused(study: Path, tmp_path: Path) -> None:
    path = saved_classifier(tmp_path / "classifier.keras", "residual_stack")
    with pytest.raises(InputError, match=r"classifier\.keras: is no classifier with the backbone plain_stack"):
        train_squares(study, tmp_path / "run", classifier=path)


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_leaves_a_float32_network(study: Path, tmp_path: Path, precision: str) -> None:
    train_squares(study, tmp_path, network_settings({"precision": precision}))
    assert keras.config.dtype_policy().name == "float32"
    network = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    encoder = network.get_layer("plain_stack")
    assert {layer.dtype_policy.name for layer in (*network.layers, *encoder.layers)} == {"float32"}
    assert {weight.dtype for weight in network.weights} == {"float32"}
    # The same weights, which compute more precisely than when they were measured.
    best = pd.read_csv(tmp_path / "history.csv")["validation_jaccard"].max()
    assert reached(study, tmp_path / "model.keras") == pytest.approx(best, abs=0.05)


# What is refused


@pytest.mark.slow
def test_files_that_do_not_fit_are_refused_by_their_names(study: Path, tmp_path: Path) -> None:
    weights = tmp_path / "other.weights.h5"
    build_classifier(
        complete_model(
            {
                "architecture": "residual_stack",
                "input_size": SIZE,
                "saliency_layer": "any",
                "training": {"epochs": 0},
            }
        ),
        CLASSES,
        1,
    ).get_layer("residual_stack").save_weights(weights)
    (tmp_path / "damaged.weights.h5").write_bytes(weights.read_bytes()[:5000])
    for path, words in (
        (weights, r"other\.weights\.h5 does not fit plain_stack"),
        (tmp_path / "damaged.weights.h5", r"damaged\.weights\.h5 is damaged"),
        (tmp_path / "none.weights.h5", r"there is no file .*none\.weights\.h5"),
    ):
        with pytest.raises(InputError, match=words):
            train_squares(study, tmp_path / "run", {**network_settings(), "weights": str(path)})
    with pytest.raises(InputError, match=r"targets\.h5: is of 16 cells a side, not of 8"):
        train_squares(study, tmp_path / "run", network_settings(cells=8))
    with pytest.raises(InputError, match=r"pictures\.h5: is not a picture store of 64 x 64 pixels"):
        train_squares(study, tmp_path / "run", network_settings(input_size=64))
    more = pd.concat([squares_table(), pd.DataFrame({"image": ["x"], "split": [TRAIN]})])
    with pytest.raises(InputError, match=r"targets\.h5: lacks 1 pictures, among them x"):
        train_squares(study, tmp_path / "run", table=more)
    write_picture_store(tmp_path / "few.h5", IMAGES[2:], SIZE, stored(study, IMAGES[2:]))
    with pytest.raises(InputError, match=r"few\.h5 lacks 2 pictures"):
        train_squares(study, tmp_path / "run", pictures_path=tmp_path / "few.h5")
    with pytest.raises(InputError, match="no pictures of split `train`"):
        train_squares(study, tmp_path / "run", table=squares_table().assign(split=VALIDATION))
    assert not (tmp_path / "run" / "model.keras").exists()


def test_settings_that_cannot_be_are_refused(study: Path, tmp_path: Path) -> None:
    complete = network_settings()
    for change in ("class_weights", "augmentation", "overlap_loss", "precision"):
        wrong = {**complete, "training": {**complete["training"], change: "other"}}
        with pytest.raises(InputError, match=f"{change}: .*'other'"):
            train_squares(study, tmp_path, wrong, as_in_a_job=False)
    for key in KEYS:
        outer, _, inner = key.partition(".")
        lacking = {name: value for name, value in complete.items() if name != outer}
        if inner:
            lacking[outer] = {name: value for name, value in complete[outer].items() if name != inner}
        with pytest.raises(InputError, match=f"`{key}`"):
            train_squares(study, tmp_path, lacking, as_in_a_job=False)
    assert not list(tmp_path.iterdir())


def test_the_keys_that_are_read_are_those_of_the_schema() -> None:
    complete = network_settings()
    of_schema = {f"training.{key}" for key in complete["training"]} | (set(complete) - {"training"})
    assert set(KEYS) == of_schema
    assert len(set(KEYS)) == len(KEYS)


def test_a_loss_that_is_not_finite_stops_it(study: Path, tmp_path: Path) -> None:
    chosen = network_settings({"optimizer": "sgd", "learning_rate": 1e30})
    with pytest.raises(InputError, match=r"the loss is (nan|inf).*tenth"):
        train_squares(study, tmp_path, chosen)
    assert not (tmp_path / "model.keras").exists()


def test_scores_that_are_not_finite_after_the_last_step_stop_it_too(study: Path, tmp_path: Path) -> None:
    chosen = network_settings({"optimizer": "sgd", "learning_rate": 1e4, "batch_size": 24, "epochs": 1})
    with pytest.raises(InputError, match="validation scores are not finite; try a tenth of the learning_rate"):
        train_squares(study, tmp_path, chosen)
    assert not (tmp_path / "model.keras").exists()
