"""Tables as people save them: rows of text, whatever the encoding, the separator and the names of the columns."""

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..study.digests import bytes_digest
from .archives import check_planned
from .file_kinds import HEAD, kind_of_content
from .names import folded

# Names of columns, as `column_key` gives them: of several the first counts.
PICTURE_COLUMNS = (
    *("image", "isic_id", "image_id", "imageid", "image_name", "img_id", "img", "img_name", "bcn_filename", "filename"),
    *("file_name", "image_file", "image_filename", "image_path", "img_path", "file_path", "filepath", "picture"),
    *("picture_id", "picture_name", "photo", "photograph", "file", "path", "name", "id"),
)
# The two photographs of a case in derm7pt's table; `clinic` alone may be a hospital.
PAIR_COLUMNS = ("derm", "clinic")
LESION_COLUMNS = ("lesion_id", "lesion", "lesionid", "lesion_number", "case_num")
# Any line may begin like this, so only the first may be the columns' names for them.
WEAK_COLUMNS = {"file", "path", "name", "id", "lesion"}

SEPARATORS = (",", ";", "\t", "|")
LINES_ABOVE = 20  # at most, as titles that a spreadsheet has above the names of its columns

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins like the next one
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NO_TEXT = {
    b"PK\x03\x04": "a spreadsheet (.xlsx, .ods) or a zip archive",
    b"\xd0\xcf\x11\xe0": "a spreadsheet (.xls)",
    b"\x1f\x8b": "a compressed file (gzip)",
    b"PAR1": "a Parquet file",
}
_MISSING = re.compile(
    r"n[\W_]?[ad]|nan|nat|none|null|nil|unknown|unk|missing|empty|blank|tbd"
    r"|un(?:defined|specified|determined|assigned|identified)"
    r"|not[\W_](?:available|applicable|known|given|specified|recorded|reported|assigned|set)"
    r"|no[\W_]?(?:id|data|value|lesion|lesion[\W_]?id)"
)
_ENDS = re.compile(r"^[\W_]+|[\W_]+$")


@dataclass(frozen=True)
class Table:
    """A table of text. columns: names as written; rows: a cell for each column, without blanks around it."""

    path: str
    columns: list[str]
    rows: list[list[str]]

    def check_once(self, columns: Iterable[int]) -> None:
        """Raise InputError where one of these columns, by their places, is there twice: nobody knows which counts."""
        for column in columns:
            if (key := self.keys[column]) and self.keys.count(key) > 1:
                raise InputError(
                    f"{self.path} has the column {self.columns[column]} twice: which of them counts cannot be told. "
                    "Take one away, or rename it."
                )

    @cached_property
    def keys(self) -> list[str]:
        """The columns' names as they are compared."""
        return [column_key(column) for column in self.columns]

    @cached_property
    def picture_columns(self) -> list[int]:
        """The columns that name pictures: none, one, or derm7pt's two."""
        found = next(([name] for name in PICTURE_COLUMNS if name in self.keys), [])
        if not found and PAIR_COLUMNS[0] in self.keys:
            found = [name for name in PAIR_COLUMNS if name in self.keys]
        return [self.keys.index(name) for name in found]

    @cached_property
    def lesion_column(self) -> int | None:
        """The column that names lesions."""
        return next((self.keys.index(name) for name in LESION_COLUMNS if name in self.keys), None)

    def pictures(self, row: list[str]) -> list[str]:
        """Return the names of a row's pictures as written, without folders."""
        names = [row[column].replace("\\", "/").rpartition("/")[2] for column in self.picture_columns]
        return [name for name in names if name]


def column_key(name: str) -> str:
    """Return what tells names of columns apart: without case, words (also as in ImageName) joined by `_`."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return re.sub(r"[\W_]+", "_", folded(words)).strip("_")


@lru_cache(maxsize=10_000)
def missing_word(text: str) -> str | None:
    """Return the word by which a cell says that nothing is known, as `n/a` or `-`, empty for an empty cell; else None.

    Case and signs around a word do not count: `<NA>` and `#N/A` are words, too.
    """
    core = _ENDS.sub("", text).casefold()
    if not core:
        return text
    return core if _MISSING.fullmatch(core) else None


def ending_of_nothing(text: str) -> str | None:
    """Return `missing_word` of a text or of what follows one of its separators, as `nan` of HAM_nan; else None."""
    if (word := missing_word(text)) is not None:
        return word
    core = _ENDS.sub("", text).casefold()
    separators = (match.end() for match in re.finditer(r"[\W_]", core))
    if word := next((core[end:] for end in separators if _MISSING.fullmatch(core[end:])), None):
        return word
    # Nothing, or signs alone, where a number belongs: HAM_ and HAM_?, but neither `3a?` nor `(3)`.
    nothing = re.search(r"[_\-:/\s]([-_?.]*)$", text)
    return nothing[1] if nothing else None


def read_table(path: str | Path) -> Table:
    """Read a table of text: UTF-8, UTF-16 or Latin-1; commas, semicolons, tabs or bars; any line ends.

    The names of the columns are the first line, or below titles the first that names a column of pictures. Raises
    FileNotFoundError, and InputError for what is no text, is empty, has a row with more cells than columns, a quote
    that does not end where it should, or two columns of one name for pictures or lesions.
    """
    try:
        content = Path(path).read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): it must be a file, a table of text.") from error
    try:
        check_planned(path, lambda: bytes_digest(content))
        lines = _lines(_decoded(path, content))
    except csv.Error as error:
        raise InputError(
            f"{path} cannot be read as a table ({error}): it must be CSV text, in which a quote begins a cell and "
            "another ends it. Correct that cell, or double the quotes that are within it."
        ) from error
    if not lines:
        raise InputError(f"{path} is empty: a table needs a line of column names.")
    first = _first_line(lines)
    columns = lines[first]
    while columns and not columns[-1]:
        columns = columns[:-1]
    table = Table(str(path), columns, [_fitted(path, row, len(columns)) for row in lines[first + 1 :]])
    names = [*table.picture_columns, *([] if table.lesion_column is None else [table.lesion_column])]
    table.check_once(names)
    for row in table.rows:
        for cell in (row[column] for column in names):
            if "\n" in cell or "\r" in cell:
                raise InputError(
                    f"{path}: a name goes over several lines, from {cell.splitlines()[0]} to {cell.splitlines()[-1]}: "
                    "a quote before it does not end where it should. Correct that quote."
                )
    return table


def _decoded(path: str | Path, content: bytes) -> str:
    what = next((what for mark, what in _NO_TEXT.items() if content.startswith(mark)), None)
    if what:
        raise InputError(
            f"{path} is {what}, no text. Open it, save the sheet with the diagnoses or lesions as CSV, and name that "
            "file instead."
        )
    if content and (kind := kind_of_content(content[:HEAD])):
        raise InputError(f"{path} is {kind}, no table. Correct the path, or fetch the table again.")
    encoding = next((encoding for mark, encoding in _MARKS if content.startswith(mark)), None)
    if encoding is None and b"\0" in content[:4000]:
        # UTF-16 without a mark: of plain letters every second byte is zero.
        encoding = "utf-16-le" if content[1:4000:2].count(0) > content[:4000:2].count(0) else "utf-16-be"
    for each in [encoding] if encoding else ["utf-8", "cp1252", "latin-1"]:
        try:
            text = content.decode(each)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise InputError(f"{path} is no text that can be read as a table: save it as CSV in UTF-8.")


def _lines(text: str) -> list[list[str]]:
    """Return the rows of a text, with cells but without blank lines."""
    if text.lstrip().startswith("||"):
        # PH2's text file: bars around each cell, and a legend below.
        rows: Iterable[list[str]] = (
            line.strip().strip("|").split("||") for line in text.splitlines() if line.lstrip().startswith("||")
        )
    else:
        directive = re.match(r"sep=(.)\r?\n?", text)  # of spreadsheets, for their own use
        if directive:
            text = text[directive.end() :]
        rows = _rows(text, directive[1] if directive else _separator(text))
    stripped = ([cell.strip() for cell in row] for row in rows)
    return [row for row in stripped if any(row)]


def _rows(text: str, separator: str) -> Iterator[list[str]]:
    """Yield the rows of a whole table. Raises csv.Error, with the line, for a quote that does not end as it should."""
    reader = _split(text, separator, strict=True)
    last = 0
    try:
        for row in reader:
            last = reader.line_num
            yield row
    except csv.Error as error:
        raise csv.Error(f"line {last + 1}: {error}") from error


def _split(text: str, separator: str, strict: bool = False) -> Any:  # the standard library does not name the type
    file = io.StringIO(text, newline="")
    return csv.reader(file, delimiter=separator, skipinitialspace=separator != "\t", strict=strict)


def _separator(text: str) -> str:
    """Return the separator by which the first lines name a column of pictures, and otherwise have most cells."""
    head = "\n".join(text.splitlines()[: LINES_ABOVE + 1])

    def fit(separator: str) -> tuple[bool, int]:
        lines = [row for row in _split(head, separator) if any(row)] or [[""]]
        return _is_header(lines[_first_line(lines)]), len(lines[_first_line(lines)])

    return max(SEPARATORS, key=fit)


def _first_line(lines: list[list[str]]) -> int:
    if _is_header(lines[0]):
        return 0
    below = (number for number, row in enumerate(lines[:LINES_ABOVE]) if _is_header(row, but=WEAK_COLUMNS))
    return next(below, 0)


def _is_header(row: list[str], but: Iterable[str] = ()) -> bool:
    known = {*PICTURE_COLUMNS, *LESION_COLUMNS, PAIR_COLUMNS[0]}.difference(but)
    return len(row) > 1 and any(column_key(cell) in known for cell in row)


def _fitted(path: str | Path, row: list[str], count: int) -> list[str]:
    if any(row[count:]):
        raise InputError(
            f"{path}: the row of {row[0]} has {len(row)} cells, more than the {count} columns that have a name. Put a "
            "text with a separator in it in quotes, or name the column."
        )
    return row[:count] + [""] * (count - len(row))
