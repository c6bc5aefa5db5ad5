"""Classifiers and weights that were made to harm: code in them, files that they would read, and bombs."""

import json
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from dermalign.classifiers.backbones import build_backbone, load_backbone_weights
from dermalign.classifiers.brought.keras_files import load_keras_file
from dermalign.classifiers.classifier import load_classifier
from dermalign.errors import InputError
from dermalign.hdf5 import open_file
from dermalign.saliency.maps import open_maps
from dermalign.saliency.stores import read_store
from dermalign.segmentation.training import start_from_classifier
from keras import layers

LOADERS: list[Callable[[Path], Any]] = [
    load_keras_file,
    load_classifier,
    lambda path: start_from_classifier(keras.Sequential([]), str(path)),
]
Change = Callable[[Any], Any]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small classifier, as model.keras and as model.h5."""
    folder = tmp_path_factory.mktemp("saved")
    keras.utils.clear_session()
    model = keras.Sequential(
        [keras.Input((16, 16, 3)), layers.Conv2D(2, 3, name="conv"), layers.GlobalAveragePooling2D(), layers.Dense(3)]
    )
    for suffix in ("keras", "h5"):
        model.save(folder / f"model.{suffix}")
    return folder


def changed(source: Path, target: Path, change: Change) -> Path:
    """A copy of a model whose configuration is changed, as a .keras or a .h5 file."""
    if source.suffix == ".h5":
        shutil.copyfile(source, target)
        with h5py.File(target, "a") as file:
            file.attrs["model_config"] = json.dumps(change(json.loads(file.attrs["model_config"])))
        return target
    with zipfile.ZipFile(source) as read, zipfile.ZipFile(target, "w") as written:
        for name in read.namelist():
            content = read.read(name)
            is_configuration = name == "config.json"
            written.writestr(name, json.dumps(change(json.loads(content))) if is_configuration else content)
    return target


def with_weights(source: Path, target: Path, change: Callable[[h5py.Group, str], None]) -> Path:
    """A copy of a model whose file of weights is changed: the group and name of the convolution's bias are given."""
    suffix = source.suffix
    weights = target.with_name("weights.h5")
    if suffix == ".keras":
        with zipfile.ZipFile(source) as read:
            weights.write_bytes(read.read("model.weights.h5"))
    else:
        shutil.copyfile(source, weights)
    with h5py.File(weights, "a") as file:
        places = []
        file.visititems(lambda name, part: places.append(name) if isinstance(part, h5py.Dataset) else None)
        (place,) = [name for name in places if "conv" in name and file[name].shape == (2,)]
        del file[place]
        change(file, place)
    if suffix == ".h5":
        shutil.copyfile(weights, target)
        return target
    with zipfile.ZipFile(source) as read, zipfile.ZipFile(target, "w") as written:
        for name in read.namelist():
            written.writestr(name, weights.read_bytes() if name == "model.weights.h5" else read.read(name))
    return target


def as_activation(part: Any) -> Change:
    def change(configuration: Any) -> Any:
        layer = next(each for each in configuration["config"]["layers"] if each["class_name"] == "Conv2D")
        layer["config"]["activation"] = part
        return configuration

    return change


def as_layer(part: Any) -> Change:
    def change(configuration: Any) -> Any:
        configuration["config"]["layers"].insert(1, part)
        return configuration

    return change


def function(module: str, name: str) -> dict[str, Any]:
    return {"module": module, "class_name": "function", "config": name, "registered_name": name}


def a(module: str | None, kind: str, **config: Any) -> dict[str, Any]:
    return {"module": module, "class_name": kind, "config": {"name": "bad", **config}, "registered_name": None}


CODE = ["4wEAAAAAAAAAAAAAAAEAAABDAAAAcwQAAAB8AFMAKQFOqQApAdoBeHICAAAA+gA=", None, None]
CHANGES = {
    "os.system": as_activation(function("os", "system")),
    "builtins.eval": as_activation(function("builtins", "eval")),
    "builtins.exec": as_activation(function("builtins", "exec")),
    "posix.system": as_activation(a("posix", "system", command="touch started")),
    "subprocess.Popen": as_activation(a("subprocess", "Popen", args=["touch", "started"])),
    "keras's get_file": as_activation(function("keras.utils", "get_file")),
    "keras's load_model": as_activation(function("keras.src.saving.saving_lib", "load_model")),
    "by way of a module of keras": as_activation(function("keras.src.ops.numpy.np.os", "system")),
    "what a module of keras imports": as_activation(function("keras.src.ops.numpy", "np")),
    "a lambda": as_activation({"class_name": "__lambda__", "config": {"value": CODE}}),
    "a Lambda layer": as_layer(a("keras.layers", "Lambda", function={"class_name": "__lambda__", "config": {}})),
    "a registered class": as_layer(a(None, "Mine") | {"registered_name": "package>Mine"}),
    "words of a file": as_layer(a("keras.layers", "StringLookup", vocabulary="/etc/passwd")),
    "words of a file, integers": as_layer(a("keras.layers", "IntegerLookup", vocabulary="/etc/passwd")),
    "text of a file": as_layer(a("keras.layers", "TextVectorization", vocabulary="/etc/passwd")),
    "another model": as_layer(a("keras.layers", "TFSMLayer", filepath="/tmp/model")),
    "code of PyTorch": as_layer(a("keras.layers", "TorchModuleWrapper", lazy="x")),
}
OLD = ["a Lambda layer", "words of a file", "another model", "code of PyTorch"]


@pytest.mark.parametrize("load", LOADERS)
@pytest.mark.parametrize(("suffix", "what"), [*(("keras", name) for name in CHANGES), *(("h5", name) for name in OLD)])
def test_code_in_a_model_is_named_and_never_run(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, what: str, load: Callable[[Path], Any]
) -> None:
    started = []
    monkeypatch.setattr(os, "system", started.append)
    monkeypatch.setattr("builtins.eval", started.append)
    monkeypatch.chdir(tmp_path)
    path = changed(saved / f"model.{suffix}", tmp_path / f"bad.{suffix}", CHANGES[what])
    with pytest.raises(
        InputError, match=rf"bad\.{suffix} would execute code that comes with it, so it was not loaded: "
    ):
        load(path)
    assert not started and not (tmp_path / "started").exists()


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_what_is_deep_is_refused_in_words(saved: Path, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"bad.{suffix}"
    deep = "[" * 100_000
    if suffix == "h5":
        shutil.copyfile(saved / "model.h5", path)
        with h5py.File(path, "a") as file:
            file.attrs.create("model_config", deep[:60_000], dtype=h5py.string_dtype())
    else:
        with zipfile.ZipFile(saved / "model.keras") as read, zipfile.ZipFile(path, "w") as written:
            for name in read.namelist():
                written.writestr(name, deep if name == "config.json" else read.read(name))
    with pytest.raises(InputError, match=rf"bad\.{suffix} is no whole file of a Keras model"):
        load_keras_file(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", ["../../evil", "/evil", "assets/../../evil", "config.json"])
def test_members_of_a_model_that_lead_out_or_recur(saved: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    path = tmp_path / "a" / "b" / "bad.keras"
    shutil.copyfile(saved / "model.keras", path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, b"{}")
    with pytest.raises(
        InputError, match=rf"bad\.keras holds '{name}', (a path that leads out of it|twice), which Keras"
    ):
        load_keras_file(path)
    assert not [*tmp_path.rglob("evil")]


def test_a_bomb_in_a_model(saved: Path, tmp_path: Path) -> None:
    path = tmp_path / "bad.keras"
    shutil.copyfile(saved / "model.keras", path)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("assets/bomb", bytes(300_000_000))
    with pytest.raises(InputError, match=r"bad\.keras unpacks to more than 26\d MiB, which no weights do"):
        load_keras_file(path)
    shutil.copyfile(saved / "model.keras", path)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("assets/bomb", bytes(1_000))
    with pytest.raises(InputError, match=r"bad\.keras has 'assets/bomb' packed as Keras does not pack it"):
        load_keras_file(path)


def test_a_configuration_without_end(saved: Path, tmp_path: Path) -> None:
    path = tmp_path / "bad.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", b" " * (2**27 + 1))
    with pytest.raises(InputError, match=r"bad\.keras is no whole file of a Keras model \(its config\.json is larger"):
        load_keras_file(path)


# HDF5 that reads other files


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """A file that no model may read."""
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["b"] = np.full(2, 7, np.float32)
    (tmp_path / "secret").write_bytes(np.full(2, 7, np.float32).tobytes())
    return tmp_path / "other.h5"


def linked(other: Path) -> Callable[[h5py.Group, str], None]:
    def change(file: h5py.Group, place: str) -> None:
        file[place] = h5py.ExternalLink(str(other), "/b")

    return change


def virtual(other: Path) -> Callable[[h5py.Group, str], None]:
    def change(file: h5py.Group, place: str) -> None:
        layout = h5py.VirtualLayout((2,), np.float32)
        layout[:] = h5py.VirtualSource(str(other), "b", (2,))
        file.create_virtual_dataset(place, layout)

    return change


def stored(other: Path) -> Callable[[h5py.Group, str], None]:
    def change(file: h5py.Group, place: str) -> None:
        file.create_dataset(place, (2,), np.float32, external=[(str(other.with_name("secret")), 0, 8)])

    return change


def claimed(other: Path) -> Callable[[h5py.Group, str], None]:
    def change(file: h5py.Group, place: str) -> None:
        file.create_dataset(place, (900_000_000,), np.float32, chunks=(1_000_000,), compression="gzip")

    return change


ELSEWHERE = {
    linked: r"is a link to .*other\.h5, and would be read from another file",
    virtual: "is a virtual data set, and would be read from another file",
    stored: r"is stored in .*secret, and would be read from another file",
}


@pytest.mark.parametrize("suffix", ["keras", "h5"])
@pytest.mark.parametrize("kind", ELSEWHERE)
def test_weights_of_other_files_are_refused(saved: Path, tmp_path: Path, other: Path, suffix: str, kind: Any) -> None:
    path = with_weights(saved / f"model.{suffix}", tmp_path / f"bad.{suffix}", kind(other))
    for load in LOADERS:
        with pytest.raises(InputError, match=rf"bad\.{suffix}.*conv.* {ELSEWHERE[kind]}\. Replace it by a whole file"):
            load(path)


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_arrays_that_a_file_claims_and_does_not_hold(saved: Path, tmp_path: Path, other: Path, suffix: str) -> None:
    """3.6 GB in a file of 20 kB; Keras alone would take 14 GB for it, as it refuses from 4 GiB on."""
    path = with_weights(saved / f"model.{suffix}", tmp_path / f"bad.{suffix}", claimed(other))
    assert path.stat().st_size < 100_000
    with pytest.raises(
        InputError, match=rf"bad\.{suffix}.* claims arrays of more than 25\d MiB, which it does not hold"
    ):
        load_keras_file(path)


@pytest.mark.parametrize("kind", [*ELSEWHERE, claimed])
@pytest.mark.parametrize("name", ["w.weights.h5", "w.h5", "w.keras"])
def test_weights_to_start_from(tmp_path: Path, other: Path, kind: Any, name: str) -> None:
    keras.utils.clear_session()
    backbone = build_backbone("plain_stack", 32)
    whole = tmp_path / f"whole_{name}"
    backbone.save_weights(whole) if name == "w.weights.h5" else backbone.save(whole)
    load_backbone_weights(backbone, "plain_stack", str(whole))
    path = tmp_path / name
    if name == "w.keras":
        with zipfile.ZipFile(whole) as read:
            weights = read.read("model.weights.h5")
    else:
        weights = whole.read_bytes()
    (tmp_path / "inner.h5").write_bytes(weights)
    with h5py.File(tmp_path / "inner.h5", "a") as file:
        places = []
        file.visititems(lambda place, part: places.append(place) if isinstance(part, h5py.Dataset) else None)
        del file[places[0]]
        kind(other)(file, places[0])
    shutil.copyfile(tmp_path / "inner.h5", path)
    if name == "w.keras":
        with zipfile.ZipFile(whole) as read, zipfile.ZipFile(path, "w") as written:
            for member in read.namelist():
                content = (tmp_path / "inner.h5").read_bytes() if member == "model.weights.h5" else read.read(member)
                written.writestr(member, content)
    words = ELSEWHERE.get(kind, "claims arrays of more than")
    with pytest.raises(InputError, match=rf"{name}.* {words}"):
        load_backbone_weights(backbone, "plain_stack", str(path))


def test_pickles_are_not_read(tmp_path: Path) -> None:
    np.savez(tmp_path / "w.npz", kernel=np.array([{"a": 1}], dtype=object))
    backbone = build_backbone("plain_stack", 32)
    with pytest.raises(InputError, match=r"w\.npz"):
        load_backbone_weights(backbone, "plain_stack", str(tmp_path / "w.npz"))
    for name in ("w.npz", "w.pkl"):
        (tmp_path / "w.pkl").write_bytes(b"cos\nsystem\n(S'touch started'\ntR.")
        with pytest.raises(InputError, match=rf"w\.{name[2:]}"):
            load_keras_file(tmp_path / name)


@pytest.mark.parametrize("kind", ELSEWHERE)
@pytest.mark.parametrize("read", [open_file, read_store, lambda path: open_maps(path).__enter__()])
def test_stores_that_read_other_files_are_refused(
    tmp_path: Path, other: Path, kind: Any, read: Callable[[Path], Any]
) -> None:
    with h5py.File(tmp_path / "store.h5", "w") as file:
        file["saliency"] = np.zeros((2, 2), np.float32)
        kind(other)(file, "raw")
    with pytest.raises(InputError, match=rf"store\.h5: raw {ELSEWHERE[kind]}"):
        read(tmp_path / "store.h5")


def test_links_within_a_file_are_its_own(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "store.h5", "w") as file:
        file["a/b"] = np.arange(3)
        file["a/circle"] = h5py.SoftLink("/a")
        file["hard"] = file["a"]
        file["a/back"] = file["/"]
    with open_file(tmp_path / "store.h5") as file:
        assert file["a/circle/b"][1] == 1
