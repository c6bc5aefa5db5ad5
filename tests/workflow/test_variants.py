"""Variants of maps and the challenge view, on request, through the same rules."""

import zipfile
from collections.abc import Callable
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
from brute_force import intersection_and_union
from dermalign.results.index import files_of, kind_of
from PIL import Image

from .conftest import Study

pytestmark = pytest.mark.slow


def test_variants_are_methods_and_the_challenge_view_is_made_on_request(
    empty: Study, tiny: Callable[[], dict[str, Any]]
) -> None:
    variants = {
        "study": {"kind": "study_range", "upper_percentile": 99.5},
        "tiled": {"kind": "tiles", "tiles": 2},
        "superpixels": {"kind": "superpixels", "count": 40, "cells": 48},
    }
    run = empty.snakemake("all", "challenge", overlay={**tiny(), "variants": variants})
    assert run.status == 0, run.text[-3000:]
    best = pd.read_csv(empty.results / "statistics" / "best_thresholds.csv")
    assert set(variants) < set(best["method"])

    evaluation = pd.read_csv(empty.results / "manifest" / "evaluation.csv", index_col="image", keep_default_na=False)
    for method in variants:
        shard = pd.read_csv(empty.results / "jaccard" / "plain" / method / "union" / "0.300.csv", index_col="image")
        with h5py.File(empty.results / "maps" / "plain" / f"{method}.h5") as maps:
            saliency = dict(zip(maps["image"].asstr()[:], maps["saliency"][:], strict=True))
        for image, row in shard.iterrows():
            white = _union_of(empty, str(image))
            assert (row["intersection"], row["union"]) == intersection_and_union(saliency[image], white, 0.3)
            assert white.sum() == evaluation.loc[image, "union"]

    scores = pd.read_csv(empty.results / "challenge" / "plain" / "gradcam" / "scores.csv", index_col="feature")
    assert scores.index[-1] == "micro_average" and len(scores) == 6
    for image in evaluation[evaluation["included"]].index:
        mask = Image.open(empty.results / "challenge/plain/gradcam/masks" / f"{image}_attribute_globules.png")
        assert mask.size == tuple(evaluation.loc[image, ["width", "height"]])
        assert set(np.unique(np.asarray(mask))) <= {0, 255}

    # Whichever of the two ended last, the index knows both.
    assert [path for path in files_of(empty.results) if kind_of(path) is None] == []
    page = (empty.results / "README.md").read_text(encoding="utf-8")
    assert "(challenge/plain/gradcam/)" in page and "on request" not in page
    assert "J at each threshold: plain, tiled: [jaccard/plain/tiled/](jaccard/plain/tiled/)" in page


def _union_of(study: Study, image: str) -> np.ndarray:
    archive = study.results / "archives" / "ISIC2018_Task2_Training_GroundTruth_v3.zip"
    with zipfile.ZipFile(archive) as opened:
        names = [name for name in opened.namelist() if f"/{image}_attribute_" in name]
        return np.logical_or.reduce([np.asarray(Image.open(opened.open(name))) > 127 for name in names])
