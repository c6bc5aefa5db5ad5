"""Grad-CAM, Grad-CAM++, SmoothGrad and RISE here against xplique and tf-keras-vis, at equal batch size, in one run.

    python benchmarks/saliency_peers.py xplique=PYTHON tf-keras-vis=PYTHON [--batch 16] [--rounds 3]

PYTHON: the interpreter of an environment that has the peer, which both need older packages (`pip install
tensorflow-cpu==2.15.1 tf-keras-vis==0.8.7 "numpy<2"`; of xplique see tests/saliency/test_xplique.py). The network is
MobileNetV2 of keras.applications at 224 x 224 with random weights and a linear head of 8 classes, the pictures are
noise. Each round asks all in turn, each in a process of its own, which is warmed up before it is timed; what is printed
is the median over the rounds of milliseconds a picture, and of its ratio to ours in the same round. Ours decodes
nothing and writes nothing here, as theirs. SmoothGrad takes 16 samples, RISE 64 masks.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
LAYER, SIZE, CLASSES, SAMPLES, MASKS = "Conv_1", 224, 8, 16, 64
REPEATS = 3


def main() -> int:
    """Run the benchmark and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peers", nargs="*", metavar="PEER=PYTHON")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--measure", choices=list(MEASURED), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measured(options.measure, options.batch)))
        return 0
    pythons = {"ours": sys.executable, **dict(peer.split("=", 1) for peer in options.peers)}
    rounds = []
    for _ in range(options.rounds):
        rounds.append({name: in_process(python, name, options.batch) for name, python in pythons.items()})
    print(f"| method | of | ms a picture, batch of {options.batch} | against ours |\n|---|---|--:|--:|")
    for method in rounds[0]["ours"]:
        for name in pythons:
            if method in rounds[0][name]:
                times = [of[name][method] for of in rounds]
                ratios = [of[name][method] / of["ours"][method] for of in rounds]
                print(f"| {method} | {name} | {statistics.median(times):.1f} | {statistics.median(ratios):.2f} |")
    return 0


def in_process(python: str, name: str, batch: int) -> dict[str, float]:
    """Measure in a process of its own; exit where that fails."""
    command = [python, __file__, "--measure", name, "--batch", str(batch)]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    if process.returncode:
        sys.exit(process.stderr[-3000:])
    return json.loads(process.stdout.splitlines()[-1])


def measured(name: str, batch: int) -> dict[str, float]:
    """Return the milliseconds a picture of each method, the least of some repeats, after one that compiles."""
    pictures = np.random.default_rng(0).integers(0, 256, (batch, SIZE, SIZE, 3)).astype(np.float32)
    found = {}
    for method, (function, count) in MEASURED[name](pictures).items():
        function(pictures[:count])
        seconds = []
        for _ in range(REPEATS):
            start = time.perf_counter()
            function(pictures[:count])
            seconds.append(time.perf_counter() - start)
        found[method] = min(seconds) / count * 1000
    return found


Ways = dict[str, tuple[Callable[[Any], Any], int]]  # of each method: a function of pictures, and how many it is given


def network(keras: Any) -> Any:
    """Return MobileNetV2 with a linear head of the given Keras, pixels from 0 to 255 in."""
    layers = keras.layers
    inputs = layers.Input((SIZE, SIZE, 3))
    backbone = keras.applications.MobileNetV2(
        include_top=False, weights=None, input_tensor=layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    )
    scores = layers.Dense(CLASSES, name="scores")(layers.GlobalAveragePooling2D()(backbone.output))
    return keras.Model(inputs, scores)


def ours(pictures: Any) -> Ways:
    """Return the ways of this library."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow_scripts"))
    import keras
    from dermalign.classifiers.functions import Place
    from dermalign.classifiers.keras_classifier import KerasClassifier
    from dermalign.saliency.gradcam import grad_cam
    from dermalign.saliency.gradcam_plus_plus import grad_cam_plus_plus
    from dermalign.saliency.network import Network
    from dermalign.saliency.rise import rise
    from dermalign.saliency.smoothgrad import smooth_grad

    classifier = KerasClassifier(network(keras))
    asked = Network(classifier, batch_size=len(pictures))
    random = np.random.default_rng(0)
    return {
        "Grad-CAM": (classifier.passing([Place(LAYER, grad_cam)]), len(pictures)),
        "Grad-CAM++": (classifier.passing([Place(LAYER, grad_cam_plus_plus)]), len(pictures)),
        "SmoothGrad": (lambda batch: [smooth_grad(asked, each, 0, random, samples=SAMPLES) for each in batch], 4),
        "RISE": (lambda batch: [rise(asked, each, 0, random, masks=MASKS) for each in batch], 2),
    }


def xplique(pictures: Any) -> Ways:
    """Return the ways of xplique."""
    from types import ModuleType

    sys.modules["tensorflow_probability"] = ModuleType("tensorflow_probability")  # of a method that is not run
    import tensorflow as tf
    from xplique.attributions import GradCAM, GradCAMPP, Rise, SmoothGrad

    model, batch = network(tf.keras), len(pictures)
    methods = {
        "Grad-CAM": (GradCAM(model, batch_size=batch, conv_layer=LAYER), batch),
        "Grad-CAM++": (GradCAMPP(model, batch_size=batch, conv_layer=LAYER), batch),
        "SmoothGrad": (SmoothGrad(model, batch_size=batch, nb_samples=SAMPLES, noise=30.0), 4),
        "RISE": (Rise(model, batch_size=batch, nb_samples=MASKS), 2),
    }
    targets = np.eye(CLASSES, dtype=np.float32)[np.zeros(batch, int)]
    return {
        name: (lambda given, method=method: method.explain(given, targets[: len(given)]), count)
        for name, (method, count) in methods.items()
    }


def tf_keras_vis(pictures: Any) -> Ways:
    """Return the ways of tf-keras-vis."""
    import tensorflow as tf
    from tf_keras_vis.gradcam import Gradcam
    from tf_keras_vis.gradcam_plus_plus import GradcamPlusPlus
    from tf_keras_vis.saliency import Saliency
    from tf_keras_vis.utils.scores import CategoricalScore

    model = network(tf.keras)
    gradcam, plus_plus, saliency = Gradcam(model), GradcamPlusPlus(model), Saliency(model)

    def of_layer(method: Any, given: Any) -> Any:
        return method(CategoricalScore([0] * len(given)), given, penultimate_layer=LAYER)

    return {
        "Grad-CAM": (lambda given: of_layer(gradcam, given), len(pictures)),
        "Grad-CAM++": (lambda given: of_layer(plus_plus, given), len(pictures)),
        # It asks about one noisy copy of each picture at a time: as many pictures as are in a batch.
        "SmoothGrad": (
            lambda given: saliency(
                CategoricalScore([0] * len(given)), given, smooth_samples=SAMPLES, smooth_noise=0.15
            ),
            len(pictures),
        ),
    }


MEASURED: dict[str, Callable[[Any], Ways]] = {"ours": ours, "xplique": xplique, "tf-keras-vis": tf_keras_vis}

if __name__ == "__main__":
    sys.exit(main())
