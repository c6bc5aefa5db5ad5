"""The study's classifiers: trained or brought along, from which files, on which grid, and what is asked when."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from dermalign.classifiers.study_classifiers import Classifiers
from dermalign.errors import InputError
from dermalign.study import probing
from dermalign.study.study import CACHE
from study_cases import small_study

Configured = Callable[..., Classifiers]


@pytest.fixture
def classifiers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Configured:
    """A function that returns the classifiers of a study in the working folder, with changes of its configuration."""
    monkeypatch.chdir(tmp_path)
    return lambda **changes: Classifiers(small_study(tmp_path, **changes))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of all questions to Keras, in the place of a process that answers them: a grid of 4 x 5.

    Of further layers, the k-th that is asked for has 10 k x 9 cells.
    """
    names: list[str] = []

    def ask(module: str, questions: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
        assert module == "classifiers.probe"
        names.extend(questions)
        return {name: answered(settings.get("layers", [])) for name, settings in questions.items()}

    monkeypatch.setattr(probing, "_ask", ask)
    return names


def answered(further: Sequence[str]) -> dict[str, Any]:
    """Return the answer of `classifiers.probe` about a model with these further layers."""
    layers = {"found": {"path": "inner/found", "grid": [4, 5], "channels": 3}}
    for number, name in enumerate(further, start=1):
        layers[name] = {"path": f"inner/{name}", "grid": [10 * number, 9], "channels": number}
    return {"input_size": 99, "saliency_layer": "found", "layers": layers, "logits": "scores", "multiply_adds": 1234}


def brought(path: Path, **settings: Any) -> dict[str, Any]:
    """Return `models` with one that is brought along; its file is there."""
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"a classifier")
    return {"mine": {"classifier": str(path), "pixels": "raw", **settings}}


def test_models_are_trained_or_brought(classifiers: Configured, tmp_path: Path) -> None:
    trained = classifiers().models["plain"]
    both = classifiers(models={"plain": trained, **brought(tmp_path / "mine.keras", classes=["NV", "MEL"])})
    assert list(both.models) == ["plain", "mine"]
    assert (both.trained, both.brought) == (["plain"], ["mine"])
    assert both.path("plain") == "results/small/classifiers/plain/model.keras"
    assert both.path("mine") == "results/small/classifiers/mine/model.keras"
    assert (both.classes("plain"), both.classes("mine")) == (["MEL", "NV", "BKL"], ["NV", "MEL"])
    assert both.files("mine") == [str(tmp_path / "mine.keras")]
    assert both.adoption("mine") == {**both.models["mine"], "classes": ["NV", "MEL"]}


def test_a_saved_model_becomes_a_graph(classifiers: Configured, tmp_path: Path) -> None:
    of_folder = classifiers(models=brought(tmp_path / "mine" / "saved_model.pb"))
    with pytest.raises(InputError, match="Name its folder"):
        of_folder.files("mine")
    of_folder = classifiers(models={"mine": {"classifier": str(tmp_path / "mine"), "pixels": "raw"}})
    assert of_folder.path("mine") == "results/small/classifiers/mine/model.pb"
    assert of_folder.files("mine") == [str(tmp_path / "mine" / "saved_model.pb")]


# What is asked of Keras


def test_neither_name_nor_training_change_a_grid(classifiers: Configured, asked: list[str]) -> None:
    assert classifiers().grids == {"plain": (4, 5)}
    assert classifiers(model={"training": {"epochs": 3}, "pixels": "native"}).grids
    renamed = classifiers(models={"other": classifiers().models["plain"]})
    assert renamed.grids == {"other": (4, 5)}
    assert asked == ["models.plain"]
    for change in ({"input_size": 64}, {"saliency_layer": "first"}, {"architecture": "residual_stack"}):
        assert classifiers(model=change).grids
    assert asked == ["models.plain"] * 4
    assert Path(CACHE).is_dir()


def test_weights_are_tried_when_their_content_is_new(classifiers: Configured, asked: list[str], tmp_path: Path) -> None:
    for name in ("first.weights.h5", "moved.weights.h5"):
        (tmp_path / name).write_bytes(b"weights")
        assert classifiers(model={"weights": str(tmp_path / name)}).grids
        assert asked == ["models.plain"], name
    (tmp_path / "first.weights.h5").write_bytes(b"others")
    for weights in (str(tmp_path / "first.weights.h5"), "imagenet", "none"):
        assert classifiers(model={"weights": weights}).grids
    assert len(asked) == 4


def test_what_a_trained_model_takes_is_configured(classifiers: Configured, asked: list[str]) -> None:
    plain = classifiers()
    assert plain.input_size("plain") == 32
    assert plain.logits("plain") is None
    assert asked == []


def test_what_a_brought_one_takes_is_found(classifiers: Configured, asked: list[str], tmp_path: Path) -> None:
    mine = classifiers(models=brought(tmp_path / "mine.keras"))
    assert mine.input_size("mine") == 99
    assert mine.layer("mine") == {"name": "found", "path": "inner/found", "grid": [4, 5], "channels": 3}
    assert mine.layer("mine", "found") == mine.layer("mine")
    assert mine.logits("mine") == "scores"
    assert mine.multiply_adds("mine") == 1234
    assert mine.grids == {"mine": (4, 5)}
    assert asked == ["models.mine"]


def test_layers_that_methods_name_are_asked_for(classifiers: Configured, asked: list[str], tmp_path: Path) -> None:
    """Each once, of the study's methods and the model's own; another method on the same layers asks nothing anew."""
    trained = classifiers().models["plain"]
    methods: dict[str, Any] = {"gradcam": {}, "fine": {"kind": "layercam", "layer": "early"}}
    own = {"plain": {**trained, "methods": {"hirescam": {"layer": "middle"}, "scorecam": {"layer": "early"}}}}
    both = classifiers(methods=methods, models={**own, **brought(tmp_path / "mine.keras", methods={"fine": None})})
    assert both.layer("plain", "early") == {"name": "early", "path": "inner/early", "grid": [10, 9], "channels": 1}
    assert both.layer("plain", "middle") == {"name": "middle", "path": "inner/middle", "grid": [20, 9], "channels": 2}
    assert both.grids == {"plain": (4, 5), "mine": (4, 5)}
    with pytest.raises(KeyError):
        both.layer("mine", "early")
    assert asked == ["models.plain", "models.mine"]
    other = {"plain": {**trained, "methods": {"gradcam_plus_plus": {"layer": "middle"}, "rise": {}}}}
    assert classifiers(methods=methods, models=other).grids
    assert len(asked) == 2
    assert classifiers(methods=methods).grids
    assert len(asked) == 3
    # Nor is another classifier adopted for them.
    assert "methods" not in both.adoption("mine")


def test_a_moved_brought_file_is_asked_no_second_time(
    classifiers: Configured, asked: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = classifiers(models=brought(tmp_path / "mine.keras"))
    assert first.grids
    first_digest = first.digest("mine")
    moved = brought(tmp_path / "elsewhere" / "renamed.h5")
    (tmp_path / "mine.keras").unlink()
    assert classifiers(models=moved).grids == first.grids
    assert classifiers(models=moved).digest("mine") == first_digest
    assert asked == ["models.mine"]
    # What the answer depends on: how it is used, its content, the classes, and what computes.
    for settings in (
        {"logits": "other"},
        {"saliency_layer": "other"},
        {"pixels": "torch"},
        {"classes": ["NV", "MEL"]},
        {"methods": {"layercam": {"layer": "other"}}},
    ):
        assert classifiers(models=brought(tmp_path / "elsewhere" / "renamed.h5", **settings)).grids
    assert len(asked) == 6
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    assert classifiers(models=moved).grids
    assert len(asked) == 7
    (tmp_path / "elsewhere" / "renamed.h5").write_bytes(b"another classifier")
    assert classifiers(models=moved).grids
    assert len(asked) == 8
    assert classifiers(models=moved).digest("mine") != first_digest


def test_files_that_are_not_there_are_named_by_their_keys(classifiers: Configured, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"models\.plain\.weights: there is no file none\.weights\.h5\. Correct"):
        _ = classifiers(model={"weights": "none.weights.h5"}).grids
    nowhere = {"mine": {"classifier": "nowhere.keras", "pixels": "raw"}}
    with pytest.raises(InputError, match=r"models\.mine\.classifier: there is no file nowhere\.keras\. Correct"):
        _ = classifiers(models=nowhere).grids


# What a training depends on


def test_what_no_training_depends_on_is_not_told_to_it(classifiers: Configured) -> None:
    def settings(**changes: Any) -> dict[str, Any]:
        return classifiers(model=changes).training_settings("plain")

    before = settings()
    assert before["training"]["epochs"] == 0
    assert settings(saliency_layer="another", published={"accuracy": 0.5}) == before
    assert settings(methods={"layercam": {"layer": "another"}, "rise": {}}) == before
    named = classifiers(model={"published": "VGG16"}, published="values.csv")
    assert named.training_settings("plain") == before
    assert settings(training={"epochs": 1}) != before
    assert settings(pixels="symmetric") != before


def test_digests_of_weights_are_known_before_they_are_there(classifiers: Configured, tmp_path: Path) -> None:
    from_imagenet = classifiers(model={"weights": "imagenet"}, weights_folder=str(tmp_path / "none"))
    (path,) = from_imagenet.weights_files("plain")
    assert Path(path).parent == tmp_path / "none"
    assert from_imagenet.weights_digest("plain") == [Path(path).name]
    assert from_imagenet.imagenet_weights == {path: {"architecture": "plain_stack", "input_size": 32}}
    weights = tmp_path / "own.weights.h5"
    weights.write_bytes(b"weights")
    from_path = classifiers(model={"weights": str(weights)})
    assert from_path.weights_files("plain") == [str(weights)] and from_path.imagenet_weights == {}
    before = from_path.weights_digest("plain")
    weights.write_bytes(b"other weights")
    assert from_path.weights_digest("plain") != before
    at_random = classifiers(model={"weights": "none"})
    assert at_random.weights_digest("plain") == at_random.weights_files("plain") == []


def test_the_faults_of_all_models_are_told_together(
    classifiers: Configured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that are found without Keras, and those that it finds."""

    def ask(module: str, questions: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
        return {name: {"error": f"asked for {settings['saliency_layer']}"} for name, settings in questions.items()}

    monkeypatch.setattr(probing, "_ask", ask)
    models = brought(tmp_path / "mine.keras", saliency_layer="first")
    own = {"architecture": "plain_stack", "input_size": 32, "saliency_layer": "last", "training": {"epochs": 0}}
    models.update(
        lost={**models["mine"], "classifier": str(tmp_path / "nowhere.keras")},
        layerless={**own, "saliency_layer": "block9"},
        weightless={**own, "weights": "nowhere.weights.h5"},
    )
    with pytest.raises(InputError) as stopped:
        _ = classifiers(models=models).grids
    assert sorted(sentence.partition(" ")[0] for sentence in stopped.value.sentences) == [
        "models.layerless:",
        "models.lost.classifier:",
        "models.mine:",
        "models.weightless.weights:",
    ]


def test_keras_set_up_for_what_cannot_be_used_is_told_before_it_is_started(
    classifiers: Configured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: list[str]
) -> None:
    (tmp_path / "keras.json").write_text('{"image_data_format": "channels_first"}')
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with pytest.raises(InputError, match=r"keras\.json sets \"image_data_format\" to channels_first"):
        _ = classifiers().grids
    assert not asked


# Segmentation networks


def networks(**settings: Any) -> dict[str, Any]:
    """Return `segmentation` with one network, `unet`."""
    network = {"architecture": "plain_stack", "input_size": 64, "cells": 32, "training": {"epochs": 1}, **settings}
    return {"networks": {"unet": network}}


def test_networks_are_asked_about_what_their_encoder_depends_on(classifiers: Configured, asked: list[str]) -> None:
    assert classifiers(segmentation=networks()).grids == classifiers().grids  # of models alone
    assert asked == ["models.plain", "segmentation.networks.unet"]
    unchanged = {"filters": 99, "decoder": "pyramid_pooling", "training": {"epochs": 7}}
    assert classifiers(segmentation=networks(**unchanged)).grids
    assert len(asked) == 2
    for number, change in enumerate(({"cells": 16}, {"input_size": 128}, {"architecture": "residual_stack"}), start=1):
        assert classifiers(segmentation=networks(**change)).grids
        assert asked[2:] == ["segmentation.networks.unet"] * number


@pytest.mark.slow
def test_networks_start_from_files_as_models_do(classifiers: Configured, tmp_path: Path) -> None:
    weights = tmp_path / "mine.weights.h5"
    with pytest.raises(
        InputError, match=r"segmentation\.networks\.unet\.weights: there is no file .*mine\.weights\.h5"
    ):
        assert classifiers(segmentation=networks(weights=str(weights))).grids
    weights.write_bytes(b"one")
    of_file = classifiers(segmentation=networks(weights=str(weights)))
    assert of_file.weights_files("unet") == [str(weights)] and of_file.weights_files("plain") == []
    before = of_file.weights_digest("unet")
    weights.write_bytes(b"another")
    assert classifiers(segmentation=networks(weights=str(weights))).weights_digest("unet") != before
    fetched = classifiers(segmentation=networks(architecture="MobileNetV2", weights="imagenet"))
    (path,) = fetched.weights_files("unet")
    assert fetched.imagenet_weights == {path: {"architecture": "MobileNetV2", "input_size": 64}}
    at_random = classifiers(segmentation=networks())
    assert at_random.weights_files("unet") == at_random.weights_digest("unet") == []
