"""Figures of a classifier: what stands in them, also where there is little to draw."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from dermalign.results import figures
from dermalign.results.figures import confusion, learning_curves
from PIL import Image

CLASSES = ["MEL", "NV", "BCC"]


@pytest.fixture(autouse=True)
def texts_stay_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(figures.matplotlib.rcParams, "svg.fonttype", "none")


def drawn(folder: Path) -> str:
    with Image.open(folder / "a.png") as picture:
        assert picture.width > 600
        assert picture.convert("L").getextrema()[0] < 100
    return (folder / "a.svg").read_text(encoding="utf-8")


def test_confusion_has_counts_shares_and_what_is_never_predicted(tmp_path: Path) -> None:
    rows = [("MEL", "MEL")] * 3 + [("MEL", "NV")] + [("NV", "NV")] * 5
    predictions = pd.DataFrame(rows, columns=["class", "predicted"]).assign(split="test")
    other = predictions.assign(split="validation", predicted="BCC")
    paths = [tmp_path / "a.png", tmp_path / "a.svg"]
    confusion(pd.concat([predictions, other]), CLASSES, "plain", paths)
    text = drawn(tmp_path)
    for word in ("plain: 9 held-out pictures, 88.9% right", ">75%<", ">25%<", ">100%<", "no pictures of: BCC"):
        assert word in text
    assert "never predicted" not in text
    confusion(predictions.assign(predicted="NV"), CLASSES, "plain", paths)
    assert "never predicted: MEL" in drawn(tmp_path)
    confusion(predictions[:0], CLASSES, "plain", paths)
    assert "no pictures of: MEL, NV, BCC" in drawn(tmp_path)


def test_learning_curves_mark_the_kept_epoch(tmp_path: Path) -> None:
    columns = ["loss", "accuracy", "validation_loss", "validation_accuracy", "validation_balanced_accuracy", "seconds"]
    history = pd.DataFrame(np.full((4, 6), 0.5), columns=columns).assign(epoch=[1, 2, 3, 4])
    history["validation_accuracy"] = [0.1, 0.6, 0.6, 0.2]
    paths = [tmp_path / "a.png", tmp_path / "a.svg"]
    learning_curves(history, "accuracy", "plain", paths)
    assert "plain: epoch 2 of 4 kept, best validation accuracy" in drawn(tmp_path)
    first = (tmp_path / "a.svg").read_bytes(), (tmp_path / "a.png").read_bytes()
    learning_curves(history, "accuracy", "plain", paths)
    assert first[1] == (tmp_path / "a.png").read_bytes()
    validation = [name for name in columns if name.startswith("validation")]
    learning_curves(history.assign(**dict.fromkeys(validation, np.nan)), "accuracy", "plain", paths)
    text = drawn(tmp_path)
    assert "epoch 4 of 4 kept, the last, for lack of validation pictures" in text
    assert ">validation<" not in text
    learning_curves(history[:0], "accuracy", "plain", paths)
    assert drawn(tmp_path).count("not trained: 0 epochs") == 2
