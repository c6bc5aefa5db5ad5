"""Which pictures train: splits without leaks, reasons, and the counts of the real labels."""

import hashlib
import random
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from dermalign.data.labels import read_diagnoses, read_training_labels
from dermalign.data.lesions import read_lesions
from dermalign.data.manifests import read_training, write_training
from dermalign.data.names import plain_name
from dermalign.data.training_manifest import training_account, training_manifest
from hypothesis import given, settings
from hypothesis import strategies as st

REPOSITORY = Path(__file__).resolve().parents[2]
CLASSES = ["MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC"]
Pictures = tuple[dict[str, tuple[int, int]], dict[str, str], dict[str, str]]


def drawn(seed: int, count: int = 600) -> Pictures:
    """Return sizes, classes and lesions of pictures: two large classes and a small one, half with lesions of 1 to 5."""
    chance = random.Random(seed)
    sizes, classes, lesions = {}, {}, {}
    while len(sizes) < count:
        label = chance.choices(["NV", "MEL", "DF"], [70, 25, 5])[0]
        lesion = f"L{len(sizes)}" if chance.random() < 0.5 else ""
        for _ in range(chance.randint(1, 5) if lesion else 1):
            image = f"ISIC_{len(sizes):07d}" + chance.choice(["", "_downsampled"])
            sizes[image], classes[image] = (600, 450), label
            if lesion:
                lesions[image] = lesion
    return sizes, classes, lesions


def manifest(pictures: Pictures, evaluated: list[str] | None = None, **changes: Any) -> pd.DataFrame:
    options = {"leakage": "exclude", "validation": 0.1, "test": 0.1, "seed": 1, **changes}
    return training_manifest(*pictures, evaluated or [], **options)


def splits(table: pd.DataFrame) -> dict[str, str]:
    return dict(zip(table["image"], table["split"], strict=True))


def test_a_row_per_picture_with_what_is_known() -> None:
    sizes = {"b": (600, 450), "a_downsampled": (1024, 768)}
    table = manifest((sizes, {"b": "MEL"}, {"b": "L1"}), ["a"])
    assert list(table.columns) == ["image", "class", "split", "lesion_id", "width", "height", "reason"]
    assert table.iloc[0].tolist() == ["b", "MEL", "train", "L1", 600, 450, ""]
    assert table.iloc[1].tolist()[:6] == ["a_downsampled", "", "excluded", "", 1024, 768]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), validation=st.sampled_from([0.05, 0.1, 0.3]), test=st.sampled_from([0.1, 0.5]))
def test_splits_keep_lesions_whole_and_shares(seed: int, validation: float, test: float) -> None:
    pictures = drawn(seed)
    table = manifest(pictures, validation=validation, test=test, seed=seed)
    assert set(table["split"]) == {"train", "validation", "test"}
    of_lesions = table[table["lesion_id"] != ""].groupby("lesion_id")["split"].nunique()
    assert len(of_lesions) > 10
    assert (of_lesions == 1).all()
    for _, of_class in table.groupby("class"):
        counts = Counter(of_class["split"])
        largest = 5  # pictures of a lesion: half of it too many or too few at the most
        assert abs(counts["test"] - test * len(of_class)) <= largest / 2 + 0.5
        assert abs(counts["validation"] - validation * len(of_class)) <= largest / 2 + 0.5


def test_shares_are_exact_where_nothing_holds_pictures_together() -> None:
    images = [f"ISIC_{number}" for number in range(230)]
    classes = {image: "NV" if number < 200 else "MEL" for number, image in enumerate(images)}
    table = manifest((dict.fromkeys(images, (1, 1)), classes, {}), test=0.2)
    counts = Counter(zip(table["class"], table["split"], strict=True))
    assert (counts["NV", "test"], counts["NV", "validation"]) == (40, 20)
    assert (counts["MEL", "test"], counts["MEL", "validation"]) == (6, 3)


def test_a_lesion_of_two_classes_stays_in_one_split() -> None:
    sizes, classes, lesions = drawn(3)
    for image in list(lesions)[::3]:
        classes[image] = "BCC"
    table = manifest((sizes, classes, lesions))
    mixed = table[table["lesion_id"] != ""].groupby("lesion_id").agg({"class": "nunique", "split": "nunique"})
    assert (mixed["class"] > 1).sum() > 10
    assert (mixed["split"] == 1).all()


def test_copies_by_content_and_their_lesions_train_nothing_where_the_setting_says_so() -> None:
    images = ["evaluated", "same_lesion", "copy", "copy_lesion", "copy_alone", "other"]
    lesions = {"evaluated": "L1", "same_lesion": "L1", "copy": "L2", "copy_lesion": "L2"}
    pictures = (dict.fromkeys(images, (1, 1)), dict.fromkeys(images, "NV"), lesions)
    left_out = {
        leakage: set(table.loc[table["split"] == "excluded", "image"])
        for leakage in ("allow", "exclude", "exclude_content")
        for table in [manifest(pictures, ["evaluated"], leakage=leakage, copies=["evaluated", "copy", "copy_alone"])]
    }
    assert left_out["allow"] == set()
    assert left_out["exclude"] == {"evaluated", "same_lesion"}
    assert left_out["exclude_content"] == {"evaluated", "same_lesion", "copy", "copy_lesion", "copy_alone"}


def test_two_names_of_one_photograph_stay_in_one_split() -> None:
    images = [f"ISIC_{number}" for number in range(200)]
    both = [name for image in images for name in (image, f"{image}_downsampled")]
    found = splits(manifest((dict.fromkeys(both, (1, 1)), dict.fromkeys(both, "NV"), {})))
    assert all(found[image] == found[f"{image}_downsampled"] for image in images)


@given(seed=st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_the_order_of_rows_does_not_matter(seed: int) -> None:
    sizes, classes, lesions = drawn(seed, 150)
    chance = random.Random(seed)
    for image in list(lesions)[::4]:
        classes[image] = chance.choice(["MEL", "NV", "DF"])  # so that lesions contradict themselves

    def shuffled(table: Mapping[str, Any]) -> dict[str, Any]:
        return dict(chance.sample(sorted(table.items()), len(table)))

    evaluated = list(sizes)[:10]
    first = manifest((sizes, classes, lesions), evaluated)
    other = manifest((shuffled(sizes), shuffled(classes), shuffled(lesions)), evaluated[::-1])
    pd.testing.assert_frame_equal(other.sort_values("image", ignore_index=True), first)


def test_a_picture_that_joins_moves_few() -> None:
    sizes, classes, lesions = drawn(7, 1500)
    before = splits(manifest((sizes, classes, lesions)))
    joined = Counter()
    for number in range(60):
        image = f"ISIC_9{number:06d}"
        after = splits(manifest(({**sizes, image: (1, 1)}, {**classes, image: "NV"}, lesions)))
        joined[after.pop(image)] += 1
        moved = [name for name in before if after[name] != before[name]]
        assert all(classes[name] == "NV" for name in moved)
        assert len(moved) <= 20  # a few lesions at the ends of the splits, of 1,000 pictures
    assert set(joined) == {"train", "validation", "test"}


def test_another_seed_is_another_split() -> None:
    pictures = drawn(1)
    assert splits(manifest(pictures, seed=1)) == splits(manifest(pictures, seed=1))
    assert splits(manifest(pictures, seed=1)) != splits(manifest(pictures, seed=2))


def test_leakage_by_name_and_by_lesion() -> None:
    sizes = dict.fromkeys(["a", "b_downsampled", "c", "d", "e", "f"], (1, 1))
    classes = dict.fromkeys(["a", "b_downsampled", "c", "d", "e", "labelled_only"], "NV")
    lesions = {"a": "L1", "c": "L1", "d": "L2", "labelled_only": "L2"}
    pictures = (sizes, classes, lesions)
    evaluated = ["a_downsampled", "b", "labelled_only"]

    table = manifest(pictures, evaluated)
    reasons = dict(zip(table["image"], table["reason"], strict=True))
    assert reasons["a"] == reasons["b_downsampled"] == "is an evaluation picture"
    assert reasons["c"] == "shows the lesion of an evaluation picture"
    assert reasons["d"] == "shows the lesion of an evaluation picture"  # of one that is not in the archive itself
    assert reasons["e"] == ""
    assert reasons["f"] == "has none of the classes in the labels"
    assert {image for image, split in splits(table).items() if split == "excluded"} == {*sizes} - {"e"}

    allowed = manifest(pictures, evaluated, leakage="allow")
    assert {image for image, split in splits(allowed).items() if split == "excluded"} == {"f"}


def test_a_trial_takes_a_fixed_sample() -> None:
    pictures = drawn(5)
    evaluated = list(pictures[0])[:50]
    used = {}
    for limit in (20, 60, 10_000):
        table = manifest(pictures, evaluated, limit=limit)
        used[limit] = set(table.loc[table["split"] != "excluded", "image"])
        over = table["reason"] == "is over the trial's limit"
        assert len(used[limit]) == min(limit, len(used[limit]) + over.sum())
    assert len(used[20]) == 20 and len(used[60]) == 60
    assert used[20] < used[60] < used[10_000]
    assert not used[10_000] & set(evaluated)


def test_training_account_counts_everything() -> None:
    sizes, classes, lesions = drawn(2, 100)
    classes["ISIC_elsewhere"] = "MEL"
    table = manifest((sizes, classes, lesions), list(sizes)[:7])
    known = sorted(set(table.loc[table["split"] == "train", "class"]))
    lines = training_account(table, classes, "exclude", [*known, "elsewhere"])
    assert [line for line in lines if line.startswith("WARNING")] == [
        "WARNING: no picture trains elsewhere: nothing that is trained here learns it, nor can predict it rightly"
    ]
    assert lines[0] == f"{len(sizes)} pictures in the training archive; leakage: exclude"
    for split in ("train", "validation", "test"):
        (line,) = [line for line in lines if line.startswith(f"{split}: ")]
        assert line.startswith(f"{split}: {(table['split'] == split).sum()} (NV ")
    assert "  7 because the picture is an evaluation picture" in lines
    assert "1 labelled pictures are not in the archive" in lines


def test_training_account_names_every_diagnosis_that_is_no_class() -> None:
    sizes = dict.fromkeys(["a", "b.1", "c", "d", "e_downsampled"], (1, 1))
    labels = {"A.jpg": "NV", "B.1": "Scar", "c": "Scar", "e": "lentigo, NOS"}
    table = manifest((sizes, {image: label for image, label in labels.items() if label == "NV"}, {}))
    lines = training_account(table, labels, "exclude", ["NV"])
    assert lines[-3:] == [
        "  2 have the diagnosis `Scar`, which is none of the classes, as b.1",
        "  1 have no diagnosis in any row, as d",
        "  1 have the diagnosis `lentigo, NOS`, which is none of the classes, as e_downsampled",
    ]
    assert "  4 because the picture has none of the classes in the labels" in lines


def test_names_are_the_same_whatever_their_case_and_suffix() -> None:
    sizes = dict.fromkeys(["ISIC_1", "isic_2_downsampled", "Stra\u00dfe", "u\u0308ber", "x", "y", "z"], (1, 1))
    names = ["isic_1.JPG", "ISIC_2.png", "stra\u00dfe_downsampled", "\u00dcBER.tif", "X", "Y.jpeg"]
    lesions = {"x.jpg": "L1", "Y_downsampled": "L1", "ISIC_1_DOWNSAMPLED": "L2", "elsewhere": "L2"}
    table = manifest((sizes, dict.fromkeys(names, "NV"), lesions), ["ISIC_2.jpg", "X.PNG"])
    assert table["image"].tolist() == list(sizes)
    assert table["class"].tolist() == ["NV"] * 6 + [""]
    assert table["lesion_id"].tolist() == ["L2", "", "", "", "L1", "L1", ""]
    reasons = dict(zip(table["image"], table["reason"], strict=True))
    assert reasons["isic_2_downsampled"] == reasons["x"] == "is an evaluation picture"
    assert reasons["y"] == "shows the lesion of an evaluation picture"
    assert reasons["ISIC_1"] == reasons["u\u0308ber"] == ""


def test_two_spellings_of_a_name_stay_in_one_split() -> None:
    names = [name for number in range(100) for name in (f"ISIC_{number}", f"isic_{number}_downsampled")]
    found = splits(manifest((dict.fromkeys(names, (1, 1)), dict.fromkeys(names, "NV"), {}), test=0.5))
    assert len(set(found.values())) == 3
    assert all(found[f"ISIC_{number}"] == found[f"isic_{number}_downsampled"] for number in range(100))


def test_splits_are_those_of_names_as_they_are_written() -> None:
    """What is hashed must stay: or else every study that exists would be split anew."""
    images = [f"ISIC_{number:07d}{'_downsampled' if number % 3 == 0 else ''}" for number in range(40)]
    table = manifest((dict.fromkeys(images, (1, 1)), dict.fromkeys(images, "NV"), {}), test=0.25)
    order = sorted(images, key=lambda name: hashlib.sha256(f"1/{name.removesuffix('_downsampled')}".encode()).digest())
    assert set(table.loc[table["split"] == "test", "image"]) == set(order[:10])


def test_any_name_comes_back_from_a_manifest(tmp_path: Path) -> None:
    images = ["NA", "001", "nan", "null", 'a "b", c', "1e5", "True", " blank"]
    lesions = {"NA": "001", "001": 'L "1", a', "1e5": "NAN1"}
    table = manifest((dict.fromkeys(images, (1, 1)), dict.fromkeys(images, "NV"), lesions))
    write_training(tmp_path / "training.csv", table)
    read = read_training(tmp_path / "training.csv")
    pd.testing.assert_frame_equal(read, table)
    assert read["image"].tolist() == images


# The real labels


@pytest.mark.parametrize("leakage", ["exclude", "allow"])
def test_real_labels_are_split_as_the_paper_s_study_says(real_data: Path, leakage: str) -> None:
    labels = real_data / "labels"
    classes = read_training_labels(labels / "ISIC_2019_Training_GroundTruth.csv", CLASSES)
    lesions = read_lesions(labels / "ISIC_2019_Training_Metadata.csv")
    evaluated = read_diagnoses([labels / "isic2018_task2_diagnosis.csv"], CLASSES).by_image
    text = (REPOSITORY / "studies" / "nunnari2021.yaml").read_text(encoding="utf-8")
    embedded = yaml.safe_load((REPOSITORY / "config.yaml").read_text(encoding="utf-8"))
    table = training_manifest(
        dict.fromkeys(classes, (600, 450)),
        classes,
        lesions,
        evaluated,
        leakage=leakage,
        seed=embedded["seed"],
        **yaml.safe_load(text)["split"],
    )
    reasons = Counter(table["reason"])
    used = table[table["split"] != "excluded"]
    if leakage == "exclude":
        assert reasons["is an evaluation picture"] == 2593
        assert reasons["shows the lesion of an evaluation picture"] == 3
        assert not set(map(plain_name, used["image"])) & set(evaluated)
    else:
        assert reasons == {"": 25_331}
    assert f"{(used['split'] == 'train').sum():,}" in text  # the study's comment tells how many are left to train on
    shares = used.groupby("class")["split"].value_counts(normalize=True).unstack()
    assert len(shares) == 8
    np.testing.assert_allclose(shares[["test", "validation"]], 0.1, atol=0.005)
    assert (used[used["lesion_id"] != ""].groupby("lesion_id")["split"].nunique() == 1).all()
