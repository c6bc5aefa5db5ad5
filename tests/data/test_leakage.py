"""The leakage account against cases put together by hand."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from dermalign.data.leakage import (
    copies_of,
    leakage_account,
    leakage_lines,
    leakage_sentence,
    leakage_summary,
    read_account,
    read_summary,
    write_account,
    write_summary,
)

EVALUATION = pd.DataFrame(
    {"image": ["A", "B", "C", "D", "E"], "diagnosis": "NV", "included": [True, True, True, False, True]}
)
TRAINING = pd.DataFrame(
    [
        ("A_downsampled", "train", "lesion 1"),  # A by name
        ("P", "train", "lesion 1"),  # A by lesion
        ("Q", "train", ""),  # B by content, 3 bits apart
        ("C", "test", "lesion 2"),  # C by name, but with other content
        ("R", "excluded", "lesion 2"),  # C by lesion, and by content
        ("D", "train", ""),  # D by name, without a known lesion; not in the analysis
        ("S", "validation", "lesion 9"),  # E by lesion, whose own name is in the metadata alone
        ("T", "train", "lesion 3"),  # nobody
    ],
    columns=["image", "split", "lesion_id"],
)
LESIONS = {"A_downsampled": "lesion 1", "P": "lesion 1", "C": "lesion 2", "R": "lesion 2", "S": "lesion 9"}
LESIONS |= {"T": "lesion 3", "E_downsampled": "lesion 9"}


def bits(image: str, flipped: int = 0) -> list[int]:
    words = np.random.default_rng(ord(image)).integers(0, 2**64, 4, dtype=np.uint64)
    words[2] ^= np.uint64(2**flipped - 1)
    return words.tolist()


EVALUATION_HASHES = (["E", "D", "C", "B", "A"], np.array([bits(image) for image in "EDCBA"], dtype=np.uint64))
CONTENT = {"A_downsampled": bits("A"), "Q": bits("B", 3), "R": bits("C"), "C": bits("x"), "D": bits("D", 41)}
TRAINING_HASHES = (
    TRAINING["image"].tolist()[::-1],
    np.array([CONTENT.get(image, bits(image[0])) for image in TRAINING["image"]][::-1], dtype=np.uint64),
)


@pytest.fixture
def account() -> pd.DataFrame:
    return leakage_account(TRAINING, EVALUATION["image"].tolist(), LESIONS, TRAINING_HASHES, EVALUATION_HASHES, 40)


def test_every_way_has_its_row(account: pd.DataFrame) -> None:
    rows = [tuple(row) for row in account.drop(columns="distance").itertuples(index=False)]
    assert rows == [
        ("A", "A_downsampled", "train", "lesion 1", "name"),
        ("A", "A_downsampled", "train", "lesion 1", "content"),
        ("A", "P", "train", "lesion 1", "lesion"),
        ("B", "Q", "train", "", "content"),
        ("C", "C", "test", "lesion 2", "name"),
        ("C", "R", "excluded", "lesion 2", "lesion"),
        ("C", "R", "excluded", "lesion 2", "content"),
        ("D", "D", "train", "", "name"),
        ("E", "S", "validation", "lesion 9", "lesion"),
    ]
    distance = account.set_index(["evaluation_image", "training_image", "by"])["distance"]
    assert distance["A", "A_downsampled", "name"] == distance["C", "R", "content"] == 0
    assert distance["B", "Q", "content"] == 3
    assert distance["D", "D", "name"] == 41  # just too far to be found by content
    assert distance["C", "C", "name"] > 80


def test_pictures_of_a_trial_only(account: pd.DataFrame) -> None:
    some = leakage_account(TRAINING, ["B"], LESIONS, TRAINING_HASHES, EVALUATION_HASHES, 40)
    pd.testing.assert_frame_equal(some, account[account["evaluation_image"] == "B"].reset_index(drop=True))
    none = leakage_account(TRAINING, ["B"], LESIONS, TRAINING_HASHES, EVALUATION_HASHES, 2)
    assert none.empty and list(none) == list(account)


def test_copies_are_those_of_the_evaluation_pictures_alone() -> None:
    images = EVALUATION["image"].tolist()
    assert copies_of(images, TRAINING_HASHES, EVALUATION_HASHES, 40) == {"A_downsampled", "Q", "R"}
    assert copies_of(["B"], TRAINING_HASHES, EVALUATION_HASHES, 40) == {"Q"}
    # One archive for both: a picture that is not evaluated is no copy for looking like itself.
    assert copies_of(["C", "T"], TRAINING_HASHES, TRAINING_HASHES, 40) == {"C", "T"}


def test_summary_counts_pictures_and_lesions(account: pd.DataFrame) -> None:
    summary = leakage_summary(account, EVALUATION, LESIONS).set_index(["split", "by"])
    assert len(summary) == 4 * 4
    columns = ["pictures", "lesions", "analysed_pictures", "analysed_lesions", "training_pictures"]
    assert {key: row.tolist() for key, row in summary[columns].iterrows() if row.any()} == {
        ("train", "name"): [2, 2, 1, 1, 2],
        ("train", "lesion"): [1, 1, 1, 1, 1],
        ("train", "content"): [2, 2, 2, 2, 2],
        ("train", "any"): [3, 3, 2, 2, 4],
        ("validation", "lesion"): [1, 1, 1, 1, 1],
        ("validation", "any"): [1, 1, 1, 1, 1],
        ("test", "name"): [1, 1, 1, 1, 1],
        ("test", "any"): [1, 1, 1, 1, 1],
        ("excluded", "lesion"): [1, 1, 1, 1, 1],
        ("excluded", "content"): [1, 1, 1, 1, 1],
        ("excluded", "any"): [1, 1, 1, 1, 1],
    }
    assert set(summary["analysis"]) == {4}


def test_two_pictures_of_a_lesion_are_one_lesion(account: pd.DataFrame) -> None:
    summary = leakage_summary(account, EVALUATION, {**LESIONS, "B": "lesion 1"}).set_index(["split", "by"])
    assert summary.loc[("train", "content"), ["pictures", "lesions"]].tolist() == [2, 1]


def test_words_of_log_and_captions(account: pd.DataFrame) -> None:
    summary = leakage_summary(account, EVALUATION, LESIONS)
    lines = leakage_lines(summary, EVALUATION, "allow")
    assert lines[0] == "leakage: allow; 5 evaluation pictures, 4 in the analysis"
    assert lines[1] == (
        "in the split train: by name 2 (2 lesions), by lesion 1 (1 lesions), by content 2 (2 lesions), in any way 3"
    )
    assert not any("WARNING" in line for line in lines)
    warning = leakage_lines(summary, EVALUATION, "exclude")[-1]
    assert warning.startswith("WARNING: 2 evaluation pictures look like 2 pictures that train under other names")
    assert leakage_sentence(summary) == (
        "In the training split are, of 4 pictures of the analysis, 1 (1 lesions) by name and 2 (2 lesions) by content."
    )


def test_account_and_summary_are_read_as_they_were_written(account: pd.DataFrame, tmp_path: Path) -> None:
    write_account(tmp_path / "leakage.csv", account)
    pd.testing.assert_frame_equal(read_account(tmp_path / "leakage.csv"), account)
    summary = leakage_summary(account, EVALUATION, LESIONS)
    write_summary(tmp_path / "summary.csv", summary)
    pd.testing.assert_frame_equal(read_summary(tmp_path / "summary.csv"), summary)
