"""Maps at equal white area: what overlap another map would have with as many white pixels of each picture.

At its own best threshold a control is as white as suits it; all white is best where masks are large. Two maps say
something about each other's place where they are equally white.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .curves import CurveFile


def intersection_at_area(
    area: NDArray[np.integer], intersection: NDArray[np.integer], wanted: NDArray[np.integer]
) -> NDArray[np.float64]:
    """Return the white pixels of the mask that a map covers when `wanted` pixels of it are white, float64 (t,).

    area, intersection: (c,), |A| and |A and B| at the map's own thresholds, both ascending, from nothing to the whole
    picture. Pixels become white from the map's highest value on. Where the wanted area ends among pixels of one value,
    which no threshold tells apart, the mean over all ways to choose as many of them is taken: their mask pixels, by the
    share of them that is white (the mean of the hypergeometric distribution). So a map that is the same everywhere
    covers, as expected, the mask's pixels in proportion to the area: what pure chance does.
    """
    return np.interp(wanted, area, intersection)


def equal_area_jaccard(
    curves: CurveFile, feature: str, images: Sequence[str], area: NDArray[np.integer]
) -> NDArray[np.float64]:
    """Return J of a source's maps where they have a given white area, float64 (t, n), the mean over a picture's maps.

    curves: of the source. images: n pictures, which it has maps of. area: int (t, n), white pixels for each picture.
    J = i / (a + b - i) for the area a, the mask's white pixels b, and i as `intersection_at_area`. Of fine maps i is
    taken between their 1,001 thresholds.
    """
    maps = Counter(curves.images)
    place = {image: column for column, image in enumerate(images)}
    jaccard = np.zeros(area.shape)
    for block in curves.blocks:
        names = curves.images[block]
        ends = curves.level_ends(feature, block)
        areas = curves.area(feature)[block].astype(np.int64)
        intersections = curves.intersection(feature)[block].astype(np.int64)
        for row, image in enumerate(names):
            if image not in place:
                continue
            column = place[image]
            own_ends = slice(None, None, -1) if ends is None else ends[row]
            own_area, own = areas[row, own_ends], intersections[row, own_ends]
            common = intersection_at_area(own_area, own, area[:, column])
            jaccard[:, column] += common / (area[:, column] + own[-1] - common)
    return jaccard / np.array([maps[image] for image in images])
