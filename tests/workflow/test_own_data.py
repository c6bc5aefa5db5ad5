"""The worked example of docs/own_data.md, run as it is written there, but for fewer pictures and epochs."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from .conftest import FEW_SOURCES, REPOSITORY, Study

pytestmark = pytest.mark.slow

# What is looked at here, and all that it is made of.
TABLES = ("table2", "table4", "table6", "extended_thresholds", "extended_controls")
TARGETS = [f"results/own_data/tables/{name}.csv" for name in TABLES]


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A working directory with the drawn data set and the finished study."""
    study = Study(tmp_path_factory.mktemp("own"))
    draw = [sys.executable, str(REPOSITORY / "workflow_scripts" / "draw_own_data.py"), "data/own_data"]
    subprocess.run([*draw, "--without-masks", "120", "--with-masks", "30"], cwd=study.folder, check=True)
    run = study.snakemake(*TARGETS, overlay=_overlay())
    assert run.status == 0, run.text[-5000:]
    return study


def _overlay(**archives: Any) -> dict[str, Any]:
    overlay = yaml.safe_load((REPOSITORY / "studies" / "own_data.yaml").read_text(encoding="utf-8"))
    overlay["models"]["small"]["training"]["epochs"] = 4
    overlay["archives"].update(archives)
    return {**overlay, **FEW_SOURCES}


def _masks(study: Study) -> dict[str, np.ndarray]:
    """The union of each picture's masks, read with Pillow."""
    unions: dict[str, np.ndarray] = {}
    for path in (study.folder / "data" / "own_data" / "outlines").rglob("*.tif"):
        white = np.asarray(Image.open(path))
        unions[path.stem] = unions.get(path.stem, np.zeros_like(white)) | white
    return unions


def test_pictures_with_masks_are_evaluated_and_the_others_train(own: Study) -> None:
    results = own.folder / "results" / "own_data"
    evaluation = pd.read_csv(results / "manifest" / "evaluation.csv", index_col="image", keep_default_na=False)
    training = pd.read_csv(results / "manifest" / "training.csv", index_col="image", keep_default_na=False)
    unions = _masks(own)
    assert set(evaluation.index) == set(unions)
    assert len(training) == 150
    assert set(training.loc[list(unions), "split"]) == {"excluded"}
    patients = pd.read_csv(own.folder / "data" / "own_data" / "patients.csv", index_col="image", keep_default_na=False)
    trained = training[training["split"] != "excluded"]
    assert len(trained) > 50
    assert (trained["class"] == patients.loc[trained.index, "diagnosis"]).all()
    assert set(trained["class"]) == {"melanoma", "carcinoma", "mole", "keratosis"}
    # At threshold 0 everything is white, and J is the share of the union.
    shard = pd.read_csv(results / "jaccard" / "small" / "gradcam" / "union" / "0.000.csv", index_col="image")
    assert {image: unions[image].mean() for image in shard.index} == pytest.approx(
        shard["jaccard"].to_dict(), rel=1e-12
    )
    assert set(shard.index) == set(evaluation.index[evaluation["included"]])


def test_tables_4_to_6_are_of_its_groups(own: Study) -> None:
    results = own.folder / "results" / "own_data"
    predictions = pd.read_csv(results / "classifiers" / "small" / "evaluation_predictions.csv", index_col="image")
    evaluation = pd.read_csv(results / "manifest" / "evaluation.csv", index_col="image", keep_default_na=False)
    evaluation = evaluation[evaluation["included"]]
    bad = {"melanoma", "carcinoma"}
    expected = dict.fromkeys(["malignant-found", "malignant-missed", "benign-cleared", "benign-suspected"], 0)
    for image, diagnosis in evaluation["diagnosis"].items():
        seen = predictions.loc[image, "predicted_class"] in bad
        expected[
            f"malignant-{'found' if seen else 'missed'}"
            if diagnosis in bad
            else f"benign-{'suspected' if seen else 'cleared'}"
        ] += 1
    table = pd.read_csv(results / "tables" / "table4.csv").query("at == 'best of union'")
    assert dict(zip(table["group"], table["n"], strict=True)) == expected
    tests = pd.read_csv(results / "tables" / "table6.csv")
    assert len(tests) == 6  # every pair
    assert {group for pair in tests["versus"] for group in pair.split(" vs ")} == set(expected)
    caption = (results / "tables" / "table4.md").read_text(encoding="utf-8").splitlines()[0]
    assert "by group (malignant-found, malignant-missed, benign-cleared, benign-suspected)" in caption


def test_zips_with_other_names_give_the_same_bytes(own: Study) -> None:
    data = own.folder / "data" / "own_data"
    with zipfile.ZipFile(data / "all.zip", "w", zipfile.ZIP_DEFLATED) as pictures:
        for path in sorted((data / "photographs").rglob("*.*")):
            pictures.write(path, f"a folder/{path.name}")
    with zipfile.ZipFile(data / "marks.zip", "w") as masks:
        for path in sorted((data / "outlines").rglob("*.tif")):
            masks.write(path, f"marks/{path.stem}-{path.parent.name}.tif")
    zips = {"training_pictures": "all.zip", "evaluation_pictures": "all.zip", "evaluation_masks": "marks.zip"}
    overlay = {**_overlay(**zips, mask_pattern="{image}-{feature}.tif"), "study": "zipped"}
    of_folders, of_zips = (own.folder / "results" / name for name in ("own_data", "zipped"))
    places = ("manifest", "hashes", "jaccard", "statistics", "tables")
    made = [path for place in places for path in (of_folders / place).rglob("*.*")]
    # Which archives they were is another matter, and how long a map took; figures are drawn from the same numbers.
    others = ("archives", "method_runs", "extended_methods")
    texts = [path for path in made if path.stem not in others and path.suffix in (".csv", ".md", ".html", ".tex")]
    targets = [of_zips / path.relative_to(of_folders) for path in texts if path.suffix == ".csv"]
    run = own.snakemake(*(str(path.relative_to(own.folder)) for path in targets), overlay=overlay)
    assert run.status == 0, run.text[-5000:]
    for path in texts:
        assert (of_zips / path.relative_to(of_folders)).read_bytes() == path.read_bytes(), path
    assert len(texts) > 6 * 11 * 2  # shards of every feature, threshold and method, and what follows from them


def test_a_changed_file_runs_its_batch_only(own: Study, tmp_path: Path) -> None:
    copied = Study(Path(shutil.copytree(own.folder, tmp_path / "copy", copy_function=shutil.copy2)))
    assert "Nothing to be done" in copied.snakemake("-n", *TARGETS, overlay=_overlay()).text
    image = min(_masks(copied))
    (mask,) = list((copied.folder / "data" / "own_data" / "outlines").rglob(f"{image}.tif"))[:1]
    os.utime(mask, ns=(1, 1))
    jobs = copied.snakemake("-n", *TARGETS, overlay=_overlay()).jobs()
    assert len({Path(path).stem for path in jobs["mask_cells"]}) == 1
    assert not {"train", "training_manifest", "perceptual_hashes"} & set(jobs)
    assert not [name for name in jobs if name.startswith("gradcam_")]


def test_a_copy_under_another_name_is_found_and_left_out_on_request(own: Study, tmp_path: Path) -> None:
    copied = Study(tmp_path)
    data = Path(shutil.copytree(own.folder / "data", tmp_path / "data", copy_function=shutil.copy2)) / "own_data"
    image = min(_masks(copied))
    (original,) = (data / "photographs").rglob(f"{image}.*")
    with Image.open(original) as picture:
        smaller = picture.resize((picture.width * 3 // 4, picture.height * 3 // 4), Image.Resampling.LANCZOS)
        smaller.save(data / "photographs" / "again.webp", quality=85)
    with (data / "patients.csv").open("a", encoding="utf-8") as table:
        table.write("again,mole,\n")
    splits = {}
    for leakage in ("exclude", "exclude_content"):
        overlay = {**_overlay(), "study": leakage, "leakage": leakage}
        run = copied.snakemake(f"results/{leakage}/manifest/leakage.csv", overlay=overlay)
        assert run.status == 0, run.text[-5000:]
        training = pd.read_csv(tmp_path / "results" / leakage / "manifest" / "training.csv", index_col="image")
        splits[leakage] = training["split"]
        account = pd.read_csv(tmp_path / "results" / leakage / "manifest" / "leakage.csv", keep_default_na=False)
        found = account.query("training_image == 'again'")
        assert set(zip(found["evaluation_image"], found["by"], strict=True)) == {(image, "content")}
        assert set(found["split"]) == {training.loc["again", "split"]}
        assert ("WARNING: 1 evaluation pictures look like" in run.text) == (training.loc["again", "split"] == "train")
    assert splits["exclude"]["again"] != "excluded"
    assert splits["exclude_content"]["again"] == "excluded"
    others = splits["exclude"].index != "again"  # nothing else was left out
    assert ((splits["exclude"] == "excluded") == (splits["exclude_content"] == "excluded"))[others].all()
