"""A target for each reader: it takes a file's bytes, and what may come of them is a value or an InputError.

`execute` is what both engines call, Hypothesis (`test_readers.py`) and Atheris (`run_atheris.py`).
"""

import atexit
import itertools
import math
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import yaml
from dermalign.classifiers.brought import keras_files
from dermalign.data import images
from dermalign.data.archives import Folder, list_members, list_pictures, open_archive, read_member
from dermalign.data.diagnoses import class_of, is_class, is_diagnosis
from dermalign.data.feedback import FOLDER, FORMAT, NAME, Feedback, mask_faults, read_feedback
from dermalign.data.images import decode_each, picture_size
from dermalign.data.labels import named_pictures, read_diagnoses, read_training_labels
from dermalign.data.lesions import lesion_account, read_lesions
from dermalign.data.mask_files import list_masks
from dermalign.data.masks import MaskReader, WhiteBox
from dermalign.data.metadata import read_metadata
from dermalign.data.study_archives import Archives
from dermalign.data.study_feedback import StudyFeedback
from dermalign.data.tables import LESION_COLUMNS, PICTURE_COLUMNS, Table, read_table
from dermalign.errors import InputError
from dermalign.overlap.curves import CurveFile, open_curves
from dermalign.overlap.shards import Shards, read_shards
from dermalign.results.published import Published, read_published
from dermalign.saliency.maps import open_maps
from dermalign.saliency.stores import TEXTS, Store, read_store
from dermalign.study import configuration
from dermalign.study.configuration import checked
from PIL import Image
from study_cases import FEATURES, IMAGES, small_study, write_archives

from . import seeds
from .watched import watched

CLASSES = ["MEL", "NV", "BKL"]
PIXELS = 10**6  # pictures here are of a few; with the real limit a header alone could ask for seconds and a gigabyte
_schema = cache(configuration.read_schema)  # reading it takes many times as long as checking with it

# What reads a file in one way, or several; each may end in an InputError of its own.
Parts = Callable[[Path], Iterator[Callable[[], object]]]


@dataclass(frozen=True)
class Target:
    """A reader, and what is needed to try it.

    suffix: of the file. parts: from its path what reads it. seeds: valid contents. tokens: words and signs of such
    files. names_file: whether messages name the file.
    """

    suffix: str
    parts: Parts
    seeds: Callable[[], Sequence[bytes]]
    tokens: tuple[bytes, ...] = ()
    names_file: bool = True


_numbers = itertools.count()


@cache
def _folder() -> Path:
    """Return a folder for this process, in memory where there is such a disk."""
    disk = Path("/dev/shm")
    folder = tempfile.mkdtemp(prefix="readers", dir=disk if disk.is_dir() else None)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


@contextmanager
def _quick() -> Iterator[None]:
    """Have the library refuse large pictures, and read the schema once."""
    before = images.PIXEL_LIMIT, configuration.read_schema
    images.PIXEL_LIMIT = Image.MAX_IMAGE_PIXELS = PIXELS
    configuration.read_schema = _schema
    try:
        yield
    finally:
        images.PIXEL_LIMIT, configuration.read_schema = before
        Image.MAX_IMAGE_PIXELS = images.PIXEL_LIMIT


def execute(name: str, content: bytes) -> list[str]:
    """Let a target read a file of this content; return the messages of its InputErrors.

    Raises whatever else the reader raises, and AssertionError for a message that names no file or cannot be printed,
    a value that is not as its reader documents it, and as `watched`.
    """
    with _quick():
        _warm_up(name)
        return _executed(TARGETS[name], content, True)


@cache
def _warm_up(name: str) -> None:
    """Let a target read its seeds: what is imported and prepared at its first use is not of the reader's doing."""
    for content in TARGETS[name].seeds():
        _executed(TARGETS[name], content, False)


def _executed(target: Target, content: bytes, is_watched: bool) -> list[str]:
    folder = _folder() / "given"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    # A name of its own: listings are remembered by name, size and time, whose ticks are longer than an execution.
    path = folder / f"given{next(_numbers)}{target.suffix}"
    path.write_bytes(content)
    messages = []
    for part in target.parts(path):
        with watched(folder, may_write=f"{_folder()}/cache") if is_watched else nullcontext():
            try:
                part()
            except InputError as error:
                messages.append(str(error))
    for message in messages:
        assert path.name in message or not target.names_file, f"the message names no file: {message}"
        message.encode()  # else it could not be printed
    return messages


def _archive(path: Path) -> Iterator[Callable[[], object]]:
    yield lambda: list_pictures(path)
    yield lambda: list_masks(path, ["a", "b"], ["globules"], missing="black")

    def read() -> None:
        members = list_members(path)
        with open_archive(path) as opened:
            for member in members[:5]:
                read_member(opened, member.path)

    yield read

    def measured() -> None:
        for member in list_pictures(path).values():
            with open_archive(path) as opened:
                width, height = picture_size(opened, member.path)
                assert width > 0 and height > 0

    yield measured


def _picture(path: Path) -> Iterator[Callable[[], object]]:
    folder = Folder(str(path.parent))
    yield lambda: picture_size(folder, path.name)

    def decoded() -> None:
        (pixels,) = decode_each(folder, [path.name], lambda picture: np.asarray(picture.convert("RGB")))
        assert pixels.shape[:2] == picture_size(folder, path.name)[::-1], "its header has another size than its pixels"

    yield decoded


def check_box(box: WhiteBox) -> None:
    """Raise AssertionError for what is white of a mask where it is not inside the mask, or neither 0 nor 1."""
    width, height = box.size
    assert 0 <= box.left <= box.right <= width and 0 <= box.top <= box.bottom <= height
    assert box.pixels.dtype == np.uint8 and (not box.pixels.size or box.pixels.max() <= 1)


def _mask(path: Path) -> Iterator[Callable[[], object]]:
    yield lambda: check_box(MaskReader(Folder(str(path.parent))).read(path.name))


def check_table(table: Table) -> None:
    """Raise AssertionError for a table whose rows are not as long as its columns are many."""
    assert all(len(row) == len(table.columns) for row in table.rows)
    for row in table.rows:
        table.pictures(row)


def _table(path: Path) -> Iterator[Callable[[], object]]:
    yield lambda: check_table(read_table(path))


def _labels(path: Path) -> Iterator[Callable[[], object]]:
    yield lambda: read_diagnoses([path], CLASSES)
    yield lambda: read_training_labels(path, CLASSES[:2])
    yield lambda: read_training_labels(path, CLASSES[:2], [path])
    yield lambda: named_pictures(path, CLASSES, [path])


def _metadata(path: Path) -> Iterator[Callable[[], object]]:
    yield lambda: read_metadata(path, ["age_approx", "sex", "diagnosis"])
    yield lambda: read_metadata(path, read_table(path).columns)
    yield lambda: read_lesions(path)
    yield lambda: lesion_account(path)


def _diagnoses(path: Path) -> Iterator[Callable[[], object]]:
    def told() -> None:
        words = path.read_text(encoding="utf-8", errors="replace").split("\n")
        assert isinstance(class_of(words, CLASSES), str)
        for word in words:
            is_class(word, CLASSES)
            is_diagnosis(word, CLASSES)

    yield told


def _configuration(path: Path) -> Iterator[Callable[[], object]]:
    try:
        tree = yaml.load(path.read_bytes(), yaml.CSafeLoader)  # the same, and in C
    except (yaml.YAMLError, ValueError, RecursionError, OverflowError):  # not read by dermalign
        return

    def complete() -> None:
        found = checked(tree)
        assert checked(found) == found, "what is complete is changed by being completed again"

    if isinstance(tree, dict):
        yield complete


def check_store(store: Store) -> None:
    """Raise AssertionError for a store that is not as the module documents it."""
    assert store.saliency.dtype == store.raw.dtype == store.probabilities.dtype == np.float32
    assert store.saliency.shape == store.raw.shape and store.saliency.ndim == (3 if store.features else 2)
    assert ((store.saliency >= 0) & (store.saliency <= 1)).all() and np.isfinite(store.raw).all()
    assert store.probabilities.ndim == 1
    for name in TEXTS:
        assert isinstance(getattr(store, name), str)
        getattr(store, name).encode()


def _store(path: Path) -> Iterator[Callable[[], object]]:
    yield lambda: check_store(read_store(path))


def _maps(path: Path) -> Iterator[Callable[[], object]]:
    def read() -> None:
        with open_maps(path) as maps:
            for rows in maps.blocks():
                saliency, raw, degenerate = maps.saliency(rows), maps.raw(rows), maps.degenerate(rows)
                assert saliency.dtype == raw.dtype == np.float32 and saliency.shape == raw.shape
                assert len(saliency) == len(degenerate) == len(maps.images[rows]) == len(maps.predicted[rows])
                assert ((saliency >= 0) & (saliency <= 1)).all()

    yield read


def check_curves(curves: CurveFile) -> None:
    """Raise AssertionError for curves that no map and mask can have."""
    for feature in curves.features:
        intersection, union, mask = curves.counts(feature, ["0.000", "0.300", "1.000"])
        assert intersection.shape == union.shape == (3, len(curves.images)) and mask.shape == (len(curves.images),)


def _curves(path: Path) -> Iterator[Callable[[], object]]:
    def read() -> None:
        with open_curves(path) as curves:
            check_curves(curves)

    yield read


def check_shards(shards: Shards) -> None:
    """Raise AssertionError for shards that are not as the module documents them."""
    assert len(shards.images) == len(shards.first) and shards.intersection.shape == shards.union.shape
    assert (shards.intersection >= 0).all() and (shards.intersection <= shards.union).all() and (shards.union > 0).all()
    if shards.images:
        assert np.isfinite(shards.jaccard).all() and shards.jaccard.max() <= 1


def _shard(path: Path) -> Iterator[Callable[[], object]]:
    yield lambda: check_shards(read_shards({"0.300": path}))


def check_published(published: Published) -> None:
    """Raise AssertionError for a published value that is not finite or not between its own bounds."""
    for each in published.values:
        low, high = each.bounds
        assert math.isfinite(each.value) and low <= high
    assert all(isinstance(name, str) for name in published.networks)


def _published(path: Path) -> Iterator[Callable[[], object]]:
    yield lambda: check_published(read_published(path))


def check_feedback(feedback: Feedback) -> None:
    """Raise AssertionError for feedback that is not as the module documents it; UnicodeError for what no file takes."""
    for text in (feedback.study, feedback.reader, *feedback.features, *feedback.classifiers, *feedback.pictures):
        text.encode()
    for picture in feedback.pictures.values():
        assert min(picture.size) >= 1 and picture.time.tzinfo is not None
        assert all(1 <= rating <= 5 for rating in picture.ratings.values())
        for text in (picture.note, picture.threshold, picture.source, *picture.drawn, *picture.ratings):
            text.encode()
        for model, verdict in picture.verdicts.items():
            f"{model}{verdict.predicted}{verdict.corrected}".encode()


@cache
def _study_folder() -> Path:
    """Return the folder of the archives of a small study."""
    folder = _folder() / "archives"

    def zipped(path: Path, members: dict[str, bytes]) -> Path:
        folder.mkdir(exist_ok=True)
        path.write_bytes(seeds.zip_of(members))
        return path

    def encoded() -> bytes:
        return seeds.encoded(Image.new("RGB", seeds.SIZE, (90, 90, 90)), "PNG")

    write_archives(folder, zipped, encoded)
    return folder


def _feedback(path: Path) -> Iterator[Callable[[], object]]:
    def whole() -> None:
        check_feedback(read_feedback(path))
        for sentence in mask_faults(path):
            assert path.name in sentence
            sentence.encode()

    def planned() -> None:
        study = StudyFeedback(Archives(small_study(_study_folder(), feedback={"anna": str(path)})))
        for sentence in study.faults({"plain": CLASSES}, ["plain/gradcam"], _folder() / "cache"):
            assert path.name in sentence
            sentence.encode()

    yield whole
    yield planned


def _network(path: Path) -> Iterator[Callable[[], object]]:
    yield lambda: keras_files._check_parts(path, keras_files._read(path))


_OF_ZIPS = (
    b"PK\x01\x02",
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"PK\x06\x06",
    b"PK\x06\x07",
    b"\xff\xff\xff\xff",
    b"../",
    b"\\",
)
_OF_TABLES = (
    *(name.encode() for name in (*PICTURE_COLUMNS, *LESION_COLUMNS, *CLASSES)),
    *(b",", b";", b"\t", b"|", b"||", b'"', b'""', b"\n", b"\r", b"\r\n", b"\0", b"sep=;\n", b"\xef\xbb\xbf", b"nan"),
    *(b"diagnosis", b"iddx_full", b"benign", b"melanoma", b"::", b"1.0", b"1e999", b"X", b"_downsampled"),
)
_OF_YAML = (
    *(b": ", b"- ", b"null", b"{}", b"[]", b"&a ", b"*a", b"<<: ", b"!!set", b"!!binary", b".nan", b".inf", b"1e3"),
    *(b"2026-11-28", b"~", b"? ", b'"\\ud800"', b"1_000", b"0o7", b"yes", b"models:", b"thresholds:", b"gradcam"),
)
_OF_JSON = (
    *(b"{", b"}", b"[", b"]", b'"', b":", b",", b"null", b"true", b"NaN", b"-0", b"1e999", b'"\\ud800"', b"9" * 400),
    *(word.encode() for word in (FORMAT, NAME, FOLDER, *FEATURES, IMAGES[0])),
)
_OF_HDF5 = (b"\x89HDF\r\n\x1a\n", b"TREE", b"SNOD", b"HEAP", b"OHDR", b"saliency", b"image", b"\xff" * 8)
_OF_PICTURES = (
    *(b"\x89PNG\r\n\x1a\n", b"IHDR", b"IDAT", b"PLTE", b"tRNS", b"eXIf", b"zTXt", b"iCCP", b"acTL", b"IEND"),
    *(b"\xff\xd8\xff", b"\xff\xe1", b"Exif\0\0", b"II*\0", b"MM\0*", b"RIFF", b"WEBP", b"VP8X", b"GIF89a", b"BM"),
)

TARGETS = {
    "archive": Target(".zip", _archive, seeds.archives, _OF_ZIPS),
    "picture": Target(".png", _picture, seeds.pictures, _OF_PICTURES),
    "mask": Target(".png", _mask, seeds.masks, _OF_PICTURES),
    "table": Target(".csv", _table, seeds.tables, _OF_TABLES),
    "labels": Target(".csv", _labels, seeds.tables, _OF_TABLES),
    "metadata": Target(".csv", _metadata, seeds.tables, _OF_TABLES),
    "diagnoses": Target(".txt", _diagnoses, seeds.diagnoses, _OF_TABLES),
    "configuration": Target(".yaml", _configuration, seeds.configurations, _OF_YAML, names_file=False),
    "store": Target(".h5", _store, seeds.stores, _OF_HDF5),
    "maps": Target(".h5", _maps, seeds.maps, _OF_HDF5),
    "curves": Target(".h5", _curves, seeds.curves, _OF_HDF5),
    "shard": Target(".csv", _shard, seeds.shards, _OF_TABLES),
    "published": Target(".csv", _published, seeds.published, _OF_TABLES),
    "feedback_zip": Target(".zip", _feedback, seeds.feedback_zips, (*_OF_ZIPS, *_OF_JSON)),
    "feedback_json": Target(".json", _feedback, seeds.feedback_json, _OF_JSON),
    "network": Target(".keras", _network, seeds.networks, (*_OF_ZIPS, *_OF_JSON)),
}
