"""Folds of the pictures with masks: which of them train the network that maps which others.

Pictures of one lesion, of one name, and that look alike (`perceptual_hash`) stay in one fold, so that no network maps a
picture that it has seen, nor a copy of it. Networks that a study compares have the same folds.

The table, `manifest/folds.csv`, has a row per picture with masks, by name:

- image; lesion_id: empty where unknown; copies: with how many other pictures it stays together for a name or for looks;
- fold: from 1, of the network that maps it;
- a column `fold_{k}` for each fold: `held_out` of pictures that this network maps, else `train` or `validation`.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..data.leakage import ANY, WAYS, Hashed, leakage_account
from ..data.names import plain_name
from ..data.perceptual_hash import alike
from ..errors import InputError
from ..files import write_text

TRAIN, VALIDATION, HELD_OUT = "train", "validation", "held_out"


def fold_table(
    shown: pd.DataFrame,
    lesions: Mapping[str, str],
    hashes: Hashed,
    distance: int,
    *,
    folds: int,
    validation: float,
    seed: int,
) -> pd.DataFrame:
    """Return the table of folds, as above.

    shown: a row per picture, `image` and a number for each feature, above 0 where its mask shows it. lesions: {image:
    lesion_id}, as far as they are known. hashes: as `perceptual_hash.read_hashes`, of all these pictures; distance: in
    how many of their bits two may differ to count as the same photograph. validation: the share of the training
    pictures of each fold that chooses its epoch. Pictures are dealt so that each fold has its share of each feature's,
    the rarest first (Sechidis et al. 2011, "On the stratification of multi-label data"); what is left open is drawn by
    the seed. Raises InputError where fewer groups of pictures stay together than there are folds.
    """
    images = shown["image"].tolist()
    by_name = {plain_name(image): lesion for image, lesion in lesions.items() if lesion}
    lesion_of = [by_name.get(plain_name(image), "") for image in images]
    together, copies = _together(images, lesion_of, hashes, distance)
    groups: dict[int, list[int]] = defaultdict(list)
    for row, group in enumerate(together):
        groups[group].append(row)
    if len(groups) < folds:
        raise InputError(
            f"segmentation.folds is {folds}, and of {len(images)} pictures with masks only {len(groups)} are neither "
            "of one lesion nor alike. Choose fewer folds, or bring more pictures."
        )
    features = sorted(str(name) for name in shown if name != "image")  # in whatever order they are configured
    counts = np.column_stack([np.ones(len(images), np.int64), shown[features].to_numpy() > 0]).astype(np.int64)
    names = {group: min(images[row] for row in rows) for group, rows in groups.items()}
    of_group = {group: counts[rows].sum(axis=0) for group, rows in groups.items()}
    fold_of = _dealt(of_group, [1 / folds] * folds, names, f"{seed}/folds")
    table = pd.DataFrame({"image": images, "lesion_id": lesion_of, "copies": copies})
    table["fold"] = [fold_of[group] + 1 for group in together]
    for fold in range(1, folds + 1):
        rest = {group: of for group, of in of_group.items() if fold_of[group] + 1 != fold}
        role = _dealt(rest, [1 - validation, validation], names, f"{seed}/validation/{fold}")
        words = [TRAIN, VALIDATION]
        table[f"fold_{fold}"] = [words[role[group]] if group in role else HELD_OUT for group in together]
    return table.sort_values("image", ignore_index=True)


def _together(
    images: Sequence[str], lesions: Sequence[str], hashes: Hashed, distance: int
) -> tuple[list[int], list[int]]:
    """Return each picture's group, those that stay together, and with how many others it is one for name or looks."""
    place = {image: row for row, image in enumerate(images)}
    first_of: dict[str, int] = {}
    pairs = [(row, first_of.setdefault(f"lesion {lesion}", row)) for row, lesion in enumerate(lesions) if lesion]
    same = [(row, first_of.setdefault(f"name {plain_name(image)}", row)) for row, image in enumerate(images)]
    same += [
        (place[first], place[second])
        for first, second, _ in alike(hashes, hashes, distance)
        if first in place and second in place
    ]
    copies = [0] * len(images)
    for rows in _components(len(images), same).values():
        for row in rows:
            copies[row] = len(rows) - 1
    group_of = [0] * len(images)
    for group, rows in _components(len(images), [*pairs, *same]).items():
        for row in rows:
            group_of[row] = group
    return group_of, copies


def _components(count: int, pairs: Iterable[tuple[int, int]]) -> dict[int, list[int]]:
    """Return {least member: members} of the parts into which pairs join the numbers below `count`."""
    parent = list(range(count))

    def root(of: int) -> int:
        while parent[of] != of:
            parent[of] = parent[parent[of]]
            of = parent[of]
        return of

    for first, second in pairs:
        low, high = sorted((root(first), root(second)))
        parent[high] = low
    found: dict[int, list[int]] = defaultdict(list)
    for each in range(count):
        found[root(each)].append(each)
    return found


def _dealt(
    groups: Mapping[int, NDArray[np.int64]], shares: Sequence[float], names: Mapping[int, str], drawn: str
) -> dict[int, int]:
    """Return in which part each group is. groups: {group: pictures, and those of each feature, int (1 + features,)}.

    The groups with the rarest feature go first, each to the part that lacks most of it; of those that lack as much to
    the one that lacks most pictures.
    """
    total = np.sum(list(groups.values()), axis=0)
    lacking = np.outer(shares, total.astype(float))
    # Of features, the rarest first; the column of the pictures, which all have, is the last.
    rarity = [*sorted(range(1, len(total)), key=lambda column: (total[column], column)), 0]
    order = {group: hashlib.sha256(f"{drawn}/{name}".encode()).hexdigest() for group, name in names.items()}
    place = {group: next(at for at, column in enumerate(rarity) if of[column]) for group, of in groups.items()}
    dealt: dict[int, int] = {}
    for group in sorted(groups, key=lambda group: (place[group], order[group])):
        column = rarity[place[group]]
        part = max(range(len(shares)), key=lambda part: (lacking[part, column], lacking[part, 0], -part))
        lacking[part] -= groups[group]
        dealt[group] = part
    return dealt


def fold_leakage(
    table: pd.DataFrame, lesions: Mapping[str, str], hashes: Hashed, distance: int
) -> tuple[pd.DataFrame, list[str]]:
    """Return which pictures are others of the study, and the account of it in plain lines.

    A row per picture, other picture and way, as `leakage.leakage_account`, with `fold`, of the picture, before the
    other's, `training_fold`: they are equal where the network that maps the one did not see the other. A line begins
    with WARNING where some are not.
    """
    manifest = table[["image", "lesion_id"]].assign(split=table["fold"].astype(str))
    account = leakage_account(manifest, table["image"].tolist(), lesions, hashes, hashes, distance)
    account = account[account["evaluation_image"] != account["training_image"]].rename(
        columns={"split": "training_fold"}
    )
    fold_of = dict(zip(table["image"], table["fold"], strict=True))
    account.insert(2, "fold", account["evaluation_image"].map(fold_of))
    account["training_fold"] = account["training_fold"].astype(int)
    seen = seen_copies(account)
    by = [f"by {way} {account.loc[account['by'] == way, 'evaluation_image'].nunique()}" for way in WAYS if way != ANY]
    lines = [
        f"folds of the segmentation networks: of {len(table)} pictures, others are the same or of the same lesion "
        f"{', '.join(by)}; mapped by a network that saw one of these: {len(seen)}"
    ]
    if seen:
        lines.append(f"WARNING: {len(seen)} pictures are mapped by a network that saw a copy, as {seen[0]}")
    return account.reset_index(drop=True), lines


def seen_copies(account: pd.DataFrame) -> list[str]:
    """Return the pictures of an account of `fold_leakage` that are mapped by a network that saw one of their others."""
    return list(dict.fromkeys(account.loc[account["fold"] != account["training_fold"], "evaluation_image"]))


def write_folds(path: str | Path, table: pd.DataFrame) -> None:
    """Write a table of folds, or its account, as CSV, whole or not at all."""
    write_text(path, table.to_csv(index=False))


def read_fold_leakage(path: str | Path) -> pd.DataFrame:
    """Read an account of `fold_leakage`: text, empty where unknown, and whole numbers. Raises FileNotFoundError."""
    text = dict.fromkeys(("evaluation_image", "training_image", "lesion_id", "by"), str)
    return pd.read_csv(path, dtype=text, keep_default_na=False)


def read_folds(path: str | Path) -> pd.DataFrame:
    """Read a table of folds: text, empty where unknown, and whole numbers. Raises FileNotFoundError."""
    return pd.read_csv(path, dtype={"image": str, "lesion_id": str}, keep_default_na=False)


def part_of_fold(table: pd.DataFrame, fold: int) -> pd.DataFrame:
    """Return the pictures that a fold's network learns from: `image`, and `split`, `train` or `validation`."""
    column = table[f"fold_{fold}"]
    return pd.DataFrame({"image": table["image"], "split": column})[column != HELD_OUT].reset_index(drop=True)
