"""Tables in the page say what tables/*.html say, as text."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
from dermalign.report.html_tables import html_table, read_table
from dermalign.report.page import ASSETS
from dermalign.results.formats import readable, write_table

NASTY = ["<b>&amp;</b>", '"quo\'ted"', "NA", "001", "1e5", "<script>alert(1)</script>", "{{ study }}", "a|b"]
TABLE = pd.DataFrame(
    {
        "model": NASTY,
        "class": NASTY[::-1],
        "method": "gradcam",
        "threshold": ["0.300", None] * 4,
        "n": range(995, 1003),
        "j_mean": [0.12345, float("nan")] * 4,
        "j_sd": [0.05, float("nan")] * 4,
        "share": 0.5,
        "p": [1e-9, 0.25] * 4,
        "note": "",
    }
)


class Cells(HTMLParser):
    """What a browser reads: tags, classes of the box, and the cells of each row."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.box: dict[str, str | None] = {}
        self.rows: list[list[str]] = []
        self.is_in_cell = False
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag == "div":
            self.box = dict(attributes)
        elif tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
            self.is_in_cell = True

    def handle_endtag(self, tag: str) -> None:
        self.is_in_cell = self.is_in_cell and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self.is_in_cell:
            self.rows[-1][-1] += data


def test_a_table_that_was_written_and_read_is_shown_in_the_words_of_its_other_formats(tmp_path: Path) -> None:
    write_table(TABLE, "Caption.", [tmp_path / "table.csv", tmp_path / "table.html"])
    found = Cells(html_table(readable(read_table(tmp_path / "table.csv")), "x"))
    expected = Cells((tmp_path / "table.html").read_text(encoding="utf-8")).rows
    assert found.rows == expected
    assert len(found.rows) == 1 + len(TABLE) and found.rows[1][:3] == [NASTY[0], NASTY[-1], "Grad-CAM"]


def test_names_are_text_and_nothing_else() -> None:
    found = Cells(html_table(readable(TABLE.rename(columns={"share": "<i>share"})), "x"))
    assert found.tags == {"div", "table", "thead", "tbody", "tr", "th", "td"}
    assert [row[0] for row in found.rows[1:]] == NASTY
    assert "<i>share" in found.rows[0]


def test_the_box_scrolls_is_reached_by_keys_and_says_what_stands_in_it() -> None:
    long = pd.DataFrame({"feature": ["union"], "n": [3], "note": ["much more than thirty letters of text"]})
    box = Cells(html_table(readable(long), "the-title")).box
    assert box == {"class": "box n2 w3", "role": "region", "tabindex": "0", "aria-labelledby": "the-title"}


def test_heads_may_be_alike() -> None:
    table = readable(pd.DataFrame([["a", "b"]], columns=["p q", "p_q"]))
    assert Cells(html_table(table, "x")).rows == [["p q", "p q"], ["a", "b"]]


def test_the_script_knows_the_numbers_of_tables_and_takes_no_name_for_one() -> None:
    """By what it sorts; Python reads the pattern as JavaScript does."""
    script = (ASSETS / "report.js").read_text(encoding="utf-8")
    (pattern,) = re.findall(r"NUMBER = /(.*)/i;", script)
    found = readable(TABLE)
    numbers = [
        row[place] for _, rows in found.blocks for row in rows for place in range(len(row)) if found.numeric[place]
    ]
    expected = {"0.123 (0.050)": 0.123, "< 0.001": 0.001, "50.0%": 0.5, "0.250": 0.25, "995": 995}
    for text, value in {**expected, "1,409": 1409, "-0.028 to 0.013": -0.028, "18 of 53": 18, "7e-05": 7e-5}.items():
        match = re.match(pattern, text, re.I)
        assert match, text
        assert float(match[1].replace(",", "")) / (100 if text.endswith("%") else 1) == value
    assert set(expected) <= set(numbers)
    for name in ("16x16", "1e5_model", "-", "Grad-CAM", "5-fold", "table 2", "2.1.3"):
        assert not re.match(pattern, name, re.I), name
