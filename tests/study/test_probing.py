"""Questions to Keras: asked once, kept for as long as the code that answers is the same."""

import io
import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from dermalign.errors import InputError
from dermalign.study import probing
from dermalign.study.probing import Question, answer, probed

PLAIN = {"architecture": "plain_stack", "input_size": 64, "saliency_layer": "last_convolution", "weights": "none"}


def question(**settings: Any) -> Question:
    return Question({**PLAIN, **settings}, {**PLAIN, **settings})


@pytest.mark.slow
def test_grids_are_asked_once_and_faults_name_the_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    questions = {
        "models.fine": question(),
        "models.large": question(input_size=128),
        "models.wrong": question(saliency_layer="block9"),
    }
    with pytest.raises(InputError, match=r"models\.wrong: .*block9"):
        probed("classifiers.probe", questions, tmp_path)
    del questions["models.wrong"]

    def asked(*_: object, **__: object) -> None:
        raise AssertionError("Keras is started again")

    monkeypatch.setattr(subprocess, "run", asked)
    found = probed("classifiers.probe", questions, tmp_path)  # what could be answered was kept beside the fault
    grids = {name: answer["layers"]["last_convolution"]["grid"] for name, answer in found.items()}
    assert grids["models.large"] == [2 * cells for cells in grids["models.fine"]]
    renamed = probed("classifiers.probe", {"models.other": question()}, tmp_path)
    assert renamed["models.other"] == found["models.fine"]  # a name changes nothing
    with pytest.raises(AssertionError, match="started again"):
        probed("classifiers.probe", {"models.new": question(input_size=96)}, tmp_path)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of all questions that are asked, in the place of a process that answers them."""
    names: list[str] = []

    def ask(module: str, questions: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
        names.extend(questions)
        return {name: {"of": module, **settings} for name, settings in questions.items()}

    monkeypatch.setattr(probing, "_ask", ask)
    return names


def test_an_answer_counts_for_the_code_that_gave_it(
    tmp_path: Path, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    questions = {"a": question()}
    codes = {"classifiers.probe": "first", "other.probe": "other"}
    monkeypatch.setattr(probing, "code_digest", lambda script, module: codes[module] if script is None else "")
    for _ in range(2):
        assert probed("classifiers.probe", questions, tmp_path) == {"a": {"of": "classifiers.probe", **PLAIN}}
    assert asked == ["a"]
    codes["classifiers.probe"] = "second"
    probed("classifiers.probe", questions, tmp_path)
    assert asked == ["a", "a"]
    codes["classifiers.probe"] = "first"  # as after going back to another version
    probed("classifiers.probe", questions, tmp_path)
    assert asked == ["a", "a"]
    assert probed("other.probe", questions, tmp_path) == {"a": {"of": "other.probe", **PLAIN}}
    monkeypatch.setattr(probing, "version", lambda library: f"another {library}")
    probed("classifiers.probe", questions, tmp_path)
    assert asked == ["a"] * 4


def test_only_what_an_answer_depends_on_is_asked_anew(tmp_path: Path, asked: list[str]) -> None:
    for path, digest in (("here.keras", "1"), ("there.keras", "1"), ("there.keras", "2")):
        probed("classifiers.probe", {"a": Question({"classifier": path}, {"digest": digest})}, tmp_path)
    assert asked == ["a", "a"]
    turned = Question({}, dict(reversed(PLAIN.items())))
    probed("classifiers.probe", {"b": question(), "c": turned}, tmp_path)  # the order of keys is no difference
    assert probed("classifiers.probe", {"c": turned}, tmp_path)
    assert asked == ["a", "a", "b", "c"]


def test_no_question_starts_nothing(tmp_path: Path, asked: list[str]) -> None:
    assert probed("classifiers.probe", {}, tmp_path) == {}
    assert asked == []


def test_a_program_that_fails_is_told_with_its_words(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"(?s)the models cannot be built with Keras:.*No module named"):
        probed("classifiers", {"a": question()}, tmp_path)


def test_each_question_is_answered_or_refused_in_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def half(settings: Mapping[str, Any]) -> dict[str, Any]:
        if settings["of"] % 2:
            raise InputError(f"{settings['of']} is odd")
        return {"half": settings["of"] // 2}

    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps({"a": {"of": 4}, "b": {"of": 5}})))
    answer(half)
    assert json.loads(capsys.readouterr().out) == {"a": {"half": 2}, "b": {"error": "5 is odd"}}
