"""What the archives of a study were: `manifest/archives.csv`, a row per archive or table.

Columns: key, as in the configuration, `archives.evaluation_masks`; path, as configured; files: in the archive, 1 of a
table; bytes: of the zip or table, or of all files of a folder; sha256: of the zip or table, of a folder that of the
lines `path, size, SHA-256` of its files, in order of their paths, which says whether two folders hold the same.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from ..files import file_sha256, write_text
from ..logs import progress
from .archives import list_members

COLUMNS = ["key", "path", "files", "bytes", "sha256"]


def archive_digests(paths: Mapping[str, str]) -> pd.DataFrame:
    """Return a row per archive, {key: path}, in the columns that the module describes.

    Every byte is read: some minutes for the archives of ISIC. Raises FileNotFoundError, and as `list_members`.
    """
    rows = []
    for key, path in progress(paths.items(), len(paths), "digests of archives"):
        if Path(path).is_dir():
            members = sorted(list_members(path), key=lambda member: member.path)
            digest = hashlib.sha256()
            for member in members:
                digest.update(f"{member.path}\t{member.size}\t{file_sha256(Path(path) / member.path)}\n".encode())
            rows.append([key, path, len(members), sum(member.size for member in members), digest.hexdigest()])
        else:
            files = len(list_members(path)) if Path(path).suffix.lower() == ".zip" else 1
            rows.append([key, path, files, Path(path).stat().st_size, file_sha256(path)])
    return pd.DataFrame(rows, columns=COLUMNS)


def write_digests(path: str | Path, digests: pd.DataFrame) -> None:
    """Write digests as CSV, whole or not at all."""
    write_text(path, digests.to_csv(index=False))


def read_digests(path: str | Path) -> pd.DataFrame:
    """Read digests. Raises FileNotFoundError."""
    return pd.read_csv(path, dtype={"key": str, "path": str, "sha256": str}, keep_default_na=False)
