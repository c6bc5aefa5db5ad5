"""The index names what is there, in words, with links that lead somewhere."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pandas as pd
import pytest
from dermalign.results.index import GROUPS, KINDS, OTHERS, files_of, index_page, kind_of, write_index
from dermalign.results.provenance import write_record

CONFIGURATION: dict[str, Any] = {
    "archives": {"folder": "data"},
    "models": {
        "vgg_16": {"architecture": "VGG16", "input_size": 450},
        "_own_": {"classifier": "mine.keras", "pixels": "raw"},
    },
    "methods": {"gradcam": {}},
    "variants": {"tiled": {}},
    "controls": {"chance": ["shuffled"], "prior": ["all_white"]},
    "leakage": "exclude",
}
RECORD: dict[str, Any] = {
    "study": "mine",
    "written": "2026-01-02T03:04:05+00:00",
    "commit": "0123456789abcdef",
    "changed": False,
    "pictures": {"training": {"train": 20000, "test": 5}, "evaluation": 1963, "analysed": 1000},
    "versions": {"dermalign": "0.1.0"},
    "archives": [
        {"path": "data/a.zip", "bytes": 9_100_000_000},
        {"path": "data/a.zip", "bytes": 9_100_000_000},
        {"path": "data/b.csv", "bytes": 5},
    ],
    "configuration": CONFIGURATION,
    "times": {"seconds": 7500.0, "jobs": 1234, "ended": "2026-01-02T03:04:04+00:00"},
}
BEST = pd.DataFrame(
    [
        ("vgg_16", "gradcam", "milia_like_cyst", "0.300", 0.12345),
        ("vgg_16", "gradcam", "union", "0.400", 0.2),
        ("vgg_16", "tiled", "union", "0.900", 0.9),
        ("_own_", "gradcam", "milia_like_cyst", None, float("nan")),
        ("_own_", "gradcam", "union", "0.000", 0.1),
        ("segmentation", "gradcam", "union", "0.000", 0.8),
    ],
    columns=["model", "method", "feature", "threshold", "j_mean"],
)


def page_of(folder: Path, files: dict[str, str], **changes: Any) -> str:
    """Return the index of a folder with these files."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return index_page(folder, {**RECORD, **changes}, BEST)


def links(page: str) -> list[str]:
    """Return where the links of a page of Markdown lead."""
    return [unquote(link) for link in re.findall(r"(?<!\\)\]\(([^)]+)\)", page)]


def entries(page: str, heading: str) -> list[str]:
    """Return the entries below a heading of a page."""
    (part,) = re.findall(rf"^## {heading}\n\n((?:- .*\n)*)", page, re.M)
    return [line.removeprefix("- ") for line in part.splitlines()]


def test_it_says_what_the_study_is(tmp_path: Path) -> None:
    lines = page_of(tmp_path, {}).splitlines()
    assert lines[0] == "# Results of the study mine"
    for line in (
        r"| models | vgg_16 (VGG16, 450 pixels), \_own\_ (brought along) |",
        "| saliency methods | Grad-CAM |",
        "| evaluation pictures | 1,963, of which 1,000 in the analysis |",
        "| training pictures | train 20,000, test 5 (leakage: exclude) |",
        "| archives | 2 files, 9.1 GB |",
        "| run time | 2 h 05 min for 1,234 jobs, the last at 2026-01-02T03:04:04+00:00 |",
        "| written | 2026-01-02T03:04:05+00:00 by dermalign 0.1.0, commit 0123456789ab |",
    ):
        assert line in lines
    own = {model: {**of, "methods": {"rise": {}}} for model, of in CONFIGURATION["models"].items()}
    with_methods = {**CONFIGURATION, "methods": {"gradcam": {}, "gradient": {}}, "models": own}
    assert "| saliency methods | Grad-CAM, gradient, " in page_of(tmp_path, {}, configuration=with_methods)
    (line,) = [each for each in page_of(tmp_path, {}, configuration=with_methods).splitlines() if "Grad-CAM, " in each]
    assert line.count(",") == 2  # that of two models is named once
    changed = page_of(tmp_path, {}, changed=True, pictures={**RECORD["pictures"], "training": None})
    assert "commit 0123456789ab with changes |" in changed and "| training pictures | none |" in changed
    assert "commit unknown |" in page_of(tmp_path, {}, commit=None, changed=None)
    drawn = {**CONFIGURATION, "archives": {"drawn": {}}}
    assert "drawn by dermalign: they show no skin |" in page_of(tmp_path, {}, configuration=drawn)


def test_its_first_table_has_the_best_thresholds_of_the_first_method_and_the_models(tmp_path: Path) -> None:
    page = page_of(tmp_path, {})
    assert (
        "| highest mean J (Grad-CAM) | vgg_16 | \\_own\\_ |\n"
        "|---|---|---|\n"
        "| milia-like cyst | 0.123 at 0.300 | - |\n"
        "| **union** | 0.200 at 0.400 | 0.100 at 0.000 |\n"
    ) in page
    assert "![" not in page
    assert "](figures/jaccard_by_threshold.png)" in page_of(tmp_path, {"figures/jaccard_by_threshold.png": ""})


def test_files_of_one_name_are_one_entry_in_the_words_of_their_caption(tmp_path: Path) -> None:
    files = {f"tables/table2.{suffix}": "" for suffix in ("tex", "csv", "html")}
    files["tables/table2.md"] = "Table 2. a_b: J at 0.5 of *each* feature. More, vs. others.\n\n| a |\n"
    files["tables/extended_groups.csv"] = ""
    page = page_of(tmp_path, files)
    assert entries(page, "Tables") == [
        r"Table 2. a_b: J at 0.5 of \*each\* feature: [md](tables/table2.md), [html](tables/table2.html), "
        "[csv](tables/table2.csv), [tex](tables/table2.tex)"
    ]
    assert entries(page, "Tables beyond the paper") == [
        "extended groups: [extended_groups.csv](tables/extended_groups.csv)"
    ]


def test_entries_stand_in_the_order_of_the_configuration(tmp_path: Path) -> None:
    sources = [(model, method) for model in ("_own_", "vgg_16") for method in ("all_white", "gradcam", "tiled")]
    files = {f"jaccard/{model}/{method}/union/0.{n}.csv": "" for model, method in sources for n in ("100", "200")}
    page = page_of(tmp_path, {**files, "jaccard/gone/gradcam/union/0.100.csv": ""})
    assert re.findall(r"^## (.+)$", page, re.M) == ["Per picture"]
    words = [entry.partition(": [")[0] for entry in entries(page, "Per picture")[:7]]
    assert words == [
        *(f"J at each threshold: vgg_16, {method}" for method in ("Grad-CAM", "tiled", "all white")),
        *(rf"J at each threshold: \_own\_, {method}" for method in ("Grad-CAM", "tiled", "all white")),
        "J at each threshold: gone, Grad-CAM (left over: not in this configuration)",
    ]


def test_sources_that_belong_to_no_model_are_none_left_over(tmp_path: Path) -> None:
    configuration = {**CONFIGURATION, "sources": {"ceiling": {"28x28": {"kind": "ceiling"}}}}
    page = page_of(tmp_path, {"jaccard/ceiling/28x28/union/0.100.csv": ""}, configuration=configuration)
    assert "- J at each threshold: ceiling, 28x28: [jaccard/ceiling/28x28/](jaccard/ceiling/28x28/)\n" in page


def test_readers_are_none_left_over_where_the_study_names_them(tmp_path: Path) -> None:
    files = {"jaccard/reader/anna/union/0.100.csv": "", "feedback/anna/masks.zip": "", "feedback/ben/masks.zip": ""}
    page = page_of(tmp_path, files, configuration={**CONFIGURATION, "feedback": {"anna": "a.zip"}})
    assert "- J at each threshold: reader, anna: [jaccard/reader/anna/]" in page
    assert "- anna: masks, as an archive of masks: [masks.zip](feedback/anna/masks.zip)" in page
    assert "- ben: masks, as an archive of masks (left over: not in this configuration): [" in page


def test_ceilings_are_none_left_over_where_the_study_has_them(tmp_path: Path) -> None:
    files = {"jaccard/ceiling/8x7/union/0.100.csv": ""}
    for has, words in ((True, "ceiling, 8x7: ["), (False, "ceiling, 8x7 (left over: not in this configuration): [")):
        page = page_of(tmp_path, files, configuration={**CONFIGURATION, "ceilings": {"maps": has}})
        assert f"- J at each threshold: {words}" in page


def test_tables_and_figures_that_the_study_does_not_make_are_left_over(tmp_path: Path) -> None:
    """As tables 3 and 5 of a study that had two models and has one."""
    files = {f"tables/table{number}.{suffix}": "" for number in (2, 3) for suffix in ("csv", "md")}
    page_of(tmp_path, {**files, "figures/figure5.png": "", "figures/groups.png": "", "cells/a.h5": ""})
    asked_for = ["tables/table2.csv", "tables/table2.md", "figures/groups.png", "statistics/thresholds.csv"]
    page = index_page(tmp_path, RECORD, BEST, asked_for=asked_for)
    told = {link for line in page.splitlines() if "left over" in line for link in links(line)}
    assert told == {"tables/table3.csv", "tables/table3.md", "figures/figure5.png"}
    assert set(links(page)) == {*files, "figures/figure5.png", "figures/groups.png", "cells/"}
    assert "left over" not in index_page(tmp_path, RECORD, BEST)
    assert index_page(tmp_path, RECORD, BEST, asked_for=[]).count("left over") == 4
    (tmp_path / "tables" / "mine.csv").touch()
    assert entries(index_page(tmp_path, RECORD, BEST, asked_for=asked_for), OTHERS) == ["[tables/](tables/)"]

    write_record(tmp_path / "study.json", RECORD)
    (tmp_path / "statistics").mkdir()
    BEST.to_csv(tmp_path / "statistics" / "best_thresholds.csv", index=False)
    write_index(tmp_path, [*(tmp_path / path for path in asked_for), "/elsewhere/published.csv"])
    written = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert told == {link for line in written.splitlines() if "left over" in line for link in links(line)}
    assert "(report/index.html)" not in written
    write_index(tmp_path, [*(tmp_path / path for path in asked_for), tmp_path / "report" / "index.html"])
    page = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "(report/index.html)" in page  # it is made next, from the record


def test_what_it_does_not_know_is_named_without_words(tmp_path: Path) -> None:
    files = {"notes (mine).txt": "", "other/a.txt": "", "other/b/c.txt": "", "tables/.half.csv": "", ".x/y": ""}
    page = page_of(tmp_path, files)
    assert entries(page, OTHERS) == ["[notes (mine).txt](notes%20%28mine%29.txt)", "[other/](other/)"]
    assert [kind_of(path) for path in files] == [None] * 5
    assert files_of(tmp_path) == ["notes (mine).txt", "other/a.txt", "other/b/c.txt"]
    assert f"## {OTHERS}" not in page_of(tmp_path / "empty", {})


def test_what_is_made_on_request_is_named_before_and_after(tmp_path: Path) -> None:
    page = page_of(tmp_path, {})
    assert entries(page, "Per picture") == [
        "Submission to ISIC 2018 Task 2, and its scores: on request, `snakemake challenge`"
    ]
    page = page_of(tmp_path, {"challenge/vgg_16/gradcam/scores.csv": "", "challenge/vgg_16/gradcam/masks/a.png": ""})
    assert entries(page, "Per picture") == [
        "Submission to ISIC 2018 Task 2: vgg_16, Grad-CAM: [challenge/vgg_16/gradcam/](challenge/vgg_16/gradcam/)"
    ]


def test_it_is_written_again_from_the_folder_alone(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_index(tmp_path)
    write_record(tmp_path / "study.json", RECORD)
    (tmp_path / "statistics").mkdir()
    BEST.to_csv(tmp_path / "statistics" / "best_thresholds.csv", index=False)
    write_index(tmp_path)
    page = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert set(links(page)) == {"study.json", "README.md", "statistics/best_thresholds.csv"}
    assert "0.200 at 0.400" in page  # thresholds keep their digits
    (tmp_path / "manifest").mkdir()
    (tmp_path / "manifest" / "training.csv").touch()
    write_index(tmp_path)
    again = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert set(links(again)) == {*links(page), "manifest/training.csv"}


def test_kinds_have_a_heading_and_words_that_can_be_filled_in() -> None:
    assert {kind.group for kind in KINDS} | {OTHERS} == set(GROUPS)
    assert len({kind.pattern for kind in KINDS}) == len(KINDS)
    for kind in KINDS:
        names = re.compile(kind.pattern).groupindex
        assert "{" not in kind.words.format(**dict.fromkeys(names, "x"))
        assert not kind.words.endswith(".")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("tables/best_thresholds_third.html", ""),
        ("tables/groups_third.tex", ""),
        ("figures/thresholds_third.svg", "The example's map at each threshold, {model}"),
        ("classifiers/graph/model.pb", "{model}: the classifier"),
        ("statistics/models/ceiling/thresholds.csv", None),
        ("feedback/anna/masks.zip", "{reader}: masks, as an archive of masks"),
        ("challenge/plain/gradcam/masks/ISIC_0000000_attribute_streaks.png", None),
    ],
)
def test_kinds_that_no_run_of_the_embedded_study_makes(path: str, words: str | None) -> None:
    kind = kind_of(path)
    assert kind is not None and (words is None or kind.words == words)
