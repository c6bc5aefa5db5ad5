"""The figure of the sanity check: how alike maps stay while the classifier's weights are randomised."""

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..saliency.sanity_files import SIMILARITIES
from .plotting import LABEL, PAGE_WIDTH, SMALL, TITLE, legend_above, looks, style
from .sanity import ALIKE
from .words import in_words

HEIGHT = 2.3  # inches of a row of panels
TITLES = {"rank_correlation": "Spearman's rank correlation", "ssim": "structural similarity (SSIM)"}


@style()
def sanity_figure(sanity: pd.DataFrame) -> Figure:
    """Draw the mean similarities against the share of layers that is randomised: a row per model, a line per method.

    sanity: statistics/sanity.csv. Left is the rank correlation, right the SSIM, with the 95 % interval of the mean as a
    band. With nothing randomised maps are themselves: 1. Lines end where no picture has two maps that are not constant.
    All panels have the same axes; the grey dashed line is what a method must fall below.
    """
    models = list(dict.fromkeys(sanity["model"]))
    methods = list(dict.fromkeys(sanity["method"]))
    figure = Figure(figsize=(PAGE_WIDTH, HEIGHT * len(models) + 0.5), layout="constrained")
    axes = figure.subplots(len(models), len(SIMILARITIES), sharex=True, sharey=True, squeeze=False)
    entries: dict[str, Artist] = {}
    lowest = 0.0
    alpha = min(0.15, 0.5 / max(len(methods), 1))  # many bands above each other would hide the lines
    for row, model in enumerate(models):
        for axis, similarity in zip(axes[row], SIMILARITIES, strict=True):
            # The first method is in front.
            for method, look in reversed(list(zip(methods, looks(len(methods)), strict=True))):
                marked = {"marker": "o", "markersize": 3.5, **look, "markevery": 1}  # there is nothing between stages
                rows = sanity[(sanity["model"] == model) & (sanity["method"] == method)]
                if rows.empty:
                    continue
                x = np.array([0.0, *(rows["layers_randomised"] / rows["layers"])])
                mean, low, high = (
                    np.array([1.0, *rows[f"{similarity}{end}"]], dtype=np.float64) for end in ("", "_low", "_high")
                )
                (line,) = axis.plot(x, mean, **marked)
                axis.fill_between(x, low, high, color=look["color"], alpha=alpha, linewidth=0)
                entries.setdefault(in_words(method), line)
                lowest = min([lowest, *mean[np.isfinite(mean)], *low[np.isfinite(low)]])
            axis.axhline(0, color="0.6", linewidth=0.8, zorder=0)
            if similarity == SIMILARITIES[0]:
                axis.axhline(ALIKE, color="0.3", linewidth=0.8, linestyle=(0, (4, 3)), zorder=0)
            axis.set_title(f"{model}: {TITLES[similarity]}", fontsize=TITLE)
            _of_shares(axis)
    axes[0][0].set_ylim(1.05 * lowest - 0.02, 1.03)
    notes = [
        "band: 95 % interval of the mean",
        f"dashed in grey: a method's maps hardly change where all of its interval is above {ALIKE:g} in the end",
    ]
    figure.supxlabel("\n".join(["layers randomised, from the last one", "; ".join(notes)]), fontsize=LABEL)
    below = legend_above(figure, {in_words(method): entries[in_words(method)] for method in methods})
    figure.supylabel("similarity to the trained classifier's maps", y=below / 2, fontsize=LABEL)
    return figure


def _of_shares(axis: Axes) -> None:
    axis.set_xlim(-0.02, 1.02)
    axis.set_xticks([0, 0.25, 0.5, 0.75, 1], ["none", "25 %", "50 %", "75 %", "all"])
    axis.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10]))
    axis.tick_params(labelsize=SMALL, labelbottom=True, labelleft=True)
    axis.grid(alpha=0.25, linewidth=0.5)
    axis.spines[["top", "right"]].set_visible(False)
