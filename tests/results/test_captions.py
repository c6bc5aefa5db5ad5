"""Captions say what a study is."""

import pytest
from dermalign.results import captions

TRAINING = captions.training("exclude", [])
OVERLAP = captions.overlap(["gradcam"], [], TRAINING)


@pytest.mark.parametrize("leakage", ["exclude", "exclude_content", "allow"])
def test_every_caption_says_what_was_kept_out_of_training(leakage: str) -> None:
    training = captions.training(leakage, [])
    assert f"(leakage: {leakage})." in training
    overlap = captions.overlap(["gradcam"], ["all_white"], training)
    found = [
        captions.table1(training),
        captions.table2(overlap),
        captions.table3(overlap),
        captions.table4(["a"], None, overlap),
        captions.table5(["a", "b"], None, overlap),
        captions.table6(["a"], training),
        captions.classifiers(0.1, training),
    ]
    for number, caption in enumerate(found[:-1], 1):
        assert caption.startswith(f"Table {number}. ")
    assert all(caption.endswith(training) for caption in found)
    assert all("  " not in caption for caption in found)
    assert not any(captions.NO_GROUPS in caption for caption in found)


def test_what_trained_brought_classifiers_is_unknown() -> None:
    assert captions.training(None, ["a", "b"]) == "Which pictures trained a, b is unknown: brought along."
    assert captions.training("allow", ["a"]) == f"{captions.training('allow', [])} {captions.training(None, ['a'])}"
    assert captions.training(None, []) == ""
    assert captions.table1("") == "Table 1. Evaluation pictures that show each feature, by diagnosis."


def test_rows_of_chance_are_named_where_there_are_any() -> None:
    chance = captions.overlap(["gradcam", "gradient"], ["all_white", "shuffled"], "")
    assert "Rows of all_white, shuffled are chance; difference: J of gradcam minus theirs" in chance
    for methods, none in ((["gradcam"], []), ([], ["all_white"])):
        assert captions.overlap(methods, none, "").endswith("SD with n - 1.")


def test_tables_4_and_5_name_their_models_and_groups() -> None:
    models = ["a", "b", "c"]
    assert captions.table4(models, None, "").endswith("by diagnosis and correctness, a.")
    assert captions.table5(models, ["benign", "NA"], "").endswith("by group (benign, NA), b, c.")
    assert captions.table5(["a"], None, OVERLAP).startswith(
        "Table 5. Jaccard index of the union by diagnosis and correctness. Empty: there is no second model. Maps"
    )


def test_tables_4_to_6_of_a_study_without_predictions_say_why_they_are_empty() -> None:
    for caption in (
        captions.table4([], None, OVERLAP),
        captions.table5([], ["benign"], OVERLAP),
        captions.table6([], TRAINING),
    ):
        assert "Empty: no map source of this study has predictions, so there are no groups." in caption


def test_the_classifiers_caption_says_how_many_pictures_are_held_out() -> None:
    assert "the split test, 25% of the training pictures" in captions.classifiers(0.25, "")
