"""Figures of pictures: what is white, outlined and written in them is what the masks, maps and shards say."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from dermalign.data.archives import list_pictures
from dermalign.errors import InputError
from dermalign.overlap.shards import Shards
from dermalign.results.picture_figures import (
    Extreme,
    above,
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
from matplotlib.figure import Figure
from PIL import Image

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
        cells, cells, np.array([0.75, 0.25], np.float32), "ISIC_1", "plain", "gradcam", "c", "MEL", "MEL", False, "", ""
    )
    return replace(kept, **changes)


def panels(figure: Figure) -> list[Axes]:
    return [axis for axis in figure.axes if axis.get_visible() and axis.images]


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
    assert titles(masks_figure(found)) == ["p", "globules, 18.4%", "union, 18.4%"]


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
    assert titles(figure) == ["ISIC_1", "lesion", "globules, 18.5%", "union, 18.5%"]
    images = [axis.images[0].get_array() for axis in panels(figure)]
    for drawn, expected in zip(images, [shown.pixels, shown.lesion, *shown.masks.values()], strict=True):
        np.testing.assert_array_equal(np.asarray(drawn), expected)


@pytest.mark.parametrize("models", [["plain"], ["plain", "residual"], ["a", "b", "c"]])
def test_figure_2_says_what_each_model_took_the_picture_for(shown: ShownPicture, models: list[str]) -> None:
    stores = {model: store(model=model, predicted_class="NV" if model == "residual" else "MEL") for model in models}
    figure = maps_figure(shown, stores)
    assert titles(figure)[0] == "ISIC_1\nMEL"
    said = [title for title in titles(figure) if ": " in title]
    assert [title.split("\n")[0] for title in said] == [
        f"{model}: NV (75%), wrong" if model == "residual" else f"{model}: MEL (75%), right" for model in models
    ]
    grey = [axis for axis in panels(figure) if "cells" in axis.get_title()]
    for axis in grey:
        np.testing.assert_array_equal(np.asarray(axis.images[0].get_array()), store().saliency)
        assert axis.images[0].get_cmap().name == "gray"
    assert len(panels(figure)) == 1 + 2 * len(models)


def test_a_constant_map_is_said_to_be_one(shown: ShownPicture) -> None:
    figure = maps_figure(shown, {"plain": store(np.zeros((3, 4), np.float32), degenerate=True)})
    assert any("constant" in title for title in titles(figure))


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


def test_outlines_lie_where_the_masks_edge_is(shown: ShownPicture) -> None:
    axis = panels(thresholds_figure(shown, store(), {"0.000": 0.1}, None))[1]
    corners = np.concatenate([path.vertices for each in axis.collections for path in each.get_paths()])
    rows, columns = np.nonzero(shown.masks["union"])
    np.testing.assert_allclose(corners.min(axis=0), [columns.min() - 0.5, rows.min() - 0.5])
    np.testing.assert_allclose(corners.max(axis=0), [columns.max() + 0.5, rows.max() + 0.5])


def test_at_0_all_is_white_and_floats_are_compared_as_float32() -> None:
    cells = np.array([[0, 0.1, 1]], np.float32)
    assert above(cells, "0.000").all()
    assert above(cells, "0.100").tolist() == [[False, False, True]]
    assert not above(cells, "1.000").any()


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
    assert titles(figure) == [f"{row.place}: ISIC_1, J = 0.250" for row in rows]
    for axis, row in zip(panels(figure), rows, strict=True):
        np.testing.assert_array_equal(np.asarray(axis.images[1].get_array()), maps[FEATURES.index(row.feature)])
    assert [axis.get_ylabel() for axis in panels(figure)[::3]] == ["globules\nat 0.5", "streaks\nat 0.5"]
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
