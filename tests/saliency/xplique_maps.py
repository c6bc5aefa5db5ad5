"""Run by the Python of an environment with xplique: its maps of pictures by the network of `saliency_cases`.

python xplique_maps.py IN.npz OUT.npz

In: the weights, as `saliency_cases.drawn_weights`; pictures (n, 32, 32, 3) float32; targets (n,), the class of each to
be explained; noise (n, samples, 32, 32, 3), what SmoothGrad adds to each picture; masks (masks, 32, 32), those of RISE;
steps (any number,), how many points Integrated Gradients takes.

Out, all float32, neither stretched nor scaled up, by `{score}_{map}`, where score is `before_softmax` or
`after_softmax`:

- gradcam_{layer}, gradcam_plus_plus_{layer} (n, h, w); activations_{layer} and gradients_{layer} (n, h, w, channels),
  of which they are made; gradcam_first_public (n, 32, 32), what the public call returns for the layer that is of the
  pictures' size already, scaled up to it;
- gradient, smoothgrad, integrated_gradients_{steps} (n, 32, 32, 3), with a value for each colour;
- the same with `_reduced` (n, 32, 32), what xplique makes of the colours if it is not told otherwise;
- rise (n, 32, 32).

Besides, probabilities (n, classes).

What it draws by itself: own_noise (samples, 32, 32, 3); own_grids (masks, 7, 7), and own_masks (masks, 32, 32), of
batches of `OWN_BATCH`.
"""

import os
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any
from unittest import mock

os.environ["KERAS_BACKEND"] = "tensorflow"  # whatever that of the tests is
# Of one estimator, which is not run here, and with whose import comes a second Keras and a second TensorFlow.
sys.modules["tensorflow_probability"] = ModuleType("tensorflow_probability")

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from xplique.attributions import GradCAM, GradCAMPP, IntegratedGradients, Rise, Saliency, SmoothGrad  # noqa: E402
from xplique.attributions.gradient_statistics.gradient_statistic import GradientStatistic  # noqa: E402

LAYERS = ("first", "second")
OWN_SAMPLES, OWN_DEVIATION = 64, 0.2
OWN_MASKS, OWN_BATCH = 64, 16

Arrays = dict[str, Any]
Settings = dict[str, Any]


def network(given: Arrays, score: str) -> tf.keras.Model:
    """Return the network, pictures (n, 32, 32, 3) in, scores or probabilities (n, classes) out."""
    layers = tf.keras.layers
    model = tf.keras.Sequential(
        [
            tf.keras.Input((32, 32, 3)),
            layers.Conv2D(given["first_bias"].size, 3, padding="same", activation="relu", name="first"),
            layers.MaxPooling2D(4),
            layers.Conv2D(given["second_bias"].size, (3, 5), activation="relu", name="second"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(given["dense_bias"].size, name="dense"),
            *([layers.Softmax()] if score == "after_softmax" else []),
        ]
    )
    for name in (*LAYERS, "dense"):
        model.get_layer(name).set_weights([given[f"{name}_kernel"], given[f"{name}_bias"]])
    return model


def of_layers(model: tf.keras.Model, pictures: tf.Tensor, targets: tf.Tensor) -> Iterator[tuple[str, tf.Tensor]]:
    """Yield what Grad-CAM and Grad-CAM++ are before they are scaled up, and what they are made of."""
    for layer in LAYERS:
        for name, kind in (("gradcam", GradCAM), ("gradcam_plus_plus", GradCAMPP)):
            explainer = kind(model, conv_layer=layer)
            activations, gradients = explainer._gradient(pictures, targets)
            weights = explainer._compute_weights(gradients, activations)
            yield f"{name}_{layer}", explainer._apply_weights(weights, activations)
        yield f"activations_{layer}", activations
        yield f"gradients_{layer}", gradients
    yield "gradcam_first_public", GradCAM(model, conv_layer="first").explain(pictures, targets)[..., 0]


def of_pictures(
    model: tf.keras.Model, pictures: tf.Tensor, targets: tf.Tensor, given: Arrays
) -> Iterator[tuple[str, tf.Tensor]]:
    """Yield what is made of gradients of pictures, colour by colour (`reducer=None`) and as xplique reduces it."""
    yield "gradient", Saliency(model, reducer=None).explain(pictures, targets)
    yield "gradient_reduced", Saliency(model).explain(pictures, targets)[..., 0]

    kinds: dict[str, Settings] = {"": {"reducer": None}, "_reduced": {}}
    for end, settings in kinds.items():
        rows = [slice(row, row + 1) for row in range(len(pictures))]
        maps = [smoothgrad(model, pictures[row], targets[row], given["noise"][row][0], **settings) for row in rows]
        yield f"smoothgrad{end}", tf.concat(maps, axis=0)[..., 0] if end else tf.concat(maps, axis=0)

    for steps in given["steps"].tolist():
        along: Settings = {"steps": steps, "batch_size": steps, "baseline_value": 0.0}
        explained = IntegratedGradients(model, reducer=None, **along).explain(pictures, targets)
        yield f"integrated_gradients_{steps}", explained
        explained = IntegratedGradients(model, **along).explain(pictures, targets)
        yield f"integrated_gradients_{steps}_reduced", explained[..., 0]


def smoothgrad(model: tf.keras.Model, picture: tf.Tensor, target: tf.Tensor, noise: Any, **settings: Any) -> tf.Tensor:
    """Return the map of a picture (1, 32, 32, 3) of given noise (samples, 32, 32, 3) in the place of what it draws."""

    def noisy(inputs: tf.Tensor, count: int, _: float) -> tf.Tensor:
        assert len(inputs) == 1 and count == len(noise)
        return inputs + noise

    with mock.patch.object(GradientStatistic, "_perturb_samples", noisy):
        explainer = SmoothGrad(model, nb_samples=len(noise), batch_size=len(noise), **settings)
        return explainer.explain(picture, target)


def rise(model: tf.keras.Model, pictures: tf.Tensor, targets: tf.Tensor, masks: Any) -> tf.Tensor:
    """Return the maps of RISE (n, 32, 32) of given masks, which take the place of those that it would crop."""

    def cropped(enlarged: tf.Tensor, size: tuple[int, ...]) -> tf.Tensor:
        assert tuple(size) == (*masks.shape, 1)
        return tf.constant(masks[..., None])

    with mock.patch.object(tf.image, "random_crop", cropped):
        return Rise(model, nb_samples=len(masks), batch_size=len(masks)).explain(pictures, targets)[..., 0]


def own_draws() -> Iterator[tuple[str, Any]]:
    """Yield the noise and the masks that xplique draws by itself."""
    black = tf.zeros((1, 32, 32, 3))
    yield "own_noise", GradientStatistic._perturb_samples(black, OWN_SAMPLES, OWN_DEVIATION)
    grids = Rise._get_masks((1, 32, 32, 3), OWN_MASKS, 7, 0.5)
    batches = [grids[start : start + OWN_BATCH] for start in range(0, OWN_MASKS, OWN_BATCH)]
    yield "own_grids", tf.cast(grids, tf.float32)[..., 0]
    yield "own_masks", tf.concat([Rise._apply_masks(black[0], batch)[1] for batch in batches], axis=0)[..., 0]


def main() -> None:
    tf.config.run_functions_eagerly(True)  # what is patched is called anew each time
    tf.random.set_seed(5)
    with np.load(sys.argv[1]) as file:
        given = dict(file)
    pictures = tf.constant(given["pictures"], tf.float32)
    targets = tf.one_hot(given["targets"], given["dense_bias"].size)
    found: Arrays = dict(own_draws())
    for score in ("before_softmax", "after_softmax"):
        model = network(given, score)
        parts = [
            *of_layers(model, pictures, targets),
            *of_pictures(model, pictures, targets, given),
            ("rise", rise(model, pictures, targets, given["masks"].astype(np.float32))),
        ]
        found |= {f"{score}_{name}": values for name, values in parts}
    found["probabilities"] = model(pictures)
    arrays: Arrays = {name: np.asarray(values, np.float32) for name, values in found.items()}
    np.savez(sys.argv[2], **arrays)


main()
