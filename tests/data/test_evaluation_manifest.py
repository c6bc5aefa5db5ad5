"""Which pictures are evaluated: reasons, and the counts of the real archives."""

import io
import zipfile
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from dermalign.data.archives import list_pictures
from dermalign.data.cell_files import read_counts, write_cells
from dermalign.data.evaluation_manifest import evaluation_account, evaluation_manifest
from dermalign.data.labels import read_diagnoses
from dermalign.data.mask_files import list_masks
from dermalign.errors import InputError
from dermalign.overlap.mask_cells import count_archive
from PIL import Image

CLASSES = ["MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC"]
FEATURES = ["globules", "milia_like_cyst", "negative_network", "pigment_network", "streaks"]


def test_evaluation_manifest_and_its_reasons() -> None:
    white = {"d": (1, 0), "a_downsampled": (5, 7), "c": (0, 0), "b": (3, 0), "e": (0, 0)}
    rows = [(image, 20, 10, *of, sum(of)) for image, of in white.items()]
    counts = pd.DataFrame(rows, columns=["image", "width", "height", "globules", "streaks", "union"])
    diagnoses = {"a": "MEL", "c": "NV", "b": "BKL", "e": "BKL"}
    table = evaluation_manifest(counts, diagnoses, ["MEL", "NV"])
    columns = ["image", "diagnosis", "width", "height", "globules", "streaks", "union", "included", "reason"]
    assert list(table.columns) == columns
    assert table["image"].tolist() == ["a_downsampled", "b", "c", "d", "e"]
    assert table.iloc[0].tolist() == ["a_downsampled", "MEL", 20, 10, 5, 7, 12, True, ""]
    assert table["included"].tolist() == [True, False, False, False, False]
    assert table["reason"].tolist() == [
        "",
        "its diagnosis BKL is not one of MEL NV",
        "no mask shows a feature",
        "no table knows its diagnosis",
        "its diagnosis BKL is not one of MEL NV",
    ]
    lines = evaluation_account(table, ["x: MEL in one, but NV in two."], ["MEL", "NV", "BKL"])
    assert lines[:3] == ["5 pictures with masks", "in the analysis: 1 (MEL 1)", "left out: 4"]
    assert "  2 because its diagnosis BKL is not one of MEL NV" in lines
    assert lines[-2:] == ["1 contradictions between diagnosis tables", "  x: MEL in one, but NV in two."]
    assert "  1 have no diagnosis in any row, as d" in lines and not any(
        "none of the classes" in line for line in lines
    )
    lines = evaluation_account(table, [], ["MEL", "NV"])
    assert not any("contradict" in line for line in lines)
    assert "  2 have the diagnosis `BKL`, which is none of the classes, as b" in lines


def test_names_are_the_same_whatever_their_case_and_suffix() -> None:
    counts = pd.DataFrame([(image, 20, 10, 1, 1) for image in ("NA", "001", "ISIC_1_downsampled")])
    counts.columns = pd.Index(["image", "width", "height", "globules", "union"])
    diagnoses = {"na": "MEL", "001": "NV", "isic_1": "MEL"}
    assert evaluation_manifest(counts, diagnoses, ["MEL", "NV"])["diagnosis"].tolist() == ["NV", "MEL", "MEL"]


def manifest(*rows: tuple[str, int, int]) -> pd.DataFrame:
    """Return the manifest of melanomas with so many white pixels of globules and streaks, and of a nevus z."""
    counted = [(image, 9, 9, globules, streaks, globules + streaks) for image, globules, streaks in rows]
    columns = ["image", "width", "height", "globules", "streaks", "union"]
    return evaluation_manifest(
        pd.DataFrame(counted, columns=columns), {**{image: "MEL" for image, *_ in rows}}, ["MEL"]
    )


def test_a_feature_that_no_mask_shows_is_warned_of_and_remarks_are_told() -> None:
    lines = evaluation_account(
        manifest(("a", 3, 0), ("b", 2, 0)), [], ["MEL"], ["white of 2 masks of globules is value 1"]
    )
    assert "WARNING: streaks is white on no picture in the analysis: its overlap is undefined" in lines
    assert "white of 2 masks of globules is value 1" in lines
    assert not any("globules is white on no" in line for line in lines)


def test_masks_that_look_inverted_are_warned_of() -> None:
    """Of 81 pixels: most pictures with the feature have most of them, black masks apart."""
    inverted = manifest(("a", 80, 1), ("b", 41, 1), ("c", 40, 1), ("d", 0, 1))
    (line,) = [line for line in evaluation_account(inverted, [], ["MEL"]) if line.startswith("WARNING")]
    assert "globules covers more than half of the picture on 2 of 3 pictures" in line and "inverted?" in line
    some = manifest(("a", 80, 1), ("c", 40, 1), ("d", 0, 1))
    assert not any("inverted" in line for line in evaluation_account(some, [], ["MEL"]))


def test_an_analysis_without_a_picture_is_an_error_that_says_why() -> None:
    table = manifest(("a", 0, 0), ("b", 0, 0))
    with pytest.raises(
        InputError, match=r"no picture is left to analyse: of 2 .* are 2 because no mask shows a feature"
    ):
        evaluation_account(table, [], ["MEL"])


# The real archives


@pytest.fixture(scope="module")
def real_evaluation(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """The evaluation manifest of the reduced real archives, made as the workflow makes it."""
    folder = real_data / "isic-256"
    archives = [folder / "ISIC2018_Task1-2_Training_Input.zip", folder / "ISIC2018_Task2_Training_GroundTruth_v3.zip"]
    pictures = list_pictures(archives[0])
    masks = list_masks(archives[1], pictures, FEATURES)
    path = tmp_path_factory.mktemp("real") / "cells.h5"
    write_cells(path, count_archive(*archives, pictures, masks, [(8, 8)]), [(8, 8)], FEATURES)
    tables = [folder / "ISIC_2019_Training_GroundTruth.csv", real_data / "labels" / "isic2018_task2_diagnosis.csv"]
    diagnoses = read_diagnoses(tables, CLASSES)
    assert diagnoses.contradictions == []
    return evaluation_manifest(read_counts([path]), diagnoses.by_image, ["MEL", "NV"])


def test_real_counts(real_evaluation: pd.DataFrame) -> None:
    assert Counter(real_evaluation["diagnosis"]) == {"MEL": 312, "NV": 1097, "BKL": 113}
    evaluated = real_evaluation[real_evaluation["diagnosis"].isin(["MEL", "NV"])]
    assert {name: int((evaluated[name] > 0).sum()) for name in [*FEATURES, "union"]} == {
        "globules": 364,
        "milia_like_cyst": 330,
        "negative_network": 117,
        "pigment_network": 868,
        "streaks": 59,
        "union": 1146,
    }
    included = real_evaluation[real_evaluation["included"]]
    assert Counter(included["diagnosis"]) == {"MEL": 264, "NV": 882}
    assert Counter(real_evaluation["reason"]) == {
        "": 1146,
        "no mask shows a feature": 1409 - 1146,
        "its diagnosis BKL is not one of MEL NV": 113,
    }
    row = real_evaluation.set_index("image").loc["ISIC_0000013"]
    assert row["union"] / (row["width"] * row["height"]) == pytest.approx(0.064, abs=0.0005)


def test_real_counts_agree_with_plain_decoding(real_evaluation: pd.DataFrame, real_data: Path) -> None:
    white: dict[str, dict[str, int]] = defaultdict(dict)
    pixels: dict[str, Any] = {}
    with zipfile.ZipFile(real_data / "isic-256" / "ISIC2018_Task2_Training_GroundTruth_v3.zip") as archive:
        for name in archive.namelist():
            if not name.endswith(".png"):
                continue
            image, feature = Path(name).stem.split("_attribute_")
            mask = np.asarray(Image.open(io.BytesIO(archive.read(name)))) > 127
            white[image][feature] = int(mask.sum())
            pixels[image] = pixels.get(image, False) | mask
    united = {image: int(mask.sum()) for image, mask in pixels.items()}
    assert len(united) == 1522
    table = real_evaluation.set_index("image")
    assert {image: {f: int(table.loc[image, f]) for f in FEATURES} for image in table.index} == white
    assert table["union"].to_dict() == united
    assert {image: (width, height) for image, width, height in table[["width", "height"]].itertuples()} == {
        image: mask.shape[::-1] for image, mask in pixels.items()
    }
