"""The sections of the report, and in which of them each table and figure stands.

A new table or figure is a name in one of `SECTIONS`; a test fails for one that stands nowhere.
"""

import re
from dataclasses import dataclass
from pathlib import PurePath


@dataclass(frozen=True)
class Section:
    """A section.

    name: of its anchor. title: its heading. patterns: of tables and figures, paths in the folder of results without
    suffix, in the order in which they stand.
    """

    name: str
    title: str
    patterns: tuple[str, ...] = ()


SECTIONS = (
    Section("question", "The question"),
    Section(
        "data", "Pictures, and what was left out", (r"figures/figure1", r"tables/table1", r"tables/extended_features")
    ),
    Section(
        "classifiers",
        "Classifiers",
        (
            r"tables/classifiers",
            *(rf"figures/classifiers/\w+_{figure}" for figure in ("confusion", "roc", "reliability", "history")),
        ),
    ),
    Section(
        "thresholds",
        "Thresholds",
        (
            r"figures/jaccard_by_threshold",
            r"tables/table[23]",
            r"tables/best_thresholds_\w+",
            r"figures/mean_curves",
            r"figures/figure[2345]",
            r"figures/thresholds_\w+",
            r"figures/extremes_\w+",
            r"tables/extended_(best_thresholds|thresholds|out_of_sample)",
        ),
    ),
    Section(
        "controls",
        "Controls and ceilings",
        (r"figures/ceilings", r"tables/extended_(controls|ceilings)"),
    ),
    Section(
        "reference",
        "The upper reference: segmentation networks",
        (r"figures/reference", r"tables/extended_reference", r"tables/extended_challenge"),
    ),
    Section(
        "correctness",
        "Right and wrong predictions",
        (
            r"figures/groups",
            r"tables/table[456]",
            r"tables/groups_\w+",
            r"tables/extended_(hypotheses|groups|mann_whitney|groupings)",
            r"figures/correlations",
            r"tables/extended_correlations",
        ),
    ),
    Section(
        "methods",
        "Saliency methods compared",
        (
            r"figures/methods",
            r"tables/extended_methods",
            r"figures/sanity",
            r"tables/extended_(sanity|faithfulness|localisation)",
        ),
    ),
    Section("readers", "Readers", (r"tables/extended_readers",)),
    Section("published", "Published values beside ours", (r"tables/comparison", r"tables/audit")),
    Section("settings", "Settings"),
    Section("run", "The run"),
)


def place_of(path: str) -> tuple[int, int]:
    """Return the places of a table's or figure's section in `SECTIONS`, and of its pattern there.

    path: in the folder of results. Raises KeyError for one that stands in no section.
    """
    name = str(PurePath(path).with_suffix(""))
    for number, section in enumerate(SECTIONS):
        for place, pattern in enumerate(section.patterns):
            if re.fullmatch(pattern, name):
                return number, place
    raise KeyError(path)


def heading_of(path: str) -> str:
    """Return the heading of the section of a table or figure, with its number from 1. path, raises: as `place_of`."""
    number, _ = place_of(path)
    return f"{number + 1}. {SECTIONS[number].title}"
