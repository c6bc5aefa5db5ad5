"""Names of pictures: which mean the same photograph, however a system or a person wrote them, and which are none."""

import re
import unicodedata
from pathlib import PurePosixPath

PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")

# Results are called by pictures, as `{image}_attribute_{feature}.png`, and no file system takes a name of 256 bytes.
NAME_BYTES = 160
# Control characters, halves of characters, ends of lines and of paragraphs, and what turns the direction of text, by
# which a name looks like another one. Halves stand for bytes that are no UTF-8.
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]")
_LEADS_OUT = re.compile(r"[/\\]|[A-Za-z]:|(.*[/\\])?\.\.([/\\]|$)", re.DOTALL)


def fault_of_name(name: str) -> str | None:
    """Return why results cannot be called by a picture's name, in words that follow it, else None."""
    if _UNSEEN.search(name):
        return "has a character that cannot be seen in its name, or that turns the direction of text"
    if len(name) > NAME_BYTES // 4 and len(name.encode()) > NAME_BYTES:
        return f"has a name of more than {NAME_BYTES} bytes"
    return None


def leads_out(path: str) -> bool:
    """Return whether a path within an archive or a folder leads out of it: absolute, of a drive, or by `..`.

    Separators are those of all systems.
    """
    return _LEADS_OUT.match(path) is not None


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
