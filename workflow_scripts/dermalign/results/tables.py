"""Tables 1 to 6 in the layout of Nunnari, Kadir and Sonntag (CD-MAKE 2021), and that of the classifiers.

Each function returns a table as it is published: rows and columns in order, numbers unrounded. `write_table` puts
it down as CSV and, rounded, as Markdown.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from ..files import write_text
from ..terms import OVERALL, UNION
from .pairing import OWN_BEST, SAME
from .statistics import GROUP_BEST, UNION_BEST

SPREAD = ("j_min", "j_mean", "j_sd", "j_max")


def table1(evaluation: pd.DataFrame, features: Sequence[str], diagnoses: Sequence[str]) -> pd.DataFrame:
    """Table 1: how many evaluation pictures show each feature, by diagnosis, as counts and shares.

    evaluation: manifest. The first row counts all evaluation pictures of the diagnoses, with a feature or not; the
    shares (0 to 1) are of it. `union` is any feature: the pictures of the analysis.
    """
    evaluated = evaluation[evaluation["diagnosis"].isin(diagnoses)]
    groups = {diagnosis: evaluated[evaluated["diagnosis"] == diagnosis] for diagnosis in diagnoses}
    groups["total"] = evaluated
    rows = []
    for feature in ("all pictures", *features, UNION):
        row: dict[str, object] = {"feature": feature}
        for name, group in groups.items():
            count = len(group) if feature == "all pictures" else int((group[feature] > 0).sum())
            row[name] = count
            row[f"{name}_share"] = count / len(group) if len(group) else np.nan
        rows.append(row)
    return pd.DataFrame(rows)


def table2(thresholds: pd.DataFrame, chance: pd.DataFrame | None = None) -> pd.DataFrame:
    """Table 2: spread of the Jaccard index of the union at each threshold, a block of columns per model.

    thresholds: statistics/thresholds.csv. chance: statistics/chance.csv, or None where chance is left out. A row per
    threshold and method; that of a chance method has the model's J minus its own, the mean over the same pictures.
    """
    union = _with_difference(
        thresholds[thresholds["feature"] == UNION], chance, SAME, ["model", "feature", "threshold"]
    )
    ordered = union.sort_values("threshold", kind="stable")
    return _beside_each_other(ordered, ["threshold", "method"], [*SPREAD, *_difference_of(union)])


def table3(best_thresholds: pd.DataFrame, chance: pd.DataFrame | None = None) -> pd.DataFrame:
    """Table 3: each feature's best threshold and the spread of the Jaccard index there, a block per model.

    best_thresholds: statistics/best_thresholds.csv. chance: as `table2`; each method is at its own best threshold.
    n is the feature's population.
    """
    table = _with_difference(best_thresholds, chance, OWN_BEST, ["model", "feature"])
    values = ["threshold", "j_mean", "j_sd", *_difference_of(table)]
    return _beside_each_other(_put_together(table, "feature"), ["feature", "n", "method"], values)


def table4(correctness: pd.DataFrame, models: Sequence[str], chance: pd.DataFrame | None = None) -> pd.DataFrame:
    """Table 4: the first model's Jaccard index of the union by diagnosis and correctness.

    correctness: statistics/correctness.csv. chance: as `table2`; each method is at its own best thresholds. Both at
    the union's best threshold and at each group's own best.
    """
    return _groups(correctness, models[:1], chance)


def table5(correctness: pd.DataFrame, models: Sequence[str], chance: pd.DataFrame | None = None) -> pd.DataFrame:
    """Table 5: as table 4, for the second model and any further one; empty for a study of a single model."""
    return _groups(correctness, models[1:], chance)


def table6(mann_whitney: pd.DataFrame, methods: Sequence[str]) -> pd.DataFrame:
    """Table 6: Mann-Whitney tests between the groups of tables 4 and 5, on the union, for the saliency methods.

    mann_whitney: statistics/mann_whitney.csv. U is of the first-named group; p is two-sided, not corrected for the
    number of comparisons.
    """
    union = mann_whitney[(mann_whitney["feature"] == UNION) & mann_whitney["method"].isin(methods)]
    return union.drop(columns="feature").reset_index(drop=True)


def classifiers(metrics: Mapping[str, pd.DataFrame], classes: Sequence[str]) -> pd.DataFrame:
    """Return the held-out metrics of all classifiers, a row per metric and class, a block of columns per model.

    metrics: by model, classifiers/{model}/metrics.csv. First what is over all classes, then each class's accuracy,
    sensitivity and ROC AUC, NaN for a class that a model does not have. `pictures`: held-out ones of the class.
    `{model}_published` is there where anything is.
    """
    rows = [(metric, "all") for metric in OVERALL]
    rows += [(metric, name) for metric in ("accuracy", "sensitivity", "roc_auc") for name in classes]
    index = pd.MultiIndex.from_tuples(rows, names=["metric", "class"])
    by_row = {model: table.set_index(["metric", "class"]) for model, table in metrics.items()}
    # Of all models the same pictures, of which one without a class's output counts none.
    counts = pd.DataFrame({model: table["value"].get("pictures") for model, table in by_row.items()}).max(axis=1)
    blocks = [pd.DataFrame({"pictures": [int(counts.get(name, 0)) for _, name in rows]}, index=index)]
    for model, table in by_row.items():
        columns = ["value", "low", "high", *(["published"] if table["published"].notna().any() else [])]
        blocks.append(table[columns].reindex(index).add_prefix(f"{model}_"))
    return pd.concat(blocks, axis=1).reset_index()


def _with_difference(table: pd.DataFrame, chance: pd.DataFrame | None, at: str, keys: Sequence[str]) -> pd.DataFrame:
    """Add `difference`: to the rows of chance methods, the first saliency method's J minus theirs, paired."""
    if chance is None:
        return table
    first = chance["method"].iloc[0]
    differences = chance[(chance["at"] == at) & (chance["method"] == first)]
    wanted = differences[[*keys, "chance", "difference_mean"]]
    wanted = wanted.rename(columns={"chance": "method", "difference_mean": "difference"})
    return table.merge(wanted, on=[*keys, "method"], how="left", validate="one_to_one")


def _put_together(table: pd.DataFrame, column: str) -> pd.DataFrame:
    """Put rows of one value of a column below each other, values and rows in the order of their appearance."""
    return table.iloc[np.argsort(pd.factorize(table[column])[0], kind="stable")]


def _difference_of(table: pd.DataFrame) -> list[str]:
    return [column for column in ("difference",) if column in table]


def _beside_each_other(table: pd.DataFrame, keys: list[str], values: Sequence[str]) -> pd.DataFrame:
    blocks = []
    for model in table["model"].unique():
        block = table[table["model"] == model].set_index(keys)[list(values)]
        blocks.append(block.rename(columns=lambda column, model=model: f"{model}_{column}"))
    return pd.concat(blocks, axis=1).reset_index()


def _groups(correctness: pd.DataFrame, models: Sequence[str], chance: pd.DataFrame | None) -> pd.DataFrame:
    union = correctness[correctness["feature"] == UNION]
    parts = []
    for model in models:
        for at in (UNION_BEST, GROUP_BEST):
            rows = union[(union["model"] == model) & (union["at"] == at)]
            parts.append(_put_together(_with_difference(rows, chance, at, ["model", "feature", "group"]), "group"))
    table = pd.concat(parts, ignore_index=True) if parts else union.iloc[:0]
    return table[["model", "at", "group", "method", "threshold", "n", *SPREAD, *_difference_of(table)]]


def _rounded(column: str, value: object) -> str:
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return "-"
    if isinstance(value, float):
        if column.endswith("share"):
            return f"{value:.1%}"
        if column == "p":
            return f"{value:.3g}"
        return f"{value:.1f}" if column == "u" else f"{value:.3f}"
    return str(value)


def markdown(table: pd.DataFrame, caption: str) -> str:
    """Return a table as Markdown with its caption; numbers are rounded for reading."""
    rows = [list(table.columns)]
    rows += [
        [_rounded(column, value) for column, value in zip(table.columns, row, strict=True)]
        for row in table.astype(object).itertuples(index=False)
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(table.columns))]
    is_text = [dtype.kind not in "if" for dtype in table.dtypes]
    adjust: list[Callable[[str, int], str]] = [str.ljust if text else str.rjust for text in is_text]

    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(f(c, w) for f, c, w in zip(adjust, cells, widths, strict=True)) + " |"

    rule = ["-" * width if text else "-" * (width - 1) + ":" for width, text in zip(widths, is_text, strict=True)]
    return "\n".join([caption, "", line(rows[0]), line(rule), *(line(row) for row in rows[1:])]) + "\n"


def write_table(table: pd.DataFrame, caption: str, csv: str | Path, md: str | Path) -> None:
    """Write a table as CSV, unrounded, and as Markdown with its caption."""
    write_text(csv, table.to_csv(index=False))
    write_text(md, markdown(table, caption))
