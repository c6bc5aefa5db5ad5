"""Files of feedback: what an export says is read, as a zip and as JSON; what is wrong with one is told in words."""

import json
import re
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dermalign.data import feedback as module
from dermalign.data.feedback import (
    Feedback,
    PictureFeedback,
    Verdict,
    latest_pictures,
    mask_faults,
    mask_name,
    open_feedback,
    read_feedback,
    read_mask,
)
from dermalign.errors import InputError
from feedback_cases import box, content, inside, masks_of, picture, png, write_json, write_zip

FEATURES = ["globules", "streaks"]
SIZE = (9, 7)


def given(**changes: Any) -> dict[str, Any]:
    """Feedback on a finished picture and on one that is not."""
    marked = picture(
        SIZE,
        [
            ("streaks", [[0.5, 0.5], [6.2, 1], [4, 6.4]]),
            ("streaks", box(2, 2, 8, 5)),
            ("globules", box(0, 0, 1.4, 1.6)),
        ],
        labels={
            "plain": {"predicted": "NV", "right": False, "class": "MEL"},
            "other": {"predicted": "NV", "right": True, "class": "NV"},
            "third": {"predicted": "NV", "right": False, "class": ""},
        },
        ratings={"plain/gradcam": 4},
        note="a, b\nand ü",
    )
    begun = picture(SIZE, [("globules", box(3, 3, 5, 5))], finished=False, time="2026-11-27T22:00:00+02:00")
    return content("small", FEATURES, {"p1": marked, "p2": begun}, classifiers={"plain": "ab"}, **changes)


def white(opened: Any, image: str, feature: str) -> np.ndarray:
    found = read_mask(opened, image, feature, SIZE)
    pixels = np.zeros(SIZE[::-1], dtype=np.bool_)
    pixels[found.top : found.bottom, found.left : found.right] = found.pixels
    return pixels


@pytest.mark.parametrize("write", [write_zip, write_json])
def test_what_is_exported_is_read(tmp_path: Path, write: Callable[..., Path]) -> None:
    path = write(tmp_path / f"feedback.{write.__name__.removeprefix('write_')}", given())
    expected = masks_of(given())
    with open_feedback(path) as (found, opened):
        for image, feature in (("p1", "globules"), ("p1", "streaks"), ("p2", "globules")):
            np.testing.assert_array_equal(white(opened, image, feature), expected[image, feature])
    assert found == read_feedback(path)
    assert (found.study, found.reader, found.features, found.classifiers) == (
        "small",
        "Anna",
        FEATURES,
        {"plain": "ab"},
    )
    assert found.pictures["p1"] == PictureFeedback(
        size=SIZE,
        time=datetime(2026, 11, 27, 21, tzinfo=UTC),
        finished=True,
        drawn=frozenset(FEATURES),
        verdicts={
            "plain": Verdict("NV", False, "MEL"),
            "other": Verdict("NV", True, "NV"),
            "third": Verdict("NV", False, None),
        },
        ratings={"plain/gradcam": 4},
        note="a, b\nand ü",
        threshold="0.300",
        source="plain/gradcam",
    )
    assert [verdict.label for verdict in found.pictures["p1"].verdicts.values()] == ["MEL", "NV", None]
    assert found.pictures["p2"].time == datetime(2026, 11, 27, 20, tzinfo=UTC)
    assert mask_faults(path) == []


def test_grey_masks_count_as_those_of_one_bit(tmp_path: Path) -> None:
    grey = {name: np.uint8(255) * mask for name, mask in masks_of(given()).items()}
    with open_feedback(write_zip(tmp_path / "grey.zip", given(), grey)) as (_, opened):
        np.testing.assert_array_equal(white(opened, "p1", "streaks"), masks_of(given())["p1", "streaks"])


def test_the_even_odd_rule_of_the_cases_is_the_one_of_the_format() -> None:
    # A star whose points are joined in one stroke has a hole in its middle.
    star = [[50 + 40 * np.sin(turn), 50 - 40 * np.cos(turn)] for turn in np.arange(5) * 4 * np.pi / 5]
    found = inside(star, 100, 100)
    assert not found[50, 50] and found[15, 49] and found[42, 26] and not found[2, 2]
    assert inside(box(2.5, 1, 4.5, 3), 6, 4).sum() == 2 * 2  # centres at 2.5 are in, at 4.5 out


def test_of_a_picture_the_latest_change_counts() -> None:
    def file(**times: str) -> Feedback:
        pictures = {
            image: PictureFeedback(
                SIZE, datetime.fromisoformat(time), True, frozenset(), {}, {}, note=time, threshold="", source=""
            )
            for image, time in times.items()
        }
        return Feedback("", "", "", [], {}, pictures)

    files = [
        file(b="2026-01-02T00:00:00+00:00", a="2026-01-05T00:00:00+00:00"),
        file(a="2026-01-04T00:00:00+00:00", b="2026-01-01T23:00:00-02:00", c="2026-01-01T00:00:00+00:00"),
        file(c="2026-01-01T00:00:00+00:00"),
    ]
    assert {image: number for image, (number, _) in latest_pictures(files).items()} == {"a": 0, "b": 1, "c": 2}
    assert list(latest_pictures(files)) == ["a", "b", "c"]


def changed(feedback: dict[str, Any], *keys: str, to: Any) -> dict[str, Any]:
    inner = feedback
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = to
    return feedback


@pytest.mark.parametrize(
    ("keys", "to", "words"),
    [
        (
            ["format"],
            "dermalign feedback 9",
            r"is of the format 'dermalign feedback 9', and `dermalign feedback 1` is read",
        ),
        (["pictures"], [], r"`pictures` is not as the format says: \[\] is not of type 'object'\. Export"),
        (["pictures", "p1", "width"], 0, r"`pictures\.p1\.width` is not .*less than the minimum"),
        (["pictures", "p1", "finished"], "yes", r"`pictures\.p1\.finished` is not .*'boolean'"),
        (["pictures", "p1", "time"], "yesterday", r"p1 has the time 'yesterday', which is none of ISO 8601"),
        (["pictures", "p1", "ratings"], {"plain/gradcam": 6}, r"ratings\.plain/gradcam` is not .*maximum of 5"),
        (["pictures", "p1", "ratings"], {"a/b": 0, "c/d": 9}, r"minimum of 1\. So are 1 more\. Export"),
        (["pictures", "p1", "ratings"], {"plain/gradcam": 2.5}, r"ratings\.plain/gradcam` is not .*'integer'"),
        (["pictures", "p1", "labels"], {"plain": {"predicted": "NV"}}, r"'right' is a required property"),
        (
            ["pictures", "p1", "labels"],
            {"plain": {"predicted": "NV", "right": False, "class": "NV"}},
            r"p1: that plain says NV is called wrong, and right",
        ),
        (["pictures", "p1", "regions"], [{"feature": "streaks"}], r"'points' is a required property"),
        (
            ["pictures", "p1", "regions"],
            [{"feature": "streaks", "points": [[1, 2], [3]]}],
            r"p1 has a region whose points are not pairs of numbers",
        ),
        (["pictures", "p1", "regions"], [{"feature": "streaks", "points": [[10**400, 2]]}], r"not pairs of numbers"),
        (["pictures", "p1", "regions"], [{"feature": "streaks", "points": [[True, 2]]}], r"not pairs of numbers"),
        (["pictures", "p1", "note"], float("nan"), r"feedback\.json is no whole JSON \(NaN is no number of JSON\)"),
    ],
)
@pytest.mark.parametrize("write", [write_zip, write_json])
def test_what_the_format_does_not_say_is_told(
    tmp_path: Path, write: Callable[..., Path], keys: list[str], to: Any, words: str
) -> None:
    path = write(tmp_path / f"a.{write.__name__.removeprefix('write_')}", changed(given(), *keys, to=to), {})
    with pytest.raises(InputError, match=rf"{path.name}.*{words}"):
        read_feedback(path)


def test_what_is_no_feedback_is_told(tmp_path: Path, zipped: Callable[..., Path]) -> None:
    with pytest.raises(InputError, match=r"none\.zip: there is no such file\. Correct the path under `feedback`"):
        read_feedback(tmp_path / "none.zip")
    with pytest.raises(InputError, match="there is no such file"):
        read_feedback(tmp_path)
    with pytest.raises(InputError, match=r"other\.zip holds no feedback\.json"):
        read_feedback(zipped(tmp_path / "other.zip", {"a.png": b""}))
    with pytest.raises(InputError, match=r"list\.json is no feedback: it does not say its format"):
        (tmp_path / "list.json").write_text("[1]")
        read_feedback(tmp_path / "list.json")
    whole = write_zip(tmp_path / "whole.zip", given()).read_bytes()
    (tmp_path / "cut.zip").write_bytes(whole[:-30])
    with pytest.raises(InputError, match=r"cut\.zip is not a whole zip archive"):
        read_feedback(tmp_path / "cut.zip")
    for name, text in {"cut.json": '{"format": ', "deep.json": "[" * 100_000, "latin.json": '{"ü": 1}'}.items():
        (tmp_path / name).write_text(text, encoding="latin-1")
        with pytest.raises(InputError, match=rf"{name}: feedback\.json is no whole JSON"):
            read_feedback(tmp_path / name)


@pytest.mark.parametrize("name", ["../a.png", "masks/../../a.png", "/a.png", "..\\a.png", "C:\\a.png", "C:/a.png"])
def test_names_that_lead_out_of_the_file_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"a path that leads out of it"):
        read_feedback(write_zip(tmp_path / "out.zip", given(), **{name: b"x"}))
    feedback = {**given(), "masks": {name: ""}}
    (tmp_path / "out.json").write_text(json.dumps(feedback))
    with pytest.raises(InputError, match=r"a path that leads out of it"):
        read_feedback(tmp_path / "out.json")
    assert [path.name for path in tmp_path.parent.iterdir() if path.suffix == ".png"] == []


def test_sizes_are_bounded_as_declared_and_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_zip(tmp_path / "a.zip", given(), **{"masks/large.png": bytes(3 * 2**20)})
    read_feedback(path)
    monkeypatch.setattr(module, "MASK_BYTES", 2**20)
    with pytest.raises(InputError, match=r"a\.zip: masks/large\.png has more than 1 MiB"):
        read_feedback(path)
    # A directory that says less than there is: what is said is all that is read.
    content = bytearray(path.read_bytes())
    place = content.index(b"PK\x01\x02", content.index(b"masks/large.png") + 1000)
    while b"masks/large.png" not in content[place : place + 80]:
        place = content.index(b"PK\x01\x02", place + 4)
    content[place + 24 : place + 28] = (100).to_bytes(4, "little")
    (tmp_path / "lie.zip").write_bytes(content)
    with open_feedback(tmp_path / "lie.zip") as (_, opened), pytest.raises(InputError, match="cannot be read"):
        module._bounded("lie.zip", opened.open("masks/large.png"), "masks/large.png", 2**20)
    monkeypatch.setattr(module, "MASK_BYTES", 2**25)
    monkeypatch.setattr(module, "ALL_BYTES", 2**21)
    with pytest.raises(InputError, match=r"all that is in it has more than 2 MiB"):
        read_feedback(path)
    monkeypatch.setattr(module, "ALL_BYTES", 2**32)
    monkeypatch.setattr(module, "JSON_BYTES", 0)
    for each in (path, write_json(tmp_path / "a.json", given())):
        with pytest.raises(InputError, match=r"feedback\.json has more than 0 MiB"):
            read_feedback(each)


def test_a_member_that_stands_twice_is_told(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "twice.zip", given())
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr(mask_name("p1", "streaks"), b"")
    with pytest.raises(InputError, match=r"holds masks/p1_attribute_streaks\.png twice"):
        read_feedback(path)


def test_masks_of_finished_pictures_that_do_not_fit_are_told(tmp_path: Path) -> None:
    levels = np.uint8(255) * masks_of(given())["p1", "streaks"]
    levels[0, 0] = 128
    for masks, words in (
        ({("p1", "globules"): levels > 0}, r"lacks the mask masks/p1_attribute_streaks\.png: a finished picture"),
        (
            {("p1", "streaks"): (levels > 0)[:, :4]},
            r"masks/p1_attribute_streaks\.png has 4 x 7 pixels, its picture 9 x 7",
        ),
        ({("p1", "streaks"): levels}, r"masks/p1_attribute_streaks\.png has other values than 0 and 255"),
    ):
        for write in (write_zip, write_json):
            all_masks = {**masks_of(given()), **masks}
            if "lacks" in words:
                del all_masks["p1", "streaks"]
            path = write(tmp_path / f"a.{write.__name__.removeprefix('write_')}", given(), all_masks)
            (fault,) = mask_faults(path)
            assert re.search(words, fault)
    damaged = write_zip(tmp_path / "damaged.zip", given(), **{mask_name("p1", "streaks"): png(levels > 0)[:50]})
    assert "is not a readable picture" in mask_faults(damaged)[0]
    # Of a picture that is not finished no mask is asked for.
    begun = {name: mask for name, mask in masks_of(given()).items() if name[0] == "p1"}
    assert mask_faults(write_zip(tmp_path / "begun.zip", given(), begun)) == []
    encoded = json.loads(write_json(tmp_path / "a.json", given()).read_text())
    encoded["masks"]["p1_attribute_streaks.png"] = "no base64"
    (tmp_path / "a.json").write_text(json.dumps(encoded))
    assert "cannot be read" in mask_faults(tmp_path / "a.json")[0]
