"""What a finished classifier says of stored pictures: class scores, and the table of its predictions."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..data.picture_store import open_picture_store
from ..errors import InputError
from ..logs import logger, progress
from .batches import asked_size, padded_batches
from .classifier import Classifier, as_classifier
from .probabilities import predictions_table

if TYPE_CHECKING:
    import keras

HELD_OUT = ("validation", "test")


def class_scores(
    classifier: "Classifier | keras.Model",
    pictures: Iterable[NDArray[Any]],
    batch_size: int = 32,
    logits: str | None = None,
) -> NDArray[np.float32]:
    """Return the class scores before the softmax, (n, classes), of n pictures (H, W, 3), RGB from 0 to 255.

    logits: as `Classifier.scores`. Without pictures the result is (0, 0). Raises `InputError` as that does, and for
    pictures of another size than the classifier's.
    """
    evaluate = as_classifier(classifier).scores(logits)
    scores = [evaluate(batch)[:count] for batch, count in padded_batches(pictures, asked_size(batch_size))]
    return np.concatenate(scores) if scores else np.zeros((0, 0), np.float32)


def classify_held_out(
    classifier: "Classifier | keras.Model",
    classes: Sequence[str],
    table: pd.DataFrame,
    pictures_path: str | Path,
    batch_size: int = 32,
    logits: str | None = None,
) -> pd.DataFrame:
    """Return the predictions of a brought classifier on the validation and test pictures whose class it knows.

    classes: of the classifier's outputs, in order. table: the training manifest. pictures_path: picture store at the
    classifier's input size, read batch by batch. logits: as `Classifier.scores`. The result is that of
    `probabilities.predictions_table`. Raises `InputError` for a file that is no picture store, or lacks a picture, and
    as `class_scores`.
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
    with open_picture_store(pictures_path) as store:
        rows = store.rows(known["image"])
        if (rows < 0).any():
            raise InputError(f"{pictures_path}: lacks {(rows < 0).sum()} held-out pictures; delete it to make it anew")
        pictures = (store.pictures[row] for row in rows)
        scores = class_scores(classifier, progress(pictures, len(rows), "classifying"), batch_size, logits)
    return predictions_table(known, scores, classes)
