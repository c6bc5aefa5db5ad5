"""The explorer of the embedded study in a real browser: its numbers are those of the shards, and all of it works."""

import json
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import h5py
import numpy as np
import pandas as pd
import pytest
from brute_force import intersection_and_union, masks_in
from playwright.sync_api import Page, expect

from ..workflow.conftest import Run, Study
from .conftest import accessibility_faults, file_address, served

SOURCES = ["plain/gradcam", "residual/gradcam"]
FEATURES = ["globules", "milia_like_cyst", "negative_network", "pigment_network", "streaks", "union"]
MASKS = Path("archives") / "ISIC2018_Task2_Training_GroundTruth_v3.zip"
Opened = Callable[[str], Page]
# How many cells of the map are white.
WHITE_CELLS = """() => {
    const canvas = document.querySelector("#side-0 canvas");
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return data.filter((value, place) => place % 4 === 0 && value === 255).length;
}"""


# Which pixels of the picture lie in the first outline that is drawn.
INSIDE_OUTLINE = """([width, height]) => {
    const path = new Path2D(document.querySelector("#side-0 .outline").getAttribute("d"));
    const context = document.createElement("canvas").getContext("2d");
    const isInside = (x, y) => context.isPointInPath(path, 10 * x + 5, 10 * y + 5, "evenodd");
    return Array.from({ length: height }, (_, y) => Array.from({ length: width }, (_, x) => isInside(x, y)));
}"""


@pytest.fixture(scope="session")
def results(finished: tuple[Study, Run]) -> Path:
    """The results of the embedded study."""
    return finished[0].results


@pytest.fixture(params=["file", "server"])
def address(request: pytest.FixtureRequest, results: Path) -> Iterator[str]:
    """The explorer's address, of its file and of a server."""
    if request.param == "file":
        yield file_address(results / "explorer" / "index.html")
    else:
        with served(results / "explorer") as base:
            yield f"{base}index.html"


@pytest.fixture
def of_file(results: Path) -> str:
    """The explorer's address, of its file."""
    return file_address(results / "explorer" / "index.html")


def view(address: str, **shown: str) -> str:
    """Return the address of a view."""
    return f"{address}#{urlencode(shown)}"


def jaccard_shown(page: Page, side: int = 0) -> str:
    """Return J as the page computed it, all digits."""
    value = page.locator(f"#jaccard-{side}").get_attribute("value")
    assert value is not None
    return value


def test_200_drawn_numbers_are_those_of_the_shards(watched: Opened, address: str, results: Path) -> None:
    draw = random.Random(14)
    thresholds = [f"{tenth / 10:.3f}" for tenth in range(11)]
    page = watched(address)
    expect(page.locator("#tiles a").first).to_be_visible()
    for _ in range(200 if address.startswith("file:") else 40):
        source, feature, threshold = draw.choice(SOURCES), draw.choice(FEATURES), draw.choice(thresholds)
        shard = pd.read_csv(results / "jaccard" / source / feature / f"{threshold}.csv", float_precision="round_trip")
        row = shard.iloc[draw.randrange(len(shard))]
        page.evaluate("hash => { location.hash = hash }", urlencode({
            "image": row["image"], "source": source, "feature": feature, "threshold": threshold
        }))  # fmt: skip
        expect(page.locator("#picture-name")).to_have_text(row["image"])
        number = page.locator("#threshold-number")
        expect(number).to_have_value(threshold)
        expect(page.locator("#jaccard-0")).to_have_attribute("value", re.compile("^[0-9]"))
        counts = page.locator("#counts-0")
        expect(counts).to_have_text(f"{int(row['intersection']):,} of {int(row['union']):,} pixels")
        assert float(jaccard_shown(page)) == row["jaccard"]
        assert page.locator("#jaccard-0").text_content() == f"{row['jaccard']:.4f}"


def test_off_the_grid_it_is_what_pillow_and_numpy_count(watched: Opened, of_file: str, results: Path) -> None:
    """From the archives' own masks, and the map scaled up pixel for pixel."""
    draw = random.Random(41)
    evaluation = pd.read_csv(results / "manifest" / "evaluation.csv").query("included")
    page = watched(of_file)
    for image in draw.sample(evaluation["image"].tolist(), 8):
        source = draw.choice(SOURCES)
        mask = masks_in(results / MASKS, image, FEATURES[:-1])["union"]
        with h5py.File(results / "saliency" / source / f"{image}.h5") as store:
            saliency = store["saliency"][:]
        page.goto(view(of_file, image=image, source=source))
        for threshold in draw.sample(range(1, 1000), 4):
            name = f"{threshold / 1000:.3f}"
            intersection, union = intersection_and_union(saliency, mask, name)
            page.locator("#threshold-number").fill(name)
            page.locator("#threshold-number").press("Enter")
            expect(page.locator("#counts-0")).to_have_text(f"{intersection:,} of {union:,} pixels")


def test_the_slider_moves_map_number_and_curve(watched: Opened, address: str) -> None:
    page = watched(view(address, image="ISIC_0003217", threshold="0.300", view="mask", opacity="100"))
    slider = page.locator("#threshold")
    expect(slider).to_have_value("300")
    before = jaccard_shown(page)
    area = page.evaluate(WHITE_CELLS)
    place = page.locator("#chart .cursor").get_attribute("x1")
    slider.focus()
    for _ in range(3):
        slider.press("PageUp")
    expect(page.locator("#threshold-number")).to_have_value("0.600")
    expect(page.locator("#jaccard-0")).not_to_have_attribute("value", before)
    assert page.evaluate(WHITE_CELLS) < area
    assert float(page.locator("#chart .cursor").get_attribute("x1") or 0) > float(place or 0)


def tiles(page: Page) -> list[str]:
    """Return the names of the pictures that the gallery shows."""
    return [tile.get_attribute("data-image") or "" for tile in page.locator("#tiles a").all()]


def all_tiles(page: Page) -> list[str]:
    """Return the names of all pages of the gallery."""
    found = tiles(page)
    while page.locator("#pages").is_visible() and page.locator("#page-after").is_enabled():
        before = page.locator("#page-number").text_content() or ""
        page.locator("#page-after").click()
        expect(page.locator("#page-number")).not_to_have_text(before)
        found += tiles(page)
    return found


@pytest.fixture(scope="session")
def pictures(results: Path) -> pd.DataFrame:
    """What tables say of the pictures in the analysis."""
    evaluation = pd.read_csv(results / "manifest" / "evaluation.csv", index_col="image").query("included")
    for model in ("plain", "residual"):
        table = pd.read_csv(results / "classifiers" / model / "evaluation_predictions.csv", index_col="image")
        evaluation = evaluation.join(table.add_suffix(f"_{model}"))
    best = pd.read_csv(results / "statistics" / "best_thresholds.csv", dtype={"threshold": str})
    for model in ("plain", "residual"):
        for feature in FEATURES:
            (threshold,) = best.query("model == @model and method == 'gradcam' and feature == @feature")["threshold"]
            shard = pd.read_csv(
                results / "jaccard" / model / "gradcam" / feature / f"{threshold}.csv", index_col="image"
            )
            evaluation[f"j_{model}_{feature}"] = shard["jaccard"]
    return evaluation


def test_filters_leave_what_the_tables_say(watched: Opened, address: str, pictures: pd.DataFrame) -> None:
    page = watched(address)
    form = page.locator("#filters")
    expect(page.locator("#count")).to_have_text(f"{len(pictures)} of {len(pictures)} pictures")
    assert all_tiles(page) == sorted(pictures.index)
    wrong = pictures["diagnosis"] != pictures["predicted_class_residual"]
    form.locator("[name=model]").select_option("residual")
    form.locator("[name=correct]").select_option("wrong")
    expected = pictures[wrong]
    expect(page.locator("#count")).to_have_text(f"{len(expected)} of {len(pictures)} pictures")
    assert all_tiles(page) == sorted(expected.index)
    form.locator("[name=diagnosis]").select_option("NV")
    form.locator("[name=shows]").select_option("globules")
    expected = expected[(expected["diagnosis"] == "NV") & (expected["globules"] > 0)]
    assert 0 < len(expected) < wrong.sum()
    expect(page.locator("#count")).to_have_text(f"{len(expected)} of {len(pictures)} pictures")
    assert all_tiles(page) == sorted(expected.index)
    page.locator("#filters-reset").click()
    form.locator("[name=predicted]").select_option("MEL")
    form.locator("[name=confidence_from]").fill("0.6")
    form.locator("[name=j_to]").fill("0.3")
    expected = pictures.query(
        "predicted_class_residual == 'MEL' and confidence_residual >= 0.6 and j_residual_union <= 0.3"
    )
    assert len(expected) > 0
    expect(page.locator("#count")).to_have_text(f"{len(expected)} of {len(pictures)} pictures")
    assert all_tiles(page) == sorted(expected.index)
    page.locator("#filters-reset").click()
    form.locator("[name=search]").fill("0003")
    expect(page.locator("#count")).to_have_text(
        f"{pictures.index.str.contains('0003').sum()} of {len(pictures)} pictures"
    )


@pytest.mark.parametrize(("sort", "column"), [("jaccard", "j_plain_streaks"), ("confidence", "confidence_plain")])
@pytest.mark.parametrize("order", ["up", "down"])
def test_it_sorts_as_the_tables_do(
    watched: Opened, of_file: str, pictures: pd.DataFrame, sort: str, column: str, order: str
) -> None:
    page = watched(view(of_file, source="plain/gradcam", feature="streaks", sort=sort, order=order))
    expect(page.locator("#tiles a").first).to_be_visible()
    shown = all_tiles(page)
    assert sorted(shown) == sorted(pictures.index)
    # To as many digits as the page knows; what has no value stands last.
    values = pictures[column].loc[shown].round(4 if sort == "jaccard" else 6).tolist()
    known = [value for value in values if value == value]
    assert known == sorted(known, reverse=order == "down")
    assert all(value != value for value in values[len(known) :])
    assert len(known) < len(values) or sort == "confidence"


def test_next_and_previous_follow_the_gallery(watched: Opened, of_file: str, pictures: pd.DataFrame) -> None:
    page = watched(view(of_file, diagnosis="MEL", sort="confidence", order="down"))
    expect(page.locator("#tiles a").first).to_be_visible()
    order = pictures.query("diagnosis == 'MEL'").sort_values("confidence_plain", ascending=False).index.tolist()
    page.locator("#tiles a").first.press("Enter")
    expect(page.locator("#picture-name")).to_have_text(order[0])
    page.keyboard.press("n")
    expect(page.locator("#picture-name")).to_have_text(order[1])
    page.keyboard.press("ArrowRight")
    expect(page.locator("#picture-name")).to_have_text(order[2])
    expect(page.locator("#picture-position")).to_have_text(f"3 of {len(order)}")
    page.keyboard.press("p")
    expect(page.locator("#picture-name")).to_have_text(order[1])
    page.go_back()
    expect(page.locator("#picture-name")).to_have_text(order[2])
    page.keyboard.press("g")
    expect(page.locator("#tiles a").first).to_be_visible()
    assert all_tiles(page) == order


def test_keys_do_what_the_help_says(watched: Opened, of_file: str) -> None:
    page = watched(view(of_file, image="ISIC_0003217", threshold="0.300"))
    number = page.locator("#threshold-number")
    expect(number).to_have_value("0.300")
    page.keyboard.press("]")
    expect(number).to_have_value("0.310")
    page.keyboard.press("{")
    expect(number).to_have_value("0.309")
    page.keyboard.press("b")
    expect(number).to_have_value("0.400")
    page.keyboard.press("m")
    expect(page.locator("#source")).to_have_value("residual/gradcam")
    page.keyboard.press("f")
    expect(page.locator("#feature")).to_have_value("globules")
    page.keyboard.press("v")
    expect(page.locator("#view")).to_have_value("above")
    pigment = page.locator("#outline-switches input[value=pigment_network]")
    expect(pigment).not_to_be_checked()
    page.keyboard.press("4")
    expect(pigment).to_be_checked()
    page.keyboard.press("+")
    expect(page).to_have_url(re.compile("zoom=1.25"))
    stage = page.locator("#side-0")
    stage.focus()
    page.keyboard.press("ArrowRight")
    expect(page).to_have_url(re.compile("x=0.5[1-9]"))
    page.keyboard.press("0")
    expect(page).not_to_have_url(re.compile("zoom"))
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#help")).to_be_hidden()
    expect(page.locator("#picture-name")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#gallery")).to_be_visible()


def test_a_link_restores_the_view(watched: Opened, address: str) -> None:
    page = watched(view(address, image="ISIC_0003217"))
    page.locator("#source").select_option("residual/gradcam")
    page.locator("#versus").select_option("plain/gradcam")
    page.locator("#feature").select_option("pigment_network")
    page.locator("#view").select_option("above")
    page.locator("#colours").select_option("inferno")
    page.locator("#threshold-number").fill("0.123")
    page.locator("#threshold-number").press("Enter")
    page.locator("#opacity").fill("35")
    page.locator("#outline-switches input[value=lesion]").check()
    page.locator("#zoom-in").click()
    expect(page).to_have_url(re.compile("opacity=35.*zoom=1.25"))
    shown = [jaccard_shown(page, side) for side in (0, 1)]
    again = watched(page.url)
    expect(again.locator("#picture-name")).to_have_text("ISIC_0003217")
    for id, value in {
        **{"source": "residual/gradcam", "versus": "plain/gradcam", "feature": "pigment_network", "view": "above"},
        **{"colours": "inferno", "threshold-number": "0.123", "opacity": "35"},
    }.items():
        expect(again.locator(f"#{id}")).to_have_value(value)
    expect(again.locator("#outline-switches input[value=lesion]")).to_be_checked()
    assert [jaccard_shown(again, side) for side in (0, 1)] == shown
    transform = "document.querySelector('#side-0 .inner').style.transform"
    assert again.evaluate(transform) == page.evaluate(transform) != "scale(1) translate(0%, 0%)"


def ceiling_of(results: Path, image: str, grid: tuple[int, int]) -> float:
    """Return the best J of the union that a map of a grid allows on a picture."""
    for path in (results / "ceilings").iterdir():
        with h5py.File(path) as file:
            images = file["image"].asstr()[:].tolist()
            if image in images:
                column = file["grid"][:].tolist().index(list(grid))
                at = images.index(image), list(file.attrs["features"]).index("union"), column
                return float(file["intersection"][at] / file["union"][at])
    raise AssertionError(f"no ceilings of {image}")


def test_what_stands_beside_the_curve_is_what_the_study_says(watched: Opened, of_file: str, results: Path) -> None:
    best = pd.read_csv(results / "statistics" / "best_thresholds.csv", dtype={"threshold": str})
    (row,) = best.query("model == 'plain' and method == 'gradcam' and feature == 'union'").to_dict("records")
    page = watched(view(of_file, image="ISIC_0003217", source="plain/gradcam"))
    numbers = page.locator("#numbers")
    expect(numbers).to_contain_text(f"best threshold {row['threshold']}: highest mean{row['j_mean']:.3f}")
    expect(numbers).to_contain_text(f"mean of {row['n']} pictures{row['j_mean']:.3f}")
    ceilings = pd.read_csv(results / "statistics" / "ceilings.csv").query("grid == '16x16' and feature == 'union'")
    expect(numbers).to_contain_text(f"mean ceiling of the study{ceilings['j_mean'].item():.3f}")
    ceiling = ceiling_of(results, "ISIC_0003217", (16, 16))
    expect(numbers).to_contain_text(f"cells allow on this picture{ceiling:.3f}")
    curves = pd.read_csv(results / "statistics" / "mean_curves.csv")
    for model, method in [("controls", "lesion"), ("plain", "shuffled")]:
        of_control = curves[(curves["model"] == model) & (curves["method"] == method)]
        mean = of_control.query("feature == 'union' and threshold == 0.4")["j_mean"].item()
        expect(numbers).to_contain_text(f"control, mean: {method}{mean:.3f}")
    with h5py.File(results / "saliency" / "plain" / "gradcam" / "ISIC_0003217.h5") as store:
        scores = store["probabilities"][:]
    table = page.locator("#scores table").first
    assert [cell.text_content() for cell in table.locator("td.number").all()] == [f"{score:.3f}" for score in scores]


def test_outlines_lie_on_their_masks(watched: Opened, of_file: str, results: Path) -> None:
    """The outline filled by the browser is the mask, but for what an outline may be off."""
    page = watched(view(of_file, image="ISIC_0003217"))
    expect(page.locator("#picture-name")).to_have_text("ISIC_0003217")
    masks = masks_in(results / MASKS, "ISIC_0003217", FEATURES[:-1])
    mask = masks["pigment_network"]
    inside = np.array(page.evaluate(INSIDE_OUTLINE, [mask.shape[1], mask.shape[0]]))
    assert (inside & mask).sum() / (inside | mask).sum() > 0.97


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_and_axe_finds_nothing(watched: Opened, of_file: str, width: int, scheme: Any) -> None:
    shown = [{}, {"image": "ISIC_0003217", "versus": "residual/gradcam"}, {"search": "no such picture"}]
    for parts in shown:
        page = watched(view(of_file, **parts))
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 844})
        expect(page.locator("#picture-name" if "image" in parts else "#count")).not_to_be_empty()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert accessibility_faults(page) == ""
        if not parts:
            page.locator("#help-open").click()
            assert accessibility_faults(page) == ""


def test_nothing_is_left_by_a_filter(watched: Opened, of_file: str, pictures: pd.DataFrame) -> None:
    page = watched(view(of_file, search="no such picture"))
    expect(page.locator("#none-left")).to_contain_text("No picture is left by these filters.")
    expect(page.locator("#count")).to_have_text(f"0 of {len(pictures)} pictures")
    page.locator("#filters-reset").click()
    expect(page.locator("#tiles a").first).to_be_visible()
    assert not page.locator("#none-left").is_visible()


def test_an_address_of_a_picture_that_is_not_there_says_so(watched: Opened, of_file: str) -> None:
    page = watched(view(of_file, image="ISIC_9999999", source="none/such", feature="<b>", threshold="x", zoom="-3"))
    expect(page.locator("#problem")).to_have_text("There is no picture ISIC_9999999 in this explorer.")
    page.locator("#back").click()
    expect(page.locator("#tiles a").first).to_be_visible()


def test_memory_is_flat_while_browsing(watched: Opened, of_file: str) -> None:
    """Data of pictures that were left are let go."""
    page = watched(of_file)
    page.locator("#tiles a").first.click()
    for _ in range(20):
        before = page.locator("#picture-name").text_content() or ""
        page.keyboard.press("n")
        expect(page.locator("#picture-name")).not_to_have_text(before)
    names = json.loads(page.evaluate(
        "JSON.stringify([...Array(200).keys()].map((n) => `pictures/00000/${String(n).padStart(5, '0')}`)"
        ".filter((name) => dermalign.isThere(name)))"
    ))  # fmt: skip
    assert len(names) <= 8
    assert page.locator("head script").count() == 0
