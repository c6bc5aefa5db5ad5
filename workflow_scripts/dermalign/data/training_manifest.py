"""The training manifest: which pictures train, validate and test, and which are left out, each with its reason."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from ..terms import EXCLUDED
from .diagnoses import unmapped_lines
from .manifests import SET_ASIDE, in_short, is_set_aside, set_aside_lines
from .names import plain_name

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
    set_aside: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Return a training manifest, a row per picture of the training archive; its columns are described in `manifests`.

    sizes: {image: (width, height)} in pixels, in the order of the rows, by image name as in the archive; classes:
    {image: class}; lesions: {image: lesion_id}; evaluation_images; all by names that are compared by
    `names.plain_name`; what they lack is unknown. validation, test: fractions of each class. A lesion's pictures stay
    in one split. The order in which lesions are dealt out is a hash of seed and name, so a picture that joins moves few
    others. leakage `exclude` keeps evaluation pictures, and other pictures of their lesions, out of all splits;
    `exclude_content` also the `copies`, pictures that look like one of them, and other pictures of the copies' lesions;
    `allow` nothing. limit: at most so many pictures in the splits, a sample that depends on seed and names alone.
    set_aside: {image: what is wrong} of pictures, without sizes, that are only listed.
    """
    class_of, lesion_of = _by_picture(sizes, classes), _by_picture(sizes, lesions)
    evaluated = {plain_name(image) for image in evaluation_images}
    evaluated_lesions = {lesion for image, lesion in lesions.items() if plain_name(image) in evaluated}
    copied = set(copies) if leakage == "exclude_content" else set()
    copied_lesions = {lesion_of[image] for image in copied if image in lesion_of}
    reasons: dict[str, str] = {}
    for image in sizes:
        if image not in class_of:
            reasons[image] = HAS_NO_CLASS
        elif leakage != "allow" and plain_name(image) in evaluated:
            reasons[image] = IS_EVALUATED
        elif leakage != "allow" and lesion_of.get(image) in evaluated_lesions:
            reasons[image] = SHARES_LESION
        elif image in copied or lesion_of.get(image) in copied_lesions:
            reasons[image] = LOOKS_EVALUATED
    used = [image for image in sizes if image not in reasons]
    if limit is not None:
        reasons.update(dict.fromkeys(sorted(used, key=lambda image: _order(seed, image))[limit:], IS_OVER_LIMIT))
        used = [image for image in used if image not in reasons]
    splits = _split(used, class_of, lesion_of, validation=validation, test=test, seed=seed)
    table = pd.DataFrame(
        {
            "image": image,
            "class": class_of.get(image, ""),
            "split": splits.get(image, EXCLUDED),
            "lesion_id": lesion_of.get(image, ""),
            "width": width,
            "height": height,
            "reason": reasons.get(image, ""),
        }
        for image, (width, height) in sizes.items()
    )
    if set_aside:
        table = pd.concat([table, _of_set_aside(set_aside, classes, lesions)]).sort_values("image", ignore_index=True)
    return table


def _of_set_aside(set_aside: Mapping[str, str], classes: Mapping[str, str], lesions: Mapping[str, str]) -> pd.DataFrame:
    """Return the rows of pictures that were set aside, whose sizes nobody knows: 0."""
    class_of, lesion_of = _by_picture(set_aside, classes), _by_picture(set_aside, lesions)
    return pd.DataFrame(
        {
            "image": image,
            "class": class_of.get(image, ""),
            "split": EXCLUDED,
            "lesion_id": lesion_of.get(image, ""),
            "width": 0,
            "height": 0,
            "reason": f"{SET_ASIDE}: {fault}",
        }
        for image, fault in set_aside.items()
    )


def _by_picture(images: Iterable[str], known: Mapping[str, str]) -> dict[str, str]:
    """Return what is known of the images, by their names as in the archive; of two words on a photograph the first."""
    by_name: dict[str, str] = {}
    for image, word in known.items():
        if word:
            by_name.setdefault(plain_name(image), word)
    return {image: by_name[name] for image in images if (name := plain_name(image)) in by_name}


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
    spelled: dict[str, str] = {}
    for image in sorted(images):
        # What is hashed is a name as it is written: else every split that exists would be dealt out anew.
        lesion = lesions.get(image) or spelled.setdefault(plain_name(image), image.removesuffix("_downsampled"))
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


def training_account(table: pd.DataFrame, labels: Mapping[str, str], leakage: str, classes: Sequence[str]) -> list[str]:
    """Return plain lines: how many pictures each split has, what was left out and why, which diagnoses are no class.

    table: of `training_manifest`. labels: {image: diagnosis}, those that are none of the classes, too. leakage: the
    setting. classes: of the study; one that no picture trains is told.
    """
    lines = [f"{len(table)} pictures in the training archive; leakage: {leakage}"]
    for split in ("train", "validation", "test"):
        counts = Counter(table.loc[table["split"] == split, "class"])
        lines.append(f"{split}: {counts.total()} (" + ", ".join(f"{k} {v}" for k, v in counts.most_common()) + ")")
    trained = set(table.loc[table["split"] == "train", "class"])
    lines.extend(
        f"WARNING: no picture trains {name}: nothing that is trained here learns it, nor can predict it rightly"
        for name in classes
        if name not in trained
    )
    excluded = Counter(in_short(table.loc[table["split"] == EXCLUDED, "reason"]))
    lines.append(f"left out: {excluded.total()}")
    lines.extend(f"  {count} because the picture {reason}" for reason, count in excluded.most_common())
    by_name = {plain_name(image): label for image, label in labels.items()}
    lines.extend(set_aside_lines(table))
    without_class = table.loc[(table["class"] == "") & ~is_set_aside(table), "image"].tolist()
    lines.extend(unmapped_lines(without_class, [by_name.get(plain_name(image), "") for image in without_class]))
    without_picture = len(by_name.keys() - set(map(plain_name, table["image"])))
    if without_picture:
        lines.append(f"{without_picture} labelled pictures are not in the archive")
    return lines
