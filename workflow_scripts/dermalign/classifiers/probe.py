"""What a classifier is like, as planning asks for it: its saliency layer exists, and how many cells its maps have.

Weights that a training would start from are tried, so that hours do not pass before a file is found not to fit.
"""

import difflib
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..data.file_kinds import HEAD, is_hdf5, kind_of_content
from ..errors import InputError
from ..study.probing import answer
from .backbones import build_backbone, constructor, fitting, load_backbone_weights
from .cost import multiply_adds
from .encoders import encoder_maps
from .settings import demand

if TYPE_CHECKING:
    import keras

UNLIKELY = np.float32(-98765.4321)  # no weight: what is left of it after loading was not loaded
READ = ("architecture", "input_size", "saliency_layer")


def probe_model(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a model of an entry of `models:` is like; for a brought classifier all that `adoption.Found` has.

    That is `saliency_layer`, `layers`, {name: `path`, `grid` (h, w) and `channels`} of it and of those that `layers` in
    `settings` names, and `multiply_adds` of a pass.
    Of a segmentation network, which has `cells`, there is nothing to be known but that its encoder has such maps.
    Raises InputError for an unknown architecture, a layer that the model lacks, an input size that the architecture
    cannot take, weights that do not fit it, or a brought classifier that cannot be used.
    """
    import keras

    if "classifier" in settings:
        from .brought.adoption import probe_classifier

        return probe_classifier(settings)
    demand(settings, "architecture", "input_size", "weights")
    # Layers without a name of their own are numbered as in the job that trains the model: from the first on.
    keras.utils.clear_session()
    architecture, weights = settings["architecture"], settings["weights"]
    backbone = build_backbone(architecture, int(settings["input_size"]))
    if "cells" in settings:
        encoder_maps(backbone, int(settings["input_size"]), int(settings["cells"]))
        _check_weights(backbone, architecture, weights)
        return {}
    demand(settings, *READ)
    layers = {settings["saliency_layer"]: _shape(backbone, architecture, settings["saliency_layer"])}
    for name in settings.get("layers", []):
        layers[name] = _shape(backbone, architecture, name, "methods: layer")
    _check_weights(backbone, architecture, weights)
    described = {
        name: {"path": name, "grid": list(found["grid"]), "channels": found["channels"]}
        for name, found in layers.items()
    }
    return {"saliency_layer": settings["saliency_layer"], "layers": described, "multiply_adds": multiply_adds(backbone)}


def _check_weights(backbone: "keras.Model", architecture: str, weights: str) -> None:
    """Raise InputError for weights that a training cannot start from."""
    if weights == "imagenet":
        constructor(architecture, imagenet=True)
    elif weights != "none":
        check_weights_file(weights, architecture)
        _check_values(backbone, architecture, weights)


def _check_values(backbone: "keras.Model", architecture: str, weights: str) -> None:
    """Load a file of weights into a backbone. Raises InputError as `load_backbone_weights`, and for what it lacks.

    Keras only warns of a layer that the file lacks, and leaves it as it is: statistics of a normalization, too.
    """
    variables = [variable for variable in backbone.weights if str(variable.dtype).startswith("float")]
    for variable in variables:
        variable.assign(np.full(variable.shape, UNLIKELY))
    load_backbone_weights(backbone, architecture, weights)
    values = {variable.path: np.asarray(variable) for variable in variables}
    if lacking := [path for path, value in values.items() if (value == UNLIKELY).all()]:
        raise InputError(
            f"weights: {weights} does not fit {architecture} without top: it lacks {len(lacking)} of {len(values)} "
            f"arrays, among them {lacking[0]}. {fitting(architecture)}"
        )
    if broken := [path for path, value in values.items() if not np.isfinite(value).all()]:
        raise InputError(
            f"weights: {weights} holds NaN or infinite values in {len(broken)} of {len(values)} arrays, among them "
            f"{broken[0]}, as a training that failed leaves them. Give weights from before it failed."
        )


def check_weights_file(path: str, architecture: str) -> None:
    """Raise InputError, with what it is, for a file that is neither HDF5 nor a .keras file.

    Apart from the loading of weights, so that no training depends on these words.
    """
    with Path(path).open("rb") as stream:
        head = stream.read(HEAD)
    if not is_hdf5(head) and not zipfile.is_zipfile(path):
        what = kind_of_content(head)
        raise InputError(
            f"weights: {path} is {f'{what}, ' if what else ''}no file of weights as Keras saves them. "
            f"{fitting(architecture)}"
        )


def probe(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Tell the shape of the saliency layer's output without weights, head or training (about a second).

    Keys read: `architecture`, `input_size` (pixels), `saliency_layer`. Returns
    `grid` (height, width) in cells, `channels`, and `layers`, the names of all layers with an output
    (n, height, width, channels), in the order of the network.
    Raises `InputError` when a key is lacking, the architecture is unknown, cannot take the size or lacks the layer.
    """
    demand(settings, *READ)
    backbone = build_backbone(settings["architecture"], int(settings["input_size"]))
    return _shape(backbone, settings["architecture"], settings["saliency_layer"])


def _shape(backbone: "keras.Model", architecture: str, wanted: str, what: str = "saliency_layer") -> dict[str, Any]:
    shapes = {
        layer.name: tuple(layer.output.shape)
        for layer in backbone.layers
        if len(getattr(layer.output, "shape", ())) == 4 and type(layer).__name__ != "InputLayer"
    }
    if wanted not in shapes:
        names = list(shapes)
        nearest = difflib.get_close_matches(wanted, names, n=3)
        convolutions = [layer.name for layer in backbone.layers if "Conv" in type(layer).__name__]
        raise InputError(
            f"{what}: {architecture} has no layer {wanted!r} with a spatial output; "
            + (f"nearest names: {', '.join(nearest)}; " if nearest else "")
            + f"its last convolutions: {', '.join(convolutions[-4:])}"
        )
    _, height, width, channels = shapes[wanted]
    return {"grid": (height, width), "channels": channels, "layers": list(shapes)}


if __name__ == "__main__":
    answer(probe_model)
