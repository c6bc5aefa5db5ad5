"""The training manifest: which pictures train, validate and test, and which are left out, each with its reason."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from ..terms import EXCLUDED
from .labels import plain_name

IS_EVALUATED = "is an evaluation picture"
SHARES_LESION = "shows the lesion of an evaluation picture"
HAS_NO_CLASS = "has none of the classes in the labels"
LOOKS_EVALUATED = "looks like an evaluation picture, or shows the lesion of one that does"
IS_OVER_LIMIT = "is over the trial's limit"


def training_manifest(
    sizes: Mapping[str, tuple[int, int]],
    classes: Mapping[str, str],
    lesions: Mapping[str, str],
    evaluation_images: Iterable[str],
    *,
    leakage: str,
    validation: float,
    test: float,
    seed: int,
    limit: int | None = None,
    copies: Iterable[str] = (),
) -> pd.DataFrame:
    """Return a training manifest, a row per picture of the training archive; its columns are described in `manifests`.

    sizes: {image: (width, height)} in pixels, in the order of the rows; classes: {image: class}; lesions: {image:
    lesion_id}; all by image name as in the archive, what they lack is unknown. evaluation_images: names with or without
    `_downsampled`. validation, test: fractions of each class. A lesion's pictures stay in one split. The order in which
    lesions are dealt out is a hash of seed and name, so a picture that joins moves few others. leakage `exclude` keeps
    evaluation pictures, and other pictures of their lesions, out of all splits; `exclude_content` also the `copies`,
    pictures that look like one of them, and other pictures of the copies' lesions; `allow` nothing.
    limit: at most so many pictures in the splits, a sample that depends on seed and names alone.
    """
    evaluated = {plain_name(image) for image in evaluation_images}
    evaluated_lesions = {lesion for image, lesion in lesions.items() if plain_name(image) in evaluated}
    copied = set(copies) if leakage == "exclude_content" else set()
    copied_lesions = {lesions[image] for image in copied if lesions.get(image)}
    reasons: dict[str, str] = {}
    for image in sizes:
        if image not in classes:
            reasons[image] = HAS_NO_CLASS
        elif leakage != "allow" and plain_name(image) in evaluated:
            reasons[image] = IS_EVALUATED
        elif leakage != "allow" and lesions.get(image) in evaluated_lesions:
            reasons[image] = SHARES_LESION
        elif image in copied or lesions.get(image) in copied_lesions:
            reasons[image] = LOOKS_EVALUATED
    used = [image for image in sizes if image not in reasons]
    if limit is not None:
        reasons.update(dict.fromkeys(sorted(used, key=lambda image: _order(seed, image))[limit:], IS_OVER_LIMIT))
        used = [image for image in used if image not in reasons]
    splits = _split(used, classes, lesions, validation=validation, test=test, seed=seed)
    return pd.DataFrame(
        {
            "image": image,
            "class": classes.get(image, ""),
            "split": splits.get(image, EXCLUDED),
            "lesion_id": lesions.get(image, ""),
            "width": width,
            "height": height,
            "reason": reasons.get(image, ""),
        }
        for image, (width, height) in sizes.items()
    )


def _order(seed: int, name: str) -> str:
    return hashlib.sha256(f"{seed}/{name}".encode()).hexdigest()


def _split(
    images: Sequence[str],
    classes: Mapping[str, str],
    lesions: Mapping[str, str],
    *,
    validation: float,
    test: float,
    seed: int,
) -> dict[str, str]:
    by_class: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    lesion_class: dict[str, str] = {}
    for image in sorted(images):
        lesion = lesions.get(image) or plain_name(image)
        # A lesion that two of its pictures put into different classes still stays in one split.
        by_class[lesion_class.setdefault(lesion, classes[image])][lesion].append(image)
    splits: dict[str, str] = {}
    for groups in by_class.values():
        order = sorted(groups, key=lambda lesion: _order(seed, lesion))
        total = sum(map(len, groups.values()))
        quota = {"test": test * total, "validation": validation * total}
        for lesion in order:
            # The first split that the lesion brings nearer to its share takes it; what is left over trains. So one
            # lesion more shifts those at the splits' ends alone, where taking turns would swap all that follow.
            size = len(groups[lesion])
            split = next((name for name, lacking in quota.items() if lacking >= size / 2), "train")
            if split in quota:
                quota[split] -= size
            splits.update(dict.fromkeys(groups[lesion], split))
    return splits


def training_account(table: pd.DataFrame, classes: Mapping[str, str], leakage: str) -> list[str]:
    """Return plain lines: how many pictures each split has, what was left out and why.

    table: of `training_manifest`. classes, leakage: what it was made from.
    """
    lines = [f"{len(table)} pictures in the training archive; leakage: {leakage}"]
    for split in ("train", "validation", "test"):
        counts = Counter(table.loc[table["split"] == split, "class"])
        lines.append(f"{split}: {counts.total()} (" + ", ".join(f"{k} {v}" for k, v in counts.most_common()) + ")")
    excluded = Counter(table.loc[table["split"] == EXCLUDED, "reason"])
    lines.append(f"left out: {excluded.total()}")
    lines.extend(f"  {count} because the picture {reason}" for reason, count in excluded.most_common())
    without_picture = len(set(classes) - set(table["image"]))
    if without_picture:
        lines.append(f"{without_picture} labelled pictures are not in the archive")
    return lines
