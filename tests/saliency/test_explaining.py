"""Saliency methods by their names, as a notebook asks for them."""

from typing import Any

import numpy as np
import pytest
from dermalign.classifiers.keras_classifier import KerasClassifier
from dermalign.errors import InputError
from dermalign.saliency.calling import named_function
from dermalign.saliency.explaining import explain
from dermalign.saliency.methods import NETWORK, Method, explained_batches
from dermalign.study.sources import METHOD, kinds_of, own_options
from pass_cases import linear, smooth_network

PICTURES = np.random.default_rng(0).integers(0, 256, (3, 8, 6, 3), dtype=np.uint8)
WEIGHTS = np.random.default_rng(1).normal(size=(3, 8, 6, 3)) / 1000
FEW = {"smoothgrad": {"samples": 2}, "integrated_gradients": {"steps": 2}, "xrai": {"steps": 1}, "rise": {"masks": 4}}


@pytest.mark.parametrize("name", kinds_of(METHOD))
def test_every_method_of_the_registry_is_asked_with_its_own_defaults(name: str) -> None:
    kind = kinds_of(METHOD)[name]
    takes_layer, few = "layer" in kind.options, FEW.get(name, {})
    layer = {"layer": "pixels"} if takes_layer else {}
    found = explain(linear(WEIGHTS), PICTURES[:1], name, **layer, **few)
    options = {key: of for key, of in own_options(kind, few).items() if key != "negative"}
    method = Method(
        named_function(kind.compute),
        kind.takes,
        layer.get("layer"),
        options,
        kind.options.get("negative", {}).get("default"),
    )
    score = kind.options["score"]["default"]
    (expected,) = explained_batches(linear(WEIGHTS), {name: method}, PICTURES[:1], score=score)
    np.testing.assert_array_equal(found.raw, expected[name].raw)
    assert found.raw.shape == (1, 8, 6)
    # A formula of the pictures has no layer, and takes none; one of a layer must have it.
    if takes_layer:
        with pytest.raises(InputError, match=f"{name}: name the layer whose output it weighs"):
            explain(linear(WEIGHTS), PICTURES, name)
    assert score == ("after_softmax" if name == "rise" else "before_softmax")


def test_what_is_asked_is_handed_on() -> None:
    model = smooth_network((8, 6))
    found = explain(
        model,
        (picture for picture in PICTURES),
        "smoothgrad",
        target=[2, 0, 1],
        score="after_softmax",
        batch_size=2,
        seed=5,
        samples=3,
        noise=0.5,
    )
    kind = kinds_of(METHOD)["smoothgrad"]
    method = Method(named_function(kind.compute), NETWORK, None, {"samples": 3, "noise": 0.5})
    batches = list(
        explained_batches(
            KerasClassifier(model),
            {"a": method},
            PICTURES,
            target=[2, 0, 1],
            score="after_softmax",
            batch_size=2,
            seed=5,
        )
    )
    np.testing.assert_allclose(found.raw, np.concatenate([batch["a"].raw for batch in batches]), rtol=1e-5)
    assert found.target.tolist() == [2, 0, 1]
    assert len(found.probabilities) == len(found.predicted) == 3


@pytest.mark.parametrize("pictures", [PICTURES[:0], iter(())])
def test_no_pictures_are_refused(pictures: Any) -> None:
    with pytest.raises(InputError, match="pictures: there are none to be explained"):
        explain(linear(WEIGHTS), pictures, "gradient")


@pytest.mark.parametrize(
    ("method", "options", "words"),
    [
        ("grad_cam", {}, r"method: there is no grad_cam; known are gradcam, gradcam_plus_plus, layercam"),
        ("tiles", {"tiles": 2}, "method: there is no tiles"),
        ("gradient", {"samples": 3}, "gradient has no option samples; known are none"),
        (
            "rise",
            {"mask": 3, "cell": 2},
            r"rise has no option cell, mask; known are masks, cells, kept, standard_error",
        ),
        ("gradcam", {"layer": "pixels", "negative": "drop"}, "gradcam has no option negative"),
        (
            "gradcam_plus_plus",
            {"layer": "pixels", "score": "after_softmax"},
            "gradcam_plus_plus: score: 'after_softmax' is not one of",
        ),
        ("gradient", {"score": "logits"}, "gradient: score: 'logits' is not one of"),
        ("rise", {"masks": 0}, "rise: masks: 0 is less than the minimum of 1"),
        ("rise", {"kept": 1}, "rise: kept: 1 is greater than or equal to the maximum"),
        ("integrated_gradients", {"baseline": "grey"}, "integrated_gradients: baseline: 'grey' is not one of"),
        ("integrated_gradients", {"negative": "keep"}, "integrated_gradients: negative: 'keep' is not one of"),
        ("smoothgrad", {"samples": 2.5}, "smoothgrad: samples: 2.5 is not of type"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_words(method: str, options: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        explain(linear(WEIGHTS), PICTURES, method, **options)


def test_numbers_may_be_numpy_s() -> None:
    found = explain(linear(WEIGHTS), PICTURES, "smoothgrad", samples=np.int64(2), noise=np.float32(0.5))
    expected = explain(linear(WEIGHTS), PICTURES, "smoothgrad", samples=2, noise=0.5)
    np.testing.assert_array_equal(found.raw, expected.raw)
