"""The record of a study, study.json: what it was made from, with what, and how long it took."""

import json
import platform
import subprocess
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pandas as pd

from .. import __version__
from ..files import file_sha256, write_text

PACKAGES = (
    "snakemake",
    "tensorflow",
    "jax",
    "keras",
    "numpy",
    "scipy",
    "pandas",
    "h5py",
    "pillow",
    "matplotlib",
)


def study_record(
    configuration: Mapping[str, Any],
    *,
    written: str,
    backend: str,
    repository: str | Path,
    archives: pd.DataFrame,
    classifiers: Mapping[str, str | Path],
    training: pd.DataFrame | None,
    evaluation: pd.DataFrame,
    benchmarks: str | Path,
) -> dict[str, Any]:
    """Return the record of a study, plain values for JSON:

    - study; written: when, ISO 8601 with the time zone; configuration: checked, defaults filled in; seed;
    - commit, changed: of the repository, and whether files differ from it; None where there is none;
    - versions: of dermalign, Python, packages that are installed, platform; backend: of Keras;
    - archives: as `data.archives` digests them: key, path, files, bytes, sha256;
    - classifiers: {model: SHA-256 of its file};
    - pictures: training by split (None without training pictures), evaluation, analysed;
    - seconds: of all jobs that made what there is, by rule, and together; jobs beside each other count each.

    training, evaluation: manifests. benchmarks: the study's folder of Snakemake's benchmark files.
    """
    commit, changed = commit_of(repository)
    seconds = seconds_of(benchmarks)
    splits = None if training is None else {str(key): int(n) for key, n in training["split"].value_counts().items()}
    return {
        "study": configuration["study"],
        "written": written,
        "commit": commit,
        "changed": changed,
        "seed": configuration["seed"],
        "pictures": {
            "training": splits,
            "evaluation": len(evaluation),
            "analysed": int(evaluation["included"].sum()),
        },
        "seconds": {"together": round(sum(seconds.values()), 1), "by_rule": seconds},
        "versions": versions(),
        "backend": backend,
        "archives": archives.to_dict("records"),
        "classifiers": {model: file_sha256(path) for model, path in classifiers.items()},
        "configuration": dict(configuration),
    }


def write_record(path: str | Path, record: Mapping[str, Any]) -> None:
    """Write a record as JSON, whole or not at all."""
    write_text(path, json.dumps(record, indent=2) + "\n")


def versions() -> dict[str, str]:
    """Return the versions of dermalign, Python, of packages that are installed, and the platform."""
    found = {"dermalign": __version__, "python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return {**found, "platform": platform.platform()}


def commit_of(repository: str | Path) -> tuple[str | None, bool | None]:
    """Return the commit of a repository and whether tracked files differ from it; None for both where it has none."""
    if not (Path(repository) / ".git").exists():  # not that of a repository around it
        return None, None
    try:
        commit = _git(repository, "rev-parse", "HEAD")
        return commit, bool(_git(repository, "status", "--porcelain", "--untracked-files=no"))
    except (OSError, subprocess.CalledProcessError):
        return None, None


def _git(repository: str | Path, *arguments: str) -> str:
    command = ["git", "-C", str(repository), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def seconds_of(benchmarks: str | Path) -> dict[str, float]:
    """Return how long the jobs of each rule ran, {rule: seconds}, from Snakemake's benchmark files, longest first."""
    found: dict[str, float] = {}
    for path in sorted(Path(benchmarks).rglob("*.tsv")):
        rule = path.relative_to(benchmarks).parts[0].removesuffix(".tsv")
        seconds = pd.read_csv(path, sep="\t", usecols=["s"])["s"].sum()
        found[rule] = round(found.get(rule, 0.0) + float(seconds), 1)
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def models_in_words(models: Sequence[str]) -> str:
    """Return names as they are listed in a sentence."""
    return models[0] if len(models) == 1 else f"{', '.join(models[:-1])} and {models[-1]}"
