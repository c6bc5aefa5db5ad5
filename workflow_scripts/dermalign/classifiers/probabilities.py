"""From class scores to probabilities, and to the table of predictions."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def softmax(logits: NDArray[Any]) -> NDArray[np.float64]:
    """Return probabilities (n, classes) float64 of class scores (n, classes); each row sums to one."""
    scores = np.asarray(logits, np.float64)
    exponentials = np.exp(scores - scores.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def predictions_table(table: pd.DataFrame, logits: NDArray[Any], classes: Sequence[str]) -> pd.DataFrame:
    """Return `image,split,class,predicted` and a column p_<class> per class, the softmax of logits (n, classes).

    table: n rows with `image`, `split` and `class`, in the order of the logits. classes: of the logits' columns.
    """
    predictions = table[["image", "split", "class"]].copy()
    predictions["predicted"] = [classes[index] for index in logits.argmax(axis=1)] if len(table) else ""
    probabilities = softmax(logits) if len(table) else np.zeros((0, len(classes)))
    for index, name in enumerate(classes):
        predictions[f"p_{name}"] = probabilities[:, index]
    return predictions
