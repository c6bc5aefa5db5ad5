"""What a study's archives hold, looked at before anything is computed: every picture and mask, each once.

A study runs for days over files that other people made. A picture that is cut off, a mask of another size or one whose
values do not tell what is white would stop a job in the middle of it, one at a time; here all are found at once. What
was found whole is remembered by its version and size, so that the next run looks at new files alone. What was not is
looked at by every run: it may have been replaced.

With `on_bad_picture: skip` a picture that cannot be used, or that has such a mask, is set aside, and the study is that
of an archive without it. Which they are follows from the files' contents alone. So what the disk does not give (rights,
a failing disk, a file server that is away) is a fault all the same: the next time it could be there.
"""

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from threading import Lock, local
from typing import Any, TypeVar

import PIL

from ..errors import InputError
from ..files import write_text
from ..logs import progress
from ..study.digests import code_digest
from ..study.durations import duration
from ..study.faults import SHOWN, Faults, some_of
from ..study.mask_pattern import mask_path
from .archives import Member, OpenArchive, list_pictures, open_archive, read_member
from .images import open_picture
from .masks import MaskReader, other_size
from .set_aside import EVALUATION, SKIP, TRAINING, SetAside
from .study_archives import Archives

T = TypeVar("T")
SLOW = 2.0  # seconds: what takes longer is told
OFTEN = 10.0  # seconds between lines on how far it is, where there is no terminal for a bar
TENTH = 10  # of more than one picture in so many, it is the archive that is bad
WITHOUT = "Or set on_bad_picture: skip, and the study goes on without the pictures that cannot be used."
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
        code = f"{code_digest(None, 'data.images', 'data.masks', 'data.entrance')} Pillow {PIL.__version__}"
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
class Bad:
    """A picture that cannot be used. of: `evaluation` or `training`; archive: whose file it is that is at fault."""

    of: str
    image: str
    archive: str
    fault: str
    of_disk: bool = False  # the disk does not give the file; what is in it is not known


@dataclass(frozen=True)
class Looked:
    """What was found.

    faults: sentences on what is to be mended. pictures, masks: how many there are to be looked at.
    """

    faults: list[str] = field(default_factory=list)
    set_aside: SetAside = field(default_factory=SetAside)
    pictures: int = 0
    masks: int = 0


def look(archives: Archives, cache: str | Path, threads: int, shown: int | None = SHOWN) -> Looked:
    """Look at all pictures and masks of a study, and return what is wrong, or set aside, and how many there are.

    cache: folder for what is remembered. shown: of many faults of one kind the first so many are told, and the rest
    counted; None tells all. Memory: a decoded picture a thread. Archives that cannot be listed are among the faults;
    those that are not there are passed over.
    """
    if archives.drawn:  # by this library, a moment ago or in this run
        return Looked()
    started = time.monotonic()
    path = Path(cache) / f"entrance.{archives.study.configuration['study']}.json"
    looking = _Looking(archives, Remembered.read(path), threads)
    faults = Faults()
    if archives.has_training_pictures and Path(training := str(archives.path("training_pictures"))).exists():
        members = faults.or_else(lambda: list_pictures(training), NONE)
        faults.or_else(lambda: looking.at(TRAINING, training, members.items(), _whole_picture), None)
    if all(Path(str(archives.path(key))).exists() for key in ("evaluation_pictures", "evaluation_masks")):
        looking.at_evaluation(faults)
    if looking.new:
        looking.remembered.write()
    if archives.study.configuration["on_bad_picture"] == SKIP:
        set_aside = looking.set_aside()
        faults.add(*looking.too_many(), *(bad.fault for bad in looking.bad if bad.of_disk))
    else:
        set_aside = SetAside()
        for archive in dict.fromkeys(bad.archive for bad in looking.bad):
            # A lack of masks is told by `evaluation_images`.
            told = [bad.fault for bad in looking.bad if bad.archive == archive and bad not in looking.lacking]
            sentences = some_of(dict.fromkeys(told), archive, shown)
            if sentences and looking.could_skip(archive):
                sentences[-1] += f" {WITHOUT}"
            faults.add(*sentences)
    if not faults and not looking.is_anything_white(set_aside):
        faults.add(
            f"{archives.path('evaluation_masks')}: no mask of a picture with a diagnosis of the study shows a feature, "
            "so that nothing would be left to analyse. Correct the masks, archives.mask_pattern or archives.diagnoses."
        )
    if time.monotonic() - started > SLOW:
        took = duration(time.monotonic() - started)
        # On standard error: what Snakemake is asked to list goes to standard output.
        print(f"Looked at {looking.new} pictures and masks ({took}).", file=sys.stderr, flush=True)
    return Looked(faults.sentences, set_aside, len(looking.pictures), len(looking.masks))


def looked_lines(looked: Looked, archives: Archives, classifiers: int, seconds: float) -> list[str]:
    """Return lines on what was looked at where nothing is wrong, and on each picture that is set aside.

    classifiers: how many. seconds: that it took. Raises InputError as `Archives.count_rows`.
    """
    counts = {"pictures": looked.pictures, "masks": looked.masks, "rows of tables": archives.count_rows()}
    what = "the drawing's settings" if archives.drawn else ", ".join(f"{count:,} {of}" for of, count in counts.items())
    rows_aside = looked.set_aside.rows
    named = "1 classifier" if classifiers == 1 else f"{classifiers} classifiers"
    lines = [f"Looked at the configuration, {what} and {named} in {duration(seconds)}."]
    if rows_aside:
        lines.append(
            f"{len(looked.set_aside.evaluation)} evaluation and {len(looked.set_aside.training)} training pictures "
            "would be set aside (on_bad_picture: skip):"
        )
        lines += [f"- {of} picture {image}: {fault}" for of, image, fault in rows_aside]
    lines.append("Nothing else is wrong." if rows_aside else "Nothing is wrong.")
    return lines


class _Looking:
    """A look at a study's archives: what was found so far."""

    def __init__(self, archives: Archives, remembered: Remembered, threads: int) -> None:
        self.archives, self.remembered, self.threads = archives, remembered, threads
        self.bad: list[Bad] = []
        self.lacking: list[Bad] = []  # of these, what lacks a mask
        self.new = 0
        # Those that were looked at: archive and path.
        self.pictures: set[tuple[str, str]] = set()
        self.masks: set[tuple[str, str]] = set()
        # How many pictures were looked at by archive, of which and of what: {(archive, of): images}.
        self.looked_at: dict[tuple[str, str], set[str]] = {}
        self._of_images: dict[str, list[Member]] = {}

    def at(self, of: str, archive: str, members: Iterable[tuple[str, Member]], look: "Look") -> None:
        """Look at members of an archive, each of an image; raises InputError where the archive cannot be opened."""
        listed = list(members)
        new = [(image, member) for image, member in listed if self.remembered.of(archive, member) is None]
        self.new += len(new)
        files = self.pictures if look is _whole_picture else self.masks
        files.update((archive, member.path) for _, member in listed)
        self.looked_at.setdefault((archive, of), set()).update(image for image, _ in listed)
        faults = _look_at(archive, [member for _, member in new], look, self.remembered, self.threads)
        for (image, _), fault in zip(new, faults, strict=True):
            if fault is not None:
                self.bad.append(Bad(of, image, archive, str(fault), _is_of_disk(fault)))

    def at_evaluation(self, faults: Faults) -> None:
        """Look at the evaluation pictures and their masks.

        Of a trial's sample a picture that is set aside makes room for another, which is looked at in turn.
        """
        archives = self.archives
        archive = str(archives.path("evaluation_pictures"))
        nobody: list[str] = []
        listed = faults.or_else(lambda: list_pictures(archive), NONE)
        images = faults.or_else(lambda: archives.archived_images, nobody)
        if archives.has_training_pictures:  # then all of the archive are hashed, whichever are evaluated
            faults.or_else(lambda: self.at(EVALUATION, archive, listed.items(), _whole_picture), None)
        while new := [image for image in self._sample(images) if image not in self._of_images]:
            if not archives.has_training_pictures:
                those = [(image, listed[image]) for image in new]
                faults.or_else(partial(self.at, EVALUATION, archive, those, _whole_picture), None)
            self._at_masks(new, listed, faults)

    def _sample(self, images: Iterable[str]) -> list[str]:
        aside = {bad.image for bad in self.bad if bad.of == EVALUATION} if self._skips else set()
        return self.archives.sampled(image for image in images if image not in aside)

    @property
    def _skips(self) -> bool:
        return bool(self.archives.study.configuration["on_bad_picture"] == SKIP)

    def _at_masks(self, images: Sequence[str], pictures: Mapping[str, Member], faults: Faults) -> None:
        archives = self.archives
        archive, lesion_archive = str(archives.path("evaluation_masks")), str(archives.lesion_archive)
        # What is missing of masks is no fault here; those that are there are looked at all the same.
        masks = faults.or_else(lambda: archives.masks(images, missing="black"), NONE)
        lesions = faults.or_else(lambda: archives.lesion_masks(images), NONE)
        found = [(image, member) for image, of in masks.items() for member in of.values() if member]
        faults.or_else(lambda: self.at(EVALUATION, archive, found, _whole_mask), None)
        faults.or_else(lambda: self.at(EVALUATION, lesion_archive, lesions.items(), _whole_mask), None)
        self.looked_at.setdefault((archive, EVALUATION), set()).update(images)  # those without any mask, too
        for image in images:
            self._of_images[image] = [member for member in masks.get(image, NONE).values() if member]
            sizes = [(archive, member) for member in self._of_images[image]]
            sizes += [(lesion_archive, lesions[image])] if image in lesions else []
            self.bad += self._of_other_sizes(image, pictures[image], sizes)
            if archives.mask_options["missing"] == "error":
                self._add_lacking(image, [feature for feature, mask in masks.get(image, NONE).items() if not mask])

    def _of_other_sizes(self, image: str, picture: Member, masks: Iterable[tuple[str, Member]]) -> Iterator[Bad]:
        """Yield each mask whose size is not its picture's, among those that were found whole."""
        size = self.remembered.of(str(self.archives.path("evaluation_pictures")), picture)
        for archive, member in masks:
            of_mask = self.remembered.of(archive, member)
            if size and of_mask and of_mask[:2] != size[:2]:
                words = other_size(f"{archive}: the mask {member.path}", of_mask[:2], size[:2])
                yield Bad(EVALUATION, image, archive, words)

    def _add_lacking(self, image: str, features: Sequence[str]) -> None:
        if features:
            archive = str(self.archives.path("evaluation_masks"))
            paths = [mask_path(self.archives.mask_options["pattern"], image, feature) for feature in features]
            bad = Bad(EVALUATION, image, archive, f"{archive} lacks {' and '.join(paths)}. Complete the archive.")
            self.lacking.append(bad)
            self.bad.append(bad)

    def set_aside(self) -> SetAside:
        """Return the pictures that cannot be used; of a picture's several faults all are told."""
        words: dict[str, dict[str, list[str]]] = {EVALUATION: {}, TRAINING: {}}
        for bad in self.bad:
            words[bad.of].setdefault(bad.image, []).append(" ".join(bad.fault.split()))
        found = {
            of: {image: " ".join(dict.fromkeys(faults)) for image, faults in sorted(those.items())}
            for of, those in words.items()
        }
        return SetAside(**found)

    def could_skip(self, archive: str) -> bool:
        """Return whether `on_bad_picture: skip` would go on without the pictures that are bad by an archive's files."""
        of_disk = any(bad.of_disk for bad in self.bad if bad.archive == archive)
        return not of_disk and not any(sentence.startswith(f"{archive}: ") for sentence in self.too_many())

    def too_many(self) -> Iterator[str]:
        """Yield a sentence on each archive of whose pictures too many are bad: it is, or what is said of it is."""
        for (archive, of), images in self.looked_at.items():
            faults = {bad.image: bad.fault for bad in self.bad if (bad.archive, bad.of) == (archive, of)}
            if faults and (len(faults) > max(1, len(images) // TENTH) or len(faults) == len(images)):
                first = "\n".join(list(faults.values())[:SHOWN])
                yield (
                    f"{archive}: {len(faults)} of {len(images)} {of} pictures cannot be used by what is in it. More "
                    f"than one in {TENTH} are not set aside: the archive, or what the configuration says of it, is "
                    f"wrong. The first:\n{first}"
                )

    def is_anything_white(self, set_aside: SetAside) -> bool:
        """Return whether a mask of a picture that would be analysed shows a feature, as far as these can be told."""
        try:
            diagnosed = replace(self.archives, set_aside=set_aside).diagnosed_images
        except (InputError, FileNotFoundError):  # told by those that need them
            return True
        archive = str(self.archives.path("evaluation_masks"))
        found = (self.remembered.of(archive, mask) for image in diagnosed for mask in self._of_images.get(image, ()))
        return any(known is not None and known[2] for known in found)


def _is_of_disk(fault: InputError) -> bool:
    """Return whether it is the disk that did not give a file: only its errors have a number."""
    return isinstance(fault.__cause__, OSError) and fault.__cause__.errno is not None


Look = Callable[[MaskReader, OpenArchive, str], tuple[int, int, bool]]


def _look_at(
    archive: str, members: Sequence[Member], look: Look, remembered: Remembered, threads: int
) -> list[InputError | None]:
    """Look at members of an archive, remember those that are whole, and return what is wrong with each, or None.

    Raises InputError where the archive cannot be opened.
    """
    if not members:
        return []
    own = local()  # an open archive of each thread: one alone would inflate one file at a time
    faults: list[InputError | None] = []
    known = remembered.found.setdefault(archive, {})
    with ExitStack() as stack, ThreadPoolExecutor(threads) as pool:
        opening = Lock()

        def looked_at(member: Member) -> tuple[int, int, bool] | InputError:
            if not hasattr(own, "opened"):
                with opening:
                    own.opened = stack.enter_context(open_archive(archive))
                own.masks = MaskReader(own.opened)
            try:
                return look(own.masks, own.opened, member.path)
            except InputError as error:
                return error

        results = _told(pool.map(looked_at, members), len(members), f"looking at {Path(archive).name}")
        for member, found in zip(members, results, strict=True):
            faults.append(found if isinstance(found, InputError) else None)
            if not isinstance(found, InputError):
                known[member.path] = [member.version, member.size, *found]
    return faults


def _told(items: Iterable[T], total: int, what: str) -> Iterator[T]:
    """Yield items; show a bar on a terminal, and elsewhere a line now and then."""
    if sys.stderr.isatty():
        yield from progress(items, total, what)
        return
    told = time.monotonic()
    for number, item in enumerate(items, start=1):
        yield item
        if time.monotonic() - told > OFTEN:
            told = time.monotonic()
            print(f"{what}: {number:,} of {total:,}", file=sys.stderr, flush=True)


def _whole_mask(masks: MaskReader, opened: OpenArchive, member: str) -> tuple[int, int, bool]:
    """Return width, height and whether some is white of a mask. Raises as `MaskReader.read`."""
    box = masks.read(member)
    return (*box.size, bool(box.pixels.any()))


def _whole_picture(masks: MaskReader, opened: OpenArchive, member: str) -> tuple[int, int, bool]:
    """Return width and height of a picture that is whole, and False. Raises as `images.open_picture`.

    Decoding tells: a JPEG may end as one and be damaged before. At an eighth of its size it is read through all the
    same, and fails exactly where it fails at its full size, in about half of the time.
    """
    with open_picture(read_member(opened, member), opened, member) as picture:
        size = picture.size
        if picture.format == "JPEG":
            picture.draft(None, (1, 1))
        picture.load()
        return (*size, False)
