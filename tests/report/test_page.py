"""The page is whole, stands by itself, and takes every name for text."""

import base64
import hashlib
from collections import Counter
from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from dermalign.report.page import ASSETS, study_page
from dermalign.report.sections import SECTIONS
from dermalign.report.study_results import StudyResults

Results = Callable[..., StudyResults]
NASTY = """<img src=x onerror="alert('1')"> & {{ 7 * 7 }}"""


class Parsed(HTMLParser):
    """A page as a browser reads it: elements with their attributes, text, and what is not closed."""

    EMPTY = frozenset({"meta", "link", "path", "use", "image", "rect"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.scripts: list[str] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts.append(data)
        else:
            self.text += data

    def attributes(self, *names: str) -> list[str]:
        return [value for _, of in self.elements for name, value in of.items() if name in names and value]


@pytest.fixture
def parsed(results: Results) -> Parsed:
    return Parsed(study_page(results()))


def test_sections_stand_in_order_with_all_tables_and_figures(parsed: Parsed, results: Results) -> None:
    assert not parsed.open
    sections = [of["id"] for tag, of in parsed.elements if tag == "section"]
    assert sections == ["short", *(section.name for section in SECTIONS)]
    links = [of["href"] for tag, of in parsed.elements if tag == "a"]
    assert [f"#{name}" for name in sections] == links[1:][: len(sections)]  # the first leads to the content
    shown = [of["id"] for tag, of in parsed.elements if tag in ("figure", "details")]
    study = results()
    assert {*shown} >= {path.replace("/", "-") for path in (*study.tables, *study.figures)}
    assert len(shown) == len(study.tables) + len(study.figures) + 7  # what only the report has
    # Figures and tables stand in the order of their sections.
    assert shown.index("figures-figure1") < shown.index("tables-table1") < shown.index("figures-jaccard_by_threshold")
    assert {f"../{path}.{suffix}" for path in study.tables for suffix in ("csv", "md", "html", "tex")} < {*links}


def test_ids_are_there_once_and_labels_lead_to_them(parsed: Parsed) -> None:
    ids = parsed.attributes("id")
    assert [name for name, count in Counter(ids).items() if count > 1] == []
    assert {*parsed.attributes("aria-labelledby")} <= {*ids}
    assert {href[1:] for href in parsed.attributes("href") if href.startswith("#")} <= {*ids}


def test_it_asks_for_nothing_and_its_policy_lets_its_own_script_alone_run(parsed: Parsed) -> None:
    wanted = parsed.attributes("src", "href", "xlink:href", "srcset", "action", "data")
    assert all(each.startswith(("#", "../tables/", "../figures/", "data:")) for each in wanted)
    style = (ASSETS / "report.css").read_text(encoding="utf-8")
    assert "url(" not in style and "@import" not in style
    (policy,) = [of["content"] for _, of in parsed.elements if of.get("http-equiv") == "Content-Security-Policy"]
    (script,) = parsed.scripts
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy is not None and f"script-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'") and "http" not in policy
    assert not [name for _, of in parsed.elements for name in of if name.startswith("on")]


def test_names_are_text(results: Results) -> None:
    study = results([NASTY], study=NASTY)
    study.captions["tables/table1"] = f"{NASTY}. {NASTY}."  # type: ignore[index]
    found = Parsed(study_page(study))
    assert not found.open
    assert "img" not in {tag for tag, _ in found.elements}
    assert not [name for _, of in found.elements for name in of if name.startswith("on")]
    assert found.text.count(NASTY) > 20 and "& 49" not in found.text


def test_boxes_that_scroll_are_reached_and_named(parsed: Parsed) -> None:
    boxes = [of for tag, of in parsed.elements if tag == "div"]
    assert boxes and all(of["tabindex"] == "0" and of["role"] == "region" for of in boxes)
    assert all(of.get("aria-label") or of.get("aria-labelledby") for of in boxes)


def test_long_tables_are_folded(results: Results) -> None:
    many = {f"key_{number}": number for number in range(20)}
    parsed = Parsed(study_page(results(configuration=many)))
    opened = {of["id"]: "open" in of for tag, of in parsed.elements if tag == "details"}
    assert opened["tables-table1"] and not opened["settings-account-0"]


def test_equal_results_give_equal_bytes(results: Results) -> None:
    assert study_page(results()) == study_page(results())


def test_sections_without_anything_still_say_so(results: Results) -> None:
    study = results(["only"], trains=False, without=("classifiers", "comparison", "audit", "extended_controls"))
    found = Parsed(study_page(study))
    assert [of["id"] for tag, of in found.elements if tag == "section"][1:] == [section.name for section in SECTIONS]
    assert "No published values were named" in found.text
    assert "Evaluation pictures among the training pictures" not in found.text
