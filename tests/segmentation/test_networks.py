"""Segmentation networks: their shapes, where their skips come from, seeds, and what they cannot be built from."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from dermalign.classifiers.backbones import build_backbone
from dermalign.classifiers.encoders import encoder_maps
from dermalign.errors import InputError
from dermalign.segmentation.networks import DECODERS, KEYS, build_network
from segmentation_cases import network_settings

FEATURES = ["globules", "streaks", "union"]
# The last maps of each side, of pictures of 64 pixels: before the next halving, as their decoders take them.
SKIPS: dict[str, dict[int, str]] = {
    "plain_stack": {
        64: "stage1_convolution1",
        32: "stage2_convolution2",
        16: "last_convolution",
        8: "last_pool",
    },
    "residual_stack": {32: "stem_relu", 16: "block1_out", 8: "block2_out", 4: "block3_out"},
    "MobileNetV2": {
        32: "block_1_expand_relu",
        16: "block_3_expand_relu",
        8: "block_6_expand_relu",
        4: "block_13_expand_relu",
        2: "out_relu",
    },
    "VGG16": {
        64: "block1_conv2",
        32: "block2_conv2",
        16: "block3_conv3",
        8: "block4_conv3",
        4: "block5_conv3",
        2: "block5_pool",
    },
    "ResNet50": {
        32: "conv1_relu",
        16: "conv2_block3_out",
        8: "conv3_block4_out",
        4: "conv4_block6_out",
        2: "conv5_block3_out",
    },
}
OWN = ["plain_stack", "residual_stack"]
ARCHITECTURES = [*OWN, *(pytest.param(name, marks=pytest.mark.slow) for name in SKIPS if name not in OWN)]


def settings(architecture: str = "plain_stack", **changes: Any) -> dict[str, Any]:
    return network_settings(architecture=architecture, **{"input_size": 64, "cells": 16, **changes})


def pictures(size: int = 64, count: int = 2) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_skips_are_the_last_maps_of_each_side(architecture: str) -> None:
    backbone, sides = build_backbone(architecture, 64), SKIPS[architecture]
    deepest = min(sides)
    for cells in sides:
        maps = encoder_maps(backbone, 64, cells)
        assert list(maps) == [side for side in sides if side <= cells]  # descending
        for side, tensor in maps.items():
            assert tensor.shape[1:3] == (side, side)
            assert tensor is backbone.get_layer(sides[side]).output
        assert maps[deepest] is backbone.output


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("decoder", DECODERS)
def test_every_side_of_the_encoder_can_be_asked_for(architecture: str, decoder: str) -> None:
    for cells in SKIPS[architecture]:
        network = build_network(settings(architecture, decoder=decoder, cells=cells), FEATURES, 1)
        assert network.input_shape == (None, 64, 64, 3)
        assert network.output_shape == (None, cells, cells, 3)
    # Of one: what it gives.
    network = build_network(settings(architecture, decoder=decoder, cells=16), FEATURES, 1)
    found = network.predict(pictures(), verbose=0)
    assert found.shape == (2, 16, 16, 3) and found.dtype == np.float32
    assert ((found > 0) & (found < 1)).all() and found.std() > 0
    scores = keras.Model(network.inputs, network.get_layer("logits").output).predict(pictures(), verbose=0)
    np.testing.assert_allclose(1 / (1 + np.exp(-scores.astype(float))), found, atol=1e-6)
    np.testing.assert_allclose(network.predict(pictures().astype(np.float32), verbose=0), found, atol=1e-6)
    assert network.layers[-1].name == "probabilities"


@pytest.mark.slow
@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("size", [32, 96, 224])  # of pyramid pooling: fewer parts than six, an odd side
def test_other_sizes_of_pictures(decoder: str, size: int) -> None:
    for architecture in OWN:
        network = build_network(
            settings(architecture, decoder=decoder, input_size=size, cells=size // 4), FEATURES[:1], 1
        )
        assert network.predict(pictures(size, 1), verbose=0).shape == (1, size // 4, size // 4, 1)


def test_filters_double_where_the_side_halves_up_to_eight_times() -> None:
    network = build_network(settings("residual_stack", cells=32, filters=3), FEATURES, 1)
    assert {side: network.get_layer(f"decode_{side}_2").filters for side in (32, 16, 8)} == {32: 3, 16: 6, 8: 12}
    network = build_network(settings(input_size=512, cells=512, filters=1), FEATURES, 1)
    assert [network.get_layer(f"narrow_{side}").filters for side in (512, 256, 128)] == [1, 2, 4]


@pytest.mark.slow
def test_filters_are_at_most_eight_times_as_many() -> None:
    network = build_network(settings("VGG16", input_size=64, cells=64, filters=2), FEATURES, 1)
    assert [network.get_layer(f"decode_{side}_1").filters for side in (64, 32, 16, 8, 4)] == [2, 4, 8, 16, 16]


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("architecture", [*OWN, pytest.param("MobileNetV2", marks=pytest.mark.slow)])
def test_a_network_survives_saving_in_safe_mode(tmp_path: Path, architecture: str, decoder: str) -> None:
    network = build_network(settings(architecture, decoder=decoder), FEATURES, 1)
    network.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_array_equal(loaded.predict(pictures(), verbose=0), network.predict(pictures(), verbose=0))
    assert loaded.get_layer("logits").output.shape == (None, 16, 16, 3)


@pytest.mark.parametrize("decoder", DECODERS)
def test_the_seed_decides_the_weights(decoder: str) -> None:
    first, again, other = (build_network(settings(decoder=decoder), FEATURES, seed).get_weights() for seed in (1, 1, 2))
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, two)
    drawn = [(one, two) for one, two in zip(first, other, strict=True) if one.ndim == 4]
    assert drawn and not any(np.array_equal(one, two) for one, two in drawn)


def normalizations(model: Any) -> list[Any]:
    nested = [layer for inner in model.layers for layer in getattr(inner, "layers", [inner])]
    return [layer for layer in nested if isinstance(layer, keras.layers.BatchNormalization)]


@pytest.mark.parametrize("decoder", DECODERS)
def test_momentum_and_precision_are_those_of_encoder_and_decoder(decoder: str) -> None:
    training = {"batchnorm_momentum": 0.75, "precision": "mixed_bfloat16"}
    network = build_network(settings("residual_stack", decoder=decoder, training=training), FEATURES, 1)
    encoder = network.get_layer("residual_stack")
    found = normalizations(network)
    assert len(found) > len(normalizations(encoder)) > 0
    assert {layer.momentum for layer in found} == {0.75}
    assert keras.config.dtype_policy().name == "float32"
    computing = {layer.name: layer.compute_dtype for layer in network.layers if hasattr(layer, "compute_dtype")}
    # Scores and probabilities are float32 in any case.
    assert computing["scores"] == computing["logits"] == computing["probabilities"] == "float32"
    assert {layer.compute_dtype for layer in found} == {"bfloat16"}
    assert {weight.dtype for weight in network.weights} == {"float32"}
    assert network.predict(pictures(), verbose=0).dtype == np.float32


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"decoder": "fpn"}, "decoder: must be one of unet, pyramid_pooling, not 'fpn'"),
        (
            {"cells": 20},
            "input_size 64 the maps of plain_stack that are halves .* 64, 32, 16, 8; .*one of these, not 20",
        ),
        ({"cells": 4}, "sides 64, 32, 16, 8; the deepest has 8. cells must be one of these, not 4"),
        ({"cells": 128}, "not 128"),
        ({"architecture": "residual_stack", "cells": 64}, "residual_stack .* have sides 32, 16, 8, 4; .*not 64"),
        (
            {"architecture": "residual_stack", "input_size": 36, "cells": 18},
            "have sides none; the deepest has 3. cells .* a multiple of 32",
        ),
        ({"architecture": "residual_stack", "input_size": 63, "cells": 32}, "sides none; .*Choose an input_size"),
        ({"architecture": "VGG61"}, "did you mean .*VGG16"),
        ({"input_size": 16, "architecture": "VGG16"}, "at least 32"),
        ({"pixels": "native"}, "natively is unknown"),
        ({"weights": "/nowhere/a.weights.h5"}, "there is no file /nowhere/a.weights.h5"),
    ],
)
def test_what_does_not_fit_is_refused_in_clear_words(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        build_network({**settings(), **changes}, FEATURES, 0)


@pytest.mark.slow
def test_a_backbone_whose_maps_are_no_halves_is_refused() -> None:
    with pytest.raises(InputError, match=r"maps of inception_v3 that are .*cells must be one of these, not 32"):
        build_network(settings("InceptionV3", input_size=128, cells=32), FEATURES, 0)


@pytest.mark.slow
def test_a_backbone_with_a_gap_is_taken_below_it() -> None:
    """ConvNeXt begins with a quarter: there is no half, and what is below needs none."""
    network = build_network(settings("ConvNeXtTiny", input_size=64, cells=16, pixels="native"), FEATURES, 0)
    assert network.output_shape == (None, 16, 16, len(FEATURES))
    with pytest.raises(InputError, match=r"sides 16, 8, 4, 2; .*not 64"):
        build_network(settings("ConvNeXtTiny", input_size=64, cells=64, pixels="native"), FEATURES, 0)


def test_the_settings_that_are_read_are_enough() -> None:
    complete = settings()
    keys = {key.partition(".")[0] for key in KEYS}
    read = {key: value for key, value in complete.items() if key in keys}
    read["training"] = {
        key.partition(".")[2]: complete["training"][key.partition(".")[2]] for key in KEYS if "." in key
    }
    build_network(read, FEATURES, 1)
