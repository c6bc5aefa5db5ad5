"""Figures of the study, drawn from its statistics and shards.

A line is a map source, the first two columns `model,method` of the tables; what stands as `model` of a source that
belongs to no model is another word, such as `controls`. A source looks the same in all panels and in all figures.
"""

import textwrap
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from .plotting import (
    COLOURS,
    LABEL,
    PAGE_WIDTH,
    PANELS_BESIDE,
    SMALL,
    TITLE,
    band_of_steps,
    legend_above,
    looks,
    style,
    tidy,
)
from .words import in_words

BINS = np.linspace(0, 1, 41)  # of J in the histograms, 0.025 wide
MEAN_PANEL = 2.0  # inches, of a panel of exact means with its title
BLACK_AT = 1.0  # the threshold at which every map is black, and J is 0 by definition


@dataclass(frozen=True)
class _Line:
    label: str
    look: dict[str, Any]
    rows: pd.DataFrame
    is_control: bool


@style()
def jaccard_by_threshold(
    thresholds: pd.DataFrame, features: Sequence[str], models: Sequence[str], controls: Collection[str]
) -> Figure:
    """Draw mean J against the threshold: rows of panels per model, a panel per feature.

    thresholds: statistics/thresholds.csv. Sources that belong to none of `models` are with every one. controls: methods
    that are drawn in grey; those that each model has of its own look the same for all. Other lines have a dot at their
    best value and, where the table has one, the 95 % interval of the mean as a band. At threshold 1 every map is black:
    a point, not a slope.
    """
    figure, axes = _panels(len(models), len(features), 1.75)
    lines = _lines(thresholds, models, controls, own_row=True)
    entries: dict[str, Artist] = {}
    for row, model in enumerate(models):
        # Controls first: what is drawn later is in front.
        of_row = [line for (first, _), line in reversed(lines.items()) if first == model or first not in models]
        for column, feature in enumerate(features):
            axis = axes[row][column]
            for line in of_row:
                panel = line.rows[line.rows["feature"] == feature]
                x = panel["threshold"].astype(float)
                shown = x < BLACK_AT
                # Matplotlib cannot place markers along a line without any value.
                has_values = panel["j_mean"][shown].notna().any()
                look = line.look if has_values else {**line.look, "markevery": None}
                (drawn,) = axis.plot(x[shown], panel["j_mean"][shown], **look)
                if has_values or line.label not in entries:
                    entries[line.label] = drawn
                if "j_low" in panel and not line.is_control:
                    band = {"color": line.look["color"], "alpha": 0.2, "linewidth": 0}
                    axis.fill_between(x[shown], panel["j_low"][shown], panel["j_high"][shown], **band)
                _mark_black(axis, panel)
                if not line.is_control:  # among whose markers a dot more is not seen
                    # The lowest on a tie; none for an empty population.
                    best = panel[panel["j_mean"] == panel["j_mean"].max()][:1]
                    x = best["threshold"].astype(float)
                    (dot,) = axis.plot(x, best["j_mean"], "o", color=line.look["color"], markersize=5, zorder=3)
                    dot.set(markeredgecolor="black", markeredgewidth=0.8)  # it may be upon the line's own marker
            axis.set_title(_titled(feature, _populations(of_row, feature)), fontsize=TITLE)
            if column % PANELS_BESIDE == 0:
                axis.set_ylabel(_broken(model, 16), fontsize=LABEL, weight="bold")
            _of_thresholds(axis)
    # Models are compared by height. Axes that share it while they are drawn would end where the first model does.
    for panels in zip(*axes, strict=True):
        top = max(axis.get_ylim()[1] for axis in panels)
        for axis in panels:
            axis.set_ylim(0, top)
    notes = ["dot: best threshold", *(["band: 95 % interval of the mean"] if "j_low" in thresholds else [])]
    _label_below(figure, "threshold", [*notes, *_black_note(thresholds)])
    below = legend_above(figure, _in_order(entries, lines))
    figure.supylabel("mean Jaccard index", y=below / 2, fontsize=LABEL)
    return figure


@style()
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
    figure, (axes,) = _panels(1, len(features), MEAN_PANEL)
    lines = _lines(curves, models, controls)
    drawn = [line for (_, method), line in reversed(lines.items()) if method in methods]
    alpha = min(0.15, 0.5 / max(len(drawn), 1))  # many bands above each other would hide the lines
    width, height = 72 * PAGE_WIDTH / PANELS_BESIDE, 72 * MEAN_PANEL  # points
    entries: dict[str, Artist] = {}
    for axis, feature in zip(axes, features, strict=True):
        highest = pd.Series([line.rows.loc[line.rows["feature"] == feature, "j_q75"].max() for line in drawn]).max()
        for line in drawn:
            panel = line.rows[line.rows["feature"] == feature]
            shown = panel[panel["threshold"].astype(float) < BLACK_AT]
            x = shown["threshold"].astype(float)
            look = {**line.look, "linewidth": 1.4}
            if shown["j_mean"].isna().all():  # as above
                look["markevery"] = None
            (entries[line.label],) = axis.step(x, shown["j_mean"], where="post", **look)
            at, low, high = shown[["threshold", "j_q25", "j_q75"]].astype(float).dropna().to_numpy().T
            corners = band_of_steps(at, low, high, (width, height / (highest or 1)))
            axis.add_collection(PolyCollection([corners], color=look["color"], alpha=alpha, linewidth=0))
            _mark_black(axis, panel)
        axis.set_title(_titled(feature, _populations(drawn, feature)), fontsize=TITLE)
        _of_thresholds(axis)
    _label_below(figure, "threshold", ["band: first to third quartile of the pictures", *_black_note(curves)])
    below = legend_above(figure, _in_order(entries, lines))
    figure.supylabel("mean Jaccard index", y=below / 2, fontsize=LABEL)
    return figure


@style()
def histograms(
    jaccard: Mapping[str, Mapping[str, NDArray[np.float64]]], threshold: str, asked: float | None = None
) -> Figure:
    """Draw figure 3: how J is distributed over the pictures of each feature, a block of panels per model.

    jaccard: {model: {feature: J of its pictures, float64 (n,)}} at one threshold, `threshold`. asked: the threshold
    that was wanted; where `threshold` is only the nearest that there is, the figure says so. All panels have the same
    bins; their axes end where the highest J of all is.
    """
    features = list(next(iter(jaccard.values())))
    figure, axes = _panels(len(jaccard), len(features), 1.8)
    highest = max(
        (values.max() for of_model in jaccard.values() for values in of_model.values() if values.size), default=1
    )
    entries: dict[str, Artist] = {}
    for row, (model, of_model) in enumerate(jaccard.items()):
        for column, (feature, values) in enumerate(of_model.items()):
            axis = axes[row][column]
            axis.hist(values, bins=BINS.tolist(), color=COLOURS[row % len(COLOURS)], alpha=0.75)
            if values.size:
                entries["mean"] = axis.axvline(float(values.mean()), color="black", linewidth=1.2)
                entries["median"] = axis.axvline(float(np.median(values)), color="black", linewidth=1.2, linestyle=":")
            centre = f"\nmean {values.mean():.3f}, median {np.median(values):.3f}" if values.size else ""
            axis.set_title(_titled(feature, [values.size]) + centre, fontsize=TITLE)
            if column % PANELS_BESIDE == 0:
                axis.set_ylabel(_broken(model, 16), fontsize=LABEL, weight="bold")
            tidy(axis)
            axis.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10], integer=True))
            axis.set_xlim(0, float(BINS[np.searchsorted(BINS, highest).clip(1, len(BINS) - 1)]))
    is_other = asked is not None and float(threshold) != asked
    nearest = [f"of the study's thresholds the nearest to {asked:g}"] if is_other else []
    _label_below(figure, f"Jaccard index at threshold {float(threshold):g}", nearest)
    below = legend_above(figure, entries)
    figure.supylabel("pictures", y=below / 2, fontsize=LABEL)
    return figure


@style()
def groups_figure(
    jaccard: Mapping[str, Mapping[str, NDArray[np.float64]]], thresholds: Mapping[str, str | None]
) -> Figure:
    """Draw how J of the union is distributed in each group, a panel per model.

    jaccard: {model: {group: J of its pictures, float64 (n,)}}, at the union's best threshold of the model, which is
    thresholds[model]. Points are pictures, the box has the quartiles, its whiskers the rest but for what is further off
    than 1.5 of its length; the diamond is the mean.
    """
    groups = list(next(iter(jaccard.values())))
    columns = min(2, len(jaccard))
    rows = -(-len(jaccard) // columns)
    height = (0.42 * max(len(groups), 2) + 0.5) * rows + 0.3
    figure = Figure(figsize=(PAGE_WIDTH, height), layout="constrained")
    axes = figure.subplots(rows, columns, sharex=True, squeeze=False)
    for axis in axes.flat[len(jaccard) :]:
        axis.set_visible(False)
    random = np.random.default_rng(0)  # where points lie across a row means nothing
    drawn = [values for of_model in jaccard.values() for values in of_model.values() if values.size]
    most = max((values.size for values in drawn), default=0)
    highest = max((float(values.max()) for values in drawn), default=0.0)
    alpha = max(0.3, min(0.9, 200 / max(most, 1)))  # of all groups: a paler one would seem to say something
    for number, (axis, (model, of_model)) in enumerate(zip(axes.flat, jaccard.items(), strict=False)):
        colour = COLOURS[number % len(COLOURS)]
        for place, values in enumerate(of_model.values()):
            if not values.size:
                axis.text(0.01, place, "no picture", fontsize=SMALL, va="center", color="0.45")
                continue
            across = place + random.uniform(-0.3, 0.3, values.size)
            axis.plot(values, across, ".", color=colour, markersize=4, markeredgewidth=0, alpha=alpha, clip_on=False)
            axis.boxplot(
                [values.tolist()],
                positions=[place],
                orientation="horizontal",
                widths=0.5,
                showfliers=False,
                manage_ticks=False,
                medianprops={"color": "black", "linewidth": 1.4},
                boxprops={"linewidth": 0.9},
            )
            axis.plot([values.mean()], [place], "D", color="black", markersize=4, markerfacecolor="white")
        names = [
            f"{_broken(group, 24)}\nn = {values.size:,}" + (f", mean {values.mean():.3f}" if values.size else "")
            for group, values in of_model.items()
        ]
        axis.set_yticks(range(len(names)), names, fontsize=SMALL)
        axis.set_ylim(len(names) - 0.5, -0.5)
        threshold = thresholds[model]
        title = model if threshold is None else f"{model}, best threshold {float(threshold):g}"
        axis.set_title(_broken(title, 60 // columns), fontsize=TITLE)
        axis.tick_params(labelsize=SMALL, labelbottom=True)
        axis.grid(axis="x", alpha=0.25, linewidth=0.5)
        axis.spines[["top", "right"]].set_visible(False)
        axis.xaxis.set_major_locator(MaxNLocator(nbins=10 // columns, steps=[1, 2, 5, 10]))
    # Only now: limits that are set are those of all panels, whatever comes later.
    axes[0][0].set_xlim(0, 1.04 * highest if highest else 1)
    _label_below(figure, "Jaccard index of the union", ["dot: a picture", "box: quartiles", "diamond: mean"])
    return figure


def _panels(blocks: int, count: int, height: float) -> tuple[Figure, list[list[Axes]]]:
    """Return a figure as wide as a page, and its panels, so many in each block; blocks stand below each other.

    height: of a panel with its title, in inches.
    """
    columns = min(PANELS_BESIDE, count)
    rows = -(-count // columns)
    width = PAGE_WIDTH * max(columns, 2) / PANELS_BESIDE
    figure = Figure(figsize=(width, height * rows * blocks + 0.3), layout="constrained")
    axes = figure.subplots(rows * blocks, columns, squeeze=False)
    found = []
    for block in range(blocks):
        panels = list(axes[block * rows : (block + 1) * rows].flat)
        for axis in panels[count:]:
            axis.set_visible(False)
        found.append(panels[:count])
    return figure, found


def _titled(feature: str, counts: Sequence[int]) -> str:
    """Return a panel's title, with how many pictures its lines are of: of a sample, some methods have fewer."""
    lowest, highest = min(counts, default=0), max(counts, default=0)
    n = f"{highest:,}" if lowest == highest else f"{lowest:,} to {highest:,}"
    return f"{textwrap.fill(in_words(feature), 26)} (n = {n})"


def _broken(name: str, width: int) -> str:
    """Return a name in lines of about `width` letters, broken after underscores and hyphens as well as at blanks."""
    return textwrap.fill(name.replace("_", "_ "), width).replace("_ ", "_")


def _label_below(figure: Figure, label: str, notes: Sequence[str]) -> None:
    """Name what all panels have along x, and say below it what is drawn, in lines as wide as the figure."""
    letters = int(15 * figure.get_figwidth())
    figure.supxlabel("\n".join([label, *textwrap.wrap("; ".join(notes), letters)]), fontsize=LABEL)


def _black_note(table: pd.DataFrame) -> list[str]:
    return ["circle at 1: all maps are black, J = 0"] if (table["threshold"].astype(float) >= BLACK_AT).any() else []


def _of_thresholds(axis: Axes) -> None:
    axis.set_xlim(-0.03, 1.03)
    axis.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "0.25", "0.5", "0.75", "1"])
    tidy(axis)


def _mark_black(axis: Axes, panel: pd.DataFrame) -> None:
    """Mark the threshold at which all maps are black, where the panel has it."""
    black = panel[panel["threshold"].astype(float) >= BLACK_AT]
    if len(black):
        axis.plot([BLACK_AT], black["j_mean"], "o", color="black", markerfacecolor="white", markersize=3, clip_on=False)


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
        (model, method): f"{in_words(method)} (control)"
        if own_row and method in controls and model in models
        else f"{model}, {in_words(method)}"
        for model, method in (*coloured, *grey)
    }
    look_of: dict[str, dict[str, Any]] = {}
    for some, is_grey in ((coloured, False), (grey, True)):
        distinct = list(dict.fromkeys(labels[source] for source in some))
        look_of |= dict(zip(distinct, looks(len(distinct), grey=is_grey), strict=True))
    rows = {source: table[(table["model"] == source[0]) & (table["method"] == source[1])] for source in labels}
    return {
        source: _Line(label, look_of[label], rows[source], source[1] in controls) for source, label in labels.items()
    }


def _in_order(entries: dict[str, Artist], lines: dict[tuple[str, str], _Line]) -> dict[str, Artist]:
    return {line.label: entries[line.label] for line in lines.values() if line.label in entries}


def _populations(lines: Iterable[_Line], feature: str) -> list[int]:
    """Return how many of the feature's pictures each line is of; what has maps of none has no line."""
    counts = (line.rows.loc[line.rows["feature"] == feature, "n"].max() for line in lines)
    return [int(count) for count in counts if count > 0]
