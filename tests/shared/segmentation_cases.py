"""Pictures on which bright squares are the features, their targets, and a training on them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pandas as pd
from dermalign.data.picture_store import write_picture_store
from dermalign.segmentation.folds import TRAIN, VALIDATION
from dermalign.segmentation.targets import write_targets
from dermalign.segmentation.training import train_fold
from dermalign.study.configuration import complete_network
from engine_cases import FEATURES, NAMES, Picture, counted

SIZE, CELLS, COUNT = 32, 16, 32
IMAGES = [f"p{number:02d}" for number in range(COUNT)]
OUTPUTS = {"model.keras", "history.csv"}


def network_settings(training: Mapping[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """Return settings of a small network; what is not given are the schema's defaults."""
    small = {"architecture": "plain_stack", "input_size": SIZE, "cells": CELLS, "filters": 4}
    options = {"epochs": 2, "batch_size": 8, "learning_rate": 0.01, **(training or {})}
    return complete_network({**small, **changes, "training": options})


def write_squares(folder: Path, seed: int = 0) -> None:
    """Write a store and targets of dark noise with green squares, `globules`, and on some red ones, `streaks`."""
    random = np.random.default_rng(seed)
    content = random.integers(0, 50, (COUNT, SIZE, SIZE, 3)).astype(np.uint8)
    drawn = []
    for number, image in enumerate(IMAGES):
        masks = {feature: np.zeros((SIZE, SIZE), np.uint8) for feature in FEATURES}
        for channel, feature in enumerate(FEATURES if number % 3 else FEATURES[:1]):
            side = random.integers(6, 15)
            top, left = random.integers(0, SIZE - side, 2)
            masks[feature][top : top + side, left : left + side] = 255
            content[number, ..., 1 - channel][masks[feature] > 0] += 200
        drawn.append(Picture(image, masks, np.zeros((1, 1), np.float32)))
    order = random.permutation(COUNT)  # neither file is in the order of the table
    write_picture_store(folder / "pictures.h5", [IMAGES[row] for row in order], SIZE, content[order])
    cells = (counted(picture, [(CELLS, CELLS)]) for picture in drawn[::-1])
    write_targets(folder / "targets.h5", cells, COUNT, (CELLS, CELLS), NAMES)


def squares_table() -> pd.DataFrame:
    """Return what the pictures of `write_squares` are for: every fourth validates."""
    splits = [VALIDATION if number % 4 == 0 else TRAIN for number in range(COUNT)]
    return pd.DataFrame({"image": IMAGES, "split": splits})


def train_squares(
    study: Path, folder: Path, chosen: Mapping[str, Any] | None = None, *, as_in_a_job: bool = True, **changes: Any
) -> None:
    """Train on what `write_squares` left in `study`; the files are those of `OUTPUTS`, in `folder`.

    as_in_a_job: layers without a name are numbered from the first on, as in a process of its own.
    """
    if as_in_a_job:
        keras.utils.clear_session()
    arguments: dict[str, Any] = {
        "table": squares_table(),
        "pictures_path": study / "pictures.h5",
        "targets_path": study / "targets.h5",
        "seed": 3,
        "model_path": folder / "model.keras",
        "history_path": folder / "history.csv",
    }
    train_fold(network_settings() if chosen is None else chosen, **(arguments | changes))


def stored(study: Path, images: list[str]) -> np.ndarray:
    """Return pictures of the store, (n, size, size, 3) uint8."""
    with h5py.File(study / "pictures.h5") as file:
        names = file["image"].asstr()[()].tolist()
        return np.stack([file["pictures"][names.index(image)] for image in images])
