"""Tests between groups, their family, and groupings: what is refused, in plain words."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from dermalign.errors import InputError
from dermalign.study.configuration import checked
from snakemake.utils import update_config

EMBEDDED = yaml.safe_load((Path(__file__).parents[2] / "config.yaml").read_text(encoding="utf-8"))


def changed(**overlay: Any) -> dict[str, Any]:
    configuration = copy.deepcopy(EMBEDDED)
    update_config(configuration, overlay)
    return configuration


def test_what_is_left_out_has_its_default() -> None:
    configuration = copy.deepcopy(EMBEDDED)
    for key in ("group_tests", "test_family", "groupings"):
        del configuration[key]
    complete = checked(configuration)
    assert (complete["group_tests"], complete["test_family"]) == (["mann_whitney"], {})
    assert "groupings" not in complete  # those that there are columns for
    assert checked({**configuration, "groupings": {}})["groupings"] == {}  # none


@pytest.mark.parametrize(
    ("overlay", "words"),
    [
        ({"group_tests": ["kruskal_wallis"]}, "group_tests lacks mann_whitney, which table 6 is made of"),
        ({"group_tests": ["mann_whitney", "t"]}, "it must be one of mann_whitney, brunner_munzel, kruskal_wallis"),
        ({"test_family": {"features": ["lines"]}}, "test_family.features names lines; of this study are globules"),
        ({"test_family": {"methods": ["shuffled"]}}, "test_family.methods names shuffled; of this study are gradcam"),
        ({"test_family": {"at": ["worst"]}}, "it must be one of best of union, best of group"),
        ({"test_family": {"pairs": [["MEL-correct", "BCC-wrong"]]}}, "test_family.pairs names BCC-wrong"),
        ({"test_family": {"pairs": [["NV-wrong", "MEL-correct"]]}}, "has NV-wrong before MEL-correct"),
        ({"test_family": {"pairs": [["NV-wrong", "NV-wrong"]]}}, "pairs are of two groups"),
        ({"groupings": {"age": {"bins": [0, 40]}}}, "`groupings.age` lacks `column`"),
        ({"groupings": {"age": {"column": "age", "bins": [40, 40]}}}, "groupings.age.bins must ascend: 40, 40"),
        ({"groupings": {"age": {"column": "age", "bins": [0, 9], "quantiles": 2}}}, "both `bins` and `quantiles`"),
        ({"groupings": {"sure": {"column": "confidence"}}}, "groupings.sure: confidence is a number"),
    ],
)
def test_faults_are_told_in_plain_words(overlay: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError) as raised:
        checked(changed(**overlay))
    assert words in str(raised.value)


def test_a_family_may_name_all_that_a_study_has() -> None:
    family = {
        "features": ["streaks", "union"],
        "at": ["best of union", "best of group"],
        "methods": ["gradcam", "tiled"],
        "pairs": [["a", "b"]],
    }
    groups = {"a": {"correct": True}, "b": {"correct": False}}
    variants = {"tiled": {"kind": "tiles", "tiles": 4}}
    assert checked(changed(test_family=family, groups=groups, variants=variants))["test_family"] == family


def test_a_family_may_name_a_method_that_one_model_alone_has() -> None:
    own = {"plain": {"methods": {"finer": {"kind": "layercam", "layer": "early"}}}}
    family = {"methods": ["finer"]}
    assert checked(changed(test_family=family, models=own))["test_family"] == family
    with pytest.raises(InputError, match=r"test_family\.methods names finer; of this study are gradcam\."):
        checked(changed(test_family=family))
