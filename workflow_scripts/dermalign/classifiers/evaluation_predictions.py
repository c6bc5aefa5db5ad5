"""What a model predicts for the evaluation pictures: classifiers/{model}/evaluation_predictions.csv.

A row per picture that has maps, by name; columns: image; predicted_class, a name of a class; confidence, its
probability, written so that reading it gives the same float32.
"""

import csv
from collections.abc import Sequence
from pathlib import Path

from ..files import csv_field, write_text


def write_evaluation_predictions(
    path: str | Path, images: Sequence[str], predicted: Sequence[str], confidence: Sequence[float]
) -> None:
    """Write the predicted class of each image and its probability, a float32 number, all in the same order."""
    rows = (
        f"{csv_field(image)},{csv_field(name)},{value!s}\n"
        for image, name, value in zip(images, predicted, confidence, strict=True)
    )
    write_text(path, "image,predicted_class,confidence\n" + "".join(rows))


def read_evaluation_predictions(path: str | Path) -> dict[str, str]:
    """Return {image: predicted class}."""
    return {row["image"]: row["predicted_class"] for row in _rows(path)}


def read_confidence(path: str | Path) -> dict[str, float]:
    """Return {image: probability of the predicted class}."""
    return {row["image"]: float(row["confidence"]) for row in _rows(path)}


def _rows(path: str | Path) -> list[dict[str, str]]:
    with Path(path).open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))
