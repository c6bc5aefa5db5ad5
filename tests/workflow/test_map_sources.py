"""New kinds of map sources, added as CONTRIBUTING.md says: a module with a function, and an entry in the registry."""

import shutil
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
from brute_force import intersection_and_union, masks_in

from .conftest import Copy

pytestmark = pytest.mark.slow

SOURCES = Path(__file__).parent / "sources"
FEATURES = ["globules", "milia_like_cyst", "negative_network", "pigment_network", "streaks"]
GRID = [f"{number / 10:.3f}" for number in range(11)]

ENTRIES = """
CELLS = {"cells": {"type": "integer", "minimum": 2}}
KINDS |= {
    "darkness": of_network(
        "saliency.darkness:darkness", {"power": {"type": "number", "default": 1.0}}, lambda *_: 1, pictures=ALL
    ),
    "ring": Kind(INDEPENDENT, "saliency.ring:ring", options=CELLS, required=("cells",), grid=square_of_cells),
    "shares": Kind(
        INDEPENDENT, "saliency.shares:shares", needs=(MASKS,), options=CELLS, required=("cells",), grid=square_of_cells
    ),
}
"""

# 72 x 72 cells of the picture are a fine grid.
BASE: dict[str, Any] = {
    "archives": {"drawn": {"training_pictures": 120, "evaluation_pictures": 20}},
    "models": {"residual": None, "plain": {"input_size": 72, "training": {"epochs": 0}}},
    "controls": {"chance": ["random_cells"], "prior": [], "anatomy": [], "draws": 2},
    "ceilings": {"maps": False, "grids": {"stop": 4}},
    "segmentation": {"networks": {"unet": None}},
    "sanity": {"pictures": 0},
    "batches": {"saliency": 1},
}
ADDED: dict[str, Any] = {
    "methods": {"darkness": {"power": 1.5}},
    "variants": {"tiled": {"kind": "tiles", "of": "darkness", "tiles": 3}},
    "sources": {
        "prior": {"ring": {"kind": "ring", "cells": 12}},
        "ceiling": {"shares": {"kind": "shares", "cells": 6}},
    },
}
# What is looked at here, and all that it is made of.
TARGETS = [
    f"results/embedded/{name}"
    for name in (
        *(f"statistics/{name}.csv" for name in ("exact_thresholds", "mean_curves", "mann_whitney", "correctness")),
        *(f"tables/{name}.csv" for name in ("extended_best_thresholds", "extended_groups")),
        "figures/jaccard_by_threshold.svg",
    )
]
FINE, BY_FEATURE, NO_MODEL = ("plain/darkness", "plain/tiled"), "ceiling/shares", ("prior/ring", "ceiling/shares")
ALL = ("plain/gradcam", "plain/random_cells", *FINE, *NO_MODEL)


def add_kinds(copy: Copy) -> None:
    """Add the kinds of this test."""
    for path in SOURCES.glob("*.py"):
        shutil.copy(path, copy.library / "saliency" / path.name)
    with (copy.library / "study" / "sources.py").open("a", encoding="utf-8") as registry:
        registry.write(ENTRIES)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """A finished study with the added sources, which were added when the study without them was finished."""
    copy = Copy(tmp_path_factory.mktemp("copy"))
    run = copy.snakemake("results/embedded/statistics/thresholds.csv", overlay=BASE)
    assert run.status == 0, run.text[-3000:]
    add_kinds(copy)
    both = {**BASE, **ADDED}
    planned = copy.snakemake("-n", *TARGETS, overlay=both).jobs()
    # No map that was there is made again, though the registry is another file now; masks are counted for new grids.
    again = {"train", "gradcam_plain_00000", "maps_plain_random_cells", "evaluation_predictions_plain", "draw_archives"}
    assert not again & set(planned)
    assert {"darkness_plain_00000", "maps_plain_tiled", "maps_prior_ring", "maps_ceiling_shares"} <= set(planned)
    shards = sorted((copy.results / "jaccard" / "plain" / "gradcam").rglob("*.csv"))
    before = [path.read_bytes() for path in shards]
    run = copy.snakemake(*TARGETS, overlay=both)
    assert run.status == 0, run.text[-3000:]
    assert [path.read_bytes() for path in shards] == before
    assert copy.snakemake("-n", *TARGETS, overlay=both).jobs() == {}
    return copy


def test_every_count_of_every_source_equals_brute_force(study: Copy) -> None:
    archive = study.results / "archives" / "ISIC2018_Task2_Training_GroundTruth_v3.zip"
    evaluation = pd.read_csv(study.results / "manifest" / "evaluation.csv", keep_default_na=False)
    masks = {image: masks_in(archive, image, FEATURES) for image in evaluation[evaluation["included"]]["image"]}
    compared = 0
    for source in ALL:
        with h5py.File(study.results / "maps" / f"{source}.h5") as maps:
            images, saliency = maps["image"].asstr()[:].tolist(), maps["saliency"][:]
            by_feature = list(maps.attrs.get("features", []))
        assert bool(by_feature) == (source == BY_FEATURE)
        for feature in (*FEATURES, "union"):
            own = saliency
            if by_feature:
                own = saliency[:, by_feature.index(feature)] if feature in by_feature else saliency.max(axis=1)
            for threshold in GRID:
                shard = pd.read_csv(study.results / "jaccard" / source / feature / f"{threshold}.csv")
                expected = sorted(
                    (image, *intersection_and_union(one, masks[image][feature], threshold))
                    for image, one in zip(images, own, strict=True)
                    if image in masks and masks[image][feature].any()
                )
                found = shard[["image", "intersection", "union"]].itertuples(index=False, name=None)
                assert sorted(found) == expected
                compared += len(expected)
    assert compared > 2000


def test_fine_maps_keep_bins_of_thresholds_and_no_steps(study: Copy) -> None:
    for source in ALL:
        with h5py.File(study.results / "curves" / f"{source}.h5") as curves:
            assert ("levels" in curves) == (source not in FINE)
            widths = {curves["intersection"][feature].shape[1] for feature in curves["intersection"]}
        assert (widths == {1001}) == (source in FINE)
    exact = pd.read_csv(study.results / "statistics" / "exact_thresholds.csv")
    assert set(exact["model"] + "/" + exact["method"]) == set(ALL) - set(FINE)
    means = pd.read_csv(study.results / "statistics" / "mean_curves.csv", dtype={"threshold": str})
    assert set(means["model"] + "/" + means["method"]) == set(ALL)
    grid = pd.read_csv(study.results / "statistics" / "thresholds.csv", dtype={"threshold": str})
    keys = ["model", "method", "feature", "threshold"]
    both = means.merge(grid, on=keys, suffixes=("", "_of_shards"))
    assert len(both) == len(grid) == len(ALL) * 6 * 11
    np.testing.assert_allclose(both["j_mean"], both["j_mean_of_shards"], rtol=1e-12)
    np.testing.assert_allclose(both["j_sd"], both["j_sd_of_shards"], rtol=1e-9)


def test_predictions_are_the_models_and_others_have_no_groups(study: Copy) -> None:
    predicted = pd.read_csv(study.results / "classifiers" / "plain" / "evaluation_predictions.csv")
    for method in ("gradcam", "darkness"):
        for row in predicted.itertuples():
            with h5py.File(study.results / "saliency" / "plain" / method / f"{row.image}.h5") as store:
                assert store.attrs["predicted_class"] == row.predicted_class
                assert store["saliency"].shape == ((18, 18) if method == "gradcam" else (72, 72))
    assert [path.name for path in (study.results / "classifiers").iterdir()] == ["plain"]
    for name in ("correctness", "mann_whitney"):
        assert set(pd.read_csv(study.results / "statistics" / f"{name}.csv")["model"]) == {"plain"}


def test_tables_and_figures_have_all_sources(study: Copy) -> None:
    best = pd.read_csv(study.results / "statistics" / "best_thresholds.csv", dtype={"threshold": str})
    table = pd.read_csv(study.results / "tables" / "extended_best_thresholds.csv", dtype=str)
    table = table.set_index(["model", "feature", "method"])
    assert len(table) == len(best)
    for row in best.itertuples():
        assert table.loc[(row.model, row.feature, row.method), "threshold"] == row.threshold
        assert float(table.loc[(row.model, row.feature, row.method), "j_mean"]) == row.j_mean
    text = (study.results / "figures" / "jaccard_by_threshold.svg").read_text(encoding="utf-8")
    assert len(text) > 10_000
    groups = pd.read_csv(study.results / "tables" / "extended_groups.csv")
    assert set(groups["method"]) == {"gradcam", "darkness", "tiled", "random_cells"}
