"""Configurations that were made to harm: parts that multiply, endless depth, names that leave the study's folder."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from dermalign.errors import InputError
from dermalign.study.configuration import MOST_LEVELS, checked
from dermalign.study.study import Study

REPOSITORY = Path(__file__).resolve().parents[2]


def settings(**changes: Any) -> dict[str, Any]:
    """The embedded study's configuration, with some of its keys changed; a dot leads to a key within another."""
    found: dict[str, Any] = yaml.safe_load((REPOSITORY / "config.yaml").read_text(encoding="utf-8"))
    for key, value in changes.items():
        *above, last = key.split(".")
        part = found
        for name in above:
            part = part[name]
        part[last] = value
    return found


def test_the_study_that_is_changed_here_is_sound() -> None:
    assert Study(checked(settings())).results == "results/embedded"


NAMES = [
    "../x",
    "/tmp/x",
    "..",
    ".",
    "a/b",
    "a\\b",
    "x\n",
    "\nx",
    "a\0b",
    "$(touch x)",
    "; rm",
    "{x}",
    "a b",
    "~",
    "",
    "é",
    "x" * 101,
]


@pytest.mark.parametrize("name", NAMES)
def test_a_study_is_called_by_a_name_that_leaves_no_folder(name: str) -> None:
    with pytest.raises(InputError, match="study"):
        checked(settings(study=name))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "place",
    [
        lambda name: {"models": {name: {"classifier": "a.keras", "pixels": "raw"}}},
        lambda name: {"methods": {name: {"kind": "gradcam"}}},
        lambda name: {"variants": {name: {"kind": "tiles", "of": "gradcam"}}},
        lambda name: {"features": [name]},
        lambda name: {"classes": ["MEL", "NV", name]},
        lambda name: {"groups": {name: {"correct": True}, "other": {"correct": False}}},
        lambda name: {"feedback": {name: "a.zip"}},
        lambda name: {"segmentation": {"networks": {name: {}}}},
        lambda name: {"groupings": {name: {"column": "sex"}}},
    ],
    ids=["models", "methods", "variants", "features", "classes", "groups", "feedback", "networks", "groupings"],
)
def test_names_of_parts_leave_no_folder(place: Callable[[str], dict[str, Any]], name: str) -> None:
    with pytest.raises(InputError) as stopped:
        checked(settings(**place(name)))
    assert "it must match" in str(stopped.value) or any(
        words in str(stopped.value)
        for words in (
            "does not match",
            "control character",
            "letters. Shorten it",
            "is too long",
            "is no key",
            "must be",
        )
    )


@pytest.mark.parametrize("key", ["archives.folder", "archives.training_pictures", "weights_folder", "example"])
@pytest.mark.parametrize("text", ["a\0b", "a\nb", "a\x1b[31mb", "a\u2028b"])
def test_texts_that_no_file_is_called_by(key: str, text: str) -> None:
    with pytest.raises(InputError, match="with an end of line or a control character") as stopped:
        checked(settings(**{key: text}))
    assert str(stopped.value).isprintable()


@pytest.mark.parametrize("name", ["../x.zip", "/tmp/x.zip", "a/../../x.zip"])
@pytest.mark.parametrize("key", ["evaluation_pictures", "training_labels", "diagnoses", "lesion_masks"])
def test_archives_are_drawn_within_their_folder(key: str, name: str) -> None:
    changed = settings(**{f"archives.{key}": [name] if key == "diagnoses" else name})
    with pytest.raises(InputError, match=r"names .*x\.zip, which would be drawn or fetched to a place outside"):
        checked(changed)
    del changed["archives"]["drawn"]  # read from there they may be
    assert checked(changed)


@pytest.mark.parametrize("name", ["../x.zip", "/tmp/x.zip"])
def test_archives_are_fetched_into_their_folder(name: str) -> None:
    changed = settings(**{"archives.sources": {name: {"url": "https://example.org/x.zip"}}})
    with pytest.raises(InputError, match=r"names .*x\.zip, which would be drawn or fetched to a place outside"):
        checked(changed)


def laughing(of_lists: bool) -> Any:
    """Ten of ten of ten ...: thirteen lines of YAML with more values than can be counted."""
    lines = ["a0: &a0 [x, x]" if of_lists else "a0: &a0 {x: 1}"]
    for number in range(1, 13):
        parts = [f"k{place}: *a{number - 1}" for place in range(10)]
        inside = ", ".join(part.partition(" ")[2] if of_lists else part for part in parts)
        lines.append(f"a{number}: &a{number} {'[' if of_lists else '{'}{inside}{']' if of_lists else '}'}")
    return yaml.safe_load("\n".join(lines))


@pytest.mark.parametrize("of_lists", [True, False])
def test_parts_that_multiply_are_refused_at_once(of_lists: bool) -> None:
    with pytest.raises(InputError, match=r"there are more than 100000 values, or 20 levels in the configuration"):
        checked({**settings(), "groups": laughing(of_lists)})


@pytest.mark.parametrize("depth", [MOST_LEVELS + 1, 900, 100_000])
def test_what_is_deep_is_refused_in_words(depth: int) -> None:
    deep: Any = {}
    for _ in range(depth):
        deep = {"a": deep}
    with pytest.raises(InputError, match=r"more than 100000 values, or 20 levels in the configuration"):
        checked({**settings(), "groups": deep})


# What Snakemake itself does with the file, before any of this is asked


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("study: !!python/object/apply:os.system ['touch started']\n", "not valid JSON or YAML"),
        ("study: !!python/object/new:os.system ['touch started']\n", "not valid JSON or YAML"),
        ('study: "embedded\\n"\n', "with an end of line or a control character"),
        ("study: ../x\n", '`study` is "../x"; it must match'),
    ],
)
def test_snakemake_runs_no_code_of_a_tag_and_says_what_is_wrong(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "overlay.yaml").write_text(text, encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-m", "snakemake", "-n", "-s", REPOSITORY / "Snakefile", "--configfile", "overlay.yaml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode != 0 and words in run.stdout + run.stderr
    assert not (tmp_path / "started").exists() and not (tmp_path / "results").exists()
