"""Tables 1 to 6 of Nunnari, Kadir and Sonntag (CD-MAKE 2021), what goes beyond them, and the classifiers'.

Each function returns a table as it is published: rows and columns in order, numbers unrounded. `table1` to `table6`
have the paper's layout; `extended_` tables have all sources, thresholds and groups in rows of their own, so that they
do not grow wider with the number of models. Captions are in `captions`, how tables are written in `formats`.

In extended tables the `model` of a source that belongs to none is the first part of its name, such as `controls`.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from ..terms import OVERALL, UNION
from .controls import BEST_EQUAL_AREA, EVERYONE, OWN_BEST
from .statistics import GROUP_BEST, UNION_BEST

SPREAD = ("j_min", "j_mean", "j_sd", "j_max")
TEST_COLUMNS = (
    *("model", "method", "at", "first", "second", "n_first", "n_second", "u", "p", "p_holm", "test"),
    *("rank_biserial", "rank_biserial_low", "rank_biserial_high"),
)
BOUNDED = ("j_mean", "j_sd", "j_low", "j_high", "j_max")  # J min is 0 nearly everywhere, and the page is narrow


# The paper's tables


def table1(evaluation: pd.DataFrame, features: Sequence[str], diagnoses: Sequence[str]) -> pd.DataFrame:
    """Table 1: how many masks are not black, of all pictures of the diagnoses. One row.

    evaluation: manifest. Columns: one per feature; union: of pictures that show any, which are those of the analysis.
    """
    evaluated = evaluation[evaluation["diagnosis"].isin(diagnoses)]
    return pd.DataFrame([{name: int((evaluated[name] > 0).sum()) for name in (*features, UNION)}])


def table2(best_thresholds: pd.DataFrame, model: str, method: str) -> pd.DataFrame:
    """Tables 2 and 3, and those of further models: best threshold and Jaccard index there, a row per feature and union.

    best_thresholds: statistics/best_thresholds.csv. model, method: whose maps. Columns:

    - feature; threshold: the best of the grid, undefined for an empty population;
    - j_min, j_mean, j_sd, j_max: over the pictures that show the feature, at that threshold.
    """
    return _of(best_thresholds, model, method)[["feature", "threshold", *SPREAD]]


def table4(correctness: pd.DataFrame, model: str, method: str) -> pd.DataFrame:
    """Tables 4 and 5, and those of further models: the Jaccard index of the union by group.

    correctness: statistics/correctness.csv. model, method: whose maps. A row per group, first at one threshold, then
    at the other: the paper's text (section 6) has the union's best, its table 5 each group's own. Columns:

    - at: `best of union`, the best threshold of the whole analysis, or `best of group`, that of the group alone;
    - group; n: its pictures; threshold: undefined for an empty group, where it is the group's own;
    - j_mean, j_sd, j_max: of their J.
    """
    rows = _of(correctness[correctness["feature"] == UNION], model, method)
    ordered = pd.concat([rows[rows["at"] == at] for at in (UNION_BEST, GROUP_BEST)], ignore_index=True)
    return ordered[["at", "group", "n", "threshold", "j_mean", "j_sd", "j_max"]]


def table6(
    mann_whitney: pd.DataFrame, models: Sequence[str], method: str, pairs: Iterable[tuple[str, str]]
) -> pd.DataFrame:
    """Table 6: Mann-Whitney tests between groups, on the union at its best threshold, a row per model and pair.

    mann_whitney: statistics/mann_whitney.csv. models: in order. method: whose maps. pairs: the groups that are
    compared, as `compared_groups` gives them. Columns:

    - model; versus: `first vs second`, the groups;
    - n_first, n_second: pictures of each; u: U of the first; p: two-sided; undefined where a group is empty.
    """
    wanted = [(model, first, second) for model in models for first, second in pairs]
    at_best = mann_whitney[(mann_whitney["feature"] == UNION) & (mann_whitney["at"] == UNION_BEST)]
    rows = at_best[at_best["method"] == method].set_index(["model", "first", "second"]).loc[wanted].reset_index()
    rows.insert(1, "versus", rows["first"] + " vs " + rows["second"])
    return rows[["model", "versus", "n_first", "n_second", "u", "p"]]


def compared_groups(groups: Sequence[str], *, configured: bool) -> list[tuple[str, str]]:
    """Return the pairs of groups that table 6 compares.

    groups: in order. configured: whether the study defines them: then every pair; else they are two of each diagnosis,
    right and wrong, which are compared with each other, as in the paper.
    """
    if configured:
        return [(first, second) for row, first in enumerate(groups) for second in groups[row + 1 :]]
    return list(zip(groups[::2], groups[1::2], strict=True))


def _of(statistics: pd.DataFrame, model: str, method: str) -> pd.DataFrame:
    mine = (statistics["model"] == model) & (statistics["method"] == method)
    return statistics[mine].reset_index(drop=True)


# Beyond the paper


def extended_features(evaluation: pd.DataFrame, features: Sequence[str], diagnoses: Sequence[str]) -> pd.DataFrame:
    """How many evaluation pictures show each feature, by diagnosis, as counts and shares.

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


def extended_thresholds(thresholds: pd.DataFrame) -> pd.DataFrame:
    """Return the spread of the Jaccard index of the union at each threshold, a row per source and threshold.

    thresholds: statistics/thresholds.csv. Columns:

    - model, method, threshold; n: pictures of the analysis; j_min, j_mean, j_sd, j_max: of their J; j_low, j_high: the
      95 % interval of the mean at this threshold.
    """
    table = thresholds[thresholds["feature"] == UNION]
    columns = ["model", "method", "threshold", "n", "j_min", *BOUNDED]
    return table[columns].reset_index(drop=True)


def extended_best_thresholds(best_thresholds: pd.DataFrame) -> pd.DataFrame:
    """Return each feature's best threshold and the spread of the Jaccard index there, a row per source and feature.

    best_thresholds: statistics/best_thresholds.csv. Rows of a model and feature stand below each other. Columns:

    - model, feature, method; n: the feature's population; threshold: the best of the grid, undefined for an empty one
      and for constant maps; threshold_low, threshold_high: its 95 % interval;
    - j_mean, j_sd, j_max: there; j_low, j_high: the 95 % interval of the mean, the threshold chosen in each resample.
    """
    table = put_together(best_thresholds, ["model", "feature"])
    return table[["model", "feature", "method", "n", "threshold", "threshold_low", "threshold_high", *BOUNDED]]


def extended_groups(correctness: pd.DataFrame, models: Sequence[str]) -> pd.DataFrame:
    """Return the Jaccard index of the union by group, a row per source, group and way to choose the threshold.

    correctness: statistics/correctness.csv. models: those with predictions, in order; sources of no model are left out.
    Columns:

    - model; at: as in `table4`; group, method; threshold: the method's own, undefined for an empty group;
    - n: pictures of the group; j_mean, j_sd, j_max: of their J; j_low, j_high: the 95 % interval of the mean, the
      threshold chosen in each resample.
    """
    union = correctness[correctness["feature"] == UNION]
    blocks = [
        put_together(union[(union["model"] == model) & (union["at"] == at)], ["group"])
        for model in models
        for at in (UNION_BEST, GROUP_BEST)
    ]
    table = pd.concat([union.iloc[:0], *blocks], ignore_index=True)
    return table[["model", "at", "group", "method", "threshold", "n", *BOUNDED]]


def extended_mann_whitney(mann_whitney: pd.DataFrame, methods: Sequence[str]) -> pd.DataFrame:
    """Return the Mann-Whitney tests between every two groups, on the union.

    mann_whitney: statistics/mann_whitney.csv. methods: the saliency methods, in order. Columns:

    - model, method; at: as in `table4`, where each group's threshold stands; first, second: the groups;
    - n_first, n_second: pictures of each;
    - u: U of the first; p: two-sided, not corrected for the number of tests; p_holm: adjusted, of tests in the family;
      test: `exact` or `asymptotic`; undefined where a group is empty;
    - rank_biserial: effect size, positive where the first group is larger; rank_biserial_low, rank_biserial_high: its
      95 % interval. The other one, common_language, is (rank_biserial + 1) / 2.
    """
    union = mann_whitney[(mann_whitney["feature"] == UNION) & mann_whitney["method"].isin(methods)]
    return union[list(TEST_COLUMNS)].reset_index(drop=True)


def extended_groupings(groupings: pd.DataFrame) -> pd.DataFrame:
    """Return J of the union by other columns and by confidence, a row per source, grouping and level.

    groupings: statistics/groupings.csv. Columns:

    - model, method, grouping, level; n, lesions: pictures and lesions;
    - j_mean, j_sd: of their J at the union's best threshold; j_low, j_high: the 95 % interval of j_mean;
    - p: of the Kruskal-Wallis test between the levels; epsilon_squared: its effect size; both in the first row of each
      grouping alone.
    """
    table = groupings.rename(columns={"low": "j_low", "high": "j_high"})
    keys = ["model", "method", "grouping"]
    repeated = table.duplicated(keys)
    for column in ("p", "epsilon_squared"):
        table[column] = table[column].astype(float).mask(repeated)
    columns = ["n", "lesions", "j_mean", "j_sd", "j_low", "j_high", "p", "epsilon_squared"]
    return table[[*keys, "level", *columns]].reset_index(drop=True)


def extended_correlations(correlations: pd.DataFrame) -> pd.DataFrame:
    """Return the rank correlations of J with each covariate, a row per model, covariate and feature.

    correlations: statistics/correlations.csv, of one method. Columns:

    - model, covariate, feature; n: pictures; rho: Spearman's rank correlation; rho_low, rho_high: its 95 % interval;
      undefined where the covariate is the same for all pictures.
    """
    table = put_together(correlations, ["model", "covariate"])
    table = table.rename(columns={"low": "rho_low", "high": "rho_high"})
    return table[["model", "covariate", "feature", "n", "rho", "rho_low", "rho_high"]]


def extended_controls(controls: pd.DataFrame) -> pd.DataFrame:
    """Return each source's maps beside its controls, a row per source, feature and control.

    controls: statistics/controls.csv. Columns:

    - model, method, feature; control, kind: `chance`, `prior` or `anatomy`; n: the feature's population;
    - threshold: the method's best; j_mean: its mean J there; control_j_mean: that of the control where it is as white
      on each picture; difference_value, difference_low, difference_high: between the two, with its 95 % interval;
    - control_threshold: the control's own best, undefined where it is the same everywhere; own_j_mean: its mean J
      there; own_difference_value, own_difference_low, own_difference_high: the method's at its best minus that.
    """
    keys = ["model", "method", "feature", "control", "kind"]
    everyone = controls[controls["group"] == EVERYONE]
    equal, own = (everyone[everyone["at"] == at].set_index(keys) for at in (BEST_EQUAL_AREA, OWN_BEST))
    differences = {"difference_mean": "difference_value"}
    table = equal.rename(columns=differences)[
        ["n", "threshold", "j_mean", "control_j_mean", "difference_value", "difference_low", "difference_high"]
    ]
    own = own.rename(columns={"control_j_mean": "own_j_mean", **differences})
    table[["control_threshold", "own_j_mean"]] = own[["control_threshold", "own_j_mean"]]
    for name in ("difference_value", "difference_low", "difference_high"):
        table[f"own_{name}"] = own[name]
    return put_together(table.reset_index(), ["model", "method", "feature"])


def extended_ceilings(ceilings: pd.DataFrame, shares: pd.DataFrame) -> pd.DataFrame:
    """Return which share of its grid's ceiling each source of maps reaches, a row per source and feature.

    ceilings, shares: statistics/ceilings.csv and ceiling_shares.csv, whose columns say how each value is computed.
    Columns:

    - model, method, grid, feature; n: the feature's population; threshold, j_mean: the source's best, and mean J there;
    - ceiling_value, ceiling_low, ceiling_high: the mean ceiling of the grid, and its interval;
    - one_threshold: what is left of it with one threshold for all pictures, undefined without such a source;
    - share_value, share_low, share_high: j_mean / ceiling, 0 to 1, and its interval.
    """
    own = {"j_mean": "ceiling_value", "low": "ceiling_low", "high": "ceiling_high"}
    grids = ceilings.rename(columns={**own, "one_threshold_j_mean": "one_threshold"})
    table = shares.rename(columns={"share": "share_value", "low": "share_low", "high": "share_high"})
    table = table.merge(
        grids[["grid", "feature", *own.values(), "one_threshold"]],
        on=["grid", "feature"],
        how="left",
        validate="many_to_one",
    )
    first = ["model", "method", "grid", "feature", "n", "threshold", "j_mean", *own.values(), "one_threshold"]
    return table[[*first, "share_value", "share_low", "share_high"]]


def put_together(table: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Put rows of equal values of columns below each other, values and rows in the order of their appearance."""
    places = [pd.factorize(table[column])[0] for column in columns]
    return table.iloc[np.lexsort(places[::-1])].reset_index(drop=True)


def extended_out_of_sample(out_of_sample: pd.DataFrame) -> pd.DataFrame:
    """Return J at thresholds that other lesions chose beside that in sample, a row per source and feature.

    out_of_sample: statistics/out_of_sample.csv. Columns: model, feature, method, threshold; j_in_sample;
    out_value, out_low, out_high: the mean J out of sample with its 95 % interval; optimism; most_chosen, chosen_share.
    """
    names = {"j_out_of_sample": "out_value", "low": "out_low", "high": "out_high"}
    table = put_together(out_of_sample.rename(columns=names), ["model", "feature"])
    columns = ["model", "feature", "method", "threshold", "j_in_sample", "out_value", "out_low", "out_high"]
    return table[[*columns, "optimism", "most_chosen", "chosen_share"]]


def extended_hypotheses(hypotheses: pd.DataFrame) -> pd.DataFrame:
    """Return what the study says to the paper's hypotheses, a row per comparison.

    hypotheses: statistics/hypotheses.csv. Columns: hypothesis, model, first, second, feature, n_first, n_second,
    j_first, j_second; gain_value, gain_low, gain_high: J of the first minus that of the second with its 95 % interval;
    result.
    """
    names = {"difference": "gain_value", "low": "gain_low", "high": "gain_high"}
    columns = ["hypothesis", "model", "first", "second", "feature", "n_first", "n_second", "j_first", "j_second"]
    return hypotheses.rename(columns=names)[[*columns, *names.values(), "result"]]


# The classifiers


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
