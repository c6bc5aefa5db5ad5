"""Figures of the study, drawn from the merged statistics."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..classifiers.scores import confusion_matrix, kept_epoch
from ..files import atomic_path

# Distinct for colour-blind readers (Okabe and Ito 2008).
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")


STYLES = (":", "--", "-.", (0, (1, 3)))  # of chance methods, all grey


def jaccard_by_threshold(
    thresholds: pd.DataFrame,
    features: Sequence[str],
    chance_methods: Sequence[str],
    paths: Sequence[str | Path],
) -> None:
    """Draw mean J against the threshold: a row per model, a panel per feature, chance in grey; best values are marked.

    thresholds: statistics/thresholds.csv. paths: files to write, in the format that their suffix names.
    """
    models = list(thresholds["model"].unique())
    figure, axes = plt.subplots(
        len(models),
        len(features),
        figsize=(1.9 * len(features) + 0.6, 2.0 * len(models) + 0.8),
        sharex=True,
        sharey="col",
        squeeze=False,
        layout="constrained",
    )
    handles = {}
    for row, model in enumerate(models):
        for column, feature in enumerate(features):
            axis = axes[row, column]
            panel = thresholds[(thresholds["feature"] == feature) & (thresholds["model"] == model)]
            methods = list(panel["method"].unique())
            colours = iter(COLOURS)
            for method in sorted(methods, key=lambda name: name not in chance_methods):
                source = panel[panel["method"] == method]
                if method in chance_methods:
                    look = {"color": "0.45", "linestyle": STYLES[chance_methods.index(method)], "linewidth": 1.2}
                else:
                    look = {"color": next(colours), "linestyle": "-", "linewidth": 1.8}
                x = source["threshold"].astype(float)
                (handles[method],) = axis.plot(x, source["j_mean"], **look)
                best = source[source["j_mean"] == source["j_mean"].max()][:1]  # none for an empty population
                axis.plot(best["threshold"].astype(float), best["j_mean"], "o", color=look["color"], markersize=3.5)
            if row == 0:
                n = int(panel["n"].iloc[0]) if len(panel) else 0
                axis.set_title(f"{feature.replace('_', ' ')}\nn = {n}", fontsize=9)
            if column == 0:
                axis.set_ylabel(model, fontsize=9)
            _tidy(axis)
    figure.supxlabel("threshold", fontsize=9)
    figure.supylabel("mean Jaccard index", fontsize=9)
    saliency_first = sorted(handles, key=lambda name: name in chance_methods)
    figure.legend(
        [handles[name] for name in saliency_first],
        [f"{name.replace('_', ' ')}{' (chance)' if name in chance_methods else ''}" for name in saliency_first],
        loc="outside upper center",
        ncols=5,
        fontsize=8,
        frameon=False,
    )
    _save(figure, paths)


def mean_curves(
    curves: pd.DataFrame, features: Sequence[str], methods: Sequence[str], paths: Sequence[str | Path]
) -> None:
    """Draw the exact mean of J at every threshold with the band from the first to the third quartile of pictures.

    curves: statistics/mean_curves.csv. A panel per feature, a line per model and method. paths: files to write.
    """
    columns = min(3, len(features))
    rows = -(-len(features) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(3.1 * columns, 2.5 * rows + 0.4), sharex=True, squeeze=False, layout="constrained"
    )
    for axis in axes.flat[len(features) :]:
        axis.set_visible(False)
    handles = {}
    for axis, feature in zip(axes.flat, features, strict=False):
        panel = curves[(curves["feature"] == feature) & curves["method"].isin(methods)]
        sources = panel.groupby(["model", "method"], sort=False)
        for colour, ((model, method), source) in zip(COLOURS, sources, strict=False):
            x = source["threshold"].astype(float)
            (handles[f"{model}, {method}"],) = axis.step(x, source["j_mean"], where="post", color=colour, linewidth=1.4)
            axis.fill_between(x, source["j_q25"], source["j_q75"], step="post", color=colour, alpha=0.15, linewidth=0)
        axis.set_title(f"{feature.replace('_', ' ')} (n = {int(panel['n'].max()) if len(panel) else 0})", fontsize=9)
        _tidy(axis)
    figure.supxlabel("threshold", fontsize=9)
    figure.supylabel("Jaccard index: mean, and quartiles of pictures", fontsize=9)
    figure.legend(handles.values(), handles.keys(), loc="outside upper center", ncols=4, fontsize=8, frameon=False)
    _save(figure, paths)


def confusion(
    predictions: pd.DataFrame, classes: Sequence[str], name: str, paths: Sequence[str | Path], note: str = ""
) -> None:
    """Draw the confusion matrix of the test split: each field's pictures, and their share of the diagnosis.

    predictions: classifiers/{model}/predictions.csv. name: of the classifier. paths: files to write. Classes that are
    never predicted, and those without pictures, are said below, and `note`.
    """
    rows = predictions[predictions["split"] == "test"]
    index = pd.Index(list(classes))
    counts = confusion_matrix(
        index.get_indexer(pd.Index(rows["class"])), index.get_indexer(pd.Index(rows["predicted"])), len(index)
    )
    of_class, called = counts.sum(axis=1), counts.sum(axis=0)
    shares = np.divide(counts, of_class[:, None], out=np.full(counts.shape, np.nan), where=of_class[:, None] > 0)
    side = 0.62 * len(index)
    figure, axis = plt.subplots(figsize=(side + 2.2, side + 1.9), layout="constrained")
    # One hue from light to dark: it reads in grey, too.
    colours = matplotlib.colormaps["Blues"].with_extremes(bad="0.92")
    image = axis.imshow(np.ma.masked_invalid(shares), cmap=colours, vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        if of_class[row] == 0:
            continue
        share = shares[row, column]
        look: dict[str, Any] = {"ha": "center", "color": "white" if share > 0.55 else "black" if count else "0.55"}
        axis.text(column, row, f"{count:,}", va="bottom" if count else "center", fontsize=9, **look)
        if count:
            axis.text(column, row + 0.05, f"{share:.0%}", va="top", fontsize=7, **look)
    places = np.arange(len(index))
    axis.set_xticks(places, [f"{each}\n{total:,}" for each, total in zip(classes, called, strict=True)], fontsize=8)
    axis.set_yticks(places, [f"{each}\n{total:,}" for each, total in zip(classes, of_class, strict=True)], fontsize=8)
    axis.set_xticks(places[:-1] + 0.5, minor=True)
    axis.set_yticks(places[:-1] + 0.5, minor=True)
    axis.grid(which="minor", color="white", linewidth=1.5)
    axis.tick_params(which="both", length=0)
    axis.spines[:].set_visible(False)
    axis.set_ylabel("diagnosis", fontsize=9)
    axis.set_xlabel("predicted", fontsize=9)
    right = f", {np.trace(counts) / counts.sum():.1%} right" if len(rows) else ""
    axis.set_title(f"{name}: {len(rows):,} held-out pictures{right}", fontsize=10)
    bar = figure.colorbar(image, ax=axis, shrink=0.7, format=lambda value, _: f"{value:.0%}")
    bar.set_label("share of the diagnosis", fontsize=8)
    bar.ax.tick_params(labelsize=7)
    bar.outline.set_visible(False)
    never = [each for each, pictures, times in zip(classes, of_class, called, strict=True) if pictures and not times]
    absent = [each for each, pictures in zip(classes, of_class, strict=True) if not pictures]
    notes = [f"never predicted: {', '.join(never)}"] if never else []
    notes += [f"no pictures of: {', '.join(absent)}"] if absent else []
    notes += [note] if note else []
    if notes:
        figure.supxlabel("\n".join(notes), fontsize=9, color=COLOURS[1])
    _save(figure, paths)


def learning_curves(history: pd.DataFrame, criterion: str, name: str, paths: Sequence[str | Path]) -> None:
    """Draw loss and accuracy by epoch, while training and on the validation split, and mark the epoch that was kept.

    history: classifiers/{model}/history.csv. criterion: `best_epoch_by` of the training. name: of the classifier.
    paths: files to write.
    """
    figure, axes = plt.subplots(1, 2, figsize=(8.4, 3.2), layout="constrained")
    kept = kept_epoch(history, criterion)
    panels = (
        ("loss (nats)", {"loss": "while training, with class weights", "validation_loss": "validation"}),
        (
            "accuracy",
            {
                "accuracy": "while training",
                "validation_accuracy": "validation",
                "validation_balanced_accuracy": "validation, balanced",
            },
        ),
    )
    for axis, (label, columns) in zip(axes, panels, strict=True):
        for (column, meaning), colour, line in zip(columns.items(), COLOURS, ("-", "-", "--"), strict=False):
            if history[column].notna().any():
                look = {"color": colour, "linestyle": line, "linewidth": 1.6, "marker": "." if len(history) < 3 else ""}
                axis.plot(history["epoch"], history[column], label=meaning, **look)
        if kept:
            axis.axvline(kept, color="0.35", linestyle=":", linewidth=1.4, label=f"kept: epoch {kept}")
            axis.xaxis.get_major_locator().set_params(integer=True)
            axis.legend(fontsize=7, frameon=False)
        else:
            axis.text(0.5, 0.5, "not trained: 0 epochs", ha="center", va="center", transform=axis.transAxes)
            axis.set_xticks([])
        axis.set_ylabel(label, fontsize=9)
        _tidy(axis)
    axes[1].set_ylim(0, 1.02)
    figure.supxlabel("epoch", fontsize=9)
    chosen = f"best validation {criterion.replace('_', ' ')}"
    if kept and history[f"validation_{criterion}"].isna().all():
        chosen = "the last, for lack of validation pictures"
    figure.suptitle(f"{name}: epoch {kept} of {len(history)} kept, {chosen}" if kept else name, fontsize=10)
    _save(figure, paths)


def _tidy(axis: Axes) -> None:
    axis.set_ylim(bottom=0)
    axis.tick_params(labelsize=7)
    axis.grid(alpha=0.25, linewidth=0.5)
    axis.spines[["top", "right"]].set_visible(False)


def _save(figure: Figure, paths: Sequence[str | Path]) -> None:
    for path in paths:
        with atomic_path(path) as temporary:
            # No date in the file: equal numbers give equal bytes.
            figure.savefig(temporary, dpi=200, metadata={"Date": None} if temporary.suffix == ".svg" else None)
    plt.close(figure)
