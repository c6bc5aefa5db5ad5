"""Files of feedback as the explorer exports them, made by other means: regions become masks pixel by pixel."""

import base64
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from brute_force import Pixels
from PIL import Image

Masks = dict[tuple[str, str], Pixels]  # by picture and feature
TIME = "2026-11-27T21:00:00Z"


def inside(points: Sequence[Sequence[float]], width: int, height: int) -> Pixels:
    """Return the pixels whose centres lie inside a polygon by the even-odd rule, (height, width)."""
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    found = np.zeros((height, width), dtype=np.bool_)
    for (x0, y0), (x1, y1) in zip(points, [*points[1:], points[0]], strict=True):
        crossed = (y0 > y) != (y1 > y)
        if y0 != y1:
            found ^= crossed & (x < x0 + (y - y0) * (x1 - x0) / (y1 - y0))
    return found


def box(left: float, top: float, right: float, bottom: float) -> list[list[float]]:
    """Return a rectangle as a polygon."""
    return [[left, top], [right, top], [right, bottom], [left, bottom]]


def picture(size: tuple[int, int], regions: Sequence[tuple[str, Any]] = (), **changes: Any) -> dict[str, Any]:
    """Return what a reader left on a picture of (width, height): regions as pairs of feature and points."""
    return {
        "width": size[0],
        "height": size[1],
        "time": TIME,
        "finished": True,
        "regions": [{"feature": feature, "points": points} for feature, points in regions],
        "labels": {},
        "ratings": {},
        "note": "",
        "threshold": "0.300",
        "source": "plain/gradcam",
        **changes,
    }


def content(study: str, features: Sequence[str], pictures: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """Return feedback.json of a study's reader."""
    return {
        "format": "dermalign feedback 1",
        "study": study,
        "reader": "Anna",
        "written": TIME,
        "features": list(features),
        "classes": ["MEL", "NV"],
        "classifiers": {},
        "pictures": dict(pictures),
        **changes,
    }


def masks_of(feedback: Mapping[str, Any]) -> Masks:
    """Return the masks that an export has: of finished pictures of all features, of others of those drawn."""
    masks: Masks = {}
    for image, of in feedback["pictures"].items():
        regions = [(region["feature"], region["points"]) for region in of.get("regions", [])]
        for feature in feedback["features"]:
            if of["finished"] or any(name == feature for name, _ in regions):
                mask = np.zeros((of["height"], of["width"]), dtype=np.bool_)
                for name, points in regions:
                    if name == feature:
                        mask |= inside(points, of["width"], of["height"])
                masks[image, feature] = mask
    return masks


def png(pixels: np.ndarray) -> bytes:
    """Return pixels as PNG: one bit of bool, else 8-bit grey."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def write_zip(path: Path, feedback: Mapping[str, Any], masks: Masks | None = None, **members: bytes) -> Path:
    """Write feedback as a zip; masks: others than those of its regions; members: more files, or others, by name."""
    files: dict[str, bytes | str] = {"feedback.json": json.dumps(feedback)}
    for (image, feature), mask in (masks_of(feedback) if masks is None else masks).items():
        files[f"masks/{image}_attribute_{feature}.png"] = png(mask)
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in {**files, **members}.items():
            archive.writestr(name, data)
    return path


def write_json(path: Path, feedback: Mapping[str, Any], masks: Masks | None = None) -> Path:
    """Write feedback as one JSON file, masks within."""
    encoded = {
        f"{image}_attribute_{feature}.png": base64.b64encode(png(mask)).decode()
        for (image, feature), mask in (masks_of(feedback) if masks is None else masks).items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**feedback, "masks": encoded}), encoding="utf-8")
    return path
