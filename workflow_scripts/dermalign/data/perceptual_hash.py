"""Perceptual hashes: pictures that look alike, whatever their names, sizes and compression.

A hash is 256 bits of a picture's coarse structure, after PDQ (Facebook, "The TMK+PDQF Video-Hashing Algorithm and the
PDQ Image-Hashing Algorithm", 2019, section "PDQ"): the picture is squeezed to 64 x 64 grey pixels, the
discrete cosine transform of it taken, of which the 16 x 16 lowest frequencies but those of 0 are kept, and a bit is 1
where a coefficient is above their median. It differs from PDQ in how the picture is squeezed: by the mean over the
pixels that fall together, where PDQ has a tent filter. The hashes of two pictures are compared by the number of bits in
which they differ (Hamming distance), 128 on average where they have nothing in common.

What brightness, contrast, rescaling, squeezing and compression change is little of it. Not recognized are copies that
were mirrored, turned, or cropped by more than about a hundredth of their side.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from ..files import write_text
from ..logs import progress
from .archives import Member, open_archive
from .images import decode_each

SIDE = 64  # pixels along a side of the grey square
FREQUENCIES = 16  # along each axis, from 1
WORDS = FREQUENCIES**2 // 64  # 64-bit words of a hash

Hashes = NDArray[np.uint64]


def grey_square(picture: Image.Image) -> NDArray[np.float64]:
    """Return an opened picture as (64, 64) grey values from 0 to 255, means over the pixels that fall together."""
    # A JPEG is decoded at an eighth, a quarter or half of its size where that is still twice the square: ten times
    # faster for a photograph, and the means stay what they are but for rounding.
    picture.draft("L", (2 * SIDE, 2 * SIDE))
    return np.asarray(picture.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX), dtype=np.float64)


def _cosines() -> NDArray[np.float64]:
    # Row k - 1: the k-th wave of the DCT-II, cos(pi (2 j + 1) k / (2 N)) at pixel j of N.
    frequency, pixel = np.arange(1, FREQUENCIES + 1), np.arange(SIDE)
    return np.cos(np.pi * np.outer(frequency, 2 * pixel + 1) / (2 * SIDE))


_COSINES = _cosines()


def dct_hash(grey: NDArray[np.float64]) -> Hashes:
    """Return the hash of a grey square (64, 64), shape (4,) uint64, row by row of the coefficients, first bit highest.

    A coefficient is the sum over pixels of value times cos(pi (2 y + 1) u / 128) cos(pi (2 x + 1) v / 128) with u and v
    from 1 to 16 (DCT-II; a constant factor would not change the bits). A picture of a single grey has the hash 0.
    """
    # Rounded, so that the noise of adding up floats makes no bits where there is no structure.
    coefficients = np.round(_COSINES @ grey @ _COSINES.T, 3).ravel()
    bits = coefficients > np.median(coefficients)
    return np.packbits(bits).view(">u8").astype(np.uint64)


def hash_archive(archive: str | Path, pictures: Mapping[str, Member], threads: int = 1) -> Iterator[tuple[str, Hashes]]:
    """Yield image and hash of each picture of an archive, in their order.

    archive: a zip or a folder. pictures: {image: member}. A hash is (4,) uint64, as `dct_hash`. Memory: a few pictures
    per thread. Raises InputError for an archive that is missing or no whole zip, and as `images.open_picture`.
    """
    with open_archive(archive) as opened:
        members = [member.path for member in pictures.values()]
        hashes = decode_each(opened, members, lambda picture: dct_hash(grey_square(picture)), threads)
        yield from progress(zip(pictures, hashes, strict=True), len(pictures), "perceptual hashes")


def write_hashes(path: str | Path, hashes: Iterable[tuple[str, Hashes]]) -> None:
    """Write hashes as a CSV table `image,hash`, 64 hexadecimal digits each, whole or not at all."""
    rows = [(image, "".join(f"{int(word):016x}" for word in words)) for image, words in hashes]
    write_text(path, pd.DataFrame(rows, columns=["image", "hash"]).to_csv(index=False))


def read_hashes(path: str | Path) -> tuple[list[str], Hashes]:
    """Return image names and hashes (n, 4) uint64 of a table of `write_hashes`. Raises FileNotFoundError."""
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    words = [[int(text[16 * word : 16 * word + 16], 16) for word in range(WORDS)] for text in table["hash"]]
    return table["image"].tolist(), np.array(words, dtype=np.uint64).reshape(-1, WORDS)


def distances(first: Hashes, second: Hashes) -> NDArray[np.intp]:
    """Return in how many bits hashes (..., 4) differ, broadcast over the leading axes."""
    return np.bitwise_count(first ^ second).sum(axis=-1, dtype=np.intp)


def near_pairs(
    first: Hashes, second: Hashes, distance: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Return rows of `first` (n, 4), rows of `second` (m, 4) and distances of all pairs at most `distance` apart.

    In order of first, then second. Every pair is compared, in blocks: 65 million pairs take about a second.
    """
    found: list[NDArray[np.intp]] = []
    columns = [np.ascontiguousarray(second[:, word]) for word in range(WORDS)]
    for start in range(0, len(first), 32):
        block = first[start : start + 32]
        bits = np.zeros((len(block), len(second)), dtype=np.uint16)
        for word, column in enumerate(columns):
            bits += np.bitwise_count(block[:, word, np.newaxis] ^ column)
        rows, matches = np.nonzero(bits <= distance)
        found.append(np.stack([rows + start, matches, bits[rows, matches].astype(np.intp)]))
    rows, matches, bits_apart = np.concatenate(found, axis=1) if found else np.empty((3, 0), dtype=np.intp)
    return rows, matches, bits_apart


def alike(
    first: tuple[Sequence[str], Hashes], second: tuple[Sequence[str], Hashes], distance: int
) -> list[tuple[str, str, int]]:
    """Return (image of first, image of second, distance) of all pairs at most `distance` apart, as `read_hashes`."""
    pairs = zip(*(part.tolist() for part in near_pairs(first[1], second[1], distance)), strict=True)
    return [(first[0][row], second[0][match], apart) for row, match, apart in pairs]
