"""Backbones: what they give, what is refused, and weights from a file."""

from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from dermalign.classifiers.backbones import (
    architecture_names,
    build_backbone,
    constructor,
    family_of,
    load_backbone_weights,
)
from dermalign.errors import InputError


def test_names_are_our_own_and_those_of_keras() -> None:
    names = architecture_names()
    assert names[:2] == ["plain_stack", "residual_stack"]
    assert {"VGG16", "ResNet50", "MobileNetV2"} <= set(names)
    assert (family_of("plain_stack"), family_of("VGG16")) == (None, "vgg16")
    assert constructor("VGG16") is keras.applications.VGG16


def test_a_backbone_has_no_top() -> None:
    assert build_backbone("plain_stack", 64).output.shape == (None, 8, 8, 64)
    assert build_backbone("MobileNetV2", 96).output.shape == (None, 3, 3, 1280)
    with pytest.raises(InputError, match="plain_stack needs at least 16 pixels, not 8"):
        build_backbone("plain_stack", 8)
    with pytest.raises(InputError, match=r"did you mean .*VGG16"):
        build_backbone("VGG61", 64)


def test_weights_from_a_file(tmp_path: Path) -> None:
    source, other = build_backbone("plain_stack", 32), build_backbone("plain_stack", 32)
    assert not np.array_equal(other.get_weights()[0], source.get_weights()[0])
    path = tmp_path / "backbone.weights.h5"
    source.save_weights(path)
    load_backbone_weights(other, "plain_stack", str(path))
    for ours, theirs in zip(other.get_weights(), source.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    with pytest.raises(InputError, match="does not fit residual_stack"):
        load_backbone_weights(build_backbone("residual_stack", 32), "residual_stack", str(path))
    with h5py.File(path, "a") as file:
        del file["layers/conv2d_1/vars"]
        file.create_group("layers/conv2d_1/vars")
    with pytest.raises(InputError, match="does not fit plain_stack"):
        load_backbone_weights(other, "plain_stack", str(path))
    with pytest.raises(InputError, match="no such file"):
        load_backbone_weights(other, "plain_stack", str(tmp_path / "none.weights.h5"))
