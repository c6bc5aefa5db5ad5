"""Figures of pictures: what is white, outlined and written in them is what the masks, maps and shards say."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from dermalign.data.archives import list_pictures
from dermalign.data.mask_counts import count_cells
from dermalign.data.masks import white_box
from dermalign.errors import InputError
from dermalign.overlap.engine import intersection_and_union, is_white, overlap_curves
from dermalign.overlap.shards import Shards
from dermalign.results.picture_figures import (
    Extreme,
    extremes_figure,
    extremes_of,
    maps_figure,
    masks_figure,
    thresholds_figure,
)
from dermalign.results.plotting import save
from dermalign.results.shown_pictures import ShownPicture, map_of, open_pictures
from dermalign.saliency.stores import Store
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image
from scipy.ndimage import gaussian_filter

FEATURES = ["globules", "streaks"]
OPTIONS = {"pattern": "{image}_attribute_{feature}.png", "missing": "error"}


def masks_of(height: int, width: int) -> dict[str, np.ndarray]:
    masks = {name: np.zeros((height, width), dtype=bool) for name in FEATURES}
    masks["globules"][2 : height // 2, 3 : width // 2] = True
    return masks


@pytest.fixture
def shown() -> ShownPicture:
    masks = masks_of(30, 40)
    masks = {"globules": masks["globules"], "union": masks["globules"]}
    pixels = np.random.default_rng(0).integers(0, 255, (30, 40, 3), dtype=np.uint8)
    return ShownPicture("ISIC_1", "MEL", pixels, masks, {"globules": 0.185, "union": 0.185}, np.ones((30, 40), bool))


def store(saliency: np.ndarray | None = None, **changes: object) -> Store:
    cells = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4) if saliency is None else saliency
    kept = Store(
        saliency=cells,
        raw=cells,
        probabilities=np.array([0.75, 0.25], np.float32),
        image="ISIC_1",
        model="plain",
        method="gradcam",
        layer="c",
        score="before_softmax",
        target="predicted",
        target_class="MEL",
        predicted_class="MEL",
        degenerate=False,
        classifier_sha256="",
        dermalign_version="",
    )
    return replace(kept, **changes)


def panels(figure: Figure) -> list[Axes]:
    is_bar = "saliency"  # the label of a heatmap's colours
    return [axis for axis in figure.axes if axis.get_visible() and axis.images and axis.get_ylabel() != is_bar]


def titles(figure: Figure) -> list[str]:
    return [axis.get_title() for axis in panels(figure)]


# Reading


def write_case(folder: Path, width: int, height: int) -> tuple[pd.DataFrame, dict[str, np.ndarray], np.ndarray]:
    """Write a picture of 2 masks, one black, and a lesion mask into three folders; return manifest, masks, lesion."""
    masks = masks_of(height, width)
    lesion = np.zeros((height, width), dtype=bool)
    lesion[1 : height - 1, 1 : width - 1] = True
    for name in ("pictures", "masks", "lesions"):
        (folder / name).mkdir()
    pixels = np.zeros((height, width, 3), dtype=np.uint8)
    pixels[:, : width // 2] = (200, 30, 60)
    Image.fromarray(pixels).save(folder / "pictures" / "p.png")
    for name, mask in masks.items():
        Image.fromarray(mask * np.uint8(255)).save(folder / "masks" / f"p_attribute_{name}.png")
    Image.fromarray(lesion * np.uint8(255)).save(folder / "lesions" / "p_segmentation.png")
    counts = {name: int(mask.sum()) for name, mask in masks.items()}
    manifest = pd.DataFrame([{"image": "p", "diagnosis": "NV", "width": width, "height": height, **counts}])
    return manifest.assign(union=counts["globules"]), masks, lesion


@pytest.mark.parametrize(("width", "height", "side"), [(40, 30, 480), (400, 300, 100), (90, 120, 60)])
def test_a_picture_is_read_with_its_masks_scaled_to_what_is_printed(
    tmp_path: Path, width: int, height: int, side: int
) -> None:
    manifest, masks, lesion = write_case(tmp_path, width, height)
    with open_pictures(
        tmp_path / "pictures", tmp_path / "masks", FEATURES, OPTIONS, lesion_masks=tmp_path / "lesions"
    ) as reader:
        found = reader.read(manifest, "p", side)
    factor = min(1, side / max(width, height))
    size = (round(width * factor), round(height * factor))
    assert found.pixels.shape == (size[1], size[0], 3)
    assert list(found.masks) == ["globules", "union"]  # a black one is not shown
    for mask, whole in ((found.masks["globules"], masks["globules"]), (found.masks["union"], masks["globules"])):
        expected = np.asarray(Image.fromarray(whole).resize(size, Image.Resampling.NEAREST))
        np.testing.assert_array_equal(mask, expected)
    np.testing.assert_array_equal(
        found.lesion, np.asarray(Image.fromarray(lesion).resize(size, Image.Resampling.NEAREST))
    )
    assert found.shares["globules"] == masks["globules"].sum() / (width * height)
    assert (found.pixels[:, 0] == (200, 30, 60)).all() and (found.pixels[:, -1] == 0).all()


def test_without_a_lesion_mask_the_panel_is_left_out(tmp_path: Path) -> None:
    manifest, _, _ = write_case(tmp_path, 40, 30)
    folders = (tmp_path / "pictures", tmp_path / "masks", FEATURES, OPTIONS)
    with open_pictures(*folders) as reader:
        assert reader.read(manifest, "p", 100).lesion is None
    (tmp_path / "lesions" / "p_segmentation.png").rename(tmp_path / "lesions" / "q_segmentation.png")
    with open_pictures(*folders, lesion_masks=tmp_path / "lesions") as reader:
        found = reader.read(manifest, "p", 100)
    assert found.lesion is None
    assert titles(masks_figure(found)) == ["p, NV", "globules, 18.4%", "union, 18.4%"]


def test_a_lesion_mask_of_another_size_is_named(tmp_path: Path) -> None:
    manifest, _, _ = write_case(tmp_path, 40, 30)
    Image.new("L", (41, 30)).save(tmp_path / "lesions" / "p_segmentation.png")
    with (
        open_pictures(
            tmp_path / "pictures", tmp_path / "masks", FEATURES, OPTIONS, lesion_masks=tmp_path / "lesions"
        ) as reader,
        pytest.raises(InputError, match=r"p_segmentation\.png is 41 x 30 pixels, its picture 40 x 30"),
    ):
        reader.read(manifest, "p", 100)


def test_the_papers_example_covers_what_the_paper_says(real_data: Path) -> None:
    """Captions of figures 4 and 5: J of ISIC_0000013 at threshold 0, the union's share of the picture, is 0.064."""
    features = ["globules", "milia_like_cyst", "negative_network", "pigment_network", "streaks"]
    folder = real_data / "isic-256"
    archives = (folder / "ISIC2018_Task1-2_Training_Input.zip", folder / "ISIC2018_Task2_Training_GroundTruth_v3.zip")
    assert "ISIC_0000013" in list_pictures(archives[0])
    manifest = pd.DataFrame([{"image": "ISIC_0000013", "diagnosis": "MEL", "width": 256, "height": 192}])
    manifest = manifest.assign(**dict.fromkeys([*features, "union"], 0))
    with open_pictures(*archives, features, OPTIONS) as reader:
        found = reader.read(manifest, "ISIC_0000013", 480)
    assert list(found.masks) == ["globules", "pigment_network", "streaks", "union"]  # as in its figure 1
    assert found.pixels.shape == (192, 256, 3)
    assert round(found.masks["union"].mean(), 4) == 0.0643


# Drawing


def test_figure_1_shows_picture_lesion_masks_and_union(shown: ShownPicture) -> None:
    figure = masks_figure(shown)
    assert titles(figure) == ["ISIC_1, MEL", "lesion", "globules, 18.5%", "union, 18.5%"]
    images = [axis.images[0].get_array() for axis in panels(figure)]
    for drawn, expected in zip(images, [shown.pixels, shown.lesion, *shown.masks.values()], strict=True):
        np.testing.assert_array_equal(np.asarray(drawn), expected)


@pytest.mark.parametrize("models", [["plain"], ["plain", "residual"], ["a", "b", "c"]])
def test_figure_2_says_what_each_model_took_the_picture_for(shown: ShownPicture, models: list[str]) -> None:
    stores = {model: store(model=model, predicted_class="NV" if model == "residual" else "MEL") for model in models}
    figure = maps_figure(shown, stores)
    assert titles(figure)[0] == "ISIC_1\nMEL"
    assert [text.get_text() for text in figure.texts] == [
        f"{model}\n{'NV (75%), wrong' if model == 'residual' else 'MEL (75%), right'}" for model in models
    ]
    drawn = panels(figure)[1:]
    assert [axis.get_xlabel() for axis in drawn] == ["map, 3 x 4 cells", "heatmap"] * len(models)
    for grey, heat in zip(drawn[::2], drawn[1::2], strict=True):
        for axis, look in ((grey, "gray"), (heat, "viridis")):
            np.testing.assert_array_equal(np.asarray(axis.images[-1].get_array()), store().saliency)
            assert axis.images[-1].get_cmap().name == look
            assert axis.images[-1].get_clim() == (0, 1)
        assert len(heat.images) == 2  # over the picture


def test_a_constant_map_is_said_to_be_one(shown: ShownPicture) -> None:
    constant = store(np.zeros((3, 4), np.float32), degenerate=True)
    assert panels(maps_figure(shown, {"plain": constant}))[1].get_xlabel() == "map, 3 x 4 cells, constant"
    assert thresholds_figure(shown, constant, {"0.000": 0.1}, None).get_suptitle().endswith("cells, constant")
    worst = Extreme("globules", "worst", "ISIC_1", 0.0, "0.500")
    assert titles(extremes_figure("plain", [(worst, shown, constant)])) == ["worst: ISIC_1\nJ = 0.000, constant map"]


def test_figure_4_is_white_where_the_map_is_above_each_threshold(shown: ShownPicture) -> None:
    jaccard = {f"{number / 10:.3f}": 0.1 + 0.01 * number * (10 - number) for number in range(11)}
    kept = store()
    figure = thresholds_figure(shown, kept, jaccard, "0.400")
    drawn = panels(figure)[1:]
    assert [axis.get_title() for axis in drawn] == [f"threshold {float(name):g}" for name in jaccard]
    for axis, (name, value) in zip(drawn, jaccard.items(), strict=True):
        white = np.asarray(axis.images[0].get_array()) == 1
        np.testing.assert_array_equal(white, kept.saliency > np.float32(name) if name != "0.000" else True)
        lines = axis.get_xlabel().split("\n")
        assert lines[0] == f"J = {value:.3f}"
        assert ("best of picture" in lines) == (name == "0.500")
        assert ("best of study" in lines) == (name == "0.400")
        assert axis.collections  # the union's outline


def test_of_many_thresholds_eleven_are_drawn_and_it_says_so(shown: ShownPicture) -> None:
    jaccard = {f"{number / 100:.3f}": 0.5 for number in range(101)}
    figure = thresholds_figure(shown, store(), jaccard, "0.000")
    assert titles(figure)[1:] == [f"threshold {number / 10:g}" for number in range(11)]
    assert figure.get_suptitle().endswith("11 of 101 thresholds")


@pytest.mark.slow
@pytest.mark.parametrize("best", ["0.330", "0.001", "0.999", "1.000", None])
@pytest.mark.parametrize("own", [0, 47, 951, 1000])
def test_of_many_thresholds_the_best_ones_are_among_the_drawn(shown: ShownPicture, own: int, best: str | None) -> None:
    jaccard = {f"{number / 1000:.3f}": float(number == own) for number in range(1001)}
    drawn = panels(thresholds_figure(shown, store(), jaccard, best))[1:]
    values = [float(axis.get_title().removeprefix("threshold ")) for axis in drawn]
    assert len(values) == 11 and values == sorted(set(values)) and (values[0], values[-1]) == (0, 1)
    assert max(np.diff(values)) < 0.3
    marked = {value: axis.get_xlabel() for value, axis in zip(values, drawn, strict=True)}
    assert "best of picture" in marked[own / 1000]
    assert best is None or "best of study" in marked[float(best)]


def test_outlines_lie_where_the_masks_edge_is(shown: ShownPicture) -> None:
    axis = panels(thresholds_figure(shown, store(), {"0.000": 0.1}, None))[1]
    corners = np.concatenate([path.vertices for each in axis.collections for path in each.get_paths()])
    rows, columns = np.nonzero(shown.masks["union"])
    np.testing.assert_allclose(corners.min(axis=0), [columns.min() - 0.5, rows.min() - 0.5])
    np.testing.assert_allclose(corners.max(axis=0), [columns.max() + 0.5, rows.max() + 0.5])


def test_at_0_all_is_white_and_floats_are_compared_as_float32() -> None:
    cells = np.array([[0, 0.1, 1]], np.float32)
    assert is_white(cells, 0.0).all()
    assert is_white(cells, 0.1).tolist() == [[False, False, True]]
    assert not is_white(cells, 1.0).any()


def shards(jaccard: list[float]) -> Shards:
    count = len(jaccard)
    images = [f"p{number}" for number in range(count)]
    counts = np.array([[0] * count, [round(1000 * value) for value in jaccard]])
    return Shards(images, ["0.000", "0.500"], counts, np.full((2, count), 1000), np.arange(count))


@pytest.mark.parametrize(
    ("jaccard", "images"),
    [
        ([0.3, 0.1, 0.2], ["p0", "p2", "p1"]),
        ([0.3, 0.1, 0.2, 0.4], ["p3", "p2", "p1"]),  # the lower one in the middle
        ([0.0, 0.0, 0.2, 0.2], ["p2", "p0", "p0"]),
        ([0.5], ["p0", "p0", "p0"]),
    ],
)
def test_best_median_and_worst(jaccard: list[float], images: list[str]) -> None:
    found = extremes_of("globules", shards(jaccard), "0.500")
    assert [each.place for each in found] == ["best", "median", "worst"]
    assert [each.image for each in found] == images
    assert [each.jaccard for each in found] == [jaccard[int(image[1:])] for image in images]
    assert [each.alike for each in found] == [jaccard.count(jaccard[int(image[1:])]) for image in images]
    assert {each.count for each in found} == {len(jaccard)}


def test_no_pictures_have_no_extremes() -> None:
    empty = Shards([], ["0.000"], np.empty((1, 0), int), np.empty((1, 0), int), np.empty(0, int))
    assert extremes_of("globules", empty, None) == []
    assert extremes_figure("plain", []).texts


def test_extremes_show_map_and_mask_of_their_own_feature(shown: ShownPicture, tmp_path: Path) -> None:
    maps = np.stack([np.zeros((2, 2)), np.eye(2)]).astype(np.float32)
    kept = store(maps, features=("globules", "streaks"))
    streaks = np.zeros((30, 40), dtype=bool)
    streaks[20:25, 30:38] = True
    both = replace(shown, masks={**shown.masks, "streaks": streaks})
    rows = [Extreme(name, place, "ISIC_1", 0.25, "0.500") for name in FEATURES for place in ("best", "median", "worst")]
    figure = extremes_figure("plain", [(row, both, kept) for row in rows])
    assert len(panels(figure)) == 6
    assert titles(figure) == [f"{row.place}: ISIC_1\nJ = 0.250" for row in rows]
    for axis, row in zip(panels(figure), rows, strict=True):
        np.testing.assert_array_equal(np.asarray(axis.images[1].get_array()), maps[FEATURES.index(row.feature)])
    assert [axis.get_ylabel() for axis in panels(figure)[::3]] == [f"{name}\nat 0.5, 1 picture" for name in FEATURES]
    paths = [tmp_path / "a.svg", tmp_path / "b.svg"]
    for path in paths:
        save(extremes_figure("plain", [(row, both, kept) for row in rows]), [path])
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert not re.search(rb"<text[^>]*>.*nan", paths[0].read_bytes())


def test_where_maps_differ_by_feature_the_unions_is_the_maximum() -> None:
    maps = np.random.default_rng(0).random((2, 3, 4)).astype(np.float32)
    kept = store(maps, features=("globules", "streaks"))
    np.testing.assert_array_equal(map_of(kept, "streaks"), maps[1])
    np.testing.assert_array_equal(map_of(kept, "union"), maps.max(axis=0))
    np.testing.assert_array_equal(map_of(store(), "union"), store().saliency)
    with pytest.raises(InputError, match=r"has maps of globules, streaks of ISIC_1, none of milia"):
        map_of(kept, "milia")


# As it is printed


def printed(figure: Figure, folder: Path) -> np.ndarray:
    """Return the figure's pixels, (h, w, 3), as `save` writes them."""
    save(figure, [folder / "figure.png"])
    with Image.open(folder / "figure.png") as sheet:
        return np.asarray(sheet.convert("RGB"))


def cut_out(pixels: np.ndarray, axis: Axes, inner: int = 0) -> np.ndarray:
    """Return what a panel shows, without its frame, in pixels of the figure."""
    height, width = pixels.shape[:2]
    box = axis.get_position()
    rows = slice(round((1 - box.y1) * height) + inner, round((1 - box.y0) * height) - inner)
    return pixels[rows, round(box.x0 * width) + inner : round(box.x1 * width) - inner]


def test_white_in_figure_4_is_as_large_as_the_area_that_is_counted(tmp_path: Path) -> None:
    """The area that the engine counts in J, of maps of no round size, of a picture whose cells are no squares."""
    saliency = np.random.default_rng(1).random((7, 5)).astype(np.float32)
    names = [f"{number / 10:.3f}" for number in range(11)]
    everywhere = np.ones((150, 200), dtype=bool)  # no outline is drawn of it
    blank = np.full((150, 200, 3), 128, dtype=np.uint8)
    shown = ShownPicture("ISIC_1", "MEL", blank, {"union": everywhere}, {"union": 1.0})
    figure = thresholds_figure(shown, store(saliency), dict.fromkeys(names, 0.5), None)
    (cells,) = count_cells(white_box(Image.fromarray(everywhere * np.uint8(255))), [saliency.shape])
    curves = overlap_curves(saliency[np.newaxis], {"union": cells[np.newaxis]}, np.array([(200, 150)]))
    pixels = printed(figure, tmp_path)
    for axis, name in zip(panels(figure)[1:], names, strict=True):
        ((area,), _) = intersection_and_union(curves, "union", threshold=float(name))
        white = (cut_out(pixels, axis, inner=2) > 127).all(axis=-1)
        assert white.mean() == pytest.approx(area / everywhere.size, abs=0.02), name


def test_a_picture_of_another_shape_than_its_panel_is_whole_and_in_the_middle(tmp_path: Path) -> None:
    pixels = np.zeros((400, 100, 3), dtype=np.uint8)
    figure = masks_figure(ShownPicture("ISIC_1", "MEL", pixels, {}, {}))
    drawn = cut_out(printed(figure, tmp_path), panels(figure)[0], inner=3)
    dark = (drawn < 20).all(axis=-1)
    columns = np.flatnonzero(dark.any(axis=0))
    assert dark[:, columns].mean() > 0.98
    assert dark.shape[0] / len(columns) == pytest.approx(4, rel=0.05)
    assert columns.mean() == pytest.approx(dark.shape[1] / 2, abs=2)


def words(figure: Figure) -> list[tuple[str, Any]]:
    """Return all that is written in a figure, and the box of each in pixels of the figure."""
    renderer = figure.canvas.get_renderer()
    figure.draw(renderer)
    visible = [text for text in figure.findobj(Text) if text.get_text().strip() and text.get_visible()]
    hidden = {id(text) for axis in figure.axes if not axis.get_visible() for text in axis.findobj(Text)}
    return [(text.get_text(), text.get_window_extent(renderer)) for text in visible if id(text) not in hidden]


LONG = "a_classifier_of_many_words_that_was_brought_along_from_somewhere_else"


@pytest.mark.parametrize("shape", [(30, 40), (60, 30), (20, 90)])
@pytest.mark.parametrize("models", [["plain"], ["plain", LONG], [LONG, "b", LONG + "_2"]])
def test_no_word_is_cut_off_or_covers_another(
    shape: tuple[int, int], models: list[str], count: int = 11, name: str = "ISIC_0000013_downsampled_and_renamed"
) -> None:
    mask = masks_of(*shape)["globules"]
    masks = {**dict.fromkeys(("globules", "milia_like_cyst", "negative_network"), mask), "union": mask}
    shares = dict.fromkeys(masks, 0.0001)
    shown = ShownPicture(name, "MEL", np.zeros((*shape, 3), np.uint8), masks, shares, mask)
    jaccard = {f"{number / 10:.3f}": float(number == 5) for number in range(count)}
    kept = {model: store(model=model) for model in models}
    rows = [
        Extreme(feature, place, name, 0.0, "0.500", 1963, 1960)
        for feature in masks
        for place in ("best", "median", "worst")
    ]
    for figure in (
        masks_figure(shown),
        maps_figure(shown, kept),
        thresholds_figure(shown, kept[models[-1]], jaccard, "0.500"),
        extremes_figure(models[-1], [(row, shown, store()) for row in rows]),
    ):
        FigureCanvasAgg(figure)
        found = words(figure)
        width, height = figure.canvas.get_width_height()
        for text, box in found:
            assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height, text
        for place, (text, box) in enumerate(found):
            for other, beside in found[:place]:
                apart_across = box.x1 <= beside.x0 + 1 or beside.x1 <= box.x0 + 1
                apart_up = box.y1 <= beside.y0 + 1 or beside.y1 <= box.y0 + 1
                assert apart_across or apart_up, (text, other)


@pytest.mark.slow
@pytest.mark.parametrize(("specks", "most"), [(0.4, 2_500_000), (15, 2_000_000)])
def test_drawings_stay_small(tmp_path: Path, specks: float, most: int) -> None:
    """Of rough pictures with fine maps; even of masks that are specks all over, whose outlines are longest."""
    random = np.random.default_rng(0)
    mask = gaussian_filter(random.normal(size=(169, 225)), specks) > 0
    masks = {"globules": mask, "union": mask}
    rough = gaussian_filter(random.normal(size=(169, 225)), 1)
    pixels = np.clip(128 + 60 * rough[:, :, np.newaxis].repeat(3, axis=-1), 0, 255).astype(np.uint8)
    shown = ShownPicture("ISIC_1", "MEL", pixels, masks, dict.fromkeys(masks, 0.5))
    fine = gaussian_filter(random.normal(size=(450, 450)), 20)
    kept = store(((fine - fine.min()) / np.ptp(fine)).astype(np.float32))
    rows = [Extreme("union", place, "ISIC_1", 0.2, "0.500") for place in 6 * ("best", "median", "worst")]
    jaccard = {f"{number / 10:.3f}": 0.1 for number in range(11)}
    for figure in (
        thresholds_figure(shown, kept, jaccard, "0.500"),
        extremes_figure("plain", [(row, shown, kept) for row in rows]),
    ):
        save(figure, [tmp_path / "figure.svg"])
        assert (tmp_path / "figure.svg").stat().st_size < most
