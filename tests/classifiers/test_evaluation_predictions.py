"""Predictions for the evaluation pictures: what is written is what is read, and what the maps say."""

import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from dermalign.classifiers.evaluation_predictions import (
    read_confidence,
    read_evaluation_predictions,
    write_evaluation_predictions,
)
from dermalign.saliency.maps import gather_maps
from hypothesis import given, settings
from hypothesis import strategies as st
from map_cases import predictions, store_with

SCRIPT = Path(__file__).parents[2] / "workflow_scripts" / "evaluation_predictions.py"
NAMES = st.text('abc_ -.é0,"', min_size=1, max_size=9)


@settings(max_examples=50, deadline=None)
@given(given_classes=st.dictionaries(NAMES, st.sampled_from(["MEL", "NV", "NA", "basal-cell_carcinoma"])))
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, given_classes: dict[str, str]) -> None:
    path = tmp_path_factory.mktemp("predictions") / "predictions.csv"
    confidence = np.random.default_rng(len(given_classes)).random(len(given_classes), dtype=np.float32)
    write_evaluation_predictions(path, list(given_classes), list(given_classes.values()), confidence)
    assert read_evaluation_predictions(path) == given_classes
    found = read_confidence(path)
    assert list(found) == list(given_classes)
    assert np.float32(list(found.values())).tolist() == confidence.tolist()
    assert path.read_text(encoding="utf-8").startswith("image,predicted_class,confidence\n")


def test_names_without_a_class_are_a_fault_of_ours(tmp_path: Path) -> None:
    for classes, confidence in ((["MEL"], [0.5, 0.6]), (["MEL", "NV"], [0.5])):
        with pytest.raises(ValueError, match="shorter"):
            write_evaluation_predictions(tmp_path / "predictions.csv", ["a", "b"], classes, confidence)
    assert not list(tmp_path.iterdir())


def test_the_script_writes_what_the_stores_say(tmp_path: Path) -> None:
    probabilities = {"b": ([0.25, 0.75], "NV"), "a": ([0.9, 0.1], "MEL"), "c": ([0.5, 0.5], "MEL")}
    stores = [
        store_with(tmp_path / f"{image}.h5", np.ones((2, 2)), image=image, probabilities=of, predicted_class=name)
        for image, (of, name) in probabilities.items()
    ]
    maps = tmp_path / "maps.h5"
    gather_maps(maps, stores)
    output = tmp_path / "predictions.csv"
    snakemake = SimpleNamespace(input=list(map(str, stores)), output=[output], log=[tmp_path / "job.log"])
    runpy.run_path(str(SCRIPT), init_globals={"snakemake": snakemake})
    assert read_evaluation_predictions(output) == predictions(maps)
    assert output.read_text().splitlines()[1:] == ["a,MEL,0.9", "b,NV,0.75", "c,MEL,0.5"]
