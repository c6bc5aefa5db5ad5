"""Drawn pictures, masks and maps, and the overlap engine run over them through its files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from dermalign.data.cell_files import PictureCells, write_cells
from dermalign.data.grids import Grid
from dermalign.data.masks import white_box
from dermalign.overlap.join import write_curves
from dermalign.overlap.mask_cells import count_picture
from dermalign.overlap.shards import write_shards
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

FEATURES = ["globules", "streaks"]
THRESHOLDS = ["0.000", "0.001", "0.100", "0.300", "0.333", "0.500", "0.700", "0.999", "1.000"]
# Values of maps on the thresholds themselves, next to them, and in ties.
ON_THRESHOLDS = np.array([float(threshold) for threshold in THRESHOLDS], dtype=np.float32)
VALUES = np.unique(
    np.concatenate(
        [ON_THRESHOLDS, np.nextafter(ON_THRESHOLDS, np.float32(0)), np.nextafter(ON_THRESHOLDS, 1, dtype="f")]
    )
)
SIDES = st.one_of(st.integers(1, 5), st.integers(1, 70))
GRIDS = st.tuples(st.integers(1, 30), st.integers(1, 30))
FEW = st.integers(1, 4)


@dataclass(frozen=True)
class Picture:
    """A picture's masks by feature, 8-bit grey values (height, width), and its map (h, w)."""

    image: str
    masks: dict[str, NDArray[np.uint8]]
    saliency: NDArray[np.float32]

    @property
    def size(self) -> tuple[int, int]:
        height, width = self.masks[FEATURES[0]].shape
        return width, height


def draw_mask(random: np.random.Generator, kind: str, width: int, height: int) -> NDArray[np.uint8]:
    """Draw grey values: none white, all white, one pixel, a box, or noise on both sides of the border at 127."""
    mask = np.zeros((height, width), dtype=np.uint8)
    if kind == "full":
        mask[:] = 255
    elif kind == "pixel":
        mask[random.integers(height), random.integers(width)] = 255
    elif kind == "box":
        top, left = random.integers(height), random.integers(width)
        mask[top : random.integers(top, height) + 1, left : random.integers(left, width) + 1] = 128
    elif kind == "noise":
        mask[:] = random.choice(np.array([0, 1, 127, 128, 254, 255], dtype=np.uint8), (height, width))
    return mask


def draw_map(random: np.random.Generator, kind: str, grid: Grid) -> NDArray[np.float32]:
    """Draw a map: all zero, few values and so many ties, or any float32 in [0, 1]."""
    if kind == "degenerate":
        return np.zeros(grid, dtype=np.float32)
    if kind == "ties":
        return random.choice(VALUES, grid)
    return random.random(grid, dtype=np.float32)


@st.composite
def pictures(draw: st.DrawFn, grid: Grid, count: st.SearchStrategy[int] = FEW) -> list[Picture]:
    """Pictures of any size, each with masks of `FEATURES` and a map of the grid."""
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    kinds = st.sampled_from(["black", "full", "pixel", "box", "noise"])
    drawn = []
    for number in range(draw(count)):
        width, height = draw(SIDES), draw(SIDES)
        masks = {feature: draw_mask(random, draw(kinds), width, height) for feature in FEATURES}
        saliency = draw_map(random, draw(st.sampled_from(["degenerate", "ties", "any"])), grid)
        drawn.append(Picture(f"ISIC_{number:07d}", masks, saliency))
    return drawn


def counted(picture: Picture, grids: Sequence[Grid]) -> PictureCells:
    """Count a drawn picture's masks."""
    boxes = ((feature, white_box(Image.fromarray(values))) for feature, values in picture.masks.items())
    return count_picture(picture.image, boxes, grids, picture.size)


def write_map_file(path: Path, *draws: Mapping[str, NDArray[np.float32]]) -> Path:
    """Write what the overlap engine reads of a source's maps, in the given order, one draw behind the other."""
    with h5py.File(path, "w") as file:
        file.create_dataset("image", data=[image for maps in draws for image in maps], dtype=h5py.string_dtype())
        file["saliency"] = np.stack([saliency for maps in draws for saliency in maps.values()])
    return path


def shard_paths(folder: Path, features: Sequence[str], thresholds: Sequence[str]) -> dict[tuple[str, str], Path]:
    """Return where the shards of a source lie."""
    return {(feature, t): folder / feature / f"{t}.csv" for feature in features for t in thresholds}


def run_engine(
    folder: Path,
    batches: Sequence[Sequence[Picture]],
    thresholds: Sequence[str] = THRESHOLDS,
    draws: Sequence[Mapping[str, NDArray[np.float32]]] | None = None,
) -> dict[tuple[str, str], Path]:
    """Run the engine over batches of pictures, each counted into its own file; return the shards' paths.

    draws: maps by image, instead of the pictures' own.
    """
    everything = [picture for batch in batches for picture in batch]
    grid: Grid = everything[0].saliency.shape  # type: ignore[assignment]
    cells = []
    for number, batch in enumerate(batches):
        cells.append(folder / f"cells{number}.h5")
        write_cells(cells[-1], (counted(picture, [grid]) for picture in batch), [grid], FEATURES)
    draws = draws or [{picture.image: picture.saliency for picture in everything}]
    maps = write_map_file(folder / "maps.h5", *draws)
    write_curves(folder / "curves.h5", maps, cells, [picture.image for picture in everything])
    shards = shard_paths(folder / "jaccard", [*FEATURES, "union"], thresholds)
    write_shards(folder / "curves.h5", shards)
    return shards
