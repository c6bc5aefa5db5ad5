"""Bad input that no planning can find: what changed after it, and what is asked of the job that meets it first.

Each is done as the rule's script does it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
from dermalign.data.archives import list_pictures
from dermalign.data.evaluation_manifest import evaluation_account, evaluation_manifest
from dermalign.data.labels import read_diagnoses
from dermalign.data.mask_files import list_masks
from dermalign.data.pictures import store_pictures
from dermalign.overlap.mask_cells import count_archive

from .builders import EVALUATED, FEATURES, Sound, encoded, photograph, region, white, zipped

Job = Callable[[], object]


@dataclass(frozen=True)
class Late:
    """Bad input that comes late. rule: which meets it. prepare: plans with a sound study; then what the job does."""

    name: str
    rule: str
    prepare: Callable[[Sound], Job]
    words: tuple[str, ...]


def _counting(study: Sound) -> Job:
    pictures, masks = study.data / "pictures.zip", study.data / "masks.zip"
    planned = list_pictures(pictures), list_masks(masks, EVALUATED, FEATURES)
    return lambda: list(count_archive(pictures, masks, *planned, [(8, 8)]))


def _storing(study: Sound) -> Job:
    pictures, output = study.data / "pictures.zip", study.folder / "pictures.h5"
    return lambda: store_pictures(
        pictures, {name: each.path for name, each in list_pictures(pictures).items()}, list(EVALUATED), 16, output
    )


def _without_mask(study: Sound) -> Job:
    job = _counting(study)
    del study.masks[study.mask()]
    (study.data / "masks.zip").write_bytes(zipped(study.masks))
    return job


def _other_mask(study: Sound) -> Job:
    job = _counting(study)
    study.masks[study.mask()] = encoded(white(region())[1:])
    (study.data / "masks.zip").write_bytes(zipped(study.masks))
    return job


def _other_picture(study: Sound) -> Job:
    job = _counting(study)
    study.pictures["pictures/e1.png"] = encoded(photograph(1, 60, 60))
    (study.data / "pictures.zip").write_bytes(zipped(study.pictures))
    return job


def _without_picture(study: Sound) -> Job:
    del study.pictures["pictures/e1.png"]
    (study.data / "pictures.zip").write_bytes(zipped(study.pictures))
    return _storing(study)


def _without_archive(study: Sound) -> Job:
    job = _counting(study)
    (study.data / "masks.zip").unlink()
    return job


def _half_an_archive(study: Sound) -> Job:
    job = _counting(study)
    path = study.data / "pictures.zip"
    path.write_bytes(path.read_bytes()[:1500])
    return job


def _nothing_left(study: Sound) -> Job:
    counts = pd.DataFrame({"image": list(EVALUATED), "width": 40, "height": 28, "streaks": 0, "union": 0})
    diagnoses = read_diagnoses([study.data / "diagnoses.csv"], ["MEL", "NV"]).by_image
    table = evaluation_manifest(counts, diagnoses, ["MEL", "NV"])
    return lambda: evaluation_account(table, [], ["MEL", "NV"])


LATE = [
    Late(
        "a mask that goes",
        "mask_cells",
        _without_mask,
        (r"masks\.zip: masks/e1_attribute_streaks\.png", "no such file", "Complete"),
    ),
    Late(
        "a mask that becomes smaller",
        "mask_cells",
        _other_mask,
        ("the mask of streaks of e1 has 40 x 27 pixels, its picture 40 x 28", "Replace"),
    ),
    Late(
        "a picture that becomes larger",
        "mask_cells",
        _other_picture,
        ("the mask of globules of e1 has 40 x 28 pixels, its picture 60 x 60", "Replace"),
    ),
    Late(
        "an archive that goes",
        "mask_cells",
        _without_archive,
        (r"masks\.zip: there is no such archive", "Correct the path, or fetch it"),
    ),
    Late(
        "an archive that is cut off",
        "mask_cells",
        _half_an_archive,
        (r"pictures\.zip is not a whole zip archive", "fetch it again"),
    ),
    Late(
        "a picture that goes",
        "stored_pictures",
        _without_picture,
        (r"pictures\.zip: lacks 1 of 4 pictures, among them e1", "Complete the archive, or start the run again"),
    ),
    Late(
        "no picture that is left",
        "evaluation_manifest",
        _nothing_left,
        ("no picture is left to analyse: of 4 with masks, left out are 4 because no mask shows", "Correct the masks"),
    ),
]
