"""Which kind a path is, and its digest."""

import io
import shutil
import zipfile
from pathlib import Path

import h5py
import pytest
import tensorflow as tf
from dermalign.classifiers.brought.files import adopted_name, digest_of, files_of, kind_of
from dermalign.errors import InputError

from .models import served


def test_the_digest_is_of_the_content_alone(tmp_path: Path) -> None:
    folder = served(tmp_path / "mine", tf.identity)
    assert kind_of(folder) == "saved_model"
    assert next(Path(name).name for name in files_of(folder)) == "saved_model.pb"
    before = digest_of(folder, tmp_path / "cache")
    (folder / "notes.txt").write_text("no part of it", encoding="utf-8")
    (folder / "saved_model.pb").touch()
    shutil.copytree(folder, tmp_path / "copy")
    assert digest_of(folder, tmp_path / "cache") == digest_of(tmp_path / "copy", tmp_path / "cache") == before
    with (folder / "saved_model.pb").open("ab") as file:
        file.write(b"\0")
    assert digest_of(folder, tmp_path / "cache") != before


def test_kinds_and_what_they_become(tmp_path: Path) -> None:
    (tmp_path / "mine.h5").touch()
    assert kind_of(tmp_path / "mine.h5") == "keras"
    assert files_of(tmp_path / "mine.h5") == [str(tmp_path / "mine.h5")]
    assert adopted_name(tmp_path / "mine.h5") == "model.keras"
    assert adopted_name(tmp_path) == "model.pb"


def test_hdf5_is_a_file_of_keras_whatever_it_is_called(tmp_path: Path) -> None:
    h5py.File(tmp_path / "mine.model", "w").close()
    assert kind_of(tmp_path / "mine.model") == "keras"
    (tmp_path / "MINE.KERAS").touch()
    assert kind_of(tmp_path / "MINE.KERAS") == "keras"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("mine.pt", "is a file of PyTorch, neither a .keras file"),
        ("mine.PTH", "is a file of PyTorch"),
        ("mine.onnx", "is a network in ONNX"),
        ("mine.tflite", "is a network of TensorFlow Lite"),
        ("frozen.pb", "is a graph of TensorFlow by itself"),
        ("mine.json", "is a network without its weights"),
        ("mine", "is a zip archive, neither"),
        ("mine.weights.h5", "holds weights alone"),
        ("saved_model.pb", "is a part of a SavedModel"),
    ],
)
def test_others_are_named_as_what_they_are(tmp_path: Path, name: str, words: str) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("archive/data.pkl", b"")
    (tmp_path / name).write_bytes(stream.getvalue())
    with pytest.raises(InputError) as stopped:
        kind_of(tmp_path / name)
    assert words in str(stopped.value)
