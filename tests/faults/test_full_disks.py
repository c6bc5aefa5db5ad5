"""A disk that is full, or not to be written: said in words, with nothing half written under a final name."""

import os
import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dermalign.errors import InputError
from dermalign.files import write_text
from dermalign.hdf5 import new_file

from .test_changed_files import KINDS

WRITERS: dict[str, Callable[[Path], Any]] = {
    **{kind: write for kind, (write, _) in KINDS.items()},
    "text": lambda path: write_text(path, "0.123456789\n" * 1000),
}


def said_by_process(limit: int, function: Callable[[], Any]) -> str:
    """Run a function in a process whose files may have so many bytes; return what InputError said, and its status."""
    reader, writer = os.pipe()
    if (process := os.fork()) == 0:
        said = "nothing"
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
            function()
        except InputError as error:
            said = str(error)
        except BaseException as error:
            said = f"UNEXPECTED {error!r}"
        finally:
            os.write(writer, said.encode())
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        said = stream.read().decode()
    _, status = os.waitpid(process, 0)
    assert status == 0, f"the process ended with {status}"
    return said


@pytest.mark.parametrize("kind", WRITERS)
def test_what_does_not_fit_is_named_and_leaves_nothing(tmp_path: Path, kind: str) -> None:
    """HDF5 alone would end the process with a segmentation fault."""
    (tmp_path / "whole").mkdir()
    WRITERS[kind](tmp_path / "whole" / "file.h5")
    size = (tmp_path / "whole" / "file.h5").stat().st_size
    for number, limit in enumerate([0, 511, 512, size - 1, *np.random.default_rng(0).integers(1, size, 8).tolist()]):
        folder = tmp_path / str(number)
        folder.mkdir()
        said = said_by_process(limit, lambda folder=folder: WRITERS[kind](folder / "file.h5"))  # type: ignore[misc]
        assert "cannot be written (File too large). Make room" in said, f"{limit} bytes: {said}"
        assert not (folder / "file.h5").exists() and not list(folder.rglob(".*")), f"{limit} bytes"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 KiB, which only root can have."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.geteuid() != 0 or os.system(f"mount -t tmpfs -o size=64k tmpfs '{disk}' 2> /dev/null") != 0:
        pytest.skip("disks can be mounted by root alone")
    try:
        yield disk
    finally:
        assert os.system(f"umount '{disk}'") == 0


def test_a_disk_that_is_full(small_disk: Path) -> None:
    random = np.random.default_rng(0)
    said = r"big\.h5 cannot be written \(No space left on device\). Make room"
    with pytest.raises(InputError, match=said), new_file(small_disk / "big.h5") as file:
        for number in range(20):
            file[f"numbers/{number}"] = random.random(2000)
    with pytest.raises(InputError, match=r"big\.csv cannot be written \(No space left on device\)"):
        write_text(small_disk / "big.csv", "0.5\n" * 50_000)
    assert list(small_disk.iterdir()) == []
    with new_file(small_disk / "small.h5") as file:
        file["numbers"] = random.random(100)


def test_a_disk_that_is_not_to_be_written(small_disk: Path) -> None:
    write_text(small_disk / "old.csv", "whole\n")
    assert os.system(f"mount -o remount,ro '{small_disk}'") == 0
    for path in ("old.csv", "new.csv", "folder/new.csv"):
        with pytest.raises(InputError, match=rf"{path} cannot be written \(Read-only file system\)"):
            write_text(small_disk / path, "other\n")
    assert (small_disk / "old.csv").read_text() == "whole\n"
