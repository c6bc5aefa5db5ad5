"""What saliency methods cost beside the forward pass of the same network, and a whole job beside its parts.

    python benchmarks/saliency_methods.py [--networks VGG16:224:block5_conv3 ...] [--batch 16] [--data FOLDER]

Networks of `keras.applications` with random weights, which cost what learnt ones cost, and noise; each named with its
input size and layer. In every run all ways are timed one after the other, so that a slow moment is shared; ratios are
medians over the runs of the ratio to the forward pass of the same run. Printed are tables in Markdown:

1. the forward pass alone (`KerasClassifier.scores`), Grad-CAM, all CAM formulas of one layer in one pass, Grad-CAM at
   three layers in one pass, and the plain gradient;
2. RISE: masked pictures a second against the forward passes alone that the network does in a second;
3. with --data, which holds isic-256: a whole job on real pictures, decoded, explained and written to stores as the
   workflow does it, against decoding alone and the forward pass alone, the larger of which is its limit.

Where TensorFlow sees a GPU, the same command measures that GPU; with KERAS_BACKEND=jax it measures JAX.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow_scripts"))

CAMS = ("gradcam", "gradcam_plus_plus", "layercam", "hirescam")
NETWORKS = ["MobileNetV2:224:Conv_1", "VGG16:224:block5_conv3", "ResNet50:227:conv5_block3_3_conv"]
EARLIER = {
    "MobileNetV2": ("block_13_expand", "block_6_expand"),
    "VGG16": ("block4_conv3", "block3_conv3"),
    "ResNet50": ("conv4_block6_out", "conv3_block4_out"),
}
MASKS = 128


def main() -> int:
    """Run the benchmark and print Markdown tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", default=NETWORKS, metavar="NAME:SIZE:LAYER")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--pictures", type=int, default=256, help="of the whole job")
    parser.add_argument("--data", type=Path, help="the folder that holds isic-256/ISIC2018_Task1-2_Training_Input.zip")
    options = parser.parse_args()
    from dermalign.classifiers.backend import limit_threads

    limit_threads(os.cpu_count() or 1)  # as jobs do; TensorFlow takes no other number once it computes
    networks = [built(text) for text in options.networks]
    print(f"\n| network | way | ms a picture, batch of {options.batch} | against the forward pass |\n|---|---|--:|--:|")
    for name, model, size, layer in networks:
        ways = passes(name, model, layer)
        pictures = np.random.default_rng(0).integers(0, 256, (options.batch, size, size, 3), dtype=np.uint8)
        times = timed({way: partial(function, pictures) for way, function in ways.items()}, options.runs)
        for way, seconds in times.items():
            print(f"| {name} | {way} | {milliseconds(seconds, options.batch)} | {ratio(seconds, times['forward'])} |")
    print("\n| network | forward passes a second | RISE, masks a second | share |\n|---|--:|--:|--:|")
    for name, model, size, _ in networks:
        forward, rise = masks_per_second(model, size, options.batch, options.runs)
        share = statistics.median(b / a for a, b in zip(forward, rise, strict=True))
        print(f"| {name} | {statistics.median(forward):.1f} | {statistics.median(rise):.1f} | {share:.2f} |")
    if options.data:
        print(
            "\n| network | decode alone, ms a picture | forward alone | whole job | against the larger |\n"
            "|---|--:|--:|--:|--:|"
        )
        for name, model, size, layer in networks:
            parts = whole_job(model, size, layer, options)
            larger = [max(a, b) for a, b in zip(parts["decode"], parts["forward"], strict=True)]
            shown = [milliseconds(parts[part], options.pictures) for part in ("decode", "forward", "job")]
            print(f"| {name} | {' | '.join(shown)} | {ratio(parts['job'], larger)} |")
    return 0


def built(text: str) -> tuple[str, Any, int, str]:
    """Return the name, the classifier, the input size and the layer of `NAME:SIZE:LAYER`."""
    from dermalign.classifiers.architectures import build_classifier

    name, size, layer = text.split(":")
    settings = {
        "architecture": name,
        "input_size": int(size),
        "weights": "none",
        "pixels": "native",
        "head": {"pooling": "average", "dense": [], "dropout": 0.0},
        "training": {"batchnorm_momentum": None, "precision": "float32"},
    }
    return name, build_classifier(settings, [f"class_{number}" for number in range(8)], 0), int(size), layer


def passes(name: str, model: Any, layer: str) -> dict[str, Callable[[Any], Any]]:
    """Return the ways that are compared, functions of a batch of pictures; forward first."""
    from dermalign.classifiers.functions import Place
    from dermalign.classifiers.keras_classifier import KerasClassifier
    from dermalign.saliency.calling import named_function
    from dermalign.study.sources import KINDS

    classifier = KerasClassifier(model)
    formulas = {kind: named_function(KINDS[kind].compute) for kind in (*CAMS, "gradient")}
    grad_cam = formulas["gradcam"]
    return {
        "forward": classifier.scores(),
        "Grad-CAM": classifier.passing([Place(layer, grad_cam)]),
        "all CAM formulas of one layer": classifier.passing([Place(layer, formulas[kind]) for kind in CAMS]),
        "Grad-CAM at three layers": classifier.passing([Place(each, grad_cam) for each in (layer, *EARLIER[name])]),
        "plain gradient": classifier.passing([Place(None, formulas["gradient"])]),
    }


def timed(ways: dict[str, Callable[[], Any]], runs: int) -> dict[str, list[float]]:
    """Return the seconds of each way in each run, all ways in turn, after a first run that compiles."""
    times: dict[str, list[float]] = {way: [] for way in ways}
    for run in range(runs + 1):
        for way, function in ways.items():
            start = time.perf_counter()
            function()
            if run:
                times[way].append(time.perf_counter() - start)
    return times


def masks_per_second(model: Any, size: int, batch: int, runs: int) -> tuple[list[float], list[float]]:
    """Return, run by run, the pictures a second of the forward pass alone and the masks a second of RISE."""
    from dermalign.classifiers.keras_classifier import KerasClassifier
    from dermalign.saliency.network import Network
    from dermalign.saliency.rise import rise

    classifier = KerasClassifier(model)
    network, scores = Network(classifier, score="after_softmax", batch_size=batch), classifier.scores()
    random = np.random.default_rng(0)
    pictures = random.integers(0, 256, (batch, size, size, 3)).astype(np.float32)
    times = timed(
        {
            "forward": lambda: [scores(pictures) for _ in range(MASKS // batch)],
            "rise": lambda: rise(network, pictures[0], 0, np.random.default_rng(0), masks=MASKS // batch * batch),
        },
        runs,
    )
    done = MASKS // batch * batch
    return [done / each for each in times["forward"]], [done / each for each in times["rise"]]


def whole_job(model: Any, size: int, layer: str, options: argparse.Namespace) -> dict[str, list[float]]:
    """Return the seconds, run by run, of decoding real pictures, of their forward passes, and of the whole job."""
    from dermalign.classifiers.classifier import load_classifier
    from dermalign.data.archives import list_pictures
    from dermalign.saliency.inputs import Inputs
    from dermalign.saliency.method_blocks import method_blocks
    from dermalign.saliency.stores import write_stores

    archive = options.data / "isic-256" / "ISIC2018_Task1-2_Training_Input.zip"
    images = list(list_pictures(archive))[: options.pictures]
    method = {"compute": "saliency.gradcam:grad_cam", "takes": "layer", "layer": layer, "options": {}, "negative": None}
    asked = {"target": "predicted", "score": "before_softmax", "batch_size": options.batch}
    with tempfile.TemporaryDirectory(prefix="saliency-methods-") as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        inputs = Inputs(
            images=images,
            classifier=str(path),
            pictures=str(archive),
            threads=os.cpu_count() or 1,
            settings={"input_size": size, "logits": None, "layers": {layer: layer}},
            classes=[f"class_{number}" for number in range(8)],
        )
        scores = load_classifier(path).scores()
        random = np.random.default_rng(0)
        noise = random.integers(0, 256, (options.batch, size, size, 3), dtype=np.uint8)
        stores = {image: Path(folder) / f"{image}.h5" for image in images}

        def job() -> None:
            for name, block in method_blocks({"gradcam": method}, asked, inputs):
                write_stores(stores, [block], model="timed", method=name, classifier_sha256="")

        ways = {
            "decode": lambda: [None for _ in inputs.decoded(images, size)],
            "forward": lambda: [scores(noise) for _ in range(-(-len(images) // options.batch))],
            "job": job,
        }
        return timed(ways, min(options.runs, 3))


def milliseconds(seconds: list[float], pictures: int) -> str:
    """Return the median as milliseconds a picture."""
    return f"{statistics.median(seconds) / pictures * 1000:.1f}"


def ratio(seconds: list[float], others: list[float]) -> str:
    """Return the median ratio, run by run."""
    return f"{statistics.median(a / b for a, b in zip(seconds, others, strict=True)):.2f}"


if __name__ == "__main__":
    sys.exit(main())
