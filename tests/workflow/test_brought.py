"""Classifiers that are brought along, through real runs: as the one they were copied from, and what stops them."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pandas as pd
import pytest
import yaml
from dermalign.classifiers.brought.keras_files import load_keras_file

from .conftest import REPOSITORY, Study

pytestmark = pytest.mark.slow

PAGE = (REPOSITORY / "docs" / "own_classifier.md").read_text(encoding="utf-8")
# What the page shows: a study of one, another beside it, and one without training pictures.
MINE, EXPORTED, ALONE = (yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL))


def _exported(model: Any, folder: Path) -> None:
    model.export(folder, verbose=False)


def test_a_brought_classifier_gives_the_study_of_the_one_it_was_copied_from(
    empty: Study, tiny: Callable[[], dict[str, Any]]
) -> None:
    overlay = tiny()
    trained = empty.results / "classifiers" / "plain" / "model.keras"
    run = empty.snakemake(str(trained.relative_to(empty.folder)), overlay=overlay)
    assert run.status == 0, run.text[-5000:]
    shutil.copy(trained, empty.folder / "mine.keras")
    _exported(load_keras_file(trained), empty.folder / "exported")
    overlay["models"] |= {
        "mine": {"classifier": "mine.keras", "pixels": "raw", "saliency_layer": "last_convolution"},
        "graph": {"classifier": "exported", "pixels": "raw", "saliency_layer": "last_convolution"},
    }
    overlay |= {"faithfulness": {"pictures": 3, "steps": 4}, "sanity": {"pictures": 3, "stages": 2}}
    assert "train" not in empty.snakemake("-n", overlay=overlay).jobs()
    confusions = [f"figures/classifiers/{model}_confusion.svg" for model in ("mine", "graph")]
    tables = [f"tables/{name}.csv" for name in ("table6", "classifiers", "extended_faithfulness", "extended_sanity")]
    wanted = (*tables, "statistics/thresholds.csv", *confusions)
    targets = [f"results/embedded/{name}" for name in wanted]
    run = empty.snakemake(*targets, overlay=overlay)
    assert run.status == 0, run.text[-5000:]
    assert "whether these pictures trained it is unknown" in run.text

    # Weights can be randomised of the one and, as constants of a graph, not of the other.
    similarities = pd.read_csv(empty.results / "statistics" / "sanity.csv").drop(columns="layer").groupby("model")
    plain, mine = (similarities.get_group(model).drop(columns="model") for model in ("plain", "mine"))
    pd.testing.assert_frame_equal(plain.reset_index(drop=True), mine.reset_index(drop=True), atol=0.05)
    assert set(similarities.groups) == {"plain", "mine"}
    caption = (empty.results / "tables" / "extended_sanity.md").read_text(encoding="utf-8")
    assert "; left out is graph, with constants for weights." in caption
    assert "graph: left out" in (empty.results / "logs" / "merge_sanity.log").read_text(encoding="utf-8")

    for model, tolerance in (("mine", 1e-6), ("graph", 1e-5)):
        stores = sorted((empty.results / "saliency" / "plain" / "gradcam").glob("*.h5"))
        assert stores
        for path in stores:
            with h5py.File(path) as one, h5py.File(empty.results / "saliency" / model / "gradcam" / path.name) as other:
                for name in ("saliency", "raw", "probabilities"):
                    np.testing.assert_allclose(other[name][:], one[name][:], rtol=1e-4, atol=tolerance)
                for name in ("layer", "predicted_class", "target_class", "degenerate"):
                    assert other.attrs[name] == one.attrs[name]
        tables = [
            pd.read_csv(empty.results / "classifiers" / name / "predictions.csv").set_index("image")
            for name in ("plain", model)
        ]
        pd.testing.assert_frame_equal(*tables, rtol=1e-4, atol=tolerance)
        metrics = [
            pd.read_csv(empty.results / "classifiers" / name / "metrics.csv").set_index(["metric", "class"])
            for name in ("plain", model)
        ]
        areas = [
            pd.read_csv(empty.results / "faithfulness" / f"{name}.csv").replace(name, "plain")
            for name in ("plain", model)
        ]
        pd.testing.assert_frame_equal(*areas, rtol=1e-3, atol=1e-4)
        possibly = metrics[1].loc[[("possibly_trained_on", "all")]]
        assert possibly["value"].item() == metrics[1].loc[("pictures", "all"), "value"] > 0
        pd.testing.assert_frame_equal(metrics[0], metrics[1].drop(possibly.index), rtol=1e-3)
        assert not (empty.results / "classifiers" / model / "history.csv").exists()
        assert (empty.results / "figures" / "classifiers" / f"{model}_confusion.svg").is_file()

    def shards(model: str) -> dict[str, bytes]:
        folder = empty.results / "jaccard" / model
        return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.csv")}

    assert shards("mine") == shards("plain")  # to the pixel
    statistics = pd.read_csv(empty.results / "statistics" / "thresholds.csv").set_index(
        ["method", "feature", "threshold"]
    )
    of_plain, of_graph = (statistics.query(f"model == '{name}'").drop(columns="model") for name in ("plain", "graph"))
    pd.testing.assert_frame_equal(of_plain, of_graph, rtol=1e-2, atol=1e-3)
    caption = (empty.results / "tables" / "classifiers.md").read_text("utf-8").splitlines()[0]
    assert "; what trained mine, graph is unknown." in caption

    # A touched file runs nothing, a changed one what depends on it and nothing else.
    assert empty.snakemake("-n", *targets, overlay=overlay).jobs() == {}
    (empty.folder / "mine.keras").touch()
    assert empty.snakemake("-n", *targets, overlay=overlay).jobs() == {}
    other = load_keras_file(trained)
    other.set_weights([weight * np.float32(1.01) for weight in other.get_weights()])
    other.save(empty.folder / "mine.keras")
    jobs = empty.snakemake("-n", *targets, overlay=overlay).jobs()
    assert {"adopt_mine", "classify", "gather_maps", "table6"} <= set(jobs)
    assert not {"train", "mask_cells", "training_manifest", "training_pictures", "adopt_graph"} & set(jobs)
    assert [
        path for name in jobs for path in jobs[name] if "/saliency/plain/" in path or "/jaccard/graph/" in path
    ] == []


def test_a_brought_classifier_has_its_own_classes(empty: Study, tiny: Callable[[], dict[str, Any]]) -> None:
    """It lacks classes of the study and has one more: it is measured on pictures of the classes that it knows."""
    inputs = keras.Input((48, 48, 3))
    features = keras.layers.Conv2D(6, 5, strides=4, activation="relu")(inputs)
    scores = keras.layers.Dense(3, activation="softmax")(keras.layers.GlobalAveragePooling2D()(features))
    keras.Model(inputs, scores).save(empty.folder / "mine.keras")
    classes = ["NV", "WART", "MEL"]
    overlay = {**tiny(), "controls": {"chance": [], "prior": [], "anatomy": []}}
    overlay["models"] = {"plain": None, "residual": None}
    overlay["models"]["mine"] = {"classifier": "mine.keras", "pixels": "unit", "classes": classes}
    tables = [f"results/embedded/tables/table{number}.csv" for number in (2, 4, 6)]
    run = empty.snakemake("results/embedded/classifiers/mine/metrics.csv", *tables, overlay=overlay)
    assert run.status == 0, run.text[-5000:]
    assert "mine: saliency_layer: conv2d" in run.text and "found as the last" in run.text
    predictions = pd.read_csv(empty.results / "classifiers" / "mine" / "predictions.csv")
    assert set(predictions["class"]) == {"NV", "MEL"}
    assert set(predictions["predicted"]) <= set(classes)
    assert list(predictions.columns[-3:]) == ["p_NV", "p_WART", "p_MEL"]
    for path in (empty.results / "saliency" / "mine" / "gradcam").glob("*.h5"):
        with h5py.File(path) as store:
            assert store.attrs["layer"].startswith("conv2d")
            assert store.attrs["predicted_class"] == classes[int(store["probabilities"][:].argmax())]
    assert (empty.results / "tables" / "table6.csv").is_file()

    # The same without any training picture: the same overlap, and no word of what was held out or left out.
    without = {
        **overlay,
        "study": "alone",
        "archives": {**ALONE["archives"], "diagnoses": ["evaluation_diagnosis.csv"]},
    }
    for name in ("ISIC_2019_Training_Input.zip", "ISIC_2019_Training_GroundTruth.csv"):
        (empty.results / "archives" / name).unlink()
    alone = empty.folder / "results" / "alone"
    kinds = ("jaccard/**/*.csv", "statistics/*.csv", "tables/table?.csv")
    made = [[path.relative_to(empty.results) for path in empty.results.glob(kind)] for kind in kinds]
    assert all(made)
    run = empty.snakemake(*(f"results/alone/{path}" for paths in made for path in paths), overlay=without)
    assert run.status == 0, run.text[-5000:]
    for paths in made:
        for path in paths:
            both = [pd.read_csv(folder / path, dtype=str) for folder in (empty.results, alone)]
            # Intervals are of lesions, which a table of the training pictures knows, and say so.
            if "resampled" in both[0]:
                assert [set(table["resampled"].dropna()) for table in both] == [{"lesion"}, {"picture"}]
            of_lesions = [
                name for name in both[0] if name.endswith(("_low", "_high")) or name in ("resampled", "lesions")
            ]
            pd.testing.assert_frame_equal(*(table.drop(columns=of_lesions) for table in both))
    listed = [path for paths in empty.snakemake("-n", overlay=without).jobs().values() for path in paths]
    everything = [*listed, *(str(path) for path in alone.rglob("*"))]
    manifests = {Path(path).name for path in everything if Path(path).parent.name == "manifest"}
    assert manifests == {"evaluation.csv", "archives.csv", "masks.csv"}
    assert not [path for path in everything if "metrics" in path or path.endswith("tables/classifiers.csv")]
    caption = (alone / "tables" / "table2.md").read_text("utf-8")
    assert "Which pictures trained mine is unknown." in caption and "leakage" not in caption


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"classifier": "nowhere.keras"}, ["models.mine.classifier", "there is no file nowhere.keras"]),
        # What else may be wrong: tests/classifiers/brought/test_adoption.py.
        ({"classifier": "code.keras"}, ["models.mine", "would execute code", "'mine_own'", "Lambda layer"]),
    ],
)
def test_what_cannot_be_adopted_stops_before_the_first_job(
    empty: Study, tiny: Callable[[], dict[str, Any]], changes: dict[str, Any], words: list[str]
) -> None:
    layers = keras.layers
    start = [keras.Input((32, 32, 3)), layers.Conv2D(2, 3, name="convolution")]
    end = [layers.GlobalAveragePooling2D(), layers.Dense(3)]
    keras.Sequential([*start, *end]).save(empty.folder / "good.keras")
    code = layers.Lambda(lambda tensor: tensor + 1, name="mine_own")
    keras.Sequential([*start, code, *end]).save(empty.folder / "code.keras")
    overlay = tiny()
    overlay["models"]["mine"] = {
        "classifier": "good.keras",
        "pixels": "raw",
        "classes": ["MEL", "NV", "BCC"],
        **changes,
    }
    run = empty.snakemake(overlay=overlay)
    assert run.status != 0
    assert not run.steps() and not empty.results.exists()
    for word in words:
        assert word in run.text


def test_the_example_of_the_page_runs_as_it_stands_there(copied: Study) -> None:
    """docs/own_classifier.md: its overlays and its Python, on the embedded study."""
    (script,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    commands = re.findall(r"^    (\.venv/bin/snakemake .*)$", PAGE, re.MULTILINE)
    assert commands == [
        ".venv/bin/snakemake --cores 2",
        ".venv/bin/snakemake --cores 2 --configfile mine.yaml",
        ".venv/bin/snakemake --cores 2 --configfile mine.yaml exported.yaml",
    ]
    with_paths = script.replace("results/", f"{copied.folder}/results/").replace(
        '"exported"', f'"{copied.folder}/exported"'
    )
    exec(with_paths, {})
    # Of what the commands make, what is looked at here; that all is made, test_embedded_study tells.
    table2, table3 = (f"results/mine/tables/table{number}.csv" for number in (2, 3))  # each of a classifier
    run = copied.snakemake("results/mine/classifiers/mine/metrics.csv", table2, overlay=MINE)
    assert run.status == 0, run.text[-5000:]
    merged = {**MINE, "models": {**MINE["models"], **EXPORTED["models"]}}
    run = copied.snakemake(table2, table3, overlay=merged)
    assert run.status == 0, run.text[-5000:]
    tables = copied.folder / "results" / "mine" / "tables"
    mine, exported = (pd.read_csv(tables / f"table{number}.csv", index_col="feature") for number in (2, 3))
    assert len(mine) == 6
    pd.testing.assert_frame_equal(mine, exported, rtol=1e-2)
    metrics = pd.read_csv(copied.folder / "results/mine/classifiers/mine/metrics.csv").set_index(["metric", "class"])
    assert metrics.loc[("balanced_accuracy", "all"), "value"] > 0.5  # chance is 0.333
