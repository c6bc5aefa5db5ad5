"""How tables are put down: as CSV, unrounded, and, rounded for reading, as Markdown, HTML and LaTeX with captions."""

import html
import re
from collections.abc import Callable, Iterable
from pathlib import Path

import pandas as pd
from pandas.io.formats.style import Styler

from ..files import write_text

UNDEFINED = "-"
LONG = 40  # rows that fill a page: a longer table is broken over pages in LaTeX
STYLE = {
    "": "border-collapse: collapse; font: 14px sans-serif; font-variant-numeric: tabular-nums",
    "caption": "text-align: left; max-width: 50em; padding-bottom: 0.8em",
    "th": "text-align: left; padding: 0.2em 0.7em",
    "td": "text-align: left; padding: 0.2em 0.7em; white-space: nowrap",
    "thead": "border-top: 2px solid; border-bottom: 1px solid",
    "tbody": "border-bottom: 2px solid",
}
# LaTeX reads these as commands, and < and > as other letters.
LATEX = str.maketrans(
    {sign: f"\\{sign}" for sign in "&%$#_{}"}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    | {"<": r"\textless{}", ">": r"\textgreater{}"}
)


def write_table(table: pd.DataFrame, caption: str, paths: Iterable[str | Path]) -> None:
    """Write a table into files, each in the format that its suffix names: .csv, .md, .html or .tex."""
    for path in map(Path, paths):
        write_text(path, FORMATS[path.suffix](table, caption, path.stem))


def readable(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table as text for reading: numbers rounded as `_number` says, `-` where a value is undefined."""
    values = table.astype(object).where(table.notna(), None)
    return pd.DataFrame(
        {column: [_text(str(column), value) for value in values[column]] for column in values}, dtype=object
    )


def _text(column: str, value: object) -> str:
    if value is None:
        return UNDEFINED
    return _number(column, value) if isinstance(value, float) else str(value)


def _number(column: str, value: float) -> str:
    """Return a number as its column is read: three digits, shares in percent, U in halves."""
    if column == "p":
        return f"{value:.3f}" if value >= 0.001 else "< 0.001"
    if column == "u":
        return f"{value:.1f}"
    if re.search("(^|_)share$", column):
        return f"{value:.1%}"
    return f"{value:z.3f}"  # z: no -0.000


def _numeric(table: pd.DataFrame) -> list[bool]:
    return [pd.api.types.is_numeric_dtype(kind) for kind in table.dtypes]


def _escaped(table: pd.DataFrame, escape: Callable[[str], str]) -> pd.DataFrame:
    return readable(table).map(escape).rename(columns=escape)


def csv(table: pd.DataFrame, caption: str = "", name: str = "") -> str:
    """Return a table as CSV, unrounded; it has no place for a caption."""
    return table.to_csv(index=False)


def markdown(table: pd.DataFrame, caption: str, name: str = "") -> str:
    """Return a table as Markdown with its caption above it."""
    text = _escaped(table, lambda cell: cell.replace("|", r"\|"))
    sides = ["right" if numeric else "left" for numeric in _numeric(table)]
    return f"{caption}\n\n{text.to_markdown(index=False, disable_numparse=True, colalign=sides)}\n"


def web_page(table: pd.DataFrame, caption: str, name: str) -> str:
    """Return a table as a page of HTML that needs nothing else; the name tells its style from that of other tables."""
    numbers = {f".col{column}": "text-align: right" for column, numeric in enumerate(_numeric(table)) if numeric}
    style = Styler(_escaped(table, html.escape), uuid=name, cell_ids=False, caption=html.escape(caption))
    style.hide(axis="index").set_table_styles(
        [{"selector": selector, "props": props} for selector, props in {**STYLE, **numbers}.items()]
    )
    title = html.escape(re.split("[.:] ", caption)[0])
    return f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>{title}</title>\n{style.to_html()}'


def latex(table: pd.DataFrame, caption: str, name: str) -> str:
    """Return a table as LaTeX with its caption and the label `tab:` and its name; a long one is broken over pages."""
    is_long = len(table) > LONG
    style = Styler(_escaped(table, lambda text: text.translate(LATEX)), caption=caption.translate(LATEX))
    text = style.hide(axis="index").to_latex(
        column_format="".join("r" if numeric else "l" for numeric in _numeric(table)),
        environment="longtable" if is_long else None,
        hrules=True,
        label=f"tab:{name}",
        position_float=None if is_long else "centering",
    )
    return f"% Needs \\usepackage{{{'booktabs, longtable' if is_long else 'booktabs'}}}.\n{text}"


FORMATS = {".csv": csv, ".md": markdown, ".html": web_page, ".tex": latex}
