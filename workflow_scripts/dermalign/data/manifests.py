"""The two manifests as files: CSV tables of which pictures are used for what, each left out with its reason.

training.csv, a row per picture of the training archive (see `training_manifest`):

- image: its name as in the archive, which may end in `_downsampled`; class: one of the study's, or empty;
- split: `train`, `validation`, `test` or `excluded`; lesion_id: empty where unknown;
- width, height: pixels; reason: why the picture is excluded, else empty.

evaluation.csv, a row per picture with masks, by name (see `evaluation_manifest`):

- image; diagnosis: a class, other words where a table has them, or empty; width, height: pixels;
- a column per feature and `union`: white pixels of the mask;
- included: True where the picture is in the analysis; reason: why it is not, else empty.

Of a picture that was set aside, since it or a mask of it cannot be used (see `set_aside`), the reason says what is
wrong, and all numbers are 0. It takes part in nothing, so that those who read a manifest get it only where they ask.
"""

from pathlib import Path

import pandas as pd

from ..files import write_text

SET_ASIDE = "was set aside"  # how a reason begins of a picture that cannot be used


def is_set_aside(table: pd.DataFrame) -> "pd.Series[bool]":
    """Return of which rows of a manifest the picture was set aside."""
    return table["reason"].str.startswith((f"{SET_ASIDE}: ", f"it {SET_ASIDE}: "))


def in_short(reasons: "pd.Series[str]") -> "pd.Series[str]":
    """Return reasons as they are counted: of pictures that were set aside without what is wrong with each."""
    return reasons.str.replace(rf"^((it )?{SET_ASIDE}): .*", r"\1", regex=True)


def set_aside_lines(table: pd.DataFrame) -> list[str]:
    """Return a line that counts the pictures of a manifest that were set aside and names one; none where none was."""
    those = table[is_set_aside(table)]
    if those.empty:
        return []
    image, reason = those["image"].iloc[0], those["reason"].iloc[0].removeprefix("it ")
    return [f"WARNING: {len(those)} set aside, see manifest/set_aside.csv, as {image}, which {reason}"]


def read_training(path: str | Path, set_aside: bool = False) -> pd.DataFrame:
    """Read a training manifest: text, empty where unknown, and integers. Raises FileNotFoundError.

    set_aside: with the pictures that were.
    """
    return _read(path, set_aside, "image", "class", "split", "lesion_id", "reason")


def write_training(path: str | Path, table: pd.DataFrame) -> None:
    """Write a training manifest, whole or not at all. table: as `training_manifest.training_manifest` returns it."""
    write_text(path, table.to_csv(index=False))


def read_evaluation(path: str | Path, set_aside: bool = False) -> pd.DataFrame:
    """Read an evaluation manifest: text, empty where unknown, integers, and bool. Raises FileNotFoundError.

    set_aside: with the pictures that were.
    """
    return _read(path, set_aside, "image", "diagnosis", "reason")


def write_evaluation(path: str | Path, table: pd.DataFrame) -> None:
    """Write an evaluation manifest, whole or not at all. table: as `evaluation_manifest.evaluation_manifest`."""
    write_text(path, table.to_csv(index=False))


def _read(path: str | Path, set_aside: bool, *text: str) -> pd.DataFrame:
    # A lesion or an image may be called NA: that is a name, not a missing value.
    table = pd.read_csv(path, dtype=dict.fromkeys(text, str), keep_default_na=False)
    return table if set_aside else table[~is_set_aside(table)].reset_index(drop=True)
