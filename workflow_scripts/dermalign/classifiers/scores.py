"""How good a training's epoch was, and which epoch is kept."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def confusion_matrix(true: NDArray[Any], predicted: NDArray[Any], classes: int) -> NDArray[np.int64]:
    """Return counts (classes, classes): row the true class index, column the predicted one.

    true, predicted: (n,) class indices from 0, below `classes`.
    """
    flat = np.asarray(true, np.int64) * classes + np.asarray(predicted, np.int64)
    return np.bincount(flat, minlength=classes * classes).reshape(classes, classes)


def balanced_accuracy(confusion: NDArray[np.int64]) -> float:
    """Return the mean sensitivity over the classes that have pictures; NaN without any picture.

    confusion: counts as `confusion_matrix` gives them.
    """
    pictures = confusion.sum(axis=1)
    present = pictures > 0
    if not present.any():
        return float("nan")
    return float((np.diag(confusion)[present] / pictures[present]).mean())


def kept_epoch(history: pd.DataFrame, criterion: str) -> int:
    """Return the epoch of a training's history whose weights are kept, 0 for a history without epochs.

    That is the first with the highest `validation_{criterion}`, and the last where no epoch has a value. criterion:
    accuracy or balanced_accuracy. Raises KeyError for another.
    """
    reached, epochs = history[f"validation_{criterion}"].to_numpy(float), history["epoch"].to_numpy(int)
    if np.isnan(reached).all():
        return int(epochs[-1]) if len(epochs) else 0
    return int(epochs[np.nanargmax(reached)])
