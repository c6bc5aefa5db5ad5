"""The figure of the sanity check: what is drawn is what the table says."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from dermalign.results.sanity import COLUMNS
from dermalign.results.sanity_figure import sanity_figure
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.lines import Line2D

METHODS = ["gradcam", "smoothgrad"]


def table(models: Sequence[str], methods: Sequence[str] = METHODS) -> pd.DataFrame:
    random = np.random.default_rng(2)
    rows = []
    for model in models:
        for method in methods:
            for stage, layers in ((1, 2), (2, 5), (3, 8)):
                one, other = random.uniform(-0.3, 0.9, 2)
                row = {"model": model, "method": method, "stage": stage, "layers_randomised": layers, "layers": 8}
                row |= {"layer": "convolution", "n": 8, "degenerate": 0, "flag": None}
                row |= {"rank_correlation": one, "rank_correlation_low": one - 0.1, "rank_correlation_high": one + 0.2}
                row |= {"ssim": other, "ssim_low": other - 0.2, "ssim_high": other + 0.05}
                rows.append(row)
    return pd.DataFrame(rows, columns=COLUMNS)


def lines_of(axis: Axes) -> list[Line2D]:
    return [line for line in axis.lines if len(line.get_xdata()) == 4]


def test_lines_and_bands_are_those_of_the_table() -> None:
    models = ["plain", "residual"]
    sanity = table(models)
    figure = sanity_figure(sanity)
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["Grad-CAM", "SmoothGrad"]
    axes = figure.axes
    assert [axis.get_title() for axis in axes] == [
        f"{model}: {words}"
        for model in models
        for words in ("Spearman's rank correlation", "structural similarity (SSIM)")
    ]
    for place, axis in enumerate(axes):
        name = ("rank_correlation", "ssim")[place % 2]
        drawn = lines_of(axis)
        bands = [each for each in axis.collections if isinstance(each, PolyCollection)]
        for method, line, band in zip(reversed(METHODS), drawn, bands, strict=True):
            rows = sanity[(sanity["model"] == models[place // 2]) & (sanity["method"] == method)]
            np.testing.assert_array_equal(line.get_xdata(), [0, 2 / 8, 5 / 8, 1])
            np.testing.assert_array_equal(line.get_ydata(), [1, *rows[name]])
            corners = band.get_paths()[0].vertices[:, 1]
            for value in (*rows[f"{name}_low"], *rows[f"{name}_high"]):
                assert np.isclose(corners, value).any()
            low, high = axis.get_ylim()
            assert low < corners.min() and high > 1
    # A method is told by one colour everywhere, and no two methods by the same.
    colours = [[line.get_color() for line in lines_of(axis)] for axis in axes]
    assert all(each == colours[0] for each in colours) and len(set(colours[0])) == 2
    assert "layers randomised" in figure.get_supxlabel()


def test_what_is_undefined_ends_a_line_and_a_model_may_lack_a_method() -> None:
    sanity = table(["a", "b"])
    sanity = sanity[(sanity["model"] == "a") | (sanity["method"] == "gradcam")]
    gone = (sanity["model"] == "a") & (sanity["stage"] > 1)
    sanity.loc[gone, [name for name in COLUMNS if name.startswith(("rank_correlation", "ssim"))]] = np.nan
    figure = sanity_figure(sanity)
    assert [len(lines_of(axis)) for axis in figure.axes] == [2, 2, 1, 1]
    for line in lines_of(figure.axes[0]):
        assert np.isnan(line.get_ydata()).tolist() == [False, False, True, True]


def test_ten_methods_of_four_models_are_told_apart() -> None:
    methods = [f"method_{number}" for number in range(10)]
    figure = sanity_figure(table([f"model_{number}" for number in range(4)], methods))
    looks = {(line.get_color(), line.get_linestyle(), line.get_marker()) for line in lines_of(figure.axes[0])}
    assert len(looks) == 10
    figure.canvas.draw()
    titles = [axis.title.get_window_extent() for axis in figure.axes]
    (legend,) = figure.legends
    assert not any(legend.get_window_extent().overlaps(title) for title in titles)
    assert figure.get_size_inches()[0] < 9
