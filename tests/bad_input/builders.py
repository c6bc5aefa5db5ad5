"""A small sound study, drawn or of real pictures, and ways to spoil what is in it."""

import copy
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image

WIDTH, HEIGHT = 40, 28
EVALUATED = {"e0": "MEL", "e1": "NV", "e2": "NV", "e3": "MEL"}
TRAINED = {f"t{number}": "MEL" if number % 2 else "NV" for number in range(8)}
FEATURES = ("globules", "streaks")
MODEL: dict[str, Any] = {
    "architecture": "plain_stack",
    "input_size": 32,
    "saliency_layer": "last_convolution",
    "training": {"epochs": 0},
}


def photograph(seed: int = 0, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """Return a drawn picture without edges, (height, width, 3) uint8, that is another one however it is turned."""
    row, column = np.mgrid[0:height, 0:width] / (max(height, width))
    channels = (200 - 120 * row + seed, 60 + 150 * column, 90 + 80 * row * column)
    return np.clip(np.stack(channels, axis=-1), 0, 255).astype(np.uint8)


def region(seed: int = 0, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """Return what a mask covers, (height, width) bool, no two of which are alike."""
    covered = np.zeros((height, width), dtype=bool)
    covered[3 : 10 + seed, 5 + seed : 20] = True
    covered[15, 1 : 2 + seed] = True
    return covered


def white(covered: np.ndarray, value: int = 255) -> np.ndarray:
    """Return a mask of 0 and a value, uint8."""
    return np.where(covered, value, 0).astype(np.uint8)


def encoded(picture: np.ndarray | Image.Image, form: str = "PNG", **options: Any) -> bytes:
    """Return pixels, or a picture of Pillow's, as a file."""
    stream = io.BytesIO()
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    image.save(stream, form, **options)
    return stream.getvalue()


def animated(form: str, frames: int = 3) -> bytes:
    """Return a moving picture, or pages, of a form."""
    first, *others = [Image.fromarray(photograph(10 * number)) for number in range(frames)]
    return encoded(first, form, save_all=True, append_images=others)


def rotated(orientation: int, upright: np.ndarray, form: str = "PNG") -> bytes:
    """Return a picture that is stored as a camera held otherwise stores it, with the EXIF that says so.

    The ways are those of the standard (CIPA DC-008, tag 274): where row 0 and column 0 of what is stored lie.
    """
    lying = upright.swapaxes(0, 1)
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: lying,
        6: lying[::-1],  # row 0 is the right side, column 0 the top
        7: lying[::-1, ::-1],
        8: lying[:, ::-1],  # row 0 is the left side, column 0 the bottom
    }[orientation]
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    return encoded(np.ascontiguousarray(stored), form, exif=exif)


def png(width: int, height: int, depth: int, colour: int, rows: bytes) -> bytes:
    """Return a PNG of raw rows, of any depth and colour type (ISO 15948, 11.2.2), whether they fit or not."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def deep_rgb(picture: np.ndarray) -> bytes:
    """Return a PNG of 16 bits a channel, whose upper bytes are the picture and whose lower ones are not."""
    height, width, _ = picture.shape
    deep = np.zeros((height, width, 3, 2), dtype=np.uint8)
    deep[..., 0], deep[..., 1] = picture, 77
    rows = b"".join(b"\0" + row.tobytes() for row in deep)
    return png(width, height, 16, 2, rows)


def deep_grey(values: np.ndarray) -> bytes:
    """Return a grey PNG of 16 bits of values (height, width)."""
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    return png(values.shape[1], values.shape[0], 16, 0, rows)


def zipped(members: Mapping[str, bytes]) -> bytes:
    """Return a zip archive of files."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def encrypted(content: bytes) -> bytes:
    """Return a zip whose directory and members say that they are encrypted."""
    changed = bytearray(content)
    for signature, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = changed.find(signature)
        while start >= 0:
            changed[start + place] |= 1
            start = changed.find(signature, start + 4)
    return bytes(changed)


@dataclass
class Sound:
    """A study without faults, whose parts may be changed before it is written; then `files` of its own stand over it.

    pictures, masks, training: files of the archives by name. tables: text by file name. settings: the overlay.
    files: of the folder `data`, in the place of those that would be written; None for none, a mapping for a folder.
    """

    folder: Path
    pictures: dict[str, bytes] = field(default_factory=dict)
    masks: dict[str, bytes] = field(default_factory=dict)
    training: dict[str, bytes] = field(default_factory=dict)
    tables: dict[str, str | bytes] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    files: dict[str, bytes | Mapping[str, bytes] | None] = field(default_factory=dict)

    @property
    def data(self) -> Path:
        """The folder of archives and tables."""
        return self.folder / "data"

    def mask(self, image: str = "e1", feature: str = "streaks") -> str:
        """Return the name of a mask in its archive."""
        return f"masks/{image}_attribute_{feature}.png"

    def write(self) -> None:
        """Write archives and tables."""
        self.data.mkdir(exist_ok=True)
        files: dict[str, Any] = {
            "pictures.zip": zipped(self.pictures),
            "masks.zip": zipped(self.masks),
            "training.zip": zipped(self.training),
            **{name: text.encode() if isinstance(text, str) else text for name, text in self.tables.items()},
            **self.files,
        }
        for name, content in files.items():
            path = self.data / name
            if isinstance(content, Mapping):
                path.mkdir()
                for member, of_member in content.items():
                    (path / member).parent.mkdir(parents=True, exist_ok=True)
                    (path / member).write_bytes(of_member)
            elif content is not None:
                path.write_bytes(content)


def drawn(folder: Path) -> Sound:
    """Return a sound study of four drawn evaluation pictures and eight to train on."""
    return Sound(
        folder,
        {f"pictures/{image}.png": encoded(photograph(number)) for number, image in enumerate(EVALUATED)},
        {
            f"masks/{image}_attribute_{feature}.png": encoded(white(region(2 * number + row)))
            for number, image in enumerate(EVALUATED)
            for row, feature in enumerate(FEATURES)
        },
        {f"training/{image}.png": encoded(photograph(20 + number)) for number, image in enumerate(TRAINED)},
        {
            "labels.csv": one_hot(TRAINED),
            "metadata.csv": "image,lesion_id,age_approx\n" + "".join(f"{image},L{image},50\n" for image in TRAINED),
            "diagnoses.csv": in_words(EVALUATED),
        },
        {
            "study": "bad",
            "archives": {
                "folder": str(folder / "data"),
                "training_pictures": "training.zip",
                "training_labels": "labels.csv",
                "training_metadata": "metadata.csv",
                "evaluation_pictures": "pictures.zip",
                "evaluation_masks": "masks.zip",
                "diagnoses": ["diagnoses.csv"],
            },
            "features": list(FEATURES),
            "classes": ["MEL", "NV"],
            "evaluation_diagnoses": ["MEL", "NV"],
            "models": {"small": copy.deepcopy(MODEL)},
            "methods": {"gradcam": {}},
            "segmentation": {"networks": {}},
            "thresholds": [0.5],
            "seed": 1,
        },
    )


def of_real_pictures(folder: Path, real: Path) -> Sound:
    """Return the same study with real pictures and masks of ISIC 2018 in the places of the drawn ones."""
    study = drawn(folder)
    names = ("ISIC2018_Task1-2_Training_Input.zip", "ISIC2018_Task2_Training_GroundTruth_v3.zip")
    pictures, masks = (zipfile.ZipFile(real / "isic-256" / name) for name in names)
    with pictures, masks:
        # Those with streaks: their masks are larger files than black ones.
        streaks = [info for info in masks.infolist() if info.filename.endswith("_attribute_streaks.png")]
        largest = sorted(streaks, key=lambda info: (-info.file_size, info.filename))
        found = [Path(info.filename).name.removesuffix("_attribute_streaks.png") for info in largest]
        members = {Path(name).name: name for archive in (pictures, masks) for name in archive.namelist()}
        study.pictures = {}
        for image, name in zip(EVALUATED, found, strict=False):
            study.pictures[f"pictures/{image}.jpg"] = pictures.read(members[f"{name}.jpg"])
            for feature in FEATURES:
                study.masks[study.mask(image, feature)] = masks.read(members[f"{name}_attribute_{feature}.png"])
    return study


def one_hot(labels: Mapping[str, str], classes: tuple[str, ...] = ("MEL", "NV"), separator: str = ",") -> str:
    """Return a table with a column per class."""
    rows = [[image, *("1.0" if label == name else "0.0" for name in classes)] for image, label in labels.items()]
    return "\n".join(separator.join(row) for row in [["image", *classes], *rows]) + "\n"


def in_words(diagnoses: Mapping[str, str], separator: str = ",") -> str:
    """Return a table of diagnoses in words."""
    rows = [["image", "diagnosis"], *([image, diagnosis] for image, diagnosis in diagnoses.items())]
    return "\n".join(map(separator.join, rows)) + "\n"


def feedback(**changes: Any) -> dict[str, Any]:
    """Return what a reader gives back on e1 of the sound study, nothing finished, with changes."""
    picture = {"width": WIDTH, "height": HEIGHT, "time": "2026-11-27T21:00:00Z", "finished": False, "regions": []}
    return {
        "format": "dermalign feedback 1",
        "study": "bad",
        "reader": "Anna",
        "features": list(FEATURES),
        "classes": ["MEL", "NV"],
        "classifiers": {},
        "pictures": {"e1": {**picture, **changes.pop("picture", {})}},
        **changes,
    }


def feedback_zip(content: Mapping[str, Any] | bytes, **members: bytes) -> bytes:
    """Return a file of feedback as the explorer exports it; members: of its masks by `{image}_{feature}`."""
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    masks = {f"masks/{name.replace('__', '_attribute_')}.png": mask for name, mask in members.items()}
    return zipped({"feedback.json": text, **masks})


Change = Callable[[Sound], object]
