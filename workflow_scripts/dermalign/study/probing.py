"""Questions that take seconds to answer, asked once in a process of their own before any job; answers are kept.

Building a network, or loading a classifier that is brought along, needs Keras, whose import alone takes seconds.
"""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import InputError, InputErrors
from ..files import write_text
from .digests import code_digest


class Question(NamedTuple):
    """What is asked: its settings, and of them what the answer depends on."""

    settings: Mapping[str, Any]
    identity: Mapping[str, Any]


def probed(module: str, questions: Mapping[str, Question], cache: str | Path) -> dict[str, dict[str, Any]]:
    """Return {name: answer} as a module of this library gives them; see `answer`, which it calls as a program.

    module: its name in this library, `classifiers.probe`. cache: folder for the answers, which count as long as the
    module's code, and what it imports, and the version of Keras are the same. Raises InputErrors in the module's own
    words, with the question's name before them, once all are answered.
    """
    code = [code_digest(None, module), version("keras")]
    files = {name: Path(cache) / f"{_key(question, code)}.json" for name, question in questions.items()}
    unknown = {name: questions[name].settings for name, path in files.items() if not path.is_file()}
    if unknown:
        given = _ask(module, unknown)
        for name, found in given.items():
            if "error" not in found:
                write_text(files[name], json.dumps(found))
        if faults := [f"{name}: {found['error']}" for name, found in given.items() if "error" in found]:
            raise InputErrors(faults)
    return {name: json.loads(path.read_text(encoding="utf-8")) for name, path in files.items()}


def answer(function: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> None:
    """Be the program that `probed` starts: apply a function to each question's settings, from and to JSON."""
    answers: dict[str, Mapping[str, Any]] = {}
    for name, settings in json.load(sys.stdin).items():
        try:
            answers[name] = function(settings)
        except InputError as error:
            answers[name] = {"error": str(error)}
    print(json.dumps(answers))


def _key(question: Question, code: list[str]) -> str:
    return hashlib.sha256(json.dumps([question.identity, code], sort_keys=True).encode()).hexdigest()[:16]


def _ask(module: str, questions: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2]), "TF_CPP_MIN_LOG_LEVEL": "3"}
    process = subprocess.run(
        [sys.executable, "-m", f"dermalign.{module}"],
        input=json.dumps(questions),
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    if process.returncode:
        raise InputError(f"the models cannot be built with Keras:\n{process.stderr.strip()[-2000:]}")
    answers: dict[str, dict[str, Any]] = json.loads(process.stdout.splitlines()[-1])
    return answers
