"""The table of bad input: how each is made of a sound study, where it must be found, and what must be said of it.

Words are regular expressions, all of which the message must have: the file or key, the fault, and what to do.
"""

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from .builders import (
    EVALUATED,
    FEATURES,
    HEIGHT,
    MODEL,
    TRAINED,
    WIDTH,
    Change,
    Sound,
    animated,
    deep_grey,
    encoded,
    encrypted,
    feedback,
    feedback_zip,
    in_words,
    one_hot,
    photograph,
    png,
    region,
    white,
    zipped,
)

CONFIGURATION, PLANNING = "configuration", "planning"


@dataclass(frozen=True)
class Case:
    """Bad input. stage: `configuration`, `planning`, or `job: {rule}`."""

    name: str
    stage: str
    change: Change
    words: tuple[str, ...]


def configured(name: str, *words: str, **settings: Any) -> Case:
    """Return a case of the configuration: keys with other values, within mappings key by key; ... takes one away."""

    def change(study: Sound) -> None:
        _laid_over(study.settings, settings)

    return Case(name, CONFIGURATION, change, words)


def _laid_over(settings: dict[str, Any], changes: dict[str, Any]) -> None:
    for key, value in changes.items():
        if value is ...:
            settings.pop(key)
        elif isinstance(value, dict) and isinstance(settings.get(key), dict):
            _laid_over(settings[key], value)
        else:
            settings[key] = value


def planned(name: str, change: Change, *words: str) -> Case:
    """Return a case that planning must find."""
    return Case(name, PLANNING, change, words)


def file(name: str, content: Any) -> Change:
    """Return a change: another file of the folder of archives, None for none, a mapping for a folder."""
    return lambda study: study.files.update({name: content})


def picture(content: bytes | Callable[[bytes], bytes], name: str = "pictures/e1.png") -> Change:
    """Return a change of one evaluation picture: to a content, or by a function of its own."""

    def change(study: Sound) -> None:
        study.pictures[name] = content(study.pictures["pictures/e1.png"]) if callable(content) else content
        if name != "pictures/e1.png":
            del study.pictures["pictures/e1.png"]

    return change


def mask(content: bytes | np.ndarray | Image.Image) -> Change:
    """Return a change of one mask, of streaks on e1."""
    data = content if isinstance(content, bytes) else encoded(content)
    return lambda study: study.masks.update({study.mask(): data})


def table(name: str, content: str | bytes) -> Change:
    """Return a change of one table."""
    return lambda study: study.tables.update({name: content})


def labels(change: Callable[[str], str | bytes]) -> Change:
    """Return a change of the training labels, a table with a column per class."""
    return table("labels.csv", change(one_hot(TRAINED)))


def diagnoses(change: Callable[[str], str | bytes]) -> Change:
    """Return a change of the table of diagnoses, in words."""
    return table("diagnoses.csv", change(in_words(EVALUATED)))


def together(*changes: Change) -> Change:
    """Return several changes as one."""

    def change(study: Sound) -> None:
        for each in changes:
            each(study)

    return change


def setting(**settings: Any) -> Change:
    """Return a change of the configuration, key by key."""
    return lambda study: _laid_over(study.settings, settings)


def archives_of(member: Callable[[Sound], dict[str, bytes]], change: Callable[[dict[str, bytes]], object]) -> Change:
    """Return a change of the files of an archive."""
    return lambda study: change(member(study))


def read_back(name: str, content: Any) -> Change:
    """Return a change: a file of feedback that the study names."""
    return together(file(name, content), lambda study: study.settings.update(feedback={"anna": str(study.data / name)}))


HTML = b"<!DOCTYPE html>\n<html><body>You must log in.</body></html>"
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 123\n"
JSON = b'{"message": "Not Found", "status": 404}'
CUT_OFF = r"pictures\.zip: pictures/e1\.png is not a readable picture .*Replace the file.*leave the picture out"

# ---------------------------------------------------------------------------------------------------------------------
# The configuration

CONFIGURATIONS = [
    # Types and keys
    configured("a text for the seed", r"`seed` is \"one\"; it must be a whole number", seed="one"),
    configured("a negative seed", r"`seed` is -1; it must be at least 0", seed=-1),
    configured("a seed above 32 bits", r"`seed` is 4294967296; it must be at most 4294967295", seed=2**32),
    configured("a fraction for the seed", r"`seed` is 1\.5; it must be a whole number", seed=1.5),
    configured("true for the seed", r"`seed` is true; it must be a whole number", seed=True),
    configured("no seed", r"the top level.* lacks `seed`\. Add it", seed=...),
    configured("an unknown key", r"`treshold` is no key of the configuration; did you mean `thresholds`", treshold=1),
    configured(
        "an unknown key within",
        r"`archives\.evaluation_picture`.*did you mean `evaluation_pictures`",
        archives={"evaluation_picture": "a.zip"},
    ),
    configured("a list for keys", r"`archives` is .*; it must be keys with values", archives=["pictures.zip"]),
    configured(
        "a number for a path",
        r"`archives\.evaluation_pictures` is 7; it must be a text",
        archives={"evaluation_pictures": 7},
    ),
    configured(
        "a text for the list of diagnosis tables",
        r"`archives\.diagnoses` is .*; it must be a list",
        archives={"diagnoses": "diagnoses.csv"},
    ),
    configured("an empty list of diagnosis tables", r"`archives\.diagnoses`.*at least 1", archives={"diagnoses": []}),
    configured(
        "an empty path",
        r"`archives\.evaluation_pictures` is an empty text",
        "Write what it is to be",
        archives={"evaluation_pictures": ""},
    ),
    configured(
        "no evaluation pictures",
        r"`archives` lacks `evaluation_pictures`\. Add it",
        archives={"evaluation_pictures": ...},
    ),
    configured(
        "a word that is no choice",
        r"`archives\.missing_masks` is \"white\"; it must be one of error, black, leave_out",
        archives={"missing_masks": "white"},
    ),
    # Features and classes
    configured("no feature", r"`features`.*at least 1", features=[]),
    configured("a feature twice", r"`features`.*globules.*twice", features=["globules", "globules"]),
    configured("a feature with a blank", r"`features\.0` is \"blue veil\"", features=["blue veil"]),
    configured("a feature that is a path", r"`features\.0` is \"\.\./globules\"", features=["../globules"]),
    configured("a feature that is a number", r"`features\.0` is 7; it must be a text", features=[7]),
    configured("the union as a feature", r"`features\.1` is \"union\"", features=["globules", "union"]),
    configured("a class twice", r"`classes`.*MEL.*twice", classes=["MEL", "NV", "MEL"]),
    configured("one class", r"`classes`.*at least 2", classes=["MEL"], evaluation_diagnoses=["MEL"]),
    configured(
        "classes that differ in case alone",
        r"`classes` .*mel.*MEL|`classes` .*MEL.*mel",
        "case",
        classes=["MEL", "NV", "mel"],
    ),
    configured(
        "features that differ in case alone",
        r"`features` .*globules.*Globules",
        "case",
        features=["globules", "Globules"],
    ),
    configured("no evaluation diagnosis", r"`evaluation_diagnoses`.*at least 1", evaluation_diagnoses=[]),
    configured(
        "an evaluation diagnosis that is no class",
        r"evaluation_diagnoses names SCC, which `classes` does not",
        "Correct either list",
        evaluation_diagnoses=["MEL", "SCC"],
    ),
    # Thresholds
    configured("no threshold", r"`thresholds` is \[\]; it must be a list of numbers, at least one", thresholds=[]),
    configured("a threshold twice", r"thresholds: 0\.500 stands there twice\. Remove one", thresholds=[0.5, 0.5]),
    configured(
        "a threshold of four digits", r"thresholds: 0\.1234 has more than three digits.*Round it", thresholds=[0.1234]
    ),
    configured(
        "a threshold that is not a number",
        r"`thresholds\.0` is NaN, which is no number",
        "Write a finite number",
        thresholds=[float("nan")],
    ),
    configured(
        "an infinite threshold",
        r"`thresholds\.0` is Infinity, which is no number",
        "Write a finite number",
        thresholds=[float("inf")],
    ),
    configured(
        "a threshold above 1", r"thresholds: 1\.1 is outside of 0 to 1", "Correct the value", thresholds=[0.5, 1.1]
    ),
    configured("a threshold in percent", r"thresholds: 50 is outside of 0 to 1", "Correct the value", thresholds=[50]),
    configured(
        "a threshold with a comma", r"`thresholds` is .*0,5.*; it must be a list of numbers", thresholds=["0,5"]
    ),
    configured("a threshold that is a list", r"`thresholds` is .*; it must be a list of numbers", thresholds=[[0.5]]),
    configured("a true threshold", r"`thresholds` is .*; it must be a list of numbers", thresholds=[True]),
    configured("a single number for thresholds", r"`thresholds` is 0\.5; it must be a list of numbers", thresholds=0.5),
    configured(
        "steps that miss the end",
        r"steps of 0\.3 from 0 do not arrive at 1\. Correct start, stop or step",
        thresholds={"start": 0, "stop": 1, "step": 0.3},
    ),
    configured(
        "a step of nothing",
        r"`thresholds",
        r"start, stop and step|greater than 0|do not arrive",
        thresholds={"start": 0, "stop": 1, "step": 0},
    ),
    configured(
        "a step that is not a number",
        r"`thresholds\.step` is NaN",
        "Write a finite number",
        thresholds={"start": 0, "stop": 1, "step": float("nan")},
    ),
    configured(
        "a histogram threshold above 1", r"`histogram_threshold` is 2; it must be at most 1", histogram_threshold=2
    ),
    configured(
        "a histogram threshold that is not a number",
        r"`histogram_threshold` is NaN",
        "number",
        histogram_threshold=float("nan"),
    ),
    # Models
    configured("no model", r"`models`.*at least 1", models={"small": ...}),
    configured(
        "a model without a layer",
        r"`models\.small` lacks `saliency_layer`\. Add it",
        models={"small": {"saliency_layer": ...}},
    ),
    configured(
        "a model without a training", r"`models\.small` lacks `training`\. Add it", models={"small": {"training": ...}}
    ),
    configured(
        "a training without epochs",
        r"`models\.small\.training` lacks `epochs`\. Add it",
        models={"small": {"training": {"epochs": ...}}},
    ),
    configured(
        "negative epochs",
        r"`models\.small\.training\.epochs` is -1; it must be at least 0",
        models={"small": {"training": {"epochs": -1}}},
    ),
    configured(
        "a learning rate of nothing",
        r"`models\.small\.training\.learning_rate` is 0; it must be greater than 0",
        models={"small": {"training": {"learning_rate": 0}}},
    ),
    configured(
        "a learning rate that is not a number",
        r"`models\.small\.training\.learning_rate` is NaN",
        "number",
        models={"small": {"training": {"learning_rate": float("nan")}}},
    ),
    configured(
        "an infinite learning rate",
        r"`models\.small\.training\.learning_rate` is Infinity",
        "number",
        models={"small": {"training": {"learning_rate": float("inf")}}},
    ),
    configured(
        "an exponent that YAML takes for a text",
        r"YAML reads 1e-5 as a text; write 0\.00001",
        models={"small": {"training": {"learning_rate": "1e-5"}}},
    ),
    configured(
        "a picture too small for a network",
        r"`models\.small\.input_size` is 8; it must be at least 16",
        models={"small": {"input_size": 8}},
    ),
    configured("a model with a blank in its name", r"`models`.*my model", models={"my model": MODEL}),
    configured(
        "a model whose settings are a text",
        r"`models\.small` is \"VGG16\"; it must be keys with values",
        models={"small": "VGG16"},
    ),
    configured(
        "brought along without pixels",
        r"`models\.mine` lacks `pixels`\. Add it",
        models={"mine": {"classifier": "mine.keras"}},
    ),
    configured(
        "brought along without a class that is evaluated",
        r"`models\.mine\.classes` lacks NV.*Correct it",
        models={"mine": {"classifier": "mine.keras", "pixels": "raw", "classes": ["MEL", "BKL"]}},
    ),
    configured(
        "a head of a text",
        r"`models\.small\.head\.dense` is \"2048\"; it must be a list",
        models={"small": {"head": {"dense": "2048"}}},
    ),
    configured(
        "a published value in percent",
        r"`models\.small\.published\.accuracy` is 72; it must be at most 1",
        models={"small": {"published": {"accuracy": 72}}},
    ),
    # Splits and samples
    configured(
        "splits that leave nothing",
        r"split\.validation and split\.test leave nothing for training",
        split={"validation": 0.5, "test": 0.5},
    ),
    configured("a split in percent", r"`split\.test` is 10; it must be at most 0\.5", split={"test": 10}),
    configured("a split that is not a number", r"`split\.test` is NaN", "number", split={"test": float("nan")}),
    configured("a limit of nothing", r"`evaluation_limit` is 0; it must be at least 1", evaluation_limit=0),
    configured("a trial of too few", r"`training_limit` is 3; it must be at least 10", training_limit=3),
    # Names and paths
    configured("a study that is a path", r"`study` is \"\.\./elsewhere\"", study="../elsewhere"),
    configured("a study without a name", r"`study` is \"\"", study=""),
    configured("a study that is a number", r"`study` is 2021; it must be a text", study=2021),
    configured(
        "a mask pattern without the feature",
        r"archives\.mask_pattern: .* lacks \{feature\}.*Add it",
        archives={"mask_pattern": "{image}.png"},
    ),
    configured(
        "a mask pattern that leads out",
        r"archives\.mask_pattern: .* must be a path inside the archive",
        archives={"mask_pattern": "../{image}_{feature}.png"},
    ),
    configured(
        "a source that is no address",
        r"`archives\.sources\.a\.zip\.url` is \"ftp://a/a\.zip\"",
        archives={"sources": {"a.zip": {"url": "ftp://a/a.zip"}}},
    ),
    # Groups, tests, resources
    configured(
        "groups that overlap",
        r"groups: a picture of MEL .* is in a and in b",
        groups={"a": {"diagnoses": ["MEL"]}, "b": {"predicted": ["NV"]}},
    ),
    configured(
        "bins that do not ascend",
        r"groupings\.age\.bins must ascend: 60, 40 do not",
        groupings={"age": {"column": "age_approx", "bins": [60, 40]}},
    ),
    configured(
        "bins that are not numbers",
        r"`?groupings\.age\.bins",
        r"NaN",
        groupings={"age": {"column": "age_approx", "bins": [0, float("nan"), 60]}},
    ),
    configured("no thread", r"`threads\.train` is 0; it must be at least 1", threads={"train": 0}),
    configured("half a thread", r"`threads\.train` is 1\.5; it must be a whole number", threads={"train": 1.5}),
    configured("fewer than no GPU", r"`gpus` is -1; it must be at least 0", gpus=-1),
    configured("no batch", r"`batches\.masks` is 0; it must be at least 1", batches={"masks": 0}),
    configured("one fold", r"`out_of_sample\.folds` is 1; it must be at least 2", out_of_sample={"folds": 1}),
    configured("readers without a file", r"`feedback\.anna`.*at least 1", feedback={"anna": []}),
    configured("a reader with a blank", r"`feedback`.*a b", feedback={"a b": "a.zip"}),
    configured(
        "fifty-one pictures to mail",
        r"`explorer\.pictures`.*at most 50",
        explorer={"pictures": [f"e{number}" for number in range(51)]},
    ),
]

# ---------------------------------------------------------------------------------------------------------------------
# Archives

ARCHIVES = [
    planned(
        "no archive of pictures",
        file("pictures.zip", None),
        r"`archives\.evaluation_pictures`: there is no file or folder .*pictures\.zip",
        "correct the key",
    ),
    planned(
        "no table of diagnoses",
        file("diagnoses.csv", None),
        r"`archives\.diagnoses\[0\]`: there is no file .*diagnoses\.csv",
        "correct the key",
    ),
    planned(
        "no folder of archives",
        setting(archives={"folder": "nowhere"}),
        r"`archives\.evaluation_pictures`: there is no file or folder nowhere/pictures\.zip",
        "archives\\.folder",
    ),
    planned(
        "an empty file for the pictures",
        file("pictures.zip", b""),
        r"pictures\.zip is not a whole zip archive, it is empty",
        "fetch it again",
    ),
    planned(
        "half a zip of pictures",
        lambda study: study.files.update({"pictures.zip": zipped(study.pictures)[:1200]}),
        r"pictures\.zip is not a whole zip archive",
        "Was its download cut off\\? Remove it and fetch it again",
    ),
    planned(
        "a zip of pictures without its last byte",
        lambda study: study.files.update({"pictures.zip": zipped(study.pictures)[:-1]}),
        r"pictures\.zip is not a whole zip archive",
        "fetch it again",
    ),
    planned(
        "half a zip of masks",
        lambda study: study.files.update({"masks.zip": zipped(study.masks)[:900]}),
        r"masks\.zip is not a whole zip archive",
        "fetch it again",
    ),
    planned(
        "half a zip of training pictures",
        lambda study: study.files.update({"training.zip": zipped(study.training)[:900]}),
        r"training\.zip is not a whole zip archive",
        "fetch it again",
    ),
    planned(
        "an encrypted zip of pictures",
        lambda study: study.files.update({"pictures.zip": encrypted(zipped(study.pictures))}),
        r"pictures\.zip: 4 of 4 files are encrypted",
        "no password",
    ),
    planned(
        "an encrypted zip of masks",
        lambda study: study.files.update({"masks.zip": encrypted(zipped(study.masks))}),
        r"masks\.zip: 8 of 8 files are encrypted",
        "no password",
    ),
    planned(
        "a zip in a zip",
        lambda study: study.files.update({"pictures.zip": zipped({"pictures.zip": zipped(study.pictures)})}),
        r"pictures\.zip holds no picture .*1 packed archives, as pictures\.zip: unpack it",
    ),
    planned(
        "a zip of masks in a zip",
        lambda study: study.files.update({"masks.zip": zipped({"masks.zip": zipped(study.masks)})}),
        r"masks\.zip",
        "unpack|packed",
    ),
    planned(
        "a zip without files",
        file("pictures.zip", zipped({})),
        r"pictures\.zip holds no picture .*it is empty",
        "Is it the archive that its key names",
    ),
    planned(
        "a zip of masks without files",
        file("masks.zip", zipped({})),
        r"features: globules has no mask in .*masks\.zip, .*: it is empty",
        "Correct archives.evaluation_masks or the pattern",
    ),
    planned(
        "a zip of texts",
        file("pictures.zip", zipped({"LICENSE.txt": b"CC0", "a.csv": b"a"})),
        r"pictures\.zip holds no picture .*2 other files, as LICENSE\.txt",
        "Is it the archive that its key names",
    ),
    planned(
        "a table for the pictures",
        file("pictures.zip", one_hot(TRAINED).encode()),
        r"pictures\.zip is not a whole zip archive",
        "fetch it again",
    ),
    planned(
        "a picture for the pictures",
        file("pictures.zip", encoded(photograph())),
        r"pictures\.zip is not a whole zip archive, it is a PNG picture",
        "Correct the path",
    ),
    planned(
        "a web page for the masks",
        file("masks.zip", HTML),
        r"masks\.zip is .*it is a web page.*needs a login",
        "fetch it again",
    ),
    planned(
        "a pointer of Git LFS for the masks",
        file("masks.zip", LFS),
        r"masks\.zip is .*pointer of Git LFS",
        "fetch it again",
    ),
    planned(
        "a tar.gz for the pictures",
        file("pictures.zip", gzip.compress(b"tar")),
        r"pictures\.zip is a gzip file.*not a zip archive",
        "Unpack it and name the folder",
    ),
    planned(
        "the masks' archive for the pictures",
        lambda study: study.settings["archives"].update(evaluation_pictures="masks.zip"),
        r"masks\.zip lacks e0_attribute_globules_attribute_|masks\.zip",
    ),
    planned(
        "the pictures' archive for the masks",
        lambda study: study.settings["archives"].update(evaluation_masks="pictures.zip"),
        r"features: globules has no mask in .*pictures\.zip, .*but 4 other files, as pictures/e0\.png",
        "Correct archives.evaluation_masks or the pattern",
    ),
    planned(
        "the archive of labels for the pictures",
        setting(archives={"evaluation_pictures": "labels.csv"}),
        r"labels\.csv is not a whole zip archive",
        "Correct the path|fetch it again",
    ),
    planned(
        "a folder for a table",
        file("labels.csv", {"a.txt": b"a"}),
        r"`archives\.training_labels`: there is no file .*labels\.csv",
        "correct the key",
    ),
    planned(
        "a folder for the diagnoses",
        file("diagnoses.csv", {"a.txt": b"a"}),
        r"`archives\.diagnoses\[0\]`: there is no file .*diagnoses\.csv",
        "correct the key",
    ),
    planned(
        "an empty folder for the pictures",
        file("pictures.zip", {}),
        r"pictures\.zip holds no picture .*it is empty",
        "Is it the archive that its key names",
    ),
    planned(
        "two pictures of one name",
        archives_of(
            lambda study: study.pictures, lambda members: members.update({"other/e1.png": encoded(photograph(9))})
        ),
        r"pictures\.zip holds two pictures named e1: other/e1\.png and pictures/e1\.png",
        "Remove or rename one",
    ),
    planned(
        "two pictures whose names differ in case",
        archives_of(
            lambda study: study.pictures, lambda members: members.update({"pictures/E1.png": encoded(photograph(9))})
        ),
        r"pictures\.zip holds two pictures named e1",
        "Remove or rename one",
    ),
    planned(
        "a picture as PNG and as JPEG",
        archives_of(
            lambda study: study.training,
            lambda members: members.update({"training/t1.jpg": encoded(photograph(9), "JPEG")}),
        ),
        r"training\.zip holds two pictures named t1",
        "Remove or rename one",
    ),
    planned(
        "a picture with braces in its name",
        together(
            archives_of(
                lambda study: study.pictures,
                lambda members: members.update({"pictures/{e9}.png": encoded(photograph(9))}),
            ),
            archives_of(
                lambda study: study.masks,
                lambda members: members.update(
                    {f"masks/{{e9}}_attribute_{feature}.png": encoded(white(region())) for feature in FEATURES}
                ),
            ),
        ),
        r"pictures\.zip: \{e9\} has braces in its name\. Rename it",
    ),
    planned(
        "a member whose bytes are damaged",
        lambda study: study.files.update({"pictures.zip": _damaged(zipped(study.pictures), b"pictures/e1.png")}),
        r"pictures\.zip: pictures/e1\.png cannot be read .*The archive is damaged: fetch it again",
    ),
]


def _damaged(content: bytes, member: bytes) -> bytes:
    place = content.index(member) + len(member) + 12
    return content[:place] + bytes(byte ^ 255 for byte in content[place : place + 8]) + content[place + 8 :]


# ---------------------------------------------------------------------------------------------------------------------
# Pictures

JPEG = encoded(photograph(1), "JPEG", quality=95)

PICTURES = [
    planned("a PNG of a header alone", picture(lambda content: content[:33]), CUT_OFF),
    planned("half a PNG", picture(lambda content: content[: len(content) // 2]), CUT_OFF),
    planned("a PNG without the end of its pixels", picture(lambda content: content[:-30]), CUT_OFF),
    planned("a PNG of 20 bytes", picture(lambda content: content[:20]), CUT_OFF),
    planned(
        "a JPEG of a header alone",
        picture(JPEG[: JPEG.index(b"\xff\xda")], "pictures/e1.jpg"),
        r"pictures/e1\.jpg is not a readable picture",
        "Replace the file",
    ),
    planned(
        "half a JPEG",
        picture(JPEG[: len(JPEG) * 3 // 4], "pictures/e1.jpg"),
        r"pictures/e1\.jpg is not a readable picture .*truncated",
        "Replace the file",
    ),
    planned(
        "a JPEG of ten bytes",
        picture(JPEG[:10], "pictures/e1.jpg"),
        r"pictures/e1\.jpg is not a readable picture",
        "Replace the file",
    ),
    planned("a picture of no bytes", picture(b""), CUT_OFF, "it is empty"),
    planned("a web page for a picture", picture(HTML), CUT_OFF, "it is a web page"),
    planned("JSON for a picture", picture(JSON), CUT_OFF, "it is of no known format|JSON"),
    planned("a pointer of Git LFS for a picture", picture(LFS), CUT_OFF, "pointer of Git LFS"),
    planned("zeros for a picture", picture(bytes(500)), CUT_OFF, "a file of zeros"),
    planned("a text for a picture", picture(b"e1 is missing\n"), CUT_OFF),
    planned("a PDF for a picture", picture(b"%PDF-1.4\n1 0 obj"), CUT_OFF, "a PDF document"),
    planned("a zip for a picture", picture(zipped({"e1.png": b"a"})), CUT_OFF, "a zip archive"),
    planned("a NumPy array for a picture", picture(b"\x93NUMPY" + bytes(100)), CUT_OFF, "a NumPy array"),
    planned(
        "grey of 16 bits",
        picture(deep_grey(np.full((HEIGHT, WIDTH), 40000))),
        r"pictures/e1\.png has more than 8 bits a channel",
        "Convert it",
    ),
    planned(
        "grey as floats",
        picture(encoded(Image.new("F", (WIDTH, HEIGHT)), "TIFF"), "pictures/e1.tif"),
        r"pictures/e1\.tif has more than 8 bits a channel",
        "Convert it",
    ),
    planned(
        "whole numbers of 32 bits",
        picture(encoded(Image.new("I", (WIDTH, HEIGHT)), "TIFF"), "pictures/e1.tif"),
        r"pictures/e1\.tif has more than 8 bits a channel",
        "Convert it",
    ),
    planned(
        "a header that claims a gigapixel",
        picture(png(40000, 40000, 8, 0, b"")),
        r"pictures/e1\.png is too large .*at most 500 million pixels",
        "Replace it by a whole file",
    ),
    planned("a header that claims more than there is", picture(png(4000, 4000, 8, 2, b"\0\0\0")), CUT_OFF),
    planned("a picture of no width", picture(png(0, 28, 8, 0, b"")), CUT_OFF),
    planned("a moving GIF", picture(animated("GIF")), r"pictures/e1\.png", r"3 pictures", "Save|Replace"),
    planned("a moving PNG", picture(animated("PNG")), r"pictures/e1\.png", r"3 pictures", "Save|Replace"),
    planned(
        "a moving WebP",
        picture(animated("WEBP"), "pictures/e1.webp"),
        r"pictures/e1\.webp",
        r"3 pictures",
        "Save|Replace",
    ),
    planned(
        "a TIFF of three pages",
        picture(animated("TIFF"), "pictures/e1.tif"),
        r"pictures/e1\.tif",
        r"3 pictures",
        "Save|Replace",
    ),
    planned(
        "a training picture that is cut off",
        archives_of(
            lambda study: study.training,
            lambda members: members.update({"training/t3.png": members["training/t3.png"][:-40]}),
        ),
        r"training\.zip: training/t3\.png is not a readable picture",
        "Replace the file",
    ),
    planned(
        "a training picture that is a web page",
        archives_of(lambda study: study.training, lambda members: members.update({"training/t3.png": HTML})),
        r"training\.zip: training/t3\.png is not a readable picture \(it is a web page",
        "Replace the file",
    ),
    planned(
        "eight training pictures that are cut off",
        archives_of(
            lambda study: study.training,
            lambda members: members.update({name: content[:-40] for name, content in members.items()}),
        ),
        r"training\.zip: training/t0\.png is not",
        r"training\.zip: 3 more faults of this kind",
    ),
]

# ---------------------------------------------------------------------------------------------------------------------
# Masks

COVERED = region(1)
OTHER_SIZE = r"masks\.zip: the mask masks/e1_attribute_streaks\.png has .* pixels, its picture 40 x 28"
NOT_TOLD = r"masks\.zip: the mask masks/e1_attribute_streaks\.png has .*cannot be told"
STREAKS_OF_E1 = "masks/e1_attribute_streaks.png"

MASKS = [
    planned(
        "a mask of 0, 1 and 2",
        mask(white(COVERED, 2) + np.eye(HEIGHT, WIDTH, dtype=np.uint8) * 1),
        NOT_TOLD,
        "0 for black and 255 for white",
    ),
    planned("a mask of greys below the middle", mask(photograph()[..., 0] // 4), NOT_TOLD, "0 for black"),
    planned("a mask of one grey", mask(np.full((HEIGHT, WIDTH), 90, np.uint8)), NOT_TOLD, "0 for black"),
    planned("a photograph for a mask", mask(photograph()), NOT_TOLD, "white for what it covers"),
    planned(
        "an overlay for a mask",
        mask(np.where(COVERED[..., None], np.uint8([255, 0, 0]), photograph())),
        NOT_TOLD,
        "white for what it covers",
    ),
    planned(
        "a mask of three colours",
        mask(np.uint8([[0, 0, 0], [128, 0, 0], [0, 128, 0]])[COVERED * 1 + np.eye(HEIGHT, WIDTH, dtype=int)]),
        NOT_TOLD,
        "white for what it covers",
    ),
    planned(
        "a mask that is transparent everywhere",
        mask(np.dstack([photograph(), np.zeros((HEIGHT, WIDTH), np.uint8)])),
        r"is transparent everywhere",
        "Save it without an alpha channel",
    ),
    planned(
        "a mask of 16 bits",
        mask(deep_grey(COVERED * 65535)),
        rf"masks\.zip: (the mask )?{STREAKS_OF_E1} has more than 8 bits",
        "Convert it|0 for black",
    ),
    planned("a mask of 16 bits and 0 and 1", mask(deep_grey(COVERED * 1)), rf"{STREAKS_OF_E1} has more than 8 bits"),
    planned("a smaller mask", mask(white(COVERED)[:14, :20]), OTHER_SIZE, "20 x 14", "Replace the one that is wrong"),
    planned("a mask a pixel wider", mask(np.pad(white(COVERED), ((0, 0), (0, 1)))), OTHER_SIZE, "41 x 28"),
    planned("a mask that lies on its side", mask(white(COVERED).T.copy()), OTHER_SIZE, "28 x 40"),
    planned("a black mask of another size", mask(np.zeros((HEIGHT, WIDTH + 2), np.uint8)), OTHER_SIZE, "42 x 28"),
    planned(
        "a mask that is cut off",
        mask(encoded(white(COVERED))[:-26]),
        rf"masks\.zip: {STREAKS_OF_E1} is not a readable picture",
        "Replace the file",
    ),
    planned("a mask of no bytes", mask(b""), rf"masks\.zip: {STREAKS_OF_E1} is not a readable picture \(it is empty"),
    planned(
        "a web page for a mask",
        mask(HTML),
        rf"masks\.zip: {STREAKS_OF_E1} is not a readable picture \(it is a web page",
    ),
    planned("a moving mask", mask(animated("PNG")), STREAKS_OF_E1, "3 pictures"),
    planned(
        "a mask that is not there",
        lambda study: study.masks.pop(STREAKS_OF_E1),
        r"masks\.zip lacks e1_attribute_streaks\.png: every evaluation picture needs a mask of every feature",
        "Complete the archive",
    ),
    planned(
        "a picture without masks",
        lambda study: [study.masks.pop(study.mask("e1", feature)) for feature in FEATURES],
        r"masks\.zip lacks e1_attribute_globules\.png, and 1 masks more",
        "Complete the archive",
    ),
    planned(
        "a mask that is there twice",
        lambda study: study.masks.update({"new/e1_attribute_streaks.png": encoded(white(COVERED))}),
        r"masks\.zip holds the mask e1_attribute_streaks\.png twice",
        "Remove one of them",
    ),
    planned(
        "a mask that is there twice in another case",
        lambda study: study.masks.update({"masks/E1_attribute_streaks.png": encoded(white(COVERED))}),
        r"masks\.zip holds the mask e1_attribute_streaks\.png twice",
        "Remove one of them",
    ),
    planned(
        "a feature that no mask is of",
        setting(features=["globules", "blue_veil"]),
        r"features: blue_veil has no mask in .*masks\.zip, which knows globules, streaks",
        "Correct the name",
    ),
    planned(
        "a feature that is misspelt",
        setting(features=["globules", "streak"]),
        r"features: streak has no mask in .*masks\.zip, which knows globules, streaks",
        "Correct the name",
    ),
    planned(
        "masks as JPEG by their names",
        lambda study: study.masks.update(
            {name.replace(".png", ".jpg"): study.masks.pop(name) for name in list(study.masks)}
        ),
        r"features: globules has no mask in .*masks\.zip",
        "archives\\.mask_pattern",
    ),
    planned(
        "masks that are all black",
        lambda study: study.masks.update({name: encoded(np.zeros((HEIGHT, WIDTH), np.uint8)) for name in study.masks}),
        r"masks\.zip: no mask of a picture with a diagnosis of the study shows a feature",
        "Correct the masks",
    ),
    planned(
        "lesion masks of another size",
        together(
            file(
                "lesions.zip", zipped({f"{image}_segmentation.png": encoded(white(COVERED)[1:]) for image in EVALUATED})
            ),
            setting(archives={"lesion_masks": "lesions.zip"}),
        ),
        r"lesions\.zip: the mask e0_segmentation\.png has 40 x 27 pixels, its picture 40 x 28",
        "Replace the one",
    ),
    planned(
        "lesion masks of other pictures",
        together(
            file("lesions.zip", zipped({"x_segmentation.png": encoded(white(COVERED))})),
            setting(archives={"lesion_masks": "lesions.zip"}),
        ),
        r"archives\.lesion_masks: .*lesions\.zip has no lesion mask of any evaluation picture",
        "Correct the pattern",
    ),
]

# ---------------------------------------------------------------------------------------------------------------------
# Tables

IN_LABELS, IN_DIAGNOSES = r"archives\.training_labels: .*labels\.csv", r"diagnoses\.csv"

TABLES = [
    # Training labels, a column per class
    planned("labels without a class's column", labels(lambda text: text.replace(",NV", "", 1)), IN_LABELS),
    planned(
        "labels with two classes in a row",
        labels(lambda text: text.replace("t1,1.0,0.0", "t1,1.0,1.0")),
        IN_LABELS,
        r"the row of t1 is not one-hot .*MEL=1\.0, NV=1\.0\. Correct the row",
    ),
    planned(
        "labels with no class in a row",
        labels(lambda text: text.replace("t1,1.0,0.0", "t1,0.0,0.0")),
        IN_LABELS,
        r"the row of t1 is not one-hot",
        "Correct the row",
    ),
    planned(
        "labels of 0 and 2", labels(lambda text: text.replace("t1,1.0", "t1,2")), IN_LABELS, "t1 is not one-hot.*MEL=2"
    ),
    planned(
        "labels that are not numbers",
        labels(lambda text: text.replace("t1,1.0", "t1,nan")),
        IN_LABELS,
        "t1 is not one-hot.*MEL=nan",
    ),
    planned(
        "labels that are negative",
        labels(lambda text: text.replace("t1,1.0", "t1,-1")),
        IN_LABELS,
        "t1 is not one-hot.*MEL=-1",
    ),
    planned(
        "labels that are shares",
        labels(lambda text: text.replace("t1,1.0,0.0", "t1,0.7,0.3")),
        IN_LABELS,
        "t1 is not one-hot.*MEL=0.7",
    ),
    planned(
        "labels that are words",
        labels(lambda text: text.replace("t1,1.0", "t1,yes")),
        IN_LABELS,
        "t1 has 'yes' in column MEL, where a number belongs",
    ),
    planned(
        "labels with an empty cell",
        labels(lambda text: text.replace("t1,1.0", "t1,")),
        IN_LABELS,
        "t1 has '' in column MEL",
    ),
    planned(
        "labels with a row too short",
        labels(lambda text: text.replace("t1,1.0,0.0", "t1,1.0")),
        IN_LABELS,
        "t1 has '' in column NV",
    ),
    planned(
        "labels with a row too long",
        labels(lambda text: text.replace("t1,1.0,0.0", "t1,1.0,0.0,0.0")),
        IN_LABELS,
        "the row of t1 has 4 cells, more than the 3 columns",
    ),
    planned(
        "labels that contradict each other",
        labels(lambda text: text + "t1,0.0,1.0\n"),
        IN_LABELS,
        "t1 is MEL in one row and NV in another",
        "Remove one",
    ),
    planned(
        "labels of a name with and without its suffix",
        labels(lambda text: text + "t1.png,0.0,1.0\n"),
        IN_LABELS,
        "t1.png is MEL in one row and NV in another",
    ),
    planned(
        "labels with a column twice",
        labels(lambda text: text.replace("MEL,NV", "MEL,NV,NV").replace(".0\n", ".0,0.0\n")),
        IN_LABELS,
        "twice",
    ),
    planned(
        "labels with the pictures' column twice",
        table("labels.csv", "image,image,MEL,NV\nt0,t1,1,0\nt1,t0,0,1\n"),
        IN_LABELS,
        "twice",
    ),
    planned(
        "labels of a column of names alone",
        labels(lambda text: text.replace(",MEL,NV", "").replace(",1.0,0.0", "").replace(",0.0,1.0", "")),
        IN_LABELS,
        "no table of diagnoses that dermalign reads",
    ),
    planned(
        "labels without a header", labels(lambda text: text.partition("\n")[2]), IN_LABELS, "no table of diagnoses"
    ),
    planned(
        "labels of a header alone",
        labels(lambda text: text.partition("\n")[0] + "\n"),
        IN_LABELS,
        "has no row of a picture that says something|no picture is of the class",
    ),
    planned(
        "labels of no bytes", table("labels.csv", b""), IN_LABELS, "is empty: a table needs a line of column names"
    ),
    planned("labels of blank lines", table("labels.csv", "\n\n \n"), IN_LABELS, "is empty"),
    planned(
        "labels that are a spreadsheet",
        table("labels.csv", zipped({"xl/workbook.xml": b"<a/>"})),
        IN_LABELS,
        r"is a spreadsheet",
        "as CSV",
    ),
    planned(
        "labels that are an old spreadsheet",
        table("labels.csv", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)),
        IN_LABELS,
        r"is a spreadsheet",
        "as CSV",
    ),
    planned("labels that are a picture", table("labels.csv", encoded(photograph())), IN_LABELS, "picture|no text"),
    planned("labels that are a web page", table("labels.csv", HTML), IN_LABELS, "web page"),
    planned("labels that are a pointer of Git LFS", table("labels.csv", LFS), IN_LABELS, "Git LFS"),
    planned("labels that are JSON", table("labels.csv", JSON), IN_LABELS, "must be CSV text"),
    planned(
        "labels that are random bytes", table("labels.csv", np.random.default_rng(1).bytes(4000)), IN_LABELS, "no t"
    ),
    planned(
        "labels with a quote that does not end", labels(lambda text: text.replace("t1,", '"t1,')), IN_LABELS, "quote"
    ),
    planned(
        "labels with two quotes that make one cell of rows",
        labels(lambda text: text.replace("t1,", '"t1,').replace("t3,", '"t3,')),
        IN_LABELS,
        "quote",
    ),
    planned(
        "labels of other pictures",
        labels(lambda text: text.replace("\nt", "\nISIC_")),
        IN_LABELS,
        "names no picture of archives.training_pictures",
        "`ISIC_0`",
        "Correct the table's names",
    ),
    planned(
        "labels of a class that none has",
        together(setting(classes=["MEL", "NV", "BKL"]), labels(lambda text: text)),
        IN_LABELS,
        "BKL",
        "Correct `classes`",
    ),
    planned(
        "an evaluation diagnosis that no training picture has",
        table("labels.csv", one_hot({**dict.fromkeys(TRAINED, "NV"), "t99": "MEL"})),
        IN_LABELS,
        "calls no picture of archives.training_pictures, .*training.zip, MEL, an evaluation diagnosis",
        "Complete the archive or the table",
    ),
    # Diagnoses, in words
    planned(
        "diagnoses of other pictures",
        diagnoses(lambda text: text.replace("\ne", "\nISIC_")),
        IN_DIAGNOSES,
        "names no picture of archives.evaluation_pictures",
    ),
    planned(
        "diagnoses that no class is",
        diagnoses(lambda text: text.replace("MEL", "scar").replace("NV", "wart")),
        "no evaluation picture has a diagnosis among MEL, NV",
        "Correct archives.diagnoses or evaluation_diagnoses",
    ),
    planned(
        "diagnoses of other columns",
        diagnoses(lambda text: text.replace("image,diagnosis", "Bild,Befund")),
        IN_DIAGNOSES,
        "Bild, Befund",
        "`image`",
    ),
    planned(
        "diagnoses with a row too long",
        diagnoses(lambda text: text.replace("e1,NV", "e1,nevus, blue")),
        IN_DIAGNOSES,
        "the row of e1 has 3 cells",
        "in quotes",
    ),
    planned(
        "diagnoses that contradict each other",
        diagnoses(lambda text: text + "e1,MEL\n"),
        IN_DIAGNOSES,
        "e1 is NV in one row and MEL in another",
        "Remove one",
    ),
    planned(
        "diagnoses of a name with and without its suffix",
        diagnoses(lambda text: text + "E1.PNG,MEL\n"),
        IN_DIAGNOSES,
        "is NV in one row and MEL in another",
        "Remove one",
    ),
    planned(
        "diagnoses with their column twice",
        table("diagnoses.csv", "image,diagnosis,diagnosis\ne0,MEL,NV\ne1,NV,MEL\n"),
        IN_DIAGNOSES,
        "twice",
    ),
    planned(
        "diagnoses with a quote that does not end",
        diagnoses(lambda text: text.replace("e1,", '"e1,')),
        IN_DIAGNOSES,
        "quote",
    ),
    planned(
        "diagnoses with a quote that does not end in a word",
        diagnoses(lambda text: text.replace(",NV", ',"NV', 1)),
        IN_DIAGNOSES,
        "quote",
    ),
    planned(
        "diagnoses of a header alone",
        table("diagnoses.csv", "image,diagnosis\n"),
        IN_DIAGNOSES,
        "no row of a picture that says something",
    ),
    planned("diagnoses of no bytes", table("diagnoses.csv", b""), IN_DIAGNOSES, "is empty"),
    planned(
        "diagnoses that are a spreadsheet",
        table("diagnoses.csv", zipped({"xl/workbook.xml": b"<a/>"})),
        IN_DIAGNOSES,
        "is a spreadsheet",
    ),
    planned(
        "diagnoses with a blank within names",
        diagnoses(lambda text: text.replace("\ne", "\ne ")),
        IN_DIAGNOSES,
        "names no picture of archives.evaluation_pictures",
    ),
    planned(
        "a control of two pictures, of one that is left",
        diagnoses(lambda text: "image,diagnosis\ne0,MEL\ne1,BKL\ne2,BKL\ne3,BKL\n"),
        r"`shuffled` needs at least 2 pictures.* and 1 of the evaluation pictures get maps",
        "Take it out of `controls`",
    ),
    # Metadata
    planned(
        "metadata without lesions",
        table("metadata.csv", "image,age_approx\nt0,50\n"),
        r"archives\.training_metadata: .*metadata\.csv",
        "`lesion_id`",
        "set it to null",
    ),
    planned(
        "metadata without pictures",
        table("metadata.csv", "lesion_id,age_approx\nL0,50\n"),
        r"archives\.training_metadata: .*metadata\.csv",
        "`image`",
    ),
    planned(
        "metadata of other pictures",
        table("metadata.csv", "image,lesion_id\nx0,L0\n"),
        r"archives\.training_metadata: .*metadata\.csv",
        "names no picture of archives.training_pictures",
    ),
    planned(
        "metadata with a quote that does not end",
        table("metadata.csv", 'image,lesion_id\nt0,"L0\nt1,L1\nt2,L2\n'),
        r"archives\.training_metadata: .*metadata\.csv",
        "quote",
    ),
    planned(
        "metadata with the lesions' column twice",
        table("metadata.csv", "image,lesion_id,lesion_id\nt0,L0,L1\nt1,L1,L0\n"),
        r"archives\.training_metadata: .*metadata\.csv",
        "twice",
    ),
    planned(
        "metadata of a header alone",
        table("metadata.csv", "image,lesion_id\n"),
        r"archives\.training_metadata: .*metadata\.csv",
        "no row",
    ),
    planned(
        "metadata without patients",
        setting(resampled_by="patient"),
        r"metadata\.csv",
        "`patient_id`",
        "Set resampled_by to lesion",
    ),
    planned(
        "a grouping by a column that is not there",
        setting(groupings={"skin": {"column": "skin_type"}}),
        r"groupings\.skin is by the column `skin_type`",
        r"metadata\.csv has only image, lesion_id, age_approx",
        "Correct the column",
    ),
    planned(
        "bins of a column that are no numbers",
        together(
            setting(groupings={"age": {"column": "age_approx", "bins": [0, 40, 90]}}),
            table("metadata.csv", "image,lesion_id,age_approx\nt0,L0,forty\nt1,L1,fifty\n"),
        ),
        r"groupings\.age",
        "forty",
        "metadata.csv",
    ),
]

# ---------------------------------------------------------------------------------------------------------------------
# Files of feedback, of published values, of what the explorer is to show

FEEDBACK = [
    planned(
        "feedback that is not there",
        setting(feedback={"anna": "nowhere.zip"}),
        r"nowhere\.zip: there is no such file",
        "Correct the path",
    ),
    planned(
        "feedback that is a folder",
        read_back("a.zip", {"feedback.json": b"{}"}),
        r"a\.zip: there is no such file|folder",
        "Correct|Name",
    ),
    planned("feedback of no bytes", read_back("a.zip", b""), r"a\.zip", "empty"),
    planned(
        "half a zip of feedback",
        read_back("a.zip", feedback_zip(feedback())[:150]),
        r"a\.zip is not a whole zip archive",
    ),
    planned(
        "a zip without feedback",
        read_back("a.zip", zipped({"note.txt": b"a"})),
        r"a\.zip holds no feedback\.json",
        "Export the feedback again",
    ),
    planned(
        "feedback of half a JSON",
        read_back("a.json", json.dumps(feedback()).encode()[:-5]),
        r"a\.json: feedback\.json is no whole JSON",
        "Export",
    ),
    planned("feedback that is a list", read_back("a.json", b"[]"), r"a\.json is no feedback", "Export"),
    planned(
        "feedback of another format",
        read_back("a.json", json.dumps(feedback(format="dermalign feedback 9")).encode()),
        r"a\.json is of the format 'dermalign feedback 9'",
        "export it again",
    ),
    planned(
        "feedback of another study",
        read_back("a.json", json.dumps(feedback(study="other")).encode()),
        r"a\.json is feedback on the study other, not on bad",
        "Take it out of `feedback`",
    ),
    planned(
        "feedback on another size",
        read_back("a.json", json.dumps(feedback(picture={"width": 80})).encode()),
        r"a\.json: e1 had 80 x 28 pixels, and has 40 x 28 in .*pictures\.zip",
        "Export the feedback again",
    ),
    planned(
        "feedback on a picture that is not there",
        read_back("a.json", json.dumps(feedback(pictures={"x9": feedback()["pictures"]["e1"]})).encode()),
        r"a\.json: x9 is no evaluation picture of this study",
        "Correct archives.evaluation_pictures",
    ),
    planned(
        "feedback on an unknown feature",
        read_back(
            "a.json",
            json.dumps(
                feedback(picture={"regions": [{"feature": "veil", "points": [[1, 1], [5, 1], [5, 5]]}]})
            ).encode(),
        ),
        r"a\.json: e1 has a region of veil, which is no feature of this study",
        "Name it in the configuration",
    ),
    planned(
        "feedback on an unknown classifier",
        read_back(
            "a.json", json.dumps(feedback(picture={"labels": {"vgg": {"predicted": "MEL", "right": True}}})).encode()
        ),
        r"a\.json: e1 has a label for vgg, which is no model of this study",
        "Name it in the configuration",
    ),
    planned(
        "feedback with an unknown class",
        read_back(
            "a.json", json.dumps(feedback(picture={"labels": {"small": {"predicted": "WART", "right": True}}})).encode()
        ),
        r"a\.json: e1 has a label with the class WART",
        "Name it in the configuration",
    ),
    planned(
        "feedback without a mask",
        read_back("a.zip", feedback_zip(feedback(picture={"finished": True}))),
        r"a\.zip lacks the mask masks/e1_attribute_globules\.png",
        "Export the feedback again",
    ),
    planned(
        "feedback with a mask of another size",
        read_back(
            "a.zip",
            feedback_zip(
                feedback(picture={"finished": True}),
                e1__globules=encoded(white(COVERED)[1:]),
                e1__streaks=encoded(white(COVERED)),
            ),
        ),
        r"a\.zip: the mask masks/e1_attribute_globules\.png has 40 x 27 pixels, its picture 40 x 28",
        "Replace",
    ),
    planned(
        "feedback with a grey mask",
        read_back(
            "a.zip",
            feedback_zip(
                feedback(picture={"finished": True}),
                e1__globules=encoded(photograph()[..., 0]),
                e1__streaks=encoded(white(COVERED)),
            ),
        ),
        r"the mask masks/e1_attribute_globules\.png has other values than 0 and 255",
        "Export the feedback again",
    ),
    planned(
        "feedback with a cut-off mask",
        read_back(
            "a.zip",
            feedback_zip(
                feedback(picture={"finished": True}),
                e1__globules=encoded(white(COVERED))[:-26],
                e1__streaks=encoded(white(COVERED)),
            ),
        ),
        r"a\.zip: masks/e1_attribute_globules\.png is not a readable picture",
        "Replace",
    ),
    planned(
        "feedback with a time that is none",
        read_back("a.json", json.dumps(feedback(picture={"time": "yesterday"})).encode()),
        r"a\.json: e1 has the time 'yesterday'",
        "Export the feedback again",
    ),
    planned(
        "one file of two readers",
        together(
            file("a.json", json.dumps(feedback()).encode()),
            lambda study: study.settings.update(
                feedback={"anna": str(study.data / "a.json"), "ben": str(study.data / "a.json")}
            ),
        ),
        r"a\.json, of ben, has the same content as .*a\.json, of anna",
        "Name each file once",
    ),
]


def published(text: str | bytes) -> Change:
    """Return a change: a file of published values."""
    content = text if isinstance(text, bytes) else text.encode()
    return together(
        file("values.csv", content), lambda study: study.settings.update(published=str(study.data / "values.csv"))
    )


OF_VALUES = "table,row,column,model,published\n"
PUBLISHED = [
    planned(
        "published values that are not there",
        setting(published="nowhere.csv"),
        r"`published`: there is no file nowhere\.csv",
        "Correct the path, or say null",
    ),
    planned(
        "published values of other columns",
        published("table,row,value\n"),
        r"published: .*values\.csv must begin with the line table,row",
        "Correct the file",
    ),
    planned(
        "published values of no bytes",
        published(b""),
        r"published: .*values\.csv must begin with the line",
        "Correct the file",
    ),
    planned(
        "published values with a comma",
        published(OF_VALUES + 'table 2,union,j_mean,VGG16,"0,14"\n'),
        r"line 2 of .*values\.csv: '0,14' is no number",
        "with a point",
    ),
    planned(
        "published values that are none",
        published(OF_VALUES + "table 2,union,j_mean,VGG16,nan\n"),
        r"'nan' is no number",
        "as it is printed",
    ),
    planned(
        "published values with a short row",
        published(OF_VALUES + "table 2,union\n"),
        r"line 2 of .*values\.csv has 2 columns; it must have 5",
    ),
    planned(
        "published values twice",
        published(OF_VALUES + "table 2,union,j_mean,V,0.1\ntable 2,union,j_mean,V,0.2\n"),
        r"line 3 of .*stands there twice",
        "Take one away",
    ),
    planned(
        "published values in UTF-16",
        published(OF_VALUES.encode("utf-16")),
        r"published: .*values\.csv cannot be read",
        "Correct the path|UTF-8",
    ),
    planned(
        "published values that are a folder",
        together(
            file("values.csv", {"a": b""}),
            lambda study: study.settings.update(published=str(study.data / "values.csv")),
        ),
        r"`published`: there is no file .*values\.csv",
    ),
    planned(
        "a network that nobody published",
        together(
            published(OF_VALUES + "table 2,union,j_mean,VGG16,0.14\n"),
            setting(models={"small": {"published": "VGG19"}}),
        ),
        r"`models\.small\.published` is VGG19, which is no network in .*values\.csv; known there are VGG16",
    ),
    planned(
        "a picture to mail that is not there", setting(explorer={"pictures": ["e1", "x9"]}), r"explorer\.pictures.*x9"
    ),
    planned(
        "more folds than pictures",
        setting(
            segmentation={
                "folds": 5,
                "networks": {
                    "unet": {"architecture": "plain_stack", "input_size": 64, "cells": 32, "training": {"epochs": 1}}
                },
            }
        ),
        r"segmentation\.folds is 5, and there are 4 pictures with masks",
        "Choose fewer folds",
    ),
]

CASES = [*CONFIGURATIONS, *ARCHIVES, *PICTURES, *MASKS, *TABLES, *FEEDBACK, *PUBLISHED]
