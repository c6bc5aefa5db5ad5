"""What the explorer knows of the whole study: which pictures there are, and what each map source reaches on them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps

from ..data.grids import Grid, grid_name
from ..overlap.curves import open_curves
from ..overlap.engine import jaccard_index
from ..results.words import in_words
from .packing import packed
from .picture_files import LESION

COLOUR_MAPS = ("viridis", "inferno", "cividis", "gray")
CURVE_STEP = 10  # thousandths: of the study's curves as many points as are seen


@dataclass(frozen=True)
class ShownSource:
    """A map source in the explorer.

    path: `{model}/{method}`. grid: cells (h, w). is_model: whether its first name is that of a classifier. controls:
    paths of the sources that stand beside it in the curves. is_drawn: whether its regions were drawn, so that J is of
    their pixels and not of cells.
    """

    path: str
    grid: Grid
    is_model: bool
    controls: Sequence[str] = ()
    is_drawn: bool = False

    @property
    def model(self) -> str:
        """The first part of its name."""
        return self.path.partition("/")[0]

    @property
    def words(self) -> str:
        """Its name as it is read."""
        return f"{self.model}: {in_words(self.path.partition('/')[2])}"


def study_data(
    study: str,
    features: Sequence[str],
    sources: Sequence[ShownSource],
    classifiers: Mapping[str, Mapping[str, Any]],
    evaluation: pd.DataFrame,
    predictions: Mapping[str, tuple[Mapping[str, str], Mapping[str, float]]],
    shown: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """Return what the page loads first, plain values for JSON.

    features: with `union`, last. classifiers: {model: {classes, sha256}}. evaluation: manifest indexed by image.
    predictions: {model: ({image: predicted class}, {image: confidence})}. shown: {image: {folder, number, outlines}} of
    the pictures in their order. The pictures are columns; a feature is there where its bit is set.
    """
    images = list(shown)
    of_pictures = evaluation.loc[images]
    return {
        "study": study,
        "features": [{"name": name, "words": in_words(name)} for name in features],
        "classifiers": {model: dict(entry) for model, entry in classifiers.items()},
        "sources": [
            {
                "path": source.path,
                "model": source.model if source.is_model else "",
                "words": source.words,
            }
            for source in sources
        ],
        "colours": {name: packed((colormaps[name](range(256), bytes=True))[:, :3], 1) for name in COLOUR_MAPS},
        "has_lesions": any(LESION in entry["outlines"] for entry in shown.values()),
        "pictures": {
            "image": images,
            "diagnosis": of_pictures["diagnosis"].tolist(),
            "file": [f"{entry['folder']}/{entry['number']:05d}" for entry in shown.values()],
            "features": [
                sum(1 << bit for bit, name in enumerate(features) if row[name]) for _, row in of_pictures.iterrows()
            ],
            "predicted": {
                model: [predicted.get(image) for image in images] for model, (predicted, _) in predictions.items()
            },
            "confidence": {
                model: [round(confidence[image], 6) if image in confidence else None for image in images]
                for model, (_, confidence) in predictions.items()
            },
        },
    }


def source_data(
    source: ShownSource,
    curves: str | Path,
    best_thresholds: pd.DataFrame,
    mean_curves: pd.DataFrame,
    ceilings: pd.DataFrame,
    images: Sequence[str],
) -> dict[str, Any]:
    """Return what the page knows of a map source, by feature.

    curves: file of curves of the source. best_thresholds, mean_curves, ceilings: tables of the study's statistics.
    images: of the page, in order. Returned are

    - best: {feature: {threshold, mean, n}}, the threshold null where maps are constant;
    - mean: {feature: mean J at 0.00, 0.01, ... 1.00}; controls: [{words, mean}], likewise;
    - ceilings: {feature: mean of the best J that a map of this grid could have};
    - jaccard: {feature: J of each picture at the best threshold, to four digits, null where there is none}.
    """
    best = _best(best_thresholds, source.path)
    of_grid = ceilings[ceilings["grid"] == grid_name(source.grid)]
    return {
        "best": best,
        "mean": _means(mean_curves, source.path),
        "controls": [
            {"words": in_words(control.partition("/")[2]), "mean": _means(mean_curves, control)}
            for control in source.controls
        ],
        "ceilings": {row["feature"]: _number(row["j_mean"]) for row in of_grid.to_dict("records")},
        "jaccard": _jaccard(curves, {feature: entry["threshold"] for feature, entry in best.items()}, images),
    }


def _jaccard(
    curves: str | Path, thresholds: Mapping[str, str | None], images: Sequence[str]
) -> dict[str, list[float | None]]:
    found: dict[str, list[float | None]] = {}
    with open_curves(curves) as file:
        for feature, threshold in thresholds.items():
            if threshold is None:
                continue
            (intersection,), (union,), mask = file.counts(feature, [threshold])
            rows = np.flatnonzero(mask)
            values = jaccard_index(intersection[rows], union[rows]).tolist()
            of_image = {file.images[row]: round(value, 4) for row, value in zip(rows, values, strict=True)}
            found[feature] = [of_image.get(image) for image in images]
    return found


def _best(best_thresholds: pd.DataFrame, path: str) -> dict[str, Any]:
    rows = _of_source(best_thresholds, path)
    return {
        row["feature"]: {
            "threshold": None if pd.isna(row["threshold"]) else row["threshold"],
            "mean": _number(row["j_mean"]),
            "n": int(row["n"]),
        }
        for row in rows.to_dict("records")
    }


def _means(mean_curves: pd.DataFrame, path: str) -> dict[str, list[float | None]]:
    rows = _of_source(mean_curves, path)
    return {
        str(feature): [_number(value) for value in of_feature["j_mean"].iloc[::CURVE_STEP]]
        for feature, of_feature in rows.groupby("feature", sort=False)
    }


def _of_source(table: pd.DataFrame, path: str) -> pd.DataFrame:
    model, _, method = path.partition("/")
    return table[(table["model"] == model) & (table["method"] == method)]


def _number(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 6)
