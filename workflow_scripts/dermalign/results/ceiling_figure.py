"""The figure of resolution ceilings."""

import math
from typing import Any

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..data.grids import named_grid
from .plotting import COLOURS, LABEL, PAGE_WIDTH, SMALL, legend_above, looks, style, tidy
from .words import in_words

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
APART = 0.35  # cells between the marks of sources with the same grid


@style()
def ceilings_figure(ceilings: pd.DataFrame, shares: pd.DataFrame) -> Figure:
    """Draw the ceiling against the cells per side, a line per feature, and mark what sources of maps reach.

    ceilings, shares: statistics/ceilings.csv and ceiling_shares.csv. Lines are of square grids, with the 95 % interval
    of the mean as a band. A mark is a source's J at its best threshold, of its feature's colour, of the source's shape,
    at the square root of its number of cells; marks of one grid stand a little apart.
    """
    figure = Figure(figsize=(PAGE_WIDTH, 4.2), layout="constrained")
    axis = figure.subplots()
    features = list(dict.fromkeys(ceilings["feature"]))
    entries: dict[str, Artist] = {}
    colours: dict[str, Any] = {}
    for feature, look in zip(features, looks(len(features)), strict=True):
        colours[feature] = look["color"]
        squares = [height if height == width else 0 for height, width in map(named_grid, ceilings["grid"])]
        rows = ceilings.assign(side=squares)
        rows = rows[(rows["feature"] == feature) & (rows["side"] > 0)].sort_values("side")
        count = rows["n"].max()
        # Matplotlib cannot place markers along a line without any value.
        markevery = look.get("markevery") if rows["j_mean"].notna().any() else None
        (line,) = axis.plot(rows["side"], rows["j_mean"], **{**look, "markevery": markevery})
        axis.fill_between(rows["side"], rows["low"], rows["high"], color=look["color"], alpha=0.15, linewidth=0)
        entries[f"{in_words(feature)} (n = {count:,})"] = line
    sources = list(dict.fromkeys(zip(shares["model"], shares["method"], strict=True)))
    of_grid: dict[str, int] = {}
    for number, (model, method) in enumerate(sources):
        rows = shares[(shares["model"] == model) & (shares["method"] == method)]
        grid = rows["grid"].iloc[0]
        x = math.sqrt(math.prod(named_grid(grid))) + APART * of_grid.get(grid, 0)
        of_grid[grid] = of_grid.get(grid, 0) + 1
        mark: dict[str, Any] = {"marker": MARKERS[number % len(MARKERS)], "linestyle": "None", "markersize": 6}
        mark |= {"markeredgecolor": "black", "markeredgewidth": 0.8, "zorder": 3}
        for feature, value in zip(rows["feature"], rows["j_mean"], strict=True):
            axis.plot([x], [value], color=colours.get(feature, COLOURS[-1]), **mark)
        (entries[f"{model}, {in_words(method)} ({grid})"],) = axis.plot([], [], color="white", **mark)
    tidy(axis)
    axis.set_xlim(left=0)
    axis.set_ylim(0, 1)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.set_ylabel("mean Jaccard index", fontsize=LABEL)
    axis.set_xlabel("cells per side of the map", fontsize=LABEL)
    notes = "line: the best that any map of so many cells could reach; band: 95 % interval; mark: at the best threshold"
    figure.supxlabel(notes, fontsize=SMALL)
    legend_above(figure, entries)
    return figure
