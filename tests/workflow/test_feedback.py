"""Feedback of two readers on the finished embedded study, read back: every number against the pixels of the masks."""

import csv
import re
import shutil
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
from brute_force import Pixels, cell_counts, intersection_and_union, masks_in, union_of
from dermalign.results.index import files_of, kind_of
from feedback_cases import content, masks_of, picture, write_json, write_zip

from .conftest import Study

pytestmark = pytest.mark.slow

FEATURES = ["globules", "milia_like_cyst", "negative_network", "pigment_network", "streaks"]
NAMES = [*FEATURES, "union"]
GRID = [f"{number / 10:.3f}" for number in range(11)]
FEEDBACK = {"anna": ["anna_1.zip", "anna_2.json"], "ben": "ben.zip"}
Masks = dict[str, dict[str, Pixels]]  # by picture and name, `union` among them


def polygon(random: np.random.Generator, width: int, height: int) -> list[list[float]]:
    """Draw a star-shaped polygon that may lie partly outside of the picture."""
    turns = np.sort(random.random(9)) * 2 * np.pi
    radii = random.uniform(3, 0.4 * height, 9)
    centre = random.random(2) * [width, height]
    return (centre + (radii * [np.cos(turns), np.sin(turns)]).T).tolist()


def marked(random: np.random.Generator, pictures: pd.DataFrame, **changes: Any) -> dict[str, Any]:
    """Mark each picture with some regions; every fourth is not finished."""
    found = {}
    for number, row in enumerate(pictures.itertuples()):
        regions = [
            (feature, polygon(random, row.width, row.height))
            for feature in FEATURES
            for _ in range(random.integers(0, 3))
        ]
        right = bool(random.random() < 0.6)
        labels = {"plain": {"predicted": "NV", "right": right, "class": None if right else "MEL"}}
        size = (row.width, row.height)
        ratings = {"plain/gradcam": int(random.integers(1, 6))}
        finished = number % 4 < 3
        found[row.image] = picture(size, regions, finished=finished, labels=labels, ratings=ratings, **changes)
    return found


def unioned(masks: dict[tuple[str, str], Pixels], finished: set[str]) -> Masks:
    found: Masks = {image: {} for image in sorted(finished)}
    for (image, feature), mask in masks.items():
        if image in finished:
            found[image][feature] = mask
    return {image: {**of, "union": union_of(of)} for image, of in found.items()}


@pytest.fixture(scope="module")
def study(finished: tuple[Study, Any], tmp_path_factory: pytest.TempPathFactory) -> tuple[Study, dict[str, Masks]]:
    """The embedded study with the feedback of two readers, finished, and what the readers marked."""
    folder = tmp_path_factory.mktemp("feedback") / "study"
    study = Study(Path(shutil.copytree(finished[0].folder, folder, copy_function=shutil.copy2)))
    evaluation = pd.read_csv(study.results / "manifest" / "evaluation.csv", keep_default_na=False)
    pictures = evaluation[evaluation["diagnosis"].isin(["MEL", "NV"])]
    assert not pictures["included"].all()
    random = np.random.default_rng(1)
    of_study = {"study": "embedded", "features": FEATURES}
    # Anna goes over four of the pictures again, on another day; Ben marks some of hers and others.
    first = marked(random, pictures[::3], time="2026-11-27T20:00:00Z")
    second = marked(random, pictures[::3][:4], time="2026-11-28T20:00:00Z")
    of_ben = marked(random, pictures[::2])
    sha256 = pd.read_json(study.results / "study.json", typ="series")["classifiers"]["plain"]["sha256"]
    write_zip(study.folder / "anna_1.zip", content(**of_study, pictures=first, classifiers={"plain": sha256}))
    write_json(study.folder / "anna_2.json", content(**of_study, pictures=second, classifiers={"plain": sha256}))
    write_zip(study.folder / "ben.zip", content(**of_study, pictures=of_ben, reader="Ben", classifiers={"plain": "0"}))
    run = study.snakemake(overlay={"feedback": FEEDBACK})
    assert run.status == 0, run.text[-5000:]
    readers = {}
    for name, of in (("anna", {**first, **second}), ("ben", of_ben)):
        done = {image for image, one in of.items() if one["finished"]}
        readers[name] = unioned(masks_of({"features": FEATURES, "pictures": of}), done)
    return study, readers


@pytest.fixture(scope="module")
def of_study(study: tuple[Study, dict[str, Masks]]) -> Masks:
    """The study's masks of the pictures of the analysis."""
    results = study[0].results
    evaluation = pd.read_csv(results / "manifest" / "evaluation.csv", keep_default_na=False)
    archive = results / "archives" / "ISIC2018_Task2_Training_GroundTruth_v3.zip"
    return {image: masks_in(archive, image, FEATURES) for image in evaluation.loc[evaluation["included"], "image"]}


def rows_of(path: Path) -> list[tuple[str, int, int]]:
    with path.open(newline="", encoding="utf-8") as file:
        return [(row["image"], int(row["intersection"]), int(row["union"])) for row in csv.DictReader(file)]


def test_every_shard_of_a_reader_equals_brute_force(study: tuple[Study, dict[str, Masks]], of_study: Masks) -> None:
    compared = 0
    for reader, masks in study[1].items():
        for feature in NAMES:
            for threshold in GRID:
                path = study[0].results / "jaccard" / "reader" / reader / feature / f"{threshold}.csv"
                expected = []
                for image in sorted(masks.keys() & of_study.keys()):
                    mask, drawn = of_study[image][feature], masks[image][feature]
                    white = np.full(mask.shape, threshold == "0.000") if threshold in ("0.000", "1.000") else drawn
                    if mask.any():
                        expected.append((image, int((white & mask).sum()), int((white | mask).sum())))
                assert rows_of(path) == expected
                compared += len(expected)
    assert compared > 1000


def test_masks_and_maps_of_a_reader_are_the_regions(study: tuple[Study, dict[str, Masks]]) -> None:
    for reader, masks in study[1].items():
        archive = study[0].results / "feedback" / reader / "masks.zip"
        with zipfile.ZipFile(archive) as opened:
            assert len(opened.namelist()) == len(masks) * len(FEATURES)
        with h5py.File(study[0].results / "maps" / "reader" / f"{reader}.h5") as maps:
            assert maps["image"].asstr()[:].tolist() == sorted(masks)
            for row, image in enumerate(sorted(masks)):
                found = masks_in(archive, image, FEATURES)
                for column, feature in enumerate(NAMES):
                    np.testing.assert_array_equal(found[feature], masks[image][feature])
                    area = cell_counts(np.ones_like(found[feature]), (72, 72))
                    share = cell_counts(masks[image][feature], (72, 72)) / np.maximum(area, 1)
                    np.testing.assert_array_equal(maps["saliency"][row, column], share.astype(np.float32))


def test_a_reader_has_a_row_wherever_sources_have(study: tuple[Study, dict[str, Masks]]) -> None:
    statistics = {
        name: pd.read_csv(study[0].results / "statistics" / f"{name}.csv", dtype={"threshold": str})
        for name in (
            "thresholds",
            "best_thresholds",
            "out_of_sample",
            "localisation",
            "exact_thresholds",
            "mean_curves",
        )
    }
    for name, table in statistics.items():
        assert set(table.loc[table["model"] == "reader", "method"]) == {"anna", "ben"}, name
    best = statistics["best_thresholds"]
    best = best[best["model"] == "reader"].set_index(["method", "feature"])
    thresholds = statistics["thresholds"]
    for (reader, feature), row in best.iterrows():
        own = thresholds[(thresholds["method"] == reader) & (thresholds["feature"] == feature)]
        means = own.set_index("threshold")["j_mean"]
        between = means[[threshold for threshold in GRID if threshold not in ("0.000", "1.000")]]
        assert between.nunique() == 1 and means["1.000"] == 0
        assert row["threshold"] == ("0.100" if between.iloc[0] > means["0.000"] else "0.000")
    for name in ("correctness", "mann_whitney", "faithfulness", "controls", "ceiling_shares"):
        assert "reader" not in set(pd.read_csv(study[0].results / "statistics" / f"{name}.csv")["model"]), name
    figure = (study[0].results / "figures" / "jaccard_by_threshold.svg").read_text(encoding="utf-8")
    assert "<!-- reader, anna -->" in figure and "<!-- reader, ben -->" in figure


def test_models_are_compared_with_readers_masks(study: tuple[Study, dict[str, Masks]]) -> None:
    table = pd.read_csv(study[0].results / "statistics" / "reader_masks.csv", dtype={"threshold": str})
    assert len(table) == 2 * 2 * len(NAMES) * len(GRID)
    for model in ("plain", "residual"):
        with h5py.File(study[0].results / "maps" / model / "gradcam.h5") as maps:
            saliency = dict(zip(maps["image"].asstr()[:], maps["saliency"][:], strict=True))
        for reader, masks in study[1].items():
            own = table[(table["reader"] == reader) & (table["model"] == model)]
            for feature, threshold in (("streaks", "0.300"), ("union", "0.000"), ("union", "0.700")):
                counts = [
                    intersection_and_union(saliency[image], of[feature], threshold)
                    for image, of in masks.items()
                    if of[feature].any()
                ]
                row = own[(own["feature"] == feature) & (own["threshold"] == threshold)].iloc[0]
                assert row["n"] == len(counts)
                assert row["j_mean"] == pytest.approx(np.mean([common / union for common, union in counts]))
                assert row["j_low"] <= row["j_mean"] <= row["j_high"]


def test_readers_are_beside_each_other_and_the_study(study: tuple[Study, dict[str, Masks]], of_study: Masks) -> None:
    table = pd.read_csv(study[0].results / "statistics" / "reader_agreement.csv", keep_default_na=False)
    anna, ben = study[1]["anna"], study[1]["ben"]
    for first, second, names in (
        (anna, ben, ("anna", "ben")),
        (anna, of_study, ("anna", "masks of the study")),
        (ben, of_study, ("ben", "masks of the study")),
    ):
        both = first.keys() & second.keys()
        for feature in NAMES:
            pairs = [(first[image][feature], second[image][feature]) for image in both]
            values = [(a & b).sum() / (a | b).sum() for a, b in pairs if (a | b).any()]
            rows = table[(table["measure"] == "jaccard") & (table["feature"] == feature)]
            row = rows[(rows["first"] == names[0]) & (rows["second"] == names[1])].iloc[0]
            assert (row["n"], row["left_out"]) == (len(values), len(both) - len(values))
            assert float(row["value"]) == pytest.approx(np.mean(values))
    assert set(table["measure"]) == {"jaccard", "presence", "right", "class", "rating"}
    assert {"plain/gradcam", "residual/gradcam"} < set(table["first"])
    for suffix in ("csv", "md", "html", "tex"):
        assert (study[0].results / "tables" / f"extended_readers.{suffix}").is_file()
    seen = pd.read_csv(study[0].results / "feedback" / "classifiers.csv").set_index("reader")
    assert seen["changed"].to_dict() == {"anna": False, "ben": True}
    assert "ben saw another classifier plain on" in (study[0].results / "logs" / "classifiers_seen.log").read_text()


def test_the_record_and_the_index_know_of_it(study: tuple[Study, dict[str, Masks]]) -> None:
    results = study[0].results
    assert [path for path in files_of(results) if kind_of(path) is None] == []
    index = (results / "README.md").read_text(encoding="utf-8")
    assert "## Readers" in index and "left over" not in index
    archives = pd.read_csv(results / "manifest" / "archives.csv")
    assert {"feedback.anna[0]", "feedback.anna[1]", "feedback.ben[0]"} < set(archives["key"])


def test_nothing_runs_again_and_every_byte_is_the_same(study: tuple[Study, dict[str, Masks]], tmp_path: Path) -> None:
    folder, overlay = study[0].results, {"feedback": FEEDBACK}
    for path in study[0].folder.glob("*.zip"):
        path.touch()
    assert study[0].snakemake("-n", overlay=overlay).jobs() == {}
    made = [path for path in files_of(folder) if path.startswith("feedback/") and path.endswith((".csv", ".zip"))]
    made += ["statistics/reader_agreement.csv", "statistics/reader_masks.csv", "tables/extended_readers.tex"]
    before = {path: (folder / path).read_bytes() for path in made}
    for path in made:
        (folder / path).unlink()
    run = study[0].snakemake(*(f"results/embedded/{path}" for path in made), overlay=overlay)
    assert run.status == 0, run.text[-3000:]
    assert {path: (folder / path).read_bytes() for path in made} == before


def test_a_study_without_feedback_knows_nothing_of_it(finished: tuple[Study, Any]) -> None:
    assert not (finished[0].results / "feedback").exists()
    planned = finished[0].snakemake("-n", "--forceall").jobs()
    assert not [name for name in planned if "reader" in name or "feedback" in name]


def test_other_feedback_runs_what_is_made_of_it(study: tuple[Study, dict[str, Masks]]) -> None:
    jobs = study[0].snakemake("-n", overlay={"feedback": {**FEEDBACK, "anna": "anna_1.zip"}}).jobs()
    assert [path for path in jobs["read_feedback"] if "/ben/" in path] == []
    assert {"maps_reader_anna", "reader_overlaps", "statistics_reader", "reader_agreement", "study_record"} <= set(jobs)
    for path in (path for paths in jobs.values() for path in paths):
        assert not re.search(r"(cells|saliency|faithfulness|classifiers/\w+)/\w+\.(h5|csv|keras)$", path) or (
            "/feedback/" in path
        ), path


def test_what_does_not_fit_stops_the_run_before_any_job(study: tuple[Study, dict[str, Masks]]) -> None:
    folder = study[0].folder
    known = sorted(study[1]["anna"])[0]
    sizes = {known: picture((9, 7)), "ISIC_9": picture((9, 7), ratings={"plain/rise": 3})}
    write_zip(folder / "wrong.zip", content("embedded", FEATURES, sizes))
    (folder / "broken.json").write_text("{")
    run = study[0].snakemake(overlay={"feedback": {"eve": ["wrong.zip", "broken.json", "none.zip"]}})
    assert run.status != 0 and not run.steps()
    for words in (
        r"- wrong\.zip: ISIC_9 is no evaluation picture of this study",
        rf"- wrong\.zip: {known} had 9 x 7 pixels, and has",
        r"- wrong\.zip: ISIC_9 has a rating of plain/rise",
        r"- broken\.json: feedback\.json is no whole JSON",
        r"- none\.zip: there is no such file",
        "5 faults are to be mended",
    ):
        assert re.search(words, run.text), f"{words}\n{run.text[-3000:]}"


def test_masks_and_labels_serve_a_further_study(study: tuple[Study, dict[str, Masks]]) -> None:
    """As evaluation masks, the archive and an export itself; as training labels, what readers corrected."""
    archives = study[0].results / "archives"
    labels = pd.read_csv(study[0].results / "feedback" / "corrected_labels.csv")
    left_out = pd.read_csv(study[0].results / "feedback" / "left_out_labels.csv")
    assert len(labels) > 5 and left_out["reason"].str.startswith("no class has a majority: ").all()
    assert (labels.drop(columns="image").sum(axis=1) == 1).all()
    for place in (study[0].results / "feedback" / "ben" / "masks.zip", study[0].folder / "ben.zip"):
        with zipfile.ZipFile(place) as opened:
            masked = {
                Path(name).name.partition("_attribute_")[0] for name in opened.namelist() if "_attribute_" in name
            }
        overlay = {
            "study": "further",
            "archives": {
                "folder": str(archives),
                "drawn": None,
                "evaluation_masks": str(place),
                "missing_masks": "leave_out",
                "training_pictures": "ISIC2018_Task1-2_Training_Input.zip",
                "training_labels": str(study[0].results / "feedback" / "corrected_labels.csv"),
            },
            "evaluation_limit": None,
            "leakage": "allow",
            "faithfulness": {"pictures": 0},
            "sanity": {"pictures": 0},
        }
        manifests = [f"results/further/manifest/{which}.csv" for which in ("evaluation", "training")]
        run = study[0].snakemake(*manifests, overlay=overlay)
        assert run.status == 0, run.text[-3000:]
        evaluation = pd.read_csv(study[0].folder / manifests[0], keep_default_na=False).set_index("image")
        assert set(evaluation.index) == masked >= set(study[1]["ben"])
        for image, masks in study[1]["ben"].items():
            counts = {feature: int(mask.sum()) for feature, mask in masks.items()}
            assert evaluation.loc[image, NAMES].to_dict() == counts
        training = pd.read_csv(study[0].folder / manifests[1], keep_default_na=False)
        used = training[training["split"] != "excluded"].set_index("image")["class"].to_dict()
        told = labels.set_index("image")
        assert used == {image: told.columns[told.loc[image] == 1][0] for image in told.index}
