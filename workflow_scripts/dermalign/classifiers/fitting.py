"""The loop of every training: seeded, with a checkpoint after each epoch, from which a killed one goes on."""

import hashlib
import importlib
import json
import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .. import __version__
from ..errors import InputError
from ..files import file_sha256
from ..logs import logger
from .architectures import lower_batchnorm_momentum
from .checkpoints import checkpoint_path, find_checkpoint, keep_only, restore_variables, write_checkpoint
from .devices import device_count
from .picture_batches import Beside, PictureBatches
from .scores import kept_epoch
from .settings import demand

# The keys of `training:` that choose the optimizer, and the others that are read here.
OPTIMIZER_KEYS = ("optimizer", "learning_rate", "decay", "momentum", "nesterov")
OTHER_KEYS = ("epochs", "batch_size", "augmentation")
KEYS = tuple(f"training.{key}" for key in (*OPTIMIZER_KEYS, *OTHER_KEYS))
CHECKPOINTS = ".training"  # a folder beside the model, gone when the training has ended


@dataclass(frozen=True)
class Goal:
    """What a network is trained for.

    loss, metrics: as Keras compiles them. beside: function of the order of the training pictures, int (n,), and of
    their symmetries, int (n,) or None, that returns what each batch has beside pictures, see `PictureBatches`.
    outcome: function that measures after an epoch, on the validation pictures. columns: of the history: `epoch`,
    `loss`, a column for each metric, one for each number of the outcome, `seconds`. criterion: the epoch with the
    highest `validation_{criterion}` is kept.
    """

    loss: keras.losses.Loss
    beside: Callable[[NDArray[np.intp], NDArray[np.int64] | None], Beside]
    outcome: Callable[[], tuple[float, ...]]
    columns: Sequence[str]
    criterion: str
    metrics: Sequence[str] = ()

    def kept(self, history: Sequence[Sequence[float]]) -> int:
        """Return the epoch whose weights are kept."""
        return kept_epoch(pd.DataFrame(list(history), columns=list(self.columns)), self.criterion)


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
                f"learning_rate {self._rate} is too large for this network, try a tenth of it"
            )


def fit(
    network: keras.Model,
    options: Mapping[str, Any],
    goal: Goal,
    pictures: h5py.Dataset,
    rows: NDArray[np.integer],
    seed: int,
    folder: Path,
    belongs_to: Mapping[str, str],
) -> list[tuple[float, ...]]:
    """Train `network` in place to the weights of its best epoch; return the history's rows, none of 0 epochs.

    options: `training:` of the settings. pictures: of a picture store; rows: in it, of the training pictures.
    Goes on from the last checkpoint in `folder` if that is of the same digests `belongs_to`, and leaves its own there.
    Without validation pictures the weights are those after the last epoch. Raises `InputError` for settings that do
    not fit, for fewer pictures than devices, and when the loss is not finite.
    """
    epochs, batch_size = int(options["epochs"]), int(options["batch_size"])
    if epochs == 0:
        return []
    if len(rows) < device_count():
        raise InputError(
            f"training: there are {len(rows) or 'no'} pictures of split `train`, {device_count()} at least are "
            "needed; set epochs: 0 for an untrained model"
        )
    augmentation = options["augmentation"]
    if augmentation not in ("flips_and_quarter_turns", "none"):
        raise InputError(f"augmentation: must be flips_and_quarter_turns or none, not {augmentation!r}")
    lowered = lower_batchnorm_momentum(network, steps := epochs * math.ceil(len(rows) / batch_size))
    if lowered is not None:
        logger.info("BatchNormalization: momentum lowered to %.4f, since there are only %d steps", lowered, steps)
    variables = {"model": network.variables}  # with the random states of dropout
    optimizer = make_optimizer(options)
    if options["precision"] == "mixed_float16":
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)  # small gradients would be 0 in half precision
    network.compile(optimizer=optimizer, loss=goal.loss, metrics=list(goal.metrics))
    optimizer.build(network.trainable_variables)
    variables["optimizer"] = optimizer.variables
    history: list[tuple[float, ...]] = []
    found = find_checkpoint(folder, belongs_to)
    if found:
        path, earlier = found
        history = [(int(row[0]), *map(float, row[1:])) for row in earlier]
        for kind, own in variables.items():
            restore_variables(path, kind, own)
        logger.info("going on after epoch %d of %d, from %s", history[-1][0], epochs, path)
    for epoch in range(len(history) + 1, epochs + 1):
        start = time.perf_counter()
        # Order and augmentation follow from seed and epoch alone, not from what ran before or which thread reads first.
        random = np.random.default_rng([seed, epoch])
        order = random.permutation(len(rows))
        # A batch must be a multiple of the devices: each epoch leaves other pictures out, at most one per device.
        order = order[: len(order) - len(order) % device_count()]
        symmetries = random.integers(8, size=len(rows)) if augmentation != "none" else None
        fitted = network.fit(
            PictureBatches(pictures, rows[order], batch_size, symmetries, goal.beside(order, symmetries)),
            initial_epoch=epoch - 1,
            epochs=epoch,
            shuffle=False,
            verbose=1 if sys.stdout.isatty() else 0,
            callbacks=[_StopWhenNotFinite(epoch, options["learning_rate"])],
        ).history
        outcome = goal.outcome()
        seconds = time.perf_counter() - start
        history.append((epoch, *(fitted[name][0] for name in ("loss", *goal.metrics)), *outcome, round(seconds, 3)))
        logger.info(
            "epoch %d of %d: "
            + ", ".join(f"{name.replace('_', ' ')} %.4f" for name in goal.columns[1:-1])
            + ", %.1f s, %.1f pictures/s",
            epoch,
            epochs,
            *history[-1][1:],
            len(rows) / seconds,
        )
        write_checkpoint(checkpoint_path(folder, epoch), belongs_to, history, variables)
        keep_only(folder, [epoch, goal.kept(history)])
    best_epoch = goal.kept(history)
    if best_epoch < epochs:
        restore_variables(checkpoint_path(folder, best_epoch), "model", variables["model"])
    logger.info("kept the weights of epoch %d", best_epoch)
    return history


def predict(
    network: keras.Model, pictures: h5py.Dataset, rows: NDArray[np.integer], batch_size: int
) -> NDArray[np.float32]:
    """Return the network's outputs, float32 (n, ...), of the pictures in some rows of a picture store."""
    if not len(rows):
        return np.zeros((0, *network.output_shape[1:]), np.float32)
    # As many as the devices can share; pictures that are there twice change nothing for the others.
    shared = np.concatenate([rows, np.repeat(rows[:1], -len(rows) % device_count())])
    return np.asarray(network.predict(PictureBatches(pictures, shared, batch_size), verbose=0))[: len(rows)]


def course_digests(
    settings: Mapping[str, Any],
    seed: int,
    table: pd.DataFrame,
    pictures_path: str | Path,
    library: str,
    **others: Any,
) -> dict[str, str]:
    """Return a digest of each thing that a training's course depends on, by its name.

    settings: of the network, with `weights`. table: the pictures, and what they are for. others: what else there is, of
    JSON.
    """
    weights = settings["weights"]
    backend = keras.backend.backend()
    versions = [__version__, library, keras.__version__, backend, importlib.import_module(backend).__version__]
    return {
        # Weights count by their content, not by where they lie.
        "settings": _digest({name: value for name, value in settings.items() if name not in _UNTOLD}),
        "weights": file_sha256(weights) if weights not in ("imagenet", "none") else weights,
        "seed": str(seed),
        "table": _digest(table.to_csv(index=False)),
        "pictures": file_sha256(pictures_path),
        "versions": _digest(versions),
        **{name: _digest(value) for name, value in others.items()},
    }


_UNTOLD = ("saliency_layer", "weights")


def _digest(thing: Any) -> str:
    return hashlib.sha256(json.dumps(thing, sort_keys=True).encode()).hexdigest()
