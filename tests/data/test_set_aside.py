"""Pictures that cannot be used are set aside: which they are follows from the files, and jobs read what was kept."""

import io
import os
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from dermalign.data.entrance import Looked, look, looked_lines
from dermalign.data.evaluation_manifest import evaluation_account, evaluation_manifest
from dermalign.data.manifests import read_evaluation, read_training, write_evaluation, write_training
from dermalign.data.set_aside import SetAside, keep, kept
from dermalign.data.study_archives import Archives
from dermalign.data.training_manifest import training_account, training_manifest
from dermalign.errors import InputError
from PIL import Image
from study_cases import FEATURES, IMAGES, small_study

Make = Callable[..., Archives]


def photograph(seed: int = 0, form: str = "JPEG") -> bytes:
    stream = io.BytesIO()
    values = np.random.default_rng(seed).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    Image.fromarray(values).resize((160, 120)).save(stream, form)
    return stream.getvalue()


def mask(white: int = 255, width: int = 160, height: int = 120) -> bytes:
    values = np.zeros((height, width), dtype=np.uint8)
    values[20:50, 30:90] = white
    stream = io.BytesIO()
    Image.fromarray(values).save(stream, "PNG")
    return stream.getvalue()


def grey(form: str) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.arange(160 * 120, dtype=np.uint16).reshape(120, 160)).save(stream, form)
    return stream.getvalue()


def large() -> bytes:
    stream = io.BytesIO()
    Image.new("1", (30_000, 20_000)).save(stream, "PNG")
    return stream.getvalue()


def broken_inside(jpeg: bytes) -> bytes:
    """Return a JPEG that ends as one and is damaged before, so that it cannot be decoded."""
    for seed in range(1000):
        content, generator = bytearray(jpeg), np.random.default_rng(seed)
        place = int(generator.integers(200, len(content) - 100))
        content[place : place + 60] = generator.bytes(60)
        try:
            Image.open(io.BytesIO(content)).load()
        except OSError:
            assert content.endswith(b"\xff\xd9")
            return bytes(content)
    raise AssertionError("no damage was found that Pillow notices")


@pytest.fixture
def make(tmp_path: Path, zipped: Callable[..., Path]) -> Make:
    """A function that writes archives, sound but for members that are given or left out, and returns them."""

    def of(changed: Mapping[str, bytes | None] | None = None, **changes: object) -> Archives:
        members: dict[str, bytes | None] = {
            **{f"evaluation/{image}.jpg": photograph(number) for number, image in enumerate(IMAGES)},
            **{f"masks/{image}_attribute_{feature}.png": mask() for image in IMAGES for feature in FEATURES},
            **{f"lesions/{image}_segmentation.png": mask() for image in IMAGES},
            **{f"training/t{number}.png": photograph(number, "PNG") for number in range(8)},
            **(changed or {}),
        }
        for name in ("evaluation", "masks", "lesions", "training"):
            there = {path: of for path, of in members.items() if path.startswith(name) and of is not None}
            zipped(tmp_path / f"{name}.zip", there)
        rows = [f"{image},{['MEL', 'NV'][number % 2]}" for number, image in enumerate(IMAGES)]
        (tmp_path / "diagnoses.csv").write_text("\n".join(["image,diagnosis", *rows]))
        (tmp_path / "labels.csv").write_text("image,MEL,NV,BKL\n")
        settings = {"on_bad_picture": "skip", "archives": {"lesion_masks": "lesions.zip"}, **changes}
        return Archives(small_study(tmp_path, **settings))

    return of


def looked(archives: Archives, tmp_path: Path) -> Looked:
    return look(archives, tmp_path / "cache", threads=2)


BAD_PICTURES = {
    "is cut off": photograph()[:-400],
    "is a web page": b"<html><body>log in</body></html>",
    "is damaged before its end": broken_inside(photograph()),
    "has 16 bits": grey("PNG"),
    "is empty": b"",
    "is too large": large(),
}


@pytest.mark.parametrize("content", BAD_PICTURES.values(), ids=BAD_PICTURES)
def test_a_picture_that_cannot_be_used_is_set_aside(make: Make, tmp_path: Path, content: bytes) -> None:
    found = looked(make({"evaluation/ISIC_0000003.jpg": content, "training/t5.png": content}), tmp_path)
    assert found.faults == []
    assert list(found.set_aside.evaluation) == ["ISIC_0000003"] and list(found.set_aside.training) == ["t5"]
    assert "evaluation.zip: evaluation/ISIC_0000003.jpg" in found.set_aside.evaluation["ISIC_0000003"]
    assert "training.zip: training/t5.png" in found.set_aside.training["t5"]
    # As it is by default, each is a fault.
    stopped = looked(make({"evaluation/ISIC_0000003.jpg": content}, on_bad_picture="stop"), tmp_path)
    assert len(stopped.faults) == 1 and not stopped.set_aside


@pytest.mark.parametrize(
    ("path", "content", "words"),
    [
        ("masks/ISIC_0000001_attribute_streaks.png", mask()[:-30], "is not a readable picture"),
        ("masks/ISIC_0000001_attribute_streaks.png", mask(width=150), "has 150 x 120 pixels, its picture 160 x 120"),
        ("masks/ISIC_0000001_attribute_streaks.png", photograph(), "cannot be told"),
        ("masks/ISIC_0000001_attribute_streaks.png", grey("PNG"), "more than 8 bits"),
        ("masks/ISIC_0000001_attribute_streaks.png", None, "lacks ISIC_0000001_attribute_streaks.png"),
        ("lesions/ISIC_0000001_segmentation.png", mask(width=150), "has 150 x 120 pixels, its picture 160 x 120"),
    ],
)
def test_a_picture_whose_mask_cannot_be_used_is_set_aside(
    make: Make, tmp_path: Path, path: str, content: bytes | None, words: str
) -> None:
    archives = make({path: content})
    found = looked(archives, tmp_path)
    assert found.faults == []
    ((of, image, fault),) = found.set_aside.rows
    assert (of, image) == ("evaluation", "ISIC_0000001") and words in fault
    without = replace(archives, set_aside=found.set_aside)
    assert without.evaluation_images == without.named_images == [image for image in IMAGES if image != "ISIC_0000001"]
    assert "ISIC_0000001" not in without.diagnosed_images
    with pytest.raises(InputError) if content is None else nullcontext():
        assert archives.evaluation_images == IMAGES


def test_all_that_is_wrong_with_a_picture_is_told(make: Make, tmp_path: Path) -> None:
    paths = [f"masks/ISIC_0000001_attribute_{feature}.png" for feature in FEATURES]
    fault = looked(make({paths[0]: mask(width=150), paths[1]: b"none"}), tmp_path).set_aside.evaluation["ISIC_0000001"]
    assert all(path in fault for path in paths)


def test_what_is_set_aside_follows_from_the_files_alone(make: Make, tmp_path: Path) -> None:
    changed = {"evaluation/ISIC_0000003.jpg": b"none", "training/t5.png": photograph()[:-400]}
    first = looked(make(changed), tmp_path)
    assert looked(make(changed), tmp_path) == first  # with what is remembered
    (cache,) = (tmp_path / "cache").iterdir()
    cache.unlink()
    assert looked(make(changed), tmp_path) == first
    # Where it was replaced it is taken in again, and another one that went bad is not.
    found = looked(make({"training/t5.png": photograph(form="PNG"), "training/t6.png": b"none"}), tmp_path)
    assert [row[:2] for row in found.set_aside.rows] == [("training", "t6")]


def test_more_than_one_in_ten_or_all_are_no_bad_pictures(make: Make, tmp_path: Path) -> None:
    one = {"masks/ISIC_0000001_attribute_streaks.png": b"none"}
    assert looked(make(one), tmp_path).faults == []
    (fault,) = looked(make({**one, "masks/ISIC_0000002_attribute_streaks.png": b"none"}), tmp_path).faults
    assert "masks.zip: 2 of 12 evaluation pictures cannot be used" in fault and "ISIC_0000001_attribute" in fault
    (fault,) = looked(make({f"training/t{number}.png": b"none" for number in range(8)}), tmp_path).faults
    assert "training.zip: 8 of 8 training pictures cannot be used" in fault
    # Twenty and more: one in ten.
    many = {f"training/u{number:02d}.png": photograph(number, "PNG") for number in range(22)}
    three = dict.fromkeys(list(many)[:3], b"none")
    assert looked(make({**many, **three}), tmp_path).faults == []
    assert looked(make({**many, **three, "training/t0.png": b"none"}), tmp_path).faults != []


def test_what_the_disk_does_not_give_is_a_fault(make: Make, tmp_path: Path) -> None:
    make()
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number, image in enumerate(IMAGES):
        (folder / f"{image}.jpg").write_bytes(photograph(number))
    archives = Archives(small_study(tmp_path, on_bad_picture="skip", archives={"evaluation_pictures": "pictures"}))
    assert looked(archives, tmp_path).faults == []
    # A file that the folder lists and that is not given, as of a server that is away.
    changed = folder.stat().st_mtime_ns
    (folder / "ISIC_0000004.jpg").rename(tmp_path / "elsewhere.jpg")
    os.utime(folder, ns=(changed, changed))
    (tmp_path / "cache" / "entrance.small.json").unlink()
    (fault,) = looked(archives, tmp_path).faults
    assert "ISIC_0000004.jpg cannot be read" in fault


def test_of_a_sample_a_picture_that_is_set_aside_makes_room_for_another(make: Make, tmp_path: Path) -> None:
    sample = make(evaluation_limit=4).named_images
    bad = f"masks/{sample[1]}_attribute_streaks.png"
    archives = make({bad: b"none"}, evaluation_limit=4)
    found = looked(archives, tmp_path)
    assert found.faults == [] and list(found.set_aside.evaluation) == [sample[1]]
    named = make(dict.fromkeys(members_of(sample[1])), evaluation_limit=4).named_images
    archives = make({bad: b"none"}, evaluation_limit=4)
    assert replace(archives, set_aside=found.set_aside).named_images == named
    # The one that takes its place is looked at, too.
    (other,) = set(named) - set(sample)
    worse = make({bad: b"none", f"masks/{other}_attribute_streaks.png": b"none"}, evaluation_limit=4)
    assert any(f"masks/{other}_attribute" in fault for fault in looked(worse, tmp_path).faults)


def members_of(image: str) -> list[str]:
    masks = [f"masks/{image}_attribute_{feature}.png" for feature in FEATURES]
    return [f"evaluation/{image}.jpg", f"lesions/{image}_segmentation.png", *masks]


def test_digests_are_of_what_is_there(make: Make, tmp_path: Path) -> None:
    archives = make({"training/t5.png": b"none"})
    aside = replace(archives, set_aside=looked(archives, tmp_path).set_aside)
    digest = aside.pictures_digest("training_pictures")
    assert digest != archives.pictures_digest("training_pictures")
    other = make({"training/t5.png": b"still none"})
    assert replace(other, set_aside=looked(other, tmp_path).set_aside).pictures_digest("training_pictures") == digest
    assert make({"training/t5.png": None}).pictures_digest("training_pictures") == digest


def test_jobs_read_what_was_kept_and_nothing_of_another_run(tmp_path: Path) -> None:
    path = tmp_path / "manifest" / "set_aside.csv"
    set_aside = SetAside({"a, b": 'a "word", and\nanother line'}, {"c": "cut off"})
    keep(path, set_aside)
    assert kept(path, set_aside.digest) == kept(path, None) == set_aside
    before = path.stat().st_mtime_ns
    keep(path, set_aside)
    assert path.stat().st_mtime_ns == before
    with pytest.raises(InputError, match=r"names other pictures than the run set aside"):
        kept(path, SetAside().digest)
    path.unlink()
    with pytest.raises(InputError, match=r"is not there any more\. Start the run again"):
        kept(path, None)


def test_manifests_list_them_and_readers_get_them_where_they_ask(tmp_path: Path) -> None:
    counts = pd.DataFrame({"image": ["a", "c"], "width": 20, "height": 10, "globules": [5, 0], "union": [5, 0]})
    diagnoses, of = {"a": "MEL", "b": "NV"}, (["MEL", "NV"],)
    plain = evaluation_manifest(counts, diagnoses, *of)
    table = evaluation_manifest(counts, diagnoses, *of, {"b": "b.jpg is cut off. Replace it.", "d": "d.png, too"})
    write_evaluation(tmp_path / "evaluation.csv", table)
    text = (tmp_path / "evaluation.csv").read_text()
    assert "b,NV,0,0,0,0,False,it was set aside: b.jpg is cut off. Replace it.\n" in text
    pd.testing.assert_frame_equal(read_evaluation(tmp_path / "evaluation.csv"), plain, check_dtype=False)
    everything = read_evaluation(tmp_path / "evaluation.csv", set_aside=True)
    pd.testing.assert_frame_equal(everything, table, check_dtype=False)
    lines = evaluation_account(table, [], ["MEL", "NV"])
    assert lines[:3] == ["4 pictures with masks", "in the analysis: 1 (MEL 1)", "left out: 3"]
    assert "  2 because it was set aside" in lines
    assert any(line.startswith("WARNING: 2 set aside") and "as b, which was set aside: b.jpg" in line for line in lines)

    sizes = {f"t{number:02d}": (20, 10) for number in range(40) if number != 7}
    classes = {**dict.fromkeys(sizes, "NV"), "t07": "MEL"}
    options = {"leakage": "exclude", "validation": 0.1, "test": 0.1, "seed": 1}
    plain = training_manifest(sizes, classes, {"t07": "L"}, [], **options)
    table = training_manifest(sizes, classes, {"t07": "L"}, [], **options, set_aside={"t07": "cut off"})
    assert table.iloc[7].tolist() == ["t07", "MEL", "excluded", "L", 0, 0, "was set aside: cut off"]
    write_training(tmp_path / "training.csv", table)
    pd.testing.assert_frame_equal(read_training(tmp_path / "training.csv"), plain, check_dtype=False)
    assert "  1 because the picture was set aside" in training_account(table, classes, "exclude", ["MEL", "NV"])


def test_a_check_says_what_it_looked_at_and_what_would_be_set_aside(make: Make, tmp_path: Path) -> None:
    archives = make(on_bad_picture="stop")
    lines = looked_lines(looked(archives, tmp_path), archives, 2, 61.0)
    assert lines == [
        "Looked at the configuration, 20 pictures, 36 masks, 12 rows of tables and 2 classifiers in 1 min 01 s.",
        "Nothing is wrong.",
    ]
    archives = make({"evaluation/ISIC_0000003.jpg": b"none"})
    lines = looked_lines(looked(archives, tmp_path), archives, 1, 1.0)
    assert lines[1:2] == ["1 evaluation and 0 training pictures would be set aside (on_bad_picture: skip):"]
    assert lines[2].startswith("- evaluation picture ISIC_0000003: ") and lines[3:] == ["Nothing else is wrong."]
