"""One pass: places, scores, and outputs of tokens that are a grid, as those of vision transformers."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from dermalign.classifiers.functions import Place
from dermalign.classifiers.keras_classifier import KerasClassifier
from dermalign.classifiers.passes import AFTER_SOFTMAX, BEFORE_SOFTMAX, Places, as_grid, check_spatial, token_grid
from dermalign.errors import InputError
from dermalign.saliency.explaining import explain
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax
from token_networks import transformer

# Tokens


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        (4, (2, 0)),
        (5, (2, 1)),
        (6, (2, 2)),
        (9, (3, 0)),
        (49, (7, 0)),
        (50, (7, 1)),
        (51, (7, 2)),
        (196, (14, 0)),
        (197, (14, 1)),
        (198, (14, 2)),
        (257, (16, 1)),
        (577, (24, 1)),
    ],
)
def test_squares_of_tokens_may_stand_behind_one_or_two_others(tokens: int, expected: tuple[int, int]) -> None:
    assert token_grid(tokens) == expected


@pytest.mark.parametrize("tokens", [None, 0, 1, 2, 3, 7, 8, 12, 48, 52, 195, 199, 200])
def test_what_is_no_square_is_refused(tokens: int | None) -> None:
    with pytest.raises(InputError, match=f"{tokens} tokens is no square of cells"):
        token_grid(tokens)


@given(st.integers(2, 1000), st.integers(0, 2))
def test_no_number_of_tokens_can_be_read_in_two_ways(side: int, skipped: int) -> None:
    assert token_grid(side * side + skipped) == (side, skipped)


@pytest.mark.parametrize("skipped", [0, 1, 2])
def test_tokens_are_cells_in_rows(skipped: int) -> None:
    random = np.random.default_rng(skipped)
    cells = random.random((2, 3, 3, 5), dtype=np.float32)
    others = random.random((2, skipped, 5), dtype=np.float32)
    tokens = np.concatenate([others, cells.reshape(2, 9, 5)], axis=1)
    np.testing.assert_array_equal(as_grid(keras.ops.convert_to_tensor(tokens)), cells)
    np.testing.assert_array_equal(as_grid(tokens), cells)
    np.testing.assert_array_equal(as_grid(cells), cells)


def test_shapes_are_of_a_grid_or_refused_by_the_layer_s_name() -> None:
    for fitting in ((None, 4, 5, 6), (None, None, None, 6), (None, 50, 6)):
        check_spatial(fitting, "layer a")
    for wrong in ((), (None, 6), (None, 2, 3, 4, 6)):
        with pytest.raises(InputError, match=r"layer a: its output is neither \(pictures, height, width, channels\)"):
            check_spatial(wrong, "layer a")
    for tokens in (13, None):
        with pytest.raises(InputError, match=f"layer a: its output of {tokens} tokens is no square of cells, alone or"):
            check_spatial((None, tokens, 6), "layer a")


# Scores and places


LOGITS = np.array([[1.0, 3.0, -2.0], [0.5, 0.25, 0.75], [2.0, 2.5, 0.0]], np.float32)


@pytest.mark.parametrize(
    ("targets", "chosen"), [([-1, -1, -1], [1, 2, 1]), ([0, 1, 2], [0, 1, 2]), ([-1, 0, -1], [1, 0, 1])]
)
def test_the_score_is_that_of_the_class_before_or_after_the_softmax(targets: list[int], chosen: list[int]) -> None:
    for score, of in ((BEFORE_SOFTMAX, LOGITS), (AFTER_SOFTMAX, softmax(LOGITS, axis=1))):
        found = Places([None], [lambda *_: None], score).score(
            keras.ops.convert_to_tensor(LOGITS), keras.ops.convert_to_tensor(np.array(targets, np.int32))
        )
        np.testing.assert_allclose(found, of[np.arange(3), chosen].sum(), rtol=1e-6)
    with pytest.raises(InputError, match="score: must be before_softmax or after_softmax, not 'after'"):
        Places([], [], "after")


def test_each_place_has_its_own_and_the_pictures_are_last() -> None:
    outputs = [np.full((1, 2, 2, 1), 10.0), np.full((1, 5, 1), 20.0), np.full((1, 3, 3, 3), 30.0)]
    gradients = [output / 10 for output in outputs]
    places = Places(
        ["b", None, "a", "b"],
        [
            lambda output, gradient: output - gradient,
            lambda output, gradient: output * gradient,
            lambda output, _: output,
            lambda _, gradient: gradient,
        ],
    )
    assert (places.layers, places.has_pictures) == (["b", "a"], True)
    *values, logits = places.values(outputs, gradients, LOGITS[:1].astype(np.float64))
    assert [np.shape(value) for value in values] == [(1, 2, 2, 1), (1, 3, 3, 3), (1, 2, 2, 1), (1, 2, 2, 1)]
    assert [np.unique(value).tolist() for value in values] == [[9], [90], [20], [1]]
    np.testing.assert_array_equal(logits, LOGITS[:1])
    assert all(keras.ops.dtype(value) == "float32" for value in (*values, logits))
    with pytest.raises(InputError, match="layer a: the class scores do not depend on it"):
        places.values(outputs, [gradients[0], None, gradients[2]], LOGITS)


# A vision transformer


PICTURES = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)


@pytest.mark.slow
@pytest.mark.parametrize("own", [0, 1, 2])
def test_a_transformer_has_maps_of_its_patches(own: int) -> None:
    model = transformer(own)
    assert model.get_layer("block1").output.shape == (None, 16 + own, 8)
    # The usual model with two outputs, cut where the map is made.
    scores = model.get_layer("scores")
    cut = keras.Model(model.input, [model.get_layer("block1").output, scores.input])
    with tf.GradientTape() as tape:
        tokens, read = cut(PICTURES.astype(np.float32), training=False)
        logits = tf.matmul(read, scores.kernel) + scores.bias
        of_class = tf.reduce_sum(tf.linalg.diag_part(logits))  # of the k-th picture, the k-th class
    gradients = tape.gradient(of_class, tokens).numpy()[:, own:].reshape(3, 4, 4, 8)
    activations = tokens.numpy()[:, own:].reshape(3, 4, 4, 8)
    expected = {
        "gradcam": np.einsum("nhwc,nc->nhw", activations, gradients.mean(axis=(1, 2))),
        "hirescam": (activations * gradients).sum(axis=-1),
        "layercam": (activations * np.maximum(gradients, 0)).sum(axis=-1),
    }
    for method, maps in expected.items():
        found = explain(model, PICTURES, method, layer="block1", target=[0, 1, 2])
        assert found.raw.shape == (3, 4, 4)
        np.testing.assert_allclose(found.raw, np.maximum(maps, 0), rtol=1e-3, atol=1e-3 * np.abs(maps).max())
        assert found.raw.max() > 1e-6
    patches = explain(model, PICTURES, layer="patches")
    assert patches.raw.shape == (3, 4, 4) and patches.raw.max() > 0


def test_tokens_in_no_square_are_refused_in_plain_words() -> None:
    model = transformer(1, size=(8, 24))
    words = (
        "layer block1: its output of 13 tokens is no square of cells, alone or behind a class token: where on the "
        "picture a token lies cannot be told"
    )
    with pytest.raises(InputError) as refused:
        explain(model, np.zeros((2, 8, 24, 3), np.uint8), layer="block1")
    assert str(refused.value) == words
    # Its patches before are a grid like any other.
    assert explain(model, np.zeros((2, 8, 24, 3), np.uint8), layer="patches").raw.shape == (2, 2, 6)


# Several places of a network


@pytest.mark.parametrize("score", [BEFORE_SOFTMAX, AFTER_SOFTMAX])
def test_one_pass_gives_what_passes_for_each_place_give(score: str) -> None:
    """Of a layer twice, in any order, of tokens, and of the pictures."""
    classifier = KerasClassifier(transformer(1))
    product = lambda output, gradient: output * gradient  # noqa: E731
    places = [
        Place("block1", product),
        Place(None, lambda _, gradient: gradient),
        Place("patches", product),
        Place("block1", lambda output, _: output[..., 0]),
    ]
    together = classifier.passing(places, None, score)(PICTURES, [2, 0, 1])
    for place, value in zip(places, together.values, strict=True):
        (alone,), logits = classifier.passing([place], None, score)(PICTURES, [2, 0, 1])
        np.testing.assert_allclose(value, alone, rtol=1e-4, atol=1e-6 * np.abs(alone).max())
        np.testing.assert_allclose(together.logits, logits, rtol=1e-5, atol=1e-6)
        assert np.abs(value).max() > 0
