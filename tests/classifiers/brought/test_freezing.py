"""Frozen SavedModels compute what they computed."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from dermalign.classifiers.brought.freezing import Frozen, freeze
from dermalign.errors import InputError

from .models import KINDS, PICTURES, SIZE, made, served


def computed(frozen: Frozen) -> np.ndarray:
    """The output of a frozen graph for `PICTURES`."""

    def compute(pictures: Any) -> Any:
        return tf.graph_util.import_graph_def(
            frozen.graph, input_map={frozen.input: pictures}, return_elements=[frozen.output], name=""
        )[0]

    wrapped = tf.compat.v1.wrap_function(compute, [tf.TensorSpec(frozen.shape, frozen.dtype)])
    return wrapped(tf.constant(PICTURES, frozen.dtype)).numpy()


@pytest.mark.parametrize("kind", ["nested functional, softmax layer", "sequential, linear end"])
@pytest.mark.parametrize("how", ["export", "save"])
def test_a_frozen_graph_computes_what_the_model_does(tmp_path: Path, kind: str, how: str) -> None:
    model = made(KINDS[kind][0])
    save: dict[str, Callable[..., Any]] = {
        "export": lambda: model.export(tmp_path / "mine", verbose=False),
        "save": lambda: tf.saved_model.save(model, str(tmp_path / "mine")),
    }
    save[how]()
    frozen = freeze(tmp_path / "mine")
    assert (frozen.shape, frozen.dtype) == ((None, SIZE, SIZE, 3), tf.float32)
    assert not {node.op for node in frozen.graph.node} & {"VarHandleOp", "ReadVariableOp", "StatefulPartitionedCall"}
    expected = model.predict(PICTURES.astype(np.float32), verbose=0)
    np.testing.assert_allclose(computed(frozen), expected, rtol=1e-4, atol=1e-5)


def test_two_classifiers_of_the_same_functions_do_not_meet(tmp_path: Path) -> None:
    """TensorFlow knows one function of a name only, and exports give equal names."""
    build = KINDS["sequential, linear end"][0]
    first, second = made(build), build()
    for name, model in (("first", first), ("second", second)):
        model.export(tmp_path / name, verbose=False)
    frozen = [freeze(tmp_path / name) for name in ("first", "second")]
    for model, own in zip((first, second), frozen, strict=True):
        expected = model.predict(PICTURES.astype(np.float32), verbose=0)
        np.testing.assert_allclose(computed(own), expected, rtol=1e-4, atol=1e-5)


def test_a_variable_that_the_checkpoint_lacks_is_named(tmp_path: Path) -> None:
    folder = served(tmp_path / "mine", tf.identity)
    variables = folder / "variables"
    shutil.rmtree(variables)
    tf.train.Checkpoint(other=tf.Variable(1.0)).write(str(variables / "variables"))
    with pytest.raises(InputError, match="is not among its variables/"):
        freeze(folder)


def test_pictures_must_have_three_channels(tmp_path: Path) -> None:
    class Grey(tf.Module):  # type: ignore[misc]
        @tf.function(input_signature=[tf.TensorSpec((None, SIZE, SIZE, 1))])
        def serve(self, pictures: Any) -> Any:
            return tf.reduce_mean(pictures, axis=[1, 2]) * tf.ones((1, 3))

    module = Grey()
    tf.saved_model.save(module, str(tmp_path / "mine"), signatures=module.serve)
    with pytest.raises(InputError, match="must take RGB pictures"):
        freeze(tmp_path / "mine")
