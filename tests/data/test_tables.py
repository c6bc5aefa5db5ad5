"""Tables as systems and people write them: encodings, separators, names of columns, and what is no table."""

import codecs
import gzip
from collections.abc import Callable
from pathlib import Path

import pytest
from dermalign.data.tables import ending_of_nothing, missing_word, read_table
from dermalign.errors import InputError

TEXT = 'image,diagnosis\nISIC_1,nävus\n"a, b",x\n'
ROWS = [["ISIC_1", "nävus"], ["a, b", "x"]]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_separators_and_line_ends(tmp_path: Path, separator: str, end: str) -> None:
    text = f'image{separator}diagnosis\nISIC_1{separator}nävus\n"a, b"{separator}x\n'
    (tmp_path / "t.csv").write_bytes(text.replace("\n", end).encode())
    table = read_table(tmp_path / "t.csv")
    assert table.columns == ["image", "diagnosis"] and table.rows == ROWS


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "cp1252", "utf-16", "utf-16-le", "utf-16-be"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "t.csv").write_bytes(TEXT.encode(encoding))
    assert read_table(tmp_path / "t.csv").rows == ROWS


@pytest.mark.parametrize(("mark", "encoding"), [(codecs.BOM_UTF16_BE, "utf-16-be"), (codecs.BOM_UTF32_LE, "utf-32-le")])
def test_marks_of_encodings(tmp_path: Path, mark: bytes, encoding: str) -> None:
    (tmp_path / "t.csv").write_bytes(mark + TEXT.encode(encoding))
    assert read_table(tmp_path / "t.csv").rows == ROWS


Written = Callable[..., Path]


def test_a_separator_within_cells_is_none(written: Written) -> None:
    assert read_table(written("image;note\na;1,5, 2,5, 3\n")).rows == [["a", "1,5, 2,5, 3"]]
    assert read_table(written("sep=;\nimage;note\na;b\n")).rows == [["a", "b"]]


def test_cells_stay_text(written: Written) -> None:
    table = read_table(written(' Image ,x\n001,1.0\nNA, nan \n"a ""b"", c",\n\n , \n'))
    assert table.rows == [["001", "1.0"], ["NA", "nan"], ['a "b", c', ""]]
    assert [table.pictures(row) for row in table.rows] == [["001"], ["NA"], ['a "b", c']]


@pytest.mark.parametrize(
    ("columns", "pictures"),
    [
        ("lesion_id,image_id,dx", ["b"]),
        ("Image Name,x,y", ["a"]),
        ("x,bcn_filename,y", ["b"]),
        ("id,image-id,isic_id", ["c"]),
        ("clinic,derm,x", ["b", "a"]),
        ("clinic,x,y", []),
        ("x,IMG_ID,y", ["b"]),
        ("x,ImageID,imageName", ["b"]),
        ("x,y,isicId", ["c"]),
    ],
)
def test_which_columns_name_pictures(written: Written, columns: str, pictures: list[str]) -> None:
    table = read_table(written(f"{columns}\na,b,c\n"))
    assert table.pictures(table.rows[0]) == pictures


def test_folders_are_no_part_of_a_name(written: Written) -> None:
    table = read_table(written("image_path,x\nNEL/Nel026.jpg,1\nC:\\data\\b.png,2\n,3\n"))
    assert [table.pictures(row) for row in table.rows] == [["Nel026.jpg"], ["b.png"], []]


def test_titles_above_the_names_of_columns(written: Written) -> None:
    table = read_table(written('PH2 data set,,\n,,\nImage Name,"Asymmetry\n(0/1/2)",Melanoma\nIMD1,0,X\n'))
    assert table.columns[0] == "Image Name" and table.rows == [["IMD1", "0", "X"]]
    # The first line counts where a word of a column stands among the cells.
    assert read_table(written("Bild,Art\na,id\nb,lesion\n")).columns == ["Bild", "Art"]


def test_the_text_file_of_ph2(written: Written) -> None:
    table = read_table(
        written(
            "||   Name || Histological Diagnosis || Clinical Diagnosis || Asymmetry | Streaks ||  Colors ||\n"
            "|| IMD003 ||                        ||                  0 ||         0 |       A ||   4 ||\n"
            "|| IMD405 || Melanoma               ||                  2 ||         2 |       P ||   1  4  6 ||\n"
            "\nLegends:\n\nClinical Diagnosis:\n\t0 - Common Nevus; 1 - Atypical Nevus; 2 - Melanoma.\n"
        )
    )
    assert table.columns[:3] == ["Name", "Histological Diagnosis", "Clinical Diagnosis"]
    assert [row[:3] for row in table.rows] == [["IMD003", "", "0"], ["IMD405", "Melanoma", "2"]]


def test_a_row_that_does_not_fit(written: Written) -> None:
    assert read_table(written("image,diagnosis\na\nb,x,,\n")).rows == [["a", ""], ["b", "x"]]
    with pytest.raises(InputError, match=r"t\.csv: the row of b has 3 cells, more than the 2 columns.*in quotes"):
        read_table(written("image,diagnosis\na,x\nb,Nevus, Spitz\n"))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty: a table needs a line of column names"),
        (b"\n\n , \n", "is empty"),
        (b"PK\x03\x04 and more", r"is a spreadsheet \(\.xlsx, \.ods\) or a zip archive, no text.*save .* as CSV"),
        (b"\xd0\xcf\x11\xe0 and more", r"is a spreadsheet \(\.xls\), no text"),
        (gzip.compress(TEXT.encode(), mtime=0), "is a compressed file"),
        (b"\x89PNG\r\n\0\0\0\0\x01", "is no text that can be read as a table"),
    ],
)
def test_what_is_no_table(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(InputError, match=rf"t\.csv {words}"):
        read_table(tmp_path / "t.csv")


def test_what_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_table(tmp_path / "none.csv")
    with pytest.raises(InputError, match="must be a file"):
        read_table(tmp_path)


NOTHING = ["", "NA", "N/A", "n/a", "n.a.", "nan", "NaN", "None", "NULL", "unknown", "Unknown", "-", "--", "?", "<NA>"]
NOTHING += [
    "#N/A",
    "NaT",
    "missing",
    "not available",
    "not_applicable",
    "UNK",
    "(unknown)",
    "undetermined",
    "no lesion",
]


@pytest.mark.parametrize("word", NOTHING)
def test_words_for_nothing(word: str) -> None:
    assert missing_word(word) is not None
    for before in ("HAM_", "lesion-", "BCN ", "IL:", "a/"):
        assert ending_of_nothing(before + word) is not None
    if word.strip("-?"):
        assert missing_word(f"HAM_{word}") is None


@pytest.mark.parametrize(
    "word", ["0", "L1", "HAM_0001", "banana", "Vienna", "lesion_nana", "nan_1", "NA_7", "3a", "(3)"]
)
def test_words_that_say_something(word: str) -> None:
    assert missing_word(word) is None and ending_of_nothing(word) is None


def test_which_word_it_is() -> None:
    assert ending_of_nothing("HAM_NaN") == "nan"
    assert ending_of_nothing("lesion-n/a") == "n/a"
    assert ending_of_nothing("BCN_") == ""
    assert missing_word("?") == "?"
