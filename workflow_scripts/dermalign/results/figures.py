"""Figures of the study, drawn from the merged statistics.

A line is a map source, the first two columns `model,method` of the tables; what stands as `model` of a source that
belongs to no model is another word, such as `controls`. A source looks the same in all panels and in both figures.
"""

import textwrap
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.figure import Figure

from .plotting import legend_above, looks, tidy


@dataclass(frozen=True)
class _Line:
    label: str
    look: dict[str, Any]
    rows: pd.DataFrame


def jaccard_by_threshold(
    thresholds: pd.DataFrame, features: Sequence[str], models: Sequence[str], controls: Collection[str]
) -> Figure:
    """Draw mean J against the threshold: a row of panels per model, a panel per feature; best values are marked.

    thresholds: statistics/thresholds.csv. Sources that belong to none of `models` are in every row. controls: methods
    that are drawn in grey; those that each model has of its own look the same in all rows.
    """
    figure = Figure(figsize=(1.9 * len(features) + 0.6, 2.0 * len(models) + 0.5), layout="constrained")
    axes = figure.subplots(len(models), len(features), sharex=True, sharey="col", squeeze=False)
    lines = _lines(thresholds, models, controls, own_row=True)
    entries: dict[str, Artist] = {}
    for row, model in enumerate(models):
        # Controls first: what is drawn later is in front.
        of_row = [source for source in reversed(lines) if source[0] == model or source[0] not in models]
        for column, feature in enumerate(features):
            axis = axes[row, column]
            for line in (lines[source] for source in of_row):
                panel = line.rows[line.rows["feature"] == feature]
                (entries[line.label],) = axis.plot(panel["threshold"].astype(float), panel["j_mean"], **line.look)
                # The lowest on a tie; none for an empty population.
                best = panel[panel["j_mean"] == panel["j_mean"].max()][:1]
                axis.plot(
                    best["threshold"].astype(float), best["j_mean"], "o", color=line.look["color"], markersize=3.5
                )
            if row == 0:
                axis.set_title(f"{_wrapped(feature, 20)}\nn = {_population(thresholds, feature)}", fontsize=9)
            if column == 0:
                axis.set_ylabel(textwrap.fill(model, 24), fontsize=9)
            tidy(axis)
    figure.supxlabel("threshold", fontsize=9)
    below = legend_above(figure, _in_order(entries, lines))
    figure.supylabel("mean Jaccard index", y=below / 2, fontsize=9)
    return figure


def mean_curves(
    curves: pd.DataFrame,
    features: Sequence[str],
    methods: Collection[str],
    models: Sequence[str],
    controls: Collection[str],
) -> Figure:
    """Draw the exact mean of J at every threshold with the band from the first to the third quartile of pictures.

    curves: statistics/mean_curves.csv. A panel per feature, in each a line per source whose method is among `methods`,
    whether it belongs to a model or not. models, controls: as `jaccard_by_threshold`; looks depend on them.
    """
    columns = min(3, len(features))
    rows = -(-len(features) // columns)
    figure = Figure(figsize=(3.1 * columns, 2.5 * rows + 0.3), layout="constrained")
    axes = figure.subplots(rows, columns, sharex=True, squeeze=False)
    lines = _lines(curves, models, controls)
    drawn = [source for source in reversed(lines) if source[1] in methods]
    alpha = min(0.15, 0.5 / max(len(drawn), 1))  # many bands above each other would hide the lines
    entries: dict[str, Artist] = {}
    for axis in axes.flat[len(features) :]:
        axis.set_visible(False)
    for axis, feature in zip(axes.flat[: len(features)], features, strict=True):
        for line in (lines[source] for source in drawn):
            panel = line.rows[line.rows["feature"] == feature]
            x = panel["threshold"].astype(float)
            look = {**line.look, "linewidth": 1.4}
            (entries[line.label],) = axis.step(x, panel["j_mean"], where="post", **look)
            band = {"step": "post", "color": look["color"], "alpha": alpha, "linewidth": 0}
            axis.fill_between(x, panel["j_q25"], panel["j_q75"], **band)
        axis.set_title(f"{_wrapped(feature, 32)} (n = {_population(curves, feature)})", fontsize=9)
        tidy(axis)
    figure.supxlabel("threshold", fontsize=9)
    below = legend_above(figure, _in_order(entries, lines))
    figure.supylabel("Jaccard index: mean and quartiles", y=below / 2, fontsize=9)
    return figure


def _lines(
    table: pd.DataFrame, models: Collection[str], controls: Collection[str], *, own_row: bool = False
) -> dict[tuple[str, str], _Line]:
    """Return how each source of a table is drawn, in the order of the legend: controls last.

    own_row: each model has a row of panels, so that the controls of all models may share labels and looks. Whatever it
    is, all other sources, and the controls of the first model, look the same.
    """
    sources = list(dict.fromkeys(zip(table["model"], table["method"], strict=True)))
    coloured = [source for source in sources if source[1] not in controls]
    grey = [source for source in sources if source[1] in controls]
    # Looks are dealt out in this order. Controls of models come last, since own_row changes how many looks they take.
    coloured.sort(key=lambda source: source[0] not in models)
    grey.sort(key=lambda source: source[0] in models)
    labels = {
        (model, method): f"{_words(method)} (control)"
        if own_row and method in controls and model in models
        else f"{model}, {_words(method)}"
        for model, method in (*coloured, *grey)
    }
    look_of: dict[str, dict[str, Any]] = {}
    for some, is_grey in ((coloured, False), (grey, True)):
        distinct = list(dict.fromkeys(labels[source] for source in some))
        look_of |= dict(zip(distinct, looks(len(distinct), grey=is_grey), strict=True))
    rows = {source: table[(table["model"] == source[0]) & (table["method"] == source[1])] for source in labels}
    return {source: _Line(label, look_of[label], rows[source]) for source, label in labels.items()}


def _in_order(entries: dict[str, Artist], lines: dict[tuple[str, str], _Line]) -> dict[str, Artist]:
    return {line.label: entries[line.label] for line in lines.values() if line.label in entries}


def _population(table: pd.DataFrame, feature: str) -> int:
    counts = table.loc[table["feature"] == feature, "n"]
    return int(counts.max()) if len(counts) else 0


def _words(name: str) -> str:
    return name.replace("_", " ")


def _wrapped(name: str, width: int) -> str:
    return textwrap.fill(_words(name), width)
