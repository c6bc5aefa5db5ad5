"""Captions say what a study is, in at most three short sentences."""

import re

import pytest
from dermalign.results import captions


def sentences(caption: str) -> list[str]:
    return re.split(r"(?<=[^0-9]\.) ", re.sub(r"^Table \d\. ", "", caption))


@pytest.mark.parametrize("leakage", ["exclude", "exclude_content", "allow"])
@pytest.mark.parametrize("names", [None, ["found", "missed"]])
def test_captions_are_short_and_what_was_kept_out_of_training_is_said_once(
    leakage: str, names: list[str] | None
) -> None:
    numbered = [
        captions.table1(["MEL", "NV"]),
        captions.best_thresholds(2, "a"),
        captions.best_thresholds(3, "b"),
        captions.groups(4, "a", names),
        captions.groups(5, "b", names),
        captions.table6(names),
    ]
    others = [
        captions.best_thresholds(None, "c"),
        captions.groups(None, "c", names),
        captions.extended_features(),
        captions.extended_thresholds("patient"),
        captions.extended_best_thresholds("lesion"),
        captions.extended_groups(names, "lesion"),
        captions.extended_controls("lesion"),
        captions.extended_out_of_sample(10, 20, "lesion"),
        captions.extended_hypotheses("lesion"),
        captions.extended_mann_whitney("patient"),
        captions.extended_ceilings("lesion"),
        captions.extended_faithfulness(1000, "patient"),
        captions.extended_sanity(20, "lesion", []),
        captions.extended_sanity(20, "patient", ["graph"]),
        captions.extended_groupings("lesion"),
        captions.extended_correlations("lesion"),
        captions.classifiers(0.1, leakage, []),
        captions.comparison(),
        captions.audit(),
    ]
    for number, caption in enumerate(numbered, 1):
        assert caption.startswith(f"Table {number}. ")
    for caption in (*numbered, *others):
        assert len(sentences(caption)) <= 3 and all(len(each) <= 180 for each in sentences(caption)), caption
        assert caption.endswith(".") and "  " not in caption
    assert [f"(leakage: {leakage})" in caption for caption in (*numbered, *others)].count(True) == 1


def test_table_1_has_a_place_for_the_number_of_pictures() -> None:
    caption = captions.table1(["MEL", "NV"]).replace(captions.PICTURES, "2,386")
    assert caption == "Table 1. Masks that are not black, of 2,386 evaluation pictures (MEL, NV)."


def test_what_trained_brought_classifiers_is_unknown() -> None:
    assert captions.brought(["a", "b"]) == "Which pictures trained a, b is unknown."
    assert captions.brought([]) == ""
    assert captions.best_thresholds(2, "a", captions.brought(["a"])).endswith(
        "there. Which pictures trained a is unknown."
    )
    assert "what trained a, b is unknown" in captions.classifiers(0.25, "allow", ["a", "b"])


def test_tables_of_groups_name_their_model_and_the_groups_that_a_study_defines() -> None:
    assert captions.groups(4, "a", None) == "Table 4. a: Jaccard index (J) of the union by diagnosis and correctness."
    assert captions.groups(None, "c", ["benign", "NA"]) == "c: Jaccard index (J) of the union by group (benign, NA)."


def test_the_classifiers_caption_says_how_many_pictures_are_held_out() -> None:
    assert "held-out pictures, 25% of the training pictures" in captions.classifiers(0.25, "exclude", [])
