"""A small study of a few pictures, without a run."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from dermalign.study.configuration import checked
from dermalign.study.study import Study

FEATURES = ["globules", "streaks"]
IMAGES = [f"ISIC_{number:07d}" for number in range(12)]


def write_archives(folder: Path, zipped: Callable[..., Path], encoded: Callable[..., bytes]) -> None:
    """Write archives of twelve pictures, of which every fourth is neither melanoma nor nevus."""
    picture = encoded()
    training = {f"Training/{image}_downsampled.jpg": picture for image in IMAGES[:5]}
    zipped(folder / "evaluation.zip", {f"Input/{image}.jpg": picture for image in IMAGES})
    zipped(folder / "masks.zip", masks_of(encoded))
    zipped(folder / "training.zip", {**training, "Training/ISIC_other.jpg": picture})
    diagnoses = ["MEL", "NV", "NV", "BKL"]
    rows = [f"{image},{diagnoses[number % 4]}" for number, image in enumerate(IMAGES)]
    (folder / "diagnoses.csv").write_text("\n".join(["image,diagnosis", *rows]))
    (folder / "labels.csv").write_text("image,MEL,NV,BKL\n")


def masks_of(encoded: Callable[..., bytes]) -> dict[str, bytes]:
    """Return the members of the archive of masks."""
    return {f"masks/{image}_attribute_{feature}.png": encoded() for image in IMAGES for feature in FEATURES}


def small_study(folder: Path, **changes: Any) -> Study:
    """Return the study of `write_archives`.

    changes: of the configuration; `archives` and `model`, its only one, are changed key by key.
    """
    archives = {
        "folder": str(folder),
        "training_pictures": "training.zip",
        "training_labels": "labels.csv",
        "evaluation_pictures": "evaluation.zip",
        "evaluation_masks": "masks.zip",
        "diagnoses": ["diagnoses.csv"],
    }
    model = {"architecture": "plain_stack", "input_size": 32, "saliency_layer": "last", "training": {"epochs": 0}}
    configuration = {
        "study": "small",
        "archives": {**archives, **changes.pop("archives", {})},
        "features": FEATURES,
        "classes": ["MEL", "NV", "BKL"],
        "evaluation_diagnoses": ["MEL", "NV"],
        "models": {"plain": {**model, **changes.pop("model", {})}},
        "methods": {"gradcam": {}},
        "thresholds": [0.5],
        "seed": 1,
        **changes,
    }
    return Study(checked(configuration))
