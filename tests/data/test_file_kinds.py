"""What files are by their first bytes."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile

import h5py
import numpy as np
import pytest
from dermalign.data.file_kinds import HEAD, is_packed, kind_of_content
from PIL import Image


def tarred(mode: str) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as archive:
        archive.addfile(tarfile.TarInfo("a.jpg"), io.BytesIO())
    return stream.getvalue()


def saved(form: str) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (3, 2)).save(stream, form)
    return stream.getvalue()


def zipped() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a", "b")
    return stream.getvalue()


def hdf5() -> bytes:
    stream = io.BytesIO()
    h5py.File(stream, "w").close()
    return stream.getvalue()


def numpy_array() -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.zeros(2))
    return stream.getvalue()


PACKED = {
    "a zip archive": zipped(),
    "a tar archive": tarred("w"),
    "a gzip file, as a .tar.gz": gzip.compress(b"a"),
    "a bzip2 file, as a .tar.bz2": bz2.compress(b"a"),
    "an xz file, as a .tar.xz": lzma.compress(b"a"),
    "a RAR archive": b"Rar!\x1a\x07\x00 and more",
    "a 7-Zip archive": b"7z\xbc\xaf\x27\x1c and more",
}
OTHERS = {
    "a JPEG picture": saved("JPEG"),
    "a PNG picture": saved("PNG"),
    "a GIF picture": saved("GIF"),
    "an HDF5 file": hdf5(),
    "a NumPy array": numpy_array(),
    "a DICOM file": bytes(128) + b"DICM",
    "a web page, as a download that needs a login gives it": b"\n<!DOCTYPE html><html>",
    "a pointer of Git LFS in the place of the file": b"version https://git-lfs.github.com/spec/v1\n",
    "a file of zeros, as an interrupted copy leaves it": bytes(1000),
    "empty": b"",
}


@pytest.mark.parametrize("kind", [*PACKED, *OTHERS])
def test_kinds_are_told_by_content(kind: str) -> None:
    head = {**PACKED, **OTHERS}[kind][:HEAD]
    assert kind_of_content(head) == kind
    assert is_packed(head) == (kind in PACKED)


def test_what_is_not_known_has_no_kind() -> None:
    assert kind_of_content(b"image,MEL,NV\n") is None
