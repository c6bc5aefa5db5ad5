"""Areas of all sources of a model: which pictures, which maps of each, and what is written and read."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from dermalign.classifiers.architectures import build_classifier
from dermalign.errors import InputError
from dermalign.saliency.blocks import MapBlock
from dermalign.saliency.faithfulness import BLUR, tie_order
from dermalign.saliency.faithfulness_files import FaithfulnessRow, read_faithfulness, write_faithfulness
from dermalign.saliency.faithfulness_rows import faithfulness_rows
from dermalign.saliency.inputs import Inputs
from dermalign.saliency.maps import write_maps
from dermalign.saliency.study_sources import MapSources
from dermalign.study.batches import fixed_sample, name_hash
from dermalign.study.configuration import complete_model
from dermalign.study.study import Study
from faithfulness_cases import slow_area, slow_curves, slowly_blurred

CLASSES = ["MEL", "NV", "BCC"]
IMAGES = ["a", "b, c", "d"]
SIDE, STEPS, SEED = 16, 6, 21
PREDICTED = {"a": "NV", "b, c": "MEL", "d": "BCC"}


class Case:
    """A classifier, pictures of its size, and files of maps in a folder."""

    def __init__(self, folder: Path, archive: Path, pictures: dict[str, np.ndarray]) -> None:
        settings = {
            "architecture": "plain_stack",
            "input_size": SIDE,
            "saliency_layer": "last_convolution",
            "training": {"epochs": 0},
        }
        self.model = build_classifier(complete_model(settings), CLASSES, 3)
        self.folder, self.archive, self.pictures = folder, archive, pictures
        self.model.save(folder / "model.keras")

    def maps(self, name: str, images: list[str], saliency: np.ndarray, features: tuple[str, ...] = ()) -> Path:
        """Write maps, (n, h, w), or (n, features, h, w), of images that may stand several times."""
        path = self.folder / f"{name}.h5"
        block = MapBlock(images, saliency, saliency, np.zeros(len(saliency), dtype=np.bool_), features=list(features))
        write_maps(path, [block])
        return path

    def rows(self, *maps: Path, images: list[str] = IMAGES, **others: Any) -> list[FaithfulnessRow]:
        inputs = Inputs(
            images=images,
            classifier=str(self.folder / "model.keras"),
            pictures=str(self.archive),
            settings={"input_size": SIDE, "logits": None},
            classes=CLASSES,
            seed=SEED,
        )
        return faithfulness_rows(inputs, maps, PREDICTED, steps=STEPS, batch_size=16, **others)

    def expected(self, image: str, *saliency: np.ndarray) -> list[float]:
        """The mean areas of some maps of a picture, pixel by pixel."""
        target, picture = CLASSES.index(PREDICTED[image]), self.pictures[image]
        ties = tie_order((SIDE, SIDE), [SEED, name_hash(image)]).tolist()
        shown: list[np.ndarray] = []

        def later(picture: np.ndarray) -> int:
            shown.append(picture)
            return len(shown) - 1

        curves = [
            slow_curves(later, picture, one, STEPS, ties, slowly_blurred(picture, BLUR).astype(np.float32))
            for one in saliency
        ]
        probabilities = self.model.predict(np.stack(shown), verbose=0)[:, target]
        areas = [
            [slow_area([float(probabilities[place]) for place in curve], SIDE * SIDE) for curve in both]
            for both in curves
        ]
        return np.mean(areas, axis=0).tolist()


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory, zipped: Callable[..., Path], encoded: Callable[..., bytes]) -> Case:
    folder = tmp_path_factory.mktemp("case")
    pixels = np.random.default_rng(1).integers(0, 256, (3, SIDE, SIDE, 3), dtype=np.uint8)
    pictures = dict(zip(IMAGES, pixels, strict=True))
    archive = zipped(folder / "pictures.zip", {f"{name}.png": encoded(of) for name, of in pictures.items()})
    return Case(folder, archive, pictures)


@pytest.fixture(autouse=True)
def threads_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """They can only be set before TensorFlow computes anything."""
    monkeypatch.setattr("dermalign.saliency.faithfulness_rows.limit_threads", lambda threads: None)


def test_every_source_is_measured_on_each_picture_of_the_sample_and_written(case: Case, tmp_path: Path) -> None:
    random = np.random.default_rng(2)
    coarse = random.random((3, 4, 4), dtype=np.float32)
    draws = random.random((6, 2, 3), dtype=np.float32)
    by_feature = random.random((3, 2, 20, 20), dtype=np.float32)
    with_union = random.random((3, 2, 5, 5), dtype=np.float32)
    few = random.random((1, 16, 16), dtype=np.float32)
    backwards = IMAGES[::-1]
    maps = [
        case.maps("m/gradcam", backwards, coarse),
        case.maps("m/chance", IMAGES + backwards, draws),
        case.maps("m/few", ["d"], few),
        case.maps("controls/mean", IMAGES, by_feature, ("globules", "streaks")),
        case.maps("ceiling/5x5", IMAGES, with_union, ("streaks", "union")),
    ]
    rows = case.rows(*maps, sampled=["m/few"])
    names = [("m", "gradcam"), ("m", "chance"), ("m", "few"), ("controls", "mean"), ("ceiling", "5x5")]
    assert [row[:3] for row in rows] == [
        (*name, image) for name in names for image in IMAGES if name[1] != "few" or image == "d"
    ]
    found = {row[:3]: [row.deletion, row.insertion] for row in rows}
    for row in rows:
        picture = case.pictures[row.image].astype(np.float32)
        ends = np.stack([picture, np.zeros_like(picture), slowly_blurred(picture, BLUR)])
        probabilities = case.model.predict(ends, verbose=0)[:, CLASSES.index(PREDICTED[row.image])]
        np.testing.assert_allclose(row[5:], probabilities, atol=1e-5)
    for number, image in enumerate(IMAGES):
        expected = {
            ("m", "gradcam"): [coarse[2 - number]],
            ("m", "chance"): [draws[number], draws[5 - number]],
            ("controls", "mean"): [by_feature[number].max(axis=0)],
            ("ceiling", "5x5"): [with_union[number, 1]],
            **({("m", "few"): [few[0]]} if image == "d" else {}),
        }
        for name, saliency in expected.items():
            np.testing.assert_allclose(found[*name, image], case.expected(image, *saliency), atol=1e-5)
    write_faithfulness(tmp_path / "m.csv", rows)
    assert (
        (tmp_path / "m.csv")
        .read_text("utf-8")
        .startswith("source_model,method,image,deletion,insertion,whole,black,blurred\nm,gradcam,a,0.")
    )
    table = read_faithfulness(tmp_path / "m.csv")
    assert [FaithfulnessRow(*row) for row in table.itertuples(index=False, name=None)] == rows


def test_what_a_source_gets_depends_on_no_other_source(case: Case) -> None:
    random = np.random.default_rng(5)
    one, other = (case.maps(f"m/{name}", IMAGES, random.random((3, 3, 3), dtype=np.float32)) for name in "xy")
    constant = [
        case.maps(f"m/{name}", IMAGES, np.full((3, *grid), value, np.float32))
        for name, grid, value in (("zeros", (4, 4), 0), ("ones", (1, 1), 1))
    ]
    both = case.rows(one, other, *constant)
    np.testing.assert_allclose([row[3:] for row in case.rows(other)], [row[3:] for row in both[3:6]], atol=1e-6)
    assert [row[3:] for row in both[6:9]] == [row[3:] for row in both[9:]]  # maps that are constant, of any grid


def test_a_map_that_lacks_is_refused_but_of_a_sample(case: Case) -> None:
    path = case.maps("m/less", IMAGES[:2], np.ones((2, 1, 1), np.float32))
    with pytest.raises(InputError, match=r"less\.h5: there is no map of d\. Delete this file"):
        case.rows(path)
    assert len(case.rows(path, sampled=["m/less"])) == 2


def test_a_picture_without_a_sample_is_no_row(case: Case) -> None:
    assert case.rows(case.maps("m/any", IMAGES, np.ones((3, 1, 1), np.float32)), images=[]) == []


def test_the_sample_is_fixed_and_a_larger_one_has_it(case: Case) -> None:
    images = [f"ISIC_{number:07d}" for number in range(200)]
    small, large = fixed_sample(images, 20), fixed_sample(images[::-1], 50)
    assert len(small) == 20 and small == sorted(small) and set(small) < set(large)
    more = fixed_sample([*images, "ISIC_new"], 20)
    assert len(set(small) - set(more)) <= 1
    assert fixed_sample(images[:3], 20) == images[:3] and fixed_sample(images, 0) == []
    assert max(map(name_hash, small)) < min(name_hash(image) for image in set(images) - set(small))


def test_a_model_is_asked_about_its_own_sources_and_those_of_no_model() -> None:
    configuration = {
        "features": ["streaks"],
        "seed": 7,
        "classes": CLASSES,
        "models": {"fine": {}, "coarse": {}},
        "methods": {"gradcam": {"pictures": "all"}},
        "variants": {"tiled": {"kind": "tiles", "of": "gradcam", "tiles": 4}},
        "controls": {"chance": ["shuffled"], "prior": ["all_white"], "anatomy": ["lesion"], "draws": 3, "cells": 9},
        "ceilings": {"maps": True},
    }
    grids = {"fine": (28, 28), "coarse": (8, 7)}
    classifiers: Any = SimpleNamespace(
        models=grids,
        layer=lambda model, name=None: {"grid": grids[model]},
        input_size={"fine": 450, "coarse": 227}.__getitem__,
        logits=lambda model: None,
        classes=lambda model: CLASSES,
    )
    sources = MapSources(Study(configuration), classifiers)
    for model, grid in (("fine", "28x28"), ("coarse", "8x7")):
        assert [source.path for source in sources.asked_about(model)] == [
            *(f"{model}/{name}" for name in ("gradcam", "tiled", "shuffled")),
            *("controls/all_white", "controls/lesion", f"ceiling/{grid}"),
        ]
        inputs = Inputs(images=[], **sources.asking_inputs(model))
        assert (inputs.seed, inputs.classes) == (7, CLASSES)
        assert inputs.settings == {"input_size": {"fine": 450, "coarse": 227}[model], "logits": None}
