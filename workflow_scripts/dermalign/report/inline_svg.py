"""Figures inside a page: SVG without what would clash with the page or with other figures of it."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator

LEFT_OUT = ("metadata", "script", "style", "title")
# What matplotlib says of all elements in a style sheet, which would be one of the whole page: properties of the root.
STYLE = {"stroke-linejoin": "round", "stroke-linecap": "butt"}
REFERENCE = re.compile(r"url\(#([^)]+)\)")


def inline_svg(svg: str, prefix: str, label: str) -> str:
    """Return an SVG file as an element of a page of HTML.

    svg: the file's text, as matplotlib writes it. prefix: of the ids, another one for each figure of a page, letters,
    digits and hyphens. label: what is shown, for who cannot see it. Ids that nothing refers to are left out, as are
    scripts, style sheets, metadata and comments. Raises xml.etree.ElementTree.ParseError.
    """
    root = ET.fromstring(svg)
    _strip(root)
    targets = {name: f"{prefix}-{number}" for number, name in enumerate(dict.fromkeys(_references(root)))}
    for element in root.iter():
        for key, value in list(element.attrib.items()):
            if key == "id":
                del element.attrib[key]
                if value in targets:
                    element.set(key, targets[value])
            elif key == "href" and value.startswith("#"):
                element.set(key, f"#{targets[value[1:]]}")
            elif "url(#" in value:
                element.set(key, REFERENCE.sub(lambda match: f"url(#{targets[match[1]]})", value))
    for key in ("width", "height", "version"):
        root.attrib.pop(key, None)
    root.attrib.update({**STYLE, "role": "img", "aria-label": label})
    return ET.tostring(root, encoding="unicode")


def _strip(element: ET.Element) -> None:
    """Give names without their namespaces, as HTML has them, and drop what is left out, and blanks between elements."""
    element.tag = _plain(element.tag)
    element.attrib = {_plain(key): value for key, value in element.attrib.items() if not _plain(key).startswith("on")}
    if element.tag != "text":
        element.text = None
    for child in list(element):
        child.tail = None
        if _plain(child.tag) in LEFT_OUT:
            element.remove(child)
        else:
            _strip(child)


def _plain(name: str) -> str:
    return name.rpartition("}")[2]


def _references(root: ET.Element) -> Iterator[str]:
    for element in root.iter():
        for key, value in element.attrib.items():
            if key == "href" and value.startswith("#"):
                yield value[1:]
            else:
                yield from REFERENCE.findall(value)
