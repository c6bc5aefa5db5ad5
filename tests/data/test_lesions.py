"""Which pictures show one lesion, and words of metadata tables that mean that nobody knows."""

from collections.abc import Callable
from pathlib import Path

import pytest
from dermalign.data.lesions import lesion_account, lesion_pictures, read_lesions
from dermalign.data.names import plain_name
from dermalign.data.tables import read_table
from dermalign.errors import InputError

Written = Callable[..., Path]


@pytest.mark.parametrize("column", ["image", "isic_id", "image_id", "image_name", "img_id", "bcn_filename"])
def test_lesions(written: Written, column: str) -> None:
    path = written(f"{column},age_approx,lesion_id\nISIC_1,55,L1\nISIC_2,,\nISIC_3,40,L1\n")
    assert read_lesions(path) == {"ISIC_1": "L1", "ISIC_3": "L1"}


def test_both_photographs_of_a_case_are_of_one_lesion(written: Written) -> None:
    path = written(
        "case_num,diagnosis,clinic,derm\n1,melanoma,NEL/Nel025.jpg,NEL/Nel026.jpg\n2,nevus,a/b.jpg,a/c.jpg\n"
    )
    assert read_lesions(path) == {"Nel026.jpg": "1", "Nel025.jpg": "1", "c.jpg": "2", "b.jpg": "2"}


NOTHING = ["NA", "N/A", "nan", "None", "null", "UNKNOWN", "-", "?", "", "#N/A", "n.a.", "-1", "-999"]
NOTHING += ["HAM_nan", "lesion-unknown", "BCN_None", "IL_NULL", "HAM_", "HAM_?", "MSK4 n/a", "lesion/NaN", "HAM_<NA>"]


@pytest.mark.parametrize("word", NOTHING)
def test_unknown_lesions_are_none(written: Written, word: str) -> None:
    path = written(f'image,lesion_id\na,L1\nb,"{word}"\nc,"{word}"\nd,L1\n')
    assert read_lesions(path) == {"a": "L1", "d": "L1"}
    (line,) = lesion_account(path)
    assert line == (
        f"2 pictures of the metadata are of no known lesion: it is {f'`{word}`, as of b' if word else 'empty, as of b'}"
    )


def test_words_of_unknown_lesions_are_counted_one_by_one(written: Written) -> None:
    path = written("image,lesion_id\na,HAM_nan\nb,BCN_NaN\nc,nan\nd,unknown\ne,L1\n")
    assert read_lesions(path) == {"e": "L1"}
    assert lesion_account(path) == [
        "3 pictures of the metadata are of no known lesion: it is or ends in `nan`, as `HAM_nan` of a",
        "1 pictures of the metadata are of no known lesion: it is `unknown`, as of d",
    ]


@pytest.mark.parametrize("other", ["", "b,nan\n"])
def test_zero_alone_is_nothing(written: Written, other: str) -> None:
    table = written(f"image,lesion_id\na,0.0\nc,0.0\n{other}")
    assert read_lesions(table) == {}
    assert lesion_account(table)[0].startswith("2 pictures of the metadata are of no known lesion: it is `0.0`")


def test_zero_is_a_number_among_others_or_nothing(written: Written) -> None:
    assert read_lesions(written("image,lesion_id\na,0\nb,0\nc,1\nd,1\ne,2\n"))["a"] == "0"
    nothing = written("image,lesion_id\na,0\nb,0\nc,0\nd,1\ne,1\n")
    assert read_lesions(nothing) == {"d": "1", "e": "1"}
    assert lesion_account(nothing)[0].startswith("3 pictures")
    assert read_lesions(written("image,lesion_id\na,0\nb,1\nc,2\n")) == {"a": "0", "b": "1", "c": "2"}


def test_names_that_only_look_like_nothing(written: Written) -> None:
    lesions = ["NA_1", "nan_2", "Vienna", "L-0", "unknown 7", "3a?", "HAM_0"]
    path = written("image,lesion_id\n" + "".join(f"p{row},{lesion}\n" for row, lesion in enumerate(lesions)))
    assert list(read_lesions(path).values()) == lesions and lesion_account(path) == []


def test_a_picture_of_two_lesions(written: Written) -> None:
    path = written("image,lesion_id\na,L1\nA_downsampled.jpg,L2\nb,nan\nb,L3\n")
    assert read_lesions(path) == {"a": "L1", "A_downsampled.jpg": "L1", "b": "L3"}
    assert lesion_account(path) == ["1 pictures are of two lesions, as a: L1 and L2; the first is used"]


def test_a_word_that_nobody_expected_is_told(written: Written) -> None:
    rows = [f"p{number},{'tba' if number < 99 else f'L{number}'}\n" for number in range(200)]
    (line,) = lesion_account(written("image,lesion_id\n" + "".join(rows)))
    assert line.startswith("WARNING: 99 pictures are of one lesion, `tba`, as p0") and "empty these cells" in line


def test_metadata_without_lesions(written: Written) -> None:
    with pytest.raises(InputError, match=r"metadata\.csv has the columns image, sex.*archives\.training_metadata"):
        read_lesions(written("image,sex\nISIC_1,female\n", "metadata.csv"))


def test_pictures_of_lesions(written: Written) -> None:
    table = read_table(
        written("lesion_id,image_type,isic_id\nIL_1,dermoscopic,ISIC_1\nIL_1,clinical,ISIC_2\nIL_2,,ISIC_3\n")
    )
    assert lesion_pictures(table) == {"IL_1": ["ISIC_1", "ISIC_2"], "IL_2": ["ISIC_3"]}
    assert lesion_pictures(read_table(written("image,x\na,b\n"))) == {}


def test_real_lesions(real_data: Path) -> None:
    path = real_data / "labels" / "ISIC_2019_Training_Metadata.csv"
    lesions = read_lesions(path)
    assert len(lesions) == 23_247
    assert all(lesions.values())
    assert any(plain_name(image) != image.casefold() for image in lesions)
    assert lesion_account(path) == [
        "2084 pictures of the metadata are of no known lesion: it is empty, as of ISIC_0000000"
    ]
