"""How often the 95 % interval of a mean holds the true one, on pictures of which those of one lesion are alike."""

import numpy as np
import pytest
from dermalign.results.intervals import bounds, clusters_of, resampled_means

STUDIES = 1000
LESIONS = 200
RESAMPLES = 1000
MEAN = 0.2


def drawn(random: np.random.Generator) -> tuple[np.ndarray, list[str], dict[str, str]]:
    """J of pictures of `LESIONS` lesions, 1 to 5 each, whose J share most of what they differ by from the mean."""
    sizes = random.choice([1, 1, 1, 2, 3, 5], LESIONS)
    of_lesion = random.gamma(2, MEAN / 2, LESIONS)  # skewed, as J is
    lesions = np.repeat(np.arange(LESIONS), sizes)
    jaccard = 0.8 * of_lesion[lesions] + random.gamma(2, 0.2 * MEAN / 2, lesions.size)
    images = [f"ISIC_{number:07d}" for number in range(lesions.size)]
    return jaccard, images, {image: f"L{lesion}" for image, lesion in zip(images, lesions.tolist(), strict=True)}


@pytest.fixture(scope="module")
def coverage() -> dict[str, float]:
    """The share of studies whose interval holds the true mean, resampled by lesion and by picture."""
    random = np.random.default_rng(2021)
    held = {"lesion": 0, "picture": 0}
    for number in range(STUDIES):
        jaccard, images, lesions = drawn(random)
        for unit, known in (("lesion", lesions), ("picture", {})):
            means = resampled_means(jaccard[np.newaxis], clusters_of(images, known), number, RESAMPLES)
            low, high = bounds(means)[0]
            held[unit] += low <= MEAN <= high
    return {unit: count / STUDIES for unit, count in held.items()}


def test_intervals_by_lesion_hold_the_mean_as_often_as_they_say(coverage: dict[str, float]) -> None:
    assert 0.93 <= coverage["lesion"] <= 0.97


def test_intervals_by_picture_would_be_too_narrow(coverage: dict[str, float]) -> None:
    assert coverage["picture"] < 0.9
