"""Frozen graphs between pixels and softmax, and what is found in them."""

from pathlib import Path

import keras
import numpy as np
import pytest
from dermalign.classifiers.brought.freezing import Frozen, freeze
from dermalign.classifiers.brought.graph_adoption import adopt_graph, write_graph
from dermalign.classifiers.brought.graph_classifier import GraphClassifier
from dermalign.errors import InputError
from keras import layers

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
