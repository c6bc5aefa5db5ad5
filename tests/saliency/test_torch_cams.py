"""Methods of a layer against pytorch-grad-cam 1.5 (Gildenblat et al. 2021), in an environment of its own.

Each is compared before a map is scaled up or stretched, of two layers' output, of a class that is the predicted one and
of others, with the score before and after the softmax. Where the library does something else, that is a test below:

- its Grad-CAM++ adds 0.000001 to the denominators of the coefficients, which are of the size of squared gradients:
  small gradients have smaller coefficients, and maps depend on the units of the scores;
- its Score-CAM scales channels up bilinearly with aligned corners, here it is between the centres of cells, as every
  map; the rest is equal: each channel is stretched to [0, 1] after it is scaled up, the weights are the softmax over
  channels of the scores of the pictures times these masks, and no score of a baseline is subtracted, which the softmax
  would take out again;
- a channel that is the same everywhere is a black picture to its Score-CAM, and has a weight; here it has none.
"""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from dermalign.saliency.explaining import explain
from dermalign.saliency.gradcam import grad_cam
from dermalign.saliency.hirescam import hires_cam
from dermalign.saliency.layercam import layer_cam
from dermalign.saliency.methods import Explained
from numpy.typing import NDArray
from reference_environments import reference_python, run_script
from saliency_cases import LAYERS, SCORES, TARGETS, drawn_pictures, drawn_weights, keras_network, plus_plus

pytestmark = pytest.mark.slow

# Without torchvision, of which the methods here use nothing. Where pip finds no build of torch for processors alone,
# it installs the one for graphics cards, which is several GB.
ALONE = ("grad-cam==1.5.7", "ttach==0.0.3")
PACKAGES = (
    "torch==2.13.0",
    "numpy==2.4.6",
    "scipy==1.17.1",
    "scikit-learn==1.9.1",
    "matplotlib==3.11.2",
    "opencv-python-headless==5.0.0.93",
    "pillow==13.0.0",
    "tqdm==4.70.1",
)
PICTURES = drawn_pictures()
FORMULAS = {
    "gradcam": grad_cam,
    "layercam": layer_cam,
    "hirescam": hires_cam,
}
ADDED = 1e-6
LOUDER = 1000
# What a float32 is good for, as a share of the greatest value.
CLOSE = 1e-5

Arrays = dict[str, NDArray[Any]]


def louder_weights() -> dict[str, NDArray[np.float32]]:
    """Return the weights of the network with all scores times `LOUDER`."""
    weights = drawn_weights()
    return weights | {name: LOUDER * weights[name] for name in ("dense_kernel", "dense_bias")}


def silent_weights() -> dict[str, NDArray[np.float32]]:
    """Return the weights of the network with a channel of each layer that is 0 everywhere."""
    weights = drawn_weights()
    for layer in LAYERS:
        weights[f"{layer}_bias"][0] = -1000
    return weights


NETWORKS = {"usual": drawn_weights, "louder": louder_weights, "silent": silent_weights}


@pytest.fixture(scope="module")
def network() -> keras.Model:
    """The network in Keras."""
    return keras_network(drawn_weights())


@pytest.fixture(scope="module")
def of_network(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Arrays]:
    """What the library says of the pictures, see `torch_cams.py`, by each of `NETWORKS`."""
    python = reference_python("grad-cam-1.5.7", ALONE, PACKAGES)
    script = Path(__file__).with_name("torch_cams.py")
    found = {}
    for name, weights in NETWORKS.items():
        given = {**weights(), "pictures": PICTURES.astype(np.float32), "targets": TARGETS}
        found[name] = run_script(python, script, tmp_path_factory.mktemp(name), given)
    return found


@pytest.fixture(scope="module")
def theirs(of_network: dict[str, Arrays]) -> Arrays:
    """What the library says of the pictures by the network as it is."""
    return of_network["usual"]


def ours(network: keras.Model, method: str, score: str, layer: str) -> Explained:
    """Return what we say of the pictures."""
    return explain(network, PICTURES, method, layer=layer, target=TARGETS, score=score)


def assert_close(found: NDArray[Any], expected: NDArray[Any], share: float = CLOSE) -> None:
    """Compare maps (n, h, w), of which none may be all zeros."""
    assert (expected.max(axis=(1, 2)) > 0).all()
    np.testing.assert_allclose(found, expected, rtol=share, atol=share * expected.max())


def test_networks_are_one(network: keras.Model, theirs: Arrays) -> None:
    found = ours(network, "gradcam", "before_softmax", "second").probabilities
    np.testing.assert_allclose(found, theirs["probabilities"], atol=CLOSE)


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("method", FORMULAS)
def test_maps_are_equal(network: keras.Model, theirs: Arrays, method: str, layer: str, score: str) -> None:
    assert_close(ours(network, method, score, layer).raw, theirs[f"{score}_{method}_{layer}"])


@pytest.mark.parametrize("layer", LAYERS)
def test_grad_cam_plus_plus_is_equal_where_gradients_are_large(of_network: dict[str, Arrays], layer: str) -> None:
    found = ours(keras_network(louder_weights()), "gradcam_plus_plus", "before_softmax", layer).raw
    assert_close(found, of_network["louder"][f"before_softmax_gradcam_plus_plus_{layer}"], share=1e-4)


@pytest.mark.parametrize("layer", LAYERS)
def test_grad_cam_plus_plus_differs_by_what_is_added_to_denominators(
    network: keras.Model, theirs: Arrays, layer: str
) -> None:
    expected = theirs[f"before_softmax_gradcam_plus_plus_{layer}"]
    at_layer = [theirs[f"before_softmax_{name}_{layer}"] for name in ("activations", "gradients")]
    assert_close(plus_plus(*at_layer, added=ADDED), expected)
    found = ours(network, "gradcam_plus_plus", "before_softmax", layer).raw
    assert_close(found, plus_plus(*at_layer))
    assert np.abs(found - expected).max() > 0.003 * expected.max()


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("layer", LAYERS)
def test_score_cam_scales_channels_up_between_the_centres_of_cells(
    network: keras.Model, theirs: Arrays, layer: str, score: str
) -> None:
    found = ours(network, "scorecam", score, layer).raw
    assert_close(found, theirs[f"{score}_scorecam_half_pixel_{layer}"])
    aligned = theirs[f"{score}_scorecam_{layer}"]
    if layer == "first":  # of the pictures' size already
        assert_close(found, aligned)
    else:
        assert np.abs(found - aligned).max() > 0.005 * aligned.max()


@pytest.mark.parametrize("layer", LAYERS)
def test_channels_that_are_the_same_everywhere_have_a_weight_there(of_network: dict[str, Arrays], layer: str) -> None:
    """Of weights that are 1 together it takes a share, for a channel with nothing in it: what is left is the map."""
    found = ours(keras_network(silent_weights()), "scorecam", "before_softmax", layer).raw
    expected = of_network["silent"][f"before_softmax_scorecam_half_pixel_{layer}"]
    left = expected.max(axis=(1, 2), keepdims=True) / found.max(axis=(1, 2), keepdims=True)
    assert (left < 0.99).all()
    assert_close(found * left, expected)


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("method", FORMULAS)
def test_formulas_of_the_same_activations_and_gradients(theirs: Arrays, method: str, layer: str, score: str) -> None:
    at_layer = [theirs[f"{score}_{name}_{layer}"] for name in ("activations", "gradients")]
    assert_close(np.asarray(FORMULAS[method](*at_layer)), theirs[f"{score}_{method}_{layer}"])
