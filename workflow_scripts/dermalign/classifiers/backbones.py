"""Backbones by their names: those of `keras.applications`, and small ones of our own; without a top."""

import difflib
import inspect
import tempfile
import warnings
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError
from ..hdf5 import open_file
from .sound_files import demand_sound

if TYPE_CHECKING:
    import keras

# Those whose ImageNet variant has another network than the one without weights, and the attribute of a weights file
# that says that the difference is in it, see `imagenet.fetch_weights`.
FOLDING = tuple(f"EfficientNetB{number}" for number in range(8))
FOLDED = "dermalign_rescaling_folded"
WEIGHTS = ".weights.h5"


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


def architecture_names() -> list[str]:
    """Return the names that `architecture:` may take, our own first."""
    import keras

    named = vars(keras.applications)
    return [*OWN_ARCHITECTURES, *sorted(name for name in named if inspect.isfunction(named[name]))]


def constructor(architecture: str, *, imagenet: bool = False) -> Callable[..., Any]:
    """Return what builds an architecture: our own take the input's shape, those of Keras keywords of their own.

    imagenet: for its ImageNet weights. Raises `InputError` where the architecture, or its weights, are not known.
    """
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


def family_of(architecture: str) -> str | None:
    """Return the module of keras.applications that defines the architecture, None for our own.

    Raises `InputError` as `constructor`.
    """
    if architecture in OWN_ARCHITECTURES:
        return None
    return constructor(architecture).__module__.rpartition(".")[2]


def build_backbone(architecture: str, size: int, *, imagenet: bool = False) -> "keras.Model":
    """Build a backbone without top for RGB pictures of `size` x `size` pixels, in the global precision policy.

    Weights are random by the global seeds, or with `imagenet` those that Keras downloads. The output is
    (n, height, width, channels). Raises `InputError` as `constructor`, for a size that the architecture cannot take and
    for a failed download.
    """
    build = constructor(architecture, imagenet=imagenet)
    if architecture in OWN_ARCHITECTURES:
        if size < 16:
            raise InputError(f"input_size: {architecture} needs at least 16 pixels, not {size}")
        return build((size, size, 3))
    try:
        return build(weights="imagenet" if imagenet else None, include_top=False, input_shape=(size, size, 3))
    except ValueError as error:
        raise InputError(
            f"input_size: {architecture} cannot take pictures of {size} pixels ({error}). Choose another size."
        ) from error
    except Exception as error:
        if "URL fetch failure" not in str(error):  # Keras raises plain Exception for a failed download
            raise
        raise InputError(no_download(architecture, error)) from error


def load_backbone_weights(backbone: "keras.Model", architecture: str, weights: str) -> None:
    """Load the file `weights` into a backbone of `build_backbone`, in place.

    Its content tells whether it is a .weights.h5, a .h5 or a .keras file, whatever it is called. Raises `InputError`
    for no file, one that is damaged or none of these, one of another network, one that lacks kernels, and for
    EfficientNet B0 to B7 one that `imagenet.fetch_weights` did not make.
    """
    if not Path(weights).is_file():
        raise InputError(f"weights: there is no file {weights}. Correct the path.")
    with suppress(OSError, zipfile.BadZipFile):  # that it is damaged is told below
        demand_sound(weights)
    suffix = _suffix_of_content(weights)
    # Keras only warns about a layer that the file lacks, and leaves it random; zeros tell which were not loaded.
    kernels = [variable for variable in backbone.weights if len(variable.shape) > 1]
    for kernel in kernels:
        kernel.assign(np.zeros(kernel.shape, np.float32))
    try:
        if architecture in FOLDING and not (suffix == WEIGHTS and is_folded(weights)):
            # Keras's own file is for a network with one more rescaling, so that it would load and be wrong.
            raise InputError(
                f"weights: {architecture} takes `imagenet`, `none` or a file that `snakemake fetch` made of "
                f"`imagenet`, not {weights}"
            )
        with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
            warnings.simplefilter("ignore", UserWarning)
            named = Path(folder) / f"backbone{suffix}"  # Keras goes by the name
            named.symlink_to(Path(weights).resolve())
            backbone.load_weights(named)
    except (OSError, RuntimeError, zipfile.BadZipFile) as error:
        raise InputError(f"weights: {weights} is damaged ({error}). Fetch or save it again.") from error
    except (ValueError, KeyError) as error:
        reason = str(error).strip().partition("\n")[0].partition(" Example")[0]  # Keras lists all layers
        raise InputError(
            f"weights: {weights} does not fit {architecture} without top: {reason.rstrip('.')}. {fitting(architecture)}"
        ) from error
    lacking = [kernel.path for kernel in kernels if not np.any(kernel)]
    if lacking:
        raise InputError(
            f"weights: {weights} does not fit {architecture} without top: it lacks {len(lacking)} of {len(kernels)} "
            f"kernels, among them {lacking[0]}. {fitting(architecture)}"
        )


def fitting(architecture: str) -> str:
    """Return what to do where a file holds no weights of a backbone."""
    return (
        f"Give one of {architecture} without top (`backbone.save_weights('name.weights.h5')`), or say `imagenet` or "
        "`none`."
    )


def _suffix_of_content(weights: str) -> str:
    """Return the suffix by which Keras reads a file of weights as what it is. Raises `InputError`."""
    if zipfile.is_zipfile(weights):
        return ".keras"
    try:
        with open_file(weights) as file:
            return ".h5" if "layer_names" in file.attrs or "model_weights" in file else WEIGHTS
    except (OSError, RuntimeError) as error:
        raise InputError(f"weights: {weights} is damaged ({error}). Fetch or save it again.") from error


def is_folded(path: str | Path) -> bool:
    """Tell whether `imagenet.fetch_weights` made a weights file of EfficientNet B0 to B7.

    Raises OSError for a file that is no HDF5.
    """
    with open_file(path) as file:
        return FOLDED in file.attrs


def no_download(architecture: str, error: object) -> str:
    """Return what to say where ImageNet weights cannot be downloaded."""
    return (
        f"weights: the ImageNet weights of {architecture} cannot be downloaded ({error}). Without internet, run "
        "`snakemake fetch` with the same configuration where there is some (on a cluster, its login node): "
        "what lies in `weights_folder` is not fetched again. Or give the path of a weights file (no top) as `weights`, "
        "or say `none`."
    )
