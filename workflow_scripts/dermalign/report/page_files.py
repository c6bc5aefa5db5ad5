"""What the report is made from beside the results: its template, style and script."""

from pathlib import Path

from ..study.digests import content_digest

PAGE_FILES = Path(__file__).parent / "assets"


def page_file_digests() -> dict[str, str]:
    """Return a digest of the content of each of these files, by its name."""
    return {path.name: content_digest(path) for path in sorted(PAGE_FILES.iterdir())}
