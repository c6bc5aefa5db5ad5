"""Every table and figure stands in one section."""

import re

import pytest
from dermalign.report.findings import SAYS
from dermalign.report.sections import SECTIONS, heading_of, place_of
from dermalign.results.index import BEYOND, FIGURES, KINDS, TABLES

# Of each kind of tables and figures of the index a path, as a study with three models has it.
PATHS = [
    *(f"tables/table{number}.csv" for number in range(1, 7)),
    *("tables/best_thresholds_third.md", "tables/groups_third.html", "tables/classifiers.tex"),
    *("tables/comparison.csv", "tables/audit.csv", "tables/extended_methods.csv"),
    *(f"figures/figure{number}.svg" for number in range(1, 6)),
    *(f"figures/{name}_third.png" for name in ("thresholds", "extremes")),
    *(f"figures/classifiers/third_{name}.png" for name in ("confusion", "roc", "reliability", "history")),
    *(f"figures/{name}.svg" for name in ("jaccard_by_threshold", "mean_curves", "ceilings", "methods")),
    *(f"figures/{name}.svg" for name in ("sanity", "groups", "correlations", "reference")),
]


def test_every_kind_of_table_and_figure_stands_in_one_section() -> None:
    kinds = {kind.pattern for kind in KINDS if kind.group in (TABLES, BEYOND, FIGURES)}
    assert {next(kind.pattern for kind in KINDS if re.fullmatch(kind.pattern, path)) for path in PATHS} == kinds
    for path in PATHS:
        place_of(path)
        name = path.rpartition(".")[0]
        assert sum(bool(re.fullmatch(each, name)) for section in SECTIONS for each in section.patterns) == 1


def test_one_that_stands_nowhere_is_told() -> None:
    for path in ("tables/extended_unheard_of.csv", "statistics/thresholds.csv", "figures/table1.svg"):
        with pytest.raises(KeyError, match=re.escape(path)):
            place_of(path)


def test_headings_are_numbered_as_the_sections_stand() -> None:
    assert heading_of("tables/table1.html") == "2. Pictures, and what was left out"
    assert heading_of("figures/groups.svg") == "7. Right and wrong predictions"


def test_every_section_says_something() -> None:
    assert [section.name for section in SECTIONS] == list(SAYS)
