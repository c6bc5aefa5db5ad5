"""Readers beside each other: every number equals a loop over pictures; what is undefined is left out and counted."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from brute_force import intersection_and_union
from dermalign.overlap.reader_overlaps import COLUMNS, STUDY
from dermalign.results.formats import readable
from dermalign.results.intervals import clusters_of, mean_intervals
from dermalign.results.readers import classifiers_seen, extended_readers, reader_agreement, reader_mask_statistics
from engine_cases import FEATURES, NAMES, THRESHOLDS, Picture, draw_map, draw_mask, run_engine
from sklearn.metrics import cohen_kappa_score

IMAGES = [f"p{number}" for number in range(8)]
LESIONS = {"p0": "a", "p1": "a", "p4": "b", "p5": "b"}
SEED = 3
SOURCE = ("plain", "gradcam")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Picture], Path]:
    """Eight pictures with maps and masks of the study, and a folder with their curves and cells."""
    random = np.random.default_rng(0)
    drawn = []
    for number, image in enumerate(IMAGES):
        kinds = ("box", "black") if number % 3 else ("black", "noise")
        masks = {feature: draw_mask(random, kind, 20, 15) for feature, kind in zip(FEATURES, kinds, strict=True)}
        drawn.append(Picture(image, masks, draw_map(random, "any", (4, 5))))
    folder = tmp_path_factory.mktemp("engine")
    run_engine(folder, [drawn])
    return drawn, folder


def overlaps_of(masks: dict[str, dict[str, dict[str, np.ndarray]]]) -> pd.DataFrame:
    """Overlaps of masks by reader, picture and feature."""
    names = list(masks)
    rows = [
        [first, second, image, feature, own.size, own.sum(), other.sum(), (own & other).sum()]
        for place, first in enumerate(names)
        for second in names[place + 1 :]
        for image in IMAGES
        if image in masks[first] and image in masks[second]
        for feature in NAMES
        for own, other in [(masks[first][image][feature], masks[second][image][feature])]
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def row_of(table: pd.DataFrame, **values: object) -> dict[str, Any]:
    """Return the one row with these values."""
    found = table
    for name, value in values.items():
        found = found[found[name] == value]
    (row,) = found.to_dict("records")
    return row


def labels_of(*rows: list[object]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["image", "model", "predicted", "right", "class", "classifier_sha256"])


def ratings_of(*rows: list[object]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["image", "model", "method", "rating", "classifier_sha256"])


NOBODY = {"anna": labels_of(), "ben": labels_of()}
UNRATED = {"anna": ratings_of(), "ben": ratings_of()}


def best_of(**thresholds: str | None) -> pd.DataFrame:
    rows = [[*SOURCE, feature, thresholds.get(feature, "0.300")] for feature in NAMES]
    return pd.DataFrame(rows, columns=["model", "method", "feature", "threshold"])


@pytest.mark.filterwarnings("ignore::UserWarning")  # of scikit-learn, where kappa is undefined
def test_masks_are_compared_where_one_of_them_is_not_black(pictures: tuple[list[Picture], Path]) -> None:
    drawn, folder = pictures
    random = np.random.default_rng(1)
    study = {picture.image: picture.white for picture in drawn}
    # Ben marks the study's masks but for one picture, Anna something else on six.
    ben = {image: study[image] for image in IMAGES[:7]}
    anna = {}
    for number, image in enumerate(IMAGES[2:]):
        masks = {name: draw_mask(random, ("box", "black")[number % 2], 20, 15) > 127 for name in FEATURES}
        anna[image] = {**masks, "union": masks["globules"] | masks["streaks"]}
    analysed = IMAGES[:6]
    overlaps = overlaps_of({"anna": anna, "ben": ben, STUDY: study})
    table = reader_agreement(
        *(overlaps, NOBODY, UNRATED, {SOURCE: folder / "curves.h5"}, best_of(), NAMES, analysed, LESIONS, SEED)
    )
    for first, second, images in (
        (anna, ben, IMAGES[2:7]),
        (anna, study, IMAGES[2:]),
        (ben, study, IMAGES[:7]),
    ):
        names = {"first": "anna" if first is anna else "ben", "second": "ben" if second is ben else STUDY}
        # The study's J is defined on the pictures of its analysis.
        compared = [image for image in images if second is ben or image in analysed]
        for feature in NAMES:
            pairs = [(first[image][feature], second[image][feature]) for image in compared]
            jaccard = np.array([(a & b).sum() / (a | b).sum() for a, b in pairs if (a | b).any()])
            defined = [image for image, (a, b) in zip(compared, pairs, strict=True) if (a | b).any()]
            row = row_of(table, measure="jaccard", feature=feature, **names)
            assert (row["n"], row["left_out"]) == (len(defined), len(compared) - len(defined))
            assert row["value"] == pytest.approx(jaccard.mean())
            bounds = mean_intervals(jaccard[np.newaxis], clusters_of(defined, LESIONS), SEED)[0]
            assert [row["value_low"], row["value_high"]] == pytest.approx(bounds.tolist())
            there = [[masks[image][feature].any() for image in images] for masks in (first, second)]
            row = row_of(table, measure="presence", feature=feature, **names)
            assert row["n"] == len(images)
            assert row["value"] == pytest.approx(cohen_kappa_score(*there), nan_ok=True)
    assert row_of(table, measure="presence", first="anna", second="ben", feature="streaks")["value"] < 1
    assert row_of(table, measure="jaccard", first="ben", second=STUDY, feature="union")["value"] == 1


def test_models_are_compared_on_the_readers_pictures(pictures: tuple[list[Picture], Path]) -> None:
    drawn, folder = pictures
    study = {picture.image: picture.white for picture in drawn}
    black = np.zeros((15, 20), dtype=np.bool_)
    # On p1 both masks of streaks are black; on p2 the reader's is not.
    anna = {image: dict.fromkeys(NAMES, black) for image in ("p0", "p1", "p2")}
    anna["p2"] = dict.fromkeys(NAMES, ~black)
    overlaps = overlaps_of({"anna": anna, STUDY: study})
    best = best_of(streaks="0.500", globules=None)
    table = reader_agreement(
        *(overlaps, NOBODY, UNRATED, {SOURCE: folder / "curves.h5"}, best, NAMES, IMAGES, LESIONS, SEED)
    )
    of_models = table[table["first"] == "plain/gradcam"].set_index("feature")
    assert of_models["second"].tolist() == [STUDY] * 3
    maps = {picture.image: picture.saliency for picture in drawn}
    counts = [intersection_and_union(maps[image], study[image]["streaks"], "0.500") for image in ("p0", "p2")]
    assert of_models.loc["streaks", ["threshold", "n", "left_out"]].tolist() == ["0.500", 2, 0]
    assert of_models.loc["streaks", "value"] == pytest.approx(np.mean([common / union for common, union in counts]))
    assert of_models.loc["globules", ["n", "left_out"]].tolist() == [0, 2]
    assert pd.isna(of_models.loc["globules", "value"])
    # At 1 the map is black: with a black mask there is nothing to compare.
    late = reader_agreement(
        *(overlaps, NOBODY, UNRATED, {SOURCE: folder / "curves.h5"}, best_of(streaks="1.000"), NAMES, IMAGES, {}, SEED)
    )
    row = row_of(late, first="plain/gradcam", feature="streaks")
    assert (row["n"], row["left_out"], row["value"]) == (1, 1, 0)


def test_labels_and_ratings_of_readers() -> None:
    random = np.random.default_rng(2)

    def drawn() -> pd.DataFrame:
        rows = []
        for image in IMAGES:
            name = str(random.choice(["MEL", "NV", ""]))
            rows += [[image, "plain", "NV", name == "NV", name, ""], [image, "other", "MEL", True, "MEL", ""]]
        return labels_of(*rows)

    labels = {"anna": drawn(), "ben": drawn().iloc[2:], "eve": labels_of()}
    ratings = {"anna": ratings_of(["p0", *SOURCE, 4, ""], ["p1", *SOURCE, 1, ""], ["p2", *SOURCE, 2, ""])}
    nothing = pd.DataFrame(columns=COLUMNS)
    table = reader_agreement(nothing, labels, ratings, {}, best_of(), NAMES, IMAGES, {}, SEED)
    assert set(table["measure"]) == {"right", "class", "rating"}
    own, other = (labels[name].query("model == 'plain' and image != 'p0'") for name in ("anna", "ben"))
    row = row_of(table, measure="right", source="plain")
    assert (row["first"], row["second"], row["n"], row["left_out"]) == ("anna", "ben", 7, 0)
    assert row["value"] == pytest.approx(cohen_kappa_score(own["right"], other["right"]))
    assert row["value_low"] <= row["value"] <= row["value_high"]
    named = ((own["class"] != "").to_numpy() & (other["class"] != "").to_numpy()).tolist()
    row = row_of(table, measure="class", source="plain")
    assert (row["n"], row["left_out"]) == (sum(named), 7 - sum(named))
    assert row["value"] == pytest.approx(cohen_kappa_score(own["class"][named], other["class"][named]), nan_ok=True)
    # Both call all of them right, which says nothing: there is no kappa, and no 1.
    assert pd.isna(row_of(table, measure="right", source="other")["value"])
    row = row_of(table, measure="rating")
    assert (row["first"], row["source"], row["n"]) == ("anna", "plain/gradcam", 3)
    assert row["value"] == pytest.approx(7 / 3)

    table = extended_readers(table.fillna({"second": "", "feature": "", "source": ""}))
    assert table["measure"].tolist() == ["right"] * 2 + ["class"] * 2 + ["rating"]
    found = readable(table, ["measure"])
    assert [title for title, _ in found.blocks] == [
        "whether the classification is right (Cohen's kappa)",
        "which class is right (Cohen's kappa)",
        "mean rating of the maps, 1 to 5",
    ]
    assert found.heads[-1] == "value (95 % interval)"
    assert found.blocks[2][1][0][:6] == ["anna", "-", "-", "plain/gradcam", "-", "3"]


def test_maps_are_compared_with_a_reader_s_masks_as_with_the_study_s(pictures: tuple[list[Picture], Path]) -> None:
    drawn, folder = pictures
    # Here the study's masks are the reader's.
    curves = {SOURCE: folder / "curves.h5"}
    table = reader_mask_statistics("anna", curves, folder / "cells0.h5", NAMES, THRESHOLDS, {}, SEED, "lesion")
    assert len(table) == len(NAMES) * len(THRESHOLDS)
    assert set(table["resampled"]) == {"picture"}
    for feature in NAMES:
        marked = [picture for picture in drawn if picture.white[feature].any()]
        for threshold in THRESHOLDS:
            counts = [intersection_and_union(each.saliency, each.white[feature], threshold) for each in marked]
            jaccard = np.array([common / union for common, union in counts])
            row = row_of(table, reader="anna", model="plain", method="gradcam", feature=feature, threshold=threshold)
            assert row["n"] == len(marked)
            assert [row["j_mean"], row["j_sd"]] == pytest.approx([jaccard.mean(), jaccard.std(ddof=1)])
            low, high = mean_intervals(jaccard[np.newaxis], np.arange(len(marked)), SEED)[0].tolist()
            assert [row["j_low"], row["j_high"]] == pytest.approx([low, high])


def test_which_classifiers_were_seen() -> None:
    tables = {
        "anna": [
            labels_of(["p0", "plain", "NV", True, "NV", "new"], ["p1", "plain", "NV", True, "NV", "old"]),
            ratings_of(["p1", "plain", "gradcam", 3, "old"], ["p2", "plain", "gradcam", 3, "old"]),
        ],
        "ben": [labels_of(), ratings_of(["p1", "controls", "lesion", 3, ""])],
    }
    found = classifiers_seen(tables, {"plain": "new"})
    assert found.to_numpy().tolist() == [["anna", "plain", "new", 1, False], ["anna", "plain", "old", 2, True]]
