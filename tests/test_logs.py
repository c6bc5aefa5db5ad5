"""Logs of jobs: users' errors in their own words, programming errors with a traceback, progress in tenths."""

import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from dermalign.errors import InputError
from dermalign.logs import job_log, logger, progress

SCRIPTS = Path(__file__).resolve().parents[1] / "workflow_scripts"
JOB = """
import sys
from dermalign.errors import InputError
from dermalign.files import atomic_path
from dermalign.logs import job_log
with job_log(sys.argv[1]) as log, atomic_path(sys.argv[2]) as temporary:
    log.info("beginning")
    temporary.write_text("half of it")
    raise {error}("masks.zip lacks a mask. Complete the archive.")
"""


def test_lines_have_time_and_level(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "job.log"
    with job_log(path) as log:
        log.info("3 pictures")
        log.debug("unsaid")
        logging.getLogger("dermalign").warning("nävus")
    started, first, second, ended = path.read_text(encoding="utf-8").splitlines()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} INFO 3 pictures", first)
    assert second.endswith(" WARNING nävus")
    assert started.endswith(" INFO started") and re.search(r" INFO ended after \d+\.\d s$", ended)


def test_a_job_has_its_log_for_itself(tmp_path: Path) -> None:
    for name in ("one", "two", "two"):
        with job_log(tmp_path / name) as log:
            log.info(name)
    logger.info("after the jobs")
    assert [len((tmp_path / name).read_text().splitlines()) for name in ("one", "two")] == [3, 3]
    assert logger.handlers == []


def run(tmp_path: Path, error: str) -> tuple[subprocess.CompletedProcess[str], str]:
    paths = [tmp_path / "logs" / "job.log", tmp_path / "results" / "table.csv"]
    process = subprocess.run(
        [sys.executable, "-c", JOB.format(error=error), *map(str, paths)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(SCRIPTS)},
        check=False,
    )
    assert list(paths[1].parent.iterdir()) == []  # neither the file nor half of it
    return process, paths[0].read_text()


def test_a_users_error_ends_the_job_in_its_own_words(tmp_path: Path) -> None:
    process, log = run(tmp_path, "InputError")
    assert process.returncode == 1
    assert process.stderr.strip() == "dermalign: masks.zip lacks a mask. Complete the archive."
    started, first, second = log.splitlines()
    assert started.endswith(" INFO started") and first.endswith(" INFO beginning")
    assert second.endswith(" ERROR masks.zip lacks a mask. Complete the archive.")


def test_any_other_error_keeps_its_traceback(tmp_path: Path) -> None:
    process, log = run(tmp_path, "ValueError")
    assert process.returncode == 1
    for text in (process.stderr, log):
        assert "Traceback" in text
        assert "ValueError: masks.zip lacks a mask" in text


def test_the_handler_goes_with_an_error(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as stopped, job_log(tmp_path / "job.log"):
        raise InputError("wrong")
    assert stopped.value.code == 1
    with pytest.raises(KeyError), job_log(tmp_path / "job.log"):
        raise KeyError("wrong")
    assert logger.handlers == []


@pytest.mark.parametrize(("total", "lines"), [(1000, 10), (10, 10), (3, 3), (1, 1), (0, 0)])
def test_progress_yields_all_and_logs_tenths(tmp_path: Path, total: int, lines: int) -> None:
    def items() -> Iterator[int]:
        yield from range(total)

    with job_log(tmp_path / "job.log"):
        assert list(progress(items(), total, "counting")) == list(range(total))
    logged = (tmp_path / "job.log").read_text().splitlines()[1:-1]
    assert len(logged) == lines
    if total:
        assert logged[-1].endswith(f"INFO counting: {total} of {total}")
