"""Further columns of the metadata table: how they are found, and which groupings they make."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from dermalign.data.metadata import configured_groupings, read_metadata
from dermalign.data.tables import read_table
from dermalign.drawing.archives import TRAINING_METADATA, write_archives
from dermalign.drawing.plan import plan
from dermalign.drawing.study_archives import METADATA_COLUMNS
from dermalign.errors import InputError
from dermalign.study.group_settings import DEFAULT_GROUPINGS

Written = Callable[..., Path]


def test_columns_are_read_by_plain_names_without_what_nobody_knows(written: Written) -> None:
    path = written(
        "image,Age_Approx,sex\nISIC_1_downsampled,55,female\nISIC_2,,unknown\nISIC_1,60,male\nISIC_3,40,n/a\n"
    )
    found = read_metadata(path, ["age_approx", "sex"])
    assert found == {"age_approx": {"isic_1": "55", "isic_3": "40"}, "sex": {"isic_1": "female"}}
    with pytest.raises(InputError, match=r"has no column `site`; it has image, Age_Approx, sex"):
        read_metadata(path, ["site"])


def groupings(asked: Any, columns: list[str] | None) -> list[str]:
    configuration = {} if asked is None else {"groupings": asked}
    return list(configured_groupings(configuration, columns, "metadata.csv"))


def test_default_groupings_are_those_that_there_are_columns_for() -> None:
    assert groupings(None, METADATA_COLUMNS) == list(DEFAULT_GROUPINGS)
    assert groupings(None, ["image", "lesion_id", "Sex"]) == ["sex", "confidence"]
    assert groupings(None, None) == ["confidence"]
    assert groupings({}, METADATA_COLUMNS) == []


def test_a_column_that_is_not_there_is_a_fault_where_it_is_asked_for() -> None:
    asked = {"sure": {"column": "confidence", "quantiles": 2}, "phototype": {"column": "fitzpatrick"}}
    with pytest.raises(InputError, match=r"groupings\.phototype is by the column `fitzpatrick`.*has only image, sex"):
        groupings(asked, ["image", "sex"])
    with pytest.raises(InputError, match=r"the study names no archives\.training_metadata"):
        groupings(asked, None)
    assert groupings(asked, ["image", "Fitzpatrick"]) == ["sure", "phototype"]


def test_what_is_known_of_drawn_archives_before_they_are_drawn_is_what_they_have(tmp_path: Path) -> None:
    write_archives(plan(8, 3, 1), tmp_path)
    assert read_table(tmp_path / TRAINING_METADATA).columns == METADATA_COLUMNS
