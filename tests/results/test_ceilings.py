"""Ceilings as numbers: means, shares and intervals are those of loops over pictures, lesions and resamples."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from bootstrap_bounds import shares
from dermalign.data.cell_files import write_cells
from dermalign.data.masks import white_box
from dermalign.overlap.ceiling_files import Ceilings
from dermalign.overlap.ceilings import picture_ceilings
from dermalign.overlap.exact import exact_statistics
from dermalign.overlap.join import write_curves
from dermalign.overlap.shards import Shards
from dermalign.results import ceilings as module
from dermalign.results.ceiling_figure import ceilings_figure
from dermalign.results.ceilings import ceiling_statistics, share_statistics
from dermalign.results.formats import readable
from dermalign.results.intervals import resampled_lesions
from dermalign.results.tables import extended_ceilings
from dermalign.saliency.ceiling import ceiling
from dermalign.saliency.inputs import Inputs
from dermalign.saliency.maps import write_maps
from engine_cases import NAMES, Picture, counted, draw_mask
from PIL import Image

GRIDS = [(2, 2), (3, 4), (8, 8)]
SEED = 5
THRESHOLDS = ["0.000", "0.500", "1.000"]


def random_ceilings(count: int, black: int = 1) -> Ceilings:
    """Of so many pictures, of which the first ones have no streaks."""
    random = np.random.default_rng(1)
    union = random.integers(100, 1000, (count, 2, len(GRIDS))).astype(np.uint32)
    intersection = (union * random.random(union.shape)).astype(np.uint32) + 1
    union[:black, 0] = intersection[:black, 0] = 0
    return Ceilings([f"p{number:02d}" for number in range(count)], ["streaks", "union"], GRIDS, intersection, union)


def weights_of(clusters: list[int]) -> np.ndarray:
    """How often each picture is in each resample."""
    times = np.concatenate(list(resampled_lesions(max(clusters) + 1, SEED)))
    return times[:, clusters].astype(float)


def test_the_ceilings_of_grids_are_means_with_intervals_by_lesion() -> None:
    ceilings = random_ceilings(9)
    images = [image for image in ceilings.images if image != "p04"]
    table = ceiling_statistics(ceilings, images, {"p01": "a", "p02": "a"}, SEED, {}, pd.DataFrame())
    assert table[["grid", "feature", "n"]].to_numpy().tolist() == [
        [grid, *of] for grid in ("2x2", "3x4", "8x8") for of in (("streaks", 7), ("union", 8))
    ]
    rows = [row for row, image in enumerate(ceilings.images) if row and image != "p04"]
    values = ceilings.intersection[rows, 0, 1] / ceilings.union[rows, 0, 1]
    clusters = [0, 0, 1, 2, 3, 4, 5]
    weights = weights_of(clusters)
    found = table.iloc[2]
    assert found["j_mean"] == pytest.approx(values.mean(), rel=1e-12)
    expected = np.quantile(weights @ values / weights.sum(axis=1), shares(clusters))
    assert [found["low"], found["high"]] == pytest.approx(expected.tolist(), abs=1e-11)
    assert table[["threshold", "one_threshold_j_mean", "one_threshold_low", "one_threshold_high"]].isna().all(axis=None)


def test_a_feature_without_a_picture_has_a_row_without_values() -> None:
    table = ceiling_statistics(random_ceilings(4, black=4), ["p01", "p02"], {}, SEED, {}, pd.DataFrame())
    empty = table[table["feature"] == "streaks"]
    assert (empty["n"] == 0).all() and empty[["j_mean", "low", "high"]].isna().all(axis=None)
    assert (table[table["feature"] == "union"]["n"] == 2).all()


def test_shares_choose_the_threshold_anew_in_each_resample() -> None:
    ceilings = random_ceilings(9)
    random = np.random.default_rng(3)
    images = ceilings.images[1:]
    union = np.full((3, 8), 1000)
    intersection = random.integers(0, 600, (3, 8))
    intersection[:, :4] = intersection[[1, 0, 2], :4]
    shards = {"streaks": Shards(images, THRESHOLDS, intersection, union, np.arange(8))}
    lesions = {"p03": "a", "p05": "a"}
    (row,) = share_statistics("plain", "gradcam", (3, 4), shards, ceilings, lesions, SEED).to_dict("records")
    jaccard = intersection / 1000
    own = ceilings.intersection[1:, 0, 1] / ceilings.union[1:, 0, 1]
    best = int(jaccard.mean(axis=1).argmax())
    assert (row["model"], row["method"], row["grid"], row["n"]) == ("plain", "gradcam", "3x4", 8)
    assert row["threshold"] == THRESHOLDS[best]
    assert row["j_mean"] == pytest.approx(jaccard[best].mean(), rel=1e-12)
    assert row["share"] == pytest.approx(jaccard[best].mean() / own.mean(), rel=1e-12)
    clusters = [0, 1, 2, 3, 2, 4, 5, 6]
    resampled = [
        max(of @ values / of.sum() for values in jaccard) / (of @ own / of.sum()) for of in weights_of(clusters)
    ]
    expected = np.quantile(resampled, shares(clusters))
    assert [row["low"], row["high"]] == pytest.approx(expected.tolist(), abs=1e-11)


def test_shares_are_of_the_same_pictures_and_of_none_where_there_is_none() -> None:
    empty = np.empty((3, 0), dtype=np.int64)
    shards = {"streaks": Shards([], THRESHOLDS, empty, empty, np.arange(0))}
    (row,) = share_statistics("a", "b", (2, 2), shards, random_ceilings(3), {}, SEED).to_dict("records")
    assert row["n"] == 0 and np.isnan(row["share"]) and pd.isna(row["threshold"])
    other = np.full((3, 1), 9)
    with pytest.raises(ValueError, match="of other pictures"):
        share_statistics(
            "a",
            "b",
            (2, 2),
            {"streaks": Shards(["p00"], THRESHOLDS, other, other, np.arange(1))},
            random_ceilings(3),
            {},
            1,
        )


def test_one_threshold_for_all_is_that_of_the_source_and_below_the_ceiling(tmp_path: Path) -> None:
    random = np.random.default_rng(2)
    drawn = [
        Picture(f"p{number}", {name: draw_mask(random, "box", 40, 30) for name in NAMES[:-1]}, np.zeros((3, 4), "f"))
        for number in range(12)
    ]
    images = [picture.image for picture in drawn]
    write_cells(tmp_path / "cells.h5", (counted(picture, [(3, 4)]) for picture in drawn), [(3, 4)], NAMES[:-1])
    inputs = Inputs(images, (3, 4), features=NAMES, cells=[str(tmp_path / "cells.h5")])
    write_maps(tmp_path / "maps.h5", ceiling(inputs))
    write_curves(tmp_path / "3x4.h5", tmp_path / "maps.h5", [tmp_path / "cells.h5"], images)
    exact = exact_statistics("ceiling", "3x4", tmp_path / "3x4.h5").thresholds
    best = [
        picture_ceilings(
            {n: white_box(Image.fromarray(np.where(w, 255, 0).astype("u1"))) for n, w in p.white.items()}, GRIDS
        )
        for p in drawn
    ]
    counts = np.array([[of[name] for name in NAMES] for of in best])
    ceilings = Ceilings(images, NAMES, GRIDS, counts[..., 0], counts[..., 1])
    table = ceiling_statistics(ceilings, images, {}, SEED, {(3, 4): tmp_path / "3x4.h5"}, exact).set_index(
        ["grid", "feature"]
    )
    assert table.loc[["2x2", "8x8"], "threshold"].isna().all()
    for name in NAMES:
        row = table.loc[("3x4", name)]
        (expected,) = exact[exact["feature"] == name].to_dict("records")
        assert (row["threshold"], row["one_threshold_j_mean"]) == (expected["threshold"], expected["j_mean"])
        assert row["one_threshold_j_mean"] <= row["j_mean"]
        assert row["one_threshold_low"] < row["one_threshold_j_mean"] < row["one_threshold_high"]
    assert len(module.CHOSEN_FROM) == 201


# Table and figure

CEILINGS = ceiling_statistics(random_ceilings(9), random_ceilings(9).images, {}, SEED, {}, pd.DataFrame())


def shares_of(sources: list[tuple[str, str, str]]) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    for number, (model, method, grid) in enumerate(sources):
        for feature, n in (("streaks", 8), ("union", 9)):
            row = {"model": model, "method": method, "feature": feature, "n": n, "grid": grid, "threshold": "0.500"}
            rows.append(
                {**row, "j_mean": 0.1 + number / 100, "ceiling_j_mean": 0.5, "share": 0.2, "low": 0.1, "high": 0.3}
            )
    return pd.DataFrame(rows)


def test_the_table_puts_both_beside_each_other() -> None:
    table = extended_ceilings(CEILINGS, shares_of([("a", "gradcam", "8x8"), ("b", "gradcam", "2x2")]))
    assert table["grid"].tolist() == ["8x8", "8x8", "2x2", "2x2"]
    by_grid = CEILINGS.set_index(["grid", "feature"])
    for row in table.to_dict("records"):
        own = by_grid.loc[(row["grid"], row["feature"])]
        assert [row["ceiling_value"], row["ceiling_low"], row["ceiling_high"]] == own[
            ["j_mean", "low", "high"]
        ].tolist()
        assert [row["share_value"], row["share_low"], row["share_high"]] == [0.2, 0.1, 0.3]
    read = readable(table, ["model", "method", "grid"])
    assert [title for title, _ in read.blocks] == ["a, Grad-CAM, 8x8", "b, Grad-CAM, 2x2"]
    assert read.blocks[0][1][0][-1] == "0.200 (0.100 to 0.300)"
    assert "_" not in "".join(read.heads)


def test_the_figure_has_a_line_per_feature_and_a_mark_per_source() -> None:
    sources = [("a", "gradcam", "8x8"), ("a", "tiled", "8x8"), ("b", "gradcam", "3x4")]
    figure = ceilings_figure(CEILINGS, shares_of(sources))
    (axis,) = figure.axes
    lines = {tuple(line.get_xdata()): line for line in axis.get_lines() if len(line.get_xdata()) == 2}
    assert list(lines) == [(2, 8)]  # of squares
    curves = [line for line in axis.get_lines() if len(line.get_xdata()) == 2]
    for line, feature in zip(curves, ("streaks", "union"), strict=True):
        rows = CEILINGS[(CEILINGS["feature"] == feature) & CEILINGS["grid"].isin(["2x2", "8x8"])]
        assert list(line.get_ydata()) == rows["j_mean"].tolist()
    marks = [
        (line.get_xdata()[0], line.get_ydata()[0], line.get_color())
        for line in axis.get_lines()
        if len(line.get_xdata()) == 1
    ]
    assert sorted({round(x, 2) for x, _, _ in marks}) == [round(12**0.5, 2), 8, 8.35]
    assert {(round(y, 2), colour) for x, y, colour in marks if x == 8} == {(0.1, line.get_color()) for line in curves}
    (legend,) = figure.legends
    labels = [text.get_text() for text in legend.get_texts()]
    assert labels == ["streaks (n = 8)", "union (n = 9)", "a, Grad-CAM (8x8)", "a, tiled (8x8)", "b, Grad-CAM (3x4)"]
    assert len({line.get_marker() for line in legend.get_lines()[2:]}) == 3


def test_the_figure_of_a_study_without_masks_of_a_feature_can_be_drawn() -> None:
    none = ceiling_statistics(random_ceilings(4, black=4), ["p01", "p02"], {}, SEED, {}, pd.DataFrame())
    ceilings_figure(none, shares_of([("a", "gradcam", "8x8")])).draw_without_rendering()
