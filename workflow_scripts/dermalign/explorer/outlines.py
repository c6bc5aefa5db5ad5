"""The outlines of masks, as small as the picture that they are shown on."""

import numpy as np
from numpy.typing import NDArray
from skimage import measure

TOLERANCE = 0.6  # pixels of the shown picture by which an outline may be off: it is drawn wider than that


def outline_path(mask: NDArray[np.bool_]) -> str:
    """Return the outline of a mask (h, w) as an SVG path, in tenths of its pixels; empty where nothing is white.

    Every border is a closed part of its own, that of a hole, too. What reaches the edge is closed along it.
    """
    framed = np.pad(mask, 1).astype(np.float32)
    parts = []
    for contour in _contours(framed):
        corners = _simpler(contour)[:-1]  # the first corner is the last one, too
        if len(corners) < 3:  # smaller than what may be off
            corners = contour[:-1]
        # Of the frame one pixel, and pixels have their middle at a half.
        tenths = np.clip(np.round((corners - 0.5) * 10), 0, np.array(mask.shape) * 10).astype(int)
        parts.append("M" + "L".join(f"{x} {y}" for y, x in tenths.tolist()) + "Z")
    return "".join(parts)


def _contours(framed: NDArray[np.float32]) -> list[NDArray[np.float64]]:
    found: list[NDArray[np.float64]] = measure.find_contours(framed, 0.5)  # type: ignore[no-untyped-call]
    return found


def _simpler(contour: NDArray[np.float64]) -> NDArray[np.float64]:
    corners: NDArray[np.float64] = measure.approximate_polygon(contour, TOLERANCE)  # type: ignore[no-untyped-call]
    return corners
