"""Networks that tell where on a picture each feature is: an encoder of the classifiers' backbones, and a decoder.

`unet`: Ronneberger et al. 2015, https://arxiv.org/abs/1505.04597: the deepest map is scaled up by 2, joined with the
encoder's map of that side, and convolved twice, until it has as many cells as asked for. `pyramid_pooling`: Zhao et al.
2017, https://arxiv.org/abs/1612.01105, section 3.2: the deepest map beside its means over 1 x 1, 2 x 2, 3 x 3 and
6 x 6 parts. There it has an eighth of the picture's side by dilation, which the backbones of keras.applications have
not; so it is scaled up and joined with the encoder's map of that side before the last convolution.

As a classifier, a saved network takes RGB pictures from 0 to 255 and loads with `safe_mode=True`.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..classifiers.architectures import BACKBONE_KEYS, build_trunk, precision_policy, set_batchnorm_momentum
from ..classifiers.encoders import encoder_maps
from ..errors import InputError

if TYPE_CHECKING:
    import keras

DECODERS = ("unet", "pyramid_pooling")
PARTS = (1, 2, 3, 6)  # of a side, whose means pyramid pooling takes
EIGHTH = 8
# The settings that a network is built from.
KEYS = (*BACKBONE_KEYS, "decoder", "cells", "filters")


def build_network(settings: Mapping[str, Any], features: Sequence[str], seed: int) -> "keras.Model":
    """Build the network that `settings`, one entry of `segmentation.networks`, describes.

    Input: (n, size, size, 3) pictures, RGB, uint8 or float, 0 to 255. Output: (n, cells, cells, len(features)) float32,
    how probable it is that a cell shows each feature, from the layer `probabilities` (sigmoid); the scores before it
    are the output of the layer `logits`. Read are `KEYS`: `filters` of the finest convolutions, twice as many at half
    the side and at most eight times as many; others as `architectures.build_classifier`.

    Sets the global random seeds to `seed`. The model is not compiled. Raises `InputError` as
    `architectures.build_trunk`, and for an input size and cells that the encoder has no maps for.
    """
    import keras
    from keras import layers

    if settings["decoder"] not in DECODERS:
        raise InputError(f"decoder: must be one of {', '.join(DECODERS)}, not {settings['decoder']!r}")
    with precision_policy(settings["training"]["precision"]):
        inputs, pixels, backbone = build_trunk(settings, seed)
        maps = encoder_maps(backbone, int(settings["input_size"]), int(settings["cells"]))
        encoder = keras.Model(backbone.inputs, list(maps.values()), name=backbone.name)
        encoded = encoder(pixels)
        by_side = dict(zip(maps, encoded if isinstance(encoded, list) else [encoded], strict=True))
        decoder = _unet if settings["decoder"] == "unet" else _pyramid_pooling
        decoded = decoder(by_side, int(settings["input_size"]), int(settings["cells"]), int(settings["filters"]))
        # float32 whatever the precision policy, as in classifiers.
        scores = layers.Conv2D(len(features), 1, dtype="float32", name="scores")(decoded)
        if int(settings["cells"]) not in scores.shape[1:2]:
            scores = _scaled(scores, int(settings["cells"]), "float32", "scaled_scores")
        scores = layers.Identity(dtype="float32", name="logits")(scores)
        probabilities = layers.Activation("sigmoid", dtype="float32", name="probabilities")(scores)
        network = keras.Model(inputs, probabilities, name=f"{settings['decoder']}_{settings['architecture'].lower()}")
    momentum = settings["training"]["batchnorm_momentum"]
    if momentum is not None:
        set_batchnorm_momentum(network, float(momentum))
    return network


def _unet(by_side: Mapping[int, Any], size: int, cells: int, filters: int) -> Any:
    from keras import layers

    (deepest, tensor), *finer = reversed(list(by_side.items()))
    for side, skipped in finer:
        count = filters * min(8, cells // side)
        # As the paper's up-convolution, which halves the number of channels.
        tensor = layers.Conv2D(count, 1, name=f"narrow_{side}")(tensor)
        tensor = layers.UpSampling2D(name=f"up_{side}")(tensor)
        tensor = layers.Concatenate(name=f"join_{side}")([tensor, skipped])
        for number in (1, 2):
            tensor = _convolved(tensor, count, 3, f"decode_{side}_{number}")
    return tensor if finer else _convolved(tensor, filters, 3, f"decode_{deepest}")


def _pyramid_pooling(by_side: Mapping[int, Any], size: int, cells: int, filters: int) -> Any:
    from keras import layers

    deepest, tensor = min(by_side.items())
    wide = 4 * filters
    parts = [tensor]
    for count in (count for count in PARTS if count <= deepest):
        # Parts of one size, which overlap where the side is no multiple of their number.
        stride = deepest // count
        pooled = layers.AveragePooling2D(deepest - (count - 1) * stride, stride, name=f"pool_{count}")(tensor)
        pooled = _convolved(pooled, wide // len(PARTS), 1, f"of_{count}")
        parts.append(_scaled(pooled, deepest, None, f"scaled_{count}"))
    tensor = _convolved(layers.Concatenate(name="pyramid")(parts), wide, 1, "of_pyramid")
    side = max((side for side in by_side if side <= max(size // EIGHTH, deepest)), default=deepest)
    if side > deepest:
        joined = [_scaled(tensor, side, None, "scaled_pyramid"), _convolved(by_side[side], filters, 1, "of_eighth")]
        tensor = layers.Concatenate(name="joined")(joined)
    return _convolved(tensor, filters, 3, "decode")


def _convolved(tensor: Any, filters: int, size: int, name: str) -> Any:
    from keras import layers

    tensor = layers.Conv2D(filters, size, padding="same", use_bias=False, kernel_initializer="he_normal", name=name)(
        tensor
    )
    return layers.ReLU(name=f"{name}_relu")(layers.BatchNormalization(name=f"{name}_normalization")(tensor))


def _scaled(tensor: Any, side: int, dtype: str | None, name: str) -> Any:
    from keras import layers

    if tensor.shape[1] == 1:  # the same everywhere
        return layers.UpSampling2D(side, dtype=dtype, name=name)(tensor)
    return layers.Resizing(side, side, interpolation="bilinear", dtype=dtype, name=name)(tensor)
