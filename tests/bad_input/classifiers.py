"""Bad classifiers and bad files of weights: how each is made, and what must be said of it.

All are models of one study, so that Keras is started once for all of them, as it is for a user's.
"""

import io
import shutil
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
from dermalign.classifiers.backbones import build_backbone
from keras import layers

from .builders import MODEL, encoded, photograph, zipped

SIZE = 32


@dataclass(frozen=True)
class Bad:
    """A model that planning must refuse. make: writes its file; changes: of its settings, beside the file's path."""

    name: str
    make: Callable[[Path], object]
    words: tuple[str, ...]
    changes: Mapping[str, Any] = field(default_factory=dict)
    suffix: str = ".keras"

    @property
    def key(self) -> str:
        """The model's name in the study."""
        return self.name.replace(" ", "_").replace(",", "").replace("-", "_").replace(".", "")

    def settings(self, path: Path) -> dict[str, Any]:
        """Return the entry of `models`."""
        raise NotImplementedError


class Brought(Bad):
    """A classifier that is brought along."""

    def settings(self, path: Path) -> dict[str, Any]:
        """Return the entry of `models`."""
        if self.name == "a part of a graph":
            path = path / "saved_model.pb"
        return {"classifier": str(path), "pixels": "unit", **self.changes}


class Weights(Bad):
    """A model whose training starts from a file of weights."""

    def settings(self, path: Path) -> dict[str, Any]:
        """Return the entry of `models`."""
        return {**MODEL, "weights": str(path), **self.changes}


def network(outputs: int = 2, channels: int = 3, size: tuple[int, int] = (SIZE, SIZE)) -> Any:
    """Return a small classifier with a softmax; its kernels are its own whatever was built before."""
    keras.utils.set_random_seed(5)
    parts = [
        keras.Input((*size, channels)),
        layers.Conv2D(4, 3, strides=4, activation="relu", name="convolution"),
        layers.GlobalAveragePooling2D(name="pool"),
        layers.Dense(outputs, activation="softmax", name="scores"),
    ]
    return keras.Sequential(parts)


def saved(**options: Any) -> Callable[[Path], object]:
    """Return what saves a network of such options."""
    return lambda path: network(**options).save(path)


def with_values(layer: str, change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Path], object]:
    """Return what saves a network in which the values of a layer's arrays are changed."""

    def make(path: Path) -> None:
        model = network()
        model.get_layer(layer).set_weights([change(value) for value in model.get_layer(layer).get_weights()])
        model.save(path)

    return make


def content(data: bytes) -> Callable[[Path], object]:
    """Return what writes a file of these bytes."""
    return lambda path: path.write_bytes(data)


def damaged(change: Callable[[bytes], bytes]) -> Callable[[Path], object]:
    """Return what saves a sound network, and then changes the file's bytes."""

    def make(path: Path) -> None:
        network().save(path)
        path.write_bytes(change(path.read_bytes()))

    return make


def repacked(change: Callable[[dict[str, bytes]], object]) -> Callable[[Path], object]:
    """Return what saves a sound network, and then changes the files within the .keras file."""

    def make(path: Path) -> None:
        network().save(path)
        with zipfile.ZipFile(path) as archive:
            files = {name: archive.read(name) for name in archive.namelist()}
        change(files)
        path.write_bytes(zipped(files))

    return make


def foreign_layer(files: dict[str, bytes]) -> None:
    """Put a layer of another library into a model's configuration."""
    text = files["config.json"].decode()
    files["config.json"] = text.replace(
        '"module": "keras.layers", "class_name": "Conv2D"', '"module": "mine", "class_name": "Conv2D"'
    ).encode()


def other_shape(files: dict[str, bytes]) -> None:
    """Let a model's configuration say more filters than its weights have."""
    files["config.json"] = files["config.json"].replace(b'"filters": 4', b'"filters": 6')


def folder_of(*names: str) -> Callable[[Path], object]:
    """Return what makes a folder with empty files."""

    def make(path: Path) -> None:
        path.mkdir()
        for name in names:
            (path / name).write_bytes(b"")

    return make


def exported(change: Callable[[Path], object]) -> Callable[[Path], object]:
    """Return what exports a sound network as a SavedModel, once, and then changes the folder."""

    def make(path: Path) -> None:
        sound = path.with_name("sound")
        if not sound.is_dir():
            network().export(sound, verbose=False)
        shutil.copytree(sound, path)
        change(path)

    return make


def backbone_weights(
    change: Callable[[h5py.File], object], architecture: str = "plain_stack"
) -> Callable[[Path], object]:
    """Return what saves weights of a backbone and then changes the file."""

    def make(path: Path) -> None:
        build_backbone(architecture, SIZE).save_weights(path)
        with h5py.File(path, "a") as file:
            change(file)

    return make


def first_array(file: h5py.File, value: float) -> None:
    """Give the first value of the first array of a file of weights."""
    file["layers/conv2d/vars/0"][0, 0, 0, 0] = value


OTHER_FORMAT = "neither a .keras file, a .h5 file nor the folder of a SavedModel", "Save or export"
SAVE_AGAIN = "Save the classifier again"
BROUGHT = [
    Brought(
        "no file",
        lambda path: None,
        (r"models\.no_file\.classifier: there is no file .*no_file\.keras", "Correct the path"),
    ),
    Brought(
        "a note", content(b"see the other folder\n"), ("a_note.keras is no whole file of a Keras model", SAVE_AGAIN)
    ),
    Brought("nothing", content(b""), ("nothing.keras is empty", SAVE_AGAIN)),
    Brought(
        "a picture",
        content(encoded(photograph())),
        ("a_picture.keras is a PNG picture, no file of a Keras model", SAVE_AGAIN),
    ),
    Brought(
        "PyTorch",
        content(zipped({"archive/data.pkl": b"a"})),
        ("PyTorch.keras is a file of PyTorch", "Bring the classifier as a Keras model"),
    ),
    Brought("PyTorch by its name", content(b"\x80\x02"), ("is a file of PyTorch", *OTHER_FORMAT), suffix=".pth"),
    Brought("ONNX", content(b"\x08\x07"), ("is a network in ONNX", *OTHER_FORMAT), suffix=".onnx"),
    Brought("a pickle", content(b"\x80\x04"), ("is a pickle, which holds Python code", *OTHER_FORMAT), suffix=".pkl"),
    Brought(
        "half a file",
        damaged(lambda data: data[: len(data) // 2]),
        ("half_a_file.keras is no whole file of a Keras model", SAVE_AGAIN),
    ),
    Brought(
        "zeros within",
        damaged(lambda data: data[:800] + bytes(3000) + data[3800:]),
        (r"zeros_within\.keras", "cannot be loaded|no whole file", "Save the classifier again"),
    ),
    Brought("a zip of something else", content(zipped({"a.txt": b"a"})), ("a zip without config.json", SAVE_AGAIN)),
    Brought(
        "a zip of a model",
        content(zipped({"mine.keras": b"a"})),
        ("a zip of a Keras model", "Unpack it and name the model's file"),
    ),
    Brought(
        "a broken configuration",
        repacked(lambda files: files.update({"config.json": b"{"})),
        ("is no whole file of a Keras model", SAVE_AGAIN),
    ),
    Brought(
        "without weights",
        repacked(lambda files: files.pop("model.weights.h5")),
        (r"without_weights\.keras.*cannot be loaded", "Save the classifier again"),
    ),
    Brought(
        "weights of another shape",
        repacked(other_shape),
        (r"weights_of_another_shape\.keras.*cannot be loaded", "Save the classifier again"),
    ),
    Brought(
        "foreign layer",
        repacked(foreign_layer),
        ("would execute code that comes with it", "layer 'convolution'", "Build the classifier of Keras's own layers"),
    ),
    Brought(
        "weights alone",
        lambda path: network().save_weights(path),
        ("holds weights alone", r"Save the whole model"),
        suffix=".weights.h5",
    ),
    Brought(
        "weights alone in h5",
        lambda path: _renamed_weights(path),
        ("holds no model, weights at most", "Save the whole model"),
        suffix=".h5",
    ),
    Brought(
        "an empty folder", folder_of(), ("is a folder without saved_model.pb", "Name the folder that has it"), suffix=""
    ),
    Brought(
        "a broken graph",
        exported(lambda path: (path / "saved_model.pb").write_bytes(b"\xff" * 50)),
        ("saved_model.pb cannot be read", "Export the classifier again"),
        suffix="",
    ),
    Brought(
        "a graph without variables",
        exported(lambda path: shutil.rmtree(path / "variables")),
        ("its variables/ cannot be read", "Complete the folder"),
        suffix="",
    ),
    Brought(
        "a part of a graph", exported(lambda path: None), ("is a part of a SavedModel", "Name its folder"), suffix=""
    ),
    # What is in it
    Brought(
        "three outputs",
        saved(outputs=3),
        ("three_outputs.keras: tells 3 classes apart, but `classes` names 2: MEL, NV", "Name its own outputs"),
    ),
    Brought(
        "too many classes",
        saved(),
        ("tells 2 classes apart, but `classes` names 3: MEL, NV, BKL", "Name its own outputs"),
        {"classes": ["MEL", "NV", "BKL"]},
    ),
    Brought("grey pictures", saved(channels=1), ("takes .*1.*, must take RGB pictures",)),
    Brought(
        "oblong pictures",
        saved(size=(32, 48)),
        ("takes pictures of 32 x 48 pixels; only square ones are supported", "Bring a classifier of these"),
    ),
    Brought(
        "another size",
        saved(),
        ("takes pictures of 32 pixels, but `input_size` is 64", "Leave it out"),
        {"input_size": 64},
    ),
    Brought(
        "NaN",
        with_values("convolution", lambda value: np.full_like(value, np.nan)),
        (
            "NaN.keras: its weights hold NaN or infinite values in 2 of 4 arrays",
            "Bring the classifier from before it failed",
        ),
    ),
    Brought(
        "one NaN",
        with_values("scores", lambda value: np.where(np.arange(value.size).reshape(value.shape) == 0, np.nan, value)),
        ("its weights hold NaN or infinite values",),
    ),
    Brought(
        "infinite",
        with_values("scores", lambda value: value + np.inf),
        ("its weights hold NaN or infinite values in 2 of 4 arrays",),
    ),
    Brought(
        "huge",
        with_values("convolution", lambda value: value + np.float32(3e38)),
        ("gives scores that are no numbers", "pixels"),
    ),
    Brought(
        "zeros",
        with_values("convolution", lambda value: value * 0),
        (
            r"zeros\.keras: gives the same scores, .*, of a grey picture, a black one and of noise",
            "Are its weights in the file",
        ),
    ),
    Brought(
        "dead",
        with_values("convolution", lambda value: value * 0 - 9 if value.ndim == 1 else value),
        ("gives the same scores", "`pixels`"),
    ),
    Brought(
        "no such layer",
        saved(),
        (r"saliency_layer: .*no layer 'convolutoin'; candidates: convolution", "Name one of them"),
        {"saliency_layer": "convolutoin"},
    ),
    Brought(
        "a layer of no space",
        saved(),
        ("pool", r"neither \(pictures, height, width, channels\) nor"),
        {"saliency_layer": "pool"},
    ),
    Brought(
        "a layer of a method that is not there",
        saved(),
        (r"methods: layer: .*no layer 'block9'; candidates: convolution", "Name one of them"),
        {"methods": {"layercam": {"layer": "block9"}}},
    ),
    Brought(
        "no such logits",
        saved(),
        (r"logits: there is no layer 'before'; .* pool, scores", "Name the one of the class scores"),
        {"logits": "before"},
    ),
]


def _renamed_weights(path: Path) -> None:
    weights = path.with_name("renamed.weights.h5")
    network().save_weights(weights)
    weights.rename(path)


NO_WEIGHTS = "is .*no file of weights as Keras saves them", "Give one of plain_stack"
WEIGHTS = [
    Weights(
        "no weights",
        lambda path: None,
        (r"models\.no_weights\.weights: there is no file", "Correct the path, or say `imagenet` or `none`"),
        suffix=".weights.h5",
    ),
    Weights(
        "a folder of weights",
        folder_of("a.h5"),
        (r"models\.a_folder_of_weights\.weights: there is no file", "Correct the path"),
        suffix=".weights.h5",
    ),
    Weights(
        "a web page of weights", content(b"<!DOCTYPE html><html>"), ("a web page", *NO_WEIGHTS), suffix=".weights.h5"
    ),
    Weights("no bytes of weights", content(b""), ("is empty", *NO_WEIGHTS), suffix=".weights.h5"),
    Weights(
        "a pointer of weights",
        content(b"version https://git-lfs.github.com/spec/v1\n"),
        ("a pointer of Git LFS", *NO_WEIGHTS),
        suffix=".weights.h5",
    ),
    Weights(
        "weights of PyTorch",
        content(zipped({"archive/data.pkl": b"a"})),
        ("does not fit|no file of weights", "weights_of_PyTorch.pth"),
        suffix=".pth",
    ),
    Weights(
        "weights of NumPy",
        lambda path: path.write_bytes(_npz()),
        ("does not fit|no file of weights", "weights_of_NumPy.npz"),
        suffix=".npz",
    ),
    Weights(
        "cut-off weights", lambda path: _cut_off(path), ("is damaged", "Fetch or save it again"), suffix=".weights.h5"
    ),
    Weights(
        "weights of another network",
        backbone_weights(lambda file: None, "residual_stack"),
        ("does not fit plain_stack without top", "Give one of plain_stack"),
        suffix=".weights.h5",
    ),
    Weights(
        "weights that lack a layer",
        backbone_weights(lambda file: file["layers"].pop("conv2d_1")),
        ("does not fit plain_stack without top", "Give one of plain_stack"),
        suffix=".weights.h5",
    ),
    Weights(
        "a normalization without statistics",
        backbone_weights(lambda file: file["layers"].pop("batch_normalization_2"), "residual_stack"),
        ("does not fit residual_stack without top", "Give one of residual_stack"),
        {"architecture": "residual_stack"},
        suffix=".weights.h5",
    ),
    Weights(
        "weights with NaN",
        backbone_weights(lambda file: first_array(file, np.nan)),
        ("holds NaN or infinite values in 1 of 10 arrays", "Give weights from before it failed"),
        suffix=".weights.h5",
    ),
    Weights(
        "infinite weights",
        backbone_weights(lambda file: first_array(file, np.inf)),
        ("holds NaN or infinite values in 1 of 10 arrays",),
        suffix=".weights.h5",
    ),
    Weights(
        "ImageNet of a network that has none",
        lambda path: None,
        ("there are no ImageNet weights of plain_stack",),
        {"weights": "imagenet"},
    ),
    Weights(
        "no such architecture", lambda path: None, ("VGG61", "VGG16"), {"architecture": "VGG61", "weights": "none"}
    ),
    Weights(
        "no such convolution",
        lambda path: None,
        ("plain_stack has no layer 'block9' with a spatial output", "its last convolutions: "),
        {"saliency_layer": "block9", "weights": "none"},
    ),
    Weights(
        "an input that is too small for it",
        lambda path: None,
        ("input_size: VGG16 cannot take pictures of 16 pixels", "at least 32x32", "Choose another size"),
        {"architecture": "VGG16", "input_size": 16, "saliency_layer": "block1_conv1", "weights": "none"},
    ),
]


def _npz() -> bytes:
    stream = io.BytesIO()
    np.savez(stream, kernel=np.zeros((3, 3)))
    return stream.getvalue()


def _cut_off(path: Path) -> None:
    build_backbone("plain_stack", SIZE).save_weights(path)
    path.write_bytes(path.read_bytes()[:-2000])


CLASSIFIERS: list[Bad] = [*BROUGHT, *WEIGHTS]
