"""The record of a study says what it was made from."""

import hashlib
import json
import subprocess
from importlib.metadata import version
from pathlib import Path

import pandas as pd
from dermalign.results.provenance import commit_of, models_in_words, seconds_of, study_record, versions, write_record


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_the_commit_and_whether_files_differ_from_it(tmp_path: Path) -> None:
    assert commit_of(tmp_path) == (None, None)
    git(tmp_path, "init", "-q")
    assert commit_of(tmp_path) == (None, None)  # nothing is committed yet
    (tmp_path / "a").write_text("1")
    git(tmp_path, "add", "a")
    git(tmp_path, "commit", "-qm", "first")
    head = git(tmp_path, "rev-parse", "HEAD")
    assert commit_of(tmp_path) == (head, False)
    (tmp_path / "results").write_text("not tracked")
    assert commit_of(tmp_path) == (head, False)
    (tmp_path / "a").write_text("2")
    assert commit_of(tmp_path) == (head, True)
    (tmp_path / "inside").mkdir()
    assert commit_of(tmp_path / "inside") == (None, None)  # a copy within another repository has no commit of its own


def test_versions_are_those_that_are_installed() -> None:
    found = versions()
    assert found["numpy"] == version("numpy") and found["snakemake"] == version("snakemake")
    assert "jax" not in found or found["jax"] == version("jax")
    assert {"dermalign", "python", "platform", "keras", "h5py"} <= set(found)


def test_seconds_are_added_up_by_rule(tmp_path: Path) -> None:
    for name, seconds in {"train/plain": 30.25, "train/residual": 3.0, "table1": 0.4, "maps/plain/gradcam": 60}.items():
        path = tmp_path / f"{name}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"s\th:m:s\tmax_rss\n{seconds}\t0:00:01\t-\n")
    assert list(seconds_of(tmp_path).items()) == [("maps", 60.0), ("train", 33.2), ("table1", 0.4)]
    assert seconds_of(tmp_path / "none") == {}


def test_the_record_is_of_plain_values(tmp_path: Path) -> None:
    (tmp_path / "model.keras").write_bytes(b"weights")
    training = pd.DataFrame({"split": ["train", "train", "test"]})
    evaluation = pd.DataFrame({"included": [True, False, True]})
    archives = pd.DataFrame([{"key": "archives.x", "path": "a.zip", "files": 3, "bytes": 9, "sha256": "ab"}])
    configuration = {"study": "mine", "seed": 7, "models": {"plain": {}}, "thresholds": [0, 0.5]}
    record = study_record(
        configuration,
        written="2026-01-02T03:04:05+00:00",
        backend="jax",
        repository=tmp_path,
        archives=archives,
        classifiers={"plain": tmp_path / "model.keras"},
        training=training,
        evaluation=evaluation,
        benchmarks=tmp_path / "benchmarks",
    )
    write_record(tmp_path / "study.json", record)
    read = json.loads((tmp_path / "study.json").read_text())
    assert read == record
    assert read["pictures"] == {"training": {"train": 2, "test": 1}, "evaluation": 3, "analysed": 2}
    assert read["classifiers"] == {"plain": hashlib.sha256(b"weights").hexdigest()}
    assert (read["study"], read["seed"], read["backend"], read["commit"]) == ("mine", 7, "jax", None)
    assert read["archives"] == archives.to_dict("records") and read["configuration"] == configuration


def test_names_in_a_sentence() -> None:
    assert models_in_words(["a"]) == "a"
    assert models_in_words(["a", "b", "c"]) == "a, b and c"
