"""What the configuration says of tests between groups and of further groupings of the pictures."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from ..errors import InputError
from ..terms import UNION
from .groups import default_groups
from .sources import all_methods

MANN_WHITNEY = "mann_whitney"
# The one column that is not of the metadata: the probability of the predicted class.
CONFIDENCE = "confidence"
# Those of a study that says nothing, as far as its metadata has the columns, ISIC's.
DEFAULT_GROUPINGS: dict[str, dict[str, Any]] = {
    "age": {"column": "age_approx", "bins": [0, 40, 60, 200]},
    "sex": {"column": "sex"},
    "site": {"column": "anatom_site_general"},
    CONFIDENCE: {"column": CONFIDENCE, "quantiles": 4},
}


def check_group_settings(configuration: Mapping[str, Any]) -> None:
    """Raise InputError for tests, a family of tests or groupings that cannot be; see config.yaml."""
    if MANN_WHITNEY not in configuration["group_tests"]:
        raise InputError(f"group_tests lacks {MANN_WHITNEY}, which table 6 is made of. Add it.")
    _check_family(configuration)
    for name, grouping in configuration.get("groupings", {}).items():
        _check_grouping(name, grouping)


def _check_family(configuration: Mapping[str, Any]) -> None:
    family = configuration["test_family"]
    groups = list(configuration.get("groups") or default_groups(configuration["evaluation_diagnoses"]))
    for key, known in (
        ("features", [*configuration["features"], UNION]),
        ("methods", [*all_methods(configuration), *configuration["variants"]]),
    ):
        if unknown := [name for name in family.get(key, []) if name not in known]:
            raise InputError(
                f"test_family.{key} names {', '.join(unknown)}; of this study are {', '.join(known)}. Correct it."
            )
    for pair in family.get("pairs", []):
        if unknown := [name for name in pair if name not in groups]:
            raise InputError(
                f"test_family.pairs names {', '.join(unknown)}; the groups are {', '.join(groups)}. Correct it."
            )
        if groups.index(pair[0]) >= groups.index(pair[1]):
            raise InputError(
                f"test_family.pairs has {pair[0]} before {pair[1]}; pairs are of two groups, in the order of the "
                f"groups: {', '.join(groups)}. Turn it round."
            )


def _check_grouping(name: str, grouping: Mapping[str, Any]) -> None:
    bins = grouping.get("bins")
    if bins is not None and "quantiles" in grouping:
        raise InputError(f"groupings.{name} has both `bins` and `quantiles`. Take one of them away.")
    if bins is not None and any(low >= high for low, high in pairwise(bins)):
        raise InputError(f"groupings.{name}.bins must ascend: {', '.join(map(str, bins))} do not.")
    if grouping["column"] == CONFIDENCE and bins is None and "quantiles" not in grouping:
        raise InputError(f"groupings.{name}: {CONFIDENCE} is a number; say by which `bins` or how many `quantiles`.")
