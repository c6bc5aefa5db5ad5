"""The figure of the upper reference: what it reaches, and what all else reaches of it."""

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.figure import Figure

from ..terms import UNION
from .plotting import COLOURS, LABEL, PAGE_WIDTH, SMALL, TITLE, legend_above, style
from .words import in_words

ROW = 0.17  # inches of a source
BESIDE = 3  # panels


# Of each kind of sources, in the order of the rows.
LOOKS = (
    {"marker": "D", "color": COLOURS[2]},
    {"marker": "o", "color": COLOURS[0]},
    {"marker": "s", "color": "0.45"},
    {"marker": "^", "color": COLOURS[1]},
)


@style()
def reference_figure(
    best: pd.DataFrame, shares: pd.DataFrame, features: Sequence[str], kinds: Mapping[str, Sequence[str]]
) -> Figure:
    """Draw the mean J of each source at its own best threshold, a panel per feature, a row per source.

    best, shares: statistics/best_thresholds.csv and reference_shares.csv. kinds: {what they are called: sources,
    `{model}/{method}`}, at most four, in the order of the rows; the first are the references. A mark is a mean, with
    its 95 % interval; a line is where the first reference is; at the right stands which share of it that is.
    """
    rows = {path: place for place, path in enumerate(path for paths in kinds.values() for path in paths)}
    (first, *_), *_ = kinds.values()
    named = best.assign(path=best["model"] + "/" + best["method"])
    of_first = shares[shares["reference"] == first]
    paths = of_first["model"] + "/" + of_first["method"]
    share = dict(zip(zip(paths, of_first["feature"], strict=True), of_first["share"], strict=True))
    ordered = [UNION, *(feature for feature in features if feature != UNION)]
    lines = -(-len(ordered) // BESIDE)
    figure = Figure(figsize=(PAGE_WIDTH, lines * (0.5 + ROW * len(rows)) + 0.5), layout="constrained")
    axes = figure.subplots(lines, min(BESIDE, len(ordered)), squeeze=False, sharey=True).ravel()
    entries: dict[str, Artist] = {}
    for axis, feature in zip(axes, ordered, strict=False):
        panel = named[named["path"].isin(rows) & (named["feature"] == feature)]
        for value in panel.loc[panel["path"] == first, "j_mean"].dropna():
            axis.axvline(value, color=COLOURS[2], linewidth=0.8, linestyle=":")
        for (kind, own), look in zip(kinds.items(), LOOKS, strict=False):
            of_kind = panel[panel["path"].isin(own)]
            y = of_kind["path"].map(rows)
            axis.hlines(y, of_kind["j_low"], of_kind["j_high"], color=look["color"], linewidth=1.2)
            (mark,) = axis.plot(of_kind["j_mean"], y, linestyle="None", markersize=4, **look)
            if own:
                entries[kind] = mark
        for path, place in rows.items():
            part = share.get((path, feature))
            if part is not None and not pd.isna(part):
                axis.text(1.02, place, f"{part:.0%}", fontsize=SMALL, va="center", transform=axis.get_yaxis_transform())
        axis.set_xlim(0, 1.05 * max([*panel["j_high"].dropna(), *panel["j_mean"].dropna(), 0.01]))
        axis.set_ylim(len(rows) - 0.5, -0.5)
        axis.set_yticks(range(len(rows)), [in_words(path) for path in rows])
        axis.tick_params(labelsize=SMALL)
        axis.grid(alpha=0.25, linewidth=0.5)
        axis.spines[["top", "right"]].set_visible(False)
        count = panel["n"].max()
        axis.set_title(f"{in_words(feature)} (n = {0 if pd.isna(count) else int(count):,})", fontsize=TITLE)
    for axis in axes[len(ordered) :]:
        axis.set_visible(False)
    words = f"mean Jaccard index, 95 % interval; at the right as a share of that of {in_words(first)}"
    figure.supxlabel(words, fontsize=LABEL)
    legend_above(figure, entries)
    return figure
