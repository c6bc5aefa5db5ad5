"""Trained models as files, .keras, that are the same to the byte where the weights are."""

import json
import shutil
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..files import atomic_path, temporary_folder

if TYPE_CHECKING:
    import keras

METADATA, CONFIGURATION = "metadata.json", "config.json"
SHARED = "shared_object_id"


def save_model(model: "keras.Model", path: str | Path) -> None:
    """Write a model as .keras, whole or not at all.

    Keras notes when it saved a model, and numbers what layers share by where it is in memory. Without, a training that
    is repeated, or that was killed and went on, ends with the same file, and so does what follows from its checksum.
    """
    with atomic_path(path) as temporary, temporary_folder(path) as folder:
        saved = folder / "model.keras"
        model.save(saved)
        with zipfile.ZipFile(saved) as source, zipfile.ZipFile(temporary, "w") as target:
            for name in source.namelist():
                undated = zipfile.ZipInfo(name)  # of 1980
                with source.open(name) as content, target.open(undated, "w", force_zip64=True) as copy:
                    if name in (METADATA, CONFIGURATION):
                        copy.write(json.dumps(_repeatable(json.load(content), {})).encode())
                    else:
                        shutil.copyfileobj(content, copy)


def _repeatable(part: Any, numbers: dict[int, int]) -> Any:
    """Return a part of a JSON without the date, and with what is shared numbered in order. numbers: those given."""
    if isinstance(part, dict):
        kept = {key: _repeatable(value, numbers) for key, value in part.items() if key != "date_saved"}
        if SHARED in part:
            kept[SHARED] = numbers.setdefault(part[SHARED], len(numbers) + 1)
        return kept
    return [_repeatable(value, numbers) for value in part] if isinstance(part, list) else part
