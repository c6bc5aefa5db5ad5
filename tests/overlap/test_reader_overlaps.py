"""Overlaps of readers' masks, and the curves that follow, against masks compared pixel by pixel."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from brute_force import Pixels, union_of
from dermalign.data.mask_files import list_masks
from dermalign.errors import InputError
from dermalign.overlap.curves import open_curves
from dermalign.overlap.exact import exact_statistics
from dermalign.overlap.reader_overlaps import (
    STUDY,
    mask_overlaps,
    read_overlaps,
    write_overlaps,
    write_reader_curves,
)
from dermalign.overlap.shards import shards_of_curves, write_shards
from engine_cases import FEATURES, NAMES, THRESHOLDS, draw_mask
from hypothesis import given, settings
from hypothesis import strategies as st

Masks = dict[str, dict[str, Pixels]]  # by picture and feature, `union` among them
KINDS = ("black", "full", "pixel", "box", "noise")


def drawn(random: np.random.Generator, sizes: Mapping[str, tuple[int, int]]) -> Masks:
    """Draw masks of all pictures, of width and height."""
    found: Masks = {}
    for image, size in sizes.items():
        masks = {feature: draw_mask(random, random.choice(KINDS), *size) > 127 for feature in FEATURES}
        found[image] = {**masks, "union": union_of(masks)}
    return found


def archive(folder: Path, name: str, masks: Masks, encoded: Callable[..., bytes], zipped: Callable[..., Path]) -> Path:
    members = {
        f"{image}_attribute_{feature}.png": encoded(np.uint8(255) * mask)
        for image, of_image in masks.items()
        for feature, mask in of_image.items()
        if feature != "union"
    }
    return zipped(folder / f"{name}.zip", members)


def expected_rows(of: Mapping[str, Masks]) -> list[tuple[object, ...]]:
    """Return what the overlaps of several, the study last, must be."""
    names = list(of)
    return [
        (first, second, image, feature, own.size, own.sum(), other.sum(), (own & other).sum())
        for place, first in enumerate(names)
        for second in names[place + 1 :]
        for image in sorted(of[first].keys() & of[second].keys() & of[STUDY].keys())
        for feature in NAMES
        for own, other in [(of[first][image][feature], of[second][image][feature])]
    ]


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32), sizes=st.lists(st.tuples(st.integers(1, 30), st.integers(1, 30)), max_size=3))
def test_overlaps_and_every_threshold_equal_brute_force(
    tmp_path_factory: pytest.TempPathFactory,
    encoded: Callable[..., bytes],
    zipped: Callable[..., Path],
    seed: int,
    sizes: list[tuple[int, int]],
) -> None:
    folder = tmp_path_factory.mktemp("overlaps")
    random = np.random.default_rng(seed)
    # One picture of the analysis always, and one that only readers marked.
    by_name = {f"p{number}": size for number, size in enumerate([(5, 4), *sizes])}
    study = drawn(random, by_name)
    of = {
        "anna": drawn(random, {**by_name, "other": (3, 3)}),
        "ben": drawn(random, dict(list(by_name.items())[::2])),
        STUDY: study,
    }
    paths = {name: archive(folder, str(place), of[name], encoded, zipped) for place, name in enumerate(of)}
    masks = paths.pop(STUDY)
    overlaps = mask_overlaps(paths, masks, list_masks(masks, study, FEATURES), FEATURES)
    write_overlaps(folder / "overlaps.csv", overlaps)
    pd.testing.assert_frame_equal(read_overlaps(folder / "overlaps.csv"), overlaps)
    assert list(overlaps.itertuples(index=False, name=None)) == expected_rows(of)
    analysed = [image for image in study if study[image]["union"].any()]
    for reader in paths:
        write_reader_curves(folder / f"{reader}.h5", overlaps, reader, NAMES, analysed)
        check_shards(folder / f"{reader}.h5", of[reader], study, folder)


def check_shards(curves: Path, reader: Masks, study: Masks, folder: Path) -> None:
    """Check the shards of a reader at all thresholds: white everywhere at 0, nowhere at 1, else where it is drawn."""
    places = {
        (feature, threshold): folder / feature / f"{threshold}.csv" for feature in NAMES for threshold in THRESHOLDS
    }
    write_shards(curves, places)
    for (feature, threshold), path in places.items():
        rows = []
        for image in sorted(reader.keys() & study.keys()):
            mask = study[image][feature]
            if mask.any():
                white = np.full(mask.shape, threshold == "0.000")
                if 0 < float(threshold) < 1:
                    white = reader[image][feature]
                rows.append((image, (white & mask).sum(), (white | mask).sum()))
        found = pd.read_csv(path)[["image", "intersection", "union"]]
        assert list(found.itertuples(index=False, name=None)) == rows
    with open_curves(curves) as file:
        for feature in NAMES:
            shards = shards_of_curves(file, feature, THRESHOLDS)
            for row, threshold in enumerate(THRESHOLDS):
                table = pd.read_csv(places[feature, threshold])
                assert shards.images == table["image"].tolist()
                assert shards.intersection[row].tolist() == table["intersection"].tolist()
                assert shards.union[row].tolist() == table["union"].tolist()


def test_a_reader_s_best_threshold_is_any_between_white_and_black(tmp_path: Path) -> None:
    rows = [["anna", STUDY, f"p{number}", "union", 100, 10, 12, common] for number, common in enumerate((8, 9))]
    columns = ["first", "second", "image", "feature", "pixels", "first_white", "second_white", "common"]
    write_reader_curves(tmp_path / "a.h5", pd.DataFrame(rows, columns=columns), "anna", ["union"], ["p0", "p1"])
    (best,) = exact_statistics("reader", "anna", tmp_path / "a.h5").thresholds.to_dict("records")
    assert (best["threshold"], best["threshold_until"]) == ("1e-45", "1.0")
    assert best["j_mean"] == pytest.approx((8 / 14 + 9 / 13) / 2)


def test_masks_that_are_not_there_are_black(
    tmp_path: Path, encoded: Callable[..., bytes], zipped: Callable[..., Path]
) -> None:
    random = np.random.default_rng(0)
    reader = drawn(random, {"p0": (6, 5)})
    masks = zipped(
        tmp_path / "masks.zip",
        {"p0_attribute_streaks.png": encoded(np.zeros((5, 6))), "p1_attribute_globules.png": encoded(np.zeros((5, 6)))},
    )
    of_study = list_masks(masks, ["p0"], FEATURES, missing="black")
    paths = {"anna": archive(tmp_path, "anna", reader, encoded, zipped)}
    overlaps = mask_overlaps(paths, masks, of_study, FEATURES)
    assert overlaps["second_white"].tolist() == [0, 0, 0]
    assert overlaps["first_white"].tolist() == [reader["p0"][feature].sum() for feature in NAMES]


def test_masks_of_another_size_are_told(
    tmp_path: Path, encoded: Callable[..., bytes], zipped: Callable[..., Path]
) -> None:
    random = np.random.default_rng(0)
    of = {name: drawn(random, {"p0": size}) for name, size in (("anna", (6, 5)), ("study", (5, 6)))}
    paths = {name: archive(tmp_path, name, masks, encoded, zipped) for name, masks in of.items()}
    of_study = list_masks(paths["study"], ["p0"], FEATURES)
    with pytest.raises(InputError, match=r"the mask of globules of p0 \(anna\) has 6 x 5 pixels, its picture 5 x 6"):
        mask_overlaps({"anna": paths["anna"]}, paths["study"], of_study, FEATURES)
