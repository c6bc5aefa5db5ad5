"""Multiplications of a pass, against counts by hand and known values of architectures."""

from typing import Any

import keras
import pytest
from dermalign.classifiers.backbones import residual_stack
from dermalign.classifiers.cost import multiply_adds
from keras import layers
from token_networks import transformer


def chained(*parts: Any, shape: tuple[Any, ...] = (10, 12, 3)) -> Any:
    return keras.Sequential([keras.Input(shape), *parts])


# Layers on 10 x 12 pixels of 3 colours, each with the places of its output times the products at a place.
COUNTED: dict[str, tuple[Any, int]] = {
    "dense": (lambda: [layers.Flatten(), layers.Dense(7)], 360 * 7),
    "dense at each pixel": (lambda: [layers.Dense(7)], 10 * 12 * 3 * 7),
    "convolution": (lambda: [layers.Conv2D(5, 3, padding="same")], 10 * 12 * (3 * 3 * 3 * 5)),
    "without a border": (lambda: [layers.Conv2D(5, (3, 2))], 8 * 11 * (3 * 2 * 3 * 5)),
    "with strides": (lambda: [layers.Conv2D(5, 3, strides=2, padding="same")], 5 * 6 * (3 * 3 * 3 * 5)),
    "dilated": (lambda: [layers.Conv2D(5, 3, dilation_rate=2)], 6 * 8 * (3 * 3 * 3 * 5)),
    "in groups": (lambda: [layers.Conv2D(9, 3, groups=3)], 8 * 10 * (3 * 3 * 1 * 9)),
    "depthwise": (lambda: [layers.DepthwiseConv2D(3, depth_multiplier=2)], 8 * 10 * (3 * 3 * 3 * 2)),
    "separable": (
        lambda: [layers.SeparableConv2D(5, 3, depth_multiplier=2)],
        8 * 10 * (3 * 3 * 3 * 2 + 3 * 2 * 5),
    ),
    "along one axis": (lambda: [layers.Reshape((120, 3)), layers.Conv1D(4, 5)], 116 * (5 * 3 * 4)),
    "transposed": (lambda: [layers.Conv2DTranspose(5, 4, strides=2)], 10 * 12 * (4 * 4 * 3 * 5)),
    "within another layer": (
        lambda: [layers.Reshape((2, 5, 12, 3)), layers.TimeDistributed(layers.Conv2D(4, 3))],
        2 * (3 * 10) * (3 * 3 * 3 * 4),
    ),
    "none of these": (lambda: [layers.Rescaling(2.0), layers.BatchNormalization(), layers.GlobalMaxPooling2D()], 0),
}


@pytest.mark.parametrize("kind", COUNTED)
def test_a_kernel_is_applied_once_for_each_place(kind: str) -> None:
    parts, expected = COUNTED[kind]
    assert multiply_adds(chained(*parts())) == expected


def test_models_within_models_are_counted_once() -> None:
    inner = residual_stack((32, 32, 3))
    head = keras.Sequential([layers.GlobalAveragePooling2D(), layers.Dense(4)])
    alone = multiply_adds(inner)
    stem, first = 16 * 16 * 9 * 3 * 16, 8 * 8 * (9 * 16 * 32 + 9 * 32 * 32 + 16 * 32)
    second, third = 4 * 4 * (9 * 32 * 64 + 9 * 64 * 64 + 32 * 64), 2 * 2 * (9 * 64 * 96 + 9 * 96 * 96 + 64 * 96)
    assert alone == stem + first + second + third
    assert multiply_adds(chained(inner, head, shape=(32, 32, 3))) == alone + 96 * 4


def test_known_counts_of_architectures() -> None:
    """VGG16 without top takes 15.3 G at 224 pixels of side, and four times as many at 448."""
    vgg16 = keras.applications.VGG16(weights=None, include_top=False, input_shape=(224, 224, 3))
    # Of each block, the places of its convolutions and their channels in and out.
    blocks = {
        224: [(3, 64), (64, 64)],
        112: [(64, 128), (128, 128)],
        56: [(128, 256), (256, 256), (256, 256)],
        28: [(256, 512), (512, 512), (512, 512)],
        14: [(512, 512)] * 3,
    }
    by_hand = sum(side**2 * 9 * before * after for side, channels in blocks.items() for before, after in channels)
    assert multiply_adds(vgg16) == by_hand == 15_346_630_656
    large = keras.applications.VGG16(weights=None, include_top=False, input_shape=(448, 448, 3))
    assert multiply_adds(large) == 4 * by_hand


def test_attention_has_four_dense_layers() -> None:
    """Of 17 tokens of 8 channels: three that make queries, keys and values, and one behind them; then two by itself."""
    block = 17 * (4 * 8 * 8 + 2 * 8 * 8)
    assert multiply_adds(transformer(1)) == 16 * (4 * 4 * 3 * 8) + 2 * block + 8 * 3


def test_what_a_network_for_any_size_costs_cannot_be_told() -> None:
    parts = [layers.Conv2D(4, 3), layers.GlobalMaxPooling2D(), layers.Dense(2)]
    assert multiply_adds(chained(*parts, shape=(None, None, 3))) is None
    assert multiply_adds(chained(*parts, shape=(None, 12, 3))) is None
