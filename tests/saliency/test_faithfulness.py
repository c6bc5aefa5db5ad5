"""Deletion and insertion: against a plain loop, by hand, and what must hold of any map."""

import numpy as np
import pytest
from dermalign.classifiers.passes import AFTER_SOFTMAX
from dermalign.saliency import faithfulness
from dermalign.saliency.faithfulness import BLUR, Curves, blurred, faithfulness_curves, pixel_order, tie_order
from dermalign.saliency.network import Network
from faithfulness_cases import Formula, curved, probability, slow_area, slow_curves, slowly_blurred, weighted

SIZE = (12, 10)


def picture_of(size: tuple[int, int], seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)


def network_of(classifier: Formula, batch_size: int = 8, **others: str) -> Network:
    network = Network(classifier, batch_size=batch_size, **others)
    assert not classifier.asked
    return network


def linear(weights: np.ndarray, picture: np.ndarray, *maps: np.ndarray, steps: int = 4, seed: int = 5) -> Curves:
    """The curves of maps of a picture for the classifier that weighs its pixels."""
    ties = tie_order(picture.shape[:2], [seed])
    given = [np.asarray(one, np.float32) for one in maps]
    return faithfulness_curves(network_of(weighted(weights)), picture, given, 1, steps, ties)


# Against a plain loop


@pytest.mark.parametrize("steps", [1, 2, 7, 16, 120])
def test_curves_and_areas_are_those_of_a_plain_loop(steps: int) -> None:
    random = np.random.default_rng(3)
    maps = [random.random(shape, dtype=np.float32) for shape in ((3, 4), (5, 5), SIZE, (17, 13))]
    maps += [np.round(random.random((4, 4), dtype=np.float32) * 2) / 2, np.full((2, 3), 0.5, np.float32)]
    classifier, picture, ties = curved(SIZE), picture_of(SIZE), tie_order(SIZE, [2021, 7])
    found = faithfulness_curves(network_of(classifier, score=AFTER_SOFTMAX), picture, maps, 2, steps, ties)
    assert found.shares.tolist() == [120 * step // steps / 120 for step in range(steps + 1)]
    blurry = slowly_blurred(picture, BLUR)
    for row, saliency in enumerate(maps):
        curves = slow_curves(
            lambda shown: probability(classifier.function(shown[np.newaxis])[0], 2),
            *(picture, saliency, steps, ties.tolist(), blurry),
        )
        np.testing.assert_allclose(found.deletion[row], curves[0], atol=1e-6)
        np.testing.assert_allclose(found.insertion[row], curves[1], atol=1e-6)
        np.testing.assert_allclose(found.areas[row], [slow_area(curve, 120) for curve in curves], atol=1e-6)
    assert found.deletion.shape == found.insertion.shape == (6, steps + 1)
    np.testing.assert_allclose(found.ends, [found.deletion[0, 0], found.deletion[0, -1], found.insertion[0, 0]])


@pytest.mark.parametrize(("height", "width"), [(64, 64), (12, 31)])
def test_the_blur_is_a_gaussian_of_a_quarter_of_either_side(height: int, width: int) -> None:
    picture = picture_of((height, width)).astype(np.float32)
    np.testing.assert_allclose(blurred(picture), slowly_blurred(picture, 1 / 4), atol=1e-3)


# By hand


def test_the_areas_of_a_sum_over_equal_pixels() -> None:
    """A white picture whose upper half alone counts: it goes first, last, or nobody knows when."""
    weights = np.zeros((8, 8))
    weights[:4] = 1 / 32
    white = np.full((8, 8, 3), 255, np.uint8)
    curves = linear(weights, white, [[1], [0]], [[0], [1]])
    np.testing.assert_allclose(curves.deletion, [[1, 0.5, 0, 0, 0], [1, 1, 1, 0.5, 0]], atol=1e-6)
    # A white picture stays white when it is blurred.
    np.testing.assert_allclose(curves.insertion, np.ones((2, 5)), atol=1e-6)
    np.testing.assert_allclose(curves.areas, [[0.25, 1], [0.75, 1]], atol=1e-6)
    # A map that says nothing takes the pixels in any order: half of the way down, half of the score, on average.
    constant = [linear(weights, white, [[1]], seed=seed).areas[0, 0] for seed in range(60)]
    assert np.std(constant) > 0.005
    assert np.mean(constant) == pytest.approx(0.5, abs=4 * np.std(constant) / np.sqrt(60))


def test_the_areas_of_stripes_that_blur_to_grey() -> None:
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, 1::2] = 255
    weights = stripes[:, :, 0] / 255 / (32 * 64)
    known, unknown = stripes[:, :, 0] / 255, 1 - stripes[:, :, 0] / 255
    curves = linear(weights, stripes, known, unknown, steps=8)
    steps = np.arange(9) / 8
    # Half of the pixels are white stripes: of a picture whole 1, black 0, blurred 0.5.
    np.testing.assert_allclose(curves.deletion[0], np.maximum(1 - 2 * steps, 0), atol=1e-6)
    np.testing.assert_allclose(curves.insertion[0], np.minimum(0.5 + steps, 1), atol=5e-3)
    np.testing.assert_allclose(curves.insertion[1], np.maximum(0.5, steps), atol=5e-3)
    np.testing.assert_allclose(curves.areas, [[0.25, 0.875], [0.75, 0.625]], atol=5e-3)


# What must hold


def test_no_order_deletes_or_inserts_sooner_than_that_of_what_each_pixel_adds() -> None:
    random = np.random.default_rng(9)
    picture, weights = picture_of(SIZE), random.random(SIZE) ** 3
    added = picture.mean(axis=2) / 255 * weights
    restored = (picture - blurred(picture.astype(np.float32))).mean(axis=2) * weights
    others = [random.permutation(120).reshape(SIZE) / 120 for _ in range(200)]
    areas = linear(weights, picture, added / added.max(), *others, steps=15).areas
    assert areas[0, 0] < areas[1:, 0].min()
    restored = (restored - restored.min()) / np.ptp(restored)
    areas = linear(weights, picture, restored, 1 - restored, *others, steps=15).areas
    assert areas[0, 1] > areas[2:, 1].max() and areas[1, 1] < areas[2:, 1].min()


def test_insertion_is_deletion_from_the_other_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where what is put back is put into black, the most salient pixels in are the least salient ones out."""
    monkeypatch.setattr(faithfulness, "blurred", np.zeros_like)
    saliency = (np.random.default_rng(4).permutation(120) / 120).reshape(SIZE).astype(np.float32)
    found = faithfulness_curves(
        *(network_of(curved(SIZE)), picture_of(SIZE), [saliency, 1 - saliency], 0, 8, tie_order(SIZE, [1]))
    )
    np.testing.assert_allclose(found.insertion, found.deletion[::-1, ::-1], atol=1e-6)
    np.testing.assert_allclose(found.areas[:, 1], found.areas[::-1, 0], atol=1e-6)


def test_only_the_order_of_a_map_counts() -> None:
    saliency = np.random.default_rng(8).random((4, 5), dtype=np.float32)
    found = faithfulness_curves(
        *(network_of(curved(SIZE)), picture_of(SIZE), [saliency, saliency**3, saliency / 7], 0, 6, tie_order(SIZE, [1]))
    )
    for row in (1, 2):
        np.testing.assert_array_equal(found.deletion[row], found.deletion[0])
        np.testing.assert_array_equal(found.insertion[row], found.insertion[0])


def test_equal_pixels_go_in_the_order_of_the_ties_in_any_map() -> None:
    ties = tie_order(SIZE, [3])
    assert sorted(ties.tolist()) == list(range(120))
    assert ties.tolist() != tie_order(SIZE, [4]).tolist()
    np.testing.assert_array_equal(ties, tie_order(SIZE, [3]))
    for value in (0, 0.5, 1):
        for grid in ((1, 1), (4, 3), SIZE):
            np.testing.assert_array_equal(pixel_order(np.full(grid, value, np.float32), SIZE, ties), ties)
    halves = pixel_order(np.array([[0.2, 0.9]], np.float32), SIZE, ties)
    right = np.arange(120) % 10 >= 5
    np.testing.assert_array_equal(halves, [*ties[right[ties]], *ties[~right[ties]]])


def test_the_network_is_asked_in_full_batches_of_one_size() -> None:
    classifier = curved(SIZE)
    maps = [np.random.default_rng(seed).random((3, 3), dtype=np.float32) for seed in range(5)]
    faithfulness_curves(network_of(classifier, 16), picture_of(SIZE), maps, 0, 10, tie_order(SIZE, [0]))
    assert classifier.asked == [16] * 6  # of 3 + 5 x 2 x 9 pictures
