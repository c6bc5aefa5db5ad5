"""The record of a study: what it was made from, with what, when."""

import hashlib
import json
import os
import platform
import subprocess
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
from dermalign import __version__
from dermalign.results.provenance import (
    classifier_record,
    commit_of,
    file_record,
    read_record,
    study_record,
    times_of,
    versions,
    without_secrets,
    write_record,
)
from hypothesis import given
from hypothesis import strategies as st

CONFIGURATION: dict[str, Any] = {
    "study": "mine",
    "seed": 7,
    "archives": {"folder": "data", "sources": {"a.zip": {"url": "https://me:secret@example.org/a.zip?key=secret"}}},
    "models": {"plain": {"architecture": "plain_stack"}},
}


def record(**changes: Any) -> dict[str, Any]:
    """Return the record of a small study."""
    given: dict[str, Any] = {
        "written": "2026-01-02T03:04:05+00:00",
        "backend": "tensorflow",
        "repository": "/nowhere",
        "archives": pd.DataFrame([["archives.a", "data/a.zip", 3, 2**40, "0" * 64]], columns=list("abcde")),
        "classifiers": {"plain": {"path": "classifiers/plain/model.keras"}},
        "networks": {"unet": [{"path": "segmentation/unet/fold_1/model.keras"}]},
        "published": None,
        "training": pd.DataFrame({"split": ["train"] * 5 + ["excluded"] * 2}),
        "evaluation": pd.DataFrame({"included": [True, False, True]}),
        "times": {"jobs": 0},
        **changes,
    }
    return study_record(CONFIGURATION, **given)


def test_the_record_says_what_it_was_given_and_counts(tmp_path: Path) -> None:
    found = record()
    assert found["pictures"] == {
        "training": {"train": 5, "validation": 0, "test": 0, "excluded": 2},
        "evaluation": 3,
        "analysed": 2,
    }
    assert (found["study"], found["seed"], found["commit"], found["changed"]) == ("mine", 7, None, None)
    assert found["archives"] == [{"a": "archives.a", "b": "data/a.zip", "c": 3, "d": 2**40, "e": "0" * 64}]
    assert found["networks"] == {"unet": [{"path": "segmentation/unet/fold_1/model.keras"}]}
    assert "secret" not in json.dumps(found)
    assert record(training=None)["pictures"]["training"] is None
    write_record(tmp_path / "study.json", found)
    assert read_record(tmp_path / "study.json") == found
    assert (tmp_path / "study.json").read_text().startswith('{\n  "study": "mine",\n')


def test_what_cannot_be_written_leaves_what_was_there(tmp_path: Path) -> None:
    write_record(tmp_path / "study.json", record())
    before = (tmp_path / "study.json").read_bytes()
    with pytest.raises(TypeError):
        write_record(tmp_path / "study.json", {"study": object()})
    assert (tmp_path / "study.json").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["study.json"]


def test_versions_are_those_of_this_process() -> None:
    found = versions()
    assert found["dermalign"] == __version__ and found["python"] == platform.python_version()
    for module in (np, pd, keras):
        assert found[module.__name__] == module.__version__
    assert {"snakemake", "tensorflow", "h5py", "matplotlib", "pillow", "scipy", "platform"} <= set(found)


# ---- The commit


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one commit of a Snakefile and a page."""
    folder = tmp_path / "repository"
    (folder / "workflow_scripts").mkdir(parents=True)
    for name in ("Snakefile", "page.md"):
        (folder / name).write_text(name)
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "--quiet", "--message", "first")
    return folder


def git(folder: Path, *arguments: str) -> str:
    """Run Git in a folder and return what it says."""
    return subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def test_the_commit_is_gits(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    head = git(repository, "rev-parse", "HEAD")
    assert len(head) == 40 and commit_of(repository) == (head, False)
    monkeypatch.setenv("GIT_DIR", str(repository / "elsewhere"))  # as in a hook of another repository
    assert commit_of(repository) == (head, False)


@pytest.mark.parametrize(
    ("path", "changed"),
    [
        ("page.md", True),
        ("Snakefile", True),
        ("workflow_scripts/new module.py", True),
        ("rules/new.smk", True),
        ("my_study.yaml", False),
        ("results/mine/study.json", False),
    ],
)
def test_changes_are_of_what_is_known_and_new_code(repository: Path, path: str, changed: bool) -> None:
    (repository / path).parent.mkdir(parents=True, exist_ok=True)
    (repository / path).write_text("other")
    assert commit_of(repository)[1] is changed


def test_a_file_that_is_gone_is_a_change(repository: Path) -> None:
    (repository / "page.md").unlink()
    assert commit_of(repository)[1] is True


def test_a_copy_without_its_history_has_no_commit(repository: Path, tmp_path: Path) -> None:
    assert commit_of(tmp_path) == (None, None)
    assert commit_of(repository / "workflow_scripts") == (None, None)  # unpacked inside another repository
    git(tmp_path, "init", "--quiet")
    assert commit_of(tmp_path) == (None, None)  # no commit yet


# ---- Files


def test_classifiers_are_told_by_their_files(tmp_path: Path) -> None:
    path = tmp_path / "classifiers" / "plain" / "model.keras"
    path.parent.mkdir(parents=True)
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(path)
    weights = tmp_path / "weights.h5"
    weights.write_bytes(b"weights")
    assert classifier_record(path, tmp_path, [weights]) == {
        "path": "classifiers/plain/model.keras",
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "keras": keras.__version__,
        "made_from": [{"path": str(weights), "sha256": hashlib.sha256(b"weights").hexdigest()}],
    }
    graph = path.with_name("model.pb")
    graph.write_bytes(b"graph")
    assert classifier_record(graph, tmp_path, [])["keras"] is None
    with zipfile.ZipFile(graph, "w") as opened:
        opened.writestr("other", "")
    assert classifier_record(graph, tmp_path, [])["keras"] is None
    assert file_record(weights, "as/configured")["path"] == "as/configured"


# ---- Times


def benchmark(path: Path, ended: float, *seconds: float) -> None:
    """Write a benchmark file as Snakemake does, at its time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [f"{each}\t0:00:00\tNA\tNA" for each in seconds]
    path.write_text("\n".join(["s\th:m:s\tmax_rss\tcpu_time", *rows, ""]))
    os.utime(path, (ended, ended))


def test_times_by_hand(tmp_path: Path) -> None:
    benchmark(tmp_path / "train" / "plain.tsv", 1000, 100)  # 900 to 1000
    benchmark(tmp_path / "train" / "residual.tsv", 1050, 80)  # 970 to 1050
    benchmark(tmp_path / "saliency" / "plain" / "gradcam" / "00000.tsv", 1040, 10)  # within it
    benchmark(tmp_path / "table1.tsv", 5000, 2.5)  # long after, in another run
    found = times_of(tmp_path)
    assert datetime.fromisoformat(found["started"]).timestamp() == 900
    assert datetime.fromisoformat(found["ended"]).timestamp() == 5000
    assert datetime.fromisoformat(found["ended"]).utcoffset() is not None
    assert (found["seconds"], found["job_seconds"], found["jobs"]) == (152.5, 192.5, 4)
    assert list(found["by_step"]) == ["train", "saliency", "table1"]
    train = found["by_step"]["train"]
    assert (train["jobs"], train["job_seconds"]) == (2, 180.0)
    assert datetime.fromisoformat(train["ended"]).timestamp() == 1050


def test_a_study_without_benchmarks_has_no_times(tmp_path: Path) -> None:
    nothing = {"started": None, "ended": None, "seconds": 0, "jobs": 0, "job_seconds": 0, "by_step": {}}
    assert times_of(tmp_path) == times_of(tmp_path / "nowhere") == nothing


@given(st.lists(st.tuples(st.integers(100, 200), st.integers(0, 100)), min_size=1, max_size=8))
def test_seconds_are_those_in_which_a_job_runs(
    tmp_path_factory: pytest.TempPathFactory, jobs: list[tuple[int, int]]
) -> None:
    folder = tmp_path_factory.mktemp("benchmarks")
    for number, (ended, seconds) in enumerate(jobs):
        benchmark(folder / f"{number}.tsv", ended, seconds)
    running = {second for ended, seconds in jobs for second in range(ended - seconds, ended)}
    found = times_of(folder)
    assert found["seconds"] == len(running) <= found["job_seconds"] == sum(seconds for _, seconds in jobs)


# ---- What is not for readers


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("https://example.org/a.zip", "https://example.org/a.zip"),
        ("https://me:pass@example.org:8080/a.zip", "https://...@example.org:8080/a.zip"),
        ("https://token@example.org/a.zip", "https://...@example.org/a.zip"),
        ("https://example.org/a.zip?sig=secret&x=1#part", "https://example.org/a.zip?..."),
        ("docker://me:p@ss@registry/image:1.0", "docker://...@registry/image:1.0"),
        ("file:///data/a.zip", "file:///data/a.zip"),
        ("data/a.zip", "data/a.zip"),
        ("{image}_attribute_{feature}.png", "{image}_attribute_{feature}.png"),
        ("https://[broken", "..."),
        (0.5, 0.5),
        (None, None),
    ],
)
def test_addresses_keep_their_secrets(value: Any, told: Any) -> None:
    assert without_secrets({"a": [{"b": value}], "c": value}) == {"a": [{"b": told}], "c": told}


WORDS = st.text("abc012", min_size=1, max_size=8)
PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=20).filter(lambda text: "://" not in text),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@given(PLAIN)
def test_all_else_stays_as_it_is(value: Any) -> None:
    assert without_secrets(value) == value


@given(WORDS, WORDS)
def test_no_password_is_told(password: str, query: str) -> None:
    told = without_secrets(f"https://user:PASS{password}@example.org/data.zip?k=QUERY{query}")
    assert "PASS" not in told and "QUERY" not in told and told.startswith("https://...@example.org/data.zip")
