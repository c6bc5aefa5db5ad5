"""Inputs of map sources: pictures are decoded one at a time, in the order that is asked for."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from dermalign.data.archives import open_archive
from dermalign.data.pictures import decode
from dermalign.errors import InputError
from dermalign.saliency.inputs import Inputs


def inputs(archive: Path) -> Inputs:
    return Inputs(images=["a", "b"], grid=(2, 2), pictures=str(archive))


def test_pictures_come_in_the_order_that_is_asked_for(
    tmp_path: Path, zipped: Callable[..., Path], encoded: Callable[..., bytes]
) -> None:
    random = np.random.default_rng(0)
    content = {f"folder/{name}.png": encoded(random.integers(0, 256, (9, 7, 3))) for name in "abc"}
    archive = zipped(tmp_path / "pictures.zip", content)
    found = list(inputs(archive).decoded(["c", "a", "c"], 16))
    with open_archive(archive) as opened:
        expected = [decode(opened, f"folder/{name}.png", 16) for name in "cac"]
    np.testing.assert_array_equal(found, expected)
    assert found[0].shape == (16, 16, 3) and found[0].dtype == np.uint8


def test_what_cannot_be_decoded_is_named(
    tmp_path: Path, zipped: Callable[..., Path], encoded: Callable[..., bytes]
) -> None:
    archive = zipped(tmp_path / "pictures.zip", {"a.png": encoded(), "broken.png": b"no picture"})
    with pytest.raises(
        InputError,
        match=r"pictures\.zip: lacks 2 of 3 pictures, among them b, which were there when the run was planned",
    ):
        next(inputs(archive).decoded(["a", "b", "c"], 16))
    pictures = inputs(archive).decoded(["a", "broken"], 16)
    assert next(pictures).shape == (16, 16, 3)
    with pytest.raises(InputError, match=r"broken\.png is not a readable picture"):
        next(pictures)
