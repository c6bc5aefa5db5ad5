"""The explorer's data, read as the page reads them."""

import base64
import json
import re
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def delivered(text: str) -> tuple[str, Any]:
    """Return name and value of a script of data."""
    match = re.fullmatch(r"dermalign\.deliver\((\"[^\"]*\"), (.*)\);\n", text, re.S)
    assert match
    return json.loads(match[1]), json.loads(match[2])


def read_part(folder: Path, name: str) -> Any:
    """Return the value of a part of the data that lies in a folder."""
    found, value = delivered((folder / f"{name}.js").read_text(encoding="utf-8"))
    assert found == name
    return value


def unpacked(text: str, width: int) -> NDArray[np.int64]:
    """Return whole numbers that were packed: planes of bytes, the lowest first."""
    planes = np.frombuffer(zlib.decompress(base64.b64decode(text)), dtype=np.uint8).reshape(width, -1)
    return sum(plane.astype(np.int64) * 256**number for number, plane in enumerate(planes))  # type: ignore[return-value]


def counted(picture: dict[str, Any], source: str, feature: str, threshold: str) -> tuple[int, int] | None:
    """Return intersection and union as they follow from a picture's data, None where the mask is black."""
    entry = picture["maps"][source]
    grid = picture["grids"][entry["grid"]]
    if feature not in grid["cells"]:
        return None
    levels = entry["levels"]
    if isinstance(levels, dict):
        chosen = [levels[feature]] if feature in levels else list(levels.values())
        of_cells = np.max([unpacked(each, 2) for each in chosen], axis=0)
    else:
        of_cells = unpacked(levels, 2)
    white = of_cells >= round(float(threshold) * 1000)
    areas = np.outer(grid["heights"], grid["widths"]).ravel()
    cells = unpacked(grid["cells"][feature], 4)
    intersection = int(cells[white].sum())
    return intersection, int(areas[white].sum() + cells.sum() - intersection)
