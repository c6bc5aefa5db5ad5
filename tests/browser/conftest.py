"""A real browser, Debian's Chromium: pages are opened as a reader opens them, and may say and ask for nothing."""

import functools
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page

from ..workflow.conftest import finished, given  # noqa: F401

CHROMIUM = shutil.which("chromium")
VIEWPORT = {"width": 1280, "height": 900}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what needs the browser where there is none, in words."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.slow)
            if CHROMIUM is None:
                item.add_marker(pytest.mark.skip(reason="Chromium is not installed: `apt-get install chromium`"))


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    """How pytest-playwright starts the browser: root may not use its sandbox."""
    return {"executable_path": CHROMIUM, "args": ["--no-sandbox"]}


class Quiet(SimpleHTTPRequestHandler):
    """Serves the files of a folder, and prints nothing."""

    def log_message(self, format: str, *arguments: Any) -> None:
        """Print nothing."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder as any server of static files does; the address ends in a slash."""
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/"
        finally:
            server.shutdown()
            thread.join()


def file_address(path: Path) -> str:
    """Return the address of a file or, with a slash at its end, of a folder."""
    return path.resolve().as_uri() + ("/" if path.is_dir() else "")


class Watched:
    """A page that may log nothing and ask for nothing that does not lie beside it."""

    def __init__(self, page: Page) -> None:
        """Listen to a page from its beginning."""
        self.page = page
        self.said: list[str] = []
        self.asked: list[str] = []
        page.on("console", lambda message: self.said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.said.append(f"error: {error}"))
        page.on("request", lambda request: self.asked.append(request.url))

    def check(self, base: str) -> None:
        """Fail where anything was logged or asked for elsewhere; base: what addresses begin with."""
        assert not self.said
        elsewhere = [url for url in self.asked if not url.startswith((base, "data:", "blob:"))]
        assert self.asked and not elsewhere


def accessibility_faults(page: Page) -> str:
    """Return what axe finds against accessibility on a page, in words; empty where nothing."""
    found = Axe().run(page, options={"resultTypes": ["violations"], "preload": False})  # else it asks for the style
    return found.generate_report() if found.violations_count else ""


@pytest.fixture
def watched(context: BrowserContext) -> Iterator[Callable[[str], Page]]:
    """A function that opens an address in a new page, which is checked in the end."""
    pages: list[tuple[Watched, str]] = []

    def open_page(address: str) -> Page:
        page = context.new_page()
        page.set_viewport_size(VIEWPORT)
        pages.append((Watched(page), address.partition("#")[0].rpartition("/")[0]))
        page.goto(address)
        return page

    yield open_page
    for page, base in pages:
        page.check(base)
