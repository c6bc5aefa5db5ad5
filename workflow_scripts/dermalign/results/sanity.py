"""The sanity check of saliency methods: means over pictures with intervals, what they say, and their table.

How maps are compared while a classifier's weights are randomised is said in `saliency.sanity`.
"""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from ..saliency.sanity_files import SIMILARITIES
from .intervals import clusters_of, mean_intervals

COLUMNS = (
    *("model", "method", "stage", "layers_randomised", "layers", "layer", "n", "degenerate"),
    *(f"{name}{end}" for name in SIMILARITIES for end in ("", "_low", "_high")),
    "flag",
)
# With all layers randomised: a mean rank correlation whose interval is above this flags a method.
ALIKE = 0.5
HARDLY_CHANGES, CHANGES, UNDECIDED = "hardly changes", "changes", "undecided"


def sanity_statistics(model: str, compared: pd.DataFrame, lesions: Mapping[str, str], seed: int) -> pd.DataFrame:
    """Return the mean similarities of a model's maps, a row per method and stage.

    compared: as `saliency.sanity_files.read_sanity`. lesions: {image: lesion_id}, as far as they are known, by which
    intervals are resampled, with the seed. Columns:

    - model, method; stage, from 1; layers_randomised, of so many layers; layer: the last of them, nearest the picture;
    - n: pictures whose two maps are not constant; degenerate: the others, which count in no mean;
    - rank_correlation, ssim: means over the n, and the bounds _low, _high of their 95 % bootstrap intervals by lesion,
      as `intervals.mean_intervals`; NaN where nothing is defined, bounds also of one lesion alone;
    - flag: in the row of the last stage, with all layers randomised, `hardly changes` where the interval of the rank
      correlation is above `ALIKE`, `changes` where it is below, else `undecided`; empty in the other rows.
    """
    rows: list[dict[str, object]] = []
    for method in dict.fromkeys(compared["method"]):
        of_method = compared[compared["method"] == method]
        layers = int(of_method["layers_randomised"].max())
        for stage in dict.fromkeys(of_method["stage"]):
            pictures = of_method[of_method["stage"] == stage]
            defined = pictures[pictures["rank_correlation"].notna()]
            clusters = clusters_of(defined["image"].tolist(), lesions)
            intervals = mean_intervals(defined[list(SIMILARITIES)].to_numpy(dtype=float).T, clusters, seed)
            row: dict[str, object] = {
                **{"model": model, "method": method, "stage": stage},
                **{"layers_randomised": int(pictures["layers_randomised"].iloc[0]), "layers": layers},
                **{"layer": pictures["layer"].iloc[0], "n": len(defined), "degenerate": len(pictures) - len(defined)},
            }
            for name, (low, high) in zip(SIMILARITIES, intervals.tolist(), strict=True):
                row |= {name: float(defined[name].mean()), f"{name}_low": low, f"{name}_high": high}
            row["flag"] = _flag(*intervals[0].tolist()) if row["layers_randomised"] == layers else None
            rows.append(row)
    return pd.DataFrame(rows, columns=COLUMNS)


def _flag(low: float, high: float) -> str:
    if low > ALIKE:
        return HARDLY_CHANGES
    return CHANGES if high < ALIKE else UNDECIDED


def read_sanity_statistics(path: str | Path) -> pd.DataFrame:
    """Read statistics/sanity.csv: names as text, undefined numbers and flags as NaN."""
    names = ("model", "method", "layer")
    return pd.read_csv(
        path,
        dtype=dict.fromkeys((*names, "flag"), str),
        keep_default_na=False,
        na_values={name: [""] for name in COLUMNS if name not in names},
        float_precision="round_trip",
    )


def extended_sanity(sanity: pd.DataFrame) -> pd.DataFrame:
    """Return the sanity check of all methods, a row per stage.

    sanity: statistics/sanity.csv. Columns:

    - model, method, layers_randomised (of how many, `12 of 14`), n, degenerate;
    - rank_correlation and ssim with the bounds of their intervals, flag: as in `sanity_statistics`.
    """
    table = sanity.assign(
        layers_randomised=[
            f"{some} of {of}" for some, of in zip(sanity["layers_randomised"], sanity["layers"], strict=True)
        ]
    )
    return table[[name for name in COLUMNS if name not in ("stage", "layers", "layer")]]


def sentence(sanity: pd.DataFrame) -> str:
    """Return what the check says of the methods, for a log. sanity: statistics/sanity.csv."""
    last = sanity[sanity["flag"].notna()]
    told = []
    for flag in (CHANGES, HARDLY_CHANGES, UNDECIDED):
        rows = last[last["flag"] == flag]
        names = ", ".join(f"{model}/{method}" for model, method in zip(rows["model"], rows["method"], strict=True))
        told += [f"{flag}: {names}"] if names else []
    return f"maps with all layers randomised: {'; '.join(told)}"
