"""Training of a classifier on stored pictures, repeatable on one machine to the last digit."""

import math
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..data.picture_store import PictureStore, open_picture_store
from ..errors import InputError
from ..logs import logger
from .architectures import KEYS as CLASSIFIER_KEYS
from .architectures import build_classifier, in_float32, logits_of
from .backend import make_deterministic
from .devices import data_parallel
from .fitting import CHECKPOINTS, Goal, course_digests, fit, predict
from .fitting import KEYS as FITTING_KEYS
from .focal import FocalLoss, focal_loss
from .model_files import save_model
from .picture_batches import Beside
from .probabilities import predictions_table
from .scores import balanced_accuracy, confusion_matrix
from .settings import demand
from .tables import HISTORY_COLUMNS, write_history, write_predictions_table

# The keys of `training:` that choose the loss, and all settings that a training reads.
LOSS_KEYS = ("loss", "focal_gamma")
KEYS = (
    *CLASSIFIER_KEYS,
    *FITTING_KEYS,
    *(f"training.{key}" for key in (*LOSS_KEYS, "class_weights", "best_epoch_by")),
)
SPLITS = ("train", "validation", "test")


def train(
    settings: Mapping[str, Any],
    classes: Sequence[str],
    table: pd.DataFrame,
    pictures_path: str | Path,
    seed: int,
    *,
    model_path: str | Path,
    history_path: str | Path,
    predictions_path: str | Path,
    library: str = "",
) -> None:
    """Train the classifier of `settings` and write model, history and predictions, each whole or not at all.

    `settings`: one entry of `models:`, of which `KEYS` are read; all must be there, nothing is filled in here but by
    `configuration.complete_model`. See `architectures.build_classifier` for those of the network,
    `fitting.make_optimizer` and `make_loss`; `class_weights` is a kind of `class_weights`, `augmentation`
    flips_and_quarter_turns (see `picture_batches.flip_and_turn`) or none, `best_epoch_by` accuracy or
    balanced_accuracy. `table`: columns `image`, `class`, `split` (train, validation, test). `pictures_path`: picture
    store of `input_size`, read batch by batch. `library`: a digest of this library's code, so that no other version
    goes on from its checkpoints.

    `model_path` (.keras): the weights after the epoch with the best validation metric, the earliest on a tie; without
    validation pictures those after the last epoch; with 0 epochs those of the start. Whatever the precision of
    training, the classifier written computes in float32.
    `history_path`, `predictions_path` (.csv): see `tables`.

    After each epoch a checkpoint is written to the folder `.training` beside the model. A training that was killed
    goes on from it and ends as if it had not been; the folder is deleted when the three files are written.

    Where more than one GPU is visible, each takes its part of every batch, see `devices.data_parallel`.

    Raises `InputError` for settings that lack a key, for settings, tables or stores that do not fit, and when the loss
    is not finite.
    """
    demand(settings, *KEYS)
    options = settings["training"]
    folder = Path(model_path).parent / CHECKPOINTS
    make_deterministic(seed)
    batch_size, size = int(options["batch_size"]), int(settings["input_size"])
    with data_parallel(batch_size), open_picture_store(pictures_path, size) as store:
        model = build_classifier(settings, classes, seed)
        scores = logits_of(model)
        rows = _rows(table, classes, store)
        parts = {split: rows[rows["split"] == split] for split in SPLITS}
        counts = ", ".join(f"{len(parts[split])} {split}" for split in SPLITS)
        logger.info("%s on %s: %s", settings["architecture"], keras.backend.backend(), counts)
        table = rows[["image", "class", "split"]]
        belongs_to = (
            course_digests(settings, seed, table, pictures_path, library, classes=list(classes))
            if int(options["epochs"])
            else {}
        )
        goal = _goal(scores, options, len(classes), parts, store.pictures)
        history = fit(scores, options, goal, store.pictures, parts["train"]["row"].to_numpy(), seed, folder, belongs_to)
        trained, model = model, in_float32(model, settings, lambda plain: build_classifier(plain, classes, seed))
        if model is not trained:
            scores = logits_of(model)
        held_out = pd.concat([parts["validation"], parts["test"]])
        logits = predict(scores, store.pictures, held_out["row"].to_numpy(), batch_size)
    save_model(model, model_path)
    write_history(history_path, history)
    write_predictions_table(predictions_path, predictions_table(held_out, logits, classes))
    shutil.rmtree(folder, ignore_errors=True)


def class_weights(labels: NDArray[np.int64], classes: int, kind: str) -> NDArray[np.float64]:
    """Return one weight per class, (classes,), for training pictures with class indices `labels` (n,).

    `inverse_frequency`: n / (k n_c) with n pictures, n_c of class c and k classes that have any (scikit-learn's
    `balanced`), so that all classes weigh the same in sum; `square_root`: its square root; `none`: 1.
    A class without pictures weighs 0. Raises `InputError` for another kind.
    """
    counts = np.bincount(labels, minlength=classes)
    if kind == "none":
        return np.ones(classes)
    if kind not in ("inverse_frequency", "square_root"):
        raise InputError(f"class_weights: must be inverse_frequency, square_root or none, not {kind!r}")
    weights = np.zeros(classes)
    present = counts > 0
    weights[present] = len(labels) / (present.sum() * counts[present])
    return weights if kind == "inverse_frequency" else np.sqrt(weights)


def make_loss(options: Mapping[str, Any]) -> tuple[keras.losses.Loss, float]:
    """Return the loss of `training:` for class indices and logits, and its gamma: 0 for the cross entropy.

    Raises `InputError` for a loss other than cross_entropy and focal, and where one of `LOSS_KEYS` is lacking.
    """
    demand({"training": options}, *(f"training.{key}" for key in LOSS_KEYS))
    kind = options["loss"]
    if kind == "cross_entropy":
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True), 0.0
    if kind == "focal":
        gamma = float(options["focal_gamma"])
        return FocalLoss(gamma), gamma
    raise InputError(f"loss: must be cross_entropy or focal, not {kind!r}")


def _goal(
    scores: keras.Model,
    options: Mapping[str, Any],
    classes: int,
    parts: Mapping[str, pd.DataFrame],
    pictures: h5py.Dataset,
) -> Goal:
    """Return what `scores`, a model of logits, is trained for: the classes of the pictures."""
    criterion = options["best_epoch_by"]
    if criterion not in ("accuracy", "balanced_accuracy"):
        raise InputError(f"best_epoch_by: must be accuracy or balanced_accuracy, not {criterion!r}")
    loss, gamma = make_loss(options)
    labels = parts["train"]["label"].to_numpy(dtype=np.int32)
    weights = class_weights(labels, classes, options["class_weights"]).astype(np.float32)

    def beside(order: NDArray[np.intp], symmetries: NDArray[np.int64] | None) -> Beside:
        ordered = labels[order]
        return lambda part: (ordered[part], weights[ordered[part]])

    def outcome() -> tuple[float, ...]:
        return _validation_outcome(scores, parts["validation"], pictures, int(options["batch_size"]), classes, gamma)

    return Goal(loss, beside, outcome, HISTORY_COLUMNS, criterion, metrics=["accuracy"])


def _validation_outcome(
    scores: keras.Model, rows: pd.DataFrame, pictures: h5py.Dataset, batch_size: int, classes: int, gamma: float
) -> tuple[float, float, float]:
    """Return (loss in nats, accuracy, balanced accuracy); NaN without pictures. `gamma` as `make_loss` gives it."""
    if rows.empty:
        return (math.nan, math.nan, math.nan)
    logits = predict(scores, pictures, rows["row"].to_numpy(), batch_size)
    labels = rows["label"].to_numpy()
    loss = float(focal_loss(logits, labels, gamma).mean())
    if not math.isfinite(loss):
        raise InputError(f"training: the validation loss is {loss}; try a tenth of the learning_rate")
    confusion = confusion_matrix(labels, logits.argmax(axis=1), classes)
    return loss, float(np.trace(confusion) / len(labels)), balanced_accuracy(confusion)


def _rows(table: pd.DataFrame, classes: Sequence[str], store: PictureStore) -> pd.DataFrame:
    """Return `table` with the columns `row` (in the store) and `label` (class index), after checks."""
    lacking = {"image", "class", "split"} - set(table.columns)
    if lacking:
        raise InputError(f"training table: lacks the columns {', '.join(sorted(lacking))}")
    rows = table[["image", "class", "split"]].reset_index(drop=True)
    rows["row"] = store.rows(rows["image"])
    rows["label"] = pd.Index(list(classes)).get_indexer(pd.Index(rows["class"]))
    for wrong, reason in (
        (rows["image"].duplicated(), "occur more than once"),
        (rows["row"] < 0, f"are not in the picture store {store.path}"),
        (rows["label"] < 0, f"have a class other than {', '.join(classes)}"),
        (~rows["split"].isin(SPLITS), f"have a split other than {', '.join(SPLITS)}"),
    ):
        if wrong.any():
            raise InputError(f"training table: {wrong.sum()} pictures {reason}, first {rows['image'][wrong].iloc[0]}")
    return rows
