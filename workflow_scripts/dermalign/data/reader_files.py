"""What is kept of a reader's feedback, `feedback/{reader}/`: each picture as it was left in the latest of the files.

- masks.zip: of finished pictures, a mask of every feature, `{image}_attribute_{feature}.png`, 0 or 255, one bit;
- pictures.csv: image; width, height; time of the last change, ISO 8601; finished: True or False; note; source and
  threshold that were looked at, empty where the file does not say;
- labels.csv: image, model; predicted: the class that was shown; right: True or False; class: by this verdict, empty
  where it is called wrong and no other is named; classifier_sha256: of the classifier that was shown;
- ratings.csv: image, model, method; rating, 1 to 5; classifier_sha256, empty of a source that belongs to no model.
"""

import io
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from ..files import atomic_path, write_text
from ..logs import progress
from ..study.mask_pattern import ISIC_MASKS, mask_path
from ..terms import UNION
from .archives import list_members, open_archive
from .feedback import Feedback, latest_pictures, open_feedback, read_mask
from .masks import MaskReader, WhiteBox, unite

PICTURES = ["image", "width", "height", "time", "finished", "note", "source", "threshold"]
LABELS = ["image", "model", "predicted", "right", "class", "classifier_sha256"]
RATINGS = ["image", "model", "method", "rating", "classifier_sha256"]
TEXTS = {*PICTURES, *LABELS, *RATINGS} - {"width", "height", "finished", "right", "rating"}
WRITTEN = (1980, 1, 1, 0, 0, 0)  # the first time that a zip can tell: what is in it tells one from another, not when


def write_reader_masks(path: str | Path, files: Iterable[str | Path], features: Sequence[str]) -> None:
    """Write the masks of a reader's finished pictures, whole or not at all.

    files: of feedback, in order; see `feedback.latest_pictures`. Memory: one picture's masks, and what files say.
    Raises as `feedback.open_feedback` and `read_mask`.
    """
    with ExitStack() as stack, atomic_path(path) as temporary:
        opened = [stack.enter_context(open_feedback(file)) for file in files]
        latest = latest_pictures([feedback for feedback, _ in opened])
        finished = [(image, *of) for image, of in latest.items() if of[1].finished]
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as target:
            for image, number, picture in progress(finished, len(finished), "masks"):
                for feature in features:
                    box = read_mask(opened[number][1], image, feature, picture.size)
                    member = zipfile.ZipInfo(mask_path(ISIC_MASKS, image, feature), WRITTEN)
                    target.writestr(member, _encoded(box))


def _encoded(box: WhiteBox) -> bytes:
    """Return a mask as PNG of one bit a pixel."""
    width, height = box.size
    pixels = np.zeros((height, width), dtype=np.bool_)
    pixels[box.top : box.bottom, box.left : box.right] = box.pixels
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def masked_images(path: str | Path, features: Sequence[str]) -> list[str]:
    """Return the pictures that an archive of `write_reader_masks` has masks of, by name."""
    end = mask_path(ISIC_MASKS, "", features[0])
    return sorted(member.path.removesuffix(end) for member in list_members(path) if member.path.endswith(end))


def read_reader_masks(
    path: str | Path, features: Sequence[str], images: Iterable[str]
) -> Iterator[tuple[str, dict[str, WhiteBox]]]:
    """Yield some pictures of an archive of `write_reader_masks` with their masks by feature, `union` last."""
    with open_archive(path) as opened:
        reader = MaskReader(opened)
        for image in images:
            boxes = {feature: reader.read(mask_path(ISIC_MASKS, image, feature)) for feature in features}
            boxes[UNION] = unite(list(boxes.values()), boxes[features[0]].size)
            yield image, boxes


def reader_tables(files: Sequence[Feedback]) -> dict[str, pd.DataFrame]:
    """Return the tables of a reader by name, `pictures`, `labels` and `ratings`, as the module describes them."""
    rows: dict[str, list[list[object]]] = {"pictures": [], "labels": [], "ratings": []}
    for image, (number, picture) in latest_pictures(files).items():
        seen = files[number].classifiers
        state = [picture.time.isoformat(), picture.finished, picture.note, picture.source, picture.threshold]
        rows["pictures"].append([image, *picture.size, *state])
        for model, verdict in sorted(picture.verdicts.items()):
            label = [verdict.predicted, verdict.right, verdict.label or ""]
            rows["labels"].append([image, model, *label, seen.get(model, "")])
        for source, rating in sorted(picture.ratings.items()):
            model, _, method = source.partition("/")
            rows["ratings"].append([image, model, method, rating, seen.get(model, "")])
    columns = {"pictures": PICTURES, "labels": LABELS, "ratings": RATINGS}
    return {name: pd.DataFrame(of_table, columns=columns[name]) for name, of_table in rows.items()}


def write_reader_tables(paths: Mapping[str, str | Path], files: Sequence[Feedback]) -> None:
    """Write the tables of a reader to {name: path}, each whole or not at all."""
    for name, table in reader_tables(files).items():
        write_text(paths[name], table.to_csv(index=False))


def read_reader_table(path: str | Path) -> pd.DataFrame:
    """Read one of a reader's tables: text as it is written, numbers, and bool."""
    columns = pd.read_csv(path, nrows=0).columns
    return pd.read_csv(path, dtype={name: str for name in columns if name in TEXTS}, keep_default_na=False)
