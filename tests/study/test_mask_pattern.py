"""Patterns of masks' paths: what they name, and those that would find nothing."""

import pytest
from dermalign.errors import InputError
from dermalign.study.mask_pattern import (
    ISIC_LESION_MASKS,
    ISIC_MASKS,
    check_lesion_pattern,
    check_mask_pattern,
    mask_path,
)


def test_a_pattern_names_the_mask_of_a_picture_and_a_feature() -> None:
    check_mask_pattern(ISIC_MASKS)
    assert mask_path(ISIC_MASKS, "ISIC_0000001", "streaks") == "ISIC_0000001_attribute_streaks.png"
    assert mask_path("{feature}/{image}/{image}.tif", "a", "dots") == "dots/a/a.tif"


@pytest.mark.parametrize(
    "pattern",
    ["{image}.png", "{feature}.png", "{image}_{feature}_{side}.png", "/{image}_{feature}.png", "a//{image}{feature}"],
)
def test_patterns_that_find_nothing(pattern: str) -> None:
    with pytest.raises(InputError, match=r"archives\.mask_pattern"):
        check_mask_pattern(pattern)


def test_patterns_of_lesion_masks() -> None:
    check_lesion_pattern(ISIC_LESION_MASKS)
    for pattern in ("lesion.png", "{image}_{feature}.png", "../{image}.png"):
        with pytest.raises(InputError, match=r"archives\.lesion_pattern"):
            check_lesion_pattern(pattern)
