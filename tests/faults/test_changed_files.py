"""Files that were changed or cut after they were written are found and named before a number of them counts."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from dermalign.classifiers.checkpoints import find_checkpoint, write_checkpoint
from dermalign.data.cell_files import CellFile, PictureCells, write_cells
from dermalign.data.picture_store import open_picture_store, write_picture_store
from dermalign.errors import InputError
from dermalign.files import check_digests, write_digests
from dermalign.hdf5 import SEAL, SEAL_BYTES, new_file, open_file
from dermalign.logs import job_log
from dermalign.overlap.ceiling_files import read_ceilings, write_ceilings
from dermalign.overlap.curves import open_curves
from dermalign.overlap.shards import Shards, read_shards, shard_text
from dermalign.results.source_shards import read_sources
from dermalign.saliency.maps import gather_maps, open_maps
from dermalign.saliency.stores import read_store
from dermalign.segmentation.targets import read_targets, write_targets
from engine_cases import FEATURES, Picture, draw_mask, run_engine
from map_cases import store_with

# HDF5 files


def _pictures() -> list[PictureCells]:
    white = dict.fromkeys([*FEATURES, "union"], 3)
    cells = {(2, 2): {name: np.array([[3, 0], [0, 0]]) for name in white}}
    return [PictureCells(name, 4, 4, white, cells) for name in "ab"]


def write_maps_of_two(path: Path) -> None:
    random = np.random.default_rng(0)
    stores = [store_with(path.parent / f"{name}.h5", random.random((2, 3), np.float32), image=name) for name in "ab"]
    gather_maps(path, stores)
    for store in stores:
        store.unlink()


def write_curves_of_one(path: Path) -> None:
    random = np.random.default_rng(0)
    masks = {name: draw_mask(random, "noise", 6, 5) for name in FEATURES}
    run_engine(path.parent / "engine", [[Picture("a", masks, random.random((2, 3), np.float32))]])
    (path.parent / "engine" / "curves.h5").rename(path)


def write_ceilings_of_two(path: Path) -> None:
    with write_ceilings(path, [(1, 1)], FEATURES) as writer:
        for image in "ab":
            writer.append(image, {name: np.array([[1, 2]]) for name in [*FEATURES, "union"]})


def everything_in(file: h5py.File) -> dict[str, Any]:
    """Return all that is in an HDF5 file."""
    found: dict[str, Any] = {f"@{name}": np.asarray(value).tolist() for name, value in file.attrs.items()}
    file.visititems(lambda name, item: found.update({name: item[()].tolist()} if hasattr(item, "shape") else {}))
    return found


def read_curves(path: Path) -> Any:
    with open_curves(path) as curves:
        return everything_in(curves._file)


def read_maps(path: Path) -> Any:
    with open_maps(path) as maps:
        return everything_in(maps._file)


def read_cells(path: Path) -> Any:
    with CellFile(path) as cells:
        return everything_in(cells._file)


def read_pictures(path: Path) -> Any:
    with open_picture_store(path) as store:
        return store.pictures[:].tolist(), store.images.tolist()


KINDS: dict[str, tuple[Callable[[Path], Any], Callable[[Path], Any]]] = {
    "store": (lambda path: store_with(path, np.array([[0.25, 0.5]], np.float32)), read_store),
    "maps": (write_maps_of_two, read_maps),
    "curves": (write_curves_of_one, read_curves),
    "cells": (lambda path: write_cells(path, _pictures(), [(2, 2)], FEATURES), read_cells),
    "ceilings": (write_ceilings_of_two, lambda path: read_ceilings([path])),
    "targets": (lambda path: write_targets(path, _pictures(), 2, (2, 2), [*FEATURES, "union"]), read_targets),
    "pictures": (
        lambda path: write_picture_store(path, ["a", "b"], 4, np.full((2, 4, 4, 3), 7, np.uint8)),
        read_pictures,
    ),
}


def read_or_named(reader: Callable[[Path], Any], path: Path) -> str | None:
    """Return what a reader has read, as text, or None where it refused the file by its name."""
    try:
        return str(reader(path))
    except InputError as error:
        assert str(path) in str(error) and "elete it" in str(error)
        return None


def flips(path: Path, bits: Sequence[int]) -> Iterator[int]:
    """Yield each of some bits of a file while it is flipped."""
    content = path.read_bytes()
    with path.open("r+b", buffering=0) as stream:
        for bit in bits:
            os.pwrite(stream.fileno(), bytes([content[bit // 8] ^ (1 << bit % 8)]), bit // 8)
            yield bit
            os.pwrite(stream.fileno(), content[bit // 8 : bit // 8 + 1], bit // 8)
    assert path.read_bytes() == content


def cuts(path: Path, lengths: Iterable[int]) -> Iterator[int]:
    """Yield each length of a file, the longest first, while it is cut to that; and write it whole again."""
    content = path.read_bytes()
    for length in sorted(lengths, reverse=True):
        os.truncate(path, length)
        yield length
    path.write_bytes(content)


@pytest.mark.parametrize("kind", KINDS)
def test_a_flipped_bit_and_a_cut_of_an_hdf5_file_are_found(tmp_path: Path, kind: str) -> None:
    """Of a store each bit and each length; of others, which are read in the same place, some thousand."""
    write, reader = KINDS[kind]
    path = tmp_path / "file.h5"
    write(path)
    size, whole = path.stat().st_size, str(reader(path))
    random = np.random.default_rng(0)
    some = range(8 * size) if kind == "store" else random.choice(8 * size, 1000, replace=False).tolist()
    unfound = []
    for bit in flips(path, some):
        if (read := read_or_named(reader, path)) is not None:
            assert read == whole, f"bit {bit}"
            unfound.append(bit)
    # Where the word is not there any more, the file counts as one of an earlier version; its content is whole.
    assert all(bit < 8 * len(SEAL) for bit in unfound)
    for length in cuts(path, range(size) if kind == "store" else random.choice(size, 200, replace=False).tolist()):
        assert read_or_named(reader, path) is None, f"{length} bytes"
    assert read_or_named(reader, path) == whole
    os.truncate(path, size + 1)
    assert read_or_named(reader, path) is None


@pytest.mark.parametrize("kind", KINDS)
def test_equal_content_gives_equal_bytes(tmp_path: Path, kind: str) -> None:
    files = []
    for folder in ("first", "second"):
        (tmp_path / folder).mkdir()
        KINDS[kind][0](tmp_path / folder / "file.h5")
        files.append((tmp_path / folder / "file.h5").read_bytes())
    assert files[0] == files[1] and files[0].startswith(SEAL)


@pytest.mark.parametrize("kind", KINDS)
def test_files_of_earlier_versions_are_read(tmp_path: Path, kind: str) -> None:
    """They have no seal, and begin with what HDF5 wrote."""
    write, reader = KINDS[kind]
    write(tmp_path / "new.h5")
    with h5py.File(tmp_path / "new.h5") as new, h5py.File(tmp_path / "old.h5", "w") as old:
        for name in new:
            new.copy(name, old)
        old.attrs.update(new.attrs)
    assert not (tmp_path / "old.h5").read_bytes().startswith(SEAL)
    assert str(reader(tmp_path / "old.h5")) == str(reader(tmp_path / "new.h5"))


def test_other_programs_read_a_sealed_file(tmp_path: Path) -> None:
    with new_file(tmp_path / "a.h5") as file:
        file["numbers"] = np.arange(5)
    with h5py.File(tmp_path / "a.h5") as file:
        assert file.userblock_size == SEAL_BYTES and file["numbers"][:].tolist() == [0, 1, 2, 3, 4]


def test_a_file_that_failed_to_be_written_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ValueError), new_file(tmp_path / "a.h5") as file:
        file["numbers"] = np.arange(5)
        raise ValueError
    assert list(tmp_path.iterdir()) == []


def test_a_training_starts_over_where_its_checkpoint_was_changed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "epoch_00001.h5"
    write_checkpoint(path, {"data": "0"}, [[1.0, 0.5]], {"weights": [np.ones(20)]})
    assert find_checkpoint(tmp_path, {"data": "0"}) is not None
    for _ in flips(path, [8 * path.read_bytes().index(np.ones(20).tobytes()) + 7]):
        with h5py.File(path) as file:
            assert file["weights/0"].shape == (20,)  # HDF5 itself sees nothing
        assert find_checkpoint(tmp_path, {"data": "0"}) is None
        assert "epoch_00001.h5 is damaged" in caplog.text and "starts over" in caplog.text
        with pytest.raises(OSError, match="changed or cut after it was written"):
            open_file(path)


# Shards

NAMES = ["ISIC_1", "ISIC_2, b", "ISIC_3"]


def shards_of(folder: Path, counts: Sequence[tuple[Sequence[int], Sequence[int]]], names: Sequence[str]) -> list[Path]:
    """Write shards of one feature, (intersection, union) of each threshold."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, (intersection, union) in enumerate(counts):
        paths.append(folder / f"{number / 10:.3f}.csv")
        text = shard_text(names, np.array(intersection, np.int64), np.array(union, np.int64))
        paths[-1].write_text(text, encoding="utf-8")
    return paths


def read(paths: Sequence[Path]) -> Shards:
    return read_shards({path.stem: path for path in paths})


def said_of(paths: Sequence[Path]) -> str | None:
    """Return the message of an error in reading, None where there was none."""
    try:
        read(paths)
    except InputError as error:
        assert "elete" in str(error)
        return str(error)
    return None


@pytest.mark.parametrize("which", [0, 1])
def test_each_flipped_bit_and_each_cut_of_a_shard_are_found(tmp_path: Path, which: int) -> None:
    paths = shards_of(tmp_path, [([7, 5, 12], [40, 9, 13]), ([3, 5, 1], [20, 8, 11])], NAMES)
    size = paths[which].stat().st_size
    for bit in flips(paths[which], range(8 * size)):
        assert str(paths[which]) in (said_of(paths) or ""), f"bit {bit}"
    for length in cuts(paths[which], range(size)):
        assert str(paths[which]) in (said_of(paths) or ""), f"{length} bytes"
    assert said_of(paths) is None


def test_of_a_picture_without_overlap_the_union_alone_may_be_changed_unseen(tmp_path: Path) -> None:
    """Its digest tells it, as of any file that a job wrote."""
    paths = shards_of(tmp_path / "jaccard", [([7, 5], [40, 9]), ([0, 3], [30, 9])], NAMES[:2])
    log = tmp_path / "logs" / "jaccard.sha256"
    write_digests(log, paths, tmp_path)
    content = paths[1].read_bytes()
    union = range(8 * content.index(b"30,0.0"), 8 * content.index(b",0.0"))
    for bit in flips(paths[1], range(8 * len(content))):
        assert said_of(paths) or bit in union, f"bit {bit}"
        with pytest.raises(InputError, match=r"0\.100\.csv: was changed or cut .* delete it"):
            check_digests([log], paths, tmp_path)


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ([([3], [9]), ([4], [9])], "larger counts than .*0.000.csv"),
        ([([3], [9]), ([3], [10])], "larger counts than .*0.000.csv"),
    ],
)
def test_a_map_that_grows_with_the_threshold_is_of_two_runs(tmp_path: Path, counts: Any, words: str) -> None:
    with pytest.raises(InputError, match=rf"0\.100\.csv has {words}"):
        read(shards_of(tmp_path, counts, ["a"]))


def test_a_picture_that_shows_a_feature_and_not_the_union_is_of_two_runs(tmp_path: Path) -> None:
    folder = tmp_path / "plain" / "gradcam"
    paths = [
        *shards_of(folder / "globules", [([1, 1], [2, 2])], ["a", "b"]),
        *shards_of(folder / "union", [([1], [2])], ["a"]),
    ]
    with pytest.raises(InputError, match=r"globules has b, which .*union lacks"):
        list(read_sources(paths))
    assert len(list(read_sources(paths[:1]))) == 1


# What jobs wrote


def test_a_job_does_not_begin_with_a_file_that_was_changed(tmp_path: Path) -> None:
    table, log = tmp_path / "statistics" / "a.csv", tmp_path / "logs" / "deep" / "first.log"
    table.parent.mkdir()
    with job_log(log, [], [table]):
        table.write_text("j_mean\n0.5\n")
    text = log.with_suffix(".sha256").read_text()
    assert text.endswith("  statistics/a.csv\n") and len(text) == 64 + len("  statistics/a.csv\n")
    second = tmp_path / "logs" / "second.log"
    with job_log(second, [table], []):
        pass
    assert not second.with_suffix(".sha256").exists()  # nothing was written
    for content in ("j_mean\n0.4\n", "j_mean\n0.5", ""):
        table.write_text(content)
        began = False
        with pytest.raises(SystemExit), job_log(second, [table], []):
            began = True
        assert not began
        assert f"{table}: was changed or cut after it was written; delete it to make it anew" in second.read_text()
    log.with_suffix(".sha256").unlink()  # as of an earlier version
    with job_log(second, [table], []):
        pass


@pytest.mark.parametrize("error", [InputError("no"), ValueError("no")])
def test_a_job_that_fails_has_no_digests(tmp_path: Path, error: Exception) -> None:
    """Nor those of the time before, when it went well."""
    log, table = tmp_path / "logs" / "a.log", tmp_path / "a.csv"
    with job_log(log, [], [table]):
        table.write_text("a\n")
    assert log.with_suffix(".sha256").exists()
    with pytest.raises((SystemExit, ValueError)), job_log(log, [], [table]):
        raise error
    assert not log.with_suffix(".sha256").exists()
