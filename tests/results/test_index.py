"""The index names every result in words, with links that are there."""

import re
from pathlib import Path

import pandas as pd
import pytest
from dermalign.results.index import GROUPS, KINDS, files_of, index_page, kind_of

RECORD = {
    "study": "mine",
    "written": "2026-01-02T03:04:05+00:00",
    "commit": "0123456789abcdef",
    "changed": False,
    "pictures": {"evaluation": 1200, "analysed": 1000},
    "versions": {"dermalign": "0.1.0"},
    "configuration": {"models": {"plain": {}, "residual": {}}},
}
BEST = pd.DataFrame(
    [
        ("plain", "gradcam", "union", "0.500", 0.1316),
        ("residual", "gradcam", "union", None, None),
        ("plain", "all_white", "union", "0.000", 0.9),
    ],
    columns=["model", "method", "feature", "threshold", "j_mean"],
)
FILES = (
    "tables/table1.csv",
    "tables/table1.md",
    "tables/extended_groups.md",
    "figures/figure1.png",
    "figures/figure1.svg",
    "figures/thresholds_third.png",
    "figures/classifiers/plain_confusion.png",
    "statistics/thresholds.csv",
    "saliency/plain/gradcam/a.h5",
    "saliency/plain/gradcam/b.h5",
    "jaccard/plain/gradcam/union/0.500.csv",
    "classifiers/plain/model.keras",
    "challenge/plain/gradcam/masks/a.png",
    "logs/train/plain.log",
    "study.json",
    "something/else.txt",
    "classifiers/plain/.training/epoch_1.h5",
)


@pytest.fixture
def page(tmp_path: Path) -> str:
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("Table 1. Masks that are not black, of 5 pictures. Of whom?\n\n| a |\n")
    (tmp_path / "tables" / "extended_groups.md").write_text("J of the union: all groups. Difference: J.\n")
    return index_page(tmp_path, RECORD, BEST, "gradcam", more=["README.md"])


def test_every_line_has_words_and_links_that_are_there(page: str, tmp_path: Path) -> None:
    links = re.findall(r"\]\(([^)]+)\)", page)
    assert all((tmp_path / link).exists() or link == "README.md" for link in links)
    assert len(links) == len(set(links))
    told = [line for line in page.splitlines() if line.startswith("- ")]
    assert all(re.fullmatch(r"- [^\[]+: \[.*", line) for line in told)
    assert "- Table 1. Masks that are not black, of 5 pictures: [table1.csv](tables/table1.csv), [table1.md]" in page
    assert "- J of the union: all groups: [extended_groups.md](tables/extended_groups.md)" in page
    assert "- Saliency maps: plain, Grad-CAM: [saliency/plain/gradcam/](saliency/plain/gradcam/)\n" in page
    assert "else.txt" not in page and "epoch_1" not in page


def test_groups_are_in_order_and_none_is_empty(page: str) -> None:
    headings = re.findall(r"^## (.+)\n\n- ", page, re.MULTILINE)
    assert headings == [group for group in GROUPS if group in headings]
    assert len(re.findall(r"^## ", page, re.MULTILINE)) == len(headings)


def test_the_main_result_and_what_the_study_is_come_first(page: str) -> None:
    assert page.startswith("# Results of the study mine\n")
    assert "1,000 of 1,200 evaluation pictures" in page and "commit 0123456789ab." in page
    assert "| highest mean J (Grad-CAM) | plain | residual |" in page
    assert "| **union** | 0.132 at 0.500 | - |" in page
    assert "![" not in page  # a picture that is not there


def test_files_of_no_known_kind_are_found_out(page: str, tmp_path: Path) -> None:
    unknown = [path for path in files_of(tmp_path) if kind_of(path) is None]
    assert unknown == ["something/else.txt"]


def test_no_kind_hides_behind_another_one() -> None:
    assert len({kind.pattern for kind in KINDS}) == len(KINDS)
    assert {kind.group for kind in KINDS} == set(GROUPS)
