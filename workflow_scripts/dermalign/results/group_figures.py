"""Figures of what J goes along with."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from .correlations import COVARIATES
from .plotting import COLOURS, LABEL, PAGE_WIDTH, PANELS_BESIDE, SMALL, TITLE, legend_above, style
from .words import in_words

MARKERS = ("o", "s", "^", "D", "v", "P", "X")
ROW = 0.24  # inches of a feature


@style()
def correlations_figure(correlations: pd.DataFrame, features: Sequence[str], models: Sequence[str]) -> Figure:
    """Draw the rank correlations of J with each covariate, a panel per covariate, a row per feature.

    correlations: statistics/correlations.csv. features, models: in order. A point is Spearman's rank correlation, its
    bar the 95 % interval; models are told apart by colour and marker. What is undefined has no point; a panel without
    any says so. All panels have the same axis.
    """
    columns = PANELS_BESIDE
    rows = -(-len(COVARIATES) // columns)
    height = (ROW * len(features) * max(1, len(models) / 2) + 0.55) * rows + 0.3
    figure = Figure(figsize=(PAGE_WIDTH, height), layout="constrained")
    axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for axis in axes.flat[len(COVARIATES) :]:
        axis.set_visible(False)
    entries: dict[str, Artist] = {}
    widest = 0.0
    for axis, covariate in zip(axes.flat, COVARIATES, strict=False):
        axis.axvline(0, color="0.6", linewidth=0.8)
        is_empty = True
        for number, model in enumerate(models):
            away = (number - (len(models) - 1) / 2) * 0.7 / len(models)
            of_panel = correlations[(correlations["covariate"] == covariate) & (correlations["model"] == model)]
            found = of_panel.set_index("feature").reindex(list(features))[["rho", "low", "high"]]
            rho, low, high = found.to_numpy(dtype=np.float64).T
            places = np.arange(len(features)) + away
            defined = np.isfinite(rho)
            is_empty &= not defined.any()
            colour, marker = COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)]
            axis.hlines(places, low, high, color=colour, linewidth=1.2)
            (points,) = axis.plot(rho[defined], places[defined], marker, color=colour, markersize=3.5)
            entries.setdefault(model, points)
            widest = max([widest, *np.abs([*rho[defined], *low[np.isfinite(low)], *high[np.isfinite(high)]])])
        if is_empty:
            axis.text(0, (len(features) - 1) / 2, "the same for all pictures", fontsize=SMALL, ha="center", va="center")
        axis.set_title(in_words(covariate), fontsize=TITLE)
        axis.tick_params(labelsize=SMALL, labelbottom=True)
        axis.grid(axis="x", alpha=0.25, linewidth=0.5)
        axis.spines[["top", "right"]].set_visible(False)
        axis.xaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10]))
    first = axes[0][0]
    first.set_yticks(range(len(features)), [in_words(feature) for feature in features], fontsize=SMALL)
    first.set_ylim(len(features) - 0.4, -0.6)
    first.set_xlim(-1.05 * (widest or 1), 1.05 * (widest or 1))
    figure.supxlabel("Spearman's rank correlation with J, and its 95 % interval", fontsize=LABEL)
    legend_above(figure, entries)
    return figure
