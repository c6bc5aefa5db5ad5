"""Grad-CAM: where in a picture the score of a class comes from.

Selvaraju, Cogswell, Das, Vedantam, Parikh, Batra, "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based
Localization", ICCV 2017, https://arxiv.org/abs/1610.02391
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..classifiers.batches import padded_batches
from ..classifiers.classifier import Classifier, as_classifier
from ..classifiers.probabilities import softmax
from ..errors import InputError

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class GradCam:
    """Maps and predictions of n pictures."""

    raw: NDArray[np.float32]
    """(n, h, w), not negative, not stretched, in units of class score"""
    probabilities: NDArray[np.float32]
    """(n, classes), softmax of the scores"""
    predicted: NDArray[np.int64]
    """(n,) class indices, the classes that the maps explain"""


def grad_cam(
    classifier: "Classifier | keras.Model",
    layer: str,
    pictures: NDArray[np.uint8] | Iterable[NDArray[np.uint8]],
    batch_size: int = 32,
    logits: str | None = None,
) -> GradCam:
    """Compute Grad-CAM of the predicted class at `layer` for each picture.

    `logits` names the layer whose output is the class scores, None where they are before the final softmax.

    `pictures`: (n, H, W, 3) uint8, values 0 to 255, of the classifier's input size, or an iterator of such (H, W, 3)
    pictures, of which only one batch is held at a time. The gradient is that of the score before the softmax; the
    weight of a channel is the spatial mean of its gradient (equation 1) and the map is the ReLU of the weighted sum of
    the channels (equation 2). Raises `InputError` for a missing or unsuitable layer, pictures of another size, and when
    scores are not finite.
    """
    if batch_size < 1:
        raise InputError(f"batch_size: must be at least 1, not {batch_size}")
    classifier = as_classifier(classifier)
    evaluate = classifier.gradients(layer, logits)
    raw, scores_of = [], []
    for batch, count in padded_batches(pictures, batch_size):
        found = evaluate(batch)
        weights = found.gradients[:count].mean(axis=(1, 2))
        raw.append(np.maximum(np.einsum("nhwc,nc->nhw", found.activations[:count], weights), 0))
        scores_of.append(found.logits[:count])
    if not raw:
        size = [side or 32 for side in classifier.input_shape]
        nothing = evaluate(np.zeros((1, *size), np.uint8))
        raw.append(np.zeros((0, *nothing.activations.shape[1:3]), np.float32))
        scores_of.append(nothing.logits[:0])
    scores = np.concatenate(scores_of)
    if not np.isfinite(scores).all():
        broken = int((~np.isfinite(scores)).any(axis=1).sum())
        raise InputError(
            f"model {classifier.name}: {broken} of {len(scores)} pictures have class scores that are not finite; its "
            "weights are broken, train it again with a smaller learning rate"
        )
    return GradCam(
        raw=np.concatenate(raw).astype(np.float32),
        probabilities=softmax(scores).astype(np.float32),
        predicted=scores.argmax(axis=1),
    )
