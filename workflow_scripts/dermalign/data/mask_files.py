"""Masks found in an archive by a pattern of their paths, and an account of what else is in it.

Paths are compared without case, and with accents composed: of two systems, one wrote `.PNG` and the other `.png`.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path, PurePosixPath

from ..errors import InputError
from ..study.mask_pattern import ISIC_MASKS, mask_path
from .archives import Member, archive_key, held_instead, list_members
from .names import folded

# Files that archives have beside masks, by the beginnings of their names: nobody means them as masks.
_NOTICES = ("attribution", "license", "licence", "copying", "readme", "citation", "thumbs.db", "desktop.ini")


def list_masks(
    archive: str | Path,
    images: Iterable[str],
    features: Sequence[str],
    pattern: str = ISIC_MASKS,
    missing: str = "error",
) -> dict[str, dict[str, Member | None]]:
    """Return the masks of the images as {image: {feature: member}}, found by the pattern of their paths.

    pattern: a path with `{image}` and `{feature}`. It is compared with the end of a member's path, as many folders up
    as the pattern has, so that a zip and the folder that it was made from give the same.
    missing: what a mask that is not there means. `error`: a fault. `black`: that it is all black; its member is None.
    `leave_out`: the same for a picture with a mask of another feature; pictures with none are left out of the result.
    Raises as `list_members`, and InputError for a feature that the archive does not know at all (with the ones
    that it knows), for a mask that is there twice, and, with `error`, for a picture that lacks one of its masks.
    """
    by_path, twice = _masks_by_path(*archive_key(archive), pattern)
    for feature in features:
        if not _is_masked(*archive_key(archive), pattern, feature):
            known = _masked_features(*archive_key(archive), pattern)
            if not known:
                raise InputError(
                    f"features: {feature} has no mask in {archive}, which holds no mask of any feature by "
                    f"archives.mask_pattern, `{pattern}`{held_instead(archive)}. Correct archives.evaluation_masks or "
                    "the pattern."
                )
            raise InputError(
                f"features: {feature} has no mask in {archive}, which knows {', '.join(sorted(known))} by "
                f"archives.mask_pattern, `{pattern}`. Correct the name or the pattern, or take the feature out of "
                "`features`."
            )
    masks: dict[str, dict[str, Member | None]] = {}
    not_there: list[str] = []
    for image in images:
        paths = {feature: mask_path(pattern, image, feature) for feature in features}
        found = {feature: by_path.get(folded(path)) for feature, path in paths.items()}
        lacking = [feature for feature, member in found.items() if member is None]
        not_there += [paths[feature] for feature in lacking]
        for path in paths.values():
            if (key := folded(path)) in twice:
                raise InputError(
                    f"{archive} holds the mask {path} twice: as {by_path[key].path} and as {twice[key].path}. Remove "
                    "one of them, or name the folder in archives.mask_pattern."
                )
        if missing != "leave_out" or len(lacking) < len(features):
            masks[image] = found
    if not_there and missing == "error":
        others = f", and {len(not_there) - 1} masks more" if len(not_there) > 1 else ""
        raise InputError(
            f"{archive} lacks {not_there[0]}{others}: every evaluation picture needs a mask of every feature. "
            "Complete the archive, remove the picture from the evaluation pictures, or say what a missing mask "
            "means (archives.missing_masks)."
        )
    return masks


def list_lesion_masks(archive: str | Path, images: Iterable[str], pattern: str) -> dict[str, Member]:
    """Return the lesion masks of the images that have one, as {image: member}, found as `list_masks` finds masks.

    pattern: a path with `{image}`. Raises as `list_members`, and InputError for one that is there twice.
    """
    by_path, twice = _masks_by_path(*archive_key(archive), pattern)
    found = {}
    for image in images:
        path = pattern.replace("{image}", image)
        key = folded(path)
        if key in twice:
            raise InputError(
                f"{archive} holds the lesion mask {path} twice: as {by_path[key].path} and as {twice[key].path}. "
                "Remove one of them, or name the folder in archives.lesion_pattern."
            )
        if key in by_path:
            found[image] = by_path[key]
    return found


def mask_account(
    archive: str | Path,
    pictures: Mapping[str, Member],
    evaluated: Collection[str],
    features: Sequence[str],
    pattern: str = ISIC_MASKS,
) -> list[str]:
    """Return lines on masks that evaluated pictures lack, and on files of an archive that are no mask of a picture.

    pictures: {image: member} of all pictures, which may lie in the same archive. Each line counts what it says and
    names one. Raises as `list_members`.
    """
    by_path, _ = _masks_by_path(*archive_key(archive), pattern)
    wanted = {
        folded(mask_path(pattern, image, feature)): (image, feature) for image in pictures for feature in features
    }
    lacking = [
        f"{feature} on {image}"
        for path, (image, feature) in wanted.items()
        if path not in by_path and image in evaluated
    ]
    of_feature = [_any_mask(pattern, feature).fullmatch for feature in features]
    of_others: list[str] = []
    of_absent: list[str] = []
    for path, member in by_path.items():
        if path not in wanted:
            (of_absent if any(is_mask(path) for is_mask in of_feature) else of_others).append(member.path)
    matched, shown = {member.path for member in by_path.values()}, set(pictures.values())
    others = [
        member.path
        for member in list_members(archive)
        if member.path not in matched
        and member not in shown
        and not folded(member.name).startswith(_NOTICES)
        # of a mask that is there twice, one stands for both
        and _end_of_path(folded(member.path), pattern.count("/") + 1) not in by_path
    ]
    found = {
        "masks are not there": lacking,
        "masks are of pictures that are not there": of_absent,
        "masks are of features that the study does not name": of_others,
        f"files in {archive} are no masks by archives.mask_pattern, `{pattern}`": others,
    }
    return [f"{len(names)} {what}, as {names[0]}" for what, names in found.items() if names]


@lru_cache(maxsize=16)
def _masks_by_path(archive: str, modified: int, size: int, pattern: str) -> tuple[dict[str, Member], dict[str, Member]]:
    """Return the members that match the pattern by the end of their path, and those whose end another one has, too.

    Both by that end, `folded`.
    """
    depth = pattern.count("/") + 1
    suffix = folded(PurePosixPath(pattern).suffix)
    found: dict[str, Member] = {}
    twice: dict[str, Member] = {}
    for member in list_members(archive):
        path = _end_of_path(folded(member.path), depth)
        if not path.endswith(suffix) or not _any_mask(pattern).fullmatch(path):
            continue
        if found.setdefault(path, member) is not member:
            twice[path] = member
    return found, twice


def _end_of_path(path: str, depth: int) -> str:
    # A path is taken to pieces with care only where it has an empty part or a `.`: there are 150,000 of them.
    plain = "//" not in path and "./" not in path and not path.startswith("/")
    parts = path.split("/") if plain else PurePosixPath(path).parts
    return "/".join(parts[-depth:])


@lru_cache(maxsize=256)
def _any_mask(pattern: str, feature: str | None = None) -> re.Pattern[str]:
    """Return what a `folded` path must match to be a mask by the pattern, of a given feature or of any."""
    parts, known = [], set()
    for part in re.split(r"(\{image\}|\{feature\})", pattern):
        word = part.strip("{}")
        if part not in ("{image}", "{feature}"):
            parts.append(re.escape(folded(part)))
        elif word == "feature" and feature is not None:
            parts.append(re.escape(folded(feature)))
        elif word in known:  # a name that stands there twice is the same one
            parts.append(f"(?P={word})")
        else:
            known.add(word)
            parts.append(f"(?P<{word}>[^/]+?)")
    return re.compile("".join(parts))


@lru_cache(maxsize=256)
def _is_masked(archive: str, modified: int, size: int, pattern: str, feature: str) -> bool:
    is_mask = _any_mask(pattern, feature).fullmatch
    return any(map(is_mask, _masks_by_path(archive, modified, size, pattern)[0]))


def _masked_features(archive: str, modified: int, size: int, pattern: str) -> set[str]:
    matches = map(_any_mask(pattern).fullmatch, _masks_by_path(archive, modified, size, pattern)[0])
    return {match["feature"] for match in matches if match}
