"""SavedModels as data: their signature, and operations that do more than compute."""

from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from dermalign.classifiers.brought.saved_model import operations_in, read_signature
from dermalign.errors import InputError

from .models import KINDS, SIZE, made, served


def test_the_signature_is_what_computes_the_output(tmp_path: Path) -> None:
    made(KINDS["functional, fused softmax"][0]).export(tmp_path / "mine", verbose=False)
    _, pruned, source, target = read_signature(tmp_path / "mine")
    names = {node.name for node in pruned.node}
    assert {source.partition(":")[0], target.partition(":")[0]} <= names
    kinds = {node.op for _, node in operations_in(pruned)}
    assert {"Conv2D", "Softmax", "VarHandleOp"} <= kinds
    assert not kinds & {"SaveV2", "RestoreV2", "MergeV2Checkpoints"}  # which the file has, for its variables


def test_operations_that_do_more_than_compute_are_refused_before_anything_runs(tmp_path: Path) -> None:
    marker = tmp_path / "was run"

    def python(pictures: Any) -> Any:
        def touch(values: Any) -> Any:
            marker.touch()
            return values

        return tf.ensure_shape(tf.numpy_function(touch, [pictures], tf.float32), pictures.shape)

    def stateless_python(pictures: Any) -> Any:
        return tf.ensure_shape(tf.numpy_function(lambda v: v, [pictures], tf.float32, stateful=False), pictures.shape)

    def reads(pictures: Any) -> Any:
        return pictures + tf.cast(tf.strings.length(tf.io.read_file(str(tmp_path / "secret"))), tf.float32)

    def writes(pictures: Any) -> Any:
        with tf.control_dependencies([tf.io.write_file(str(marker), "was run")]):
            return tf.identity(pictures)

    def within_a_loop(pictures: Any) -> Any:
        return tf.while_loop(lambda _: False, lambda values: (reads(values),), (pictures,))[0]

    (tmp_path / "secret").write_text("123", encoding="utf-8")
    refused = {
        "PyFunc.*runs Python code": python,
        "PyFuncStateless.*runs Python code": stateless_python,
        "ReadFile.*reads or writes files": reads,
        "WriteFile.*reads or writes files": writes,
        "ReadFile in the function .*reads or writes files": within_a_loop,
    }
    for number, (words, before) in enumerate(refused.items()):
        folder = served(tmp_path / str(number), before)
        marker.unlink(missing_ok=True)
        with pytest.raises(InputError, match=f"nothing of it was run.*{words}"):
            read_signature(folder)
        assert not marker.exists()


def test_signatures_that_are_no_classifier_s_are_refused(tmp_path: Path) -> None:
    class Two(tf.Module):  # type: ignore[misc]
        @tf.function(input_signature=[tf.TensorSpec((None, SIZE, SIZE, 3)), tf.TensorSpec((None, 3))])
        def serve(self, pictures: Any, scores: Any) -> Any:
            return tf.reduce_mean(pictures, axis=[1, 2]) + scores

        @tf.function(input_signature=[tf.TensorSpec((None, SIZE, SIZE, 3))])
        def constant(self, pictures: Any) -> Any:
            return tf.zeros((1, 3))

    module = Two()
    for name, signatures, words in (
        ("inputs", module.serve, "has 2 inputs"),
        ("names", {"one": module.serve, "other": module.constant}, "no signature serving_default, only one, other"),
    ):
        tf.saved_model.save(module, str(tmp_path / name), signatures=signatures)
        with pytest.raises(InputError, match=words):
            read_signature(tmp_path / name)
    folder = served(tmp_path / "broken", tf.identity)
    (folder / "saved_model.pb").write_bytes(b"\xff\xff")
    with pytest.raises(InputError, match=r"saved_model\.pb cannot be read"):
        read_signature(folder)
