"""Pictures that a study goes on without, since they, or a mask of theirs, cannot be used (`on_bad_picture: skip`).

Which they are is decided where a run is planned, by a look at every file (see `entrance`). The processes of its jobs
plan, too, and must come to the same: they read what was kept, and never look again. A file that changes while a run
goes on, or a cache that is gone, changes nothing in it.

What is kept is a CSV table in the folder of results, manifest/set_aside.csv, a row per picture, by name:

- of: `evaluation` or `training`; image: its name as in the archive; fault: which file is at fault and what is wrong.
"""

import csv
import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import InputError
from ..files import write_text

STOP, SKIP = "stop", "skip"  # what `on_bad_picture` may be
EVALUATION, TRAINING = "evaluation", "training"
COLUMNS = ["of", "image", "fault"]
SHOWN = 3  # pictures that a warning names


@dataclass(frozen=True)
class SetAside:
    """The pictures that are set aside among evaluation and training pictures, {image: what is wrong}, by name."""

    evaluation: Mapping[str, str] = field(default_factory=dict)
    training: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.evaluation or self.training)

    def of(self, which: str) -> Mapping[str, str]:
        """Return those of the evaluation or of the training pictures."""
        return {EVALUATION: self.evaluation, TRAINING: self.training}[which]

    @property
    def rows(self) -> list[tuple[str, str, str]]:
        """Of what, image and what is wrong of each, in order."""
        return [(which, image, fault) for which in (EVALUATION, TRAINING) for image, fault in self.of(which).items()]

    @property
    def text(self) -> str:
        """They as a table, as it is kept."""
        stream = io.StringIO()
        csv.writer(stream, lineterminator="\n").writerows([COLUMNS, *self.rows])
        return stream.getvalue()

    @property
    def digest(self) -> str:
        """A digest of them."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:16]

    def warning(self, where: str) -> str:
        """Return a line that counts them and names the first. where: what lists them all, in words."""
        names = list(dict.fromkeys(image for _, image, _ in self.rows))
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        of = f"{len(self.evaluation)} evaluation and {len(self.training)} training pictures"
        return f"WARNING: set aside (on_bad_picture: skip): {of}, {', '.join(names[:SHOWN])}{more}. {where}"


def keep(path: str | Path, set_aside: SetAside) -> None:
    """Write down which pictures are set aside, for the jobs of a run that starts; whole or not at all."""
    path = Path(path)
    if not path.is_file() or path.read_text(encoding="utf-8") != set_aside.text:
        write_text(path, set_aside.text)


def kept(path: str | Path, digest: str | None) -> SetAside:
    """Return which pictures are set aside, as `keep` wrote it when the run of this job started.

    digest: that of the run's, None where the job was not told it. Raises InputError where nothing was kept, or where
    what was kept is of another run: the job would compute another study.
    """
    again = "Start the run again: it writes the file when it starts (not with --no-hooks)."
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise InputError(f"{path}, which says what pictures are set aside, is not there any more. {again}") from error
    found: dict[str, dict[str, str]] = {EVALUATION: {}, TRAINING: {}}
    for row in csv.DictReader(io.StringIO(text)):
        found[row["of"]][row["image"]] = row["fault"]
    set_aside = SetAside(**found)
    if digest not in (None, set_aside.digest):
        raise InputError(f"{path} names other pictures than the run set aside that this job is of. {again}")
    return set_aside
