"""The focal loss: cross entropy that pictures classified well already hardly add to.

Lin, Goyal, Girshick, He, Dollár, "Focal Loss for Dense Object Detection", ICCV 2017, https://arxiv.org/abs/1708.02002
"""

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray


class FocalLoss(keras.losses.Loss):  # type: ignore[misc]  # Keras is untyped
    """-(1 - p)^gamma log p (equation 4), p the probability of the true class; labels are indices, scores logits.

    The weights of equation 5 are left to `sample_weight`. gamma, at least 0; with 0 it is the cross entropy.
    """

    def __init__(self, gamma: float = 2.0) -> None:
        super().__init__(name="focal")
        self.gamma = float(gamma)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the loss per picture, (n,) in nats, of (n,) or (n, 1) class indices and (n, classes) logits."""
        labels = keras.ops.reshape(keras.ops.cast(y_true, "int32"), (-1,))
        # A product with one-hot labels, since gathering has no deterministic gradient on every GPU.
        truth = keras.ops.one_hot(labels, y_pred.shape[-1], dtype=y_pred.dtype)
        log_p = keras.ops.sum(truth * keras.ops.log_softmax(y_pred, axis=-1), axis=-1)
        # Not 0, where the power has no gradient for gamma below 1.
        miss = keras.ops.maximum(-keras.ops.expm1(log_p), 1e-7)
        return -keras.ops.power(miss, self.gamma) * log_p


def focal_loss(logits: NDArray[Any], labels: NDArray[Any], gamma: float) -> NDArray[np.float64]:
    """Return the loss of `FocalLoss` per picture, (n,) in nats, of logits (n, classes) and class indices (n,).

    -(1 - p)^gamma log p (Lin et al. 2017, equation 4), computed in float64.
    """
    scores = np.asarray(logits, np.float64)
    peak = scores.max(axis=1)
    log_p = scores[np.arange(len(labels)), labels] - peak - np.log(np.exp(scores - peak[:, None]).sum(axis=1))
    return -((-np.expm1(log_p)) ** gamma) * log_p
