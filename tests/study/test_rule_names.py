"""Names of rules that files lend: allowed, and each another's."""

import re

from dermalign.study.rule_names import names_of_files
from hypothesis import given
from hypothesis import strategies as st


def test_a_name_is_the_whole_file_s() -> None:
    paths = ["data/bcn.zip", "data/bcn.csv", "bcn-.zip", "bcn_.zip", "other/bcn.zip", "bcn_zip_2", "data/bcn.zip"]
    assert names_of_files(paths) == {
        "data/bcn.zip": "bcn_zip",
        "data/bcn.csv": "bcn_csv",
        "bcn-.zip": "bcn__zip",
        "bcn_.zip": "bcn__zip_2",
        "other/bcn.zip": "bcn_zip_2",
        "bcn_zip_2": "bcn_zip_2_2",
    }


@given(st.lists(st.text("ab_2.-é/", min_size=1, max_size=5)))
def test_names_are_allowed_and_differ(paths: list[str]) -> None:
    names = names_of_files(paths)
    assert list(names) == list(dict.fromkeys(paths))
    assert len(set(names.values())) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9_]*", name) for name in names.values())
