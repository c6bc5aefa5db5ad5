"""Grids of saliency maps, asked of Keras once and kept."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
from dermalign.errors import InputError
from dermalign.study.probing import grids

PLAIN = {"architecture": "plain_stack", "input_size": 64, "saliency_layer": "last_convolution"}


def test_grids_are_asked_once_and_faults_name_the_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models: dict[str, dict[str, Any]] = {
        "fine": {**PLAIN, "weights": "none"},
        "large": {**PLAIN, "input_size": 128},
        "wrong": {**PLAIN, "saliency_layer": "block9"},
    }
    with pytest.raises(InputError, match=r"models\.wrong: .*block9"):
        grids(models, tmp_path)
    del models["wrong"]

    def asked(*_: object, **__: object) -> None:
        raise AssertionError("Keras is started again")

    monkeypatch.setattr(subprocess, "run", asked)
    found = grids(models, tmp_path)  # what could be answered was kept beside the fault
    assert found["large"] == tuple(2 * cells for cells in found["fine"])
    renamed = {"other": {**PLAIN, "weights": "imagenet", "training": {"epochs": 3}}}
    assert grids(renamed, tmp_path)["other"] == found["fine"]  # neither name, weights nor training change a grid
    with pytest.raises(AssertionError, match="started again"):
        grids({"new": {**PLAIN, "input_size": 96}}, tmp_path)
