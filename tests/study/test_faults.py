"""Faults that are gathered, and told together."""

from pathlib import Path

import pytest
from dermalign.errors import InputError
from dermalign.study.faults import SHOWN, Faults, some_of


def fail(words: str) -> list[str]:
    raise InputError(words)


def test_all_are_told_each_once() -> None:
    faults = Faults()
    assert not faults
    assert faults.or_else(lambda: [1], []) == [1]
    assert faults.or_else(lambda: fail("first: x"), ["otherwise"]) == ["otherwise"]
    assert faults.words() == "first: x"
    faults.add("second:\n- a\n- b", "first: x")
    assert faults
    assert faults.words().splitlines() == [
        "2 faults are to be mended before anything is computed:",
        "- first: x",
        "- second:",
        "  - a",
        "  - b",
    ]


def test_a_missing_file_is_told_where_nothing_else_is() -> None:
    def read() -> str:
        return Path("nowhere.csv").read_text(encoding="utf-8")

    faults = Faults()
    assert faults.or_else(read, "") == ""
    assert faults.words() == "nowhere.csv: there is no such file. Correct the path."
    faults = Faults()
    faults.add("archives are missing")
    assert faults.or_else(read, "") == ""
    assert faults.words() == "archives are missing"


def test_other_errors_are_not_swallowed() -> None:
    with pytest.raises(ZeroDivisionError):
        Faults().or_else(lambda: 1 // 0, 0)


def test_many_of_one_kind_are_counted() -> None:
    assert some_of(["a", "b"], "masks.zip") == ["a", "b"]
    many = [f"fault {number}" for number in range(SHOWN + 3)]
    assert some_of(many, "masks.zip") == [*many[:SHOWN], "masks.zip: 3 more faults of this kind."]
