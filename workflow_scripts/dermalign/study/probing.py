"""What a classifier is like, asked before any job: its saliency layer exists, and its grid's shape.

Building a backbone, or loading a classifier that is brought along, needs Keras, whose import takes seconds. So it is
asked once per model's settings (and file's content), in a process of its own, and the answer is kept.
"""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..files import write_text

ASKED = ("architecture", "input_size", "saliency_layer")
# Of a brought classifier; `digest` is of its content and `library` of the code that looks into it.
ASKED_OF_BROUGHT = ("classifier", "digest", "library", "pixels", "classes", "input_size", "saliency_layer", "logits")


def grids(models: Mapping[str, Mapping[str, Any]], cache: str | Path) -> dict[str, tuple[int, int]]:
    """Return {model: (h, w)} of the models' saliency layers; see `probed`."""
    found = {model: answer["grid"] for model, answer in probed(models, cache).items()}
    return {model: (rows, columns) for model, (rows, columns) in found.items()}


def probed(models: Mapping[str, Mapping[str, Any]], cache: str | Path) -> dict[str, dict[str, Any]]:
    """Return {model: answer}; an answer has `grid`, for a brought classifier all that `adoption.Found` has.

    cache: folder for the answers. Raises InputError for an unknown architecture, a layer that the model lacks, an input
    size that the architecture cannot take, or a brought classifier that cannot be used.
    """
    files = {model: Path(cache) / f"{_key(settings)}.json" for model, settings in models.items()}
    unknown = {model: _asked(models[model]) for model, path in files.items() if not path.is_file()}
    if unknown:
        for model, answer in _ask(unknown).items():
            if "error" in answer:
                raise InputError(f"models.{model}: {answer['error']}")
            write_text(files[model], json.dumps(answer))
    return {model: json.loads(path.read_text(encoding="utf-8")) for model, path in files.items()}


def _asked(settings: Mapping[str, Any]) -> dict[str, Any]:
    if "classifier" in settings:
        # Which backend computes decides whether a SavedModel can be used.
        asked = {key: settings[key] for key in ASKED_OF_BROUGHT if key in settings}
        return {**asked, "backend": os.environ.get("KERAS_BACKEND", "")}
    return {key: settings[key] for key in ASKED}


def _key(settings: Mapping[str, Any]) -> str:
    # A file that was moved is the same classifier.
    named = {key: value for key, value in _asked(settings).items() if key != "classifier"}
    asked = json.dumps([named, version("keras")], sort_keys=True)
    return hashlib.sha256(asked.encode()).hexdigest()[:16]


def _ask(models: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2]), "TF_CPP_MIN_LOG_LEVEL": "3"}
    process = subprocess.run(
        [sys.executable, "-m", "dermalign.study.probing"],
        input=json.dumps(models),
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    if process.returncode:
        raise InputError(f"the models cannot be built with Keras:\n{process.stderr.strip()[-2000:]}")
    return json.loads(process.stdout.splitlines()[-1])


def _answer() -> None:
    from ..classifiers.brought.adoption import probe_classifier
    from ..classifiers.probe import probe

    answers: dict[str, dict[str, Any]] = {}
    for model, settings in json.load(sys.stdin).items():
        try:
            if "classifier" in settings:
                answers[model] = probe_classifier(settings)
            else:
                answers[model] = {"grid": list(probe(settings)["grid"])}
        except InputError as error:
            answers[model] = {"error": str(error)}
    print(json.dumps(answers))


if __name__ == "__main__":
    _answer()
