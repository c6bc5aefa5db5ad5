"""The embedded study, run as a user runs it, to its last table."""

import csv
import hashlib
import itertools
import json
import math
import re
import statistics
import subprocess
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pandas as pd
import pytest
import yaml
from brute_force import cell_counts, intersection_and_union, masks_in, scaled_up
from dermalign.results.index import files_of, kind_of
from dermalign.study.configuration import checked
from PIL import Image
from scipy.stats import mannwhitneyu

from .conftest import REPOSITORY, Run, Study

FEATURES = ["globules", "milia_like_cyst", "negative_network", "pigment_network", "streaks"]


def test_it_ends_with_the_best_thresholds_and_where_everything_lies(finished: tuple[Study, Run]) -> None:
    study, run = finished
    best = pd.read_csv(study.results / "statistics" / "best_thresholds.csv")
    best = best[best["method"].isin(["gradcam", "segmentation"])]
    for feature in [*FEATURES, "union"]:
        of_feature = best[best["feature"] == feature].set_index("model").loc[["plain", "residual", "unet"]]
        row = [feature, *(f"{value:.3f}" for of in of_feature.itertuples() for value in (of.threshold, of.j_mean))]
        assert row in [line.split() for line in run.text.splitlines()]
    for folder in ("tables", "figures", "statistics", "jaccard", "saliency", "classifiers", "manifest", "logs"):
        assert f"results/embedded/{folder}/" in run.text
        assert any((study.results / folder).iterdir())


def test_both_classifiers_are_far_above_chance_on_held_out_pictures(finished: tuple[Study, Run]) -> None:
    for model in ("plain", "residual"):
        folder = finished[0].results / "classifiers" / model
        metrics = pd.read_csv(folder / "metrics.csv").set_index(["metric", "class"])["value"]
        assert metrics["balanced_accuracy", "all"] > 0.6  # chance is 0.125
        held_out = pd.read_csv(folder / "predictions.csv").query("split == 'test'")
        assert metrics["pictures", "all"] == len(held_out)
        assert metrics["accuracy", "all"] == (held_out["class"] == held_out["predicted"]).mean()
        table = pd.read_csv(finished[0].results / "tables" / "classifiers.csv").set_index(["metric", "class"])
        pd.testing.assert_series_equal(table[f"{model}_value"], metrics.loc[table.index], check_names=False)
        assert table["pictures"].loc["accuracy"].to_dict() == {**metrics.loc["pictures"]}


def test_no_evaluation_picture_trained_a_classifier(finished: tuple[Study, Run]) -> None:
    manifest = finished[0].results / "manifest"
    training = pd.read_csv(manifest / "training.csv", keep_default_na=False)
    evaluated = set(pd.read_csv(manifest / "evaluation.csv")["image"])
    used = training[training["split"] != "excluded"]
    assert not evaluated & set(used["image"].str.removesuffix("_downsampled"))
    of_evaluated = training[training["image"].str.removesuffix("_downsampled").isin(evaluated)]
    lesions = set(of_evaluated["lesion_id"]) - {""}
    assert not lesions & set(used["lesion_id"])
    spread = used[used["lesion_id"] != ""].groupby("lesion_id")["split"].nunique()
    assert (spread == 1).all()


def test_the_leakage_account_finds_every_evaluation_picture_and_is_told_once(
    finished: tuple[Study, Run],
) -> None:
    results = finished[0].results
    training = pd.read_csv(results / "manifest" / "training.csv", keep_default_na=False)
    evaluation = pd.read_csv(results / "manifest" / "evaluation.csv", keep_default_na=False)
    account = pd.read_csv(results / "manifest" / "leakage.csv", keep_default_na=False)
    plain = training["image"].str.removesuffix("_downsampled")
    expected = dict(zip(training["image"], plain, strict=True))
    both = {(name, image) for image, name in expected.items() if name in set(evaluation["image"])}
    for by in ("name", "content"):  # smaller and recompressed copies too, and none of another picture
        rows = account[account["by"] == by]
        assert set(zip(rows["evaluation_image"], rows["training_image"], strict=True)) == both
    assert set(account["split"]) == {"excluded"}
    assert "leakage account: in the split train: by name 0 (0 lesions)" in finished[1].text
    included = evaluation["included"].sum()
    captions = {
        path.stem: path.read_text(encoding="utf-8").splitlines()[0] for path in (results / "tables").glob("*.md")
    }
    caption = captions.pop("classifiers")
    assert "(leakage: exclude)" in caption
    assert f"of {included} pictures of the analysis, 0 (0 lesions) by name and 0 (0 lesions) by content" in caption
    assert not any("lesions)" in other for other in captions.values())


def test_every_count_equals_brute_force_to_the_pixel(finished: tuple[Study, Run]) -> None:
    results = finished[0].results
    archive = results / "archives" / "ISIC2018_Task2_Training_GroundTruth_v3.zip"
    evaluation = pd.read_csv(results / "manifest" / "evaluation.csv", keep_default_na=False)
    sample = evaluation[evaluation["included"]].sample(25, random_state=4)["image"]
    compared = 0
    with zipfile.ZipFile(archive) as opened:
        for source in ("plain/gradcam", "residual/gradcam", "unet/segmentation"):
            shards = {
                path.relative_to(results / "jaccard" / source): pd.read_csv(path, index_col="image")
                for path in (results / "jaccard" / source).rglob("*.csv")
            }
            for image in sample:
                with h5py.File(results / "saliency" / source / f"{image}.h5") as store:
                    saliency = store["saliency"][:]
                    of_feature = list(store.attrs.get("features", []))
                masks = {}
                for feature in FEATURES:
                    name = f"{archive.stem}/{image}_attribute_{feature}.png"
                    masks[feature] = np.asarray(Image.open(opened.open(name))) > 127
                masks["union"] = np.logical_or.reduce(list(masks.values()))
                for feature, mask in masks.items():
                    for number in range(11):
                        shard = shards[Path(feature) / f"{number / 10:.3f}.csv"]
                        assert (image in shard.index) == mask.any()
                        if mask.any():
                            own = saliency[of_feature.index(feature)] if of_feature else saliency
                            expected = intersection_and_union(own, mask, number / 10)
                            found = shard.loc[image]
                            assert (found["intersection"], found["union"]) == expected
                            assert found["jaccard"] == expected[0] / expected[1]
                            compared += 1
    assert compared > 1000


def test_the_merged_statistics_are_those_of_the_shards(finished: tuple[Study, Run]) -> None:
    results = finished[0].results
    thresholds = pd.read_csv(results / "statistics" / "thresholds.csv", dtype={"threshold": str})
    assert len(thresholds) == (3 * (1 + 2) + 5 + 2) * 6 * 11
    for row in thresholds.itertuples():
        shard = pd.read_csv(results / "jaccard" / row.model / row.method / row.feature / f"{row.threshold}.csv")
        jaccard = shard.groupby("image")["jaccard"].mean()  # of a picture's draws, where chance has several
        assert row.n == len(jaccard)
        np.testing.assert_allclose(
            [row.j_min, row.j_mean, row.j_sd, row.j_max],
            [jaccard.min(), jaccard.mean(), jaccard.std(), jaccard.max()],
            rtol=1e-12,
        )
        assert row.j_low <= row.j_mean <= row.j_high


def test_stores_hold_what_the_design_says(finished: tuple[Study, Run]) -> None:
    stores = sorted((finished[0].results / "saliency" / "plain" / "gradcam").glob("*.h5"))
    evaluation = pd.read_csv(finished[0].results / "manifest" / "evaluation.csv", keep_default_na=False)
    assert {path.stem for path in stores} == set(evaluation[evaluation["diagnosis"].isin(["MEL", "NV"])]["image"])
    for path in stores[:20]:
        with h5py.File(path) as store:
            assert store["saliency"].dtype == store["raw"].dtype == store["probabilities"].dtype == np.float32
            assert store["saliency"].shape == store["raw"].shape == (16, 16)
            raw = store["raw"][:].astype(np.float64)
            if not store.attrs["degenerate"]:
                stretched = (raw - raw.min()) / (raw.max() - raw.min())
                np.testing.assert_allclose(store["saliency"][:], stretched, atol=1e-6)
            assert store.attrs["image"] == path.stem
            classes = ["MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC"]
            assert store.attrs["predicted_class"] == classes[int(store["probabilities"][:].argmax())]


OF_MODELS = {"random_cells": "chance", "shuffled": "chance"}
OF_THE_STUDY = {
    **{"all_white": "prior", "center_gaussian": "prior", "mean_mask": "prior"},
    **{"lesion": "anatomy", "lesion_depth": "anatomy"},
}


def test_controls_are_beside_every_model_in_tables_and_statistics(finished: tuple[Study, Run]) -> None:
    results = finished[0].results
    models = ("plain", "residual")
    for name in ("thresholds", "best_thresholds"):
        table = pd.read_csv(results / "tables" / f"extended_{name}.csv")
        ceilings = {(model, method) for model, method in zip(table["model"], table["method"], strict=True)}
        assert ceilings >= {
            *((model, method) for model in models for method in ("gradcam", *OF_MODELS)),
            *(("controls", method) for method in OF_THE_STUDY),
        }
    types = {"threshold": str, "control_threshold": str}
    differences = pd.read_csv(results / "statistics" / "controls.csv", dtype=types)
    kinds = {**OF_MODELS, **OF_THE_STUDY}
    assert (differences["kind"] == differences["control"].map(kinds)).all()
    compared = set(zip(differences["model"], differences["control"], strict=True))
    assert compared == set(itertools.product([*models, "unet"], kinds))
    for row in differences.query("at == 'own best' and group == 'all'").itertuples():
        owner = row.model if row.control in OF_MODELS else "controls"
        assert pd.isna(row.control_threshold) == (row.control == "all_white")  # the same at every threshold
        threshold = "0.500" if row.control == "all_white" else row.control_threshold
        own, other = (
            pd.read_csv(results / "jaccard" / path / row.feature / f"{at}.csv").groupby("image")["jaccard"].mean()
            for path, at in ((f"{row.model}/{row.method}", row.threshold), (f"{owner}/{row.control}", threshold))
        )
        assert row.n == len(own)
        np.testing.assert_allclose(
            [row.difference_mean, row.difference_sd], [(own - other).mean(), (own - other).std()], rtol=1e-9, atol=1e-12
        )
        assert row.difference_low <= row.difference_mean <= row.difference_high


def test_grad_cam_finds_what_makes_a_drawn_melanoma(finished: tuple[Study, Run]) -> None:
    """Negative network and streaks, without which few are recognised (benchmarks/informative_features.py).

    Every control that does not know where the lesion is, is beaten on both; those that do know it are the subject of
    docs/results_controls.md.
    """
    table = pd.read_csv(finished[0].results / "statistics" / "controls.csv")
    table = table.query("model == 'plain' and group == 'all' and at == 'equal area at best' and kind != 'anatomy'")
    table = table[table["feature"].isin(["negative_network", "streaks"])]
    assert len(table) == 2 * 5
    assert (table["difference_low"] > 0).all(), table[["control", "feature", "difference_low"]]


def test_the_reference_is_far_above_every_control_and_every_classifier(finished: tuple[Study, Run]) -> None:
    statistics = finished[0].results / "statistics"
    table = pd.read_csv(statistics / "controls.csv")
    table = table.query("model == 'unet' and group == 'all' and at == 'equal area at best'")
    table = table[table["feature"].isin(["union", "pigment_network"])]
    assert len(table) == 2 * len([*OF_MODELS, *OF_THE_STUDY])
    assert (table["difference_low"] > 0).all(), table[["control", "feature", "difference_low"]]
    shares = pd.read_csv(statistics / "reference_shares.csv").query("method == 'gradcam' and feature == 'union'")
    assert shares["model"].tolist() == ["plain", "residual"] and (shares["high"] < 1).all()
    page = (finished[0].results / "report" / "index.html").read_text(encoding="utf-8")
    assert "with this number alone the published 0.307 (first of ISIC 2018), 0.305 (second" in page
    assert "0 are mapped by a network that saw that one" in page


def test_each_picture_is_mapped_by_the_network_that_saw_neither_it_nor_its_lesion(
    finished: tuple[Study, Run],
) -> None:
    """From the stores, the networks and the archives alone."""
    results = finished[0].results
    folds = pd.read_csv(results / "manifest" / "folds.csv", keep_default_na=False).set_index("image")
    lesions = folds.loc[folds["lesion_id"] != "", ["lesion_id", "fold"]].drop_duplicates()
    assert lesions["lesion_id"].is_unique and set(folds["fold"]) == {1, 2}
    files = {fold: results / "segmentation" / "unet" / f"fold_{fold}" / "model.keras" for fold in (1, 2)}
    digests = {fold: hashlib.sha256(path.read_bytes()).hexdigest() for fold, path in files.items()}
    networks = {fold: keras.models.load_model(path, safe_mode=True) for fold, path in files.items()}
    account = pd.read_csv(results / "manifest" / "folds_leakage.csv")
    assert len(account) and (account["fold"] == account["training_fold"]).all()
    stores = sorted((results / "saliency" / "unet" / "segmentation").iterdir())
    evaluation = pd.read_csv(results / "manifest" / "evaluation.csv")
    assert {path.stem for path in stores} == set(evaluation.query("diagnosis in ['MEL', 'NV']")["image"])
    assert set(folds.index) == set(evaluation["image"])  # of other diagnoses, too, which train
    archive = results / "archives" / "ISIC2018_Task1-2_Training_Input.zip"
    for path in stores[::17]:
        fold = folds.loc[path.stem, "fold"]
        assert folds.loc[path.stem, f"fold_{fold}"] == "held_out"
        with h5py.File(path) as store, zipfile.ZipFile(archive) as opened:
            assert store.attrs["classifier_sha256"] == digests[fold]
            assert list(store.attrs["features"]) == [*FEATURES, "union"]
            member = next(name for name in opened.namelist() if Path(name).stem == path.stem)
            picture = Image.open(opened.open(member)).convert("RGB").resize((64, 64), Image.Resampling.BILINEAR)
            expected = np.asarray(networks[fold](np.asarray(picture, np.float32)[np.newaxis]))[0]
            np.testing.assert_allclose(store["saliency"][()], expected.transpose(2, 0, 1), atol=1e-5)


def test_all_white_at_equal_area_is_what_pixels_anywhere_would_cover(finished: tuple[Study, Run]) -> None:
    results = finished[0].results
    evaluation = pd.read_csv(results / "manifest" / "evaluation.csv").set_index("image")
    table = pd.read_csv(results / "statistics" / "controls.csv", dtype={"threshold": str})
    compared = 0
    for row in table.query("at == 'equal area' and control == 'all_white' and feature == 'union'").itertuples():
        shard = pd.read_csv(results / "jaccard" / row.model / row.method / "union" / f"{row.threshold}.csv")
        of = evaluation.loc[shard["image"]]
        mask, pixels = of["union"].to_numpy(), (of["width"] * of["height"]).to_numpy()
        area = (shard["union"] + shard["intersection"]).to_numpy() - mask
        common = area * mask / pixels
        expected = common / (area + mask - common)
        np.testing.assert_allclose([row.control_j_mean, row.j_mean], [expected.mean(), shard["jaccard"].mean()])
        compared += 1
    assert compared == 3 * 11  # of two models and a network


def test_ceilings_are_what_pillow_s_pixels_allow_and_no_map_is_above_them(finished: tuple[Study, Run]) -> None:
    """The best of a picture's own shares of white, scaled up by Pillow and thresholded at each of their values."""
    results = finished[0].results
    archive = results / "archives" / "ISIC2018_Task2_Training_GroundTruth_v3.zip"
    evaluation = pd.read_csv(results / "manifest" / "evaluation.csv", keep_default_na=False)
    images = evaluation[evaluation["included"]]["image"]
    union = {image: masks_in(archive, image, FEATURES)["union"] for image in images}
    found = pd.read_csv(results / "statistics" / "ceilings.csv").set_index(["grid", "feature"])
    for cells in (4, 16):
        best = []
        for white in union.values():
            height, width = white.shape
            share = cell_counts(white, (cells, cells)) / cell_counts(np.ones_like(white), (cells, cells))
            scaled = [scaled_up((share >= level).astype(np.float32), width, height) > 0 for level in np.unique(share)]
            best.append(max((one & white).sum() / (one | white).sum() for one in scaled))
        row = found.loc[(f"{cells}x{cells}", "union")]
        assert row["n"] == len(best)
        np.testing.assert_allclose(row["j_mean"], np.mean(best), rtol=1e-12)
        assert row["low"] < row["j_mean"] < row["high"]
        assert row["one_threshold_j_mean"] < row["j_mean"]
    shares = pd.read_csv(results / "statistics" / "ceiling_shares.csv", dtype={"threshold": str})
    best_rows = pd.read_csv(results / "statistics" / "best_thresholds.csv", dtype={"threshold": str})
    best_rows = best_rows.set_index(["model", "method", "feature"])
    assert len(shares) == 3 * 6
    for row in shares.to_dict("records"):
        own = best_rows.loc[(row["model"], row["method"], row["feature"])]
        assert (row["threshold"], row["n"]) == (own["threshold"], own["n"])
        np.testing.assert_allclose(row["j_mean"], own["j_mean"], rtol=1e-12)
        np.testing.assert_allclose(
            row["ceiling_j_mean"], found.loc[(row["grid"], row["feature"]), "j_mean"], rtol=1e-12
        )
        assert 0 < row["low"] <= row["share"] <= row["high"] < 1


def test_faithfulness_is_of_the_same_sample_for_all_sources_and_tells_them_from_chance(
    finished: tuple[Study, Run],
) -> None:
    results = finished[0].results
    configuration = yaml.safe_load((REPOSITORY / "config.yaml").read_text(encoding="utf-8"))["faithfulness"]
    evaluation = pd.read_csv(results / "manifest" / "evaluation.csv", keep_default_na=False)
    statistics = pd.read_csv(results / "statistics" / "faithfulness.csv", keep_default_na=False)
    for model, grid in (("plain", "16x16"), ("residual", "4x4")):
        table = pd.read_csv(results / "faithfulness" / f"{model}.csv")
        sources = {*table["source_model"].str.cat(table["method"], sep="/")}
        of_study = {*(f"controls/{name}" for name in OF_THE_STUDY), f"ceiling/{grid}", "unet/segmentation"}
        assert sources == {*(f"{model}/{name}" for name in ("gradcam", *OF_MODELS)), *of_study}
        samples = {tuple(of["image"]) for _, of in table.groupby(["source_model", "method"])}
        assert len(samples) == 1 and len(*samples) == configuration["pictures"]
        assert set(*samples) < set(evaluation[evaluation["included"]]["image"])
        predicted = pd.read_csv(results / "classifiers" / model / "evaluation_predictions.csv", index_col="image")
        np.testing.assert_allclose(table["whole"], predicted.loc[table["image"], "confidence"], atol=1e-4)
        assert table[["deletion", "insertion", "whole", "black", "blurred"]].stack().between(0, 1).all()
        own = statistics[statistics["model"] == model].set_index(["method", "control"])
        for area in ("deletion", "insertion"):
            gradcam, other = (table[table["method"] == name].set_index("image")[area] for name in ("gradcam", "lesion"))
            row = own.loc[("gradcam", "controls/lesion")]
            assert float(row[f"{area}_mean"]) == pytest.approx((gradcam - other).mean(), abs=1e-12)
        # Drawn lesions are all that there is to see: what puts them back first is nearer the whole picture.
        assert float(own.loc[("gradcam", "random_cells"), "insertion_low"]) > 0


def test_the_sanity_check_is_of_the_least_hashes_and_its_table_says_what_its_rows_say(
    finished: tuple[Study, Run],
) -> None:
    results = finished[0].results
    evaluation = pd.read_csv(results / "manifest" / "evaluation.csv", keep_default_na=False)
    images = evaluation.loc[evaluation["diagnosis"].isin(["MEL", "NV"]), "image"]
    sample = sorted(sorted(images, key=lambda image: hashlib.sha256(image.encode()).digest()[:8])[:8])
    table = pd.read_csv(results / "tables" / "extended_sanity.csv").set_index(["model", "method", "layers_randomised"])
    for model, layers in (("plain", 6), ("residual", 11)):
        rows = pd.read_csv(results / "sanity" / f"{model}.csv")
        assert rows["stage"].unique().tolist() == [1, 2, 3] and set(rows["method"]) == {"gradcam"}
        for (_, count), of_stage in rows.groupby(["stage", "layers_randomised"]):
            assert of_stage["image"].tolist() == sample
            row = table.loc[(model, "gradcam", f"{count} of {layers}")]
            assert row["n"] + row["degenerate"] == 8 and row["n"] == of_stage["rank_correlation"].notna().sum()
            for name in ("rank_correlation", "ssim"):
                assert row[name] == pytest.approx(of_stage[name].mean())
                assert row[f"{name}_low"] <= row[name] <= row[f"{name}_high"]
        # Trained networks: their maps are not those of untrained ones.
        assert row["flag"] != "hardly changes" and row["rank_correlation"] < 0.5
    log = (results / "logs" / "sanity" / "plain.log").read_text(encoding="utf-8")
    assert "6 of 6 layers randomised, as far as plain_stack/stage1_convolution1" in log


@pytest.mark.slow
def test_without_pictures_there_is_no_sanity_check(finished: tuple[Study, Run]) -> None:
    jobs = finished[0].snakemake("-n", overlay={"sanity": {"pictures": 0}}).jobs()
    assert set(jobs) == {"study_record", "report_page"}
    jobs = finished[0].snakemake("-n", overlay={"sanity": {"stages": 2}}).jobs()
    assert set(jobs) == {"sanity_plain", "sanity_residual", "merge_sanity", "extended_sanity", "figure_sanity"} | {
        *("study_record", "report_page")
    }


# The paper's tables, counted from shards and manifest alone


def jaccard_of(results: Path, model: str, feature: str) -> dict[str, dict[str, float]]:
    """J of each picture by threshold, {threshold: {image: J}}, read with nothing of the library."""
    found = {}
    for path in sorted((results / "jaccard" / model / "gradcam" / feature).glob("*.csv")):
        with path.open(newline="", encoding="utf-8") as file:
            rows = csv.DictReader(file)
            found[path.stem] = {row["image"]: int(row["intersection"]) / int(row["union"]) for row in rows}
    return found


def best_of(by_threshold: dict[str, dict[str, float]], images: set[str]) -> tuple[str, list[float]]:
    """The lowest threshold with the highest mean J of some pictures, and their J there."""
    means = {name: math.fsum(of[image] for image in images) / len(images) for name, of in by_threshold.items()}
    best = min(name for name, mean in means.items() if mean >= max(means.values()) - 1e-12)
    return best, [by_threshold[best][image] for image in images]


def read_table(results: Path, name: str) -> list[dict[str, str]]:
    with (results / "tables" / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_table_1_is_counted(finished: tuple[Study, Run]) -> None:
    results = finished[0].results
    with (results / "manifest" / "evaluation.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["diagnosis"] in ("MEL", "NV")]
    (table,) = read_table(results, "table1")
    assert table == {name: str(sum(int(row[name]) > 0 for row in rows)) for name in [*FEATURES, "union"]}
    caption = (results / "tables" / "table1.md").read_text(encoding="utf-8")
    assert caption.startswith(f"Table 1. Masks that are not black, of {len(rows)} evaluation pictures (MEL, NV).\n")


@pytest.mark.parametrize(("number", "model"), [(2, "plain"), (3, "residual")])
def test_tables_2_and_3_are_the_shards(finished: tuple[Study, Run], number: int, model: str) -> None:
    table = read_table(finished[0].results, f"table{number}")
    assert list(table[0]) == ["feature", "threshold", "j_min", "j_mean", "j_sd", "j_max"]
    assert [row["feature"] for row in table] == [*FEATURES, "union"]
    for row in table:
        by_threshold = jaccard_of(finished[0].results, model, row["feature"])
        best, values = best_of(by_threshold, set(by_threshold["0.000"]))
        assert row["threshold"] == best
        expected = [min(values), statistics.mean(values), statistics.stdev(values), max(values)]
        assert [float(row[name]) for name in ("j_min", "j_mean", "j_sd", "j_max")] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("number", "model"), [(4, "plain"), (5, "residual")])
def test_tables_4_and_5_are_the_shards_by_group_and_table_6_tests_them(
    finished: tuple[Study, Run], number: int, model: str
) -> None:
    results = finished[0].results
    with (results / "manifest" / "evaluation.csv").open(newline="", encoding="utf-8") as file:
        diagnosis = {row["image"]: row["diagnosis"] for row in csv.DictReader(file)}
    predicted = {}
    for path in (results / "saliency" / model / "gradcam").glob("*.h5"):
        with h5py.File(path) as store:
            predicted[path.stem] = store.attrs["predicted_class"]
    by_threshold = jaccard_of(results, model, "union")
    images = set(by_threshold["0.000"])
    groups = {
        f"{name}-{word}": {
            image for image in images if diagnosis[image] == name and (predicted[image] == name) == right
        }
        for name in ("MEL", "NV")
        for word, right in (("correct", True), ("wrong", False))
    }
    assert sum(map(len, groups.values())) == len(images)
    of_union, _ = best_of(by_threshold, images)
    expected = []
    for at in ("best of union", "best of group"):
        for group, members in groups.items():
            assert members
            threshold = of_union if at == "best of union" else best_of(by_threshold, members)[0]
            values = [by_threshold[threshold][image] for image in members]
            sd = statistics.stdev(values) if len(values) > 1 else math.nan
            expected.append((at, group, str(len(members)), threshold, statistics.mean(values), sd, max(values)))
    table = read_table(results, f"table{number}")
    assert list(table[0]) == ["at", "group", "n", "threshold", "j_mean", "j_sd", "j_max"]
    for row, (*words, mean, sd, highest) in zip(table, expected, strict=True):
        assert [row[name] for name in ("at", "group", "n", "threshold")] == words
        found = [float(row[name] or "nan") for name in ("j_mean", "j_sd", "j_max")]
        assert found == pytest.approx([mean, sd, highest], rel=1e-12, nan_ok=True)
    tests = [row for row in read_table(results, "table6") if row["model"] == model]
    assert list(tests[0]) == ["model", "versus", "n_first", "n_second", "u", "p"]
    assert [row["versus"] for row in tests] == ["MEL-correct vs MEL-wrong", "NV-correct vs NV-wrong"]
    for row in tests:
        first, second = (
            [by_threshold[of_union][image] for image in groups[name]] for name in row["versus"].split(" vs ")
        )
        assert (int(row["n_first"]), int(row["n_second"])) == (len(first), len(second))
        assert float(row["u"]) == sum((a > b) + (a == b) / 2 for a in first for b in second)
        assert float(row["p"]) == pytest.approx(mannwhitneyu(first, second).pvalue, rel=1e-12)


# What people see


def test_every_table_is_in_four_formats_and_every_figure_in_two(finished: tuple[Study, Run]) -> None:
    results = finished[0].results
    tables = {path.stem for path in (results / "tables").iterdir()}
    assert tables == {
        *(f"table{number}" for number in range(1, 7)),
        *("classifiers", "comparison", "audit"),
        *(f"extended_{name}" for name in ("features", "thresholds", "best_thresholds", "groups", "mann_whitney")),
        *("extended_controls", "extended_ceilings", "extended_groupings", "extended_correlations"),
        *("extended_out_of_sample", "extended_hypotheses", "extended_localisation", "extended_methods"),
        *("extended_faithfulness", "extended_sanity", "extended_reference", "extended_challenge"),
    }
    for table in tables:
        written = [(results / "tables" / f"{table}{suffix}").read_text("utf-8") for suffix in (".md", ".html", ".tex")]
        assert not any(re.search(r"\de-\d|\bnan\b|_mean|_sd\b", text.split("</style>")[-1]) for text in written), table
    figures = {
        path.relative_to(results / "figures").with_suffix("").as_posix() for path in (results / "figures").rglob("*.*")
    }
    assert figures == {
        *(f"figure{number}" for number in range(1, 6)),
        *("groups", "correlations", "jaccard_by_threshold", "mean_curves", "ceilings", "sanity", "methods"),
        "reference",
        *("extremes_plain", "extremes_residual"),
        *(
            f"classifiers/{model}_{kind}"
            for model in ("plain", "residual")
            for kind in ("confusion", "roc", "reliability", "history")
        ),
    }
    for figure in figures:
        with Image.open(results / "figures" / f"{figure}.png") as picture:
            assert round(picture.info["dpi"][0]) == 200
        assert (results / "figures" / f"{figure}.svg").stat().st_size < 2_000_000


def test_figure_4_says_what_the_shards_say(finished: tuple[Study, Run]) -> None:
    results = finished[0].results
    with (results / "statistics" / "example.csv").open(newline="", encoding="utf-8") as file:
        (example,) = csv.DictReader(file)
    by_threshold = jaccard_of(results, "plain", "union")
    best, _ = best_of(by_threshold, set(by_threshold["0.000"]))
    mean = statistics.mean(by_threshold[best].values())
    nearest = min(by_threshold[best].values(), key=lambda value: abs(value - mean))
    assert by_threshold[best][example["image"]] == nearest  # ISIC_0000013 is not drawn
    # Letters are paths in the picture, but their text stands beside them.
    drawn = re.findall(r"<!-- (.*?) -->", (results / "figures" / "figure4.svg").read_text(encoding="utf-8"))
    told = [line for line in drawn if line.startswith("J = ")]
    assert told == [f"J = {of[example['image']]:.3f}" for of in by_threshold.values()]


def test_published_values_stand_beside_ours(finished: tuple[Study, Run]) -> None:
    results = finished[0].results
    rows = {(row["table"], row["row"], row["column"]): row for row in read_table(results, "comparison")}
    (ours,) = [row for row in read_table(results, "table2") if row["feature"] == "union"]
    row = rows["table 2", "union", "j_mean"]
    assert (row["published"], row["ours"]) == ("0.132", ours["j_mean"])
    assert float(row["difference"]) == pytest.approx(float(ours["j_mean"]) - 0.132)
    assert float(row["low"]) < float(row["ours"]) < float(row["high"])
    assert rows["section 2", "first of ISIC 2018", "j"]["ours"] == ""
    assert all(row["note"] for row in rows.values() if not row["ours"])
    verdicts = {row["check"]: row["verdict"] for row in read_table(results, "audit")}
    assert verdicts["ResNet50 MEL: U against the numbers of pictures (tables 6 and 5)"] == "cannot all be true"


@pytest.fixture(scope="module")
def record(finished: tuple[Study, Run]) -> dict[str, Any]:
    """What study.json says."""
    found: dict[str, Any] = json.loads((finished[0].results / "study.json").read_text(encoding="utf-8"))
    return found


def test_the_record_says_what_the_study_was_made_from(finished: tuple[Study, Run], record: dict[str, Any]) -> None:
    results = finished[0].results
    assert record["configuration"] == checked(yaml.safe_load((REPOSITORY / "config.yaml").read_text(encoding="utf-8")))
    assert record["seed"] == record["configuration"]["seed"] and record["study"] == "embedded"
    assert {each["path"] for each in record["archives"]} == {
        f"results/embedded/archives/{path.name}"
        for path in (results / "archives").iterdir()
        if path.suffix in (".zip", ".csv")
    }
    for each in [*record["archives"], record["published"]]:
        path = finished[0].folder / each["path"] if "key" in each else REPOSITORY / each["path"]
        assert each["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        assert each.get("bytes", path.stat().st_size) == path.stat().st_size
    evaluation = pd.read_csv(results / "manifest" / "evaluation.csv", keep_default_na=False)
    training = pd.read_csv(results / "manifest" / "training.csv", keep_default_na=False)
    assert record["pictures"] == {
        "training": training["split"].value_counts().to_dict(),
        "evaluation": len(evaluation),
        "analysed": int(evaluation["included"].sum()),
    }
    for model, classifier in record["classifiers"].items():
        assert classifier["sha256"] == hashlib.sha256((results / classifier["path"]).read_bytes()).hexdigest()
        for path in sorted((results / "saliency" / model / "gradcam").glob("*.h5"))[:3]:
            with h5py.File(path) as store:
                assert store.attrs["classifier_sha256"] == classifier["sha256"]
                assert store.attrs["dermalign_version"] == record["versions"]["dermalign"]
    if (REPOSITORY / ".git").exists():
        command = ["git", "-C", str(REPOSITORY), "rev-parse", "HEAD"]
        assert record["commit"] == subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    # It says no more of this machine than the configuration does.
    text = (results / "study.json").read_text(encoding="utf-8")
    assert str(Path.home()) not in text and str(REPOSITORY) not in text and str(finished[0].folder) not in text


def test_the_record_is_the_last_of_the_run_but_for_its_page_and_knows_its_times(
    finished: tuple[Study, Run], record: dict[str, Any]
) -> None:
    _, run = finished
    assert [step.split("] ")[1].split()[0] for step in run.steps()[-2:]] == ["study_record", "report_page"]
    times = record["times"]
    assert times["jobs"] == len(run.steps()) - 2  # all but itself and the page
    assert sum(step["jobs"] for step in times["by_step"].values()) == times["jobs"]
    assert times["by_step"]["train"]["jobs"] == 2
    started, ended, written = (
        datetime.fromisoformat(moment) for moment in (times["started"], times["ended"], record["written"])
    )
    assert started < ended <= written
    (minutes, seconds) = map(float, re.findall(r"Elapsed time: 0:(\d+):([\d.]+)", run.text)[0])
    elapsed = 60 * minutes + seconds
    assert elapsed / 2 < times["seconds"] <= (ended - started).total_seconds() + 1 < elapsed + 2
    assert times["seconds"] < times["job_seconds"] < 2 * elapsed  # on two cores


def test_the_index_names_every_result_and_its_links_lead_there(finished: tuple[Study, Run]) -> None:
    results = finished[0].results
    page = (results / "README.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)]+)\)", page)
    assert all((results / link).exists() for link in links)
    folders = tuple(link for link in links if link.endswith("/"))
    files = files_of(results)
    assert [path for path in files if kind_of(path) is None] == []
    assert [path for path in files if path not in links and not path.startswith(folders)] == []
    assert "## Other files" not in page and "left over" not in page
    best = pd.read_csv(results / "statistics" / "best_thresholds.csv", dtype={"threshold": str})
    for row in best.query("method == 'gradcam' and model == 'plain'").itertuples():
        assert f" | {row.j_mean:.3f} at {row.threshold} |" in page
    for path in (results / "tables").glob("table*.md"):
        title = path.read_text(encoding="utf-8").partition(". ")[0]
        assert f"\n- {title}. " in page


@pytest.mark.slow
def test_files_of_other_studies_are_known_to_the_index(empty: Study) -> None:
    """Those of further models, of variants, of groups of one's own, without controls, and on request."""
    overlay = {
        "models": {
            "third": {
                "architecture": "plain_stack",
                "input_size": 48,
                "saliency_layer": "last_convolution",
                "training": {"epochs": 1},
            }
        },
        "variants": {"tiled": {"kind": "tiles", "tiles": 2}},
        "controls": {"chance": [], "prior": [], "anatomy": []},
        "groups": {"one": {"diagnoses": ["MEL"]}, "two": {"diagnoses": ["NV"]}},
    }
    jobs = empty.snakemake("-n", "all", "challenge", overlay=overlay).jobs()
    paths = {path.removeprefix("results/embedded/") for outputs in jobs.values() for path in outputs}
    assert {"study.json", "README.md", "tables/groups_third.md", "figures/thresholds_third.png"} < paths
    assert "challenge/third/gradcam/scores.csv" in paths
    assert [path for path in paths if kind_of(path) is None] == []


def test_the_figure_of_the_docs_is_drawn_as_in_a_notebook(
    finished: tuple[Study, Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (REPOSITORY / "docs" / "library.md").read_text(encoding="utf-8")
    _, code = re.findall(r"```python\n(.*?)```", page, re.S)
    monkeypatch.chdir(finished[0].folder)
    names: dict[str, Any] = {}
    exec(code, names)
    figure = names["figure"]
    assert figure.axes[0].get_title().startswith("ISIC_0001638\n")
    assert [text.get_text().split("\n")[0] for text in figure.texts] == ["plain"]
