"""Tables that only the report has: what was left out and why, settings, versions, archives, times, constant maps."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from ..data.manifests import SET_ASIDE, in_short, is_set_aside
from ..results.formats import UNDEFINED, Readable
from ..results.words import in_words
from ..study.durations import duration
from ..terms import EXCLUDED
from .study_results import StudyResults, records


def left_out(results: StudyResults) -> Readable:
    """Count the pictures that are left out, by reason."""
    found = [("analysis", results.evaluation[~results.evaluation["included"]])]
    if results.training is not None:
        found.append(("training", results.training[results.training["split"] == EXCLUDED]))
    rows = [
        [of, f"{count:,}", str(reason)]
        for of, table in found
        for reason, count in in_short(table["reason"]).value_counts().items()
    ]
    return _table(["left out of", "pictures", "why: the picture, or its mask"], [False, True, False], rows)


def set_aside(results: StudyResults) -> Readable | None:
    """List the pictures that were set aside, with what is wrong with each; None where none was."""
    manifests = {"evaluation": results.evaluation, "training": results.training}
    rows = [
        [of, row["image"], row["reason"].partition(f"{SET_ASIDE}: ")[2]]
        for of, table in manifests.items()
        if table is not None
        for row in records(table[is_set_aside(table)])
    ]
    return _table(["pictures", "set aside", "what is wrong"], [False, False, False], rows) if rows else None


def leakage(results: StudyResults) -> Readable | None:
    """Count the evaluation pictures among the training pictures; None where the study has none of these."""
    if results.leakage is None:
        return None
    rows = [
        [row["split"], f"by {row['by']}" if row["by"] != "any" else "in any way"]
        + [f"{row[name]:,}" for name in ("pictures", "lesions", "analysed_pictures", "training_pictures")]
        for row in records(results.leakage)
    ]
    heads = ["split", "found", "evaluation pictures", "their lesions", "of these in the analysis", "training pictures"]
    return _table(heads, [False, False, True, True, True, True], rows)


def settings(results: StudyResults) -> Readable:
    """Return the configuration as it was checked, a row per key."""
    rows = [[".".join(path), _value(value)] for path, value in _leaves(results.configuration, ())]
    return _table(["key", "value"], [False, False], rows)


def versions(results: StudyResults) -> Readable:
    """Return the versions of what computed the results."""
    record = results.record
    found = {**record["versions"], "backend of Keras": record["backend"], "commit": record["commit"] or "unknown"}
    return _table(["what", "version"], [False, False], [[name, str(version)] for name, version in found.items()])


def archives(results: StudyResults) -> Readable:
    """Return the archives and tables that the results are from, with their digests, and each classifier's."""
    rows = [[row["key"], row["path"], f"{row['bytes']:,}", row["sha256"]] for row in results.record["archives"]]
    for model, row in results.record["classifiers"].items():
        rows.append([f"classifier {model}", row["path"], UNDEFINED, row["sha256"]])
    for network, folds in results.record["networks"].items():
        for fold, row in enumerate(folds, start=1):
            rows.append([f"network {network}, fold {fold}", row["path"], UNDEFINED, row["sha256"]])
    if published := results.record["published"]:
        rows.append(["published values", published["path"], UNDEFINED, published["sha256"]])
    return _table(["what", "file", "bytes", "SHA-256"], [False, False, True, False], rows)


def times(results: StudyResults) -> Readable:
    """Return how long the jobs of each step took."""
    steps = results.record["times"]["by_step"]
    rows = [
        [
            in_words(step),
            f"{each['jobs']:,}",
            f"{each['job_seconds']:,.1f}",
            duration(each["job_seconds"]),
            each["ended"],
        ]
        for step, each in steps.items()
    ]
    heads = ["step", "jobs", "seconds, all jobs", "in words", "last ended"]
    return _table(heads, [False, True, True, False, False], rows)


def maps(results: StudyResults) -> Readable:
    """Return how many maps each saliency method of each model gave, how many are constant, and what they took."""
    rows = [
        [row["model"], in_words(row["method"]), f"{row['maps']:,}", f"{row['degenerate']:,}", _seconds(row["seconds"])]
        for row in records(results.runs)
    ]
    heads = ["model", "method", "maps", "constant maps", "seconds a picture"]
    return _table(heads, [False, False, True, True, True], rows)


def _table(heads: list[str], numeric: list[bool], rows: list[list[str]]) -> Readable:
    return Readable(heads, numeric, [("", rows)])


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the values of a configuration that hold no others, with the keys that lead to them."""
    if isinstance(value, Mapping) and value:
        for key, each in value.items():
            yield from _leaves(each, (*path, str(key)))
    else:
        yield path, value


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or (isinstance(value, Mapping | Sequence) and not value):
        return UNDEFINED
    if isinstance(value, list | tuple):
        return _listed(map(_value, value))
    return str(value)


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words)


def _seconds(value: float) -> str:
    return UNDEFINED if pd.isna(value) else f"{value:.3f}"
