"""Figures of a classifier: what stands in them, also where there is little to draw."""

import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from dermalign.classifiers.metrics import classifier_metrics
from dermalign.results.classifier_figures import (
    confusion,
    learning_curves,
    reliability,
    reliability_figure,
    roc_curves,
)
from dermalign.results.plotting import save
from matplotlib.figure import Figure
from matplotlib.text import Text
from sklearn.metrics import roc_curve

CLASSES = ["MEL", "NV", "BCC"]
MEASURED = ["loss", "accuracy", "validation_loss", "validation_accuracy", "validation_balanced_accuracy", "seconds"]


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


@pytest.fixture
def predictions() -> pd.DataFrame:
    rows = [("MEL", "MEL")] * 3 + [("MEL", "NV")] + [("NV", "NV")] * 5
    test = pd.DataFrame(rows, columns=["class", "predicted"]).assign(split="test")
    return pd.concat([test, test.assign(split="validation", predicted="BCC")])


@pytest.fixture
def history() -> pd.DataFrame:
    """Four epochs, the second and third equally good."""
    table = pd.DataFrame(np.full((4, 6), 0.5), columns=MEASURED).assign(epoch=[1, 2, 3, 4])
    return table.assign(validation_accuracy=[0.1, 0.6, 0.6, 0.2], loss=[0.9, 0.8, 0.7, 0.6])


def test_confusion_has_counts_shares_and_what_is_never_predicted(predictions: pd.DataFrame) -> None:
    figure = confusion(predictions, CLASSES, "plain", "a note")
    axis = figure.axes[0]
    places = {(text.get_position(), text.get_text()) for text in axis.texts}
    assert places == {
        ((0, 0), "3"),
        ((0, 0.05), "75%"),
        ((1, 0), "1"),
        ((1, 0.05), "25%"),
        ((2, 0), "0"),
        ((0, 1), "0"),
        ((1, 1), "5"),
        ((1, 1.05), "100%"),
        ((2, 1), "0"),
    }
    assert axis.get_title() == "plain: 9 held-out pictures, 88.9% right"
    assert [label.get_text() for label in axis.get_yticklabels()] == ["MEL\n4", "NV\n5", "BCC\n0"]
    assert [label.get_text() for label in axis.get_xticklabels()] == ["MEL\n3", "NV\n6", "BCC\n0"]
    assert "no pictures of: BCC\na note" in texts(figure)
    figure = confusion(predictions.assign(predicted="NV"), CLASSES, "plain")
    assert "never predicted: MEL\nno pictures of: BCC" in texts(figure)
    figure = confusion(predictions[:0], CLASSES, "plain")
    assert "no pictures of: MEL, NV, BCC" in texts(figure)
    assert figure.axes[0].get_title() == "plain: 0 held-out pictures"


def test_learning_curves_mark_the_kept_epoch(history: pd.DataFrame) -> None:
    figure = learning_curves(history, "accuracy", "plain")
    assert "plain: epoch 2 of 4 kept, best validation accuracy" in texts(figure)
    drawn = [{line.get_label(): line for line in axis.lines} for axis in figure.axes]
    assert [list(of_axis) for of_axis in drawn] == [
        ["while training, with class weights", "validation", "kept: epoch 2"],
        ["while training", "validation", "validation, balanced", "kept: epoch 2"],
    ]
    assert drawn[0]["while training, with class weights"].get_ydata().tolist() == history["loss"].tolist()
    assert drawn[1]["validation"].get_ydata().tolist() == history["validation_accuracy"].tolist()
    assert list(drawn[1]["kept: epoch 2"].get_xdata()) == [2, 2]
    colours = [line.get_color() for line in figure.axes[1].lines]
    assert len(set(colours)) == len(colours)
    # The same thing has the same colour in both panels.
    assert colours[:2] == [line.get_color() for line in figure.axes[0].lines[:2]]


def test_learning_curves_without_validation_and_without_epochs(history: pd.DataFrame) -> None:
    validation = [name for name in MEASURED if name.startswith("validation")]
    figure = learning_curves(history.assign(**dict.fromkeys(validation, np.nan)), "accuracy", "plain")
    assert "plain: epoch 4 of 4 kept, the last, for lack of validation pictures" in texts(figure)
    assert "validation" not in texts(figure)
    assert texts(learning_curves(history[:0], "accuracy", "plain")).count("not trained: 0 epochs") == 2


def test_equal_numbers_give_equal_bytes(predictions: pd.DataFrame, history: pd.DataFrame, tmp_path: Path) -> None:
    written = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        paths = [folder / name for name in ("c.png", "c.svg", "h.png", "h.svg")]
        save(confusion(predictions, CLASSES, "plain"), paths[:2])
        save(learning_curves(history, "accuracy", "plain"), paths[2:])
        written.append([path.read_bytes() for path in paths])
    assert written[0] == written[1]


@pytest.mark.parametrize("classes", [["MEL", "NV", "BCC"], ["melanoma", "nevus", "squamous_cell_carcinoma"]])
def test_names_of_classes_do_not_run_into_each_other(predictions: pd.DataFrame, classes: list[str]) -> None:
    renamed = predictions.replace(dict(zip(CLASSES, classes, strict=True)))
    figure = confusion(renamed, classes, "plain")
    figure.draw_without_rendering()
    boxes = [label.get_window_extent() for label in figure.axes[0].get_xticklabels()]
    assert all(left.x1 < right.x0 for left, right in itertools.pairwise(boxes))


@pytest.fixture
def held_out() -> pd.DataFrame:
    """200 held-out pictures of three classes, many of equal probabilities, and as many of the validation split."""
    random = np.random.default_rng(4)
    probabilities = random.dirichlet([0.7, 1, 0.5], 400).round(1)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    table = pd.DataFrame(probabilities, columns=[f"p_{name}" for name in CLASSES])
    predicted = [CLASSES[place] for place in probabilities.argmax(axis=1)]
    drawn = [random.choice(CLASSES, p=of) if random.random() < 0.6 else "NV" for of in probabilities]
    images = [f"i{n}" for n in range(400)]
    return table.assign(image=images, split=["test", "validation"] * 200, predicted=predicted, **{"class": drawn})


def test_roc_curves_are_scikit_learns_with_the_areas_of_the_metrics(held_out: pd.DataFrame) -> None:
    (axis,) = roc_curves(held_out, CLASSES, "plain").axes
    test = held_out[held_out["split"] == "test"]
    lines = {str(line.get_label()).partition(" ")[0]: line for line in axis.lines[1:]}
    assert list(lines) == CLASSES
    metrics = classifier_metrics(held_out, CLASSES, resamples=0).set_index(["metric", "class"])["value"]
    for name, line in lines.items():
        false, true, _ = roc_curve(test["class"] == name, test[f"p_{name}"], drop_intermediate=False)
        np.testing.assert_allclose(line.get_xydata(), np.stack([false, true], axis=1), rtol=1e-12)
        area = float(metrics["roc_auc", name])
        assert np.trapezoid(line.get_ydata(), line.get_xdata()) == pytest.approx(area, rel=1e-12)
        assert line.get_label() == f"{name} {area:.3f} ({(test['class'] == name).sum()})"


def test_classes_without_a_roc_curve_are_said(held_out: pd.DataFrame) -> None:
    others = [*CLASSES, "AK"]
    figure = roc_curves(held_out.assign(p_AK=0.1), others, "plain", "a note")
    assert "no curve of: AK\na note" in texts(figure)
    for rows in (held_out[:0], held_out.assign(**{"class": "MEL"})):
        figure = roc_curves(rows, CLASSES, "plain")
        assert "no curve of: MEL, NV, BCC" in texts(figure)
        assert len(figure.axes[0].lines) == 1


def test_bins_of_the_reliability_plot_are_those_of_the_calibration_error(held_out: pd.DataFrame) -> None:
    bins = reliability(held_out, CLASSES)
    metrics = classifier_metrics(held_out, CLASSES, resamples=0).set_index(["metric", "class"])["value"]
    error = (bins["pictures"] * (bins["right"] - bins["confidence"]).abs()).sum() / bins["pictures"].sum()
    assert error == pytest.approx(metrics["expected_calibration_error", "all"], rel=1e-12)
    # By hand: bin b has what is above b / 15 and at most (b + 1) / 15.
    test = held_out[held_out["split"] == "test"]
    confidence = test[[f"p_{name}" for name in CLASSES]].max(axis=1)
    for row in bins.to_dict("records"):
        inside = (confidence > row["bin"] / 15) & (confidence <= (row["bin"] + 1) / 15)
        assert inside.sum() == row["pictures"]
        assert (test["class"] == test["predicted"])[inside].mean() == pytest.approx(row["right"])
    figure = reliability_figure(held_out, CLASSES, "plain", "a note")
    above, below = figure.axes
    np.testing.assert_array_equal(above.lines[1].get_xydata(), bins[["confidence", "right"]])
    assert [text.get_text() for text in below.texts] == [f"{count}" for count in bins["pictures"]]
    assert [bar.get_height() for bar in below.patches] == bins["pictures"].tolist()
    assert f"plain: 200 held-out pictures\nexpected calibration error {error:.3f}" in texts(figure)
    assert "a note" in texts(figure)
    assert "plain: 0 held-out pictures" in texts(reliability_figure(held_out[:0], CLASSES, "plain"))
