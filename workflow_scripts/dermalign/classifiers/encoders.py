"""A backbone as an encoder: its maps of each side, for networks that say something of every place of a picture."""

from typing import TYPE_CHECKING, Any

from ..errors import InputError

if TYPE_CHECKING:
    import keras


def encoder_maps(backbone: "keras.Model", size: int, cells: int) -> dict[int, Any]:
    """Return {side: the last map of the backbone with that side}, from `cells` down to the deepest, descending.

    Sides are those of halving the picture. Raises `InputError` where the backbone has no map of `cells`, or its maps
    are not halves of each other.
    """
    by_side: dict[int, Any] = {}
    for layer in backbone.layers[1:]:
        shape: Any = getattr(layer.output, "shape", ())
        if len(shape) == 4 and shape[1] == shape[2]:
            by_side[int(shape[1])] = layer.output
    deepest = int(backbone.output.shape[1])
    halved = [size]
    while halved[-1] % 2 == 0 and halved[-1] > deepest:
        halved.append(halved[-1] // 2)
    sides: list[int] = []
    for side in reversed(halved):
        if side not in by_side or halved[-1] != deepest:
            break
        sides.append(side)
    if cells not in sides:
        possible = ", ".join(map(str, sides[::-1])) or "none"
        raise InputError(
            f"cells: with input_size {size} the maps of {backbone.name} that are halves of each other have sides "
            f"{possible}; the deepest has {deepest}. cells must be one of these, not {cells}. Choose an input_size "
            "that is a multiple of 32, and cells that are a half, a quarter or an eighth of it."
        )
    return {side: by_side[side] for side in reversed(sides) if side <= cells}
