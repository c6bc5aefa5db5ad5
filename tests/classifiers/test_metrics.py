"""Metrics against scikit-learn, and what is said about the undefined ones."""

import warnings

import numpy as np
import pandas as pd
import pytest
from dermalign.classifiers.metrics import (
    beside_published,
    classifier_metrics,
    warnings_for,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as oracle

CLASSES = ["MEL", "NV", "BCC", "AK"]


def table(true: list[str], predicted: list[str], split: str = "test", seed: int = 0) -> pd.DataFrame:
    """Predictions with random probabilities, in steps so that some are equal, highest for the class predicted."""
    scores = np.random.default_rng(seed).integers(0, 4, (len(true), len(CLASSES))) / 10
    scores[np.arange(len(true)), [CLASSES.index(name) for name in predicted]] = 0.4
    frame = pd.DataFrame({"image": [f"p{n}" for n in range(len(true))], "split": split, "class": true})
    frame["predicted"] = predicted
    return frame.assign(**{f"p_{name}": scores[:, number] for number, name in enumerate(CLASSES)})


def values(found: pd.DataFrame) -> pd.Series:
    return found.set_index(["metric", "class"])["value"]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(CLASSES), st.sampled_from(CLASSES)), min_size=1, max_size=40))
def test_against_scikit_learn(pairs: list[tuple[str, str]]) -> None:
    true, predicted = map(list, zip(*pairs, strict=True))
    found = values(classifier_metrics(table(true, predicted), CLASSES, resamples=0))
    assert found["accuracy", "all"] == pytest.approx(oracle.accuracy_score(true, predicted))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert found["balanced_accuracy", "all"] == pytest.approx(oracle.balanced_accuracy_score(true, predicted))
        sensitivity = oracle.recall_score(true, predicted, labels=CLASSES, average=None, zero_division=np.nan)
    for name, expected in zip(CLASSES, sensitivity, strict=True):
        truth, called = np.array(true) == name, np.array(predicted) == name
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            specificity = oracle.recall_score(~truth, ~called, zero_division=np.nan)
        assert found["sensitivity", name] == pytest.approx(expected, nan_ok=True)
        assert found["specificity", name] == pytest.approx(specificity, nan_ok=True)
        assert found["accuracy", name] == pytest.approx(oracle.accuracy_score(truth, called))
        assert (found["pictures", name], found["predicted", name]) == (truth.sum(), called.sum())


def test_only_the_split_counts() -> None:
    both = pd.concat([table(["MEL"], ["MEL"]), table(["NV", "NV"], ["MEL", "MEL"], split="validation")])
    found = values(classifier_metrics(both, CLASSES))
    assert (found["pictures", "all"], found["accuracy", "all"]) == (1, 1)
    assert values(classifier_metrics(both, CLASSES, split="validation"))["accuracy", "all"] == 0


def test_undefined_values_are_nan_and_said() -> None:
    found = classifier_metrics(table(["NV", "NV"], ["NV", "MEL"]), CLASSES)
    assert np.isnan(values(found)["sensitivity", "AK"])
    assert np.isnan(values(found)["specificity", "NV"])
    said = warnings_for(found)
    assert "there are no pictures of MEL, BCC, AK: no sensitivity is defined there" in said
    assert "all pictures are of NV: its specificity is undefined" in said


def test_warnings_name_what_a_classifier_never_does() -> None:
    true = ["MEL", "NV", "BCC", "AK"] * 2
    assert warnings_for(classifier_metrics(table(true, true), CLASSES)) == []
    said = warnings_for(classifier_metrics(table(true, ["NV"] * 8), CLASSES))
    assert said[0] == "always predicts NV"
    assert "never predicts MEL" in said
    assert "is no better than chance: balanced accuracy 0.250, chance 0.250 with 4 classes" in said


def test_no_pictures() -> None:
    found = classifier_metrics(table([], []), CLASSES)
    assert np.isnan(values(found)["accuracy", "all"])
    assert warnings_for(found) == ["there are no pictures: every value is undefined"]


def test_unknown_classes_are_refused() -> None:
    with pytest.raises(ValueError, match="MEL, NV"):
        classifier_metrics(table(["NV"], ["NV"]).assign(**{"class": "UNK"}), CLASSES)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(CLASSES), st.sampled_from(CLASSES)), min_size=1, max_size=30), st.integers(0, 99)
)
def test_areas_under_the_curve_are_scikit_learn_s(pairs: list[tuple[str, str]], seed: int) -> None:
    true, predicted = map(list, zip(*pairs, strict=True))
    rows = table(true, predicted, seed=seed)
    found = values(classifier_metrics(rows, CLASSES, resamples=0))
    areas = []
    for name in CLASSES:
        truth = rows["class"] == name
        if truth.nunique() < 2:
            assert np.isnan(found["roc_auc", name])
        else:
            areas.append(oracle.roc_auc_score(truth, rows[f"p_{name}"]))
            assert found["roc_auc", name] == pytest.approx(areas[-1])
    assert found["roc_auc", "all"] == pytest.approx(np.mean(areas) if areas else np.nan, nan_ok=True)


def test_calibration_error_is_that_of_guo() -> None:
    random = np.random.default_rng(1)
    probabilities = random.dirichlet([0.5] * 4, 300)
    probabilities[0] = [1, 0, 0, 0]
    predicted = probabilities.argmax(axis=1)
    true = np.where(random.random(300) < 0.6, predicted, random.integers(4, size=300))
    rows = table([CLASSES[n] for n in true], [CLASSES[n] for n in predicted])
    rows[[f"p_{name}" for name in CLASSES]] = probabilities
    top, expected = probabilities.max(axis=1), 0.0
    for number in range(15):
        within = (top > number / 15) & (top <= (number + 1) / 15)
        if within.any():
            gap = (true == predicted)[within].mean() - top[within].mean()
            expected += within.mean() * abs(gap)
    found = values(classifier_metrics(rows, CLASSES, resamples=0))
    assert found["expected_calibration_error", "all"] == pytest.approx(expected)
    assert expected > 0.05
    right = table(CLASSES, CLASSES)
    right[[f"p_{name}" for name in CLASSES]] = np.eye(4)
    assert values(classifier_metrics(right, CLASSES, resamples=0))["expected_calibration_error", "all"] == 0


def skilled(count: int = 200) -> pd.DataFrame:
    random = np.random.default_rng(5)
    true = random.choice(CLASSES, count, p=[0.2, 0.5, 0.2, 0.1])
    predicted = np.where(random.random(count) < 0.7, true, random.choice(CLASSES, count))
    return table(list(true), list(predicted), seed=5)


def test_intervals_are_those_of_resamples_counted_one_by_one() -> None:
    """Whole lesions are drawn; each resample's metrics are those of its pictures, by scikit-learn."""
    rows = skilled(60)
    lesions = {f"p{number}": f"L{number // 3}" for number in range(0, 45)} | {"p50": ""}
    found = classifier_metrics(rows, CLASSES, lesions=lesions, resamples=300, seed=7).set_index(["metric", "class"])
    groups = [list(range(start, start + 3)) for start in range(0, 45, 3)] + [[number] for number in range(45, 60)]
    assert found.loc[("lesions", "all"), "value"] == len(groups) == 30
    random = np.random.default_rng(7)
    drawn = np.concatenate([random.integers(30, size=(250, 30)), random.integers(30, size=(50, 30))])
    reached: dict[tuple[str, str], list[float]] = {}
    for lesion_numbers in drawn:
        part = rows.iloc[[picture for number in lesion_numbers for picture in groups[number]]]
        reached.setdefault(("accuracy", "all"), []).append((part["class"] == part["predicted"]).mean())
        sensitivity = (part["class"] == part["predicted"]).groupby(part["class"]).mean()
        reached.setdefault(("balanced_accuracy", "all"), []).append(sensitivity.mean())
        areas = []
        for name in CLASSES:
            if name in sensitivity:
                reached.setdefault(("sensitivity", name), []).append(sensitivity[name])
                areas.append(oracle.roc_auc_score(part["class"] == name, part[f"p_{name}"]))
        reached.setdefault(("roc_auc", "all"), []).append(np.mean(areas))
        gaps = (part["class"] == part["predicted"]) - 0.4  # all top probabilities are 0.4: one bin
        reached.setdefault(("expected_calibration_error", "all"), []).append(abs(gaps.mean()))
    for key, many in reached.items():
        np.testing.assert_allclose(found.loc[key, ["low", "high"]].astype(float), np.quantile(many, [0.025, 0.975]))
        assert found.loc[key, "low"] <= found.loc[key, "value"] <= found.loc[key, "high"]


def test_intervals_repeat_and_heed_lesions() -> None:
    rows = skilled()
    first, again, other = (classifier_metrics(rows, CLASSES, seed=seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again, check_exact=True)
    assert not first.equals(other)
    # Ten equal pictures of each lesion say no more than one: the interval must not shrink.
    copies = pd.concat([rows.assign(image=rows["image"] + f"_{number}") for number in range(10)])
    lesions = {image: image.partition("_")[0] for image in copies["image"]}
    by_lesion = classifier_metrics(copies, CLASSES, lesions=lesions, seed=1)
    by_picture = classifier_metrics(copies, CLASSES, seed=1)

    def width(found: pd.DataFrame) -> float:
        row = found.set_index(["metric", "class"]).loc[("accuracy", "all")]
        return row["high"] - row["low"]

    assert width(by_lesion) == pytest.approx(width(first), rel=0.1)
    assert width(by_picture) < 0.5 * width(first)


def test_there_are_no_intervals_of_counts_and_of_single_lesions() -> None:
    rows = pd.concat([skilled(40).query("`class` != 'AK'"), table(["AK", "AK"], ["AK", "NV"]).assign(image=["q", "r"])])
    found = classifier_metrics(rows, CLASSES, lesions={"q": "one", "r": "one"}, resamples=50)
    has_interval = found.set_index(["metric", "class"])["low"].notna()
    assert not has_interval[["pictures", "predicted", "lesions"]].any()
    assert not has_interval["sensitivity", "AK"]
    assert not has_interval["roc_auc", "AK"]
    assert has_interval[["sensitivity", "roc_auc", "specificity"]].sum() == 3 + 3 + 1 + 4
    only = classifier_metrics(rows, CLASSES, lesions=dict.fromkeys(rows["image"], "one"), resamples=50)
    assert only[["low", "high"]].isna().all(axis=None)


def test_published_values_stand_beside_their_rows() -> None:
    found = classifier_metrics(table(["MEL", "NV", "NV"], ["MEL", "NV", "MEL"]), CLASSES, resamples=0)
    beside = beside_published(found, {"accuracy": 0.5, "sensitivity.NV": 0.25, "accuracy.NV": 0})
    pd.testing.assert_frame_equal(beside.drop(columns="published"), found)
    column = beside.set_index(["metric", "class"])["published"].dropna()
    assert column.to_dict() == {("accuracy", "all"): 0.5, ("sensitivity", "NV"): 0.25, ("accuracy", "NV"): 0}
    assert beside_published(found, {})["published"].isna().all()
    with pytest.raises(KeyError, match=r"sensitivity.*all"):
        beside_published(found, {"sensitivity": 0.5})
