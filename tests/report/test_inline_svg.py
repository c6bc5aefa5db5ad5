"""Figures of one page do not meddle with each other or with the page."""

import re
import xml.etree.ElementTree as ET

import pytest
from dermalign.report.inline_svg import inline_svg

from .conftest import drawn

SVG = "{http://www.w3.org/2000/svg}"
HREF = "{http://www.w3.org/1999/xlink}href"


def references(root: ET.Element) -> list[str]:
    """The ids that elements refer to, in order."""
    found = []
    for element in root.iter():
        for key, value in element.attrib.items():
            if key in ("href", HREF) and value.startswith("#"):
                found.append(value[1:])
            found += re.findall(r"url\(#(.*?)\)", value)
    return found


def ids(root: ET.Element) -> list[str]:
    return [element.attrib["id"] for element in root.iter() if "id" in element.attrib]


def test_ids_are_of_one_figure_alone_and_lead_where_they_led() -> None:
    before = ET.fromstring(drawn("one title"))
    first, second = (ET.fromstring(inline_svg(drawn("one title"), name, "")) for name in ("a", "b"))
    assert len(set(references(before))) > 10  # glyphs, markers and clip paths
    assert not {*ids(first)} & {*ids(second)} and len(set(ids(first))) == len(ids(first))
    assert set(ids(first)) == set(references(first))  # none is left that nothing refers to

    of_before, of_first = ({each.get("id"): each for each in root.iter()} for root in (before, first))
    for old, new in zip(references(before), references(first), strict=True):
        assert of_before[old].get("d") == of_first[new].get("d")
        assert of_before[old].tag == SVG + of_first[new].tag


def test_what_is_drawn_stays() -> None:
    before, after = ET.fromstring(drawn("title")), ET.fromstring(inline_svg(drawn("title"), "a", ""))
    for tag in ("path", "use", "image", "g", "clipPath"):
        assert len(list(before.iter(SVG + tag))) == len(list(after.iter(tag))) > 0
    assert [each.get("d") for each in before.iter(f"{SVG}path")] == [each.get("d") for each in after.iter("path")]
    (old,), (new,) = before.iter(f"{SVG}image"), after.iter("image")
    assert old.get(HREF) == new.get("href")
    assert (new.get("width"), new.get("x")) == (old.get("width"), old.get("x"))
    assert after.get("viewBox") == before.get("viewBox") and after.get("width") is None


def test_nothing_is_left_that_acts_on_the_page() -> None:
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)" viewBox="0 0 1 1"><style>* {fill: red}</style>'
        "<metadata>m</metadata><script>alert(2)</script><title>t</title><!-- <b> -->"
        '<g onclick="alert(3)"><script>alert(4)</script><path d="M 0 0"/></g></svg>'
    )
    found = inline_svg(svg, "a", 'a "label" <i>')
    assert "alert" not in found and "style>" not in found and "<!--" not in found and "<title" not in found
    root = ET.fromstring(found)
    assert [each.tag for each in root.iter()] == ["svg", "g", "path"]
    assert (root.get("role"), root.get("aria-label")) == ("img", 'a "label" <i>')
    # What matplotlib's style sheet said is said of this figure alone.
    assert re.search(r"\*\{stroke-linejoin: round; stroke-linecap: butt\}", drawn(""))
    assert (root.get("stroke-linejoin"), root.get("stroke-linecap")) == ("round", "butt")


def test_what_is_no_svg_is_told() -> None:
    with pytest.raises(ET.ParseError):
        inline_svg("no figure", "a", "")
