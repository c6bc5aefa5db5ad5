"""How the explorer's data are written: values in classic scripts, whole numbers as text.

A page opened from a file may load classic scripts and pictures, and nothing else. So each part of the data is a script
`dermalign.deliver(name, value);`, loaded when it is needed. Arrays of whole numbers stand in it as text: their bytes,
all lowest ones first, then all second ones and so on (most are equal, and compress to nothing), deflated, in base64.
"""

import base64
import json
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEVEL = 9  # of zlib: files are written once and read often


def packed(values: NDArray[np.integer], width: int) -> str:
    """Return whole numbers from 0 as text, in the order of the flattened array. width: bytes of each, 1 to 4.

    Raises ValueError for numbers that do not fit.
    """
    flat = np.asarray(values, dtype=np.int64).ravel()
    if flat.size and (flat.min() < 0 or flat.max() >= 256**width):
        raise ValueError(f"{flat.min()} to {flat.max()} do not fit into {width} bytes")
    planes = flat.astype("<u4").view(np.uint8).reshape(-1, 4)[:, :width].T
    return base64.b64encode(zlib.compress(planes.tobytes(), LEVEL)).decode("ascii")


def data_script(name: str, value: Any) -> str:
    """Return a script that delivers a value under a name. Raises ValueError for numbers that JSON does not have."""
    return f"dermalign.deliver({script_text(name)}, {script_text(value)});\n"


def script_text(value: Any) -> str:
    """Return a value as it stands in a script, also in one within a page: no text in it can end the script."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
