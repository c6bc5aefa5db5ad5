"""What a classifier is like, as planning asks for it: its saliency layer exists, and how many cells its maps have.

Weights that a training would start from are tried, so that hours do not pass before a file is found not to fit.
"""

import difflib
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..data.file_kinds import HEAD, is_hdf5, kind_of_content
from ..errors import InputError
from ..study.probing import answer
from .backbones import build_backbone, constructor, load_backbone_weights
from .settings import demand

if TYPE_CHECKING:
    import keras

READ = ("architecture", "input_size", "saliency_layer")


def probe_model(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return `grid` (h, w) for an entry of `models:`; for a brought classifier all that `adoption.Found` has.

    Raises InputError for an unknown architecture, a layer that the model lacks, an input size that the architecture
    cannot take, weights that do not fit it, or a brought classifier that cannot be used.
    """
    if "classifier" in settings:
        from .brought.adoption import probe_classifier

        return probe_classifier(settings)
    demand(settings, *READ, "weights")
    architecture, weights = settings["architecture"], settings["weights"]
    backbone = build_backbone(architecture, int(settings["input_size"]))
    found = _shape(backbone, settings)
    if weights == "imagenet":
        constructor(architecture, imagenet=True)
    elif weights != "none":
        check_weights_file(weights, architecture)
        load_backbone_weights(backbone, architecture, weights)
    return {"grid": list(found["grid"])}


def check_weights_file(path: str, architecture: str) -> None:
    """Raise InputError, with what it is, for a file that is neither HDF5 nor a .keras file.

    Apart from the loading of weights, so that no training depends on these words.
    """
    with Path(path).open("rb") as stream:
        head = stream.read(HEAD)
    if not is_hdf5(head) and not zipfile.is_zipfile(path):
        what = kind_of_content(head)
        raise InputError(
            f"weights: {path} is {f'{what}, ' if what else ''}no file of weights as Keras saves them. Give one of "
            f"{architecture} without top (`backbone.save_weights('name.weights.h5')`), or say `imagenet` or `none`."
        )


def probe(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Tell the shape of the saliency layer's output without weights, head or training (about a second).

    Keys read: `architecture`, `input_size` (pixels), `saliency_layer`. Returns
    `grid` (height, width) in cells, `channels`, and `layers`, the names of all layers with an output
    (n, height, width, channels), in the order of the network.
    Raises `InputError` when a key is lacking, the architecture is unknown, cannot take the size or lacks the layer.
    """
    demand(settings, *READ)
    return _shape(build_backbone(settings["architecture"], int(settings["input_size"])), settings)


def _shape(backbone: "keras.Model", settings: Mapping[str, Any]) -> dict[str, Any]:
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


if __name__ == "__main__":
    answer(probe_model)
