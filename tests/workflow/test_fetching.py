"""`snakemake fetch`: a rule per file, whatever the files are called."""

import pytest

from .conftest import Study


@pytest.mark.slow
def test_files_of_alike_names_are_fetched_each(empty: Study) -> None:
    names = ["bcn.zip", "bcn.csv", "b-c.csv", "b_c.csv", "north/bcn.zip", "läsion 1.zip"]
    # Two of one name in two folders are two files with a log each.
    for name in names:
        (empty.folder / "from" / name).parent.mkdir(parents=True, exist_ok=True)
        (empty.folder / "from" / name).write_text(name)
    sources = {name: {"url": (empty.folder / "from" / name).as_uri()} for name in names if not name.endswith(".zip")}
    sources |= {name: {"url": f"https://example.org/{name}"} for name in names if name.endswith(".zip")}
    overlay = {"archives": {"drawn": None, "folder": "given", "sources": sources}}
    jobs = empty.snakemake("-n", "fetch", overlay=overlay).jobs()
    jobs.pop("fetch")
    assert sorted(path for outputs in jobs.values() for path in outputs) == sorted(f"given/{name}" for name in names)
    assert len(jobs) == len(names)
    assert {"fetch_bcn_zip", "fetch_bcn_csv"} <= set(jobs)

    run = empty.snakemake("given/b-c.csv", "given/b_c.csv", overlay=overlay)
    assert run.status == 0, run.text[-3000:]
    assert [(empty.folder / "given" / name).read_text() for name in ("b-c.csv", "b_c.csv")] == ["b-c.csv", "b_c.csv"]
