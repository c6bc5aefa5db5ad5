"""Adopted graphs, evaluated and differentiated, against the models of Keras that they were."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dermalign.classifiers.brought.freezing import freeze
from dermalign.classifiers.brought.graph_adoption import Adopted, adopt_graph, write_graph
from dermalign.classifiers.brought.graph_classifier import GraphClassifier
from dermalign.classifiers.classifier import Classifier
from dermalign.classifiers.keras_classifier import KerasClassifier
from dermalign.errors import InputError

from .models import KINDS, PICTURES, SIZE, made

KIND = "nested functional, softmax layer"


@pytest.fixture(scope="module")
def model() -> Any:
    return made(KINDS[KIND][0])


@pytest.fixture(scope="module")
def adopted(model: Any, tmp_path_factory: pytest.TempPathFactory) -> Adopted:
    folder = tmp_path_factory.mktemp("exported") / "mine"
    model.export(folder, verbose=False)
    return adopt_graph(freeze(folder), SIZE, "raw", "last_convolution", None)


@pytest.fixture
def graph(adopted: Adopted, tmp_path: Path) -> Classifier:
    write_graph(tmp_path / "model.pb", adopted.graph)
    return GraphClassifier.read(tmp_path / "model.pb")


@pytest.mark.parametrize("target", ["predicted", [2, 0, 1, 2, 0]])
def test_scores_and_gradients_are_those_of_the_keras_model(
    model: Any, graph: Classifier, adopted: Adopted, target: Any
) -> None:
    network = KerasClassifier(model)
    assert graph.input_shape == network.input_shape
    expected = network.gradients("last_convolution")(PICTURES, target)
    found = graph.gradients(adopted.path)(PICTURES, target)
    assert np.abs(expected.gradients).max() > 0
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.dtype == np.float32
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4 * np.abs(theirs).max())
    np.testing.assert_allclose(graph.scores()(PICTURES), found.logits, rtol=1e-5, atol=1e-5)


def test_what_it_is_asked_is_checked(graph: Classifier, adopted: Adopted) -> None:
    with pytest.raises(InputError, match=r"the classifier takes \(32, 32, 3\)"):
        graph.scores()(PICTURES[:, :30])
    with pytest.raises(InputError, match="class indices"):
        graph.gradients(adopted.path)(PICTURES, [1])
    with pytest.raises(InputError, match="probabilities:0: the class scores do not depend on it"):
        graph.gradients("probabilities:0")
