"""What a finished classifier says of stored pictures: class scores, and the table of its predictions."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..errors import InputError
from ..logs import logger, progress
from ..saliency.gradcam import batched, find_layer
from .brought.graphs import GraphClassifier
from .gradients import ScoreFunction, softmax

if TYPE_CHECKING:
    import keras

HELD_OUT = ("validation", "test")


def class_scores(
    model: "keras.Model | GraphClassifier",
    pictures: Iterable[NDArray[Any]],
    batch_size: int = 32,
    logits: str | None = None,
) -> NDArray[np.float32]:
    """Return the class scores before the softmax, (n, classes), of n pictures (H, W, 3); `logits` as `grad_cam`."""
    named = logits if logits is None or isinstance(model, GraphClassifier) else find_layer(model, logits)
    evaluate = ScoreFunction(model, named)
    scores = [np.zeros((0, 0), np.float32)]
    for batch in batched(pictures, batch_size):
        # A shorter last batch would be compiled anew.
        padded = batch + [batch[-1]] * (batch_size - len(batch))
        scores.append(evaluate(np.stack(padded))[: len(batch)])
    return np.concatenate(scores[1:] or scores)


def predictions_table(table: pd.DataFrame, logits: NDArray[Any], classes: Sequence[str]) -> pd.DataFrame:
    """Return what predictions.csv holds (see `classifier_files`) of the n pictures of `table`, by logits (n, classes).

    table: columns `image`, `split`, `class`. Probabilities are the softmax of the logits.
    """
    predictions = table[["image", "split", "class"]].copy()
    predictions["predicted"] = [classes[index] for index in logits.argmax(axis=1)] if len(table) else ""
    probabilities = softmax(logits) if len(table) else np.zeros((0, len(classes)))
    for index, name in enumerate(classes):
        predictions[f"p_{name}"] = probabilities[:, index]
    return predictions


def classify_held_out(
    model: "keras.Model | GraphClassifier",
    classes: Sequence[str],
    table: pd.DataFrame,
    pictures_path: str | Path,
    batch_size: int = 32,
    logits: str | None = None,
) -> pd.DataFrame:
    """Return the predictions of a brought classifier on the validation and test pictures whose class it knows.

    table: the training manifest. pictures_path: file of `pictures.store_pictures` at the classifier's input size, read
    batch by batch. Raises InputError where a picture is not in that file.
    """
    parts = [table[table["split"] == split] for split in HELD_OUT]
    held_out = pd.concat(parts)
    known = held_out[held_out["class"].isin(list(classes))]
    if len(known) < len(held_out):
        unknown = sorted(set(held_out["class"]) - set(classes))
        logger.info(
            "left out: %d held-out pictures of classes that the classifier does not know (%s)",
            len(held_out) - len(known),
            ", ".join(unknown),
        )
    with h5py.File(pictures_path, "r") as file:
        rows = pd.Index(file["image"].asstr()[()]).get_indexer(pd.Index(known["image"]))
        if (rows < 0).any():
            raise InputError(f"{pictures_path}: lacks {(rows < 0).sum()} held-out pictures; delete it to make it anew")
        pictures = (file["pictures"][row] for row in rows)
        scores = class_scores(model, progress(pictures, len(rows), "classifying"), batch_size, logits)
    return predictions_table(known, scores, classes)
