"""Digests of archives: what other tools say of the same bytes, each byte read once."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from dermalign.data import archive_digests as module
from dermalign.data.archive_digests import archive_digests, read_digests, write_digests
from dermalign.errors import InputError
from dermalign.logs import job_log

Zipped = Callable[..., Path]


def folder_of(path: Path) -> Path:
    """Write a folder of three files, one hidden, and return it."""
    for name, content in {"b/two.png": b"22", "a.png": b"1" * 50, ".hidden": b"x"}.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


def test_of_files_what_sha256sum_says(tmp_path: Path, zipped: Zipped, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = zipped(tmp_path / "masks.ZIP", {"m/a.png": b"a" * 999, "m/b.png": b"b", "__MACOSX/m/a.png": b""})
    table = tmp_path / "NA, labels.csv"
    table.write_text("image,diagnosis\n")
    paths = {"archives.evaluation_masks": str(archive), "archives.diagnoses[0]": str(table)}
    digests = archive_digests(paths)
    said = subprocess.run(["sha256sum", *paths.values()], capture_output=True, text=True, check=True).stdout
    assert list(digests["sha256"]) == [line.split()[0] for line in said.splitlines()]
    assert digests[["key", "path", "files", "bytes"]].to_numpy().tolist() == [
        ["archives.evaluation_masks", str(archive), 2, archive.stat().st_size],
        ["archives.diagnoses[0]", str(table), 1, 16],
    ]
    monkeypatch.setattr(module, "CHUNK", 7)  # so that files are read in pieces
    assert archive_digests(paths).equals(digests)
    write_digests(tmp_path / "archives.csv", digests)
    assert read_digests(tmp_path / "archives.csv").equals(digests)


def test_a_folder_is_told_by_what_is_in_it_alone(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "masks")
    (row,) = archive_digests({"archives.evaluation_masks": str(folder)}).itertuples()
    lines = [
        f"{name}\t{len(data)}\t{hashlib.sha256(data).hexdigest()}\n"
        for name, data in (("a.png", b"1" * 50), ("b/two.png", b"22"))
    ]
    assert (row.files, row.bytes, row.sha256) == (2, 52, hashlib.sha256("".join(lines).encode()).hexdigest())

    def digest_of(name: str, change: Callable[[Path], object]) -> str:
        # A copy for each: the listing of a folder is kept for as long as its own time stays.
        copy = Path(shutil.copytree(folder, tmp_path / name))
        change(copy)
        return str(archive_digests({"a": str(copy)})["sha256"].item())

    assert digest_of("hidden", lambda copy: (copy / ".hidden").write_bytes(b"y")) == row.sha256
    assert digest_of("touched", lambda copy: os.utime(copy / "a.png", (0, 0))) == row.sha256
    assert digest_of("renamed", lambda copy: (copy / "a.png").rename(copy / "c.png")) != row.sha256
    assert digest_of("changed", lambda copy: (copy / "b" / "two.png").write_bytes(b"23")) != row.sha256
    assert digest_of("fewer", lambda copy: (copy / "a.png").unlink()) != row.sha256


def test_an_archive_that_two_keys_name_is_read_once(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "photographs")
    table = tmp_path / "patients.csv"
    table.write_bytes(b"0" * 100)
    paths = {"training_pictures": str(folder), "evaluation_pictures": str(folder), "labels": str(table)}
    with job_log(tmp_path / "log"):
        digests = archive_digests(paths)
    assert "digests of archives, in 16 MiB: 3 of 3" in (tmp_path / "log").read_text()
    assert digests["sha256"].nunique() == 2
    assert list(digests["bytes"]) == [52, 52, 100]


def test_empty_files_and_no_files(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").touch()
    digests = archive_digests({"a": str(tmp_path / "empty.csv")})
    assert digests["sha256"].item() == hashlib.sha256(b"").hexdigest() and digests["bytes"].item() == 0
    assert list(archive_digests({}).columns) == module.COLUMNS


def test_what_is_not_there_or_no_zip_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        archive_digests({"a": str(tmp_path / "nowhere.csv")})
    (tmp_path / "cut.zip").write_bytes(b"PK")
    with pytest.raises(InputError, match=r"cut\.zip is not a whole zip archive"):
        archive_digests({"a": str(tmp_path / "cut.zip")})
