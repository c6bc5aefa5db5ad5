"""Drawn archives: a miniature study in the layout of the official ISIC archives, for runs without any download.

The official archives are gigabytes under a licence that forbids passing them on with the code. The embedded study
needs pictures that ship as a seed: small enough that two classifiers train in a minute, yet such that every stage
of the workflow has something real to do. Hence the drawings keep what the analysis depends on:

- the archives' names, headers and quirks (`_downsampled` names, pictures without lesion, all-black masks, an
  evaluation picture that the training archive lacks);
- classes that differ by the features dermatologists look for, so that a saliency map on a feature is no accident:
  melanoma by negative network, streaks and a coarse network, nevus by a fine regular one, seborrheic keratosis by
  milia-like cysts;
- masks that are exact: a feature changes no pixel outside of its mask.

The drawings imitate dermoscopy, they do not model it. Numbers measured on them say that the workflow works,
nothing about skin.
"""

import csv
import io
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

from . import logs
from .errors import InputError
from .files import atomic_path, write_text

FEATURES = ("globules", "milia_like_cyst", "negative_network", "pigment_network", "streaks")
CLASSES = ("MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC")
DIAGNOSIS_WORDS = {"MEL": "melanoma", "NV": "nevus", "BKL": "seborrheic keratosis"}

TRAINING_ARCHIVE = "ISIC_2019_Training_Input"
TRAINING_TRUTH = "ISIC_2019_Training_GroundTruth.csv"
TRAINING_METADATA = "ISIC_2019_Training_Metadata.csv"
EVALUATION_ARCHIVE = "ISIC2018_Task1-2_Training_Input"
MASK_ARCHIVE = "ISIC2018_Task2_Training_GroundTruth_v3"
EVALUATION_DIAGNOSIS = "evaluation_diagnosis.csv"
FILES = (
    f"{TRAINING_ARCHIVE}.zip",
    TRAINING_TRUTH,
    TRAINING_METADATA,
    f"{EVALUATION_ARCHIVE}.zip",
    f"{MASK_ARCHIVE}.zip",
    EVALUATION_DIAGNOSIS,
)

# The order of ISIC 2019's class sizes, flattened: at its true 1 % a class would have but a handful of drawings.
TRAINING_SHARES = {
    "NV": 0.28,
    "MEL": 0.16,
    "BCC": 0.13,
    "BKL": 0.11,
    "AK": 0.09,
    "SCC": 0.08,
    "DF": 0.075,
    "VASC": 0.075,
}
# ISIC 2018 Task 1-2: 519 melanomas, 1,867 nevi and 208 seborrheic keratoses.
EVALUATION_SHARES = {"MEL": 0.20, "NV": 0.72, "BKL": 0.08}
# Which part of a class shows which feature, among its pictures that show any.
FEATURE_SHARES = {
    "MEL": {
        "pigment_network": 0.60,
        "negative_network": 0.60,
        "streaks": 0.60,
        "globules": 0.35,
        "milia_like_cyst": 0.08,
    },
    "NV": {
        "pigment_network": 0.75,
        "globules": 0.32,
        "milia_like_cyst": 0.15,
        "negative_network": 0.05,
        "streaks": 0.05,
    },
    "BKL": {"milia_like_cyst": 0.85, "pigment_network": 0.15, "globules": 0.06},
    "DF": {"pigment_network": 0.30},
}
# What a picture shows that must show a feature and drew none.
TYPICAL_FEATURE = {"MEL": "pigment_network", "NV": "pigment_network", "BKL": "milia_like_cyst"}
FEATURELESS_SHARE = 0.18
DOWNSAMPLED_SHARE = 0.70
UNKNOWN_LESION_SHARE = 0.20
DOWNSAMPLED_FACTOR = 0.75  # official `_downsampled` pictures are smaller than their originals, too

_ATTRIBUTION = (
    "Synthetic drawings by dermalign, made from a seed in the layout of the ISIC Challenge archives.\n"
    "They show no skin of any person, and no pixel of them comes from an ISIC picture.\n"
)
_LICENSE = "Synthetic drawings by dermalign, released under the project's MIT licence (SPDX: MIT).\n"

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]
Points = NDArray[np.float64]
Random = np.random.Generator


class Progress(Protocol):
    """Whatever wraps a loop to show how far it is, as `dermalign.logs.progress` does."""

    def __call__(self, items: Iterable[Any], total: int, what: str) -> Iterator[Any]: ...


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


# ---------------------------------------------------------------------------------------------------------------
# The plan: which pictures there are
# ---------------------------------------------------------------------------------------------------------------


def plan(training_pictures: int, evaluation_pictures: int, seed: int) -> list[DrawnPicture]:
    """Return the pictures of a study in the order of their names, without drawing a pixel.

    `training_pictures` counts those that are only in the training archive, at least one per class. The
    `evaluation_pictures` are in the training archive as well, but for one nevus, as in the official archives.
    Shares of classes and features are met as exactly as whole pictures can: in a study this small, prevalence by
    coin toss would leave features without a picture at many a seed.
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


def _draw_features(diagnosis: str, size: int, rng: Random) -> list[tuple[str, ...]]:
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


def _with_lesions(pictures: list[DrawnPicture], rng: Random) -> list[DrawnPicture]:
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


# ---------------------------------------------------------------------------------------------------------------
# The drawing: skin, lesion, features
# ---------------------------------------------------------------------------------------------------------------

# How strongly the two pigments of skin absorb red, green and blue light: what makes brown brown and red red.
_MELANIN = np.array([0.42, 0.72, 0.95], dtype=np.float32)
_BLOOD = np.array([0.12, 0.80, 0.62], dtype=np.float32)
# Beta distributions of how irregular outline and colour are. They overlap: some melanomas pass for nevi, and what
# tells the two apart are mostly the features.
_ATYPIA = {"MEL": (4.0, 2.5), "NV": (1.5, 6.0)}
_CANVAS = 64  # points per side of a noise field
_SPAN = 2.5  # lesion radii from the centre of a noise field to its border


@dataclass(frozen=True)
class _Frame:
    """Where the lesion lies in the picture. Lengths are in lesion radii, so that all views of a lesion agree.

    x, y (h,w): coordinates about the lesion's centre, turned with it. radius, angle (h,w): the same, polar.
    depth (h,w): 1 at the centre, 0 on the outline, negative outside.
    origin: the centre in pixels (x, y). axes (2,2): lesion coordinates to pixels.
    """

    x: Floats
    y: Floats
    radius: Floats
    angle: Floats
    depth: Floats
    origin: Points
    axes: Points

    def pixels(self, points: Points) -> Points:
        """Return lesion coordinates (n,2) as pixel coordinates (n,2), x before y."""
        return points @ self.axes.T + self.origin

    @property
    def scale(self) -> float:
        """Pixels per lesion radius."""
        return float(np.hypot(*self.axes[:, 0]))


def draw_picture(picture: DrawnPicture) -> tuple[NDArray[np.uint8], dict[str, Mask]]:
    """Return the picture (height, width, 3) uint8 and the mask (height, width) bool of each of `FEATURES`.

    Skin, lesion and each feature have their own stream of random numbers: the same picture with other features has
    the same pixels wherever no mask is white. Masks of features that are not drawn are all black.
    """
    lesion, view = _stream(picture.seed, "lesion"), _stream(picture.seed, "view", picture.image)
    shape = (picture.height, picture.width)
    atypia = lesion.beta(*_ATYPIA.get(picture.diagnosis, (2.0, 3.0)))
    frame = _place(shape, atypia, lesion, view)
    skin = _draw_skin(shape, view)
    canvas = _LOOKS[picture.diagnosis](skin, frame, atypia, lesion)
    masks = {feature: np.zeros(shape, dtype=np.bool_) for feature in FEATURES}
    for feature in picture.features:
        mask, painted = _PAINTERS[feature](canvas, frame, picture.diagnosis, _stream(picture.seed, feature))
        masks[feature] = mask
        canvas = np.where(mask[..., None], painted, canvas)
    canvas = _draw_camera(canvas, view)
    return np.clip(np.rint(canvas), 0, 255).astype(np.uint8), masks


def _stream(seed: int, *words: str) -> Random:
    return np.random.default_rng([seed, *(zlib.crc32(word.encode()) for word in words)])


def _place(shape: tuple[int, int], atypia: float, lesion: Random, view: Random) -> _Frame:
    """Lay a lesion with a wavy outline into the picture, off the centre and turned."""
    height, width = shape
    radius = lesion.uniform(0.28, 0.41) * view.uniform(0.92, 1.08) * min(shape)
    origin = np.array([width, height]) * (0.5 + view.uniform(-0.18, 0.18, size=2)) - 0.5
    turn = view.uniform(0, 2 * np.pi)
    axes = radius * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    inverse = np.linalg.inv(axes).astype(np.float32)
    dx, dy = columns - np.float32(origin[0]), rows - np.float32(origin[1])
    x, y = inverse[0, 0] * dx + inverse[0, 1] * dy, inverse[1, 0] * dx + inverse[1, 1] * dy
    distance, angle = np.hypot(x, y), np.arctan2(y, x)
    outline = np.ones(shape, dtype=np.float32)
    for waves in range(2, 9):
        amplitude = lesion.normal() * (0.09 if waves == 2 else 0.012 + 0.16 * atypia / waves)
        outline += np.float32(amplitude) * np.cos(waves * angle + lesion.uniform(0, 2 * np.pi))
    depth = 1 - distance / np.clip(outline, 0.6, 1.45)
    return _Frame(x, y, distance, angle, depth, origin, axes)


def _field(frame: _Frame, grain: float, rng: Random) -> Floats:
    """Return smooth noise (h,w) of mean 0 and standard deviation 1 that belongs to the lesion, not to the picture.

    `grain` is the size of its lumps in lesion radii.
    """
    noise = rng.normal(size=(_CANVAS, _CANVAS)).astype(np.float32)
    smooth = ndimage.gaussian_filter(noise, grain * _CANVAS / (4 * _SPAN), mode="wrap")
    smooth = (smooth - smooth.mean()) / smooth.std()
    to_canvas = np.float32(_CANVAS / (2 * _SPAN))
    points = np.stack([(frame.y + _SPAN) * to_canvas, (frame.x + _SPAN) * to_canvas])
    return np.asarray(ndimage.map_coordinates(smooth, points, order=1, mode="grid-wrap"), dtype=np.float32)


def _rise(values: Floats, low: float, high: float) -> Floats:
    """Return 0 below `low`, 1 above `high` and a smooth step between."""
    t = np.clip((values - low) / np.float32(high - low), 0, 1)
    return t * t * (3 - 2 * t)


def _stain(canvas: Floats, melanin: Floats | float = 0.0, blood: Floats | float = 0.0) -> Floats:
    """Darken (h,w,3) by pigments (h,w), each by its colour, as a transparency on the lamp would be."""
    brown = np.asarray(melanin, dtype=np.float32)[..., None] * _MELANIN
    red = np.asarray(blood, dtype=np.float32)[..., None] * _BLOOD
    return canvas * np.exp(-brown - red)


def _blend(canvas: Floats, colour: tuple[int, int, int], alpha: Floats) -> Floats:
    return canvas + (np.array(colour, dtype=np.float32) - canvas) * alpha[..., None]


def _dots(frame: _Frame, points: Points, radii: Points) -> Floats:
    """Return (h,w), for each pixel how far inside a dot it is: 1 at a centre, 0 on the rim, negative outside."""
    inside = np.full(frame.depth.shape, -np.inf, dtype=np.float32)
    for (x, y), radius in zip(points, radii, strict=True):
        distance = np.hypot(frame.x - np.float32(x), frame.y - np.float32(y))
        np.maximum(inside, 1 - distance / np.float32(radius), out=inside)
    return inside


def _lines(frame: _Frame, lines: Sequence[Points], width: float) -> Floats:
    """Return the cover (h,w) in [0, 1] of lines through lesion coordinates (n,2)."""
    height, columns = frame.depth.shape
    sheet = Image.new("L", (columns, height))
    pen = ImageDraw.Draw(sheet)
    for line in lines:
        pen.line([(float(x), float(y)) for x, y in frame.pixels(line)], fill=255, width=max(round(width), 1))
    soft = ndimage.gaussian_filter(np.asarray(sheet, dtype=np.float32) / 255, 0.6)
    return np.clip(1.3 * soft, 0, 1)


def _draw_skin(shape: tuple[int, int], rng: Random) -> Floats:
    """Return skin (h,w,3): a tone between pale, pink and tan, mottled, under an uneven lamp."""
    tones = np.array([[232, 200, 186], [226, 172, 158], [214, 170, 138], [222, 190, 192]], dtype=np.float32)
    tone = rng.dirichlet(np.full(len(tones), 0.7)) @ tones * rng.uniform(0.88, 1.04)
    height, width = shape
    rows, columns = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    slope = rng.normal(scale=0.05, size=2)
    light = 1 + slope[0] * rows + slope[1] * columns - rng.uniform(0.0, 0.09) * (rows**2 + columns**2)
    skin = tone.astype(np.float32) * light.astype(np.float32)[..., None]
    mottling = np.zeros((2, *shape), dtype=np.float32)
    for grain, strength in ((9, 0.025), (1.2, 0.025)):
        lumps = ndimage.gaussian_filter(rng.normal(size=mottling.shape).astype(np.float32), (0, grain, grain))
        mottling += strength * lumps / lumps.std(axis=(1, 2), keepdims=True)
    return _stain(skin, mottling[0], mottling[1])


def _draw_camera(canvas: Floats, rng: Random) -> Floats:
    """Return the canvas as photographed: now and then hairs or dark corners, always grain."""
    height, width = canvas.shape[:2]
    if rng.random() < 0.25:
        sheet = Image.new("L", (width, height))
        pen = ImageDraw.Draw(sheet)
        for _ in range(int(rng.integers(1, 6))):
            ends = rng.uniform(-0.1, 1.1, size=(3, 2)) * [width, height]
            t = np.linspace(0, 1, 12)[:, None]
            curve = (1 - t) ** 2 * ends[0] + 2 * t * (1 - t) * ends[1] + t**2 * ends[2]
            pen.line([(float(x), float(y)) for x, y in curve], fill=int(rng.integers(120, 220)))
        hair = ndimage.gaussian_filter(np.asarray(sheet, dtype=np.float32) / 255, 0.4)
        canvas = _blend(canvas, (70, 48, 40), hair)
    if rng.random() < 0.15:
        rows, columns = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
        reach = rng.uniform(1.0, 1.2)
        canvas = canvas * (1 - 0.9 * _rise(np.hypot(rows, columns), reach, reach + 0.2))[..., None]
    return canvas + rng.normal(scale=3.5, size=canvas.shape).astype(np.float32)


def _cover(frame: _Frame, softness: float) -> Floats:
    """Return how much of the lesion there is at each pixel (h,w), fading over `softness` lesion radii."""
    return 1 / (1 + np.exp(np.clip(-frame.depth / softness, -30, 30)))


def _look_melanocytic(skin: Floats, frame: _Frame, atypia: float, rng: Random) -> Floats:
    """Draw a nevus or a melanoma: the same brown, the more patchy, many-coloured and veiled the more atypical."""
    cover = _cover(frame, rng.uniform(0.04, 0.11))
    lump, grain = _field(frame, 0.9, rng), _field(frame, 0.12, rng)
    density = rng.uniform(0.45, 1.15) + 0.5 * atypia + 0.25 * rng.normal() * frame.depth
    density = density * np.exp(np.float32(0.08 + 0.5 * atypia) * lump + 0.13 * grain)
    canvas = _stain(skin, np.clip(density, 0.1, 2.6) * cover, rng.uniform(0.0, 0.2) * cover)
    veil = _rise(_field(frame, 0.8, rng), 1.4 - atypia, 2.0 - atypia) * cover * _rise(frame.depth, 0.1, 0.4)
    if rng.random() < 0.9 * atypia:
        canvas = _blend(canvas, (112, 116, 142), 0.6 * veil)
    return canvas


def _look_bcc(skin: Floats, frame: _Frame, atypia: float, rng: Random) -> Floats:
    """Draw a basal cell carcinoma: pearly pink, arborizing vessels, blue-grey nests."""
    cover = _cover(frame, rng.uniform(0.06, 0.12))
    canvas = _stain(skin, 0.08 * cover, rng.uniform(0.2, 0.4) * cover * (1 + 0.15 * _field(frame, 0.4, rng)))
    canvas = _blend(canvas, (240, 214, 222), 0.35 * cover * _rise(_field(frame, 0.6, rng), 0.0, 1.2))
    nests = rng.integers(0, 5)
    ring, spread = rng.uniform(0, 2 * np.pi, size=nests), rng.uniform(0.3, 0.8, size=nests)
    centres = np.stack([spread * np.cos(ring), spread * np.sin(ring)], axis=1)
    canvas = _blend(
        canvas,
        (104, 98, 122),
        0.7 * _rise(_dots(frame, centres, rng.uniform(0.12, 0.3, nests)) + 0.15 * _field(frame, 0.2, rng), 0, 0.9),
    )
    trunks, twigs = [], []
    for _ in range(int(rng.integers(3, 6))):
        direction = rng.uniform(0, 2 * np.pi)
        start = -0.9 * np.array([np.cos(direction), np.sin(direction)])
        trunk = _wander(start, direction + rng.normal(scale=0.3), 9, rng)
        trunks.append(trunk)
        twigs += [
            _wander(trunk[knot], direction + rng.choice([-1, 1]) * rng.uniform(0.5, 1.1), 4, rng)
            for knot in rng.integers(2, 8, size=3)
        ]
    pen = frame.scale * 0.05
    vessels = np.maximum(_lines(frame, trunks, pen), 0.8 * _lines(frame, twigs, pen / 2))
    return _blend(canvas, (176, 42, 58), 0.85 * vessels * _rise(frame.depth, -0.05, 0.1))


def _wander(start: Points, direction: float, steps: int, rng: Random) -> Points:
    """Return a meandering path (steps + 1, 2) in lesion coordinates."""
    headings: Points = direction + np.cumsum(rng.normal(scale=0.35, size=steps))
    moves = 0.14 * np.stack([np.cos(headings), np.sin(headings)], axis=1)
    path: Points = np.vstack([start, start + np.cumsum(moves, axis=0)])
    return path


def _look_ak(skin: Floats, frame: _Frame, atypia: float, rng: Random) -> Floats:
    """Draw an actinic keratosis: a red ground without a border, pale follicles on it, rough with scale."""
    cover = _cover(frame, rng.uniform(0.18, 0.3))
    rough = _field(frame, 0.16, rng)
    red = rng.uniform(0.4, 0.65) * cover * np.exp(0.3 * rough)
    canvas = _stain(skin, 0.12 * cover, red)
    canvas = _blend(canvas, (242, 222, 200), 0.65 * cover * _rise(_field(frame, 0.14, rng), 0.9, 1.6))
    return _blend(canvas, (214, 176, 112), 0.5 * cover * _rise(_field(frame, 0.35, rng), 1.1, 1.8))


def _look_bkl(skin: Floats, frame: _Frame, atypia: float, rng: Random) -> Floats:
    """Draw a seborrheic keratosis: waxy yellow-brown, cut off sharply, with fissures."""
    cover = _cover(frame, rng.uniform(0.02, 0.04))
    density = rng.uniform(0.45, 0.85) * np.exp(0.15 * _field(frame, 0.12, rng))
    canvas = _blend(_stain(skin, density * cover), (168, 132, 84), rng.uniform(0.25, 0.45) * cover)
    fissures = 1 - _rise(np.abs(_field(frame, 0.3, rng)), 0.02, 0.45)
    return _stain(canvas, rng.uniform(0.3, 0.6) * fissures * _rise(frame.depth, 0.05, 0.15))


def _look_df(skin: Floats, frame: _Frame, atypia: float, rng: Random) -> Floats:
    """Draw a dermatofibroma: a pale scar in the middle of a brown rim."""
    rim = np.exp(-(((frame.depth - rng.uniform(0.25, 0.4)) / rng.uniform(0.2, 0.3)) ** 2))
    canvas = _stain(skin, rng.uniform(0.4, 0.75) * rim * np.exp(0.2 * _field(frame, 0.2, rng)), 0.15 * rim)
    scar = _rise(frame.depth + 0.06 * _field(frame, 0.3, rng), 0.5, 0.75)
    return _blend(canvas, (244, 226, 218), rng.uniform(0.5, 0.85) * scar)


def _look_vasc(skin: Floats, frame: _Frame, atypia: float, rng: Random) -> Floats:
    """Draw a vascular lesion: red to purple lacunae with pale walls between them."""
    cover = _cover(frame, rng.uniform(0.03, 0.06))
    count = int(rng.integers(6, 14))
    ring, spread = rng.uniform(0, 2 * np.pi, size=count), 0.85 * np.sqrt(rng.uniform(0, 1, size=count))
    centres = np.stack([spread * np.cos(ring), spread * np.sin(ring)], axis=1)
    dots = _dots(frame, centres, rng.uniform(0.2, 0.38, count)) + 0.18 * _field(frame, 0.2, rng)
    lacunae = _rise(dots, 0.0, 0.4) * _rise(frame.depth, -0.1, 0.1)
    canvas = _stain(skin, 0.0, rng.uniform(0.35, 0.7) * cover + rng.uniform(0.6, 1.0) * lacunae)
    return _blend(canvas, (92, 22, 88), rng.uniform(0.1, 0.55) * lacunae)


def _look_scc(skin: Floats, frame: _Frame, atypia: float, rng: Random) -> Floats:
    """Draw a squamous cell carcinoma: a yellow-white plug of keratin, a red wall, spots of blood."""
    cover = _cover(frame, rng.uniform(0.06, 0.12))
    canvas = _stain(skin, 0.1 * cover, rng.uniform(0.45, 0.8) * cover * np.exp(0.2 * _field(frame, 0.25, rng)))
    crust = _field(frame, 0.35, rng)
    plug = _rise(frame.depth + 0.14 * crust, rng.uniform(0.3, 0.45), 0.65)
    canvas = _blend(canvas, (236, 214, 152), rng.uniform(0.6, 0.9) * plug)
    spots = rng.uniform(-0.6, 0.6, size=(int(rng.integers(2, 7)), 2))
    blood = _rise(_dots(frame, spots, rng.uniform(0.06, 0.13, len(spots))), 0.0, 0.5)
    return _blend(canvas, (122, 30, 30), 0.8 * blood)


_LOOKS: dict[str, Callable[[Floats, _Frame, float, Random], Floats]] = {
    "MEL": _look_melanocytic,
    "NV": _look_melanocytic,
    "BCC": _look_bcc,
    "AK": _look_ak,
    "BKL": _look_bkl,
    "DF": _look_df,
    "VASC": _look_vasc,
    "SCC": _look_scc,
}


def _mesh(frame: _Frame, cell: float, warp: float, stretch: float, rng: Random) -> Floats:
    """Return a honeycomb (h,w), 1 on its lines and 0 in its holes, of holes `cell` lesion radii apart.

    Three plane waves at 120 degrees sum to peaks on a hexagonal grid, and the valleys between them are the lines.
    """
    x = frame.x + warp * _field(frame, 0.7, rng)
    y = (frame.y + warp * _field(frame, 0.7, rng)) / stretch
    turn = rng.uniform(0, np.pi)
    waves = np.zeros_like(x)
    for direction in turn + np.arange(3) * 2 * np.pi / 3:
        phase = np.cos(direction) * x + np.sin(direction) * y
        waves += np.cos(np.float32(4 * np.pi / (np.sqrt(3) * cell)) * phase.astype(np.float32))
    return 1 - _rise(waves + 0.25 * _field(frame, 0.15, rng), -1.1, 0.8)


def _region(frame: _Frame, share: float, shallow: float, deep: float, rng: Random) -> Mask:
    """Return a ragged patch (h,w), as annotators outline one: `share` of what lies between two depths."""
    candidates = (frame.depth > shallow) & (frame.depth < deep)
    side = rng.uniform(0, 2 * np.pi)
    pull = np.cos(side) * frame.x + np.sin(side) * frame.y
    score = _field(frame, 0.5, rng) + 1.5 * pull.astype(np.float32)
    return candidates & (score >= np.quantile(score[candidates], 1 - share))


def _fade(mask: Mask, reach: float) -> Floats:
    """Return 1 well inside the mask (h,w), falling to 0 at its border over `reach` pixels: networks peter out."""
    inside = ndimage.gaussian_filter(mask.astype(np.float32), reach, mode="nearest")
    return np.where(mask, _rise(inside, 0.25, 0.85), np.float32(0))


def _paint_pigment_network(canvas: Floats, frame: _Frame, diagnosis: str, rng: Random) -> tuple[Mask, Floats]:
    """Dark mesh: fine, even and all around on a nevus, coarse, warped and one-sided on a melanoma."""
    if diagnosis == "MEL":
        mask = _region(frame, rng.uniform(0.3, 0.6), 0.03, 0.9, rng)
        mesh = _mesh(frame, rng.uniform(0.28, 0.38), rng.uniform(0.08, 0.13), 1.0, rng)
        mesh = mesh * np.clip(1.4 + 0.4 * _field(frame, 0.5, rng), 0.5, 2.2)
    else:
        mask = _region(frame, rng.uniform(0.6, 0.9), 0.05, 0.8, rng)
        mesh = _mesh(frame, rng.uniform(0.19, 0.25), 0.05, 1.0, rng)
    ink = rng.uniform(0.65, 1.0) * mesh - 0.08
    return mask, _stain(canvas, ink * _fade(mask, 0.08 * frame.scale))


def _paint_negative_network(canvas: Floats, frame: _Frame, diagnosis: str, rng: Random) -> tuple[Mask, Floats]:
    """Light, winding mesh with dark, drawn-out holes."""
    mask = _region(frame, rng.uniform(0.25, 0.5), 0.08, 1.0, rng)
    mesh = _mesh(frame, rng.uniform(0.28, 0.38), rng.uniform(0.08, 0.13), rng.uniform(1.1, 1.6), rng)
    fade = _fade(mask, 0.08 * frame.scale)
    painted = _stain(canvas, 0.2 * (1 - mesh) * fade)
    return mask, _blend(painted, (238, 210, 200), rng.uniform(0.65, 0.85) * mesh * fade)


def _scatter(frame: _Frame, count: int, spread: float, reach: float, gap: float, rng: Random) -> Points:
    """Return at most `count` points (n,2) in lesion coordinates, `gap` apart, about a random place within `reach`.

    At least one of them lies in the picture: an annotated feature that is out of sight would be a false mask.
    """
    height, width = frame.depth.shape
    turn = rng.uniform(0, 2 * np.pi)
    middle = reach * rng.uniform(0.2, 1.0) * np.array([np.cos(turn), np.sin(turn)])
    kept: list[Any] = []
    for point in middle + rng.normal(scale=spread, size=(8 * count, 2)):
        column, row = frame.pixels(point[None])[0]
        seen = 2 <= column <= width - 3 and 2 <= row <= height - 3
        if seen and np.hypot(*point) < 0.85 and all(np.hypot(*(point - other)) > gap for other in kept):
            kept.append(point)
    return np.array(kept[:count] or [[0.0, 0.0]])  # the lesion's centre is always in sight


def _paint_globules(canvas: Floats, frame: _Frame, diagnosis: str, rng: Random) -> tuple[Mask, Floats]:
    """Clustered dark dots: of one size on a nevus, of many and crowded to a side on a melanoma."""
    if diagnosis == "MEL":
        points = _scatter(frame, int(rng.integers(8, 16)), 0.28, 0.6, 0.15, rng)
        radii = rng.uniform(0.06, 0.14, size=len(points))
    else:
        points = _scatter(frame, int(rng.integers(9, 18)), 0.38, 0.25, 0.17, rng)
        radii = np.full(len(points), rng.uniform(0.07, 0.10))
    radii = np.maximum(radii, 1.3 / frame.scale)
    painted = _stain(canvas, rng.uniform(1.1, 1.5) * _rise(_dots(frame, points, radii), 0.0, 0.5))
    return _dots(frame, points, 1.4 * radii) > 0, painted


def _paint_milia_like_cyst(canvas: Floats, frame: _Frame, diagnosis: str, rng: Random) -> tuple[Mask, Floats]:
    """A few small, round, white-yellow dots."""
    count = int(rng.integers(5, 11)) if diagnosis == "BKL" else int(rng.integers(2, 6))
    points = _scatter(frame, count, 0.4, 0.3, 0.24, rng)
    radii = np.maximum(rng.uniform(0.06, 0.11, size=len(points)), 1.4 / frame.scale)
    glow = _rise(_dots(frame, points, radii), 0.0, 0.6)
    return _dots(frame, points, 1.4 * radii) > 0, _blend(canvas, (250, 240, 206), 0.9 * glow)


def _paint_streaks(canvas: Floats, frame: _Frame, diagnosis: str, rng: Random) -> tuple[Mask, Floats]:
    """Dark rays across the border: on one side of a melanoma, around the whole of a (rare) nevus."""
    inner, outer = 0.22, -rng.uniform(0.24, 0.36)
    half = np.pi if diagnosis != "MEL" else rng.uniform(0.5, 1.2)
    band = (frame.depth < inner) & (frame.depth > outer)
    ahead = rng.uniform(-np.pi, np.pi)
    seen = frame.angle[band]  # where the border is in sight: streaks beyond the picture would be none
    ahead = seen[np.argmin(np.abs(np.angle(np.exp(1j * (seen - ahead)))))]
    aside = np.abs(np.angle(np.exp(1j * (frame.angle - ahead))))
    mask = band & (aside < half)
    rays = int(rng.integers(14, 20))
    bend = rng.uniform(0.05, 0.09) * _field(frame, 0.3, rng)
    wave = np.cos(rays * (frame.angle + bend) + rng.uniform(0, 2 * np.pi))
    length = frame.depth + 0.06 * _field(frame, 0.25, rng)
    taper = (1 - _rise(-length, -0.05, -outer)) * _rise(-length, -inner, 0.0)
    return mask, _stain(canvas, rng.uniform(1.3, 1.8) * _rise(wave, -0.5, 0.8) * taper)


_PAINTERS: dict[str, Callable[[Floats, _Frame, str, Random], tuple[Mask, Floats]]] = {
    "globules": _paint_globules,
    "milia_like_cyst": _paint_milia_like_cyst,
    "negative_network": _paint_negative_network,
    "pigment_network": _paint_pigment_network,
    "streaks": _paint_streaks,
}


# ---------------------------------------------------------------------------------------------------------------
# The archives
# ---------------------------------------------------------------------------------------------------------------


def write_archives(
    pictures: Sequence[DrawnPicture],
    folder: str | Path,
    progress: Progress = logs.progress,
) -> None:
    """Draw `pictures` and write the six `FILES` into `folder`, each whole or not at all.

    Equal pictures give equal bytes: archive members carry a fixed date, and JPEG and PNG are stored as they are.
    """
    folder = Path(folder)
    with ExitStack() as stack:
        training, evaluation, masks = (
            _open_archive(folder, name, stack) for name in (TRAINING_ARCHIVE, EVALUATION_ARCHIVE, MASK_ARCHIVE)
        )
        for picture in progress(pictures, len(pictures), "drawing pictures"):
            pixels, drawn = draw_picture(picture)
            sheet = Image.fromarray(pixels)
            if picture.training_name is not None:
                smaller = _as_trained(sheet, picture)
                _add(training, TRAINING_ARCHIVE, f"{picture.training_name}.jpg", _jpeg(smaller))
            if picture.evaluation:
                _add(evaluation, EVALUATION_ARCHIVE, f"{picture.image}.jpg", _jpeg(sheet))
                for feature in FEATURES:
                    mask = _png(drawn[feature])
                    _add(masks, MASK_ARCHIVE, f"{picture.image}_attribute_{feature}.png", mask)
    trained = [picture for picture in pictures if picture.training_name is not None]
    truth = [[p.training_name, *(str(float(p.diagnosis == c)) for c in CLASSES), "0.0"] for p in trained]
    _write_csv(folder / TRAINING_TRUTH, ["image", *CLASSES, "UNK"], truth)
    header = ["image", "age_approx", "anatom_site_general", "lesion_id", "sex"]
    _write_csv(folder / TRAINING_METADATA, header, map(_metadata, trained))
    diagnoses = [[p.image, DIAGNOSIS_WORDS[p.diagnosis]] for p in pictures if p.evaluation]
    _write_csv(folder / EVALUATION_DIAGNOSIS, ["image", "diagnosis"], diagnoses)


def _open_archive(folder: Path, name: str, stack: ExitStack) -> zipfile.ZipFile:
    path = stack.enter_context(atomic_path(folder / f"{name}.zip"))
    archive = stack.enter_context(zipfile.ZipFile(path, "w", zipfile.ZIP_STORED))
    _add(archive, name, "ATTRIBUTION.txt", _ATTRIBUTION.encode())
    _add(archive, name, "LICENSE.txt", _LICENSE.encode())
    return archive


def _add(archive: zipfile.ZipFile, folder: str, name: str, content: bytes) -> None:
    """Add a member whose header says nothing about the machine or the time it was written on."""
    member = zipfile.ZipInfo(f"{folder}/{name}", date_time=(1980, 1, 1, 0, 0, 0))
    member.create_system = 3
    member.external_attr = 0o644 << 16
    archive.writestr(member, content)


def _as_trained(sheet: Image.Image, picture: DrawnPicture) -> Image.Image:
    """Return the picture as the training archive holds it: smaller where its name says so."""
    if picture.training_name == picture.image:
        return sheet
    size = (round(sheet.width * DOWNSAMPLED_FACTOR), round(sheet.height * DOWNSAMPLED_FACTOR))
    return sheet.resize(size, Image.Resampling.LANCZOS)


def _jpeg(sheet: Image.Image) -> bytes:
    buffer = io.BytesIO()
    sheet.save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


def _png(mask: Mask) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(mask.astype(np.uint8) * np.uint8(255)).save(buffer, "PNG")
    return buffer.getvalue()


def _metadata(picture: DrawnPicture) -> list[str | None]:
    """Return a row of the metadata table; drawn from the lesion's seed, for a lesion has one patient."""
    rng = _stream(picture.seed, "patient")
    age = str(5 * int(rng.integers(3, 18))) if rng.random() > 0.03 else ""
    sites = ["anterior torso", "head/neck", "lower extremity", "posterior torso", "upper extremity", ""]
    return [
        picture.training_name,
        age,
        str(rng.choice(sites)),
        picture.lesion_id,
        str(rng.choice(["female", "male"])),
    ]


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[str | None]]) -> None:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    write_text(path, buffer.getvalue())
