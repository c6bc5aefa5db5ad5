"""How tables are written: rounded for reading, alike in Markdown, HTML and LaTeX, and unrounded as CSV."""

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from dermalign.results.formats import FORMATS, LONG, latex, markdown, readable, web_page, write_table
from hypothesis import given, settings
from hypothesis import strategies as st

TABLE = pd.DataFrame(
    {
        "feature": ["milia_like_cyst", "union"],
        "threshold": ["0.300", None],
        "n": [30, 1963],
        "MEL_share": [0.12345, 1.0],
        "j_mean": [0.14159, np.nan],
        "difference": [-0.0001, -0.25],
        "u": [1234.5, 7.0],
        "p": [1.5e-19, 0.5],
        "test": ["asymptotic", None],
    }
)
ROWS = [
    ["milia_like_cyst", "0.300", "30", "12.3%", "0.142", "0.000", "1234.5", "< 0.001", "asymptotic"],
    ["union", "-", "1963", "100.0%", "-", "-0.250", "7.0", "0.500", "-"],
]
RIGHT = [False, False, True, True, True, True, True, True, False]
SPECIAL = st.text(st.sampled_from("ab_%&$#{}~^\\|<>\"'é-. "), min_size=1, max_size=8).map(str.strip).filter(bool)


class Page(HTMLParser):
    """What a browser reads: the title, the caption and the cells by row."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.texts: dict[str, str] = {}
        self.tag = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert not {"src", "href"} & {name for name, _ in attrs}  # nothing is fetched
        self.tag = tag
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self.tag = ""

    def handle_data(self, data: str) -> None:
        if self.tag in ("td", "th"):
            self.rows[-1][-1] += data
        elif self.tag:
            self.texts[self.tag] = self.texts.get(self.tag, "") + data


def markdown_rows(text: str) -> list[list[str]]:
    """The cells of a Markdown table: header, line, rows."""
    lines = text.split("\n\n", 1)[1].splitlines()
    cells = [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines]
    return [[cell.strip().replace(r"\|", "|") for cell in row] for row in cells]


def latex_rows(text: str) -> list[list[str]]:
    """The cells of a LaTeX table as they are printed: header and rows."""
    body = text[text.rindex("\\endlastfoot") if "longtable}{" in text else text.index("\\toprule") :]
    words = {r"\textbackslash{}": "\\", r"\textasciitilde{}": "~", r"\textasciicircum{}": "^"}
    words |= {r"\textless{}": "<", r"\textgreater{}": ">", **{f"\\{sign}": sign for sign in "&%$#_{}"}}
    pattern = re.compile("|".join(map(re.escape, words)))
    lines = [line.removesuffix(r" \\") for line in body.splitlines() if line.endswith(r" \\")]
    rows = [re.split(r"(?<!\\) & ", line) for line in lines]
    for cell in (cell for row in rows for cell in row):
        assert not set(pattern.sub("", cell)) & set("&%$#_{}~^\\<>")  # nothing that LaTeX would take for a command
    return [[pattern.sub(lambda match: words[match[0]], cell) for cell in row] for row in rows]


def test_all_formats_round_alike_and_csv_does_not(tmp_path: Path) -> None:
    paths = [tmp_path / "a" / f"table7{suffix}" for suffix in FORMATS]
    write_table(TABLE, "Table 7. Of 95 % & more.", paths)
    csv, md, html, tex = (path.read_text(encoding="utf-8") for path in paths)
    assert md.startswith("Table 7. Of 95 % & more.\n\n|") and md.endswith("|\n")
    header, line, *rows = markdown_rows(md)
    assert [header, *rows] == [list(TABLE.columns), *ROWS]
    assert [cell.endswith(":") for cell in line] == RIGHT
    page = Page(html)
    assert page.rows == [list(TABLE.columns), *ROWS]
    assert page.texts["title"] == "Table 7"
    assert page.texts["caption"] == "Table 7. Of 95 % & more."
    assert [f".col{column} {{\n  text-align: right" in html for column in range(len(RIGHT))] == RIGHT
    assert latex_rows(tex) == [list(TABLE.columns), *ROWS]
    assert f"\\begin{{tabular}}{{{''.join('lr'[right] for right in RIGHT)}}}" in tex
    assert r"\caption{Table 7. Of 95 \% \& more.}" in tex
    assert r"\label{tab:table7}" in tex
    read = pd.read_csv(paths[0], dtype={"threshold": str, "test": str})
    pd.testing.assert_frame_equal(read, TABLE, check_dtype=False, check_exact=True)
    assert csv.splitlines()[0] == ",".join(TABLE.columns)


@pytest.mark.parametrize(
    ("column", "value", "text"),
    [
        ("p", 0.001, "0.001"),
        ("p", 0.000999999, "< 0.001"),
        ("p", 0.0, "< 0.001"),
        ("p", 1.0, "1.000"),
        ("j_mean", 0.0005, "0.001"),
        ("a_j_mean", 1.5e-19, "0.000"),
        ("difference", -1.5e-19, "0.000"),
        ("total_share", 0.0, "0.0%"),
        ("share", 0.9996, "100.0%"),
        ("p_share", 0.5, "50.0%"),
        ("p_j_mean", 0.0001, "0.000"),
        ("j_mean", np.nan, "-"),
        ("n", 2386, "2386"),
        ("NV_share", 3, "3"),  # a count, of a diagnosis that has this name
        ("group", "nan", "nan"),
        ("group", None, "-"),
    ],
)
def test_numbers_are_rounded_as_their_column_is_read(column: str, value: object, text: str) -> None:
    assert readable(pd.DataFrame({column: [value]})).to_numpy().tolist() == [[text]]


@settings(max_examples=150, deadline=None)
@given(header=SPECIAL, cells=st.lists(SPECIAL, min_size=1, max_size=3), caption=SPECIAL)
def test_names_with_signs_are_read_as_they_are(header: str, cells: list[str], caption: str) -> None:
    table = pd.DataFrame({header: cells, f"{header}2": np.zeros(len(cells))})
    expected = [list(table.columns), *([cell, "0.000"] for cell in cells)]
    page = Page(web_page(table, caption, "x"))
    assert page.rows == expected
    assert page.texts["caption"] == caption
    assert latex_rows(latex(table, caption, "x")) == expected
    if "\\" not in header + "".join(cells):  # Markdown's own escapes
        top, _, *rows = markdown_rows(markdown(table, "Caption."))
        assert [top, *rows] == expected


@pytest.mark.parametrize(("rows", "environment"), [(LONG, "tabular"), (LONG + 1, "longtable")])
def test_long_tables_are_broken_over_pages(rows: int, environment: str) -> None:
    table = pd.DataFrame({"image": [f"p_{row}" for row in range(rows)], "j_mean": 0.5})
    text = latex(table, "Long.", "long")
    assert f"\\begin{{{environment}}}{{lr}}" in text
    assert ("longtable}." in text.splitlines()[0]) == (environment == "longtable")
    assert text.count("{") == text.count("}")
    begun, ended = (re.findall(rf"\\{word}{{(\w+)}}", text) for word in ("begin", "end"))
    assert begun == ended[::-1]
    assert latex_rows(text)[-rows:] == [[f"p_{row}", "0.500"] for row in range(rows)]


@pytest.mark.parametrize("suffix", FORMATS)
def test_what_is_written_depends_on_the_table_alone(suffix: str) -> None:
    assert FORMATS[suffix](TABLE, "Caption.", "x") == FORMATS[suffix](TABLE.copy(), "Caption.", "x")
    empty = FORMATS[suffix](TABLE[:0], "Caption.", "x")
    assert all(column.partition("_")[0] in empty for column in TABLE)
