"""Training of a classifier on stored pictures, repeatable on one machine to the last digit."""

import hashlib
import importlib
import json
import math
import os
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .. import __version__
from ..data.picture_store import PictureStore, open_picture_store
from ..errors import InputError
from ..files import atomic_path, file_sha256
from ..logs import logger
from .architectures import KEYS as CLASSIFIER_KEYS
from .architectures import build_classifier, lower_batchnorm_momentum
from .backend import make_deterministic
from .checkpoints import checkpoint_path, find_checkpoint, keep_only, restore_variables, write_checkpoint
from .devices import data_parallel, device_count
from .focal import FocalLoss, focal_loss
from .probabilities import predictions_table
from .scores import balanced_accuracy, confusion_matrix, kept_epoch
from .settings import demand
from .tables import HISTORY_COLUMNS, write_history, write_predictions_table

# The keys of `training:` that choose the optimizer and the loss, and the others that are read here.
OPTIMIZER_KEYS = ("optimizer", "learning_rate", "decay", "momentum", "nesterov")
LOSS_KEYS = ("loss", "focal_gamma")
OTHER_KEYS = ("epochs", "batch_size", "class_weights", "augmentation", "best_epoch_by")
# The settings that a training reads.
KEYS = (*CLASSIFIER_KEYS, *(f"training.{key}" for key in (*OPTIMIZER_KEYS, *LOSS_KEYS, *OTHER_KEYS)))
SPLITS = ("train", "validation", "test")
CHECKPOINTS = ".training"
# Threads that read pictures, and batches read ahead: what bounds the memory, whatever the number of pictures.
READERS = 2
READ_AHEAD = 4


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
    `configuration.complete_model`. See `architectures.build_classifier` for those of the network, `make_optimizer` and
    `make_loss`; `class_weights` is a kind of `class_weights`, `augmentation` flips_and_quarter_turns (see
    `flip_and_turn`) or none, `best_epoch_by` accuracy or balanced_accuracy. `table`: columns `image`, `class`, `split`
    (train, validation, test). `pictures_path`: picture store of `input_size`, read batch by batch. `library`: a digest
    of this library's code, so that no other version goes on from its checkpoints.

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
        scores = _logits_of(model)
        rows = _rows(table, classes, store)
        parts = {split: rows[rows["split"] == split] for split in SPLITS}
        counts = ", ".join(f"{len(parts[split])} {split}" for split in SPLITS)
        logger.info("%s on %s: %s", settings["architecture"], keras.backend.backend(), counts)
        belongs_to = _digests(settings, classes, seed, rows, pictures_path, library) if int(options["epochs"]) else {}
        history = _fit(scores, options, len(classes), parts, store.pictures, seed, folder, belongs_to)
        if options["precision"] != "float32":
            weights = model.get_weights()
            plain = {**settings, "weights": "none", "training": {**options, "precision": "float32"}}
            model = build_classifier(plain, classes, seed)
            model.set_weights(weights)
            scores = _logits_of(model)
        held_out = pd.concat([parts["validation"], parts["test"]])
        logits = _predict(scores, held_out, store.pictures, batch_size)
    with atomic_path(model_path) as temporary:
        model.save(temporary)
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


def flip_and_turn(picture: NDArray[Any], element: int) -> NDArray[Any]:
    """Return a square picture (h, h, ...) after the `element`-th (0 to 7) of the eight symmetries of the square.

    Element 0 changes nothing; elements from 4 are mirrored left to right, then as element - 4; elements 1 to 3 are
    that many quarter turns counterclockwise.
    """
    mirrored = picture[:, ::-1] if element >= 4 else picture
    return np.rot90(mirrored, element % 4)


def make_optimizer(options: Mapping[str, Any]) -> keras.optimizers.Optimizer:
    """Return the optimizer of `training:`; at step s, counted from 0, the rate is learning_rate / (1 + decay s).

    The decay is that of Keras 2; `momentum` and `nesterov` are for sgd. Raises `InputError` for an optimizer other than
    sgd and adam, and where one of `OPTIMIZER_KEYS` is lacking.
    """
    demand({"training": options}, *(f"training.{key}" for key in OPTIMIZER_KEYS))
    rate: Any = float(options["learning_rate"])
    if options["decay"]:
        rate = keras.optimizers.schedules.InverseTimeDecay(rate, decay_steps=1, decay_rate=float(options["decay"]))
    kind = options["optimizer"]
    if kind == "sgd":
        return keras.optimizers.SGD(rate, momentum=float(options["momentum"]), nesterov=bool(options["nesterov"]))
    if kind == "adam":
        return keras.optimizers.Adam(rate)
    raise InputError(f"optimizer: must be sgd or adam, not {kind!r}")


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


class PictureBatches(keras.utils.PyDataset):  # type: ignore[misc]  # Keras is untyped
    """Batches read from an open store when they are asked for.

    Each is (pictures (n, size, size, 3) uint8, labels (n,) int32, weights (n,) float32), or (pictures,) without
    weights; the last may be shorter than the others. The next few are read ahead by threads, so that the network need
    not wait for them. Keras's own threads are not used: on TensorFlow they would take the place of its prefetching.

    Asking for a batch raises `InputError` where the store ends within one of its pictures, and OSError where it cannot
    be read.
    """

    def __init__(
        self,
        pictures: h5py.Dataset,
        rows: pd.DataFrame,
        batch_size: int,
        weights: NDArray[np.float64] | None = None,
        symmetries: NDArray[np.int64] | None = None,
    ) -> None:
        """Batch the pictures of `rows` in that order.

        pictures: (n, size, size, 3) uint8 of a picture store, contiguous. rows: columns `row`, in the store, and
        `label`, class index. weights: (classes,), None for batches of pictures alone. symmetries: (rows,) elements as
        `flip_and_turn` takes them, None to change nothing.
        """
        super().__init__()
        self._readers, self._ahead = ThreadPoolExecutor(READERS), dict[int, Future[tuple[NDArray[Any], ...]]]()
        self._pictures, self._batch_size = pictures, batch_size
        self._rows, self._labels = rows["row"].to_numpy(), rows["label"].to_numpy(dtype=np.int32)
        self._weights, self._symmetries = weights, symmetries
        # Read past HDF5, whose lock would let one thread read at a time, and the training wait for it.
        self._descriptor, self._offset = pictures.file.id.get_vfd_handle(), pictures.id.get_offset()

    def __len__(self) -> int:
        return math.ceil(len(self._rows) / self._batch_size)

    def __getitem__(self, number: int) -> tuple[NDArray[Any], ...]:
        for following in range(number, min(number + 1 + READ_AHEAD, len(self))):
            if following not in self._ahead:
                self._ahead[following] = self._readers.submit(self._batch, following)
        return self._ahead.pop(number).result()

    def _batch(self, number: int) -> tuple[NDArray[Any], ...]:
        positions = range(number * self._batch_size, min((number + 1) * self._batch_size, len(self._rows)))
        batch = np.empty((len(positions), *self._pictures.shape[1:]), np.uint8)
        picture = np.empty(self._pictures.shape[1:], np.uint8)
        for place, position in enumerate(positions):
            element = 0 if self._symmetries is None else int(self._symmetries[position])
            if element == 0:
                self._read(int(self._rows[position]), batch[place])
                continue
            self._read(int(self._rows[position]), picture)
            turned = flip_and_turn(picture, element)
            for channel in range(turned.shape[-1]):  # one by one, which is four times as fast
                batch[place, ..., channel] = turned[..., channel]
        if self._weights is None:
            return (batch,)
        labels = self._labels[positions.start : positions.stop]
        return batch, labels, self._weights[labels].astype(np.float32)

    def _read(self, row: int, picture: NDArray[np.uint8]) -> None:
        """Read a row of the store into a contiguous array."""
        done, whole = 0, memoryview(picture.data).cast("B")
        while done < len(whole):
            read = os.preadv(self._descriptor, [whole[done:]], self._offset + row * len(whole) + done)
            if read == 0:
                raise InputError(f"the picture store ends within picture {row}; delete it, and it is made again")
            done += read


class _StopWhenNotFinite(keras.callbacks.Callback):  # type: ignore[misc]  # Keras is untyped
    """Ends training at once: nothing after a loss that is not finite can be used."""

    def __init__(self, epoch: int, rate: Any) -> None:
        super().__init__()
        self._epoch, self._rate = epoch, rate

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        loss = float((logs or {}).get("loss", 0.0))
        if not math.isfinite(loss):
            raise InputError(
                f"training: the loss is {loss} in epoch {self._epoch}, batch {batch + 1}; "
                f"learning_rate {self._rate} is too large for this classifier, try a tenth of it"
            )


def _fit(
    scores: keras.Model,
    options: Mapping[str, Any],
    classes: int,
    parts: Mapping[str, pd.DataFrame],
    pictures: h5py.Dataset,
    seed: int,
    folder: Path,
    belongs_to: Mapping[str, str],
) -> list[tuple[float, ...]]:
    """Train `scores` (a model of logits) in place to the weights of its best epoch; return the history's rows.

    Goes on from the last checkpoint in `folder` if that is of the same digests `belongs_to`, and leaves its own there.
    """
    epochs, batch_size = int(options["epochs"]), int(options["batch_size"])
    if epochs == 0:
        return []
    training, validation = parts["train"], parts["validation"]
    if len(training) < device_count():
        raise InputError(
            f"training: there are {len(training) or 'no'} pictures of split `train`, {device_count()} at least are "
            "needed; set epochs: 0 for an untrained model"
        )
    augmentation = options["augmentation"]
    if augmentation not in ("flips_and_quarter_turns", "none"):
        raise InputError(f"augmentation: must be flips_and_quarter_turns or none, not {augmentation!r}")
    criterion = options["best_epoch_by"]
    if criterion not in ("accuracy", "balanced_accuracy"):
        raise InputError(f"best_epoch_by: must be accuracy or balanced_accuracy, not {criterion!r}")
    steps = epochs * math.ceil(len(training) / batch_size)
    lowered = lower_batchnorm_momentum(scores, steps)
    if lowered is not None:
        logger.info("BatchNormalization: momentum lowered to %.4f, since there are only %d steps", lowered, steps)
    loss, gamma = make_loss(options)
    weights = class_weights(training["label"].to_numpy(), classes, options["class_weights"])
    variables = {"model": scores.variables}  # with the random states of dropout
    optimizer = make_optimizer(options)
    if options["precision"] == "mixed_float16":
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)  # small gradients would be 0 in half precision
    scores.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"])
    optimizer.build(scores.trainable_variables)
    variables["optimizer"] = optimizer.variables
    history: list[tuple[float, ...]] = []
    found = find_checkpoint(folder, belongs_to)
    if found:
        path, rows = found
        history = [(int(row[0]), *map(float, row[1:])) for row in rows]
        for kind, own in variables.items():
            restore_variables(path, kind, own)
        logger.info("going on after epoch %d of %d, from %s", history[-1][0], epochs, path)
    for epoch in range(len(history) + 1, epochs + 1):
        start = time.perf_counter()
        # Order and augmentation follow from seed and epoch alone, not from what ran before or which thread reads first.
        random = np.random.default_rng([seed, epoch])
        order = random.permutation(len(training))
        # A batch must be a multiple of the devices: each epoch leaves other pictures out, at most one per device.
        order = order[: len(order) - len(order) % device_count()]
        symmetries = random.integers(8, size=len(training)) if augmentation != "none" else None
        fitted = scores.fit(
            PictureBatches(pictures, training.iloc[order], batch_size, weights, symmetries),
            initial_epoch=epoch - 1,
            epochs=epoch,
            shuffle=False,
            verbose=1 if sys.stdout.isatty() else 0,
            callbacks=[_StopWhenNotFinite(epoch, options["learning_rate"])],
        ).history
        outcome = _validation_outcome(scores, validation, pictures, batch_size, classes, gamma)
        seconds = time.perf_counter() - start
        history.append((epoch, fitted["loss"][0], fitted["accuracy"][0], *outcome, round(seconds, 3)))
        logger.info(
            "epoch %d of %d: "
            + ", ".join(f"{name.replace('_', ' ')} %.4f" for name in HISTORY_COLUMNS[1:-1])
            + ", %.1f s, %.1f pictures/s",
            epoch,
            epochs,
            *history[-1][1:],
            len(training) / seconds,
        )
        write_checkpoint(checkpoint_path(folder, epoch), belongs_to, history, variables)
        keep_only(folder, [epoch, _kept(history, criterion)])
    best_epoch = _kept(history, criterion)
    if best_epoch < epochs:
        restore_variables(checkpoint_path(folder, best_epoch), "model", variables["model"])
    logger.info("kept the weights of epoch %d", best_epoch)
    return history


def _kept(history: Sequence[Sequence[float]], criterion: str) -> int:
    return kept_epoch(pd.DataFrame(history, columns=HISTORY_COLUMNS), criterion)


def _digests(
    settings: Mapping[str, Any],
    classes: Sequence[str],
    seed: int,
    rows: pd.DataFrame,
    pictures_path: str | Path,
    library: str,
) -> dict[str, str]:
    """Return a digest of each thing that a training's course depends on, by its name."""

    def of(thing: Any) -> str:
        return hashlib.sha256(json.dumps(thing, sort_keys=True).encode()).hexdigest()

    weights = settings["weights"]
    backend = keras.backend.backend()
    versions = [__version__, library, keras.__version__, backend, importlib.import_module(backend).__version__]
    return {
        # Weights count by their content, not by where they lie.
        "settings": of({name: value for name, value in settings.items() if name not in ("saliency_layer", "weights")}),
        "weights": file_sha256(weights) if weights not in ("imagenet", "none") else weights,
        "classes": of(list(classes)),
        "seed": str(seed),
        "table": of(rows[["image", "class", "split"]].to_csv(index=False)),
        "pictures": file_sha256(pictures_path),
        "versions": of(versions),
    }


def _logits_of(model: keras.Model) -> keras.Model:
    return keras.Model(model.inputs, model.get_layer("logits").output)


def _validation_outcome(
    scores: keras.Model, rows: pd.DataFrame, pictures: h5py.Dataset, batch_size: int, classes: int, gamma: float
) -> tuple[float, float, float]:
    """Return (loss in nats, accuracy, balanced accuracy); NaN without pictures. `gamma` as `make_loss` gives it."""
    if rows.empty:
        return (math.nan, math.nan, math.nan)
    logits = _predict(scores, rows, pictures, batch_size)
    labels = rows["label"].to_numpy()
    loss = float(focal_loss(logits, labels, gamma).mean())
    if not math.isfinite(loss):
        raise InputError(f"training: the validation loss is {loss}; try a tenth of the learning_rate")
    confusion = confusion_matrix(labels, logits.argmax(axis=1), classes)
    return loss, float(np.trace(confusion) / len(labels)), balanced_accuracy(confusion)


def _predict(scores: keras.Model, rows: pd.DataFrame, pictures: h5py.Dataset, batch_size: int) -> NDArray[np.float32]:
    if rows.empty:
        return np.zeros((0, scores.output_shape[-1]), np.float32)
    # As many as the devices can share; pictures that are there twice change nothing for the others.
    shared = pd.concat([rows, rows.iloc[[0] * (-len(rows) % device_count())]])
    return np.asarray(scores.predict(PictureBatches(pictures, shared, batch_size), verbose=0))[: len(rows)]


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
