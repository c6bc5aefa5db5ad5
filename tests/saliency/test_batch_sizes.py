"""How many pictures, or changed copies of one, a network is asked about at a time changes no bit of what is found."""

import keras
import numpy as np
import pytest
from dermalign.classifiers.classification import class_scores
from dermalign.saliency.explaining import explain
from dermalign.saliency.methods import NETWORK
from dermalign.study.sources import METHOD, kinds_of
from keras import layers

SIZE = 48
PICTURES = np.random.default_rng(3).integers(0, 256, (40, 6, 6, 3), dtype=np.uint8).repeat(8, axis=1).repeat(8, axis=2)
# So that methods that ask often are quick, and RISE stops early.
OPTIONS = {
    "smoothgrad": {"samples": 37},
    "integrated_gradients": {"steps": 37},
    "rise": {"masks": 150, "standard_error": 0.5},
    "xrai": {"steps": 37},
}


@pytest.fixture(scope="module")
def network() -> keras.Model:
    """Return a network with a wide head, whose products are other ones for a single picture."""
    keras.utils.set_random_seed(5)
    inputs = keras.Input((SIZE, SIZE, 3))
    found = layers.Conv2D(16, 3, strides=2, activation="relu")(layers.Rescaling(1 / 255)(inputs))
    found = layers.Conv2D(32, 3, strides=2, activation="relu")(found)
    found = layers.BatchNormalization()(found)
    found = layers.Conv2D(64, 1, activation="relu", name="last")(found)
    found = layers.Dense(512, activation="relu")(layers.Flatten()(found))
    return keras.Model(inputs, layers.Dense(8, activation="softmax")(found))


@pytest.mark.parametrize("method", sorted(kinds_of(METHOD)))
def test_maps_and_probabilities_have_the_same_bits(network: keras.Model, method: str) -> None:
    kind = kinds_of(METHOD)[method]
    layer = "last" if "layer" in kind.options else None
    pictures = PICTURES[:1] if kind.takes == NETWORK else PICTURES
    first, *others = (
        explain(network, pictures, method, layer=layer, batch_size=size, **OPTIONS.get(method, {}))
        for size in (1, 20, 64)
    )
    for found in others:
        np.testing.assert_array_equal(found.raw, first.raw)
        np.testing.assert_array_equal(found.probabilities, first.probabilities)


def test_class_scores_have_the_same_bits(network: keras.Model) -> None:
    first, *others = (class_scores(network, PICTURES, size) for size in (1, 16, 20, 64))
    for found in others:
        np.testing.assert_array_equal(found, first)
    # What makes the difference without it: one picture alone has another rounding.
    alone = np.concatenate([network(picture[None].astype(np.float32)).numpy() for picture in PICTURES])
    together = network(PICTURES.astype(np.float32)).numpy()
    np.testing.assert_allclose(alone, together, rtol=1e-4)
