"""All that an explorer shows, part by part, from the files of a study."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from ..classifiers.evaluation_predictions import read_confidence, read_evaluation_predictions
from ..data.manifests import read_evaluation
from ..errors import InputError
from ..logs import progress
from ..overlap.ceiling_files import read_ceilings
from ..results.statistics import read_statistics
from ..saliency.stores import read_store
from .picture_data import picture_data
from .picture_files import LARGE, SMALL, picture_file, read_outlines
from .site import STUDY, picture_part, source_part
from .study_data import ShownSource, source_data, study_data


@dataclass(frozen=True)
class Contents:
    """A study's explorer.

    - evaluation, best_thresholds, mean_curves, ceiling_means: tables;
    - batches: folders of pictures, files of mask cells and of ceilings, batch by batch;
    - curves, maps: files of the sources, in their order;
    - predictions: {model: table}; stores: {model: folder of saliency stores}; classes: {model: in order of outputs};
    - pictures: those that are shown, None for all of the analysis, by name.
    """

    study: str
    features: Sequence[str]
    sources: Sequence[ShownSource]
    classes: Mapping[str, Sequence[str]]
    evaluation: str | Path
    best_thresholds: str | Path
    mean_curves: str | Path
    ceiling_means: str | Path
    batches: Sequence[tuple[str, str, str]]
    maps: Sequence[str]
    curves: Sequence[str]
    predictions: Mapping[str, str]
    stores: Mapping[str, str]
    pictures: Sequence[str] | None = None

    @cached_property
    def manifest(self) -> pd.DataFrame:
        """The evaluation manifest, indexed by image."""
        return read_evaluation(self.evaluation).set_index("image")

    @cached_property
    def shown(self) -> dict[str, dict[str, Any]]:
        """The pictures in their order, {image: what `picture_files.read_outlines` tells, and the `folder`}.

        Raises InputError for one that was asked for and is not in the analysis.
        """
        found = {
            image: {**entry, "folder": Path(folder).name}
            for folder, _, _ in self.batches
            for image, entry in read_outlines(folder).items()
        }
        if self.pictures is None:
            return dict(sorted(found.items()))
        for image in self.pictures:
            if image not in found:
                reasons = self.manifest["reason"].to_dict()
                reason = reasons.get(image, "it is no evaluation picture")
                raise InputError(
                    f"explorer.pictures: {image} is not in the analysis ({reason}), so that there is nothing to show "
                    "of it. Take it out of the list, or correct the name; manifest/evaluation.csv has all names."
                )
        return {image: found[image] for image in self.pictures}

    def parts(self) -> Iterator[tuple[str, Any]]:
        """Yield the data, (name, value) each: of the study, its sources and its pictures. Memory: a batch of pictures.

        Raises InputError as `shown`, and as what reads the files.
        """
        yield STUDY, self._study()
        best, means = read_statistics(self.best_thresholds), read_statistics(self.mean_curves)
        ceilings = read_statistics(self.ceiling_means)
        for number, (source, curves) in enumerate(zip(self.sources, self.curves, strict=True)):
            yield source_part(number), source_data(source, curves, best, means, ceilings, list(self.shown))
        maps = dict(zip((source.path for source in self.sources), self.maps, strict=True))
        of_curves = zip(self.sources, self.curves, strict=True)
        drawn = {source.path: curves for source, curves in of_curves if source.is_drawn}
        for folder, cells, ceiling_file in self.batches:
            name = Path(folder).name
            shown = {image: entry for image, entry in self.shown.items() if entry["folder"] == name}
            if shown:
                of_batch = read_ceilings([ceiling_file])
                pictures = picture_data(cells, shown, self.manifest, of_batch, maps, self.stores, drawn)
                for image, value in progress(pictures, len(shown), f"explorer, batch {name}"):
                    yield picture_part(name, shown[image]["number"]), value

    def pictures_shown(self) -> dict[str, bytes]:
        """Return {name without suffix, as the data have it: JPEG} of all pictures, large and small. Memory: all."""
        folders = {Path(folder).name: folder for folder, _, _ in self.batches}
        return {
            f"{entry['folder']}/{Path(name).stem}": (Path(folders[entry["folder"]]) / name).read_bytes()
            for entry in self.shown.values()
            for name in (picture_file(entry["number"], size) for size in (LARGE, SMALL))
        }

    def _study(self) -> dict[str, Any]:
        classifiers = {
            model: {"classes": list(self.classes[model]), "sha256": self._digest(model)} for model in self.predictions
        }
        predictions = {
            model: (read_evaluation_predictions(path), read_confidence(path))
            for model, path in self.predictions.items()
        }
        return study_data(
            self.study,
            self.features,
            self.sources,
            classifiers,
            self.manifest,
            predictions,
            self.shown,
        )

    def _digest(self, model: str) -> str:
        return read_store(next(Path(self.stores[model]).glob("*.h5"))).classifier_sha256
