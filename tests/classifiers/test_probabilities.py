"""Probabilities of scores, and the table of predictions."""

import numpy as np
import pandas as pd
from dermalign.classifiers.probabilities import predictions_table, softmax
from scipy import special

TABLE = pd.DataFrame({"image": ["a", "b"], "split": "test", "class": ["MEL", "NV"], "lesion_id": ["", "x"]})


def test_softmax_is_scipy_s_also_of_large_scores() -> None:
    scores = np.random.default_rng(0).normal(0, 300, (20, 5)).astype(np.float32)
    found = softmax(scores)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, special.softmax(scores.astype(np.float64), axis=1))
    np.testing.assert_allclose(found.sum(axis=1), 1)


def test_the_table_has_a_column_per_class() -> None:
    logits = np.log([[0.25, 0.75], [0.5, 0.5]])
    found = predictions_table(TABLE, logits, ["MEL", "NV"])
    assert list(found) == ["image", "split", "class", "predicted", "p_MEL", "p_NV"]
    assert list(found["predicted"]) == ["NV", "MEL"]  # the first on a tie
    np.testing.assert_allclose(found[["p_MEL", "p_NV"]], [[0.25, 0.75], [0.5, 0.5]])
    assert list(predictions_table(TABLE[:0], np.zeros((0, 0)), ["MEL", "NV"])) == list(found)
