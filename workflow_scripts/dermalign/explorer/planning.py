"""What is checked and told before an explorer is written: the pictures of a selection, and how large it will be."""

from collections.abc import Collection, Iterable

from ..errors import InputError
from .picture_files import SMALL_SIDE

# Bytes, as measured on dermoscopy pictures (docs/benchmarks.md): of a JPEG a pixel; of a map a cell, packed; of what
# else is known of a picture, outlines and mask cells of its few features the most of it.
PER_PIXEL, PER_CELL, PER_PICTURE = 0.13, 1.3, 9_000
SHAPE = 0.75  # height over width of a photograph


def estimated_bytes(pictures: int, side: int, maps: Iterable[tuple[int, int]]) -> int:
    """Return about how many bytes an explorer takes. side: pixels. maps: (cells, pictures) of each source's maps."""
    pixels = SHAPE * (side**2 + SMALL_SIDE**2)
    return round(pictures * (PER_PIXEL * pixels + PER_PICTURE) + PER_CELL * sum(cells * count for cells, count in maps))


def size_line(pictures: int, side: int, maps: Iterable[tuple[int, int]], folder: str) -> str:
    """Return what is said before an explorer is written; arguments as `estimated_bytes`, and where it will lie."""
    size = estimated_bytes(pictures, side, maps) / 1e6
    return f"The explorer of {pictures:,} pictures will take at most about {size:,.0f} MB in {folder}/."


def check_selection(asked: Iterable[str], evaluated: Collection[str]) -> None:
    """Raise InputError where a selection names pictures that are not among the evaluated ones."""
    unknown = [image for image in asked if image not in evaluated]
    if unknown:
        raise InputError(
            f"explorer.pictures: {', '.join(unknown)} not among the evaluation pictures with one of "
            "evaluation_diagnoses. Correct the names, or take them out of the list."
        )
