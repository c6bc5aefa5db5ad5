"""The report of the embedded study in a real browser: it fits, it can be sorted, and axe finds nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from playwright.sync_api import Page, expect

from ..workflow.conftest import Run, Study
from .conftest import accessibility_faults, file_address, served

Opened = Callable[[str], Page]


@pytest.fixture(scope="session")
def report(finished: tuple[Study, Run]) -> Path:
    """The report's file."""
    return finished[0].results / "report" / "index.html"


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_and_axe_finds_nothing(watched: Opened, report: Path, width: int, scheme: Any) -> None:
    page = watched(file_address(report))
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 844})
    page.locator("details").evaluate_all("all => all.forEach((each) => { each.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    if width == 1280:  # takes long, and finds the same in a narrower window
        assert accessibility_faults(page) == ""


def test_it_opens_from_a_server(watched: Opened, report: Path) -> None:
    with served(report.parents[1]) as base:
        page = watched(f"{base}report/index.html")
        expect(page.locator("h1")).to_have_text("embedded")
        # Below a figure, the file that it is of.
        address = page.locator("a[href='../figures/ceilings.png']").first.get_attribute("href")
        assert page.request.get(f"{base}report/{address}").ok


def column(page: Page, number: int) -> list[str]:
    """Return the texts of a column of table 2."""
    cells = page.locator(
        f"#tables-table2 tbody tr td:nth-child({number}), #tables-table2 tbody tr th:nth-child({number})"
    )
    return [text.strip() for text in cells.all_text_contents()]


def test_a_table_is_sorted_by_its_heads_with_the_keyboard_too(watched: Opened, report: Path) -> None:
    page = watched(file_address(report))
    table = pd.read_csv(report.parents[1] / "tables" / "table2.csv")
    heads = page.locator("#tables-table2 thead th")
    mean = [head.strip() for head in heads.all_text_contents()].index("J mean (SD)")
    expected = table["j_mean"].round(3)
    assert [float(text.split()[0]) for text in column(page, mean + 1)] == expected.tolist()
    heads.nth(mean).locator("button").click()
    assert [float(text.split()[0]) for text in column(page, mean + 1)] == sorted(expected)
    expect(heads.nth(mean)).to_have_attribute("aria-sort", "ascending")
    heads.nth(mean).locator("button").press("Enter")
    assert [float(text.split()[0]) for text in column(page, mean + 1)] == sorted(expected, reverse=True)
    heads.nth(mean).locator("button").press("Enter")
    assert [float(text.split()[0]) for text in column(page, mean + 1)] == expected.tolist()


def test_all_of_it_is_printed(watched: Opened, report: Path) -> None:
    page = watched(file_address(report))
    folded = page.locator("details:not([open])").count()
    assert folded > 0
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details:not([open])").count() == 0
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.locator("details:not([open])").count() == folded
    assert page.pdf().startswith(b"%PDF")
