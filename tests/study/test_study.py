"""The study: what follows from the configuration alone."""

from pathlib import Path

import pytest
from dermalign.study.groups import default_groups
from dermalign.study.study import Study
from study_cases import FEATURES, small_study


def test_what_follows_from_the_configuration(tmp_path: Path) -> None:
    small = small_study(tmp_path, thresholds={"start": 0, "stop": 1, "step": 0.25})
    assert small.results == "results/small"
    assert small.features == [*FEATURES, "union"]
    assert small.thresholds == ["0.000", "0.250", "0.500", "0.750", "1.000"]
    assert not list(tmp_path.iterdir())  # nothing was needed of the archives


def test_groups_are_those_configured_or_the_default(tmp_path: Path) -> None:
    assert small_study(tmp_path).groups == default_groups(["MEL", "NV"])
    groups = {"found": {"diagnoses": ["MEL"], "predicted": ["MEL"]}, "cleared": {"diagnoses": ["NV"]}}
    assert small_study(tmp_path, groups=groups).groups == groups


def test_a_study_cannot_be_changed(tmp_path: Path) -> None:
    with pytest.raises(AttributeError):
        small_study(tmp_path).configuration = {}  # type: ignore[misc]
    assert small_study(tmp_path) == Study(small_study(tmp_path).configuration)
