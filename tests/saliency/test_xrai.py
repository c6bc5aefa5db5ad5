"""XRAI: what its regions are, and the authors' package with Integrated Gradients of its own."""

import warnings

import numpy as np
import pytest
from dermalign.classifiers.keras_classifier import KerasClassifier
from dermalign.errors import InputError
from dermalign.saliency.explaining import explain
from dermalign.saliency.integrated_gradients import attributions
from dermalign.saliency.network import Network
from dermalign.saliency.xrai import xrai
from pass_cases import gradients_for_package, linear, quadratic, smooth_network
from saliency.core import XRAI, XRAIParameters

RANDOM = np.random.default_rng(0)
SIZE = (40, 32)
# Four patches of their own colours, with noise, so that there are regions to be found.
COLOURS = np.array([[200, 40, 40], [40, 180, 60], [30, 60, 220], [230, 220, 50]])
PICTURE = np.clip(
    np.kron(COLOURS.reshape(2, 2, 3), np.ones((20, 16, 1))) + RANDOM.normal(0, 12, (*SIZE, 3)), 0, 255
).astype(np.uint8)
WEIGHTS = RANDOM.normal(size=(2, *SIZE, 3)) / 1000
UNUSED = np.random.default_rng(0)


def mean_attributions(network: Network, steps: int) -> np.ndarray:
    """Those of the two baselines, averaged, of the colour that has the greatest."""
    both = [attributions(network, PICTURE, 1, steps, baseline) for baseline in ("black", "white")]
    return np.mean(both, axis=0).max(axis=-1)


def test_it_is_the_package_with_its_own_gradients_and_each_region_has_one_value() -> None:
    """Of squares, both rules are exact, so that regions and their order are the same."""
    network = Network(quadratic(WEIGHTS))
    unit = np.float32(1) / 255
    expected = XRAI().GetMaskWithDetails(
        PICTURE * unit,
        gradients_for_package(network, 1, unit=255),
        baselines=[np.zeros((*SIZE, 3), np.float32), np.ones((*SIZE, 3), np.float32)],
        batch_size=8,
        extra_parameters=XRAIParameters(steps=8, return_xrai_segments=True),
    )
    found = xrai(network, PICTURE, 1, UNUSED, steps=3)
    assert (found.shape, found.dtype) == (SIZE, np.float32)
    most = np.abs(found).max()
    np.testing.assert_allclose(found, expected.attribution_mask, rtol=1e-3, atol=1e-4 * most)
    # The value of a region is the mean of its pixels' attributions, so that all together are as much as these.
    of_pixels = mean_attributions(network, 3)
    regions = [expected.segments == number for number in np.unique(expected.segments)]
    assert len(regions) >= 4
    for region in regions:
        assert np.ptp(found[region]) == 0
        np.testing.assert_allclose(found[region][0], of_pixels[region].mean(), rtol=1e-3, atol=1e-4 * most)
    np.testing.assert_allclose(found.sum(), of_pixels.sum(), rtol=1e-3)


def test_of_a_network_it_is_the_package_s_within_the_error_of_the_steps() -> None:
    network = Network(KerasClassifier(smooth_network(SIZE)), batch_size=50)
    expected = XRAI().GetMask(
        PICTURE.astype(np.float32),
        gradients_for_package(network, 1),
        baselines=[np.zeros((*SIZE, 3), np.float32), np.full((*SIZE, 3), 255, np.float32)],
        batch_size=100,
        extra_parameters=XRAIParameters(steps=200),
    )
    found = xrai(network, PICTURE, 1, UNUSED, steps=50)
    np.testing.assert_allclose(found, expected, atol=0.03 * np.ptp(expected))
    assert len(np.unique(found)) >= 4


def test_the_same_attribution_everywhere_is_the_same_map_everywhere() -> None:
    """Of a linear score, the mean of both attributions is w (x - 127.5), here 1/4 for each value."""
    even = 1 / 4 / (PICTURE - 127.5)
    found = xrai(Network(linear(np.stack([even, -even]))), PICTURE, 0, UNUSED, steps=2)
    np.testing.assert_allclose(found, 1 / 4, rtol=1e-4)
    opposite = xrai(Network(linear(np.stack([even, -even]))), PICTURE, 1, UNUSED, steps=2)
    np.testing.assert_allclose(opposite, -1 / 4, rtol=1e-4)


@pytest.mark.parametrize("value", [0, 90, 255])
def test_a_picture_of_one_value_is_one_region(value: int) -> None:
    picture = np.full((*SIZE, 3), value, np.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # NaN on the way
        found = xrai(Network(linear(WEIGHTS)), picture, 0, UNUSED, steps=2)
    np.testing.assert_allclose(found, ((value - 127.5) * WEIGHTS[0]).max(axis=-1).mean(), rtol=1e-3)


def test_what_speaks_against_the_class_is_dropped_and_broken_weights_are_refused() -> None:
    found = explain(linear(WEIGHTS), PICTURE[None], "xrai", target=[1], steps=2)
    expected = xrai(Network(linear(WEIGHTS)), PICTURE, 1, UNUSED, steps=2)
    np.testing.assert_array_equal(found.signed, expected[None])
    np.testing.assert_array_equal(found.raw, np.maximum(expected, 0)[None])
    with pytest.raises(InputError, match="1 of 1 pictures have class scores that are not finite"):
        explain(linear(WEIGHTS * np.nan), PICTURE[None], "xrai", steps=2)
