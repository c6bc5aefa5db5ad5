"""The focal loss against its formula, Keras's own and the cross entropy."""

import keras
import numpy as np
import pytest
from dermalign.classifiers.focal import FocalLoss, focal_loss
from dermalign.classifiers.training import make_loss
from dermalign.errors import InputError

RANDOM = np.random.default_rng(0)
LOGITS = RANDOM.normal(0, 3, (20, 5)).astype(np.float32)
LABELS = RANDOM.integers(5, size=20).astype(np.int32)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0, 5.0])
def test_it_is_its_formula_and_keras_s(gamma: float) -> None:
    probabilities = np.exp(LOGITS.astype(float)) / np.exp(LOGITS.astype(float)).sum(axis=1, keepdims=True)
    p = probabilities[np.arange(20), LABELS]
    expected = -((1 - p) ** gamma) * np.log(p)
    np.testing.assert_allclose(focal_loss(LOGITS, LABELS, gamma), expected, rtol=1e-9)
    np.testing.assert_allclose(np.asarray(FocalLoss(gamma).call(LABELS, LOGITS)), expected, rtol=1e-4, atol=1e-7)
    keras_s = keras.losses.CategoricalFocalCrossentropy(alpha=1.0, gamma=gamma, from_logits=True)
    assert float(FocalLoss(gamma)(LABELS, LOGITS)) == pytest.approx(float(keras_s(np.eye(5)[LABELS], LOGITS)), rel=1e-4)


def test_weights_of_classes_count() -> None:
    weights = np.linspace(0, 2, 20).astype(np.float32)
    expected = (focal_loss(LOGITS, LABELS, 2) * weights).mean()
    assert float(FocalLoss(2)(LABELS, LOGITS, sample_weight=weights)) == pytest.approx(expected, rel=1e-5)


def test_scores_that_are_certain_have_finite_gradients() -> None:
    tensorflow = pytest.importorskip("tensorflow")
    for gamma in (0.5, 2.0):
        logits = tensorflow.constant([[200.0, 0.0], [0.0, 200.0]])
        with tensorflow.GradientTape() as tape:
            tape.watch(logits)
            loss = FocalLoss(gamma)(np.array([0, 0]), logits)
        assert float(loss) == pytest.approx(100)
        assert np.isfinite(np.asarray(tape.gradient(loss, logits))).all()


def test_the_configuration_chooses() -> None:
    loss, gamma = make_loss({"loss": "focal", "focal_gamma": 3})
    assert isinstance(loss, FocalLoss)
    assert (loss.gamma, gamma) == (3, 3)
    loss, gamma = make_loss({"loss": "cross_entropy", "focal_gamma": 2})
    assert isinstance(loss, keras.losses.SparseCategoricalCrossentropy)
    assert gamma == 0
    expected = float(loss(LABELS, LOGITS))
    assert focal_loss(LOGITS, LABELS, gamma).mean() == pytest.approx(expected, rel=1e-5)
    with pytest.raises(InputError, match=r"lack `training\.loss`; .*complete_model"):
        make_loss({"focal_gamma": 2})
