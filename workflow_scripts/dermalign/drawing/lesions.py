"""The looks of the diagnoses: a lesion of each class on the skin, before any feature is painted on it.

Each look takes the skin (h, w, 3), the lesion's frame, its atypia in [0, 1] (see `draw_atypia`) and its stream
of random numbers, and returns a new canvas (h, w, 3) float32.
"""

from collections.abc import Callable

import numpy as np

from .canvas import Floats, Points, Random, blend, rise, stain
from .frame import Frame, dots, field, lines

# Beta distributions of the atypia. They overlap: some melanomas pass for nevi, and what tells the two apart are mostly
# the features.
_ATYPIA = {"MEL": (4.0, 2.5), "NV": (1.5, 6.0)}
_OTHER_ATYPIA = (2.0, 3.0)


def draw_atypia(diagnosis: str, rng: Random) -> float:
    """Return how irregular outline and colour of a lesion of a class are, from 0 (not at all) to 1."""
    return rng.beta(*_ATYPIA.get(diagnosis, _OTHER_ATYPIA))


def _cover(frame: Frame, softness: float) -> Floats:
    """Return how much of the lesion there is at each pixel (h, w), fading over `softness` lesion radii."""
    return 1 / (1 + np.exp(np.clip(-frame.depth / softness, -30, 30)))


def _directions(angles: Points) -> Points:
    """Return the unit vectors (n, 2) of angles (n,) in radians."""
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def _wander(start: Points, direction: float, steps: int, rng: Random) -> Points:
    """Return a meandering path (steps + 1, 2) in lesion coordinates."""
    headings: Points = direction + np.cumsum(rng.normal(scale=0.35, size=steps))
    moves = 0.14 * _directions(headings)
    path: Points = np.vstack([start, start + np.cumsum(moves, axis=0)])
    return path


def _look_melanocytic(skin: Floats, frame: Frame, atypia: float, rng: Random) -> Floats:
    """Draw a nevus or a melanoma: the same brown, the more patchy, many-coloured and veiled the more atypical."""
    cover = _cover(frame, rng.uniform(0.04, 0.11))
    lump, grain = field(frame, 0.9, rng), field(frame, 0.12, rng)
    density = rng.uniform(0.45, 1.15) + 0.5 * atypia + 0.25 * rng.normal() * frame.depth
    density = density * np.exp(np.float32(0.08 + 0.5 * atypia) * lump + 0.13 * grain)
    canvas = stain(skin, np.clip(density, 0.1, 2.6) * cover, rng.uniform(0.0, 0.2) * cover)
    veil = rise(field(frame, 0.8, rng), 1.4 - atypia, 2.0 - atypia) * cover * rise(frame.depth, 0.1, 0.4)
    if rng.random() < 0.9 * atypia:
        canvas = blend(canvas, (112, 116, 142), 0.6 * veil)
    return canvas


def _look_bcc(skin: Floats, frame: Frame, atypia: float, rng: Random) -> Floats:
    """Draw a basal cell carcinoma: pearly pink, arborizing vessels, blue-grey nests."""
    cover = _cover(frame, rng.uniform(0.06, 0.12))
    canvas = stain(skin, 0.08 * cover, rng.uniform(0.2, 0.4) * cover * (1 + 0.15 * field(frame, 0.4, rng)))
    canvas = blend(canvas, (240, 214, 222), 0.35 * cover * rise(field(frame, 0.6, rng), 0.0, 1.2))
    nests = rng.integers(0, 5)
    ring, spread = rng.uniform(0, 2 * np.pi, size=nests), rng.uniform(0.3, 0.8, size=nests)
    centres = spread[:, None] * _directions(ring)
    canvas = blend(
        canvas,
        (104, 98, 122),
        0.7 * rise(dots(frame, centres, rng.uniform(0.12, 0.3, nests)) + 0.15 * field(frame, 0.2, rng), 0, 0.9),
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
    vessels = np.maximum(lines(frame, trunks, pen), 0.8 * lines(frame, twigs, pen / 2))
    return blend(canvas, (176, 42, 58), 0.85 * vessels * rise(frame.depth, -0.05, 0.1))


def _look_ak(skin: Floats, frame: Frame, atypia: float, rng: Random) -> Floats:
    """Draw an actinic keratosis: a red ground without a border, pale follicles on it, rough with scale."""
    cover = _cover(frame, rng.uniform(0.18, 0.3))
    rough = field(frame, 0.16, rng)
    red = rng.uniform(0.4, 0.65) * cover * np.exp(0.3 * rough)
    canvas = stain(skin, 0.12 * cover, red)
    canvas = blend(canvas, (242, 222, 200), 0.65 * cover * rise(field(frame, 0.14, rng), 0.9, 1.6))
    return blend(canvas, (214, 176, 112), 0.5 * cover * rise(field(frame, 0.35, rng), 1.1, 1.8))


def _look_bkl(skin: Floats, frame: Frame, atypia: float, rng: Random) -> Floats:
    """Draw a seborrheic keratosis: waxy yellow-brown, cut off sharply, with fissures."""
    cover = _cover(frame, rng.uniform(0.02, 0.04))
    density = rng.uniform(0.45, 0.85) * np.exp(0.15 * field(frame, 0.12, rng))
    canvas = blend(stain(skin, density * cover), (168, 132, 84), rng.uniform(0.25, 0.45) * cover)
    fissures = 1 - rise(np.abs(field(frame, 0.3, rng)), 0.02, 0.45)
    return stain(canvas, rng.uniform(0.3, 0.6) * fissures * rise(frame.depth, 0.05, 0.15))


def _look_df(skin: Floats, frame: Frame, atypia: float, rng: Random) -> Floats:
    """Draw a dermatofibroma: a pale scar in the middle of a brown rim."""
    rim = np.exp(-(((frame.depth - rng.uniform(0.25, 0.4)) / rng.uniform(0.2, 0.3)) ** 2))
    canvas = stain(skin, rng.uniform(0.4, 0.75) * rim * np.exp(0.2 * field(frame, 0.2, rng)), 0.15 * rim)
    scar = rise(frame.depth + 0.06 * field(frame, 0.3, rng), 0.5, 0.75)
    return blend(canvas, (244, 226, 218), rng.uniform(0.5, 0.85) * scar)


def _look_vasc(skin: Floats, frame: Frame, atypia: float, rng: Random) -> Floats:
    """Draw a vascular lesion: red to purple lacunae with pale walls between them."""
    cover = _cover(frame, rng.uniform(0.03, 0.06))
    count = int(rng.integers(6, 14))
    ring, spread = rng.uniform(0, 2 * np.pi, size=count), 0.85 * np.sqrt(rng.uniform(0, 1, size=count))
    centres = spread[:, None] * _directions(ring)
    sacs = dots(frame, centres, rng.uniform(0.2, 0.38, count)) + 0.18 * field(frame, 0.2, rng)
    lacunae = rise(sacs, 0.0, 0.4) * rise(frame.depth, -0.1, 0.1)
    canvas = stain(skin, 0.0, rng.uniform(0.35, 0.7) * cover + rng.uniform(0.6, 1.0) * lacunae)
    return blend(canvas, (92, 22, 88), rng.uniform(0.1, 0.55) * lacunae)


def _look_scc(skin: Floats, frame: Frame, atypia: float, rng: Random) -> Floats:
    """Draw a squamous cell carcinoma: a yellow-white plug of keratin, a red wall, spots of blood."""
    cover = _cover(frame, rng.uniform(0.06, 0.12))
    canvas = stain(skin, 0.1 * cover, rng.uniform(0.45, 0.8) * cover * np.exp(0.2 * field(frame, 0.25, rng)))
    crust = field(frame, 0.35, rng)
    plug = rise(frame.depth + 0.14 * crust, rng.uniform(0.3, 0.45), 0.65)
    canvas = blend(canvas, (236, 214, 152), rng.uniform(0.6, 0.9) * plug)
    spots = rng.uniform(-0.6, 0.6, size=(int(rng.integers(2, 7)), 2))
    blood = rise(dots(frame, spots, rng.uniform(0.06, 0.13, len(spots))), 0.0, 0.5)
    return blend(canvas, (122, 30, 30), 0.8 * blood)


LOOKS: dict[str, Callable[[Floats, Frame, float, Random], Floats]] = {
    "MEL": _look_melanocytic,
    "NV": _look_melanocytic,
    "BCC": _look_bcc,
    "AK": _look_ak,
    "BKL": _look_bkl,
    "DF": _look_df,
    "VASC": _look_vasc,
    "SCC": _look_scc,
}
