"""What a model predicts for the evaluation pictures: classifiers/{model}/evaluation_predictions.csv.

A row per picture that has maps, by name; columns: image; predicted_class, a name of a class.
"""

import csv
from collections.abc import Sequence
from pathlib import Path

from ..files import csv_field, write_text


def write_evaluation_predictions(path: str | Path, images: Sequence[str], predicted: Sequence[str]) -> None:
    """Write the predicted class of each image, both in the same order."""
    pairs = zip(images, predicted, strict=True)
    rows = (f"{csv_field(image)},{csv_field(name)}\n" for image, name in pairs)
    write_text(path, "image,predicted_class\n" + "".join(rows))


def read_evaluation_predictions(path: str | Path) -> dict[str, str]:
    """Return {image: predicted class}."""
    with Path(path).open(newline="", encoding="utf-8") as stream:
        return {row["image"]: row["predicted_class"] for row in csv.DictReader(stream)}
