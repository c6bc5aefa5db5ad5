"""Tables of classifiers are read as they were written, whatever the classes are called."""

import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from dermalign.classifiers.metrics import beside_published, classifier_metrics
from dermalign.classifiers.probabilities import predictions_table
from dermalign.classifiers.tables import (
    HISTORY_COLUMNS,
    read_history,
    read_metrics,
    read_predictions_table,
    write_history,
    write_metrics,
    write_predictions_table,
)
from job_cases import FilesOf

SCRIPTS = Path(__file__).parents[2] / "workflow_scripts"
CLASSES = ["NA", "None", "nan", "007"]  # all but the last are missing values to pandas, and that a number


@pytest.fixture
def predictions() -> pd.DataFrame:
    """What a classifier said of twelve test pictures and a validation picture, mostly right."""
    names = [CLASSES[number % 4] for number in range(13)]
    table = pd.DataFrame({"image": [f"{number:03}" for number in range(13)], "split": "test", "class": names})
    table.loc[12, "split"] = "validation"
    logits = np.random.default_rng(0).normal(size=(13, 4)) + 3 * np.eye(4)[[number % 4 for number in range(13)]]
    return predictions_table(table, logits, CLASSES)


@pytest.fixture
def path(predictions: pd.DataFrame, tmp_path: Path) -> Path:
    write_predictions_table(tmp_path / "predictions.csv", predictions)
    return tmp_path / "predictions.csv"


def run(script: str, **parts: Any) -> None:
    snakemake = SimpleNamespace(wildcards=SimpleNamespace(model="plain"), **parts)
    runpy.run_path(str(SCRIPTS / script), init_globals={"snakemake": snakemake})


def test_predictions_are_read_as_they_were_written(predictions: pd.DataFrame, path: Path) -> None:
    read = read_predictions_table(path)
    assert list(read) == ["image", "split", "class", "predicted", "p_NA", "p_None", "p_nan", "p_007"]
    text = ["image", "split", "class", "predicted"]
    assert read[text].to_numpy().tolist() == predictions[text].to_numpy().tolist()
    np.testing.assert_allclose(read.iloc[:, 4:].to_numpy(float), predictions.iloc[:, 4:], rtol=1e-7)
    write_predictions_table(path, predictions[:0])
    assert len(read_predictions_table(path)) == 0


def test_history_is_read_as_it_was_written(tmp_path: Path) -> None:
    epochs = [(1, 0.1, 1 / 3, 0.7, 0.2, 0.25, 1.5), (2, 0.1, 0.2, np.nan, np.nan, np.nan, 2.5)]
    write_history(tmp_path / "history.csv", epochs)
    read = read_history(tmp_path / "history.csv")
    assert tuple(read) == HISTORY_COLUMNS
    np.testing.assert_array_equal(read.to_numpy(), epochs)
    write_history(tmp_path / "history.csv", [])
    assert tuple(read_history(tmp_path / "history.csv")) == HISTORY_COLUMNS


def test_metrics_are_read_as_they_were_written(predictions: pd.DataFrame, tmp_path: Path) -> None:
    metrics = beside_published(classifier_metrics(predictions, CLASSES, resamples=20), {"sensitivity.NA": 0.5})
    write_metrics(tmp_path / "metrics.csv", metrics)
    read = read_metrics(tmp_path / "metrics.csv")
    assert read["class"].tolist() == metrics["class"].tolist()
    pd.testing.assert_frame_equal(read, metrics, check_dtype=False, check_exact=True)


def test_the_metrics_of_classes_with_odd_names(predictions: pd.DataFrame, path: Path, tmp_path: Path) -> None:
    training = predictions[["image", "class", "split"]].assign(lesion_id="", width=9, height=9, reason="")
    training.to_csv(tmp_path / "training.csv", index=False)
    run(
        "classifier_metrics.py",
        input=FilesOf(predictions=path, manifest=tmp_path / "training.csv"),
        output=[tmp_path / "metrics.csv"],
        log=[tmp_path / "job.log"],
        params=SimpleNamespace(classes=CLASSES, is_brought=False, seed=0, published={"sensitivity.NA": 0.5}),
    )
    values = read_metrics(tmp_path / "metrics.csv").set_index(["metric", "class"])
    assert values["value"]["pictures"].to_dict() == {"all": 12, **dict.fromkeys(CLASSES, 3)}
    right = (predictions["class"] == predictions["predicted"])[:12]
    assert values["value"]["accuracy", "all"] == pytest.approx(right.mean())
    assert values["published"]["sensitivity", "NA"] == 0.5


@pytest.mark.parametrize("model", ["trained", "brought"])
def test_the_confusion_of_classes_with_odd_names(model: str, path: Path, tmp_path: Path) -> None:
    note = "brought along" if model == "brought" else ""
    outputs = [tmp_path / "confusion.png", tmp_path / "confusion.svg"]
    run(
        "figure.py",
        input=[path],
        output=outputs,
        log=[tmp_path / "job.log"],
        params=SimpleNamespace(function="confusion", arguments={"classes": CLASSES, "name": model, "note": note}),
    )
    text = outputs[1].read_text()
    assert f"{model}: 12 held-out pictures, " in text
    assert ("brought along" in text) == bool(note)
    for name in CLASSES:
        assert f"<!-- {name} -->" in text  # beside the outlines of its letters
    assert outputs[0].read_bytes().startswith(b"\x89PNG")


def test_the_learning_curves_of_a_history_file(tmp_path: Path) -> None:
    write_history(tmp_path / "history.csv", [(1, 0.1, 1 / 3, 0.7, 0.2, 0.25, 1.5)])
    run(
        "figure.py",
        input=[tmp_path / "history.csv"],
        output=[tmp_path / "history.svg"],
        log=[tmp_path / "job.log"],
        params=SimpleNamespace(function="learning_curves", arguments={"criterion": "accuracy", "name": "plain"}),
    )
    assert "<svg" in (tmp_path / "history.svg").read_text()
