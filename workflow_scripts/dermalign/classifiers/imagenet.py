"""The ImageNet weights of keras.applications: fetched once, into a file that training reads like any other path."""

import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ..files import temporary_folder
from ..hdf5 import open_file
from .backbones import FOLDED, FOLDING, constructor, no_download

if TYPE_CHECKING:
    import keras

# The families that have weights of their own for each of these input sizes (pixels), and those of 224 for others.
SIZES = {"MobileNet": (128, 160, 192, 224), "MobileNetV2": (96, 128, 160, 192, 224)}
OTHER_SIZES = 224
TIMEOUT = 60.0  # seconds without an answer until there is no internet


def weights_name(architecture: str, input_size: int) -> str:
    """Return the file name of an architecture's ImageNet weights; of some they differ by the input size in pixels."""
    size = _size(architecture, input_size)
    return f"{architecture}{f'_{size}' if size else ''}_imagenet.weights.h5"


def fetch_weights(architecture: str, input_size: int, path: str | Path) -> None:
    """Write the ImageNet weights of a backbone without top to `path` (.weights.h5), whole or not at all.

    They come from where Keras has them, its own cache (`KERAS_HOME`, else ~/.keras) included, which checks their
    checksums. Raises `InputError` for an architecture that has none, and where they cannot be downloaded, with what
    to do then.
    """
    size = _size(architecture, input_size)
    shape: dict[str, Any] = {"input_shape": (size, size, 3)} if size else {}
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT)  # a network that swallows everything would let the job wait for ever
    try:
        backbone = constructor(architecture, imagenet=True)(weights="imagenet", include_top=False, **shape)
    except Exception as error:  # Keras raises plain Exception for a failed download, ValueError for a damaged one
        if not _is_of_download(error):
            raise
        raise InputError(no_download(architecture, error)) from error
    finally:
        socket.setdefaulttimeout(before)
    folded = architecture in FOLDING
    if folded:
        backbone = _folded(backbone, constructor(architecture))
    path = Path(path)
    # Not `files.atomic_path`: Keras wants the whole suffix `.weights.h5`, and the rename must not leave the disk.
    with temporary_folder(path) as folder:
        temporary = folder / "imagenet.weights.h5"
        backbone.save_weights(temporary)
        if folded:
            with open_file(temporary, "a") as file:
                file.attrs[FOLDED] = True
        temporary.replace(path)


def _size(architecture: str, input_size: int) -> int | None:
    sizes = SIZES.get(architecture)
    return (input_size if input_size in sizes else OTHER_SIZES) if sizes else None


def _is_of_download(error: Exception) -> bool:
    text = str(error)
    return "URL fetch failure" in text or "corrupted file" in text or isinstance(error, OSError)


def _folded(backbone: "keras.Model", plain: Any) -> "keras.Model":
    """Return EfficientNet as it is built without weights, which computes what its ImageNet variant does.

    That variant rescales once more after its normalization (x - mean) / sqrt(variance): by a factor f, which is the
    same as a variance of variance / f^2. So the weights fit the one network that there is without weights.
    """
    import keras

    network = plain(weights=None, include_top=False)
    network.set_weights(backbone.get_weights())
    (scaling,) = [layer.scale for layer in backbone.layers if isinstance(layer, keras.layers.Rescaling)][1:]
    (normalization,) = [layer for layer in network.layers if isinstance(layer, keras.layers.Normalization)]
    normalization.adapt_variance.assign(normalization.adapt_variance / keras.ops.square(scaling))
    normalization.finalize_state()
    return network
