"""Archives that the study draws: planned with before they are there, and told by what they are drawn from."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ..data.names import plain_name
from ..data.study_archives import Archives
from ..study.digests import code_digest
from ..study.study import Study

# Of the metadata table, before it is drawn; a test holds them to what is drawn.
METADATA_COLUMNS = ["image", "age_approx", "anatom_site_general", "lesion_id", "sex"]


def archives_of(study: Study) -> Archives:
    """Return a study's archives: those that it draws, or those that the user has."""
    return DrawnArchives(study) if "drawn" in study.configuration["archives"] else Archives(study)


@dataclass(frozen=True)
class DrawnArchives(Archives):
    """Archives that are drawn by the first run; until then names come from the plan of the drawing.

    What depends on them depends on what they are drawn from, not on their content: that is known before they are there.
    """

    @property
    def drawn(self) -> list[str]:
        """The file that tells what the archives were drawn from."""
        return [self._in_folder("drawn.json")]

    @property
    def drawing(self) -> dict[str, Any]:
        """What the archives are drawn from: numbers of pictures, seed and the drawing's code."""
        seed = self.study.configuration["seed"]
        return {**self.settings["drawn"], "seed": seed, "library": code_digest(None, "drawing.archives")}

    def missing_files(self) -> str | None:
        """Return None: what is not there will be drawn."""
        return None

    @property
    def lesion_archive(self) -> str | None:
        """The archive of lesion masks, None where it is not named."""
        return self.path("lesion_masks")

    @cached_property
    def archived_images(self) -> list[str]:
        """All evaluation pictures, by name."""
        if not self._is_to_be_drawn:
            return super().archived_images
        return sorted(picture.image for picture in self._planned if picture.evaluation)

    def evaluated_among_training(self) -> list[str]:
        """Return the evaluation pictures that are in the training archive, too."""
        if not self._is_to_be_drawn:
            return super().evaluated_among_training()
        return sorted(picture.image for picture in self._planned if picture.evaluation and picture.training_name)

    def diagnoses(self) -> dict[str, str]:
        """Return {plain image name: diagnosis}."""
        if not self._is_to_be_drawn:
            return super().diagnoses()
        return {plain_name(picture.image): picture.diagnosis for picture in self._planned}

    def metadata_columns(self) -> list[str] | None:
        """Return the names of the metadata table's columns."""
        if not self._is_to_be_drawn or not self.path("training_metadata"):
            return super().metadata_columns()
        return METADATA_COLUMNS

    def check_tables(self) -> list[str]:
        """Return the faults of tables; of those that are to be drawn there is none."""
        return [] if self._is_to_be_drawn else super().check_tables()

    def pictures_digest(self, key: str, images: Iterable[str] | None = None) -> str:
        """Return a digest of what the archives are drawn from."""
        return self._digest

    def masks_digest(self, images: Sequence[str]) -> str:
        """Return a digest of what the archives are drawn from."""
        return self._digest

    def lesion_masks_digest(self, images: Sequence[str]) -> str:
        """Return a digest of what the archives are drawn from."""
        return self._digest

    def table_digests(self, paths: Iterable[str]) -> list[str]:
        """Return, for each table, a digest of what the archives are drawn from."""
        return [self._digest for _ in paths]

    def has_lesion_masks(self, images: Sequence[str]) -> bool:
        """Return whether lesion masks are drawn: then every picture has one."""
        return self.lesion_archive is not None

    def file_digests(self) -> list[str]:
        """Return a digest of what the archives are drawn from."""
        return [self._digest]

    def _check_masks(self, images: Sequence[str]) -> None:
        if not self._is_to_be_drawn:
            super()._check_masks(images)

    @cached_property
    def _digest(self) -> str:
        return hashlib.sha256(json.dumps(self.drawing, sort_keys=True).encode()).hexdigest()[:16]

    @cached_property
    def _is_to_be_drawn(self) -> bool:
        """Whether the archives are drawn in this run, so that their names are not yet those on the disk."""
        stamp = Path(self.drawn[0])
        is_current = stamp.is_file() and json.loads(stamp.read_text(encoding="utf-8")) == self.drawing
        return not is_current or not all(Path(path).is_file() for path in self.files.values())

    @cached_property
    def _planned(self) -> list[Any]:
        from .plan import plan  # imports SciPy: only where archives are drawn and not there yet

        return plan(**{name: value for name, value in self.drawing.items() if name != "library"})
