"""The explorer of a study of one picture and one model, whose name is markup and quotes; and the page sent by mail."""

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
from brute_force import intersection_and_union
from playwright.sync_api import Page, expect

from ..workflow.conftest import Study
from .conftest import accessibility_faults, file_address

NAME = "<img src=x onerror=alert(1)>'\"&#%25 é"
OTHER = "unmarked"  # in no analysis: its masks are black
FEATURES = ["globules", "streaks"]
Opened = Callable[[str], Page]


def mask_of(name: str, feature: str) -> np.ndarray:
    """A box of white, another one for each feature; black for the other picture."""
    values = np.zeros((24, 32), dtype=np.uint8)
    if name == NAME:
        values[5:15, 3 + len(feature) : 20] = 255
    return values


@pytest.fixture(scope="module")
def study(
    tmp_path_factory: pytest.TempPathFactory, encoded: Callable[..., bytes], given: Callable[..., dict[str, Any]]
) -> Study:
    """The finished study."""
    folder = tmp_path_factory.mktemp("small")
    random = np.random.default_rng(0)
    photographs = {name: encoded(random.integers(0, 256, (24, 32, 3))) for name in (NAME, OTHER, *"abcdefgh")}
    (folder / "data").mkdir()
    with zipfile.ZipFile(folder / "data" / "training.zip", "w") as archive:
        for name in photographs:
            archive.writestr(f"{name}.jpg", photographs[name])
    with zipfile.ZipFile(folder / "data" / "pictures.zip", "w") as archive:
        for name in (NAME, OTHER):
            archive.writestr(f"{name}.jpg", photographs[name])
    with zipfile.ZipFile(folder / "data" / "masks.zip", "w") as archive:
        for name in (NAME, OTHER):
            for feature in FEATURES:
                archive.writestr(f"{name}_attribute_{feature}.png", encoded(mask_of(name, feature)))
    rows = pd.DataFrame({"image": list(photographs), "diagnosis": ["MEL", "NV"] * 5})
    rows.to_csv(folder / "data" / "diagnoses.csv", index=False)
    small = Study(folder)
    run = small.snakemake(
        overlay=given(
            {"training_pictures": "training.zip", "training_labels": "diagnoses.csv"},
            study="small",
            thresholds=[0, 0.25, 0.5],
            controls={"chance": [], "prior": [], "anatomy": []},
            ceilings={"maps": False, "grids": {"stop": 4}},
            faithfulness={"pictures": 0},
            sanity={"pictures": 0},
            batches={"saliency": 1, "masks": 1},
            explorer={"pictures": [NAME]},
        )
    )
    assert run.status == 0, run.text[-5000:]
    return small


@pytest.fixture(params=["index", "selection"])
def address(request: pytest.FixtureRequest, study: Study) -> str:
    """The address of the folder's page, and of the page that holds all."""
    return file_address(study.folder / "results" / "small" / "explorer" / f"{request.param}.html")


def test_a_name_is_shown_as_it_is(watched: Opened, address: str) -> None:
    page = watched(address)
    expect(page.locator("#count")).to_have_text("1 of 1 picture")
    expect(page.locator("#pages")).to_be_hidden()
    tile = page.locator("#tiles a")
    expect(tile.locator(".tile-name")).to_have_text(NAME)
    tile.click()
    expect(page.locator("#picture-name")).to_have_text(NAME)
    assert page.locator("#side-0 img").evaluate("image => image.decode().then(() => image.naturalWidth)") == 32
    assert accessibility_faults(page) == ""
    page.keyboard.press("n")
    expect(page.locator("#said")).to_have_text("This is the last picture of the gallery's order.")
    again = watched(page.url)
    expect(again.locator("#picture-name")).to_have_text(NAME)


def test_its_numbers_are_brute_force(watched: Opened, address: str, study: Study) -> None:
    page = watched(address)
    page.locator("#tiles a").click()
    store = study.folder / "results" / "small" / "saliency" / "small" / "gradcam" / f"{NAME}.h5"
    with h5py.File(store) as file:
        saliency = file["saliency"][:]
    masks = {feature: mask_of(NAME, feature) > 127 for feature in FEATURES}
    masks["union"] = masks["globules"] | masks["streaks"]
    for feature, mask in masks.items():
        page.locator("#feature").select_option(feature)
        for threshold in ("0.000", "0.250", "0.333", "0.500", "0.999", "1.000"):
            page.locator("#threshold-number").fill(threshold)
            page.locator("#threshold-number").press("Enter")
            intersection, union = intersection_and_union(saliency, mask, threshold)
            expect(page.locator("#counts-0")).to_have_text(f"{intersection} of {union} pixels")


def test_the_page_sent_by_mail_needs_nothing_beside_it(watched: Opened, study: Study, tmp_path: Path) -> None:
    source = study.folder / "results" / "small" / "explorer" / "selection.html"
    (tmp_path / "sent").mkdir()
    moved = tmp_path / "sent" / "mail.html"
    moved.write_bytes(source.read_bytes())
    page = watched(file_address(moved))
    page.locator("#tiles a").click()
    expect(page.locator("#picture-name")).to_have_text(NAME)
    page.keyboard.press("]")
    expect(page.locator("#jaccard-0")).not_to_be_empty()
