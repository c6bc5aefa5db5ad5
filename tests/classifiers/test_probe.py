"""The grid of maps, told without a classifier."""

import json
from pathlib import Path

import pytest
from dermalign.classifiers.backbones import build_backbone
from dermalign.classifiers.probe import probe, probe_model
from dermalign.errors import InputError


@pytest.mark.parametrize(
    ("architecture", "size", "layer", "grid"),
    [
        ("VGG16", 450, "block5_conv3", (28, 28)),
        ("ResNet50", 227, "conv5_block3_3_conv", (8, 8)),
        ("MobileNetV2", 224, "Conv_1", (7, 7)),
        ("plain_stack", 64, "last_convolution", (16, 16)),
        ("residual_stack", 64, "last_convolution", (4, 4)),
    ],
)
def test_probe_tells_the_grid(architecture: str, size: int, layer: str, grid: tuple[int, int]) -> None:
    found = probe({"architecture": architecture, "input_size": size, "saliency_layer": layer})
    assert found["grid"] == grid
    assert layer in found["layers"]


def test_probe_names_what_there_is_instead_of_a_missing_layer() -> None:
    with pytest.raises(InputError, match=r"ResNet50 has no layer 'res5c_branch2c'.*conv5_block3_3_conv"):
        probe({"architecture": "ResNet50", "input_size": 227, "saliency_layer": "res5c_branch2c"})
    with pytest.raises(InputError, match="nearest names: last_convolution"):
        probe({"architecture": "plain_stack", "input_size": 32, "saliency_layer": "last_convolutoin"})


def test_what_is_not_told_is_named() -> None:
    with pytest.raises(InputError, match="settings lack `input_size`, `saliency_layer`"):
        probe({"architecture": "plain_stack"})


def test_weights_that_a_training_would_start_from_are_tried(tmp_path: Path) -> None:
    settings = {"architecture": "plain_stack", "input_size": 32, "saliency_layer": "last_convolution"}
    fitting, other = tmp_path / "fitting.weights.h5", tmp_path / "other.weights.h5"
    build_backbone("plain_stack", 64).save_weights(fitting)
    build_backbone("residual_stack", 32).save_weights(other)
    for weights in ("none", str(fitting)):
        assert probe_model({**settings, "weights": weights}) == {
            "saliency_layer": "last_convolution",
            "layers": {"last_convolution": {"path": "last_convolution", "grid": [8, 8], "channels": 64}},
            "multiply_adds": 9 * (32**2 * 3 * 16 + 16**2 * (16 + 32) * 32 + 8**2 * (32 + 64) * 64),
        }
    with pytest.raises(InputError, match=r"weights: .*other\.weights\.h5 does not fit plain_stack without top"):
        probe_model({**settings, "weights": str(other)})
    with pytest.raises(InputError, match="weights: there are no ImageNet weights of plain_stack"):
        probe_model({**settings, "weights": "imagenet"})


def test_layers_that_methods_name_are_described_beside_the_saliency_layer() -> None:
    settings = {"architecture": "plain_stack", "input_size": 64, "saliency_layer": "last_pool", "weights": "none"}
    found = probe_model({**settings, "layers": ["stage2_convolution1", "last_pool"]})
    assert found["saliency_layer"] == "last_pool"
    assert found["layers"] == {
        "last_pool": {"path": "last_pool", "grid": [8, 8], "channels": 64},
        "stage2_convolution1": {"path": "stage2_convolution1", "grid": [32, 32], "channels": 32},
    }
    assert json.loads(json.dumps(found)) == found  # it is kept as JSON
    with pytest.raises(InputError, match=r"methods: layer: plain_stack has no layer 'stage9'.*last_convolution"):
        probe_model({**settings, "layers": ["stage9"]})


def test_a_segmentation_network_is_asked_for_its_encoder_s_maps_and_weights_alone(tmp_path: Path) -> None:
    settings = {"architecture": "plain_stack", "input_size": 64, "cells": 32}
    fitting, other = tmp_path / "fitting.weights.h5", tmp_path / "other.weights.h5"
    build_backbone("plain_stack", 32).save_weights(fitting)
    build_backbone("residual_stack", 32).save_weights(other)
    for weights in ("none", str(fitting)):
        assert probe_model({**settings, "weights": weights}) == {}
    with pytest.raises(InputError, match=r"other\.weights\.h5 does not fit plain_stack"):
        probe_model({**settings, "weights": str(other)})
    with pytest.raises(InputError, match=r"sides 64, 32, 16, 8; the deepest has 8. cells must be one of these, not 20"):
        probe_model({**settings, "cells": 20, "weights": "none"})
    with pytest.raises(InputError, match="there are no ImageNet weights of plain_stack"):
        probe_model({**settings, "weights": "imagenet"})
