"""Drawn pictures: features that are seen, masks that tell the truth, equal pixels from equal seeds."""

from dataclasses import replace

import numpy as np
import pytest
from dermalign.drawing.classes import CLASSES, FEATURES
from dermalign.drawing.pictures import draw_picture
from dermalign.drawing.plan import DrawnPicture
from hypothesis import given, settings
from hypothesis import strategies as st

drawings = st.builds(
    DrawnPicture,
    image=st.integers(0, 9_999_999).map("ISIC_{:07d}".format),
    training_name=st.none(),
    diagnosis=st.sampled_from(CLASSES),
    lesion_id=st.just(""),
    evaluation=st.just(True),
    features=st.sets(st.sampled_from(FEATURES), min_size=1).map(lambda some: tuple(sorted(some))),
    width=st.integers(96, 160),
    height=st.integers(72, 128),
    seed=st.integers(0, 2**32 - 1),
)


@settings(max_examples=120, deadline=None)
@given(picture=drawings)
def test_features_change_the_picture_inside_their_masks_and_nowhere_else(picture):
    pixels, masks, _ = draw_picture(picture)
    assert pixels.shape == (picture.height, picture.width, 3) and pixels.dtype == np.uint8
    assert tuple(masks) == FEATURES
    for feature, mask in masks.items():
        assert mask.shape == pixels.shape[:2] and mask.dtype == np.bool_
        assert mask.any() == (feature in picture.features)
        assert mask.mean() < 0.6
    plain, black, _ = draw_picture(replace(picture, features=()))
    assert not any(mask.any() for mask in black.values())
    changed = (pixels != plain).any(axis=2)
    assert not (changed & ~np.logical_or.reduce(list(masks.values()))).any()


@pytest.mark.parametrize("feature", FEATURES)
@pytest.mark.parametrize("diagnosis", ["MEL", "NV", "BKL"])
def test_each_feature_is_visible(feature, diagnosis):
    """The mask differs from the picture without the feature by far more than the grain of the camera (3.5)."""
    contrasts = []
    for seed in range(15):
        picture = DrawnPicture("ISIC_0000001", None, diagnosis, "", True, (feature,), 131, 97, seed)
        pixels, masks, _ = draw_picture(picture)
        plain, _, _ = draw_picture(replace(picture, features=()))
        contrasts.append(np.abs(pixels.astype(float) - plain)[masks[feature]].mean())
    assert np.median(contrasts) > 10, contrasts


def test_a_feature_does_not_move_another():
    picture = DrawnPicture("ISIC_0000001", None, "MEL", "", True, ("globules", "streaks"), 131, 97, 3)
    both, alone = draw_picture(picture)[1], draw_picture(replace(picture, features=("streaks",)))[1]
    np.testing.assert_array_equal(both["streaks"], alone["streaks"])


def test_seeds_and_views_give_other_pictures():
    picture = DrawnPicture("ISIC_0000001", None, "NV", "", True, ("pigment_network",), 120, 90, 3)
    first = draw_picture(picture)[0]
    np.testing.assert_array_equal(first, draw_picture(picture)[0])
    others = [replace(picture, seed=4), replace(picture, image="ISIC_0000002")]
    for other in others:
        assert (first != draw_picture(other)[0]).any(axis=2).mean() > 0.9
