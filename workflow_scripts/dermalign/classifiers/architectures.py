"""Classifiers from the configuration: a backbone of `keras.applications` or one of our own, and a dense head.

The preprocessing of the pixels is inside the model, made of serialisable Keras layers alone: a saved classifier takes
RGB pictures with values 0 to 255 and loads with `safe_mode=True`, without this library.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from .backbones import build_backbone, family_of, load_backbone_weights
from .preprocessing import treat_pixels
from .settings import demand

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

# The settings that a classifier is built from, and those of any network up to its backbone.
KEYS = (
    "architecture",
    "input_size",
    "weights",
    "pixels",
    "head.pooling",
    "head.dense",
    "head.dropout",
    "training.batchnorm_momentum",
    "training.precision",
)
BACKBONE_KEYS = tuple(key for key in KEYS if not key.startswith("head."))
PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")


def build_classifier(settings: Mapping[str, Any], classes: Sequence[str], seed: int) -> "keras.Model":
    """Build the classifier that `settings` (one entry of `models:` in the configuration) describes.

    Input: (n, size, size, 3) pictures, RGB, uint8 or float, 0 to 255. Output: (n, len(classes)) float32
    probabilities, in the order of `classes`, from the layer `probabilities` (softmax); the class scores before it are
    the output of the layer `logits`. Read are `KEYS`, all of which must be there (`configuration.complete_model`
    fills in the schema's defaults): `input_size` in pixels; `weights`, that is none, imagenet or a file's path;
    `training.batchnorm_momentum`, null for the architecture's own; `training.precision` (float32, mixed_bfloat16,
    mixed_float16), what layers compute in; weights, class scores and probabilities are float32 in any case.

    Sets the global random seeds (Python, NumPy, backend) to `seed`, so that equal arguments give equal weights.
    The model is not compiled. Raises `InputError` for a lacking key, and for an unknown architecture, size, weights,
    pixel treatment, pooling, precision or momentum.
    """

    if len(classes) < 2:
        raise InputError(f"a classifier needs at least two classes, there are {len(classes)}: {list(classes)}")
    demand(settings, *KEYS)
    with precision_policy(settings["training"]["precision"]):
        return _classifier(settings, classes, seed)


@contextmanager
def precision_policy(precision: str) -> Iterator[None]:
    """Have layers that are built in this block compute in `precision`. Raises `InputError` for an unknown one."""
    import keras

    if precision not in PRECISIONS:
        raise InputError(f"precision: must be one of {', '.join(PRECISIONS)}, not {precision!r}")
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def logits_of(network: "keras.Model") -> "keras.Model":
    """Return what gives the scores of a network of ours before its final softmax or sigmoid; weights are shared."""
    import keras

    return keras.Model(network.inputs, network.get_layer("logits").output)


def in_float32(
    model: "keras.Model", settings: Mapping[str, Any], build: Callable[[Mapping[str, Any]], "keras.Model"]
) -> "keras.Model":
    """Return a model as it is, or, of one that was trained in another precision, one with its weights in float32.

    settings: that it was built from; build: function of settings that builds it.
    """
    training = settings["training"]
    if training["precision"] == "float32":
        return model
    plain = build({**settings, "weights": "none", "training": {**training, "precision": "float32"}})
    plain.set_weights(model.get_weights())
    return plain


def build_trunk(settings: Mapping[str, Any], seed: int) -> "tuple[Any, Any, keras.Model]":
    """Build what all networks begin with: the input, its pixels as the backbone takes them, and the backbone.

    settings: `BACKBONE_KEYS`, as `build_classifier`. Input and pixels are symbolic tensors (n, size, size, 3); the
    backbone has its starting weights and is not called yet. Sets the global random seeds. Raises `InputError` as
    `build_classifier`.
    """
    import keras

    keras.utils.set_random_seed(seed)
    architecture, weights, size = settings["architecture"], settings["weights"], int(settings["input_size"])
    inputs = keras.Input((size, size, 3), dtype="float32", name="picture")
    pixels = _prepare_pixels(inputs, architecture, settings["pixels"])
    backbone = build_backbone(architecture, size, imagenet=weights == "imagenet")
    if weights not in ("imagenet", "none"):
        load_backbone_weights(backbone, architecture, weights)
    momentum = settings["training"]["batchnorm_momentum"]
    if momentum is not None:
        set_batchnorm_momentum(backbone, float(momentum))
    return inputs, pixels, backbone


def _classifier(settings: Mapping[str, Any], classes: Sequence[str], seed: int) -> "keras.Model":
    import keras

    inputs, pixels, backbone = build_trunk(settings, seed)
    head = settings["head"]
    features = _pooling(head["pooling"])(backbone(pixels))
    for number, units in enumerate(head["dense"], start=1):
        features = keras.layers.Dense(int(units), activation="relu", name=f"dense_{number}")(features)
        if head["dropout"]:
            features = keras.layers.Dropout(float(head["dropout"]), name=f"dropout_{number}")(features)
    # float32 whatever the precision policy: half-precision softmax does not sum to one.
    scores = keras.layers.Dense(len(classes), dtype="float32", name="logits")(features)
    probabilities = keras.layers.Softmax(dtype="float32", name="probabilities")(scores)
    return keras.Model(inputs, probabilities, name=f"{settings['architecture'].lower()}_classifier")


def set_batchnorm_momentum(model: "keras.Model", momentum: float) -> int:
    """Set the momentum of every BatchNormalization in `model`, nested models included; return how many there are.

    MobileNetV2 keeps its moving statistics with momentum 0.999: after a short training they are still those of the
    start, and the classifier fails on validation pictures although it has learned. Call before the model is
    compiled; the momentum is part of the layer's configuration and so survives saving.
    Raises `InputError` for a momentum that is not in [0, 1).
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


def _prepare_pixels(inputs: Any, architecture: str, pixels: str) -> Any:
    """Apply the preprocessing of 0..255 RGB to the symbolic tensor `inputs`."""
    family = family_of(architecture)
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
