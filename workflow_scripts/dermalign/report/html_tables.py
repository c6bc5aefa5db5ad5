"""Tables of a study in a page, in the words and digits in which tables/*.html have them."""

import html
from pathlib import Path

import pandas as pd

from ..results.formats import Readable, long_columns
from ..results.statistics import NAME_COLUMNS, WORD_COLUMNS

# Text whatever it looks like, beside what is text in statistics.
NAMES = (
    "metric",
    "class",
    "versus",
    "measure",
    "part",
    "grid",
    "layers_randomised",
    "check",
    "row",
    "column",
    "table",
    "note",
)


def read_table(path: str | Path) -> pd.DataFrame:
    """Read a table as tables/*.csv hold it: names and thresholds as text, numbers unrounded.

    Absent are thresholds, numbers and words that are empty; a name never is. Raises FileNotFoundError.
    """
    columns = pd.read_csv(path, nrows=0).columns
    names = [name for name in columns if name in (*NAME_COLUMNS, *NAMES)]
    return pd.read_csv(
        path,
        dtype=dict.fromkeys([*names, *(name for name in columns if name in WORD_COLUMNS)], str),
        keep_default_na=False,
        na_values={name: [""] for name in columns if name not in names},
    )


def html_table(table: Readable, name: str) -> str:
    """Return a table as HTML in a box that scrolls by itself, with nothing but text in its cells.

    table: without blocks. name: of the element that says what the table is, its id. The box has the classes `n{k}`
    where the k-th column, from 1, is of numbers, and `w{k}` where its texts are broken into lines.
    """
    ((_, rows),) = table.blocks
    # Heads may be alike, columns may not.
    styler = pd.DataFrame(rows, columns=range(len(table.heads)), dtype=object).style
    styler = styler.hide(axis="index").format(escape="html").relabel_index([*map(html.escape, table.heads)], axis=1)
    classes = [f"n{place}" for place, is_numeric in enumerate(table.numeric, 1) if is_numeric]
    classes += [f"w{place}" for place, is_long in enumerate(long_columns(table), 1) if is_long]
    plain = styler.to_html(exclude_styles=True).replace("<th >", '<th scope="col">').replace("<td >", "<td>")
    lines = "".join(line.strip() for line in plain.splitlines())
    return (
        f'<div class="{" ".join(["box", *classes])}" role="region" tabindex="0" aria-labelledby="{name}">{lines}</div>'
    )
