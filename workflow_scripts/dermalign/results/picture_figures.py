"""Figures that show pictures: masks, maps, thresholded maps, and the best, median and worst picture of each feature.

Maps are shown as they are compared, cell by cell; every J is the shard's number, never measured on what is drawn.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from numpy.typing import NDArray
from PIL import Image

from ..overlap.shards import Shards
from ..saliency.stores import Store
from ..terms import UNION
from .plotting import COLOURS
from .shown_pictures import Mask, ShownPicture, map_of
from .words import in_words

HEATMAP = "viridis"  # perceptually uniform, and told apart by colour-blind readers and in grey
OPACITY = 0.55
OUTLINE = COLOURS[1]
PAGE = 7.2  # inches
MOST_PANELS = 12
SMALL = 8


def no_picture_figure() -> Figure:
    """Draw what stands in the place of a figure of an example where the analysis has no picture."""
    figure = Figure(figsize=(4, 1), layout="constrained")
    figure.text(0.5, 0.5, "No picture is in the analysis.", ha="center", va="center", fontsize=SMALL)
    return figure


def masks_figure(shown: ShownPicture) -> Figure:
    """Draw figure 1: the picture, its lesion where it was segmented, each mask that is not black, and the union."""
    panels: list[tuple[str, Mask | NDArray[np.uint8]]] = [(shown.image, shown.pixels)]
    if shown.lesion is not None:
        panels.append(("lesion", shown.lesion))
    panels += [(f"{in_words(name)}, {shown.shares[name]:.1%}", mask) for name, mask in shown.masks.items()]
    columns = min(len(panels), 4 if len(panels) in (4, 7, 8) else 5 if len(panels) > 3 else 3)
    figure, axes = _grid(len(panels), columns, shown.pixels.shape)
    for axis, (title, pixels) in zip(axes, panels, strict=True):
        _show(axis, pixels)
        axis.set_title(title, fontsize=SMALL)
    return figure


def maps_figure(shown: ShownPicture, stores: Mapping[str, Store]) -> Figure:
    """Draw figure 2: the picture with its diagnosis, and of each model what it took it for, its map and its heatmap.

    stores: {model: the picture's store}. Two models stand beside each other, further ones below.
    """
    rows = -(-len(stores) // 2)
    columns = 1 + 2 * min(len(stores), 2)
    figure, axes = _grid(rows * columns, columns, shown.pixels.shape, extra=0.35)
    for axis in axes:
        axis.set_visible(False)
    picture = axes[0]
    picture.set_visible(True)
    _show(picture, shown.pixels)
    picture.set_title(f"{shown.image}\n{shown.diagnosis}", fontsize=SMALL)
    for place, (model, store) in enumerate(stores.items()):
        first = (place // 2) * columns + 1 + 2 * (place % 2)
        grey, heat = axes[first], axes[first + 1]
        saliency = map_of(store, UNION)
        for axis in (grey, heat):
            axis.set_visible(True)
        _show_cells(grey, saliency, shown.pixels.shape, cmap="gray")
        grey.set_title(f"{model}: {_verdict(store, shown.diagnosis)}\nmap, {_size(store)}", fontsize=SMALL)
        _show(heat, _grey(shown.pixels))
        shades = _show_cells(heat, saliency, shown.pixels.shape, cmap=HEATMAP, alpha=OPACITY)
        heat.set_title("\nover the picture, in grey", fontsize=SMALL)
        if place == len(stores) - 1:
            bar = figure.colorbar(
                shades, ax=axes[: (rows * columns)], shrink=0.6, aspect=16, pad=0.01, ticks=[0, 0.5, 1]
            )
            if bar.solids:
                bar.solids.set(alpha=1)
            bar.ax.tick_params(labelsize=7)
            bar.set_label("saliency", fontsize=7)
            bar.outline.set_visible(False)
    return figure


def thresholds_figure(
    shown: ShownPicture, store: Store, jaccard: Mapping[str, float], best_of_study: str | None
) -> Figure:
    """Draw figures 4 and 5: a model's map at each threshold, white where it is above, and J of the union below.

    store: the picture's. jaccard: {threshold: J}, from the shards, in order; of more than 12, 11 spread over them are
    drawn. best_of_study: the union's best threshold of this source, which is marked, as is the picture's own.
    """
    names = list(jaccard)
    drawn = names
    if len(names) > MOST_PANELS:
        drawn = [names[place] for place in np.linspace(0, len(names) - 1, MOST_PANELS - 1).round().astype(int)]
    own = max(names, key=lambda name: (jaccard[name], -names.index(name)))
    saliency = map_of(store, UNION)
    figure, axes = _grid(len(drawn) + 1, min(6, len(drawn) + 1), shown.pixels.shape, extra=0.55)
    _show(axes[0], shown.pixels)
    _outline(axes[0], shown.masks[UNION])
    axes[0].set_title(shown.image, fontsize=SMALL)
    axes[0].set_xlabel("outlined: the union", fontsize=7)
    for axis, name in zip(axes[1:], drawn, strict=True):
        _show_cells(axis, above(saliency, name).astype(np.float32), shown.pixels.shape, cmap="gray")
        _outline(axis, shown.masks[UNION])
        axis.set_title(f"threshold {float(name):g}", fontsize=SMALL)
        marks = [*(["best of picture"] if name == own else []), *(["best of study"] if name == best_of_study else [])]
        axis.set_xlabel(
            "\n".join([f"J = {jaccard[name]:.3f}", *marks]), fontsize=7, fontweight="bold" if marks else "normal"
        )
    few = f", {len(drawn)} of {len(names)} thresholds" if len(drawn) < len(names) else ""
    figure.suptitle(f"{store.model}, {in_words(store.method)}, {_size(store)}{few}", fontsize=9)
    return figure


@dataclass(frozen=True)
class Extreme:
    """A picture at the end or in the middle of a feature's population: which, its J, and at which threshold."""

    feature: str
    place: str
    image: str
    jaccard: float
    threshold: str


def extremes_of(feature: str, shards: Shards, threshold: str | None) -> list[Extreme]:
    """Return a feature's best, median and worst picture by J at a threshold, the first by name on a tie.

    The median of an even number is the lower of the two in the middle. No pictures: none.
    """
    if threshold is None or not shards.images:
        return []
    jaccard = shards.jaccard[shards.thresholds.index(threshold)]
    order = np.argsort(-jaccard, kind="stable")
    places = {"best": order[0], "median": order[len(order) // 2], "worst": np.flatnonzero(jaccard == jaccard.min())[0]}
    return [
        Extreme(feature, place, shards.images[row], float(jaccard[row]), threshold) for place, row in places.items()
    ]


def extremes_figure(model: str, extremes: Sequence[tuple[Extreme, ShownPicture, Store]]) -> Figure:
    """Draw the best, median and worst picture of each feature: the map over the picture in grey, the mask outlined.

    Dotted is where the map is cut off at the threshold: J is of what is inside.

    extremes: three of each feature, as `extremes_of` gives them, with their pictures and stores of the model.
    """
    if not extremes:
        return no_picture_figure()
    rows = -(-len(extremes) // 3)
    figure = Figure(figsize=(5.6, 1.5 * rows + 0.4), layout="constrained")
    axes = figure.subplots(rows, 3, squeeze=False)
    for axis, (extreme, shown, store) in zip(axes.flat, extremes, strict=True):
        _show(axis, _grey(shown.pixels))
        saliency = map_of(store, extreme.feature)
        _show_cells(axis, saliency, shown.pixels.shape, cmap=HEATMAP, alpha=OPACITY)
        _outline(axis, _at_size(above(saliency, extreme.threshold), shown.pixels.shape), dotted=True)
        _outline(axis, shown.masks[extreme.feature], white=True)
        axis.set_title(f"{extreme.place}: {shown.image}, J = {extreme.jaccard:.3f}", fontsize=6.5)
    for axis, (extreme, _, _) in zip(axes[:, 0], extremes[::3], strict=True):
        axis.set_ylabel(f"{in_words(extreme.feature)}\nat {float(extreme.threshold):g}", fontsize=SMALL)
    figure.suptitle(f"{model}: map over the picture; mask outlined, threshold dotted", fontsize=9)
    return figure


def _grid(count: int, columns: int, shape: tuple[int, ...], extra: float = 0.22) -> tuple[Figure, list[Axes]]:
    """Return a figure of a page's width with so many panels of the shape of a picture, and the panels in order."""
    rows = -(-count // columns)
    panel = PAGE / max(columns, 3)
    height = panel * 0.94 * shape[0] / shape[1] + extra
    figure = Figure(figsize=(panel * columns, height * rows), layout="constrained")
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axis in axes[count:]:
        axis.set_visible(False)
    return figure, axes[:count]


def _show(axis: Axes, pixels: NDArray[np.uint8] | Mask) -> None:
    is_mask = pixels.dtype == np.bool_
    axis.imshow(pixels, cmap="gray", vmin=0, vmax=1, interpolation="none" if not is_mask else "nearest")
    _bare(axis)


def _show_cells(axis: Axes, cells: NDArray[np.float32], shape: tuple[int, ...], **look: Any) -> AxesImage:
    height, width = shape[:2]
    extent = (-0.5, width - 0.5, height - 0.5, -0.5)
    image = axis.imshow(cells, vmin=0, vmax=1, interpolation="nearest", extent=extent, **look)
    _bare(axis)
    return image


def _bare(axis: Axes) -> None:
    axis.set_xticks([])
    axis.set_yticks([])
    for spine in axis.spines.values():
        spine.set(linewidth=0.5, color="0.5")


def above(saliency: NDArray[np.float32], threshold: str) -> Mask:
    """Return where a map is white at a threshold: s > t, both as float32; everywhere at t = 0 (design, section 3)."""
    return saliency > np.float32(threshold) if float(threshold) else np.ones(saliency.shape, dtype=np.bool_)


def _at_size(cells: Mask, shape: tuple[int, ...]) -> Mask:
    return np.asarray(Image.fromarray(cells).resize((shape[1], shape[0]), Image.Resampling.NEAREST))


def _grey(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a picture in grey: colours laid over it keep their meaning."""
    return np.asarray(Image.fromarray(pixels).convert("L").convert("RGB"))


def _outline(axis: Axes, mask: Mask, *, white: bool = False, dotted: bool = False) -> None:
    if mask.all() or not mask.any():
        return
    # A frame of black about it closes the outline of what is cut off at the picture's edge.
    padded = np.pad(mask, 1).astype(np.float32)
    x, y = np.arange(-1, mask.shape[1] + 1), np.arange(-1, mask.shape[0] + 1)
    lines = [("black", 1.6), ("white", 0.8)] if white else [(OUTLINE, 0.8)]
    for colour, width in lines:
        styles = ":" if dotted else "-"
        axis.contour(x, y, padded, levels=[0.5], colors=[colour], linewidths=[width], linestyles=styles)
    axis.set_xlim(-0.5, mask.shape[1] - 0.5)
    axis.set_ylim(mask.shape[0] - 0.5, -0.5)


def _verdict(store: Store, diagnosis: str) -> str:
    if not store.predicted_class:
        return "no prediction"
    sure = f" ({store.probabilities.max():.0%})" if store.probabilities.size else ""
    return f"{store.predicted_class}{sure}, {'right' if store.predicted_class == diagnosis else 'wrong'}"


def _size(store: Store) -> str:
    height, width = store.saliency.shape[-2:]
    return f"{height} x {width} cells" + (", constant" if store.degenerate else "")
