"""How fast the two networks of the paper train and give Grad-CAM maps, in how much memory; how fast JPEGs decode.

    python benchmarks/network_rates.py [--study FILE] [--models NAME ...] [--batches 2 4] [--data FOLDER]

The rates that docs/planning.md multiplies. Each network is built as the study says (weights drawn, which costs the
same as learnt ones), trained for two epochs of two batches by
`dermalign.classifiers.training.train`, of which the second counts;
then asked for Grad-CAM twice, of which the second call counts. Each of the two runs in a process of its own, whose
peak memory is that of the job. Where TensorFlow sees a GPU, the same command measures that GPU. Floating-point
operations are counted from the layers (a multiplication and an addition are two), training as three forward passes.

Pictures: real ones of the reduced archives in --data, enlarged to 1024 x 1024 (most of ISIC 2019) and to 9.3 megapixels
(the mean of ISIC 2018 Task 1-2) and saved as JPEG; decoded to the input sizes by `dermalign.data.pictures.decode`.
Without --data this part is left out.
"""

import argparse
import io
import json
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from peak_memory import own_peak
from PIL import Image

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "workflow_scripts"))

CLASSES = ["MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC"]
SIZES = {"1024 x 1024": (1024, 1024), "9.3 megapixels": (3520, 2640)}
PICTURES = 12


def main() -> int:
    """Run the benchmark and print Markdown tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--study", type=Path, default=REPOSITORY / "studies" / "nunnari2021.yaml")
    parser.add_argument("--batches", type=int, nargs="+", default=[2, 4], help="pictures per step")
    parser.add_argument("--data", type=Path, help="the folder that holds isic-256/ISIC2018_Task1-2_Training_Input.zip")
    parser.add_argument("--models", nargs="+", help="only these of the study's")
    parser.add_argument("--measure", nargs=4, metavar=("WHAT", "MODEL", "BATCH", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    models = {
        name: of for name, of in yaml.safe_load(options.study.read_text(encoding="utf-8"))["models"].items() if of
    }
    if options.measure:
        what, name, batch, folder = options.measure
        settings = {**models[name], "weights": "none"}
        print(json.dumps({"train": train, "gradcam": gradcam}[what](settings, int(batch), Path(folder))))
        return 0
    print(
        "| network | parameters, M | GFLOP a picture | batch | training, pictures/s | GFLOP/s | peak, MB "
        "| Grad-CAM, pictures/s | GFLOP/s | peak, MB | load, s |"
    )
    print("|---|" + "--:|" * 10)
    for name in options.models or models:
        for batch in options.batches:
            with tempfile.TemporaryDirectory(prefix="network-rates-") as folder:
                trained = in_process(options.study, "train", name, str(batch), folder)
                explained = in_process(options.study, "gradcam", name, str(batch), folder)
            gflop = explained["gflop"]
            print(
                f"| {name} | {explained['parameters'] / 1e6:.0f} | {gflop:.1f} | {batch} | {trained['rate']:.3f} | "
                f"{trained['rate'] * 3 * gflop:.0f} | {trained['peak']:.0f} | {explained['rate']:.2f} | "
                f"{explained['rate'] * gflop:.0f} | {explained['peak']:.0f} | {explained['load']:.1f} |",
                flush=True,
            )
    inputs = sorted({of["input_size"] for of in models.values()})
    print("\n| training pictures of side | read and turned, pictures/processor s |\n|--:|--:|")
    for side in inputs:
        print(f"| {side} | {reading(side):.0f} |")
    if options.data:
        print(
            "\n| JPEG of | mean size, kB | " + " | ".join(f"to {size}, pictures/processor s" for size in inputs) + " |"
        )
        print("|---|" + "--:|" * (1 + len(inputs)))
        for name, size in SIZES.items():
            kilobytes, rates = decoding(options.data, size, inputs)
            print(f"| {name} | {kilobytes:.0f} | " + " | ".join(f"{rate:.1f}" for rate in rates) + " |")
    return 0


def in_process(study: Path, *measured: str) -> dict[str, float]:
    """Measure in a process of its own; exit where that fails."""
    command = [sys.executable, __file__, "--study", str(study), "--measure", *measured]
    environment = {"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ}
    process = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if process.returncode:
        sys.exit(process.stderr[-3000:])
    return json.loads(process.stdout.splitlines()[-1])


def train(settings: dict[str, Any], batch: int, folder: Path) -> dict[str, float]:
    """Train on noise and leave the classifier in `folder`; return the rate of the second epoch and the peak memory."""
    import h5py
    import pandas as pd
    from dermalign.classifiers.tables import read_history
    from dermalign.classifiers.training import train as train_classifier
    from dermalign.study.configuration import complete_model

    count, size = 2 * batch, settings["input_size"]
    images = [f"picture_{number}" for number in range(count)]
    with h5py.File(folder / "pictures.h5", "w") as file:
        file["pictures"] = np.random.default_rng(0).integers(0, 256, (count, size, size, 3), dtype=np.uint8)
        file.create_dataset("image", data=images, dtype=h5py.string_dtype())
    table = pd.DataFrame({"image": images, "split": "train"})
    table["class"] = [CLASSES[number % len(CLASSES)] for number in range(count)]
    train_classifier(
        complete_model({**settings, "training": {**settings["training"], "epochs": 2, "batch_size": batch}}),
        CLASSES,
        table,
        folder / "pictures.h5",
        0,
        model_path=folder / "model.keras",
        history_path=folder / "history.csv",
        predictions_path=folder / "predictions.csv",
    )
    seconds = read_history(folder / "history.csv")["seconds"].iloc[-1]
    return {"rate": count / seconds, "peak": own_peak()}


def gradcam(settings: dict[str, Any], batch: int, folder: Path) -> dict[str, float]:
    """Load the classifier in `folder` and explain noise; return the rate of the second call, peak and size."""
    import keras
    from dermalign.classifiers.cost import multiply_adds
    from dermalign.classifiers.functions import Place
    from dermalign.classifiers.keras_classifier import KerasClassifier
    from dermalign.saliency.gradcam import grad_cam

    start = time.perf_counter()
    model = keras.models.load_model(folder / "model.keras", compile=False)
    load = time.perf_counter() - start
    evaluate = KerasClassifier(model).passing([Place(settings["saliency_layer"], grad_cam)])
    size = settings["input_size"]
    pictures = np.random.default_rng(0).integers(0, 256, (batch, size, size, 3), dtype=np.uint8)
    evaluate(pictures)
    start = time.perf_counter()
    evaluate(pictures)
    seconds = time.perf_counter() - start
    return {
        "rate": batch / seconds,
        "peak": own_peak(),
        "load": load,
        "parameters": model.count_params(),
        "gflop": 2 * multiply_adds(model) / 1e9,
    }


def reading(side: int) -> float:
    """Return the pictures a processor second that a training reads, from a store in the page cache."""
    import h5py
    import pandas as pd
    from dermalign.classifiers.training import PictureBatches

    random, count = np.random.default_rng(0), 512
    with tempfile.TemporaryDirectory(prefix="network-rates-") as folder:
        with h5py.File(Path(folder) / "pictures.h5", "w") as file:
            file["pictures"] = random.integers(0, 256, (count, side, side, 3), dtype=np.uint8)
        with h5py.File(Path(folder) / "pictures.h5") as file:
            rows = pd.DataFrame({"row": random.permutation(count), "label": 0})
            weights, symmetries = np.ones(len(CLASSES)), random.integers(8, size=count)
            batches = PictureBatches(file["pictures"], rows, 16, weights, symmetries)
            start = time.process_time()
            for number in range(len(batches)):
                batches[number]
            return count / (time.process_time() - start)


def decoding(data: Path, size: tuple[int, int], inputs: list[int]) -> tuple[float, list[float]]:
    """Return the mean file size in kB and, per input size, the pictures a processor second, of enlarged pictures."""
    from dermalign.data.archives import list_pictures
    from dermalign.data.pictures import decode

    path = data / "isic-256" / "ISIC2018_Task1-2_Training_Input.zip"
    members = list(list_pictures(path).values())[:PICTURES]
    written = io.BytesIO()
    with zipfile.ZipFile(path) as real, zipfile.ZipFile(written, "w") as enlarged:
        for number, member in enumerate(members):
            with Image.open(io.BytesIO(real.read(member.path))) as picture:
                stream = io.BytesIO()
                picture.convert("RGB").resize(size, Image.Resampling.BICUBIC).save(stream, "JPEG", quality=95)
            enlarged.writestr(f"{number}.jpg", stream.getvalue())
    with zipfile.ZipFile(written) as archive:
        kilobytes = sum(info.file_size for info in archive.infolist()) / len(members) / 1000
        rates = []
        for side in inputs:
            start = time.process_time()
            for number in range(len(members)):
                decode(archive, f"{number}.jpg", side)
            rates.append(len(members) / (time.process_time() - start))
    return kilobytes, rates


if __name__ == "__main__":
    sys.exit(main())
