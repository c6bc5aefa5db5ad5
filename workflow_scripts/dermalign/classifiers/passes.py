"""One pass through a classifier: places in it, what is differentiated there, and what is made of the gradients.

In operations of Keras, which all its backends have; the gradient itself is in `gradients` and
`brought.graph_classifier`.
"""

import math
from collections.abc import Callable, Hashable, Sequence
from typing import Any

from ..errors import InputError

# (output, gradient of the class score there), tensors (n,h,w,channels) float32, to what is wanted of them.
Combine = Callable[[Any, Any], Any]

# Which score of a class is differentiated, or asked for.
BEFORE_SOFTMAX, AFTER_SOFTMAX = "before_softmax", "after_softmax"


def check_score(score: str) -> None:
    """Raise `InputError` for a score that is none."""
    if score not in (BEFORE_SOFTMAX, AFTER_SOFTMAX):
        raise InputError(f"score: must be {BEFORE_SOFTMAX} or {AFTER_SOFTMAX}, not {score!r}")


class Places:
    """Where in a network gradients are taken, what is made of them, and of which score they are."""

    def __init__(
        self, keys: Sequence[Hashable | None], combine: Sequence[Combine], score: str = BEFORE_SOFTMAX
    ) -> None:
        """keys: what tells a layer from another, None for the pictures themselves; combine: a function for each.

        Raises `InputError` for a score that is none.
        """
        check_score(score)
        self._keys, self._combine, self._score = list(keys), list(combine), score
        self.layers = [key for key in dict.fromkeys(keys) if key is not None]
        """each layer once, in the order that outputs and gradients have; the pictures are last"""
        self.has_pictures = None in self._keys

    def score(self, logits: Any, targets: Any) -> Any:
        """Return the sum over pictures of the scores (n, classes) of their classes `targets` (n,), -1 the predicted.

        Pictures are independent in inference mode: the gradient of the sum is each picture's own.
        """
        from keras import ops

        chosen = ops.where(targets < 0, ops.cast(ops.argmax(logits, axis=-1), "int32"), targets)
        scores = ops.softmax(logits, axis=-1) if self._score == AFTER_SOFTMAX else logits
        return ops.sum(scores * ops.one_hot(chosen, logits.shape[-1], dtype=logits.dtype))

    def values(self, outputs: Sequence[Any], gradients: Sequence[Any], logits: Any) -> list[Any]:
        """Return what is made at each place, then the logits; float32.

        outputs, gradients: at each of `layers`, then of the pictures if they are a place. Raises `InputError` for a
        gradient that is None.
        """
        from keras import ops

        found: dict[Hashable | None, tuple[Any, Any]] = {}
        for key, output, gradient in zip([*self.layers, None], outputs, gradients, strict=False):
            if gradient is None:
                raise InputError(f"layer {getattr(key, 'name', key)}: the class scores do not depend on it")
            found[key] = (as_grid(ops.cast(output, "float32")), as_grid(ops.cast(gradient, "float32")))
        values = [combine(*found[key]) for key, combine in zip(self._keys, self._combine, strict=True)]
        return [*values, ops.cast(logits, "float32")]


def as_grid(tensor: Any) -> Any:
    """Return (n, h, w, channels) of itself or of tokens (n, tokens, channels), without those that stand for no cell."""
    from keras import ops

    if len(tensor.shape) == 4:
        return tensor
    side, skipped = token_grid(tensor.shape[1])
    return ops.reshape(tensor[:, skipped:], (-1, side, side, tensor.shape[2]))


def token_grid(tokens: int | None) -> tuple[int, int]:
    """Return (side, skipped) of tokens that are a square of side x side cells in rows, behind `skipped` others.

    A transformer of square pictures has a token per patch, and before them, as ViT (Dosovitskiy et al. 2021), one for
    the class, or, as DeiT (Touvron et al. 2021), another one for distillation; no square is one or two more than
    another, but for those of 0, 1 and 2. Raises `InputError` where it is no such number.
    """
    for skipped in range(3):
        side = math.isqrt(max((tokens or 0) - skipped, 0))
        if side > 1 and side * side + skipped == tokens:
            return side, skipped
    raise InputError(
        f"its output of {tokens} tokens is no square of cells, alone or behind a class token: where on the picture a "
        "token lies cannot be told"
    )


def check_spatial(shape: tuple[int | None, ...], where: str) -> None:
    """Raise `InputError`, with the name `where`, unless a layer's output of this shape is one of `as_grid`."""
    if len(shape) == 4:
        return
    if len(shape) != 3:
        raise InputError(
            f"{where}: its output is neither (pictures, height, width, channels) nor (pictures, tokens, channels)"
        )
    try:
        token_grid(shape[1])
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
