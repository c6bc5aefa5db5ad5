"""The grid of maps, told without a classifier."""

import pytest
from dermalign.classifiers.probe import probe
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
