"""Folds: what belongs together stays together, nothing that is held out is seen, and each fold has its share."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from dermalign.errors import InputError
from dermalign.segmentation.folds import (
    HELD_OUT,
    TRAIN,
    VALIDATION,
    fold_leakage,
    fold_table,
    part_of_fold,
    read_folds,
    write_folds,
)
from hypothesis import given
from hypothesis import strategies as st

FEATURES = ["globules", "streaks", "network"]
SUFFIXES = ["", "_downsampled"]


class Case(NamedTuple):
    """Pictures with their features, lesions, and hashes, those as whole numbers of 256 bits."""

    shown: pd.DataFrame
    lesions: dict[str, str]
    bits: dict[str, int]
    distance: int

    @property
    def hashes(self) -> tuple[list[str], np.ndarray]:
        words = [[bits >> shift & (2**64 - 1) for shift in (192, 128, 64, 0)] for bits in self.bits.values()]
        return list(self.bits), np.array(words, np.uint64).reshape(-1, 4)

    def dealt(self, folds: int = 2, validation: float = 0.3, seed: int = 1) -> pd.DataFrame:
        return fold_table(
            self.shown, self.lesions, self.hashes, self.distance, folds=folds, validation=validation, seed=seed
        )


@st.composite
def cases(draw: st.DrawFn, least: int = 1, most: int = 14) -> Case:
    """Few names, lesions and bits, so that pictures belong together in every way, and by way of others."""
    photographs = draw(st.lists(st.tuples(st.integers(0, 9), st.sampled_from(SUFFIXES)), min_size=least, max_size=most))
    images = list(dict.fromkeys(f"p{number}{suffix}" for number, suffix in photographs))
    lesion_of = {f"p{number}": draw(st.sampled_from(["", "", "L1", "L2", "L3"])) for number in range(10)}
    lesions = {f"{name}{draw(st.sampled_from(SUFFIXES))}": lesion for name, lesion in lesion_of.items()}
    shift = draw(st.integers(0, 246))  # of bits in one 64-bit word, or across two
    bits = {image: draw(st.integers(0, 2**10 - 1)) << shift for image in images}
    bits["another"] = 0  # of a picture without masks
    shown = {"image": images} | {
        name: draw(st.lists(st.integers(0, 3), min_size=len(images), max_size=len(images))) for name in FEATURES
    }
    return Case(pd.DataFrame(shown), lesions, bits, draw(st.integers(0, 2)))


def name_of(image: str) -> str:
    return image.removesuffix("_downsampled")


def relations(case: Case, images: Sequence[str]) -> dict[str, set[tuple[str, str]]]:
    """Return, by way, the pairs of different pictures that are the same, or of the same lesion; in both orders."""
    lesion_of = {name_of(image): lesion for image, lesion in case.lesions.items()}
    found: dict[str, set[tuple[str, str]]] = {"name": set(), "lesion": set(), "content": set()}
    for one in images:
        for other in images:
            if one == other:
                continue
            if name_of(one) == name_of(other):
                found["name"].add((one, other))
            elif lesion_of.get(name_of(one)) and lesion_of.get(name_of(one)) == lesion_of.get(name_of(other)):
                found["lesion"].add((one, other))
            if (case.bits[one] ^ case.bits[other]).bit_count() <= case.distance:
                found["content"].add((one, other))
    return found


def groups_by(pairs: set[tuple[str, str]], images: Sequence[str]) -> list[set[str]]:
    """Return the pictures that are together by way of others, merged until nothing changes."""
    groups = [{image} for image in images]
    for one, other in sorted(pairs):
        joined = [group for group in groups if one in group or other in group]
        groups = [group for group in groups if group not in joined] + [set().union(*joined)]
    return groups


def groups_of(case: Case) -> list[set[str]]:
    images = case.shown["image"].tolist()
    return groups_by(set().union(*relations(case, images).values()), images)


@given(cases(), st.integers(2, 5), st.sampled_from([0.01, 0.1, 0.5]), st.integers(0, 3))
def test_what_belongs_together_is_in_one_fold_and_in_one_part(
    case: Case, folds: int, validation: float, seed: int
) -> None:
    groups = groups_of(case)
    if len(groups) < folds:
        with pytest.raises(InputError, match=rf"segmentation\.folds is {folds}, .* only {len(groups)} are neither"):
            case.dealt(folds, validation, seed)
        return
    table = case.dealt(folds, validation, seed)
    assert table["image"].tolist() == sorted(case.shown["image"])
    assert list(table) == ["image", "lesion_id", "copies", "fold", *(f"fold_{fold}" for fold in range(1, folds + 1))]
    assert set(table["fold"]) <= set(range(1, folds + 1))
    by_image = table.set_index("image")
    for group in groups:
        for column in table.columns[3:]:
            assert by_image.loc[sorted(group), column].nunique() == 1, (group, column)
    for fold in range(1, folds + 1):
        column = table[f"fold_{fold}"]
        assert set(column) <= {TRAIN, VALIDATION, HELD_OUT}
        # Held out of its own fold's network, and of no other's.
        pd.testing.assert_series_equal(column == HELD_OUT, table["fold"] == fold, check_names=False)


@given(cases(least=2))
def test_copies_are_those_of_its_name_and_looks_by_way_of_others(case: Case) -> None:
    groups = groups_of(case)
    if len(groups) < 2:
        return
    table = case.dealt()
    images = case.shown["image"].tolist()
    found = relations(case, images)
    copies = {image: len(group) - 1 for group in groups_by(found["name"] | found["content"], images) for image in group}
    lesion_of = {name_of(image): lesion for image, lesion in case.lesions.items()}
    assert dict(zip(table["image"], table["copies"], strict=True)) == copies
    assert table["lesion_id"].tolist() == [lesion_of[name_of(image)] for image in table["image"]]


@given(cases(least=2), st.randoms(use_true_random=False), st.integers(0, 3))
def test_the_table_depends_on_the_seed_and_not_on_the_order_of_rows(case: Case, random: Any, seed: int) -> None:
    if len(groups_of(case)) < 2:
        return
    first = case.dealt(seed=seed)
    pd.testing.assert_frame_equal(case.dealt(seed=seed), first)

    def turned(items: Mapping[str, Any]) -> dict[str, Any]:
        return dict(random.sample(list(items.items()), len(items)))

    rows = random.sample(range(len(case.shown)), len(case.shown))
    other = Case(case.shown.iloc[rows], turned(case.lesions), turned(case.bits), case.distance)
    pd.testing.assert_frame_equal(other.dealt(seed=seed), first)


def study(count: int = 600, seed: int = 0) -> Case:
    """Pictures of rare and of common features, many alone, some of a lesion of up to three."""
    random = np.random.default_rng(seed)
    images = [f"ISIC_{number:07d}" for number in range(count)]
    shares = dict(zip(FEATURES, (0.04, 0.2, 0.5), strict=True))
    shown = pd.DataFrame({"image": images} | {name: random.random(count) < share for name, share in shares.items()})
    lesions = {image: f"L{number // 3}" for number, image in enumerate(images) if random.random() < 0.3}
    bits = {image: int.from_bytes(random.bytes(32), "big") for image in images}
    return Case(shown.astype(dict.fromkeys(FEATURES, int)), lesions, bits, 10)


def test_another_seed_deals_otherwise_and_the_order_of_features_means_nothing() -> None:
    case = study()
    assert case.shown[FEATURES].sum().nunique() == len(FEATURES)  # the rarest is one
    first = case.dealt(5)
    assert not case.dealt(5, seed=2)["fold"].equals(first["fold"])
    assert not case.dealt(5, seed=2)["fold_1"].equals(first["fold_1"])
    pd.testing.assert_frame_equal(case._replace(shown=case.shown[["image", *FEATURES[::-1]]]).dealt(5), first)


@pytest.mark.parametrize("folds", [2, 5, 7])
@pytest.mark.parametrize("seed", range(3))
def test_each_fold_has_its_share_of_each_feature(folds: int, seed: int) -> None:
    case = study(seed=seed)
    table = case.dealt(folds, 0.1, seed)
    shown = case.shown.assign(pictures=1).set_index("image").loc[table["image"]].reset_index(drop=True)
    largest = 3  # pictures of a lesion, which no dealing can part
    for name in (*FEATURES, "pictures"):
        per_fold = shown[name].groupby(table["fold"]).sum()
        assert len(per_fold) == folds
        assert (per_fold - shown[name].sum() / folds).abs().max() <= largest, name
        for fold in range(1, folds + 1):
            parts = shown[name].groupby(table[f"fold_{fold}"]).sum()
            rest = parts[TRAIN] + parts[VALIDATION]
            assert abs(parts[VALIDATION] - 0.1 * rest) <= largest, (name, fold)


@given(cases(least=6, most=20), st.integers(2, 4), st.integers(0, 3))
def test_the_rarest_feature_differs_between_folds_by_one_group_at_most(case: Case, folds: int, seed: int) -> None:
    """Given to whichever fold has least of it, one after the other: so much is proven for any pictures."""
    groups = groups_of(case)
    shows = case.shown.set_index("image")[FEATURES] > 0
    totals = shows.sum()
    if len(groups) < folds or not totals.any():
        return
    rarest = totals[totals > 0].sort_index().idxmin()  # of several that are as rare, by name
    largest = max(int(shows.loc[sorted(group), rarest].sum()) for group in groups)
    table = case.dealt(folds, seed=seed)
    per_fold = Counter(dict.fromkeys(range(1, folds + 1), 0))
    per_fold.update(table["fold"][shows.loc[table["image"], rarest].to_numpy()].tolist())
    assert max(per_fold.values()) - min(per_fold.values()) <= largest


# The account


def said(lines: Sequence[str]) -> dict[str, int]:
    """Return the numbers of the account's first line."""
    pattern = (
        r"folds of the segmentation networks: of (\d+) pictures, others are the same or of the same lesion "
        r"by name (\d+), by lesion (\d+), by content (\d+); mapped by a network that saw one of these: (\d+)"
    )
    match = re.fullmatch(pattern, lines[0])
    assert match
    return dict(zip(("pictures", "name", "lesion", "content", "seen"), map(int, match.groups()), strict=True))


@given(cases(least=2), st.integers(0, 2**32))
def test_a_planted_leak_is_found_and_there_is_none_else(case: Case, seed: int) -> None:
    if len(groups_of(case)) < 2:
        return
    table = case.dealt()
    images = table["image"].tolist()
    pairs = relations(case, images)
    random = np.random.default_rng(seed)
    planted = table.assign(fold=random.integers(1, 3, len(table)))
    for tampered in (table, planted):
        account, lines = fold_leakage(tampered, case.lesions, case.hashes, case.distance)
        fold_of = dict(zip(tampered["image"], tampered["fold"], strict=True))
        seen = {one for of in pairs.values() for one, other in of if fold_of[one] != fold_of[other]}
        counts = {way: len({one for one, _ in of}) for way, of in pairs.items()}
        assert said(lines) == {"pictures": len(images), **counts, "seen": len(seen)}
        assert len(lines) == (2 if seen else 1)
        if seen:
            assert re.fullmatch(rf"WARNING: {len(seen)} pictures are mapped by .* as \S+", lines[1])
            assert lines[1].split()[-1] in seen
        for way, of in pairs.items():
            rows = account[account["by"] == way]
            assert set(zip(rows["evaluation_image"], rows["training_image"], strict=True)) == of
            assert len(rows) == len(of)
        assert account["fold"].tolist() == [fold_of[image] for image in account["evaluation_image"]]
        assert account["training_fold"].tolist() == [fold_of[image] for image in account["training_image"]]
    assert said(fold_leakage(table, case.lesions, case.hashes, case.distance)[1])["seen"] == 0


# Tables as files, and in part


def test_a_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    shown = pd.DataFrame({"image": ["007", "NA", "null", "1e5"], "globules": [0, 1, 1, 0]})
    bits = {image: (2**60 - 1) << 60 * number for number, image in enumerate(shown["image"])}
    table = Case(shown, {"007": "NA", "NA": "01"}, bits, 0).dealt()
    assert table["lesion_id"].tolist() == ["NA", "", "01", ""]
    write_folds(tmp_path / "folds.csv", table)
    pd.testing.assert_frame_equal(read_folds(tmp_path / "folds.csv"), table)
    with pytest.raises(FileNotFoundError):
        read_folds(tmp_path / "none.csv")


def test_the_part_of_a_fold_is_what_its_network_may_see() -> None:
    table = study(60).dealt(3)
    for fold in (1, 2, 3):
        part = part_of_fold(table, fold)
        assert list(part) == ["image", "split"] and list(part.index) == list(range(len(part)))
        assert part["image"].tolist() == table["image"][table["fold"] != fold].tolist()
        assert part["split"].tolist() == table[f"fold_{fold}"][table["fold"] != fold].tolist()
        assert set(part["split"]) == {TRAIN, VALIDATION}
