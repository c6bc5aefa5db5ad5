"""What a picture shows apart from the lesion: skin under it, the camera's hairs, corners and grain over it."""

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

from .canvas import Floats, Random, blend, rise, stain


def draw_skin(shape: tuple[int, int], rng: Random) -> Floats:
    """Return skin (h, w, 3) float32 from 0 to 255: a tone between pale, pink and tan, mottled, under an uneven lamp."""
    tones = np.array([[232, 200, 186], [226, 172, 158], [214, 170, 138], [222, 190, 192]], dtype=np.float32)
    tone = rng.dirichlet(np.full(len(tones), 0.7)) @ tones * rng.uniform(0.88, 1.04)
    rows, columns = _about_the_middle(shape)
    slope = rng.normal(scale=0.05, size=2)
    light = 1 + slope[0] * rows + slope[1] * columns - rng.uniform(0.0, 0.09) * (rows**2 + columns**2)
    skin = tone.astype(np.float32) * light.astype(np.float32)[..., None]
    mottling = np.zeros((2, *shape), dtype=np.float32)
    for grain, strength in ((9, 0.025), (1.2, 0.025)):
        lumps = ndimage.gaussian_filter(rng.normal(size=mottling.shape).astype(np.float32), (0, grain, grain))
        mottling += strength * lumps / lumps.std(axis=(1, 2), keepdims=True)
    return stain(skin, mottling[0], mottling[1])


def draw_camera(canvas: Floats, rng: Random) -> Floats:
    """Return the canvas (h, w, 3) float32 as photographed: now and then hairs or dark corners, always grain."""
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
        canvas = blend(canvas, (70, 48, 40), hair)
    if rng.random() < 0.15:
        rows, columns = _about_the_middle((height, width))
        reach = rng.uniform(1.0, 1.2)
        canvas = canvas * (1 - 0.9 * rise(np.hypot(rows, columns), reach, reach + 0.2))[..., None]
    return canvas + rng.normal(scale=3.5, size=canvas.shape).astype(np.float32)


def _about_the_middle(shape: tuple[int, int]) -> Floats:
    """Return each pixel's row and column, (2, h, w), both from -1 to 1 across the picture."""
    height, width = shape
    grid: Floats = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    return grid
