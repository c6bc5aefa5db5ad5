"""SavedModels as TensorFlow 1.13 to 1.15 write them, for the tests beside this file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from .models import PICTURES, SIZE

v1 = tf.compat.v1
Variable = Callable[..., Any]


def network(pictures: Any, variable: Variable) -> Any:
    """Return the class scores of a small network: convolution, normalisation, a default, a linear layer."""
    with v1.variable_scope("conv"):
        tensor = tf.nn.conv2d(pictures / 255.0, variable("kernel", (3, 3, 3, 6)), 2, "VALID")
        tensor = tf.nn.relu(tf.nn.bias_add(tensor, variable("bias", (6,))), name="target")
    with v1.variable_scope("norm"):
        parts = [variable(name, (6,)) for name in ("gamma", "beta", "moving_mean", "moving_variance")]
        tensor, _, _ = v1.nn.fused_batch_norm(tensor, *parts[:2], parts[2], tf.abs(parts[3]) + 0.5, is_training=False)
    kept = v1.placeholder_with_default(1.0, (), name="share_that_dropout_keeps")
    tensor = tensor * kept
    with v1.variable_scope("head"):
        pooled = tf.reduce_mean(tensor, axis=[1, 2])
        return tf.nn.bias_add(tf.matmul(pooled, variable("kernel", (6, 3))), variable("bias", (3,)), name="scores")


def write(folder: Path, use_resource: bool, end: Callable[[Any], Any] = tf.nn.softmax, parts: int = 1) -> np.ndarray:
    """Write a SavedModel in a session, without any list of objects, and return its class scores of `PICTURES`.

    use_resource: whether variables are resources, else references. parts: in how many each kernel is partitioned.
    """
    with tf.Graph().as_default(), v1.Session() as session:
        pictures = v1.placeholder(tf.float32, (None, SIZE, SIZE, 3), name="pictures")

        def variable(name: str, shape: tuple[int, ...]) -> Any:
            partitioner = v1.fixed_size_partitioner(parts) if parts > 1 and len(shape) == 2 else None
            given = v1.random_normal_initializer(seed=len(name) + sum(shape))
            return v1.get_variable(name, shape, initializer=given, use_resource=use_resource, partitioner=partitioner)

        scores = network(pictures, variable)
        output = end(scores)
        session.run(v1.global_variables_initializer())
        v1.saved_model.simple_save(session, str(folder), {"pictures": pictures}, {"probabilities": output})
        found: np.ndarray = session.run(scores, {pictures: PICTURES})
    return found
