"""Score-CAM, by hand and against a loop over the channels with Pillow."""

from typing import Any

import keras
import numpy as np
import pytest
from dermalign.classifiers.passes import AFTER_SOFTMAX, BEFORE_SOFTMAX
from dermalign.saliency.explaining import explain
from dermalign.saliency.network import Network
from dermalign.saliency.scorecam import score_cam
from pass_cases import linear, smooth_network
from PIL import Image
from scipy.special import softmax

UNUSED = np.random.default_rng(0)


def test_channels_are_weighted_by_the_softmax_of_their_pictures_scores_by_hand() -> None:
    """The layer is the picture itself, its channels red, green and blue:

        red  0 10   green 4 4   blue 0  0
            10  0         4 4        0 20

    Stretched, red shows the picture at two pixels and blue at one; green is the same everywhere and shows nothing.
    The score is ln 2 / 8 for each green value, less half of ln 2 for a blue of 20. Behind red it is ln 2, behind blue
    ln 2 / 2 - ln 2 / 2 = 0: the weights are 2/3 and 1/3, and the map is 2/3 red + 1/3 blue.
    """
    picture = np.array([[[0, 4, 0], [10, 4, 0]], [[10, 4, 0], [0, 4, 20]]], np.uint8)
    weights = np.zeros((2, 2, 2, 3))
    weights[1, ..., 1], weights[1, 1, 1, 2] = np.log(2) / 8, -np.log(2) / 2 / 20
    classifier = linear(weights)
    found = score_cam(Network(classifier, "pixels"), picture, 1, UNUSED)
    np.testing.assert_allclose(found, np.array([[0, 20], [20, 20]]) / 3, rtol=1e-5)
    assert classifier.scored == [16]
    # For the other class, whose scores are all 0, both count as much.
    other = score_cam(Network(classifier, "pixels"), picture, 0, UNUSED)
    np.testing.assert_allclose(other, np.array([[0, 5], [5, 10]]), rtol=1e-5)


def test_where_no_channel_shows_anything_the_map_is_nothing() -> None:
    classifier = linear(np.ones((2, 2, 2, 3)))
    found = score_cam(Network(classifier, "pixels"), np.full((2, 2, 3), 9, np.uint8), 1, UNUSED)
    np.testing.assert_array_equal(found, np.zeros((2, 2), np.float32))
    assert classifier.scored == []


def by_channel(model: Any, layer: str, picture: np.ndarray, target: int, score: str) -> np.ndarray:
    """Algorithm 1 of the paper, one channel after the other; Pillow scales up."""
    logits = keras.Model(model.inputs[0], model.layers[-1].input)
    activations = keras.Model(model.inputs[0], model.get_layer(layer).output)(picture[None].astype(np.float32)).numpy()[
        0
    ]
    scores = []
    for channel in np.moveaxis(activations, -1, 0):
        scaled = np.asarray(Image.fromarray(channel, mode="F").resize(picture.shape[1::-1], Image.Resampling.BILINEAR))
        shown = picture * ((scaled - scaled.min()) / (scaled.max() - scaled.min()))[..., None]
        (found,) = logits(shown[None].astype(np.float32)).numpy()
        scores.append((softmax(found) if score == AFTER_SOFTMAX else found)[target])
    return np.maximum(activations @ softmax(np.array(scores, np.float64)), 0)


@pytest.mark.parametrize("score", [BEFORE_SOFTMAX, AFTER_SOFTMAX])
def test_of_a_network_it_is_the_loop_over_its_channels(score: str) -> None:
    model = smooth_network((12, 10))
    pictures = np.random.default_rng(3).integers(0, 256, (2, 12, 10, 3), dtype=np.uint8)
    expected = [by_channel(model, "features", picture, 2, score) for picture in pictures]
    for batch_size in (1, 3, 32):
        found = explain(
            model, pictures, "scorecam", layer="features", target=[2, 2], score=score, batch_size=batch_size
        )
        assert found.raw.shape == (2, 6, 5)
        np.testing.assert_allclose(found.raw, expected, rtol=1e-3, atol=1e-5)
    assert found.raw.max() > 0


def test_channels_of_tiny_and_of_huge_values_are_stretched_alike() -> None:
    """Red and blue are the same pattern, a million times apart: each shows the same, and counts as much."""
    picture = np.random.default_rng(1).integers(1, 256, (4, 4, 3), dtype=np.uint8)
    pattern = np.random.default_rng(2).normal(size=(4, 4)).astype(np.float32)

    class Scaled(Network):
        def activations(self, picture: np.ndarray) -> np.ndarray:
            return np.stack([pattern * np.float32(1e-30), pattern * np.float32(1e-24)], axis=-1)

    found = score_cam(Scaled(linear(np.ones((2, 4, 4, 3)) / 1000)), picture, 0, UNUSED)
    np.testing.assert_allclose(found, np.maximum(pattern, 0) * (1e-30 + 1e-24) / 2, rtol=1e-3)
