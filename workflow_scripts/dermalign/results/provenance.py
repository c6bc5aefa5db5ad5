"""The record of a study, study.json: what it was made from, with what, when, and how long it took.

Plain values, by key:

- study: its name; written: when, as all times in ISO 8601 with the time zone;
- commit: of the repository whose workflow wrote this; changed: whether its files differ from that commit, or its code
  has files that no commit knows; both null where there is no repository, as in a copy that was unpacked;
- seed: of everything random;
- pictures: training, {split: number}, null without training pictures; evaluation: with masks; analysed;
- versions: of dermalign, Python, what it uses and the platform; backend: of Keras;
- archives: as `data.archive_digests`: key, path, files, bytes, sha256;
- published: path and SHA-256 of the file of published values, null without one;
- classifiers: {model: path, in the folder of results; sha256; keras: the version of Keras that wrote it, null of a
  frozen graph; made_from: path and SHA-256 of the weights that its training started from, or of what was brought};
- networks: {segmentation network: the same of each fold's};
- configuration: as it was checked, defaults filled in; of addresses in it passwords and queries are left out;
- times: see `times_of`.

Jobs whose files are up to date are not run again: their times tell which they are, and versions and commit are those of
the last job, which writes this. What an address hides and the environment has is not in here.
"""

import csv
import json
import os
import platform
import subprocess
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pandas as pd

from .. import __version__
from ..files import file_sha256, write_text
from ..terms import EXCLUDED

PACKAGES = (
    "snakemake",
    "tensorflow",
    "jax",
    "keras",
    "numpy",
    "scipy",
    "scikit-image",
    "pandas",
    "h5py",
    "pillow",
    "matplotlib",
)
SPLITS = ("train", "validation", "test", EXCLUDED)
# Where a file that no commit knows may change results.
CODE = ("Snakefile", "config.yaml", "rules/", "schemas/", "workflow_scripts/")
LEFT_OUT = "..."


def study_record(
    configuration: Mapping[str, Any],
    *,
    written: str,
    backend: str,
    repository: str | Path,
    archives: pd.DataFrame,
    classifiers: Mapping[str, Mapping[str, Any]],
    networks: Mapping[str, Sequence[Mapping[str, Any]]],
    published: Mapping[str, str] | None,
    training: pd.DataFrame | None,
    evaluation: pd.DataFrame,
    times: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the record of a study, plain values for JSON, as the module describes it.

    configuration: as it was checked. archives: as `data.archive_digests`. classifiers: {model: `classifier_record`};
    networks: {network: those of its folds}. published: `file_record`. training, evaluation: manifests. times: as
    `times_of`.
    """
    commit, changed = commit_of(repository)
    splits = None if training is None else {split: int((training["split"] == split).sum()) for split in SPLITS}
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
        "versions": versions(),
        "backend": backend,
        "archives": archives.to_dict("records"),
        "published": published,
        "classifiers": {model: dict(record) for model, record in classifiers.items()},
        "networks": {network: [dict(record) for record in folds] for network, folds in networks.items()},
        "configuration": without_secrets(configuration),
        "times": dict(times),
    }


def write_record(path: str | Path, record: Mapping[str, Any]) -> None:
    """Write a record as JSON, whole or not at all."""
    write_text(path, json.dumps(record, indent=2, ensure_ascii=False) + "\n")


def read_record(path: str | Path) -> dict[str, Any]:
    """Read a record. Raises FileNotFoundError."""
    record: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
    return record


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
    """Return the commit of a repository and whether it has changes; None for both where there is no repository.

    Changes are files that differ from the commit, and new ones among its code; a study's own overlay or its data beside
    it are none.
    """
    if not (Path(repository) / ".git").exists():  # not that of a repository around it
        return None, None
    try:
        commit = _git(repository, "rev-parse", "HEAD").strip()
        lines = _git(repository, "status", "--porcelain", "--untracked-files=all").splitlines()
    except (OSError, subprocess.CalledProcessError):
        return None, None
    return commit, any(not line.startswith("??") or line[3:].strip('"').startswith(CODE) for line in lines)


def _git(repository: str | Path, *arguments: str) -> str:
    # Where a hook of another repository runs the workflow, its variables would name that one.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", "-C", str(repository), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout


def file_record(path: str | Path, name: str | Path | None = None) -> dict[str, str]:
    """Return path and SHA-256 of a file; name: the path to tell, where it is another one. Raises OSError."""
    return {"path": str(name or path), "sha256": file_sha256(path)}


def classifier_record(path: str | Path, results: str | Path, made_from: Iterable[str | Path]) -> dict[str, Any]:
    """Return what the module describes of a classifier.

    path: of its file. results: the folder of results. made_from: files with the weights that its training started from,
    or those that were brought. Raises OSError.
    """
    name = Path(path).relative_to(results)
    return {
        **file_record(path, name.as_posix()),
        "keras": _keras_version(path),
        "made_from": [file_record(file) for file in made_from],
    }


def _keras_version(path: str | Path) -> str | None:
    if not zipfile.is_zipfile(path):
        return None
    with zipfile.ZipFile(path) as opened:
        if "metadata.json" not in opened.namelist():
            return None
        found = json.loads(opened.read("metadata.json")).get("keras_version")
    return None if found is None else str(found)


def times_of(benchmarks: str | Path) -> dict[str, Any]:
    """Return when and how long jobs ran, from Snakemake's benchmark files, which it writes as a job ends:

    - started: the first job; ended: the last one; None for both where there are no such files;
    - seconds: in which at least one job ran; those between two runs do not count;
    - jobs: how many; job_seconds: of all of them, those beside each other each;
    - by_step: {step: jobs, job_seconds, ended}, the longest first; a step is the first part of a file's path.

    Of a job that was tried again or taken up again only the last time is known. Where benchmark files were copied
    without their times, `job_seconds` alone holds.
    """
    found: dict[str, list[tuple[float, float]]] = {}
    for path in sorted(Path(benchmarks).rglob("*.tsv")):
        step = path.relative_to(benchmarks).parts[0].removesuffix(".tsv")
        with path.open(encoding="utf-8", newline="") as file:
            seconds = sum(float(row["s"]) for row in csv.DictReader(file, delimiter="\t"))
        found.setdefault(step, []).append((path.stat().st_mtime, seconds))
    jobs = [job for of_step in found.values() for job in of_step]
    steps: dict[str, dict[str, Any]] = {
        step: {
            "jobs": len(of_step),
            "job_seconds": round(sum(seconds for _, seconds in of_step), 1),
            "ended": _moment(max(ended for ended, _ in of_step)),
        }
        for step, of_step in found.items()
    }
    return {
        "started": _moment(min(ended - seconds for ended, seconds in jobs)) if jobs else None,
        "ended": _moment(max(ended for ended, _ in jobs)) if jobs else None,
        "seconds": round(_covered([(ended - seconds, ended) for ended, seconds in jobs]), 1),
        "jobs": len(jobs),
        "job_seconds": round(sum(seconds for _, seconds in jobs), 1),
        "by_step": dict(sorted(steps.items(), key=lambda item: (-item[1]["job_seconds"], item[0]))),
    }


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().isoformat(timespec="seconds")


def _covered(spans: Sequence[tuple[float, float]]) -> float:
    """Return the length of the union of spans (first, last)."""
    total, reached = 0.0, float("-inf")
    for first, last in sorted(spans):
        total += max(0.0, last - max(first, reached))
        reached = max(reached, last)
    return total


def without_secrets(value: Any) -> Any:
    """Return a value of a configuration with `...` for name, password and query of every address in it.

    An address with a password, or one that was signed for a day, opens what is not for readers of the results.
    """
    if isinstance(value, Mapping):
        return {key: without_secrets(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [without_secrets(each) for each in value]
    if not isinstance(value, str) or "://" not in value:
        return value
    try:
        address = urlsplit(value)
    except ValueError:  # a bracket that is not closed
        return LEFT_OUT
    user, _, host = address.netloc.rpartition("@")
    if not user and not address.query:
        return value
    netloc = f"{LEFT_OUT}@{host}" if user else host
    return address._replace(netloc=netloc, query=LEFT_OUT if address.query else "", fragment="").geturl()
