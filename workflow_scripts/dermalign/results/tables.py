"""Tables 1 to 6 in the layout of Nunnari, Kadir and Sonntag (CD-MAKE 2021), and that of the classifiers.

Each function returns a table as it is published: rows and columns in order, numbers unrounded. Captions are in
`captions`, how tables are written in `formats`.

In tables 2 and 3 blocks of columns stand beside each other, one per `model` of the statistics: a model, or the first
part of the name of a source that belongs to none, such as `controls`. A row of a method that a block does not have is
undefined there.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from ..terms import OVERALL, UNION
from .pairing import OWN_BEST, SAME
from .statistics import GROUP_BEST, UNION_BEST

SPREAD = ("j_min", "j_mean", "j_sd", "j_max")


def table1(evaluation: pd.DataFrame, features: Sequence[str], diagnoses: Sequence[str]) -> pd.DataFrame:
    """Table 1: how many evaluation pictures show each feature, by diagnosis, as counts and shares.

    evaluation: manifest. Rows: all pictures of the diagnoses, with a feature or not; each feature; `union`, any
    feature: the pictures of the analysis. Columns:

    - feature;
    - <diagnosis>, total: pictures; <diagnosis>_share, total_share: their share, 0 to 1, of the first row's.
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
    threshold and method. Columns:

    - threshold, method;
    - {model}_j_min, {model}_j_mean, {model}_j_sd, {model}_j_max: of the pictures of the analysis;
    - {model}_difference, with chance: in rows of a chance method the first saliency method's J minus its own, mean over
      the same pictures, both at the row's threshold.
    """
    union = thresholds[thresholds["feature"] == UNION]
    table = _with_difference(union, chance, [SAME], ["model", "feature", "threshold"])
    ordered = table.sort_values("threshold", kind="stable")
    return _beside_each_other(ordered, ["threshold", "method"], [*SPREAD, *_difference_of(table)])


def table3(best_thresholds: pd.DataFrame, chance: pd.DataFrame | None = None) -> pd.DataFrame:
    """Table 3: each feature's best threshold and the spread of the Jaccard index there, a block per model.

    best_thresholds: statistics/best_thresholds.csv. chance: as `table2`. A row per feature and method. Columns:

    - feature; n: its population; method;
    - {model}_threshold: the best of the grid, undefined for an empty population;
    - {model}_j_mean, {model}_j_sd: there;
    - {model}_difference, with chance: as in `table2`, each method at its own best threshold.
    """
    table = _with_difference(best_thresholds, chance, [OWN_BEST], ["model", "feature"])
    values = ["threshold", "j_mean", "j_sd", *_difference_of(table)]
    return _beside_each_other(_put_together(table, "feature"), ["feature", "n", "method"], values)


def table4(correctness: pd.DataFrame, models: Sequence[str], chance: pd.DataFrame | None = None) -> pd.DataFrame:
    """Table 4: the first model's Jaccard index of the union by group, diagnosis and correctness unless others are set.

    correctness: statistics/correctness.csv. models: those with predictions, in order; sources of no model are left out.
    chance: as `table2`. A row per group and method, first at one threshold, then at the other. Columns:

    - model;
    - at: `best of union`, the best threshold of the whole analysis, or `best of group`, that of the group alone;
    - group, method; threshold: the method's own, undefined for an empty group;
    - n: pictures of the group; j_min, j_mean, j_sd, j_max: of their J;
    - difference, with chance: as in `table2`, each method at its own threshold.
    """
    return _groups(correctness, models[:1], chance)


def table5(correctness: pd.DataFrame, models: Sequence[str], chance: pd.DataFrame | None = None) -> pd.DataFrame:
    """Table 5: as `table4`, columns too, for the second model and any further one; without rows where there is none."""
    return _groups(correctness, models[1:], chance)


def table6(mann_whitney: pd.DataFrame, methods: Sequence[str]) -> pd.DataFrame:
    """Table 6: Mann-Whitney tests between the groups of tables 4 and 5, on the union.

    mann_whitney: statistics/mann_whitney.csv. methods: the saliency methods, which are tested; chance is not. Columns:

    - model, method; first, second: the groups;
    - at: as in `table4`; first_threshold, second_threshold: that of each group;
    - n_first, n_second: pictures of each;
    - u: U of the first; p: two-sided, not corrected for the number of tests; test: `exact` or `asymptotic`; undefined
      where a group is empty.
    """
    union = mann_whitney[(mann_whitney["feature"] == UNION) & mann_whitney["method"].isin(methods)]
    return union.drop(columns="feature").reset_index(drop=True)


def classifiers(metrics: Mapping[str, pd.DataFrame], classes: Sequence[str]) -> pd.DataFrame:
    """Return the held-out metrics of all classifiers, a row per metric and class, a block of columns per model.

    metrics: by model, classifiers/{model}/metrics.csv. Rows: what is over all classes, then each class's accuracy,
    sensitivity and ROC AUC. Columns:

    - metric; class: `all` where it is over all classes; pictures: held-out ones of the class;
    - {model}_value; {model}_low, {model}_high: bounds of its 95 % interval; undefined for a class that a model lacks;
    - {model}_published: for comparison, there where the configuration gives any.
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


def _with_difference(
    table: pd.DataFrame, chance: pd.DataFrame | None, at: Sequence[str], keys: Sequence[str]
) -> pd.DataFrame:
    """Add `difference`: to the rows of chance methods, the first saliency method's J minus theirs, paired."""
    if chance is None:
        return table
    wanted = chance[chance["at"].isin(at) & chance["method"].isin(chance["method"].iloc[:1])]
    wanted = wanted.astype({"difference_mean": float})[[*keys, "chance", "difference_mean"]]
    wanted = wanted.rename(columns={"chance": "method", "difference_mean": "difference"})
    return table.merge(wanted, on=[*keys, "method"], how="left", validate="one_to_one")


def _put_together(table: pd.DataFrame, column: str) -> pd.DataFrame:
    """Put rows of one value of a column below each other, values and rows in the order of their appearance."""
    return table.iloc[np.argsort(pd.factorize(table[column])[0], kind="stable")]


def _difference_of(table: pd.DataFrame) -> list[str]:
    return [column for column in ("difference",) if column in table]


def _beside_each_other(table: pd.DataFrame, keys: list[str], values: Sequence[str]) -> pd.DataFrame:
    """Put the models' values beside each other, a row for each value of the keys in the order of their appearance."""
    rows = pd.MultiIndex.from_frame(table[keys].drop_duplicates())
    blocks = []
    for model in table["model"].unique():
        block = table[table["model"] == model].set_index(keys)[list(values)]
        blocks.append(block.reindex(rows).add_prefix(f"{model}_"))
    return pd.concat(blocks, axis=1).reset_index()


def _groups(correctness: pd.DataFrame, models: Sequence[str], chance: pd.DataFrame | None) -> pd.DataFrame:
    union = correctness[correctness["feature"] == UNION]
    union = _with_difference(union, chance, [UNION_BEST, GROUP_BEST], ["model", "feature", "group", "at"])
    blocks = [
        _put_together(union[(union["model"] == model) & (union["at"] == at)], "group")
        for model in models
        for at in (UNION_BEST, GROUP_BEST)
    ]
    table = pd.concat([union.iloc[:0], *blocks], ignore_index=True)
    return table[["model", "at", "group", "method", "threshold", "n", *SPREAD, *_difference_of(table)]]
