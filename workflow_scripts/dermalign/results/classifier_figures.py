"""Figures of a classifier: its confusion matrix, ROC curves, reliability and learning curves."""

from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ..classifiers.metrics import BINS, calibration_bins
from ..classifiers.scores import confusion_matrix, kept_epoch
from .plotting import COLOURS, looks, style, tidy

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
    _say_below(figure, notes, note)
    return figure


def roc_points(scores: NDArray[np.float64], is_class: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the corners of a ROC curve, (k + 1, 2) for k distinct scores: 1 - specificity and sensitivity.

    scores, is_class: (n,), some of the class and some not. The first corner is (0, 0); then a picture counts as of the
    class from the highest score on, from the next one on, and so forth. The trapezoids below have the area that counts
    ties half (Hanley and McNeil 1982), `roc_auc` in metrics.csv.
    """
    order = np.argsort(-scores, kind="stable")
    last = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    found = np.cumsum(np.stack([~is_class[order], is_class[order]], axis=1), axis=0)[last]
    return np.concatenate([np.zeros((1, 2)), found / found[-1]])


@style()
def roc_curves(predictions: pd.DataFrame, classes: Sequence[str], name: str, note: str = "") -> Figure:
    """Draw the ROC curve of each class against the rest on the test split, its area in the legend.

    predictions: classifiers/{model}/predictions.csv. name: of the classifier. Classes without pictures, and one that
    all are of, have no curve and are said below, and `note`.
    """
    rows = predictions[predictions["split"] == "test"]
    figure = Figure(figsize=(6.2, 4.3), layout="constrained")
    axis = figure.subplots()
    axis.plot([0, 1], [0, 1], color="0.6", linestyle=":", linewidth=1)
    without = []
    for each, look in zip(classes, looks(len(classes)), strict=True):
        is_class = (rows["class"] == each).to_numpy(dtype=bool)
        if is_class.all() or not is_class.any():
            without.append(each)
            continue
        points = roc_points(rows[f"p_{each}"].to_numpy(dtype=np.float64), is_class)
        area = np.trapezoid(points[:, 1], points[:, 0])
        axis.plot(*points.T, label=f"{each} {area:.3f} ({is_class.sum():,})", **(look | {"linewidth": 1.3}))
    axis.set_box_aspect(1)
    tidy(axis)
    axis.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    axis.set_xlabel("1 - specificity", fontsize=9)
    axis.set_ylabel("sensitivity", fontsize=9)
    axis.set_title(f"{name}: {len(rows):,} held-out pictures, each class against the rest", fontsize=10)
    if len(without) < len(classes):
        # Beside the curves, whose corner of a good classifier is where a legend would lie.
        figure.legend(
            title="area (pictures)",
            loc="outside right center",
            fontsize=8,
            title_fontsize=8,
            frameon=False,
            handlelength=3.2,
        )
    _say_below(figure, [f"no curve of: {', '.join(without)}"] if without else [], note)
    return figure


def reliability(predictions: pd.DataFrame, classes: Sequence[str]) -> pd.DataFrame:
    """Return how often the predictions of the test split are right, by confidence: a row per bin that has pictures.

    predictions: as in `roc_curves`. The bins are those of the expected calibration error
    (`classifiers.metrics.calibration_bins`), which is the mean over pictures of |right - confidence| of their bin.
    Columns: bin, from 0; pictures; confidence, the mean of their highest probability; right, the share of right
    predictions.
    """
    rows = predictions[predictions["split"] == "test"]
    probabilities = rows[[f"p_{name}" for name in classes]].to_numpy(dtype=np.float64)
    of_picture = pd.DataFrame(
        {
            "bin": calibration_bins(probabilities),
            "confidence": probabilities.max(axis=1, initial=0.0),
            "right": (rows["class"] == rows["predicted"]).to_numpy(dtype=np.float64),
        }
    )
    bins = of_picture.groupby("bin")
    return bins.mean().assign(pictures=bins.size()).reset_index()[["bin", "pictures", "confidence", "right"]]


@style()
def reliability_figure(predictions: pd.DataFrame, classes: Sequence[str], name: str, note: str = "") -> Figure:
    """Draw the share of right predictions against the confidence, in bins, and how many pictures each bin has.

    Arguments as `roc_curves`. A line leads from each bin to where the two are equal: its length, weighed by pictures,
    is the expected calibration error.
    """
    bins = reliability(predictions, classes)
    total = int(bins["pictures"].sum())
    figure = Figure(figsize=(4.8, 5.6), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    above.plot([0, 1], [0, 1], color="0.6", linestyle=":", linewidth=1, label="as right as confident")
    above.vlines(bins["confidence"], bins["confidence"], bins["right"], color=COLOURS[1], linewidth=2, label="gap")
    above.plot(bins["confidence"], bins["right"], "o", color=COLOURS[0], markersize=5, label="bin", clip_on=False)
    tidy(above)
    above.set_ylim(-0.02, 1.02)
    above.set_ylabel("share of right predictions", fontsize=9)
    above.legend(fontsize=7, frameon=False, loc="upper left")
    centres = (bins["bin"] + 0.5) / BINS
    below.bar(centres, bins["pictures"], width=0.9 / BINS, color=COLOURS[0])
    for centre, count in zip(centres, bins["pictures"], strict=True):
        below.text(centre, count, f"{count:,}", ha="center", va="bottom", fontsize=6)
    tidy(below)
    below.set(xlim=(-0.02, 1.02), ylim=(0, 1.18 * max(bins["pictures"].max(), 1) if total else 1))
    below.set_ylabel("pictures", fontsize=9)
    below.set_xlabel(f"confidence: the highest probability, {BINS} bins", fontsize=9)
    error = (bins["pictures"] * (bins["right"] - bins["confidence"]).abs()).sum() / total if total else np.nan
    said = f"\nexpected calibration error {error:.3f}" if total else ""
    figure.suptitle(f"{name}: {total:,} held-out pictures{said}", fontsize=10)
    _say_below(figure, [], note)
    return figure


def _say_below(figure: Figure, notes: Sequence[str], note: str) -> None:
    lines = [*notes, *([note] if note else [])]
    if lines:
        figure.supxlabel("\n".join(lines), fontsize=9, color=COLOURS[1])


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
