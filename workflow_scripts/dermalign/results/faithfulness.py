"""Faithfulness of all map sources to each model: mean areas, paired differences to controls, and their table.

What the areas measure is said in `saliency.faithfulness`.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from ..saliency.faithfulness_files import AREAS
from .intervals import clusters_of, mean_intervals
from .words import in_words

BOUNDS = ("mean", "low", "high")
# Rows of the picture itself, `whole picture` and so on: names that no method has, since they have a blank in them.
PICTURE = "picture"
ENDS = {"whole": ("deletion", "insertion"), "black": ("deletion",), "blurred": ("insertion",)}
COLUMNS = ("model", "method", "kind", "control", "n", *(f"{area}_{of}" for area in AREAS for of in BOUNDS))
AREAS_THEMSELVES = "areas"


def faithfulness_statistics(
    measured: pd.DataFrame,
    model: str,
    kinds: Mapping[str, str],
    methods: Sequence[str],
    controls: Sequence[str],
    lesions: Mapping[str, str],
    seed: int,
) -> pd.DataFrame:
    """Return the mean areas of each source that a model was asked about, and what methods have beyond controls.

    measured: of the model, as `saliency.faithfulness_files.read_faithfulness`. kinds: {`{first}/{second}`: family of
    the registry} of its sources, in order; methods, controls: those of them that are compared, each method with each
    control. lesions: {image: lesion_id}, as far as they are known, by which intervals are resampled, with the seed.
    Columns:

    - model: the classifier that was asked;
    - method: first `whole picture`, `black picture` and `blurred picture`, with the probability at which deletion
      begins and ends, and insertion ends and begins: the area of a curve that stays there; then each source,
      `{first}/{second}` where it belongs to no model; then the method of each pair of method and control;
    - control: of the pairs, called as in `method`: areas are those of the method minus those of the control, picture by
      picture; else empty;
    - kind: `picture`, the family of the source, or of the control in its rows;
    - n: pictures that are counted: of the sample those that the source, or both, have maps of;
    - deletion_mean, deletion_low, deletion_high: the mean, 0 to 1 or a difference, and its 95 % bootstrap interval by
      lesion, as `intervals.mean_intervals`; insertion_mean, insertion_low, insertion_high: likewise. NaN of no picture;
      bounds of fewer than two lesions, too.
    """
    areas = {
        f"{first}/{second}": of.set_index("image")[list(AREAS)].sort_index()
        for (first, second), of in measured.groupby(["source_model", "method"], sort=False)
    }
    # A source that has maps of none of the sample has no row in the file.
    nothing = measured.iloc[:0].set_index("image")[list(AREAS)]
    names = {source: source.removeprefix(f"{model}/") for source in kinds}
    pictures = measured.drop_duplicates("image").set_index("image").sort_index()
    rows: list[dict[str, object]] = []

    def add(method: str, kind: str, control: str, values: pd.DataFrame) -> None:
        row = {"model": model, "method": method, "kind": kind, "control": control}
        rows.append({**row, **_means(values, lesions, seed)})

    for end, of_end in ENDS.items():
        add(f"{end} {PICTURE}", PICTURE, "", pd.DataFrame(dict.fromkeys(of_end, pictures[end])))
    for source, kind in kinds.items():
        add(names[source], kind, "", areas.get(source, nothing))
    for method in methods:
        for control in controls:
            difference = areas.get(method, nothing) - areas.get(control, nothing)
            add(names[method], kinds[control], names[control], difference.dropna())
    return pd.DataFrame(rows, columns=COLUMNS)


def _means(values: pd.DataFrame, lesions: Mapping[str, str], seed: int) -> dict[str, float]:
    """Return n, and mean, low and high of each area that there is. values: a row per picture, by name."""
    bounds = mean_intervals(values.to_numpy(dtype=np.float64).T, clusters_of(values.index.tolist(), lesions), seed)
    found: dict[str, float] = {"n": len(values)}
    for area, (low, high) in zip(values.columns, bounds.tolist(), strict=True):
        found |= {f"{area}_mean": float(values[area].mean()), f"{area}_low": low, f"{area}_high": high}
    return found


def extended_faithfulness(faithfulness: pd.DataFrame) -> pd.DataFrame:
    """Return the mean areas of all sources, and below them what each saliency method has beyond each control.

    faithfulness: statistics/faithfulness.csv. Columns:

    - model; part: `areas`, or `{method} minus control`, whose values are differences;
    - method: the source, or the control that is taken away, and first the picture itself, whole, black and blurred;
      kind: its family; n: pictures;
    - deletion_value, deletion_low, deletion_high, insertion_value, ...: means and the bounds of their 95 % intervals.
    """
    table = faithfulness.rename(columns={f"{area}_mean": f"{area}_value" for area in AREAS})
    is_difference = table["control"] != ""
    minus = table["method"].map(in_words) + " minus control"
    table["part"] = minus.where(is_difference, AREAS_THEMSELVES)
    table["method"] = table["control"].where(is_difference, table["method"])
    values = [f"{area}_{of}" for area in AREAS for of in ("value", "low", "high")]
    return table[["model", "part", "method", "kind", "n", *values]]
