"""Which kind a path is, and its digest."""

import shutil
from pathlib import Path

import tensorflow as tf
from dermalign.classifiers.brought.files import adopted_name, digest_of, files_of, kind_of

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
