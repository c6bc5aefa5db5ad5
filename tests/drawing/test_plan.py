"""The plan: every class and feature is there in its share, by names and lesions like the official archives'."""

import re
from collections import Counter, defaultdict

import numpy as np
import pytest
from dermalign.drawing.classes import CLASSES, FEATURES
from dermalign.drawing.plan import DrawnPicture, plan
from dermalign.errors import InputError
from hypothesis import given, settings
from hypothesis import strategies as st


@settings(max_examples=60, deadline=None)
@given(training=st.integers(8, 300), evaluation=st.integers(3, 150), seed=st.integers(0, 2**40))
def test_plan_keeps_its_promises(training, evaluation, seed):
    drawn = plan(training, evaluation, seed)
    only_training = [p for p in drawn if not p.evaluation]
    evaluated = [p for p in drawn if p.evaluation]
    assert (len(only_training), len(evaluated)) == (training, evaluation)
    assert {p.diagnosis for p in only_training} == set(CLASSES)
    assert {p.diagnosis for p in evaluated} == {"MEL", "NV", "BKL"}

    names = [p.image for p in drawn]
    assert names == sorted(set(names))
    assert all(re.fullmatch(r"ISIC_\d{7}", name) for name in names)
    assert all(p.training_name in (p.image, f"{p.image}_downsampled", None) for p in drawn)
    assert [p.diagnosis for p in drawn if p.training_name is None] == ["NV"]
    assert all(p.training_name is not None for p in only_training)

    lesions: dict[str, list[DrawnPicture]] = defaultdict(list)
    for p in drawn:
        assert list(p.features) == [feature for feature in FEATURES if feature in p.features]
        assert 96 <= p.width <= 160 and 72 <= p.height <= 128
        if p.lesion_id:
            lesions[p.lesion_id].append(p)
    for views in lesions.values():
        assert 1 <= len(views) <= 3
        assert len({(p.diagnosis, p.features, p.seed) for p in views}) == 1
    assert drawn == plan(training, evaluation, seed)


@pytest.mark.parametrize("seed", range(3))
def test_plan_has_the_shares_of_the_embedded_study(seed):
    drawn = plan(800, 120, seed)
    classes = Counter(p.diagnosis for p in drawn if not p.evaluation)
    assert classes.most_common(1)[0][0] == "NV"
    assert min(classes.values()) >= 0.07 * 800
    evaluated = [p for p in drawn if p.evaluation]
    assert Counter(p.diagnosis for p in evaluated) == {"MEL": 24, "NV": 86, "BKL": 10}
    assert 0.15 < np.mean([not p.features for p in evaluated]) < 0.21
    assert 0.55 < np.mean([p.training_name == f"{p.image}_downsampled" for p in evaluated]) < 0.85
    assert 0.75 < np.mean([bool(p.lesion_id) for p in drawn]) < 0.85
    crossing = {p.lesion_id for p in evaluated} & {p.lesion_id for p in drawn if not p.evaluation} - {""}
    assert len(crossing) <= 6
    assert 2 <= max(Counter(p.lesion_id for p in drawn if p.lesion_id).values()) <= 3
    assert len({p.width % 2 for p in evaluated}) == 2
    for diagnosis in ("MEL", "NV"):  # each feature has a population in both classes that are analysed
        seen = Counter(feature for p in evaluated if p.diagnosis == diagnosis for feature in p.features)
        assert min(seen[feature] for feature in FEATURES) >= 2, (diagnosis, seen)


def test_features_belong_to_classes():
    drawn = plan(800, 120, 1)

    def share(diagnosis: str, feature: str) -> float:
        return float(np.mean([feature in p.features for p in drawn if p.diagnosis == diagnosis]))

    assert share("MEL", "negative_network") > 5 * share("NV", "negative_network")
    assert share("MEL", "streaks") > 5 * share("NV", "streaks")
    assert share("NV", "pigment_network") > share("MEL", "pigment_network")
    assert share("BKL", "milia_like_cyst") > 3 * share("NV", "milia_like_cyst")
    assert all(not p.features for p in drawn if p.diagnosis in ("BCC", "AK", "VASC", "SCC"))


@pytest.mark.parametrize("counts", [(7, 12, 0), (24, 2, 0), (24, 12, -1)])
def test_plan_refuses_what_cannot_be_drawn(counts):
    with pytest.raises(InputError, match=r"training_pictures is 7|evaluation_pictures is 2|seed is -1"):
        plan(*counts)
