"""A study of pictures whose names are no plain words, in zips as macOS and Windows write them, from zip to tables."""

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import brute_force
import h5py
import numpy as np
import pandas as pd
import pytest
from zip_cases import zip_of_macos

from .conftest import Study

pytestmark = pytest.mark.slow

NAMES = ["Läsion é", "a,b", 'quo"te', "it's", "NA", "001", "1e5", "null", "a b", "x#$&;y", "UPPER", "per%cent", "-1"]
FEATURES = ["globules", "streaks"]


def mask_of(name: str, feature: str) -> np.ndarray:
    """A box of ones, another one for each mask."""
    random = np.random.default_rng([len(feature), *name.encode()])
    values = np.zeros((24, 32), dtype=np.uint8)
    top, left = random.integers(0, 12, 2)
    values[top : top + random.integers(3, 12), left : left + random.integers(3, 20)] = 1
    return values


def as_windows(archive: Path, members: dict[str, bytes]) -> None:
    with zipfile.ZipFile(archive, "w") as opened:
        for name, content in members.items():
            opened.writestr("folder+" + name, content)
    archive.write_bytes(archive.read_bytes().replace(b"folder+", b"folder\\"))


def test_names_are_names_from_zip_to_tables(
    empty: Study, encoded: Callable[..., bytes], given: Callable[..., dict[str, Any]]
) -> None:
    data = empty.folder / "data"
    data.mkdir()
    random = np.random.default_rng(0)
    photographs = {f"{name}.JPG": encoded(random.integers(0, 256, (24, 32, 3))) for name in NAMES}
    as_windows(data / "pictures.zip", photographs)
    masks = {f"{name}_attribute_{feature}.PNG": mask_of(name, feature) for name in NAMES for feature in FEATURES}
    zip_of_macos(data / "masks.zip", {name: encoded(values) for name, values in masks.items()})
    rows = pd.DataFrame(
        {"image": [f"{name}.jpg".lower() for name in NAMES], "diagnosis": ["mel", "Nevus"] * 6 + ["MEL"]}
    )
    rows.to_csv(data / "diagnoses.csv", index=False)
    run = empty.snakemake(
        overlay=given(
            {"training_pictures": "pictures.zip", "training_labels": "diagnoses.csv"},
            study="odd",
            leakage="allow",
            split={"validation": 0.2, "test": 0.2},
            thresholds=[0.0, 0.5],
            controls={"chance": ["shuffled"], "prior": ["mean_mask"], "anatomy": [], "draws": 1},
            ceilings={"maps": False, "grids": {"stop": 4}},
            sanity={"pictures": 0},
            batches={"saliency": 1, "masks": 2},
        )
    )
    assert run.status == 0, run.text[-5000:]
    results = empty.folder / "results" / "odd"
    manifest = pd.read_csv(results / "manifest" / "evaluation.csv", dtype={"image": str}, keep_default_na=False)
    assert sorted(manifest["image"]) == sorted(NAMES)
    assert manifest["included"].all()
    assert "white of 13 masks of streaks is value 1, the only one but 0" in run.text
    for threshold in ("0.000", "0.500"):
        shard = results / "jaccard" / "small" / "gradcam" / "union" / f"{threshold}.csv"
        found = pd.read_csv(shard, dtype={"image": str}, keep_default_na=False).set_index("image")
        assert sorted(found.index) == sorted(NAMES)
        for name in NAMES:
            with h5py.File(results / "saliency" / "small" / "gradcam" / f"{name}.h5") as store:
                saliency = store["saliency"][:]
                assert store.attrs["image"] == name
            white = np.any([mask_of(name, feature) for feature in FEATURES], axis=0)
            expected = brute_force.intersection_and_union(saliency, white, threshold)
            assert tuple(found.loc[name, ["intersection", "union"]]) == tuple(expected)
    training = pd.read_csv(results / "manifest" / "training.csv", dtype=str, keep_default_na=False)
    assert sorted(training["image"]) == sorted(NAMES)
