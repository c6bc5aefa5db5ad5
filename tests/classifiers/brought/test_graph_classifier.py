"""Adopted graphs, evaluated and differentiated, against the models of Keras that they were."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from dermalign.classifiers.brought.freezing import freeze
from dermalign.classifiers.brought.graph_adoption import Adopted, adopt_graph, write_graph
from dermalign.classifiers.brought.graph_classifier import GraphClassifier
from dermalign.classifiers.classifier import Classifier
from dermalign.classifiers.functions import Place
from dermalign.classifiers.keras_classifier import KerasClassifier
from dermalign.classifiers.passes import AFTER_SOFTMAX, BEFORE_SOFTMAX
from dermalign.errors import InputError
from pass_cases import differentiated

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
    expected = differentiated(network, "last_convolution")(PICTURES, target)
    found = differentiated(graph, adopted.path)(PICTURES, target)
    assert np.abs(expected.gradients).max() > 0
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.dtype == np.float32
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4 * np.abs(theirs).max())
    np.testing.assert_allclose(graph.scores()(PICTURES), found.logits, rtol=1e-5, atol=1e-5)


def test_what_it_is_asked_is_checked(graph: Classifier, adopted: Adopted) -> None:
    with pytest.raises(InputError, match=r"the classifier takes \(32, 32, 3\)"):
        graph.scores()(PICTURES[:, :30])
    with pytest.raises(InputError, match="class indices"):
        differentiated(graph, adopted.path)(PICTURES, [1])
    with pytest.raises(InputError, match=r"probabilities:0: its output is neither \(pictures, height"):
        differentiated(graph, "probabilities:0")
    aside = type(adopted.graph)()
    aside.CopyFrom(adopted.graph)
    aside.node.add(name="aside", op="Identity", input=["picture"]).attr["T"].type = tf.float32.as_datatype_enum
    with pytest.raises(InputError, match="aside:0: the class scores do not depend on it"):
        differentiated(GraphClassifier(aside, "mine"), "aside:0")


@pytest.mark.parametrize("score", [BEFORE_SOFTMAX, AFTER_SOFTMAX])
def test_several_places_and_the_pictures_are_served_by_one_pass(
    model: Any, graph: Classifier, adopted: Adopted, score: str
) -> None:
    def places(*layers: Any) -> list[Place]:
        return [Place(layer, lambda output, gradient: output * gradient) for layer in layers]

    further = next(node.name for node in adopted.graph.node if node.name.endswith("block2_convolution2_1/convolution"))
    expected = KerasClassifier(model).passing(places("last_convolution", "block2_convolution2", None), None, score)
    found = graph.passing(places(adopted.path, f"{further}:0", None), None, score)
    for ours, theirs in zip(found(PICTURES).values, expected(PICTURES).values, strict=True):
        assert np.abs(theirs).max() > 0
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4 * np.abs(theirs).max())
