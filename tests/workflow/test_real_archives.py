"""The reduced real archives, from zip to table 6. Skipped where they are absent."""

from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pandas as pd
import pytest
import yaml

from .conftest import FEW_SOURCES, REPOSITORY, Study

pytestmark = pytest.mark.slow


def _overlay(study: str, real_data: Path, **changes: Any) -> dict[str, Any]:
    overlay = yaml.safe_load((REPOSITORY / "studies" / f"{study}.yaml").read_text(encoding="utf-8"))
    overlay["archives"].update(
        folder=str(real_data / "isic-256"),
        diagnoses=["ISIC_2019_Training_GroundTruth.csv", "../labels/isic2018_task2_diagnosis.csv"],
        sources=None,
    )
    return {**overlay, "study": "real", **changes}


def test_a_trial_of_the_mobilenet_study_reaches_table_6(empty: Study, real_data: Path) -> None:
    overlay = _overlay("isic256", real_data, training_limit=400, evaluation_limit=60)
    overlay["batches"] = {"saliency": 2, "masks": 2}
    overlay |= {**FEW_SOURCES, "controls": {"chance": ["random_cells"], "prior": ["mean_mask"], "anatomy": []}}
    weights = real_data / "weights" / "mobilenet_v2_1.0_224_notop.weights.h5"
    overlay["models"]["mobilenet"]["weights"] = str(weights)
    overlay["models"]["mobilenet"]["training"].update(epochs=2, decay=0, learning_rate=0.0005)
    run = empty.snakemake(
        "results/real/tables/table6.csv", "results/real/classifiers/mobilenet/metrics.csv", overlay=overlay
    )
    assert run.status == 0, run.text[-5000:]
    results = empty.folder / "results" / "real"
    metrics = pd.read_csv(results / "classifiers" / "mobilenet" / "metrics.csv").set_index(["metric", "class"])
    assert metrics.loc[("balanced_accuracy", "all"), "value"] > 0.25  # chance is 0.125
    tests = pd.read_csv(results / "tables" / "table6.csv")
    assert len(tests) == 2  # correct against wrong, of melanoma and of nevus
    evaluation = pd.read_csv(results / "manifest" / "evaluation.csv", keep_default_na=False)
    assert len(evaluation) == 60
    shard = pd.read_csv(results / "jaccard" / "mobilenet" / "gradcam" / "union" / "0.000.csv", index_col="image")
    included = evaluation[evaluation["included"]].set_index("image")
    # At threshold 0 the map is white everywhere: J is the share of the picture that the union covers.
    share = included["union"] / (included["width"] * included["height"])
    pd.testing.assert_series_equal(shard["jaccard"], share, check_names=False, rtol=1e-15)


def test_untrained_networks_of_the_paper_take_the_same_archives(empty: Study, real_data: Path) -> None:
    overlay = _overlay("nunnari2021", real_data, training_limit=40, evaluation_limit=8, threads=None)
    overlay["batches"] = {"saliency": 1, "masks": 1}
    overlay |= FEW_SOURCES
    for model in ("vgg16", "resnet50"):
        overlay["models"][model] = {**overlay["models"][model], "weights": "none"}
        overlay["models"][model]["training"] = {**overlay["models"][model]["training"], "epochs": 0}
    run = empty.snakemake("results/real/tables/table6.csv", overlay=overlay)
    assert run.status == 0, run.text[-5000:]
    results = empty.folder / "results" / "real"
    for model, shape in {"vgg16": (28, 28), "resnet50": (8, 8)}.items():
        stores = list((results / "saliency" / model / "gradcam").glob("*.h5"))
        assert stores
        for path in stores:
            with h5py.File(path) as store:
                assert store["saliency"].shape == shape
    assert set(pd.read_csv(results / "tables" / "table6.csv")["model"]) == {"vgg16", "resnet50"}


def test_the_manifest_counts_what_was_counted_independently(empty: Study, real_data: Path) -> None:
    overlay = _overlay("isic256", real_data)
    overlay["models"]["mobilenet"]["weights"] = overlay["segmentation"]["networks"]["unet"]["weights"] = "none"
    run = empty.snakemake("results/real/manifest/evaluation.csv", overlay=overlay)
    assert run.status == 0, run.text[-5000:]
    table = pd.read_csv(empty.folder / "results/real/manifest/evaluation.csv", index_col="image", keep_default_na=False)
    picture = table.loc["ISIC_0000013"]
    assert round(picture["union"] / (picture["width"] * picture["height"]), 3) == 0.064
    assert dict(table["diagnosis"].where(table["diagnosis"].isin(["MEL", "NV"]), "other").value_counts()) == {
        "NV": 1097,
        "other": 113,
        "MEL": 312,
    }
    assert dict(table.loc[table["included"], "diagnosis"].value_counts()) == {"NV": 882, "MEL": 264}


def test_a_brought_mobilenet_in_both_forms_reaches_table_6(empty: Study, real_data: Path) -> None:
    layers = keras.layers
    keras.utils.set_random_seed(4)
    backbone = keras.applications.MobileNetV2(weights=None, include_top=False, input_shape=(224, 224, 3))
    backbone.load_weights(real_data / "weights" / "mobilenet_v2_1.0_224_notop.weights.h5")
    head = [layers.GlobalAveragePooling2D(), layers.Dense(8, activation="softmax")]
    model = keras.Sequential([keras.Input((224, 224, 3)), backbone, *head])
    model.save(empty.folder / "mobilenet.keras")
    model.export(empty.folder / "mobilenet", verbose=False)
    overlay = _overlay("isic256", real_data, training_limit=60, evaluation_limit=40)
    overlay["batches"] = {"saliency": 1, "masks": 1}
    overlay |= FEW_SOURCES
    overlay["models"]["mobilenet"] = None
    overlay["models"]["brought"] = {"classifier": "mobilenet.keras", "pixels": "symmetric"}
    overlay["models"]["graph"] = {"classifier": "mobilenet", "pixels": "symmetric", "saliency_layer": "out_relu"}
    run = empty.snakemake("results/real/tables/table6.csv", "results/real/tables/classifiers.csv", overlay=overlay)
    assert run.status == 0, run.text[-5000:]
    assert "out_relu, found as the last" in run.text
    results = empty.folder / "results" / "real"
    stores = sorted((results / "saliency" / "brought" / "gradcam").glob("*.h5"))
    assert stores
    for path in stores:
        with h5py.File(path) as one, h5py.File(results / "saliency" / "graph" / "gradcam" / path.name) as other:
            assert one["saliency"].shape == (7, 7)
            np.testing.assert_allclose(other["probabilities"][:], one["probabilities"][:], atol=1e-5)
            np.testing.assert_allclose(other["raw"][:], one["raw"][:], rtol=1e-3, atol=1e-5 * one["raw"][:].max())
    tests = pd.read_csv(results / "tables" / "table6.csv")
    assert set(tests["model"]) == {"brought", "graph"}
    caption = (results / "tables" / "classifiers.md").read_text(encoding="utf-8").splitlines()[0]
    assert "; what trained brought, graph is unknown." in caption
