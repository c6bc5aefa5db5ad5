"""The drawn archives and tables, by the names, headers and quirks of the official ones."""

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

from PIL import Image

from .. import logs
from ..files import atomic_path, write_text
from .canvas import random_stream
from .classes import CLASSES, FEATURES
from .pictures import JPEG_QUALITY, draw_picture, encoded, mask_sheet
from .plan import DrawnPicture

TRAINING_ARCHIVE = "ISIC_2019_Training_Input"
TRAINING_TRUTH = "ISIC_2019_Training_GroundTruth.csv"
TRAINING_METADATA = "ISIC_2019_Training_Metadata.csv"
EVALUATION_ARCHIVE = "ISIC2018_Task1-2_Training_Input"
MASK_ARCHIVE = "ISIC2018_Task2_Training_GroundTruth_v3"
LESION_ARCHIVE = "ISIC2018_Task1_Training_GroundTruth"
EVALUATION_DIAGNOSIS = "evaluation_diagnosis.csv"
FILES = (
    f"{TRAINING_ARCHIVE}.zip",
    TRAINING_TRUTH,
    TRAINING_METADATA,
    f"{EVALUATION_ARCHIVE}.zip",
    f"{MASK_ARCHIVE}.zip",
    f"{LESION_ARCHIVE}.zip",
    EVALUATION_DIAGNOSIS,
)
# As the evaluation archive's table of diagnoses writes the classes that it has.
DIAGNOSIS_WORDS = {"MEL": "melanoma", "NV": "nevus", "BKL": "seborrheic keratosis"}
DOWNSAMPLED_FACTOR = 0.75  # official `_downsampled` pictures are smaller than their originals, too

_ATTRIBUTION = (
    "Synthetic drawings by dermalign, made from a seed in the layout of the ISIC Challenge archives.\n"
    "They show no skin of any person, and no pixel of them comes from an ISIC picture.\n"
)
_LICENSE = "Synthetic drawings by dermalign, released under the project's MIT licence (SPDX: MIT).\n"


class Progress(Protocol):
    """Whatever wraps a loop to show how far it is, as `dermalign.logs.progress` does."""

    def __call__(self, items: Iterable[Any], total: int, what: str) -> Iterator[Any]: ...


def write_archives(
    pictures: Sequence[DrawnPicture],
    folder: str | Path,
    progress: Progress = logs.progress,
) -> None:
    """Draw `pictures` and write the `FILES` into `folder`, each whole or not at all.

    Equal pictures give equal bytes: archive members carry a fixed date, and JPEG and PNG are stored as they are.
    """
    folder = Path(folder)
    with ExitStack() as stack:
        training, evaluation, masks, lesions = (
            _open_archive(folder, name, stack)
            for name in (TRAINING_ARCHIVE, EVALUATION_ARCHIVE, MASK_ARCHIVE, LESION_ARCHIVE)
        )
        for picture in progress(pictures, len(pictures), "drawing pictures"):
            pixels, drawn, lesion = draw_picture(picture)
            sheet = Image.fromarray(pixels)
            if picture.training_name is not None:
                smaller = _as_trained(sheet, picture)
                _add(training, TRAINING_ARCHIVE, f"{picture.training_name}.jpg", _jpeg(smaller))
            if picture.evaluation:
                _add(evaluation, EVALUATION_ARCHIVE, f"{picture.image}.jpg", _jpeg(sheet))
                segmentation = encoded(mask_sheet(lesion), "PNG")
                _add(lesions, LESION_ARCHIVE, f"{picture.image}_segmentation.png", segmentation)
                for feature in FEATURES:
                    mask = encoded(mask_sheet(drawn[feature]), "PNG")
                    _add(masks, MASK_ARCHIVE, f"{picture.image}_attribute_{feature}.png", mask)
    trained = [picture for picture in pictures if picture.training_name is not None]
    truth = [[p.training_name, *(str(float(p.diagnosis == c)) for c in CLASSES), "0.0"] for p in trained]
    _write_csv(folder / TRAINING_TRUTH, ["image", *CLASSES, "UNK"], truth)
    header = ["image", "age_approx", "anatom_site_general", "lesion_id", "sex"]
    _write_csv(folder / TRAINING_METADATA, header, map(_metadata, trained))
    diagnoses = [[p.image, DIAGNOSIS_WORDS[p.diagnosis]] for p in pictures if p.evaluation]
    _write_csv(folder / EVALUATION_DIAGNOSIS, ["image", "diagnosis"], diagnoses)


def _open_archive(folder: Path, name: str, stack: ExitStack) -> zipfile.ZipFile:
    path = stack.enter_context(atomic_path(folder / f"{name}.zip"))
    archive = stack.enter_context(zipfile.ZipFile(path, "w", zipfile.ZIP_STORED))
    _add(archive, name, "ATTRIBUTION.txt", _ATTRIBUTION.encode())
    _add(archive, name, "LICENSE.txt", _LICENSE.encode())
    return archive


def _add(archive: zipfile.ZipFile, folder: str, name: str, content: bytes) -> None:
    """Add a member whose header says nothing about the machine or the time it was written on."""
    member = zipfile.ZipInfo(f"{folder}/{name}", date_time=(1980, 1, 1, 0, 0, 0))
    member.create_system = 3
    member.external_attr = 0o644 << 16
    archive.writestr(member, content)


def _as_trained(sheet: Image.Image, picture: DrawnPicture) -> Image.Image:
    """Return the picture as the training archive holds it: smaller where its name says so."""
    if picture.training_name == picture.image:
        return sheet
    size = (round(sheet.width * DOWNSAMPLED_FACTOR), round(sheet.height * DOWNSAMPLED_FACTOR))
    return sheet.resize(size, Image.Resampling.LANCZOS)


def _jpeg(sheet: Image.Image) -> bytes:
    return encoded(sheet, "JPEG", quality=JPEG_QUALITY)


def _metadata(picture: DrawnPicture) -> list[str | None]:
    """Return a row of the metadata table; drawn from the lesion's seed, for a lesion has one patient."""
    rng = random_stream(picture.seed, "patient")
    age = str(5 * int(rng.integers(3, 18))) if rng.random() > 0.03 else ""
    sites = ["anterior torso", "head/neck", "lower extremity", "posterior torso", "upper extremity", ""]
    return [
        picture.training_name,
        age,
        str(rng.choice(sites)),
        picture.lesion_id,
        str(rng.choice(["female", "male"])),
    ]


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[str | None]]) -> None:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    write_text(path, buffer.getvalue())
