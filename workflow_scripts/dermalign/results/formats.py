"""How tables are put down: as CSV, unrounded, and, rounded and in words for reading, as Markdown, HTML and LaTeX."""

import html
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ..files import write_text
from .statistics import GROUP_BEST, UNION_BEST
from .words import in_words

UNDEFINED = "-"
LONG = 40  # rows that fill a page: a longer table is broken over pages in LaTeX
# Columns whose values are names of ours; others, such as groups and models, are the user's and stay as they are.
NAMED = ("feature", "method", "metric", "control", "measure", "covariate")
HEADINGS = {
    "n": "pictures",
    "j": "J",
    "n_first": "pictures, first",
    "n_second": "pictures, second",
    "first_threshold": "threshold, first",
    "second_threshold": "threshold, second",
    "j_min": "J min",
    "j_mean": "J mean",
    "j_sd": "SD",
    "n_shown": "masks that show it",
    "n_all": "all masks",
    "reference_threshold": "threshold, reference",
    "reference_j_mean": "J mean, reference",
    "j_max": "J max",
    "control_threshold": "control's best threshold",
    "control_j_mean": "control's J mean",
    "own_j_mean": "J mean there",
    "j_in_sample": "J in sample",
    "j_first": "J mean, first",
    "j_second": "J mean, second",
    "most_chosen": "most often chosen",
    "chosen_share": "how often",
    "versus": "groups",
    "u": "U",
    "p_holm": "p, Holm",
    "rank_biserial": "rank-biserial",
    "ssim": "SSIM",
    "flag": "all layers random",
    "epsilon_squared": "epsilon squared",
    "seconds": "seconds a picture",
    "degenerate": "constant maps",
    "left_out": "left out",
}
VALUES = {
    UNION_BEST: "at the best threshold of the union",
    GROUP_BEST: "at the best threshold of each group",
    "roc_auc": "ROC AUC",
    "micro_average": "all features together",
    "jaccard": "mean Jaccard index of masks (J)",
    "presence": "whether the feature is there (Cohen's kappa)",
    "right": "whether the classification is right (Cohen's kappa)",
    "class": "which class is right (Cohen's kappa)",
    "rating": "mean rating of the maps, 1 to 5",
}
# A column that stands in brackets behind another one, by the ends of their names.
BRACKETS = {"j_mean": "j_sd", "": "_share"}
# A value, and the bounds of its interval, which stand in brackets behind it; where there is no value of the name, or it
# is told apart, the bounds are a column of their own.
VALUE, LOW, HIGH = "_value", "_low", "_high"
APART = ("threshold",)
# Heads of values with intervals, by what their names begin with; others are models' names.
STEMS = {
    "j": "J mean",
    "out": "J out of sample",
    "versus_first": "minus the first method's",
    "gain": "first minus second",
    "difference": "difference at equal area",
    "own_difference": "difference, each at its best",
    "shown": "ratio of sums, same masks",
    "all": "ratio of sums, all masks",
    "deletion": "deletion area",
    "insertion": "insertion area",
}
STYLE = (
    "table { border-collapse: collapse; font: 14px sans-serif; font-variant-numeric: tabular-nums }\n"
    "caption { text-align: left; max-width: 50em; padding-bottom: 0.8em }\n"
    "th { text-align: left; padding: 0.2em 0.7em }\n"
    "td { text-align: left; padding: 0.2em 0.7em; white-space: nowrap; vertical-align: top }\n"
    ".number { text-align: right }\n"
    "td.long { white-space: normal; min-width: 12em }\n"
    ".block { font-weight: bold; padding-top: 0.8em }\n"
    "thead { border-top: 2px solid; border-bottom: 1px solid }\n"
    "tbody { border-bottom: 2px solid }"
)
# LaTeX reads these as commands, and < and > as other letters.
LATEX = str.maketrans(
    {sign: f"\\{sign}" for sign in "&%$#_{}"}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    | {"<": r"\textless{}", ">": r"\textgreater{}"}
)
# Of LaTeX's own classes on A4, in points: the width of the text, of a letter at each size, and of the blank between two
# columns, by the least size that needs no narrower one.
TEXT_WIDTH = 345
SIZES = {"": 5.0, r"\small": 4.65, r"\footnotesize": 4.3, r"\scriptsize": 3.9, r"\tiny": 3.2}
FIRST_SIZE_OF_LONG = 3
GAP, NARROW_GAP = 12, 5
LINE = 30  # letters: a column of longer texts is broken into lines


def write_table(table: pd.DataFrame, caption: str, paths: Iterable[str | Path], blocks: Sequence[str] = ()) -> None:
    """Write a table into files, each in the format that its suffix names: .csv, .md, .html or .tex.

    blocks: columns that stand, where the table is read, as a line above the rows that have their values in common.
    """
    for path in map(Path, paths):
        if path.suffix == ".csv":
            write_text(path, table.to_csv(index=False))
        else:
            write_text(path, FORMATS[path.suffix](readable(table, blocks), caption, path.stem))


@dataclass(frozen=True)
class Readable:
    """A table as text for reading.

    heads: of the columns; numeric: whether a column is of numbers; blocks: (title, rows), in order; the title is empty
    where a table has no blocks.
    """

    heads: list[str]
    numeric: list[bool]
    blocks: list[tuple[str, list[list[str]]]]


def readable(table: pd.DataFrame, blocks: Sequence[str] = ()) -> Readable:
    """Return a table in words: numbers rounded as `_number` says, `-` where a value is undefined.

    What belongs together is put together: `j_mean` with `j_sd` as `0.067 (0.078)`, a count with its share, a value
    with its interval as `0.624 (0.562 to 0.684)`. blocks: as in `write_table`.
    """
    texts = _together({str(name): _texts(str(name), table[name]) for name in table})
    numeric = {name: pd.api.types.is_numeric_dtype(table[name]) for name in texts if name in table}
    columns = [name for name in texts if name not in blocks]
    found: list[tuple[str, list[list[str]]]] = []
    for row in range(len(table)):
        title = ", ".join(texts[name][row] for name in blocks)
        if not found or found[-1][0] != title:
            found.append((title, []))
        found[-1][1].append([texts[name][row] for name in columns])
    heads = [_heading(name, table.columns) for name in columns]
    return Readable(heads, [numeric.get(name, True) for name in columns], found or [("", [])])


def _texts(column: str, values: "pd.Series[Any]") -> list[str]:
    present = values.astype(object).where(values.notna(), None)
    return [_text(column, value) for value in present]


def _text(column: str, value: object) -> str:
    if value is None:
        return UNDEFINED
    if isinstance(value, float):
        return _number(column, value)
    text = str(value)
    return VALUES.get(text, in_words(text)) if column in (*NAMED, "at") else text


def _number(column: str, value: float) -> str:
    """Return a number as its column is read: three digits, shares in percent, U in halves."""
    if column in ("p", "p_holm"):
        return f"{value:.3f}" if value >= 0.001 else "< 0.001"
    if column == "u":
        return f"{value:.1f}"
    if column.startswith("rank_biserial"):
        return f"{value:z.2f}"
    if re.search("(^|_)share$", column):
        return f"{value:.1%}"
    return f"{value:z.3f}"  # z: no -0.000


def _together(texts: dict[str, list[str]]) -> dict[str, list[str]]:
    """Put columns that belong together into one, under the first one's name."""
    found = dict(texts)
    for name in texts:
        if name.endswith(LOW):
            stem = name.removesuffix(LOW)
            if high := found.pop(f"{stem}{HIGH}", None):
                spans = [
                    UNDEFINED if UNDEFINED in each else " to ".join(each)
                    for each in zip(texts[name], high, strict=True)
                ]
                beside = [each for each in (f"{stem}{VALUE}", stem) if each in found and each not in APART]
                if beside:
                    del found[name]
                    values = zip(found[beside[0]], spans, strict=True)
                    spans = [value if span == UNDEFINED else f"{value} ({span})" for value, span in values]
                found[beside[0] if beside else name] = spans
            continue
        for end, other in BRACKETS.items():
            partner = f"{name.removesuffix(end)}{other}" if end else f"{name}{other}"
            if name.endswith(end) and partner in found and partner != name:
                in_brackets = found.pop(partner)
                found[name] = [
                    value if value == UNDEFINED else f"{value} ({more})"
                    for value, more in zip(found[name], in_brackets, strict=True)
                ]
    return found


def _heading(name: str, columns: Iterable[str]) -> str:
    """Return a column's head in words; of one that others were put into, what stands in brackets, too."""
    others = set(columns)
    if name.endswith(VALUE):
        stem = name.removesuffix(VALUE)
        words = STEMS.get(stem, stem)  # else a model's name
        return f"{words} (95 % interval)" if f"{stem}{LOW}" in others else words
    if name.endswith(LOW) and f"{name.removesuffix(LOW)}{HIGH}" in others:
        return "95 % interval"
    if name.endswith("_published"):
        return f"{name.removesuffix('_published')}, published"
    if f"{name}_share" in others:
        return f"{name} (share)"
    if name == "threshold" and {"feature", "at"} & others:
        return "best threshold"
    words = HEADINGS.get(name, in_words(name))
    if {f"{name}{LOW}", f"{name}{HIGH}"} <= others:
        return f"{words} (95 % interval)"
    return f"{words} (SD)" if name == "j_mean" and "j_sd" in others else words


def markdown(table: Readable, caption: str, name: str = "") -> str:
    """Return a table as Markdown with its caption above it; titles of blocks are bold, in the first column."""
    rows = [[*map(_markdown_cell, table.heads)], *_with_titles(table, _markdown_cell, lambda title: [f"**{title}**"])]
    rows = [[*row, *[""] * (len(table.heads) - len(row))] for row in rows]
    widths = [max(3, *(len(row[column]) for row in rows)) for column in range(len(table.heads))]
    lines = [
        "| " + " | ".join(f"{cell:{'>' if right else '<'}{width}}" for cell, right, width in cells) + " |"
        for cells in (list(zip(row, table.numeric, widths, strict=True)) for row in rows)
    ]
    rule = "|".join(
        "-" * (width + 1) + ":" if right else ":" + "-" * (width + 1)
        for right, width in zip(table.numeric, widths, strict=True)
    )
    return "\n".join([caption, "", lines[0], f"|{rule}|", *lines[1:], ""])


def _markdown_cell(cell: str) -> str:
    # Nothing of a name becomes HTML, a link or a picture of another site, which Markdown would make of it.
    return re.sub(r"<(?=[A-Za-z/!?])", r"\\<", _one_line(cell)).replace("](", r"]\(").replace("|", r"\|")


def _one_line(cell: str) -> str:
    return re.sub(r"\s*[\r\n\u2028\u2029]\s*", " ", cell)


def web_page(table: Readable, caption: str, name: str) -> str:
    """Return a table as a page of HTML that needs nothing else."""

    def row(cells: Iterable[str], tag: str) -> str:
        kinds = zip(table.numeric, long_columns(table), strict=True)
        sides = [' class="number"' if right else ' class="long"' * is_long for right, is_long in kinds]
        return "".join(f"<{tag}{side}>{cell}</{tag}>" for cell, side in zip(cells, sides, strict=False))

    body = _with_titles(
        table,
        html.escape,
        lambda title: [f'<th class="block" colspan="{len(table.heads)}">{title}</th>'],
    )
    lines = ["".join(cells) if cells[0].startswith("<th") else row(cells, "td") for cells in body]
    title = html.escape(re.split("[.:] ", caption)[0])
    return (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>{title}</title>\n'
        f"<style>\n{STYLE}\n</style>\n"
        f"<table>\n<caption>{html.escape(caption)}</caption>\n"
        f"<thead><tr>{row(map(html.escape, table.heads), 'th')}</tr></thead>\n<tbody>\n"
        + "".join(f"<tr>{line}</tr>\n" for line in lines)
        + "</tbody>\n</table>\n"
    )


def latex(table: Readable, caption: str, name: str) -> str:
    """Return a table as LaTeX with its caption and the label `tab:` and its name; a long one is broken over pages.

    Its letters are as small as its width asks for, so that it fits the text of a page of LaTeX's own classes.
    """
    body = _with_titles(
        table, _latex_cell, lambda title: [rf"\multicolumn{{{len(table.heads)}}}{{l}}{{\emph{{{title}}}}}"]
    )
    lines = [rf"{' & '.join(cells)} \\" for cells in body]
    is_long = len(lines) > LONG
    head = rf"{' & '.join(_latex_head(*each) for each in zip(_broken_heads(table), table.numeric, strict=True))} \\"
    size, columns = _latex_layout(table)
    title = rf"\caption{{{_latex_cell(caption)}}}"
    label = rf"\label{{tab:{name}}}"
    settings = [*([size] if size else []), *([rf"\setlength{{\tabcolsep}}{{{NARROW_GAP / 2}pt}}"] if size else [])]
    if is_long:
        parts = [
            *["{", *settings] * bool(settings),
            rf"\begin{{longtable}}{{{columns}}}",
            rf"{title} {label} \\",
            *(r"\toprule", head, r"\midrule", r"\endfirsthead"),
            *(r"\toprule", head, r"\midrule", r"\endhead"),
            *(r"\midrule", rf"\multicolumn{{{len(table.heads)}}}{{r}}{{Continued on next page}} \\", r"\midrule"),
            *(r"\endfoot", r"\bottomrule", r"\endlastfoot"),
            *lines,
            r"\end{longtable}",
            *["}"] * bool(settings),
        ]
    else:
        parts = [
            *(r"\begin{table}", r"\centering", *settings, title, label, rf"\begin{{tabular}}{{{columns}}}"),
            *(r"\toprule", head, r"\midrule", *lines, r"\bottomrule", r"\end{tabular}", r"\end{table}"),
        ]
    packages = ", ".join(
        [*(["array"] if "raggedright" in columns else []), "booktabs", *(["longtable"] if is_long else [])]
    )
    return "\n".join([f"% Needs \\usepackage{{{packages}}}.", *parts, ""])


def _latex_cell(cell: str) -> str:
    return _one_line(cell).translate(LATEX)


def _latex_layout(table: Readable) -> tuple[str, str]:
    """Return the size of the letters, the largest at which a table fits the text, and its columns.

    Columns of long texts are in small letters, broken into lines, and share what the others leave, at least a fifth of
    the width each.
    """
    letters, is_long = _letters(table), long_columns(table)
    short = sum(each for each, long in zip(letters, is_long, strict=True) if not long)
    for_long = TEXT_WIDTH * min(sum(is_long) / 5, 0.65)
    size, width = "", 0.0
    for size, letter in list(SIZES.items())[FIRST_SIZE_OF_LONG if for_long else 0 :]:
        width = short * letter + len(letters) * (NARROW_GAP if size else GAP)
        if width + for_long <= TEXT_WIDTH:
            break
    left = max(TEXT_WIDTH - width, for_long)
    weights = [each**0.5 if long else 0 for each, long in zip(letters, is_long, strict=True)]  # all of several lines
    kinds = zip(table.numeric, is_long, weights, strict=True)
    columns = "".join(
        rf">{{\raggedright\arraybackslash}}p{{{left * weight / sum(weights):.0f}pt}}" if long else "r" if right else "l"
        for right, long, weight in kinds
    )
    return size, columns


def _latex_head(lines: list[str], right: bool) -> str:
    cells = [_latex_cell(line) for line in lines]
    stacked = r" \\ ".join(cells)
    return stacked if len(cells) == 1 else rf"\shortstack[{'r' if right else 'l'}]{{{stacked}}}"


def _broken_heads(table: Readable) -> list[list[str]]:
    """Return each column's head in lines: two where it is wider than what stands below it."""
    found = []
    for column, head in enumerate(table.heads):
        widest = max((len(row[column]) for _, rows in table.blocks for row in rows), default=0)
        places = [place for place, letter in enumerate(head) if letter == " "]
        if len(head) <= max(widest, 8) or not places:
            found.append([head])
            continue
        middle = min(places, key=lambda place: abs(2 * place - len(head)))
        found.append([head[:middle], head[middle + 1 :]])
    return found


def _letters(table: Readable) -> list[int]:
    """Return the number of letters of the longest line of each column, its head included."""
    rows = [row for _, rows in table.blocks for row in rows]
    heads = [max(map(len, lines)) for lines in _broken_heads(table)]
    return [max([head, *(len(row[column]) for row in rows)]) for column, head in enumerate(heads)]


def long_columns(table: Readable) -> list[bool]:
    return [letters > LINE for letters in _letters(table)]


def _with_titles(
    table: Readable, escape: Callable[[str], str], as_title: Callable[[str], list[str]]
) -> list[list[str]]:
    """Return the rows of all blocks, escaped, each block's title before its rows."""
    return [
        row
        for title, rows in table.blocks
        for row in ([as_title(escape(title))] if title else []) + [[*map(escape, cells)] for cells in rows]
    ]


FORMATS: dict[str, Callable[[Readable, str, str], str]] = {".md": markdown, ".html": web_page, ".tex": latex}
