"""What classifiers compute, class scores of pictures and gradients in the network, behind checks of what is asked."""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from .passes import Combine

Floats = NDArray[np.float32]
Target = Literal["predicted"] | ArrayLike
PREDICTED = -1  # in the place of a class index: the class with the highest score


class Place(NamedTuple):
    """A place in a classifier, and what is made of its output and the gradient of the class score there.

    layer: its name, as the classifier's kind takes it; None: the pictures themselves.
    """

    layer: str | None
    combine: Combine


class PassValues(NamedTuple):
    """What a pass gives for n pictures: a value (n, ...) per place, and the logits (n, classes); float32."""

    values: list[Floats]
    logits: Floats


class ScoreFunction(Protocol):
    """The compiled map from pictures to the class scores before the softmax."""

    def __call__(self, pictures: NDArray[Any], /) -> Floats:
        """Return logits (n, classes) of pictures (n, H, W, 3), RGB from 0 to 255.

        Calls with equal n share one compilation. Raises `InputError` for pictures of another size than the input.
        """


class PassFunction(Protocol):
    """The compiled map from pictures to what a pass gives at some places.

    Gradients are those of the class score with respect to a layer's output, in inference mode.
    """

    def __call__(self, pictures: NDArray[Any], target: Target = "predicted", /) -> PassValues:
        """Evaluate for pictures (n, H, W, 3), RGB from 0 to 255; `target` is 'predicted' or n class indices.

        Calls with equal n share one compilation. Raises `InputError` for pictures of another size than the input, and
        for targets that are no class indices.
        """


def score_function(evaluate: Callable[[Floats], Floats], takes: tuple[int | None, ...]) -> ScoreFunction:
    """Return `evaluate`, of float32 pictures, behind a check of the pictures: they must have the shape `takes`."""

    def scores(pictures: NDArray[Any], /) -> Floats:
        check_pictures(pictures, takes)
        return evaluate(np.asarray(pictures, dtype=np.float32))

    return scores


def pass_function(
    evaluate: Callable[[Floats, NDArray[np.int32]], list[Floats]], takes: tuple[int | None, ...]
) -> PassFunction:
    """Return `evaluate`, of float32 pictures and int32 class indices, behind checks of both.

    evaluate: gives the values, then the logits; an index may be `PREDICTED`. takes: the shape of the pictures.
    """

    def one_pass(pictures: NDArray[Any], target: Target = "predicted", /) -> PassValues:
        check_pictures(pictures, takes)
        targets = class_indices(target, len(pictures))
        *values, logits = evaluate(np.asarray(pictures, dtype=np.float32), targets)
        return PassValues(values, logits)

    return one_pass


def check_pictures(pictures: NDArray[Any], takes: tuple[int | None, ...]) -> None:
    """Raise `InputError` unless `pictures` (n, ...) have the shape that the classifier takes, None for any size."""
    if pictures.ndim != len(takes) + 1 or any(
        size not in (None, given) for size, given in zip(takes, pictures.shape[1:], strict=True)
    ):
        raise InputError(f"pictures of shape {pictures.shape[1:]}, the classifier takes {takes}")


def class_indices(target: Target, count: int) -> NDArray[np.int32]:
    """Return `target` as (count,) int32 class indices, all `PREDICTED` for 'predicted'. Raises `InputError`."""
    if isinstance(target, str):
        if target != "predicted":
            raise InputError(f"target: must be 'predicted' or class indices, not {target!r}")
        return np.full(count, PREDICTED, dtype=np.int32)
    targets = np.asarray(target, dtype=np.int32)
    if targets.shape != (count,) or (targets < 0).any():
        raise InputError(f"target: {count} class indices from 0 are needed, got {target!r}")
    return targets
