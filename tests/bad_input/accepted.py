"""Odd input that is read, and read right: what each is, and what must come of it, told by other means.

The oracles are Pillow, NumPy and numbers counted by hand, of what was drawn before it was written in an odd way.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from dermalign.data.archives import list_pictures, open_archive
from dermalign.data.images import picture_sizes
from dermalign.data.labels import read_diagnoses, read_training_labels
from dermalign.data.lesions import read_lesions
from dermalign.data.masks import MaskReader
from dermalign.data.pictures import decode
from PIL import Image

from .builders import (
    EVALUATED,
    HEIGHT,
    TRAINED,
    WIDTH,
    Change,
    Sound,
    deep_rgb,
    encoded,
    one_hot,
    photograph,
    region,
    rotated,
    white,
)
from .cases import diagnoses, file, labels, mask, picture, table, together

SIDE = 16  # pixels of a classifier's input
CLASSES = ["MEL", "NV"]


@dataclass(frozen=True)
class Accepted:
    """Odd input that is taken. check: asserts, of the study as it was written, what was read."""

    name: str
    change: Change
    check: Callable[[Sound], object]


# ---------------------------------------------------------------------------------------------------------------------
# Pictures: what a classifier is shown is the picture that was drawn


def shows(expected: np.ndarray, name: str = "e1", within: float = 0) -> Callable[[Sound], None]:
    """Return a check: the picture is that one (height, width, 3), upright and squeezed, but for some levels."""

    def check(study: Sound) -> None:
        archive = study.data / "pictures.zip"
        members = list_pictures(archive)
        with open_archive(archive) as opened:
            found = decode(opened, members[name].path, SIDE).astype(int)
        wanted = np.asarray(Image.fromarray(expected).resize((SIDE, SIDE), Image.Resampling.BILINEAR)).astype(int)
        assert picture_sizes(archive, {name: members[name]}) == {name: expected.shape[1::-1]}
        assert np.abs(found - wanted).max() <= within

    return check


def as_picture(name: str, content: bytes, expected: np.ndarray, within: float = 0, suffix: str = "png") -> Accepted:
    """Return a case of a picture, written in an odd way."""
    return Accepted(name, picture(content, f"pictures/e1.{suffix}"), shows(expected, within=within))


COLOURS = photograph(1)
GREYS = np.asarray(Image.fromarray(COLOURS).convert("L"))
OF_GREYS = np.stack([GREYS] * 3, axis=-1)
FEW = (COLOURS // 64 * 64).astype(np.uint8)
HALVES = np.where(region()[..., None], np.uint8([250, 20, 60]), np.uint8([10, 200, 30])).astype(np.uint8)
JPEG_LEVELS = 12  # of 255: what a JPEG of quality 95 may be off once it is squeezed


def lying(orientation: int) -> Accepted:
    """Return a case of a picture whose EXIF says how it is to be turned."""
    return as_picture(f"EXIF orientation {orientation}", rotated(orientation, COLOURS), COLOURS)


def _with_alpha(alpha: int) -> np.ndarray:
    return np.dstack([COLOURS, np.full((HEIGHT, WIDTH), alpha, np.uint8)])


def _quantised() -> Image.Image:
    return Image.fromarray(FEW).quantize(256)


def _indexed(transparent: bool) -> bytes:
    """A picture of two colours by a palette, the first of which may be said to be transparent."""
    indices = Image.fromarray(np.where(region(), 1, 0).astype(np.uint8), "L")
    indexed = Image.frombytes("P", indices.size, indices.tobytes())
    indexed.putpalette([10, 200, 30, 250, 20, 60])
    return encoded(indexed, "PNG", **({"transparency": 0} if transparent else {}))


PICTURES = [
    *(lying(orientation) for orientation in range(1, 9)),
    as_picture("EXIF orientation 6 of a JPEG", rotated(6, COLOURS, "JPEG"), COLOURS, 2 * JPEG_LEVELS, "jpg"),
    as_picture("a PNG called JPEG", encoded(COLOURS), COLOURS, suffix="jpg"),
    as_picture("a JPEG called PNG", encoded(COLOURS, "JPEG", quality=95), COLOURS, JPEG_LEVELS),
    as_picture("a GIF called PNG", encoded(_quantised(), "GIF"), np.asarray(_quantised().convert("RGB"))),
    as_picture(
        "a progressive JPEG", encoded(COLOURS, "JPEG", quality=95, progressive=True), COLOURS, JPEG_LEVELS, "jpg"
    ),
    as_picture(
        "a JPEG of CMYK",
        encoded(Image.fromarray(COLOURS).convert("CMYK"), "JPEG", quality=95),
        COLOURS,
        2 * JPEG_LEVELS,
        "jpg",
    ),
    as_picture("a TIFF of CMYK", encoded(Image.fromarray(COLOURS).convert("CMYK"), "TIFF"), COLOURS, 1, "tif"),
    as_picture("a grey JPEG", encoded(GREYS, "JPEG", quality=95), OF_GREYS, JPEG_LEVELS, "jpg"),
    as_picture(
        "a JPEG with zeros behind it", encoded(COLOURS, "JPEG", quality=95) + bytes(3000), COLOURS, JPEG_LEVELS, "jpg"
    ),
    as_picture("a palette", _indexed(False), HALVES),
    as_picture("a palette with a transparent colour", _indexed(True), HALVES),
    as_picture("an opaque alpha channel", encoded(_with_alpha(255)), COLOURS),
    as_picture("half transparent", encoded(_with_alpha(128)), COLOURS),
    as_picture("grey", encoded(GREYS), OF_GREYS),
    as_picture("grey with alpha", encoded(np.dstack([GREYS, np.full_like(GREYS, 255)])), OF_GREYS),
    as_picture(
        "one bit", encoded(Image.fromarray(white(region())).convert("1")), np.stack([white(region())] * 3, axis=-1)
    ),
    as_picture("16 bits a channel", deep_rgb(COLOURS), COLOURS),
    as_picture("a lossless WebP", encoded(COLOURS, "WEBP", lossless=True), COLOURS, suffix="webp"),
    as_picture("a bitmap", encoded(COLOURS, "BMP"), COLOURS, suffix="bmp"),
    as_picture("a packed TIFF", encoded(COLOURS, "TIFF", compression="tiff_lzw"), COLOURS, suffix="tiff"),
    as_picture("a suffix in capitals", encoded(COLOURS), COLOURS, suffix="PNG"),
    as_picture("a PNG without its end", encoded(COLOURS)[:-12], COLOURS),
]


# ---------------------------------------------------------------------------------------------------------------------
# Masks: what is white is what was drawn


def covers(expected: np.ndarray) -> Callable[[Sound], None]:
    """Return a check: of streaks on e1 that is white, (height, width) bool, and no other pixel."""

    def check(study: Sound) -> None:
        with open_archive(study.data / "masks.zip") as opened:
            box = MaskReader(opened).read(study.mask())
        found = np.zeros(box.size[::-1], dtype=bool)
        found[box.top : box.bottom, box.left : box.right] = box.pixels
        np.testing.assert_array_equal(found, expected)

    return check


def as_mask(name: str, content: bytes | np.ndarray | Image.Image, expected: np.ndarray | None = None) -> Accepted:
    """Return a case of a mask, written in an odd way."""
    return Accepted(name, mask(content), covers(COVERED if expected is None else expected))


COVERED = region(2)
SOFT = np.asarray(
    Image.fromarray(white(region(0, 4 * WIDTH, 4 * HEIGHT))).resize((WIDTH, HEIGHT), Image.Resampling.BOX)
)
IN_JPEG = encoded(white(COVERED), "JPEG", quality=75)


def _of_palette(*colours: int) -> Image.Image:
    indexed = Image.frombytes("P", (WIDTH, HEIGHT), COVERED.astype(np.uint8).tobytes())
    indexed.putpalette(list(colours))
    return indexed


MASKS = [
    as_mask("a mask of 0 and 1", white(COVERED, 1)),
    as_mask("a mask of 0 and 128", white(COVERED, 128)),
    as_mask("a mask of 0 and 7", white(COVERED, 7)),
    as_mask("a mask with soft edges", SOFT, SOFT > 127),
    # A level of 127 or less is black, of which a JPEG of a sharp edge has a few that were not: nothing is repaired.
    as_mask("a mask in a JPEG by its content", IN_JPEG, np.asarray(Image.open(io.BytesIO(IN_JPEG))) > 127),
    as_mask("a mask of RGB", np.stack([white(COVERED)] * 3, axis=-1)),
    as_mask("a mask of red", np.where(COVERED[..., None], np.uint8([255, 0, 0]), np.uint8(0))),
    as_mask(
        "a mask of RGBA that is opaque", np.dstack([white(COVERED)] * 3 + [np.full((HEIGHT, WIDTH), 255, np.uint8)])
    ),
    as_mask(
        "a mask drawn in its alpha channel", np.dstack([np.full((HEIGHT, WIDTH, 3), 255, np.uint8), white(COVERED)])
    ),
    as_mask("a mask of a palette", _of_palette(0, 0, 0, 255, 255, 255)),
    as_mask("a mask of a palette of VOC", _of_palette(0, 0, 0, 128, 0, 0)),
    as_mask("a mask of a palette of one colour", _of_palette(0, 0, 0, 0, 0, 0)),
    as_mask("a mask of one bit", Image.fromarray(white(COVERED)).convert("1")),
    as_mask("a mask that is white everywhere", np.full((HEIGHT, WIDTH), 255, np.uint8), np.ones((HEIGHT, WIDTH), bool)),
    as_mask("a mask that is black everywhere", np.zeros((HEIGHT, WIDTH), np.uint8), np.zeros((HEIGHT, WIDTH), bool)),
    as_mask("a mask whose EXIF turns it", rotated(6, white(COVERED))),
    Accepted(
        "masks with suffixes and names in capitals",
        lambda study: study.masks.update({name.upper(): study.masks.pop(name) for name in list(study.masks)}),
        lambda study: _same_counts(study, str.upper),
    ),
    Accepted(
        "masks of pictures that are not there",
        lambda study: study.masks.update(
            {f"masks/x9_attribute_{name}.png": encoded(white(COVERED)) for name in ("globules", "veil")}
        ),
        lambda study: _same_counts(study, str),
    ),
]


def _same_counts(study: Sound, spelt: Callable[[str], str]) -> None:
    """Assert that each mask has as many white pixels as were drawn."""
    with open_archive(study.data / "masks.zip") as opened:
        for number, image in enumerate(EVALUATED):
            for row, feature in enumerate(("globules", "streaks")):
                assert (
                    MaskReader(opened).read(spelt(study.mask(image, feature))).count() == region(2 * number + row).sum()
                )


def _one_pixel(study: Sound) -> None:
    study.pictures["pictures/e1.png"] = encoded(np.full((1, 1, 3), 200, np.uint8))
    for feature in ("globules", "streaks"):
        study.masks[study.mask("e1", feature)] = encoded(np.full((1, 1), 255, np.uint8))


MASKS.append(Accepted("a picture of one pixel", _one_pixel, covers(np.ones((1, 1), bool))))
PICTURES.append(Accepted("a picture of one pixel is shown", _one_pixel, shows(np.full((1, 1, 3), 200, np.uint8))))

# ---------------------------------------------------------------------------------------------------------------------
# Tables: who has what is what was written


def labelled(expected: dict[str, str] = TRAINED) -> Callable[[Sound], None]:
    """Return a check of the training labels."""

    def check(study: Sound) -> None:
        assert read_training_labels(study.data / "labels.csv", CLASSES) == expected

    return check


def diagnosed(expected: dict[str, str] = EVALUATED) -> Callable[[Sound], None]:
    """Return a check of the diagnoses."""

    def check(study: Sound) -> None:
        assert read_diagnoses([study.data / "diagnoses.csv"], CLASSES).by_image == expected

    return check


def of_lesions(expected: dict[str, str]) -> Callable[[Sound], None]:
    """Return a check of the lesions."""

    def check(study: Sound) -> None:
        assert read_lesions(study.data / "metadata.csv") == expected

    return check


def as_labels(name: str, change: Callable[[str], Any], expected: dict[str, str] = TRAINED) -> Accepted:
    """Return a case of training labels, written in an odd way."""
    return Accepted(f"labels {name}", labels(change), labelled(expected))


def as_diagnoses(name: str, change: Callable[[str], Any], expected: dict[str, str] = EVALUATED) -> Accepted:
    """Return a case of diagnoses, written in an odd way."""
    return Accepted(f"diagnoses {name}", diagnoses(change), diagnosed(expected))


LESIONS = {image: f"L{image}" for image in TRAINED}
IN_LATIN_1 = "image,diagnosis,place\ne0,melanoma,Gesäß\ne1,nævus,\ne2,nevus,\ne3,melanoma,Schläfe\n".encode("latin-1")
TABLES = [
    as_labels("with a mark of UTF-8", lambda text: b"\xef\xbb\xbf" + text.encode()),
    as_labels("with line ends of Windows", lambda text: text.replace("\n", "\r\n").encode()),
    as_labels("with line ends of an old Mac", lambda text: text.replace("\n", "\r").encode()),
    as_labels("with semicolons", lambda text: text.replace(",", ";")),
    as_labels("with semicolons and commas in numbers", lambda text: text.replace(",", ";").replace(".0", ",0")),
    as_labels("with tabs", lambda text: text.replace(",", "\t")),
    as_labels("with bars", lambda text: text.replace(",", "|")),
    as_labels("in UTF-16", lambda text: text.encode("utf-16")),
    as_labels("in UTF-16 without a mark", lambda text: text.encode("utf-16-le")),
    as_labels("with blank lines", lambda text: text.replace("\n", "\n\n \n")),
    as_labels("with lines of separators", lambda text: text + ",,\n,,\n"),
    as_labels("without a line end", lambda text: text.rstrip("\n")),
    as_labels("with blanks around cells", lambda text: text.replace(",", " , ")),
    as_labels(
        "with quotes around cells",
        lambda text: "\n".join(",".join(f'"{cell}"' for cell in line.split(",")) for line in text.splitlines()),
    ),
    as_labels("of whole numbers", lambda text: text.replace(".0", "")),
    as_labels("of true and false", lambda text: text.replace("1.0", "True").replace("0.0", "FALSE")),
    as_labels(
        "with a column more",
        lambda text: "\n".join(f"{line},{'note' if not row else 'ok'}" for row, line in enumerate(text.splitlines())),
    ),
    as_labels(
        "with a column of an index",
        lambda text: "\n".join(f"{row - 1 if row else ''},{line}" for row, line in enumerate(text.splitlines())),
    ),
    as_labels("with columns in another order", lambda text: one_hot(TRAINED, ("NV", "MEL"))),
    as_labels("with UNK", lambda text: one_hot(TRAINED, ("MEL", "NV", "UNK"))),
    as_labels("with rows twice that say the same", lambda text: text + "t1,1.0,0.0\n"),
    as_labels("of pictures that are not there", lambda text: text + "x9,1.0,0.0\n", {**TRAINED, "x9": "MEL"}),
    as_labels("with titles above", lambda text: "Ground truth,,\n,,\n" + text),
    Accepted(
        "labels with suffixes",
        labels(lambda text: text.replace("t1,", "t1.jpg,")),
        labelled({**{k: v for k, v in TRAINED.items() if k != "t1"}, "t1.jpg": "MEL"}),
    ),
    as_diagnoses(
        "with suffixes, folders and capitals",
        lambda text: text.replace("e1,", "Input\\E1.JPG,").replace("e2,", "a/b/e2.png,"),
    ),
    as_diagnoses("in Latin-1", lambda text: IN_LATIN_1, {"e0": "MEL", "e1": "nævus", "e2": "NV", "e3": "MEL"}),
    as_diagnoses("in other words", lambda text: text.replace("MEL", "Melanoma in situ").replace("NV", "Naevus")),
    as_diagnoses(
        "with nothing known of one",
        lambda text: text.replace("e2,NV", "e2,n/a"),
        {k: v for k, v in EVALUATED.items() if k != "e2"},
    ),
    as_diagnoses(
        "with a row that is too short",
        lambda text: text.replace("e2,NV", "e2"),
        {k: v for k, v in EVALUATED.items() if k != "e2"},
    ),
    as_diagnoses("that begin with a separator's directive", lambda text: "sep=;\n" + text.replace(",", ";")),
    as_diagnoses("with a comma in quotes", lambda text: text.replace("e1,NV", 'e1,"Nevus, NOS, Blue"')),
    as_diagnoses(
        "with doubled quotes",
        lambda text: text.replace("image,diagnosis", "image,diagnosis,note").replace("e1,NV", 'e1,NV,"5"" lens"'),
    ),
    as_diagnoses(
        "with a line break in a note",
        lambda text: text.replace("image,diagnosis", "image,diagnosis,note").replace("e1,NV", 'e1,NV,"seen\ntwice"'),
    ),
    as_diagnoses(
        "with inches in a note",
        lambda text: text.replace("image,diagnosis", "image,diagnosis,note").replace("e1,NV", 'e1,NV,a 5" lens'),
    ),
    Accepted(
        "metadata with unknown lesions",
        table("metadata.csv", "image,lesion_id\nt0,L0\nt1,\nt2,NA\nt3,-1\nt4,HAM_nan\n"),
        of_lesions({"t0": "L0"}),
    ),
    Accepted(
        "metadata with semicolons",
        table("metadata.csv", "image;lesion_id\n" + "".join(f"{k};{v}\n" for k, v in LESIONS.items())),
        of_lesions(LESIONS),
    ),
    Accepted(
        "metadata with columns in capitals",
        table("metadata.csv", "Image ID,LESION-ID\n" + "".join(f"{k},{v}\n" for k, v in LESIONS.items())),
        of_lesions(LESIONS),
    ),
    Accepted(
        "metadata with a note column twice",
        table("metadata.csv", "image,lesion_id,note,note\n" + "".join(f"{k},{v},a,b\n" for k, v in LESIONS.items())),
        of_lesions(LESIONS),
    ),
    Accepted(
        "diagnoses in a table of the training labels",
        together(file("diagnoses.csv", one_hot(EVALUATED).encode())),
        diagnosed(),
    ),
]

ACCEPTED = [*PICTURES, *MASKS, *TABLES]
