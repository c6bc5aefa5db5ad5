"""A short run of Atheris on each reader that is written in Python; `run_atheris.py` says how to have a longer one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .run_atheris import NO_NETWORK

pytestmark = pytest.mark.slow

# Those of HDF5 files are left to longer runs by hand: HDF5's own library, in C, hangs on some that are damaged.
NAMES = ("archive", "labels", "configuration", "feedback_zip")
FILES = int(os.environ.get("ATHERIS_FILES", "500"))


@pytest.mark.parametrize("name", NAMES)
def test_coverage_guided_contents_give_a_value_or_the_documented_error(name: str) -> None:
    script = Path(__file__).with_name("run_atheris.py")
    command = [sys.executable, str(script), name, "--seconds", "20", "--files", str(FILES), "--seed", "1"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode == NO_NETWORK:
        pytest.skip(run.stdout)
    assert run.returncode == 0, run.stdout + run.stderr
    assert int(run.stdout.split(": ")[1].split()[0]) > 20, run.stdout
