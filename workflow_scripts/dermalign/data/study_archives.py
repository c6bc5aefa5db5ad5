"""The study's archives as they are planned with: which pictures there are, in which batches, and what stages depend on.

Names come from the archives' directories alone, before any job runs.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..study.batches import batches, fixed_sample
from ..study.digests import content_digest
from ..study.study import Study
from . import archives
from .labels import named_pictures, read_diagnoses, read_training_labels
from .lesions import read_lesions
from .mask_files import list_lesion_masks, list_masks
from .names import plain_name
from .patients import LESION, PATIENT, read_patients
from .set_aside import EVALUATION, TRAINING, SetAside
from .tables import read_table

ARCHIVE_KEYS = (
    "training_pictures",
    "training_labels",
    "training_metadata",
    "evaluation_pictures",
    "evaluation_masks",
)
# Those that may be a folder in the place of a zip.
FOLDER_KEYS = ("training_pictures", "evaluation_pictures", "evaluation_masks", "lesion_masks")


@dataclass(frozen=True)
class Archives:
    """The archives and tables that a study names under `archives`, which the user has or fetches.

    set_aside: pictures in them that are planned without, as if they were not there.
    """

    study: Study
    set_aside: SetAside = field(default_factory=SetAside)

    @property
    def settings(self) -> Mapping[str, Any]:
        """What the configuration says of them."""
        settings: Mapping[str, Any] = self.study.configuration["archives"]
        return settings

    def path(self, key: str) -> str | None:
        """Return the path of an archive or table named under `archives`, None where it is not named."""
        name = self.settings.get(key)
        return self._in_folder(name) if name else None

    @property
    def diagnosis_tables(self) -> list[str]:
        """The paths of the diagnosis tables, the first one's word before the later ones'."""
        return [self._in_folder(name) for name in self.settings["diagnoses"]]

    @property
    def files(self) -> dict[str, str]:
        """Every archive and table by the key that names it."""
        named = {f"archives.{key}": path for key in ARCHIVE_KEYS if (path := self.path(key))}
        tables = {f"archives.diagnoses[{row}]": path for row, path in enumerate(self.diagnosis_tables)}
        lesions = {"archives.lesion_masks": self.lesion_archive} if self.lesion_archive else {}
        return {**named, **lesions, **tables}

    @property
    def lesion_archive(self) -> str | None:
        """The archive of lesion masks, which only adds to what is shown: None where it is not named or not there."""
        path = self.path("lesion_masks")
        return path if path and Path(path).exists() else None

    @property
    def sources(self) -> dict[str, dict[str, Any]]:
        """{path: {url, sha256}} of the archives that can be fetched."""
        return {self._in_folder(name): source for name, source in self.settings.get("sources", {}).items()}

    @property
    def drawn(self) -> list[str]:
        """The file that tells what drawn archives were drawn from; none of those that the user has."""
        return []

    @property
    def has_training_pictures(self) -> bool:
        """Whether the study has pictures to train on and to hold out; one of brought classifiers may have none."""
        return self.path("training_pictures") is not None

    def missing_files(self) -> str | None:
        """Return what to say about archives that are not there, None if all are (or will be drawn)."""
        lines = []
        for key, path in self.files.items():
            may_be_folder = key.removeprefix("archives.") in FOLDER_KEYS
            if not (Path(path).exists() if may_be_folder else Path(path).is_file()):
                hint = "`snakemake fetch` gets it" if path in self.sources else "correct the key or archives.folder"
                kind = "file or folder" if may_be_folder else "file"
                lines.append(f"- `{key}`: there is no {kind} {path}: {hint}.")
        return "archives are missing:\n" + "\n".join(lines) if lines else None

    @property
    def mask_options(self) -> dict[str, str]:
        """How masks are found, and what a missing one means: `pattern` and `missing` of `list_masks`."""
        return {"pattern": self.settings["mask_pattern"], "missing": self.settings["missing_masks"]}

    def masks(self, images: Sequence[str], **options: str) -> dict[str, dict[str, archives.Member | None]]:
        """Return the masks of the images as `list_masks`, and raise as that does.

        options: in the place of the configuration's `mask_options`.
        """
        features = self.study.configuration["features"]
        return list_masks(str(self.path("evaluation_masks")), images, features, **{**self.mask_options, **options})

    def lesion_masks(self, images: Sequence[str]) -> dict[str, archives.Member]:
        """Return the lesion masks of the images that have one.

        Raises as `list_lesion_masks`, and InputError where no image has one: then pattern or archive are wrong.
        """
        if not self.lesion_archive:
            return {}
        pattern = self.settings["lesion_pattern"]
        found = list_lesion_masks(self.lesion_archive, images, pattern)
        if images and not found:
            raise InputError(
                f"archives.lesion_masks: {self.lesion_archive} has no lesion mask of any evaluation picture by "
                f"archives.lesion_pattern, `{pattern}`. Correct the pattern or the archive, or set "
                "archives.lesion_masks to null."
            )
        return found

    def has_lesion_masks(self, images: Sequence[str]) -> bool:
        """Return whether each of the images has a lesion mask. Raises as `lesion_masks`."""
        return bool(self.lesion_archive) and len(self.lesion_masks(images)) == len(images)

    @cached_property
    def archived_images(self) -> list[str]:
        """All evaluation pictures, by name: those of the evaluation archive, or of it those with a mask.

        Raises InputError where no picture has a mask of a configured feature.
        """
        images = list(self._pictures("evaluation_pictures"))
        if self.mask_options["missing"] == "error":
            return images
        masks = self.masks(images)
        for feature in self.study.configuration["features"]:
            if not any(of_image[feature] for of_image in masks.values()):
                raise InputError(
                    f"features: no picture of {self.path('evaluation_pictures')} has a mask of {feature} in "
                    f"{self.path('evaluation_masks')}, where archives.mask_pattern says. Correct the name, the "
                    "pattern or the archives."
                )
        return list(masks)

    def evaluated_among_training(self) -> list[str]:
        """Return the evaluation pictures that the training archive or its metadata table knows.

        Others cannot be in the training split, nor can their lesions: it does not depend on them. A trial's limit does
        not count.
        """
        known = {plain_name(image) for image in self._pictures("training_pictures")}
        if table := self.path("training_metadata"):
            known.update(plain_name(image) for image in read_lesions(table))
        return [image for image in self.archived_images if plain_name(image) in known]

    @cached_property
    def named_images(self) -> list[str]:
        """The pictures to be evaluated, by name, before it is looked whether their masks are there.

        `evaluation_limit` keeps those whose names hash lowest: a sample that does not depend on the order.
        Raises as `archived_images`.
        """
        return self.sampled(self.archived_images)

    def sampled(self, images: Iterable[str]) -> list[str]:
        """Return those of some pictures that `evaluation_limit` leaves, by name."""
        found = list(images)
        return fixed_sample(found, self.study.configuration.get("evaluation_limit", len(found)))

    @cached_property
    def evaluation_images(self) -> list[str]:
        """The pictures with masks, whatever their diagnosis, by name: `named_images`, checked.

        Raises as `archived_images`, and InputError where a mask of a configured feature is missing, and for a name
        that Snakemake would take for a pattern.
        """
        for image in self.named_images:
            if "{" in image or "}" in image:
                raise InputError(f"{self.path('evaluation_pictures')}: {image} has braces in its name. Rename it.")
        self._check_masks(self.named_images)
        return self.named_images

    def _pictures(self, key: str) -> dict[str, archives.Member]:
        """Return the pictures of an archive but those that are set aside, as `list_pictures`."""
        bad = self.set_aside.of(TRAINING if key == "training_pictures" else EVALUATION)
        listed = archives.list_pictures(str(self.path(key)))
        return {image: member for image, member in listed.items() if image not in bad}

    def _check_masks(self, images: Sequence[str]) -> None:
        self.masks(images)
        self.lesion_masks(images)

    def diagnoses(self) -> dict[str, str]:
        """Return {plain image name: diagnosis}, as far as the tables know."""
        return read_diagnoses(self.diagnosis_tables, self.study.configuration["classes"]).by_image

    def metadata_columns(self) -> list[str] | None:
        """Return the names of the metadata table's columns, None where it is not named. Raises as `read_table`."""
        table = self.path("training_metadata")
        return read_table(table).columns if table else None

    def check_tables(self) -> list[str]:
        """Return a sentence for each table that cannot be read or that names no picture of the archive it belongs to.

        So a table's fault is found before anything is trained. Only names are compared; faults of archives are not told
        here, and a table of an archive that cannot be listed is only read.
        """
        classes = self.study.configuration["classes"]
        labels, metadata = self.path("training_labels"), self.path("training_metadata")
        faults: dict[str, str | None] = {}
        by = self.study.configuration.get("resampled_by", LESION)
        if self.has_training_pictures and metadata:
            faults["training_metadata"] = self._fault(metadata, "training_pictures", lambda: _pictures(metadata, by))
        if self.has_training_pictures and labels:
            # A fault of the metadata is told once, and matters only to labels of lesions.
            readable = [metadata] if metadata and not faults["training_metadata"] else []
            faults["training_labels"] = self._fault(
                labels, "training_pictures", lambda: list(read_training_labels(labels, classes, readable))
            ) or self._fault_of_classes(labels, readable)
        for row, table in enumerate(self.diagnosis_tables):
            others = [other for other in self.diagnosis_tables if other != table]
            named = partial(named_pictures, table, classes, others)
            faults[f"diagnoses[{row}]"] = self._fault(table, "evaluation_pictures", named)
        return [f"archives.{key}: {fault}" for key, fault in faults.items() if fault]

    def count_rows(self) -> int:
        """Return how many rows the tables have that are there. Raises as `read_table`."""
        paths = {*self.diagnosis_tables, self.path("training_labels"), self.path("training_metadata")}
        return sum(len(read_table(path).rows) for path in paths if path and Path(path).is_file())

    def _fault(self, table: str, archive_key: str, named: Callable[[], list[str]]) -> str | None:
        """Return what is wrong with a table, which names these pictures, beside an archive; None for nothing."""
        try:
            images = named()
        except InputError as error:
            return str(error)
        except OSError as error:
            return f"{table} cannot be read ({error.strerror}). Correct the key or archives.folder."
        if not images:
            return f"{table} has no row of a picture that says something. Is it the table that the key means?"
        archive = str(self.path(archive_key))
        try:
            pictures = archives.list_pictures(archive)
        except (InputError, OSError):
            return None
        if not {plain_name(image) for image in pictures}.isdisjoint(map(plain_name, images)):
            return None
        return (
            f"{table} names no picture of archives.{archive_key}, {archive}: it calls them as `{images[0]}`, the "
            f"archive as `{next(iter(pictures))}`. Correct the table's names, or one of the keys."
        )

    def _fault_of_classes(self, labels: str, metadata: list[str]) -> str | None:
        """Return what is wrong with training labels without a fault: no picture of an evaluation diagnosis is there.

        Nothing that is trained here could learn it, nor be right anywhere. Other classes may lack pictures, as in a
        trial.
        """
        configuration = self.study.configuration
        if all("classifier" in settings for settings in configuration["models"].values()):
            return None
        try:
            pictures = archives.list_pictures(str(self.path("training_pictures")))
        except (InputError, OSError):
            return None
        there = set(map(plain_name, pictures))
        found = read_training_labels(labels, configuration["classes"], metadata)
        shown = {label for image, label in found.items() if plain_name(image) in there}
        lacking = [name for name in configuration["evaluation_diagnoses"] if name not in shown]
        if not lacking:
            return None
        return (
            f"{labels} calls no picture of archives.training_pictures, {self.path('training_pictures')}, "
            f"{' or '.join(lacking)}, an evaluation diagnosis: nothing could learn it. Complete the archive or the "
            "table, or correct evaluation_diagnoses."
        )

    @cached_property
    def _diagnoses(self) -> dict[str, str]:
        """`diagnoses`, whose tables are read once, not for each job that asks."""
        return self.diagnoses()

    @cached_property
    def diagnosed_images(self) -> list[str]:
        """The evaluation pictures with an evaluation diagnosis: the ones that get maps. Raises InputError for none."""
        diagnoses = self._diagnoses
        wanted = self.study.configuration["evaluation_diagnoses"]
        images = [image for image in self.evaluation_images if diagnoses.get(plain_name(image)) in wanted]
        if not images:
            raise InputError(
                f"no evaluation picture has a diagnosis among {', '.join(wanted)} in "
                f"{', '.join(self.diagnosis_tables)}. Correct archives.diagnoses or evaluation_diagnoses."
            )
        return images

    def diagnoses_of(self, images: Iterable[str]) -> list[str]:
        """Return the diagnoses of diagnosed evaluation pictures, in their order."""
        diagnoses = self._diagnoses
        return [diagnoses[plain_name(image)] for image in images]

    @cached_property
    def mask_batches(self) -> dict[str, list[str]]:
        """{batch: images} of all pictures with masks."""
        return batches(self.evaluation_images, self.study.configuration["batches"]["masks"])

    @cached_property
    def saliency_batches(self) -> dict[str, list[str]]:
        """{batch: images} of the pictures that get saliency maps."""
        return batches(self.diagnosed_images, self.study.configuration["batches"]["saliency"])

    # What a stage depends on of files, for its rule's params; what params were when the run was planned is what a run
    # on a cluster records, and what the next one compares.

    def pictures_digest(self, key: str, images: Iterable[str] | None = None) -> str:
        """Return a digest of the names and contents of an archive's pictures, or of some of them.

        Those that are set aside are not among them. key: `training_pictures` or `evaluation_pictures`. Raises
        FileNotFoundError where the archive is not there.
        """
        members = self._pictures(key)
        return archives.fingerprint(members if images is None else {image: members[image] for image in images})

    def masks_digest(self, images: Sequence[str]) -> str:
        """Return a digest of the names and contents of the images' masks, as `pictures_digest`."""
        masks = self.masks(images)
        flat = {f"{image}/{feature}": member for image, of in masks.items() for feature, member in of.items() if member}
        return archives.fingerprint(flat)

    def lesion_masks_digest(self, images: Sequence[str]) -> str:
        """Return a digest of the names and contents of the images' lesion masks, as `pictures_digest`."""
        return archives.fingerprint(self.lesion_masks(images))

    @cached_property
    def shown_digests(self) -> list[str]:
        """Digests of what all figures may show of the diagnosed images: pictures and masks."""
        images = self.diagnosed_images
        return [self.pictures_digest("evaluation_pictures", images), self.masks_digest(images)]

    @cached_property
    def shown_lesions_digest(self) -> str:
        """A digest of the diagnosed images' lesion masks, which figure 1 alone shows."""
        return self.lesion_masks_digest(self.diagnosed_images)

    def table_digests(self, paths: Iterable[str]) -> list[str]:
        """Return digests of the contents of tables named under `archives`, as `pictures_digest`."""
        return [content_digest(path) for path in paths]

    def file_digests(self) -> list[str]:
        """Return a digest of the content of each of `files`: of tables as `table_digests`, else of all in it."""
        digests = []
        for path in self.files.values():
            if Path(path).is_dir() or Path(path).suffix.lower() == ".zip":
                digests.append(archives.fingerprint({each.path: each for each in archives.list_members(path)}))
            else:
                digests += self.table_digests([path])
        return digests

    @property
    def planned(self) -> str:
        """What jobs compare with the files that they read (`archives.PLANNED`)."""
        return json.dumps(dict(zip(self.files.values(), self.file_digests(), strict=True)))

    def _in_folder(self, name: str) -> str:
        return str(Path(self.settings["folder"]) / name)


def _pictures(metadata: str, by: str) -> list[str]:
    read_lesions(metadata)  # raises where it says no lesions
    if by == PATIENT:
        read_patients(metadata)  # likewise of patients, which are resampled
    table = read_table(metadata)
    return [image for row in table.rows for image in table.pictures(row)]
