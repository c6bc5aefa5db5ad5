"""Measure how much of a training's speed the reading of pictures costs, and that memory does not grow with the store.

    python benchmarks/input_pipeline.py [--models plain_stack@64 MobileNetV2@224 ...] [--runs 5] [--memory 500 5000]

Speed: the same compiled model is fitted in turn on pictures from a store, as a training does it (random order, flips
and quarter turns, weights), and on the same arrays in memory, in pairs next to each other. Printed: pictures per
second, medians over `runs` pairs, and the ratio store/memory (the median of the pairs' ratios, with their range); last
the same ratio by processor time, which tells more where other work keeps a machine busy and there is no GPU.
Memory: the peak of a whole training of one epoch, in an own process for each number of pictures.

Works on TensorFlow and JAX (KERAS_BACKEND). Ends with status 1 where a ratio is below 0.9, or where the larger store
takes more memory than the smaller one by over a tenth of what its further pictures are.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "workflow_scripts"))

import h5py  # noqa: E402
import keras  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from dermalign.classifiers import training  # noqa: E402
from dermalign.classifiers.architectures import build_classifier  # noqa: E402
from dermalign.study.configuration import complete_model  # noqa: E402
from peak_memory import own_peak  # noqa: E402

CLASSES = ["MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC"]
GOAL = 0.9
# Batch size and batches of one run: some seconds on two cores.
MODELS = {
    "plain_stack@64": (32, 120),
    "residual_stack@64": (32, 120),
    "MobileNetV2@224": (32, 4),
    "ResNet50@227": (16, 3),
    "VGG16@450": (4, 2),
}
MEMORY_SIZE = 128  # pixels


def settings(architecture: str, size: int, batch_size: int) -> dict[str, Any]:
    """Settings of a training; VGG16 and ResNet50 with the paper's head."""
    paper = architecture in ("VGG16", "ResNet50")
    head = {"pooling": "flatten", "dense": [2048, 2048], "dropout": 0.5}
    return complete_model(
        {
            "architecture": architecture,
            "input_size": size,
            "saliency_layer": "none is looked at",
            "head": head if paper else {},
            "training": {
                "epochs": 1,
                "batch_size": batch_size,
                "optimizer": "sgd",
                "learning_rate": 1e-5,
                "momentum": 0.9,
                "batchnorm_momentum": None,
            },
        }
    )


def write_pictures(path: Path, count: int, size: int) -> pd.DataFrame:
    """Write a store of noise and return the table of its pictures, a training's."""
    random = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        pictures = file.create_dataset("pictures", (count, size, size, 3), dtype=np.uint8)
        for start in range(0, count, 64):
            pictures[start : start + 64] = random.integers(0, 256, pictures[start : start + 64].shape, dtype=np.uint8)
        names = [f"p{number}" for number in range(count)]
        file.create_dataset("image", data=names, dtype=h5py.string_dtype())
    labels = random.integers(len(CLASSES), size=count)
    return pd.DataFrame({"image": names, "class": np.array(CLASSES)[labels], "split": "train", "label": labels})


def speed(name: str, runs: int, folder: Path) -> tuple[float, float, list[float], list[float]]:
    """Return pictures per second from the store and from memory, and the pairs' ratios by clock and by processor."""
    architecture, _, size = name.partition("@")
    batch_size, batches = MODELS[name]
    chosen = settings(architecture, int(size), batch_size)
    count = batch_size * batches
    path = folder / f"{name}.h5"
    rows = write_pictures(path, count, int(size)).assign(row=np.arange(count))
    classifier = build_classifier(chosen, CLASSES, 0)
    scores = keras.Model(classifier.inputs, classifier.get_layer("logits").output)
    loss, _ = training.make_loss(chosen["training"])
    scores.compile(optimizer=training.make_optimizer(chosen["training"]), loss=loss, metrics=["accuracy"])
    weights = training.class_weights(rows["label"].to_numpy(), len(CLASSES), "inverse_frequency")
    random = np.random.default_rng(1)
    with h5py.File(path) as file:
        arrays = file["pictures"][()]
        labels = rows["label"].to_numpy(np.int32)
        picture_weights = weights[labels].astype(np.float32)

        def from_store() -> None:
            order, symmetries = random.permutation(count), random.integers(8, size=count)
            data = training.PictureBatches(file["pictures"], rows.iloc[order], batch_size, weights, symmetries)
            scores.fit(data, shuffle=False, verbose=0)

        def from_memory() -> None:
            scores.fit(arrays, labels, sample_weight=picture_weights, batch_size=batch_size, shuffle=False, verbose=0)

        def seconds(fit: Any) -> tuple[float, float]:
            start = time.perf_counter(), time.process_time()
            fit()
            return time.perf_counter() - start[0], time.process_time() - start[1]

        from_memory(), from_store()  # compiled here
        pairs = []
        for run in range(runs):
            # Each is first in every other pair: what slows the machine down slows both.
            ways = (from_store, from_memory) if run % 2 else (from_memory, from_store)
            times = {way: seconds(way) for way in ways}
            pairs.append((times[from_store], times[from_memory]))
    path.unlink()
    store, memory = (count / median(clock for clock, _ in times) for times in zip(*pairs, strict=True))
    by_clock, by_processor = ([memory[kind] / store[kind] for store, memory in pairs] for kind in (0, 1))
    return store, memory, by_clock, by_processor


def peak_memory(count: int) -> float:
    """Return the peak memory in MiB of a training of one epoch on so many pictures, measured in this process."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table = write_pictures(folder / "pictures.h5", count, MEMORY_SIZE)
        paths = {key: folder / "model" / file for key, file in OUTPUTS.items()}
        chosen = settings("residual_stack", MEMORY_SIZE, 16)
        training.train(chosen, CLASSES, table, folder / "pictures.h5", 1, **paths)
    return own_peak()


OUTPUTS = {"model_path": "model.keras", "history_path": "history.csv", "predictions_path": "predictions.csv"}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="*", choices=list(MODELS), default=list(MODELS))
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--memory", nargs=2, type=int, default=[500, 5000], metavar=("FEWER", "MORE"))
    parser.add_argument("--peak-memory-of", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peak_memory_of:
        print(json.dumps(peak_memory(arguments.peak_memory_of)))
        return
    failed = []
    print(f"backend: {keras.backend.backend()}\n")
    print(
        "| model | batch | from the store, pictures/s | from memory, pictures/s | ratio (range) | of processor time |"
    )
    print("|---|--:|--:|--:|--:|--:|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for name in arguments.models:
            store, memory, ratios, processor = speed(name, arguments.runs, Path(folder))
            if median(ratios) < GOAL:
                failed.append(f"{name}: {median(ratios):.2f} of the speed from memory, the goal is {GOAL}")
            spread = f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
            row = (name, MODELS[name][0], f"{store:.2f}", f"{memory:.2f}", spread, f"{median(processor):.2f}")
            print(f"| {' | '.join(map(str, row))} |", flush=True)
    peaks = []
    print(f"\n| pictures of {MEMORY_SIZE} pixels | in the store, MiB | peak memory of a training, MiB |")
    print("|--:|--:|--:|", flush=True)
    for count in arguments.memory:
        command = [sys.executable, __file__, "--peak-memory-of", str(count)]
        printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        peaks.append(float(json.loads(printed.splitlines()[-1])))
        print(f"| {count:,} | {count * MEMORY_SIZE**2 * 3 / 2**20:.0f} | {peaks[-1]:.0f} |", flush=True)
    further = (arguments.memory[1] - arguments.memory[0]) * MEMORY_SIZE**2 * 3 / 2**20
    if peaks[1] - peaks[0] > further / 10:
        failed.append(f"memory grew by {peaks[1] - peaks[0]:.0f} MiB with {further:.0f} MiB of further pictures")
    for sentence in failed:
        print(f"\nFAILED: {sentence}")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
