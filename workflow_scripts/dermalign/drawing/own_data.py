"""A drawn data set that is not laid out as ISIC's: for the worked example in docs/own_data.md.

The drawings are those of the archives; what differs is all that a study of one's own may have otherwise: folders in the
place of zips, one folder for training and evaluation, other formats, names of files, features and classes, and masks
only where something is to be seen.
"""

from collections.abc import Mapping
from pathlib import Path

from PIL import Image

from ..files import atomic_path, write_text
from ..logs import progress
from .pictures import JPEG_QUALITY, draw_picture, encoded, mask_sheet
from .plan import plan

PHOTOGRAPHS, OUTLINES, PATIENTS = "photographs", "outlines", "patients.csv"
# The data set's own words for the features and classes of `classes`.
FEATURE_WORDS: Mapping[str, str] = {
    "globules": "dots",
    "milia_like_cyst": "cysts",
    "negative_network": "pale_net",
    "pigment_network": "dark_net",
    "streaks": "rays",
}
DIAGNOSIS_WORDS: Mapping[str, str] = {
    "MEL": "melanoma",
    "NV": "mole",
    "BCC": "carcinoma",
    "SCC": "carcinoma",
    "BKL": "keratosis",
    "AK": "roughness",
    "DF": "scar",
    "VASC": "blood spot",
}


def write_own_data(folder: str | Path, without_masks: int, with_masks: int, seed: int) -> None:
    """Draw a data set into a folder.

    - `photographs/north/` and `south/`: pictures `spot-0001.jpg` and `.png`;
    - `outlines/{feature}/{image}.tif`: masks of `with_masks` pictures, 1 bit a pixel, of the features that they show;
    - `patients.csv`: `image,diagnosis,lesion_id`.

    without_masks, with_masks: numbers of pictures; of the latter, too, some show no feature and have no mask file.
    """
    folder = Path(folder)
    pictures = plan(without_masks, with_masks, seed)
    rows = ["image,diagnosis,lesion_id"]
    for number, picture in enumerate(progress(pictures, len(pictures), "drawing pictures"), start=1):
        image = f"spot-{number:04d}"
        pixels, masks, _ = draw_picture(picture)
        place = folder / PHOTOGRAPHS / ("north" if number % 3 else "south")
        _save(Image.fromarray(pixels), place / f"{image}{'.jpg' if number % 3 else '.png'}", quality=JPEG_QUALITY)
        for feature in picture.features if picture.evaluation else ():
            one_bit = mask_sheet(masks[feature]).convert("1")
            _save(one_bit, folder / OUTLINES / FEATURE_WORDS[feature] / f"{image}.tif", compression="group4")
        rows.append(f"{image},{DIAGNOSIS_WORDS[picture.diagnosis]},{picture.lesion_id}")
    write_text(folder / PATIENTS, "\n".join(rows) + "\n")


def _save(picture: Image.Image, path: Path, **options: object) -> None:
    content = encoded(picture, Image.registered_extensions()[path.suffix], **options)
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)
