"""Classifiers from the configuration: a backbone of `keras.applications` or one of our own, and a dense head.

The preprocessing of the pixels is inside the model, made of serialisable Keras layers alone: a saved classifier takes
RGB pictures with values 0 to 255 and loads with `safe_mode=True`, without this library.
"""

import difflib
import inspect
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError
from .imagenet import FOLDING, is_folded, no_download
from .preprocessing import treat_pixels

if TYPE_CHECKING:
    import keras

# What each family of keras.applications does to pixels before its ImageNet weights (`preprocess_input` of the
# family's module); `own` families rescale inside the backbone and want 0..255.
NATIVE_PIXELS = {
    "vgg16": "caffe",
    "vgg19": "caffe",
    "resnet": "caffe",
    "resnet_v2": "symmetric",
    "mobilenet": "symmetric",
    "mobilenet_v2": "symmetric",
    "inception_v3": "symmetric",
    "inception_resnet_v2": "symmetric",
    "xception": "symmetric",
    "nasnet": "symmetric",
    "densenet": "torch",
    "efficientnet": "own",
    "efficientnet_v2": "own",
    "mobilenet_v3": "own",
    "convnext": "own",
}

# How much of BatchNormalization's first statistics may be left after which share of a training.
START_LEFT, START_LEFT_AFTER = 0.01, 0.2

PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")


def build_classifier(settings: Mapping[str, Any], classes: Sequence[str], seed: int) -> "keras.Model":
    """Build the classifier that `settings` (one entry of `models:` in the configuration) describes.

    Input: (n, size, size, 3) pictures, RGB, uint8 or float, 0 to 255. Output: (n, len(classes)) float32
    probabilities, in the order of `classes`, from the layer `probabilities` (softmax); the class scores before it are
    the output of the layer `logits`. Keys read: `architecture`, `input_size` (pixels), `weights`, `pixels`, `head`
    (`pooling`, `dense`, `dropout`), `training.batchnorm_momentum`, `training.precision` (float32, mixed_bfloat16,
    mixed_float16: what layers compute in; weights, class scores and probabilities are float32 in any case).

    Sets the global random seeds (Python, NumPy, backend) to `seed`, so that equal arguments give equal weights.
    The model is not compiled. Raises `InputError` for an unknown architecture, size, weights or pixel treatment.
    """
    import keras

    if len(classes) < 2:
        raise InputError(f"a classifier needs at least two classes, there are {len(classes)}: {list(classes)}")
    precision = settings.get("training", {}).get("precision", "float32")
    if precision not in PRECISIONS:
        raise InputError(f"precision: must be one of {', '.join(PRECISIONS)}, not {precision!r}")
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        return _classifier(settings, classes, seed)
    finally:
        keras.config.set_dtype_policy(before)


def _classifier(settings: Mapping[str, Any], classes: Sequence[str], seed: int) -> "keras.Model":
    import keras

    keras.utils.set_random_seed(seed)
    weights = settings.get("weights", "none") or "none"
    size = int(settings["input_size"])
    inputs = keras.Input((size, size, 3), dtype="float32", name="picture")
    pixels = _prepare_pixels(inputs, settings["architecture"], settings["pixels"])
    backbone = _backbone(settings, "imagenet" if weights == "imagenet" else None)
    if weights not in ("imagenet", "none"):
        _load_backbone_weights(backbone, settings["architecture"], weights)
    momentum = settings.get("training", {}).get("batchnorm_momentum")
    if momentum is not None:
        set_batchnorm_momentum(backbone, float(momentum))

    head = settings["head"]
    features = _pooling(head["pooling"])(backbone(pixels))
    for number, units in enumerate(head.get("dense") or [], start=1):
        features = keras.layers.Dense(int(units), activation="relu", name=f"dense_{number}")(features)
        if head.get("dropout"):
            features = keras.layers.Dropout(float(head["dropout"]), name=f"dropout_{number}")(features)
    # float32 whatever the precision policy: half-precision softmax does not sum to one.
    scores = keras.layers.Dense(len(classes), dtype="float32", name="logits")(features)
    probabilities = keras.layers.Softmax(dtype="float32", name="probabilities")(scores)
    return keras.Model(inputs, probabilities, name=f"{settings['architecture'].lower()}_classifier")


def probe(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Tell the shape of the saliency layer's output without weights, head or training (about a second).

    Keys read: `architecture`, `input_size`, `saliency_layer`. Returns
    `grid` (height, width) in cells, `channels`, and `layers`, the names of all layers with an output
    (n, height, width, channels), in the order of the network.
    Raises `InputError` when the architecture is unknown or lacks the layer.
    """
    backbone = _backbone(settings, None)
    shapes = {
        layer.name: tuple(layer.output.shape)
        for layer in backbone.layers
        if len(getattr(layer.output, "shape", ())) == 4 and type(layer).__name__ != "InputLayer"
    }
    wanted = settings["saliency_layer"]
    if wanted not in shapes:
        names = list(shapes)
        nearest = difflib.get_close_matches(wanted, names, n=3)
        convolutions = [layer.name for layer in backbone.layers if "Conv" in type(layer).__name__]
        raise InputError(
            f"saliency_layer: {settings['architecture']} has no layer {wanted!r} with a spatial output; "
            + (f"nearest names: {', '.join(nearest)}; " if nearest else "")
            + f"its last convolutions: {', '.join(convolutions[-4:])}"
        )
    _, height, width, channels = shapes[wanted]
    return {"grid": (height, width), "channels": channels, "layers": list(shapes)}


def architecture_names() -> list[str]:
    """Return the names that `architecture:` may take, our own first."""
    import keras

    named = vars(keras.applications)
    return [*OWN_ARCHITECTURES, *sorted(name for name in named if inspect.isfunction(named[name]))]


def set_batchnorm_momentum(model: "keras.Model", momentum: float) -> int:
    """Set the momentum of every BatchNormalization in `model`, nested models included; return how many there are.

    MobileNetV2 keeps its moving statistics with momentum 0.999: after a short training they are still those of the
    start, and the classifier fails on validation pictures although it has learned. Call before the model is
    compiled; the momentum is part of the layer's configuration and so survives saving.
    """
    if not 0 <= momentum < 1:
        raise InputError(f"batchnorm_momentum: must be at least 0 and below 1, not {momentum}")
    layers = _normalizations(model)
    for layer in layers:
        layer.momentum = momentum
    return len(layers)


def lower_batchnorm_momentum(model: "keras.Model", steps: int) -> float | None:
    """Lower the momentum of BatchNormalization layers where it is too high for a training of so many steps.

    After k steps of momentum m, the moving statistics are still, by a share of m^k, those of the start; and they are
    used when a classifier is evaluated, not when it is trained, so that training looks fine. Allowed is what leaves 1 %
    of the start after a fifth of the steps. Returns that limit if any layer was above it, else None.
    """
    limit = float(START_LEFT ** (1 / max(steps * START_LEFT_AFTER, 1)))
    too_high = [layer for layer in _normalizations(model) if layer.momentum > limit]
    for layer in too_high:
        layer.momentum = limit
    return limit if too_high else None


def _normalizations(model: "keras.Model") -> list[Any]:
    import keras

    found = []
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            found.append(layer)
        elif hasattr(layer, "layers"):
            found += _normalizations(layer)
    return found


def plain_stack(input_shape: tuple[int, int, int]) -> "keras.Model":
    """Return a small VGG-like backbone with a fine grid: `last_convolution` is 16x16 for 64x64 pictures."""
    from keras import Input, Model, layers

    tensor = inputs = Input(input_shape)
    for stage, (filters, convolutions) in enumerate(((16, 1), (32, 2), (64, 2)), start=1):
        if stage > 1:
            tensor = layers.MaxPooling2D(name=f"stage{stage}_pool")(tensor)
        for number in range(1, convolutions + 1):
            name = "last_convolution" if (stage, number) == (3, 2) else f"stage{stage}_convolution{number}"
            tensor = layers.Conv2D(
                filters, 3, padding="same", activation="relu", kernel_initializer="he_uniform", name=name
            )(tensor)
    tensor = layers.MaxPooling2D(name="last_pool")(tensor)
    return Model(inputs, tensor, name="plain_stack")


def residual_stack(input_shape: tuple[int, int, int]) -> "keras.Model":
    """Return a small ResNet-like backbone with a coarse grid: `last_convolution` is 4x4 for 64x64 pictures.

    `last_convolution` is, as `conv5_block3_3_conv` of ResNet50, the last convolution inside the last block, before
    its normalization and the addition (He et al. 2016, https://arxiv.org/abs/1512.03385, figure 2).
    """
    from keras import Input, Model, layers

    def normalized(tensor: Any, filters: int, size: int, strides: int, name: str) -> Any:
        tensor = layers.Conv2D(filters, size, strides, padding="same", use_bias=False, name=name)(tensor)
        return layers.BatchNormalization(momentum=0.9, name=f"{name}_normalization")(tensor)

    inputs = Input(input_shape)
    tensor = layers.ReLU(name="stem_relu")(normalized(inputs, 16, 3, 2, "stem_convolution"))
    for block, filters in enumerate((32, 64, 96), start=1):
        last = "last_convolution" if block == 3 else f"block{block}_convolution2"
        branch = layers.ReLU(name=f"block{block}_relu1")(
            normalized(tensor, filters, 3, 2, f"block{block}_convolution1")
        )
        branch = normalized(branch, filters, 3, 1, last)
        shortcut = normalized(tensor, filters, 1, 2, f"block{block}_shortcut")
        tensor = layers.ReLU(name=f"block{block}_out")(layers.Add(name=f"block{block}_add")([branch, shortcut]))
    return Model(inputs, tensor, name="residual_stack")


OWN_ARCHITECTURES: dict[str, Callable[[tuple[int, int, int]], "keras.Model"]] = {
    "plain_stack": plain_stack,
    "residual_stack": residual_stack,
}


def constructor(architecture: str, *, imagenet: bool = False) -> Callable[..., Any]:
    """Return what builds an architecture. Raises `InputError` where it, or its ImageNet weights, are not known."""
    names = architecture_names()
    if architecture not in names:
        nearest = difflib.get_close_matches(architecture, names, n=3) or names
        raise InputError(
            f"architecture: {architecture!r} is neither in keras.applications nor one of our own; "
            f"did you mean {', '.join(nearest)}?"
        )
    if architecture in OWN_ARCHITECTURES:
        if imagenet:
            raise InputError(f"weights: there are no ImageNet weights of {architecture}; use `none` or a path")
        return OWN_ARCHITECTURES[architecture]
    import keras

    return getattr(keras.applications, architecture)


def _family(architecture: str) -> str | None:
    """Return the module of keras.applications that defines the architecture, None for our own."""
    if architecture in OWN_ARCHITECTURES:
        return None
    return constructor(architecture).__module__.rpartition(".")[2]


def _backbone(settings: Mapping[str, Any], weights: str | None) -> "keras.Model":
    architecture, size = settings["architecture"], int(settings["input_size"])
    build = constructor(architecture, imagenet=weights == "imagenet")
    if architecture in OWN_ARCHITECTURES:
        if size < 16:
            raise InputError(f"input_size: {architecture} needs at least 16 pixels, not {size}")
        return build((size, size, 3))
    try:
        return build(weights=weights, include_top=False, input_shape=(size, size, 3))
    except ValueError as error:
        raise InputError(f"{architecture} with input_size {size}: {error}") from error
    except Exception as error:
        if "URL fetch failure" not in str(error):  # Keras raises plain Exception for a failed download
            raise
        raise InputError(no_download(architecture, error)) from error


def _load_backbone_weights(backbone: "keras.Model", architecture: str, weights: str) -> None:
    if not Path(weights).is_file():
        raise InputError(f"weights: no such file: {weights}")
    # Keras only warns about a layer that the file lacks, and leaves it random; zeros tell which were not loaded.
    kernels = [variable for variable in backbone.weights if len(variable.shape) > 1]
    for kernel in kernels:
        kernel.assign(np.zeros(kernel.shape, np.float32))
    try:
        if architecture in FOLDING and not is_folded(weights):
            # Keras's own file is for a network with one more rescaling, so that it would load and be wrong.
            raise InputError(
                f"weights: {architecture} takes `imagenet`, `none` or a file that `snakemake fetch` made of "
                f"`imagenet`, not {weights}"
            )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            backbone.load_weights(weights)
    except (ValueError, OSError, KeyError) as error:
        raise InputError(f"weights: {weights} does not fit {architecture} without top: {error}") from error
    lacking = [kernel.path for kernel in kernels if not np.any(kernel)]
    if lacking:
        raise InputError(
            f"weights: {weights} does not fit {architecture} without top: it lacks {len(lacking)} of {len(kernels)} "
            f"kernels, among them {lacking[0]}"
        )


def _prepare_pixels(inputs: Any, architecture: str, pixels: str) -> Any:
    """Apply the preprocessing of 0..255 RGB to the symbolic tensor `inputs`."""
    family = _family(architecture)
    treatment = pixels
    if pixels == "native":
        if family not in NATIVE_PIXELS:
            raise InputError(f"pixels: what {architecture} expects natively is unknown; choose `unit` or `symmetric`")
        treatment = NATIVE_PIXELS[family]
    elif NATIVE_PIXELS.get(family or "") == "own":
        raise InputError(f"pixels: {architecture} rescales its input itself; only `native` is right for it")
    if treatment == "own":
        return inputs
    if pixels not in ("unit", "symmetric", "native"):
        raise InputError(f"pixels: must be unit, symmetric or native, not {pixels!r}")
    return treat_pixels(inputs, treatment)


def _pooling(name: str) -> Any:
    from keras import layers

    poolings = {
        "flatten": layers.Flatten,
        "average": layers.GlobalAveragePooling2D,
        "max": layers.GlobalMaxPooling2D,
    }
    if name not in poolings:
        raise InputError(f"head.pooling: must be one of {', '.join(poolings)}, not {name!r}")
    return poolings[name](name="pooling")
