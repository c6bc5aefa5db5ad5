"""The report of a study: one page of HTML that needs nothing else and asks no network."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..results.formats import Readable
from ..results.index import first_sentence, told
from . import accounts
from .findings import SAYS, summary
from .html_tables import html_table
from .inline_svg import inline_svg
from .pages import digest_source, page_template, policy
from .sections import SECTIONS, Section, place_of
from .study_results import StudyResults

ASSETS = Path(__file__).parent / "assets"
# A table of more rows is folded: its first line says what it is.
MOST_ROWS = 14
WIDE = 8  # columns: a wider table is printed on a page laid across
# What only the report has: by section, titles and tables.
ACCOUNTS: Mapping[str, Mapping[str, Callable[[StudyResults], Readable | None]]] = {
    "data": {
        "Pictures that are left out, by reason": accounts.left_out,
        "Pictures that were set aside, since they or a mask of theirs cannot be used": accounts.set_aside,
        "Evaluation pictures among the training pictures": accounts.leakage,
    },
    "settings": {"The configuration, as it was checked": accounts.settings},
    "run": {
        "Saliency maps": accounts.maps,
        "Run times by step": accounts.times,
        "Versions": accounts.versions,
        "Files that the results are from": accounts.archives,
    },
}


@dataclass(frozen=True)
class Entry:
    """A figure or table of the page.

    name: its id. title, more: what it shows, in a sentence and in further ones. content: HTML. files: links, {suffix:
    path from the page}. rows, columns: of a table, None of a figure.
    """

    name: str
    title: str
    more: str
    content: str
    files: Mapping[str, str]
    rows: int | None = None
    columns: int = 0

    @property
    def is_open(self) -> bool:
        """Whether a table is shown before it is asked for."""
        return self.rows is not None and self.rows <= MOST_ROWS

    @property
    def is_wide(self) -> bool:
        """Whether a table is printed on a page laid across."""
        return self.columns > WIDE


@dataclass(frozen=True)
class Part:
    """A section of the page: what it says, and its figures and tables in order."""

    section: Section
    says: list[str]
    entries: list[Entry]


def study_page(results: StudyResults) -> str:
    """Return the report of a study as a page of HTML."""
    script = (ASSETS / "report.js").read_text(encoding="utf-8")
    parts = [Part(section, SAYS[section.name](results), _entries(section, results)) for section in SECTIONS]
    return page_template(ASSETS, "report.html.jinja").render(
        study=results.record["study"],
        written=results.record["written"],
        version=results.record["versions"]["dermalign"],
        summary=summary(results),
        parts=parts,
        widest=max(entry.columns for part in parts for entry in part.entries),
        style=(ASSETS / "report.css").read_text(encoding="utf-8"),
        script=script,
        policy=policy("img-src data:", "style-src 'unsafe-inline'", f"script-src {digest_source(script)}"),
    )


def _entries(section: Section, results: StudyResults) -> list[Entry]:
    paths = [path for path in (*results.figures, *results.tables) if SECTIONS[place_of(path)[0]] == section]
    entries = [_entry(path, results) for path in sorted(paths, key=place_of)]
    return [*entries, *_accounts(section, results)]


def _entry(path: str, results: StudyResults) -> Entry:
    name = path.replace("/", "-")
    if path in results.figures:
        title = told(f"{path}.svg")
        drawn = inline_svg(results.figures[path], name, title)
        return Entry(name, title, "", drawn, {suffix: f"../{path}.{suffix}" for suffix in ("png", "svg")})
    title = first_sentence(results.captions[path])
    more = results.captions[path].removeprefix(title).removeprefix(".").strip()
    files = {suffix: f"../{path}.{suffix}" for suffix in ("csv", "md", "html", "tex")}
    return _table(name, title, more, results.shown[path], files)


def _accounts(section: Section, results: StudyResults) -> Iterator[Entry]:
    for number, (title, function) in enumerate(ACCOUNTS.get(section.name, {}).items()):
        table = function(results)
        if table is not None:
            yield _table(f"{section.name}-account-{number}", title, "", table, {})


def _table(name: str, title: str, more: str, table: Readable, files: Mapping[str, str]) -> Entry:
    rows = sum(len(of_block) for _, of_block in table.blocks)
    return Entry(name, title, more, html_table(table, f"{name}-title"), files, rows, len(table.heads))
