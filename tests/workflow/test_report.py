"""The study as one page, and Snakemake's own report: each has every table and figure of the study."""

import json
import re
import zipfile
from html import unescape
from pathlib import Path

import pandas as pd
import pytest

from .conftest import Run, Study

LARGEST = 10_000_000  # bytes


def made(study: Study) -> set[str]:
    """The tables and figures of the study, as paths in the folder of results without their suffix."""
    paths = [*study.results.glob("tables/*.csv"), *study.results.glob("figures/**/*.svg")]
    return {path.relative_to(study.results).with_suffix("").as_posix() for path in paths}


def test_the_page_has_every_table_and_figure_and_says_the_main_result(finished: tuple[Study, Run]) -> None:
    study, _ = finished
    path = study.results / "report" / "index.html"
    page = path.read_text(encoding="utf-8")
    shown = re.findall(r'<(?:figure|details) id="((?:tables|figures)-[^"]+)"', page)
    assert sorted(shown) == sorted(name.replace("/", "-") for name in made(study))
    assert page.count("<svg ") == sum(name.startswith("figures") for name in made(study))
    assert path.stat().st_size < LARGEST
    text = unescape(re.sub("<[^>]*>", "", page))
    best = pd.read_csv(study.results / "statistics" / "best_thresholds.csv", dtype={"threshold": str})
    controls = pd.read_csv(study.results / "statistics" / "controls.csv")
    controls = controls.query("feature == 'union' and group == 'all' and at == 'equal area at best'")
    for row in best.query("method == 'gradcam' and feature == 'union'").itertuples():
        interval = f"{row.j_mean:.3f} (95 % interval {row.j_low:.3f} to {row.j_high:.3f}) at threshold {row.threshold}"
        assert f"{row.model}: the highest mean J of the union is {interval}, over {row.n} pictures" in text
        of_model = controls[controls["model"] == row.model]
        closest = of_model.loc[of_model["difference_mean"].idxmin()]
        assert f"At equal white area it is {abs(closest['difference_mean']):.3f} " in text
        assert f"that of its strongest control, {closest['control'].replace('_', ' ')}, an interval that " in text
    # It says no more of this machine than the configuration does.
    assert str(Path.home()) not in page and str(study.folder) not in page


@pytest.mark.slow
def test_snakemakes_report_names_every_table_and_figure_in_words_and_renews_nothing(copied: Study) -> None:
    archive = copied.folder / "report.zip"
    run = copied.snakemake("--report", str(archive))
    assert run.status == 0, run.text[-3000:]
    with zipfile.ZipFile(archive) as opened:
        page = opened.read("report/report.html").decode()
        kept = {Path(name).name for name in opened.namelist()}
    entries = json.JSONDecoder().raw_decode(page, page.index('{"results/embedded/'))[0]
    assert {str(Path(name).with_suffix("")).removeprefix("results/embedded/") for name in entries} == made(copied)
    for name, entry in entries.items():
        assert Path(name).name in kept
        title = entry["labels"]["shows"]
        assert len(title) > 10 and title.split(".")[0] in unescape(entry["caption"]), name
        assert "[pictures]" not in entry["caption"]
    assert copied.snakemake("-n").jobs() == {}


def test_the_explorer_is_no_larger_than_was_told(finished: tuple[Study, Run]) -> None:
    study, run = finished
    told = re.search(r"The explorer of 110 pictures will take at most about (\d+) MB in (\S+)/\.", run.text)
    assert told and told[2] == "results/embedded/explorer"
    size = sum(path.stat().st_size for path in (study.results / "explorer").rglob("*") if path.is_file())
    assert 0.1 < size / 1e6 / int(told[1]) < 1  # its pictures are smaller than the explorer's may be
