"""A model of Keras behind the classifiers' protocol."""

from typing import Any

import keras
import numpy as np
import pytest
from dermalign.classifiers.backbones import residual_stack
from dermalign.classifiers.classifier import Classifier
from dermalign.classifiers.keras_classifier import KerasClassifier
from dermalign.errors import InputError
from keras import layers
from pass_cases import differentiated

PICTURES = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)


def model() -> Any:
    keras.utils.set_random_seed(0)
    head = [layers.GlobalAveragePooling2D(), layers.Dense(4, name="scores"), layers.Softmax()]
    return keras.Sequential([keras.Input((32, 32, 3)), residual_stack((32, 32, 3)), *head], name="mine")


def test_layers_may_be_named_or_given() -> None:
    network = model()
    classifier: Classifier = KerasClassifier(network)
    assert (classifier.name, classifier.input_shape) == ("mine", (32, 32, 3))
    named = differentiated(classifier, "last_convolution", "scores")(PICTURES)
    layer = network.layers[0].get_layer("last_convolution")
    given = differentiated(KerasClassifier(network), layer)(PICTURES)
    assert named.activations.shape == named.gradients.shape == (3, 2, 2, 96)
    for one, other in zip(named, given, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_allclose(classifier.scores("scores")(PICTURES), named.logits, rtol=1e-5, atol=1e-6)
    with pytest.raises(InputError, match="has no layer 'last'"):
        differentiated(classifier, "last")
    with pytest.raises(InputError, match="has no layer 'score'"):
        classifier.scores("score")


def test_exactly_one_input_is_taken() -> None:
    inputs = [keras.Input((8, 8, 3)) for _ in range(2)]
    with pytest.raises(InputError, match="exactly one input"):
        KerasClassifier(keras.Model(inputs, layers.Add()(inputs)))
