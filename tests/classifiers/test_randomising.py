"""Randomised classifiers: in which order, with which values, and that nothing of the training is left."""

import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from dermalign.classifiers.backbones import residual_stack
from dermalign.classifiers.brought.freezing import freeze
from dermalign.classifiers.brought.graph_adoption import adopt_graph
from dermalign.classifiers.brought.graph_classifier import GraphClassifier
from dermalign.classifiers.keras_classifier import KerasClassifier
from dermalign.classifiers.layers import find_layer, walk
from dermalign.classifiers.randomising import Stage, randomised, weights_kept
from dermalign.errors import InputError
from keras import layers

SIDE = 24
PICTURES = np.random.default_rng(0).integers(0, 256, (5, SIDE, SIDE, 3), dtype=np.uint8)


def trained(model: Any) -> KerasClassifier:
    """Give a model's weights values that no initializer would: those of a layer are one number."""
    for number, variable in enumerate(model.variables):
        if "seed" not in variable.path:
            variable.assign(np.full(variable.shape, 0.03 * (number % 7 + 1) * (-1) ** number if number % 5 else 2.5))
    for _, layer in walk(model, ""):
        if isinstance(layer, layers.BatchNormalization):
            layer.moving_variance.assign(np.full(layer.moving_variance.shape, 4.0))
    return KerasClassifier(model)


def flat() -> Any:
    inputs = keras.Input((SIDE, SIDE, 3))
    tensor = layers.Conv2D(4, 3, activation="relu", name="first")(inputs)
    tensor = layers.BatchNormalization(name="first_normalization")(tensor)
    tensor = layers.DepthwiseConv2D(3, name="second")(tensor)
    tensor = layers.LayerNormalization(name="second_normalization")(tensor)
    tensor = layers.SeparableConv2D(6, 3, name="third")(tensor)
    tensor = layers.Dense(3, name="scores")(layers.GlobalAveragePooling2D()(tensor))
    return keras.Model(inputs, layers.Softmax()(tensor))


def sequential() -> Any:
    parts = [layers.Conv2D(4, 3, name="first"), layers.Conv2D(4, 3, name="second"), layers.Conv2D(4, 3, name="third")]
    end = [layers.GlobalMaxPooling2D(), layers.Dense(3, name="scores", activation="softmax")]
    return keras.Sequential([keras.Input((SIDE, SIDE, 3)), *parts, *end])


def nested() -> Any:
    inner = keras.Sequential([layers.Conv2D(4, 3, name="second"), layers.Conv2D(4, 3, name="third")], name="inner")
    outer = keras.Sequential([keras.Input((SIDE, SIDE, 3)), layers.Conv2D(4, 3, name="first"), inner], name="outer")
    inputs = keras.Input((SIDE, SIDE, 3))
    tensor = layers.GlobalAveragePooling2D()(outer(layers.Rescaling(1 / 255)(inputs)))
    return keras.Model(inputs, layers.Dense(3, name="scores")(tensor))


def values(classifier: KerasClassifier) -> dict[str, list[np.ndarray]]:
    """What the layers that are no models hold, by name."""
    return {
        name: [np.asarray(variable) for variable in layer.variables]
        for name, layer in walk(classifier.model, "")
        if not hasattr(layer, "layers") and layer.variables
    }


def changed(before: dict[str, list[np.ndarray]], after: dict[str, list[np.ndarray]]) -> set[str]:
    equal = {name: all(map(np.array_equal, before[name], after[name])) for name in before}
    return {name for name, is_equal in equal.items() if not is_equal}


@pytest.mark.parametrize(
    ("make", "order"),
    [
        (flat, [["scores"], ["third"], ["second", "second_normalization"], ["first", "first_normalization"]]),
        (sequential, [["scores"], ["third"], ["second"], ["first"]]),
        (nested, [["scores"], ["outer/inner/third"], ["outer/inner/second"], ["outer/first"]]),
    ],
)
def test_layers_are_randomised_from_the_last_to_the_first(make: Callable[[], Any], order: list[list[str]]) -> None:
    classifier = trained(make())
    before = values(classifier)
    assert set(before) == {name for part in order for name in part}
    expected: set[str] = set()
    for number, stage in enumerate(randomised(classifier, PICTURES, stages=4, seed=3), start=1):
        assert stage == Stage(number, number, 4, order[number - 1][0])
        expected |= set(order[number - 1])
        assert changed(before, values(classifier)) == expected
    assert stage.layers == stage.of


def test_layers_are_dealt_into_stages_of_about_equal_numbers() -> None:
    assert [stage.layers for stage in randomised(trained(sequential()), PICTURES, stages=3)] == [2, 3, 4]
    assert [stage.layers for stage in randomised(trained(sequential()), PICTURES, stages=9)] == [1, 2, 3, 4]
    (stage,) = randomised(trained(nested()), PICTURES, stages=1)
    assert stage == Stage(1, 4, 4, "outer/first")
    with pytest.raises(InputError, match="stages: must be at least 1"):
        list(randomised(trained(sequential()), PICTURES, stages=0))


@pytest.mark.parametrize("make", [flat, sequential, nested, lambda: chained(residual_stack((SIDE, SIDE, 3)))])
def test_after_the_last_stage_no_number_is_left_as_it_was(make: Callable[[], Any]) -> None:
    model = make()
    classifier = trained(model)
    before = [np.asarray(variable) for variable in model.variables]
    list(randomised(classifier, PICTURES, stages=2, seed=1))
    for variable, value in zip(model.variables, before, strict=True):
        assert (np.asarray(variable) != value).all(), variable.path
    assert np.isfinite(classifier.scores()(PICTURES)).all()


def chained(*parts: Any) -> Any:
    tensor = inputs = keras.Input((SIDE, SIDE, 3))
    for part in (*parts, layers.GlobalAveragePooling2D(), layers.Dense(3, name="scores")):
        tensor = part(tensor)
    return keras.Model(inputs, tensor)


def test_draws_follow_from_the_seed_alone() -> None:
    classifier = trained(flat())
    given = classifier.model.get_weights()

    def found(**arguments: Any) -> list[np.ndarray]:
        classifier.model.set_weights(given)
        list(randomised(classifier, PICTURES, **arguments))
        return classifier.model.get_weights()

    random.seed(8)
    state = random.getstate()
    first = found(seed=1, stages=3)
    assert random.getstate() == state
    keras.utils.set_random_seed(10)
    for one, other in zip(first, found(seed=1, stages=1), strict=True):
        np.testing.assert_array_equal(one, other)
    assert any((one != other).any() for one, other in zip(first, found(seed=2), strict=True))


def test_weights_are_those_of_an_untrained_network() -> None:
    dense = layers.Dense(400, name="wide", kernel_initializer="he_normal", bias_initializer="ones")
    model = chained(layers.Conv2D(300, 3, kernel_initializer=keras.initializers.RandomUniform(2, 3, seed=1)), dense)
    classifier = trained(model)
    list(randomised(classifier, PICTURES))
    kernel, bias = dense.get_weights()
    assert kernel.std() == pytest.approx((2 / 300) ** 0.5, rel=0.02) and abs(kernel.mean()) < 1e-3
    assert (bias == 1).all()
    drawn = model.layers[1].get_weights()[0]
    assert drawn.min() >= 2 and drawn.max() <= 3 and np.unique(drawn).size > 8000
    started = keras.initializers.RandomUniform(2, 3, seed=1)(drawn.shape)
    assert (drawn != np.asarray(started)).mean() > 0.99  # a seed of its own would give what it started with


def test_kernels_of_one_layer_are_no_copies_of_each_other() -> None:
    attention = layers.MultiHeadAttention(2, 3)
    inputs = keras.Input((SIDE, SIDE, 3))
    tokens = layers.Reshape((-1, 3))(layers.AveragePooling2D(6)(inputs))
    tensor = layers.GlobalAveragePooling1D()(attention(tokens, tokens))
    classifier = trained(keras.Model(inputs, layers.Dense(3)(tensor)))
    list(randomised(classifier, PICTURES))
    kernels = [np.asarray(variable) for variable in attention.variables if variable.shape == (3, 2, 3)]
    assert len(kernels) == 3 and np.abs(kernels[0] - kernels[1]).min() > 0 < np.abs(kernels[1] - kernels[2]).min()


def test_frozen_layers_are_randomised_and_stay_frozen() -> None:
    model = sequential()
    model.layers[0].trainable = False
    classifier = trained(model)
    before = values(classifier)
    list(randomised(classifier, PICTURES))
    assert changed(before, values(classifier)) == set(before)
    assert not model.layers[0].trainable and not model.layers[0].trainable_variables and model.layers[1].trainable


def test_a_layer_that_is_called_twice_is_one() -> None:
    shared = layers.Conv2D(3, 3, padding="same", name="shared")
    inner = keras.Sequential([keras.Input((SIDE, SIDE, 3)), shared], name="again")
    classifier = trained(chained(shared, inner))
    assert [stage.layers for stage in randomised(classifier, PICTURES)] == [1, 2]


def test_normalizations_are_measured_on_the_pictures_behind_what_is_random_by_then() -> None:
    model = chained(residual_stack((SIDE, SIDE, 3)), layers.Dropout(0.5))
    classifier = trained(model)
    stack = model.layers[1]
    names = [layer.name for layer in stack.layers if isinstance(layer, layers.BatchNormalization)]
    before = {name: stack.get_layer(name).get_weights() for name in names}
    untouched = set(names)
    for stage in randomised(classifier, PICTURES, stages=3, seed=2):
        inputs = [stack.get_layer(name).input for name in names]
        reached = keras.Model(stack.input, inputs)(PICTURES.astype(np.float32), training=False)
        for name, tensor in zip(names, map(np.asarray, reached), strict=True):
            gamma, beta, mean, variance = stack.get_layer(name).get_weights()
            if any((one != other).any() for one, other in zip(before[name][:2], (gamma, beta), strict=True)):
                untouched.discard(name)
                assert (gamma == 1).all() and (beta == 0).all()
                np.testing.assert_allclose(mean, tensor.mean(axis=(0, 1, 2)), rtol=1e-3, atol=1e-4)
                np.testing.assert_allclose(variance, tensor.var(axis=(0, 1, 2)), rtol=1e-3, atol=1e-5)
            else:
                assert name in untouched and (mean == before[name][2]).all()
        assert stage.layers == stage.of or untouched
    assert not untouched
    assert "call" not in vars(stack.get_layer(names[0]))


def test_what_treats_pixels_stays() -> None:
    treatment = layers.Normalization(mean=[100.0, 110.0, 120.0], variance=[9.0, 9.0, 16.0])
    adapted = layers.Normalization(name="adapted")
    adapted.adapt(PICTURES.astype(np.float32))
    model = chained(treatment, adapted, layers.Conv2D(3, 3))
    before = adapted.get_weights()
    list(randomised(KerasClassifier(model), PICTURES))
    for one, other in zip(before, adapted.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_weights_come_back(tmp_path: Path) -> None:
    classifier = trained(flat())
    scores = classifier.scores()
    before, given = classifier.model.get_weights(), scores(PICTURES)
    with pytest.raises(ZeroDivisionError), weights_kept(classifier):
        for _ in randomised(classifier, PICTURES):
            assert (scores(PICTURES) != given).any()  # what is compiled reads the new weights
        raise ZeroDivisionError
    for one, other in zip(before, classifier.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(scores(PICTURES), given)


def test_what_cannot_be_randomised_is_refused_in_plain_words(tmp_path: Path) -> None:
    sequential().export(tmp_path / "mine", verbose=False)
    graph = GraphClassifier(adopt_graph(freeze(tmp_path / "mine"), SIDE, "raw", None, None).graph, "mine")
    with pytest.raises(InputError, match="model mine: a frozen graph has constants in the place of weights"):
        list(randomised(graph, PICTURES))
    with weights_kept(graph):
        pass
    inputs = keras.Input((SIDE, SIDE, 3))
    bare = keras.Model(inputs, layers.Softmax()(layers.GlobalAveragePooling2D()(inputs)), name="bare")
    with pytest.raises(InputError, match="model bare: it has no layer with a kernel"):
        list(randomised(KerasClassifier(bare), PICTURES))


@keras.saving.register_keras_serializable("tests")
class Unlike(layers.Dense):
    """A layer that cannot be made again from its configuration."""

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Unlike":
        return cls(**{**config, "units": config["units"] + 1})


def test_a_layer_that_is_built_anew_as_another_is_named() -> None:
    classifier = KerasClassifier(chained(Unlike(4, name="unlike")))
    with pytest.raises(InputError, match="layer unlike: built anew it has other weights"):
        list(randomised(classifier, PICTURES))


@pytest.mark.parametrize(
    ("architecture", "layer"),
    [
        ("VGG16", "block1_conv1"),
        pytest.param("MobileNetV2", "Conv1", marks=pytest.mark.slow),
        pytest.param("ResNet50", "conv1_conv", marks=pytest.mark.slow),
        pytest.param("EfficientNetB0", "stem_conv", marks=pytest.mark.slow),
        pytest.param("ConvNeXtTiny", "convnext_tiny_stem/convnext_tiny_stem_conv", marks=pytest.mark.slow),
        pytest.param("DenseNet121", "conv1_conv", marks=pytest.mark.slow),
    ],
)
def test_networks_of_the_paper_stay_finite_and_see_their_pictures(architecture: str, layer: str) -> None:
    keras.utils.set_random_seed(4)
    pictures = np.random.default_rng(1).integers(0, 256, (4, 64, 64, 3), dtype=np.uint8)
    inner = getattr(keras.applications, architecture)(weights=None, include_top=False, input_shape=(64, 64, 3))
    inputs = keras.Input((64, 64, 3))
    pooled = layers.GlobalAveragePooling2D()(inner(layers.Rescaling(1 / 255)(inputs)))
    model = keras.Model(inputs, layers.Dense(8)(pooled))
    classifier = KerasClassifier(model)
    scores = classifier.scores()

    def spread() -> float:
        found = scores(pictures)
        return float(found.std(axis=0).mean() / np.abs(found).mean())

    normalizations = [each for _, each in walk(model, "") if isinstance(each, layers.BatchNormalization)]
    # Without statistics to be measured it is of the size that untrained networks have, 0.001 to 0.003 of ConvNeXt.
    least = 0.01 if normalizations else spread() / 10
    # Statistics that fit no weights of a random network, as a training leaves them.
    for each in normalizations:
        each.moving_mean.assign(np.full(each.moving_mean.shape, 3.0))
        each.moving_variance.assign(np.full(each.moving_variance.shape, 20.0))
    for stage in randomised(classifier, pictures, stages=3, seed=4):
        assert np.isfinite(scores(pictures)).all()
        if stage.layers == stage.of:
            assert spread() > least
    assert stage.layer == f"{inner.name}/{layer}"
    kernel = np.asarray(find_layer(model, stage.layer).variables[0])
    assert kernel.std() > 0


SCRIPT = """
import keras
import numpy as np
from dermalign.classifiers.backbones import residual_stack
from dermalign.classifiers.keras_classifier import KerasClassifier
from dermalign.classifiers.randomising import randomised

assert keras.backend.backend() == "jax"
pictures = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)
end = [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3)]
classifier = KerasClassifier(keras.Sequential([keras.Input((32, 32, 3)), residual_stack((32, 32, 3)), *end]))
scores = classifier.scores()
given = scores(pictures)
for stage in randomised(classifier, pictures, stages=2):
    found = scores(pictures)
    assert np.isfinite(found).all() and (found != given).all() and found.std(axis=0).min() > 1e-3
variables = [variable for variable in classifier.model.variables if variable.path.endswith("moving_mean")]
assert all((np.asarray(variable) != 0).any() for variable in variables)
print(stage.layer)
"""


@pytest.mark.slow
def test_jax_is_randomised_too() -> None:
    library = Path(__file__).resolve().parents[2] / "workflow_scripts"
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env=os.environ | {"KERAS_BACKEND": "jax", "PYTHONPATH": str(library)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == "residual_stack/stem_convolution"
