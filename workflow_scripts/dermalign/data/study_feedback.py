"""The feedback that a study names under `feedback`, as it is planned with: whose, of which pictures, and its faults."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..files import write_text
from ..study.digests import code_digest, content_digest
from ..study.faults import Faults, some_of
from . import archives
from .feedback import AGAIN, Feedback, PictureFeedback, latest_pictures, mask_faults, read_feedback
from .images import picture_sizes
from .study_archives import Archives


@dataclass(frozen=True)
class StudyFeedback:
    """The files of feedback of a study's readers, and the archives whose pictures they are of."""

    archives: Archives

    @cached_property
    def files(self) -> dict[str, list[str]]:
        """Each reader's files, in order, by the reader's name, in the configuration's order."""
        configured: Mapping[str, Any] = self.archives.study.configuration["feedback"]
        return {reader: [paths] if isinstance(paths, str) else list(paths) for reader, paths in configured.items()}

    @property
    def readers(self) -> list[str]:
        """The readers' names."""
        return list(self.files)

    @property
    def paths(self) -> dict[str, str]:
        """Every file by the key that names it."""
        return {f"feedback.{reader}[{row}]": path for reader, row, path in self._all}

    @property
    def _all(self) -> Iterator[tuple[str, int, str]]:
        for reader, paths in self.files.items():
            for row, path in enumerate(paths):
                yield reader, row, path

    @cached_property
    def read(self) -> dict[str, list[Feedback]]:
        """What each reader's files say. Raises as `feedback.open_feedback`, of the first that cannot be read."""
        return {reader: [read_feedback(path) for path in paths] for reader, paths in self.files.items()}

    @cached_property
    def marking(self) -> list[str]:
        """The readers who finished a picture: those with masks, and maps. Raises as `read`."""
        return [
            reader
            for reader, files in self.read.items()
            if any(picture.finished for _, picture in latest_pictures(files).values())
        ]

    def digests(self, reader: str) -> list[str]:
        """Return digests of the contents of a reader's files, in order."""
        return [content_digest(path) for path in self.files[reader]]

    def faults(self, classes: Mapping[str, Collection[str]], sources: Collection[str], cache: str | Path) -> list[str]:
        """Return sentences on what is wrong with the files, or does not fit the study; [] where nothing is.

        classes: {model: names of its outputs}. sources: of maps, `{model}/{method}`. cache: folder where it is
        remembered whose masks were found whole.
        """
        faults = Faults()
        sound = []
        for reader, row, path in self._all:
            key = f"feedback.{reader}[{row}]"
            if feedback := faults.or_else(partial(read_feedback, path), None):
                sound.append(feedback)
                faults.add(*some_of(self._misfits(feedback, classes, sources), key))
        faults.add(*self._of_two_readers())
        faults.add(*_mask_faults(sound, Path(cache) / f"feedback.{self.archives.study.configuration['study']}.json"))
        return faults.sentences

    def _misfits(
        self, feedback: Feedback, classes: Mapping[str, Collection[str]], sources: Collection[str]
    ) -> Iterator[str]:
        """Yield a sentence on each thing that a file says of what the study has not."""
        configuration = self.archives.study.configuration
        path, study, features = feedback.path, configuration["study"], configuration["features"]
        if feedback.study != study:
            yield f"{path} is feedback on the study {feedback.study}, not on {study}. Take it out of `feedback`."
            return
        finished = any(picture.finished for picture in feedback.pictures.values())
        if finished and (lacking := [name for name in features if name not in feedback.features]):
            yield (
                f"{path} was exported without the features {', '.join(lacking)}, of which its finished pictures have "
                "no masks. Have the reader go on in a new explorer, or take the features out of `features`."
            )
        yield from self._misfits_of_pictures(feedback)
        for image, picture in feedback.pictures.items():
            for what in _unknown(picture, features, classes, configuration["classes"], sources):
                yield f"{path}: {image} {what}. Name it in the configuration, or take the file out of `feedback`."

    def _misfits_of_pictures(self, feedback: Feedback) -> Iterator[str]:
        """Yield a sentence on each picture that the study does not have, or has in another size."""
        known = set(self.archives.archived_images)
        set_aside = self.archives.set_aside.evaluation
        for image in sorted(feedback.pictures.keys() & set_aside.keys()):
            yield (
                f"{feedback.path}: {image} is set aside (on_bad_picture: skip), and has no maps. {set_aside[image]} Or "
                "take the file out of `feedback`."
            )
        for image in sorted(feedback.pictures.keys() - known - set_aside.keys()):
            yield (
                f"{feedback.path}: {image} is no evaluation picture of this study. Correct "
                "archives.evaluation_pictures, or take the file out of `feedback`."
            )
        archive = str(self.archives.path("evaluation_pictures"))
        if not Path(archive).exists():  # it is drawn by this run
            return
        members = archives.list_pictures(archive)
        images = {image: members[image] for image in sorted(feedback.pictures.keys() & known & members.keys())}
        for image, size in picture_sizes(archive, images).items():
            told = feedback.pictures[image].size
            if told != size:
                yield (
                    f"{feedback.path}: {image} had {told[0]} x {told[1]} pixels, and has {size[0]} x {size[1]} in "
                    f"{archive}: regions are compared pixel for pixel. {AGAIN}"
                )

    def _of_two_readers(self) -> Iterator[str]:
        """Yield a sentence on each file that two readers have: they would agree in all."""
        owners: dict[str, tuple[str, str]] = {}
        for reader, _, path in self._all:
            with suppress(OSError):
                other, first = owners.setdefault(content_digest(path), (reader, path))
                if other != reader:
                    yield (
                        f"{path}, of {reader}, has the same content as {first}, of {other}. Name each file once, at "
                        "the one whose feedback it is."
                    )


def _unknown(
    picture: PictureFeedback,
    features: Sequence[str],
    classes: Mapping[str, Collection[str]],
    of_study: Collection[str],
    sources: Collection[str],
) -> Iterator[str]:
    """Yield, in words that follow the picture's name, what a study does not have."""
    for feature in sorted(picture.drawn - set(features)):
        yield f"has a region of {feature}, which is no feature of this study"
    for model, verdict in picture.verdicts.items():
        if model not in classes:
            yield f"has a label for {model}, which is no model of this study"
            continue
        for name in (verdict.predicted, verdict.corrected):
            if name is not None and name not in (*classes[model], *of_study):
                yield f"has a label with the class {name}, which neither {model} nor the study has"
    for source in picture.ratings:
        if source not in sources:
            yield f"has a rating of {source}, which is no source of maps of this study"


def _mask_faults(files: Sequence[Feedback], cache: Path) -> list[str]:
    """Return `feedback.mask_faults` of files, whose masks are decoded once: what was found whole is remembered."""
    code = code_digest(None, "data.feedback")
    try:
        known = json.loads(cache.read_text(encoding="utf-8"))
        whole = set(known["whole"]) if known["code"] == code else set()
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        whole = set()
    found: list[str] = []
    digests = {file.path: content_digest(file.path) for file in files}
    for path, digest in digests.items():
        if digest not in whole:
            try:
                faults = mask_faults(path)
            except InputError as error:
                faults = [str(error)]
            found += some_of(faults, path)
            whole |= set() if faults else {digest}
    whole &= set(digests.values())
    if files:
        with suppress(OSError):  # else the next run looks again
            write_text(cache, json.dumps({"code": code, "whole": sorted(whole)}))
    return found
