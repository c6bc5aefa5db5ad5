"""The file of published values, held against the paper's text where that is at hand; which model stands for whom."""

import re
from fractions import Fraction
from pathlib import Path

import pytest
from dermalign.errors import InputError
from dermalign.results.published import (
    Published,
    PublishedValue,
    check_networks,
    compared_models,
    find_published,
    read_published,
)
from dermalign.study.configuration import published_names
from hypothesis import given
from hypothesis import strategies as st

REPOSITORY = Path(__file__).resolve().parents[2]
FILE = REPOSITORY / "studies" / "nunnari2021_published.csv"
PAPER = read_published(FILE)
HEADER = "table,row,column,model,published\n"
NUMBER = re.compile(r"\d+\.\d+|\d+")
CLASSES = ["MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC"]


@pytest.fixture(scope="module")
def paper(real_data: Path) -> str:
    """The paper's text, without its references."""
    path = real_data.parent / "paper" / "nunnari2021.txt"
    if not path.is_file():
        pytest.skip(f"no text of the paper in {path.parent}")
    return path.read_text(encoding="utf-8").partition("\nReferences\n")[0]


def printed(*, table: str) -> list[str]:
    return [value.printed for value in PAPER.values if value.table == table]


def numbers_of(lines: list[str]) -> list[str]:
    return [number for line in lines for number in NUMBER.findall(line)]


def table_of(paper: str, number: int) -> list[list[str]]:
    """The rows of numbers of a table of the text: tab-separated lines after its caption, without the head."""
    lines = iter(paper.splitlines())
    next(line for line in lines if line.startswith(f"Table {number}. "))
    rows: list[list[str]] = []
    for line in lines:
        if "\t" in line:
            rows.append(line.split("\t"))
        elif rows:
            break
    return rows[1:]


def test_table_1_is_the_papers(paper: str) -> None:
    assert printed(table="table 1") == table_of(paper, 1)[0]


@pytest.mark.parametrize("number", [2, 3, 4, 5])
def test_tables_2_to_5_are_the_papers(paper: str, number: int) -> None:
    rows = table_of(paper, number)
    assert printed(table=f"table {number}") == numbers_of(["\t".join(row[1:]) for row in rows])
    names = list(dict.fromkeys(value.row for value in PAPER.values if value.table == f"table {number}"))
    first_letters = [name.replace("_network", ". net.").replace("milia", "mil")[:3].lower() for name in names]
    assert [row[0][:3].lower() for row in rows] == first_letters
    assert len(rows) == {2: 6, 3: 6, 4: 4, 5: 4}[number]


def test_table_6_is_the_papers(paper: str) -> None:
    rows = table_of(paper, 6)
    assert printed(table="table 6") == [cell.replace(" ", "") for row in rows for cell in row[2:]]
    names = [
        (value.model.upper(), value.row) for value in PAPER.values if value.table == "table 6" and value.column == "u"
    ]
    long = [(row[0], row[1].replace("-cor ", "-correct ").replace("-wr", "-wrong")) for row in rows]
    assert names == long


def test_section_3_is_the_papers(paper: str) -> None:
    for model, start in (("VGG16", "For VGG16, accuracies"), ("ResNet50", "For RESNET 50, accuracies")):
        (line,) = (line for line in paper.splitlines() if line.startswith(start))
        of_metrics = re.findall(r"([A-Z]+): (\d\.\d+)", line)
        for metric, found in (("accuracy", of_metrics[:8]), ("sensitivity", of_metrics[8:])):
            expected = [(name.replace("BLK", "BKL"), number) for name, number in found]
            ours = [(name, PAPER.of("section 3", name, metric, model).printed) for name in CLASSES]
            assert ours == expected
        overall = re.findall(r"\d\.\d+", line.partition("Overall accuracy")[2])
        names = ("accuracy", "balanced_accuracy")
        assert [PAPER.of("section 3", "all", name, model).printed for name in names] == overall


def test_the_figures_series_are_the_papers(paper: str) -> None:
    for table in ("figure 4", "figure 5"):
        (caption,) = (line for line in paper.splitlines() if line.startswith(f"Fig. {table[-1]}."))
        assert printed(table=table) == re.findall(r"\d\.\d{3}", caption)
        columns = [value.column for value in PAPER.values if value.table == table]
        assert columns == [f"{step / 10:.3f}" for step in range(11)]


def test_every_number_of_the_file_is_in_the_text(paper: str) -> None:
    there = set(NUMBER.findall(paper.replace("1.2E - 7", "1.2E-7").replace("20k", "20E3")))
    there |= {"1.2E-7", "20E3"}
    assert {value.printed for value in PAPER.values} - there == set()


def test_numbers_that_are_printed_in_sentences(paper: str) -> None:
    """Each with the words around it, so that none is there by chance."""
    for value, words in [
        (PAPER.of("section 3", "held out", "pictures"), r"tested on {} held-out"),
        (PAPER.of("section 3", "second of ISIC 2019", "balanced_accuracy"), r"average balanced accuracy of {} \["),
        (PAPER.of("section 3", "input", "pixels", "VGG16"), r"VGG16 was configured with an input resolution of {}x"),
        (PAPER.of("section 3", "input", "pixels", "ResNet50"), r"RESNET50 at {}x"),
        (PAPER.of("section 3", "last convolution", "cells", "ResNet50"), r"limited to {}x"),
        (PAPER.of("section 3", "last convolution", "cells", "VGG16"), r"less than the {}x"),
        (PAPER.of("section 4", "all", "pictures"), r"contains {} RGB"),
        (PAPER.of("section 4", "MEL", "pictures"), r"\({} melanomas"),
        (PAPER.of("section 4", "NV", "pictures"), r", {} nevi"),
        (PAPER.of("section 4", "analysed", "pictures"), r"only {} pictures"),
        (PAPER.of("section 4", "maps", "cells", "VGG16"), r"resolution of {}x"),
        (PAPER.of("section 2", "first of ISIC 2018", "j"), r"J={}\$"),
        (PAPER.of("section 2", "second of ISIC 2018", "j"), r", {} , and"),
        (PAPER.of("section 2", "third of ISIC 2018", "j"), r"and {} respectively"),
        (PAPER.of("abstract", "best threshold of a feature", "lowest"), r"ranging from {} to"),
        (PAPER.of("abstract", "best threshold of a feature", "highest"), r"ranging from 0.3 to {}\."),
        (PAPER.of("abstract", "mean J", "highest"), r"as high as {},"),
        (PAPER.of("section 5", "best threshold of a feature", "highest", "VGG16"), r"between 0.4 and {}\."),
        (PAPER.of("section 5", "best threshold of a feature", "lowest", "ResNet50"), r"between {} and 0.7\."),
    ]:
        assert re.search(words.format(re.escape(value.printed)), paper), value
    assert "using 20k images" in paper
    assert PAPER.of("section 3", "training", "pictures").value == 20_000


def test_counts_of_the_file() -> None:
    """What must be there, whether or not the text is at hand."""
    per_table = {f"table {number}": count for number, count in zip(range(1, 7), (6, 30, 30, 20, 20, 8), strict=True)}
    for table, count in {**per_table, "figure 4": 11, "figure 5": 11}.items():
        assert len(printed(table=table)) == count, table
    assert PAPER.networks == ["VGG16", "ResNet50"]


# Numbers as they are printed


@given(st.integers(0, 10**6), st.integers(1, 6), st.booleans())
def test_bounds_are_what_rounds_to_the_printed_number(number: int, digits: int, end: bool) -> None:
    text = f"{number / 10**digits:.{digits}f}"
    low, high = PublishedValue("t", "r", "c", "", text).bounds
    assert high - low == Fraction(1, 10**digits)
    assert (low + high) / 2 == Fraction(text)
    inside = float(low + (high - low) * Fraction(99 if end else 1, 100))
    assert f"{inside:z.{digits}f}" == text


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [("1963", 1963, 1963), ("20E3", 19_500, 20_500), ("1.2E-7", 1.15e-7, 1.25e-7), ("172027.0", 172026.95, 172027.05)],
)
def test_bounds_of_counts_and_powers(text: str, low: float, high: float) -> None:
    assert list(map(float, PublishedValue("t", "r", "c", "", text).bounds)) == pytest.approx([low, high])


# The metrics of a network, and who is compared with whom


def test_section_3_stands_beside_a_model_that_knows_its_classes() -> None:
    whole = PAPER.metrics("VGG16", published_names(CLASSES))
    assert len(whole) == 8 + 8 + 2
    assert whole["accuracy"] == 0.722 and whole["balanced_accuracy"] == 0.723 and whole["sensitivity.SCC"] == 0.661
    few = PAPER.metrics("ResNet50", published_names(["NV", "OTHER"]))
    assert few == {"accuracy": 0.767, "balanced_accuracy": 0.736, "accuracy.NV": 0.857, "sensitivity.NV": 0.812}


@pytest.mark.parametrize(
    ("models", "expected"),
    [
        ({"a": {}, "b": {}, "c": {}}, ["a", "b"]),
        ({"a": {}}, ["a", None]),
        ({"a": {}, "b": "VGG16"}, ["b", None]),  # the second stands for the first network, so for no other
        ({"a": "ResNet50", "b": {}}, [None, "a"]),
        ({"a": "ResNet50", "b": "VGG16"}, ["b", "a"]),
        ({"a": "ResNet50"}, [None, "a"]),
        ({"a": {}, "b": {}, "c": "ResNet50"}, ["a", "c"]),
        ({"a": {"accuracy": 0.5}, "b": {}}, ["a", "b"]),
    ],
)
def test_networks_are_compared_with_who_names_them_or_in_order(
    models: dict[str, object], expected: list[str | None]
) -> None:
    assert compared_models(["VGG16", "ResNet50"], models) == dict(zip(["VGG16", "ResNet50"], expected, strict=True))


def test_a_model_cannot_name_a_network_that_nobody_published() -> None:
    check_networks(PAPER, {"a": "VGG16", "b": {}, "c": {"accuracy": 0.4}}, FILE)
    with pytest.raises(InputError, match=r"`models.a.published` is VGG19.*known there are VGG16, ResNet50"):
        check_networks(PAPER, {"a": "VGG19"}, FILE)


# Files with faults


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "must begin with the line"),
        ("table,row\n", "must begin with the line"),
        (f"{HEADER}a,b,c,d\n", "line 2.*4 columns.*must have 5"),
        (f'{HEADER}a,b,c,d,"0,5"\n', "line 2.*'0,5' is no number"),
        (f"{HEADER}a,b,c,d,NaN\n", "line 2.*is no number"),
        (f"{HEADER}a,b,c,d,\x1d0.5\n", "line 2.*is no number"),  # which Decimal takes for 0.5, and float for none
        (f"{HEADER}a,b,c,d,\N{ARABIC-INDIC DIGIT FIVE}\n", "line 2.*is no number"),
        (f"{HEADER}a,b,c,d,1_000\n", "line 2.*is no number"),
        (f"{HEADER}a,b,c,d,1e400\n", "line 2.*is no number"),
        (f"{HEADER}a,b,c,d,1e-99999999\n", "line 2.*is no number"),
        (f"{HEADER}a,b,c,,1\na,b,c,d,1\na,b,c,,2\n", "line 4.*a, b, c stands there twice"),
    ],
)
def test_a_file_that_cannot_be_used_is_told(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "published.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=words):
        read_published(path)


def test_a_file_is_looked_for_in_one_folder_after_the_other(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
    (second / "values.csv").write_text(HEADER)
    assert find_published("values.csv", [first, second]) == second / "values.csv"
    (first / "values.csv").write_text(HEADER)
    assert find_published("values.csv", [first, second]) == first / "values.csv"
    assert find_published(str(second / "values.csv"), [first]) == second / "values.csv"
    with pytest.raises(InputError, match=r"no file other.csv.*say null"):
        find_published("other.csv", [first, second])
    with pytest.raises(InputError, match="cannot be read"):
        read_published(second / "other.csv")


def test_an_empty_file_has_no_values(tmp_path: Path) -> None:
    (tmp_path / "values.csv").write_text(HEADER)
    assert read_published(tmp_path / "values.csv") == Published(())
