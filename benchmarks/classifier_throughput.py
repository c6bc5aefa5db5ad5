"""Measure pictures per second of the paper's two classifiers, in training and in inference, against matrix products.

    python benchmarks/classifier_throughput.py [--models VGG16@450 ResNet50@227] [--precisions float32 mixed_bfloat16]
        [--batch-size 32] [--batches 4] [--runs 3]

With the paper's head and optimizer, on random pictures in memory. The limit, in the same run and the same precision, is
what the device reaches in the product of two large square matrices. Printed: medians of `runs`, taken in turn, and the
share of the limit. Operations are those of convolutions and dense layers, a multiplication and an addition counting as
two; a training step counts three times the forward pass. On a GPU the precisions are float32 (which may be TF32, in the
network and in the limit) and mixed_bfloat16, on a processor float32 alone.

Works on TensorFlow and JAX (KERAS_BACKEND).
"""

import argparse
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "workflow_scripts"))

import keras  # noqa: E402
import numpy as np  # noqa: E402
from dermalign.classifiers import training  # noqa: E402
from dermalign.classifiers.architectures import build_classifier  # noqa: E402
from input_pipeline import CLASSES, settings  # noqa: E402

SIDES = {"cpu": 2048, "gpu": 8192}  # of the matrices
SIZES = {"cpu": 4, "gpu": 32}  # of batches


def device() -> tuple[str, str]:
    """Return whether Keras computes on a cpu or a gpu, and its name."""
    if keras.backend.backend() == "jax":
        import jax

        first = jax.devices()[0]
        return (
            ("cpu", platform.processor() or platform.machine())
            if first.platform == "cpu"
            else (
                "gpu",
                first.device_kind,
            )
        )
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return "cpu", platform.processor() or platform.machine()
    return "gpu", str(tf.config.experimental.get_device_details(gpus[0]).get("device_name"))


def matrix_product(side: int, kind: str) -> Callable[[], None]:
    """Return a function that multiplies two matrices and waits for the product."""
    random = np.random.default_rng(0)
    pair = [random.standard_normal((side, side)).astype(np.float32) for _ in range(2)]
    if keras.backend.backend() == "jax":
        import jax

        first, second = (jax.numpy.asarray(matrix, kind) for matrix in pair)
        compiled = jax.jit(jax.numpy.matmul)
        return lambda: compiled(first, second).block_until_ready()
    import tensorflow as tf

    one, other = (tf.cast(tf.constant(matrix), kind) for matrix in pair)
    multiplied = tf.function(lambda: tf.matmul(one, other)[:1, :1])

    def multiply() -> None:
        multiplied().numpy()  # waits

    return multiply


def operations(model: keras.Model) -> float:
    """Return the operations of one picture's forward pass, in convolutions and dense layers."""
    total = 0.0
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            total += operations(layer)
        elif isinstance(layer, keras.layers.Dense):
            total += 2 * layer.kernel.shape[0] * layer.kernel.shape[1]
        elif isinstance(layer, keras.layers.Conv2D):
            _, height, width, _ = layer.output.shape
            total += 2 * height * width * float(np.prod(layer.kernel.shape))
    return total


def seconds(work: Callable[[], Any]) -> float:
    """Return how long `work` takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def measure(name: str, precision: str, where: str, arguments: argparse.Namespace) -> None:
    """Print the rows of one classifier in one precision."""
    architecture, _, size = name.partition("@")
    batch_size = arguments.batch_size or SIZES[where]
    count = batch_size * arguments.batches
    chosen = settings(architecture, int(size), batch_size)
    chosen["training"]["precision"] = precision
    classifier = build_classifier(chosen, CLASSES, 0)
    scores = keras.Model(classifier.inputs, classifier.get_layer("logits").output)
    scores.compile(
        optimizer=training.make_optimizer(chosen["training"]), loss=training.make_loss(chosen["training"])[0]
    )
    random = np.random.default_rng(0)
    pictures = random.integers(0, 256, (count, int(size), int(size), 3), dtype=np.uint8)
    labels = random.integers(len(CLASSES), size=count).astype(np.int32)
    side = SIDES[where]
    works: dict[str, Callable[[], Any]] = {
        "limit": matrix_product(side, "bfloat16" if precision == "mixed_bfloat16" else "float32"),
        "training": lambda: scores.fit(pictures, labels, batch_size=batch_size, verbose=0),
        "inference": lambda: scores.predict(pictures, batch_size=batch_size, verbose=0),
    }
    for work in works.values():
        work()  # compiled here
    times: dict[str, list[float]] = {key: [] for key in works}
    for _ in range(arguments.runs):
        for key, work in works.items():
            times[key].append(seconds(work))
    limit = 2 * side**3 / median(times["limit"])
    for key, factor in (("training", 3), ("inference", 1)):
        speed = count / median(times[key])
        reached = speed * factor * operations(scores)
        print(
            f"| {name} | {key} | {precision} | {batch_size} | {speed:.3g} | {operations(scores) / 1e9:.1f} | "
            f"{reached / 1e9:,.0f} | {limit / 1e9:,.0f} | {reached / limit:.2f} |",
            flush=True,
        )


def main() -> None:
    """Measure and print."""
    where, named = device()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=["VGG16@450", "ResNet50@227"])
    precisions = ["float32", "mixed_bfloat16"]
    parser.add_argument("--precisions", nargs="+", choices=precisions, default=precisions[: 1 + (where == "gpu")])
    parser.add_argument("--batch-size", type=int)
    parser.add_argument("--batches", type=int, default=2 if where == "cpu" else 8)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    print(f"{keras.backend.backend()} on {where} ({named})\n")
    print("| model | | precision | batch | pictures/s | GFLOP a picture | GFLOP/s | matrix product, GFLOP/s | share |")
    print("|---|---|---|--:|--:|--:|--:|--:|--:|", flush=True)
    for name in arguments.models:
        for precision in arguments.precisions:
            measure(name, precision, where, arguments)


if __name__ == "__main__":
    main()
