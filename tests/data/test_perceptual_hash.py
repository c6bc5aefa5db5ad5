"""Perceptual hashes: the formula, copies that are found and pictures that are not."""

import io
import math
from pathlib import Path

import numpy as np
import pytest
from dermalign.data.archives import list_pictures
from dermalign.data.perceptual_hash import (
    alike,
    dct_hash,
    distances,
    grey_square,
    hash_archive,
    near_pairs,
    read_hashes,
    write_hashes,
)
from dermalign.errors import InputError
from PIL import Image
from scipy.fft import dctn
from scipy.ndimage import gaussian_filter


def picture(seed: int, width: int = 480, height: int = 360) -> Image.Image:
    """A smooth coloured picture, another for each seed, with a dark blob in the middle as a photograph of skin has."""
    random = np.random.default_rng(seed)
    noise = np.stack([gaussian_filter(random.normal(size=(90, 120)), 5) for _ in range(3)], axis=-1)
    y, x = np.mgrid[-1:1:90j, -1:1:120j]
    blob = np.exp(-4 * (x**2 + y**2))[..., np.newaxis]
    pixels = np.clip(190 + 350 * noise - 110 * blob, 0, 255).astype(np.uint8)
    return Image.fromarray(pixels).resize((width, height), Image.Resampling.BICUBIC)


def saved(image: Image.Image, form: str = "JPEG", **options: object) -> Image.Image:
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return Image.open(io.BytesIO(stream.getvalue()))


def hash_of(image: Image.Image) -> np.ndarray:
    return dct_hash(grey_square(image.copy()))


def apart(first: Image.Image, second: Image.Image) -> int:
    return int(distances(hash_of(first), dct_hash(grey_square(second))))


def test_bits_are_those_of_the_formula() -> None:
    grey = np.random.default_rng(1).uniform(0, 255, (64, 64))
    coefficients = [
        sum(
            grey[y, x] * math.cos(math.pi * (2 * y + 1) * u / 128) * math.cos(math.pi * (2 * x + 1) * v / 128)
            for y in range(64)
            for x in range(64)
        )
        for u in range(1, 17)
        for v in range(1, 17)
    ]
    middle = sorted(coefficients)
    median = (middle[127] + middle[128]) / 2
    number = int("".join("1" if value > median else "0" for value in coefficients), 2)
    words = [number >> 192, (number >> 128) % 2**64, (number >> 64) % 2**64, number % 2**64]
    assert dct_hash(grey).tolist() == words
    assert number.bit_count() == 128
    # And SciPy's DCT-II gives the same bits.
    kept = dctn(grey, type=2)[1:17, 1:17]
    np.testing.assert_array_equal(
        np.unpackbits(dct_hash(grey).astype(">u8").view(np.uint8)), (kept > np.median(kept)).ravel()
    )


def test_brightness_and_contrast_change_no_bit() -> None:
    grey = np.asarray(picture(3).convert("L").resize((64, 64)), dtype=np.float64)
    np.testing.assert_array_equal(dct_hash(grey), dct_hash(0.5 * grey + 40))


@pytest.mark.parametrize("value", [0.0, 77.0, 255.0])
def test_a_picture_without_structure(value: float) -> None:
    assert dct_hash(np.full((64, 64), value)).tolist() == [0, 0, 0, 0]


COPIES = {
    "recompressed": lambda image: saved(image, quality=40),
    "half": lambda image: saved(image.resize((240, 180), Image.Resampling.LANCZOS), quality=85),
    "three quarters": lambda image: saved(image.resize((360, 270), Image.Resampling.BILINEAR), quality=85),
    "enlarged, then read by draft mode": lambda image: saved(image.resize((2400, 1800)), quality=85),
    "squeezed to a square": lambda image: saved(image.resize((224, 224)), "PNG"),
    "grey": lambda image: image.convert("L"),
    "cropped by a pixel in a hundred": lambda image: image.crop((2, 2, 478, 358)),
}


@pytest.mark.parametrize("copy", COPIES)
def test_copies_are_found(copy: str) -> None:
    for seed in range(8):
        assert apart(picture(seed), COPIES[copy](picture(seed))) <= 40


def test_other_pictures_are_not() -> None:
    hashes = np.stack([hash_of(picture(seed)) for seed in range(60)])
    others = distances(hashes[:, np.newaxis], hashes[np.newaxis])[np.triu_indices(60, 1)]
    assert others.min() > 60
    for turned in (Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.ROTATE_90):  # said not to be found
        assert apart(picture(5), picture(5).transpose(turned)) > 60


def test_pairs_are_those_of_brute_force() -> None:
    random = np.random.default_rng(2)
    first, second = (random.integers(0, 2**64, (count, 4), dtype=np.uint64) for count in (75, 41))
    second[7] = first[40] ^ np.array([1, 0, 1 << 63, 0], dtype=np.uint64)
    second[30] = first[40]
    bits = [
        [sum((int(a) ^ int(b)).bit_count() for a, b in zip(one, other, strict=True)) for other in second]
        for one in first
    ]
    for limit in (0, 2, 110, 128, 256):
        expected = [(row, column, bits[row][column]) for row, column in np.argwhere(np.array(bits) <= limit).tolist()]
        found = near_pairs(first, second, limit)
        assert list(zip(*(part.tolist() for part in found), strict=True)) == expected
    assert near_pairs(first, second, 2)[2].tolist() == [2, 0]
    assert [part.size for part in near_pairs(first[:0], second, 256)] == [0, 0, 0]
    assert [part.size for part in near_pairs(first, second[:0], 256)] == [0, 0, 0]
    assert alike((["a"], first[40:41]), ([f"b{row}" for row in range(41)], second), 2) == [
        ("a", "b7", 2),
        ("a", "b30", 0),
    ]


@pytest.mark.parametrize("threads", [1, 3])
def test_an_archive_is_hashed_in_order_and_kept_in_a_table(tmp_path: Path, threads: int) -> None:
    (tmp_path / "pictures").mkdir()
    for seed in range(70):
        picture(seed, 60, 50).save(tmp_path / "pictures" / f"p{seed:02d}.{'jpg' if seed % 2 else 'png'}")
    pictures = list_pictures(tmp_path / "pictures")
    write_hashes(tmp_path / "hashes.csv", hash_archive(tmp_path / "pictures", pictures, threads))
    images, hashes = read_hashes(tmp_path / "hashes.csv")
    assert images == [f"p{seed:02d}" for seed in range(70)]
    for image, found in zip(images, hashes, strict=True):
        with Image.open(tmp_path / "pictures" / pictures[image].path) as opened:
            np.testing.assert_array_equal(found, dct_hash(grey_square(opened)))
    write_hashes(tmp_path / "none.csv", [])
    assert read_hashes(tmp_path / "none.csv")[1].shape == (0, 4)


def test_what_is_no_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"text")
    with pytest.raises(InputError, match=r"a\.jpg is not a readable picture"):
        list(hash_archive(tmp_path, list_pictures(tmp_path)))


def test_copies_in_the_real_archives(real_data: Path) -> None:
    folder = real_data / "isic-256"
    evaluation, training = (
        list(hash_archive(folder / name, list_pictures(folder / name), 2))
        for name in ("ISIC2018_Task1-2_Training_Input.zip", "ISIC_2019_Training_Input.zip")
    )
    (names, hashes), (other_names, other_hashes) = (
        ([image for image, _ in hashed], np.stack([words for _, words in hashed])) for hashed in (evaluation, training)
    )
    pairs = {
        (image, other.removesuffix("_downsampled"))
        for image, other, _ in alike((names, hashes), (other_names, other_hashes), 40)
    }
    by_name = {(image, image) for image in set(names) & {other.removesuffix("_downsampled") for other in other_names}}
    assert len(by_name) == 533
    assert by_name <= pairs
    # Looked at one by one: each is the same photograph, some recoloured, under another name.
    assert len(pairs - by_name) == 11
