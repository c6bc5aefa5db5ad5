"""The whole way on the second backend, with all that a training can be asked to leave behind."""

from collections.abc import Callable
from typing import Any

import pandas as pd

from .conftest import Study


def test_a_study_on_jax_with_events_and_published_values(empty: Study, tiny: Callable[[], dict[str, Any]]) -> None:
    overlay = tiny()
    overlay["models"]["plain"]["training"].update(epochs=2, tensorboard=True)
    overlay["models"]["plain"]["published"] = {"balanced_accuracy": 0.5, "sensitivity.MEL": 0.25}
    run = empty.snakemake(overlay=overlay, KERAS_BACKEND="jax")
    assert run.status == 0, run.text[-5000:]
    log = (empty.results / "logs" / "train" / "plain.log").read_text(encoding="utf-8")
    assert "plain_stack on jax:" in log
    assert len(pd.read_csv(empty.results / "tables" / "table6.csv")) > 0
    assert [path.name for path in (empty.results / "logs" / "tensorboard" / "plain").iterdir()] == [
        "events.out.tfevents.dermalign"
    ]
    metrics = pd.read_csv(empty.results / "classifiers" / "plain" / "metrics.csv").set_index(["metric", "class"])
    assert metrics["published"].dropna().to_dict() == {
        ("balanced_accuracy", "all"): 0.5,
        ("sensitivity", "MEL"): 0.25,
    }
    caption, _, table = (empty.results / "tables" / "classifiers.md").read_text(encoding="utf-8").partition("\n")
    assert "leakage: exclude" in caption
    assert "split `test`" in caption
    assert "plain_published" in table

    # Neither is anything that a training depends on.
    overlay["models"]["plain"]["training"]["tensorboard"] = False
    assert empty.snakemake("-n", overlay=overlay).jobs() == {}
    overlay["models"]["plain"]["published"] = {"accuracy": 0.5}
    assert set(empty.snakemake("-n", overlay=overlay).jobs()) == {"classifier_metrics", "classifier_table"}
