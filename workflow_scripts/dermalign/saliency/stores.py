"""Saliency stores: one small HDF5 file per picture and map source that is computed from pictures.

Datasets: /saliency (h, w) float32 in [0, 1], /raw (h, w) float32, as the source gave it, or both (features, h, w), with
the attribute `features`, where maps differ by feature; /probabilities (classes,) float32, empty of a source that
predicts nothing; of a method whose maps have negative parts, which /raw has not, also /signed, the same shape.
Attributes: image, model, method, layer, score (before_softmax, after_softmax), target (predicted, diagnosis or a
class), target_class, predicted_class, classifier_sha256, dermalign_version, texts; degenerate, bool.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import __version__
from ..errors import InputError
from ..hdf5 import check_layout, new_file, open_file, reading
from .blocks import MapBlock


@dataclass(frozen=True)
class Store:
    """The content of a saliency store."""

    saliency: NDArray[np.float32]
    """(h, w) or (features, h, w), in [0, 1]"""
    raw: NDArray[np.float32]
    """the same shape, as the method gave it"""
    probabilities: NDArray[np.float32]
    """(classes,)"""
    image: str
    model: str
    method: str
    layer: str
    target_class: str
    predicted_class: str
    degenerate: bool
    classifier_sha256: str
    dermalign_version: str
    features: tuple[str, ...] = ()
    """what the first axis is of, where maps differ by feature"""
    score: str = ""
    target: str = ""
    signed: NDArray[np.float32] | None = None
    """`raw` with its negative parts, of a method whose maps have some"""


TEXTS = (
    "image",
    "model",
    "method",
    "layer",
    "score",
    "target",
    "target_class",
    "predicted_class",
    "classifier_sha256",
    "dermalign_version",
)
# Of them, those that stores of earlier versions do not have.
LATER = ("score", "target")


def write_store(
    path: str | Path,
    *,
    saliency: ArrayLike,
    raw: ArrayLike,
    probabilities: ArrayLike,
    image: str,
    model: str,
    method: str,
    layer: str,
    target_class: str,
    predicted_class: str,
    degenerate: bool,
    classifier_sha256: str,
    score: str = "",
    target: str = "",
    features: Sequence[str] = (),
    signed: ArrayLike | None = None,
) -> None:
    """Write one store, whole or not at all.

    `saliency` and `raw`: (h, w) floats, the former in [0, 1], or (features, h, w); `probabilities`: (classes,) floats,
    empty for a source that predicts nothing; `signed`: as `raw`, with negative parts. Arrays are stored as float32,
    texts as UTF-8 attributes, with the library's version.
    Raises `InputError` for arrays of other shapes, values outside of [0, 1] in `saliency`, or values not finite.
    """
    saliency, raw = np.asarray(saliency, np.float32), np.asarray(raw, np.float32)
    probabilities = np.asarray(probabilities, np.float32)
    arrays = {"saliency": saliency, "raw": raw, "probabilities": probabilities}
    if signed is not None:
        arrays["signed"] = np.asarray(signed, np.float32)
    if (
        saliency.shape[:-2] != ((len(features),) if features else ())
        or saliency.ndim < 2
        or raw.shape != saliency.shape
        or arrays.get("signed", raw).shape != raw.shape
        or probabilities.ndim != 1
    ):
        raise InputError(
            f"store of {image}: saliency {saliency.shape} and raw {raw.shape} must be equal (h, w), or with an axis of "
            f"{len(features)} features before, "
            f"probabilities {probabilities.shape} (classes,)"
        )
    # The comparison is false for NaN, too.
    is_finite = all(np.isfinite(arrays.get(name, raw)).all() for name in ("raw", "signed"))
    if not ((saliency >= 0) & (saliency <= 1)).all() or not is_finite:
        raise InputError(f"store of {image}: saliency must be in [0, 1], raw and signed finite")
    texts = (image, model, method, layer, score, target, target_class, predicted_class, classifier_sha256, __version__)
    with new_file(path) as file:
        for name, values in arrays.items():
            file.create_dataset(name, data=values)
        for name, text in zip(TEXTS, texts, strict=True):
            file.attrs[name] = text
        file.attrs["degenerate"] = bool(degenerate)
        if features:
            file.attrs["features"] = list(features)


def write_stores(
    paths: Mapping[str, str | Path], blocks: Iterable[MapBlock], *, model: str, method: str, classifier_sha256: str
) -> None:
    """Write a store per picture, block by block.

    paths: {image: path}, one for each picture of the blocks. Raises `InputError` as `write_store`.
    """
    for block in blocks:
        for row, image in enumerate(block.images):
            write_store(
                paths[image],
                saliency=block.saliency[row],
                raw=block.raw[row],
                probabilities=[] if block.probabilities is None else block.probabilities[row],
                image=image,
                model=model,
                method=method,
                layer=block.layer,
                score=block.score,
                target=block.asked_for,
                target_class=block.target[row] if block.target else "",
                predicted_class=block.predicted[row] if block.predicted else "",
                degenerate=bool(block.degenerate[row]),
                classifier_sha256=classifier_sha256,
                features=block.features,
                signed=None if block.signed is None else block.signed[row],
            )


def read_store(path: str | Path) -> Store:
    """Read a store. Raises `InputError` naming the file if it is missing, no store, damaged, or lacks a part."""
    if not Path(path).is_file():
        raise InputError(f"{path}: there is no such saliency store")
    with reading(path, "a saliency store"), open_file(path) as file:
        texts: dict[str, Any] = {name: _text(file, name) for name in TEXTS if name not in LATER}
        texts.update({name: _text(file, name) if name in file.attrs else "" for name in LATER})
        features = tuple(map(str, file.attrs["features"])) if "features" in file.attrs else ()
        shape = ((len(features),) if features else ()) + file["saliency"].shape[-2:]
        maps = ["saliency", "raw", *(["signed"] if "signed" in file else [])]
        check_layout(
            {name: (file[name], np.float32, shape) for name in maps}
            | {"probabilities": (file["probabilities"], np.float32, (None,))}
        )
        store = Store(
            saliency=file["saliency"][()],
            raw=file["raw"][()],
            probabilities=file["probabilities"][()],
            degenerate=bool(file.attrs["degenerate"]),
            signed=file["signed"][()] if "signed" in file else None,
            features=features,
            **texts,
        )
        if fault := _fault_of(store):
            raise ValueError(fault)
        return store


def _text(file: h5py.File, name: str) -> str:
    text = file.attrs[name]
    if not isinstance(text, str) or not text.isprintable():
        raise ValueError(f"{name} is no text")
    return text


def _fault_of(store: Store) -> str | None:
    """Return what is wrong with the values of a store's maps, in words, or None."""
    # The comparison is false for NaN, too.
    if not ((store.saliency >= 0) & (store.saliency <= 1)).all():
        return "saliency is not in [0, 1]"
    if not np.isfinite(store.raw).all() or (store.signed is not None and not np.isfinite(store.signed).all()):
        return "raw or signed is not finite"
    return None
