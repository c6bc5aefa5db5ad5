"""Drawn archives: planned with before they are there, and told by what they are drawn from."""

import json
import runpy
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from dermalign.data.names import plain_name
from dermalign.data.study_archives import Archives
from dermalign.drawing import study_archives
from dermalign.drawing.archives import (
    EVALUATION_ARCHIVE,
    EVALUATION_DIAGNOSIS,
    MASK_ARCHIVE,
    TRAINING_ARCHIVE,
    TRAINING_METADATA,
    TRAINING_TRUTH,
)
from dermalign.drawing.classes import CLASSES, FEATURES
from dermalign.drawing.study_archives import archives_of
from study_cases import small_study

SCRIPT = Path(__file__).parents[2] / "workflow_scripts" / "draw_archives.py"
NAMED = {
    "training_pictures": f"{TRAINING_ARCHIVE}.zip",
    "training_labels": TRAINING_TRUTH,
    "training_metadata": TRAINING_METADATA,
    "evaluation_pictures": f"{EVALUATION_ARCHIVE}.zip",
    "evaluation_masks": f"{MASK_ARCHIVE}.zip",
    "diagnoses": [TRAINING_TRUTH, EVALUATION_DIAGNOSIS],
    "drawn": {"training_pictures": 100, "evaluation_pictures": 10},
}


@pytest.fixture
def drawn(tmp_path: Path) -> Callable[..., Archives]:
    """A function that returns archives that a study draws, as they are at the moment."""

    def archives(**changes: Any) -> Archives:
        of_drawings = {"archives": NAMED, "features": list(FEATURES), "classes": list(CLASSES)}
        return archives_of(small_study(tmp_path / "archives", **{**of_drawings, **changes}))

    return archives


def draw(archives: Archives, folder: Path) -> None:
    """Draw them as a job would."""
    files = sorted(set(archives.files.values()))
    snakemake = SimpleNamespace(
        output=SimpleNamespace(archives=files, drawn=archives.drawn),
        params=SimpleNamespace(drawing=archives.drawing),  # type: ignore[attr-defined]
        log=[str(folder / "draw.log")],
    )
    runpy.run_path(str(SCRIPT), init_globals={"snakemake": snakemake})


def told(archives: Archives) -> list[Any]:
    """Return what is planned with: names, what may leak, diagnoses, batches."""
    asked = [image.removesuffix("_downsampled") for image in archives.evaluation_images]
    return [
        archives.archived_images,
        archives.evaluation_images,
        archives.diagnosed_images,
        archives.evaluated_among_training(),
        {image: archives.diagnoses()[plain_name(image)] for image in asked},
        archives.mask_batches,
        archives.saliency_batches,
        archives.missing_files(),
    ]


def digests(archives: Archives) -> list[str]:
    images = archives.evaluation_images[:3]
    return [
        archives.pictures_digest("training_pictures"),
        archives.pictures_digest("evaluation_pictures", images),
        archives.masks_digest(images),
        *archives.table_digests(archives.diagnosis_tables),
    ]


def test_archives_are_drawn_where_the_study_says_so(drawn: Callable[..., Archives], tmp_path: Path) -> None:
    archives = drawn()
    assert archives.drawn == [str(tmp_path / "archives" / "drawn.json")]
    assert archives.missing_files() is None  # they will be drawn
    own = drawn(archives={**NAMED, "drawn": None})
    assert type(own) is Archives and own.drawn == []
    assert str(own.missing_files()).count("there is no") == 7


def test_digests_of_what_a_run_makes_itself_are_known_before(drawn: Callable[..., Archives]) -> None:
    """Else a cluster's first run would record that they were not known, and the next would do everything again."""
    assert digests(drawn()) == digests(drawn())
    assert not set(digests(drawn())) & set(digests(drawn(seed=2)))
    fewer = {**NAMED, "drawn": {"training_pictures": 101, "evaluation_pictures": 10}}
    assert not set(digests(drawn())) & set(digests(drawn(archives=fewer)))


def test_the_drawings_code_counts(drawn: Callable[..., Archives], monkeypatch: pytest.MonkeyPatch) -> None:
    before = digests(drawn())
    monkeypatch.setattr(study_archives, "code_digest", lambda *of: f"another of {of}")
    assert not set(before) & set(digests(drawn()))


def test_what_is_planned_is_what_is_drawn(
    drawn: Callable[..., Archives], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, told_before = drawn(), told(drawn())
    digests_before = digests(before)
    draw(before, tmp_path)
    assert json.loads(Path(before.drawn[0]).read_text()) == before.drawing  # type: ignore[attr-defined]

    after = drawn()
    assert not after._is_to_be_drawn  # type: ignore[attr-defined]
    monkeypatch.setattr(type(after), "_planned", property(lambda self: pytest.fail("it is planned again")))
    assert told(after) == told_before
    assert digests(after) == digests_before

    # Drawn from something else, or not all of it there any more: then the plan counts again.
    assert drawn(seed=2)._is_to_be_drawn  # type: ignore[attr-defined]
    Path(str(after.path("evaluation_masks"))).unlink()
    assert drawn()._is_to_be_drawn  # type: ignore[attr-defined]
