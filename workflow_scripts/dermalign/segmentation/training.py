"""Training of the segmentation network of one fold, by the loop of all trainings, repeatable to the last digit."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..classifiers.architectures import in_float32, logits_of
from ..classifiers.backend import make_deterministic
from ..classifiers.brought.keras_files import load_keras_file
from ..classifiers.devices import data_parallel
from ..classifiers.fitting import CHECKPOINTS, Goal, course_digests, fit, predict
from ..classifiers.fitting import KEYS as FITTING_KEYS
from ..classifiers.model_files import save_model
from ..classifiers.picture_batches import Beside, flip_and_turn
from ..classifiers.settings import demand
from ..data.picture_store import open_picture_store
from ..errors import InputError
from ..files import file_sha256, write_text
from ..logs import logger
from .folds import TRAIN, VALIDATION
from .losses import KEYS as LOSS_KEYS
from .losses import make_loss, white_weights
from .networks import KEYS as NETWORK_KEYS
from .networks import build_network
from .targets import STEPS, Shares, best_ratio, read_targets, white_shares

# Of a history: loss, of the training pictures while training; validation_jaccard, see `targets.best_ratio`; seconds.
HISTORY_COLUMNS = ("epoch", "loss", "validation_jaccard", "seconds")
CRITERION = "jaccard"
# The settings that a training reads.
KEYS = (*NETWORK_KEYS, *FITTING_KEYS, *(f"training.{key}" for key in LOSS_KEYS))


def train_fold(
    settings: Mapping[str, Any],
    table: pd.DataFrame,
    pictures_path: str | Path,
    targets_path: str | Path,
    seed: int,
    *,
    model_path: str | Path,
    history_path: str | Path,
    classifier: str | Path | None = None,
    library: str = "",
) -> None:
    """Train a network on the pictures of a fold's training part; write model and history, each whole or not at all.

    settings: one entry of `segmentation.networks`, of which `KEYS` are read. table: `image` and `split`, train or
    validation. pictures_path: picture store of `input_size`; targets_path: file of targets of `cells` x `cells`, whose
    features are the network's outputs, the union one of its own. classifier: path of a classifier of the same
    architecture, whose backbone the encoder starts from, None for `weights` of the settings. library: a digest of this
    library's code.

    Checkpoints, what is kept of a training that was killed, and the precision of what is written are those of
    `classifiers.training.train`. The weights are those of the epoch with the highest validation_jaccard.

    Raises `InputError` for settings that lack a key, for settings, tables or files that do not fit, and when the loss
    is not finite.
    """
    demand(settings, *KEYS)
    options, size = settings["training"], int(settings["input_size"])
    folder = Path(model_path).parent / CHECKPOINTS
    make_deterministic(seed)
    with data_parallel(int(options["batch_size"])), open_picture_store(pictures_path, size) as store:
        _, features, shares = read_targets(targets_path, table["image"].tolist())
        network = build_network(settings, features, seed)
        if shares.shape[1:] != network.output_shape[1:]:
            raise InputError(f"{targets_path}: is of {shares.shape[1]} cells a side, not of {settings['cells']}")
        if classifier:
            start_from_classifier(network, classifier)
        scores = logits_of(network)
        rows = store.rows(table["image"])
        if (rows < 0).any():
            raise InputError(f"{pictures_path} lacks {(rows < 0).sum()} pictures; delete it, and it is made again")
        is_trained, validates = ((table["split"] == split).to_numpy() for split in (TRAIN, VALIDATION))
        if not validates.any():
            logger.warning("there are too few pictures to choose an epoch by: the last one is kept")
        logger.info(
            "%s of %s on %s: %d train, %d validation",
            *(settings["decoder"], settings["architecture"], keras.backend.backend()),
            *(is_trained.sum(), validates.sum()),
        )
        goal = _goal(scores, options, shares, is_trained, validates, store.pictures, rows)
        belongs_to = course_digests(
            settings,
            seed,
            table,
            pictures_path,
            library,
            targets=file_sha256(targets_path),
            classifier=file_sha256(classifier) if classifier else "",
        )
        history = fit(scores, options, goal, store.pictures, rows[is_trained], seed, folder, belongs_to)
        network = in_float32(network, settings, lambda plain: build_network(plain, features, seed))
    save_model(network, model_path)
    write_text(history_path, pd.DataFrame(history, columns=HISTORY_COLUMNS).to_csv(index=False))
    shutil.rmtree(folder, ignore_errors=True)


def _goal(
    scores: keras.Model,
    options: Mapping[str, Any],
    shares: Shares,
    is_trained: NDArray[np.bool_],
    validates: NDArray[np.bool_],
    pictures: h5py.Dataset,
    rows: NDArray[np.int64],
) -> Goal:
    """Return what `scores`, a model of logits, is trained for: the shares of the cells that are white."""
    trained = shares[is_trained]
    white = white_shares(trained)
    _start_at(scores, white, white_weights(white, options["class_weights"]))

    def beside(order: NDArray[np.intp], symmetries: NDArray[np.int64] | None) -> Beside:
        elements = np.zeros(len(order), np.int64) if symmetries is None else symmetries

        def targets(part: slice) -> tuple[NDArray[Any], ...]:
            turned = [flip_and_turn(trained[row], int(elements[at])) for at, row in _numbered(order, part)]
            return (np.stack(turned).astype(np.float32) / np.float32(STEPS),)

        return targets

    def outcome() -> tuple[float, ...]:
        found = predict(scores, pictures, rows[validates], int(options["batch_size"]))
        if not np.isfinite(found).all():
            raise InputError("training: validation scores are not finite; try a tenth of the learning_rate")
        return (best_ratio((1 / (1 + np.exp(-found))).astype(np.float32), shares[validates]),)

    return Goal(make_loss(options, white), beside, outcome, HISTORY_COLUMNS, CRITERION)


def _numbered(order: NDArray[np.intp], part: slice) -> "zip[tuple[int, int]]":
    return zip(range(part.start, part.stop), order[part], strict=True)


def _start_at(scores: keras.Model, white: NDArray[np.float64], weights: NDArray[np.float64]) -> None:
    """Have each feature start as probable as it is, so that the first steps are not spent on learning that it is rare.

    Lin et al. 2017, https://arxiv.org/abs/1708.02002, section 3.3, "Class imbalance and model initialization".
    """
    odds = np.clip(weights * white, 1e-4, 1e4) / np.clip(1 - white, 1e-4, 1)
    scores.get_layer("scores").bias.assign(np.log(odds).astype(np.float32))


def start_from_classifier(network: keras.Model, path: str | Path) -> None:
    """Give a network's encoder the weights of a classifier's backbone, in place.

    Raises `InputError` where the classifier has no backbone of that architecture, and as `load_keras_file`.
    """
    classifier = load_keras_file(path)
    encoders = {layer.name: layer for layer in network.layers if isinstance(layer, keras.Model)}
    backbone = next((layer for layer in classifier.layers if layer.name in encoders), None)
    if backbone is None:
        raise InputError(f"{path}: is no classifier with the backbone {', '.join(encoders)}")
    # By the layers' names: those of weights lose a part as some backbones are loaded.
    own = {layer.name: layer.weights for layer in backbone.layers}
    for layer in encoders[backbone.name].layers:
        if layer.weights:
            for weight, value in zip(layer.weights, own[layer.name], strict=True):
                weight.assign(value)
