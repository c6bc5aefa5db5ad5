"""The maps of a job: of a study's classifier and its archive, in blocks, with what is to be known of them."""

import runpy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest
from dermalign.classifiers.classifier import load_classifier
from dermalign.errors import InputError
from dermalign.files import file_sha256
from dermalign.saliency import method_blocks as module
from dermalign.saliency.blocks import MapBlock
from dermalign.saliency.explaining import explain
from dermalign.saliency.inputs import Inputs
from dermalign.saliency.method_blocks import method_blocks
from dermalign.saliency.stores import read_store
from dermalign.saliency.stretching import stretch
from dermalign.study.sources import METHOD, kinds_of, own_options
from job_cases import FilesOf
from keras import layers

SCRIPT = Path(__file__).resolve().parents[2] / "workflow_scripts" / "explain.py"
CLASSES = ["MEL", "NV", "BKL"]
PICTURES = np.random.default_rng(1).integers(0, 256, (3, 24, 24, 3), dtype=np.uint8)
ASKED = {"target": "predicted", "score": "before_softmax", "batch_size": 2}


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a classifier that has a backbone within it."""
    keras.utils.set_random_seed(0)
    backbone = keras.Sequential(
        [
            keras.Input((24, 24, 3)),
            layers.Rescaling(1 / 127.5, -1),
            layers.Conv2D(5, 3, strides=3, activation="tanh", name="early"),
            layers.Conv2D(4, 3, strides=2, activation="relu", name="last"),
        ],
        name="backbone",
    )
    head = [layers.Flatten(), layers.Dense(3, name="scores"), layers.Softmax()]
    path = tmp_path_factory.mktemp("classifier") / "model.keras"
    keras.Sequential([keras.Input((24, 24, 3)), backbone, *head]).save(path)
    return path


@pytest.fixture
def inputs(
    classifier: Path, tmp_path: Path, zipped: Callable[..., Path], encoded: Callable[..., bytes]
) -> Callable[..., Inputs]:
    """A function that returns the inputs of three pictures, `c`, `a` and `b`."""
    names = "cab"
    members = {f"{name}.png": encoded(pixels) for name, pixels in zip(names, PICTURES, strict=True)}
    archive = zipped(tmp_path / "pictures.zip", members)
    named = {"last": "backbone/last", "fine": "backbone/early"}

    def given(**changes: Any) -> Inputs:
        settings = {"input_size": 24, "logits": None, "layers": named, **changes.pop("settings", {})}
        given = Inputs(list(names), threads=3, classifier=str(classifier), classes=CLASSES, pictures=str(archive))
        return replace(given, settings=settings, **changes)

    return given


@pytest.fixture(autouse=True)
def limits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The threads that are asked for; they can only be set before TensorFlow computes anything."""
    asked: list[int] = []
    monkeypatch.setattr(module, "limit_threads", asked.append)
    return asked


def method(kind: str, layer: str | None = None, **options: Any) -> dict[str, Any]:
    """Return a method as planning hands it to a job."""
    own = own_options(kinds_of(METHOD)[kind], options)
    negative = own.pop("negative", None)
    found = kinds_of(METHOD)[kind]
    return {"compute": found.compute, "takes": found.takes, "layer": layer, "options": own, "negative": negative}


def joined(blocks: list[tuple[str, MapBlock]], name: str) -> dict[str, Any]:
    """Return what the blocks of a method have, one after the other."""
    own = [block for of, block in blocks if of == name]
    arrays = {
        key: np.concatenate([getattr(block, key) for block in own])
        for key in ("saliency", "raw", "degenerate", "probabilities")
    }
    lists = {key: [each for block in own for each in getattr(block, key)] for key in ("images", "predicted", "target")}
    return {**arrays, **lists}


def test_all_formulas_are_made_in_one_pass_each_at_its_own_layer(
    inputs: Callable[..., Inputs], classifier: Path, limits: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[str] = []
    monkeypatch.setattr(module, "load_classifier", lambda path: loaded.append(path) or load_classifier(path))
    methods = {
        "gradcam": method("gradcam", "last"),
        "finer": method("layercam", "fine"),
        "gradient": method("gradient"),
    }
    blocks = list(method_blocks(methods, ASKED, inputs()))
    assert limits == [3]
    assert loaded == [str(classifier)]
    assert [(name, block.images) for name, block in blocks] == [(name, ["c", "a", "b"]) for name in methods]
    network = load_classifier(classifier)
    for name, kind, layer in (
        ("gradcam", "gradcam", "backbone/last"),
        ("finer", "layercam", "backbone/early"),
        ("gradient", "gradient", None),
    ):
        expected, found = explain(network, PICTURES, kind, layer=layer), joined(blocks, name)
        np.testing.assert_allclose(found["raw"], expected.raw, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(found["probabilities"], expected.probabilities, atol=1e-6)
        saliency, degenerate = stretch(found["raw"])
        np.testing.assert_array_equal(found["saliency"], saliency)
        np.testing.assert_array_equal(found["degenerate"], degenerate)
        assert found["predicted"] == found["target"] == [CLASSES[index] for index in expected.predicted]
    # What the study calls the layers, not where they are in the classifier.
    assert {name: block.layer for name, block in blocks} == {"gradcam": "last", "finer": "fine", "gradient": "input"}
    for _, block in blocks:
        asked = (block.score, block.asked_for)
        assert (asked, block.features, block.signed) == (("before_softmax", "predicted"), [], None)


def test_methods_that_ask_the_network_get_options_seed_and_layer(
    inputs: Callable[..., Inputs], classifier: Path
) -> None:
    network = load_classifier(classifier)
    for kind, layer, options in (
        ("rise", None, {"masks": 5, "cells": 3}),
        ("scorecam", "last", {}),
        ("integrated_gradients", None, {"steps": 3, "baseline": "gray", "negative": "absolute"}),
    ):
        asked = {**ASKED, "score": "after_softmax"}
        blocks = list(method_blocks({"mine": method(kind, layer, **options)}, asked, inputs(seed=6)))
        expected = explain(
            network,
            PICTURES,
            kind,
            layer=layer and f"backbone/{layer}",
            score="after_softmax",
            seed=6,
            batch_size=2,
            **options,
        )
        np.testing.assert_allclose(joined(blocks, "mine")["raw"], expected.raw, rtol=1e-4, atol=1e-7)
        assert {block.layer for _, block in blocks} == {layer or "input"}
        assert {block.score for _, block in blocks} == {"after_softmax"}
        if expected.signed is None:
            assert all(block.signed is None for _, block in blocks)
        else:
            signed = np.concatenate([block.signed for _, block in blocks])
            np.testing.assert_allclose(signed, expected.signed, rtol=1e-4, atol=1e-7)
            assert signed.min() < 0


def test_a_method_may_explain_another_class(inputs: Callable[..., Inputs], classifier: Path) -> None:
    """The same of all pictures, or of each its own, as its diagnosis."""
    network, gradcam = load_classifier(classifier), {"gradcam": method("gradcam", "last")}
    for target, indices, asked_for in (("BKL", [2, 2, 2], "BKL"), (["NV", "MEL", "MEL"], [1, 0, 0], "diagnosis")):
        blocks = list(method_blocks(gradcam, {**ASKED, "target": target}, inputs()))
        assert {block.asked_for for _, block in blocks} == {asked_for}
        found = joined(blocks, "gradcam")
        expected = explain(network, PICTURES, layer="backbone/last", target=indices)
        np.testing.assert_allclose(found["raw"], expected.raw, rtol=1e-4, atol=1e-6)
        assert found["target"] == [CLASSES[index] for index in indices]
        assert found["predicted"] == [CLASSES[index] for index in expected.predicted]


def test_the_layer_of_the_scores_is_where_the_study_says(inputs: Callable[..., Inputs], tmp_path: Path) -> None:
    keras.utils.set_random_seed(1)
    features = layers.Conv2D(3, 3, strides=4, name="last")
    ends = [layers.Flatten(), layers.Dense(3, name="scores"), layers.Rescaling(0.5), layers.Softmax()]
    model = keras.Sequential([keras.Input((24, 24, 3)), layers.Rescaling(1 / 255), features, *ends])
    model.save(tmp_path / "other.keras")
    settings = {"logits": "scores", "layers": {"last": "last"}}
    given = inputs(classifier=str(tmp_path / "other.keras"), settings=settings)
    found = joined(list(method_blocks({"gradcam": method("gradcam", "last")}, ASKED, given)), "gradcam")
    expected = explain(model, PICTURES, layer="last", logits="scores")
    np.testing.assert_allclose(found["raw"], expected.raw, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found["probabilities"], expected.probabilities, atol=1e-6)
    assert not np.allclose(expected.probabilities, model.predict(PICTURES, verbose=0), atol=1e-3)


def test_maps_that_are_not_finite_are_refused(
    inputs: Callable[..., Inputs], tmp_path: Path, zipped: Callable[..., Path], encoded: Callable[..., bytes]
) -> None:
    """Where scores are finite and gradient times activation is not: huge cells that cancel each other."""
    halves = np.repeat([90, 110], 12)[:, None, None] * np.ones((1, 24, 3), np.uint8)
    archive = zipped(tmp_path / "halves.zip", {f"{name}.png": encoded(halves) for name in "ab"})
    head = [layers.Conv2D(1, 1, name="last"), layers.GlobalAveragePooling2D(), layers.Dense(3, use_bias=False)]
    model = keras.Sequential([keras.Input((24, 24, 3)), *head])
    kernel = np.array([1e12, 0, 0], np.float32).reshape(1, 1, 3, 1)
    model.set_weights([kernel, np.array([-1e14], np.float32), np.array([[1e30, 0, 0]], np.float32)])
    model.save(tmp_path / "huge.keras")
    assert np.isfinite(model.predict(halves[None], verbose=0)).all()
    files = {"classifier": str(tmp_path / "huge.keras"), "pictures": str(archive)}
    given = inputs(**files, images=["a", "b"], settings={"layers": {"last": "last"}})
    with pytest.raises(InputError, match="not finite: 2"):
        list(method_blocks({"hirescam": method("hirescam", "last")}, ASKED, given))


def test_a_picture_that_is_lacking_is_named(inputs: Callable[..., Inputs]) -> None:
    """Though it is read in another thread."""
    with pytest.raises(InputError, match=r"pictures\.zip: lacks 1 of 2 pictures, among them d"):
        list(method_blocks({"gradcam": method("gradcam", "last")}, ASKED, inputs(images=["a", "d"])))


def test_the_script_writes_a_store_per_picture_and_method(
    inputs: Callable[..., Inputs], classifier: Path, tmp_path: Path
) -> None:
    given = inputs()
    methods = {"gradcam": method("gradcam", "last"), "pixels": method("gradient")}
    files = [tmp_path / "saliency" / name / f"{image}.h5" for name in methods for image in given.images]
    target = {"target": ["NV", "MEL", "BKL"]}
    snakemake = SimpleNamespace(
        input=FilesOf(classifier=str(classifier), pictures=given.pictures),
        output=list(map(str, files)),
        params=SimpleNamespace(
            model="m",
            methods=methods,
            asked={**ASKED, **target},
            inputs={"settings": given.settings, "classes": CLASSES},
        ),
        log=[str(tmp_path / "job.log")],
        threads=1,
    )
    runpy.run_path(str(SCRIPT), init_globals={"snakemake": snakemake})
    network = load_classifier(classifier)
    for name, kind, layer in (("gradcam", "gradcam", "last"), ("pixels", "gradient", None)):
        expected = explain(network, PICTURES, kind, layer=layer and f"backbone/{layer}", target=[1, 0, 2])
        for row, image in enumerate("cab"):
            store = read_store(tmp_path / "saliency" / name / f"{image}.h5")
            np.testing.assert_allclose(store.raw, expected.raw[row], rtol=1e-4, atol=1e-6)
            np.testing.assert_allclose(store.probabilities, expected.probabilities[row], atol=1e-6)
            np.testing.assert_array_equal(store.saliency, stretch(store.raw[np.newaxis])[0][0])
            assert (store.image, store.model, store.method) == (image, "m", name)
            assert (store.layer, store.score, store.target) == (layer or "input", "before_softmax", "diagnosis")
            assert store.signed is None
            assert store.target_class == ["NV", "MEL", "BKL"][row]
            assert store.predicted_class == CLASSES[expected.predicted[row]]
            assert store.classifier_sha256 == file_sha256(classifier)
    assert sorted((tmp_path / "saliency").rglob("*.h5")) == sorted(files)
