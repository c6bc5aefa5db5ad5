"""The plan of a drawn study: which pictures there are, of what and by which names, without drawing a pixel."""

import zlib
from collections import defaultdict
from dataclasses import dataclass, replace

import numpy as np

from ..errors import InputError
from .classes import (
    CLASSES,
    DOWNSAMPLED_SHARE,
    EVALUATION_SHARES,
    FEATURE_SHARES,
    FEATURELESS_SHARE,
    FEATURES,
    TRAINING_SHARES,
    TYPICAL_FEATURE,
    UNKNOWN_LESION_SHARE,
)


@dataclass(frozen=True)
class DrawnPicture:
    """All that a drawing follows from; two equal ones give the same pixels.

    image: its plain name, that of the evaluation archive where it is in it.
    training_name: its name in the training archive, may end in `_downsampled`; None where it is not in it.
    diagnosis: one of `CLASSES`.
    lesion_id: "" where unknown; pictures of a lesion share class, features and seed, and differ in their view.
    evaluation: whether it is in the evaluation archive.
    features: those drawn, in the order of `FEATURES`.
    width, height: in pixels, of the picture in the evaluation archive and of its masks.
    seed: what the lesion is drawn from; skin, light and placement follow from seed and name.
    """

    image: str
    training_name: str | None
    diagnosis: str
    lesion_id: str
    evaluation: bool
    features: tuple[str, ...]
    width: int
    height: int
    seed: int


def plan(training_pictures: int, evaluation_pictures: int, seed: int) -> list[DrawnPicture]:
    """Return the pictures of a study in the order of their names, without drawing a pixel.

    `training_pictures` counts those that are only in the training archive, at least one per class. The
    `evaluation_pictures` are in the training archive as well, but for one nevus, as in the official archives.
    Shares of classes and features are met as exactly as whole pictures can: in a study this small, prevalence by
    coin toss would leave features without a picture at many a seed.
    Raises InputError for fewer pictures than there are classes, and for a seed below 0.
    """
    if training_pictures < len(CLASSES):
        raise InputError(f"training_pictures is {training_pictures}; draw at least {len(CLASSES)}, one per class")
    if evaluation_pictures < len(EVALUATION_SHARES):
        raise InputError(
            f"evaluation_pictures is {evaluation_pictures}; draw at least {len(EVALUATION_SHARES)}, one per class"
        )
    if seed < 0:
        raise InputError(f"seed is {seed}; give a whole number from 0 on")
    rng = np.random.default_rng([seed, zlib.crc32(b"plan")])
    total = training_pictures + evaluation_pictures
    kinds: list[tuple[bool, str, tuple[str, ...]]] = []
    for evaluation, shares, count in (
        (False, TRAINING_SHARES, training_pictures),
        (True, EVALUATION_SHARES, evaluation_pictures),
    ):
        for diagnosis, size in _apportion(shares, count).items():
            kinds += [(evaluation, diagnosis, features) for features in _draw_features(diagnosis, size, rng)]
    numbers = np.sort(rng.choice(4 * total, size=total, replace=False))
    pictures = []
    for number, index in zip(numbers, rng.permutation(total), strict=True):
        evaluation, diagnosis, features = kinds[index]
        image = f"ISIC_{number:07d}"
        downsampled = rng.random() < (DOWNSAMPLED_SHARE if evaluation else DOWNSAMPLED_SHARE / 5)
        pictures.append(
            DrawnPicture(
                image=image,
                training_name=f"{image}_downsampled" if downsampled else image,
                diagnosis=diagnosis,
                lesion_id="",
                evaluation=evaluation,
                features=features,
                width=int(rng.integers(96, 161)),
                height=int(rng.integers(72, 129)),
                seed=int(rng.integers(2**32)),
            )
        )
    nevi = [i for i, picture in enumerate(pictures) if picture.evaluation and picture.diagnosis == "NV"]
    missing = rng.choice(nevi)
    pictures[missing] = replace(pictures[missing], training_name=None)
    return _with_lesions(pictures, rng)


def _apportion(shares: dict[str, float], count: int) -> dict[str, int]:
    """Split `count` by largest remainder, at least one to each share."""
    rest = count - len(shares)
    exact = {name: max(share * count - 1, 0.0) for name, share in shares.items()}
    scale = rest / (sum(exact.values()) or 1.0)
    sizes = {name: int(value * scale + 1e-9) for name, value in exact.items()}
    by_remainder = sorted(shares, key=lambda name: sizes[name] - exact[name] * scale)
    for name in by_remainder[: rest - sum(sizes.values())]:
        sizes[name] += 1
    return {name: size + 1 for name, size in sizes.items()}


def _draw_features(diagnosis: str, size: int, rng: np.random.Generator) -> list[tuple[str, ...]]:
    """Return the features of `size` pictures of a class, some of them none at all."""
    shares = FEATURE_SHARES.get(diagnosis, {})
    featured = size - int(size * FEATURELESS_SHARE + 0.5)
    drawn: list[set[str]] = [set() for _ in range(size)]
    for feature, share in shares.items():
        for index in rng.choice(featured, size=int(share * featured + 0.5), replace=False):
            drawn[index].add(feature)
    if diagnosis in TYPICAL_FEATURE:
        for features in drawn[:featured]:
            if not features:
                features.add(TYPICAL_FEATURE[diagnosis])
    return [tuple(feature for feature in FEATURES if feature in features) for features in drawn]


def _with_lesions(pictures: list[DrawnPicture], rng: np.random.Generator) -> list[DrawnPicture]:
    """Give most pictures a lesion; a lesion with several pictures shows the same class, features and seed.

    As in ISIC 2019, a lesion seldom has one picture in the evaluation archive and another only in the training
    archive; a split by name alone does not see that.
    """
    alike: dict[tuple[bool, str, tuple[str, ...]], list[int]] = defaultdict(list)
    for index, picture in enumerate(pictures):
        if rng.random() >= UNKNOWN_LESION_SHARE:
            among_evaluation = picture.evaluation or rng.random() < 0.05
            alike[among_evaluation, picture.diagnosis, picture.features].append(index)
    lesions = []
    for indices in alike.values():
        remaining = [int(index) for index in rng.permutation(indices)]
        while remaining:
            size = int(rng.choice([1, 2, 3], p=[0.85, 0.10, 0.05]))
            lesions.append(remaining[:size])
            remaining = remaining[size:]
    result = list(pictures)
    for number, lesion in enumerate(sorted(lesions, key=min)):
        lesion_id, seed = f"DRAWN_{number:07d}", pictures[lesion[0]].seed
        for index in lesion:
            result[index] = replace(pictures[index], lesion_id=lesion_id, seed=seed)
    return result
