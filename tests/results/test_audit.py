"""The audit: its arithmetic against SciPy, samples and counting; its verdicts by hand; its page beside its function."""

import dataclasses
import math
import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from dermalign.results.audit import (
    AGREES,
    AUDIT_COLUMNS,
    EVALUATED,
    IMPOSSIBLE,
    ISIC_2019,
    NOT_THE_HIGHEST,
    OPEN,
    OTHER_DEFINITION,
    UNEXPECTED,
    VERDICTS,
    audit,
    can_be_share,
    normal_p,
    pooled_mean,
    pooled_sd,
    sd_bounds,
    touches,
    verdict_counts,
)
from dermalign.results.formats import latex, readable, web_page
from dermalign.results.published import Published, PublishedValue, read_published
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu, norm

REPOSITORY = Path(__file__).resolve().parents[2]
PAPER = read_published(REPOSITORY / "studies" / "nunnari2021_published.csv")
AUDIT = audit(PAPER)
SAMPLES = st.lists(st.floats(0, 1, allow_subnormal=False), min_size=2, max_size=8)


def row(check: str) -> pd.Series:
    """The one check whose words begin so."""
    (found,) = AUDIT.index[AUDIT["check"].str.startswith(check)]
    return AUDIT.loc[found]


def changed(table: str, of_row: str, column: str, printed: str) -> Published:
    """The paper's values with one changed."""
    places = [each for each in PAPER.values if (each.table, each.row, each.column) == (table, of_row, column)]
    assert len(places) == 1
    new = dataclasses.replace(places[0], printed=printed)
    return Published(tuple(new if each == places[0] else each for each in PAPER.values))


# Arithmetic


def test_p_is_that_of_scipy_for_the_ranks_of_the_papers_group_sizes() -> None:
    random = np.random.default_rng(3)
    for first, second in ((279, 158), (1165, 361), (314, 123), (1259, 267)):
        a, b = random.normal(0.1, 1, first), random.normal(0, 1, second)
        found = mannwhitneyu(a, b, method="asymptotic", use_continuity=True)
        assert normal_p(found.statistic, first, second) == pytest.approx(found.pvalue, rel=1e-10)
        tied = mannwhitneyu(np.round(a, 1), np.round(b, 1), method="asymptotic")
        without = normal_p(tied.statistic, first, second)
        assert without is not None and without >= tied.pvalue  # ties lower p


def test_p_by_hand_from_the_normal_distribution() -> None:
    # U and numbers of pictures of tables 4 to 6.
    for u, first, second in ((28747.5, 279, 158), (172027.0, 1165, 361), (151981.5, 1259, 267)):
        deviation = (first * second * (first + second + 1) / 12) ** 0.5
        by_hand = 2 * norm.sf((abs(u - first * second / 2) - 0.5) / deviation)
        assert normal_p(u, first, second) == pytest.approx(by_hand, rel=1e-9)
    assert normal_p(49693.5, 314, 123) is None  # more than 314 x 123
    assert normal_p(-1, 3, 4) is None and normal_p(12, 3, 4) is not None
    assert normal_p(6, 3, 4) == 1


@given(st.lists(SAMPLES, min_size=1, max_size=4))
def test_pooling_gives_mean_and_sd_of_all(samples: list[list[float]]) -> None:
    together = np.concatenate(samples)
    counts = [len(sample) for sample in samples]
    means = [(float(np.mean(sample)),) * 2 for sample in samples]
    for ddof in (0, 1):
        deviations = [(float(np.std(sample, ddof=ddof)),) * 2 for sample in samples]
        low, high = pooled_sd(counts, means, deviations, ddof)
        assert low == pytest.approx(together.std(ddof=ddof), abs=1e-9)
        assert high == pytest.approx(together.std(ddof=ddof), abs=1e-9)


@given(st.lists(SAMPLES, min_size=2, max_size=4), st.integers(1, 3))
def test_the_sd_of_all_is_within_what_rounded_numbers_allow(samples: list[list[float]], digits: int) -> None:
    together = np.concatenate(samples)
    counts = [len(sample) for sample in samples]
    printed = [
        [PublishedValue("t", "r", "c", "", f"{function(sample):.{digits}f}") for sample in samples]
        for function in (np.mean, lambda sample: np.std(sample, ddof=1))
    ]
    bounds = [[(float(each.bounds[0]), float(each.bounds[1])) for each in column] for column in printed]
    bounds[1] = [(max(low, 0.0), high) for low, high in bounds[1]]
    low, high = pooled_sd(counts, *bounds)
    assert low - 1e-9 <= together.std(ddof=1) <= high + 1e-9
    least, most = pooled_mean(counts, printed[0])
    assert least - 1e-12 <= together.mean() <= most + 1e-12


@given(SAMPLES)
def test_every_sample_has_an_sd_within_the_bounds(sample: list[float]) -> None:
    mean, most = float(np.mean(sample)), max(sample)
    low, high = sd_bounds(len(sample), (mean - 0.001, mean + 0.001), 0.0, (most - 0.001, most + 0.001))
    assert low - 1e-9 <= np.std(sample, ddof=1) <= high + 1e-9


def test_the_bounds_of_the_sd_are_reached() -> None:
    half = sd_bounds(10, (0.4, 0.4), 0.0, (0.8, 0.8))
    assert half[1] == pytest.approx(np.std([0.0] * 5 + [0.8] * 5, ddof=1))
    lonely = [0.1] * 9 + [0.5]
    mean = float(np.mean(lonely))
    assert sd_bounds(10, (mean, mean), 0.0, (0.5, 0.5))[0] == pytest.approx(np.std(lonely, ddof=1))


@given(st.integers(1, 300), st.integers(1, 300), st.integers(0, 300))
def test_a_share_of_some_number_is_found_by_trying_all(n: int, other: int, right: int) -> None:
    printed = PublishedValue("t", "r", "c", "", f"{min(right, other) / other:.3f}")
    low, high = printed.bounds
    shares = [count for count in range(n + 1) if low <= Fraction(count, n) <= high]
    assert can_be_share(printed, n) == (shares[0] if shares else None)


def test_intervals_touch() -> None:
    assert touches((0, 1), (1, 2)) and touches((1, 2), (0, 1)) and touches((0, 3), (1, 2))
    assert not touches((0, 1), (1.001, 2)) and not touches((1.001, 2), (0, 1))


# Verdicts, each checked by hand


def test_every_check_has_words_and_one_of_the_verdicts() -> None:
    assert list(AUDIT.columns) == list(AUDIT_COLUMNS)
    assert set(AUDIT["verdict"]) == set(VERDICTS)
    assert AUDIT["check"].is_unique
    assert (AUDIT != "").all(axis=None)


def test_what_cannot_all_be_true() -> None:
    """A wrong accusation is the worst fault: exactly these, each with its reason in numbers."""
    expected = {
        "VGG16: cells of the layer and of its maps",
        "VGG16: SD of the union from the groups",
        "ResNet50: are the groups at the union's best threshold",
        "VGG16 NV: p from U",
        "ResNet50 MEL: U against the numbers of pictures",
        "ResNet50 NV: p from U",
    }
    found = AUDIT[AUDIT["verdict"] == IMPOSSIBLE]["check"]
    assert {next(each for each in expected if check.startswith(each)) for check in found} == expected
    assert len(found) == len(expected)
    # Cells: four poolings leave 28 of 450 pixels.
    side = 450
    for _ in range(4):
        side //= 2
    assert side == 28 and row("VGG16: cells")["published"] == "28 x 28; 24 x 24"
    # U: 314 melanomas right and 123 wrong.
    assert 49693.5 > 314 * 123 == 38_622
    # p: far below, and one-sided it is half of it or nearly 1.
    assert row("VGG16 NV: p")["recomputed"] == "1.7E-7" and row("VGG16 NV: p")["published"] == "0.038"
    assert row("ResNet50 NV: p")["recomputed"] == "0.014" and row("ResNet50 NV: p")["published"] == "0.393"
    for of_row in ("VGG16 NV: p", "ResNet50 NV: p"):
        printed = float(row(of_row)["published"])
        u, first, second = {"V": (172027.0, 1165, 361), "R": (151981.5, 1259, 267)}[of_row[0]]
        p = normal_p(u, first, second)
        assert p is not None and all(abs(each - printed) > 0.02 for each in (p, p / 2, 1 - p / 2))
    # The picture with the highest J of the union at 0.3 is in one of the groups.
    assert max(0.564, 0.554, 0.706, 0.517) < 0.720 - 0.001


def test_no_rounding_of_table_4_gives_the_sd_of_table_2() -> None:
    counts, means, deviations = (279, 158, 1165, 361), (0.135, 0.086, 0.134, 0.143), (0.108, 0.089, 0.147, 0.145)
    random = np.random.default_rng(1)
    for ddof in (0, 1):
        for _ in range(2000):
            m, s = (np.array(values) + random.uniform(-0.0005, 0.0005, 4) for values in (means, deviations))
            center = np.average(m, weights=counts)
            squares = sum(
                (n - ddof) * sd**2 + n * (mean - center) ** 2 for n, mean, sd in zip(counts, m, s, strict=True)
            )
            assert math.sqrt(squares / (1963 - ddof)) > 0.1375  # all that is printed as 0.137 is below
    assert row("VGG16: SD of the union")["recomputed"] == "0.1384 (0.1379 to 0.1390)"


def test_what_agrees_with_what_the_issue_knew() -> None:
    for check, recomputed in {
        "VGG16: mean J of the union from the groups": "0.1319",
        "ResNet50: mean J of the union from the groups": "0.1361",
        "VGG16: overall accuracy": "0.7225",
        "ResNet50: overall accuracy": "0.7665",
        "VGG16 MEL: p from U": "1.2E-7",
        "VGG16: J-max of the union": "0.784 (NV-correct)",
        "evaluation pictures by diagnosis": "519 + 1867 = 2386",
        "pictures with any feature": "1502 to 2386",
    }.items():
        assert (row(check)["verdict"], row(check)["recomputed"]) == (AGREES, recomputed)
    assert "437" in row("MEL of both networks")["recomputed"] and "1526" in row("NV of both networks")["recomputed"]


def test_what_is_neither() -> None:
    assert row("highest mean J")["verdict"] == NOT_THE_HIGHEST
    assert row("mean J beside the challenge's J")["verdict"] == OTHER_DEFINITION
    assert row("ResNet50 NV: U against the order of the means")["verdict"] == UNEXPECTED
    assert row("sensitivities on held-out")["verdict"] == OPEN
    assert 151981.5 < 1259 * 267 / 2 and 0.144 > 0.127
    # A test without a possible U has no p, and says nothing of an order.
    assert not AUDIT["check"].str.startswith("ResNet50 MEL: p").any()
    assert not AUDIT["check"].str.startswith("ResNet50 MEL: U against the order").any()


def test_the_held_out_pictures_are_a_tenth_of_each_class(real_data: Path) -> None:
    """The counts that the audit takes from elsewhere, counted in ISIC's own tables."""
    classes = pd.read_csv(real_data / "labels" / "ISIC_2019_Training_GroundTruth.csv").set_index("image")
    assert classes.drop(columns="UNK").sum().astype(int).to_dict() == ISIC_2019
    evaluated = pd.read_csv(real_data / "labels" / "isic2018_task2_diagnosis.csv")["image"]
    of_evaluated = classes[classes.index.str.removesuffix("_downsampled").isin(evaluated)].sum().astype(int)
    assert of_evaluated[of_evaluated > 0].to_dict() == EVALUATED
    assert sum(count // 10 for count in ISIC_2019.values()) == 2529
    assert sum((count - EVALUATED.get(name, 0)) // 10 for name, count in ISIC_2019.items()) == 2269


def test_right_predictions_of_a_tenth_give_both_accuracies() -> None:
    for model, right, accuracy in (
        ("VGG16", [298, 972, 260, 51, 164, 19, 22, 41], 0.722),
        ("ResNet50", [305, 1045, 277, 54, 176, 17, 20, 45], 0.767),
    ):
        for (name, total), count in zip(ISIC_2019.items(), right, strict=True):
            printed = PAPER.of("section 3", name, "sensitivity", model).printed
            assert f"{count / (total // 10):.3f}" == printed
        assert round(sum(right) / 2529, 3) == accuracy
        assert f"{sum(right)} / 2529" in row("number of held-out pictures")["recomputed"]


# Values that are changed change the verdict


@pytest.mark.parametrize(
    ("place", "printed", "check", "verdict"),
    [
        (("table 1", "union", "pictures"), "1400", "pictures with any feature", IMPOSSIBLE),
        (("table 1", "union", "pictures"), "1962", "pictures of all groups", IMPOSSIBLE),
        (("section 4", "NV", "pictures"), "1868", "evaluation pictures by diagnosis", IMPOSSIBLE),
        (("section 4", "MEL", "pictures"), "400", "MEL of both networks", IMPOSSIBLE),
        (("table 2", "union", "j_sd"), "0.138", "VGG16: SD of the union", AGREES),
        (("table 2", "union", "j_mean"), "0.134", "VGG16: mean J of the union", IMPOSSIBLE),
        (("table 2", "union", "j_max"), "0.790", "VGG16: J-max of the union", IMPOSSIBLE),
        (("table 3", "union", "j_mean"), "0.138", "ResNet50: mean J of the union", IMPOSSIBLE),
        (("table 3", "union", "j_mean"), "0.120", "ResNet50: mean J of the union", AGREES),  # own thresholds do better
        (("table 2", "globules", "j_sd"), "0.178", "VGG16: SD against mean and J-max (table 2)", IMPOSSIBLE),
        (("table 2", "globules", "j_sd"), "0.005", "VGG16: SD against mean and J-max (table 2)", IMPOSSIBLE),
        (("section 3", "held out", "pictures"), "700", "sensitivities of both networks on the same", IMPOSSIBLE),
        (("section 3", "held out", "pictures"), "2528", "number of held-out pictures", OPEN),
        (("section 3", "training", "pictures"), "24E3", "pictures for training and held out", IMPOSSIBLE),
        (("abstract", "best threshold of a feature", "lowest"), "0.2", "both networks: range", IMPOSSIBLE),
        (("abstract", "mean J", "highest"), "0.144", "highest mean J", AGREES),
    ],
)
def test_another_value_gives_another_verdict(
    place: tuple[str, str, str], printed: str, check: str, verdict: str
) -> None:
    found = audit(changed(*place, printed))
    (of_check,) = found[found["check"].str.startswith(check)]["verdict"]
    assert of_check == verdict


def test_checks_without_values_are_left_out() -> None:
    assert audit(Published(())).empty
    only = Published(tuple(each for each in PAPER.values if each.table in ("table 1", "section 4")))
    assert audit(only)["check"].tolist() == AUDIT["check"].tolist()[:2]
    without = audit(Published(tuple(each for each in PAPER.values if each.table != "table 6")))
    assert not without["check"].str.contains("p from U").any() and len(without) > 30


def test_verdicts_are_counted() -> None:
    assert verdict_counts(AUDIT).startswith("agrees: ")
    numbers = list(map(int, re.findall(r": (\d+)", verdict_counts(AUDIT))))
    assert sum(numbers) == len(AUDIT)


# How it is read


def test_the_page_has_the_table() -> None:
    page = (REPOSITORY / "docs" / "audit.md").read_text(encoding="utf-8")
    lines = [line for line in page.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert cells[0] == list(AUDIT_COLUMNS)
    assert cells[2:] == AUDIT.to_numpy().tolist()
    for verdict in VERDICTS:
        assert verdict in page.partition("|")[0]


def test_long_texts_are_broken_into_lines() -> None:
    shown = readable(AUDIT)
    html = web_page(shown, "Audit.", "audit")
    assert html.count('<td class="long">') == 4 * len(AUDIT) and html.count("<td>") == len(AUDIT)
    tex = latex(shown, "Audit.", "audit")
    widths = [float(width) for width in re.findall(r"p\{([\d.]+)pt\}", tex)]
    assert len(widths) == 4 and min(widths) > 20 and sum(widths) < 345  # a line of LaTeX's article
    short = readable(pd.DataFrame({"a": ["b"], "n": [1]}))
    assert 'class="long"' not in web_page(short, "", "") and "{lr}" in latex(short, "", "")
