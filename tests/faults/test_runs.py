"""Runs that meet: another run, a folder that is not to be written, a clock that is wrong, archives that change."""

import os
import re
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ..workflow.conftest import FEW_SOURCES, Run, Study

IMAGES = [f"e{number:02d}" for number in range(12)]
TRAINING = [f"t{number:02d}" for number in range(24)]
GONE = "e03"
DAY = 24 * 3600
# What is computed without a classifier: of masks, both manifests, what leaked, and a control with its statistics.
FEW = [
    f"results/small/{name}.csv"
    for name in (
        *("manifest/masks", "manifest/leakage_summary", "jaccard/controls/center_gaussian/union/0.500"),
        "statistics/models/controls/thresholds",
    )
]
# What a classifier's maps give.
WITH_MAPS = [*FEW, "results/small/jaccard/small/gradcam/union/0.500.csv", "results/small/statistics/thresholds.csv"]
Members = dict[str, dict[str, bytes]]


def members_of(encoded: Callable[..., bytes], *, other: bool = False) -> Members:
    """Return the members of a study's archives; with `other`, of the same names and other pixels."""
    names = [f"{image}_attribute_{feature}.png" for image in IMAGES for feature in ("globules", "streaks")]

    def random(seed: int) -> np.random.Generator:
        return np.random.default_rng(seed + 1000 * other)

    def mask(seed: int) -> bytes:
        top, left = random(seed).integers(0, 15, 2)
        values = np.zeros((30, 40), np.uint8)
        values[top : top + 10, left : left + 12] = 255
        return encoded(values)

    return {
        "pictures.zip": {
            f"{image}.png": encoded(random(seed).integers(0, 256, (30, 40, 3))) for seed, image in enumerate(IMAGES)
        },
        "masks.zip": {name: mask(seed) for seed, name in enumerate(names)},
        "training.zip": {
            f"{image}.png": encoded(np.random.default_rng(100 + seed).integers(0, 256, (30, 40, 3)))
            for seed, image in enumerate(TRAINING)
        },
    }


def without(members: Members, image: str) -> Members:
    """Return archives that never had a picture, nor its masks."""
    return {
        archive: {name: content for name, content in those.items() if not name.startswith(image)}
        for archive, those in members.items()
    }


@pytest.fixture(scope="module")
def write(zipped: Callable[..., Path]) -> Callable[[Study, Members], None]:
    """A function: write a study's archives and tables, as of now."""

    def of(study: Study, members: Members) -> None:
        data = study.folder / "data"
        data.mkdir(parents=True, exist_ok=True)
        for archive, those in members.items():
            zipped(data / archive, those)
        rows = [f"{image},{number % 2},{1 - number % 2}" for number, image in enumerate(TRAINING)]
        (data / "labels.csv").write_text("\n".join(["image,MEL,NV", *rows]), encoding="utf-8")
        rows = [f"{image},{('MEL', 'NV')[number % 2]}" for number, image in enumerate(IMAGES)]
        (data / "diagnoses.csv").write_text("\n".join(["image,diagnosis", *rows]), encoding="utf-8")

    return of


@pytest.fixture(scope="module")
def overlay(given: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """The study's configuration."""
    return given(
        {"training_pictures": "training.zip", "training_labels": "labels.csv"},
        study="small",
        thresholds=[0.25, 0.5],
        batches={"saliency": 2, "masks": 2},
        **{**FEW_SOURCES, "controls": {"chance": [], "prior": ["center_gaussian"], "anatomy": []}},
    )


def ended_well(run: Run) -> Run:
    """Return a run that went well."""
    assert run.status == 0, run.text[-5000:]
    return run


@pytest.fixture(scope="module")
def done(
    tmp_path_factory: pytest.TempPathFactory,
    write: Callable[[Study, Members], None],
    encoded: Callable[..., bytes],
    overlay: dict[str, Any],
) -> Study:
    """The study, with `FEW` of its results. To be read, not changed."""
    study = Study(tmp_path_factory.mktemp("done"))
    write(study, members_of(encoded))
    ended_well(study.snakemake(*FEW, overlay=overlay))
    return study


@pytest.fixture
def study(done: Study, tmp_path: Path) -> Study:
    """A copy of it, to be changed at will."""
    return Study(Path(shutil.copytree(done.folder, tmp_path / "study", copy_function=shutil.copy2)))


def results(study: Study) -> Path:
    """Return the folder of the study's results."""
    return study.folder / "results" / "small"


def contents(folder: Path) -> Mapping[str, bytes]:
    """Return the files of a folder, but for those that tell times: logs, run times and what Snakemake notes."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    names = {path.relative_to(folder).as_posix(): path for path in paths}
    telling = ("logs/", "benchmarks/", ".snakemake/log/")
    return {name: path.read_bytes() for name, path in names.items() if not name.startswith(telling)}


@contextmanager
def begun(study: Study, overlay: dict[str, Any], is_there: Callable[[], bool], *arguments: str) -> Iterator[Any]:
    """Start a run, and hold it with all its jobs from when something is there until the block ends."""
    process = study.started(study.folder / "printed.txt", *arguments, overlay=overlay)
    try:
        for _ in range(6000):
            if is_there() or process.poll() is not None:
                break
            time.sleep(0.01)
        assert process.poll() is None and is_there(), (study.folder / "printed.txt").read_text()
        os.killpg(process.pid, signal.SIGSTOP)
        yield process
        os.killpg(process.pid, signal.SIGCONT)
        process.wait(300)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def printed(study: Study) -> str:
    """Return what the run that was held has printed."""
    return (study.folder / "printed.txt").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_second_run_stops_before_it_touches_anything(study: Study, overlay: dict[str, Any]) -> None:
    before = contents(results(study))
    (results(study) / "manifest" / "masks.csv").unlink()
    locks = study.folder / ".snakemake" / "locks"
    with begun(study, overlay, lambda: len(list(locks.glob("*"))) == 2, *FEW) as first:
        held = contents(study.folder)
        second = study.snakemake(*FEW, overlay=overlay)
        assert contents(study.folder) == held
    assert second.status != 0
    assert f"another run is at work in {study.folder}." in second.text and "--unlock" in second.text
    assert "LockException" not in second.text and "Traceback" not in second.text
    assert first.returncode == 0, printed(study)
    assert contents(results(study)) == before
    assert "Nothing to be done" in ended_well(study.snakemake(*FEW, overlay=overlay)).text


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Have a folder that nobody may write to; mode bits mean nothing to root."""
    if os.geteuid() != 0:
        mode = folder.stat().st_mode
        folder.chmod(0o555)
        try:
            yield
        finally:
            folder.chmod(mode)
        return
    if os.system(f"mount --bind '{folder}' '{folder}' 2> /dev/null") != 0:
        pytest.skip("nothing can be mounted here")
    try:
        assert os.system(f"mount -o remount,ro,bind '{folder}'") == 0
        yield
    finally:
        assert os.system(f"umount '{folder}'") == 0


@pytest.mark.parametrize("place", [".", "results", "results/small"])
def test_a_folder_that_is_not_to_be_written_is_told_before_any_job(
    study: Study, overlay: dict[str, Any], place: str
) -> None:
    study.command(overlay=overlay)  # which writes the overlay
    (results(study) / "manifest" / "masks.csv").unlink()
    folder = study.folder / place
    with read_only(folder):
        run = study.snakemake(*FEW, "--configfile", str(study.folder / "overlay.yaml"))
    assert run.status != 0 and not run.steps()
    named = folder / "small" if place == "results" else folder
    assert f"dermalign: {named} is not to be written" in run.text and "Mend the rights" in run.text
    assert "Traceback" not in run.text and "Finding out" not in run.text


def test_a_folder_of_results_that_cannot_be_made_is_told(
    tmp_path: Path, write: Callable[[Study, Members], None], encoded: Callable[..., bytes], overlay: dict[str, Any]
) -> None:
    """Its parent is there, and not to be written."""
    study = Study(tmp_path)
    write(study, members_of(encoded))
    (tmp_path / "results").mkdir()
    with read_only(tmp_path / "results"):
        run = study.snakemake(*FEW, overlay=overlay)
    assert run.status != 0 and f"dermalign: {tmp_path / 'results'} is not to be written" in run.text


def dated(paths: list[Path], seconds: float) -> None:
    """Date files so many seconds from now."""
    for path in paths:
        os.utime(path, (time.time() + seconds,) * 2)


@pytest.mark.slow
def test_other_dates_repeat_nothing(study: Study, overlay: dict[str, Any]) -> None:
    # Files above 1 MB count by their dates, as Snakemake keeps no checksum of them: here those that shards are made of.
    found = contents(results(study)).items()
    small = [name for name, content in found if len(content) < 1_000_000 and not name.startswith("jaccard/")]
    made = [results(study) / name for name in small]
    archives = list((study.folder / "data").iterdir())
    for paths, seconds in ((archives, DAY), (made[::2], -DAY), (made[1::2], -2 * DAY), (made, DAY)):
        dated(paths, seconds)
        assert study.snakemake("-n", *FEW, overlay=overlay).jobs() == {}


@pytest.mark.slow
def test_a_run_does_not_begin_with_what_is_dated_in_the_future(study: Study, overlay: dict[str, Any]) -> None:
    """As a day before the last run, by a clock that went wrong: what it made would pass for older than it is."""
    (results(study) / "manifest" / "masks.csv").unlink()
    pictures = study.folder / "data" / "pictures.zip"
    dated([pictures], DAY)
    other = {**overlay, "batches": {"saliency": 2, "masks": 1}}  # whose mask cells are made anew
    before = contents(results(study))
    run = study.snakemake(*FEW, overlay=other)
    assert run.status != 0 and not run.steps() and contents(results(study)) == before
    assert "data/pictures.zip is dated " in run.text and "Set the clock right" in run.text
    assert "Traceback" not in run.text
    # What is to be made anew and dated in the future would otherwise not be, if the run were stopped halfway.
    dated([pictures], -DAY)
    dated([results(study) / "jaccard" / "controls" / "center_gaussian" / "union" / "0.500.csv"], DAY)
    run = study.snakemake(*FEW, overlay=other)
    assert run.status != 0 and not run.steps() and contents(results(study)) == before
    assert "0.500.csv is dated " in run.text


@pytest.mark.slow
def test_a_removed_picture_is_taken_out_of_everything(
    study: Study,
    tmp_path: Path,
    write: Callable[[Study, Members], None],
    encoded: Callable[..., bytes],
    overlay: dict[str, Any],
) -> None:
    members = without(members_of(encoded), GONE)
    write(study, members)
    jobs = study.snakemake("-n", *FEW, overlay=overlay).jobs()
    (batch,) = {Path(path).stem for path in jobs["mask_cells"]}  # one of two
    assert [Path(path).stem for path in jobs["perceptual_hashes"]] == ["evaluation"]
    kept = [path for path in (results(study) / "cells").iterdir() if path.stem != batch]
    made = {path: path.stat().st_mtime_ns for path in kept}
    ended_well(study.snakemake(*FEW, overlay=overlay))
    assert made and {path: path.stat().st_mtime_ns for path in kept} == made

    fresh = Study(tmp_path / "fresh")
    write(fresh, members)
    ended_well(fresh.snakemake(*FEW, overlay=overlay))
    assert contents(results(study)) == contents(results(fresh))
    for path in FEW:
        assert GONE not in (study.folder / path).read_text(encoding="utf-8")


@pytest.mark.slow
def test_replaced_archives_make_anew_all_that_depends_on_them(
    tmp_path: Path, write: Callable[[Study, Members], None], encoded: Callable[..., bytes], overlay: dict[str, Any]
) -> None:
    """The same names with other pixels, and a picture fewer, of a study with a classifier's maps."""
    study, fresh = Study(tmp_path / "study"), Study(tmp_path / "fresh")
    write(study, members_of(encoded))
    ended_well(study.snakemake(*WITH_MAPS, overlay=overlay))
    before = contents(results(study))
    members = without(members_of(encoded, other=True), GONE)
    for each in (study, fresh):
        write(each, members)
        ended_well(each.snakemake(*WITH_MAPS, overlay=overlay))
    after, wanted = contents(results(study)), contents(results(fresh))
    store = f"saliency/small/gradcam/{GONE}.h5"
    # Nothing reads the store of a picture that is not in the study any more.
    assert set(after) - set(wanted) == {store}
    differing = {name for name in wanted if after[name] != wanted[name]}
    assert {name for name in differing if not name.startswith("classifiers/")} == set()
    assert all(
        before[name] != after[name] for name in after if name.startswith(("saliency/", "cells/")) and name != store
    )


@pytest.mark.slow
def test_a_job_does_not_read_an_archive_that_was_changed_since_the_run_began(
    study: Study, write: Callable[[Study, Members], None], encoded: Callable[..., bytes], overlay: dict[str, Any]
) -> None:
    shutil.rmtree(results(study))
    cells = results(study) / "cells"
    with begun(study, overlay, lambda: len(list(cells.glob("0*"))) == 1, *FEW, "--cores", "1") as run:
        write(study, without(members_of(encoded, other=True), GONE))
    assert run.returncode != 0
    words = printed(study)
    assert re.search(r"data/(pictures|masks)\.zip was changed while the run was going on", words), words
    # What was made before of the archives as they were is known not to be of those that are there now.
    jobs = study.snakemake("-n", *FEW, overlay=overlay).jobs()
    assert {Path(path).stem for path in jobs["mask_cells"]} == {"00000", "00001"}
