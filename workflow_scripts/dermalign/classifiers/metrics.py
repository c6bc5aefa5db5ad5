"""How good a classifier is, from its predictions; every value by its definition, undefined ones NaN.

Sources: the area under the ROC curve is the Mann-Whitney statistic (Hanley and McNeil 1982, "The meaning and use of the
area under a receiver operating characteristic (ROC) curve", https://doi.org/10.1148/radiology.143.1.7063747);
percentile intervals by the bootstrap (Efron 1979, "Bootstrap methods: another look at the jackknife",
https://doi.org/10.1214/aos/1176344552); the calibration error is that of Guo et al. 2017, see `calibration_bins`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..terms import OVERALL, SHARES

RESAMPLES = 2000
CHUNK = 250  # resamples that are counted together
BINS = 15  # of the calibration error, as in Guo et al.
PER_CLASS = ("pictures", "predicted", *SHARES)


def classifier_metrics(
    predictions: pd.DataFrame,
    classes: Sequence[str],
    split: str = "test",
    lesions: Mapping[str, str] | None = None,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> pd.DataFrame:
    """Return the metrics of the rows of one split as a table `metric,class,value,low,high`.

    predictions: columns of predictions.csv, see `tables`; all classes are out of `classes`. With TP, FN, FP,
    TN counted one class against the rest and N their sum, per class: `pictures` TP+FN; `predicted` TP+FP; `accuracy`
    (TP+TN)/N; `sensitivity` TP/(TP+FN), also called recall; `specificity` TN/(TN+FP); `roc_auc`, the probability that a
    picture of the class has a higher p_<class> than one of another, ties half. Over all, as class `all`: `pictures`,
    `lesions`, `accuracy` (share of right predictions), `balanced_accuracy` (mean sensitivity of the classes that have
    pictures), `roc_auc` (mean over the classes that have one), `expected_calibration_error` (see `calibration_bins`). A
    value with denominator 0 is NaN; `warnings_for` says which.

    `low` and `high` bound the 95 % percentile bootstrap interval: `resamples` times as many lesions as there are, drawn
    with replacement by `seed`, each with all its pictures. `lesions` maps images to lesions; an image that it lacks, or
    maps to empty text, is a lesion of its own. Resamples in which a value is undefined are left out. NaN for counts,
    and where fewer than two lesions bear on a value.
    """
    rows = predictions[predictions["split"] == split]
    index = pd.Index(list(classes))
    true, predicted = (index.get_indexer(pd.Index(rows[name])) for name in ("class", "predicted"))
    if (true < 0).any() or (predicted < 0).any():
        raise ValueError(f"predictions have classes other than {', '.join(classes)}")
    probabilities = rows[[f"p_{name}" for name in classes]].to_numpy(np.float64)
    lesion = _lesion_numbers(rows["image"], lesions or {})
    count = int(lesion.max(initial=-1)) + 1
    measure = _Measure(true, predicted, probabilities)

    values = measure(np.ones((1, len(rows))))
    intervals = {name: np.full((2, value.shape[1]), np.nan) for name, value in values.items()}
    if resamples and count > 1:
        random = np.random.default_rng(seed)
        parts = []
        for start in range(0, resamples, CHUNK):  # in parts, so that memory stays small
            drawn = random.integers(count, size=(min(CHUNK, resamples - start), count))
            offsets = np.arange(len(drawn))[:, None] * count
            times = np.bincount((drawn + offsets).ravel(), minlength=drawn.size).reshape(drawn.shape)
            parts.append(measure(times[:, lesion].astype(np.float64)))
        for name in intervals:
            intervals[name] = _quantiles(np.concatenate([part[name] for part in parts]))
    for label in range(len(index)):
        inside, outside = (len(np.unique(lesion[part])) for part in (true == label, true != label))
        for name, fewest in (("sensitivity", inside), ("specificity", outside), ("roc_auc", min(inside, outside))):
            if fewest < 2:
                intervals[name][:, label] = np.nan

    records: list[tuple[Any, ...]] = [
        ("pictures", "all", float(len(rows)), np.nan, np.nan),
        ("lesions", "all", float(count), np.nan, np.nan),
    ]
    for name in OVERALL:
        records.append(
            (name, "all", *(float(part[0]) for part in (values[f"{name}_all"][0], *intervals[f"{name}_all"])))
        )
    for name in PER_CLASS:
        low, high = intervals[name] if name not in ("pictures", "predicted") else np.full((2, len(index)), np.nan)
        records += [
            (name, each, *map(float, numbers))
            for each, *numbers in zip(classes, values[name][0], low, high, strict=True)
        ]
    return pd.DataFrame(records, columns=["metric", "class", "value", "low", "high"])


def possibly_trained_on(metrics: pd.DataFrame) -> pd.DataFrame:
    """Return `classifier_metrics`' table with a row `possibly_trained_on`, how many pictures may have trained it.

    For a brought classifier that is all of them: nobody here knows what it was trained on.
    """
    pictures = metrics.query("metric == 'pictures' and `class` == 'all'").assign(metric="possibly_trained_on")
    return pd.concat([metrics, pictures], ignore_index=True)


def beside_published(metrics: pd.DataFrame, published: Mapping[str, float]) -> pd.DataFrame:
    """Return `classifier_metrics`' table with a column `published`, NaN where nothing is.

    `published`: values by `metric` (over all classes) or `metric.CLASS`. Raises `KeyError` for what is in no row.
    """
    of_row = {}
    for name, value in published.items():
        metric, _, of_class = name.partition(".")
        of_row[metric, of_class or "all"] = float(value)
    rows = list(zip(metrics["metric"], metrics["class"], strict=True))
    unknown = set(of_row) - set(rows)
    if unknown:
        raise KeyError(f"no metrics {sorted(unknown)}")
    return metrics.assign(published=[of_row.get(row, np.nan) for row in rows])


def calibration_bins(probabilities: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the bins (n,), 0 to 14, of the highest of each picture's probabilities (n, classes).

    They are 15 of equal width, (0, 1/15], (1/15, 2/15] ..., the first with 0.

    Expected calibration error (Guo, Pleiss, Sun, Weinberger 2017, https://arxiv.org/abs/1706.04599, equation 3): the
    mean over pictures of the distance, in their bin, between the share of right predictions and the mean of the highest
    probability.
    """
    top = probabilities.max(axis=1, initial=0.0)
    return np.clip(np.ceil(top * BINS).astype(np.int64) - 1, 0, BINS - 1)


class _Measure:
    """All metrics of n pictures that count so many times each: weights (r, n) give values (r, classes) by name.

    Those over all classes are named `..._all` and are (r, 1). A row of weights is a resample, of ones the sample.
    """

    def __init__(
        self, true: NDArray[np.int64], predicted: NDArray[np.int64], probabilities: NDArray[np.float64]
    ) -> None:
        classes = probabilities.shape[1]
        self._classes = classes
        self._true, self._called = np.eye(classes)[true], np.eye(classes)[predicted]
        right = (true == predicted).astype(np.float64)
        self._hits = self._true * right[:, None]
        bins = np.eye(BINS)[calibration_bins(probabilities)]
        self._gaps = bins * (right - probabilities.max(axis=1, initial=0.0))[:, None]
        self._order = np.argsort(probabilities, axis=0, kind="stable")
        ordered = np.take_along_axis(probabilities, self._order, axis=0)
        # Where each place's group of equal probabilities begins and ends.
        self._ties = [
            (np.searchsorted(column, column, "left"), np.searchsorted(column, column, "right")) for column in ordered.T
        ]

    def __call__(self, weights: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        total = weights.sum(axis=1, keepdims=True)
        positive, called, hits = (weights @ part for part in (self._true, self._called, self._hits))
        negative_hits = total - positive - called + hits
        areas = np.stack([self._area(weights, positive, total, label) for label in range(self._classes)], axis=1)
        sensitivity = _share(hits, positive)
        return {
            "pictures": positive,
            "predicted": called,
            "accuracy": _share(hits + negative_hits, np.broadcast_to(total, hits.shape)),
            "sensitivity": sensitivity,
            "specificity": _share(negative_hits, total - positive),
            "roc_auc": areas,
            "accuracy_all": _share(hits.sum(axis=1, keepdims=True), total),
            "balanced_accuracy_all": _mean_of_defined(sensitivity),
            "roc_auc_all": _mean_of_defined(areas),
            "expected_calibration_error_all": _share(np.abs(weights @ self._gaps).sum(axis=1, keepdims=True), total),
        }

    def _area(
        self, weights: NDArray[np.float64], positive: NDArray[np.float64], total: NDArray[np.float64], label: int
    ) -> NDArray[np.float64]:
        """Return the areas (r,) under one class's ROC curve.

        That is Mann-Whitney's U, ties half, by the number of pairs of a picture of the class and one of another
        (Hanley and McNeil 1982). positive: (r, classes), the weights of each class; total: (r, 1), of all.
        """
        order, (first, behind) = self._order[:, label], self._ties[label]
        sorted_weights = weights[:, order]
        of_class = self._true[order, label]
        below = np.zeros((len(weights), len(order) + 1))
        np.cumsum(sorted_weights * (1 - of_class), axis=1, out=below[:, 1:])
        places = np.flatnonzero(of_class)
        lower = below[:, first[places]] + below[:, behind[places]]  # twice: below, and half of the ties
        pairs = positive[:, label] * (total[:, 0] - positive[:, label])
        return _share((sorted_weights[:, places] * lower).sum(axis=1) / 2, pairs)


def _lesion_numbers(images: Any, lesions: Mapping[str, str]) -> NDArray[np.int64]:
    """Return a number (n,) for each image, from 0, equal for those of one lesion."""
    names = [("lesion", lesions[image]) if lesions.get(image) else ("image", image) for image in images]
    return np.asarray(pd.factorize(pd.Series(names, dtype=object))[0], np.int64)


def _mean_of_defined(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the means (r, 1) of values (r, k) that are not NaN; NaN where all are."""
    defined = ~np.isnan(values)
    return _share(np.where(defined, values, 0.0).sum(axis=1, keepdims=True), defined.sum(axis=1, keepdims=True))


def _quantiles(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the 2.5 % and 97.5 % quantiles (2, k) of values (r, k) that are not NaN; NaN where all are."""
    result = np.full((2, values.shape[1]), np.nan)
    for column, own in enumerate(values.T):
        defined = own[~np.isnan(own)]
        if len(defined):
            result[:, column] = np.quantile(defined, [0.025, 0.975])
    return result


def warnings_for(metrics: pd.DataFrame) -> list[str]:
    """Return plain sentences on what a reader of `classifier_metrics`' table must know; none if all is well."""
    values = metrics.set_index(["metric", "class"])["value"]
    total = values[("pictures", "all")]
    if total == 0:
        return ["there are no pictures: every value is undefined"]
    names = [name for name in metrics["class"].unique() if name != "all"]
    present = [name for name in names if values[("pictures", name)] > 0]
    called = [name for name in names if values[("predicted", name)] > 0]
    sentences = []
    if ("possibly_trained_on", "all") in values.index:
        sentences.append("was brought along: whether these pictures trained it is unknown, and if so it looks too good")
    if len(called) == 1 and len(present) > 1:
        sentences.append(f"always predicts {called[0]}")
    sentences += [f"never predicts {name}" for name in present if name not in called]
    absent = [name for name in names if name not in present]
    if absent:
        sentences.append(f"there are no pictures of {', '.join(absent)}: no sensitivity is defined there")
    if len(present) == 1:
        sentences.append(f"all pictures are of {present[0]}: its specificity is undefined")
    balanced = values[("balanced_accuracy", "all")]
    if len(present) > 1 and balanced <= 1 / len(present):
        sentences.append(
            f"is no better than chance: balanced accuracy {balanced:.3f}, chance {1 / len(present):.3f} "
            f"with {len(present)} classes"
        )
    return sentences


def _share(part: Any, whole: Any) -> NDArray[np.float64]:
    """Return part / whole, of equal shapes; NaN where whole is 0."""
    part, whole = np.asarray(part, np.float64), np.asarray(whole, np.float64)
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)
