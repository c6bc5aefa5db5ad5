"""The patterns of masks' paths in their archives: `archives.mask_pattern` and `lesion_pattern` of the configuration."""

from ..errors import InputError

ISIC_MASKS = "{image}_attribute_{feature}.png"
ISIC_LESION_MASKS = "{image}_segmentation.png"


def mask_path(pattern: str, image: str, feature: str) -> str:
    """Return the path, or the end of it, that the mask of a feature on a picture has by a pattern."""
    return pattern.replace("{image}", image).replace("{feature}", feature)


def check_mask_pattern(pattern: str) -> None:
    """Raise InputError for a pattern by which no mask, or the same for several, would be found."""
    _check("mask_pattern", pattern, ("{image}", "{feature}"))


def check_lesion_pattern(pattern: str) -> None:
    """Raise InputError for a pattern by which no lesion mask, or the same for several pictures, would be found."""
    _check("lesion_pattern", pattern, ("{image}",))


def _check(key: str, pattern: str, words: tuple[str, ...]) -> None:
    rest = pattern
    for word in words:
        if word not in pattern:
            raise InputError(f"archives.{key}: `{pattern}` lacks {word}, by which a mask is found. Add it.")
        rest = rest.replace(word, "")
    if "{" in rest or "}" in rest:
        raise InputError(f"archives.{key}: `{pattern}` has more in braces than {' and '.join(words)}.")
    if any(part in ("", ".", "..") for part in pattern.split("/")):
        raise InputError(
            f"archives.{key}: `{pattern}` must be a path inside the archive, without `//`, `.` or `..` and "
            "without `/` at its ends."
        )
