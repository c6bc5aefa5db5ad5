"""The loss against its formulas, written out in NumPy, and what it punishes."""

from typing import Any

import numpy as np
import pytest
from dermalign.errors import InputError
from dermalign.segmentation.losses import KEYS, SegmentationLoss, make_loss, white_weights

SHAPE = (3, 4, 5, 2)
RANDOM = np.random.default_rng(0)
SCORES = RANDOM.normal(0, 3, SHAPE).astype(np.float32)
TARGETS = RANDOM.choice([0.0, 0.0, 0.25, 1.0], SHAPE).astype(np.float32)
WEIGHTS = np.array([5.0, 0.5], np.float32)
WHITE = np.array([0.01, 0.2])


def formula(targets: np.ndarray, scores: np.ndarray, weights: np.ndarray, missed: float | None) -> float:
    y, p = targets.astype(float), 1 / (1 + np.exp(-scores.astype(float)))
    entropy = -(y * np.log(p) + (1 - y) * np.log(1 - p))
    loss = ((1 + (weights - 1) * y) * entropy).mean()
    if missed is None:
        return float(loss)
    overlaps = []
    for feature in range(y.shape[-1]):  # of all pictures of the batch together
        true, found = y[..., feature].ravel(), p[..., feature].ravel()
        both, too_much, lacking = (true * found).sum(), (found * (1 - true)).sum(), ((1 - found) * true).sum()
        overlaps.append(1 - both / (both + (1 - missed) * too_much + missed * lacking))
    return float(loss + np.mean(overlaps))


@pytest.mark.parametrize("missed", [None, 0.0, 0.3, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("weights", [np.ones(2, np.float32), WEIGHTS])
def test_it_is_its_formula(missed: float | None, weights: np.ndarray) -> None:
    found = float(SegmentationLoss(weights, missed)(TARGETS, SCORES))
    assert found == pytest.approx(formula(TARGETS, SCORES, weights, missed), rel=1e-5)


def test_what_is_missed_weighs_more_the_higher_missed_is() -> None:
    targets = np.zeros((1, 4, 4, 1), np.float32)
    targets[:, :2] = 1
    lacking, too_much = (np.full((1, 4, 4, 1), -20, np.float32) for _ in range(2))
    lacking[:, :1] = 20  # half of it is missed
    too_much[:, :3] = 20  # as many cells are too much
    ones = np.ones(1, np.float32)
    losses: dict[float, tuple[float, float]] = {}
    for missed in (0.1, 0.5, 0.9):
        of_missed, of_extra = (
            float(SegmentationLoss(ones, missed)(targets, scores) - SegmentationLoss(ones, None)(targets, scores))
            for scores in (lacking, too_much)
        )
        assert of_missed == pytest.approx(1 - 4 / (4 + 4 * missed), abs=1e-4)
        assert of_extra == pytest.approx(1 - 8 / (8 + 4 * (1 - missed)), abs=1e-4)
        losses[missed] = of_missed, of_extra
    assert losses[0.1][0] < losses[0.5][0] < losses[0.9][0]
    assert losses[0.1][1] > losses[0.5][1] > losses[0.9][1]


def options(**changes: Any) -> dict[str, Any]:
    return {"overlap_loss": "dice", "missed": 0.7, "class_weights": "none", **changes}


@pytest.mark.parametrize(("kind", "missed"), [("dice", 0.5), ("tversky", 0.7), ("none", None)])
@pytest.mark.parametrize("weighing", ["inverse_frequency", "square_root", "none"])
def test_the_configuration_chooses(kind: str, missed: float | None, weighing: str) -> None:
    loss = make_loss(options(overlap_loss=kind, class_weights=weighing), WHITE)
    expected = formula(TARGETS, SCORES, white_weights(WHITE, weighing), missed)
    assert float(loss(TARGETS, SCORES)) == pytest.approx(expected, rel=1e-5)


def test_dice_is_twice_the_common_part_of_both() -> None:
    """Milletari et al. 2016, for a feature's cells of a batch, with the product in the place of squares."""
    dice = [
        2 * (TARGETS[..., feature] * p).sum() / (TARGETS[..., feature].sum() + p.sum())
        for feature in range(2)
        for p in [1 / (1 + np.exp(-SCORES[..., feature].astype(float)))]
    ]
    found, alone = (make_loss(options(overlap_loss=kind), WHITE)(TARGETS, SCORES) for kind in ("dice", "none"))
    assert float(found - alone) == pytest.approx(1 - np.mean(dice), abs=1e-5)


def test_white_weighs_as_black_in_sum() -> None:
    white = np.array([0.5, 0.1, 0.004, 0.0, 1.0])
    weights = white_weights(white, "inverse_frequency")
    np.testing.assert_allclose(weights[:3] * white[:3], 1 - white[:3])
    assert weights[3] == 1  # shown nowhere
    np.testing.assert_allclose(white_weights(white, "square_root") ** 2, weights)
    np.testing.assert_array_equal(white_weights(white, "none"), 1)


def test_other_words_and_lacking_keys_are_refused() -> None:
    with pytest.raises(InputError, match=r"overlap_loss: must be dice, tversky or none, not 'other'"):
        make_loss(options(overlap_loss="other"), WHITE)
    with pytest.raises(InputError, match=r"class_weights: must be inverse_frequency, square_root or none, not 'other'"):
        make_loss(options(class_weights="other"), WHITE)
    for key in KEYS:
        with pytest.raises(InputError, match=rf"`training\.{key}`"):
            make_loss({name: value for name, value in options().items() if name != key}, WHITE)


def test_scores_that_are_certain_have_finite_losses() -> None:
    scores = np.where(TARGETS > 0, -200, 200).astype(np.float32)
    assert np.isfinite(float(SegmentationLoss(WEIGHTS, 0.7)(TARGETS, scores)))
    nothing = np.zeros(SHAPE, np.float32)
    assert np.isfinite(float(SegmentationLoss(WEIGHTS, 0.7)(nothing, np.full(SHAPE, -200, np.float32))))
