"""Layers by their names."""

from typing import Any

import keras
import pytest
from dermalign.classifiers.backbones import residual_stack
from dermalign.classifiers.layers import find_layer, walk
from dermalign.errors import InputError
from keras import layers


def nested() -> Any:
    return keras.Sequential([keras.Input((32, 32, 3)), residual_stack((32, 32, 3)), layers.GlobalMaxPooling2D()])


def test_layers_are_found_in_nested_models_and_candidates_named() -> None:
    model = nested()
    layer = model.get_layer("residual_stack").get_layer("last_convolution")
    assert find_layer(model, "last_convolution") is layer
    assert find_layer(model, "residual_stack/last_convolution") is layer
    assert find_layer(keras.Sequential([keras.Input((32, 32, 3)), model]), "last_convolution") is layer
    with pytest.raises(InputError, match=r"no layer 'last_conv'; candidates: .*residual_stack/last_convolution"):
        find_layer(model, "last_conv")
    inner = [keras.Sequential([layers.Conv2D(3, 1, name="same")], name=name) for name in "ab"]
    two = keras.Sequential([keras.Input((32, 32, 3)), *inner])
    with pytest.raises(InputError, match="ambiguous: a/same, b/same"):
        find_layer(two, "same")
    assert find_layer(two, "b/same") is inner[1].layers[0]


def test_walking_names_nested_layers_behind_their_models() -> None:
    model = nested()
    names = dict(walk(model, ""))
    assert [name for name in names if "/" not in name] == [layer.name for layer in model.layers]
    assert names["residual_stack/block3_out"] is model.get_layer("residual_stack").get_layer("block3_out")
