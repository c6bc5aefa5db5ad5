"""What is kept of a reader's feedback: masks of finished pictures in ISIC's layout, and tables."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from brute_force import masks_in, union_of
from dermalign.data.feedback import read_feedback
from dermalign.data.mask_files import list_masks
from dermalign.data.reader_files import (
    masked_images,
    read_reader_masks,
    read_reader_table,
    reader_tables,
    write_reader_masks,
    write_reader_tables,
)
from feedback_cases import box, content, masks_of, picture, write_json, write_zip

FEATURES = ["globules", "streaks"]
SIZE = (9, 7)
EARLIER, LATER = "2026-11-27T20:00:00Z", "2026-11-27T20:00:01Z"


def written(folder: Path) -> list[Path]:
    """Two files of one reader, the second of which has a later word on one picture and an earlier one on another."""
    first = {
        "p1": picture(SIZE, [("streaks", box(0, 0, 3, 3))], time=EARLIER, note="NA"),
        "p2": picture(SIZE, [("globules", box(1, 1, 4, 4))], time=LATER, ratings={"plain/gradcam": 2}),
        "p3": picture(SIZE, [("globules", box(1, 1, 4, 4))], finished=False),
    }
    second = {
        "p1": picture(
            SIZE,
            [("streaks", box(4, 2, 9, 7))],
            time=LATER,
            labels={"plain": {"predicted": "NV", "right": False, "class": "MEL"}},
        ),
        "p2": picture(SIZE, [("globules", box(0, 0, 9, 7))], time=EARLIER),
        "p4": picture(SIZE, labels={"plain": {"predicted": "NV", "right": False}}, ratings={"controls/lesion": 5}),
    }
    return [
        write_zip(folder / "first.zip", content("small", FEATURES, first, classifiers={"plain": "aa"})),
        write_json(folder / "second.json", content("small", FEATURES, second, classifiers={"plain": "bb"})),
    ]


def test_masks_are_those_of_the_latest_finished_pictures(tmp_path: Path) -> None:
    first, second = written(tmp_path)
    write_reader_masks(tmp_path / "masks.zip", [first, second], FEATURES)
    assert masked_images(tmp_path / "masks.zip", FEATURES) == ["p1", "p2", "p4"]
    of_first, of_second = (
        masks_of({"features": FEATURES, "pictures": pictures})
        for pictures in (
            {"p2": picture(SIZE, [("globules", box(1, 1, 4, 4))])},
            {"p1": picture(SIZE, [("streaks", box(4, 2, 9, 7))]), "p4": picture(SIZE)},
        )
    )
    expected = {**of_first, **of_second}
    for image, boxes in read_reader_masks(tmp_path / "masks.zip", FEATURES, ["p4", "p1", "p2"]):
        found = masks_in(tmp_path / "masks.zip", image, FEATURES)
        for feature in FEATURES:
            np.testing.assert_array_equal(found[feature], expected[image, feature])
        assert list(boxes) == [*FEATURES, "union"]
        assert {name: box.count() for name, box in boxes.items()} == {name: mask.sum() for name, mask in found.items()}
        np.testing.assert_array_equal(found["union"], union_of({name: found[name] for name in FEATURES}))


def test_the_archive_is_the_same_whenever_it_is_written(tmp_path: Path) -> None:
    files = written(tmp_path)
    for name in ("a.zip", "b.zip"):
        write_reader_masks(tmp_path / name, files, FEATURES)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_exports_and_archives_are_archives_of_masks(tmp_path: Path) -> None:
    first, _ = written(tmp_path)
    write_reader_masks(tmp_path / "masks.zip", [first], FEATURES)
    images = [f"p{number}" for number in range(9)]
    assert list(list_masks(tmp_path / "masks.zip", images, FEATURES, missing="leave_out")) == ["p1", "p2"]
    # Of an export, what is begun is there, too: what is not drawn on it is black.
    found = list_masks(first, images, FEATURES, missing="leave_out")
    assert list(found) == ["p1", "p2", "p3"]
    assert found["p3"]["streaks"] is None and found["p3"]["globules"] is not None


def test_a_reader_who_finished_nothing_has_an_empty_archive(tmp_path: Path) -> None:
    begun = content("small", FEATURES, {"p1": picture(SIZE, finished=False)})
    write_reader_masks(tmp_path / "masks.zip", [write_zip(tmp_path / "a.zip", begun)], FEATURES)
    assert masked_images(tmp_path / "masks.zip", FEATURES) == []


def test_tables_say_what_was_left_last(tmp_path: Path, encoded: Callable[..., bytes]) -> None:
    files = [read_feedback(path) for path in written(tmp_path)]
    paths = {name: tmp_path / f"{name}.csv" for name in ("pictures", "labels", "ratings")}
    write_reader_tables(paths, files)
    tables = {name: read_reader_table(path) for name, path in paths.items()}
    for name, table in reader_tables(files).items():
        assert table.to_dict("records") == tables[name].to_dict("records")
    assert tables["pictures"][["image", "finished", "note"]].to_numpy().tolist() == [
        ["p1", True, ""],
        ["p2", True, ""],
        ["p3", False, ""],
        ["p4", True, ""],
    ]
    assert tables["labels"].to_numpy().tolist() == [
        ["p1", "plain", "NV", False, "MEL", "bb"],
        ["p4", "plain", "NV", False, "", "bb"],
    ]
    assert tables["ratings"].to_numpy().tolist() == [
        ["p2", "plain", "gradcam", 2, "aa"],
        ["p4", "controls", "lesion", 5, ""],
    ]
    write_reader_tables(paths, files[:1])
    assert read_reader_table(paths["pictures"])["note"].tolist() == ["NA", "", ""]  # no missing value
    assert read_reader_table(paths["labels"]).empty
