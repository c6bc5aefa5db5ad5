"""The study as its stages see it: a checked configuration and the few things that follow from it alone.

What follows from the archives is `data.study_archives`, from the classifiers `classifiers.study_classifiers`, and from
the map sources `saliency.study_sources`. All of it is known before any job runs, so that the whole workflow can be
listed on a clean clone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..terms import UNION
from .configuration import threshold_names
from .groups import Groups, default_groups

CACHE = ".snakemake/dermalign"


@dataclass(frozen=True)
class Study:
    """A configuration, as `configuration.checked` returns it."""

    configuration: Mapping[str, Any]

    @property
    def results(self) -> str:
        """The folder of all results."""
        return f"results/{self.configuration['study']}"

    @property
    def features(self) -> list[str]:
        """The configured features and `union`."""
        return [*self.configuration["features"], UNION]

    @property
    def networks(self) -> Mapping[str, Mapping[str, Any]]:
        """The segmentation networks' settings by name."""
        networks: Mapping[str, Mapping[str, Any]] = self.configuration.get("segmentation", {}).get("networks", {})
        return networks

    @property
    def thresholds(self) -> list[str]:
        """The threshold grid as it is written in file names, ascending."""
        return threshold_names(self.configuration["thresholds"])

    @property
    def groups(self) -> Groups:
        """The groups of tables 4 to 6, {name: filter}: those configured, else diagnosis and correctness."""
        return self.configuration.get("groups") or default_groups(self.configuration["evaluation_diagnoses"])
