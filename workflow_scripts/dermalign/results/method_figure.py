"""The figure that compares saliency methods."""

import math

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from ..terms import UNION
from .plotting import LABEL, PAGE_WIDTH, SMALL, TITLE, legend_above, looks, style
from .words import in_words

ROW = 0.24  # inches of a method


@style()
def methods_figure(methods: pd.DataFrame) -> Figure:
    """Draw what each saliency method reaches and costs, a row of panels per model, in each a line per method.

    methods: as tables/extended_methods.csv. Panels: the mean Jaccard index at the best threshold and its 95 % interval;
    the same as a share of the ceiling; seconds a picture, on a logarithmic axis. The union is a large mark with its
    interval, features are small ones.
    """
    models = list(dict.fromkeys(methods["model"]))
    names = list(dict.fromkeys(methods["method"]))
    height = sum(0.7 + ROW * methods.loc[methods["model"] == model, "method"].nunique() for model in models)
    figure = Figure(figsize=(PAGE_WIDTH, height + 0.3), layout="constrained")
    axes = figure.subplots(len(models), 3, squeeze=False, sharex="col", gridspec_kw={"width_ratios": (3, 3, 1.6)})
    features = [name for name in dict.fromkeys(methods["feature"]) if name != UNION]
    colours = {name: look["color"] for name, look in zip(features, looks(len(features)), strict=True)}
    entries: dict[str, Artist] = {}
    for row, model in zip(axes, models, strict=True):
        of_model = methods[methods["model"] == model]
        places = {name: place for place, name in enumerate(name for name in names if name in set(of_model["method"]))}
        for axis, stem in zip(row, ("j", "share"), strict=False):
            for feature in features:
                rows = of_model[of_model["feature"] == feature]
                (entries[in_words(feature)],) = axis.plot(
                    rows[f"{stem}_value"],
                    rows["method"].map(places),
                    marker="o",
                    linestyle="None",
                    markersize=3.5,
                    color=colours[feature],
                    alpha=0.8,
                )
            rows = of_model[of_model["feature"] == UNION]
            entries[f"{in_words(UNION)}, 95 % interval"] = _with_intervals(axis, rows, stem, places)
        rows = of_model.drop_duplicates("method").dropna(subset="seconds")
        row[2].plot(
            rows["seconds"], rows["method"].map(places), marker="s", linestyle="None", markersize=4, color="0.3"
        )
        row[2].set_xscale("log")
        _few_labels(row[2], methods["seconds"])
        for number, axis in enumerate(row):
            axis.set_ylim(len(places) - 0.5, -0.5)
            axis.set_yticks(range(len(places)), [in_words(name) for name in places] if not number else [])
            axis.tick_params(labelsize=SMALL)
            axis.grid(alpha=0.25, linewidth=0.5)
            axis.spines[["top", "right"]].set_visible(False)
            if number < 2:
                axis.set_xlim(left=0)
        row[0].set_title(model, fontsize=TITLE, loc="left")
    for axis, words in zip(axes[-1], ("mean Jaccard index", "share of the ceiling", "seconds a picture"), strict=True):
        axis.set_xlabel(words, fontsize=LABEL)
    legend_above(figure, entries)
    return figure


def _few_labels(axis: Axes, values: "pd.Series[float]") -> None:
    """Have a logarithmic axis of whole powers of ten, with as many plain numbers as the narrow panel holds."""
    if values.notna().any():
        ends = math.floor(math.log10(values.min())), math.ceil(math.log10(values.max()))
        axis.set_xlim(10 ** ends[0], 10 ** max(ends[1], ends[0] + 1))
    decades = math.log10(axis.get_xlim()[1] / axis.get_xlim()[0])
    places = (1,) if decades > 2.5 else (1, 3) if decades > 1.5 else (1, 2, 5)
    axis.xaxis.set_major_locator(LogLocator(subs=places))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.xaxis.set_minor_formatter(NullFormatter())


def _with_intervals(axis: Axes, rows: pd.DataFrame, stem: str, places: dict[str, int]) -> Artist:
    """Mark values with their intervals, and return a mark for the legend."""
    value = rows[f"{stem}_value"].to_numpy(dtype=float)
    bounds = rows[[f"{stem}_low", f"{stem}_high"]].to_numpy(dtype=float)
    y = rows["method"].map(places)
    axis.hlines(y, bounds[:, 0], bounds[:, 1], color="black", linewidth=1.2)
    (marks,) = axis.plot(value, y, marker="D", linestyle="None", markersize=5, color="black")
    return marks
