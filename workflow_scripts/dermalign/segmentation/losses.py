"""What a segmentation network minimises: cross entropy of each cell, and the overlap of each feature."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from ..classifiers.settings import demand
from ..errors import InputError

KEYS = ("overlap_loss", "missed", "class_weights")


class SegmentationLoss(keras.losses.Loss):  # type: ignore[misc]  # Keras is untyped
    """Binary cross entropy of cells plus Dice or Tversky loss of features, of scores before the sigmoid.

    Targets y, float32 (n, h, w, features), are the shares of the cells that are white; scores likewise. The cross
    entropy of a cell is weighted by 1 + (w - 1) y with the weight w of its feature, and the mean over all is taken. The
    overlap is that of a feature's cells of all pictures of a batch together, of most of which it is absent,

        1 - sum(p y) / (sum(p y) + a sum(p (1 - y)) + b sum((1 - p) y))

    with p the sigmoid of the scores: Dice (Milletari et al. 2016, https://arxiv.org/abs/1606.04797) for a = b = 1/2,
    else Tversky (Salehi et al. 2017, https://arxiv.org/abs/1706.05721) with b = `missed` and a = 1 - b; its mean over
    the features is added.
    """

    def __init__(self, weights: NDArray[np.float32], missed: float | None) -> None:
        """weights: (features,), of white cells. missed: what weighs what is missed, b; None for no loss of overlap."""
        super().__init__(name="segmentation_loss")
        self._weights, self._missed = weights, missed

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the loss, a number."""
        entropy = ops.binary_crossentropy(y_true, y_pred, from_logits=True)
        loss = ops.mean((1 + (self._weights - 1) * y_true) * entropy)
        if self._missed is None:
            return loss
        # Keras calls what is missed "fp": its alpha weighs y (1 - p).
        overlap = keras.losses.tversky(
            y_true, ops.sigmoid(y_pred), alpha=self._missed, beta=1 - self._missed, axis=(0, 1, 2)
        )
        return loss + ops.mean(overlap)


def make_loss(options: Mapping[str, Any], white: NDArray[np.float64]) -> SegmentationLoss:
    """Return the loss of `training:` of a segmentation network.

    white: (features,), the share of all cells of the training pictures that is white. `class_weights`:
    inverse_frequency weighs white as much as black in sum, by (1 - share) / share; square_root is the root of it, none
    is 1; a feature that no picture shows has 1. `overlap_loss`: dice, tversky, or none; `missed`: of tversky, what
    weighs what is missed, from 0 to 1. Raises `InputError` for other words, and where a key is lacking.
    """
    demand({"training": options}, *(f"training.{key}" for key in KEYS))
    kind = options["overlap_loss"]
    if kind not in ("dice", "tversky", "none"):
        raise InputError(f"overlap_loss: must be dice, tversky or none, not {kind!r}")
    missed = {"dice": 0.5, "tversky": float(options["missed"]), "none": None}[kind]
    return SegmentationLoss(white_weights(white, options["class_weights"]).astype(np.float32), missed)


def white_weights(white: NDArray[np.float64], kind: str) -> NDArray[np.float64]:
    """Return the weight of white cells of each feature, (features,); see `make_loss`."""
    if kind not in ("inverse_frequency", "square_root", "none"):
        raise InputError(f"class_weights: must be inverse_frequency, square_root or none, not {kind!r}")
    weights = np.ones(len(white))
    shown = (white > 0) & (kind != "none")
    weights[shown] = (1 - white[shown]) / white[shown]
    return np.sqrt(weights) if kind == "square_root" else weights
