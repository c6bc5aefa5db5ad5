"""Which pictures show one lesion, as a metadata table says, and which of its words mean that nobody knows."""

import re
from collections import Counter, defaultdict
from pathlib import Path

from ..errors import InputError
from .names import plain_name
from .tables import Table, ending_of_nothing, read_table

MANY = 50  # pictures of one lesion; in ISIC 2019 the most are 31

_ZERO = re.compile(r"0+(\.0+)?")
_NEGATIVE = re.compile(r"-\d+(\.0+)?")  # of numbers that stand for nothing, as -1 and -999


def read_lesions(table: str | Path) -> dict[str, str]:
    """Return {image: lesion_id} of a metadata table, names as written; unknown lesions are left out.

    Unknown is a lesion that is called so, in one of the words of `tables.missing_word`, also at the end of a name
    (HAM_nan), that is a negative number, or that is 0 while no other lesion has as many pictures. Of two lesions of one
    picture the first counts. Raises FileNotFoundError, and InputError for what is no table or lacks one of the columns.
    """
    return _read(table)[0]


def lesion_account(table: str | Path) -> list[str]:
    """Return plain lines: how many pictures of a metadata table are of no known lesion or of two. Raises as above."""
    known, unknown, twice = _read(table)
    lines = []
    for word, pictures in sorted(unknown.items(), key=lambda item: -len(item[1])):
        image, written = next(iter(pictures.items()))
        if any(each != written for each in pictures.values()):
            what = f"is or ends in `{word}`, as `{written}` of {image}"
        else:
            what = f"is {f'`{written}`' if written else 'empty'}, as of {image}"
        lines.append(f"{len(pictures)} pictures of the metadata are of no known lesion: it {what}")
    if twice:
        image, others = next(iter(twice.items()))
        lines.append(f"{len(twice)} pictures are of two lesions, as {image}: {' and '.join(others)}; the first is used")
    largest = Counter(known.values()).most_common(1)
    if largest and largest[0][1] > max(MANY, len(known) // 10):
        lesion, count = largest[0]
        image = next(image for image in known if known[image] == lesion)
        lines.append(
            f"WARNING: {count} pictures are of one lesion, `{lesion}`, as {image}, and stay together. If the word "
            "means that their lesions are not known, empty these cells of the table."
        )
    return lines


def lesion_pictures(table: Table) -> dict[str, list[str]]:
    """Return {lesion_id: its pictures} of a table with both columns, empty where it lacks one."""
    pictures: dict[str, list[str]] = defaultdict(list)
    if table.lesion_column is not None:
        for row in table.rows:
            pictures[row[table.lesion_column]] += table.pictures(row)
    return pictures


def _read(path: str | Path) -> tuple[dict[str, str], dict[str, dict[str, str]], dict[str, list[str]]]:
    """Return {image: lesion}, {word: {image: lesion as written}} of the unknown, and {image: lesions} of several."""
    table = read_table(path)
    if not table.picture_columns or table.lesion_column is None:
        raise InputError(
            f"{path} has the columns {', '.join(table.columns)}: a metadata table needs `image` (or `isic_id`, "
            "`image_id`, ...) and `lesion_id`. Name another file at archives.training_metadata, or set it to null."
        )
    named = [(image, row[table.lesion_column]) for row in table.rows for image in table.pictures(row)]
    zero = _zero_for_nothing([lesion for _, lesion in named])
    first: dict[str, tuple[str, str]] = {}
    known: dict[str, str] = {}
    unknown: dict[str, dict[str, str]] = defaultdict(dict)
    twice: dict[str, list[str]] = {}
    for image, lesion in named:
        word = lesion if lesion == zero or _NEGATIVE.fullmatch(lesion) else ending_of_nothing(lesion)
        if word is not None:
            unknown[word][image] = lesion
            continue
        earlier, of_earlier = first.setdefault(plain_name(image), (image, lesion))
        known.setdefault(image, of_earlier)
        if of_earlier != lesion:
            twice[earlier] = [of_earlier, lesion]
    for pictures in unknown.values():
        for image in [image for image in pictures if image in known]:
            del pictures[image]
    return known, {word: pictures for word, pictures in unknown.items() if pictures}, twice


def _zero_for_nothing(lesions: list[str]) -> str | None:
    """Return the zero of a column where it is no number among others: where no other lesion has as many pictures."""
    counts = Counter(lesions)
    zero = next((lesion for lesion in counts if _ZERO.fullmatch(lesion)), None)
    if zero is None:
        return None
    others = (count for lesion, count in counts.items() if lesion != zero and ending_of_nothing(lesion) is None)
    return zero if counts[zero] > max((1, *others)) else None
