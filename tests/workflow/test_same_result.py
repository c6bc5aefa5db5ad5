"""Two runs with one seed give the same bytes, in one core or two, in batches of any size."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import Study

pytestmark = pytest.mark.slow

COMPARED = ("manifest", "classifiers", "saliency", "jaccard", "statistics", "tables", "figures")
# They tell how long something took.
TIMED = ("history", "method_runs", "extended_methods", "methods")


def results_of(folder: Path) -> dict[str, bytes]:
    """Return the bytes of each result by its path."""
    paths = (path for kind in COMPARED for path in (folder / kind).rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths if path.stem not in TIMED}


def test_one_core_and_other_batches_give_the_same_bytes(
    empty: Study, tmp_path: Path, tiny: Callable[[], dict[str, Any]]
) -> None:
    overlay = tiny()
    overlay["methods"] = {"gradcam": {"batch_size": 32}}
    assert empty.snakemake(overlay=overlay).status == 0
    overlay["methods"]["gradcam"]["batch_size"] = 5
    overlay["batches"] = {"saliency": 3, "masks": 1}
    other = Study(tmp_path / "other")
    other.folder.mkdir()
    run = other.snakemake("--cores", "1", overlay=overlay)
    assert run.status == 0, run.text[-3000:]
    first, second = results_of(empty.results), results_of(other.results)
    assert {path.partition("/")[0] for path in first} == set(COMPARED)
    assert first.keys() == second.keys()
    assert [path for path in first if first[path] != second[path]] == []
