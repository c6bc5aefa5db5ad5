"""Faithfulness: how a class's score falls and rises as the pixels that a map ranks highest go and come.

Petsiuk, Das, Saenko, "RISE: Randomized Input Sampling for Explanation of Black-box Models", BMVC 2018, section 4.1,
https://arxiv.org/abs/1806.07421

*Deletion* blacks out a picture's pixels, the most salient first: the score of a map that knows what the classifier
looks at falls at once, and the area below the curve is small. *Insertion* puts them back, the most salient first, into
the picture blurred: the score rises at once, and the area is large. Nobody's mask is asked: where overlap says whether
a map is where experts look, the areas say whether it is where the classifier does.

A map is scaled up by nearest neighbour to the size that the classifier takes, so that a coarse map has many pixels of
one value, and a constant map that one alone. Equal pixels go in a random order, which is the same for all maps of a
picture: a raster order would take some parts of the picture first, for no reason, and chance would then differ between
maps that tell as little.

Insertion starts at a blurred picture, since pixels in a black one have edges, which are evidence of something. The blur
must leave little of what the class is told by. Here that takes more than where objects are small: a lesion fills half
of its picture, and is told by its colours, too. So the Gaussian's standard deviation is `BLUR`, a quarter of the
picture's side. Others blur less: Fong and Vedaldi (ICCV 2017, section 4.1) by 10 pixels of 224, the authors of RISE, in
their code, by 5 of 224 and cut off at 11 x 11, those of Blur Integrated Gradients (Xu, Venugopalan, Sundararajan, CVPR
2020), in theirs, by up to 50 pixels.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..classifiers.batches import padded_batches
from ..data.grids import cell_edges

if TYPE_CHECKING:  # what orders and blurs does not depend on networks
    from .network import Network

Floats = NDArray[np.float32]

BLUR = 1 / 4  # standard deviation of the Gaussian, of the picture's side
COMMON = 3  # scores that all maps of a picture share: of it whole, black and blurred


@dataclass(frozen=True)
class Curves:
    """What a class's score becomes as the pixels of one picture are taken away or put back in the order of m maps.

    shares: float64 (steps + 1,), of the pixels that are taken or put back, 0 to 1. deletion: (m, steps + 1), from the
    whole picture to a black one; insertion: the same shape, from the blurred picture to the whole one; both float64.
    ends: the scores of the picture whole, black and blurred, where the curves of all maps begin or end.
    """

    shares: NDArray[np.float64]
    deletion: NDArray[np.float64]
    insertion: NDArray[np.float64]
    ends: tuple[float, float, float]

    @property
    def areas(self) -> NDArray[np.float64]:
        """The areas below both, float64 (m, 2), deletion and insertion, by the trapezoidal rule over the shares."""
        both = np.stack([self.deletion, self.insertion], axis=1)
        return np.asarray(np.trapezoid(both, self.shares, axis=2))


def faithfulness_curves(
    network: "Network",
    picture: NDArray[Any],
    maps: Sequence[Floats],
    target: int,
    steps: int,
    ties: NDArray[np.integer],
) -> Curves:
    """Return the deletion and insertion curves of m maps of one picture.

    network: asked in batches of `network.batch_size` pictures, all of that size; its score is what the curves are of.
    picture: (H, W, 3), RGB from 0 to 255. maps: m of (h, w), each of a grid of its own, values in [0, 1]. target: index
    of the class. steps: into how many parts, equal but for a pixel, the pixels are dealt. ties: int (H*W,), all pixels'
    numbers, row by row, in the order that those of equal saliency go in, as `tie_order`.

    Memory: a batch of pictures, twice, and an order of pixels. The picture whole, black and blurred is asked for once.
    """
    height, width = picture.shape[:2]
    counts = [height * width * step // steps for step in range(steps + 1)]
    orders = (pixel_order(saliency, (height, width), ties) for saliency in maps)
    found = []
    for batch, count in padded_batches(_changed(picture.astype(np.float32), orders, counts), network.batch_size):
        found.append(network.scores(batch, target)[:count])
    scores = np.concatenate(found).astype(np.float64)
    whole, black, blurry = scores[:COMMON].tolist()
    deletion, insertion = np.empty((2, len(maps), steps + 1))
    deletion[:, 0], deletion[:, -1] = whole, black
    insertion[:, 0], insertion[:, -1] = blurry, whole
    between = scores[COMMON:].reshape(len(maps), steps - 1, 2)
    deletion[:, 1:-1], insertion[:, 1:-1] = between[:, :, 0], between[:, :, 1]
    return Curves(np.array(counts) / counts[-1], deletion, insertion, (whole, black, blurry))


def _changed(picture: Floats, orders: Iterator[NDArray[np.int64]], counts: Sequence[int]) -> Iterator[Floats]:
    """Yield the picture (H, W, 3) whole, black and blurred, then of each order and count between the pair of both."""
    blurry = blurred(picture)
    yield from (picture, np.zeros_like(picture), blurry)
    for order in orders:
        left, filled = picture.copy(), blurry.copy()
        for first, last in pairwise(counts[:-1]):
            pixels = np.unravel_index(order[first:last], picture.shape[:2])
            left[pixels] = 0
            filled[pixels] = picture[pixels]
            yield left.copy()
            yield filled.copy()


def pixel_order(saliency: Floats, size: tuple[int, int], ties: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return the numbers of a picture's pixels, int64 (H*W,), row by row from 0, the most salient first.

    saliency: (h, w), scaled up by nearest neighbour to size (H, W), or down where it is larger. ties: as in
    `faithfulness_curves`.
    """
    rows, columns = (
        np.repeat(np.arange(cells), np.diff(cell_edges(cells, pixels)))
        for cells, pixels in zip(saliency.shape, size, strict=True)
    )
    values = saliency[np.ix_(rows, columns)].ravel()
    return np.asarray(ties[np.argsort(-values[ties], kind="stable")], dtype=np.int64)


def tie_order(size: tuple[int, int], seed: Sequence[int]) -> NDArray[np.int64]:
    """Return the numbers of the pixels of a picture of size (H, W) in random order, int64 (H*W,)."""
    return np.random.default_rng(seed).permutation(size[0] * size[1])


def blurred(picture: Floats) -> Floats:
    """Return a picture (H, W, 3) blurred by a Gaussian of `BLUR` of each side, mirrored at its edges."""
    from scipy.ndimage import gaussian_filter

    height, width = picture.shape[:2]
    return np.asarray(gaussian_filter(picture, (BLUR * height, BLUR * width, 0)))
