"""What opens the picture `a.png` of an archive, a zip or a folder, in the ways in which stages do."""

from pathlib import Path

from dermalign.data.archives import list_pictures, open_archive
from dermalign.data.images import picture_sizes
from dermalign.data.masks import MaskReader
from dermalign.data.pictures import decode


def read_size(archive: Path) -> None:
    """Read its size from its header."""
    picture_sizes(archive, list_pictures(archive))


def read_pixels(archive: Path) -> None:
    """Decode it as a network takes it."""
    with open_archive(archive) as opened:
        decode(opened, "a.png", 8)


def read_mask(archive: Path) -> None:
    """Decode it as a mask."""
    with open_archive(archive) as opened:
        MaskReader(opened).read("a.png")
