"""Published values beside ours: every one has a row, numbers come from where they should, notes say what differs."""

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest
from dermalign.results.comparison import (
    COMPARISON_COLUMNS,
    ComparedModel,
    ComparedStudy,
    comparison,
    difference_sentence,
    general_differences,
    readable_comparison,
)
from dermalign.results.published import Published, read_published
from dermalign.results.statistics import GROUP_BEST, UNION_BEST

from .test_published import FILE

PAPER = read_published(FILE)
FEATURES = ["globules", "milia_like_cyst", "negative_network", "pigment_network", "streaks"]
GROUPS = ["MEL-correct", "MEL-wrong", "NV-correct", "NV-wrong"]
CLASSES = ["MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC"]
GRID = [f"{step / 10:.3f}" for step in range(11)]
PICTURE = "ISIC_0000013"
VGG16 = ComparedModel("first", "VGG16", 450, "imagenet", (28, 28))
RESNET50 = ComparedModel("second", "ResNet50", 227, "imagenet", (8, 8))


def evaluation(width: int = 1022) -> pd.DataFrame:
    """Twelve pictures: four melanomas, seven nevi, one of neither; one nevus shows nothing."""
    table = pd.DataFrame({"image": [PICTURE, *(f"ISIC_{number}" for number in range(11))], "width": width})
    table["diagnosis"] = ["MEL"] * 4 + ["NV"] * 7 + ["BKL"]
    for number, feature in enumerate(FEATURES):
        table[feature] = [int(row % 5 == number) for row in range(12)]
    table["union"] = table[FEATURES].sum(axis=1)
    table.loc[10, [*FEATURES, "union"]] = 0
    table["included"] = (table["diagnosis"] != "BKL") & (table["union"] > 0)
    return table


def spread(start: float) -> dict[str, float]:
    return dict(zip(["j_min", "j_mean", "j_sd", "j_max"], start + np.arange(4) / 10, strict=True))


def metrics(start: float) -> pd.DataFrame:
    rows = [("pictures", "all", 40.0), ("accuracy", "all", start), ("balanced_accuracy", "all", start + 0.01)]
    rows += [(name, each, start + 0.02) for name in ("accuracy", "sensitivity") for each in CLASSES]
    table = pd.DataFrame(rows, columns=["metric", "class", "value"])
    return table.assign(low=table["value"] - 0.1, high=table["value"] + 0.1, published=np.nan)


def study(**changes: object) -> ComparedStudy:
    """A study of two models; J tells model, method, feature, group and `at` apart."""
    sources = [(model, method) for model in ("first", "second") for method in ("gradcam", "all_white")]
    best = [
        {"model": model, "method": method, "feature": feature, "threshold": "0.400", "n": 5, **spread(s + f / 100)}
        for s, (model, method) in enumerate(sources)
        for f, feature in enumerate([*FEATURES, "union"])
    ]
    groups = [
        {"model": model, "method": method, "feature": feature, "group": group, "at": at, "threshold": "0.300", "n": 3}
        | spread(10 * s + f + g / 10 + a / 100)
        for s, (model, method) in enumerate(sources)
        for f, feature in enumerate(["globules", "union"])
        for g, group in enumerate(GROUPS)
        for a, at in enumerate([UNION_BEST, GROUP_BEST])
    ]
    tests = [
        {"model": model, "method": method, "feature": feature, "first": first, "second": second, "at": at}
        | {"n_first": 2, "n_second": 1, "u": 100 * s + 10 * f + a, "p": s / 10 + f / 100 + a / 1000, "test": "exact"}
        for s, (model, method) in enumerate(sources)
        for f, feature in enumerate(["globules", "union"])
        for first, second in (("MEL-correct", "MEL-wrong"), ("MEL-correct", "NV-correct"), ("NV-correct", "NV-wrong"))
        for a, at in enumerate([UNION_BEST, GROUP_BEST])
    ]
    values = {
        "models": {"VGG16": VGG16, "ResNet50": RESNET50},
        "method": "gradcam",
        "thresholds": GRID,
        "diagnoses": ["MEL", "NV"],
        "is_drawn": False,
        "leakage": "exclude",
        "evaluation": evaluation(),
        "best_thresholds": pd.DataFrame(best),
        "correctness": pd.DataFrame(groups),
        "mann_whitney": pd.DataFrame(tests),
        "metrics": {"first": metrics(0.5), "second": metrics(0.6)},
        "trained": 77,
        "of_picture": {(m, PICTURE, t): k + float(t) / 10 for k, m in enumerate(["first", "second"]) for t in GRID},
    }
    return ComparedStudy(**{**values, **changes})  # type: ignore[arg-type]


def found(table: pd.DataFrame, *place: str) -> pd.Series:
    (row,) = table.index[(table[["table", "row", "column"]] == list(place)).all(axis=1)]
    return table.loc[row]


TABLE = comparison(PAPER, study())


def test_every_published_number_has_a_row_of_its_own() -> None:
    assert list(TABLE.columns) == list(COMPARISON_COLUMNS)
    assert TABLE["published"].tolist() == [value.value for value in PAPER.values]
    assert not TABLE.duplicated(["table", "row", "column"]).any()
    np.testing.assert_allclose(TABLE["difference"], TABLE["ours"] - TABLE["published"])
    # Whatever has no number says why.
    assert (TABLE.loc[TABLE["ours"].isna(), "note"] != "").all()


@pytest.mark.parametrize(
    ("place", "ours"),
    [
        (("table 1", "globules", "pictures"), 2),  # rows 0, 5 and 10, of which the last shows nothing
        (("table 1", "union", "pictures"), 10),
        (("table 2", "streaks", "j_mean"), 0.14),
        (("table 2", "streaks", "threshold"), 0.4),
        (("table 3", "union", "j_max"), 2.35),
        (("table 4", "MEL-wrong", "j_mean"), 1 + 0.1 + 0.01 + 0.1),
        (("table 4", "MEL-wrong", "n"), 3),
        (("table 5", "NV-wrong", "j_sd"), 20 + 1 + 0.3 + 0.01 + 0.2),
        (("table 6", "VGG16, MEL-correct vs MEL-wrong", "u"), 10),
        (("table 6", "ResNet50, NV-correct vs NV-wrong", "p"), 0.21),
        (("section 3", "VGG16, all", "accuracy"), 0.5),
        (("section 3", "ResNet50, all", "balanced_accuracy"), 0.61),
        (("section 3", "ResNet50, SCC", "sensitivity"), 0.62),
        (("section 3", "VGG16, input", "pixels"), 450),
        (("section 3", "VGG16, last convolution", "cells"), 28),
        (("section 4", "ResNet50, maps", "cells"), 8),
        (("section 3", "training", "pictures"), 77),
        (("section 3", "held out", "pictures"), 40),
        (("section 4", "all", "pictures"), 11),
        (("section 4", "MEL", "pictures"), 4),
        (("section 4", "analysed", "pictures"), 10),
        (("figure 4", PICTURE, "0.300"), 0.03),
        (("figure 5", PICTURE, "0.000"), 1.0),
        (("abstract", "best threshold of a feature", "lowest"), 0.4),
        (("abstract", "mean J", "highest"), 20 + 1 + 0.3 + 0.01 + 0.1),
        (("section 5", "ResNet50, best threshold of a feature", "highest"), 0.4),
    ],
)
def test_our_number_is_the_one_of_its_place(place: tuple[str, str, str], ours: float) -> None:
    assert found(TABLE, *place)["ours"] == pytest.approx(ours)


def test_intervals_stand_where_there_are_any() -> None:
    of_classifiers = TABLE[TABLE["low"].notna()]
    assert set(of_classifiers["table"]) == {"section 3"}
    np.testing.assert_allclose(of_classifiers["low"], of_classifiers["ours"] - 0.1)
    np.testing.assert_allclose(of_classifiers["high"], of_classifiers["ours"] + 0.1)
    best = study().best_thresholds
    with_interval = study(best_thresholds=best.assign(j_low=best["j_mean"] - 1, j_high=best["j_mean"] + 2))
    row = found(comparison(PAPER, with_interval), "table 3", "union", "j_mean")
    assert (row["low"], row["high"]) == pytest.approx((row["ours"] - 1, row["ours"] + 2))
    assert math.isnan(found(comparison(PAPER, with_interval), "table 3", "union", "j_sd")["low"])
    with_interval = study(best_thresholds=best.assign(threshold_low="0.200", threshold_high="0.700"))
    row = found(comparison(PAPER, with_interval), "table 3", "union", "threshold")
    assert (row["low"], row["high"]) == (0.2, 0.7)


def test_the_challenges_j_is_another_aggregation_and_stays_empty() -> None:
    for place in ("first", "second", "third"):
        row = found(TABLE, "section 2", f"{place} of ISIC 2018", "j")
        assert math.isnan(row["ours"]) and row["note"].startswith("another aggregation: a ratio of sums")
        assert "tables/extended_challenge" in row["note"]
    assert math.isnan(found(TABLE, "section 3", "second of ISIC 2019", "balanced_accuracy")["ours"])


def test_what_is_as_in_the_paper_has_no_note_but_the_leakage_setting() -> None:
    whole = study(
        best_thresholds=study().best_thresholds.assign(
            n=[int(PAPER.of("table 1", feature, "pictures").value) for feature in [*FEATURES, "union"]] * 4
        )
    )
    rows = comparison(PAPER, whole)
    for table in ("table 2", "table 3"):
        assert set(rows[rows["table"] == table]["note"]) == {"leakage: exclude"}
    assert set(rows[rows["table"] == "figure 4"]["note"]) == {"", "leakage: exclude"}


def test_notes_say_what_differs() -> None:
    other = ComparedModel("small", "MobileNetV2", 224, "none", (7, 5))
    changes = {"models": {"VGG16": other, "ResNet50": None}, "leakage": "allow", "thresholds": ["0.000", "0.250"]}
    base = study(evaluation=evaluation(256), **changes)
    renamed = {
        name: getattr(base, name).replace({"model": {"first": "small"}})
        for name in ("best_thresholds", "correctness", "mann_whitney")
    }
    table = comparison(
        PAPER,
        dataclasses.replace(
            base, **renamed, metrics={"small": metrics(0.5)}, of_picture={("small", PICTURE, "0.000"): 0.064}
        ),
    )
    of_network = "MobileNetV2, not VGG16; input of 224, not 450; without ImageNet weights; leakage: allow"
    reduced = "pictures 256 pixels wide at most"
    notes = {
        ("table 1", "globules", "pictures"): f"11 pictures, not 2,386; {reduced}",
        ("table 2", "union", "j_mean"): f"5 pictures, not 1,963; {reduced}; {of_network}",
        ("table 2", "union", "threshold"): f"0.5 is not on our grid; 5 pictures, not 1,963; {reduced}; {of_network}",
        ("table 3", "union", "j_mean"): "no model of the study stands for ResNet50",
        ("table 4", "NV-wrong", "j_max"): f"3 pictures, not 361; {reduced}; {of_network}",
        ("table 6", "VGG16, MEL-correct vs MEL-wrong", "p"): (
            f"2 and 1 pictures, not 279 and 158; {reduced}; {of_network}"
        ),
        ("section 3", "VGG16, MEL", "accuracy"): f"other held-out pictures (40); {of_network}",
        ("section 3", "VGG16, last convolution", "cells"): "7 x 5 cells; MobileNetV2, not VGG16",
        ("section 4", "MEL", "pictures"): "other pictures",
        ("figure 4", PICTURE, "0.000"): reduced,
        ("figure 4", PICTURE, "0.100"): "0.1 is not on our grid",
        # All is white, whatever the network.
        ("figure 5", PICTURE, "0.000"): reduced,
        ("figure 5", PICTURE, "0.100"): "no model of the study stands for ResNet50",
    }
    assert {place: found(table, *place)["note"] for place in notes} == notes
    assert found(table, "figure 4", PICTURE, "0.000")["ours"] == 0.064
    assert found(table, "figure 5", PICTURE, "0.000")["ours"] == 0.064
    assert math.isnan(found(table, "figure 4", PICTURE, "0.100")["ours"])


def test_a_study_of_other_pictures_features_and_classes() -> None:
    drawn = evaluation().drop(columns="streaks")
    drawn["image"] = [f"P{number}" for number in range(12)]
    best = study().best_thresholds
    table = comparison(
        PAPER,
        study(
            is_drawn=True,
            evaluation=drawn,
            diagnoses=["NV"],
            best_thresholds=best[best["feature"] != "streaks"],
            correctness=study().correctness.replace({"group": {"MEL-wrong": "missed"}}),
            mann_whitney=study().mann_whitney.iloc[:0],
            metrics={},
            trained=None,
            leakage=None,
        ),
    )
    notes = {
        ("table 1", "streaks", "pictures"): "streaks is not in the study",
        ("table 2", "streaks", "j_mean"): "streaks is not in the study",
        ("table 2", "union", "j_mean"): "5 pictures, not 1,963; drawn pictures",
        ("table 4", "MEL-wrong", "j_mean"): "MEL-wrong is no group of the study",
        ("table 6", "VGG16, NV-correct vs NV-wrong", "u"): "NV-correct and NV-wrong are no groups of the study",
        ("section 3", "VGG16, MEL", "accuracy"): "nothing is held out here",
        ("section 3", "held out", "pictures"): "nothing is held out here",
        ("section 3", "training", "pictures"): "nothing is trained here",
        ("section 4", "MEL", "pictures"): "MEL is not in the study",
        ("figure 4", PICTURE, "0.500"): f"{PICTURE} is not in the study",
    }
    assert {place: found(table, *place)["note"] for place in notes} == notes
    assert all(math.isnan(found(table, *place)["ours"]) for place in notes if place[1] not in ("union",))


def test_an_empty_group_and_a_class_that_a_model_lacks_have_no_number() -> None:
    groups = study().correctness
    groups.loc[groups["group"] == "MEL-wrong", ["n", "threshold", "j_mean"]] = [0, None, np.nan]
    few = metrics(0.5)
    table = comparison(PAPER, study(correctness=groups, metrics={"first": few[few["class"] != "DF"]}))
    assert math.isnan(found(table, "table 4", "MEL-wrong", "threshold")["ours"])
    assert math.isnan(found(table, "table 4", "MEL-wrong", "j_mean")["ours"])
    assert found(table, "section 3", "VGG16, DF", "accuracy")["note"] == "DF is no class of first"
    assert found(table, "section 3", "ResNet50, MEL", "accuracy")["note"] == "nothing is held out here"


def test_a_brought_classifier_is_none_of_the_papers() -> None:
    models = {"VGG16": ComparedModel("first", None, 450, None, (28, 28)), "ResNet50": None}
    table = comparison(PAPER, study(models=models))
    assert found(table, "table 2", "union", "j_mean")["note"] == (
        "5 pictures, not 1,963; a classifier brought along, not VGG16"
    )


# How it is read


def test_it_is_read_with_as_many_digits_as_were_printed() -> None:
    read = readable_comparison(TABLE, PAPER, ())
    assert len(read) == len(TABLE)
    assert list(read.columns) == [
        *("table", "row", "column", "published", "ours", "difference", "95 % interval", "note"),
    ]
    by_place = read.set_index(["table", "row", "column"])
    assert by_place.loc[("table 2", "pigment network", "J mean")][["published", "ours"]].tolist() == ["0.141", "0.130"]
    assert by_place.loc[("table 1", "union", "pictures")][["ours", "difference"]].tolist() == ["10", "-1953"]
    assert by_place.loc[("section 3", "training", "pictures"), "published"] == "20000"
    row = by_place.loc[("section 3", "VGG16, all", "accuracy")]
    assert row["95 % interval"] == "0.400 to 0.600"
    test = read[read["row"] == "VGG16, MEL-correct vs MEL-wrong"]
    assert test["published"].tolist() == ["28747.5", "1.2E-7"]
    assert test["ours"].tolist() == ["10.0", "0.010"]
    assert ("figure 4", PICTURE, "0.100") in by_place.index


def test_what_the_caption_says_is_said_in_no_row() -> None:
    other = dataclasses.replace(VGG16, architecture="MobileNetV2", input_size=224)
    of = study(models={"VGG16": other, "ResNet50": None}, is_drawn=True)
    assert difference_sentence(PAPER, of) == (
        "Beside VGG16 stands first (MobileNetV2, not VGG16; input of 224, not 450; leakage: exclude), beside ResNet50 "
        "no model; all of drawn pictures."
    )
    said = {note for notes in general_differences(PAPER, of).values() for note in notes}
    notes = readable_comparison(comparison(PAPER, of), PAPER, said).set_index(["table", "row", "column"])["note"]
    assert notes["table 2", "union", "J mean"] == "5 pictures, not 1,963"
    assert not any(part in str(note) for part in said for note in notes)
    assert difference_sentence(Published(()), study()) == (
        "Beside VGG16 stands first (leakage: exclude), beside ResNet50 second (leakage: exclude)."
    )
