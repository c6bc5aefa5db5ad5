"""Resolution ceilings: the best Jaccard index that any map of h x w cells can reach, whatever made it.

Let a mask have B white pixels, c of them in a cell of a pixels. A map, at a threshold, makes a set S of cells white.
With A(S) and I(S) the sums of a and of c over S, its Jaccard index is (see `engine`)

    J(S) = I(S) / (B + A(S) - I(S)).

**The best S is a threshold on the share of white, c / a.** Let J* be the highest J of all sets (the step from a ratio
to a sum is that of Dinkelbach, Management Science 13, 1967). No set has I(S) - J* (B + A(S) - I(S)) > 0, and the best
ones have 0: they maximise

    sum over S of (c (1 + J*) - J* a),

in which each cell counts by itself. So the cells with c (1 + J*) > J* a, which is c / a > J* / (1 + J*), are a best
set; cells of equality change nothing, and all others are in none. With cells sorted by their share, highest first, that
set is a prefix of the order however ties are broken, as no tie lies across its end. Hence the best of all 2^(h w) sets
is among the h w + 1 prefixes, each of which has one J from cumulative sums: exact, and no search.

Cells without a white pixel are in no best set, J* being above 0 where B is, nor do cells that cover no pixel matter (of
a map that is larger than the picture). As J* <= 1, every cell that is more than half white is in it.

**Order.** Shares are float64. Of two different shares c1 / a1 and c2 / a2 the difference is at least 1 / (a1 a2), so
that they round to different numbers, in the right order, where a1 a2 < 2^53: where no cell has more than 94 million
pixels. Sums are integers, and of two different J the same holds where no picture has more than 94 million pixels; in a
larger one the set that is found could be another one whose J is the same to 16 digits.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ..data.grids import Grid, cell_edges
from ..data.mask_counts import count_cells
from ..data.masks import WhiteBox


def best_cells(
    white: NDArray[np.integer], area: NDArray[np.integer]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Return |A and B|, |A or B| in pixels (int64) and J (float64) of the best set of cells, each (n,), of n pictures.

    white: the mask's white pixels in each of k cells, (n, k). area: the cell's pixels, (n, k) or (k,); white <= area.
    Of sets that are equally good, it is one. A mask that is all black has no ceiling: 0, 0 and NaN.
    """
    white = white.astype(np.int64)
    area = np.broadcast_to(area, white.shape).astype(np.int64)
    share = np.divide(white, area, out=np.zeros(white.shape), where=area > 0)
    order = np.argsort(-share, axis=1, kind="stable")
    intersection = np.cumsum(np.take_along_axis(white, order, axis=1), axis=1)
    union = white.sum(axis=1)[:, np.newaxis] + np.cumsum(np.take_along_axis(area - white, order, axis=1), axis=1)
    jaccard = np.divide(intersection, union, out=np.zeros(white.shape), where=union > 0)
    best = jaccard.argmax(axis=1)[:, np.newaxis]
    found, of_all = (np.take_along_axis(sums, best, axis=1)[:, 0] for sums in (intersection, union))
    is_black = found == 0
    of_all[is_black] = 0
    return found, of_all, np.divide(found, of_all, out=np.full(len(white), np.nan), where=~is_black)


def mask_ceilings(white: WhiteBox, grids: Sequence[Grid]) -> NDArray[np.int64]:
    """Return |A and B| and |A or B| of the best set of cells of each of `grids`, (h, w): int64 (grids, 2).

    Zeros for a mask that is all black. Its pixels are read once for all grids. Memory: 8 bytes a pixel column of the
    box for each edge between cells, of all grids together.
    """
    found = np.zeros((len(grids), 2), dtype=np.int64)
    if not white.pixels.any():
        return found
    width, height = white.size
    for place, ((rows, columns), counts) in enumerate(zip(grids, count_cells(white, grids), strict=True)):
        row, column = np.nonzero(counts)
        area = np.diff(cell_edges(rows, height))[row] * np.diff(cell_edges(columns, width))[column]
        intersection, union, _ = best_cells(counts[row, column][np.newaxis], area)
        found[place] = intersection[0], union[0]
    return found


def picture_ceilings(masks: Mapping[str, WhiteBox], grids: Sequence[Grid]) -> dict[str, NDArray[np.int64]]:
    """Return for each of a picture's masks what `mask_ceilings` does, equal masks being looked at once."""
    # The union of a picture with one feature is that feature's mask, the same object (see `masks.unite`).
    different = {id(box): box for box in masks.values()}
    found = {key: mask_ceilings(box, grids) for key, box in different.items()}
    return {feature: found[id(box)] for feature, box in masks.items()}
