"""The two manifests as files: CSV tables of which pictures are used for what, each left out with its reason.

training.csv, a row per picture of the training archive (see `training_manifest`):

- image: its name as in the archive, which may end in `_downsampled`; class: one of the study's, or empty;
- split: `train`, `validation`, `test` or `excluded`; lesion_id: empty where unknown;
- width, height: pixels; reason: why the picture is excluded, else empty.

evaluation.csv, a row per picture with masks, by name (see `evaluation_manifest`):

- image; diagnosis: a class, other words where a table has them, or empty; width, height: pixels;
- a column per feature and `union`: white pixels of the mask;
- included: True where the picture is in the analysis; reason: why it is not, else empty.
"""

from pathlib import Path

import pandas as pd

from ..files import write_text


def read_training(path: str | Path) -> pd.DataFrame:
    """Read a training manifest: text, empty where unknown, and integers. Raises FileNotFoundError."""
    return _read(path, "image", "class", "split", "lesion_id", "reason")


def write_training(path: str | Path, table: pd.DataFrame) -> None:
    """Write a training manifest, whole or not at all. table: as `training_manifest.training_manifest` returns it."""
    write_text(path, table.to_csv(index=False))


def read_evaluation(path: str | Path) -> pd.DataFrame:
    """Read an evaluation manifest: text, empty where unknown, integers, and bool. Raises FileNotFoundError."""
    return _read(path, "image", "diagnosis", "reason")


def write_evaluation(path: str | Path, table: pd.DataFrame) -> None:
    """Write an evaluation manifest, whole or not at all. table: as `evaluation_manifest.evaluation_manifest`."""
    write_text(path, table.to_csv(index=False))


def _read(path: str | Path, *text: str) -> pd.DataFrame:
    # A lesion or an image may be called NA: that is a name, not a missing value.
    return pd.read_csv(path, dtype=dict.fromkeys(text, str), keep_default_na=False)
