"""Exact thresholds: no threshold at all does better, and every number is the shards' at that threshold."""

import runpy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from dermalign.overlap.curves import ALL, BLOCK, open_curves, write_curve_file
from dermalign.overlap.engine import Curves, binned_curves, intersection_and_union, overlap_curves
from dermalign.overlap.exact import (
    CURVE_THRESHOLDS,
    SMALLEST,
    BestOfMean,
    Population,
    best_of_mean,
    best_per_picture,
    exact_statistics,
    mean_curve,
    read_populations,
    threshold_text,
)
from dermalign.overlap.shards import Shards, read_shards, write_shards
from engine_cases import (
    FEATURES,
    FEW,
    FINE_GRIDS,
    FINE_KINDS,
    KINDS,
    NAMES,
    THOUSANDTHS,
    THRESHOLDS,
    Picture,
    counted,
    draw_map,
    jaccard_of_maps,
    pictures,
    run_engine,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

SMALL_GRIDS = st.tuples(st.integers(1, 6), st.integers(1, 6))
SCRIPT = Path(__file__).parents[2] / "workflow_scripts" / "exact_thresholds.py"


@dataclass(frozen=True)
class Source:
    """The picture of each row, and the rows' step functions."""

    images: list[str]
    curves: Curves

    def write(self, path: Path) -> Path:
        """Write a curve file, rows as they stand."""
        with write_curve_file(path) as target:
            target.append(self.images, {ALL: self.curves})
        return path

    @property
    def levels(self) -> NDArray[np.float32]:
        """The maps' values, as `Curves.levels`."""
        assert self.curves.levels is not None
        return self.curves.levels


@st.composite
def sources(draw: st.DrawFn, draws: st.SearchStrategy[int]) -> Source:
    """A few pictures of any size, each with some maps, the rows in any order."""
    grid = draw(SMALL_GRIDS)
    drawn = draw(pictures(grid, FEW))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    rows = []
    for picture in drawn:
        cells = counted(picture, [grid]).cells[grid]
        rows.append((picture.image, picture.saliency, cells, picture.size))
        for _ in range(draw(draws) - 1):
            kind = draw(st.sampled_from(KINDS))
            rows.append((picture.image, draw_map(random, kind, grid), cells, picture.size))
    images, saliency, cells_of, sizes = zip(*draw(st.permutations(rows)), strict=True)
    cells_by_name = {name: np.stack([cells[name] for cells in cells_of]) for name in NAMES}
    return Source(list(images), overlap_curves(np.stack(saliency), cells_by_name, np.array(sizes)))


def telling_thresholds(levels: NDArray[np.float32]) -> list[np.float32]:
    """Return every value of the maps, its neighbours, the middle between any two, 0, and the ends of [0, 1]."""
    zero, one = np.float32(0), np.float32(1)
    values = np.unique([zero, SMALLEST, *levels.ravel(), one])
    middles = (values[:-1] + values[1:]) / np.float32(2)
    neighbours = [np.nextafter(values, zero), np.nextafter(values, one)]
    return list(np.unique(np.concatenate([values, middles, *neighbours])))


def jaccard_of_pictures(source: Source, feature: str, threshold: float) -> dict[str, float]:
    """Return J of the population's pictures, by name: the mean over a picture's maps."""
    intersection, union = intersection_and_union(source.curves, feature, threshold)
    mask = source.curves.intersection[feature][:, -1]
    of_image: dict[str, list[float]] = {}
    for image, common, either, white in zip(source.images, intersection, union, mask, strict=True):
        if white:
            of_image.setdefault(image, []).append(common / either)
    return {image: sum(of_image[image]) / len(of_image[image]) for image in sorted(of_image)}


def best_interval(thresholds: Sequence[np.float32], values: Sequence[float]) -> tuple[int, int]:
    """Return where the first run of the highest value begins and ends (exclusive)."""
    begin = end = values.index(max(values))
    while values[end] == values[begin]:
        end += 1
    return begin, end


def populations(source: Source, folder: Path) -> dict[str, Population]:
    with open_curves(source.write(folder / "curves.h5")) as curves:
        return dict(read_populations(curves))


@settings(max_examples=120, deadline=None)
@given(source=sources(st.integers(1, 2)))
def test_no_threshold_at_all_does_better(tmp_path_factory: pytest.TempPathFactory, source: Source) -> None:
    thresholds = telling_thresholds(source.levels)
    found = populations(source, tmp_path_factory.mktemp("exact"))
    assert list(found) == NAMES
    for feature, population in found.items():
        tried = [jaccard_of_pictures(source, feature, float(threshold)) for threshold in thresholds]
        images = list(tried[0])
        best, own = best_of_mean(population), best_per_picture(population)
        assert own.images == population.images == images
        if not images:
            assert best is None
            continue
        means = [float(np.mean(list(values.values()))) for values in tried]
        begin, end = best_interval(thresholds, means)
        assert best == BestOfMean(len(images), thresholds[begin], thresholds[end], means[begin])
        for row, image in enumerate(images):
            values = [of_images[image] for of_images in tried]
            begin, end = best_interval(thresholds, values)
            assert (own.threshold[row], own.threshold_until[row]) == (thresholds[begin], thresholds[end])
            assert own.jaccard[row] == values[begin]


def linear_quantile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    below = int((len(ordered) - 1) * share)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + ((len(ordered) - 1) * share - below) * (ordered[above] - ordered[below])


@settings(max_examples=60, deadline=None)
@given(source=sources(st.integers(1, 4)))
def test_the_curve_and_its_band(tmp_path_factory: pytest.TempPathFactory, source: Source) -> None:
    for feature, population in populations(source, tmp_path_factory.mktemp("exact")).items():
        curve = mean_curve(population, THRESHOLDS)
        assert curve["threshold"].tolist() == THRESHOLDS
        for row in curve.itertuples():
            values = list(jaccard_of_pictures(source, feature, float(row.threshold)).values())
            assert row.n == len(values)
            expected = [np.nan] * 5
            if values:
                mean = sum(values) / len(values)
                variance = (
                    sum((value - mean) ** 2 for value in values) / (len(values) - 1) if len(values) > 1 else np.nan
                )
                expected = [mean, variance**0.5, *(linear_quantile(values, share) for share in (0.25, 0.5, 0.75))]
            found = [row.j_mean, row.j_sd, row.j_q25, row.j_median, row.j_q75]
            np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-15)


def many(draws: Sequence[int], kind: str, features: int = 1) -> Source:
    """Return pictures with as many maps as `draws` says, rows in random order; each feature is on some pictures."""
    random = np.random.default_rng(7)
    rows = random.permutation(np.repeat(np.arange(len(draws)), draws))
    sizes = random.integers(5, 40, (len(draws), 2))
    cells = {}
    saliency = np.stack([draw_map(random, kind, (5, 4)) for _ in rows])
    for number in range(features):
        # At most the smallest cell's pixels; whole pictures are without the feature.
        counts = (
            random.integers(0, 2, (len(draws), 5, 4)) * (random.random(len(draws)) < 0.8)[:, np.newaxis, np.newaxis]
        )
        cells[f"feature{number}"] = counts[rows]
    return Source([f"p{row}" for row in rows], overlap_curves(saliency, cells, sizes[rows]))


def shards_at(path: Path, feature: str, threshold: str) -> Shards:
    shard = path.parent / feature / f"{threshold}.csv"
    write_shards(path, {(feature, threshold): shard})
    return read_shards({threshold: shard})


@pytest.mark.parametrize("draws", [[1] * (2 * BLOCK + 3), [1 + row % 12 for row in range(BLOCK + 9)]])
@pytest.mark.parametrize("kind", ["any", "ties"])
def test_every_number_is_the_shards(tmp_path: Path, draws: list[int], kind: str) -> None:
    path = many(draws, kind, features=2).write(tmp_path / "curves.h5")
    statistics = exact_statistics("plain", "gradcam", path)
    assert statistics.thresholds["feature"].tolist() == ["feature0", "feature1"]
    for best in statistics.thresholds.itertuples():
        curve = statistics.curves[statistics.curves["feature"] == best.feature].set_index("threshold")
        assert curve.index.tolist() == CURVE_THRESHOLDS
        own = statistics.pictures[statistics.pictures["feature"] == best.feature]
        highest = np.zeros(best.n)
        means = {}
        for threshold in [best.threshold, best.threshold_until, *CURVE_THRESHOLDS[::50]]:
            shards = shards_at(path, best.feature, threshold)
            assert shards.images == own["image"].tolist()
            highest = np.maximum(highest, shards.jaccard[0])
            means[threshold] = shards.jaccard[0].mean()
            if threshold in curve.index:
                assert curve["j_mean"][threshold] == shards.jaccard[0].mean()
                assert curve["j_sd"][threshold] == pytest.approx(shards.jaccard[0].std(ddof=1), rel=1e-12)
        assert best.j_mean == means[best.threshold] == max(means.values())
        assert means[best.threshold_until] < best.j_mean
        assert (own["jaccard"] >= highest).all()
        for row in own.iloc[::200].itertuples():
            shards = shards_at(path, best.feature, row.threshold)
            assert shards.jaccard[0][shards.images.index(row.image)] == row.jaccard


def test_of_constant_maps_no_threshold_is_best(tmp_path: Path) -> None:
    saliency = np.ones((3, 1, 1), dtype=np.float32)
    curves = overlap_curves(saliency, {"union": np.array([5, 9, 20]).reshape(3, 1, 1)}, np.array([[10, 10]] * 3))
    path = Source(["a", "b", "c"], curves).write(tmp_path / "curves.h5")
    found = exact_statistics("controls", "all_white", path, is_constant=True)
    for table in (found.thresholds, found.pictures):
        assert table[["threshold", "threshold_until"]].isna().all(axis=None)
    assert found.thresholds["j_mean"].tolist() == [pytest.approx((0.05 + 0.09 + 0.2) / 3)]
    assert found.pictures["jaccard"].tolist() == [0.05, 0.09, 0.2]
    other = exact_statistics("controls", "all_white", path)
    pd.testing.assert_frame_equal(found.curves, other.curves, check_exact=True)
    assert other.thresholds["threshold"].notna().all()


def test_the_order_of_rows_changes_nothing(tmp_path: Path) -> None:
    source = many([1] * (BLOCK + 5), "any")
    order = np.random.default_rng(3).permutation(len(source.images))
    curves = Curves(
        source.levels[order],
        source.curves.area[order],
        {feature: values[order] for feature, values in source.curves.intersection.items()},
    )
    shuffled = Source([source.images[row] for row in order], curves)
    once = exact_statistics("plain", "gradcam", source.write(tmp_path / "once.h5"))
    again = exact_statistics("plain", "gradcam", shuffled.write(tmp_path / "again.h5"))
    for name in ("thresholds", "pictures", "curves"):
        pd.testing.assert_frame_equal(getattr(once, name), getattr(again, name), check_exact=True)


def single(values: Sequence[float], white: Sequence[int]) -> Source:
    """Return one picture whose map is a row of cells of 4 pixels, of which `white` are the mask's."""
    saliency = np.array([[values]], dtype=np.float32)
    cells = {"union": np.array([[white]], dtype=np.int64)}
    return Source(["picture"], overlap_curves(saliency, cells, np.array([(4 * len(values), 1)])))


@pytest.mark.parametrize(
    ("values", "white", "threshold", "until", "jaccard"),
    [
        ([1, 1], [4, 0], 0, 1, 1 / 2),  # all white below 1
        ([0, 0], [4, 0], 0, SMALLEST, 1 / 2),  # degenerate: black above 0
        ([1, 0], [4, 0], SMALLEST, 1, 1),  # cells of 0 are white at 0 alone
        ([1, 0], [4, 4], 0, SMALLEST, 1),
        ([1, SMALLEST], [4, 0], SMALLEST, 1, 1),  # the smallest value is black from itself on
        ([1, SMALLEST], [4, 4], 0, SMALLEST, 1),
        ([1, SMALLEST, 0], [4, 4, 0], 0, SMALLEST, 2 / 3),  # as the smallest value and 0 cannot be told apart
        ([1, 0.3], [4, 0], 0.3, 1, 1),  # a threshold on a value
        ([0.3, 0.3, 0.1], [4, 0, 0], 0.1, 0.3, 1 / 2),  # equal values change together
        ([0.8, 0.6, 0.4, 0.2], [4, 0, 0, 4], 0, 0.2, 1 / 2),  # 0.6 to 0.8 is as good: the lowest of both
        ([0.8, 0.6, 0.4, 0.2], [2, 1, 1, 0], 0.2, 0.8, 1 / 3),  # three steps of the same J are one interval
        ([0.8, 0.6, 0.4, 0.2], [2, 1, 0, 1], 0.4, 0.8, 1 / 3),
        ([0.5], [1], 0, 0.5, 1 / 4),
    ],
)
def test_edges_and_ties(
    tmp_path: Path, values: list[float], white: list[int], threshold: float, until: float, jaccard: float
) -> None:
    population = populations(single(values, white), tmp_path)["union"]
    expected = BestOfMean(1, np.float32(threshold), np.float32(until), jaccard)
    assert best_of_mean(population) == expected
    own = best_per_picture(population)
    found = BestOfMean(1, own.threshold[0], own.threshold_until[0], own.jaccard[0])
    assert found == expected
    assert own.threshold.dtype == own.threshold_until.dtype == np.float32


def test_steps_of_pictures_outside_of_the_population_do_not_cut_an_interval(tmp_path: Path) -> None:
    saliency = np.array([[[0.9, 0.1]], [[0.5, 0.4]]], dtype=np.float32)
    cells = {"streaks": np.array([[[4, 0]], [[0, 0]]])}
    source = Source(["with", "without"], overlap_curves(saliency, cells, np.array([(8, 1), (8, 1)])))
    assert best_of_mean(populations(source, tmp_path)["streaks"]) == BestOfMean(
        1, np.float32(0.1), np.float32(0.9), 1.0
    )


def test_a_picture_counts_once_whatever_its_maps(tmp_path: Path) -> None:
    # Three maps of `a` hit, one of `b` misses: 1/2 and 0, not 3/4.
    saliency = np.array([[[1, 0]], [[1, 0]], [[1, 0]], [[1, 0]]], dtype=np.float32)
    cells = {"streaks": np.array([[[4, 0]], [[0, 4]], [[4, 0]], [[4, 0]]])}
    source = Source(["a", "b", "a", "a"], overlap_curves(saliency, cells, np.array([(8, 1)] * 4)))
    population = populations(source, tmp_path)["streaks"]
    assert population.maps.tolist() == [3, 1]
    # At 0 both have J = 1/2: the mean is the same below and above.
    assert best_of_mean(population) == BestOfMean(2, np.float32(0), np.float32(1), 0.5)
    curve = mean_curve(population, ["0.500"])
    assert curve[["n", "j_mean", "j_q25", "j_median", "j_q75"]].to_numpy().tolist() == [[2, 0.5, 0.25, 0.5, 0.75]]


def test_thresholds_read_back_as_they_were() -> None:
    random = np.random.default_rng(9)
    values = random.random(20_000, dtype=np.float32) * np.float32(2) ** -random.integers(0, 40, 20_000)
    for value in [np.float32(0), SMALLEST, np.float32(0.3), np.float32(1), *values.astype(np.float32)]:
        assert np.float32(float(threshold_text(value))) == value
    assert threshold_text(np.float32(0.3)) == "0.3"


def test_the_script_writes_the_tables(tmp_path: Path) -> None:
    source = many([2, 1, 1, 1], "any")
    source.curves.intersection["none"] = np.zeros_like(source.curves.area)
    outputs = {name: tmp_path / f"{name}.csv" for name in ("thresholds", "pictures", "curves")}
    snakemake = SimpleNamespace(
        input=[source.write(tmp_path / "curves.h5")],
        output=outputs,
        log=[tmp_path / "job.log"],
        wildcards=SimpleNamespace(model="plain", method="gradcam"),
        params=SimpleNamespace(is_constant=False),
    )
    runpy.run_path(str(SCRIPT), init_globals={"snakemake": snakemake})
    thresholds, pictures, curves = (pd.read_csv(path, float_precision="round_trip") for path in outputs.values())
    assert [path.read_text().splitlines()[0] for path in outputs.values()] == [
        "model,method,feature,n,threshold,threshold_until,j_mean",
        "model,method,feature,image,threshold,threshold_until,jaccard",
        "model,method,feature,threshold,n,j_mean,j_sd,j_q25,j_median,j_q75",
    ]
    best = best_of_mean(populations(source, tmp_path)["feature0"])
    assert best is not None
    assert thresholds.loc[0, ["model", "method", "feature", "n"]].tolist() == ["plain", "gradcam", "feature0", best.n]
    assert np.float32(thresholds.loc[0, "threshold"]) == best.threshold
    assert np.float32(thresholds.loc[0, "threshold_until"]) == best.threshold_until
    assert thresholds.loc[0, "j_mean"] == best.j_mean
    # A feature that no picture has: said in the tables, and no number made up.
    assert thresholds.loc[1, ["feature", "n"]].tolist() == ["none", 0]
    assert thresholds.loc[1, ["threshold", "threshold_until", "j_mean"]].isna().all()
    assert set(pictures["feature"]) == {"feature0"}
    assert (curves["n"] == 0).sum() == len(CURVE_THRESHOLDS)
    assert "0.300" in outputs["curves"].read_text()


TABLES = {
    "thresholds": ["model", "method", "feature", "n", "threshold", "threshold_until", "j_mean"],
    "pictures": ["model", "method", "feature", "image", "threshold", "threshold_until", "jaccard"],
    "curves": ["model", "method", "feature", "threshold", "n", "j_mean", "j_sd", "j_q25", "j_median", "j_q75"],
}


@pytest.mark.parametrize("compute", [overlap_curves, binned_curves])
def test_an_analysis_without_pictures(tmp_path: Path, compute: Callable[..., Curves]) -> None:
    cells = {"union": np.zeros((0, 2, 2), dtype=np.uint32)}
    nothing = compute(np.zeros((0, 2, 2), dtype=np.float32), cells, np.zeros((0, 2), dtype=np.int64))
    statistics = exact_statistics("plain", "gradcam", Source([], nothing).write(tmp_path / "curves.h5"))
    assert {name: list(getattr(statistics, name)) for name in TABLES} == TABLES
    assert statistics.thresholds["n"].tolist() == ([0] if nothing.levels is not None else [])
    assert statistics.pictures.empty
    assert len(statistics.curves) == len(CURVE_THRESHOLDS)
    assert statistics.curves["j_mean"].isna().all()


# Maps that differ by feature, and fine maps


def check_curves(found: pd.DataFrame, drawn: Sequence[Picture], features: Sequence[str] = ()) -> None:
    """Check mean curves, at all thousandths, against J of every map as its pixels are counted."""
    assert found["feature"].tolist() == [name for name in sorted(NAMES) for _ in THOUSANDTHS]
    for name, curve in found.groupby("feature"):
        assert curve["threshold"].tolist() == THOUSANDTHS
        by_picture = [np.mean(of, axis=0) for of in jaccard_of_maps(drawn, str(name), features).values()]
        assert (curve["n"] == len(by_picture)).all()
        expected = np.full((5, len(THOUSANDTHS)), np.nan)
        if by_picture:
            expected[0] = np.mean(by_picture, axis=0)
            expected[2:] = np.quantile(by_picture, [0.25, 0.5, 0.75], axis=0)
        if len(by_picture) > 1:
            expected[1] = np.std(by_picture, axis=0, ddof=1)
        columns = curve[["j_mean", "j_sd", "j_q25", "j_median", "j_q75"]].to_numpy().T
        np.testing.assert_allclose(columns, expected, rtol=1e-12, atol=1e-15)


@settings(max_examples=8, deadline=None)
@given(data=st.data(), features=st.sampled_from([(), ("globules", "streaks"), ("union", "streaks", "globules")]))
def test_fine_maps_have_a_mean_curve_and_no_best_of_all_thresholds(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, features: tuple[str, ...]
) -> None:
    folder = tmp_path_factory.mktemp("fine")
    drawn = data.draw(pictures(data.draw(FINE_GRIDS), st.integers(1, 3), FINE_KINDS, len(features)))
    run_engine(folder, [drawn[:1], drawn[1:]], [], features=features)
    statistics = exact_statistics("unet", "segmentation", folder / "curves.h5")
    assert {name: list(getattr(statistics, name)) for name in TABLES} == TABLES
    assert statistics.thresholds.empty
    assert statistics.pictures.empty
    assert set(statistics.curves["model"]) == {"unet"} and set(statistics.curves["method"]) == {"segmentation"}
    check_curves(statistics.curves, drawn, features)


def test_several_fine_maps_of_a_picture_count_as_their_mean(tmp_path: Path) -> None:
    random = np.random.default_rng(4)
    grid = (64, 65)
    full = {name: np.full((9, 11), 255, dtype=np.uint8) for name in FEATURES}
    drawn = [Picture(image, full, draw_map(random, "any", grid)) for image in ("b", "a")]
    draws = [{"b": draw_map(random, "thousandths", grid), "a": draw_map(random, "any", grid)} for _ in range(3)]
    run_engine(tmp_path, [drawn], [], draws)
    every = [Picture(image, full, maps[image]) for maps in draws for image in ("a", "b")]
    curves = exact_statistics("m", "random_cells", tmp_path / "curves.h5").curves
    assert set(curves["n"]) == {2}
    check_curves(curves, every)


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(data=st.data(), features=st.sampled_from([("globules", "streaks"), ("union", "streaks", "globules")]))
def test_each_feature_has_the_best_threshold_of_its_own_maps(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, features: tuple[str, ...]
) -> None:
    """Maps with values on tenths alone, so that the best of the thousandths is the best of all thresholds."""
    folder = tmp_path_factory.mktemp("by_feature")
    drawn = data.draw(pictures(data.draw(SMALL_GRIDS), st.integers(1, 3), ("tenths",), len(features)))
    run_engine(folder, [drawn], [], features=features)
    statistics = exact_statistics("unet", "segmentation", folder / "curves.h5")
    check_curves(statistics.curves, drawn, features)
    assert statistics.thresholds["feature"].tolist() == sorted(NAMES)
    own = statistics.pictures.set_index(["feature", "image"])
    for best in statistics.thresholds.itertuples():
        jaccard = {image: of[0] for image, of in jaccard_of_maps(drawn, best.feature, features).items()}
        assert best.n == len(jaccard)
        if not jaccard:
            continue
        mean = np.mean(list(jaccard.values()), axis=0)
        assert best.j_mean == mean.max()
        assert bin_at_or_above(best.threshold) == np.argmax(mean)
        for image, of_image in jaccard.items():
            found = own.loc[(best.feature, image)]
            assert found["jaccard"] == of_image.max()
            assert bin_at_or_above(found["threshold"]) == np.argmax(of_image)


def bin_at_or_above(threshold: str) -> int:
    """Return the first of the thousandths, as float32, that is not below a threshold."""
    return int(np.searchsorted(np.array(THOUSANDTHS).astype(np.float32), np.float32(threshold)))
