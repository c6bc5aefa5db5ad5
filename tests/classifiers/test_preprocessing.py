"""Treatments of pixels: as layers, as operations of TensorFlow, and as Keras has them."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from dermalign.classifiers.preprocessing import RESCALING, treat_pixels, treat_tensor
from keras.src.applications.imagenet_utils import preprocess_input

PICTURES = np.random.default_rng(0).integers(0, 256, (3, 5, 6, 3)).astype(np.float32)
MODES = {"symmetric": "tf", "caffe": "caffe", "torch": "torch"}


def treated_by_layers(treatment: str) -> np.ndarray:
    inputs = keras.Input((5, 6, 3))
    outputs = keras.layers.Identity()(treat_pixels(inputs, treatment, name="treated"))
    return keras.Model(inputs, outputs).predict(PICTURES, verbose=0)


@pytest.mark.parametrize("treatment", ["raw", *RESCALING])
def test_layers_and_operations_do_the_same(treatment: str) -> None:
    found = treat_tensor(tf.constant(PICTURES), treatment).numpy()
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, treated_by_layers(treatment), rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize(("treatment", "mode"), MODES.items())
def test_treatments_are_those_of_keras(treatment: str, mode: str) -> None:
    expected = preprocess_input(PICTURES.copy(), mode=mode)
    np.testing.assert_allclose(treated_by_layers(treatment), expected, rtol=1e-5, atol=1e-4)


def test_the_others_are_plain() -> None:
    assert set(RESCALING) == {*MODES, "unit"}
    np.testing.assert_array_equal(treated_by_layers("raw"), PICTURES)
    np.testing.assert_allclose(treated_by_layers("unit"), PICTURES / 255, rtol=1e-6)
    with pytest.raises(KeyError):
        treat_pixels(keras.Input((5, 6, 3)), "zscore")
