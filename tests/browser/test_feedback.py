"""What a reader says of pictures: drawn in a real browser, kept when it is closed, exported, imported."""

import base64
import io
import json
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from brute_force import masks_in, union_of
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Page, Playwright, expect
from skimage.measure import points_in_poly

from ..workflow.conftest import Run, Study
from .conftest import VIEWPORT, file_address

MASKS = Path("archives") / "ISIC2018_Task2_Training_GroundTruth_v3.zip"
IMAGE, OTHER = "ISIC_0003217", "ISIC_0000242"
FEATURES = ["globules", "milia_like_cyst", "negative_network", "pigment_network", "streaks"]
# As shares of the picture: a triangle, and a star that crosses itself: by the even-odd rule its middle is outside.
TRIANGLE = [(0.2, 0.25), (0.6, 0.35), (0.3, 0.8)]
STAR = [(0.5, 0.15), (0.68, 0.75), (0.18, 0.38), (0.82, 0.38), (0.32, 0.75)]


@pytest.fixture(scope="session")
def address(finished: tuple[Study, Run]) -> str:
    """The explorer of the embedded study, opened from its file."""
    return file_address(finished[0].results / "explorer" / "index.html")


@pytest.fixture
def opened(
    playwright: Playwright, tmp_path: Path, browser_type_launch_args: dict[str, Any], address: str
) -> Callable[..., Any]:
    """A function that starts a browser of its own, with a profile that outlives it, and opens a picture."""

    @contextmanager
    def open_browser(image: str = IMAGE, profile: str = "profile", of: str = address) -> Iterator[Page]:
        context = playwright.chromium.launch_persistent_context(
            str(tmp_path / profile), viewport=VIEWPORT, **browser_type_launch_args
        )
        page = context.new_page()
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(f"{of}#image={image}")
        expect(page.locator("#picture-name")).to_have_text(image.partition("&")[0])
        yield page
        context.close()
        assert not said

    return open_browser


def click_corners(page: Page, corners: list[tuple[float, float]]) -> None:
    """Click on places of the picture, given as shares of it."""
    page.locator("#side-0").scroll_into_view_if_needed()
    box = page.locator("#side-0").bounding_box()
    assert box
    for x, y in corners:
        page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])


def draw_polygon(page: Page, feature: str, corners: list[tuple[float, float]]) -> None:
    """Draw a polygon, closed by a click on its first corner."""
    page.locator("#draw-feature").select_option(feature)
    page.locator("#tool-polygon").check()
    click_corners(page, [*corners, corners[0]])


def draw_freely(page: Page, feature: str, corners: list[tuple[float, float]]) -> None:
    """Draw with the button held down."""
    page.locator("#draw-feature").select_option(feature)
    page.locator("#tool-freehand").check()
    page.locator("#side-0").scroll_into_view_if_needed()
    box = page.locator("#side-0").bounding_box()
    assert box
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=12)
    page.mouse.up()


def export(page: Page, kind: str) -> bytes:
    """Return the file that an export saves."""
    with page.expect_download() as download:
        page.locator(f"#export-{kind}").click()
    assert download.value.suggested_filename == f"feedback_embedded_Dr_O_Neill.{kind}"
    return Path(download.value.path()).read_bytes()


def inside(regions: list[Any], feature: str, width: int, height: int) -> NDArray[np.bool_]:
    """Return the pixels whose middle lies in a region of a feature, by scikit-image, which counts crossings, too."""
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    middles = np.column_stack([x.ravel(), y.ravel()])
    found = np.zeros(width * height, dtype=np.bool_)
    for region in regions:
        if region["feature"] == feature:
            found |= points_in_poly(middles, region["points"])
    return found.reshape(height, width)


def say_all(page: Page) -> None:
    """Give feedback of every kind on the picture that is shown."""
    page.locator("#reader").fill("Dr O'Neill")
    draw_polygon(page, "streaks", STAR)
    expect(page.locator("#regions li")).to_have_count(1)
    draw_freely(page, "globules", [*TRIANGLE, TRIANGLE[0]])
    expect(page.locator("#regions li")).to_have_count(2)
    page.locator("#tool-off").check()
    page.locator("#feedback [name=right][value=no]").check()
    page.locator("#right-class").select_option("MEL")
    page.locator("#feedback [name=rating][value='4']").check()
    page.locator("#note").fill('not "streaks" <b>everywhere</b>')


def test_what_was_drawn_outlives_the_browser_and_is_exported_pixel_for_pixel(
    opened: Callable[..., Any], finished: tuple[Study, Run]
) -> None:
    with opened() as page:
        say_all(page)
    with opened() as page:  # another start of the browser, of the same profile
        expect(page.locator("#regions li")).to_have_count(2)
        expect(page.locator("#note")).to_have_value('not "streaks" <b>everywhere</b>')
        expect(page.locator("#right-class")).to_have_value("MEL")
        expect(page.locator("#feedback [name=rating][value='4']")).to_be_checked()
        expect(page.locator("#finished")).to_be_checked()
        content = export(page, "zip")
        as_json = json.loads(export(page, "json"))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        feedback = json.loads(archive.read("feedback.json"))
        masks = {name: archive.read(name) for name in archive.namelist() if name != "feedback.json"}
    assert set(masks) == {f"masks/{IMAGE}_attribute_{feature}.png" for feature in FEATURES}
    assert feedback["format"] == "dermalign feedback 1"
    assert (feedback["study"], feedback["reader"], feedback["features"]) == ("embedded", "Dr O'Neill", FEATURES)
    record = json.loads((finished[0].results / "study.json").read_text(encoding="utf-8"))
    assert feedback["classifiers"] == {model: each["sha256"] for model, each in record["classifiers"].items()}
    (said,) = feedback["pictures"].values()
    assert said["labels"] == {"plain": {"predicted": "NV", "right": False, "class": "MEL"}}
    assert said["ratings"] == {"plain/gradcam": 4}
    assert said["note"] == 'not "streaks" <b>everywhere</b>'
    assert (said["finished"], said["threshold"], said["source"]) == (True, "0.400", "plain/gradcam")
    for feature in FEATURES:
        mask = Image.open(io.BytesIO(masks[f"masks/{IMAGE}_attribute_{feature}.png"]))
        assert mask.size == (said["width"], said["height"]) == (152, 116)
        white = np.asarray(mask.convert("L")) > 127
        expected = inside(said["regions"], feature, *mask.size)
        assert (white == expected).all()
        assert white.any() == (feature in ("streaks", "globules"))
    star = np.asarray(Image.open(io.BytesIO(masks[f"masks/{IMAGE}_attribute_streaks.png"])))
    assert not star[int(0.5 * 116), int(0.5 * 152)]  # the middle of the star
    drawn = as_json.pop("masks")
    assert {name.removeprefix("masks/"): base64.b64encode(mask).decode() for name, mask in masks.items()} == drawn
    assert {**as_json, "written": ""} == {**feedback, "written": ""}


@pytest.mark.parametrize("kind", ["zip", "json"])
def test_what_was_exported_is_imported_elsewhere(opened: Callable[..., Any], tmp_path: Path, kind: str) -> None:
    with opened() as page:
        say_all(page)
        content = export(page, kind)
    path = tmp_path / f"sent.{kind}"
    path.write_bytes(content)
    with opened(profile="another") as page:
        expect(page.locator("#regions li")).to_have_count(0)
        page.locator("#import").set_input_files(path)
        expect(page.locator("#import-result")).to_have_text("Feedback on 1 of 1 pictures was imported.")
        expect(page.locator("#regions li")).to_have_count(2)
        expect(page.locator("#reader")).to_have_value("Dr O'Neill")
        again = export(page, kind)
        page.locator("#back").click()
        page.locator("#filters [name=feedback]").select_option("given")
        expect(page.locator("#count")).to_have_text("1 of 91 pictures")
    if kind == "zip":
        before, after = (zipfile.ZipFile(io.BytesIO(each)) for each in (content, again))
        assert {n: before.read(n) for n in before.namelist()[1:]} == {n: after.read(n) for n in after.namelist()[1:]}
        assert (
            json.loads(before.read("feedback.json"))["pictures"] == json.loads(after.read("feedback.json"))["pictures"]
        )


def test_a_zip_that_was_packed_anew_is_imported_and_broken_files_are_refused(
    opened: Callable[..., Any], tmp_path: Path
) -> None:
    with opened() as page:
        say_all(page)
        content = zipfile.ZipFile(io.BytesIO(export(page, "zip")))
        feedback = json.loads(content.read("feedback.json"))
    with zipfile.ZipFile(tmp_path / "packed.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        for name in reversed(content.namelist()):
            packed.writestr(name, content.read(name))
    with zipfile.ZipFile(tmp_path / "without.zip", "w") as without:
        without.writestr("else.txt", "nothing")
    (tmp_path / "cut.zip").write_bytes((tmp_path / "packed.zip").read_bytes()[:-30])
    (tmp_path / "text.json").write_text("no JSON")
    (tmp_path / "other.json").write_text('{"format": "other", "pictures": {}}')
    (tmp_path / "study.json").write_text(json.dumps({**feedback, "study": "<b>mine</b>"}))
    (tmp_path / "reader.json").write_text(json.dumps({**feedback, "reader": "Ben"}))
    pictures = {**feedback["pictures"], "ISIC_9999999": feedback["pictures"][IMAGE]}
    (tmp_path / "more.json").write_text(json.dumps({**feedback, "pictures": pictures}))
    with opened(profile="another") as page:
        for name, words in {
            "without.zip": "was not imported: there is no feedback.json in it.",
            "cut.zip": "was not imported: it is no whole zip.",
            "text.json": "was not imported: it is neither a zip nor JSON.",
            "other.json": "was not imported: it is no feedback of this explorer.",
            "study.json": "was not imported: it is of the study <b>mine</b>, this is embedded.",
            "packed.zip": "Feedback on 1 of 1 pictures was imported.",
            "reader.json": "was not imported: it is of Ben, what is kept here of Dr O'Neill.",
            "more.json": "Feedback on 0 of 2 pictures was imported; of 1 what is kept here is newer or the same; "
            "1 are not in this explorer.",
        }.items():
            page.locator("#import").set_input_files(tmp_path / name)
            prefix = "" if words.startswith("Feedback") else f"{name} "
            expect(page.locator("#import-result")).to_have_text(prefix + words)
        expect(page.locator("#regions li")).to_have_count(2)


def test_regions_are_undone_deleted_and_removed(opened: Callable[..., Any]) -> None:
    with opened() as page:
        regions = page.locator("#regions li")
        draw_polygon(page, "streaks", TRIANGLE)
        draw_polygon(page, "globules", TRIANGLE)
        expect(regions).to_have_text(["streaks, 3 cornersdelete", "globules, 3 cornersdelete"])
        page.get_by_role("button", name="delete region 1, streaks").click()
        expect(regions).to_have_text(["globules, 3 cornersdelete"])
        page.locator("#undo").click()
        expect(regions).to_have_text(["streaks, 3 cornersdelete", "globules, 3 cornersdelete"])
        page.locator("#side-0").focus()
        page.keyboard.press("Control+z")
        expect(regions).to_have_text(["streaks, 3 cornersdelete"])
        # Of a region that is not closed, undo takes the last corner back.
        click_corners(page, TRIANGLE)
        expect(page.locator(".drawing .is-open")).to_have_count(1)
        for _ in range(3):
            page.locator("#undo").click()
        expect(page.locator(".drawing .is-open")).to_have_count(0)
        expect(regions).to_have_count(1)
        page.locator("#remove").click()
        expect(regions).to_have_count(0)
        expect(page.locator("#feedback-count")).to_have_text("Feedback on 0 pictures, kept in this browser.")
        expect(page.locator("#export-zip")).to_be_disabled()


def test_a_polygon_is_drawn_by_the_keyboard_alone(opened: Callable[..., Any]) -> None:
    with opened() as page:
        page.locator("#draw-feature").select_option("milia_like_cyst")
        page.locator("#tool-polygon").check()
        page.locator("#side-0").focus()
        for key in (
            "Enter",
            "Shift+ArrowRight",
            "Enter",
            "Shift+ArrowDown",
            "Enter",
            "ArrowLeft",
            "Backspace",
            "Enter",
        ):
            page.keyboard.press(key)
        page.keyboard.press("c")
        expect(page.locator("#regions li")).to_have_text(["milia-like cyst, 3 cornersdelete"])
        expect(page.locator("#picture-name")).to_have_text(IMAGE)


def test_a_region_drawn_in_a_zoomed_view_lies_where_it_was_drawn(opened: Callable[..., Any]) -> None:
    with opened() as page:
        for _ in range(4):
            page.locator("#zoom-in").click()
        draw_polygon(page, "streaks", TRIANGLE)
        (region,) = page.evaluate("JSON.parse(localStorage.getItem('dermalign feedback embedded')).pictures")[IMAGE][
            "regions"
        ]
        zoom = 1.25**4
        for (x, y), (across, down) in zip(region["points"], TRIANGLE, strict=True):
            assert x / 152 == pytest.approx(0.5 + (across - 0.5) / zoom, abs=0.01)
            assert y / 116 == pytest.approx(0.5 + (down - 0.5) / zoom, abs=0.01)


def test_only_finished_pictures_have_masks_of_what_was_not_drawn(opened: Callable[..., Any]) -> None:
    with opened(OTHER) as page:
        page.locator("#reader").fill("Dr O'Neill")
        draw_polygon(page, "streaks", TRIANGLE)
        expect(page.locator("#finished")).to_be_checked()
        page.locator("#finished").uncheck()
        assert zipfile.ZipFile(io.BytesIO(export(page, "zip"))).namelist() == [
            "feedback.json",
            f"masks/{OTHER}_attribute_streaks.png",
        ]
        page.locator("#remove").click()
        page.locator("#finished").check()
        names = zipfile.ZipFile(io.BytesIO(export(page, "zip"))).namelist()
        assert names[1:] == [f"masks/{OTHER}_attribute_{feature}.png" for feature in FEATURES]


def test_without_a_name_nothing_is_exported(opened: Callable[..., Any]) -> None:
    with opened() as page:
        page.locator("#note").fill("seen")
        page.locator("#export-zip").click()
        expect(page.locator("#feedback-warning")).to_have_text("Tell your name first: it says whose feedback this is.")
        expect(page.locator("#reader")).to_be_focused()


def test_the_workflow_finds_the_jaccard_index_of_what_was_drawn(
    opened: Callable[..., Any], finished: tuple[Study, Run], tmp_path: Path
) -> None:
    """From the pointer to the shard, and back into the explorer: as many pixels as brute force counts."""
    with opened() as page:
        say_all(page)
        content = export(page, "zip")
    study = Study(Path(shutil.copytree(finished[0].folder, tmp_path / "study", copy_function=shutil.copy2)))
    (study.folder / "oneill.zip").write_bytes(content)
    shards = [f"results/embedded/jaccard/reader/oneill/{feature}/0.500.csv" for feature in (*FEATURES, "union")]
    targets = [*shards, "results/embedded/explorer/index.html"]
    run = study.snakemake(*targets, overlay={"feedback": {"oneill": "oneill.zip"}})
    assert run.status == 0, run.text[-5000:]
    (said,) = json.loads(zipfile.ZipFile(io.BytesIO(content)).read("feedback.json"))["pictures"].values()
    masks = masks_in(study.results / MASKS, IMAGE, FEATURES)
    drawn = {feature: inside(said["regions"], feature, said["width"], said["height"]) for feature in FEATURES}
    drawn["union"] = union_of(drawn)
    expected = {}
    for feature, mask in masks.items():
        shard = pd.read_csv(study.results / "jaccard" / "reader" / "oneill" / feature / "0.500.csv", index_col="image")
        both, any_of_them = int((mask & drawn[feature]).sum()), int((mask | drawn[feature]).sum())
        assert list(shard.index) == ([IMAGE] if mask.any() else [])
        if mask.any():
            expected[feature] = both, any_of_them
            assert (shard.loc[IMAGE, "intersection"], shard.loc[IMAGE, "union"]) == expected[feature]
    assert expected["union"][0] > 0
    # The reader is a source of maps in the explorer of the study that read it back.
    address = file_address(study.results / "explorer" / "index.html")
    with opened(f"{IMAGE}&source=reader/oneill&threshold=0.500", profile="another", of=address) as page:
        for feature, (both, any_of_them) in expected.items():
            page.locator("#feature").select_option(feature)
            expect(page.locator("#counts-0")).to_have_text(f"{both:,} of {any_of_them:,} pixels")
        page.locator("#threshold-number").fill("0")
        page.locator("#threshold-number").press("Enter")
        expect(page.locator("#counts-0")).to_have_text(f"{int(mask.sum()):,} of {mask.size:,} pixels")
