"""The explorer as files: a folder for the whole study, or some pictures in one page to be sent by mail.

The folder has index.html; assets/, the page's scripts and style; data/study.js, data/sources/{number}.js and
data/pictures/{folder}/{number}.js, values in scripts as `packing` says; pictures/, as `picture_files` writes them. It
opens from a file and from any server of static files, and asks nothing of anything else: a policy in the page forbids
it.
"""

import base64
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..files import atomic_folder, write_text
from ..report.pages import digest_source, page_template, policy
from .packing import data_script

ASSETS = Path(__file__).parent / "assets"
STYLE, TEMPLATE = "explorer.css", "index.html.jinja"
# In the order in which they are run: each uses what stands in those before it.
SCRIPTS = (
    *("core.js", "overlap.js", "state.js", "gallery.js", "stage.js", "chart.js", "picture.js", "files.js"),
    *("feedback.js", "main.js"),
)
STUDY = "study"
# A page of a file has no origin, so that 'self' need not be what lies beside it: `file:` is.
BESIDE = "'self' file:"


def source_part(number: int) -> str:
    """Return the name of a map source's data, by its place among the sources."""
    return f"sources/{number}"


def picture_part(folder: str, number: int) -> str:
    """Return the name of a picture's data, by where the picture lies."""
    return f"pictures/{folder}/{number:05d}"


def write_assets(folder: str | Path) -> None:
    """Write the scripts and the style of a page into a folder, which is whole or not there."""
    with atomic_folder(folder) as temporary:
        for name in (STYLE, *SCRIPTS):
            write_text(temporary / name, (ASSETS / name).read_text(encoding="utf-8"))


def write_data(folder: str | Path, parts: Iterable[tuple[str, Any]]) -> None:
    """Write data, (name, value) each, into a folder, which is whole or not there. Memory: one of them."""
    with atomic_folder(folder) as temporary:
        for name, value in parts:
            write_text(temporary / f"{name}.js", data_script(name, value))


def page() -> str:
    """Return index.html of a folder."""
    scripts = [{"name": name, "text": None} for name in SCRIPTS]
    allowed = policy(f"script-src {BESIDE}", f"style-src {BESIDE}", f"img-src {BESIDE} data:")
    return page_template(ASSETS, TEMPLATE).render(policy=allowed, styles=None, scripts=scripts)


def whole_page(parts: Iterable[tuple[str, Any]], pictures: Mapping[str, bytes]) -> str:
    """Return one page with all that it shows in it.

    parts: data, (name, value) each. pictures: {name without suffix, as the data have it: JPEG}.
    """
    images = {
        f"images/{name}": f"data:image/jpeg;base64,{base64.b64encode(content).decode('ascii')}"
        for name, content in pictures.items()
    }
    data = "".join(data_script(name, value) for name, value in [*parts, *images.items()])
    # The data go before the script that asks for them, and behind the one that takes them.
    texts = {name: (ASSETS / name).read_text(encoding="utf-8") for name in SCRIPTS}
    scripts = [{"name": name, "text": text} for name, text in texts.items()]
    scripts.insert(1, {"name": "data", "text": data})
    style = (ASSETS / STYLE).read_text(encoding="utf-8")
    allowed = policy(
        f"script-src {' '.join(digest_source(each['text']) for each in scripts)}",
        f"style-src {digest_source(style)}",
        "img-src data:",
    )
    return page_template(ASSETS, TEMPLATE).render(policy=allowed, styles=style, scripts=scripts)
