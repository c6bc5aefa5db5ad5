"""Environments of libraries that tests compare with, and whose requirements do not go together with our own."""

import subprocess
import sys
import tempfile
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray


def reference_python(name: str, alone: Sequence[str], packages: Sequence[str]) -> Path:
    """Return the Python of an environment of a library, made once, and anew where its packages are others.

    It is kept by its name beside the packages of the environment that runs the tests. alone, packages: what pip
    installs, as `name==version`; the first without what they say that they need. Skips where there is no network.
    """
    is_own = sys.prefix != sys.base_prefix
    folder = Path(sys.prefix if is_own else tempfile.mkdtemp()) / name
    python, installed = folder / "bin" / "python", folder / "installed"
    content = "\n".join([*alone, "", *packages])
    if not installed.is_file() or installed.read_text(encoding="utf-8") != content:
        venv.create(folder, with_pip=True, clear=True)
        for arguments in filter(None, (alone and ["--no-deps", *alone], packages)):
            command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments]
            run = subprocess.run(command, capture_output=True, text=True, check=False)
            if run.returncode and "connection broken by" in run.stderr:
                pytest.skip(f"no network: {name} cannot be installed from the package index")
            assert run.returncode == 0, run.stderr
        installed.write_text(content, encoding="utf-8")
    return python


def run_script(python: Path, script: Path, folder: Path, given: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    """Return the arrays that a script makes of arrays: `python script IN.npz OUT.npz`, files in the folder."""
    np.savez(folder / "given.npz", **given)
    files = [script, folder / "given.npz", folder / "found.npz"]
    command = [str(python), "-W", "ignore", *map(str, files)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    with np.load(folder / "found.npz") as found:
        return dict(found)
