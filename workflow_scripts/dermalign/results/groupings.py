"""J of the union by any grouping of the pictures: by a column of the metadata, or by the classifier's confidence."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..data.names import plain_name
from ..errors import InputError
from ..logs import logger
from ..overlap.shards import Shards
from .group_tests import epsilon_squared, kruskal_wallis
from .intervals import clusters_of, mean_intervals
from .statistics import best_threshold

UNKNOWN = "unknown"
OUTSIDE = "outside of all bins"
MOST_LEVELS = 50
GROUPING_COLUMNS = (
    *("model", "method", "grouping", "level", "n", "lesions", "threshold", "j_mean", "j_sd", "low", "high"),
    *("h", "df", "p", "epsilon_squared"),
)


def levels_of(
    name: str, grouping: Mapping[str, Any], texts: Sequence[str | float | None]
) -> tuple[NDArray[np.str_], list[str]]:
    """Return the level of each of n pictures, shape (n,), and the levels in order.

    name: of the grouping. grouping: `bins`, ascending bounds of numbers, each level from one up to but without the
    next, the last with both; or `quantiles`, into how many levels of about as many pictures the numbers are divided; or
    neither: the texts are the levels, by name. texts: None where nothing is known, which is the level `unknown`, the
    last, as is, with bins and quantiles, a text that is no number. A number beyond the bins is of a level of its own.
    Raises InputError for more levels than `MOST_LEVELS`.
    """
    if "bins" not in grouping and "quantiles" not in grouping:
        words = [UNKNOWN if text is None else str(text) for text in texts]
        order = sorted(set(words) - {UNKNOWN})
        if len(order) > MOST_LEVELS:
            raise InputError(
                f"groupings.{name} has {len(order)} levels, as {order[0]} and {order[1]}, more than {MOST_LEVELS}. If "
                "they are numbers, give `bins` or `quantiles`; else name another column."
            )
        return np.array(words, dtype=np.str_), [*order, *([UNKNOWN] if UNKNOWN in words else [])]
    numbers = np.array([_number(text) for text in texts], dtype=np.float64)
    if no_numbers := sum(text is not None for text in texts) - int(np.isfinite(numbers).sum()):
        logger.info("grouping %s: %d values are no numbers, and count as unknown", name, no_numbers)
    is_known = np.isfinite(numbers)
    if "bins" in grouping:
        edges = np.array(grouping["bins"], dtype=np.float64)
        order = [f"{low:g} to below {high:g}" for low, high in pairwise(edges[:-1])]
        order.append(f"{edges[-2]:g} to {edges[-1]:g}")
    else:
        edges = _quantiles(numbers[is_known], grouping["quantiles"])
        count = len(edges) - 1
        order = [
            f"{place + 1} of {count} ({low:.3g} to {high:.3g})" for place, (low, high) in enumerate(pairwise(edges))
        ]
    found = np.full(len(texts), UNKNOWN, dtype=object)
    if order:
        places = np.searchsorted(edges, numbers, side="right") - 1
        places[numbers == edges[-1]] = len(order) - 1
        inside = is_known & (places >= 0) & (places < len(order))
        found[inside] = np.array(order, dtype=object)[places[inside]]
        found[is_known & ~inside] = OUTSIDE
    more = [level for level in (OUTSIDE, UNKNOWN) if level in found.tolist()]
    return found.astype(np.str_), [*order, *more]


def _number(text: str | float | None) -> float:
    if text is None:
        return np.nan
    try:
        return float(text)
    except ValueError:
        return np.nan


def _quantiles(numbers: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Return the bounds of `count` levels, of fewer where many numbers are equal; none without a number."""
    if not numbers.size:
        return np.empty(0)
    edges = np.unique(np.quantile(numbers, np.linspace(0, 1, count + 1)))
    return edges if edges.size > 1 else np.repeat(edges, 2)


def grouping_statistics(
    model: str,
    method: str,
    shards: Shards,
    groupings: Mapping[str, Mapping[str, Any]],
    metadata: Mapping[str, Mapping[str, str]],
    confidence: Mapping[str, float],
    lesions: Mapping[str, str],
    seed: int,
) -> pd.DataFrame:
    """Return J of the union by level of each grouping, at the source's best threshold for the union.

    model, method: the source's name. shards: of the union. groupings: {name: its column, and bins or quantiles}, as
    `levels_of`. metadata: {column: {plain image name: text}}. confidence: {image: probability of the predicted class},
    for groupings by the column `confidence`. lesions: {image: lesion_id}, as far as they are known. Columns:

    - model, method, grouping; level: `unknown` where the column says nothing;
    - n, lesions: pictures of the analysis and their lesions; threshold: the union's best;
    - j_mean, j_sd: of their J, sd the sample SD (n - 1); low, high: the 95 % bootstrap interval of j_mean by lesion, as
      `intervals.mean_intervals`, at that threshold;
    - h, df, p: the Kruskal-Wallis test between the known levels of the grouping, of pictures, as if they were
      independent; epsilon_squared: its effect size. The same in all rows of a grouping; empty where undefined.

    Raises as `levels_of`.
    """
    threshold = best_threshold(shards.thresholds, shards.jaccard)
    values = shards.jaccard_at(threshold)
    clusters = clusters_of(shards.images, lesions)
    rows = []
    for name, grouping in groupings.items():
        column = grouping["column"]
        texts: list[str | float | None]
        if column in metadata:
            texts = [metadata[column].get(plain_name(image)) for image in shards.images]
        else:
            texts = [confidence.get(image) for image in shards.images]
        levels, order = levels_of(name, grouping, texts)
        known = [values[levels == level] for level in order if level not in (UNKNOWN, OUTSIDE)]
        test = kruskal_wallis(known)
        effect = epsilon_squared(test.statistic, sum(sample.size for sample in known))
        for level in order:
            members = levels == level
            sample, of_lesion = values[members], np.unique(clusters[members], return_inverse=True)
            ((low, high),) = mean_intervals(sample[None], of_lesion[1], seed).tolist()
            spread = {
                "j_mean": sample.mean() if sample.size else np.nan,
                "j_sd": sample.std(ddof=1) if sample.size > 1 else np.nan,
            }
            rows.append(
                {
                    "model": model,
                    "method": method,
                    "grouping": name,
                    "level": level,
                    "n": sample.size,
                    "lesions": of_lesion[0].size,
                    "threshold": threshold,
                    **spread,
                    "low": low,
                    "high": high,
                    "h": test.statistic,
                    "df": test.df,
                    "p": test.p,
                    "epsilon_squared": effect,
                }
            )
    return pd.DataFrame(rows, columns=GROUPING_COLUMNS)
