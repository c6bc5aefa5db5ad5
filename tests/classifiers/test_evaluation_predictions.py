"""Predictions for the evaluation pictures: what is written is what is read, and what the maps say."""

import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from dermalign.classifiers.evaluation_predictions import read_evaluation_predictions, write_evaluation_predictions
from hypothesis import given, settings
from hypothesis import strategies as st
from map_cases import gathered, predictions

SCRIPT = Path(__file__).parents[2] / "workflow_scripts" / "evaluation_predictions.py"
NAMES = st.text('abc_ -.é0,"', min_size=1, max_size=9)


@settings(max_examples=50, deadline=None)
@given(given_classes=st.dictionaries(NAMES, st.sampled_from(["MEL", "NV", "NA", "basal-cell_carcinoma"])))
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, given_classes: dict[str, str]) -> None:
    path = tmp_path_factory.mktemp("predictions") / "predictions.csv"
    write_evaluation_predictions(path, list(given_classes), list(given_classes.values()))
    assert read_evaluation_predictions(path) == given_classes
    assert path.read_text(encoding="utf-8").startswith("image,predicted_class\n")


def test_names_without_a_class_are_a_fault_of_ours(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="shorter"):
        write_evaluation_predictions(tmp_path / "predictions.csv", ["a", "b"], ["MEL"])
    assert not list(tmp_path.iterdir())


def test_the_script_writes_what_the_maps_say(tmp_path: Path) -> None:
    maps = gathered(tmp_path, np.random.default_rng(0).random((3, 2, 2), dtype=np.float32))
    output = tmp_path / "predictions.csv"
    snakemake = SimpleNamespace(input=[maps], output=[output], log=[tmp_path / "job.log"])
    runpy.run_path(str(SCRIPT), init_globals={"snakemake": snakemake})
    assert read_evaluation_predictions(output) == predictions(maps)
    assert output.read_text().splitlines()[1:] == ["ISIC_0000000,MEL", "ISIC_0000001,NV", "ISIC_0000002,MEL"]
