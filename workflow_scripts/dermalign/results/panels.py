"""Panels that show pictures, laid out so that no word is cut off or covers another, and what is drawn in them.

Lengths of layouts are in inches, sizes of letters in points.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.text import Text
from numpy.typing import NDArray
from PIL import Image

from .plotting import COLOURS, LABEL, PAGE_WIDTH, SMALL
from .shown_pictures import Mask

HEATMAP = "viridis"  # perceptually uniform, and told apart by colour-blind readers and in grey
OPACITY = 0.6
PALEST, DARKEST = 1.0, 0.45  # what white and black of a picture become under a heatmap
GREYS, COLOUR_STEPS = 24, 50  # of the picture and of the map there: more are not seen, and make large files
DOTS = 150  # per inch, of the picture there
OUTLINE_LOOKS = ({"colors": COLOURS[1], "linewidths": 0.8},)  # seen on white and on black
GAP, MARGIN = 0.08, 0.06
LINE = 1.3 / 72  # of a line, per point of its letters
FLATTEST, STEEPEST = 0.5, 1.5  # height over width of a panel; pictures beyond have empty space beside them
SMALLEST, FEWEST_LETTERS = 5.0, 8  # points, and letters of a line that is cut short


@dataclass(frozen=True)
class Page:
    """A figure and its panels, row by row; `box` is height over width of a panel."""

    figure: Figure
    panels: list[Axes]
    box: float

    def place(self, axis: Axes) -> tuple[float, float, float, float]:
        """Return left, bottom, width and height of a panel, in inches."""
        width, height = self.figure.get_size_inches()
        box = axis.get_position()
        return box.x0 * width, box.y0 * height, box.width * width, box.height * height


def lay_out(
    count: int,
    columns: int,
    box: float,
    above: Sequence[float],
    below: Sequence[float],
    *,
    panel: float | None = None,
    left: float = 0,
    right: float = 0,
    top: float = 0,
) -> Page:
    """Return a page of so many panels of one shape.

    box: height over width, as `box_of` gives it. above, below: of each row, what letters need there.
    panel: width of a panel, None for what fills the width of a page. left, right, top: what is to stay free there.
    """
    rows = len(above)
    panel = panel or (PAGE_WIDTH - left - right - 2 * MARGIN - (columns - 1) * GAP) / columns
    width = left + right + 2 * MARGIN + columns * panel + (columns - 1) * GAP
    height = top + 2 * MARGIN + sum(above) + sum(below) + rows * panel * box + (rows - 1) * GAP
    figure = Figure(figsize=(width, height))
    panels = []
    upper = height - top - MARGIN
    for row in range(rows):
        bottom = upper - above[row] - panel * box
        for column in range(min(columns, count - row * columns)):
            start = left + MARGIN + column * (panel + GAP)
            panels.append(
                figure.add_axes((start / width, bottom / height, panel / width, panel * box / height), zorder=0)
            )
        upper = bottom - below[row] - GAP
    return Page(figure, panels, box)


# Of texts with names in them, where what stands between two dollar signs is no formula.
AS_IT_IS: dict[str, Any] = {"parse_math": False}


def box_of(*shapes: tuple[int, ...]) -> float:
    """Return height over width of a panel that holds pictures of these shapes (h, w, ...): that of the median one."""
    return float(np.clip(np.median([shape[0] / shape[1] for shape in shapes]), FLATTEST, STEEPEST))


def lines(count: int, size: float = LABEL) -> float:
    """Return the height that so many lines of letters take, with the space to the panel."""
    return count * size * LINE + (0.04 if count else 0)


def say_above(axis: Axes, text: str, size: float = LABEL) -> None:
    """Write above a panel, as narrow as it is."""
    _fit(axis.set_title(text, fontsize=size, pad=2.5, **AS_IT_IS), axis)


def say_below(axis: Axes, text: str, size: float = SMALL, weight: str = "normal") -> None:
    """Write below a panel, as narrow as it is."""
    _fit(axis.set_xlabel(text, fontsize=size, fontweight=weight, labelpad=2.5, **AS_IT_IS), axis)


def say_beside(axis: Axes, text: str, size: float = SMALL) -> None:
    """Write upwards at the left of a panel, in letters as small as its height asks for."""
    figure = axis.get_figure(root=True)
    assert figure is not None
    room = axis.get_position().height * figure.get_size_inches()[1] + GAP
    _shrink(axis.set_ylabel(text, fontsize=size, labelpad=3, **AS_IT_IS), room, figure)


def say_over(page: Page, panels: Sequence[Axes], text: str, lift: float, size: float = LABEL) -> None:
    """Write a line over several panels beside each other, `lift` above them."""
    boxes = [page.place(axis) for axis in panels]
    width, height = page.figure.get_size_inches()
    start, end = boxes[0][0], boxes[-1][0] + boxes[-1][2]
    text_height = boxes[0][1] + boxes[0][3] + lift
    written = page.figure.text(
        (start + end) / 2 / width, text_height / height, text, ha="center", va="baseline", fontsize=size, **AS_IT_IS
    )
    _shrink(written, end - start, page.figure)


def say_on_top(page: Page, text: str, size: float = LABEL + 1) -> None:
    """Write a line at the top of the page."""
    width, height = page.figure.get_size_inches()
    written = page.figure.suptitle(text, x=0.5, y=1 - MARGIN / height, va="top", fontsize=size, **AS_IT_IS)
    _shrink(written, width - 2 * MARGIN, page.figure)


def show(page: Page, axis: Axes, pixels: NDArray[np.uint8] | Mask) -> None:
    """Show a picture (h, w, 3), or a mask (h, w) in black and white."""
    is_mask = pixels.dtype == np.bool_
    axis.imshow(pixels, cmap="gray", vmin=0, vmax=1, interpolation="nearest" if is_mask else "antialiased")
    _frame(page, axis, pixels.shape)


def show_cells(page: Page, axis: Axes, cells: NDArray[Any], shape: tuple[int, ...], **look: Any) -> AxesImage:
    """Show a map (h, w) of values from 0 to 1, cell by cell, over a picture's shape.

    Cells are drawn as large as scaling up by nearest neighbour makes them, whatever the picture's size.
    """
    height, width = shape[:2]
    extent = (-0.5, width - 0.5, height - 0.5, -0.5)
    image = axis.imshow(cells, vmin=0, vmax=1, interpolation="nearest", extent=extent, **look)
    _frame(page, axis, shape)
    return image


def show_heatmap(page: Page, axis: Axes, cells: NDArray[np.float32], pixels: NDArray[np.uint8]) -> None:
    """Show a map as a heatmap over the picture (h, w, 3), which is grey and pale: colours keep their meaning."""
    height, width = pixels.shape[:2]
    factor = DOTS * page.place(axis)[2] / max(width, height / page.box)
    size = max(1, round(factor * width)), max(1, round(factor * height))
    grey = np.asarray(Image.fromarray(pixels).convert("L").resize(size, Image.Resampling.LANCZOS), dtype=np.float32)
    pale = DARKEST + (PALEST - DARKEST) * np.round(grey / 255 * (GREYS - 1)) / (GREYS - 1)
    # An image of its own in an SVG file, not one with the map's: that would be three channels of noise.
    extent = (-0.5, width - 0.5, height - 0.5, -0.5)
    axis.imshow(pale, cmap="gray", vmin=0, vmax=1, interpolation="none", extent=extent)
    show_cells(page, axis, cells, pixels.shape, cmap=colormaps[HEATMAP].resampled(COLOUR_STEPS), alpha=OPACITY)


def heat_bar(page: Page, beside: Sequence[Axes]) -> None:
    """Add the bar of a heatmap's colours at the right of panels, as they look over a pale picture."""
    width, height = page.figure.get_size_inches()
    boxes = [page.place(axis) for axis in beside]
    start = max(left + across for left, _, across, _ in boxes) + GAP
    low, high = min(bottom for _, bottom, _, _ in boxes), max(bottom + up for _, bottom, _, up in boxes)
    middle, span = (low + high) / 2, min(0.8 * (high - low), 1.6)
    axis = page.figure.add_axes((start / width, (middle - span / 2) / height, 0.09 / width, span / height))
    colours = colormaps[HEATMAP](Normalize(0, 1)(np.linspace(1, 0, 256)))[:, np.newaxis, :3]
    colours = OPACITY * colours + (1 - OPACITY) * (PALEST + DARKEST) / 2
    axis.imshow(colours, extent=(0, 1, 0, 1), aspect="auto")
    axis.set_xticks([])
    axis.yaxis.tick_right()
    axis.set_yticks([0, 0.5, 1], ["0", "0.5", "1"])
    axis.tick_params(labelsize=SMALL, length=2, pad=1.5)
    axis.yaxis.set_label_position("right")
    axis.set_ylabel("saliency", fontsize=SMALL, labelpad=2)
    axis.spines[:].set_visible(False)


def outline(
    axis: Axes, mask: Mask, looks: Sequence[Mapping[str, Any]] = OUTLINE_LOOKS, most_corners: int = 3000
) -> None:
    """Draw the outline of a mask (h, w) of the picture that is shown, along the edges of its pixels.

    looks: arguments of `Axes.contour`, one upon the other. A mask that is white or black everywhere has none.
    most_corners: an outline of more is drawn as pixels, so that an SVG file stays small.
    """
    if mask.all() or not mask.any():
        return
    limits = axis.get_xlim(), axis.get_ylim()
    # A frame of black about it closes the outline of what is cut off at the picture's edge.
    padded = np.pad(mask, 1).astype(np.float32)
    x, y = np.arange(-1, mask.shape[1] + 1), np.arange(-1, mask.shape[0] + 1)
    for look in looks:
        drawn = axis.contour(x, y, padded, levels=[0.5], **look)
        if sum(np.shape(path.vertices)[0] for path in drawn.get_paths()) > most_corners:
            drawn.set_rasterized(True)
    axis.set(xlim=limits[0], ylim=limits[1])


def _frame(page: Page, axis: Axes, shape: tuple[int, ...]) -> None:
    """Put a picture into the middle of its panel, whole, with nothing written at its sides."""
    height, width = shape[:2]
    # What is free beside a picture of another shape than the panel's.
    across, up = max(0.0, height / page.box - width) / 2, max(0.0, width * page.box - height) / 2
    axis.set(xlim=(-0.5 - across, width - 0.5 + across), ylim=(height - 0.5 + up, -0.5 - up), xticks=[], yticks=[])
    axis.set_aspect("equal")
    axis.set_facecolor("0.96")
    for spine in axis.spines.values():
        spine.set(linewidth=0.5, color="0.5")


def _fit(text: Text, axis: Axes) -> None:
    figure = axis.get_figure(root=True)
    assert figure is not None
    _shrink(text, axis.get_position().width * figure.get_size_inches()[0] + 0.6 * GAP, figure)


def _shrink(text: Text, room: float, figure: Figure) -> None:
    """Write in letters as small as the room along a line asks for; what is too long even then loses its middle."""
    words = text.get_text().split("\n")
    along = "height" if text.get_rotation() == 90 else "width"
    while getattr(text.get_window_extent(), along) / figure.dpi > room:
        if (size := float(text.get_fontsize())) > SMALLEST:
            text.set_fontsize(max(SMALLEST, 0.95 * size))
        elif len(longest := max(words, key=len)) > FEWEST_LETTERS:
            half = (len(longest) - 2) // 2
            words[words.index(longest)] = f"{longest[:half]}…{longest[-half:]}"
            text.set_text("\n".join(words))
        else:
            break
