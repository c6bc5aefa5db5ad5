"""Backbones: what they give, what is refused, and weights from a file."""

import zipfile
from collections.abc import Callable
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
from dermalign.classifiers.probe import check_weights_file
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
    with pytest.raises(InputError, match=r"there is no file .*Correct the path"):
        load_backbone_weights(other, "plain_stack", str(tmp_path / "none.weights.h5"))


@pytest.mark.parametrize("saved", ["a.weights.h5", "a.h5", "a.keras"])
@pytest.mark.parametrize("called", ["b.weights.h5", "b.h5", "b.keras", "b.hdf5", "B.H5", "b"])
def test_weights_are_read_as_what_they_are_whatever_they_are_called(tmp_path: Path, saved: str, called: str) -> None:
    source, other = build_backbone("plain_stack", 16), build_backbone("plain_stack", 16)
    (source.save_weights if saved.startswith("a.weights") else source.save)(tmp_path / saved)
    path = (tmp_path / saved).rename(tmp_path / called)
    load_backbone_weights(other, "plain_stack", str(path))
    for ours, theirs in zip(other.get_weights(), source.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("a.weights.h5", lambda content: content[:-2000], "is damaged .*truncated file.* Fetch or save it again"),
        ("a.weights.h5", lambda content: content[:600] + bytes(9000) + content[9600:], "is damaged "),
        ("a.weights.h5", lambda content: b"", "is empty, no file of weights"),
        ("a.weights.h5", lambda content: b"<!DOCTYPE html><p>", "is a web page"),
        ("a.weights.h5", lambda content: b"version https://git-lfs.github.com/spec/v1", "is a pointer of Git LFS"),
        (
            "a.pth",
            lambda content: b"weights",
            r"a\.pth is no file of weights as Keras saves them\. Give one of plain_stack",
        ),
        ("a.keras", lambda content: content[:-2000], "is a zip archive, no file of weights"),
    ],
)
def test_files_that_hold_no_weights_are_named_as_what_they_are(
    tmp_path: Path, name: str, change: Callable[[bytes], bytes], words: str
) -> None:
    backbone = build_backbone("plain_stack", 16)
    whole = tmp_path / ("whole.keras" if name == "a.keras" else "whole.weights.h5")
    (backbone.save if name == "a.keras" else backbone.save_weights)(whole)
    path = tmp_path / name
    path.write_bytes(change(whole.read_bytes()))
    with pytest.raises(InputError, match=words):
        check_weights_file(str(path), "plain_stack")
        load_backbone_weights(backbone, "plain_stack", str(path))


def test_a_zip_that_is_no_model_does_not_fit(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.keras", "w") as archive:
        archive.writestr("pictures/a.jpg", b"")
    with pytest.raises(InputError, match="does not fit plain_stack without top"):
        load_backbone_weights(build_backbone("plain_stack", 16), "plain_stack", str(tmp_path / "a.keras"))


@pytest.mark.parametrize("name", ["a.weights.h5", "a.keras"])
def test_weights_of_efficientnet_that_were_not_fetched_here_are_not_taken(tmp_path: Path, name: str) -> None:
    network = build_backbone("EfficientNetB0", 32)
    (network.save_weights if name == "a.weights.h5" else network.save)(tmp_path / name)
    with pytest.raises(
        InputError, match="EfficientNetB0 takes `imagenet`, `none` or a file that `snakemake fetch` made"
    ):
        load_backbone_weights(network, "EfficientNetB0", str(tmp_path / name))
