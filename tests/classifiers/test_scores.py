"""What a training's epochs are judged by."""

import numpy as np
import pandas as pd
import pytest
from dermalign.classifiers.scores import balanced_accuracy, confusion_matrix, kept_epoch
from sklearn import metrics as oracle


def test_the_kept_epoch_is_the_first_of_the_best() -> None:
    history = pd.DataFrame({"epoch": [1, 2, 3], "validation_accuracy": [0.5, 0.7, 0.7]})
    assert kept_epoch(history, "accuracy") == 2
    assert kept_epoch(history.assign(validation_accuracy=np.nan), "accuracy") == 3
    assert kept_epoch(history[:0], "accuracy") == 0


def test_confusion_matrix() -> None:
    np.testing.assert_array_equal(
        confusion_matrix(np.array([0, 0, 1]), np.array([1, 0, 1]), 3), [[1, 1, 0], [0, 1, 0], [0, 0, 0]]
    )


def test_balanced_accuracy_is_scikit_learn_s() -> None:
    true, predicted = np.random.default_rng(0).choice([0, 1, 3], (2, 60))  # no picture of the third class
    found = balanced_accuracy(confusion_matrix(true, predicted, 4))
    assert found == pytest.approx(oracle.balanced_accuracy_score(true, predicted))
    assert np.isnan(balanced_accuracy(np.zeros((3, 3), np.int64)))
