"""Checks of what classifiers are asked."""

import numpy as np
import pytest
from dermalign.classifiers.functions import PREDICTED, check_pictures, class_indices, pass_function, score_function
from dermalign.errors import InputError


def test_pictures_must_have_the_shape_that_is_taken() -> None:
    check_pictures(np.zeros((2, 8, 9, 3)), (8, None, 3))
    for shape in ((2, 9, 9, 3), (8, 9, 3), (2, 8, 9, 1)):
        with pytest.raises(InputError, match=r"the classifier takes \(8, None, 3\)"):
            check_pictures(np.zeros(shape), (8, None, 3))


def test_targets_are_class_indices_or_the_predicted() -> None:
    np.testing.assert_array_equal(class_indices("predicted", 3), [PREDICTED] * 3)
    found = class_indices([2, 0], 2)
    assert (found.dtype, found.tolist()) == (np.int32, [2, 0])
    for wrong in ([1], [1, -1], "best"):
        with pytest.raises(InputError, match="target: "):
            class_indices(wrong, 2)


def test_functions_get_float32_and_int32() -> None:
    pictures = np.full((2, 4, 4, 3), 200, np.uint8)
    asked = []
    scores = score_function(lambda batch: asked.append(batch) or batch[:, 0, 0, :], (4, 4, 3))
    np.testing.assert_array_equal(scores(pictures), np.full((2, 3), 200))
    one_pass = pass_function(lambda *both: asked.extend(both) or [both[0], both[0], both[1]], (4, 4, 3))
    assert one_pass(pictures, [1, 2]).logits.tolist() == [1, 2]
    assert one_pass(pictures).logits.tolist() == [PREDICTED, PREDICTED]
    # What stands before the logits are the values, however many there are.
    np.testing.assert_array_equal(one_pass(pictures).values, [pictures, pictures])
    assert pass_function(lambda *both: [both[1]], (4, 4, 3))(pictures, [1, 2]) == ([], pytest.approx([1, 2]))
    assert [values.dtype for values in asked[:3]] == [np.float32, np.float32, np.int32]
    for function in (scores, one_pass):
        with pytest.raises(InputError, match="takes"):
            function(pictures[:, 1:])
