"""What all figures share: the look of lines, tidy axes, legends that fit, and files whose bytes repeat."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.path import Path as Outline
from matplotlib.transforms import Affine2D
from numpy.typing import NDArray

from ..files import atomic_path

# Distinct for colour-blind readers (Okabe and Ito 2008); without their yellow, which is hardly seen on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
STYLES = ("-", "--", "-.", ":")
GREYS = ("0.45",)
# No solid line: that is a source.
DASHES = (":", "--", "-.", (0, (1, 3)), (0, (9, 2)), (0, (6, 2, 1, 2, 1, 2)), (0, (4, 1, 1, 1)), (0, (2, 4)))
# Lines are told apart by them where colours and dashes are not, as in grey; hollow ones are controls'. Circles mark
# values.
FILLED = ("None", "s", "^", "D", "v", "P", "X")
HOLLOW = ("s", "^", "D", "x", "v", "P", "*", "<")
WIDEST_LEGEND = 4  # entries beside each other
# Of a figure as it is printed: a page's text, and panels beside each other whose letters are readable there.
PAGE_WIDTH = 7.2  # inches
PANELS_BESIDE = 3
TITLE, LABEL, SMALL = 8.5, 8, 7  # points: of a panel, of an axis, of numbers and notes


@contextmanager
def style() -> Iterator[None]:
    """Draw as matplotlib does by itself, whatever the reader's matplotlibrc or notebook says; also a decorator.

    Names within SVG files are no random ones.
    """
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams["svg.hashsalt"] = "dermalign"
        yield


def looks(count: int, *, grey: bool = False) -> list[dict[str, Any]]:
    """Return so many looks of lines, arguments of `Axes.plot`, no two of them equal.

    The first differ in colour and marker, then in line style, then by a number along the line. grey: those of controls,
    all grey; they differ in their dashes and hollow markers, then by a number.
    """
    colours, styles, width = (GREYS, DASHES, 1.2) if grey else (COLOURS, STYLES, 1.8)
    found = []
    for place in range(count):
        rest, colour = divmod(place, len(colours))
        number, row = divmod(rest, len(styles))
        look: dict[str, Any] = {"color": colours[colour], "linestyle": styles[row], "linewidth": width}
        if grey:
            # Each begins elsewhere: of two lines one upon the other, both are seen.
            look |= {"marker": HOLLOW[row], "markersize": 3.5, "markevery": (0.05 * (row % 3), 0.15)}
            look |= {"markerfacecolor": "white", "markeredgewidth": 0.8}
        elif FILLED[colour] != "None":
            look |= {"marker": FILLED[colour], "markersize": 3.5, "markevery": (0.025 * colour, 0.2)}
        if number:
            # Markers of other shapes would run out, and circles mark best values. Black, to be read upon the line.
            look |= {"marker": f"${number}$", "markersize": 3 + 4 * len(str(number)), "markevery": 0.12}
            look |= {"markerfacecolor": "black", "markeredgewidth": 0}
        found.append(look)
    return found


def tidy(axis: Axes) -> None:
    """Let the values of an axis begin at 0, with small numbers, a faint grid and no frame."""
    axis.set_ylim(bottom=0)
    axis.tick_params(labelsize=SMALL)
    axis.grid(alpha=0.25, linewidth=0.5)
    axis.spines[["top", "right"]].set_visible(False)


def band_of_steps(
    x: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64], points: tuple[float, float]
) -> NDArray[np.float64]:
    """Return the corners of the band between two step functions, without those that nobody could see, (corners, 2).

    x, low, high: (n,), ascending and finite; a value is kept from its x to the next. points: how many, at most, one of
    x and one of the values take. An edge is moved by a ninth of a point, as matplotlib moves lines in SVG files, but
    not bands: of curves at 1,001 thresholds they would be most of the bytes.
    """
    if not len(x):
        return np.empty((0, 2))
    scale = Affine2D().scale(*points)
    edges = []
    for values in (low, high):
        steps = np.column_stack([np.repeat(x, 2)[1:], np.repeat(values, 2)[:-1]])
        seen = Outline(scale.transform(steps)).cleaned(simplify=True)
        corners = scale.inverted().transform(np.asarray(seen.vertices)[seen.codes != Outline.STOP])
        edges.append(np.vstack([steps[:1], corners, steps[-1:]]))
    return np.vstack([edges[0], edges[1][::-1]])


def legend_above(figure: Figure, entries: Mapping[str, Artist]) -> float:
    """Put a legend above all panels, in as many columns as fit; the figure grows by what the legend takes.

    Returns which share of the figure's height is below the legend.
    """
    if not entries:
        return 1.0
    width, height = figure.get_size_inches()
    for columns in range(min(len(entries), WIDEST_LEGEND), 0, -1):
        # Rows as full as the fewest rows allow: seven entries are four and three, not six and one.
        balanced = -(-len(entries) // -(-len(entries) // columns))
        legend = figure.legend(
            list(entries.values()),
            list(entries),
            loc="outside upper center",
            ncols=balanced,
            fontsize=LABEL,
            handlelength=3.2,  # a dash pattern is seen as a whole
            frameon=False,
        )
        box = legend.get_window_extent()
        legend_width, legend_height = box.width / figure.dpi, box.height / figure.dpi
        if legend_width <= width or columns == 1:
            break
        legend.remove()
    figure.set_size_inches(max(width, legend_width + 0.1), height + legend_height)
    return float(height / (height + legend_height))


def save(figure: Figure, paths: Iterable[str | Path]) -> None:
    """Write a figure to files, each whole or not at all, in the format that its suffix names.

    Equal figures give equal bytes: SVG files have no date.
    """
    for path in paths:
        with atomic_path(path) as temporary, style():
            figure.savefig(temporary, dpi=200, metadata={"Date": None} if temporary.suffix == ".svg" else None)
