"""Determinism and threads, each in a process of its own: both hold for the rest of it."""

import os
import subprocess
import sys

import pytest
from dermalign.study.digests import LIBRARY


def printed(code: str, backend: str) -> str:
    """What a fresh process prints on a backend."""
    environment = {**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": str(LIBRARY.parent), "XLA_FLAGS": ""}
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    ).stdout.strip()


@pytest.mark.slow
def test_tensorflow_computes_in_so_many_threads() -> None:
    code = """
import tensorflow
from dermalign.classifiers.backend import limit_threads
limit_threads(3)
threading = tensorflow.config.threading
print(threading.get_intra_op_parallelism_threads(), threading.get_inter_op_parallelism_threads())
"""
    assert printed(code, "tensorflow") == "3 3"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("backend", "expected"),
    [("tensorflow", "True "), ("jax", "False --xla_gpu_deterministic_ops=true")],
)
def test_equal_seeds_give_equal_numbers(backend: str, expected: str) -> None:
    code = """
import os, random
import keras, numpy
from dermalign.classifiers.backend import limit_threads, make_deterministic
limit_threads(1)
drawn = []
for _ in range(2):
    make_deterministic(5)
    drawn.append((random.random(), numpy.random.random(), float(keras.random.uniform(()))))
assert drawn[0] == drawn[1]
is_on = False
if keras.backend.backend() == "tensorflow":
    from tensorflow.python.framework import config
    is_on = config.is_op_determinism_enabled()
print(is_on, os.environ["XLA_FLAGS"])
"""
    assert printed(code, backend) == expected.strip()
