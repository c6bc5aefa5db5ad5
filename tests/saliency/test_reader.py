"""A reader's regions as maps: the share of each cell inside them, counted pixel by pixel."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from brute_force import cell_counts, union_of
from dermalign.saliency import reader as module
from dermalign.saliency.inputs import Inputs
from dermalign.saliency.maps import write_maps
from dermalign.saliency.reader import reader
from map_cases import read

FEATURES = ["globules", "streaks"]


def test_maps_are_the_shares_of_cells_inside_the_regions(
    tmp_path: Path, zipped: Callable[..., Path], encoded: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(0)
    shapes = {"p0": (30, 41), "p1": (5, 7), "p2": (64, 64)}
    masks = {image: {name: random.random(shape) < 0.3 for name in FEATURES} for image, shape in shapes.items()}
    masks["nothing"] = {name: np.zeros((20, 20), bool) for name in FEATURES}
    members = {
        f"{image}_attribute_{name}.png": encoded(np.uint8(255) * mask)
        for image, of_image in masks.items()
        for name, mask in of_image.items()
    }
    archive = zipped(tmp_path / "masks.zip", members)
    monkeypatch.setattr(module, "rows_in_memory", lambda cells: 6)  # blocks of two pictures
    inputs = Inputs([], (9, 9), [*FEATURES, "union"], reader_masks=str(archive))
    write_maps(tmp_path / "maps.h5", reader(inputs, 9))
    found = read(tmp_path / "maps.h5")
    assert found["image"].tolist() == ["nothing", "p0", "p1", "p2"]
    assert found["degenerate"].tolist() == [True, False, False, False]
    for image, maps in zip(found["image"], found["saliency"], strict=True):
        of_image = {**masks[image], "union": union_of(masks[image])}
        for saliency, mask in zip(maps, of_image.values(), strict=True):
            area = cell_counts(np.ones_like(mask), (9, 9))
            expected = np.divide(cell_counts(mask, (9, 9)), area, out=np.zeros((9, 9)), where=area > 0)
            np.testing.assert_array_equal(saliency, expected.astype(np.float32))
    np.testing.assert_array_equal(found["raw"], found["saliency"])
