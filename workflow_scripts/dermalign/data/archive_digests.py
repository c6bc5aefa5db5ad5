"""What the archives of a study were: `manifest/archives.csv`, a row per archive or table.

Columns: key, as in the configuration, `archives.evaluation_masks`; path, as configured; files: in the archive, 1 of a
table; bytes: of the zip or table, or of all files of a folder; sha256: of the zip or table, as `sha256sum` gives it; of
a folder that of the lines `path, size, SHA-256` of its files, in order of their paths, with tabs between the three. So
two folders that hold the same have one digest, wherever they lie and whenever they were written. Of folders and of the
number of files, hidden files do not count, as nowhere in a study.
"""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd

from ..errors import InputError
from ..files import write_text
from ..logs import progress
from .archives import list_members

COLUMNS = ["key", "path", "files", "bytes", "sha256"]
CHUNK = 1 << 24  # bytes read at a time: what progress is counted in, since an archive may be half of them all


def archive_digests(paths: Mapping[str, str]) -> pd.DataFrame:
    """Return a row per archive, {key: path}, in the columns that the module describes.

    Every byte is read once, also of an archive that several keys name: about a minute for the archives of ISIC.
    Raises InputError where a file cannot be read, and as `list_members`.
    """
    files = {path: _files(path) for path in paths.values()}
    sizes = {path: {name: _path(path, name).stat().st_size for name in names} for path, names in files.items()}
    total = sum(-(-size // CHUNK) for of_archive in sizes.values() for size in of_archive.values())
    digests = {path: {name: hashlib.sha256() for name in names} for path, names in files.items()}
    for path, name, chunk in progress(_chunks(files), total, "digests of archives, in 16 MiB"):
        digests[path][name].update(chunk)
    rows = []
    for key, path in paths.items():
        if Path(path).is_dir():
            lines = [f"{name}\t{sizes[path][name]}\t{digests[path][name].hexdigest()}\n" for name in files[path]]
            count, digest = len(lines), hashlib.sha256("".join(lines).encode()).hexdigest()
        else:
            count = len(list_members(path)) if Path(path).suffix.lower() == ".zip" else 1
            digest = digests[path][""].hexdigest()
        rows.append([key, path, count, sum(sizes[path].values()), digest])
    return pd.DataFrame(rows, columns=COLUMNS)


def write_digests(path: str | Path, digests: pd.DataFrame) -> None:
    """Write digests as CSV, whole or not at all."""
    write_text(path, digests.to_csv(index=False))


def read_digests(path: str | Path) -> pd.DataFrame:
    """Read digests. Raises FileNotFoundError."""
    return pd.read_csv(path, dtype={"key": str, "path": str, "sha256": str}, keep_default_na=False)


def _files(path: str) -> list[str]:
    """Return the files of a folder, sorted, as paths below it; of a file an empty name, which is itself."""
    return sorted(member.path for member in list_members(path)) if Path(path).is_dir() else [""]


def _path(archive: str, name: str) -> Path:
    return Path(archive) / name if name else Path(archive)


def _chunks(files: Mapping[str, list[str]]) -> Iterator[tuple[str, str, bytes]]:
    for archive, names in files.items():
        for name in names:
            path = _path(archive, name)
            try:
                with path.open("rb") as opened:
                    while chunk := opened.read(CHUNK):
                        yield archive, name, chunk
            except OSError as error:
                raise InputError(f"{path} cannot be read ({error}). Replace the file.") from error
