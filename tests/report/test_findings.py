"""What sections say is what their tables say, worked out by hand."""

from collections.abc import Callable
from dataclasses import replace

import pandas as pd
from dermalign.report import accounts, findings
from dermalign.report.study_results import StudyResults

Results = Callable[..., StudyResults]


def test_in_short_are_the_best_j_the_strongest_control_and_the_ceiling(results: Results) -> None:
    plain, residual = findings.summary(results())
    assert plain == (
        "plain: the highest mean J of the union is 0.250 (95 % interval 0.200 to 0.300) at threshold 0.400, over 5 "
        "pictures (Grad-CAM). At equal white area it is 0.020 below (difference -0.040 to 0.001) that of its strongest "
        "control, mean mask, an interval that includes 0; it is above 1 of 2 controls with an interval that excludes "
        "0. It is 50.0% (40.0% to 60.0%) of the most that maps of 16 x 8 cells could have. It is 50.0% (40.0% to "
        "60.0%) of what the segmentation network unet reaches out of fold."
    )
    assert (
        "it is 0.050 above (difference 0.010 to 0.090) that of its strongest control, shuffled, an interval that "
        "excludes 0; it is above 1 of 1 controls" in residual
    )


def test_pictures_are_counted_by_reason(results: Results) -> None:
    said = findings.data(results())
    assert said[0] == (
        "Of 5 pictures with masks 3 are in the analysis. Left out: 1 (no mask shows a feature) and 1 (its diagnosis "
        "BKL is not one of MEL NV)."
    )
    assert said[1] == (
        "Of 5 training pictures 2 train, 1 choose the best epoch and 1 are held out. Left out: 1 (is an evaluation "
        "picture)."
    )
    assert "leakage: exclude" in said[2] and "1 (1 lesions) by name and 1 (1 lesions) by content" in said[3]
    assert "drawn" in said[4]
    assert not any("drawn" in each for each in findings.data(results(configuration={"archives": {}})))
    assert not any("set aside" in each for each in said) and accounts.set_aside(results()) is None


def test_pictures_that_were_set_aside_are_counted_and_all_are_listed(results: Results) -> None:
    given = results()
    aside = [f"x{number:02d}" for number in range(12)]
    rows = pd.DataFrame(
        {"image": aside, "included": False, "reason": [f"it was set aside: {each}.jpg" for each in aside]}
    )
    one = pd.DataFrame({"image": ["y"], "split": ["excluded"], "reason": ["was set aside: y.jpg, too"]})
    study = replace(given, evaluation=pd.concat([given.evaluation, rows]), training=pd.concat([given.training, one]))
    said = findings.data(study)
    assert "Of 17 pictures with masks 3 are in the analysis. Left out: 12 (it was set aside), 1 (no mask" in said[0]
    assert "Left out: 1 (is an evaluation picture) and 1 (was set aside)." in said[1]
    assert any(each.startswith("13 pictures were set aside, since they or a mask") for each in said)
    ((_, listed),) = accounts.set_aside(study).blocks
    assert listed == [*(["evaluation", each, f"{each}.jpg"] for each in aside), ["training", "y", "y.jpg, too"]]
    ((_, counted),) = accounts.left_out(study).blocks
    assert ["analysis", "12", "it was set aside"] in counted and ["training", "1", "was set aside"] in counted


def test_reasons_that_are_many_are_the_most_frequent(results: Results) -> None:
    reasons = ["a"] * 5 + ["b"] * 4 + ["c"] * 3 + ["d"] * 2 + ["e", "f"]
    study = replace(results(), evaluation=pd.DataFrame({"included": False, "reason": reasons}))
    assert findings.data(study)[0].endswith("Left out: 5 (a), 4 (b), 3 (c), 2 (d) and 2 (for other reasons).")


def test_thresholds_name_the_best_and_the_worst_feature_and_j_out_of_sample(results: Results) -> None:
    said = findings.thresholds(results())
    assert len(said) == 2
    assert said[0].endswith(
        "Of the features it is highest for globules (0.100) and lowest for streaks (0.050). At thresholds that other "
        "lesions chose, it is 0.240 (95 % interval 0.190 to 0.290)."
    )


def test_the_reference_and_the_two_aggregations(results: Results) -> None:
    said = findings.reference(results())
    assert said[0] == (
        "unet, out of fold: mean J of the union is 0.500 (95 % interval 0.450 to 0.550) at threshold 0.600, over 5 "
        "pictures."
    )
    assert said[1:3] == [
        f"The mean J of the union by Grad-CAM of {model} is 50.0% (40.0% to 60.0%) of what the segmentation network "
        "unet reaches out of fold."
        for model in ("plain", "residual")
    ]
    assert said[3] == (
        "By the challenge's own aggregation, the ratio of sums over all masks, unet reaches 0.400 (95 % interval 0.350 "
        "to 0.450); with this number alone the published 0.307 (first of ISIC 2018) are comparable, over other "
        "pictures. "
        + " ".join(
            f"{model} reaches 25% of it in that aggregation and 50% in the mean of J of the union; its mean of J "
            "beside the network's ratio of sums, as the paper compares, would say 62%."
            for model in ("plain", "residual")
        )
    )
    columns = ["evaluation_image", "training_image", "fold", "training_fold", "lesion_id", "by", "distance"]
    pairs = [("a", "b", 1, 1, "", "content", 9), ("a", "c", 1, 1, "l", "lesion", 90), ("d", "e", 2, 1, "", "name", 0)]
    assert findings.reference(results(folds=pd.DataFrame(pairs, columns=columns))) == [
        "Each picture is mapped by that network of 2 that did not train on it. 2 pictures are another of the study, or "
        "of its lesion, by name, lesion or content; 1 are mapped by a network that saw that one.",
        *said,
    ]
    assert findings.reference(results(without=("extended_reference",))) == [
        "No segmentation network was asked for: `segmentation` of the configuration names none."
    ]


def test_without_any_j_no_share_is_told(results: Results) -> None:
    study = results()
    table = study.tables["tables/extended_challenge"].copy()
    for j_of_network in (0.0, float("nan")):
        table.loc[(table["feature"] == "union") & (table["model"] == "unet"), "j_mean"] = j_of_network
        said = findings.reference(replace(study, tables={**study.tables, "tables/extended_challenge": table}))
        assert said[3].endswith("are comparable, over other pictures.")


def test_groups_are_those_of_table_6_and_hypotheses_are_counted(results: Results) -> None:
    said = findings.correctness(results())
    assert said == [
        *(
            f"{model}: mean J of MEL-correct 0.300 (2 pictures), of MEL-wrong 0.200 (3 pictures); Mann-Whitney p < "
            "0.001, not corrected."
            for model in ("plain", "residual")
        ),
        "That finer maps overlap better is supported by 2, contradicted by 0 and undecided by 1 of 3 comparisons.",
    ]


def test_methods_are_compared_where_there_are_several(results: Results) -> None:
    plain, residual, sanity, faithfulness = findings.methods(results())
    assert plain == (
        "plain: of 2 saliency methods RISE has the highest mean J of the union, 0.300 (95 % interval 0.200 to 0.400) "
        "over 4 pictures; on the pictures that both have maps of, that is 0.040 above (difference -0.010 to 0.090) "
        "that of Grad-CAM, an interval that includes 0."
    )
    assert residual == "residual: Grad-CAM is the only saliency method."
    assert sanity.endswith("with all layers random: maps by Grad-CAM change; maps by RISE hardly change.")
    assert (
        "beside 2 controls, Grad-CAM has a lower deletion area than 1 and a higher insertion area than 2"
        in faithfulness
    )


def test_published_values_agree_where_the_interval_has_them(results: Results) -> None:
    compared, audited = findings.published(results())
    assert compared.startswith(
        "2 of 3 published values have ours beside them; of 2 of ours with an interval, 1 have the published value in "
        "it."
    )
    assert audited.endswith(
        "3 checks of the published values against each other: agrees (2) and cannot all be true (1)."
    )


def test_the_run_says_which_maps_are_constant(results: Results) -> None:
    said = findings.run(results())
    assert said[0] == "Written by dermalign 0.1.0 (commit 0123456789ab, with changes)."
    assert said[1] == "1,200 jobs ran for 1 min 15 s; one after the other they take 2 min 30 s."
    assert "Constant, with no place more salient than another, are 1 of 5 by Grad-CAM of residual;" in said[2]
    assert "10 saliency maps" in said[2] and findings.run(results(models=["plain"]))[2].endswith("None is constant.")
    assert "an unknown commit" in findings.run(results(commit=None, changed=None))[0]


def test_settings_are_said_in_words(results: Results) -> None:
    assert findings.settings(results())[:2] == [
        "Thresholds: from 0 to 1 in steps of 0.1.",
        "Intervals resample by picture.",  # there is no table of lesions
    ]
    other = {"thresholds": [0, 0.25, 1], "archives": {"training_metadata": "metadata.csv"}}
    said = findings.settings(results(configuration=other))
    assert said[:2] == ["Thresholds: 0, 0.25, 1.", "Intervals resample by lesion, as far as lesions are known."]


def test_what_was_not_asked_for_is_said(results: Results) -> None:
    study = results(
        ["only"],
        trains=False,
        without=(
            *("classifiers", "extended_controls", "extended_sanity", "extended_faithfulness", "comparison", "audit"),
            *("extended_out_of_sample", "extended_hypotheses"),
        ),
    )
    assert "classifiers were brought along" in findings.data(study)[1]
    assert findings.classifiers(study) == [
        "Without training pictures none are held out, on which classifiers could be measured."
    ]
    assert findings.controls(study)[0].startswith("No controls were asked for")
    assert "It is 50.0%" in findings.controls(study)[1]
    assert [each.partition(" was not asked")[0] for each in findings.methods(study)[-2:]] == [
        "The sanity check of the methods",
        "Faithfulness",
    ]
    assert findings.published(study)[0].startswith("No published values were named")
    assert all(say(study) for say in findings.SAYS.values())


def test_without_any_j_that_is_said(results: Results) -> None:
    nothing = pd.DataFrame(
        {"model": ["plain"], "feature": ["union"], "method": ["gradcam"], "n": [0], "threshold": [None]}
    ).assign(j_mean=float("nan"), j_low=float("nan"), j_high=float("nan"))
    study = results(
        ["plain"],
        without=("extended_controls", "extended_ceilings", "extended_reference"),
        more={"tables/extended_best_thresholds": nothing},
    )
    assert findings.summary(study) == ["plain: no picture of the analysis shows a feature, so that there is no J."]
