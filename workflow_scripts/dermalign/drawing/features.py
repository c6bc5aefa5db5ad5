"""The features dermatologists look for, painted on a lesion, and their masks.

Each painter takes the canvas (h, w, 3) float32, the lesion's frame, its class (one of `classes.CLASSES`) and the
feature's stream of random numbers. It returns the feature's mask (h, w) bool and a new canvas (h, w, 3) float32, of
which only what lies in the mask is used.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import ndimage

from .canvas import Floats, Mask, Points, Random, blend, rise, stain
from .frame import Frame, dots, field


def _mesh(frame: Frame, cell: float, warp: float, stretch: float, rng: Random) -> Floats:
    """Return a honeycomb (h, w), 1 on its lines and 0 in its holes, of holes `cell` lesion radii apart.

    Three plane waves at 120 degrees sum to peaks on a hexagonal grid, and the valleys between them are the lines.
    """
    x = frame.x + warp * field(frame, 0.7, rng)
    y = (frame.y + warp * field(frame, 0.7, rng)) / stretch
    turn = rng.uniform(0, np.pi)
    waves = np.zeros_like(x)
    for direction in turn + np.arange(3) * 2 * np.pi / 3:
        phase = np.cos(direction) * x + np.sin(direction) * y
        waves += np.cos(np.float32(4 * np.pi / (np.sqrt(3) * cell)) * phase.astype(np.float32))
    return 1 - rise(waves + 0.25 * field(frame, 0.15, rng), -1.1, 0.8)


def _region(frame: Frame, share: float, shallow: float, deep: float, rng: Random) -> Mask:
    """Return a ragged patch (h, w), as annotators outline one: `share` of what lies between two depths."""
    candidates = (frame.depth > shallow) & (frame.depth < deep)
    side = rng.uniform(0, 2 * np.pi)
    pull = np.cos(side) * frame.x + np.sin(side) * frame.y
    score = field(frame, 0.5, rng) + 1.5 * pull.astype(np.float32)
    return candidates & (score >= np.quantile(score[candidates], 1 - share))


def _fade(mask: Mask, reach: float) -> Floats:
    """Return 1 well inside the mask (h, w), falling to 0 at its border over `reach` pixels: networks peter out."""
    inside = ndimage.gaussian_filter(mask.astype(np.float32), reach, mode="nearest")
    return np.where(mask, rise(inside, 0.25, 0.85), np.float32(0))


def _scatter(frame: Frame, count: int, spread: float, reach: float, gap: float, rng: Random) -> Points:
    """Return at most `count` points (n, 2) in lesion coordinates, `gap` apart, about a random place within `reach`.

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


def _paint_pigment_network(canvas: Floats, frame: Frame, diagnosis: str, rng: Random) -> tuple[Mask, Floats]:
    """Dark mesh: fine, even and all around on a nevus, coarse, warped and one-sided on a melanoma."""
    if diagnosis == "MEL":
        mask = _region(frame, rng.uniform(0.3, 0.6), 0.03, 0.9, rng)
        mesh = _mesh(frame, rng.uniform(0.28, 0.38), rng.uniform(0.08, 0.13), 1.0, rng)
        mesh = mesh * np.clip(1.4 + 0.4 * field(frame, 0.5, rng), 0.5, 2.2)
    else:
        mask = _region(frame, rng.uniform(0.6, 0.9), 0.05, 0.8, rng)
        mesh = _mesh(frame, rng.uniform(0.19, 0.25), 0.05, 1.0, rng)
    ink = rng.uniform(0.65, 1.0) * mesh - 0.08
    return mask, stain(canvas, ink * _fade(mask, 0.08 * frame.scale))


def _paint_negative_network(canvas: Floats, frame: Frame, diagnosis: str, rng: Random) -> tuple[Mask, Floats]:
    """Light, winding mesh with dark, drawn-out holes."""
    mask = _region(frame, rng.uniform(0.25, 0.5), 0.08, 1.0, rng)
    mesh = _mesh(frame, rng.uniform(0.28, 0.38), rng.uniform(0.08, 0.13), rng.uniform(1.1, 1.6), rng)
    fade = _fade(mask, 0.08 * frame.scale)
    painted = stain(canvas, 0.2 * (1 - mesh) * fade)
    return mask, blend(painted, (238, 210, 200), rng.uniform(0.65, 0.85) * mesh * fade)


def _paint_globules(canvas: Floats, frame: Frame, diagnosis: str, rng: Random) -> tuple[Mask, Floats]:
    """Clustered dark dots: of one size on a nevus, of many and crowded to a side on a melanoma."""
    if diagnosis == "MEL":
        points = _scatter(frame, int(rng.integers(8, 16)), 0.28, 0.6, 0.15, rng)
        radii = rng.uniform(0.06, 0.14, size=len(points))
    else:
        points = _scatter(frame, int(rng.integers(9, 18)), 0.38, 0.25, 0.17, rng)
        radii = np.full(len(points), rng.uniform(0.07, 0.10))
    radii = np.maximum(radii, 1.3 / frame.scale)
    painted = stain(canvas, rng.uniform(1.1, 1.5) * rise(dots(frame, points, radii), 0.0, 0.5))
    return dots(frame, points, 1.4 * radii) > 0, painted


def _paint_milia_like_cyst(canvas: Floats, frame: Frame, diagnosis: str, rng: Random) -> tuple[Mask, Floats]:
    """A few small, round, white-yellow dots."""
    count = int(rng.integers(5, 11)) if diagnosis == "BKL" else int(rng.integers(2, 6))
    points = _scatter(frame, count, 0.4, 0.3, 0.24, rng)
    radii = np.maximum(rng.uniform(0.06, 0.11, size=len(points)), 1.4 / frame.scale)
    glow = rise(dots(frame, points, radii), 0.0, 0.6)
    return dots(frame, points, 1.4 * radii) > 0, blend(canvas, (250, 240, 206), 0.9 * glow)


def _paint_streaks(canvas: Floats, frame: Frame, diagnosis: str, rng: Random) -> tuple[Mask, Floats]:
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
    bend = rng.uniform(0.05, 0.09) * field(frame, 0.3, rng)
    wave = np.cos(rays * (frame.angle + bend) + rng.uniform(0, 2 * np.pi))
    length = frame.depth + 0.06 * field(frame, 0.25, rng)
    taper = (1 - rise(-length, -0.05, -outer)) * rise(-length, -inner, 0.0)
    return mask, stain(canvas, rng.uniform(1.3, 1.8) * rise(wave, -0.5, 0.8) * taper)


PAINTERS: dict[str, Callable[[Floats, Frame, str, Random], tuple[Mask, Floats]]] = {
    "globules": _paint_globules,
    "milia_like_cyst": _paint_milia_like_cyst,
    "negative_network": _paint_negative_network,
    "pigment_network": _paint_pigment_network,
    "streaks": _paint_streaks,
}
