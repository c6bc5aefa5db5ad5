"""The ceiling as maps: shares of white, whose best threshold for a picture is the best of all maps."""

from fractions import Fraction
from pathlib import Path

import brute_force
import numpy as np
import pytest
from dermalign.data.cell_files import write_cells
from dermalign.data.masks import white_box
from dermalign.overlap.ceilings import mask_ceilings
from dermalign.overlap.exact import exact_statistics
from dermalign.overlap.join import write_curves
from dermalign.saliency.blocks import MapBlock
from dermalign.saliency.ceiling import ceiling
from dermalign.saliency.inputs import Inputs
from dermalign.saliency.maps import open_maps, write_maps
from engine_cases import NAMES, Picture, counted, pictures
from hypothesis import HealthCheck, given, settings
from PIL import Image

GRID = (5, 4)


def blocks_of(folder: Path, drawn: list[Picture], grid: tuple[int, int] = GRID) -> list[MapBlock]:
    half = len(drawn) // 2
    cells = [folder / "a.h5", folder / "b.h5"]
    for path, part in zip(cells, (drawn[half:], drawn[:half]), strict=True):
        write_cells(path, (counted(picture, [grid]) for picture in part), [grid], NAMES[:-1])
    images = [picture.image for picture in drawn]
    return list(ceiling(Inputs(images, grid, features=NAMES, cells=list(map(str, cells)))))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=pictures(GRID))
def test_maps_are_the_share_of_white_of_each_cell(tmp_path: Path, drawn: list[Picture]) -> None:
    by_image = {picture.image: picture for picture in drawn}
    seen = []
    for block in blocks_of(tmp_path, drawn):
        assert block.features == NAMES
        assert block.saliency.dtype == np.float32
        for row, image in enumerate(block.images):
            seen.append(image)
            for feature, white in by_image[image].white.items():
                share = block.saliency[row, NAMES.index(feature)]
                area = brute_force.cell_counts(np.ones_like(white), GRID)
                expected = np.where(area > 0, brute_force.cell_counts(white, GRID) / np.maximum(area, 1), 0)
                np.testing.assert_array_equal(share, expected.astype(np.float32))
    assert sorted(seen) == sorted(by_image)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=pictures(GRID))
def test_the_best_threshold_of_each_picture_reaches_its_ceiling(tmp_path: Path, drawn: list[Picture]) -> None:
    """By way of maps, curves and exact thresholds, as any source goes."""
    blocks = blocks_of(tmp_path, drawn)
    write_maps(tmp_path / "maps.h5", blocks)
    with open_maps(tmp_path / "maps.h5") as maps:
        assert maps.features == NAMES
    write_curves(tmp_path / "curves.h5", tmp_path / "maps.h5", [tmp_path / "a.h5", tmp_path / "b.h5"], maps.images)
    found = exact_statistics("ceiling", "5x4", tmp_path / "curves.h5").pictures
    own = {(row["feature"], row["image"]): row["jaccard"] for row in found.to_dict("records")}
    expected = {}
    for picture in drawn:
        for feature, white in picture.white.items():
            if white.any():
                ((common, union),) = mask_ceilings(white_box(Image.fromarray(white)), [GRID]).tolist()
                expected[feature, picture.image] = float(Fraction(common, union))
    assert own == pytest.approx(expected, rel=1e-12)
