"""The ISIC challenge's view: thresholded maps as a submission to ISIC 2018 Task 2, and the score it would get.

Task 2, "Lesion Attribute Detection", asks for a mask of each feature on each picture. Codella et al., "Skin Lesion
Analysis Toward Melanoma Detection 2018", https://arxiv.org/abs/1902.03368; its scorer is the package
isic-challenge-scoring. A saliency map thresholded at one value per feature is such a submission.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from ..errors import InputError
from ..files import atomic_folder
from ..logs import progress
from ..overlap.curves import CurveFile
from ..overlap.engine import is_white
from ..saliency.maps import open_maps
from ..terms import UNION
from .chosen import interval
from .intervals import clusters_of, resampled_means

MICRO_AVERAGE = "micro_average"  # the scorer's word for all features added up


def mask_name(image: str, feature: str) -> str:
    """Return the challenge's file name of a mask, `ISIC_0000000_attribute_globules.png`."""
    return f"{image}_attribute_{feature}.png"


def challenge_thresholds(
    best_thresholds: pd.DataFrame, model: str, method: str, features: Sequence[str]
) -> dict[str, str]:
    """Return {feature: best threshold} of a map source, from statistics/best_thresholds.csv.

    Raises InputError for a feature without one: no picture of the analysis shows it.
    """
    found = known_thresholds(best_thresholds, model, method, features)
    missing = [feature for feature in features if feature not in found]
    if missing:
        raise InputError(
            f"{model}, {method}: there is no best threshold for {', '.join(missing)}, since no picture of the analysis "
            "shows it. Give a threshold for it, or leave it out of the submission."
        )
    return found


def known_thresholds(best_thresholds: pd.DataFrame, model: str, method: str, features: Sequence[str]) -> dict[str, str]:
    """Return what `challenge_thresholds` does, of those features that have a best threshold."""
    rows = best_thresholds[(best_thresholds["model"] == model) & (best_thresholds["method"] == method)]
    rows = rows[rows["threshold"].notna()]  # that of an empty population is not
    found = dict(zip(rows["feature"], rows["threshold"], strict=True))
    return {feature: found[feature] for feature in features if feature in found}


def thresholded_map(saliency: NDArray[np.float32], threshold: str, width: int, height: int) -> Image.Image:
    """Return a map (h, w) thresholded and scaled up by nearest neighbour: 8-bit grey, 255 where it is white, else 0."""
    white = is_white(saliency, float(threshold))
    # Thresholding and copying cells commute; a byte map is the smaller one to scale.
    return Image.fromarray(white * np.uint8(255)).resize((width, height), Image.Resampling.NEAREST)


def write_challenge_masks(
    folder: str | Path, maps: str | Path, evaluation: pd.DataFrame, thresholds: Mapping[str, str]
) -> None:
    """Write a source's maps as a submission to Task 2: a PNG per included picture and feature, whole or not at all.

    folder: replaced if it is there; it appears under its name only when its last file is written. maps: HDF5 file as
    `maps.gather_maps` leaves it, one map a picture. evaluation: manifest (image, width, height, included).
    thresholds: {feature: threshold as written in file names}. Files are `{image}_attribute_{feature}.png`, mode L,
    0 or 255, of the picture's full size. Memory: one map and one mask.
    Raises InputError for a picture of the analysis without a map, or with several, as a chance source's draws.
    """
    included = evaluation[evaluation["included"]]
    with open_maps(maps) as source, atomic_folder(folder) as partial:
        rows = {image: row for row, image in enumerate(source.images)}
        if len(rows) < len(source.images):
            raise InputError(f"{maps} holds several maps of a picture, of a chance source: the challenge takes one.")
        missing = [image for image in included["image"] if image not in rows]
        if missing:
            raise InputError(f"{maps} lacks {len(missing)} pictures of the analysis, among them {missing[0]}")
        sizes = zip(included["image"], included["width"].tolist(), included["height"].tolist(), strict=True)
        for image, width, height in progress(sizes, len(included), "challenge masks"):
            saliency = source.saliency(slice(rows[image], rows[image] + 1))
            for feature, threshold in thresholds.items():
                mask = thresholded_map(source.of_feature(saliency, feature)[0], threshold, width, height)
                mask.save(partial / mask_name(image, feature), compress_level=1)


SCORE_COLUMNS = ("feature", "threshold", "n", "jaccard_population", "dice_population", "n_all", "jaccard", "dice")
STATISTICS_COLUMNS = ("model", "method", *SCORE_COLUMNS[:-1], "low", "high", "dice")


@dataclass(frozen=True)
class _Sums:
    """What masks add up to: `shares` float64 (2, n), |A and B| and |A or B| by the picture's area, of n pictures.

    shown: bool (n,), which masks are not black, over which `of_shown` adds up; masks, all: how many there are.
    """

    shares: NDArray[np.float64]
    of_shown: NDArray[np.float64]
    shown: int
    all: int

    def row(self, feature: str, threshold: str) -> list[object]:
        population, everything = _scores(self.of_shown), _scores(self.shares.sum(axis=1))
        return [feature, threshold, self.shown, *population, self.all, *everything]


def challenge_scores(curves: CurveFile, evaluation: pd.DataFrame, thresholds: Mapping[str, str]) -> pd.DataFrame:
    """Return the scores that ISIC's scorer gives to the masks of `write_challenge_masks`, from curves alone.

    curves: of one map source, with one map of each picture of the analysis. evaluation: manifest. thresholds:
    {feature: threshold}; `union` is no feature of the task and is refused. One row per feature and a last one,
    `micro_average`, over all of them; columns:

    - feature, threshold (empty in the last row);
    - n: masks that are not black, the population; jaccard_population, dice_population: over these alone, what
      statistics/thresholds.csv calls j_ratio_of_sums and dice_ratio_of_sums;
    - n_all: masks of all pictures in the analysis; jaccard, dice: over all of these, as the scorer has it when its
      ground truth is all masks of these pictures. `jaccard` of the last row is its `overall`.

    The scorer calls a mask pixel white above 128, dermalign above 127: the same for masks of 0 and 255.
    All are ratios of sums over masks, sum(I / area) / sum(U / area) and sum(2 I / area) / sum((I + U) / area) with
    I = |A and B| and U = |A or B| in pixels, not means of J. Where a mask B is black, I = 0 and U = |A|. As in the
    scorer, a perfect blank, no white pixel in any map or mask, scores 1. Raises InputError where the curves are not of
    the pictures of the analysis, or have several maps of one, as those of a chance source's draws.
    """
    sums = _sums(curves, evaluation, thresholds)
    return pd.DataFrame([of.row(*names) for names, of in sums.items()], columns=SCORE_COLUMNS)


def challenge_statistics(
    model: str,
    method: str,
    curves: CurveFile,
    evaluation: pd.DataFrame,
    thresholds: Mapping[str, str],
    lesions: Mapping[str, str],
    seed: int,
) -> pd.DataFrame:
    """Return `challenge_scores` of a source, with low, high: the 95 % bootstrap interval of `jaccard` by lesion.

    model, method: the source. lesions, seed: as `intervals.resampled_means`; thresholds are taken as given.
    """
    included = evaluation.loc[evaluation["included"], "image"].tolist()
    clusters = clusters_of(included, lesions)
    rows = []
    for names, of in _sums(curves, evaluation, thresholds).items():
        means = resampled_means(of.shares, clusters, seed)
        with np.errstate(invalid="ignore"):  # 0 / 0, of blank maps and masks
            low, high = interval(means[:, 0] / means[:, 1], clusters)
        *scores, dice = of.row(*names)
        rows.append([model, method, *scores, low, high, dice])
    return pd.DataFrame(rows, columns=STATISTICS_COLUMNS)


def _sums(curves: CurveFile, evaluation: pd.DataFrame, thresholds: Mapping[str, str]) -> dict[tuple[str, str], _Sums]:
    """Return what the masks of each feature, and last of all together, add up to, by (feature, threshold)."""
    if UNION in thresholds:
        raise InputError(f"thresholds: {UNION} is computed from the features and is no feature of the challenge")
    included = evaluation[evaluation["included"]]
    area = (included["width"] * included["height"]).to_numpy(dtype=np.int64)
    place = {image: row for row, image in enumerate(curves.images)}
    if len(place) < len(curves.images):
        raise InputError("there are several maps of a picture, of a chance source: the challenge takes one.")
    if place.keys() != set(included["image"]):
        raise InputError("the curves are of other pictures than the evaluation manifest; delete them and run again")
    rows = [place[image] for image in included["image"]]
    found: dict[tuple[str, str], _Sums] = {}
    for feature, threshold in thresholds.items():
        intersection, union, mask = curves.counts(feature, [threshold])
        shares = np.stack([intersection[0, rows], union[0, rows]]) / area
        shown = mask[rows] > 0
        found[feature, threshold] = _Sums(shares, shares[:, shown].sum(axis=1), int(shown.sum()), len(rows))
    parts = list(found.values())
    found[MICRO_AVERAGE, ""] = _Sums(
        np.sum([of.shares for of in parts], axis=0) if parts else np.zeros((2, len(rows))),
        np.sum([of.of_shown for of in parts], axis=0) if parts else np.zeros(2),
        sum(of.shown for of in parts),
        sum(of.all for of in parts),
    )
    return found


def _scores(parts: NDArray[np.float64]) -> tuple[float, float]:
    """Return Jaccard and Dice from sum(I / area) and sum(U / area)."""
    intersection, union = parts.tolist()
    if not union:
        return 1.0, 1.0
    return intersection / union, 2 * intersection / (intersection + union)
