"""Classifiers that are a formula, and faithfulness carried out pixel by pixel: shares no line with the library."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from dermalign.classifiers.functions import ScoreFunction, score_function
from numpy.typing import NDArray
from PIL import Image

Array = NDArray[Any]


class Formula:
    """A classifier of pictures (height, width, 3): its class scores are a function of them, (n, classes)."""

    name = "formula"

    def __init__(self, size: tuple[int, int], function: Any) -> None:
        self.input_shape = (*size, 3)
        self.function = function
        self.asked: list[int] = []
        """How many pictures each call was of."""

    def scores(self, logits: str | None = None) -> ScoreFunction:
        def evaluate(pictures: Array) -> Array:
            self.asked.append(len(pictures))
            return np.asarray(self.function(pictures), np.float32)

        return score_function(evaluate, self.input_shape)

    def passing(self, *arguments: Any, **others: Any) -> Any:
        raise AssertionError("who asks for scores needs no gradient")


def weighted(weights: Array) -> Formula:
    """The score of class 1 is the sum of weights (height, width) times brightness, 0 to 1; that of class 0 is 0."""

    def function(pictures: Array) -> Array:
        score = (pictures.mean(axis=3) / 255 * weights).sum(axis=(1, 2))
        return np.stack([np.zeros_like(score), score], axis=1)

    return Formula(weights.shape, function)


def curved(size: tuple[int, int], classes: int = 3, seed: int = 0) -> Formula:
    """Scores that are no sum over pixels."""
    random = np.random.default_rng(seed)
    hidden = random.normal(size=(size[0] * size[1] * 3, 9))
    last = random.normal(size=(9, classes))

    def function(pictures: Array) -> Array:
        flat = pictures.reshape(len(pictures), -1).astype(np.float64) / 255 - 0.4
        return np.tanh(flat @ hidden / 4) @ last

    return Formula(size, function)


def probability(scores: Array, target: int) -> float:
    """The softmax of the scores (classes,) of one picture, at a class."""
    parts = [float(np.exp(np.float64(score))) for score in scores]
    return parts[target] / sum(parts)


def slowly_blurred(picture: Array, share: float) -> Array:
    """A picture times a matrix on either side: of each row the Gaussian around a pixel, folded back at the edges."""
    matrices = []
    for side in picture.shape[:2]:
        sigma = share * side
        matrix = np.zeros((side, side))
        reach = int(4 * sigma + 0.5)
        for pixel in range(side):
            for offset in range(-reach, reach + 1):
                place = (pixel + offset) % (2 * side)
                place = min(place, 2 * side - 1 - place)
                matrix[pixel, place] += np.exp(-((offset / sigma) ** 2) / 2)
        matrices.append(matrix / matrix.sum(axis=1, keepdims=True))
    return np.einsum("ij,jkc,lk->ilc", matrices[0], picture.astype(np.float64), matrices[1])


def slow_curves(
    score: Any, picture: Array, saliency: Array, steps: int, ties: Sequence[int], blurry: Array
) -> tuple[list[float], list[float]]:
    """The deletion and the insertion curve of one map. score: function of a picture, float32."""
    height, width = picture.shape[:2]
    full = np.asarray(Image.fromarray(saliency).resize((width, height), Image.Resampling.NEAREST))
    places = {pixel: place for place, pixel in enumerate(ties)}
    order = sorted(range(height * width), key=lambda pixel: (-full[divmod(pixel, width)], places[pixel]))
    deletion, insertion = [], []
    for step in range(steps + 1):
        left, filled = picture.astype(np.float32), np.array(blurry, np.float32)
        for pixel in order[: height * width * step // steps]:
            left[divmod(pixel, width)] = 0
            filled[divmod(pixel, width)] = picture[divmod(pixel, width)]
        deletion.append(score(left))
        insertion.append(score(filled))
    return deletion, insertion


def slow_area(curve: Sequence[float], pixels: int) -> float:
    """The area below a curve, a trapezoid between every two of its points, over the share of `pixels` pixels."""
    steps = len(curve) - 1
    shares = [pixels * step // steps / pixels for step in range(steps + 1)]
    return sum((shares[k + 1] - shares[k]) * (curve[k + 1] + curve[k]) / 2 for k in range(steps))
