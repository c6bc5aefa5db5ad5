"""Run by the Python of an environment with pytorch-grad-cam: its maps by the network of `saliency_cases`.

python torch_cams.py IN.npz OUT.npz

In: the weights, as `saliency_cases.drawn_weights`; pictures (n, 32, 32, 3) float32; targets (n,), the class of each to
be explained.

Out, all float32, where score is `before_softmax` or `after_softmax`:

- {score}_{method}_{layer} (n, h, w), maps of each of `METHODS`, not negative, neither stretched nor scaled up;
- {score}_scorecam_half_pixel_{layer} (n, h, w), Score-CAM whose masks are scaled up without aligned corners;
- {score}_activations_{layer} and {score}_gradients_{layer} (n, h, w, channels), of which they are made;
- probabilities (n, classes).
"""

import functools
import sys
from types import ModuleType
from typing import Any
from unittest import mock

# Of methods and pictures of maps that are not made here. No release of torchvision goes with every build of torch.
for name, contents in (
    ("torchvision", ()),
    ("torchvision.transforms", ("Compose", "Normalize", "ToTensor")),
    ("torchvision.transforms.functional", ("resize",)),
):
    sys.modules[name] = ModuleType(name)
    for content in contents:
        setattr(sys.modules[name], content, None)

import numpy as np  # noqa: E402
import torch  # noqa: E402
from pytorch_grad_cam import GradCAM, GradCAMPlusPlus, HiResCAM, LayerCAM, ScoreCAM, base_cam  # noqa: E402
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget  # noqa: E402
from torch import nn  # noqa: E402

LAYERS = ("first", "second")
METHODS = {
    "gradcam": GradCAM,
    "gradcam_plus_plus": GradCAMPlusPlus,
    "layercam": LayerCAM,
    "hirescam": HiResCAM,
    "scorecam": ScoreCAM,
}

Arrays = dict[str, Any]


class Network(nn.Module):
    """The network: pictures (n, 3, 32, 32) in, scores or probabilities (n, classes) out.

    What is explained are the outputs of the activations, `first` and `second`, as of the layers of Keras.
    """

    def __init__(self, given: Arrays, score: str) -> None:
        super().__init__()
        self.convolutions = nn.ModuleDict({"first": nn.Conv2d(3, 8, 3, padding=1), "second": nn.Conv2d(8, 10, (3, 5))})
        self.activations = nn.ModuleDict({layer: nn.ReLU() for layer in LAYERS})
        self.dense = nn.Linear(10, given["dense_bias"].size)
        self.is_after_softmax = score == "after_softmax"
        for layer, module in [*self.convolutions.items(), ("dense", self.dense)]:
            kernel = given[f"{layer}_kernel"]
            # Keras: (height, width, in, out) and (in, out); torch: (out, in, height, width) and (out, in).
            kernel = kernel.transpose(3, 2, 0, 1) if kernel.ndim == 4 else kernel.T
            module.weight = nn.Parameter(torch.tensor(kernel.copy()))
            module.bias = nn.Parameter(torch.tensor(given[f"{layer}_bias"]))

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        found = self.activations["first"](self.convolutions["first"](pictures))
        found = self.activations["second"](self.convolutions["second"](nn.functional.max_pool2d(found, 4)))
        scores = self.dense(found.mean(dim=(2, 3)))
        return torch.softmax(scores, dim=1) if self.is_after_softmax else scores


def not_scaled(maps: Any, target_size: Any = None) -> Any:
    """Return maps as they are, in the place of what stretches each to [0, 1] and scales it up."""
    return maps


def explained(kind: Any, network: Network, layer: str, pictures: torch.Tensor, targets: list[Any]) -> tuple[Any, Any]:
    """Return the maps (n, h, w) of a method, and the method, which keeps what they are made of as long as it lives."""
    method = kind(network, [network.activations[layer]])
    with mock.patch.object(base_cam, "scale_cam_image", not_scaled):
        return method(pictures, targets), method


def main() -> None:
    with np.load(sys.argv[1]) as file:
        given = dict(file)
    pictures = torch.tensor(given["pictures"].transpose(0, 3, 1, 2).copy())
    targets = [ClassifierOutputTarget(target) for target in given["targets"].tolist()]
    half_pixel = functools.partial(nn.Upsample, mode="bilinear", align_corners=False)
    found: Arrays = {}
    for score in ("before_softmax", "after_softmax"):
        network = Network(given, score)
        for layer in LAYERS:
            for name, kind in METHODS.items():
                found[f"{score}_{name}_{layer}"] = explained(kind, network, layer, pictures, targets)[0]
            with mock.patch.object(nn, "UpsamplingBilinear2d", half_pixel):
                maps, _ = explained(ScoreCAM, network, layer, pictures, targets)
            found[f"{score}_scorecam_half_pixel_{layer}"] = maps
            _, method = explained(GradCAM, network, layer, pictures, targets)
            kept = method.activations_and_grads
            for name, (values,) in (("activations", kept.activations), ("gradients", kept.gradients)):
                found[f"{score}_{name}_{layer}"] = values.numpy().transpose(0, 2, 3, 1)
    found["probabilities"] = network(pictures).detach().numpy()
    arrays: Arrays = {name: np.asarray(values, np.float32) for name, values in found.items()}
    np.savez(sys.argv[2], **arrays)


main()
