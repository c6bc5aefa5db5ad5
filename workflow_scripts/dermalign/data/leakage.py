"""The leakage account: which evaluation pictures the training archive holds, by name, by lesion and by content.

A classifier that was trained on a picture may look at it otherwise than at one that it never saw. Names alone do not
tell: archives hold photographs a second time under another name, recoloured or rescaled.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from ..files import write_text
from ..terms import EXCLUDED
from .names import plain_name
from .perceptual_hash import Hashes, alike, distances

NAME, LESION, CONTENT, ANY = "name", "lesion", "content", "any"
WAYS = (NAME, LESION, CONTENT, ANY)
SPLITS = ("train", "validation", "test", EXCLUDED)
COLUMNS = ["evaluation_image", "training_image", "split", "lesion_id", "by", "distance"]
Hashed = tuple[Sequence[str], Hashes]


def leakage_account(
    training: pd.DataFrame,
    evaluation_images: Sequence[str],
    lesions: Mapping[str, str],
    training_hashes: Hashed,
    evaluation_hashes: Hashed,
    distance: int,
) -> pd.DataFrame:
    """Return a row per evaluation picture, training picture and way in which the one is the other.

    training: manifest. lesions: {image: lesion_id} of all pictures that have one. Hashes: as
    `perceptual_hash.read_hashes`, of all these pictures; raises KeyError for one that they lack. Columns:

    - evaluation_image, training_image: names as in the archives; split: that of the training picture;
    - lesion_id: the training picture's, empty where unknown;
    - by: `name`, the same as `names.plain_name` says; `lesion`, the same lesion_id, another name; `content`, hashes at
      most `distance` bits apart, whatever the names;
    - distance: in how many of 256 bits the hashes differ, also of pictures that were found otherwise.
    """
    split = dict(zip(training["image"], training["split"], strict=True))
    lesion_of = dict(zip(training["image"], training["lesion_id"], strict=True))
    by_name: dict[str, list[str]] = {}
    by_lesion: dict[str, list[str]] = {}
    for image, lesion in lesion_of.items():
        by_name.setdefault(plain_name(image), []).append(image)
        if lesion:
            by_lesion.setdefault(lesion, []).append(image)
    evaluated_lesions = {plain_name(image): lesion for image, lesion in lesions.items()}
    pairs: list[tuple[str, str, str]] = []
    for image in evaluation_images:
        name = plain_name(image)
        pairs += [(image, other, NAME) for other in by_name.get(name, [])]
        same_lesion = by_lesion.get(evaluated_lesions.get(name, ""), [])
        pairs += [(image, other, LESION) for other in same_lesion if plain_name(other) != name]
    wanted = set(evaluation_images)
    pairs += [
        (image, other, CONTENT)
        for image, other, _ in alike(evaluation_hashes, training_hashes, distance)
        if image in wanted and other in split
    ]
    rows_of = [{image: row for row, image in enumerate(images)} for images, _ in (evaluation_hashes, training_hashes)]
    apart = distances(
        evaluation_hashes[1][[rows_of[0][image] for image, _, _ in pairs]],
        training_hashes[1][[rows_of[1][other] for _, other, _ in pairs]],
    )
    table = pd.DataFrame(
        [
            (image, other, split[other], lesion_of[other], by, bits)
            for (image, other, by), bits in zip(pairs, apart.tolist(), strict=True)
        ],
        columns=COLUMNS,
    )
    order = [table["evaluation_image"], table["training_image"], table["by"].map(WAYS.index)]
    return table.iloc[np.lexsort(order[::-1])].reset_index(drop=True) if len(table) else table


def copies_of(
    evaluation_images: Sequence[str], training_hashes: Hashed, evaluation_hashes: Hashed, distance: int
) -> set[str]:
    """Return the training pictures that look like one of the evaluation pictures, as in `leakage_account`.

    Hashes: as `perceptual_hash.read_hashes`. distance: at most so many of 256 bits apart.
    """
    wanted = set(evaluation_images)
    return {other for image, other, _ in alike(evaluation_hashes, training_hashes, distance) if image in wanted}


def leakage_summary(account: pd.DataFrame, evaluation: pd.DataFrame, lesions: Mapping[str, str]) -> pd.DataFrame:
    """Return how many evaluation pictures are in each split, by each way and by any.

    evaluation: manifest. A row per split (`train`, `validation`, `test`, `excluded`) and way; columns: split, by;
    pictures, lesions: evaluation pictures found there and their lesions, a picture of unknown lesion counting as its
    own; analysed_pictures, analysed_lesions: of these, those in the analysis; training_pictures: the pictures of the
    split that they were found as; analysis: all pictures in the analysis, found or not.
    """
    lesion_of = {plain_name(image): lesion for image, lesion in lesions.items()}
    analysed = set(evaluation.loc[evaluation["included"], "image"])
    rows = []
    for split in SPLITS:
        for by in WAYS:
            found = account[(account["split"] == split) & ((account["by"] == by) | (by == ANY))]
            images = set(found["evaluation_image"])
            counts = [len(images), len(_lesions(images, lesion_of))]
            counts += [len(images & analysed), len(_lesions(images & analysed, lesion_of))]
            rows.append([split, by, *counts, found["training_image"].nunique(), len(analysed)])
    counted = ["pictures", "lesions", "analysed_pictures", "analysed_lesions", "training_pictures", "analysis"]
    return pd.DataFrame(rows, columns=["split", "by", *counted])


def _lesions(images: set[str], lesion_of: Mapping[str, str]) -> set[str]:
    # A name and a lesion_id never mean the same, even where they are spelled alike.
    return {f"lesion {lesion}" if (lesion := lesion_of.get(plain_name(image))) else image for image in images}


def leakage_lines(summary: pd.DataFrame, evaluation: pd.DataFrame, leakage: str) -> list[str]:
    """Return the account in plain lines, with a warning where pictures train that the setting meant to keep out.

    summary: of `leakage_summary`. evaluation: manifest. leakage: the setting, `exclude`, `exclude_content` or `allow`.
    """
    analysed = int(evaluation["included"].sum())
    lines = [f"leakage: {leakage}; {len(evaluation)} evaluation pictures, {analysed} in the analysis"]
    counts = _counts(summary)
    for split in SPLITS:
        ways = [f"by {by} {counts[split, by]['pictures']} ({counts[split, by]['lesions']} lesions)" for by in WAYS[:-1]]
        where = "left out of training" if split == EXCLUDED else f"in the split {split}"
        lines.append(f"{where}: {', '.join(ways)}, in any way {counts[split, ANY]['pictures']}")
    remaining = counts["train", CONTENT]
    if leakage == "exclude" and remaining["pictures"]:
        lines.append(
            f"WARNING: {remaining['pictures']} evaluation pictures look like {remaining['training_pictures']} pictures "
            "that train under other names: see manifest/leakage.csv. leakage: exclude_content leaves these out, too."
        )
    return lines


def leakage_sentence(summary: pd.DataFrame) -> str:
    """Return what captions say: how many of the analysed pictures, and lesions, train, by name and by content."""
    counts = _counts(summary)
    parts = [
        f"{counts['train', by]['analysed_pictures']} ({counts['train', by]['analysed_lesions']} lesions) by {by}"
        for by in (NAME, CONTENT)
    ]
    return (
        f"In the training split are, of {summary['analysis'].iloc[0]} pictures of the analysis, {' and '.join(parts)}."
    )


def _counts(summary: pd.DataFrame) -> dict[tuple[str, str], dict[str, int]]:
    return {(row["split"], row["by"]): dict(row) for _, row in summary.iterrows()}


def write_account(path: str | Path, account: pd.DataFrame) -> None:
    """Write an account of `leakage_account` as CSV, whole or not at all."""
    write_text(path, account.to_csv(index=False))


def read_account(path: str | Path) -> pd.DataFrame:
    """Read an account of `leakage_account`; an unknown lesion is empty text. Raises FileNotFoundError."""
    return pd.read_csv(path, dtype=dict.fromkeys(COLUMNS[:-1], str), keep_default_na=False)


def write_summary(path: str | Path, summary: pd.DataFrame) -> None:
    """Write a summary of `leakage_summary` as CSV, whole or not at all."""
    write_text(path, summary.to_csv(index=False))


def read_summary(path: str | Path) -> pd.DataFrame:
    """Read a summary of `leakage_summary`: two columns of text, the others integers. Raises FileNotFoundError."""
    return pd.read_csv(path, dtype={"split": str, "by": str}, keep_default_na=False)
