"""What a file is by its first bytes: for messages on files that are not what their name says."""

# Beginnings of files, in the order in which they are compared, and what has them, with its article.
_PACKED = {
    b"PK\x03\x04": "a zip archive",
    b"PK\x05\x06": "an empty zip archive",
    b"PK\x07\x08": "a part of a zip archive that was split",
    b"Rar!\x1a\x07": "a RAR archive",
    b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive",
    b"\x1f\x8b": "a gzip file, as a .tar.gz",
    b"BZh": "a bzip2 file, as a .tar.bz2",
    b"\xfd7zXZ\x00": "an xz file, as a .tar.xz",
    b"\x28\xb5\x2f\xfd": "a Zstandard file, as a .tar.zst",
}
_HDF5 = b"\x89HDF\r\n\x1a\n"
_OTHERS = {
    b"\xff\xd8\xff": "a JPEG picture",
    b"\x89PNG\r\n\x1a\n": "a PNG picture",
    b"GIF8": "a GIF picture",
    _HDF5: "an HDF5 file",
    b"\x93NUMPY": "a NumPy array",
    b"%PDF": "a PDF document",
    b"%!PS": "a PostScript document",
    b"\xc5\xd0\xd3\xc6": "a PostScript document",
    b"8BPS": "a Photoshop document",
    b"version https://git-lfs": "a pointer of Git LFS in the place of the file",
}
_PLACED = {(257, b"ustar"): "a tar archive", (128, b"DICM"): "a DICOM file"}
# What stands after `ftyp` in files of the family of MPEG-4.
_FTYP = {b"heic": "a HEIC picture", b"heix": "a HEIC picture", b"mif1": "a HEIC picture", b"avif": "an AVIF picture"}
HEAD = 512  # bytes that `kind_of_content` looks at


def kind_of_content(head: bytes) -> str | None:
    """Return what a file is by its first `HEAD` bytes, in words with an article, None for what is not known."""
    if not head:
        return "empty"
    for beginning, kind in (_PACKED | _OTHERS).items():
        if head.startswith(beginning):
            return kind
    for (place, mark), kind in _PLACED.items():
        if head[place:].startswith(mark):
            return kind
    if head[4:8] == b"ftyp":
        return _FTYP.get(head[8:12])
    if not head.strip(b"\0"):
        return "a file of zeros, as an interrupted copy leaves it"
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith((b"<!doctype html", b"<html")):
        return "a web page, as a download that needs a login gives it"
    if b"/annex/objects/" in head:
        return "a pointer of git-annex in the place of the file"
    return None


def is_packed(head: bytes) -> bool:
    """Return whether a file is an archive of any kind by its first `HEAD` bytes."""
    return head.startswith(tuple(_PACKED)) or head[257:].startswith(b"ustar")


def is_hdf5(head: bytes) -> bool:
    """Return whether a file is HDF5 by its first `HEAD` bytes."""
    return head.startswith(_HDF5)
