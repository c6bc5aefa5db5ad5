"""Frozen graphs between pixels and softmax, and what is found in them."""

import re
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from dermalign.classifiers.brought.freezing import Frozen, freeze
from dermalign.classifiers.brought.graph_adoption import adopt_graph, write_graph
from dermalign.classifiers.brought.graph_classifier import GraphClassifier
from dermalign.errors import InputError
from keras import layers
from pass_cases import differentiated

from .models import PICTURES, SIZE, backbone, chained, made, pool


@pytest.fixture(scope="module")
def parts() -> list[keras.layers.Layer]:
    return [*made(backbone).layers, pool(), layers.Dense(3, name="scores")]


@pytest.fixture(scope="module")
def frozen(parts: list[keras.layers.Layer], tmp_path_factory: pytest.TempPathFactory) -> Frozen:
    folder = tmp_path_factory.mktemp("exported") / "mine"
    chained(*parts, layers.Softmax()).export(folder, verbose=False)
    return freeze(folder)


def test_pixels_are_treated_before_it_and_the_softmax_is_taken_off(
    frozen: Frozen, parts: list[keras.layers.Layer]
) -> None:
    adopted = adopt_graph(frozen, SIZE, "symmetric", "target", None)
    assert (adopted.grid, adopted.outputs) == ((7, 7), 3)
    scores = GraphClassifier(adopted.graph, "mine").scores()(PICTURES)
    expected = chained(*parts).predict(PICTURES / np.float32(127.5) - 1, verbose=0)
    np.testing.assert_allclose(scores, expected, rtol=1e-4, atol=1e-5)


def test_layers_are_found_and_named(frozen: Frozen) -> None:
    found = adopt_graph(frozen, SIZE, "raw", None, None)
    named = adopt_graph(frozen, SIZE, "raw", "target", "scores")
    assert found.path == named.path == f"brought/{named.layer}:0"
    assert "target" in named.layer
    assert adopt_graph(frozen, SIZE, "raw", "stem", None).grid == (15, 15)
    with pytest.raises(InputError, match=r"saliency_layer: the classifier has no 'stam'; candidates: .*stem"):
        adopt_graph(frozen, SIZE, "raw", "stam", None)
    with pytest.raises(InputError, match="logits: the classifier has no 'target'"):
        adopt_graph(frozen, SIZE, "raw", None, "target")


def test_further_layers_are_found_by_the_names_that_are_given(frozen: Frozen) -> None:
    adopted = adopt_graph(frozen, SIZE, "raw", "target", None, ["stem", "target"])
    assert list(adopted.others) == ["stem", "target"]
    assert adopted.others["target"] == adopted.path
    assert adopted.others["stem"] == adopt_graph(frozen, SIZE, "raw", "stem", None).path
    with pytest.raises(InputError, match=r"methods: layer: the classifier has no 'stam'; candidates: .*stem"):
        adopt_graph(frozen, SIZE, "raw", "target", None, ["stam"])


def test_a_graph_is_written_whole_and_its_nodes_in_one_order(frozen: Frozen, tmp_path: Path) -> None:
    adopted = adopt_graph(frozen, SIZE, "raw", None, None)
    write_graph(tmp_path / "model.pb", adopted.graph)
    content = (tmp_path / "model.pb").read_bytes()
    nodes = list(adopted.graph.node)
    del adopted.graph.node[:]
    adopted.graph.node.extend(nodes[::-1])
    write_graph(tmp_path / "model.pb", adopted.graph)
    assert (tmp_path / "model.pb").read_bytes() == content
    assert [path.name for path in tmp_path.iterdir()] == ["model.pb"]


# An activation at the end of what is named for the class scores


def graph_of(tmp_path: Path, *end: object) -> Frozen:
    """Freeze an exported network that ends so, with the weights of every other."""
    network = made(lambda: chained(*backbone().layers, pool(), layers.Dense(3, name="before"), *end))
    network.export(tmp_path / "mine", verbose=False)
    return freeze(tmp_path / "mine")


@pytest.mark.slow
@pytest.mark.parametrize("activation", ["sigmoid", "softmax", "tanh", "relu", "linear", "silu", "elu", "log_softmax"])
def test_scores_are_what_is_before_any_activation_of_the_named_layer(tmp_path: Path, activation: str) -> None:
    frozen = graph_of(tmp_path / "fused", layers.Dense(3, activation=activation, name="scores"))
    linear = graph_of(tmp_path / "linear", layers.Dense(3, name="scores"))
    expected = GraphClassifier(adopt_graph(linear, SIZE, "raw", "target", None).graph, "linear")
    adopted = adopt_graph(frozen, SIZE, "raw", "target", "scores")
    found = GraphClassifier(adopted.graph, "fused")
    np.testing.assert_array_equal(found.scores()(PICTURES), expected.scores()(PICTURES))
    gradients = differentiated(found, adopted.path)(PICTURES).gradients
    np.testing.assert_array_equal(gradients, differentiated(expected, adopted.path)(PICTURES).gradients)
    assert np.abs(gradients).max() > 0


def test_several_sigmoids_say_what_can_be_named(tmp_path: Path) -> None:
    frozen = graph_of(tmp_path, layers.Dense(3, activation="sigmoid", name="scores"))
    with pytest.raises(InputError, match=r"`logits` can name the operation that gives them, \S*scores\S* perhaps"):
        adopt_graph(frozen, SIZE, "raw", "target", None)


@pytest.mark.slow
@pytest.mark.parametrize("activation", ["gelu", "hard_sigmoid", "mish", "softsign", "exponential", "pieces"])
def test_an_activation_that_is_not_known_whole_is_refused_or_taken_off(tmp_path: Path, activation: str) -> None:
    end = Pieces(name="scores") if activation == "pieces" else layers.Dense(3, activation=activation, name="scores")
    frozen = graph_of(tmp_path / "mine", end)
    linear = graph_of(tmp_path / "linear", layers.Dense(3, name="scores"))
    expected = GraphClassifier(adopt_graph(linear, SIZE, "raw", "target", None).graph, "linear").scores()(PICTURES)
    try:
        adopted = adopt_graph(frozen, SIZE, "raw", "target", "scores")
    except InputError as error:
        assert re.search(r"logits: scores ends with \S*scores\S* .* an activation in pieces, it seems", str(error))
    else:
        assert activation == "softsign"
        np.testing.assert_array_equal(GraphClassifier(adopted.graph, "mine").scores()(PICTURES), expected)
    # The layer before it can be named, and an operation by its whole name is taken as it is.
    before = adopt_graph(frozen, SIZE, "raw", "target", "before")
    assert np.abs(GraphClassifier(before.graph, "mine").scores()(PICTURES)).max() > 0


class Pieces(layers.Layer):  # type: ignore[misc]
    """A sigmoid, written out."""

    def call(self, inputs: Any) -> Any:
        return 1.0 / (1.0 + keras.ops.exp(-inputs))
