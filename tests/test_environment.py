"""Pins, hashes and licences: one set of versions everywhere, and no place that they must come from."""

import re
import subprocess
import tomllib
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import pytest
import yaml
from locks import PIN, entries, pins
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCKS = ["requirements.lock", "requirements-test.lock", "requirements-gpu.lock"]


@pytest.mark.parametrize("lock", LOCKS)
def test_locks_pin_with_hashes(lock: str) -> None:
    assert len(pins(lock)) == len(entries(lock)) > 50
    for entry in entries(lock):
        assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", entry), f"{lock}: {entry[:60]} has no hash"


@pytest.mark.parametrize("lock", LOCKS[1:])
def test_other_locks_hold_every_pin(lock: str) -> None:
    other = pins(lock)
    assert {name: other.get(name) for name in pins("requirements.lock")} == pins("requirements.lock")


@pytest.mark.parametrize(
    ("lock", "requirements"),
    [
        ("requirements.lock", PROJECT["dependencies"]),
        ("requirements-test.lock", PROJECT["dependencies"] + PROJECT["optional-dependencies"]["test"]),
        ("requirements-gpu.lock", PROJECT["dependencies"] + PROJECT["optional-dependencies"]["gpu"]),
    ],
)
def test_locks_hold_what_the_project_requires(lock: str, requirements: list[str]) -> None:
    locked = pins(lock)
    for requirement in map(Requirement, requirements):
        version = locked.get(canonicalize_name(requirement.name))
        assert version, f"{lock} lacks {requirement.name}"
        assert version in requirement.specifier, f"{lock}: {requirement} is not met by {version}"


def conda_pins(path: Path) -> dict[str, str]:
    environment: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    (pip,) = [part["pip"] for part in environment["dependencies"] if isinstance(part, dict)]
    exact = [re.fullmatch(PIN, line) for line in pip]
    assert all(exact), f"{path.name}: every line needs an exact version"
    return {canonicalize_name(match["name"]): match["version"] for match in exact if match}


def test_conda_environments_have_the_pins_of_the_lock() -> None:
    paths = sorted((REPOSITORY / "envs").glob("*.yaml"))
    assert paths
    locked = pins("requirements.lock")
    for path in paths:
        found = conda_pins(path)
        assert found == {name: locked.get(name) for name in found}, path.name


def test_conda_environments_hold_what_the_library_imports() -> None:
    """Every third-party module that a rule's environment may need: all but the workflow itself, and once what asks
    classifiers."""
    dependencies = {canonicalize_name(Requirement(line).name) for line in PROJECT["dependencies"]}
    needed = {name for name in dependencies if not name.startswith("snakemake")}
    assert set(conda_pins(REPOSITORY / "envs" / "classifier.yaml")) == needed
    assert set(conda_pins(REPOSITORY / "envs" / "analysis.yaml")) == needed - {"keras", "tensorflow", "saliency"}


def test_rules_name_environments_that_exist() -> None:
    rules = "".join(path.read_text(encoding="utf-8") for path in (REPOSITORY / "rules").glob("*.smk"))
    named = set(re.findall(r'"\.\./(envs/\w+\.yaml)"', rules))
    assert named == {f"envs/{path.name}" for path in (REPOSITORY / "envs").glob("*.yaml")}


def test_no_file_names_a_package_registry() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git repository: nobody knows which files belong to it")
    # Put together here, so that this file does not name them either.
    hosts = ["py" + "pi.org", "python" + "hosted", "anaconda" + ".org", "dev" + "pi"]
    pattern = re.compile(
        "|".join([*map(re.escape, hosts), r"(?<![\w-])--(extra-)?index" + r"-url", "PIP_INDEX" + "_URL"])
    )
    naming = []
    for name in filter(None, listed.stdout.split("\0")):
        path = REPOSITORY / name
        if path.is_file() and pattern.search(path.read_text(encoding="utf-8", errors="replace")):
            naming.append(name)
    assert naming == []


def licences(installed: Distribution) -> list[str]:
    """Return the licences among which one may choose: its expression's, else its classifiers, else its texts."""
    metadata = installed.metadata
    if expression := metadata.get("License-Expression"):
        return re.split(r"\bOR\b", expression)
    if classifiers := [line for line in metadata.get_all("Classifier") or [] if line.startswith("License ::")]:
        return classifiers
    if (text := metadata.get("License")) and text != "UNKNOWN":
        return [text]
    files = [file for file in installed.files or [] if re.search(r"(?i)licen[cs]e|copying", file.name)]
    return [" ".join(file.read_text().split()[:30]) for file in files]


def is_gpl(licence: str) -> bool:
    lesser = re.search(r"(?i)\bL-?GPL|lesser general public|library general public", licence)
    return not lesser and bool(re.search(r"(?i)\bA?GPL|general public license", licence))


def test_no_runtime_dependency_is_gpl_only() -> None:
    known = {}
    for name in pins("requirements.lock"):
        try:
            known[name] = licences(distribution(name))
        except PackageNotFoundError:
            continue  # of another platform
    assert len(known) > 50
    assert [name for name, found in known.items() if found and all(map(is_gpl, found))] == []
    assert any(is_gpl(licence) for licence in known["docutils"])  # of which one may choose another


def test_pre_commit_checks_what_make_lint_does() -> None:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    recipe = re.search(r"^lint: .*\n((?:\t.*\n)+)", makefile, re.M)
    assert recipe
    hooks = yaml.safe_load((REPOSITORY / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"][0]["hooks"]
    assert [hook["entry"] for hook in hooks] == [line.strip() for line in recipe[1].splitlines()]
