"""The project as packages: its sdist holds what its wheel is made of, and the wheel works where it is installed."""

import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from reference_environments import reference_python

from ..conftest import REPOSITORY

pytestmark = pytest.mark.slow

BUILD = "build==1.6.1"
# What `import dermalign` and its modules without Keras must do in a fresh environment: the schema is in the wheel.
TRIED = """
import importlib, pkgutil, sys
import yaml
import dermalign, dermalign.study.configuration
assert dermalign.__file__.startswith(sys.prefix), dermalign.__file__
assert dermalign.study.configuration.SCHEMA.is_relative_to(sys.prefix), dermalign.study.configuration.SCHEMA
print(dermalign.study.configuration.checked(yaml.safe_load(open(sys.argv[1])))["study"])
for stage in ("study", "data", "drawing", "overlap", "results"):
    package = importlib.import_module(f"dermalign.{stage}")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"dermalign.{stage}.{module.name}")
assert "keras" not in sys.modules and "tensorflow" not in sys.modules
"""


def run(command: Sequence[object], **environment: str) -> str:
    """Return what a command prints."""
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, check=False, env={**os.environ, **environment}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and with the wheel that was made of it, of what is committed."""
    folder = tmp_path_factory.mktemp("packages")
    python = reference_python("build", [], [BUILD])
    run(["git", "clone", "--quiet", REPOSITORY, folder / "clone"])
    run([python, "-m", "build", "--outdir", folder, folder / "clone"])  # the wheel is made of the sdist
    return folder


def test_the_wheel_of_the_sdist_has_the_library_and_the_schema(packages: Path) -> None:
    (wheel,) = packages.glob("dermalign-*.whl")
    with zipfile.ZipFile(wheel) as opened:
        found = {name: opened.read(name) for name in opened.namelist() if ".dist-info/" not in name}
    library = packages / "clone" / "workflow_scripts"
    schemas = packages / "clone" / "schemas"
    expected = {path.relative_to(library).as_posix(): path for path in (library / "dermalign").rglob("*")}
    expected |= {f"dermalign/schemas/{path.name}": path for path in schemas.iterdir()}
    expected = {name: path for name, path in expected.items() if path.is_file()}
    assert found == {name: path.read_bytes() for name, path in expected.items()}


def test_the_sdist_has_what_is_committed_and_no_more(packages: Path) -> None:
    (sdist,) = packages.glob("dermalign-*.tar.gz")
    with tarfile.open(sdist) as opened:
        found = {name.partition("/")[2] for name in opened.getnames()} - {"PKG-INFO"}
    committed = set(run(["git", "-C", packages / "clone", "ls-files"]).splitlines())
    assert found <= committed
    assert {"pyproject.toml", "README.md", "LICENSE", "Snakefile", "config.yaml", "requirements.lock"} <= found


def test_the_wheel_works_in_a_fresh_environment(packages: Path, tmp_path: Path) -> None:
    """With the packages that it depends on from the environment that runs the tests, put behind its own."""
    (wheel,) = packages.glob("dermalign-*.whl")
    venv.create(tmp_path / "fresh", with_pip=True)
    python = tmp_path / "fresh" / "bin" / "python"
    run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", wheel])
    (site,) = (tmp_path / "fresh" / "lib").glob("python*/site-packages")
    others = [path for path in sys.path if path.endswith("site-packages")]
    (site / "others.pth").write_text("\n".join(others), encoding="utf-8")
    assert run([python, "-c", TRIED, REPOSITORY / "config.yaml"], PYTHONPATH="") == "embedded\n"
