"""Zips as other systems write them."""

import unicodedata
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path


def headers(content: bytes, in_members: int, in_directory: int) -> Iterator[int]:
    """Yield where a field stands in each member's own header and in the directory's, given its places in these."""
    for signature, place in ((b"PK\x03\x04", in_members), (b"PK\x01\x02", in_directory)):
        start = content.find(signature)
        while start >= 0:
            yield start + place
            start = content.find(signature, start + 4)


def zip_of_macos(archive: Path, members: Mapping[str, bytes]) -> Path:
    """Write a zip as macOS does: names decomposed, in UTF-8, without the flag that says so."""
    with zipfile.ZipFile(archive, "w") as opened:
        for name, content in members.items():
            opened.writestr(unicodedata.normalize("NFD", name), content)
    changed = bytearray(archive.read_bytes())
    for flags in headers(changed, 6, 8):
        changed[flags + 1] &= ~0x08 & 0xFF
    archive.write_bytes(changed)
    return archive
