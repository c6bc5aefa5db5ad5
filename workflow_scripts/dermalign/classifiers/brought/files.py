"""Classifiers that a study brings along: what kind of file each is, and its content's digest. No Keras in here."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from ...data.file_kinds import HEAD, is_hdf5, kind_of_content
from ...errors import InputError
from ...files import file_sha256, write_text

KERAS, SAVED_MODEL = "keras", "saved_model"
KERAS_SUFFIXES = (".keras", ".h5", ".hdf5")
GRAPH = "saved_model.pb"
# Files of classifiers of other kinds, by their suffix.
OTHERS = {
    ".pt": "a file of PyTorch",
    ".pth": "a file of PyTorch",
    ".ckpt": "a checkpoint, of PyTorch or TensorFlow",
    ".safetensors": "a file of weights alone",
    ".npz": "a file of weights alone",
    ".onnx": "a network in ONNX",
    ".tflite": "a network of TensorFlow Lite",
    ".pb": "a graph of TensorFlow by itself",
    ".json": "a network without its weights",
    ".mlmodel": "a network of Core ML",
    ".engine": "a network of TensorRT",
    ".pkl": "a pickle, which holds Python code",
    ".joblib": "a pickle, which holds Python code",
}


def kind_of(path: str | Path) -> str:
    """Return `KERAS` for a .keras or .h5 file, whatever HDF5 is called, `SAVED_MODEL` for the folder of a SavedModel.

    Raises InputError, in words that say what to do, for a path that is not there and for anything else.
    """
    path = Path(path)
    if path.is_dir():
        if (path / GRAPH).is_file():
            return SAVED_MODEL
        raise InputError(f"{path} is a folder without {GRAPH}, so no SavedModel. Name the folder that has it.")
    if not path.is_file():
        raise InputError(f"there is no file {path}. Correct the path.")
    if path.name == GRAPH:
        raise InputError(f"{path} is a part of a SavedModel. Name its folder, {path.parent}.")
    if path.name.endswith(".weights.h5"):
        raise InputError(f"{path} holds weights alone. Save the whole model: `model.save('classifier.keras')`.")
    with path.open("rb") as stream:
        head = stream.read(HEAD)
    if path.suffix.lower() in KERAS_SUFFIXES or is_hdf5(head):
        return KERAS
    what = OTHERS.get(path.suffix.lower()) or kind_of_content(head)
    raise InputError(
        f"{path} is {f'{what}, ' if what else ''}neither a .keras file, a .h5 file nor the folder of a SavedModel. "
        "Save or export the classifier as one of them."
    )


def files_of(path: str | Path) -> list[str]:
    """Return the files that make up a classifier: the file itself, or a SavedModel's graph and variables."""
    path = Path(path)
    if kind_of(path) == KERAS:
        return [str(path)]
    return [str(path / GRAPH), *sorted(map(str, (path / "variables").glob("variables.*")))]


def digest_of(path: str | Path, cache: str | Path) -> str:
    """Return `kept_digest` of a classifier's files. Raises InputError as `kind_of`."""
    return kept_digest(files_of(path), cache)


def kept_digest(names: Sequence[str], cache: str | Path) -> str:
    """Return a digest of the content of files, whatever the place and dates of all and the name of one alone.

    Every job asks for it, and classifiers and weights are large: the folder `cache` keeps the answer for as long as
    size and times of the files are the same.
    """
    files = [Path(name) for name in names]
    states = [
        (str(file.resolve()), (stat := file.stat()).st_size, stat.st_mtime_ns, stat.st_ctime_ns) for file in files
    ]
    kept = Path(cache) / f"digest_{hashlib.sha256(json.dumps(states).encode()).hexdigest()[:16]}.txt"
    if not kept.is_file():
        contents = [(file.name if len(files) > 1 else "", file_sha256(file)) for file in files]
        write_text(kept, hashlib.sha256(json.dumps(contents).encode()).hexdigest())
    return kept.read_text(encoding="utf-8")


def adopted_name(path: str | Path) -> str:
    """Return the name of the file that a classifier becomes in the study: a SavedModel is kept as a frozen graph."""
    return "model.pb" if Path(path).is_dir() else "model.keras"
