"""Files of feedback: what a reader drew and judged in the explorer, a zip or JSON, as docs/feedback.md describes them.

They come by mail from other machines: what a file declares and what is in it are bounded, nothing is unpacked, and no
name in it becomes a path. What is in one is checked against itself here; what it says of a study, `study_feedback`
checks.
"""

import base64
import io
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Any

from jsonschema import Draft202012Validator
from PIL import Image

from ..errors import InputError
from ..study.mask_pattern import ISIC_MASKS, mask_path
from .archives import MEMORY, UNREADABLE, OpenArchive, read_up_to, unreadable, zipfile_of
from .images import is_deep, open_picture
from .masks import WhiteBox, other_size, white_box
from .names import leads_out

FORMAT = "dermalign feedback 1"
NAME = "feedback.json"
FOLDER = "masks"  # of a zip's masks
AGAIN = "Export the feedback again, or take the file out of `feedback`."

# Bounds in bytes, of what a file declares and of what is read: of the JSON, of a mask, of all that a zip unpacks to.
JSON_BYTES = 2**28
MASK_BYTES = 2**25
ALL_BYTES = 2**32
FARTHEST = 1e9  # pixels: no point lies so far out

_TEXT: dict[str, Any] = {"type": ["string", "null"]}
_NAMES: dict[str, Any] = {"type": "array", "items": {"type": "string"}}
_LABEL: dict[str, Any] = {
    "type": "object",
    "required": ["predicted", "right"],
    "properties": {"predicted": {"type": "string"}, "right": {"type": "boolean"}, "class": _TEXT},
}
_PICTURE: dict[str, Any] = {
    "type": "object",
    "required": ["width", "height", "time", "finished"],
    "properties": {
        "width": {"type": "integer", "minimum": 1},
        "height": {"type": "integer", "minimum": 1},
        "time": {"type": "string"},
        "finished": {"type": "boolean"},
        "regions": {
            "type": "array",
            # Points are many: `_has_points` looks at them.
            "items": {
                "type": "object",
                "required": ["feature", "points"],
                "properties": {"feature": {"type": "string"}, "points": {"type": "array"}},
            },
        },
        "labels": {"type": "object", "additionalProperties": _LABEL},
        "ratings": {"type": "object", "additionalProperties": {"type": "integer", "minimum": 1, "maximum": 5}},
        "note": _TEXT,
        "threshold": _TEXT,
        "source": _TEXT,
    },
}
_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["study", "reader", "features", "classifiers", "pictures"],
    "properties": {
        "study": {"type": "string"},
        "reader": {"type": "string"},
        "features": _NAMES,
        "classes": _NAMES,
        "classifiers": {"type": "object", "additionalProperties": {"type": "string"}},
        "pictures": {"type": "object", "additionalProperties": _PICTURE},
        "masks": {"type": "object", "additionalProperties": {"type": "string"}},
    },
}


@dataclass(frozen=True)
class Verdict:
    """What a reader says of a model's classification of a picture.

    predicted: the class that was shown; right: whether it is; corrected: if not, the class that would be, None where
    the reader names none.
    """

    predicted: str
    right: bool
    corrected: str | None

    @property
    def label(self) -> str | None:
        """The picture's class by this verdict, None where it names none."""
        return self.predicted if self.right else self.corrected


@dataclass(frozen=True)
class PictureFeedback:
    """What a reader left on a picture.

    size: width and height in pixels. time: of the last change. finished: whether all that the reader sees is marked.
    drawn: the features with a region. verdicts: {model: verdict}. ratings: {`{model}/{method}`: 1 to 5}. note,
    threshold, source: the reader's words, and what was looked at; empty where there are none.
    """

    size: tuple[int, int]
    time: datetime
    finished: bool
    drawn: frozenset[str]
    verdicts: Mapping[str, Verdict]
    ratings: Mapping[str, int]
    note: str
    threshold: str
    source: str


@dataclass(frozen=True)
class Feedback:
    """A file of feedback, but for its masks.

    path: of the file; study, reader: names as written in it; features: those that a finished picture has masks of;
    classifiers: {model: SHA-256 of the classifier that the reader saw}; pictures: by name.
    """

    path: str
    study: str
    reader: str
    features: list[str]
    classifiers: Mapping[str, str]
    pictures: Mapping[str, PictureFeedback]


def mask_name(image: str, feature: str) -> str:
    """Return the path of a mask in a zip of feedback."""
    return f"{FOLDER}/{mask_path(ISIC_MASKS, image, feature)}"


@contextmanager
def open_feedback(path: str | Path) -> Iterator[tuple[Feedback, OpenArchive]]:
    """Open a file of feedback: what it says, and its masks, which `read_mask` reads.

    Raises InputError for what is no file, no whole zip or JSON, of another format, or not as the format says.
    """
    if not Path(path).is_file():
        raise InputError(f"{path}: there is no such file. Correct the path under `feedback`.")
    if Path(path).suffix.lower() == ".json":
        with Path(path).open("rb") as file:
            content = _parsed(path, _bounded(path, file, NAME, JSON_BYTES))
        yield _feedback(path, content), _JsonMasks(str(path), _masks_of(path, content))
        return
    with zipfile_of(path) as opened:
        _check_members(path, opened)
        try:
            stream = opened.open(NAME)
        except UNREADABLE as error:
            if isinstance(error, KeyError):
                raise InputError(f"{path} holds no {NAME}: it is no export of the explorer. {AGAIN}") from error
            raise unreadable(opened, NAME, error) from error
        yield _feedback(path, _parsed(path, _bounded(path, stream, NAME, JSON_BYTES))), opened


def read_feedback(path: str | Path) -> Feedback:
    """Return what a file of feedback says. Raises as `open_feedback`."""
    with open_feedback(path) as (feedback, _):
        return feedback


def read_mask(opened: OpenArchive, image: str, feature: str, size: tuple[int, int]) -> WhiteBox:
    """Return what is white of a mask of an open file of feedback; size: width and height of the picture.

    Raises InputError where it is missing, damaged, too large, of another size, or of other values than 0 and 255.
    """
    name = mask_name(image, feature)
    try:
        stream = opened.open(name)
    except KeyError as error:
        raise InputError(
            f"{opened.filename} lacks the mask {name}: a finished picture has one of every feature, black where "
            f"nothing is drawn. {AGAIN}"
        ) from error
    except UNREADABLE as error:
        raise unreadable(opened, name, error) from error
    content = io.BytesIO(_bounded(opened.filename, stream, name, MASK_BYTES))
    with open_picture(content, opened, name) as mask:
        if mask.size != size:  # before anything is decoded
            raise InputError(other_size(f"{opened.filename}: the mask {name}", mask.size, size))
        if not _is_two_valued(mask):
            raise InputError(f"{opened.filename}: the mask {name} has other values than 0 and 255. {AGAIN}")
        return white_box(mask)


def mask_faults(path: str | Path) -> list[str]:
    """Return a sentence on each mask of a finished picture that cannot be read, as `read_mask` says.

    Every mask is decoded. Raises as `open_feedback`.
    """
    faults = []
    with open_feedback(path) as (feedback, opened):
        for image, picture in feedback.pictures.items():
            for feature in feedback.features if picture.finished else ():
                try:
                    read_mask(opened, image, feature, picture.size)
                except InputError as error:
                    faults.append(str(error))
    return faults


def latest_pictures(files: Sequence[Feedback]) -> dict[str, tuple[int, PictureFeedback]]:
    """Return a reader's pictures by name: in which of the files each was last changed, and what is there.

    Of two with one time that of the later file counts.
    """
    found: dict[str, tuple[int, PictureFeedback]] = {}
    for number, feedback in enumerate(files):
        for image, picture in feedback.pictures.items():
            if image not in found or picture.time >= found[image][1].time:
                found[image] = (number, picture)
    return dict(sorted(found.items()))


@dataclass(frozen=True)
class _JsonMasks:
    """The masks of feedback that is one JSON file, read as an archive; masks: {file name: PNG as base64}."""

    filename: str
    masks: Mapping[str, str]

    def read(self, name: str, /) -> bytes:
        """Return a mask's PNG; raises KeyError where there is none, ValueError where it is no base64."""
        return base64.b64decode(self.masks[PurePosixPath(name).name], validate=True)

    def open(self, name: str, /) -> io.BytesIO:
        """Open a mask's PNG, as `read`."""
        return io.BytesIO(self.read(name))


def _bounded(path: object, stream: Any, name: str, most: int) -> bytes:
    """Return what is in an open file, at most so many bytes. Raises InputError for more, and for what is damaged."""
    try:
        with stream:
            content = read_up_to(stream, most)
    except UNREADABLE as error:
        raise InputError(f"{path}: {name} cannot be read ({str(error) or MEMORY}). {AGAIN}") from error
    if len(content) > most:
        raise _too_large(path, name, most)
    return content


def _too_large(path: object, name: str, most: int) -> InputError:
    return InputError(f"{path}: {name} has more than {most // 2**20} MiB, which no feedback has. {AGAIN}")


def _check_members(path: object, opened: zipfile.ZipFile) -> None:
    """Raise InputError for a zip whose directory is not that of feedback: by names, by sizes, by names that recur."""
    seen = set()
    total = 0
    for info in opened.infolist():
        _check_name(path, info.filename)
        most = JSON_BYTES if info.filename == NAME else MASK_BYTES
        if info.file_size > most:
            raise _too_large(path, info.filename, most)
        total += info.file_size
        if info.filename in seen:
            raise InputError(f"{path} holds {info.filename} twice. {AGAIN}")
        seen.add(info.filename)
    if total > ALL_BYTES:
        raise _too_large(path, "all that is in it", ALL_BYTES)


def _check_name(path: object, name: str) -> None:
    if leads_out(name):
        raise InputError(f"{path} holds {name!r}, a path that leads out of it, which no export does. Do not unpack it.")


def _parsed(path: object, content: bytes) -> dict[str, Any]:
    """Return the JSON of feedback, as the schema has it. Raises InputError."""

    def no_number(word: str) -> None:
        raise ValueError(f"{word} is no number of JSON")

    try:
        parsed = json.loads(content.decode("utf-8"), parse_constant=no_number)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: {NAME} is no whole JSON ({error}). {AGAIN}") from error
    if not isinstance(parsed, dict) or "format" not in parsed:
        raise InputError(f"{path} is no feedback: it does not say its format, `{FORMAT}`. {AGAIN}")
    if parsed["format"] != FORMAT:
        raise InputError(
            f"{path} is of the format {parsed['format']!r}, and `{FORMAT}` is read. Use the dermalign that wrote it, "
            "or export it again."
        )
    faults = sorted(Draft202012Validator(_SCHEMA).iter_errors(parsed), key=lambda fault: list(map(str, fault.path)))
    if faults:
        where = ".".join(map(str, faults[0].absolute_path)) or NAME
        more = f" So are {len(faults) - 1} more." if len(faults) > 1 else ""
        raise InputError(f"{path}: `{where}` is not as the format says: {faults[0].message[:200]}.{more} {AGAIN}")
    return parsed


def _feedback(path: object, content: Mapping[str, Any]) -> Feedback:
    pictures = {image: _picture(f"{path}: {image}", given) for image, given in content["pictures"].items()}
    return Feedback(
        str(path), content["study"], content["reader"], content["features"], content["classifiers"], pictures
    )


def _picture(where: str, given: Mapping[str, Any]) -> PictureFeedback:
    try:
        time = datetime.fromisoformat(given["time"])
    except ValueError as error:
        raise InputError(f"{where} has the time {given['time']!r}, which is none of ISO 8601. {AGAIN}") from error
    regions = given.get("regions", [])
    if not all(_has_points(region) for region in regions):
        raise InputError(f"{where} has a region whose points are not pairs of numbers. {AGAIN}")
    verdicts = {
        model: Verdict(label["predicted"], label["right"], label.get("class") or None)
        for model, label in given.get("labels", {}).items()
    }
    for model, verdict in verdicts.items():
        if not verdict.right and verdict.corrected == verdict.predicted:
            raise InputError(f"{where}: that {model} says {verdict.predicted} is called wrong, and right. {AGAIN}")
    return PictureFeedback(
        size=(int(given["width"]), int(given["height"])),
        time=time if time.tzinfo else time.replace(tzinfo=UTC),
        finished=given["finished"],
        drawn=frozenset(region["feature"] for region in regions),
        verdicts=verdicts,
        ratings={source: int(rating) for source, rating in given.get("ratings", {}).items()},
        **{key: given.get(key) or "" for key in ("note", "threshold", "source")},
    )


def _has_points(region: Mapping[str, Any]) -> bool:
    # Freehand regions have thousands of points, and each job of a run reads them: loops of C are five times as fast.
    points = region["points"]
    if not (set(map(type, points)) <= {list} and set(map(len, points)) <= {2}):
        return False
    numbers = list(chain.from_iterable(points))
    return set(map(type, numbers)) <= {int, float} and max(map(abs, numbers), default=0) < FARTHEST


def _masks_of(path: object, content: Mapping[str, Any]) -> Mapping[str, str]:
    masks: Mapping[str, str] = content.get("masks", {})
    for name, encoded in masks.items():
        _check_name(path, name)
        if len(encoded) > MASK_BYTES * 4 // 3 + 4:
            raise _too_large(path, name, MASK_BYTES)
    return masks


def _is_two_valued(mask: Image.Image) -> bool:
    if mask.mode not in ("1", "L") or is_deep(mask) or mask.has_transparency_data:
        return False
    return mask.mode == "1" or not any(mask.histogram()[1:255])
