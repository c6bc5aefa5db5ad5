"""Files of models and weights, looked through before Keras opens them, as they come from elsewhere and may do harm.

What in them would be code, `brought.keras_files` finds. Here it is what they are packed in: a zip whose paths lead out
of it, or of which more comes out than weights can be packed in; an HDF5 file that reads other files, or claims arrays
that it does not hold. Keras refuses some of that by itself, from 4 GiB on and without a word of what is wrong.
"""

import shutil
import tempfile
import zipfile
from pathlib import Path

import h5py

from ..data.file_kinds import HEAD, is_hdf5
from ..data.names import leads_out
from ..errors import InputError
from ..hdf5 import declared_bytes, demand_own, open_file

# Weights are numbers that hardly repeat. What is unpacked may be this many times as large as the file, and this much.
MOST_TIMES = 20
ALLOWANCE = 2**28  # bytes
FROM_ELSEWHERE = "Do not load it elsewhere; ask whoever made it for the classifier saved anew."


def demand_sound(path: str | Path) -> None:
    """Raise InputError for a .keras, .h5 or .weights.h5 file that was made to harm, as the module says.

    What is no such file at all is left to who reads it: raises zipfile.BadZipFile and OSError for one that is damaged.
    """
    path = Path(path)
    with path.open("rb") as stream:
        head = stream.read(HEAD)
    most = MOST_TIMES * path.stat().st_size + ALLOWANCE
    if head.startswith(b"PK"):
        with zipfile.ZipFile(path) as archive:
            _demand_sound_members(path, archive, most)
    elif is_hdf5(head):
        with open_file(path) as file:
            _demand_held(path, "", file, most)


def _demand_sound_members(path: Path, archive: zipfile.ZipFile, most: int) -> None:
    infos = archive.infolist()
    names = [info.filename for info in infos]
    for info in infos:
        if leads_out(info.filename) or names.count(info.filename) > 1:
            fault = "twice" if names.count(info.filename) > 1 else "a path that leads out of it"
            raise InputError(f"{path} holds {info.filename!r}, {fault}, which Keras does not write. {FROM_ELSEWHERE}")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise InputError(
                f"{path} has {info.filename!r} packed as Keras does not pack it. Save it with Keras again."
            )
    if sum(info.file_size for info in infos) > most:
        raise InputError(f"{path} unpacks to more than {most // 2**20} MiB, which no weights do. {FROM_ELSEWHERE}")
    for name in names:
        if name.endswith(".h5"):
            with tempfile.TemporaryFile() as copy, archive.open(name) as member:
                shutil.copyfileobj(member, copy)
                copy.seek(0)
                if not is_hdf5(copy.read(HEAD)):
                    continue
                with h5py.File(copy) as file:
                    demand_own(file, f"{path}: {name}")
                    _demand_held(path, f", in {name},", file, most)


def _demand_held(path: Path, where: str, file: h5py.File, most: int) -> None:
    if declared_bytes(file) > most:
        raise InputError(
            f"{path}{where} claims arrays of more than {most // 2**20} MiB, which it does not hold. {FROM_ELSEWHERE}"
        )
