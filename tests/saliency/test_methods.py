"""How saliency methods are asked: one pass for all formulas, others picture by picture; targets, scores, batches."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from dermalign.classifiers.backbones import residual_stack
from dermalign.classifiers.functions import PassFunction, ScoreFunction
from dermalign.classifiers.keras_classifier import KerasClassifier
from dermalign.classifiers.passes import AFTER_SOFTMAX, BEFORE_SOFTMAX
from dermalign.errors import InputError
from dermalign.saliency.calling import named_function
from dermalign.saliency.methods import (
    ABSOLUTE,
    DROP,
    LAYER,
    NETWORK,
    PICTURES,
    Explained,
    Method,
    explained_batches,
    explainer,
    joined,
    rectified,
)
from dermalign.saliency.network import Network
from dermalign.study.sources import METHOD, kinds_of, own_options
from keras import layers
from pass_cases import linear, quadratic, smooth_network
from scipy.special import softmax

RANDOM = np.random.default_rng(0)
SHOWN = RANDOM.integers(0, 256, (7, 8, 6, 3), dtype=np.uint8)
# Of three classes, the k-th of which sees most of colour k.
WEIGHTS = RANDOM.normal(size=(3, 8, 6, 3)) / 1000 + np.eye(3)[:, None, None] / 500
FEW = {"smoothgrad": {"samples": 5}, "integrated_gradients": {"steps": 5}, "xrai": {"steps": 2}, "rise": {"masks": 10}}
OTHERS = [name for name, kind in kinds_of(METHOD).items() if kind.takes == NETWORK]
# XRAI segments each picture for half a second; how it is asked about several, it has in common with all others.
QUICK = [name for name in OTHERS if name != "xrai"]
FORMULAS = [name for name, kind in kinds_of(METHOD).items() if kind.takes != NETWORK]


def method(name: str, layer: str = "pixels") -> Method:
    """Return a method of the registry, with few of what it averages."""
    kind = kinds_of(METHOD)[name]
    options = own_options(kind, FEW.get(name, {}))
    negative = options.pop("negative", None)
    at = layer if kind.takes == LAYER or "layer" in kind.options else None
    return Method(named_function(kind.compute), kind.takes, at, options, negative)


def maps(classifier: Any, methods: Any, pictures: Any = SHOWN, **asked: Any) -> dict[str, Explained]:
    """Return {method: the maps of all pictures}; methods: names, or methods by name."""
    given = methods if isinstance(methods, dict) else {name: method(name) for name in methods}
    batches = list(explained_batches(classifier, given, pictures, **asked))
    return {name: joined([batch[name] for batch in batches]) for name in given}


# Several places


@pytest.mark.parametrize("score", [BEFORE_SOFTMAX, AFTER_SOFTMAX])
def test_one_pass_gives_what_a_pass_for_each_method_gives(score: str) -> None:
    keras.utils.set_random_seed(0)
    head = [layers.GlobalAveragePooling2D(), layers.Dense(4, activation="softmax")]
    classifier = KerasClassifier(keras.Sequential([keras.Input((32, 32, 3)), residual_stack((32, 32, 3)), *head]))
    pictures = np.random.default_rng(1).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)
    given = {
        "coarse": method("gradcam", "last_convolution"),
        "pixels": method("gradient"),
        "fine": method("layercam", "block1_relu1"),
        "coarse, too": method("gradcam_plus_plus", "last_convolution"),
        "between": method("hirescam", "block2_convolution2"),
    }
    asked: dict[str, Any] = {"score": score, "target": [3, 2, 1, 0], "batch_size": 3}
    together = maps(classifier, given, pictures, **asked)
    sizes = {"coarse": 2, "pixels": 32, "fine": 8, "coarse, too": 2, "between": 4}
    for name, of in given.items():
        alone = maps(classifier, {name: of}, pictures, **asked)[name]
        found = together[name]
        assert found.raw.shape == (4, sizes[name], sizes[name])
        np.testing.assert_allclose(found.raw, alone.raw, rtol=1e-3, atol=1e-5 * alone.raw.max())
        np.testing.assert_allclose(found.probabilities, alone.probabilities, atol=1e-6)
        assert found.raw.max() > 0


def test_a_batch_of_formulas_is_one_pass_and_nothing_else() -> None:
    classifier = linear(WEIGHTS)
    assert len(FORMULAS) > 3
    maps(classifier, FORMULAS, batch_size=3)
    assert (classifier.passed, classifier.scored) == ([16], [])


def test_formulas_and_others_are_asked_apart() -> None:
    for mixed in (["gradcam", "rise"], ["smoothgrad", "gradient", "scorecam"], []):
        with pytest.raises(InputError, match="and others are asked apart"):
            maps(linear(WEIGHTS), mixed)


# Which class


@pytest.mark.parametrize("name", [*FORMULAS, *QUICK])
def test_the_target_is_the_predicted_class_or_an_index_per_picture(name: str) -> None:
    """In batches of three, each picture with its own; the classes differ, or a wrong one would be no fault."""
    classifier = quadratic(WEIGHTS / 100)
    predicted = maps(classifier, [name])[name]
    assert len(set(predicted.predicted)) > 1
    assert predicted.predicted.tolist() == predicted.target.tolist()
    again = maps(classifier, [name], target=predicted.predicted, batch_size=3)[name]
    np.testing.assert_allclose(again.raw, predicted.raw, rtol=1e-4, atol=1e-5 * np.abs(predicted.raw).max())
    targets = [2, 1, 0, 2, 1, 0, 0]
    chosen = maps(classifier, [name], target=targets, batch_size=3)[name]
    assert (chosen.target.tolist(), chosen.predicted.tolist()) == (targets, predicted.predicted.tolist())
    np.testing.assert_array_equal(chosen.probabilities, predicted.probabilities)
    for row, target in enumerate(targets):
        alone = maps(classifier, [name], SHOWN[row : row + 1], target=[target])[name]
        np.testing.assert_allclose(chosen.raw[row], alone.raw[0], rtol=1e-4, atol=1e-5 * np.abs(alone.raw).max())
    assert not np.allclose(chosen.raw, predicted.raw, rtol=1e-2)


@pytest.mark.parametrize("name", ["gradcam", "rise"])
@pytest.mark.parametrize(
    ("target", "words"),
    [
        ([0, 1, 2, 3, 0, 1, 2], "target: class number 3, the classifier tells 3 apart from 0 on"),
        ([0, 1, 2, 0, 1, 2, -1], "target: "),
        ([0, 1, 2, 0, 1, 2], "target: 6 class indices for more pictures"),
        ([0, 1, 2], "target: 3 class indices for more pictures"),
        (1, "target: "),
        ([[0]] * 7, "target: "),
        ([0, 1, 2, 0, 1, 2, 0, 1], "target: 8 class indices for 7 pictures"),
        ("MEL", "target: must be 'predicted' or class indices, not 'MEL'"),
    ],
)
def test_what_is_no_class_is_refused(name: str, target: Any, words: str) -> None:
    with pytest.raises(InputError) as refused:
        maps(linear(WEIGHTS), [name], target=target, batch_size=3)
    assert str(refused.value).startswith(words)


# Which score


def test_the_gradient_of_a_probability_is_tensorflow_s() -> None:
    keras.utils.set_random_seed(2)
    inputs = keras.Input((8, 6, 3))
    features = layers.Conv2D(5, 3, activation="tanh", name="features")(layers.Rescaling(1 / 255)(inputs))
    outputs = layers.Dense(3, activation="softmax")(layers.Flatten()(features))
    model = keras.Model(inputs, outputs)
    cut = keras.Model(inputs, [model.get_layer("features").output, model.output])
    pictures = tf.constant(SHOWN, tf.float32)
    target = np.array([0, 1, 2, 0, 1, 2, 0])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(pictures)
        activations, probabilities = cut(pictures, training=False)
        of_class = tf.reduce_sum(probabilities * tf.one_hot(target, 3))
    gradients = tape.gradient(of_class, activations).numpy()
    given = {"gradient": method("gradient"), "hirescam": method("hirescam", "features")}
    found = maps(KerasClassifier(model), given, target=target, score=AFTER_SOFTMAX)
    expected = {
        "gradient": np.abs(tape.gradient(of_class, pictures)).max(axis=-1),
        "hirescam": np.maximum((activations.numpy() * gradients).sum(axis=-1), 0),
    }
    for name, of in expected.items():
        np.testing.assert_allclose(found[name].raw, of, rtol=1e-3, atol=1e-5 * of.max())
        assert of.max() > 0
    np.testing.assert_allclose(found["gradient"].probabilities, probabilities, atol=1e-6)
    before = maps(KerasClassifier(model), given, target=target)
    assert not np.allclose(before["gradient"].raw, found["gradient"].raw, rtol=1e-2)
    with pytest.raises(InputError, match="score: must be before_softmax or after_softmax, not 'after'"):
        maps(KerasClassifier(model), given, score="after")


@pytest.mark.parametrize("name", OTHERS)
def test_methods_that_ask_the_network_ask_for_the_score_that_is_named(name: str) -> None:
    classifier = linear(WEIGHTS)
    before, after = (
        maps(classifier, [name], SHOWN[:1], score=score)[name] for score in (BEFORE_SOFTMAX, AFTER_SOFTMAX)
    )
    assert not np.allclose(before.raw, after.raw, rtol=1e-2)
    np.testing.assert_array_equal(before.probabilities, after.probabilities)
    with pytest.raises(InputError, match="score: must be before_softmax or after_softmax, not 'after'"):
        maps(classifier, [name], SHOWN[:1], score="after")


# Batches


@pytest.mark.parametrize("name", ["layercam", "integrated_gradients"])
def test_one_batch_of_pictures_is_held_at_a_time(name: str) -> None:
    read: list[int] = []

    def pictures() -> Iterator[np.ndarray]:
        for number, picture in enumerate([*SHOWN] * 6):
            read.append(number)
            yield picture

    batches = explained_batches(linear(WEIGHTS), {name: method(name)}, pictures(), batch_size=3)
    assert read == []
    size = 16 if name == "layercam" else 1  # pictures; the batch of a method that asks by itself is of its own
    for done, batch in enumerate(batches):
        assert read == list(range(min((done + 1) * size, 42)))
        assert len(batch[name].raw) == min(size, 42 - done * size)
    assert read == list(range(42))


@pytest.mark.parametrize("name", [*FORMULAS, *QUICK])
def test_neither_batches_nor_other_pictures_change_a_map(name: str) -> None:
    """Nor does what is drawn: each picture has the same masks, and the same noise."""
    classifier = quadratic(WEIGHTS / 100)
    whole = maps(classifier, [name], batch_size=7, seed=3)[name]
    for size in (1, 2, 32):
        for pictures in (SHOWN, (picture for picture in SHOWN)):
            part = maps(classifier, [name], pictures, batch_size=size, seed=3)[name]
            np.testing.assert_allclose(part.raw, whole.raw, rtol=1e-4, atol=1e-5 * whole.raw.max())
            np.testing.assert_allclose(part.probabilities, whole.probabilities, atol=1e-6)
    few = maps(classifier, [name], SHOWN[4:6], seed=3)[name]
    np.testing.assert_allclose(few.raw, whole.raw[4:6], rtol=1e-4, atol=1e-5 * whole.raw.max())
    other = maps(classifier, [name], batch_size=7, seed=4)[name]
    assert np.array_equal(other.raw, whole.raw) != kinds_of(METHOD)[name].draws
    for wrong in (0, -1):
        with pytest.raises(InputError, match=f"batch_size: must be at least 1, not {wrong}"):
            maps(classifier, [name], batch_size=wrong)


@pytest.mark.parametrize("name", OTHERS)
def test_a_picture_goes_through_the_network_as_often_as_the_registry_says(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pass with a gradient counted as three; what batches are filled up with is not counted."""
    kind, classifier = kinds_of(METHOD)[name], linear(WEIGHTS)
    spent = []

    def counted(ask: Any, passes: int) -> Any:
        def asked(network: Network, pictures: Any, target: int) -> Any:
            spent.append(passes * len(pictures))
            return ask(network, pictures, target)

        return asked

    monkeypatch.setattr(Network, "scores", counted(Network.scores, 1))
    monkeypatch.setattr(Network, "gradients", counted(Network.gradients, 3))
    maps(classifier, [name], SHOWN[:1], batch_size=5)
    assert kind.passes is not None
    assert sum(spent) == kind.passes(method(name).options, 3) > 0
    assert max(classifier.scored + classifier.passed) == 16


@pytest.mark.parametrize("name", ["gradcam", "smoothgrad", "scorecam"])
def test_what_is_compiled_once_serves_other_pictures_classes_and_weights(name: str) -> None:
    model, given = smooth_network((8, 6)), {name: method(name, "features")}
    compiled = Counting(KerasClassifier(model))
    explain = explainer(compiled, given, batch_size=2, seed=3)
    asked = [(SHOWN[:3], "predicted"), (SHOWN[2:], [0, 1, 2, 0, 1])]
    before = [joined([batch[name] for batch in explain(*each)]) for each in asked]
    made = list(compiled.made)
    model.set_weights([1.5 * weight for weight in model.get_weights()])
    after = [joined([batch[name] for batch in explain(*each)]) for each in asked]
    assert compiled.made == made and 0 < len(made) <= 3
    for (pictures, target), old, new in zip(asked, before, after, strict=True):
        expected = maps(KerasClassifier(model), given, pictures, target=target, batch_size=2, seed=3)[name]
        np.testing.assert_allclose(new.raw, expected.raw, rtol=1e-4, atol=1e-6 * expected.raw.max())
        assert not np.allclose(new.raw, old.raw, rtol=1e-2)


class Counting:
    """A classifier that notes what it is asked to compile."""

    def __init__(self, classifier: KerasClassifier) -> None:
        self.name, self.input_shape, self._classifier = classifier.name, classifier.input_shape, classifier
        self.made: list[str] = []

    def scores(self, logits: str | None = None) -> ScoreFunction:
        self.made.append("scores")
        return self._classifier.scores(logits)

    def passing(self, places: Any, logits: str | None = None, score: str = BEFORE_SOFTMAX) -> PassFunction:
        self.made.append("passing")
        return self._classifier.passing(places, logits, score)


# What is found


def test_what_is_found_has_the_predictions_beside_it() -> None:
    logits = np.einsum("nhwc,khwc->nk", SHOWN, WEIGHTS)
    for name in ("hirescam", "smoothgrad"):
        found = maps(linear(WEIGHTS), [name])[name]
        np.testing.assert_allclose(found.probabilities, softmax(logits, axis=1), atol=1e-6)
        np.testing.assert_array_equal(found.predicted, logits.argmax(axis=1))
        assert found.raw.dtype == found.probabilities.dtype == np.float32
        assert len(found.raw) == len(found.predicted) == len(found.target) == 7


def test_negative_parts_are_dropped_or_count_by_their_size() -> None:
    signed = np.array([[[-2, 3], [0, -1]]], np.float32)
    for negative, expected in ((DROP, [[[0, 3], [0, 0]]]), (ABSOLUTE, [[[2, 3], [0, 1]]])):
        raw, kept = rectified(signed, negative)
        np.testing.assert_array_equal(raw, expected)
        assert kept is signed
    raw, kept = rectified(signed, None)
    assert (raw is signed, kept) == (True, None)


@pytest.mark.parametrize("name", [*FORMULAS, *OTHERS])
def test_maps_with_negative_parts_are_kept_as_they_are(name: str) -> None:
    """Each pixel of a bright picture speaks against each of the classes, whose weights are negative."""
    has_negative = "negative" in kinds_of(METHOD)[name].options
    bright = SHOWN[:1] // 2 + np.uint8(128)
    (found,) = maps(linear(-np.abs(WEIGHTS)), [name], bright).values()
    assert (found.signed is not None) == has_negative
    if found.signed is not None:
        assert found.signed.max() < 0
        np.testing.assert_array_equal(found.raw, np.zeros((1, 8, 6)))
        (by_size,) = maps(linear(-np.abs(WEIGHTS)), {name: replace(method(name), negative=ABSOLUTE)}, bright).values()
        np.testing.assert_array_equal(by_size.raw, -found.signed)
        np.testing.assert_array_equal(by_size.signed, found.signed)
    if name != "rise":  # whose maps of scores before the softmax may be of either sign
        assert found.raw.min() >= 0


def test_batches_are_joined_in_order() -> None:
    parts = [
        Explained(
            raw=np.full((count, 2, 2), count, np.float32),
            probabilities=np.full((count, 3), 1 / 3, np.float32),
            predicted=np.full(count, 1),
            target=np.full(count, count),
            signed=-np.full((count, 2, 2), count, np.float32),
        )
        for count in (2, 1)
    ]
    whole = joined(parts)
    assert whole.signed is not None
    np.testing.assert_array_equal(whole.raw[:, 0, 0], [2, 2, 1])
    np.testing.assert_array_equal(whole.signed[:, 0, 0], [-2, -2, -1])
    assert (whole.target.tolist(), whole.predicted.tolist(), whole.probabilities.shape) == (
        [2, 2, 1],
        [1, 1, 1],
        (3, 3),
    )


@pytest.mark.parametrize("name", [*FORMULAS, *OTHERS])
def test_scores_that_are_not_finite_are_refused(name: str) -> None:
    broken = quadratic(WEIGHTS * np.nan)
    count = "7 of 7" if name in FORMULAS else "1 of 1"
    with pytest.raises(InputError, match=f"model formula: {count} pictures have class scores that are not finite"):
        maps(broken, [name])


@pytest.mark.parametrize("name", [*FORMULAS, *QUICK])
def test_maps_of_a_network_in_mixed_precision_are_float32(name: str) -> None:
    models = [smooth_network((8, 6), precision=precision) for precision in ("mixed_bfloat16", "float32")]
    assert models[0].get_layer("features").compute_dtype == "bfloat16"
    given = {name: method(name, "features")}
    found, expected = (maps(KerasClassifier(model), given, SHOWN[:2], target=[0, 1])[name] for model in models)
    assert found.raw.dtype == found.probabilities.dtype == np.float32
    np.testing.assert_allclose(found.raw, expected.raw, atol=0.05 * np.abs(expected.raw).max())


def test_pictures_of_another_size_and_layers_that_are_not_there_are_refused() -> None:
    model = keras.Sequential([keras.Input((8, 6, 3)), layers.Conv2D(2, 3, name="a"), layers.Flatten(), layers.Dense(2)])
    for name in ("gradient", "integrated_gradients"):
        with pytest.raises(InputError, match=r"\(6, 8, 3\), the classifier takes \(8, 6, 3\)"):
            maps(KerasClassifier(model), [name], SHOWN.transpose(0, 2, 1, 3))
    for name in ("gradcam", "scorecam"):
        with pytest.raises(InputError, match="has no layer 'b'; candidates: a"):
            maps(KerasClassifier(model), {name: method(name, "b")})


@pytest.mark.parametrize("takes", [LAYER, PICTURES, NETWORK])
def test_every_way_of_asking_has_a_method(takes: str) -> None:
    assert takes in {kind.takes for kind in kinds_of(METHOD).values()}
