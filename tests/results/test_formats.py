"""How tables are written: rounded for reading, alike in Markdown, HTML and LaTeX, and unrounded as CSV."""

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from dermalign.results.formats import FORMATS, LONG, Readable, latex, markdown, readable, web_page, write_table
from hypothesis import given, settings
from hypothesis import strategies as st

TABLE = pd.DataFrame(
    {
        "feature": ["milia_like_cyst", "union"],
        "threshold": ["0.300", None],
        "n": [30, 1963],
        "MEL": [3, 4],
        "MEL_share": [0.12345, 1.0],
        "j_mean": [0.14159, np.nan],
        "j_sd": [0.05, np.nan],
        "difference": [-0.0001, -0.25],
        "u": [1234.5, 7.0],
        "p": [1.5e-19, 0.5],
        "test": ["asymptotic", None],
    }
)
HEADS = ["feature", "best threshold", "pictures", "MEL (share)", "J mean (SD)", "difference", "U", "p", "test"]
ROWS = [
    ["milia-like cyst", "0.300", "30", "3 (12.3%)", "0.142 (0.050)", "0.000", "1234.5", "< 0.001", "asymptotic"],
    ["union", "-", "1963", "4 (100.0%)", "-", "-0.250", "7.0", "0.500", "-"],
]
RIGHT = [False, False, True, True, True, True, True, True, False]
SPECIAL = st.text(st.sampled_from("ab_%&$#{}~^\\|<>\"'é-. "), min_size=1, max_size=8).map(str.strip).filter(bool)


class Page(HTMLParser):
    """What a browser reads: the title, the caption and the cells by row."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.right: list[list[bool]] = []  # whether each cell is of a number, on the right
        self.texts: dict[str, str] = {}
        self.tag = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert not {"src", "href"} & {name for name, _ in attrs}  # nothing is fetched
        self.tag = tag
        if tag == "tr":
            self.rows.append([])
            self.right.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
            self.right[-1].append(("class", "number") in attrs)

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
    return [[re.sub(r"\\([|<(])", r"\1", cell.strip()) for cell in row] for row in cells]


def latex_rows(text: str) -> list[list[str]]:
    """The cells of a LaTeX table as they are printed: header and rows."""
    body = text[text.rindex("\\endlastfoot") if "longtable}{" in text else text.index("\\toprule") :]
    words = {r"\textbackslash{}": "\\", r"\textasciitilde{}": "~", r"\textasciicircum{}": "^"}
    words |= {r"\textless{}": "<", r"\textgreater{}": ">", **{f"\\{sign}": sign for sign in "&%$#_{}"}}
    pattern = re.compile("|".join(map(re.escape, words)))
    lines = [line.removesuffix(r" \\") for line in body.splitlines() if line.endswith(r" \\")]
    lines = [re.sub(r"^\\multicolumn{\d+}{l}{\\emph{(.*)}}$", r"\1", line) for line in lines]
    letter = r"(?:\\[{}]|{}|[^{}])"
    lines = [re.sub(rf"\\shortstack\[.\]{{({letter}*?) \\\\ ({letter}*?)}}", r"\1 \2", line) for line in lines]
    rows = [re.split(r"(?<!\\) & ", line) for line in lines]
    for cell in (cell for row in rows for cell in row):
        assert not set(pattern.sub("", cell)) & set("&%$#_{}~^\\<>")  # nothing that LaTeX would take for a command
    return [[pattern.sub(lambda match: words[match[0]], cell) for cell in row] for row in rows]


def test_all_formats_round_alike_and_csv_does_not(tmp_path: Path) -> None:
    paths = [tmp_path / "a" / f"table7{suffix}" for suffix in (".csv", ".md", ".html", ".tex")]
    write_table(TABLE, "Table 7. Of 95 % & more.", paths)
    csv, md, html, tex = (path.read_text(encoding="utf-8") for path in paths)
    assert md.startswith("Table 7. Of 95 % & more.\n\n|") and md.endswith("|\n")
    header, line, *rows = markdown_rows(md)
    assert [header, *rows] == [HEADS, *ROWS]
    assert [cell.endswith(":") for cell in line] == RIGHT
    page = Page(html)
    assert page.rows == [HEADS, *ROWS]
    assert page.texts["title"] == "Table 7"
    assert page.texts["caption"] == "Table 7. Of 95 % & more."
    assert page.right == [RIGHT, RIGHT, RIGHT]
    assert latex_rows(tex) == [HEADS, *ROWS]
    assert f"\\begin{{tabular}}{{{''.join('lr'[right] for right in RIGHT)}}}" in tex
    assert r"\caption{Table 7. Of 95 \% \& more.}" in tex
    assert r"\label{tab:table7}" in tex
    read = pd.read_csv(paths[0], dtype={"threshold": str, "test": str})
    pd.testing.assert_frame_equal(read, TABLE, check_dtype=False, check_exact=True)
    assert csv.splitlines()[0] == ",".join(TABLE.columns)


def test_blocks_have_a_title_above_their_rows_and_no_column() -> None:
    table = pd.DataFrame(
        {
            "model": ["a_1", "a_1", "b"],
            "at": ["best of union", "best of group", "best of group"],
            "group": ["NV-wrong", "NV-wrong", "MEL_wrong"],
            "threshold": ["0.1", "0.2", "0.3"],
        }
    )
    found = readable(table, ["model", "at"])
    assert found.heads == ["group", "best threshold"]
    titles = [
        "a_1, at the best threshold of the union",
        "a_1, at the best threshold of each group",
        "b, at the best threshold of each group",
    ]
    rows = [[["NV-wrong", "0.1"]], [["NV-wrong", "0.2"]], [["MEL_wrong", "0.3"]]]
    assert found.blocks == list(zip(titles, rows, strict=True))
    printed = [cells for title, (row,) in found.blocks for cells in ([title], row)]
    assert Page(web_page(found, "A.", "x")).rows == [found.heads, *printed]
    md = markdown_rows(markdown(found, "A."))
    assert md[2:] == [[f"**{cells[0]}**", ""] if len(cells) == 1 else cells for cells in printed]
    assert latex_rows(latex(found, "A.", "x")) == [found.heads, *printed]


def test_values_stand_with_their_intervals() -> None:
    table = pd.DataFrame(
        {"a_value": [0.5, 1.0], "a_low": [0.41, np.nan], "a_high": [0.6, np.nan], "a_published": [0.7, np.nan]}
    )
    found = readable(table)
    assert found.heads == ["a (95 % interval)", "a, published"]
    assert found.blocks == [("", [["0.500 (0.410 to 0.600)", "0.700"], ["1.000", "-"]])]
    assert found.numeric == [True, True]


@pytest.mark.parametrize(("columns", "size"), [(2, ""), (6, ""), (8, "small"), (9, "scriptsize"), (30, "tiny")])
def test_latex_has_letters_as_small_as_the_width_asks_for(columns: int, size: str) -> None:
    table = pd.DataFrame({f"c{number}": ["x" * 8] for number in range(columns)})
    text = latex(readable(table), "A.", "x")
    sizes = re.findall(r"^\\(small|footnotesize|scriptsize|tiny)$", text, re.MULTILINE)
    assert sizes == ([size] if size else [])


def test_long_texts_are_broken_into_lines_that_fit_the_page() -> None:
    table = Readable(["a", "note"], [False, False], [("", [["x", "a word " * 30]])])
    text = latex(table, "A.", "x")
    assert text.startswith("% Needs \\usepackage{array, booktabs}.")
    (width,) = re.findall(r"{l>{\\raggedright\\arraybackslash}p{(\d+)pt}}", text)
    assert 69 <= int(width) <= 345
    assert '<td class="long">' in web_page(table, "A.", "x")


def test_heads_wider_than_their_columns_are_of_two_lines() -> None:
    table = pd.DataFrame({"n_first": [5], "group": ["MEL-correct"]})
    assert r"\shortstack[r]{pictures, \\ first} & group" in latex(readable(table), "A.", "x")


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
    assert readable(pd.DataFrame({column: [value]})).blocks == [("", [[text]])]


@settings(max_examples=150, deadline=None)
@given(header=SPECIAL, cells=st.lists(SPECIAL, min_size=1, max_size=3), caption=SPECIAL)
def test_names_with_signs_are_read_as_they_are(header: str, cells: list[str], caption: str) -> None:
    table = Readable([header, f"{header}2"], [False, True], [("", [[cell, "0.000"] for cell in cells])])
    expected = [table.heads, *([cell, "0.000"] for cell in cells)]
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
    text = latex(readable(table), "Long.", "long")
    assert f"\\begin{{{environment}}}{{lr}}" in text
    assert ("longtable}." in text.splitlines()[0]) == (environment == "longtable")
    assert text.count("{") == text.count("}")
    begun, ended = (re.findall(rf"\\{word}{{(\w+)}}", text) for word in ("begin", "end"))
    assert begun == ended[::-1]
    assert latex_rows(text)[-rows:] == [[f"p_{row}", "0.500"] for row in range(rows)]


@pytest.mark.parametrize("suffix", FORMATS)
def test_what_is_written_depends_on_the_table_alone(suffix: str) -> None:
    written = FORMATS[suffix](readable(TABLE), "Caption.", "x")
    assert written == FORMATS[suffix](readable(TABLE.copy()), "Caption.", "x")
    empty = FORMATS[suffix](readable(TABLE[:0]), "Caption.", "x")
    assert all(word in empty for head in HEADS for word in re.findall(r"\w+", head))
