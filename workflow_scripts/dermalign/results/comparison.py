"""Every published value beside ours, with what cannot be compared and why."""

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from ..terms import UNION
from .formats import HEADINGS
from .published import METRICS, Published, PublishedValue
from .statistics import GROUP_BEST, UNION_BEST
from .words import in_words

COMPARISON_COLUMNS = ("table", "row", "column", "published", "ours", "difference", "low", "high", "note")
BEST_TABLES = ("table 2", "table 3")
GROUP_TABLES = ("table 4", "table 5")
FIGURES = ("figure 4", "figure 5")
ALIKE = (0.0, 1.0)  # thresholds at which all is white or all is black, whatever the classifier
RANGE = "best threshold of a feature"
# The narrowest picture of ISIC 2018 Task 1-2, in pixels: where all are narrower, they are reduced copies.
NARROWEST = 576


@dataclass(frozen=True)
class ComparedModel:
    """The study's model that is compared with one of the paper's networks.

    name; architecture: None of one that is brought along; input_size: in pixels; weights: `none`, `imagenet` or a path,
    None of a brought one; cells: (h, w) of its maps.
    """

    name: str
    architecture: str | None
    input_size: int
    weights: str | None
    cells: tuple[int, int]


@dataclass(frozen=True)
class ComparedStudy:
    """What of a study stands beside published values.

    - models: {network: the model that is compared with it, None where there is none}; method: their saliency method;
    - thresholds: the grid, as it is written in file names; diagnoses: those that are evaluated;
    - is_drawn: whether the pictures are drawn by the project; leakage: the setting, None without training pictures;
    - evaluation: manifest; best_thresholds, correctness, mann_whitney: statistics; metrics: {model: metrics.csv};
    - trained: how many pictures trained, None without training pictures;
    - of_picture: {(model, picture, threshold): J of the union}, where the study has it.
    """

    models: Mapping[str, ComparedModel | None]
    method: str
    thresholds: Sequence[str]
    diagnoses: Sequence[str]
    is_drawn: bool
    leakage: str | None
    evaluation: pd.DataFrame
    best_thresholds: pd.DataFrame
    correctness: pd.DataFrame
    mann_whitney: pd.DataFrame
    metrics: Mapping[str, pd.DataFrame]
    trained: int | None
    of_picture: Mapping[tuple[str, str, str], float]


@dataclass(frozen=True)
class Ours:
    """Our number, its 95 % interval where there is one, and what hinders a comparison; NaN where there is no number."""

    value: float = math.nan
    low: float = math.nan
    high: float = math.nan
    notes: tuple[str, ...] = ()


def comparison(published: Published, study: ComparedStudy) -> pd.DataFrame:
    """Return every published value beside ours, a row each, in the order of the file. Columns:

    - table, row, column: where it is published, see `published`; a row that two networks share begins with the network;
    - published, ours: the numbers; difference: ours - published; NaN where we have none;
    - low, high: bounds of our 95 % interval, NaN where there is none;
    - note: what cannot be compared and why, or in what the two differ; empty where nothing does.
    """
    beside = _Beside(published, study)
    shared = Counter((each.table, each.row, each.column) for each in published.values)
    rows = []
    for each in published.values:
        ours = beside.ours(each)
        rows.append(
            {
                "table": each.table,
                "row": f"{each.model}, {each.row}" if shared[each.table, each.row, each.column] > 1 else each.row,
                "column": each.column,
                "published": each.value,
                "ours": ours.value,
                "difference": ours.value - each.value,
                "low": ours.low,
                "high": ours.high,
                "note": "; ".join(dict.fromkeys(filter(None, ours.notes))),
            }
        )
    return pd.DataFrame(rows, columns=COMPARISON_COLUMNS)


def general_differences(published: Published, study: ComparedStudy) -> dict[str, tuple[str, ...]]:
    """Return in words what hinders every comparison with a network, or, by an empty name, with any."""
    beside = _Beside(published, study)
    of_networks = {network: beside.of_network(model, network) for network, model in study.models.items() if model}
    return {"": beside.pictures, **of_networks}


def difference_sentence(published: Published, study: ComparedStudy) -> str:
    """Return the sentence that says which model stands beside which network, and `general_differences`."""
    found = general_differences(published, study)
    parts: list[str] = []
    for network, model in study.models.items():
        differences = f" ({'; '.join(found[network])})" if found.get(network) else ""
        parts.append(f"beside {network} {'stands ' * (not parts)}{model.name if model else 'no model'}{differences}")
    sentence = ", ".join(parts) + "".join(f"; all of {note}" for note in found[""])
    return f"{sentence[:1].upper()}{sentence[1:]}."


def readable_comparison(table: pd.DataFrame, published: Published, said: Collection[str]) -> pd.DataFrame:
    """Return a `comparison` as text for reading: each number with as many digits as the published one, p with three.

    said: notes that the caption has, so that no row needs them.
    """
    rows = []
    for each, row in zip(published.values, table.itertuples(index=False), strict=True):
        shown = {name: _shown(getattr(row, name), each) for name in ("ours", "difference", "low", "high")}
        interval = f"{shown['low']} to {shown['high']}" if shown["low"] and shown["high"] else ""
        rows.append(
            {
                "table": each.table,
                "row": each.row if each.table in FIGURES else in_words(str(row.row)),
                "column": HEADINGS.get(each.column, in_words(each.column)),
                "published": f"{each.value:.0f}" if each.column == "pictures" else each.printed,
                "ours": shown["ours"],
                "difference": shown["difference"],
                "95 % interval": interval,
                "note": "; ".join(note for note in str(row.note).split("; ") if note not in said),
            }
        )
    return pd.DataFrame(rows).replace("", None)


def _shown(value: float, published: PublishedValue) -> str:
    if math.isnan(value):
        return ""
    if published.column == "p":
        return f"{value:z.3f}" if abs(value) >= 0.001 else "< 0.001" if value > 0 else "> -0.001"
    digits = len(published.printed.partition(".")[2])
    return f"{value:z.{digits}f}"


class _Beside:
    """Looks for our number beside a published one."""

    def __init__(self, published: Published, study: ComparedStudy) -> None:
        self.published = published
        self.study = study
        evaluation = study.evaluation
        self.evaluated = evaluation[evaluation["diagnosis"].isin(study.diagnoses)]
        self.analysed = evaluation[evaluation["included"]]
        widest = int(self.evaluated["width"].max()) if len(self.evaluated) else 0
        self.pictures: tuple[str, ...] = ()
        self._other_pictures = "drawn pictures" if study.is_drawn else "other pictures"
        if study.is_drawn:
            self.pictures = ("drawn pictures",)
        elif widest < NARROWEST:
            self.pictures = (f"pictures {widest} pixels wide at most",)

    def ours(self, value: PublishedValue) -> Ours:
        """Return our number for a published one."""
        model = self.study.models.get(value.model)
        if value.table in FIGURES and float(value.column) in ALIKE:
            model = model or next(filter(None, self.study.models.values()), None)
        if value.model and model is None:
            return Ours(notes=(f"no model of the study stands for {value.model}",))
        found = self._place(value, model)
        if math.isnan(found.value) and not found.notes:
            return Ours(notes=("undefined here",))
        return found

    def _place(self, value: PublishedValue, model: ComparedModel | None) -> Ours:
        if value.table in FIGURES and model:
            return self._of_picture(value, model)
        if value.table in BEST_TABLES and model:
            return self._best(value, model)
        if value.table in GROUP_TABLES and model:
            return self._group(value, model)
        if value.table == "table 6" and model:
            return self._test(value, model)
        if value.column == "cells" and model:
            return self._cells(value, model)
        if value.table == METRICS and value.row == "input" and model:
            return Ours(model.input_size, notes=(self._architecture(model, value.model),))
        if value.table == METRICS and model:
            return self._metric(value, model)
        if value.column == "pictures":
            return self._pictures(value)
        if value.row == RANGE:
            return self._range(value, model)
        if (value.table, value.row) == ("abstract", "mean J"):
            return self._highest()
        if value.column == "j":
            return Ours(
                notes=(
                    "another aggregation: a ratio of sums over all pictures, black masks included, of the challenge's "
                    "test set; tables/extended_challenge has ours",
                )
            )
        if value.table == METRICS:
            return Ours(notes=("another team's classifier",))
        return Ours(notes=("not computed here",))

    # ---- In what a study differs from the paper's

    def _architecture(self, model: ComparedModel, network: str) -> str:
        if model.architecture is None:
            return f"a classifier brought along, not {network}"
        return "" if model.architecture == network else f"{model.architecture}, not {network}"

    def of_network(self, model: ComparedModel, network: str) -> tuple[str, ...]:
        """Return in what a model differs from a network that is not of one value alone."""
        size = self._published("section 3", "input", "pixels", network)
        notes = [self._architecture(model, network)]
        if size is not None and model.input_size != size.value:
            notes.append(f"input of {model.input_size}, not {size.printed}")
        if model.weights == "none":
            notes.append("without ImageNet weights")
        elif model.weights not in (None, "imagenet"):
            notes.append("weights from a file")
        if self.study.leakage and model.architecture:
            notes.append(f"leakage: {self.study.leakage}")
        return tuple(filter(None, notes))

    def _published(self, *place: str) -> PublishedValue | None:
        try:
            return self.published.of(*place)
        except KeyError:
            return None

    def _number(self, n: float, published: PublishedValue | None) -> tuple[str, ...]:
        """Say how many pictures there are where they are others than the paper's."""
        if published is None or n == published.value or math.isnan(n):
            return self.pictures
        return (f"{int(n):,} pictures, not {int(published.value):,}", *self.pictures)

    # ---- Pictures

    def _pictures(self, value: PublishedValue) -> Ours:
        count: int | None = None
        if value.table == "table 1" and value.row in self.evaluated:
            count = int((self.evaluated[value.row] > 0).sum())
            return Ours(count, notes=self._number(len(self.evaluated), self._published("section 4", "all", "pictures")))
        if value.table == METRICS:
            return self._training_pictures(value)
        if value.row == "all":
            count = len(self.evaluated)
        elif value.row == "analysed":
            count = len(self.analysed)
        elif value.row in self.study.diagnoses:
            count = int((self.evaluated["diagnosis"] == value.row).sum())
        if count is None:
            return Ours(notes=(f"{value.row} is not in the study",))
        return Ours(count, notes=() if count == value.value else (self._other_pictures,))

    def _training_pictures(self, value: PublishedValue) -> Ours:
        if value.row == "training":
            if self.study.trained is None:
                return Ours(notes=("nothing is trained here",))
            return Ours(self.study.trained, notes=(f"leakage: {self.study.leakage}",))
        counts = [self._metric_row(metrics, "pictures", "all")[0] for metrics in self.study.metrics.values()]
        if not counts:
            return Ours(notes=("nothing is held out here",))
        return Ours(counts[0], notes=(f"leakage: {self.study.leakage}",))

    # ---- Classifiers

    def _metric_row(self, metrics: pd.DataFrame, metric: str, of_class: str) -> tuple[float, float, float]:
        rows = metrics[(metrics["metric"] == metric) & (metrics["class"] == of_class)]
        if not len(rows):
            return math.nan, math.nan, math.nan
        value, low, high = rows[["value", "low", "high"]].astype(float).iloc[0]
        return float(value), float(low), float(high)

    def _metric(self, value: PublishedValue, model: ComparedModel) -> Ours:
        metrics = self.study.metrics.get(model.name)
        if metrics is None:
            return Ours(notes=("nothing is held out here",))
        if value.row != "all" and value.row not in set(metrics["class"]):
            return Ours(notes=(f"{value.row} is no class of {model.name}",))
        held_out = int(self._metric_row(metrics, "pictures", "all")[0])
        published = self._published(METRICS, "held out", "pictures")
        same = published is None or held_out == published.value
        notes = ["other held-out pictures" + ("" if same or published is None else f" ({held_out:,})")]
        if self.study.is_drawn:
            notes = ["drawn pictures"]
        return Ours(*self._metric_row(metrics, value.column, value.row), (*notes, *self.of_network(model, value.model)))

    def _cells(self, value: PublishedValue, model: ComparedModel) -> Ours:
        height, width = model.cells
        notes = [self._architecture(model, value.model)]
        if height != width:
            return Ours(notes=(f"{height} x {width} cells", *notes))
        layer = self._published("section 3", "last convolution", "cells", value.model)
        if layer is not None and layer.value != value.value:
            notes.append(f"the paper says {layer.printed} x {layer.printed} in section 3")
        return Ours(height, notes=tuple(notes))

    # ---- Overlap

    def _off_the_grid(self, threshold: float) -> str:
        return "" if f"{threshold:.3f}" in self.study.thresholds else f"{threshold:g} is not on our grid"

    def _rows(self, table: pd.DataFrame, model: ComparedModel, **where: str) -> pd.DataFrame:
        rows = table[(table["model"] == model.name) & (table["method"] == self.study.method)]
        for column, name in where.items():
            rows = rows[rows[column] == name]
        return rows

    def _spread(self, rows: pd.DataFrame, value: PublishedValue, notes: tuple[str, ...]) -> Ours:
        row = rows.iloc[0]
        number = float(row[value.column]) if pd.notna(row[value.column]) else math.nan
        if value.column == "threshold":
            notes = (self._off_the_grid(value.value), *notes)
        # Of a mean and of a best threshold; tables of groups have none of the latter.
        low, high = {"j_mean": ("j_low", "j_high"), "threshold": ("threshold_low", "threshold_high")}.get(
            value.column, ("", "")
        )
        if {low, high} <= set(rows.columns) and pd.notna(row[low]):
            return Ours(number, float(row[low]), float(row[high]), notes)
        return Ours(number, notes=notes)

    def _best(self, value: PublishedValue, model: ComparedModel) -> Ours:
        rows = self._rows(self.study.best_thresholds, model, feature=value.row)
        if not len(rows):
            return Ours(notes=(f"{value.row} is not in the study",))
        pictures = self._number(float(rows["n"].iloc[0]), self._published("table 1", value.row, "pictures"))
        return self._spread(rows, value, (*pictures, *self.of_network(model, value.model)))

    def _group(self, value: PublishedValue, model: ComparedModel) -> Ours:
        rows = self._rows(self.study.correctness, model, feature=UNION, group=value.row, at=GROUP_BEST)
        if not len(rows):
            return Ours(notes=(f"{value.row} is no group of the study",))
        published = None if value.column == "n" else self._published(value.table, value.row, "n", value.model)
        pictures = self._number(float(rows["n"].iloc[0]), published)
        return self._spread(rows, value, (*pictures, *self.of_network(model, value.model)))

    def _test(self, value: PublishedValue, model: ComparedModel) -> Ours:
        first, _, second = value.row.partition(" vs ")
        rows = self._rows(self.study.mann_whitney, model, feature=UNION, first=first, second=second, at=UNION_BEST)
        if not len(rows):
            return Ours(notes=(f"{first} and {second} are no groups of the study",))
        row = rows.iloc[0]
        notes = self.pictures
        counts = [int(row["n_first"]), int(row["n_second"])]
        table = next(
            (each.table for each in self.published.values if each.table in GROUP_TABLES and each.model == value.model),
            "",
        )
        theirs = [self._published(table, group, "n", value.model) for group in (first, second)]
        if all(theirs) and counts != [int(each.value) for each in theirs if each]:
            printed = " and ".join(f"{int(each.value):,}" for each in theirs if each)
            notes = (f"{counts[0]:,} and {counts[1]:,} pictures, not {printed}", *notes)
        number = float(row[value.column]) if pd.notna(row[value.column]) else math.nan
        return Ours(number, notes=(*notes, *self.of_network(model, value.model)))

    def _of_picture(self, value: PublishedValue, model: ComparedModel) -> Ours:
        if value.row not in set(self.analysed["image"]):
            return Ours(notes=(f"{value.row} is not in the study",))
        number = self.study.of_picture.get((model.name, value.row, value.column))
        if number is None:
            return Ours(notes=(self._off_the_grid(float(value.column)) or "undefined here",))
        network = () if float(value.column) in ALIKE else self.of_network(model, value.model)
        return Ours(number, notes=(*self.pictures, *network))

    def _range(self, value: PublishedValue, model: ComparedModel | None) -> Ours:
        models = [model] if model else [each for each in self.study.models.values() if each]
        best = pd.concat(
            [self._rows(self.study.best_thresholds, each) for each in models] or [self.study.best_thresholds.iloc[:0]]
        )
        numbers = best["threshold"].dropna().astype(float)
        if not len(numbers):
            return Ours()
        notes = self.of_network(model, value.model) if model else tuple(f"of {each.name}" for each in models)
        return Ours(float(numbers.min() if value.column == "lowest" else numbers.max()), notes=(*self.pictures, *notes))

    def _highest(self) -> Ours:
        models = [each for each in self.study.models.values() if each]
        means = [self._rows(self.study.best_thresholds, each)["j_mean"].max() for each in models]
        means += [
            self._rows(self.study.correctness, each, feature=UNION, at=GROUP_BEST)["j_mean"].max() for each in models
        ]
        numbers = [float(each) for each in means if pd.notna(each)]
        if not numbers:
            return Ours()
        return Ours(max(numbers), notes=(*self.pictures, f"of {', '.join(each.name for each in models)}"))
