"""The audit: which of a paper's published values agree with each other, and which cannot all be true.

Each check recomputes a published value from others. Numbers count as known to within their printed digits: a verdict
that values cannot all be true holds for every way in which they may have been rounded.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import product

import pandas as pd

from ..terms import UNION
from .published import METRICS, Published, PublishedValue

AGREES = "agrees"
IMPOSSIBLE = "cannot all be true"
UNEXPECTED = "possible, but unexpected"
OTHER_DEFINITION = "differs in definition"
NOT_THE_HIGHEST = "not the highest"
OPEN = "not settled"
VERDICTS = (AGREES, IMPOSSIBLE, UNEXPECTED, OTHER_DEFINITION, NOT_THE_HIGHEST, OPEN)
AUDIT_COLUMNS = ("check", "published", "recomputed", "verdict", "explanation")

# Pictures of ISIC 2019's training set by class (its ground truth, 25,331 pictures), and how many of them bear the name
# of an evaluation picture.
ISIC_2019 = {"MEL": 4522, "NV": 12875, "BCC": 3323, "AK": 867, "BKL": 2624, "DF": 239, "VASC": 253, "SCC": 628}
EVALUATED = {"MEL": 519, "NV": 1866, "BKL": 208}

Row = tuple[str, str, str, str, str]
Interval = tuple[float, float]


def audit(published: Published) -> pd.DataFrame:
    """Check a paper's values against each other. A check whose values are not all there is left out. Columns, all text:

    - check: what is compared, and where it is printed;
    - published: as printed; recomputed: from the other values;
    - verdict: one of `VERDICTS`;
    - explanation: how it was recomputed, and what follows.
    """
    rows: list[Row] = []
    for check in CHECKS:
        try:
            rows += list(check(published))
        except KeyError:  # nothing is printed there
            continue
    return pd.DataFrame(rows, columns=AUDIT_COLUMNS, dtype=str)


def verdict_counts(table: pd.DataFrame) -> str:
    """Return in words how many checks of an `audit` have which verdict."""
    counts = table["verdict"].value_counts()
    return "; ".join(f"{name}: {counts[name]}" for name in VERDICTS if name in counts)


# ---- Arithmetic


def touches(first: Sequence[float | Fraction], second: Sequence[float | Fraction]) -> bool:
    """Return whether two intervals (low, high) have a number in common; the ends count, but for 1e-12 of rounding."""
    return first[0] <= second[1] + 1e-12 and second[0] <= first[1] + 1e-12


def normal_p(u: float, first: int, second: int) -> float | None:
    """Return the two-sided p of a Mann-Whitney U between groups of two sizes; None for an impossible U.

    Normal approximation without ties, corrected for continuity: U has mean n1 n2 / 2 and variance n1 n2 (n1 + n2 + 1) /
    12 (Mann and Whitney 1947). Ties lower the variance, so that with them p is at most this.
    """
    if not 0 <= u <= first * second:
        return None
    deviation = math.sqrt(first * second * (first + second + 1) / 12)
    distance = max(abs(u - first * second / 2) - 0.5, 0) / deviation
    return math.erfc(distance / math.sqrt(2))


def pooled_mean(counts: Sequence[int], means: Sequence[PublishedValue]) -> tuple[Fraction, Fraction]:
    """Return the lowest and the highest mean of all pictures that the printed means of the groups allow."""
    low, high = (
        sum((n * mean.bounds[end] for n, mean in zip(counts, means, strict=True)), Fraction(0)) / sum(counts)
        for end in (0, 1)
    )
    return low, high


def pooled_sd(
    counts: Sequence[int], means: Sequence[Interval], deviations: Sequence[Interval], ddof: int = 1
) -> Interval:
    """Return the lowest and the highest SD of all pictures that the groups' means and SDs, each (low, high), allow.

    The sum of squares is that within the groups, (n - ddof) SD^2 each, and that of their means around the mean of all.
    """
    total = sum(counts)

    def between(center: float) -> float:  # the least that means within their bounds can be away from it
        return sum(n * max(low - center, center - high, 0) ** 2 for n, (low, high) in zip(counts, means, strict=True))

    left, right = min(low for low, _ in means), max(high for _, high in means)
    for _ in range(200):  # it is convex
        third = (right - left) / 3
        left, right = (left, right - third) if between(left + third) < between(right - third) else (left + third, right)
    least = between((left + right) / 2)
    most = 0.0  # convex in the means, so at a corner
    for corner in product(*means):
        center = sum(n * mean for n, mean in zip(counts, corner, strict=True)) / total
        most = max(most, sum(n * (mean - center) ** 2 for n, mean in zip(counts, corner, strict=True)))
    ends = []
    for end, part in ((0, least), (1, most)):
        within = sum((n - ddof) * deviation[end] ** 2 for n, deviation in zip(counts, deviations, strict=True))
        ends.append(math.sqrt((within + part) / (total - ddof)))
    return ends[0], ends[1]


def sd_bounds(n: int, mean: Interval, lowest: float, highest: Interval) -> Interval:
    """Return the lowest and the highest sample SD of n numbers of which mean and extremes are known, (low, high) each.

    With mean m and extremes a and b it is at most sqrt((b - m) (m - a) n / (n - 1)) (Bhatia and Davis, American
    Mathematical Monthly 107, 2000), and at least that of n - 1 equal numbers and b, (b - m) sqrt(n) / (n - 1).
    """
    best = min(max((lowest + highest[1]) / 2, mean[0]), mean[1])  # the mean at which the product is highest
    most = math.sqrt(max((highest[1] - best) * (best - lowest), 0.0) * n / (n - 1))
    least = max(highest[0] - mean[1], 0.0) * math.sqrt(n) / (n - 1)
    return least, most


def can_be_share(printed: PublishedValue, n: int) -> int | None:
    """Return how many of n pictures are the printed share of them, the fewest; None where no number is.

    The GRIM test (Brown and Heathers, Social Psychological and Personality Science 8, 2017).
    """
    low, high = printed.bounds
    count = math.ceil(low * n)
    return count if count <= high * n and count <= n else None


def _halved(side: int, times: int, up: bool) -> int:
    for _ in range(times):
        side = -(-side // 2) if up else side // 2
    return side


# ---- What the checks share

FEATURE_COLUMNS = ("j_mean", "j_sd", "j_max")


def _floats(value: PublishedValue) -> Interval:
    low, high = value.bounds
    return float(low), float(high)


def _rows_of(published: Published, table: str) -> list[str]:
    rows = list(dict.fromkeys(each.row for each in published.values if each.table == table))
    if not rows:
        raise KeyError(table)
    return rows


def _networks(published: Published) -> list[tuple[str, str, str]]:
    """Return (network, its table of best thresholds, its table of groups)."""
    if len(published.networks) < 2:
        raise KeyError("networks")
    first, second = published.networks[:2]
    return [(first, "table 2", "table 4"), (second, "table 3", "table 5")]


def _groups(published: Published, table: str, model: str, column: str) -> list[PublishedValue]:
    return [published.of(table, group, column, model) for group in _rows_of(published, table)]


def _counts(published: Published, table: str, model: str) -> dict[str, int]:
    return {each.row: int(each.value) for each in _groups(published, table, model, "n")}


def _sum(numbers: Sequence[int]) -> str:
    return f"{' + '.join(map(str, numbers))} = {sum(numbers)}"


def _verdict(is_so: bool, otherwise: str = IMPOSSIBLE) -> str:
    return AGREES if is_so else otherwise


def _probability(value: float) -> str:
    if value >= 0.001:
        return f"{value:.3f}"
    digits, exponent = f"{value:.1e}".split("e")
    return f"{digits}E{int(exponent)}"


# ---- The checks, in the order of the paper


def _pictures(published: Published) -> Iterator[Row]:
    every, of_mel, of_nv = (published.of("section 4", row, "pictures") for row in ("all", "MEL", "NV"))
    parts = [int(of_mel.value), int(of_nv.value)]
    yield (
        "evaluation pictures by diagnosis (section 4)",
        every.printed,
        _sum(parts),
        _verdict(sum(parts) == every.value),
        "Melanomas and nevi are all of them.",
    )
    table = [int(published.of("table 1", row, "pictures").value) for row in _rows_of(published, "table 1")]
    *features, union = table
    yield (
        "pictures with any feature (table 1)",
        str(union),
        f"{max(features)} to {min(sum(features), int(every.value))}",
        _verdict(max(features) <= union <= min(sum(features), every.value)),
        "At least as many as show the most frequent feature, at most as many as all features together.",
    )


def _group_counts(published: Published) -> Iterator[Row]:
    union = published.of("table 1", UNION, "pictures")
    of_tables = {table: _counts(published, table, model) for model, _, table in _networks(published)}
    sums = {sum(counts.values()) for counts in of_tables.values()}
    yield (
        "pictures of all groups (tables 4, 5 and 1)",
        union.printed,
        "; ".join(_sum(list(counts.values())) for counts in of_tables.values()),
        _verdict(sums == {int(union.value)}),
        "The groups are the pictures with a feature, each once.",
    )
    for diagnosis in ("MEL", "NV"):
        whole = published.of("section 4", diagnosis, "pictures")
        parts = [[counts[f"{diagnosis}-correct"], counts[f"{diagnosis}-wrong"]] for counts in of_tables.values()]
        totals = {sum(part) for part in parts}
        yield (
            f"{diagnosis} of both networks (tables 4 and 5)",
            f"at most {whole.printed}",
            "; ".join(map(_sum, parts)),
            _verdict(len(totals) == 1 and max(totals) <= whole.value),
            "Both networks saw the same pictures, so right and wrong ones add up to the same number.",
        )


def _cells(published: Published) -> Iterator[Row]:
    # Four poolings that drop an odd row; five steps that keep it.
    for model, times, up in (("VGG16", 4, False), ("ResNet50", 5, True)):
        side = int(published.of("section 3", "input", "pixels", model).value)
        layer = published.of("section 3", "last convolution", "cells", model)
        maps = published.of("section 4", "maps", "cells", model)
        found = _halved(side, times, up)
        agrees = layer.value == maps.value == found
        fitting = [pixels for pixels in range(1, 1000) if _halved(pixels, times, up) == maps.value]
        why = (
            "The layer, the maps and what the input leaves after the layers before it are alike."
            if agrees
            else f"A Grad-CAM map has the cells of its layer, unless it is resized, which is not told; "
            f"{maps.printed} x {maps.printed} would need an input of {fitting[0]} to {fitting[-1]} pixels."
        )
        yield (
            f"{model}: cells of the layer and of its maps (sections 3 and 4)",
            f"{layer.printed} x {layer.printed}; {maps.printed} x {maps.printed}",
            f"{found} x {found} at {side} pixels",
            _verdict(agrees),
            why,
        )


def _classes(published: Published) -> list[str]:
    rows = [each.row for each in published.values if each.table == METRICS and each.column == "sensitivity"]
    return list(dict.fromkeys(rows))


def _classifiers(published: Published) -> Iterator[Row]:
    classes = _classes(published)
    for model in published.networks:
        overall = published.of(METRICS, "all", "accuracy", model)
        accuracies = [published.of(METRICS, name, "accuracy", model) for name in classes]
        allowed = [float(1 - sum(1 - each.bounds[end] for each in accuracies) / 2) for end in (0, 1)]
        value = 1 - sum(1 - each.value for each in accuracies) / 2
        yield (
            f"{model}: overall accuracy from those of the classes (section 3)",
            overall.printed,
            f"{value:.4f}",
            _verdict(touches(allowed, overall.bounds)),
            "A wrong prediction is an error of two classes: accuracy = 1 - sum(1 - accuracy of a class) / 2.",
        )
        balanced = published.of(METRICS, "all", "balanced_accuracy", model)
        sensitivities = [published.of(METRICS, name, "sensitivity", model) for name in classes]
        allowed = [float(sum(each.bounds[end] for each in sensitivities) / len(classes)) for end in (0, 1)]
        yield (
            f"{model}: balanced accuracy from the sensitivities (section 3)",
            balanced.printed,
            f"{sum(each.value for each in sensitivities) / len(classes):.4f}",
            _verdict(touches(allowed, balanced.bounds)),
            "It is the mean sensitivity.",
        )


def _held_out(published: Published) -> Iterator[Row]:
    held_out = int(published.of(METRICS, "held out", "pictures").value)
    classes = _classes(published)
    shares = {
        name: [published.of(METRICS, name, "sensitivity", model) for model in published.networks] for name in classes
    }

    def fits(name: str, n: int) -> bool:
        return all(can_be_share(each, n) is not None for each in shares[name])

    fewest = [next((n for n in range(1, held_out + 1) if fits(name, n)), held_out + 1) for name in classes]
    yield (
        "sensitivities of both networks on the same pictures (section 3)",
        f"at most {held_out} pictures",
        _sum(fewest),
        _verdict(sum(fewest) <= held_out),
        "For each class the fewest pictures of which both printed sensitivities can be shares (GRIM test).",
    )
    if set(classes) != set(ISIC_2019):
        return
    tenths = {name: ISIC_2019[name] // 10 for name in classes}
    right = {
        model: [can_be_share(shares[name][row], tenths[name]) for name in classes]
        for row, model in enumerate(published.networks)
    }
    totals = {model: sum(count or 0 for count in counts) for model, counts in right.items()}
    is_so = (
        sum(tenths.values()) == held_out
        and all(count is not None for counts in right.values() for count in counts)
        and all(
            touches((total / held_out,) * 2, published.of(METRICS, "all", "accuracy", model).bounds)
            for model, total in totals.items()
        )
    )
    without = sum((ISIC_2019[name] - EVALUATED.get(name, 0)) // 10 for name in classes)
    yield (
        "number of held-out pictures, and the networks' accuracies on them (section 3)",
        "; ".join([str(held_out), *(published.of(METRICS, "all", "accuracy", model).printed for model in totals)]),
        "; ".join([_sum(list(tenths.values())), *(f"{n} / {held_out} = {n / held_out:.4f}" for n in totals.values())]),
        _verdict(is_so, OPEN),
        "A tenth of each class of all of ISIC 2019, rounded down, gives the number, all sensitivities and both "
        "accuracies. So they were dealt from the whole archive, evaluation pictures among them; without these they "
        f"would be {without}."
        if is_so
        else "A tenth of each class of all of ISIC 2019, rounded down, does not give all of them.",
    )
    if is_so:
        yield from _evaluated(published, tenths, right)


def _evaluated(published: Published, tenths: dict[str, int], right: dict[str, list[int | None]]) -> Iterator[Row]:
    printed, recomputed, furthest = [], [], 0.0
    for model, _, table in _networks(published):
        counts = _counts(published, table, model)
        for diagnosis in ("MEL", "NV"):
            found, total = counts[f"{diagnosis}-correct"], counts[f"{diagnosis}-correct"] + counts[f"{diagnosis}-wrong"]
            shares = [
                (found / total, total),
                ((right[model][list(tenths).index(diagnosis)] or 0) / tenths[diagnosis], tenths[diagnosis]),
            ]
            printed.append(f"{model} {diagnosis} {published.of(METRICS, diagnosis, 'sensitivity', model).printed}")
            recomputed.append(f"{found} / {total} = {found / total:.3f}")
            error = math.sqrt(sum(share * (1 - share) / n for share, n in shares))
            furthest = max(furthest, abs(shares[0][0] - shares[1][0]) / error)
    yield (
        "sensitivities on held-out (section 3) and on evaluated pictures (tables 4, 5): did the latter train?",
        "; ".join(printed),
        "; ".join(recomputed),
        OPEN,
        f"Nearly alike, at most {furthest:.1f} standard errors apart; pictures that trained should be recognised "
        "better. This speaks against training on them. But they were not set aside before the split (row above), and "
        "the paper does not say.",
    )


def _training(published: Published) -> Iterator[Row]:
    trained, held_out = (published.of(METRICS, row, "pictures") for row in ("training", "held out"))
    total = sum(ISIC_2019.values())
    rest = total - int(trained.value) - int(held_out.value)
    yield (
        "pictures for training and held out (section 3)",
        f"about {int(trained.value)}; {held_out.printed}",
        f"at most {total}",
        _verdict(trained.bounds[0] + held_out.bounds[0] <= total),
        f"ISIC 2019 has {total} pictures; what the other {rest} or so did is not told.",
    )


def _spreads(published: Published) -> Iterator[Row]:
    for model, best, groups in _networks(published):
        for table in (best, groups):
            shares, outside = [], []
            for row in _rows_of(published, table):
                mean, deviation, highest = (published.of(table, row, name, model) for name in FEATURE_COLUMNS)
                count = (
                    published.of("table 1", row, "pictures") if table == best else published.of(table, row, "n", model)
                )
                least, most = sd_bounds(int(count.value), _floats(mean), 0.0, _floats(highest))
                shares.append(deviation.value / most)
                if not touches((least, most), _floats(deviation)):
                    outside.append(row)
            yield (
                f"{model}: SD against mean and J-max ({table})",
                f"{len(shares)} rows",
                f"{min(shares):.0%} to {max(shares):.0%} of the highest possible",
                _verdict(not outside),
                "A mean, a least value of 0 and a highest value bound the SD from both sides."
                + (f" Outside: {', '.join(outside)}." if outside else ""),
            )


def _thresholds(published: Published) -> Iterator[Row]:
    of_model = {
        model: [published.of(table, row, "threshold", model) for row in _rows_of(published, table)]
        for model, table, _ in _networks(published)
    }
    places = [("abstract", "", [each for values in of_model.values() for each in values])]
    places += [("section 5", model, values) for model, values in of_model.items()]
    for place, model, values in places:
        low, high = (
            published.of(place, "best threshold of a feature", column, model) for column in ("lowest", "highest")
        )
        numbers = [each.value for each in values]
        yield (
            f"{model or 'both networks'}: range of the best thresholds ({place}, tables 2 and 3)",
            f"{low.printed} to {high.printed}",
            f"{min(numbers):.1f} to {max(numbers):.1f}",
            _verdict((min(numbers), max(numbers)) == (low.value, high.value)),
            "The lowest and the highest of the features.",
        )


def _highest(published: Published) -> Iterator[Row]:
    said = published.of("abstract", "mean J", "highest")
    means = [each for each in published.values if each.table.startswith("table") and each.column == "j_mean"]
    highest = max(means, key=lambda each: each.value)
    is_so = highest.value == said.value
    yield (
        "highest mean J (abstract, tables 2 to 5)",
        said.printed,
        f"{highest.printed} ({highest.table}, {highest.row})",
        _verdict(is_so, NOT_THE_HIGHEST),
        "" if is_so else f"The abstract's {said.printed} is a mean of the tables, but not the highest of them.",
    )


def _aggregations(published: Published) -> Iterator[Row]:
    best = published.of("section 2", "first of ISIC 2018", "j")
    said = published.of("abstract", "mean J", "highest")
    yield (
        "mean J beside the challenge's J (abstract, sections 2, 7 and 8)",
        f"{said.printed} beside {best.printed}",
        f"{said.value / best.value:.0%}",
        OTHER_DEFINITION,
        f"{said.printed} is a mean of J over pictures that show a feature; the challenge's {best.printed} is a "
        "ratio of sums over all pictures, black masks included, of its own test set. Their ratio says little.",
    )


def _group_means(published: Published) -> Iterator[Row]:
    for model, best, groups in _networks(published):
        counts = list(_counts(published, groups, model).values())
        union = published.of(best, UNION, "j_mean", model)
        means = _groups(published, groups, model, "j_mean")
        low, high = pooled_mean(counts, means)
        value = sum(n * each.value for n, each in zip(counts, means, strict=True)) / sum(counts)
        own = _own_thresholds(published, best, groups, model)
        # At its own best threshold a group's mean is at least that at the union's.
        is_so = union.bounds[0] <= high if own else touches((low, high), union.bounds)
        yield (
            f"{model}: mean J of the union from the groups ({groups}, {best})",
            union.printed,
            f"{value:.4f}",
            _verdict(is_so),
            "Mean of the groups, weighted by their pictures"
            + ("; each at its own best threshold, so it may be higher, but not lower." if own else "."),
        )


def _own_thresholds(published: Published, best: str, groups: str, model: str) -> bool:
    union = published.of(best, UNION, "threshold", model)
    return any(each.value != union.value for each in _groups(published, groups, model, "threshold"))


def _group_spreads(published: Published) -> Iterator[Row]:
    for model, best, groups in _networks(published):
        counts = list(_counts(published, groups, model).values())
        means, deviations, highest = (_groups(published, groups, model, name) for name in FEATURE_COLUMNS)
        bounds = [
            pooled_sd(counts, [_floats(each) for each in means], [_floats(each) for each in deviations], ddof)
            for ddof in (0, 1)
        ]
        points = [[(each.value,) * 2 for each in column] for column in (means, deviations)]
        pooled = pooled_sd(counts, points[0], points[1])[0]
        union_sd, union_max = (published.of(best, UNION, name, model) for name in ("j_sd", "j_max"))
        sd_fits = any(touches(each, _floats(union_sd)) for each in bounds)
        top = max(highest, key=lambda each: each.value)
        max_fits = touches(top.bounds, union_max.bounds)
        if _own_thresholds(published, best, groups, model):
            thresholds = _groups(published, groups, model, "threshold")
            of_union = published.of(best, UNION, "threshold", model)
            yield (
                f"{model}: are the groups at the union's best threshold, as text and caption say? ({groups}, {best})",
                f"{of_union.printed}; SD {union_sd.printed}; J-max {union_max.printed}",
                f"{', '.join(each.printed for each in thresholds)}; SD {pooled:.4f}; J-max {top.printed}",
                _verdict(sd_fits and max_fits, IMPOSSIBLE),
                "At one threshold the groups together would have the union's SD and its highest J. At the best "
                "threshold of each group, which the table prints, nothing speaks against them.",
            )
            continue
        low, high = min(each[0] for each in bounds), max(each[1] for each in bounds)
        yield (
            f"{model}: SD of the union from the groups ({groups}, {best})",
            union_sd.printed,
            f"{pooled:.4f} ({low:.4f} to {high:.4f})",
            _verdict(sd_fits),
            "From the sum of squares within and between the groups, with n or n - 1 in the SD"
            + ("." if sd_fits else ": no rounding of the printed means and SDs gives the union's."),
        )
        yield (
            f"{model}: J-max of the union from the groups ({groups}, {best})",
            union_max.printed,
            f"{top.printed} ({top.row})",
            _verdict(max_fits),
            "The highest J of the groups.",
        )


def _tests(published: Published) -> Iterator[Row]:
    for model, best, groups in _networks(published):
        counts = _counts(published, groups, model)
        own = _own_thresholds(published, best, groups, model)
        for diagnosis in ("MEL", "NV"):
            names = (f"{diagnosis}-correct", f"{diagnosis}-wrong")
            first, second = (counts[name] for name in names)
            u, p = (published.of("table 6", " vs ".join(names), column, model) for column in ("u", "p"))
            is_possible = 0 <= u.value <= first * second
            yield (
                f"{model} {diagnosis}: U against the numbers of pictures (tables 6 and {groups[-1]})",
                u.printed,
                f"0 to {first} x {second} = {first * second}",
                _verdict(is_possible),
                "U counts pairs of a picture of the one group and one of the other; there are n1 n2.",
            )
            found = normal_p(u.value, first, second)
            if found is None:
                continue
            yield _p_row(f"{model} {diagnosis}: p from U (tables 6 and {groups[-1]})", p, found)
            means = [published.of(groups, name, "j_mean", model) for name in names]
            is_so = (u.value > first * second / 2) == (means[0].value > means[1].value)
            side = "above" if u.value > first * second / 2 else "below"
            yield (
                f"{model} {diagnosis}: U against the order of the means (tables 6 and {groups[-1]})",
                f"{u.printed}; {means[0].printed} and {means[1].printed}",
                f"{side} n1 n2 / 2 = {first * second / 2:.1f}",
                _verdict(is_so, UNEXPECTED),
                "As U of the first-named group: above the half where its J tends to be the higher."
                if is_so
                else "By U the first-named group tends to the lower J, by the means to the higher. Ranks and means can "
                "differ" + (", and the means are at each group's own threshold." if own else "."),
            )


def _p_row(check: str, printed: PublishedValue, found: float) -> Row:
    low, high = (float(bound) for bound in printed.bounds)
    is_so = any(low <= p <= high for p in (found, found / 2, 1 - found / 2))
    verdict = AGREES if is_so else IMPOSSIBLE if low > found else UNEXPECTED
    why = "Normal approximation, two-sided, corrected for continuity; ties would lower p"
    if verdict == IMPOSSIBLE:
        why += ", and one-sided it is another one still"
        if found < 0.05 <= printed.value:
            why += ". By its U the difference is significant at 0.05, by its p not"
    return check, printed.printed, _probability(found), verdict, f"{why}."


def _figures(published: Published) -> Iterator[Row]:
    series = {
        model: [each for each in published.values if each.table == table and each.model == model]
        for (model, _, _), table in zip(_networks(published), ("figure 4", "figure 5"), strict=True)
    }
    if not all(series.values()):
        raise KeyError("figures")
    firsts = [values[0] for values in series.values()]
    yield (
        "J of one picture at threshold 0 (captions of figures 4 and 5)",
        " and ".join(each.printed for each in firsts),
        "equal",
        _verdict(len({each.value for each in firsts}) == 1),
        "All is white: the share of the picture that the union covers, whatever the network.",
    )
    lasts = [values[-1] for values in series.values()]
    yield (
        "J of one picture at threshold 1 (captions of figures 4 and 5)",
        " and ".join(each.printed for each in lasts),
        "0",
        _verdict({each.value for each in lasts} == {0.0}),
        "All is black.",
    )
    for (model, best, _), values in zip(_networks(published), series.values(), strict=True):
        threshold, highest = (published.of(best, UNION, name, model) for name in ("threshold", "j_max"))
        (there,) = (each for each in values if float(each.column) == threshold.value)
        yield (
            f"{model}: J of one picture against J-max at {threshold.value:g} ({values[0].table}, {best})",
            there.printed,
            f"at most {highest.printed}",
            _verdict(there.bounds[0] <= highest.bounds[1]),
            "The picture is one of those that the table is of.",
        )


CHECKS: tuple[Callable[[Published], Iterator[Row]], ...] = (
    _pictures,
    _group_counts,
    _cells,
    _classifiers,
    _training,
    _held_out,
    _spreads,
    _thresholds,
    _highest,
    _aggregations,
    _group_means,
    _group_spreads,
    _tests,
    _figures,
)
