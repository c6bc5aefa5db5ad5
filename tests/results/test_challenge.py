"""The challenge's view: the scorer of the ISIC challenge takes the folder and prints our numbers."""

import subprocess
import sys
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import brute_force
import numpy as np
import pandas as pd
import pytest
from bootstrap_bounds import shares
from dermalign.data.archives import list_pictures
from dermalign.data.cell_files import PictureCells, read_counts, write_cells
from dermalign.data.evaluation_manifest import evaluation_manifest
from dermalign.data.mask_files import list_masks
from dermalign.data.names import plain_name
from dermalign.drawing.classes import FEATURES
from dermalign.drawing.pictures import draw_picture
from dermalign.drawing.plan import plan
from dermalign.errors import InputError
from dermalign.files import remove_left_overs
from dermalign.overlap.curves import open_curves
from dermalign.overlap.join import write_curves
from dermalign.overlap.mask_cells import count_archive
from dermalign.overlap.shards import read_shards, write_shards
from dermalign.results import challenge
from dermalign.results.challenge import (
    MICRO_AVERAGE,
    challenge_scores,
    challenge_statistics,
    challenge_thresholds,
    known_thresholds,
    thresholded_map,
    write_challenge_masks,
)
from dermalign.results.intervals import resampled_lesions
from dermalign.results.statistics import threshold_statistics
from engine_cases import GRIDS, SIDES, Picture, counted, draw_map, shard_paths, write_map_file
from hypothesis import given, settings
from hypothesis import strategies as st
from isic_challenge_scoring import task2
from PIL import Image

THRESHOLDS = dict(zip(FEATURES, ["0.000", "0.300", "0.700", "0.300", "0.999"], strict=True))


@dataclass(frozen=True)
class Case:
    """A source's maps, their curves, shards and manifest, and the masks of all pictures.

    masks: {image: {feature: (h, w) bool}}. saliency: {image: map (h, w)}, or (features, h, w) where maps differ.
    """

    maps: Path
    curves: Path
    shards: dict[str, dict[str, Path]]
    evaluation: pd.DataFrame
    masks: dict[str, dict[str, np.ndarray]]
    saliency: dict[str, np.ndarray]

    def map_of(self, image: str, feature: str) -> np.ndarray:
        found = self.saliency[image]
        return found if found.ndim == 2 else found[FEATURES.index(feature)]

    def scores(self, thresholds: Mapping[str, str]) -> pd.DataFrame:
        with open_curves(self.curves) as curves:
            return challenge_scores(curves, self.evaluation, thresholds).set_index("feature")


def prepare(
    folder: Path,
    cells: Iterable[PictureCells],
    masks: dict[str, dict[str, np.ndarray]],
    grid: tuple[int, int],
    diagnoses: Mapping[str, str],
    by_feature: bool = False,
) -> Case:
    """Run the engine on random maps of the pictures; by_feature: whether they differ by feature, with none of union."""
    random = np.random.default_rng(4)
    shapes = len(FEATURES) if by_feature else 1
    drawn_maps = {
        image: np.stack([draw_map(random, ("ties", "any")[(row + part) % 2], grid) for part in range(shapes)])
        for row, image in enumerate(masks)
    }
    saliency = drawn_maps if by_feature else {image: maps[0] for image, maps in drawn_maps.items()}
    write_cells(folder / "cells.h5", cells, [grid], FEATURES)
    evaluation = evaluation_manifest(read_counts([folder / "cells.h5"]), diagnoses, ["MEL", "NV"])
    maps = write_map_file(folder / "maps.h5", saliency, features=FEATURES if by_feature else ())
    included = evaluation.loc[evaluation["included"], "image"].tolist()
    write_curves(folder / "curves.h5", maps, [folder / "cells.h5"], included)
    paths = shard_paths(folder / "jaccard", [*FEATURES, "union"], sorted({*THRESHOLDS.values(), "1.000"}))
    write_shards(folder / "curves.h5", paths)
    shards: dict[str, dict[str, Path]] = {}
    for (feature, threshold), path in paths.items():
        shards.setdefault(feature, {})[threshold] = path
    return Case(maps, folder / "curves.h5", shards, evaluation, masks, saliency)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """Drawn pictures at odd sizes, one of them smaller than its map."""
    return drawn_case(tmp_path_factory.mktemp("drawn"))


def drawn_case(folder: Path, by_feature: bool = False) -> Case:
    pictures = [picture for picture in plan(8, 24, seed=2) if picture.evaluation]
    sizes = [(101, 77), (97, 131), (149, 83), (9, 7)]
    pictures = [
        replace(picture, width=width, height=height)
        for picture, (width, height) in zip(pictures, sizes * len(pictures), strict=False)
    ]
    masks = {picture.image: draw_picture(picture)[1] for picture in pictures}
    grid = (8, 11)
    grey = {image: {name: mask * np.uint8(255) for name, mask in of.items()} for image, of in masks.items()}
    cells = (counted(Picture(image, of, np.zeros(grid, np.float32)), [grid]) for image, of in grey.items())
    diagnoses = {plain_name(picture.image): picture.diagnosis for picture in pictures}
    return prepare(folder, cells, masks, grid, diagnoses, by_feature)


def write_truth(folder: Path, case: Case, black: bool = True) -> Path:
    """Write the ground truth of the pictures in the analysis, with masks that are black or without."""
    folder.mkdir()
    (folder / "LICENSE.txt").write_text("as in the official archive")
    for image in case.evaluation.loc[case.evaluation["included"], "image"]:
        for feature in FEATURES:
            mask = case.masks[image][feature]
            if black or mask.any():
                Image.fromarray(mask * np.uint8(255)).save(folder / f"{image}_attribute_{feature}.png")
    return folder


def official_scores(truth: Path, submission: Path) -> dict[str, dict[str, float]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the scorer's, of its way to index tables
        return task2.score(truth, submission)


def compare(case: Case, folder: Path) -> None:
    """The scorer's numbers are ours, over all masks and over those that are not black, and our statistics' own."""
    write_challenge_masks(folder / "submission", case.maps, case.evaluation, THRESHOLDS)
    ours = case.scores(THRESHOLDS)
    assert ours.index.tolist() == [*FEATURES, MICRO_AVERAGE]
    included = int(case.evaluation["included"].sum())
    assert ours["n_all"].tolist() == [included] * len(FEATURES) + [included * len(FEATURES)]
    assert (ours["n"] < ours["n_all"]).any()  # there is something to tell apart
    for suffix, black in (("", True), ("_population", False)):
        scores = official_scores(write_truth(folder / f"truth{suffix}", case, black), folder / "submission")
        assert scores.pop("overall") == pytest.approx(ours.loc[MICRO_AVERAGE, f"jaccard{suffix}"], rel=1e-12)
        assert set(scores) == set(ours.index)
        for feature, of_feature in scores.items():
            for name, value in of_feature.items():
                assert value == pytest.approx(ours.loc[feature, f"{name}{suffix}"], rel=1e-12), (feature, name, suffix)
    evaluation = case.evaluation.set_index("image")
    for feature, threshold in THRESHOLDS.items():
        shards = read_shards({threshold: case.shards[feature][threshold]})
        (row,) = threshold_statistics(feature, shards, evaluation, {}, 1).to_dict("records")
        assert ours.loc[feature, "n"] == row["n"]
        assert ours.loc[feature, "jaccard_population"] == pytest.approx(row["j_ratio_of_sums"], rel=1e-12)
        assert ours.loc[feature, "dice_population"] == pytest.approx(row["dice_ratio_of_sums"], rel=1e-12)


def test_the_scorer_prints_our_numbers_on_drawn_pictures(drawn: Case, tmp_path: Path) -> None:
    compare(drawn, tmp_path)


def test_the_scorer_prints_our_numbers_where_maps_differ_by_feature(tmp_path: Path) -> None:
    case = drawn_case(tmp_path, by_feature=True)
    compare(case, tmp_path)
    (image, *_) = case.evaluation.loc[case.evaluation["included"], "image"]
    written = [np.asarray(Image.open(tmp_path / "submission" / f"{image}_attribute_{name}.png")) for name in FEATURES]
    height, width = written[0].shape
    for feature, mask in zip(FEATURES, written, strict=True):
        white = brute_force.thresholded(case.map_of(image, feature), width, height, THRESHOLDS[feature])
        np.testing.assert_array_equal(mask > 127, white)


def test_the_scorer_prints_our_numbers_on_real_pictures(real_data: Path, tmp_path: Path) -> None:
    pictures_path = real_data / "isic-256" / "ISIC2018_Task1-2_Training_Input.zip"
    masks_path = real_data / "isic-256" / "ISIC2018_Task2_Training_GroundTruth_v3.zip"
    found = list_pictures(pictures_path)
    images = np.random.default_rng(9).choice(sorted(found), 60, replace=False).tolist()
    masks = {image: brute_force.masks_in(masks_path, image, list(FEATURES)) for image in images}
    shown = [image for image in images if masks[image]["union"].any()]
    kept = sorted({*images[:5], *shown[:30]})
    cells = count_archive(
        pictures_path,
        masks_path,
        {image: found[image] for image in kept},
        list_masks(masks_path, kept, FEATURES),
        [(28, 28)],
    )
    diagnoses = dict.fromkeys(map(plain_name, kept), "NV")
    case = prepare(tmp_path, cells, {image: masks[image] for image in kept}, (28, 28), diagnoses)
    assert case.evaluation["included"].sum() == 30
    compare(case, tmp_path)


def test_blank_maps_and_masks_score_as_in_the_scorer(drawn: Case, tmp_path: Path) -> None:
    # No picture shows the feature and no map is white: the scorer calls it perfect.
    evaluation = drawn.evaluation.copy()
    shown = evaluation["streaks"] > 0
    evaluation.loc[shown, "included"] = False
    thresholds = dict.fromkeys(FEATURES, "1.000")
    images = evaluation.loc[evaluation["included"], "image"].tolist()
    curves = tmp_path / "curves.h5"
    write_curves(curves, drawn.maps, [drawn.maps.parent / "cells.h5"], images)
    case = replace(drawn, evaluation=evaluation, curves=curves)
    write_challenge_masks(tmp_path / "submission", case.maps, evaluation, thresholds)
    ours = case.scores(thresholds)
    scores = official_scores(write_truth(tmp_path / "truth", case), tmp_path / "submission")
    assert scores["streaks"] == {"jaccard": 1.0, "dice": 1.0} == dict(ours.loc["streaks", ["jaccard", "dice"]])
    assert scores["globules"] == {"jaccard": 0.0, "dice": 0.0} == dict(ours.loc["globules", ["jaccard", "dice"]])
    assert scores["overall"] == ours.loc[MICRO_AVERAGE, "jaccard"] == 0
    assert ours.loc["streaks", "n"] == 0


def test_masks_are_the_maps_pixel_for_pixel(drawn: Case, tmp_path: Path) -> None:
    write_challenge_masks(tmp_path / "submission", drawn.maps, drawn.evaluation, THRESHOLDS)
    included = drawn.evaluation[drawn.evaluation["included"]]
    assert 0 < len(included) < len(drawn.evaluation)
    expected = {f"{image}_attribute_{feature}.png" for image in included["image"] for feature in FEATURES}
    assert {path.name for path in (tmp_path / "submission").iterdir()} == expected
    for image, width, height in included[["image", "width", "height"]].itertuples(index=False):
        for feature, threshold in THRESHOLDS.items():
            with Image.open(tmp_path / "submission" / f"{image}_attribute_{feature}.png") as mask:
                assert (mask.format, mask.mode, mask.size) == ("PNG", "L", (width, height))
                white = brute_force.thresholded(drawn.saliency[image], width, height, threshold)
                np.testing.assert_array_equal(np.asarray(mask), white * np.uint8(255))


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    kind=st.sampled_from(["degenerate", "ties", "any"]),
    grid=GRIDS,
    width=SIDES,
    height=SIDES,
    threshold=st.sampled_from(["0.000", "0.001", "0.300", "0.333", "0.999", "1.000"]),
)
def test_thresholding_before_scaling_up_is_thresholding_after(
    seed: int, kind: str, grid: tuple[int, int], width: int, height: int, threshold: str
) -> None:
    saliency = draw_map(np.random.default_rng(seed), kind, grid)
    mask = np.asarray(thresholded_map(saliency, threshold, width, height))
    np.testing.assert_array_equal(mask, brute_force.thresholded(saliency, width, height, threshold) * np.uint8(255))


def test_a_former_folder_is_replaced_whole(drawn: Case, tmp_path: Path) -> None:
    folder = tmp_path / "submission"
    folder.mkdir()
    (folder / "former.png").write_bytes(b"")
    write_challenge_masks(folder, drawn.maps, drawn.evaluation, {"globules": "0.500"})
    assert all(path.name.endswith("_attribute_globules.png") for path in folder.iterdir())
    assert list(tmp_path.iterdir()) == [folder]


def test_an_error_leaves_the_former_folder_and_nothing_else(
    drawn: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "submission"
    folder.mkdir()
    (folder / "former.png").write_bytes(b"")
    written: list[object] = []

    def until_the_disk_is_full(*arguments: object) -> Image.Image:
        written.append(arguments)
        if len(written) > 7:
            raise OSError("No space left on device")
        return Image.new("L", (1, 1))

    monkeypatch.setattr(challenge, "thresholded_map", until_the_disk_is_full)
    with pytest.raises(OSError, match="No space left"):
        write_challenge_masks(folder, drawn.maps, drawn.evaluation, THRESHOLDS)
    assert [path.name for path in tmp_path.rglob("*")] == ["submission", "former.png"]


KILLED = """
import os, sys
from dermalign.results import challenge
from dermalign.data.manifests import read_evaluation
done, real = [], challenge.thresholded_map
def dying(*arguments):
    done.append(None)
    if len(done) > 7:
        os.kill(os.getpid(), 9)
    return real(*arguments)
challenge.thresholded_map = dying
challenge.write_challenge_masks(sys.argv[1], sys.argv[2], read_evaluation(sys.argv[3]), {"globules": "0.500"})
"""


def test_a_killed_job_leaves_no_half_folder(drawn: Case, tmp_path: Path) -> None:
    folder, manifest = tmp_path / "out" / "submission", tmp_path / "evaluation.csv"
    drawn.evaluation.to_csv(manifest, index=False)
    library = str(Path(challenge.__file__).parents[2])
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(folder), str(drawn.maps), str(manifest)], env={"PYTHONPATH": library}
    )
    assert killed.returncode == -9
    assert not folder.exists()
    assert len(list(folder.parent.rglob("*.png"))) == 7
    remove_left_overs(tmp_path)
    assert not list(folder.parent.iterdir())
    write_challenge_masks(folder, drawn.maps, drawn.evaluation, {"globules": "0.500"})
    assert list(folder.parent.iterdir()) == [folder]
    assert len(list(folder.iterdir())) == drawn.evaluation["included"].sum()


def test_maps_that_do_not_fit_are_refused(drawn: Case, tmp_path: Path) -> None:
    saliency = dict(drawn.saliency)
    image = drawn.evaluation.loc[drawn.evaluation["included"], "image"].iloc[0]
    del saliency[image]
    maps = write_map_file(tmp_path / "maps.h5", saliency)
    with pytest.raises(InputError, match=f"lacks 1 pictures of the analysis, among them {image}"):
        write_challenge_masks(tmp_path / "submission", maps, drawn.evaluation, THRESHOLDS)
    assert list(tmp_path.iterdir()) == [maps]


def test_several_maps_of_a_picture_are_refused(drawn: Case, tmp_path: Path) -> None:
    saliency = {"a": np.zeros((3, 3), np.float32)}
    maps = write_map_file(tmp_path / "maps.h5", saliency, saliency)
    with pytest.raises(InputError, match="several maps of a picture"):
        write_challenge_masks(tmp_path / "submission", maps, drawn.evaluation, THRESHOLDS)
    maps = write_map_file(tmp_path / "maps.h5", drawn.saliency, drawn.saliency)
    images = drawn.evaluation.loc[drawn.evaluation["included"], "image"].tolist()
    write_curves(tmp_path / "curves.h5", maps, [drawn.maps.parent / "cells.h5"], images)
    with pytest.raises(InputError, match="several maps of a picture"):
        replace(drawn, curves=tmp_path / "curves.h5").scores({"globules": "0.300"})


def test_curves_of_other_pictures_and_the_union_are_refused(drawn: Case) -> None:
    evaluation = drawn.evaluation.copy()
    evaluation.loc[evaluation["included"].idxmax(), "included"] = False
    with pytest.raises(InputError, match="of other pictures than the evaluation manifest"):
        replace(drawn, evaluation=evaluation).scores(THRESHOLDS)
    with pytest.raises(InputError, match="union is computed from the features"):
        drawn.scores({"union": "0.300"})


def test_intervals_are_of_resampled_lesions(drawn: Case) -> None:
    included = drawn.evaluation.loc[drawn.evaluation["included"], "image"].tolist()
    lesions = {included[0]: "a", included[1]: "a"}
    with open_curves(drawn.curves) as curves:
        table = challenge_statistics("plain", "gradcam", curves, drawn.evaluation, THRESHOLDS, lesions, 3)
    assert table["feature"].tolist() == [*FEATURES, MICRO_AVERAGE]
    scores = drawn.scores(THRESHOLDS)
    np.testing.assert_array_equal(table["jaccard"], scores["jaccard"])
    # All from the pixels of thresholded maps, and a loop over resamples.
    clusters = [0, 0, *range(1, len(included) - 1)]
    times = np.concatenate(list(resampled_lesions(len(included) - 1, 3)))[:, clusters].astype(float)
    sums = np.zeros((2, len(included)))
    for feature, threshold in THRESHOLDS.items():
        parts = np.zeros((2, len(included)))
        for row, image in enumerate(included):
            mask = drawn.masks[image][feature]
            white = brute_force.thresholded(drawn.map_of(image, feature), *mask.shape[::-1], threshold)
            parts[:, row] = (white & mask).sum() / mask.size, (white | mask).sum() / mask.size
        sums += parts
        _check_bounds(table, feature, times, parts)
    _check_bounds(table, MICRO_AVERAGE, times, sums)


def _check_bounds(table: pd.DataFrame, feature: str, times: np.ndarray, parts: np.ndarray) -> None:
    (row,) = table[table["feature"] == feature].to_dict("records")
    clusters = [0, 0, *range(1, times.shape[1] - 1)]
    expected = np.quantile((times @ parts[0]) / (times @ parts[1]), shares(clusters))
    assert [row["low"], row["high"]] == pytest.approx(expected.tolist(), abs=1e-9)
    assert row["low"] <= row["jaccard"] <= row["high"]


def test_what_has_no_best_threshold_is_left_out_of_statistics() -> None:
    table = pd.DataFrame(
        [("a", "x", "globules", "0.300"), ("a", "x", "streaks", None)],
        columns=["model", "method", "feature", "threshold"],
    )
    assert known_thresholds(table, "a", "x", ["streaks", "globules"]) == {"globules": "0.300"}
    assert known_thresholds(table, "b", "x", ["globules"]) == {}


def test_best_thresholds_are_those_of_the_source() -> None:
    table = pd.DataFrame(
        [("a", "x", "globules", "0.300"), ("a", "y", "globules", "0.100"), ("a", "x", "streaks", "0.200")],
        columns=["model", "method", "feature", "threshold"],
    )
    assert challenge_thresholds(table, "a", "x", ["streaks", "globules"]) == {"streaks": "0.200", "globules": "0.300"}
    with pytest.raises(InputError, match="a, y: there is no best threshold for streaks"):
        challenge_thresholds(table, "a", "y", ["globules", "streaks"])
