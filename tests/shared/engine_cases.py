"""Drawn pictures, masks and maps, and the overlap engine run over them through its files."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import brute_force
import numpy as np
from dermalign.data.archives import list_pictures
from dermalign.data.cell_files import PictureCells, write_cells
from dermalign.data.grids import Grid
from dermalign.data.mask_files import list_masks
from dermalign.data.masks import white_box
from dermalign.overlap.join import write_curves
from dermalign.overlap.mask_cells import count_archive, count_picture
from dermalign.overlap.shards import write_shards
from dermalign.saliency.blocks import MapBlock
from dermalign.saliency.maps import write_maps
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

FEATURES = ["globules", "streaks"]
NAMES = [*FEATURES, "union"]
THOUSANDTHS = [f"{number / 1000:.3f}" for number in range(1001)]
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
# More than 4,096 cells.
FINE_GRIDS = st.sampled_from([(65, 64), (60, 70), (1, 4097), (4200, 1)])
FEW = st.integers(1, 4)
KINDS = ("degenerate", "ties", "any")
FINE_KINDS = ("degenerate", "thousandths", "constant", "any")


@dataclass(frozen=True)
class Picture:
    """A picture's masks by feature, 8-bit grey values (height, width), and its map (h, w), or its (features, h, w)."""

    image: str
    masks: dict[str, NDArray[np.uint8]]
    saliency: NDArray[np.float32]

    @property
    def size(self) -> tuple[int, int]:
        height, width = self.masks[FEATURES[0]].shape
        return width, height

    @property
    def white(self) -> dict[str, brute_force.Pixels]:
        """Where each mask is white, `union` among them."""
        masks = {feature: values > 127 for feature, values in self.masks.items()}
        return {**masks, "union": brute_force.union_of(masks)}


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
        mask[random.integers(height), random.integers(width)] = 255  # a mask without it would be read otherwise
    return mask


def draw_map(random: np.random.Generator, kind: str, grid: Grid) -> NDArray[np.float32]:
    """Draw a map.

    degenerate: all zero. constant: any other constant. ties: few values, and neighbours of thresholds. tenths: on them.
    thousandths: on them or next to them. any: in [0, 1].
    """
    if kind == "degenerate":
        return np.zeros(grid, dtype=np.float32)
    if kind == "constant":
        return np.full(grid, draw_map(random, "thousandths", (1, 1)))
    if kind == "ties":
        return random.choice(VALUES, grid)
    if kind == "tenths":
        return random.choice(np.array(THOUSANDTHS[::100]).astype(np.float32), grid)
    if kind == "thousandths":
        on = random.choice(np.array(THOUSANDTHS).astype(np.float32), grid)
        beside = np.nextafter(on, random.choice(np.array([0, 1], dtype=np.float32), grid))
        return np.where(random.random(grid) < 0.5, on, beside)
    return random.random(grid, dtype=np.float32)


@st.composite
def pictures(
    draw: st.DrawFn,
    grid: Grid,
    count: st.SearchStrategy[int] = FEW,
    of: tuple[str, ...] = KINDS,
    features: int | None = None,
) -> list[Picture]:
    """Pictures of any size, each with masks of `FEATURES` and a map of the grid, of one of the kinds.

    features: how many maps each has, where they differ by feature.
    """
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    kinds = st.sampled_from(["black", "full", "pixel", "box", "noise"])
    drawn = []
    for number in range(draw(count)):
        width, height = draw(SIDES), draw(SIDES)
        masks = {feature: draw_mask(random, draw(kinds), width, height) for feature in FEATURES}
        maps = [draw_map(random, draw(st.sampled_from(of)), grid) for _ in range(features or 1)]
        saliency = np.stack(maps) if features else maps[0]
        drawn.append(Picture(f"ISIC_{number:07d}", masks, saliency))
    return drawn


def counted(picture: Picture, grids: Sequence[Grid]) -> PictureCells:
    """Count a drawn picture's masks."""
    boxes = ((feature, white_box(Image.fromarray(values))) for feature, values in picture.masks.items())
    return count_picture(picture.image, boxes, grids, picture.size)


def write_map_file(path: Path, *draws: Mapping[str, NDArray[np.float32]], features: Sequence[str] = ()) -> Path:
    """Write a source's maps {image: map} in the given order, one draw behind the other.

    features: what the first axis of maps is of, where they differ by feature.
    """

    def block(maps: Mapping[str, NDArray[np.float32]]) -> MapBlock:
        saliency = np.stack(list(maps.values()))
        return MapBlock(list(maps), saliency, saliency, np.zeros(len(maps), dtype=np.bool_), list(features))

    write_maps(path, map(block, draws))
    return path


def shard_paths(folder: Path, features: Sequence[str], thresholds: Sequence[str]) -> dict[tuple[str, str], Path]:
    """Return where the shards of a source lie."""
    return {(feature, t): folder / feature / f"{t}.csv" for feature in features for t in thresholds}


def run_engine(
    folder: Path,
    batches: Sequence[Sequence[Picture]],
    thresholds: Sequence[str] = THRESHOLDS,
    draws: Sequence[Mapping[str, NDArray[np.float32]]] | None = None,
    features: Sequence[str] = (),
) -> dict[tuple[str, str], Path]:
    """Run the engine over batches of pictures, each counted into its own file; return the shards' paths.

    draws: maps by image, instead of the pictures' own. features: of the maps, where these differ by feature. The curve
    file is `folder`/curves.h5.
    """
    everything = [picture for batch in batches for picture in batch]
    grid: Grid = everything[0].saliency.shape[-2:]  # type: ignore[assignment]
    cells = []
    for number, batch in enumerate(batches):
        cells.append(folder / f"cells{number}.h5")
        write_cells(cells[-1], (counted(picture, [grid]) for picture in batch), [grid], FEATURES)
    draws = draws or [{picture.image: picture.saliency for picture in everything}]
    maps = write_map_file(folder / "maps.h5", *draws, features=features)
    write_curves(folder / "curves.h5", maps, cells, [picture.image for picture in everything])
    shards = shard_paths(folder / "jaccard", NAMES, thresholds)
    write_shards(folder / "curves.h5", shards)
    return shards


def counts_of(path: Path) -> list[tuple[str, int, int]]:
    """Return image, intersection and union of a shard's rows."""
    with path.open(newline="") as file:
        return [(row["image"], int(row["intersection"]), int(row["union"])) for row in csv.DictReader(file)]


def expected_counts(
    drawn: Sequence[Picture], feature: str, threshold: str, features: Sequence[str] = ()
) -> list[tuple[str, int, int]]:
    """Return what `counts_of` must be: the pictures whose mask is not black, by name, counted pixel by pixel."""
    return [
        (
            picture.image,
            *brute_force.intersection_and_union(
                brute_force.maps_of(picture.saliency, features, feature), mask, threshold
            ),
        )
        for picture in sorted(drawn, key=lambda picture: picture.image)
        if (mask := picture.white[feature]).any()
    ]


def jaccard_of_maps(
    drawn: Sequence[Picture], feature: str, features: Sequence[str] = ()
) -> dict[str, list[NDArray[np.float64]]]:
    """Return J at all `THOUSANDTHS` of each map of the population's pictures, by name, counted pixel by pixel."""
    found: dict[str, list[NDArray[np.float64]]] = {}
    for picture in sorted(drawn, key=lambda picture: picture.image):
        mask = picture.white[feature]
        maps = brute_force.maps_of(picture.saliency, features, feature)
        if mask.any():
            counts = np.array([brute_force.intersection_and_union(maps, mask, t) for t in THOUSANDTHS])
            found.setdefault(picture.image, []).append(counts[:, 0] / counts[:, 1])
    return found


def count_real(
    real_data: Path, path: Path, images: Sequence[str], features: Sequence[str], grid: Grid
) -> dict[str, dict[str, brute_force.Pixels]]:
    """Count the masks of real pictures into a file of mask cells; return where they are white, by image and name."""
    pictures_path = real_data / "isic-256" / "ISIC2018_Task1-2_Training_Input.zip"
    masks_path = real_data / "isic-256" / "ISIC2018_Task2_Training_GroundTruth_v3.zip"
    found = list_pictures(pictures_path)
    masks = list_masks(masks_path, images, features)
    counts = count_archive(pictures_path, masks_path, {image: found[image] for image in images}, masks, [grid])
    write_cells(path, counts, [grid], features)
    return {image: brute_force.masks_in(masks_path, image, list(features)) for image in images}


def check_real_shards(
    folder: Path,
    pixels: Mapping[str, Mapping[str, brute_force.Pixels]],
    maps: Mapping[str, NDArray[np.float32]],
    maps_path: Path,
    thresholds: Sequence[str],
) -> None:
    """Join maps of real pictures with the mask cells in `folder`; check every shard pixel by pixel."""
    names = list(next(iter(pixels.values())))
    write_curves(folder / "curves.h5", maps_path, [folder / "cells.h5"], list(pixels))
    shards = shard_paths(folder / "jaccard", names, thresholds)
    write_shards(folder / "curves.h5", shards)
    assert any(masks["union"].any() for masks in pixels.values())
    for (feature, threshold), path in shards.items():
        assert counts_of(path) == [
            (image, *brute_force.intersection_and_union(maps[image], pixels[image][feature], threshold))
            for image in sorted(pixels)
            if pixels[image][feature].any()
        ]
