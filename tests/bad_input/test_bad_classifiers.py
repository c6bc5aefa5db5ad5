"""Bad classifiers and files of weights are found before any job: each is told with its key, the fault and the remedy.

They are the models of one study: Keras is started once, as for a user's, and all faults are told together.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from .builders import drawn
from .classifiers import CLASSIFIERS, Bad
from .planning import planning_faults

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def faults(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """What is told of a study of all bad classifiers."""
    folder, before = tmp_path_factory.mktemp("study"), Path.cwd()
    study = drawn(folder)
    for case in CLASSIFIERS:
        path = folder / f"{case.key}{case.suffix}"
        case.make(path)
        study.settings["models"][case.key] = case.settings(path)
    study.write()
    os.chdir(folder)
    yield planning_faults(study.settings, asks_keras=True)
    os.chdir(before)


@pytest.mark.parametrize("case", CLASSIFIERS, ids=[case.name for case in CLASSIFIERS])
def test_bad_classifier(case: Bad, faults: list[str]) -> None:
    told = [fault for fault in faults if re.match(rf"models\.{case.key}\b", fault)]
    assert len(told) == 1
    for words in case.words:
        assert re.search(words, told[0]), f"{words}\n{told[0]}"


def test_nothing_else_is_told(faults: list[str]) -> None:
    assert len(faults) == len(CLASSIFIERS)
