"""Saliency methods of a study, per model, with layers, classes and scores of their own, through the same rules."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import h5py
import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from brute_force import intersection_and_union, masks_in
from dermalign.study.batches import name_hash
from PIL import Image

from .conftest import Study

pytestmark = pytest.mark.slow

CLASSES = ["MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC"]
FEATURES = ["globules", "milia_like_cyst", "negative_network", "pigment_network", "streaks"]
METHODS: dict[str, Any] = {
    "gradcam": {},
    "gradcam_plus_plus": {},
    "layercam": {},
    "hirescam": {},
    "gradient": {},
    "gradcam_melanoma": {"kind": "gradcam", "target": "MEL", "score": "after_softmax"},
    "smoothgrad": {"samples": 4, "pictures": 6},
    "integrated_gradients": {"steps": 4, "pictures": 6},
    "xrai": {"steps": 2, "pictures": 6},
    "scorecam": {"pictures": 6},
    "rise": {"masks": 64, "pictures": 6},
}
# What is looked at here, and all that it is made of.
TARGETS = [
    f"results/embedded/{name}"
    for name in ("tables/extended_methods.csv", "statistics/faithfulness.csv", "figures/methods.svg")
]
OF_PLAIN = {"gradcam_fine": {"kind": "gradcam", "layer": "stage2_convolution2", "target": "diagnosis"}}
COSTLY = [name for name, options in METHODS.items() if "pictures" in options]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory, tiny: Callable[[], dict[str, Any]]) -> tuple[Study, str]:
    """A finished study of many methods, and what its run printed."""
    made = Study(tmp_path_factory.mktemp("methods"))
    run = made.snakemake(*TARGETS, overlay=overlay(tiny))
    assert run.status == 0, run.text[-5000:]
    return made, run.text


def overlay(tiny: Callable[[], dict[str, Any]], **changes: Any) -> dict[str, Any]:
    base = tiny()
    plain = {**base["models"]["plain"], "methods": OF_PLAIN}
    faithfulness = {"pictures": 8, "steps": 4}
    methods = {**METHODS, **changes}
    return {**base, "models": {**base["models"], "plain": plain}, "methods": methods, "faithfulness": faithfulness}


def store(study: Study, method: str, image: str) -> dict[str, Any]:
    with h5py.File(study.results / "saliency" / "plain" / method / f"{image}.h5") as file:
        return {**{name: file[name][()] for name in file}, **file.attrs}


def pictures_of(study: Study, images: list[str]) -> np.ndarray:
    with ZipFile(study.results / "archives" / "ISIC2018_Task1-2_Training_Input.zip") as archive:
        names = {Path(name).stem: name for name in archive.namelist()}
        opened = [Image.open(BytesIO(archive.read(names[image]))).convert("RGB") for image in images]
        return np.stack([picture.resize((64, 64), Image.Resampling.BILINEAR) for picture in opened])


def diagnoses(study: Study) -> "pd.Series[str]":
    table = pd.read_csv(study.results / "manifest" / "evaluation.csv", index_col="image", keep_default_na=False)
    return table.loc[table["diagnosis"].isin(["MEL", "NV"]), "diagnosis"]


def test_maps_are_those_of_a_plain_gradient_tape(study: tuple[Study, str]) -> None:
    """Of another layer, class and score, each computed here from the model with two outputs."""
    made, _ = study
    of = diagnoses(made)
    images = sorted(of.index)[:5]
    model = keras.models.load_model(made.results / "classifiers" / "plain" / "model.keras", compile=False)
    backbone = next(layer for layer in model.layers if hasattr(layer, "layers"))
    pictures = tf.constant(pictures_of(made, images), tf.float32)
    for method, layer, target in (
        ("gradcam_fine", "stage2_convolution2", [CLASSES.index(of[image]) for image in images]),
        ("gradcam_melanoma", "last_convolution", [CLASSES.index("MEL")] * len(images)),
    ):
        inner = keras.Model(backbone.input, [backbone.get_layer(layer).output, backbone.output])
        last = "probabilities" if method == "gradcam_melanoma" else "logits"
        tensor = pictures
        with tf.GradientTape() as tape:
            for each in model.layers[1:]:
                if each is backbone:
                    activations, tensor = inner(tensor, training=False)
                else:
                    tensor = each(tensor, training=False)
                if each.name == last:
                    score = tf.gather(tensor, target, axis=1, batch_dims=1)
        gradient = tape.gradient(score, activations)
        weights = tf.reduce_mean(gradient, axis=(1, 2), keepdims=True)
        expected = tf.nn.relu(tf.reduce_sum(weights * activations, axis=-1)).numpy()
        for image, raw, index in zip(images, expected, target, strict=True):
            found = store(made, method, image)
            np.testing.assert_allclose(found["raw"], raw, rtol=1e-3, atol=1e-4 * expected.max())
            assert (found["target_class"], found["layer"]) == (CLASSES[index], layer)
            assert found["target"] == ("MEL" if method == "gradcam_melanoma" else "diagnosis")
            assert found["score"] == ("after_softmax" if last == "probabilities" else "before_softmax")


def test_a_sample_is_of_the_least_hashes_and_its_counts_are_exact(study: tuple[Study, str]) -> None:
    made, _ = study
    sample = sorted(diagnoses(made).index, key=name_hash)[:6]
    archive = made.results / "archives" / "ISIC2018_Task2_Training_GroundTruth_v3.zip"
    masks = {image: masks_in(archive, image, FEATURES)["union"] for image in sample}
    for method in COSTLY:
        stores = sorted(path.stem for path in (made.results / "saliency" / "plain" / method).glob("*.h5"))
        assert stores == sorted(sample)
        with_feature = sorted(image for image in sample if masks[image].any())
        for threshold in ("0.000", "0.300", "0.700", "1.000"):
            shard = pd.read_csv(made.results / "jaccard" / "plain" / method / "union" / f"{threshold}.csv")
            assert shard["image"].tolist() == with_feature
            for row in shard.itertuples():
                saliency = store(made, method, str(row.image))["saliency"]
                assert saliency.shape == ((16, 16) if method == "scorecam" else (64, 64))
                counted = intersection_and_union(saliency, masks[str(row.image)], float(threshold))
                assert (row.intersection, row.union) == counted
    statistics = pd.read_csv(made.results / "statistics" / "thresholds.csv").query("feature == 'union'")
    assert set(statistics[statistics["method"].isin(COSTLY)]["n"]) == {len(with_feature)}


def test_maps_with_signs_keep_them_and_count_the_positive_part(study: tuple[Study, str]) -> None:
    made, _ = study
    for image in sorted(diagnoses(made).index, key=name_hash)[:6]:
        found = store(made, "integrated_gradients", image)
        assert found["signed"].min() < 0
        np.testing.assert_array_equal(found["raw"], np.maximum(found["signed"], 0))
        assert "signed" not in store(made, "rise", image) and store(made, "rise", image)["score"] == "after_softmax"


def test_the_table_of_methods_says_what_shards_and_benchmarks_say(study: tuple[Study, str]) -> None:
    made, text = study
    table = pd.read_csv(made.results / "tables" / "extended_methods.csv", dtype={"threshold": str})
    union = table.query("feature == 'union' and model == 'plain'").set_index("method")
    assert list(union.index) == [*METHODS, *OF_PLAIN]
    folder = made.results / "jaccard" / "plain"

    def curve(method: str) -> pd.DataFrame:
        return pd.DataFrame(
            {
                path.stem: pd.read_csv(path, index_col="image")["jaccard"]
                for path in sorted((folder / method / "union").iterdir())
            }
        )

    reference = curve("gradcam")
    for method, row in union.iterrows():
        own = curve(str(method))
        assert row["j_value"] == pytest.approx(own.mean().max())
        assert row["j_low"] <= row["j_value"] <= row["j_high"] or row["n"] < 3
        assert row["n"] == len(own) and row["degenerate"] >= 0 and row["seconds"] > 0
        if method != "gradcam":
            versus = own.mean().max() - reference.loc[own.index].mean().max()
            assert row["versus_first_value"] == pytest.approx(versus)
    # One pass made the maps of all formulas of the predicted class's logit.
    runs = pd.read_csv(made.results / "statistics" / "method_runs.csv").set_index("method")
    assert runs.loc["gradcam", "methods"] == 5 and runs.loc["gradcam", "seconds"] == runs.loc["gradient", "seconds"]
    assert runs.loc["gradcam_fine", "methods"] == runs.loc["rise", "methods"] == 1
    assert (made.results / "figures" / "methods.svg").is_file()
    assert "rise of plain: 64 passes through the network for each of 6 pictures: at least" in text


def test_another_method_makes_the_maps_of_its_own_pass_alone(
    study: tuple[Study, str], tiny: Callable[[], dict[str, Any]]
) -> None:
    made, _ = study
    assert made.snakemake("-n", *TARGETS, overlay=overlay(tiny)).jobs() == {}
    jobs = made.snakemake(
        "-n", *TARGETS, overlay=overlay(tiny, more={"kind": "rise", "masks": 8, "pictures": 6})
    ).jobs()
    made_again = {name for name in jobs if name.endswith("_00000")}
    assert made_again == {"more_plain_00000"}


def test_faithfulness_is_of_the_pictures_of_the_sample_that_a_method_has_maps_of(study: tuple[Study, str]) -> None:
    results = study[0].results
    areas = pd.read_csv(results / "faithfulness" / "plain.csv")
    images = areas.groupby("method")["image"].agg(set)
    evaluation = pd.read_csv(results / "manifest" / "evaluation.csv", keep_default_na=False)
    included = evaluation.loc[evaluation["included"], "image"]
    assert images["gradcam"] == set(sorted(included, key=name_hash)[:8])
    assert set(images.index) == {*METHODS, *OF_PLAIN, "shuffled"}
    statistics = pd.read_csv(results / "statistics" / "faithfulness.csv", keep_default_na=False)
    counts = statistics.set_index(["method", "control"])["n"]
    for method, of_method in images.items():
        maps = {path.stem for path in (results / "saliency" / "plain" / str(method)).glob("*.h5")}
        assert of_method == (images["gradcam"] & maps if method in COSTLY else images["gradcam"])
        assert counts[method, ""] == len(of_method) and (
            method == "shuffled" or counts[method, "shuffled"] == len(of_method)
        )
    assert 0 < counts["rise", ""] < 8
