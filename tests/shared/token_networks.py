"""Small vision transformers."""

from typing import Any

import keras
from keras import layers


class WithTokens(layers.Layer):  # type: ignore[misc]
    """Tokens of its own, as those of the class, before those of the patches."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    def build(self, shape: tuple[Any, ...]) -> None:
        self.own = self.add_weight(
            shape=(1, self.count, shape[-1]), initializer=keras.initializers.RandomNormal(stddev=1)
        )

    def call(self, tokens: Any) -> Any:
        own = keras.ops.tile(self.own, (keras.ops.shape(tokens)[0], 1, 1))
        return keras.ops.concatenate([own, tokens], axis=1)


def transformer(own: int, size: tuple[int, int] = (16, 16)) -> Any:
    """Return a small vision transformer (Dosovitskiy et al. 2021) of patches of 4 pixels of side and two blocks.

    own: how many tokens stand before those of the patches; the class scores come from the first of all.
    """
    keras.utils.set_random_seed(own)
    inputs = keras.Input((*size, 3))
    patches = layers.Conv2D(8, 4, strides=4, name="patches")(layers.Rescaling(1 / 255)(inputs))
    tokens = layers.Reshape((-1, 8), name="tokens")(patches)
    tokens = WithTokens(own)(tokens) if own else tokens
    for block in (1, 2):
        normalized = layers.LayerNormalization()(tokens)
        attended = layers.MultiHeadAttention(2, 4, name=f"attention{block}")(normalized, normalized)
        tokens = layers.Add()([tokens, attended])
        dense = layers.Dense(8, activation="gelu")(layers.LayerNormalization()(tokens))
        tokens = layers.Add(name=f"block{block}")([tokens, layers.Dense(8)(dense)])
    return keras.Model(inputs, layers.Dense(3, activation="softmax", name="scores")(tokens[:, 0]), name="transformer")
