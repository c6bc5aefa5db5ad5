"""Localisation measures: those of full-size pixels, by scikit-learn and by hand, and what undefined cases count as."""

from collections.abc import Sequence
from pathlib import Path

import brute_force
import numpy as np
import pandas as pd
import pytest
from dermalign.data.archives import list_pictures
from dermalign.data.cell_files import write_cells
from dermalign.errors import InputError
from dermalign.overlap.localisation import MEASURES, localisation, read_localisation, write_localisation
from engine_cases import (
    FEATURES,
    FEW,
    FINE_KINDS,
    GRIDS,
    NAMES,
    Picture,
    count_real,
    counted,
    draw_map,
    draw_mask,
    pictures,
    write_map_file,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score


def of_pixels(saliency: NDArray[np.float32], mask: brute_force.Pixels) -> dict[str, float]:
    """Return the measures of a map and a mask that is not black, pixel by pixel at the mask's size."""
    height, width = mask.shape
    values = brute_force.scaled_up(saliency, width, height).ravel().astype(np.float64)
    white = mask.ravel()
    highest = white[values == values.max()]
    is_constant = values.min() == values.max()
    # The |B| highest: all above the |B|-th, and of its equals as many as there is room for, each as likely.
    last = np.sort(values)[::-1][white.sum() - 1]
    room = white.sum() - (values > last).sum()
    ranked = (white & (values > last)).sum() + room * white[values == last].mean()
    return {
        "pointing_game": float(highest.any() and not is_constant),
        "pointing_share": highest.mean(),
        "relevance_mass": values[white].sum() / values.sum() if values.any() else np.nan,
        "relevance_rank": ranked / white.sum(),
        "roc_auc": np.nan if white.all() else roc_auc_score(white, values),
        "average_precision": average_precision_score(white, values),
    }


def check(saliency: NDArray[np.float32], found: NDArray[np.float64], mask: brute_force.Pixels) -> None:
    """Check the measures of a map, in the order of `MEASURES`, against the pixels."""
    expected = [of_pixels(saliency, mask)[name] for name in MEASURES]
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-14)


@settings(max_examples=60, deadline=None)
@given(data=st.data(), kinds=st.sampled_from([FINE_KINDS, ("ties", "tenths", "constant")]))
def test_every_measure_is_that_of_the_pixels(data: st.DataObject, kinds: tuple[str, ...]) -> None:
    # Grids of up to 30 x 30 on pictures of 1 to 70 pixels a side: many maps are larger than their picture.
    grid = data.draw(GRIDS)
    drawn = data.draw(pictures(grid, FEW, kinds))
    cells = [counted(picture, [grid]).cells[grid] for picture in drawn]
    found = localisation(
        np.stack([picture.saliency for picture in drawn]),
        np.array([[of[name] for name in NAMES] for of in cells]),
        np.array([picture.size for picture in drawn]),
    )
    for row, picture in enumerate(drawn):
        at_size = brute_force.scaled_up(picture.saliency, *picture.size)
        assert found.constant[row] == (at_size.min() == at_size.max())
        for column, name in enumerate(NAMES):
            if picture.white[name].any():
                check(picture.saliency, found.values[row, column], picture.white[name])
            else:
                assert np.isnan(found.values[row, column]).all()


def of_one(saliency: Sequence[Sequence[float]], white: Sequence[Sequence[int]]) -> dict[str, float]:
    """Return the measures of a map and a mask of 2 x 2 cells of one pixel each."""
    found = localisation(np.array([saliency], dtype=np.float32), np.array([[white]]), np.array([(2, 2)]))
    return dict(zip(MEASURES, found.values[0, 0].tolist(), strict=True))


CORNER = [[1, 0], [0, 0]]


@pytest.mark.parametrize(
    ("saliency", "white", "expected"),
    [
        ([[1, 0.5], [0, 0.5]], CORNER, (1, 1, 0.5, 1, 1, 1)),
        # Of two highest pixels one is white: a hit, though by chance it is one in two.
        ([[1, 1], [0, 0]], CORNER, (1, 0.5, 0.5, 0.5, 2.5 / 3, 0.5)),
        ([[0, 1], [0, 0]], CORNER, (0, 0, 0, 0, 1 / 3, 0.25)),
        # Constant maps point nowhere; the rest is that of a guess.
        ([[0, 0], [0, 0]], CORNER, (0, 0.25, np.nan, 0.25, 0.5, 0.25)),
        ([[1, 1], [1, 1]], CORNER, (0, 0.25, 0.25, 0.25, 0.5, 0.25)),
        # All white: nothing is ranked against anything.
        ([[1, 0], [0, 0]], [[1, 1], [1, 1]], (1, 1, 1, 1, np.nan, 1)),
        ([[1, 1], [1, 1]], [[1, 1], [1, 1]], (0, 1, 1, 1, np.nan, 1)),
        ([[1, 0], [0, 0]], [[0, 0], [0, 0]], (np.nan,) * 6),
    ],
)
def test_policies(saliency: list[list[float]], white: list[list[int]], expected: tuple[float, ...]) -> None:
    np.testing.assert_allclose(list(of_one(saliency, white).values()), expected, rtol=1e-15)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_what_only_ranks_does_not_change_with_a_map_that_keeps_the_order(data: st.DataObject) -> None:
    grid = data.draw(GRIDS)
    (picture,) = data.draw(pictures(grid, st.just(1), ("tenths",)))
    cells = np.array([[counted(picture, [grid]).cells[grid][name] for name in NAMES]])
    sizes = np.array([picture.size])
    both = [localisation(values[np.newaxis], cells, sizes).values for values in (picture.saliency, picture.saliency**3)]
    ranks = [column for column, name in enumerate(MEASURES) if name != "relevance_mass"]
    np.testing.assert_array_equal(both[0][..., ranks], both[1][..., ranks])


def test_a_picture_of_500_megapixels_is_counted_exactly() -> None:
    """Twice the pairs of pixels are 1.2e17, which 64 bits hold and a float64 does not."""
    sides = (25_000, 20_000)
    areas = np.full((2, 2), 125_000_000)
    white = np.array([[[[125_000_000 - 1, 1], [125_000_000, 0]]]])
    found = localisation(np.array([[[0.9, 0.3], [0.6, 0.1]]], dtype=np.float32), white, np.array([sides]))
    positive, negative = white[0, 0].ravel().tolist(), (areas - white[0, 0]).ravel().tolist()
    order = [0, 2, 1, 3]  # from the highest value on
    pairs = sum(
        2 * positive[one] * negative[other] if place < behind else positive[one] * negative[other] * (one == other)
        for place, one in enumerate(order)
        for behind, other in enumerate(order)
    )
    assert found.values[0, 0, MEASURES.index("roc_auc")] == pairs / (2 * sum(positive) * sum(negative))


# Files: draws, maps that differ by feature, the population


def measured(
    folder: Path,
    drawn: Sequence[Picture],
    draws: Sequence[dict[str, NDArray[np.float32]]],
    features: Sequence[str] = (),
) -> pd.DataFrame:
    """Measure drawn pictures by way of files; masks are in two of them, behind each other."""
    grid: tuple[int, int] = next(iter(draws[0].values())).shape[-2:]  # type: ignore[assignment]
    for number, batch in enumerate((drawn[1:], drawn[:1])):
        write_cells(folder / f"cells{number}.h5", [counted(each, [grid]) for each in batch], [grid], FEATURES)
    maps = write_map_file(folder / "maps.h5", *draws, features=features)
    cells = [folder / "cells0.h5", folder / "cells1.h5"]
    write_localisation(folder / "out.csv", maps, cells, [each.image for each in drawn])
    return read_localisation(folder / "out.csv")


@pytest.mark.parametrize("grid", [(4, 5), (65, 64)])
@pytest.mark.parametrize("features", [(), ("streaks", "globules"), ("union", "globules", "streaks")])
def test_files_hold_the_mean_over_draws_of_each_picture(
    tmp_path: Path, grid: tuple[int, int], features: tuple[str, ...]
) -> None:
    random = np.random.default_rng(3)
    shape = (len(features), *grid) if features else grid
    masks = [{name: draw_mask(random, kind, 21, 16) for name in FEATURES} for kind in ("noise", "box", "black")]
    draws = [{f"NA{n}": draw_map(random, "tenths", shape) for n in range(3)} for _ in range(3)]  # type: ignore[arg-type]
    draws[1]["NA1"] = np.zeros(shape, dtype=np.float32)  # constant in one draw: its mass is that of the others
    drawn = [Picture(f"NA{n}", of, draws[0][f"NA{n}"]) for n, of in enumerate(masks)]
    table = measured(tmp_path, drawn, draws, features)
    assert list(table) == ["image", "feature", "maps", "constant", *MEASURES]
    assert list(zip(table["feature"], table["image"], strict=True)) == [(f, n) for f in NAMES for n in ("NA0", "NA1")]
    assert (table["maps"] == 3).all()
    assert table["constant"].tolist() == [0, 1] * 3
    for row in table.to_dict("records"):
        picture = drawn[int(str(row["image"])[-1])]
        expected = []
        for draw in draws:
            maps = brute_force.maps_of(draw[picture.image], features, str(row["feature"])).max(axis=0)
            of_map = of_pixels(maps, picture.white[str(row["feature"])])
            expected.append([of_map[name] for name in MEASURES])
        np.testing.assert_allclose([row[name] for name in MEASURES], np.nanmean(expected, axis=0), rtol=1e-11)


def test_what_is_undefined_in_every_draw_is_empty(tmp_path: Path) -> None:
    picture = Picture("a,b", {name: np.full((6, 6), 255, np.uint8) for name in FEATURES}, np.zeros((2, 2), np.float32))
    table = measured(tmp_path, [picture], [{"a,b": picture.saliency}] * 2)
    assert table["relevance_mass"].isna().all()
    assert table["roc_auc"].isna().all()
    assert (table["relevance_rank"] == 1).all()
    assert table[["image", "maps", "constant"]].drop_duplicates().to_numpy().tolist() == [["a,b", 2, 2]]


def test_an_analysis_without_pictures_has_a_table_without_rows(tmp_path: Path) -> None:
    picture = Picture("a", {name: np.zeros((6, 6), np.uint8) for name in FEATURES}, np.ones((2, 2), np.float32))
    assert measured(tmp_path, [picture], [{"a": picture.saliency}]).empty
    write_localisation(tmp_path / "out.csv", tmp_path / "maps.h5", [tmp_path / "cells1.h5"], [])
    assert read_localisation(tmp_path / "out.csv").empty
    with pytest.raises(InputError, match="no map of b"):
        write_localisation(tmp_path / "other.csv", tmp_path / "maps.h5", [tmp_path / "cells1.h5"], ["b"])
    assert not (tmp_path / "other.csv").exists()


@pytest.mark.parametrize("grid", [(28, 28), (8, 8), (72, 60)])
def test_real_masks_are_measured_as_the_pixels(real_data: Path, tmp_path: Path, grid: tuple[int, int]) -> None:
    features = ["globules", "milia_like_cyst", "negative_network", "pigment_network", "streaks"]
    archive = list_pictures(real_data / "isic-256" / "ISIC2018_Task1-2_Training_Input.zip")
    random = np.random.default_rng(29)
    images = random.choice(list(archive), 8, replace=False).tolist()
    maps = {image: draw_map(random, kind, grid) for image, kind in zip(images, ["any", "tenths"] * 4, strict=True)}
    pixels = count_real(real_data, tmp_path / "cells.h5", images, features, grid)
    write_map_file(tmp_path / "maps.h5", maps)
    write_localisation(tmp_path / "out.csv", tmp_path / "maps.h5", [tmp_path / "cells.h5"], images)
    table = read_localisation(tmp_path / "out.csv").set_index(["image", "feature"])
    present = [(image, name) for image in images for name, mask in pixels[image].items() if mask.any()]
    assert sorted(table.index) == sorted(present)
    assert len(present) > 8
    for image, name in present:
        check(maps[image], table.loc[(image, name), list(MEASURES)].to_numpy(dtype=float), pixels[image][name])
