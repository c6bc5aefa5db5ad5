"""Masks: what is white of them, of several together, and masks that cannot be read."""

import io
from collections.abc import Callable, Sequence
from pathlib import Path

import brute_force
import numpy as np
import pytest
from dermalign.data.archives import open_archive
from dermalign.data.masks import MaskReader, WhiteBox, black_box, unite, white_box
from dermalign.errors import InputError
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

Drawing = Callable[[np.ndarray], Image.Image]


def pixels_of(box: WhiteBox) -> np.ndarray:
    """Return the whole mask, (height, width) bool."""
    whole = np.zeros(box.size[::-1], dtype=bool)
    whole[box.top : box.bottom, box.left : box.right] = box.pixels
    return whole


def noise(seed: int, left: int, top: int, right: int, bottom: int) -> np.ndarray:
    """Return grey values (20, 30), black but for noise in a box."""
    mask = np.zeros((20, 30), dtype=np.uint8)
    values = np.array([0, 1, 127, 128, 255], dtype=np.uint8)
    mask[top:bottom, left:right] = np.random.default_rng(seed).choice(values, (bottom - top, right - left))
    return mask


def test_a_box_holds_all_that_is_white_and_little_more() -> None:
    mask = Image.fromarray(noise(1, 4, 3, 11, 9))
    box = white_box(mask)
    assert (box.left, box.top, box.right, box.bottom) == (4, 3, 11, 9)
    assert box.pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels_of(box), brute_force.white_pixels(mask))
    assert box.count() == brute_force.white_pixels(mask).sum()


def test_masks_together_are_their_pixelwise_or() -> None:
    drawn = [Image.fromarray(noise(seed, 2 * seed, seed, 20 + seed, 10 + seed)) for seed in range(4)]
    united = unite([black_box((30, 20)), *map(white_box, drawn)], (30, 20))
    expected = brute_force.union_of({str(number): brute_force.white_pixels(mask) for number, mask in enumerate(drawn)})
    np.testing.assert_array_equal(pixels_of(united), expected)
    for none in ([], [black_box((30, 20))]):
        assert unite(none, (30, 20)).count() == 0
        assert unite(none, (30, 20)).size == (30, 20)


def test_masks_are_read_from_an_archive_and_faults_named(tmp_path: Path) -> None:
    mask = noise(5, 0, 0, 30, 20)
    stream = io.BytesIO()
    Image.fromarray(mask).save(stream, "PNG")
    (tmp_path / "whole.png").write_bytes(stream.getvalue())
    (tmp_path / "half.png").write_bytes(stream.getvalue()[: len(stream.getvalue()) // 2])
    Image.fromarray(mask.astype(np.uint16) * 257).save(tmp_path / "deep.png")
    with open_archive(tmp_path) as opened:
        reader = MaskReader(opened)
        np.testing.assert_array_equal(pixels_of(reader.read("whole.png")), mask > 127)
        for name, words in {
            "half.png": "is not a readable picture .* Replace the file",
            "deep.png": "has more than 8 bits a channel .* a mask is 0 or 255",
            "none.png": "cannot be read: there is no such file",
        }.items():
            with pytest.raises(InputError, match=f"{tmp_path.name}: {name} {words}"):
                reader.read(name)


# One mask as many programs write it: each form counts as what is above 127 of 0 and 255, and says how it was told.


def grey(white: int, black: int = 0, mode: str = "L") -> Drawing:
    """Return a function that draws a mask in two grey values."""
    return lambda mask: Image.fromarray(np.where(mask, white, black).astype(np.uint8)).convert(mode)


def coloured(white: tuple[int, ...], black: tuple[int, ...]) -> Drawing:
    """Return a function that draws a mask in two colours, or two colours with alpha."""
    return lambda mask: Image.fromarray(np.where(mask[..., None], white, black).astype(np.uint8))


def indexed(
    *colours: tuple[int, int, int], indices: tuple[int, int] = (0, 1), transparent: int | None = None
) -> Drawing:
    """Return a function that draws a mask with a palette. indices: of black and white."""

    def draw(mask: np.ndarray) -> Image.Image:
        image = Image.frombytes("P", mask.shape[::-1], np.where(mask, *indices[::-1]).astype(np.uint8).tobytes())
        image.putpalette([level for colour in colours for level in colour])
        if transparent is not None:
            image.info["transparency"] = transparent
        return image

    return draw


BLACK, WHITE = (0, 0, 0), (255, 255, 255)
FORMS: dict[str, tuple[Drawing, str]] = {
    "255": (grey(255), ""),
    "128": (grey(128), ""),
    "1 bit": (grey(255, mode="1"), ""),
    "1": (grey(1), "value 1, the only one but 0"),
    "2": (grey(2), "value 2, the only one but 0"),
    "127": (grey(127), "value 127, the only one but 0"),
    "255, grey where black": (grey(255, 100), ""),
    "white as RGB": (coloured(WHITE, BLACK), ""),
    "1 as RGB": (coloured((1, 1, 1), BLACK), "value 1, the only one but 0"),
    "red": (coloured((255, 0, 0), BLACK), "colour (255, 0, 0), the only one but black"),
    "dark blue": (coloured((0, 0, 60), BLACK), "colour (0, 0, 60), the only one but black"),
    "colour map": (
        coloured((253, 231, 37), (68, 1, 84)),
        "the lighter of the colours (68, 1, 84) and (253, 231, 37)",
    ),
    "CMYK": (grey(255, mode="CMYK"), ""),
    "palette": (indexed(BLACK, WHITE), ""),
    "palette, reversed": (indexed(WHITE, BLACK, indices=(1, 0)), ""),
    "palette of VOC": (indexed(BLACK, (128, 0, 0)), "colour (128, 0, 0), the only one but black"),
    "second class of VOC": (
        indexed(BLACK, (128, 0, 0), (0, 128, 0), indices=(0, 2)),
        "colour (0, 128, 0), the only one but black",
    ),
    "palette of one colour": (indexed(BLACK, BLACK), "palette index 1, the only one but 0"),
    "palette of greys": (indexed(BLACK, (1, 1, 1)), "value 1, the only one but 0"),
    "white, transparent elsewhere": (coloured((*WHITE, 255), (*BLACK, 0)), "what is opaque"),
    "white throughout, transparent elsewhere": (coloured((*WHITE, 255), (*WHITE, 0)), "what is opaque"),
    "black, transparent elsewhere": (coloured((*BLACK, 255), (*BLACK, 0)), "what is opaque"),
    "alpha of 1": (coloured((*WHITE, 1), (*WHITE, 0)), "what is opaque"),
    "opaque": (coloured((*WHITE, 255), (*BLACK, 255)), ""),
    "nearly opaque": (coloured((*WHITE, 254), (*BLACK, 254)), ""),
    "grey with alpha": (coloured((255, 255), (0, 0)), "what is opaque"),
    "palette with a transparent index": (indexed(BLACK, WHITE, transparent=0), "what is opaque"),
}


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), width=st.integers(2, 40), height=st.integers(2, 40))
def test_every_form_of_a_mask_counts_as_its_maker_meant_it(form: str, seed: int, width: int, height: int) -> None:
    random = np.random.default_rng(seed)
    white = random.random((height, width)) < random.random()
    white[0, 0], white[-1, -1] = True, False
    draw, reading = FORMS[form]
    stored = io.BytesIO()
    drawn = draw(white)
    drawn.save(stored, "TIFF" if drawn.mode == "CMYK" else "PNG")
    for mask in (drawn, Image.open(stored)):
        box = white_box(mask)
        np.testing.assert_array_equal(pixels_of(box), white)
        assert box.reading == reading


def test_white_with_alpha_counts_once() -> None:
    """Of 96 x 72 pixels, of which 432 are drawn: all 6,912 are white in their colours."""
    pixels = np.full((72, 96, 4), 255, dtype=np.uint8)
    pixels[..., 3] = 0
    pixels[10:28, 20:44, 3] = 255
    assert white_box(Image.fromarray(pixels)).count() == 432


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGB", "RGBA", "CMYK"])
def test_a_black_mask_is_black_in_every_mode(mode: str) -> None:
    mask = Image.new("L", (7, 5)).convert("RGB" if mode == "CMYK" else "L").convert(mode)
    assert white_box(mask).count() == 0
    assert white_box(Image.new("RGBA", (7, 5), (0, 0, 0, 0))).count() == 0


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([0, 1, 2], r"has value 0, 1 and 2 only, none above 127"),
        ([0, 50, 100], r"has value 0, 50 and 100 only"),
        ([1, 2], r"has value 1 and 2 only"),
        ([90], r"has value 90 only"),
        (range(9), r"has value 0, 1, 2, 3, 4 and 4 others only"),
        (
            [(0, 0, 0), (128, 0, 0), (224, 224, 192)],
            r"has the colours \(0, 0, 0\), \(128, 0, 0\) and \(224, 224, 192\)",
        ),
        ([(255, 0, 0), (0, 0, 255)], r"has the colours"),
        ([(255, 255, 255, 0), (0, 0, 0, 0)], r"is transparent everywhere"),
        ([(255, 0, 0, 0), (255, 0, 0, 40), (255, 0, 0, 90)], r"has alpha 0, 40 and 90 only"),
        ([(number, 0, 0) for number in range(255)], r"has the colours"),
        ([(number % 250, number // 250, 9) for number in range(500)], r"has more than 256 colours"),
    ],
)
def test_a_mask_whose_white_cannot_be_told_is_refused(tmp_path: Path, values: Sequence[object], words: str) -> None:
    pixels = np.array(values, dtype=np.uint8)
    Image.fromarray(np.stack([pixels, pixels])).save(tmp_path / "mask.png")
    with (
        open_archive(tmp_path) as opened,
        pytest.raises(InputError, match=f"the mask mask.png {words}.* cannot be told"),
    ):
        MaskReader(opened).read("mask.png")
