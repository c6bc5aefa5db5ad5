"""Classifiers as users bring them, for the tests beside this file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from dermalign.classifiers.backbones import residual_stack
from keras import layers

SIZE = 32
CLASSES = ["MEL", "NV", "BCC"]
PICTURES = np.random.default_rng(0).integers(0, 256, (5, SIZE, SIZE, 3), dtype=np.uint8)


def backbone() -> Any:
    return keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 3)),
            layers.Conv2D(6, 3, strides=2, activation="silu", name="stem"),
            layers.BatchNormalization(),
            layers.Conv2D(8, 3, strides=2, activation="relu", name="target"),
        ],
        name="backbone",
    )


def chained(*parts: Any) -> Any:
    """A Functional model of parts in a row."""
    tensor = inputs = keras.Input((SIZE, SIZE, 3))
    for part in parts:
        tensor = part(tensor)
    return keras.Model(inputs, tensor, name="chained")


def mobilenet() -> Any:
    inner = keras.applications.MobileNetV2(weights=None, classes=3, input_shape=(SIZE, SIZE, 3), alpha=0.35)
    return keras.Sequential([keras.Input((SIZE, SIZE, 3)), inner])


def open_sized() -> Any:
    inputs = keras.Input((None, None, 3))
    features = layers.Conv2D(6, 3, strides=3, activation="relu", name="target")(inputs)
    return keras.Model(inputs, layers.Dense(3, activation="softmax")(layers.GlobalMaxPooling2D()(features)))


def pool() -> Any:
    return layers.GlobalAveragePooling2D()


# Kinds of models that users bring; (the model, its layer, the layer that is found where none is named).
KINDS: dict[str, tuple[Callable[[], Any], str, str]] = {
    "functional, fused softmax": (
        lambda: chained(*backbone().layers, pool(), layers.Dense(3, activation="softmax")),
        "target",
        "target",
    ),
    "nested functional, softmax layer": (
        lambda: chained(residual_stack((SIZE, SIZE, 3)), pool(), layers.Dense(3), layers.Softmax()),
        "residual_stack/last_convolution",
        "residual_stack/block3_out",
    ),
    "sequential, linear end": (
        lambda: keras.Sequential([keras.Input((SIZE, SIZE, 3)), *backbone().layers, pool(), layers.Dense(3)]),
        "target",
        "target",
    ),
    "sequential in functional, softmax operation": (
        lambda: chained(backbone(), pool(), layers.Dense(3), keras.ops.softmax),
        "backbone/target",
        "backbone/target",
    ),
    "head nested in sequential": (
        lambda: keras.Sequential(
            [
                keras.Input((SIZE, SIZE, 3)),
                backbone(),
                keras.Sequential([pool(), layers.Dropout(0.5), layers.Dense(3, activation="softmax")]),
            ]
        ),
        "target",
        "backbone/target",
    ),
    "MobileNetV2 with its top in sequential": (mobilenet, "Conv_1", "mobilenetv2_0.35_32/block_5_add"),
}


def made(build: Callable[[], Any]) -> Any:
    keras.utils.set_random_seed(3)
    return build()


class Served(tf.Module):  # type: ignore[misc]
    """A SavedModel whose function does something before it classifies."""

    def __init__(self, before: Callable[[Any], Any]) -> None:
        super().__init__()
        self.kernel = tf.Variable(tf.random.stateless_normal((3, 3, 3, 4), [1, 2]))
        self._before = before

    @tf.function(input_signature=[tf.TensorSpec((None, SIZE, SIZE, 3), tf.float32, name="pictures")])
    def serve(self, pictures: Any) -> Any:
        features = tf.nn.relu(tf.nn.conv2d(self._before(pictures), self.kernel, 1, "VALID", name="target"))
        return tf.nn.softmax(tf.reduce_mean(features, axis=[1, 2])[:, :3])


def served(folder: Path, before: Callable[[Any], Any]) -> Path:
    module = Served(before)
    tf.saved_model.save(module, str(folder), signatures=module.serve)
    return folder
