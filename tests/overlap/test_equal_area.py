"""Maps at equal white area, against pixels one by one, and against scikit-free counting of all ways to choose."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from dermalign.data.grids import cell_areas
from dermalign.overlap.curves import ALL, open_curves, write_curve_file
from dermalign.overlap.engine import binned_curves, overlap_curves
from dermalign.overlap.equal_area import equal_area_jaccard, intersection_at_area
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

SIZE = (23, 17)  # width and height
VALUES = [0.0, 0.25, 0.5, 0.5, 1.0]


def curve_file(path: Path, saliency: np.ndarray, cells: np.ndarray, images: list[str], fine: bool = False) -> Path:
    curves = (binned_curves if fine else overlap_curves)(saliency, {"streaks": cells}, np.array([SIZE] * len(saliency)))
    with write_curve_file(path) as writer:
        writer.append(images, {ALL: curves})
    return path


def scaled(cells: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(cells).resize(SIZE, Image.Resampling.NEAREST))


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 2**32 - 1), rows=st.integers(1, 5), columns=st.integers(1, 5), fine=st.booleans())
def test_pixels_become_white_from_the_highest_value_on(
    tmp_path_factory: pytest.TempPathFactory, seed: int, rows: int, columns: int, fine: bool
) -> None:
    random = np.random.default_rng(seed)
    saliency = random.choice(VALUES, (3, rows, columns)).astype(np.float32)  # the first picture has two maps
    mask = np.stack([random.random((SIZE[1], SIZE[0])) < 0.4] * 2 + [random.random((SIZE[1], SIZE[0])) < 0.4])
    mask[:, 0, 0] = True
    cell = scaled(np.arange(rows * columns, dtype=np.int32).reshape(rows, columns)).ravel()
    counts = np.stack(
        [np.bincount(cell, weights=each.ravel(), minlength=rows * columns).reshape(rows, columns) for each in mask]
    ).astype(np.int64)
    assert np.bincount(cell, minlength=rows * columns).tolist() == cell_areas((rows, columns), *SIZE).ravel().tolist()
    folder = tmp_path_factory.mktemp("equal")
    wanted = np.stack([random.integers(0, cell.size + 1, 2) for _ in range(4)] + [np.array([0, cell.size])])
    with open_curves(curve_file(folder / "curves.h5", saliency, counts, ["a", "a", "b"], fine)) as curves:
        found = equal_area_jaccard(curves, "streaks", ["b", "a"], wanted[:, ::-1])
    for column, maps in ((0, [2]), (1, [0, 1])):
        for row in range(len(wanted)):
            area = int(wanted[row, 1 - column])
            expected = []
            for one in maps:
                values, white = scaled(saliency[one]).ravel(), mask[one].ravel()
                common, left = 0.0, area
                for level in sorted(set(VALUES), reverse=True):  # all pixels of a level, or a share of them
                    of_level = values == np.float32(level)
                    taken = min(left, int(of_level.sum()))
                    common += white[of_level].mean() * taken if taken else 0
                    left -= taken
                expected.append(common / (area + white.sum() - common))
            assert found[row, column] == pytest.approx(np.mean(expected), abs=1e-12)


@given(st.lists(st.booleans(), min_size=1, max_size=9), st.data())
def test_among_pixels_of_one_value_it_is_the_mean_of_all_ways_to_choose(mask: list[bool], data: st.DataObject) -> None:
    wanted = data.draw(st.integers(0, len(mask)))
    ways = [sum(mask[pixel] for pixel in chosen) for chosen in itertools.combinations(range(len(mask)), wanted)]
    found = intersection_at_area(np.array([0, len(mask)]), np.array([0, sum(mask)]), np.array([wanted]))
    assert found[0] == pytest.approx(np.mean(ways))
