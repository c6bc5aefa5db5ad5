"""The figure of correlations: what is drawn is what the table says."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from dermalign.results.correlations import COVARIATES
from dermalign.results.group_figures import correlations_figure
from dermalign.results.plotting import COLOURS
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_hex
from matplotlib.lines import Line2D

FEATURES = ["streaks", "milia_like_cyst", "union"]


def table(models: Sequence[str]) -> pd.DataFrame:
    random = np.random.default_rng(1)
    rows = [
        {"model": model, "method": "gradcam", "feature": feature, "covariate": covariate, "n": 9, "rho": rho}
        | {"low": rho - 0.1, "high": rho + 0.2}
        for model in reversed(models)  # the figure follows the study's order
        for feature in reversed(FEATURES)
        for covariate in COVARIATES
        for rho in [np.nan if covariate == "picture_pixels" else float(random.uniform(-0.7, 0.7))]
    ]
    return pd.DataFrame(rows)


def points_of(axis: Axes) -> dict[str, Line2D]:
    return {to_hex(line.get_color()).upper(): line for line in axis.lines if line.get_marker() not in ("None", "")}


def test_points_and_bars_are_those_of_the_table() -> None:
    models = ["a", "b"]
    correlations = table(models)
    figure = correlations_figure(correlations, FEATURES, models)
    axes = [axis for axis in figure.axes if axis.get_visible()]
    assert [axis.get_title() for axis in axes] == [
        "mask's share of the picture",
        "pixels of the picture",
        "connected regions of the mask",
        "elongation of the mask",
        "confidence",
    ]
    assert [label.get_text() for label in axes[0].get_yticklabels()] == ["streaks", "milia-like cyst", "union"]
    for axis, covariate in zip(axes, COVARIATES, strict=True):
        points = points_of(axis)
        bars = [each for each in axis.collections if isinstance(each, LineCollection)]
        for number, model in enumerate(models):
            rows = correlations[(correlations["model"] == model) & (correlations["covariate"] == covariate)]
            rows = rows.set_index("feature").loc[FEATURES]
            drawn = points[COLOURS[number]]
            assert drawn.get_xdata().tolist() == rows["rho"].dropna().tolist()
            if covariate != "picture_pixels":
                assert np.round(drawn.get_ydata()).tolist() == [0, 1, 2]
                ends = [segment[:, 0].tolist() for segment in bars[number].get_segments()]
                assert ends == rows[["low", "high"]].to_numpy().tolist()
    assert [text.get_text() for text in axes[1].texts] == ["the same for all pictures"]
    assert not axes[0].texts
    low, high = axes[0].get_xlim()
    assert low == -high and all(axis.get_xlim() == (low, high) for axis in axes)
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == models


def test_a_study_of_one_model_and_of_nothing_defined_is_drawn() -> None:
    correlations = table(["a"]).assign(rho=np.nan, low=np.nan, high=np.nan)
    figure = correlations_figure(correlations, FEATURES, ["a"])
    assert sum(len(axis.texts) for axis in figure.axes) == len(COVARIATES)
