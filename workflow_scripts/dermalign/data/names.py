"""Names of pictures: which of them mean the same photograph, however a system or a person wrote them."""

import unicodedata
from pathlib import PurePosixPath

PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")


def composed(name: str) -> str:
    """Return a name with its accents composed (NFC): macOS writes them decomposed, other systems do not."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def folded(name: str) -> str:
    """Return what tells names apart where case does not: `composed`, and without case."""
    return composed(name).casefold()


def plain_name(image: str) -> str:
    """Return what tells photographs apart by their names: `folded`, without a picture's suffix and `_downsampled`.

    So ISIC_0000001, isic_0000001.JPG and ISIC_0000001_downsampled are one photograph.
    """
    name = folded(image)
    if name.endswith(PICTURE_SUFFIXES):  # of a table's many names few do, and a path takes long to be taken to pieces
        name = name.removesuffix(PurePosixPath(name).suffix)
    return name.removesuffix("_downsampled")
