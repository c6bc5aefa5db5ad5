"""Masks found in an archive by a pattern of their paths."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path, PurePosixPath

from ..errors import InputError
from ..study.mask_pattern import ISIC_MASKS, mask_path
from .archives import Member, archive_key, list_members


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
            raise InputError(
                f"features: {feature} has no mask in {archive}, which knows {', '.join(sorted(known)) or 'none'} by "
                f"archives.mask_pattern, `{pattern}`. Correct the name or the pattern, or take the feature out of "
                "`features`."
            )
    masks: dict[str, dict[str, Member | None]] = {}
    for image in images:
        paths = {feature: mask_path(pattern, image, feature) for feature in features}
        found = {feature: by_path.get(path) for feature, path in paths.items()}
        lacking = [feature for feature, member in found.items() if member is None]
        if lacking and missing == "error":
            raise InputError(
                f"{archive} lacks {paths[lacking[0]]}: every evaluation picture needs a mask of every feature. "
                "Complete the archive, remove the picture from the evaluation pictures, or say what a missing mask "
                "means (archives.missing_masks)."
            )
        for path in paths.values():
            if path in twice:
                raise InputError(
                    f"{archive} holds the mask {path} twice: as {by_path[path].path} and as {twice[path].path}. Remove "
                    "one of them, or name the folder in archives.mask_pattern."
                )
        if missing != "leave_out" or len(lacking) < len(features):
            masks[image] = found
    return masks


def list_lesion_masks(archive: str | Path, images: Iterable[str], pattern: str) -> dict[str, Member]:
    """Return the lesion masks of the images that have one, as {image: member}, found as `list_masks` finds masks.

    pattern: a path with `{image}`. Raises as `list_members`, and InputError for one that is there twice.
    """
    by_path, twice = _masks_by_path(*archive_key(archive), pattern)
    paths = {image: pattern.replace("{image}", image) for image in images}
    found = {image: by_path[path] for image, path in paths.items() if path in by_path}
    for path in (paths[image] for image in found):
        if path in twice:
            raise InputError(
                f"{archive} holds the lesion mask {path} twice: as {by_path[path].path} and as {twice[path].path}. "
                "Remove one of them, or name the folder in archives.lesion_pattern."
            )
    return found


@lru_cache(maxsize=16)
def _masks_by_path(archive: str, modified: int, size: int, pattern: str) -> tuple[dict[str, Member], dict[str, Member]]:
    """Return the members that match the pattern by the end of their path, and those whose end another one has, too."""
    depth = pattern.count("/") + 1
    suffix = PurePosixPath(pattern).suffix
    found: dict[str, Member] = {}
    twice: dict[str, Member] = {}
    for member in list_members(archive):
        path = _end_of_path(member.path, depth)
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
    """Return what a path must match to be a mask by the pattern, of a given feature or of any."""
    parts, known = [], set()
    for part in re.split(r"(\{image\}|\{feature\})", pattern):
        word = part.strip("{}")
        if part not in ("{image}", "{feature}"):
            parts.append(re.escape(part))
        elif word == "feature" and feature is not None:
            parts.append(re.escape(feature))
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
