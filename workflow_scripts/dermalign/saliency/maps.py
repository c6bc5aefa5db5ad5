"""The maps of a source in one file: what the overlap engine reads, whichever source they come from."""

import csv
from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np

from ..errors import InputError
from ..files import atomic_path, write_text
from ..logs import progress
from .stores import read_store


def gather_maps(path: str | Path, stores: Sequence[str | Path]) -> None:
    """Gather a source's saliency stores into one HDF5 file, in order of image name.

    Datasets: /image, /predicted_class, /target_class (n,) strings; /saliency (n, h, w) float32, in [0, 1]; /raw
    (n, h, w) float32, as the method gave it; /degenerate (n,) bool.
    Raises InputError where a store is damaged or its map has another shape than the first one's.
    """
    ordered = sorted(stores, key=lambda store: Path(store).stem)
    with atomic_path(path) as temporary, h5py.File(temporary, "w") as target:
        saliency = raw = None
        texts: dict[str, list[str]] = {"image": [], "predicted_class": [], "target_class": []}
        degenerate = np.zeros(len(ordered), dtype=np.bool_)
        for row, name in enumerate(progress(ordered, len(ordered), "gathering saliency maps")):
            store = read_store(name)
            if saliency is None or raw is None:
                saliency, raw = (
                    target.create_dataset(key, (len(ordered), *store.saliency.shape), dtype=np.float32)
                    for key in ("saliency", "raw")
                )
            if store.saliency.shape != saliency.shape[1:]:
                raise InputError(
                    f"{name} holds a map of {store.saliency.shape}, the stores before it {saliency.shape[1:]}: they "
                    "are of different classifiers. Delete the stores of this model and run again."
                )
            saliency[row] = store.saliency
            raw[row] = store.raw
            degenerate[row] = store.degenerate
            for key, values in texts.items():
                values.append(getattr(store, key))
        target["degenerate"] = degenerate
        for key, values in texts.items():
            target.create_dataset(key, data=values, dtype=h5py.string_dtype())


def write_predictions(path: str | Path, maps: str | Path) -> None:
    """Write `image,predicted_class` of a file of `gather_maps`, so that statistics need not open maps."""
    predictions = read_predictions(maps)
    write_text(path, "image,predicted_class\n" + "".join(f"{name},{of}\n" for name, of in predictions.items()))


def read_predictions(path: str | Path) -> dict[str, str]:
    """Return {image: predicted class} from a file of `gather_maps`, or from the CSV file of `write_predictions`."""
    if Path(path).suffix == ".csv":
        with Path(path).open(newline="", encoding="utf-8") as stream:
            return {row["image"]: row["predicted_class"] for row in csv.DictReader(stream)}
    with h5py.File(path) as maps:
        return dict(zip(maps["image"].asstr()[:], maps["predicted_class"].asstr()[:], strict=True))
