"""The whole way on the second backend, and published values beside ours."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from .conftest import Study

pytestmark = pytest.mark.slow


def test_a_study_on_jax_with_published_values(empty: Study, tiny: Callable[[], dict[str, Any]]) -> None:
    overlay = tiny()
    overlay["models"]["plain"]["training"].update(epochs=2)
    overlay["segmentation"] = {"networks": {"unet": {"training": {"epochs": 1}}}}
    overlay["models"]["plain"]["published"] = {"balanced_accuracy": 0.5, "sensitivity.MEL": 0.25}
    run = empty.snakemake(overlay=overlay, KERAS_BACKEND="jax")
    assert run.status == 0, run.text[-5000:]
    log = (empty.results / "logs" / "train" / "plain.log").read_text(encoding="utf-8")
    assert "plain_stack on jax:" in log
    log = (empty.results / "logs" / "segmentation" / "unet" / "fold_1.log").read_text(encoding="utf-8")
    assert "unet of plain_stack on jax:" in log
    assert len(pd.read_csv(empty.results / "statistics" / "reference_shares.csv")) > 0
    assert len(pd.read_csv(empty.results / "tables" / "table6.csv")) > 0
    metrics = pd.read_csv(empty.results / "classifiers" / "plain" / "metrics.csv").set_index(["metric", "class"])
    assert metrics["published"].dropna().to_dict() == {
        ("balanced_accuracy", "all"): 0.5,
        ("sensitivity", "MEL"): 0.25,
    }
    caption, _, table = (empty.results / "tables" / "classifiers.md").read_text(encoding="utf-8").partition("\n")
    assert "leakage: exclude" in caption
    assert "held-out pictures" in caption
    assert "plain, published" in table

    # They are nothing that a training depends on.
    overlay["models"]["plain"]["published"] = {"accuracy": 0.5}
    assert set(empty.snakemake("-n", overlay=overlay).jobs()) == {
        *("classifier_metrics", "classifier_table", "comparison", "study_record", "report_page"),
    }
