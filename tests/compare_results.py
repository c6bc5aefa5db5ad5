"""Compare two folders of results: `python tests/compare_results.py BEFORE AFTER`.

A change that must not change numbers is checked so: run a study before and after it, and compare. Compared are
manifests, classifiers, saliency stores, shards and statistics: byte for byte, but for what says when or in which
process a .keras file was made (and its digest in the stores), and what is listed with --allow, a column that may be new
or other (`mann_whitney.csv:p`). Prints how many files of each kind are equal and what differs; ends non-zero where
anything differs or is missing.
"""

import argparse
import re
import sys
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import h5py
import pandas as pd

KINDS = ("manifest", "classifiers", "saliency", "jaccard", "statistics")
# How long an epoch or a map took is no result.
VARYING = ("history.csv:seconds", "method_runs.csv:seconds")


def main() -> int:
    """Compare the folders named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--allow", action="append", default=[], metavar="FILE:COLUMN")
    arguments = parser.parse_args()
    counts, differences = compared(arguments.before, arguments.after, (*VARYING, *arguments.allow))
    for kind, count in counts.items():
        print(f"{kind}: {count} files equal")
    for line in differences:
        print(f"DIFFERENT {line}")
    return 1 if differences or not counts else 0


def compared(before: Path, after: Path, allowed: tuple[str, ...]) -> tuple[Counter[str], list[str]]:
    """Return how many files are equal, by kind, and a line for each that is not; files that are new do not count."""
    counts: Counter[str] = Counter()
    differences = []
    for kind in KINDS:
        for path in sorted((before / kind).rglob("*")):
            other = after / path.relative_to(before)
            if not path.is_file():
                continue
            if not other.is_file():
                differences.append(f"{path.relative_to(before)}: is missing")
            elif reason := difference(path, other, allowed):
                differences.append(f"{path.relative_to(before)}: {reason}")
            else:
                counts[kind] += 1
    return counts, differences


def difference(path: Path, other: Path, allowed: tuple[str, ...]) -> str:
    """Return in what two files differ, an empty text where in nothing that counts."""
    if path.read_bytes() == other.read_bytes():
        return ""
    if path.suffix == ".keras":
        return _members(path, other)
    if path.suffix == ".h5":
        return "" if _content(path) == _content(other) else "other content"
    columns = [name.partition(":")[2] for name in allowed if name.partition(":")[0] == path.name]
    if path.suffix == ".csv" and columns:
        tables = [pd.read_csv(each, dtype=str, keep_default_na=False) for each in (path, other)]
        kept = [table.drop(columns=columns, errors="ignore") for table in tables]
        return "" if kept[0].equals(kept[1]) else "other rows or columns"
    return "other bytes"


def _members(path: Path, other: Path) -> str:
    with zipfile.ZipFile(path) as first, zipfile.ZipFile(other) as second:
        if set(first.namelist()) != set(second.namelist()):
            return "other parts"
        parts = [name for name in first.namelist() if name != "metadata.json"]  # which has the date
        wrong = [name for name in parts if _part(first, name) != _part(second, name)]
    return f"other {', '.join(wrong)}" if wrong else ""


def _part(archive: zipfile.ZipFile, name: str) -> bytes:
    content = archive.read(name)
    # The addresses of objects in the process that wrote it.
    return re.sub(rb'"shared_object_id": \d+', b"", content) if name == "config.json" else content


def _content(path: Path) -> dict[str, Any]:
    """Return what an HDF5 file holds: bytes, kinds and shapes of data sets, and attributes."""
    found: dict[str, Any] = {}

    def add(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            found[name] = (item.shape, str(item.dtype), item[()].tobytes())

    with h5py.File(path) as file:
        file.visititems(add)
        found |= {f"@{name}": str(value) for name, value in file.attrs.items() if name != "classifier_sha256"}
    return found


if __name__ == "__main__":
    sys.exit(main())
