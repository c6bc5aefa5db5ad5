"""Files of mask cells: they give back what was counted, in any order, whatever the grids, and say what they lack."""

import tracemalloc
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import brute_force
import h5py
import numpy as np
import pytest
from dermalign.data.cell_files import CellFile, PictureCells, read_counts, reading_account, write_cells
from dermalign.data.masks import WhiteBox, white_box
from dermalign.errors import InputError
from dermalign.overlap.mask_cells import count_picture
from engine_cases import FEATURES, draw_mask
from PIL import Image

KINDS = dict(zip(FEATURES, ["noise", "box"], strict=True))


def white_of(masks: Mapping[str, np.ndarray]) -> list[tuple[str, WhiteBox]]:
    return [(name, white_box(Image.fromarray(values))) for name, values in masks.items()]


def counted_noise(image: str, width: int, height: int, grids: Sequence[tuple[int, int]]) -> PictureCells:
    """Return the counts of masks of noise."""
    random = np.random.default_rng(width * height)
    masks = {name: draw_mask(random, "noise", width, height) for name in FEATURES}
    return count_picture(image, white_of(masks), grids, (width, height))


def test_file_holds_what_was_counted_whatever_the_number_of_pictures(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    grids = [(4, 3), (2, 2)]
    sizes = random.integers(1, 60, (70, 2)).tolist()
    masks = [{feature: draw_mask(random, kind, *size) for feature, kind in KINDS.items()} for size in sizes]
    written = (
        count_picture(f"p{number}", white_of(of), grids, size)
        for number, (of, size) in enumerate(zip(masks, map(tuple, sizes), strict=True))
    )
    write_cells(tmp_path / "cells.h5", written, grids, FEATURES)
    with h5py.File(tmp_path / "cells.h5") as file:
        assert file.attrs["features"].tolist() == [*FEATURES, "union"]
        assert file["image"].asstr()[:].tolist() == [f"p{number}" for number in range(70)]
        assert file["size"][:].tolist() == sizes
        for number, of in enumerate(masks):
            white = {name: values > 127 for name, values in of.items()}
            white["union"] = brute_force.union_of(white)
            assert file["white"][number].tolist() == [white[name].sum() for name in [*FEATURES, "union"]]
            for grid in grids:
                expected = [brute_force.cell_counts(white[name], grid) for name in [*FEATURES, "union"]]
                np.testing.assert_array_equal(file[f"cells/{grid[0]}x{grid[1]}"][number], expected)


def test_how_white_was_told_is_kept_and_accounted_for(tmp_path: Path) -> None:
    plain, ones = np.zeros((6, 8), dtype=np.uint8), np.zeros((6, 8), dtype=np.uint8)
    plain[1:3], ones[2:4] = 255, 1
    of_images = {"a": (ones, plain), "b": (plain, plain), "c": (ones, ones)}
    paths = []
    for image, masks in of_images.items():
        counted = count_picture(image, white_of(dict(zip(FEATURES, masks, strict=True))), [(2, 2)], (8, 6))
        assert set(counted.white.values()) <= {16, 24}
        paths.append(tmp_path / f"{image}.h5")
        write_cells(paths[-1], [counted], [(2, 2)], FEATURES)
    with CellFile(paths[2]) as cells:
        assert cells.readings() == [("c", feature, "value 1, the only one but 0") for feature in FEATURES]
    assert reading_account(paths) == [
        "white of 2 masks of globules is value 1, the only one but 0, as on a",
        "white of 1 masks of streaks is value 1, the only one but 0, as on c",
    ]
    assert reading_account(paths[1:2]) == []


def test_no_pictures_give_an_empty_file(tmp_path: Path) -> None:
    write_cells(tmp_path / "cells.h5", [], [(8, 8)], FEATURES)
    with h5py.File(tmp_path / "cells.h5") as file:
        assert file["cells/8x8"].shape == (0, 3, 8, 8)


def test_damage_leaves_no_file_of_cells(tmp_path: Path) -> None:
    def broken() -> Iterator[PictureCells]:
        yield counted_noise("a", 30, 20, [(8, 8)])
        raise InputError("a mask is damaged")

    with pytest.raises(InputError):
        write_cells(tmp_path / "cells" / "0.h5", broken(), [(8, 8)], FEATURES)
    assert not list((tmp_path / "cells").iterdir())


def test_counts_of_files_are_one_table_in_their_order(tmp_path: Path) -> None:
    sizes = {"d": (20, 10), "a_downsampled": (9, 31), "007": (5, 5)}
    drawn = [counted_noise(image, *size, [(2, 3)]) for image, size in sizes.items()]
    files = [tmp_path / "0.h5", tmp_path / "1.h5", tmp_path / "2.h5"]
    for path, part in zip(files, (drawn[:2], [], drawn[2:]), strict=True):
        write_cells(path, part, [(2, 3)], FEATURES)
    table = read_counts(files)
    assert list(table) == ["image", "width", "height", *FEATURES, "union"]
    expected = [
        [image, *sizes[image], *(picture.white[name] for name in [*FEATURES, "union"])]
        for image, picture in zip(sizes, drawn, strict=True)
    ]
    assert table.to_numpy().tolist() == expected
    assert all(kind == np.int64 for kind in table.dtypes[1:])


def test_counts_of_files_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    picture = counted_noise("a", 9, 7, [(2, 2)])
    write_cells(tmp_path / "0.h5", [picture], [(2, 2)], FEATURES)
    write_cells(tmp_path / "1.h5", [picture], [(2, 2)], FEATURES[:1])
    with pytest.raises(InputError, match=r"1\.h5 has the features globules, union, other files others\. Delete it"):
        read_counts([tmp_path / "0.h5", tmp_path / "1.h5"])
    with pytest.raises(InputError, match="no files of mask cells"):
        read_counts([])


@pytest.mark.parametrize("rows", [[4, 0, 4, 2], [0], [], [5, 4, 3, 2, 1, 0]])
def test_rows_are_read_in_any_order_and_again(tmp_path: Path, rows: list[int]) -> None:
    grids = [(4, 3), (1, 7)]
    drawn = [counted_noise(f"p{number}", 10 + number, 20, grids) for number in range(6)]
    write_cells(tmp_path / "cells.h5", drawn, grids, FEATURES)
    with CellFile(tmp_path / "cells.h5") as cells:
        assert cells.features == [*FEATURES, "union"]
        assert cells.images == [picture.image for picture in drawn]
        asked = np.array(rows, dtype=np.intp)
        assert cells.sizes(asked).tolist() == [[10 + row, 20] for row in rows]
        assert cells.white(asked).tolist() == [list(drawn[row].white.values()) for row in rows]
        for grid in grids:
            counts = cells.counts(grid, asked)
            assert (counts.dtype, counts.shape) == (np.uint32, (len(rows), 3, *grid))
            for row, found in zip(rows, counts, strict=True):
                np.testing.assert_array_equal(found, list(drawn[row].cells[grid].values()))
            np.testing.assert_array_equal(cells.counts(grid)[asked], counts)


def test_files_that_hold_no_such_cells_are_named(tmp_path: Path) -> None:
    write_cells(tmp_path / "cells.h5", [counted_noise("a", 9, 7, [(2, 2), (3, 1)])], [(2, 2), (3, 1)], FEATURES)
    with (
        CellFile(tmp_path / "cells.h5") as cells,
        pytest.raises(InputError, match=r"cells\.h5 has no counts for maps of 8x8 cells, but for 2x2, 3x1\. Delete it"),
    ):
        cells.counts((8, 8))
    (tmp_path / "text.h5").write_text("no HDF5")
    with pytest.raises(InputError, match=r"text\.h5 cannot be read"):
        CellFile(tmp_path / "text.h5")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["image"] = ["a"]
    with pytest.raises(InputError, match=r"other\.h5 holds no mask cells"):
        CellFile(tmp_path / "other.h5")
    with pytest.raises(FileNotFoundError):
        CellFile(tmp_path / "none.h5")


# Fine grids


def test_a_fine_grid_is_counted_as_the_pixels(tmp_path: Path) -> None:
    fine, random = (450, 450), np.random.default_rng(11)
    sizes = [(1022, 767), (600, 450), (300, 500)]  # of the last, some cells cover no pixel
    masks = [{name: draw_mask(random, kind, *size) for name, kind in KINDS.items()} for size in sizes]
    written = (
        count_picture(f"p{number}", white_of(of), [fine, (7, 5)], size)
        for number, (of, size) in enumerate(zip(masks, sizes, strict=True))
    )
    write_cells(tmp_path / "cells.h5", written, [fine, (7, 5)], FEATURES)
    with CellFile(tmp_path / "cells.h5") as cells:
        for row, of in enumerate(masks):
            white = {name: values > 127 for name, values in of.items()}
            expected = {**white, "union": brute_force.union_of(white)}
            for grid in (fine, (7, 5)):
                for column, name in enumerate(cells.features):
                    found = cells.counts(grid, np.array([row]))[0, column]
                    np.testing.assert_array_equal(found, brute_force.cell_counts(expected[name], grid))


def test_memory_and_size_of_fine_grids_are_bounded(tmp_path: Path) -> None:
    fine, random = (450, 450), np.random.default_rng(12)
    white = white_of({name: draw_mask(random, "box", 1022, 767) for name in FEATURES})
    written = (count_picture(f"p{number}", white, [fine], (1022, 767)) for number in range(40))
    tracemalloc.start()
    write_cells(tmp_path / "cells.h5", written, [fine], FEATURES)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    counts = 40 * 3 * 450 * 450 * 4
    assert peak < 60e6 < counts
    assert (tmp_path / "cells.h5").stat().st_size < counts / 20
