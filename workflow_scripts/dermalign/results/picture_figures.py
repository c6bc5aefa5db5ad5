"""Figures that show pictures: masks, maps, thresholded maps, and the best, median and worst picture of each feature.

Maps are shown as they are compared, cell by cell; every J is the shard's number, never measured on what is drawn.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray
from PIL import Image

from ..overlap.engine import is_white
from ..overlap.shards import Shards
from ..saliency.stores import Store
from ..terms import UNION
from .panels import (
    GAP,
    MARGIN,
    box_of,
    heat_bar,
    lay_out,
    lines,
    outline,
    say_above,
    say_below,
    say_beside,
    say_on_top,
    say_over,
    show,
    show_cells,
    show_heatmap,
)
from .plotting import LABEL, SMALL, style
from .shown_pictures import Mask, ShownPicture, map_of
from .words import in_words

BAR = 0.5  # inches, of a heatmap's colours with their numbers
MOST_PANELS = 12
MOST_CORNERS = 1200  # of an outline where there are 54
# A mask upon a heatmap: white, with black on both sides; where the threshold cuts it, black dashes.
MASK_LOOKS = ({"colors": "black", "linewidths": 1.6}, {"colors": "white", "linewidths": 0.8})
CUT_LOOKS = ({"colors": "black", "linewidths": 0.7, "linestyles": [(0, (2.5, 1.5))]},)


@style()
def no_picture_figure() -> Figure:
    """Draw what stands in the place of a figure of an example where the analysis has no picture."""
    figure = Figure(figsize=(4, 1), layout="constrained")
    figure.text(0.5, 0.5, "No picture is in the analysis.", ha="center", va="center", fontsize=LABEL)
    return figure


@style()
def masks_figure(shown: ShownPicture) -> Figure:
    """Draw figure 1: the picture, its lesion where it was segmented, each mask that is not black, and the union."""
    panels: list[tuple[str, Mask | NDArray[np.uint8]]] = [(f"{shown.image}, {shown.diagnosis}", shown.pixels)]
    if shown.lesion is not None:
        panels.append(("lesion", shown.lesion))
    panels += [(f"{in_words(name)}, {_share(shown.shares[name])}", mask) for name, mask in shown.masks.items()]
    columns = min(len(panels), 4 if len(panels) in (4, 7, 8) else 5 if len(panels) > 3 else 3)
    rows = -(-len(panels) // columns)
    page = lay_out(len(panels), columns, box_of(shown.pixels.shape), rows * [lines(1)], rows * [0.0])
    for axis, (title, pixels) in zip(page.panels, panels, strict=True):
        show(page, axis, pixels)
        say_above(axis, title)
    return page.figure


@style()
def maps_figure(shown: ShownPicture, stores: Mapping[str, Store]) -> Figure:
    """Draw figure 2: the picture with its diagnosis, and of each model what it took it for, its map and its heatmap.

    stores: {model: the picture's store}. Two models stand beside each other, further ones below.
    """
    beside = min(len(stores), 2)
    rows, columns = -(-len(stores) // 2), 1 + 2 * beside
    page = lay_out(
        rows * columns, columns, box_of(shown.pixels.shape), rows * [lines(2)], rows * [lines(1, SMALL)], right=BAR
    )
    used = {0}
    show(page, page.panels[0], shown.pixels)
    say_above(page.panels[0], f"{shown.image}\n{shown.diagnosis}")
    say_below(page.panels[0], "picture")
    for place, (model, store) in enumerate(stores.items()):
        first = (place // 2) * columns + 1 + 2 * (place % 2)
        grey, heat = page.panels[first], page.panels[first + 1]
        used |= {first, first + 1}
        saliency = map_of(store, UNION)
        show_cells(page, grey, saliency, shown.pixels.shape, cmap="gray")
        say_below(grey, f"map, {_size(store)}")
        show_heatmap(page, heat, saliency, shown.pixels)
        say_below(heat, "heatmap")
        say_over(page, [grey, heat], f"{model}\n{_verdict(store, shown.diagnosis)}", 0.035)
    for place, axis in enumerate(page.panels):
        axis.set_visible(place in used)
    heat_bar(page, page.panels)
    return page.figure


@style()
def thresholds_figure(
    shown: ShownPicture, store: Store, jaccard: Mapping[str, float], best_of_study: str | None
) -> Figure:
    """Draw figures 4 and 5: a model's map at each threshold, white where it is above, and J of the union below.

    store: the picture's. jaccard: {threshold: J}, from the shards, in order; of more than 12, 11 spread over them are
    drawn, the best ones among them. best_of_study: the union's best threshold of this source, which is marked, as is
    the picture's own.
    """
    names = list(jaccard)
    own = max(names, key=lambda name: (jaccard[name], -names.index(name)))
    drawn = _spread(names, [name for name in (best_of_study, own) if name])
    marks = {
        name: [*(["best of picture"] if name == own else []), *(["best of study"] if name == best_of_study else [])]
        for name in drawn
    }
    saliency = map_of(store, UNION)
    count = len(drawn) + 1
    columns = min(6, count)
    rows = -(-count // columns)
    said = [1, *(1 + len(marks[name]) for name in drawn)]
    below = [lines(max(said[row * columns : (row + 1) * columns]), SMALL) for row in range(rows)]
    page = lay_out(
        count,
        columns,
        box_of(shown.pixels.shape),
        rows * [lines(1)],
        below,
        panel=None if columns > 2 else 1.8,
        top=lines(1, LABEL + 1) - 0.04,
    )
    show(page, page.panels[0], shown.pixels)
    outline(page.panels[0], shown.masks[UNION])
    say_above(page.panels[0], shown.image)
    say_below(page.panels[0], "outlined: the union")
    for axis, name in zip(page.panels[1:], drawn, strict=True):
        show_cells(page, axis, is_white(saliency, float(name)), shown.pixels.shape, cmap="gray")
        outline(axis, shown.masks[UNION])
        say_above(axis, f"threshold {float(name):g}")
        weight = "bold" if marks[name] else "normal"
        say_below(axis, "\n".join([f"J = {jaccard[name]:.3f}", *marks[name]]), weight=weight)
    few = f", {len(drawn)} of {len(names)} thresholds" if len(drawn) < len(names) else ""
    say_on_top(page, f"{store.model}, {in_words(store.method)}, {_size(store)}{few}")
    return page.figure


def _spread(names: list[str], wanted: Sequence[str]) -> list[str]:
    """Return at most 12 thresholds: all, or 11 spread over them, each wanted one in the place of the nearest."""
    if len(names) <= MOST_PANELS:
        return names
    places = np.linspace(0, len(names) - 1, MOST_PANELS - 1).round().astype(int).tolist()
    kept = {0, len(names) - 1}
    for name in wanted:
        place = names.index(name)
        if place not in places:
            nearest = min((each for each in places if each not in kept), key=lambda each: abs(each - place))
            places[places.index(nearest)] = place
        kept.add(place)
    return [names[place] for place in sorted(places)]


@dataclass(frozen=True)
class Extreme:
    """A picture at the end or in the middle of a feature's population: which, its J, and at which threshold.

    count: pictures with the feature; alike: those with the same J, this one among them.
    """

    feature: str
    place: str
    image: str
    jaccard: float
    threshold: str
    count: int = 1
    alike: int = 1


def extremes_of(feature: str, shards: Shards, threshold: str | None) -> list[Extreme]:
    """Return a feature's best, median and worst picture by J at a threshold, the first by name on a tie.

    The median of an even number is the lower of the two in the middle. No pictures: none.
    """
    if threshold is None or not shards.images:
        return []
    jaccard = shards.jaccard[shards.thresholds.index(threshold)]
    order = np.argsort(-jaccard, kind="stable")
    middle = jaccard[order[len(order) // 2]]
    values = {"best": jaccard.max(), "median": middle, "worst": jaccard.min()}
    found = {place: np.flatnonzero(jaccard == value) for place, value in values.items()}
    return [
        Extreme(feature, place, shards.images[rows[0]], float(values[place]), threshold, len(jaccard), len(rows))
        for place, rows in found.items()
    ]


@style()
def extremes_figure(model: str, extremes: Sequence[tuple[Extreme, ShownPicture, Store]]) -> Figure:
    """Draw the best, median and worst picture of each feature: the heatmap over the picture, the mask outlined.

    Dashes are where the map is cut off at the threshold: J is of what is inside.

    extremes: three of each feature, as `extremes_of` gives them, with their pictures and stores of the model.
    """
    if not extremes:
        return no_picture_figure()
    rows = -(-len(extremes) // 3)
    page = lay_out(
        len(extremes),
        3,
        min(0.75, box_of(*(shown.pixels.shape for _, shown, _ in extremes))),  # six rows fit a page
        rows * [lines(2, SMALL)],
        rows * [0.0],
        panel=1.48,
        left=0.42,
        right=BAR,
        top=2 * lines(1, LABEL + 1),
    )
    for axis, (extreme, shown, store) in zip(page.panels, extremes, strict=True):
        saliency = map_of(store, extreme.feature)
        show_heatmap(page, axis, saliency, shown.pixels)
        white = is_white(saliency, float(extreme.threshold))
        outline(axis, _at_size(white, shown.pixels.shape), CUT_LOOKS, MOST_CORNERS)
        outline(axis, shown.masks[extreme.feature], MASK_LOOKS, MOST_CORNERS)
        notes = [
            f"J = {extreme.jaccard:.3f}",
            *([f"as {_counted(extreme.alike - 1, 'other')}"] if extreme.alike > 1 else []),
            *(["constant map"] if store.degenerate else []),
        ]
        say_above(axis, f"{extreme.place}: {shown.image}\n{', '.join(notes)}", SMALL)
    for axis, (extreme, _, _) in zip(page.panels[::3], extremes[::3], strict=True):
        label = f"{in_words(extreme.feature)}\nat {float(extreme.threshold):g}, {_counted(extreme.count, 'picture')}"
        say_beside(axis, label)
    heat_bar(page, page.panels[: min(6, len(extremes))])
    say_on_top(page, f"{model}: best, median and worst picture of each feature")
    _explain(page.figure, lines(1, LABEL + 1))
    return page.figure


def _explain(figure: Figure, from_top: float) -> None:
    """Say what the lines of `extremes_figure` are."""
    # Lines upon each other are one handle, which the type of `legend` does not know.
    mask: Any = (Line2D([], [], color="black", linewidth=1.6), Line2D([], [], color="white", linewidth=0.8))
    cut = Line2D([], [], color="black", linewidth=0.7, linestyle=(0, (2.5, 1.5)))
    figure.legend(
        [mask, cut],
        ["mask", "map above the threshold"],
        loc="upper center",
        bbox_to_anchor=(0.5, 1 - (MARGIN + from_top - GAP / 2) / figure.get_size_inches()[1]),
        ncols=2,
        fontsize=SMALL,
        frameon=False,
        borderpad=0,
    )


def _at_size(cells: Mask, shape: tuple[int, ...]) -> Mask:
    return np.asarray(Image.fromarray(cells).resize((shape[1], shape[0]), Image.Resampling.NEAREST))


def _share(share: float) -> str:
    return f"{share:.1%}" if share >= 0.0005 else "< 0.1%"


def _counted(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def _verdict(store: Store, diagnosis: str) -> str:
    if not store.predicted_class:
        return "no prediction"
    sure = f" ({store.probabilities.max():.0%})" if store.probabilities.size else ""
    return f"{store.predicted_class}{sure}, {'right' if store.predicted_class == diagnosis else 'wrong'}"


def _size(store: Store) -> str:
    height, width = store.saliency.shape[-2:]
    return f"{height} x {width} cells" + (", constant" if store.degenerate else "")
