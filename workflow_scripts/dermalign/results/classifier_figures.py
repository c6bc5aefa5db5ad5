"""Figures of a classifier: its confusion matrix and its learning curves."""

from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ..classifiers.scores import confusion_matrix, kept_epoch
from .plotting import COLOURS, style, tidy

LONGEST = 9  # letters of a class's name that fit beside each other below a confusion matrix


@style()
def confusion(predictions: pd.DataFrame, classes: Sequence[str], name: str, note: str = "") -> Figure:
    """Draw the confusion matrix of the test split: each field's pictures, and their share of the diagnosis.

    predictions: classifiers/{model}/predictions.csv. name: of the classifier. Classes that are never predicted, and
    those without pictures, are said below, and `note`.
    """
    rows = predictions[predictions["split"] == "test"]
    index = pd.Index(list(classes))
    counts = confusion_matrix(
        index.get_indexer(pd.Index(rows["class"])), index.get_indexer(pd.Index(rows["predicted"])), len(index)
    )
    of_class, called = counts.sum(axis=1), counts.sum(axis=0)
    shares = np.divide(counts, of_class[:, None], out=np.full(counts.shape, np.nan), where=of_class[:, None] > 0)
    side = 0.62 * len(index)
    figure = Figure(figsize=(side + 2.2, side + 1.9), layout="constrained")
    axis = figure.subplots()
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
    turned = 90 if max(map(len, classes)) > LONGEST else 0
    names = [f"{each}\n{total:,}" for each, total in zip(classes, called, strict=True)]
    axis.set_xticks(places, names, fontsize=8, rotation=turned)
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
    return figure


@style()
def learning_curves(history: pd.DataFrame, criterion: str, name: str) -> Figure:
    """Draw loss and accuracy by epoch, while training and on the validation split, and mark the epoch that was kept.

    history: classifiers/{model}/history.csv. criterion: `best_epoch_by` of the training. name: of the classifier.
    """
    figure = Figure(figsize=(8.4, 3.2), layout="constrained")
    axes = figure.subplots(1, 2)
    kept = kept_epoch(history, criterion)
    # Each quantity's column, meaning, colour and line.
    training, validation, balanced = (COLOURS[0], "-"), (COLOURS[1], "-"), (COLOURS[2], "--")
    panels = (
        (
            "loss (nats)",
            [
                ("loss", "while training, with class weights", training),
                ("validation_loss", "validation", validation),
            ],
        ),
        (
            "accuracy",
            [
                ("accuracy", "while training", training),
                ("validation_accuracy", "validation", validation),
                ("validation_balanced_accuracy", "validation, balanced", balanced),
            ],
        ),
    )
    for axis, (label, curves) in zip(axes, panels, strict=True):
        for column, meaning, (colour, line) in curves:
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
        tidy(axis)
    axes[1].set_ylim(0, 1.02)
    figure.supxlabel("epoch", fontsize=9)
    chosen = f"best validation {criterion.replace('_', ' ')}"
    if kept and history[f"validation_{criterion}"].isna().all():
        chosen = "the last, for lack of validation pictures"
    figure.suptitle(f"{name}: epoch {kept} of {len(history)} kept, {chosen}" if kept else name, fontsize=10)
    return figure
