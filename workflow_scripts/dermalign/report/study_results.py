"""What the report tells of: the results of a study, as its files hold them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ..data.leakage import read_summary
from ..data.manifests import read_evaluation, read_training
from ..results.comparison import readable_comparison
from ..results.formats import Readable, readable
from ..results.provenance import read_record
from ..results.published import read_published
from ..results.statistics import read_statistics
from ..segmentation.folds import read_fold_leakage
from ..study.sources import all_methods
from .html_tables import read_table

COMPARISON = "tables/comparison"


@dataclass(frozen=True)
class StudyResults:
    """The results of a study.

    record: study.json. evaluation, training: manifests, with the pictures that were set aside, leakage: the account in
    numbers; the latter two are None of a study without training pictures. folds: manifest/folds_leakage.csv, None
    without segmentation networks. runs: statistics/method_runs.csv. tables: {path: table}, unrounded; shown: the same
    in words; captions: {path: text}; figures: {path: SVG}. Paths are in the folder of results, without suffix.
    """

    record: Mapping[str, Any]
    evaluation: pd.DataFrame
    training: pd.DataFrame | None
    leakage: pd.DataFrame | None
    folds: pd.DataFrame | None
    runs: pd.DataFrame
    tables: Mapping[str, pd.DataFrame]
    shown: Mapping[str, Readable]
    captions: Mapping[str, str]
    figures: Mapping[str, str]

    @property
    def configuration(self) -> Mapping[str, Any]:
        """The configuration as it was checked."""
        configuration: Mapping[str, Any] = self.record["configuration"]
        return configuration

    @property
    def models(self) -> list[str]:
        """The models, in the order of the configuration."""
        return list(self.configuration["models"])

    @property
    def method(self) -> str:
        """The first saliency method, which the paper's tables are of."""
        return all_methods(self.configuration)[0]

    def rows(self, table: str, model: str, **values: str) -> list[dict[str, Any]]:
        """Return the rows of a model, and of values of other columns, of tables/{table}; none where it is not there."""
        found = self.tables.get(f"tables/{table}")
        if found is None:
            return []
        for column, value in {"model": model, **values}.items():
            found = found[found[column] == value]
        return records(found)


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a table, {column: value}."""
    return [{str(column): value for column, value in row.items()} for row in table.to_dict("records")]


def read_results(
    results: str | Path,
    record: str | Path,
    evaluation: str | Path,
    training: Sequence[str | Path],
    leakage: Sequence[str | Path],
    folds: Sequence[str | Path],
    runs: str | Path,
    published: Sequence[str | Path],
    tables: Iterable[str | Path],
    figures: Iterable[str | Path],
) -> StudyResults:
    """Read the results of a study.

    results: the folder. training, leakage, folds, published: one file or none. tables: each as CSV, beside it the same
    as Markdown, whose first line is the caption. figures: SVG files. Raises FileNotFoundError.
    """
    places = {_place(path, results): Path(path) for path in tables}
    read = {place: read_table(path) for place, path in places.items()}
    to_read = dict(read)
    if COMPARISON in read:  # its numbers have the digits of the published ones
        to_read[COMPARISON] = readable_comparison(read[COMPARISON], read_published(published[0]), said=())
    return StudyResults(
        record=read_record(record),
        evaluation=read_evaluation(evaluation, set_aside=True),
        training=read_training(training[0], set_aside=True) if training else None,
        leakage=read_summary(leakage[0]) if leakage else None,
        folds=read_fold_leakage(folds[0]) if folds else None,
        runs=read_statistics(runs),
        tables=read,
        shown={place: readable(table) for place, table in to_read.items()},
        captions={place: _caption(path.with_suffix(".md")) for place, path in places.items()},
        figures={_place(path, results): Path(path).read_text(encoding="utf-8") for path in figures},
    )


def _place(path: str | Path, results: str | Path) -> str:
    return Path(path).relative_to(results).with_suffix("").as_posix()


def _caption(page: Path) -> str:
    with page.open(encoding="utf-8") as file:
        return file.readline().strip()
