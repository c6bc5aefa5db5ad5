"""What planning does with a study, in the order of rules/common.smk, without Snakemake."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from dermalign.classifiers.study_classifiers import Classifiers
from dermalign.data.entrance import look
from dermalign.data.metadata import configured_groupings
from dermalign.data.study_feedback import StudyFeedback
from dermalign.drawing.study_archives import archives_of
from dermalign.explorer.planning import check_selection
from dermalign.results.published import check_networks, find_published, read_published
from dermalign.saliency.study_sources import MapSources
from dermalign.study.configuration import checked
from dermalign.study.faults import Faults
from dermalign.study.study import Study

CACHE = "cache"


@dataclass(frozen=True)
class Grids(Classifiers):
    """Classifiers that Keras is not asked about: all have maps of 8 x 8 cells."""

    @cached_property
    def _probed(self) -> dict[str, dict[str, Any]]:
        layer = {"path": "last_convolution", "grid": [8, 8], "channels": 4}
        answer = {"saliency_layer": "last_convolution", "layers": {"last_convolution": layer}, "input_size": 32}
        return dict.fromkeys(self.models, answer)


def planning_faults(settings: dict[str, Any], asks_keras: bool = False) -> list[str]:
    """Return the sentences that a run is stopped with before any job; [] where it is not.

    Raises InputError as `checked`. asks_keras: whether classifiers are built and looked into.
    """
    configuration = checked(settings)
    study = Study(configuration)
    archives = archives_of(study)
    classifiers = (Classifiers if asks_keras else Grids)(study)
    feedback = StudyFeedback(archives)
    nothing: dict[str, list[str]] = {}
    none: list[str] = []

    faults = Faults()
    if missing := archives.missing_files():
        return [missing]
    published_of = {model: own.get("published", {}) for model, own in classifiers.models.items()}
    if "published" in configuration:
        path = faults.or_else(lambda: find_published(configuration["published"], ["."]), Path())
        if path.name and (published := faults.or_else(lambda: read_published(path), None)):
            faults.or_else(lambda: check_networks(published, published_of, path), None)
    faults.or_else(lambda: archives.mask_batches, nothing)
    batches = faults.or_else(lambda: archives.saliency_batches, nothing)
    diagnosed = faults.or_else(lambda: archives.diagnosed_images, none)
    has_lesion_masks = faults.or_else(lambda: archives.has_lesion_masks(diagnosed), False)
    marking = faults.or_else(lambda: feedback.marking, none)
    sources = MapSources(study, classifiers, has_lesion_masks, batches, marking)
    faults.or_else(lambda: sources.grids, [])
    if diagnosed:
        faults.or_else(lambda: sources.check_pictures(len(diagnosed)), None)
        faults.or_else(lambda: sources.check_folds(len(archives.evaluation_images)), None)
        faults.or_else(lambda: check_selection(configuration["explorer"]["pictures"], diagnosed), None)
    faults.add(*faults.or_else(archives.check_tables, none))
    if not any("archives.training_metadata" in sentence for sentence in faults.sentences):
        table = archives.path("training_metadata")
        faults.or_else(lambda: configured_groupings(configuration, archives.metadata_columns(), table), {})
    faults.add(*faults.or_else(lambda: look(archives, CACHE, threads=2).faults, none))
    classes = {model: classifiers.classes(model) for model in classifiers.models}
    faults.add(*faults.or_else(lambda: feedback.faults(classes, [source.path for source in sources], CACHE), none))
    return faults.sentences
