"""How saliency methods are called: with the classifier and its pictures, for maps with predictions beside them."""

from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from dermalign.errors import InputError
from dermalign.saliency import methods
from dermalign.saliency.inputs import Inputs
from dermalign.saliency.methods import method_blocks
from dermalign.saliency.stretching import stretch

CLASSES = ["MEL", "NV", "BKL"]
PICTURES = np.random.default_rng(1).integers(0, 256, (3, 24, 24, 3), dtype=np.uint8)


@pytest.fixture
def inputs(tmp_path: Path, zipped: Callable[..., Path], encoded: Callable[..., bytes]) -> Callable[..., Inputs]:
    """A function that returns the inputs of three pictures, `c`, `a` and `b`, whose classifier is a path."""

    names = "cab"
    members = {f"{name}.png": encoded(pixels) for name, pixels in zip(names, PICTURES, strict=True)}
    archive = zipped(tmp_path / "pictures.zip", members)

    def given(**settings: Any) -> Inputs:
        return Inputs(
            images=list(names),
            grid=(2, 3),
            threads=3,
            classifier="model.keras",
            settings={"input_size": 24, "saliency_layer": "last", **settings},
            classes=CLASSES,
            pictures=str(archive),
        )

    return given


class Recording:
    """A saliency method that notes what it is called with."""

    def __init__(self, **found: Any) -> None:
        raw = np.random.default_rng(2).normal(size=(3, 2, 3)).astype(np.float32)
        raw[1] = 4
        probabilities = np.eye(3, dtype=np.float32)
        self.found = {"raw": raw, "probabilities": probabilities, "predicted": np.array([2, 0, 1]), **found}

    def __call__(
        self, classifier: Any, layer: str, pictures: Iterable[np.ndarray], *, logits: str | None, **options: Any
    ) -> Any:
        self.classifier, self.layer, self.logits, self.options = classifier, layer, logits, options
        self.pictures = list(pictures)
        return SimpleNamespace(**self.found)


@pytest.fixture(autouse=True)
def _no_keras(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(methods, "load_classifier", lambda path: f"loaded {path}")
    monkeypatch.setattr(methods, "limit_threads", lambda threads: None)


def test_a_method_gets_the_classifier_the_layer_and_the_pictures(
    inputs: Callable[..., Inputs], monkeypatch: pytest.MonkeyPatch
) -> None:
    limits: list[int] = []
    monkeypatch.setattr(methods, "limit_threads", limits.append)
    method = Recording()
    list(method_blocks(method, inputs(), batch_size=5))
    assert limits == [3]
    assert (method.classifier, method.layer, method.logits) == ("loaded model.keras", "last", None)
    assert method.options == {"batch_size": 5}
    np.testing.assert_array_equal(method.pictures, PICTURES)


def test_of_a_brought_classifier_it_gets_where_the_layers_are(inputs: Callable[..., Inputs]) -> None:
    method = Recording()
    (block,) = method_blocks(method, inputs(path="backbone/last", logits="scores"))
    assert (method.layer, method.logits) == ("backbone/last", "scores")
    assert block.layer == "last"  # what the study calls it
    assert method.options == {}


def test_maps_are_stretched_and_classes_named(inputs: Callable[..., Inputs]) -> None:
    method = Recording()
    (block,) = method_blocks(method, inputs())
    assert block.images == ["c", "a", "b"]
    saliency, degenerate = stretch(method.found["raw"])
    np.testing.assert_array_equal(block.raw, method.found["raw"])
    np.testing.assert_array_equal(block.saliency, saliency)
    assert block.degenerate.tolist() == degenerate.tolist() == [False, True, False]
    assert block.probabilities is method.found["probabilities"]
    assert block.predicted == block.target == ["BKL", "MEL", "NV"]
    assert block.features == []


def test_a_method_may_explain_another_class(inputs: Callable[..., Inputs]) -> None:
    (block,) = method_blocks(Recording(target=np.array([0, 0, 2])), inputs())
    assert (block.predicted, block.target) == (["BKL", "MEL", "NV"], ["MEL", "MEL", "BKL"])


def test_maps_that_are_not_finite_are_refused(inputs: Callable[..., Inputs]) -> None:
    with pytest.raises(InputError, match="not finite: 3"):
        list(method_blocks(Recording(raw=np.full((3, 2, 3), np.nan, dtype=np.float32)), inputs()))
