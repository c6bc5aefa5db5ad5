"""Files that are whole or not there, whatever happens to the process that writes them."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from socket import gethostname

import pytest
from dermalign.files import FORGOTTEN, atomic_folder, atomic_path, file_sha256, remove_left_overs, write_text
from processes import ended_process

SCRIPTS = Path(__file__).resolve().parents[1] / "workflow_scripts"
WRITER = """
import sys, time
from dermalign.files import atomic_path
with atomic_path(sys.argv[1]) as temporary, temporary.open("w") as stream:
    stream.write("half of it")
    stream.flush()
    print("written", flush=True)
    time.sleep(60)
"""


def test_the_file_comes_with_the_end_of_the_block(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "store.tar.h5"
    with atomic_path(path) as temporary:
        temporary.write_text("content")
        assert not path.exists()
        assert temporary.parent == path.parent  # the same file system, so that renaming is one step
        assert temporary.suffix == ".h5"
    assert path.read_text() == "content"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_error_leaves_what_was_there(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "table.csv"
    for before in ([], [path]):
        with pytest.raises(error), atomic_path(path) as temporary:
            temporary.write_text("half of it")
            raise error
        assert list(tmp_path.iterdir()) == before
        path.write_text("before")
    assert path.read_text() == "before"


@pytest.mark.parametrize("before", [None, "before"])
def test_a_killed_process_leaves_nothing_under_the_name(tmp_path: Path, before: str | None) -> None:
    path = tmp_path / "table.csv"
    if before:
        path.write_text(before)
    environment = {**os.environ, "PYTHONPATH": str(SCRIPTS)}
    command = [sys.executable, "-c", WRITER, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout and process.stdout.readline() == "written\n"
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert (path.read_text() if path.exists() else None) == before
    write_text(path, "done again")
    assert path.read_text() == "done again"
    left = list(tmp_path.glob(".*"))
    assert [each.read_text() for each in left] == ["half of it"]
    remove_left_overs(tmp_path.parent)
    assert list(tmp_path.iterdir()) == [path]


def test_what_may_still_be_written_stays(tmp_path: Path) -> None:
    here = gethostname()
    at_work = [f".a.{os.getpid()}@{here}.partial.csv", f".b.{os.getppid()}@{here}.partial", f".c.1@{here}.partial.h5"]
    elsewhere = [f".a.{ended_process()}@other{here}.partial.csv", f".b.{ended_process()}.partial"]
    others = [".hidden.csv", "a.1.partial.csv", ".partial", f".d.{ended_process()}@{here}.partially.csv"]
    killed = [f".{name}.{ended_process()}@{here}.partial{suffix}" for name, suffix in (("a.tar", ".gz"), ("b", ""))]
    for name in (*at_work, *elsewhere, *others, *killed):
        path = tmp_path / "below" / name
        path.parent.mkdir(exist_ok=True)
        if path.suffix == ".partial":
            path.mkdir()
            (path / "part.csv").write_text("half of it")
        else:
            path.write_text("half of it")
    remove_left_overs(tmp_path)
    remaining = {*at_work, *elsewhere, *others}
    assert {path.name for path in (tmp_path / "below").iterdir()} == remaining
    long_ago = time.time() - FORGOTTEN - 60
    for name in (*elsewhere, *others):
        os.utime(tmp_path / "below" / name, (long_ago, long_ago))
    remove_left_overs(tmp_path)
    assert {path.name for path in (tmp_path / "below").iterdir()} == remaining - {*elsewhere}


def test_text_is_utf_8(tmp_path: Path) -> None:
    write_text(tmp_path / "table.md", "mean ± SD\n")
    assert (tmp_path / "table.md").read_bytes() == "mean ± SD\n".encode()


def test_file_sha256(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc" * 1_000_000)
    assert file_sha256(tmp_path / "a") == hashlib.sha256(b"abc" * 1_000_000).hexdigest()


def test_a_folder_comes_with_the_end_of_the_block_in_the_place_of_another(tmp_path: Path) -> None:
    path = tmp_path / "new" / "data"
    for content in ("first", "second"):
        with atomic_folder(path) as temporary:
            (temporary / f"{content}.txt").write_text(content)
            assert not (path / f"{content}.txt").exists()
        assert [each.name for each in path.iterdir()] == [f"{content}.txt"]
    with pytest.raises(ValueError), atomic_folder(path) as temporary:
        (temporary / "third.txt").write_text("half of it")
        raise ValueError
    assert [each.name for each in path.iterdir()] == ["second.txt"]
    assert list(path.parent.iterdir()) == [path]
