"""Groups of pictures: the default, any filter, and groups that cannot be compared."""

import itertools

import numpy as np
import pandas as pd
import pytest
from dermalign.errors import InputError
from dermalign.study.groups import check_groups, default_groups, group_account, groups_of, is_member
from hypothesis import given
from hypothesis import strategies as st

CLASSES = ["MEL", "NV", "BCC", "BKL"]
WORDS = st.lists(st.sampled_from(CLASSES), min_size=1, unique=True)
FILTERS = st.fixed_dictionaries({}, optional={"diagnoses": WORDS, "predicted": WORDS, "correct": st.booleans()})
GROUPS = st.dictionaries(st.sampled_from(["a", "b", "c"]), FILTERS, min_size=2)


def test_the_default_is_diagnosis_and_correctness() -> None:
    groups = default_groups(["MEL", "NV"])
    assert list(groups) == ["MEL-correct", "MEL-wrong", "NV-correct", "NV-wrong"]
    check_groups(groups, ["MEL", "NV"], CLASSES)
    evaluation = pd.DataFrame({"diagnosis": ["MEL", "MEL", "NV", "NV"]}, index=list("abcd"))
    predicted = {"a": "MEL", "b": "NV", "c": "NV", "d": "BKL"}
    found = groups_of(["d", "a", "c", "b"], evaluation, predicted, groups)
    assert found.tolist() == ["NV-wrong", "MEL-correct", "NV-correct", "MEL-wrong"]
    assert groups_of([], evaluation, predicted, groups).shape == (0,)
    assert group_account(found, groups) == [
        "groups of tables 4 to 6: MEL-correct 1, MEL-wrong 1, NV-correct 1, NV-wrong 1"
    ]


def brute_force(group: dict, diagnosis: str, predicted: str) -> bool:
    if "diagnoses" in group and diagnosis not in group["diagnoses"]:
        return False
    if "predicted" in group and predicted not in group["predicted"]:
        return False
    if "correct" in group:
        return group["correct"] is (diagnosis == predicted)
    return True


@given(GROUPS)
def test_any_filters_against_brute_force(groups: dict) -> None:
    kinds = list(itertools.product(["MEL", "NV"], CLASSES))
    members = {kind: [name for name, group in groups.items() if brute_force(group, *kind)] for kind in kinds}
    for (kind, names), (name, group) in itertools.product(members.items(), groups.items()):
        assert is_member(group, *kind) == (name in names)
    asked = {word for group in groups.values() for word in group.get("diagnoses", [])}
    can_be = (
        asked <= {"MEL", "NV"}
        and all(len(names) < 2 for names in members.values())
        and {name for names in members.values() for name in names} == set(groups)
    )
    if not can_be:
        with pytest.raises(InputError, match="groups"):
            check_groups(groups, ["MEL", "NV"], CLASSES)
        return
    check_groups(groups, ["MEL", "NV"], CLASSES)
    images = [f"p{number}" for number in range(len(kinds))]
    evaluation = pd.DataFrame({"diagnosis": [diagnosis for diagnosis, _ in kinds]}, index=images)
    predicted = dict(zip(images, (prediction for _, prediction in kinds), strict=True))
    expected = ["".join(members[kind]) for kind in kinds]
    assert groups_of(images, evaluation, predicted, groups).tolist() == expected


def test_a_picture_in_two_groups_is_refused() -> None:
    groups = {"seen-as-nevus": {"predicted": ["NV"]}, "melanoma": {"diagnoses": ["MEL"]}}
    evaluation = pd.DataFrame({"diagnosis": ["NV", "MEL"]}, index=["a", "b"])
    assert groups_of(["a", "b"], evaluation, {"a": "NV", "b": "MEL"}, groups).tolist() == list(groups)
    with pytest.raises(InputError, match=r"b \(MEL predicted as NV\) is in seen-as-nevus and in melanoma.*independent"):
        groups_of(["a", "b"], evaluation, {"a": "NV", "b": "NV"}, groups)


def test_the_account_says_how_many_are_in_no_group() -> None:
    lines = group_account(np.array(["a", "", "a", ""]), {"a": {}, "b": {}})
    assert lines == [
        "groups of tables 4 to 6: a 2, b 0",
        "2 of 4 pictures of the analysis are in no group: tables 4 to 6 lack them",
    ]
