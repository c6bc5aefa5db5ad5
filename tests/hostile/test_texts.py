"""Names and values of tables that were made to harm, where they are read: Markdown, LaTeX, pages and figures."""

from pathlib import Path

import pytest
from dermalign.results.formats import Readable, latex, markdown, web_page
from dermalign.results.panels import AS_IT_IS
from matplotlib.figure import Figure

NAMES = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "![x](http://example.org/x.png)",
    "[x](javascript:alert(1))",
    "a|b",
    "a\nb\n\n# heading",
    r"\input{/etc/passwd}",
    r"\write18{touch x}",
    "$(touch x)$",
    "; rm -r x",
    "=HYPERLINK(1)",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_cell_stays_a_cell(name: str) -> None:
    table = Readable(["group", "n"], [False, True], [("", [[name, "1"]])])
    md, page, tex = (form(table, "Caption.", "name") for form in (markdown, web_page, latex))
    row = md.splitlines()[-1]
    assert len(md.splitlines()) == 5 and row.endswith(" 1 |"), "one row, whatever ends of line a name has"
    assert not any(sign in row.replace(r"\<", "").replace(r"]\(", "") for sign in ("<s", "<i", "]("))
    assert "<script" not in page and "<img" not in page
    body = tex.split(r"\midrule")[1].split(r"\bottomrule")[0]
    assert len(body.strip().splitlines()) == 1
    assert r"\input" not in body and r"\write" not in body


@pytest.mark.parametrize("name", ["a $\\frac{$ b", "$$", "$x$ and $y"])
def test_dollar_signs_in_a_picture_s_name_are_no_formula(tmp_path: Path, name: str) -> None:
    figure = Figure()
    figure.subplots().set_title(name, **AS_IT_IS)
    figure.savefig(tmp_path / "a.png")
    with pytest.raises(ValueError, match="Expected"):  # as it would be otherwise
        figure.subplots().set_title("a $\\frac{$ b")
        figure.savefig(tmp_path / "a.png")
