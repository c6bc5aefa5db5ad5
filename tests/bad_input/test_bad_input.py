"""Bad input of every kind is found as early as can be, and told with the file or key, the fault and the remedy."""

import re
from pathlib import Path

import pytest
from dermalign.errors import InputError
from dermalign.study.configuration import checked

from .accepted import ACCEPTED, Accepted
from .builders import drawn, of_real_pictures
from .cases import CASES, CONFIGURATION, Case
from .jobs import LATE, Late
from .planning import planning_faults


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_bad_input(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    study = drawn(tmp_path)
    case.change(study)
    if case.stage == CONFIGURATION:
        with pytest.raises(InputError) as stopped:
            checked(study.settings)
        told = str(stopped.value)
    else:
        study.write()
        told = "\n".join(planning_faults(study.settings))
    for words in case.words:
        assert re.search(words, told), f"{words}\n{told or 'nothing is told'}"


@pytest.mark.parametrize("case", LATE, ids=[case.name for case in LATE])
def test_what_changes_after_planning(case: Late, tmp_path: Path) -> None:
    study = drawn(tmp_path)
    study.write()
    job = case.prepare(study)
    with pytest.raises(InputError) as stopped:
        job()
    for words in case.words:
        assert re.search(words, str(stopped.value)), f"{words}\n{stopped.value}"


@pytest.mark.parametrize("case", ACCEPTED, ids=[case.name for case in ACCEPTED])
def test_odd_input_is_read_right(case: Accepted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    study = drawn(tmp_path)
    case.change(study)
    study.write()
    assert planning_faults(study.settings) == []
    case.check(study)


@pytest.mark.parametrize("kept", ["a header", "half", "all but the last hundred bytes"])
def test_real_pictures_that_are_cut_off(
    kept: str, real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    study = of_real_pictures(tmp_path, real_data)
    study.write()
    assert planning_faults(study.settings) == []
    whole = study.pictures["pictures/e1.jpg"]
    ends = {"a header": whole.index(b"\xff\xda"), "half": len(whole) // 2, "all but the last hundred bytes": -100}
    study.pictures["pictures/e1.jpg"] = whole[: ends[kept]]
    study.write()
    (fault,) = planning_faults(study.settings)
    assert re.search(r"pictures\.zip: pictures/e1\.jpg is not a readable picture .*Replace the file", fault)
