"""Faithfulness of all map sources to each model: mean areas, paired differences to controls, and their table.

What the areas measure is said in `saliency.faithfulness`.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from ..saliency.faithfulness_files import AREAS
from .intervals import clusters_of, mean_intervals
from .words import in_words

BOUNDS = ("mean", "low", "high")
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
    - method: the source; `{first}/{second}` of one that belongs to no model;
    - control: empty in the rows of the areas themselves, first a row for each source; then a row for each saliency
      method (variants among them) and control, with the control's name, called as in `method`: the areas of the method
      minus those of the control, picture by picture;
    - kind: the family of the source, or of the control in its rows;
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
    of_kind = {source: areas.get(source, nothing) for source in kinds}
    names = {source: source.removeprefix(f"{model}/") for source in kinds}
    rows: list[dict[str, object]] = []
    for minuend, subtrahend, values in _compared(of_kind, methods, controls):
        rows.append(
            {
                "model": model,
                "method": names[minuend],
                "kind": kinds[subtrahend or minuend],
                "control": names[subtrahend] if subtrahend else "",
                **_means(values, lesions, seed),
            }
        )
    return pd.DataFrame(rows, columns=COLUMNS)


def _compared(
    areas: Mapping[str, pd.DataFrame], methods: Sequence[str], controls: Sequence[str]
) -> Iterator[tuple[str, str | None, pd.DataFrame]]:
    """Yield (source, None, its areas), then (method, control, differences on the pictures that both have maps of)."""
    for source, of_source in areas.items():
        yield source, None, of_source
    for method in methods:
        for control in controls:
            yield method, control, (areas[method] - areas[control]).dropna()


def _means(values: pd.DataFrame, lesions: Mapping[str, str], seed: int) -> dict[str, float]:
    """Return n, and mean, low and high of each area. values: a row per picture, by name."""
    bounds = mean_intervals(values.to_numpy(dtype=np.float64).T, clusters_of(values.index.tolist(), lesions), seed)
    found: dict[str, float] = {"n": len(values)}
    for area, (low, high) in zip(AREAS, bounds.tolist(), strict=True):
        found |= {f"{area}_mean": float(values[area].mean()), f"{area}_low": low, f"{area}_high": high}
    return found


def extended_faithfulness(faithfulness: pd.DataFrame) -> pd.DataFrame:
    """Return the mean areas of all sources, and below them what each saliency method has beyond each control.

    faithfulness: statistics/faithfulness.csv. Columns:

    - model; part: `areas`, or `{method} minus control`, whose values are differences;
    - method: the source, or the control that is taken away; kind: its family; n: pictures;
    - deletion_value, deletion_low, deletion_high, insertion_value, ...: means and the bounds of their 95 % intervals.
    """
    table = faithfulness.rename(columns={f"{area}_mean": f"{area}_value" for area in AREAS})
    is_difference = table["control"] != ""
    minus = table["method"].map(in_words) + " minus control"
    table["part"] = minus.where(is_difference, AREAS_THEMSELVES)
    table["method"] = table["control"].where(is_difference, table["method"])
    values = [f"{area}_{of}" for area in AREAS for of in ("value", "low", "high")]
    return table[["model", "part", "method", "kind", "n", *values]]
