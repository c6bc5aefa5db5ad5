"""A study's feedback while it is planned: whose it is, and all that does not fit the study, told at once."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dermalign.data import study_feedback as module
from dermalign.data.study_archives import Archives
from dermalign.data.study_feedback import StudyFeedback
from dermalign.errors import InputError
from feedback_cases import box, content, masks_of, picture, write_json, write_zip
from study_cases import FEATURES, IMAGES, small_study, write_archives

SIZE = (8, 6)  # of the pictures of `write_archives`
Of = Callable[..., StudyFeedback]
CLASSES = {"plain": ["MEL", "NV", "BKL"]}
SOURCES = ["plain/gradcam", "controls/all_white"]


@pytest.fixture
def feedback(
    tmp_path: Path, zipped: Callable[..., Path], encoded: Callable[..., bytes]
) -> Callable[..., StudyFeedback]:
    """A function that returns the feedback of a study of twelve pictures: by reader, files below its folder."""
    write_archives(tmp_path, zipped, encoded)

    def of(**files: Any) -> StudyFeedback:
        paths = {
            reader: [str(tmp_path / name) for name in names] if isinstance(names, list) else str(tmp_path / names)
            for reader, names in files.items()
        }
        return StudyFeedback(Archives(small_study(tmp_path, feedback=paths)))

    return of


def given(image: str = IMAGES[0], study: str = "small", features: Any = FEATURES, **changes: Any) -> dict[str, Any]:
    regions = [("streaks", box(1, 1, 5, 4))]
    return content(study, features, {image: picture(SIZE, changes.pop("regions", regions), **changes)})


def faults_of(feedback: StudyFeedback, cache: Path) -> list[str]:
    return feedback.faults(CLASSES, SOURCES, cache)


def test_readers_and_their_files(tmp_path: Path, feedback: Of) -> None:
    write_zip(tmp_path / "a.zip", given(labels={"plain": {"predicted": "MEL", "right": True}}))
    write_json(tmp_path / "b.json", given(IMAGES[1], ratings={"controls/all_white": 1}))
    write_zip(tmp_path / "c.zip", given(finished=False))
    found = feedback(anna=["a.zip", "b.json"], ben="c.zip")
    assert found.readers == ["anna", "ben"]
    assert {key: Path(path).name for key, path in found.paths.items()} == {
        "feedback.anna[0]": "a.zip",
        "feedback.anna[1]": "b.json",
        "feedback.ben[0]": "c.zip",
    }
    assert found.marking == ["anna"]
    assert faults_of(found, tmp_path / "cache") == []
    assert len(found.digests("anna")) == 2 and found.digests("ben") != found.digests("anna")[:1]
    nobody = feedback()
    assert (nobody.readers, nobody.marking, faults_of(nobody, tmp_path / "cache")) == ([], [], [])


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (given(study="other"), r"a\.zip is feedback on the study other, not on small\. Take it out of `feedback`"),
        (given(IMAGES[0] + "x"), r"a\.zip: ISIC_0000000x is no evaluation picture of this study"),
        (given(width=9), r"a\.zip: ISIC_0000000 had 9 x 6 pixels, and has 8 x 6 in .*evaluation\.zip"),
        (given(features=["streaks"]), r"a\.zip was exported without the features globules, of which its finished"),
        (
            given(regions=[("rosettes", box(1, 1, 5, 4))]),
            r"a\.zip: ISIC_0000000 has a region of rosettes, which is no feature of this study",
        ),
        (
            given(labels={"vgg": {"predicted": "NV", "right": True}}),
            r"ISIC_0000000 has a label for vgg, which is no model of this study",
        ),
        (
            given(labels={"plain": {"predicted": "NV", "right": False, "class": "SCC"}}),
            r"ISIC_0000000 has a label with the class SCC, which neither plain nor the study has",
        ),
        (given(ratings={"plain/rise": 3}), r"ISIC_0000000 has a rating of plain/rise, which is no source of maps"),
        ({**given(), "format": "x"}, r"a\.zip is of the format 'x'"),
    ],
)
def test_what_does_not_fit_the_study_is_told(tmp_path: Path, feedback: Of, changed: dict[str, Any], words: str) -> None:
    write_zip(tmp_path / "a.zip", changed)
    faults = faults_of(feedback(anna="a.zip"), tmp_path / "cache")
    assert len(faults) == 1 and re.search(words, faults[0]), faults


def test_faults_of_all_files_are_told_together(tmp_path: Path, feedback: Of) -> None:
    (tmp_path / "broken.zip").write_bytes(b"PK")
    write_zip(tmp_path / "a.zip", given(ratings={"plain/rise": 3}))
    write_json(tmp_path / "b.json", given(), {})
    found = feedback(anna=["broken.zip", "none.zip", "a.zip"], ben="b.json")
    words = [
        r"broken\.zip is not a whole",
        r"none\.zip: there is no such file",
        "plain/rise",
        r"b\.json lacks",
        "lacks",
    ]
    faults = faults_of(found, tmp_path / "cache")
    assert len(faults) == len(words)
    assert all(re.search(each, fault) for each, fault in zip(words, faults, strict=True)), faults
    with pytest.raises(InputError, match=r"broken\.zip"):
        _ = found.marking


def test_one_file_is_not_the_feedback_of_two(tmp_path: Path, feedback: Of) -> None:
    for name in ("a.zip", "b.zip"):
        write_zip(tmp_path / name, given())
    (tmp_path / "b.zip").write_bytes((tmp_path / "a.zip").read_bytes())
    (fault,) = faults_of(feedback(anna="a.zip", ben="b.zip"), tmp_path / "cache")
    assert re.search(r"b\.zip, of ben, has the same content as .*a\.zip, of anna", fault)


def test_many_faults_of_one_file_are_counted(tmp_path: Path, feedback: Of) -> None:
    pictures = {image: picture(SIZE, [("rosettes", box(1, 1, 3, 3))], finished=False) for image in IMAGES}
    write_zip(tmp_path / "a.zip", content("small", FEATURES, pictures))
    faults = faults_of(feedback(anna="a.zip"), tmp_path / "cache")
    assert len(faults) == 6 and faults[5] == "feedback.anna[0]: 7 more faults of this kind."


def test_masks_that_were_found_whole_are_not_decoded_again(
    tmp_path: Path, feedback: Of, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at = []
    real = module.mask_faults
    monkeypatch.setattr(module, "mask_faults", lambda path: [looked_at.append(Path(path).name), *real(path)][1:])
    write_zip(tmp_path / "a.zip", given())
    grey = {name: np.where(mask, np.uint8(255), np.uint8(1)) for name, mask in masks_of(given()).items()}
    write_zip(tmp_path / "b.zip", given(), grey)
    for faults in (2, 2):
        assert len(faults_of(feedback(anna="a.zip", ben="b.zip"), tmp_path / "cache")) == faults
    assert looked_at == ["a.zip", "b.zip", "b.zip"]
    write_zip(tmp_path / "a.zip", given(IMAGES[1]))
    assert faults_of(feedback(anna="a.zip"), tmp_path / "cache") == []
    assert looked_at[3:] == ["a.zip"]
    (tmp_path / "cache" / "feedback.small.json").write_text("{")
    assert faults_of(feedback(anna="a.zip"), tmp_path / "cache") == []
    assert looked_at[4:] == ["a.zip"]
