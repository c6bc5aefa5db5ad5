"""The frame of a lesion: where it lies in the picture, and noise, dots and lines in its coordinates."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

from .canvas import Floats, Points, Random

_SIDE = 64  # points per side of a noise field
_SPAN = 2.5  # lesion radii from the centre of a noise field to its border


@dataclass(frozen=True)
class Frame:
    """Where the lesion lies in the picture. Lengths are in lesion radii, so that all views of a lesion agree.

    x, y (h, w) float32: each pixel's coordinates about the lesion's centre, turned with it.
    angle (h, w) float32: the direction of (x, y) from the centre, in radians from -pi to pi.
    depth (h, w) float32: 1 at the centre, 0 on the outline, negative outside.
    origin (2,) float64: the centre in pixels, x before y.
    axes (2, 2) float64: the matrix from lesion coordinates to pixels.
    """

    x: Floats
    y: Floats
    angle: Floats
    depth: Floats
    origin: Points
    axes: Points

    def pixels(self, points: Points) -> Points:
        """Return lesion coordinates (n, 2) as pixel coordinates (n, 2), x before y."""
        return points @ self.axes.T + self.origin

    @property
    def scale(self) -> float:
        """Pixels per lesion radius."""
        return float(np.hypot(*self.axes[:, 0]))


def place(shape: tuple[int, int], atypia: float, lesion: Random, view: Random) -> Frame:
    """Lay a lesion with a wavy outline into a picture of `shape` (h, w), off the centre and turned.

    The outline follows from the stream `lesion`, the wavier the higher its atypia in [0, 1]; size and place in the
    picture from the stream `view`, too.
    """
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
    return Frame(x, y, angle, depth, origin, axes)


def field(frame: Frame, grain: float, rng: Random) -> Floats:
    """Return smooth noise (h, w) float32 that belongs to the lesion, not to the picture.

    Over the whole field, in the picture or not, its mean is 0 and its standard deviation 1.
    grain: the size of its lumps in lesion radii.
    """
    noise = rng.normal(size=(_SIDE, _SIDE)).astype(np.float32)
    smooth = ndimage.gaussian_filter(noise, grain * _SIDE / (4 * _SPAN), mode="wrap")
    smooth = (smooth - smooth.mean()) / smooth.std()
    to_noise = np.float32(_SIDE / (2 * _SPAN))
    points = np.stack([(frame.y + _SPAN) * to_noise, (frame.x + _SPAN) * to_noise])
    return np.asarray(ndimage.map_coordinates(smooth, points, order=1, mode="grid-wrap"), dtype=np.float32)


def dots(frame: Frame, points: Points, radii: Points) -> Floats:
    """Return (h, w) float32, how far inside a dot each pixel is: 1 at a centre, 0 on the rim, negative outside.

    points (n, 2), radii (n,): of the dots, in lesion coordinates. Without any dot all is minus infinity.
    """
    inside = np.full(frame.depth.shape, -np.inf, dtype=np.float32)
    for (x, y), radius in zip(points, radii, strict=True):
        distance = np.hypot(frame.x - np.float32(x), frame.y - np.float32(y))
        np.maximum(inside, 1 - distance / np.float32(radius), out=inside)
    return inside


def lines(frame: Frame, paths: Sequence[Points], width: float) -> Floats:
    """Return the cover (h, w) float32 in [0, 1] of lines along paths, each through points (n, 2) in lesion coordinates.

    width: of a line, in pixels.
    """
    height, columns = frame.depth.shape
    sheet = Image.new("L", (columns, height))
    pen = ImageDraw.Draw(sheet)
    for path in paths:
        pen.line([(float(x), float(y)) for x, y in frame.pixels(path)], fill=255, width=max(round(width), 1))
    soft = ndimage.gaussian_filter(np.asarray(sheet, dtype=np.float32) / 255, 0.6)
    return np.clip(1.3 * soft, 0, 1)
