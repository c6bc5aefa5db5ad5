"""Gradients inside networks, against an analytic derivation and against a model cut in two."""

import logging
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from dermalign.classifiers.backbones import residual_stack
from dermalign.classifiers.keras_classifier import KerasClassifier
from dermalign.classifiers.probabilities import softmax
from dermalign.errors import InputError
from keras import layers
from pass_cases import Differentiated, differentiated

PICTURES = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)


def activations_and_gradients(model: Any, layer: Any, pictures: Any, target: Any = "predicted") -> Differentiated:
    return differentiated(KerasClassifier(model), layer)(pictures, target)


def convolutional(*tail: Any) -> Any:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((32, 32, 3))
    tensor = layers.Conv2D(6, 3, strides=4, activation="relu", name="target")(layers.Rescaling(1 / 255)(inputs))
    for layer in tail:
        tensor = layer(tensor)
    return keras.Model(inputs, tensor, name="small")


def pooled(*tail: Any) -> Any:
    return convolutional(layers.GlobalAveragePooling2D(), *tail)


def test_average_pooling_and_dense_have_their_analytic_gradient() -> None:
    """The score is sum_k w_k mean(A_k), so its gradient is w_k / (h w) everywhere."""
    model = pooled(layers.Dense(4, name="logits"), layers.Softmax())
    found = activations_and_gradients(model, model.get_layer("target"), PICTURES)
    _, height, width, _ = found.activations.shape
    weights = model.get_layer("logits").kernel.numpy()[:, found.logits.argmax(axis=1)].T / (height * width)
    expected = np.broadcast_to(weights[:, None, None, :], found.gradients.shape)
    np.testing.assert_allclose(found.gradients, expected, rtol=1e-5)
    np.testing.assert_allclose(softmax(found.logits), model.predict(PICTURES, verbose=0), atol=1e-6)
    chosen = activations_and_gradients(model, model.get_layer("target"), PICTURES, np.full(5, 2))
    np.testing.assert_allclose(
        chosen.gradients[0, 0, 0], model.get_layer("logits").kernel.numpy()[:, 2] / (height * width), rtol=1e-5
    )


def flat_residual() -> tuple[Any, Any]:
    keras.utils.set_random_seed(1)
    backbone = residual_stack((32, 32, 3))
    scores = layers.Dense(4, name="logits")(layers.Flatten()(backbone.output))
    return keras.Model(backbone.input, layers.Softmax()(scores)), backbone


@pytest.mark.parametrize("name", ["block1_convolution2", "block2_out", "last_convolution"])
def test_residual_graph_against_the_usual_model_with_two_outputs(name: str) -> None:
    model, _ = flat_residual()
    cut = keras.Model(model.input, [model.get_layer(name).output, model.get_layer("logits").output])
    inputs = tf.constant(PICTURES / np.float32(50))
    with tf.GradientTape() as tape:
        activations, logits = cut(inputs, training=False)
        score = tf.reduce_sum(tf.reduce_max(logits, axis=1))
    found = activations_and_gradients(model, model.get_layer(name), inputs.numpy())
    np.testing.assert_allclose(found.activations, activations, atol=1e-5)
    np.testing.assert_allclose(found.logits, logits, atol=1e-4)
    np.testing.assert_allclose(found.gradients, tape.gradient(score, activations), atol=1e-5)


def test_nested_and_sequential_models_give_what_the_flat_one_gives() -> None:
    flat, backbone = flat_residual()
    dense = flat.get_layer("logits")
    sequential = keras.Sequential(
        [keras.Input((32, 32, 3)), backbone, layers.Flatten(), keras.Sequential([dense, layers.Softmax()])]
    )
    inputs = keras.Input((32, 32, 3))
    nested = keras.Model(inputs, keras.Model(flat.input, flat.output)(layers.Identity()(inputs)))
    layer = backbone.get_layer("last_convolution")
    expected = activations_and_gradients(flat, layer, PICTURES)
    assert np.abs(expected.gradients).max() > 0
    for model in (sequential, nested):
        for a, b in zip(activations_and_gradients(model, layer, PICTURES), expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


def test_the_score_is_found_before_every_kind_of_softmax() -> None:
    tails: dict[str, list[Any]] = {
        "linear": [],
        "layer": [layers.Softmax()],
        "activation": [layers.Activation("softmax"), layers.Activation("linear")],
        "operation": [keras.ops.softmax],
        "nested": [keras.Sequential([layers.Softmax()])],
    }
    models = {kind: pooled(layers.Dense(4), *tail) for kind, tail in tails.items()}
    models["fused"] = pooled(layers.Dense(4, activation="softmax"))
    expected = None
    for kind, model in models.items():
        model.set_weights(models["linear"].get_weights())
        before = model.predict(PICTURES, verbose=0)
        layer = model.get_layer("target")
        found = activations_and_gradients(model, layer, PICTURES)
        expected = expected or found
        np.testing.assert_allclose(found.logits, expected.logits, atol=1e-6, err_msg=kind)
        np.testing.assert_allclose(found.gradients, expected.gradients, atol=1e-7, err_msg=kind)
        # the model is as it was
        assert "call" not in vars(layer)
        np.testing.assert_array_equal(model.predict(PICTURES, verbose=0), before)


def test_a_single_sigmoid_is_two_classes() -> None:
    """P(second) is the sigmoid, P(first) what it lacks of 1, and their scores have opposite gradients."""
    tails = {"fused": [layers.Dense(1, activation="sigmoid")], "layer": [layers.Dense(1), layers.Activation("sigmoid")]}
    tails["operation"] = [layers.Dense(1), keras.ops.sigmoid]
    tails["linear"] = [layers.Dense(1)]
    for kind, tail in tails.items():
        model = pooled(*tail)
        target = model.get_layer("target")
        first, second = (activations_and_gradients(model, target, PICTURES, np.full(5, index)) for index in (0, 1))
        output = model.predict(PICTURES, verbose=0)[:, 0]
        expected = 1 / (1 + np.exp(-output)) if kind == "linear" else output
        np.testing.assert_allclose(softmax(second.logits)[:, 1], expected, atol=1e-6, err_msg=kind)
        np.testing.assert_array_equal(first.gradients, -second.gradients)
        kernel = next(layer for layer in model.layers if isinstance(layer, layers.Dense)).kernel.numpy()[:, 0]
        np.testing.assert_allclose(second.gradients[0, 0, 0], kernel / 2 / 64, rtol=1e-4, atol=1e-8)


def test_scores_alone_are_those_beside_the_gradients() -> None:
    model = pooled(layers.Dense(4, activation="softmax"))
    found = activations_and_gradients(model, model.get_layer("target"), PICTURES)
    np.testing.assert_allclose(KerasClassifier(model).scores()(PICTURES), found.logits, atol=1e-6)
    with pytest.raises(InputError, match=r"\(30, 32, 3\)"):
        KerasClassifier(model).scores()(PICTURES[:, :30])


def test_the_layer_of_the_scores_may_be_named() -> None:
    """Behind a temperature, or any other end that is not known, the scores are the named layer's output."""
    model = pooled(layers.Dense(4, name="scores"), layers.Rescaling(0.5), keras.ops.softplus)
    target, scores = model.get_layer("target"), model.get_layer("scores")
    with pytest.raises(InputError, match="cannot be told"):
        differentiated(KerasClassifier(model), target)
    found = differentiated(KerasClassifier(model), target, scores)(PICTURES)
    linear = keras.Model(model.inputs, scores.output)
    expected = activations_and_gradients(linear, linear.get_layer("target"), PICTURES)
    np.testing.assert_allclose(found.logits, expected.logits, atol=1e-6)
    np.testing.assert_allclose(found.gradients, expected.gradients, atol=1e-7)
    np.testing.assert_allclose(KerasClassifier(model).scores(scores)(PICTURES), expected.logits, atol=1e-6)


FUSED = ["sigmoid", "softmax", "tanh", "relu", "silu", "log_softmax", "linear"]
# Ends of a network of three classes; what of it is named for the scores.
NAMED: dict[str, tuple[Callable[[], list[Any]], str]] = {
    **{name: (lambda name=name: [layers.Dense(3, activation=name, name="end")], "end") for name in FUSED},  # type: ignore[misc]
    "an activation named": (lambda: [layers.Dense(3), layers.Activation("sigmoid", name="end")], "end"),
    "an activation behind": (lambda: [layers.Dense(3, name="end"), layers.Activation("sigmoid")], "end"),
    "an operation behind": (lambda: [layers.Dense(3, name="end"), keras.ops.sigmoid], "end"),
    "a layer ReLU named": (lambda: [layers.Dense(3), layers.ReLU(name="end")], "end"),
    "a softmax named": (lambda: [layers.Dense(3), layers.Softmax(name="end")], "end"),
    "dropout behind": (lambda: [layers.Dense(3, activation="sigmoid"), layers.Dropout(0.5, name="end")], "end"),
    "reshaped behind": (lambda: [layers.Dense(3, activation="sigmoid"), layers.Reshape((3,), name="end")], "end"),
    "a nested head": (
        lambda: [keras.Sequential([keras.Input((6,)), layers.Dense(3, activation="sigmoid")], name="end")],
        "end",
    ),
    "in a nested head": (
        lambda: [keras.Sequential([keras.Input((6,)), layers.Dense(3, activation="sigmoid", name="end")])],
        "end",
    ),
}


@pytest.mark.parametrize("kind", NAMED)
def test_no_activation_of_the_named_layer_counts(kind: str) -> None:
    """The scores, and gradients of them, are those of the linear model: before the sigmoid 30 and 40 are no tie."""
    linear = pooled(layers.Dense(3))
    weights = [50 * weight if weight.ndim == 2 else weight for weight in linear.get_weights()]
    linear.set_weights(weights)
    expected = activations_and_gradients(linear, linear.get_layer("target"), PICTURES)
    end, name = NAMED[kind]
    model = pooled(*end())
    model.set_weights(weights)
    classifier = KerasClassifier(model)
    np.testing.assert_array_equal(classifier.scores(name)(PICTURES), expected.logits)
    found = differentiated(classifier, "target", name)(PICTURES)
    np.testing.assert_array_equal(found.gradients, expected.gradients)
    assert np.abs(found.gradients).min() > 0


def test_what_is_handed_on_in_another_shape_is_refused() -> None:
    head = [layers.Reshape((1, 1, 6)), layers.Conv2D(3, 1, activation="sigmoid"), layers.Flatten(name="end")]
    with pytest.raises(InputError, match=r"logits: end hands on what .* computes"):
        KerasClassifier(pooled(*head)).scores("end")
    linear = [layers.Reshape((1, 1, 6)), layers.Conv2D(3, 1), layers.Flatten(name="end")]
    assert KerasClassifier(pooled(*linear)).scores("end")(PICTURES).shape == (5, 3)


def test_one_function_serves_many_batches_and_new_weights() -> None:
    model = pooled(layers.Dense(4), layers.Softmax())
    evaluate = differentiated(KerasClassifier(model), model.get_layer("target"))
    whole = evaluate(PICTURES)
    np.testing.assert_allclose(evaluate(PICTURES[:2]).gradients, whole.gradients[:2], atol=1e-7)
    model.set_weights([weight * 2 for weight in model.get_weights()])
    assert not np.allclose(evaluate(PICTURES).logits, whole.logits)


def test_many_functions_in_one_process_are_no_retracing_to_warn_of() -> None:
    """As in the sanity check, which asks one classifier for the maps of many methods."""
    model = pooled(layers.Dense(4))
    said: list[str] = []
    listener = logging.Handler()
    listener.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    tf.get_logger().addHandler(listener)
    try:
        for _ in range(8):
            KerasClassifier(model).scores()(PICTURES)
            activations_and_gradients(model, model.get_layer("target"), PICTURES)
    finally:
        tf.get_logger().removeHandler(listener)
    assert said == []


def test_what_has_no_gradient_is_refused() -> None:
    model = pooled(layers.Dense(4), layers.Softmax())
    target = model.get_layer("target")
    with pytest.raises(InputError, match="sigmoid"):
        differentiated(KerasClassifier(pooled(layers.Dense(3, activation="sigmoid"))), target)
    with pytest.raises(InputError, match="softmax"):
        differentiated(KerasClassifier(pooled(layers.Dense(1, activation="softmax"))), target)
    with pytest.raises(InputError, match=r"neither \(pictures, height, width, channels\) nor \(pictures, tokens"):
        activations_and_gradients(model, model.layers[-2], PICTURES)
    with pytest.raises(InputError, match="target: called 0 times"):
        activations_and_gradients(model, pooled(layers.Dense(4)).get_layer("target"), PICTURES)
    shared = layers.Conv2D(3, 3, padding="same", name="shared")
    twice = convolutional(layers.Conv2D(3, 1), shared, shared, layers.Flatten(), layers.Dense(2))
    with pytest.raises(InputError, match="shared: called 2 times"):
        activations_and_gradients(twice, shared, PICTURES)
    with pytest.raises(InputError, match=r"\(30, 32, 3\)"):
        activations_and_gradients(model, target, PICTURES[:, :30])
    with pytest.raises(InputError, match="class indices"):
        activations_and_gradients(model, target, PICTURES, [1, 2])
    with pytest.raises(InputError, match="channels_last"):
        differentiated(KerasClassifier(model), layers.Conv2D(1, 1, data_format="channels_first"))
    both = keras.Model(model.input, [model.output, target.output])
    with pytest.raises(InputError, match="exactly one output"):
        differentiated(KerasClassifier(both), target)


def test_a_layer_that_scores_do_not_depend_on_is_refused() -> None:
    model = convolutional(keras.ops.zeros_like, layers.Flatten(), layers.Dense(2))
    with pytest.raises(InputError, match="do not depend"):
        activations_and_gradients(model, model.get_layer("target"), PICTURES)
