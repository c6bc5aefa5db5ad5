"""A frozen TensorFlow graph, as `graph_adoption` makes them of SavedModels, as a `classifier.Classifier`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...errors import InputError
from ..functions import PassFunction, Place, ScoreFunction, pass_function, score_function
from ..passes import BEFORE_SOFTMAX, Places, check_spatial

# The names of an adopted graph's ends.
PICTURE, LOGITS, PROBABILITIES = "picture", "logits", "probabilities"


def demand_tensorflow() -> None:
    """Raise `InputError` where Keras computes on another backend than TensorFlow, whose graphs these are."""
    import keras

    if keras.backend.backend() != "tensorflow":
        raise InputError(
            f"a SavedModel is TensorFlow's, it cannot be used with KERAS_BACKEND={keras.backend.backend()}. Set "
            "KERAS_BACKEND=tensorflow, or bring the classifier as .keras."
        )


class GraphClassifier:
    """An adopted graph that is read, to be evaluated and differentiated with TensorFlow.

    Its input is the tensor `picture` (n, size, size, 3) float32, RGB from 0 to 255, its class scores the tensor
    `logits`, whatever a caller names.
    """

    def __init__(self, graph: Any, name: str) -> None:
        """graph: GraphDef of `adopt_graph`. name: for messages. Raises InputError on another backend of Keras."""
        demand_tensorflow()
        self.name = name
        self._graph = graph
        node = next(node for node in graph.node if node.name == PICTURE)
        sizes = [dimension.size for dimension in node.attr["shape"].shape.dim]
        self.input_shape: tuple[int | None, ...] = tuple(sizes[1:])

    @classmethod
    def read(cls, path: str | Path) -> "GraphClassifier":
        """Read a file of `graph_adoption.write_graph`. Raises InputError on another backend of Keras."""
        from tensorflow.core.framework import graph_pb2

        graph = graph_pb2.GraphDef()
        graph.ParseFromString(Path(path).read_bytes())
        return cls(graph, str(path))

    def passing(self, places: Sequence[Place], logits: str | None = None, score: str = BEFORE_SOFTMAX) -> PassFunction:
        """Return the function of pictures that gives what is made at each of some places, as `Classifier.passing`.

        Layers are names of tensors, as `graph_adoption.Adopted.path` has them. Raises InputError where the class scores
        do not depend on one, and ValueError for a tensor that is not there.
        """
        import tensorflow as tf

        wanted = Places([place.layer for place in places], [place.combine for place in places], score)

        def evaluate(pictures: Any, targets: Any) -> Any:
            *outputs, logits = tf.graph_util.import_graph_def(
                self._graph,
                input_map={f"{PICTURE}:0": pictures},
                return_elements=[*wanted.layers, f"{LOGITS}:0"],
                name="",
            )
            for name, output in zip(wanted.layers, outputs, strict=True):
                check_spatial(tuple(output.shape), f"layer {name}")
            if wanted.has_pictures:
                outputs.append(pictures)
            return wanted.values(outputs, tf.gradients(wanted.score(logits, targets), outputs), logits)

        signature = [tf.TensorSpec([None, *self.input_shape], tf.float32), tf.TensorSpec([None], tf.int32)]
        compiled = tf.compat.v1.wrap_function(evaluate, signature)
        return pass_function(
            lambda pictures, targets: [
                tensor.numpy() for tensor in compiled(tf.constant(pictures), tf.constant(targets))
            ],
            self.input_shape,
        )

    def scores(self, logits: str | None = None) -> ScoreFunction:
        """Return the function of pictures that gives their class scores, as `Classifier.scores`."""
        import tensorflow as tf

        def evaluate(pictures: Any) -> Any:
            (logits,) = tf.graph_util.import_graph_def(
                self._graph, input_map={f"{PICTURE}:0": pictures}, return_elements=[f"{LOGITS}:0"], name=""
            )
            return logits

        compiled = tf.compat.v1.wrap_function(evaluate, [tf.TensorSpec([None, *self.input_shape], tf.float32)])
        return score_function(lambda pictures: compiled(tf.constant(pictures)).numpy(), self.input_shape)
