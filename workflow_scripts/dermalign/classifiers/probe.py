"""What a classifier is like, as planning asks for it: its saliency layer exists, and how many cells its maps have.

Weights that a training would start from are tried, so that hours do not pass before a file is found not to fit.
"""

import difflib
from collections.abc import Mapping
from typing import Any

from ..errors import InputError
from ..study.probing import answer
from .backbones import build_backbone, constructor, load_backbone_weights
from .settings import demand


def probe_model(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return `grid` (h, w) for an entry of `models:`; for a brought classifier all that `adoption.Found` has.

    Raises InputError for an unknown architecture, a layer that the model lacks, an input size that the architecture
    cannot take, weights that do not fit it, or a brought classifier that cannot be used.
    """
    if "classifier" in settings:
        from .brought.adoption import probe_classifier

        return probe_classifier(settings)
    grid = list(probe(settings)["grid"])
    architecture, weights = settings["architecture"], settings["weights"]
    if weights == "imagenet":
        constructor(architecture, imagenet=True)
    elif weights != "none":
        load_backbone_weights(build_backbone(architecture, int(settings["input_size"])), architecture, weights)
    return {"grid": grid}


def probe(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Tell the shape of the saliency layer's output without weights, head or training (about a second).

    Keys read: `architecture`, `input_size` (pixels), `saliency_layer`. Returns
    `grid` (height, width) in cells, `channels`, and `layers`, the names of all layers with an output
    (n, height, width, channels), in the order of the network.
    Raises `InputError` when a key is lacking, the architecture is unknown, cannot take the size or lacks the layer.
    """
    demand(settings, "architecture", "input_size", "saliency_layer")
    backbone = build_backbone(settings["architecture"], int(settings["input_size"]))
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
