"""What a study's archives hold, looked at before anything is computed: every picture and mask, each once.

A study runs for days over files that other people made. A picture that is cut off, a mask of another size or one whose
values do not tell what is white would stop a job in the middle of it, one at a time; here all are found at once. What
was found whole is remembered by its version and size, so that the next run looks at new files alone.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock, local
from typing import Any

from ..errors import InputError
from ..files import write_text
from ..logs import progress
from ..study.digests import code_digest
from ..study.durations import duration
from ..study.faults import Faults, some_of
from .archives import Member, OpenArchive, list_pictures, open_archive, read_member
from .images import open_picture
from .masks import MaskReader, other_size
from .study_archives import Archives

SLOW = 2.0  # seconds: what takes longer is told
NONE: dict[str, Any] = {}


@dataclass
class Remembered:
    """What is known of files that were looked at: by archive and path their version, size and what was found.

    Found of a picture are width and height; of a mask these, and whether some of it is white.
    """

    path: Path
    code: str
    found: dict[str, dict[str, list[Any]]] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> "Remembered":
        """Return what a file holds; nothing where there is none, or where the code that looks is another."""
        code = code_digest(None, "data.images", "data.masks")
        try:
            known = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return cls(path, code)
        return cls(path, code, known["found"] if known.get("code") == code else {})

    def write(self) -> None:
        """Write it, whole or not at all; where that cannot be, the next run looks at everything again."""
        with suppress(OSError):
            write_text(self.path, json.dumps({"code": self.code, "found": self.found}))

    def of(self, archive: str, member: Member) -> tuple[int, int, bool] | None:
        """Return width, height and whether some is white of a member that was found whole, None of one that was not."""
        known = self.found.get(archive, {}).get(member.path)
        if known is None or known[:2] != [member.version, member.size]:
            return None
        return known[2], known[3], known[4]


@dataclass(frozen=True)
class _Evaluated:
    """What is evaluated, as far as archives can be listed: by image its picture, its masks and its lesion mask."""

    pictures: dict[str, Member]
    masks: Mapping[str, Mapping[str, Member | None]]
    lesions: Mapping[str, Member]

    def all_masks(self) -> list[Member]:
        return [member for of in self.masks.values() for member in of.values() if member]


def content_faults(archives: Archives, cache: str | Path, threads: int) -> list[str]:
    """Return sentences on what is wrong in a study's archives with pictures and masks; [] where all is whole.

    cache: folder for what is remembered. Of many faults of one kind the first are named, and the rest counted. Memory:
    a decoded picture a thread. Archives that cannot be listed are among the faults.
    """
    if archives.drawn:  # by this library, a moment ago or in this run
        return []
    started = time.monotonic()
    remembered = Remembered.read(Path(cache) / f"entrance.{archives.study.configuration['study']}.json")
    pictures, masks = str(archives.path("evaluation_pictures")), str(archives.path("evaluation_masks"))
    faults = Faults()
    evaluated = _evaluated(archives, faults)
    to_look_at = [
        (pictures, list(evaluated.pictures.values()), _whole_picture),
        (masks, evaluated.all_masks(), _whole_mask),
        (str(archives.lesion_archive), list(evaluated.lesions.values()), _whole_mask),
    ]
    if archives.has_training_pictures:
        training = str(archives.path("training_pictures"))
        members = faults.or_else(lambda: list_pictures(training), NONE)
        to_look_at.append((training, list(members.values()), _whole_picture))
    looked_at = 0
    for archive, listed, look in to_look_at:
        new = [member for member in listed if remembered.of(archive, member) is None]
        looked_at += len(new)
        faults.add(*some_of(_look_at(archive, new, look, remembered, threads), archive))
    if looked_at:
        remembered.write()
    faults.add(*some_of(_of_other_sizes(archives, evaluated, remembered), masks))
    diagnosed = _diagnosed(archives)
    if diagnosed and not faults and not any(_is_white(masks, evaluated.masks[each], remembered) for each in diagnosed):
        faults.add(
            f"{masks}: no mask of a picture with a diagnosis of the study shows a feature, so that nothing would be "
            "left to analyse. Correct the masks, archives.mask_pattern or archives.diagnoses."
        )
    if time.monotonic() - started > SLOW:
        took = duration(time.monotonic() - started)
        # On standard error: what Snakemake is asked to list goes to standard output.
        print(f"Looked at {looked_at} pictures and masks ({took}).", file=sys.stderr, flush=True)
    return faults.sentences


def _evaluated(archives: Archives, faults: Faults) -> _Evaluated:
    nobody: list[str] = []
    images = faults.or_else(lambda: archives.named_images, nobody)
    listed = faults.or_else(lambda: list_pictures(str(archives.path("evaluation_pictures"))), NONE)
    # What is missing of masks is told by `evaluation_images`; here those that are there are looked at all the same.
    masks = faults.or_else(lambda: archives.masks(images, missing="black"), NONE)
    lesions = faults.or_else(lambda: archives.lesion_masks(images), NONE)
    return _Evaluated({image: listed[image] for image in images if image in listed}, masks, lesions)


def _diagnosed(archives: Archives) -> list[str]:
    try:
        return archives.diagnosed_images
    except InputError:  # told by those that need them
        return []


def _is_white(archive: str, masks: Mapping[str, Member | None], remembered: Remembered) -> bool:
    found = [remembered.of(archive, member) for member in masks.values() if member]
    return any(known is not None and known[2] for known in found)


def _of_other_sizes(archives: Archives, evaluated: _Evaluated, remembered: Remembered) -> Iterator[str]:
    """Yield a sentence on each mask whose size is not its picture's, among those that were found whole."""
    pictures, masks = str(archives.path("evaluation_pictures")), str(archives.path("evaluation_masks"))
    for image, picture in evaluated.pictures.items():
        size = remembered.of(pictures, picture)
        found = [(masks, member) for member in evaluated.masks.get(image, {}).values()]
        for archive, member in [*found, (str(archives.lesion_archive), evaluated.lesions.get(image))]:
            of_mask = remembered.of(archive, member) if member else None
            if member and size and of_mask and of_mask[:2] != size[:2]:
                yield other_size(f"{archive}: the mask {member.path}", of_mask[:2], size[:2])


Look = Callable[[MaskReader, OpenArchive, str], tuple[int, int, bool]]


def _look_at(archive: str, members: Sequence[Member], look: Look, remembered: Remembered, threads: int) -> list[str]:
    """Look at members of an archive, remember those that are whole, and return a sentence on each of the others."""
    if not members:
        return []
    own = local()  # an open archive of each thread: one alone would inflate one file at a time
    faults = []
    known = remembered.found.setdefault(archive, {})
    with ExitStack() as stack, ThreadPoolExecutor(threads) as pool:
        opening = Lock()

        def looked_at(member: Member) -> tuple[int, int, bool] | InputError:
            try:
                if not hasattr(own, "opened"):
                    with opening:
                        own.opened = stack.enter_context(open_archive(archive))
                    own.masks = MaskReader(own.opened)
                return look(own.masks, own.opened, member.path)
            except InputError as error:
                return error

        name = f"looking at {Path(archive).name}"
        for member, found in zip(members, progress(pool.map(looked_at, members), len(members), name), strict=True):
            if isinstance(found, InputError):
                faults.append(str(found))
            else:
                known[member.path] = [member.version, member.size, *found]
    return faults


def _whole_mask(masks: MaskReader, opened: OpenArchive, member: str) -> tuple[int, int, bool]:
    """Return width, height and whether some is white of a mask. Raises as `MaskReader.read`."""
    box = masks.read(member)
    return (*box.size, bool(box.pixels.any()))


def _whole_picture(masks: MaskReader, opened: OpenArchive, member: str) -> tuple[int, int, bool]:
    """Return width and height of a picture that is whole, and False. Raises as `images.open_picture`.

    A JPEG is whole if it ends as one; of other formats, and where it does not, decoding tells.
    """
    content = read_member(opened, member)
    with open_picture(content, opened, member) as picture:
        if picture.format != "JPEG" or not content.getvalue().rstrip(b"\0").endswith(b"\xff\xd9"):
            picture.load()
        return (*picture.size, False)
