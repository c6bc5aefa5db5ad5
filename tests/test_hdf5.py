"""HDF5 files are opened in one place: what is not the file's fault is not called damage."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from dermalign.classifiers.backbones import is_folded
from dermalign.classifiers.brought.keras_files import load_keras_file
from dermalign.classifiers.checkpoints import find_checkpoint
from dermalign.data.cell_files import CellFile
from dermalign.data.picture_store import open_picture_store
from dermalign.errors import InputError
from dermalign.hdf5 import open_file, opened, read_rows
from dermalign.overlap.curves import open_curves
from dermalign.saliency.maps import open_maps
from dermalign.saliency.stores import read_store
from dermalign.study.digests import LIBRARY


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("HDF5_USE_FILE_LOCKING", raising=False)
    path = tmp_path / "epoch_0001.h5"
    with h5py.File(path, "w") as store:
        store["rows"] = np.arange(12).reshape(4, 3)
    return path


@pytest.fixture
def locked(file: Path) -> Iterator[Path]:
    """A file that another holds a lock on, as who writes it does."""
    with file.open("rb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield file


def entered(manager: Any) -> None:
    with manager:
        pass


READERS: dict[str, Callable[[Path], Any]] = {
    "hdf5": open_file,
    "parts": lambda path: entered(opened(path, "a store", [])),
    "store": read_store,
    "maps": lambda path: entered(open_maps(path)),
    "curves": lambda path: entered(open_curves(path)),
    "cells": CellFile,
    "pictures": lambda path: entered(open_picture_store(path)),
    "weights": is_folded,
    "checkpoint": lambda path: find_checkpoint(path.parent, {}),
    "classifier": load_keras_file,
}


@pytest.mark.parametrize("reader", READERS)
def test_a_file_that_cannot_be_locked_is_not_called_damaged(locked: Path, reader: str) -> None:
    with pytest.raises(InputError) as stopped:
        READERS[reader](locked)
    text = str(stopped.value)
    assert f"{locked} cannot be locked (Resource temporarily unavailable)" in text
    assert "HDF5_USE_FILE_LOCKING=FALSE" in text
    assert "amaged" not in text and "elete" not in text


def test_without_locking_it_is_read(locked: Path) -> None:
    """In a process of its own: HDF5 asks for the variable once."""
    code = f"from dermalign.hdf5 import open_file; print(open_file({str(locked)!r})['rows'].shape)"
    environment = {**os.environ, "PYTHONPATH": str(LIBRARY.parent), "HDF5_USE_FILE_LOCKING": "FALSE"}
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert run.stdout == "(4, 3)\n"


def test_writing_says_the_same(locked: Path) -> None:
    with pytest.raises(InputError, match="HDF5_USE_FILE_LOCKING=FALSE"):
        open_file(locked, "a")


def test_damage_a_folder_and_nothing_are_told_apart(file: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_file(tmp_path / "nowhere.h5")
    with (
        pytest.raises(InputError, match=r"nowhere\.h5: there is no such file"),
        opened(tmp_path / "nowhere.h5", "a", []),
    ):
        pass
    (tmp_path / "folder.h5").mkdir()
    with pytest.raises(InputError, match=r"folder\.h5 is a folder where a file belongs"):
        open_file(tmp_path / "folder.h5")
    os.truncate(file, 500)
    with pytest.raises(OSError, match="truncated"):
        open_file(file)
    with pytest.raises(InputError, match=r"not a store, or damaged .* delete it"), opened(file, "a store", []):
        pass


def test_broken_links_are_damage(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["image"] = 1
    content = (tmp_path / "a.h5").read_bytes()
    for mark in (b"TREE", b"SNOD", b"HEAP"):
        (tmp_path / "b.h5").write_bytes(content.replace(mark, b"????"))
        with (
            pytest.raises(InputError, match=r"b\.h5: not a store, or"),
            opened(tmp_path / "b.h5", "a store", ["image"]),
        ):
            pass


def test_rows_are_read_in_any_order(file: Path) -> None:
    with open_file(file) as store:
        np.testing.assert_array_equal(
            read_rows(store["rows"], np.array([3, 0, 3])), [[9, 10, 11], [0, 1, 2], [9, 10, 11]]
        )
