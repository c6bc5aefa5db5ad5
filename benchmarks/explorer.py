"""Measure the explorer of 2,000 pictures with masks of 9 megapixels in Chromium, against what a reader bears.

    python benchmarks/explorer.py [--pictures N] [--runs N]

Eight pictures are drawn at 3456 x 2592 pixels and stand under many names; maps of 28 x 28, 8 x 8 and 224 x 224
cells are random. Measured from a local server: the time to the first view, with an empty cache; how many pictures of
the screen a second are drawn while the slider moves, of those that the browser offers; the memory of the page's script
after 10, 50 and 150 pictures; and how large the folder is. Needs Chromium.
"""

import argparse
import functools
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow_scripts"))

from dermalign.data.grids import cell_edges, grid_name
from dermalign.drawing.classes import FEATURES
from dermalign.drawing.pictures import draw_picture
from dermalign.drawing.plan import plan
from dermalign.explorer.outlines import outline_path
from dermalign.explorer.packing import packed
from dermalign.explorer.site import STUDY, page, picture_part, source_part, write_assets, write_data
from dermalign.explorer.study_data import ShownSource, study_data
from dermalign.files import write_text
from dermalign.terms import UNION

WIDTH, HEIGHT, SIDE, DRAWN = 3456, 2592, 600, 8
GRIDS = {"vgg16/gradcam": (28, 28), "resnet50/gradcam": (8, 8), "vgg16/gradient": (224, 224)}
SLIDING = """async () => {
    const slider = document.getElementById("threshold");
    const first = performance.now();
    let frames = 0, last = first;
    while (last - first < 3000) {
        slider.value = String((frames * 7) % 1001);
        slider.dispatchEvent(new Event("input", { bubbles: true }));
        last = await new Promise(requestAnimationFrame);
        frames += 1;
    }
    return frames / ((last - first) / 1000);
}"""
IDLE = """async () => {
    const first = performance.now();
    let frames = 0, last = first;
    while (last - first < 1500) { last = await new Promise(requestAnimationFrame); frames += 1; }
    return frames / ((last - first) / 1000);
}"""
FIRST_VIEW = "() => performance.getEntriesByName('first-tiles')[0]?.startTime"
MARK_FIRST_VIEW = """new MutationObserver((_, observer) => {
    if (!document.querySelector("#tiles li")) return;
    performance.mark("first-tiles");
    observer.disconnect();
}).observe(document, { childList: true, subtree: true });"""


class Quiet(SimpleHTTPRequestHandler):
    """Serves files and prints nothing."""

    def log_message(self, format: str, *arguments: Any) -> None:
        """Print nothing."""


class Server(ThreadingHTTPServer):
    """A server that says nothing of pictures that a page which is left asked for."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing."""


def drawn_pictures(folder: Path) -> list[dict[str, Any]]:
    """Draw pictures and return what the page knows of each, but for its name."""
    random = np.random.default_rng(0)
    small = (SIDE, round(SIDE * HEIGHT / WIDTH))
    found = []
    for number, each in enumerate(plan(100, 5 * DRAWN, 1)):
        if len(found) == DRAWN or not (each.evaluation and each.features):
            continue
        pixels, masks, _ = draw_picture(replace(each, width=WIDTH, height=HEIGHT))
        masks = {name: mask for name, mask in masks.items() if mask.any()}
        masks[UNION] = np.any(list(masks.values()), axis=0)
        shown = {
            name: np.asarray(Image.fromarray(mask).resize(small, Image.Resampling.NEAREST))
            for name, mask in masks.items()
        }
        picture = Image.fromarray(pixels).resize(small, Image.Resampling.LANCZOS)
        picture.save(folder / f"{len(found):05d}.jpg", quality=80, optimize=True)
        picture.thumbnail((160, 160))
        picture.save(folder / f"{len(found):05d}_small.jpg", quality=70, optimize=True)
        grids = {}
        for grid in GRIDS.values():
            rows, columns = cell_edges(grid[0], HEIGHT), cell_edges(grid[1], WIDTH)
            cells = {
                name: np.add.reduceat(np.add.reduceat(mask.astype(np.int64), rows[:-1], axis=0), columns[:-1], axis=1)
                for name, mask in masks.items()
            }
            grids[grid_name(grid)] = {
                "heights": np.diff(rows).tolist(),
                "widths": np.diff(columns).tolist(),
                "cells": {name: packed(counts, 4) for name, counts in cells.items()},
            }
        maps = {
            path: {
                "grid": grid_name(grid),
                "levels": packed(random.integers(0, 1001, grid), 2),
                "degenerate": False,
            }
            for path, grid in GRIDS.items()
            if "gradient" not in path or number % 20 == 0
        }
        found.append({
            "width": WIDTH, "height": HEIGHT, "shown": list(small), "maps": maps, "grids": grids, "ceilings": {},
            "white": {name: int(mask.sum()) for name, mask in masks.items()},
            "outlines": {name: outline_path(mask) for name, mask in shown.items()},
            "probabilities": {"vgg16": [0.2, 0.8]},
        })  # fmt: skip
    return found


def parts(pictures: int, drawn: list[dict[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Yield the data of an explorer of so many pictures."""
    features = [*FEATURES, UNION]
    names = [f"ISIC_{number:07d}" for number in range(pictures)]
    of = {name: drawn[number % len(drawn)] for number, name in enumerate(names)}
    evaluation = pd.DataFrame(
        [{"diagnosis": "NV", **{feature: of[name]["white"].get(feature, 0) for feature in features}} for name in names],
        index=names,
    )
    sources = [ShownSource(path, grid, True) for path, grid in GRIDS.items()]
    shown = {name: {"folder": "00000", "number": number, "outlines": {}} for number, name in enumerate(names)}
    predictions = {"vgg16": (dict.fromkeys(names, "NV"), dict.fromkeys(names, 0.8))}
    classifiers = {"vgg16": {"classes": ["MEL", "NV"], "sha256": "0" * 64}}
    yield STUDY, study_data("benchmark", features, sources, classifiers, evaluation, predictions, shown)
    curve = [round(0.5 - abs(at / 100 - 0.5), 6) for at in range(101)]
    for number in range(len(sources)):
        yield (
            source_part(number),
            {
                "best": {feature: {"threshold": "0.500", "mean": 0.5, "n": pictures} for feature in features},
                "mean": dict.fromkeys(features, curve),
                "controls": [
                    {"words": f"control {count}", "mean": dict.fromkeys(features, curve)} for count in range(7)
                ],
                "ceilings": dict.fromkeys(features, 0.9),
                "jaccard": {
                    feature: [round((place * 37 % 1000) / 1000, 4) for place in range(pictures)] for feature in features
                },
            },
        )
    for number, name in enumerate(names):
        yield picture_part("00000", number), {"image": name, **of[name]}


def write_explorer(folder: Path, pictures: int) -> None:
    """Write the explorer."""
    images = folder / "pictures" / "00000"
    images.mkdir(parents=True)
    drawn = drawn_pictures(images)
    for number in range(len(drawn), pictures):
        for size in ("", "_small"):
            shutil.copy(images / f"{number % len(drawn):05d}{size}.jpg", images / f"{number:05d}{size}.jpg")
    write_data(folder / "data", parts(pictures, drawn))
    write_assets(folder / "assets")
    write_text(folder / "index.html", page())


def first_view(browser: Browser, address: str) -> float:
    """Return the seconds from asking for the page to its first tiles, with an empty cache."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.add_init_script(MARK_FIRST_VIEW)
    tab = context.new_page()
    tab.goto(address)
    tab.locator("#tiles img").first.wait_for()
    taken = tab.evaluate(FIRST_VIEW)
    context.close()
    return float(taken) / 1000


def script_memory(tab: Page) -> float:
    """Return the memory that the page's script holds, in MiB, after what it let go is collected."""
    session = tab.context.new_cdp_session(tab)
    session.send("HeapProfiler.collectGarbage")
    used = session.send("Runtime.getHeapUsage")["usedSize"]
    return float(used) / 2**20


def main() -> None:
    """Print what was measured, and its ratio to the limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=2000)
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        write_explorer(Path(folder), arguments.pictures)
        size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
        server = Server(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}/index.html"
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        print(f"{arguments.pictures:,} pictures, {size / 1e6:.0f} MB")
        views = [first_view(browser, address) for _ in range(arguments.runs)]
        print(f"first view: {median(views):.2f} s, {median(views) / 1:.2f} of the limit of 1 s ({arguments.runs} runs)")
        tab = browser.new_page(viewport={"width": 1280, "height": 900})
        for path in GRIDS:
            tab.goto(f"{address}#image=ISIC_0000000&source={path}&versus=resnet50/gradcam")
            tab.reload()
            tab.locator("#jaccard-0:not(:empty)").wait_for()
            offered = tab.evaluate(IDLE)
            drawn = median(tab.evaluate(SLIDING) for _ in range(arguments.runs))
            print(f"slider, {path}: {drawn:.0f} frames a second, {drawn / offered:.2f} of those that are offered")
        tab.goto(f"{address}#image=ISIC_0000000&source=vgg16/gradcam")
        tab.reload()
        memory = {}
        for number in range(1, 151):
            before = tab.locator("#picture-name").text_content()
            tab.keyboard.press("n")
            tab.locator("#picture-name", has_not_text=before or "").wait_for()
            if number in (10, 50, 150):
                memory[number] = script_memory(tab)
        words = ", ".join(f"{used:.1f} MiB after {count}" for count, used in memory.items())
        print(f"memory of the script: {words} pictures; last to first: {memory[150] / memory[10]:.2f}")
        server.shutdown()


if __name__ == "__main__":
    main()
