"""The pattern of a mask's path in its archive: words of the configuration, `archives.mask_pattern`."""

from ..errors import InputError

ISIC_MASKS = "{image}_attribute_{feature}.png"


def mask_path(pattern: str, image: str, feature: str) -> str:
    """Return the path, or the end of it, that the mask of a feature on a picture has by a pattern."""
    return pattern.replace("{image}", image).replace("{feature}", feature)


def check_mask_pattern(pattern: str) -> None:
    """Raise InputError for a pattern by which no mask, or the same for several, would be found."""
    for word in ("{image}", "{feature}"):
        if word not in pattern:
            raise InputError(f"archives.mask_pattern: `{pattern}` lacks {word}, by which a mask is found. Add it.")
    rest = mask_path(pattern, "", "")
    if "{" in rest or "}" in rest:
        raise InputError(f"archives.mask_pattern: `{pattern}` has more in braces than {{image}} and {{feature}}.")
    if any(part in ("", ".", "..") for part in pattern.split("/")):
        raise InputError(
            f"archives.mask_pattern: `{pattern}` must be a path inside the archive, without `//`, `.` or `..` and "
            "without `/` at its ends."
        )
