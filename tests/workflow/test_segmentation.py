"""Segmentation networks in a study: one that starts from a classifier beside one that does not, and the challenge."""

import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from dermalign.results.index import files_of, kind_of
from isic_challenge_scoring import task2

from .conftest import Study

pytestmark = pytest.mark.slow


def test_a_network_starts_from_a_classifier_and_the_scorer_prints_our_numbers(
    empty: Study, tiny: Callable[[], dict[str, Any]], tmp_path: Path
) -> None:
    overlay = tiny()
    small = {"architecture": "plain_stack", "input_size": 64, "cells": 32, "training": {"epochs": 1, "batch_size": 4}}
    overlay["segmentation"] = {"networks": {"unet": small, "started": {**small, "start_from": "plain"}}}
    reference, challenge = (
        f"results/embedded/{name}.csv" for name in ("tables/extended_reference", "statistics/challenge")
    )
    run = empty.snakemake(reference, challenge, "challenge", overlay=overlay)
    assert run.status == 0, run.text[-3000:]
    assert "mapped by a network that saw one of these: 0" in run.text

    # Each as a share of the other, which tells whether what the classifier learnt helped.
    shares = pd.read_csv(empty.results / "tables" / "extended_reference.csv")
    union = shares[(shares["feature"] == "union") & (shares["method"] == "segmentation")].set_index("reference")
    assert union["model"].to_dict() == {"unet/segmentation": "started", "started/segmentation": "unet"}
    product = union.loc["unet/segmentation", "share_value"] * union.loc["started/segmentation", "share_value"]
    assert product == pytest.approx(1, abs=1e-9)
    histories = [
        pd.read_csv(empty.results / "segmentation" / name / "fold_1" / "history.csv")["loss"].tolist()
        for name in ("unet", "started")
    ]
    assert histories[0] != histories[1]

    evaluation = pd.read_csv(empty.results / "manifest" / "evaluation.csv", keep_default_na=False)
    analysed = evaluation.loc[evaluation["included"], "image"]
    truth = tmp_path / "truth"
    truth.mkdir()
    (truth / "LICENSE.txt").write_text("as in the official archive")
    with zipfile.ZipFile(empty.results / "archives" / "ISIC2018_Task2_Training_GroundTruth_v3.zip") as archive:
        for name in archive.namelist():
            if Path(name).name.partition("_attribute_")[0] in set(analysed):
                (truth / Path(name).name).write_bytes(archive.read(name))
    table = pd.read_csv(empty.results / "statistics" / "challenge.csv").set_index(["model", "feature"])
    for network in ("unet", "started"):
        folder = empty.results / "challenge" / network / "segmentation"
        ours = pd.read_csv(folder / "scores.csv", index_col="feature")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the scorer's, of its way to index tables
            scores = task2.score(truth, folder / "masks")
        assert scores.pop("overall") == pytest.approx(ours.loc["micro_average", "jaccard"], rel=1e-12)
        for feature, of_feature in scores.items():
            assert of_feature["jaccard"] == pytest.approx(ours.loc[feature, "jaccard"], rel=1e-12)
            assert table.loc[(network, feature), "jaccard"] == pytest.approx(ours.loc[feature, "jaccard"], rel=1e-12)

    assert [path for path in files_of(empty.results) if kind_of(path) is None] == []
    # Taken away, it leaves the others alone.
    overlay["segmentation"]["networks"] = {"unet": small}
    jobs = empty.snakemake("-n", challenge, overlay=overlay).jobs()
    assert "challenge_statistics" in jobs
    assert not [name for name in jobs if name.startswith(("train", "segmentation", "mask_cells", "gradcam"))]
