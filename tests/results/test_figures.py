"""Figures of the statistics: what is drawn is what stands in the tables, of every source, however many there are."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest
from dermalign.results.figures import groups_figure, histograms, jaccard_by_threshold, mean_curves
from dermalign.results.plotting import band_of_steps, save
from dermalign.results.words import in_words
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

FEATURES = ["pigment_network", "streaks", "union"]
GRID = [f"{number / 10:.3f}" for number in range(11)]
CHANCE = ["all_white", "center_gaussian", "shuffled", "random_cells"]
J = ["j_mean", "j_q25", "j_q75"]
Source = tuple[str, str]


def table(sources: Sequence[Source], features: Sequence[str] = FEATURES, seed: int = 0) -> pd.DataFrame:
    """Statistics of map sources, all values of J different; the columns that figures read."""
    random = np.random.default_rng(seed)
    rows = [(*source, feature, threshold, 7) for source in sources for feature in features for threshold in GRID]
    frame = pd.DataFrame(rows, columns=["model", "method", "feature", "threshold", "n"])
    frame = frame.assign(j_mean=random.random(len(frame)), j_q25=0.1, j_q75=0.9)
    frame.loc[frame["threshold"] == "1.000", "j_mean"] = 0.0  # all is black
    return frame.assign(j_low=frame["j_mean"] - 0.02, j_high=frame["j_mean"] + 0.03)


def of_models(methods: Sequence[str], models: Sequence[str] = ("plain", "residual")) -> list[Source]:
    return [(model, method) for model in models for method in methods]


def methods_named(count: int) -> list[str]:
    return [f"method_{number}" for number in range(count)]


def curves_in(axis: Axes) -> list[Line2D]:
    return [line for line in axis.lines if line.get_linestyle() != "None"]


def best_in(axis: Axes) -> list[tuple[float, float]]:
    points = [line for line in axis.lines if line.get_linestyle() == "None" and line.get_markersize() == 5]
    return [(x, y) for line in points for x, y in line.get_xydata().tolist()]


def black_in(axis: Axes) -> set[tuple[float, float]]:
    points = [line for line in axis.lines if line.get_linestyle() == "None" and line.get_markersize() == 3]
    return {(x, y) for line in points for x, y in line.get_xydata().tolist()}


def look(line: Line2D) -> tuple[object, ...]:
    # Matplotlib calls all dash patterns of one's own `--`.
    return (to_hex(line.get_color()), line._unscaled_dash_pattern, line.get_marker())


def entries(figure: Figure) -> dict[str, tuple[object, ...]]:
    """The looks that the legend tells, by label; a label twice is an error."""
    legend = figure.legends[0]
    labels = [text.get_text() for text in legend.get_texts()]
    assert len(set(labels)) == len(labels)
    return dict(zip(labels, map(look, legend.get_lines()), strict=True))


def rows_of(drawn: pd.DataFrame, source: Source, feature: str) -> pd.DataFrame:
    return drawn[(drawn["model"] == source[0]) & (drawn["method"] == source[1]) & (drawn["feature"] == feature)]


def check_panel(axis: Axes, drawn: pd.DataFrame, labels: dict[Source, str], feature: str, figure: Figure) -> None:
    """Every source has one line, with the table's values, and the look that the legend tells."""
    told = entries(figure)
    assert black_in(axis) == {(1.0, 0.0)}
    lines = {tuple(line.get_ydata()): line for line in curves_in(axis)}
    assert len(lines) == len(curves_in(axis)) == len(labels)
    assert len({look(line) for line in lines.values()}) == len(labels)
    for source, label in labels.items():
        expected = rows_of(drawn, source, feature).query("threshold != '1.000'")  # which is a point, not a slope
        line = lines[tuple(expected["j_mean"])]
        np.testing.assert_array_equal(line.get_xdata(), expected["threshold"].astype(float))
        assert look(line) == told[label]


def fits(figure: Figure) -> bool:
    """Whether legend and panels, with all their labels, are within the figure and apart from each other."""
    figure.draw_without_rendering()
    legend = figure.legends[0].get_window_extent()
    panels = [axis.get_tightbbox() for axis in figure.axes if axis.get_visible()]
    labels = [text.get_window_extent() for text in (figure._supxlabel, figure._supylabel)]
    within = [box for box in (legend, *panels, *labels) if box is not None]
    inside = all(
        box.x0 >= -1 and box.y0 >= -1 and box.x1 <= figure.bbox.x1 + 1 and box.y1 <= figure.bbox.y1 + 1
        for box in within
    )
    return inside and all(panel.y1 <= legend.y0 + 1 for panel in panels if panel is not None)


@pytest.mark.parametrize("count", [1, 8, 12, 20])
def test_a_row_of_panels_per_model_has_all_its_methods(count: int) -> None:
    methods = methods_named(count)
    drawn = table(of_models([*methods, *CHANCE]))
    figure = jaccard_by_threshold(drawn, FEATURES, ["plain", "residual"], CHANCE)
    assert len(figure.axes) == 6
    for number, axis in enumerate(figure.axes):
        model, feature = ("plain", "residual")[number // 3], FEATURES[number % 3]
        labels = {(model, method): f"{model}, {method.replace('_', ' ')}" for method in methods}
        labels |= {(model, method): f"{in_words(method)} (control)" for method in CHANCE}
        check_panel(axis, drawn, labels, feature, figure)
        rows = drawn.query("model == @model and feature == @feature and method not in @CHANCE")
        best = rows.groupby("method")["j_mean"].idxmax()
        expected = drawn.loc[best, ["threshold", "j_mean"]].astype(float)
        assert sorted(best_in(axis)) == sorted(expected.itertuples(index=False, name=None))
    assert len(entries(figure)) == 2 * count + 4
    assert [axis.get_title() for axis in figure.axes[:3]] == [
        "pigment network (n = 7)",
        "streaks (n = 7)",
        "union (n = 7)",
    ]
    assert [figure.axes[0].get_ylabel(), figure.axes[3].get_ylabel()] == ["plain", "residual"]
    assert fits(figure)


def test_models_are_compared_by_height_and_none_is_cut_off() -> None:
    drawn = table(of_models(["gradcam"]))
    values = ["j_mean", "j_low", "j_high"]
    drawn.loc[drawn["model"] == "residual", values] *= 3
    axes = jaccard_by_threshold(drawn, FEATURES, ["plain", "residual"], []).axes
    for column, feature in enumerate(FEATURES):
        first, second = axes[column].get_ylim(), axes[column + 3].get_ylim()
        assert first == second and second[0] == 0
        assert second[1] > drawn.loc[drawn["feature"] == feature, values].max().max()


def test_models_stand_in_the_order_that_was_asked_for() -> None:
    drawn = table(of_models(["gradcam"]))
    figure = jaccard_by_threshold(drawn, ["union"], ["residual", "plain"], [])
    assert [axis.get_ylabel() for axis in figure.axes] == ["residual", "plain"]
    (line,) = curves_in(figure.axes[0])
    np.testing.assert_array_equal(line.get_ydata(), rows_of(drawn, ("residual", "gradcam"), "union")["j_mean"][:-1])


@pytest.mark.parametrize("count", [5, 6, 15])
def test_controls_are_grey_however_many_there_are(count: int) -> None:
    controls = [f"control_{number}" for number in range(count)]
    figure = jaccard_by_threshold(table(of_models(["gradcam", *controls])), FEATURES, ["plain", "residual"], controls)
    told = entries(figure)
    grey = [told[f"control {number} (control)"] for number in range(count)]
    assert len(set(grey)) == count
    assert {colour for colour, *_ in grey} == {"#737373"}
    assert "#737373" not in {told["plain, Grad-CAM"][0], told["residual, Grad-CAM"][0]}
    for axis in figure.axes:
        assert len({look(line) for line in curves_in(axis)}) == count + 1


def test_sources_that_belong_to_no_model_are_in_every_row() -> None:
    others = [("controls", "center"), ("ceiling", "28x28"), ("reader", "alice")]
    drawn = table([*of_models(["gradcam", "shuffled"]), *others])
    figure = jaccard_by_threshold(drawn, FEATURES, ["plain", "residual"], ["shuffled", "center"])
    for number, axis in enumerate(figure.axes):
        model = ("plain", "residual")[number // 3]
        labels = {source: f"{source[0]}, {in_words(source[1])}" for source in [(model, "gradcam"), *others]}
        check_panel(axis, drawn, labels | {(model, "shuffled"): "shuffled (control)"}, FEATURES[number % 3], figure)
    assert entries(figure)["controls, center"][0] == "#737373"
    assert list(entries(figure)) == [
        "plain, Grad-CAM",
        "residual, Grad-CAM",
        "ceiling, 28x28",
        "reader, alice",
        "controls, center",
        "shuffled (control)",
    ]


@pytest.mark.parametrize("count", [1, 4, 6, 10])
def test_mean_curves_have_a_line_per_source(count: int) -> None:
    """Four: two models with three variants, of which one was left out."""
    methods = methods_named(count)
    drawn = table(of_models([*methods, *CHANCE]))
    figure = mean_curves(drawn, FEATURES, methods, ["plain", "residual"], CHANCE)
    for axis, feature in zip(figure.axes, FEATURES, strict=True):
        labels = {source: f"{source[0]}, {source[1].replace('_', ' ')}" for source in of_models(methods)}
        check_panel(axis, drawn, labels, feature, figure)
        assert len(axis.collections) == len(labels)  # a band each
        assert axis.get_title() == f"{feature.replace('_', ' ')} (n = 7)"
    assert len(entries(figure)) == 2 * count
    assert fits(figure)


def test_bands_are_the_quartiles() -> None:
    drawn = table([("plain", "gradcam")], ["union"])
    drawn["j_q25"], drawn["j_q75"] = drawn["j_mean"] - 0.02, drawn["j_mean"] + 0.03
    (axis,) = mean_curves(drawn, ["union"], ["gradcam"], ["plain"], []).axes
    corners = axis.collections[0].get_paths()[0].vertices[:, 1]
    expected = {*drawn["j_q25"][:-1], *drawn["j_q75"][:-1]}
    assert {round(float(value), 12) for value in corners} == {round(value, 12) for value in expected}


def test_bands_of_many_thresholds_lose_only_corners_that_cannot_be_seen() -> None:
    random, x = np.random.default_rng(0), np.arange(1001) / 1000
    low = 0.1 + 0.05 * np.sin(3 * x) + random.normal(0, 1e-5, x.size)
    high = np.where(x < 0.4, low + 0.02, 0.7)  # a step that is seen
    corners = band_of_steps(x, low, high, (170, 140))
    assert len(corners) < 4 * x.size / 10
    turn = int(np.argmax(np.diff(corners[:, 1]) * (corners[1:, 0] > 0.9))) + 1  # where the lower edge ends
    lower, upper = corners[:turn], corners[turn:][::-1]
    for edge, values in ((lower, low), (upper, high)):
        away = np.abs(x - 0.4) > 0.002  # beside the step, where it is steep
        drawn = np.interp(x, edge[:, 0], edge[:, 1])
        assert np.abs(drawn - values)[away].max() * 140 < 0.5  # points
    assert upper[:, 1].max() == pytest.approx(0.7) and len(band_of_steps(x[:0], x[:0], x[:0], (1, 1))) == 0


def test_intervals_are_bands_of_all_but_controls() -> None:
    drawn = table(of_models(["gradcam", *CHANCE], ["plain"]), ["union"])
    (axis,) = jaccard_by_threshold(drawn, ["union"], ["plain"], CHANCE).axes
    (band,) = axis.collections
    rows = rows_of(drawn, ("plain", "gradcam"), "union")[:-1]
    assert set(band.get_paths()[0].vertices[:, 1]) == set(rows["j_low"]) | set(rows["j_high"])
    without = jaccard_by_threshold(drawn.drop(columns=["j_low", "j_high"]), ["union"], ["plain"], CHANCE)
    assert not without.axes[0].collections


def test_controls_are_told_apart_by_markers_where_colours_and_dashes_are_not() -> None:
    figure = jaccard_by_threshold(table(of_models(["gradcam", *CHANCE], ["plain"])), FEATURES, ["plain"], CHANCE)
    markers = [marker for label, (_, _, marker) in entries(figure).items() if "control" in label]
    assert len(set(markers)) == 4 and "None" not in markers


def test_thresholds_that_end_before_1_have_no_black_map() -> None:
    drawn = table(of_models(["gradcam"], ["plain"]), ["union"]).query("threshold <= '0.500'")
    (axis,) = jaccard_by_threshold(drawn, ["union"], ["plain"], []).axes
    assert black_in(axis) == set()
    (line,) = curves_in(axis)
    np.testing.assert_array_equal(line.get_ydata(), drawn["j_mean"])


def test_a_source_looks_the_same_in_both_figures() -> None:
    methods, controls = methods_named(9), [*CHANCE, "prior"]
    sources = [*of_models([*methods, *CHANCE]), ("controls", "prior"), ("ceiling", "28x28")]
    models, drawn = ["plain", "residual"], table(sources)
    first = entries(jaccard_by_threshold(drawn, FEATURES, models, controls))
    some = entries(mean_curves(drawn, FEATURES, [*methods[3:], "prior", "28x28"], models, controls))
    assert len(some) == 2 * 6 + 2
    assert some.items() <= first.items()
    # Controls of each model in one panel: none may hide behind another's look.
    together = entries(mean_curves(drawn, FEATURES, [*methods, *controls], models, controls))
    assert len(set(together.values())) == len(together) == 2 * 13 + 1


def test_titles_tell_of_how_many_pictures_the_lines_of_their_panel_are() -> None:
    drawn = table([*of_models(["gradcam"]), ("plain", "rise"), ("plain", "scorecam")])
    drawn.loc[(drawn["method"] == "rise") & (drawn["feature"] == "streaks"), "n"] = 3
    drawn.loc[drawn["method"] == "gradcam", "n"] = 1963
    drawn.loc[drawn["method"] == "scorecam", [*J, "n"]] = [*[np.nan] * len(J), 0]
    figure = jaccard_by_threshold(drawn, FEATURES, ["plain", "residual"], [])
    both = ["pigment network (n = 7 to 1,963)", "streaks (n = 3 to 1,963)", "union (n = 7 to 1,963)"]
    alone = ["pigment network (n = 1,963)", "streaks (n = 1,963)", "union (n = 1,963)"]
    assert [axis.get_title() for axis in figure.axes] == [*both, *alone]
    curves = mean_curves(drawn, FEATURES, ["rise"], ["plain", "residual"], [])
    assert [axis.get_title() for axis in curves.axes] == [
        "pigment network (n = 7)",
        "streaks (n = 3)",
        "union (n = 7)",
    ]
    assert fits(figure)


def test_an_empty_population_is_an_empty_panel() -> None:
    drawn = table(of_models(["gradcam", "shuffled"]))
    drawn.loc[drawn["feature"] == "streaks", J] = np.nan
    drawn.loc[drawn["feature"] == "streaks", "n"] = 0
    figure = jaccard_by_threshold(drawn, FEATURES, ["plain", "residual"], ["shuffled"])
    assert figure.axes[1].get_title() == "streaks (n = 0)"
    assert [len(best_in(axis)) for axis in figure.axes] == [1, 0, 1] * 2
    assert np.isnan([line.get_ydata() for line in curves_in(figure.axes[1])]).all()
    curves = mean_curves(drawn, FEATURES, ["gradcam"], ["plain", "residual"], ["shuffled"])
    assert curves.axes[1].get_title() == "streaks (n = 0)"
    assert fits(figure) and fits(curves)


def test_the_best_of_equal_values_is_the_lowest_threshold() -> None:
    drawn = table([("plain", "gradcam")], ["union"]).assign(j_mean=[0.1, 0.4, 0.3, 0.4, *[0.0] * 7])
    (axis,) = jaccard_by_threshold(drawn, ["union"], ["plain"], []).axes
    assert best_in(axis) == [(0.1, 0.4)]


@pytest.mark.parametrize("features", [["union"], [f"feature_{number}" for number in range(7)]])
def test_one_feature_or_seven(features: list[str]) -> None:
    methods = ["gradcam", "a_method_with_quite_a_long_name_for_a_single_panel"]
    drawn = table(of_models([*methods, *CHANCE], ["plain"]), features)
    figure = jaccard_by_threshold(drawn, features, ["plain"], CHANCE)
    assert [axis.get_visible() for axis in figure.axes].count(True) == len(features)
    assert fits(figure)
    curves = mean_curves(drawn, features, methods, ["plain"], CHANCE)
    assert [axis.get_visible() for axis in curves.axes].count(True) == len(features)
    assert [axis.get_title() for axis in curves.axes if axis.lines] == [f"{_spaced(name)} (n = 7)" for name in features]
    assert fits(curves)


def _spaced(name: str) -> str:
    return name.replace("_", " ")


def test_a_study_without_any_row() -> None:
    nothing = table([])
    assert jaccard_by_threshold(nothing, FEATURES, ["plain"], CHANCE).axes[0].get_title() == "pigment network (n = 0)"
    assert not mean_curves(nothing, FEATURES, ["gradcam"], ["plain"], CHANCE).legends


# Distributions


def of_pictures(models: Sequence[str], names: Sequence[str], seed: int = 0) -> dict[str, dict[str, np.ndarray]]:
    random = np.random.default_rng(seed)
    return {model: {name: random.random(5 + 7 * place) ** 3 for place, name in enumerate(names)} for model in models}


@pytest.mark.parametrize(
    ("models", "features"), [(["plain", "residual"], FEATURES), (["one"], ["a", "b", "c", "d", "union"])]
)
def test_histograms_count_every_picture_in_equal_bins(models: list[str], features: list[str]) -> None:
    drawn = of_pictures(models, features)
    figure = histograms(drawn, "0.500", 0.5)
    axes = [axis for axis in figure.axes if axis.get_visible()]
    assert len(axes) == len(models) * len(features)
    assert len({tuple(bar.get_x() for bar in axis.patches) for axis in axes}) == 1
    assert len({axis.get_xlim() for axis in axes}) == 1
    highest = max(values.max() for of_model in drawn.values() for values in of_model.values())
    for axis, (model, feature) in zip(axes, [(m, f) for m in models for f in features], strict=True):
        values = drawn[model][feature]
        counts, _ = np.histogram(values, np.linspace(0, 1, 41))
        assert [bar.get_height() for bar in axis.patches] == counts.tolist()
        assert axis.get_xlim()[1] >= highest and sum(counts) == values.size
        centre = f"mean {values.mean():.3f}, median {np.median(values):.3f}"
        assert axis.get_title() == f"{in_words(feature)} (n = {values.size})\n{centre}"
        assert all(tick == int(tick) for tick in axis.get_yticks())
        assert [line.get_xdata()[0] for line in axis.lines] == [values.mean(), np.median(values)]
    assert figure._supxlabel.get_text() == "Jaccard index at threshold 0.5"
    assert list(entries(figure)) == ["mean", "median"]
    assert fits(figure)


def test_a_threshold_that_is_only_the_nearest_is_said_to_be() -> None:
    figure = histograms(of_pictures(["plain"], FEATURES), "0.400", 0.42)
    label = figure._supxlabel.get_text()
    assert label == "Jaccard index at threshold 0.4\nof the study's thresholds the nearest to 0.42"
    assert fits(figure)


@pytest.mark.parametrize("features", [["union"], ["streaks", "union"]])
def test_what_is_drawn_is_said_below_and_fits_a_narrow_figure(features: list[str]) -> None:
    drawn = table(of_models(["gradcam", *CHANCE]), features)
    grid = jaccard_by_threshold(drawn, features, ["plain", "residual"], CHANCE)
    curves = mean_curves(drawn, features, ["gradcam"], ["plain", "residual"], CHANCE)
    said = {figure: " ".join(figure._supxlabel.get_text().split()) for figure in (grid, curves)}
    assert "dot: best threshold; band: 95 % interval of the mean; circle at 1: all maps are black, J = 0" in said[grid]
    assert "band: first to third quartile of the pictures; circle at 1" in said[curves]
    assert fits(grid) and fits(curves)
    low = drawn.query("threshold <= '0.500'").drop(columns=["j_low", "j_high"])
    label = jaccard_by_threshold(low, features, ["plain"], CHANCE)._supxlabel.get_text()
    assert label == "threshold\ndot: best threshold"


def test_a_histogram_of_no_picture_is_empty() -> None:
    figure = histograms({"plain": {"union": np.empty(0), "streaks": np.array([0.2])}}, "0.300")
    assert figure.axes[0].get_title() == "union (n = 0)" and not figure.axes[0].lines


LONG = "a_model_with_quite_a_long_name_for_a_panel"


@pytest.mark.parametrize("models", [["plain"], ["plain", "residual"], ["a", "b", LONG], ["a", "b", "c", "d", LONG]])
def test_groups_show_every_picture_quartiles_and_mean(models: list[str]) -> None:
    groups = ["MEL-correct", "MEL-wrong", "a-group-with-a-long-name"]
    drawn = of_pictures(models, groups)
    drawn[models[0]]["MEL-wrong"] = np.empty(0)
    drawn[models[-1]]["MEL-correct"][0] = 1.5 * max(values.max() for values in drawn[models[0]].values() if values.size)
    figure = groups_figure(drawn, dict.fromkeys(models, "0.400"))
    figure.draw_without_rendering()
    axes = [axis for axis in figure.axes if axis.get_visible()]
    titles = [axis.get_title().replace("\n", " ").replace("_ ", "_") for axis in axes]
    assert titles == [f"{model}, best threshold 0.4" for model in models]
    highest = max(values.max() for of_model in drawn.values() for values in of_model.values() if values.size)
    assert {axis.get_xlim() for axis in axes} == {(0, 1.04 * highest)}
    for axis in axes:
        box = axis.get_tightbbox()
        assert box is not None and box.x0 >= -1 and box.x1 <= figure.bbox.x1 + 1 and box.y1 <= figure.bbox.y1 + 1
    for axis, model in zip(axes, models, strict=True):
        names = [label.get_text() for label in axis.get_yticklabels()]
        assert names == [
            f"{group}\nn = {values.size}" + (f", mean {values.mean():.3f}" if values.size else "")
            for group, values in drawn[model].items()
        ]
        points = [line for line in axis.lines if line.get_marker() == "."]
        means = [line.get_xdata()[0] for line in axis.lines if line.get_marker() == "D"]
        shown = [values for values in drawn[model].values() if values.size]
        assert [line.get_xdata().tolist() for line in points] == [values.tolist() for values in shown]
        assert means == [values.mean() for values in shown]
        medians = [line.get_xdata()[0] for line in axis.lines if line.get_linewidth() == 1.4]
        assert medians == [np.median(values) for values in shown]
    assert [text.get_text() for text in axes[0].texts] == ["no picture"]


def test_equal_numbers_give_equal_bytes(tmp_path: Path) -> None:
    drawn = table(of_models(["gradcam", *CHANCE]))
    written = []
    # A reader's matplotlibrc is not part of a figure.
    for name, settings in {"a": {}, "b": {"font.size": 23, "lines.linewidth": 9, "axes.facecolor": "black"}}.items():
        paths = [tmp_path / name / f"{each}.{suffix}" for each in ("jaccard", "curves") for suffix in ("png", "svg")]
        with matplotlib.rc_context(settings):
            save(jaccard_by_threshold(drawn, FEATURES, ["plain", "residual"], CHANCE), paths[:2])
            save(mean_curves(drawn, FEATURES, ["gradcam"], ["plain", "residual"], CHANCE), paths[2:])
        written.append([path.read_bytes() for path in paths])
    assert written[0] == written[1]
    assert written[0][0].startswith(b"\x89PNG") and b"<svg" in written[0][1]


def test_drawing_leaves_the_settings_of_matplotlib_alone(tmp_path: Path) -> None:
    before = dict(matplotlib.rcParams)
    save(mean_curves(table([("plain", "gradcam")]), FEATURES, ["gradcam"], ["plain"], []), [tmp_path / "a.svg"])
    assert dict(matplotlib.rcParams) == before
