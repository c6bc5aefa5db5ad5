"""Frozen SavedModels compute what they computed."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from dermalign.classifiers.brought.freezing import Frozen, freeze
from dermalign.classifiers.brought.graph_adoption import adopt_graph
from dermalign.classifiers.brought.graph_classifier import GraphClassifier
from dermalign.errors import InputError
from pass_cases import differentiated
from tensorflow.core.protobuf import trackable_object_graph_pb2

from . import tensorflow_1
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


# TensorFlow 1


@pytest.mark.parametrize("parts", [1, 2])
@pytest.mark.parametrize("use_resource", [False, True])
def test_savedmodels_of_tensorflow_1_compute_what_their_session_did(
    tmp_path: Path, use_resource: bool, parts: int
) -> None:
    scores = tensorflow_1.write(tmp_path / "mine", use_resource, parts=parts)
    frozen = freeze(tmp_path / "mine")
    assert not {node.op for node in frozen.graph.node} & {"VarHandleOp", "ReadVariableOp", "VariableV2"}
    np.testing.assert_allclose(computed(frozen), tf.nn.softmax(scores), rtol=1e-5, atol=1e-6)
    adopted = adopt_graph(frozen, SIZE, "raw", "target", None)
    classifier = GraphClassifier(adopted.graph, "mine")
    np.testing.assert_allclose(classifier.scores()(PICTURES), scores, rtol=1e-5, atol=1e-6)
    assert np.abs(differentiated(classifier, adopted.path)(PICTURES).gradients).max() > 0


@pytest.mark.parametrize("use_resource", [False, True])
def test_variables_are_found_by_their_full_names_where_keras_listed_them(tmp_path: Path, use_resource: bool) -> None:
    """As `tf.keras.experimental.export_saved_model` wrote: objects in the checkpoint, none in the graph's file."""
    scores = tensorflow_1.write(tmp_path / "mine", use_resource)
    prefix = str(tmp_path / "mine" / "variables" / "variables")
    reader = tf.train.load_checkpoint(prefix)
    objects = trackable_object_graph_pb2.TrackableObjectGraph()
    objects.nodes.add()
    tensors = {}
    for number, (name, _) in enumerate(sorted(reader.get_variable_to_shape_map().items())):
        key = f"layer-{number}/.ATTRIBUTES/VARIABLE_VALUE"
        tensors[key] = reader.get_tensor(name)
        objects.nodes[0].children.add(node_id=number + 1, local_name=f"layer-{number}")
        objects.nodes.add().attributes.add(name="VARIABLE_VALUE", full_name=name, checkpoint_key=key)
    tensors["_CHECKPOINTABLE_OBJECT_GRAPH"] = np.array(objects.SerializeToString(), dtype=object)
    shutil.rmtree(tmp_path / "mine" / "variables")
    (tmp_path / "mine" / "variables").mkdir()
    tf.raw_ops.SaveV2(
        prefix=prefix, tensor_names=list(tensors), shape_and_slices=[""] * len(tensors), tensors=list(tensors.values())
    )
    np.testing.assert_allclose(computed(freeze(tmp_path / "mine")), tf.nn.softmax(scores), rtol=1e-5, atol=1e-6)


def test_a_variable_of_tensorflow_1_that_would_be_changed_is_refused(tmp_path: Path) -> None:
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        pictures = tf.compat.v1.placeholder(tf.float32, (None, SIZE, SIZE, 3))
        counter = tf.compat.v1.get_variable("counter", (1, 3), use_resource=False)
        output = tf.compat.v1.scatter_add(counter, [0], tf.reduce_mean(pictures, axis=[1, 2])[:1])
        session.run(tf.compat.v1.global_variables_initializer())
        tf.compat.v1.saved_model.simple_save(session, str(tmp_path / "mine"), {"a": pictures}, {"b": output})
    with pytest.raises(InputError, match=r"would do more than compute.*ScatterAdd.* may change a variable"):
        freeze(tmp_path / "mine")


def test_a_folder_without_its_variables_says_so(tmp_path: Path) -> None:
    tensorflow_1.write(tmp_path / "mine", use_resource=True)
    shutil.rmtree(tmp_path / "mine" / "variables")
    with pytest.raises(InputError, match=r"its variables/ cannot be read .* Complete the folder"):
        freeze(tmp_path / "mine")
