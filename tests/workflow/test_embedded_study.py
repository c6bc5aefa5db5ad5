"""The embedded study, run as a user runs it, to its last table."""

import zipfile
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
from brute_force import intersection_and_union
from PIL import Image

from .conftest import Run, Study

FEATURES = ["globules", "milia_like_cyst", "negative_network", "pigment_network", "streaks"]


def test_it_ends_with_the_best_thresholds_and_where_everything_lies(finished: tuple[Study, Run]) -> None:
    study, run = finished
    best = pd.read_csv(study.results / "statistics" / "best_thresholds.csv").query("method == 'gradcam'")
    for feature in [*FEATURES, "union"]:
        plain, residual = (best[best["feature"] == feature].set_index("model").loc[["plain", "residual"]]).itertuples()
        row = [feature, *(f"{value:.3f}" for of in (plain, residual) for value in (of.threshold, of.j_mean))]
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


def test_the_leakage_account_finds_every_evaluation_picture_and_is_in_every_caption(
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
    for number in range(1, 7):
        caption = (results / "tables" / f"table{number}.md").read_text(encoding="utf-8").splitlines()[0]
        assert "(leakage: exclude)" in caption
        assert f"of {included} pictures of the analysis, 0 (0 lesions) by name and 0 (0 lesions) by content" in caption


def test_every_count_equals_brute_force_to_the_pixel(finished: tuple[Study, Run]) -> None:
    results = finished[0].results
    archive = results / "archives" / "ISIC2018_Task2_Training_GroundTruth_v3.zip"
    evaluation = pd.read_csv(results / "manifest" / "evaluation.csv", keep_default_na=False)
    sample = evaluation[evaluation["included"]].sample(25, random_state=4)["image"]
    compared = 0
    with zipfile.ZipFile(archive) as opened:
        for model in ("plain", "residual"):
            shards = {
                path.relative_to(results / "jaccard" / model / "gradcam"): pd.read_csv(path, index_col="image")
                for path in (results / "jaccard" / model / "gradcam").rglob("*.csv")
            }
            for image in sample:
                with h5py.File(results / "saliency" / model / "gradcam" / f"{image}.h5") as store:
                    saliency = store["saliency"][:]
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
                            expected = intersection_and_union(saliency, mask, number / 10)
                            found = shard.loc[image]
                            assert (found["intersection"], found["union"]) == expected
                            assert found["jaccard"] == expected[0] / expected[1]
                            compared += 1
    assert compared > 1000


def test_the_merged_statistics_are_those_of_the_shards(finished: tuple[Study, Run]) -> None:
    results = finished[0].results
    thresholds = pd.read_csv(results / "statistics" / "thresholds.csv", dtype={"threshold": str})
    assert len(thresholds) == 2 * 5 * 6 * 11
    for row in thresholds.itertuples():
        shard = pd.read_csv(results / "jaccard" / row.model / row.method / row.feature / f"{row.threshold}.csv")
        jaccard = shard.groupby("image")["jaccard"].mean()  # of a picture's draws, where chance has several
        assert row.n == len(jaccard)
        np.testing.assert_allclose(
            [row.j_min, row.j_mean, row.j_sd, row.j_max],
            [jaccard.min(), jaccard.mean(), jaccard.std(), jaccard.max()],
            rtol=1e-12,
        )


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


def test_chance_is_beside_every_model_in_the_tables(finished: tuple[Study, Run]) -> None:
    chance = {"all_white", "center_gaussian", "shuffled", "random_cells"}
    for number in (2, 3, 4, 5):
        table = pd.read_csv(finished[0].results / "tables" / f"table{number}.csv")
        assert set(table["method"]) == {"gradcam", *chance}
    statistics = finished[0].results / "statistics"
    differences = pd.read_csv(statistics / "chance.csv", dtype={"threshold": str, "chance_threshold": str})
    for row in differences.query("at == 'own best' and group == 'all'").itertuples():
        own, other = (
            pd.read_csv(finished[0].results / "jaccard" / row.model / method / row.feature / f"{threshold}.csv")
            .groupby("image")["jaccard"]
            .mean()
            for method, threshold in ((row.method, row.threshold), (row.chance, row.chance_threshold))
        )
        assert row.n == len(own)
        np.testing.assert_allclose(
            [row.difference_mean, row.difference_sd], [(own - other).mean(), (own - other).std()], rtol=1e-9, atol=1e-12
        )
