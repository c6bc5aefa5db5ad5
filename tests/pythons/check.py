"""Run on each Python that the project is for and that can be had: `make test-pythons`; `make test-pythons LIGHT=1`.

Each gets a fresh clone of what is committed. As it is, `make run` goes there the whole way of the embedded study, and
the results are compared byte for byte with those of the first Python. With --light, which takes a minute or two and is
what the continuous integration does, for the newest other Python than the one that runs this: the pins without Keras
and TensorFlow are installed, and tests of what does without these are run. Pythons come from the PATH, from pyenv, or
from uv, which fetches one where it can. What is not to be had is said, and no failure.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

REPOSITORY = Path(__file__).resolve().parents[2]
VERSIONS = ("3.11", "3.12", "3.13")  # as the Makefile and the environments have them
# What needs no Keras, and the packages of these tests.
LIGHT_TESTS = (
    *(
        "tests/data/test_tables.py",
        "tests/data/test_labels.py",
        "tests/data/test_masks.py",
        "tests/data/test_archives.py",
    ),
    *("tests/study/test_groups.py", "tests/saliency/test_stores.py", "tests/overlap/test_exact.py"),
    *("tests/results/test_published.py", "tests/test_files.py"),
)
WITH_TESTS = ("pytest", "pytest-xdist", "hypothesis", "scikit-learn")


def main() -> int:
    """Run on each Python and return 0, or 1 where one fails or differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--light", action="store_true")
    parser.add_argument("--cores", default="all")
    given = parser.parse_args()
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    statuses = []
    with TemporaryDirectory() as folder:
        first: Path | None = None
        for version in reversed(VERSIONS) if given.light else VERSIONS:
            if given.light and (version == own or statuses):
                continue
            python = find_python(version)
            if python is None:
                print(f"SKIPPED: Python {version} is not installed here and cannot be fetched", flush=True)
                continue
            clone, start = Path(folder) / version, time.monotonic()
            _run(["git", "clone", "--quiet", str(REPOSITORY), str(clone)])
            status = _light(python, clone) if given.light else _whole(python, clone, given.cores, first)
            said = "passed" if status == 0 else "FAILED"
            print(f"Python {_version_of(python)} ({python}): {said} in {time.monotonic() - start:.0f} s", flush=True)
            statuses.append(status)
            first = first or clone
    return int(any(statuses))


def find_python(version: str) -> Path | None:
    """Return the path of a Python of this version, `3.12`: the first that runs, or one that uv fetches; else None."""
    for path in _candidates(version):
        if (_version_of(path) or "").startswith(f"{version}."):
            return path
    uv = shutil.which("uv")
    if uv and subprocess.run([uv, "python", "install", "--quiet", version], check=False).returncode == 0:
        found = subprocess.run([uv, "python", "find", version], capture_output=True, text=True, check=False)
        return Path(found.stdout.strip()) if found.returncode == 0 else None
    return None


def _candidates(version: str) -> Iterator[Path]:
    if found := shutil.which(f"python{version}"):
        yield Path(found)
    yield from (Path(folder) / f"python{version}" for folder in ("/usr/bin", "/usr/local/bin"))
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from sorted((root / "versions").glob(f"{version}.*/bin/python"), reverse=True)


def _version_of(python: Path) -> str | None:
    """Return a Python's version as it says it, None for one that does not run, as pyenv's in the place of others."""
    try:
        run = subprocess.run([python, "--version"], capture_output=True, text=True, check=False)
    except OSError:
        return None
    return run.stdout.strip().removeprefix("Python ") if run.returncode == 0 else None


def _whole(python: Path, clone: Path, cores: str, first: Path | None) -> int:
    """Run the embedded study in a clone, and compare its results with those of the first clone."""
    if status := _run(["make", "-C", str(clone), "run", f"PYTHON={python}", f"CORES={cores}"]):
        return status
    if first is None:
        return 0
    results = [str(each / "results" / "embedded") for each in (first, clone)]
    return _run([str(clone / ".venv" / "bin" / "python"), str(REPOSITORY / "tests" / "compare_results.py"), *results])


def _light(python: Path, clone: Path) -> int:
    """Install the pins of the stages without a classifier and run the tests of these."""
    inside = str(clone / ".venv" / "bin" / "python")
    pins = dict(re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", (clone / "requirements-test.lock").read_text("utf-8"), re.M))
    (clone / "pins.txt").write_text("\n".join(f"{name}=={version}" for name, version in pins.items()), encoding="utf-8")
    named = re.findall(r"- ([a-z0-9-]+)==", (clone / "envs" / "analysis.yaml").read_text(encoding="utf-8"))
    install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-c", str(clone / "pins.txt")]
    return (
        _run([str(python), "-m", "venv", str(clone / ".venv")])
        or _run([inside, *install, *named, *WITH_TESTS])
        or _run([inside, "-m", "pytest", "-m", "not slow", *LIGHT_TESTS], clone)
    )


def _run(command: list[str], folder: Path | None = None) -> int:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run(command, cwd=folder, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
