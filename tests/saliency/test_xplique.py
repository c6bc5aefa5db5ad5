"""Saliency methods against xplique 2.0 (Fel et al. 2022), in an environment of its own.

Each is compared before a map is scaled up or stretched, of two layers' output, of a class that is the predicted one and
of others, with the score before and after the softmax, and with the same noise and masks where some are drawn. Where
xplique does something else, that is a test below:

- the Grad-CAM++ of xplique has the mean of a channel's activations where the paper has their sum (equations 10 and 19
  of Chattopadhay et al. 2018), which gives other maps; and the mean over cells where the weights of the paper are sums,
  which does not. `test_torch_cams.py` has a library with the sum;
- of the colours of a pixel it takes the greatest absolute gradient for the plain gradient, as we do, but the mean of
  signed values for SmoothGrad and for Integrated Gradients, which here are the greatest absolute value and the sum;
- it adds up Integrated Gradients by the trapezoidal rule, here it is the midpoint rule;
- its RISE divides by the sum of the masks at a pixel (and 0.0001), here it is their number times the share kept, as in
  equation 6 of Petsiuk et al. 2018; it enlarges grids to 36 x 36 pixels and cuts a whole batch of them at one place,
  where the paper enlarges them by a cell and draws a place for each;
- the standard deviation of its noise is a number, here it is a share of the range of a picture's values;
- it scales Grad-CAM up bicubically, which is not compared.
"""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from dermalign.saliency.explaining import explain
from dermalign.saliency.methods import Explained
from dermalign.saliency.rise import draw_masks
from numpy.typing import NDArray
from reference_environments import reference_python, run_script
from saliency_cases import LAYERS, SCORES, TARGETS, drawn_pictures, drawn_weights, enlarged, keras_network, plus_plus

pytestmark = pytest.mark.slow

# Without what it says that it needs, which is TensorFlow with CUDA; these are the newest releases that it allows.
PACKAGES = (
    "tensorflow-cpu==2.20.0; sys_platform == 'linux' and platform_machine == 'x86_64'",
    "tensorflow==2.20.0; sys_platform != 'linux' or platform_machine != 'x86_64'",
    "keras==3.15.1",
    "numpy==2.4.6",
    "scipy==1.15.3",
    "scikit-image==0.25.2",
    "scikit-learn==1.7.2",
    "matplotlib==3.11.2",
    "opencv-python-headless==5.0.0.93",
    "einops==0.8.2",
    "deprecated==1.3.1",
)
PICTURES = drawn_pictures()
SEED = 7
SAMPLES, NOISE = 16, 0.15
MASKS, CELLS, KEPT = 60, 7, 0.5
STEPS = 50
# What a float32 is good for, as a share of the greatest value.
CLOSE = 1e-5

Arrays = dict[str, NDArray[Any]]


@pytest.fixture(scope="module")
def network() -> keras.Model:
    """The network in Keras."""
    return keras_network(drawn_weights())


@pytest.fixture(scope="module")
def given() -> Arrays:
    """What xplique is given: the network's weights, and what our methods draw for each picture."""
    deviations = NOISE * np.ptp(PICTURES, axis=(1, 2, 3)).astype(np.float32)
    drawn = np.random.default_rng(SEED).standard_normal((SAMPLES, *PICTURES.shape[1:]), dtype=np.float32)
    return {
        **drawn_weights(),
        "pictures": PICTURES.astype(np.float32),
        "targets": TARGETS,
        "noise": deviations[:, np.newaxis, np.newaxis, np.newaxis, np.newaxis] * drawn,
        "masks": draw_masks(MASKS, (32, 32), CELLS, KEPT, np.random.default_rng(SEED)).pixels(slice(0, MASKS)),
        "steps": np.array([STEPS + 1, 2 * STEPS + 1]),
    }


@pytest.fixture(scope="module")
def theirs(given: Arrays, tmp_path_factory: pytest.TempPathFactory) -> Arrays:
    """What xplique says of the pictures: see `xplique_maps.py`."""
    python = reference_python("xplique-2.0.2", ["xplique==2.0.2"], PACKAGES)
    return run_script(python, Path(__file__).with_name("xplique_maps.py"), tmp_path_factory.mktemp("xplique"), given)


def ours(network: keras.Model, method: str, score: str, layer: str | None = None, **options: Any) -> Explained:
    """Return what we say of the pictures."""
    return explain(network, PICTURES, method, layer=layer, target=TARGETS, score=score, seed=SEED, **options)


def assert_close(found: NDArray[Any], expected: NDArray[Any], share: float = CLOSE) -> None:
    """Compare maps (n, h, w), of which few may be all zeros: those of a class whose score is negative everywhere."""
    assert (expected.max(axis=(1, 2)) > 0).mean() >= 0.8
    np.testing.assert_allclose(found, expected, rtol=share, atol=share * expected.max())


def stretched(maps: NDArray[Any]) -> NDArray[Any]:
    """Return maps (n, h, w) that are not negative, each divided by its maximum."""
    return maps / maps.max(axis=(1, 2), keepdims=True)


def test_networks_are_one(network: keras.Model, theirs: Arrays) -> None:
    found = ours(network, "gradcam", "before_softmax", "second").probabilities
    np.testing.assert_allclose(found, theirs["probabilities"], atol=CLOSE)
    assert found.argmax(axis=1).tolist() == [3, 1, 0, 0, 2]


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("layer", LAYERS)
def test_grad_cam(network: keras.Model, theirs: Arrays, layer: str, score: str) -> None:
    assert_close(ours(network, "gradcam", score, layer).raw, theirs[f"{score}_gradcam_{layer}"])


def test_grad_cam_is_compared_before_it_is_scaled_up(theirs: Arrays) -> None:
    """The maps of the layer of the pictures' size are what its public call returns."""
    for score in SCORES:
        np.testing.assert_array_equal(theirs[f"{score}_gradcam_first"], theirs[f"{score}_gradcam_first_public"])
        assert theirs[f"{score}_gradcam_second"].shape == (len(PICTURES), 6, 4)


@pytest.mark.parametrize("layer", LAYERS)
def test_grad_cam_plus_plus_of_xplique_has_a_mean_in_the_place_of_a_sum(
    network: keras.Model, theirs: Arrays, layer: str
) -> None:
    expected = theirs[f"before_softmax_gradcam_plus_plus_{layer}"]
    at_layer = [theirs[f"before_softmax_{name}_{layer}"] for name in ("activations", "gradients")]
    assert_close(plus_plus(*at_layer, total=np.mean, over_cells=np.mean), expected)
    found = ours(network, "gradcam_plus_plus", "before_softmax", layer).raw
    assert_close(found, plus_plus(*at_layer))
    # Not for the weights, whose factor is the same in all cells of a map, but for the coefficients.
    assert_close(stretched(plus_plus(*at_layer, total=np.mean)), stretched(expected))
    assert np.abs(stretched(found) - stretched(expected)).max() > 0.1


@pytest.mark.parametrize("score", SCORES)
def test_gradient(network: keras.Model, theirs: Arrays, score: str) -> None:
    assert_close(ours(network, "gradient", score).raw, theirs[f"{score}_gradient_reduced"])


@pytest.mark.parametrize("score", SCORES)
def test_smooth_grad_of_the_same_noise(network: keras.Model, theirs: Arrays, score: str) -> None:
    found = ours(network, "smoothgrad", score, samples=SAMPLES, noise=NOISE).raw
    assert_close(found, np.abs(theirs[f"{score}_smoothgrad"]).max(axis=-1))


@pytest.mark.parametrize("score", SCORES)
def test_integrated_gradients(network: keras.Model, theirs: Arrays, score: str) -> None:
    """The midpoint rule of m steps is twice the trapezoidal rule of 2 m steps, less that of m."""
    found = ours(network, "integrated_gradients", score, steps=STEPS)
    coarse, fine = (theirs[f"{score}_integrated_gradients_{steps}"] for steps in (STEPS + 1, 2 * STEPS + 1))
    expected = (2 * fine - coarse).sum(axis=-1)
    assert found.signed is not None
    assert_close(found.signed, expected)
    assert_close(found.raw, np.maximum(expected, 0))


@pytest.mark.parametrize("score", SCORES)
def test_rise_of_the_same_masks(network: keras.Model, given: Arrays, theirs: Arrays, score: str) -> None:
    """Of scores before the softmax, which may be negative, maps are negative, too."""
    shown = given["masks"].sum(axis=0)
    assert shown.max() > 1.2 * shown.min()
    found = ours(network, "rise", score, masks=MASKS).raw
    assert_close(found, theirs[f"{score}_rise"] * (shown + 1e-4) / (MASKS * KEPT))


@pytest.mark.parametrize("score", SCORES)
def test_colours_are_reduced_by_their_mean_or_their_greatest_size(theirs: Arrays, score: str) -> None:
    assert theirs[f"{score}_gradient"].min() == 0
    np.testing.assert_array_equal(theirs[f"{score}_gradient"].max(axis=-1), theirs[f"{score}_gradient_reduced"])
    for name in ("smoothgrad", f"integrated_gradients_{STEPS + 1}"):
        reduced = theirs[f"{score}_{name}_reduced"]
        assert_close(theirs[f"{score}_{name}"].mean(axis=-1), reduced)
        assert (reduced.min(axis=(1, 2)) < 0).all()


def test_what_xplique_draws_by_itself(theirs: Arrays) -> None:
    noise = theirs["own_noise"]
    assert abs(noise.std() - 0.2) < 0.002
    grids, masks = theirs["own_grids"], theirs["own_masks"]
    assert abs(grids.mean() - KEPT) < 0.05
    large = np.stack([enlarged(grid, 36, 36) for grid in grids])
    for start in range(0, len(masks), 16):
        places = [
            (row, column)
            for row in range(5)
            for column in range(5)
            if np.allclose(
                masks[start : start + 16], large[start : start + 16, row : row + 32, column : column + 32], atol=1e-6
            )
        ]
        assert len(places) == 1
