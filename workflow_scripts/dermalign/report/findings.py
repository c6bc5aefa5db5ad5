"""What each section of the report says, in sentences computed from the study's tables.

Each function takes the results and returns sentences, in order; none is a conclusion that a number does not bear out:
where an interval includes 0, it is said.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pandas as pd

from ..data.leakage import leakage_sentence
from ..data.manifests import in_short, is_set_aside
from ..results.captions import KEPT_OUT, UNITS
from ..results.challenge import MICRO_AVERAGE
from ..results.hypotheses import CONTRADICTED, SUPPORTED
from ..results.hypotheses import UNDECIDED as NEITHER
from ..results.readers import JACCARD
from ..results.sanity import CHANGES, HARDLY_CHANGES, UNDECIDED
from ..results.statistics import UNION_BEST
from ..results.words import in_words
from ..segmentation.folds import seen_copies
from ..study.durations import duration
from ..terms import EXCLUDED, OVERALL, UNION
from .study_results import StudyResults, records

Row = Mapping[str, Any]
MOST_REASONS = 4
SPLIT_WORDS = {"train": "train", "validation": "choose the best epoch", "test": "are held out"}


def question(results: StudyResults) -> list[str]:
    """Say of what the question is asked."""
    features = ", ".join(map(in_words, results.configuration["features"]))
    methods = dict.fromkeys(results.runs["method"])
    return [
        f"Asked of {_listed(results.models)}, whose predictions are explained by {_listed(map(in_words, methods))}, "
        f"for these features and their union: {features}."
    ]


def summary(results: StudyResults) -> list[str]:
    """Say the main result of each model: J of the union, beside its controls, as a share of ceiling and reference."""
    says = (_best_of_union, _beside_controls, _of_ceiling, _of_reference)
    return [" ".join(sentence for say in says for sentence in say(results, model)) for model in results.models]


def data(results: StudyResults) -> list[str]:
    """Say how many pictures are evaluated and train, and what was left out for which reason."""
    evaluation, training, configuration = results.evaluation, results.training, results.configuration
    reasons = Counter(in_short(evaluation.loc[~evaluation["included"], "reason"]))
    said = [
        f"Of {len(evaluation):,} pictures with masks {int(evaluation['included'].sum()):,} are in the analysis."
        + _left_out(reasons)
    ]
    if training is None:
        said.append("There are no training pictures: classifiers were brought along, and what trained them is unknown.")
    else:
        splits = training["split"].value_counts()
        parts = [f"{splits.get(split, 0):,} {words}" for split, words in SPLIT_WORDS.items()]
        excluded = Counter(in_short(training.loc[training["split"] == EXCLUDED, "reason"]))
        said.append(f"Of {len(training):,} training pictures {_listed(parts)}.{_left_out(excluded)}")
        said.append(f"{KEPT_OUT[configuration['leakage']]}.")
    aside = [int(is_set_aside(table).sum()) for table in (evaluation, training) if table is not None]
    if any(aside):
        said.append(
            f"{sum(aside):,} pictures were set aside, since they or a mask of theirs cannot be used: all numbers are "
            "those of archives without them. What is wrong with each is listed below."
        )
    if results.leakage is not None:
        said.append(leakage_sentence(results.leakage))
    if configuration["archives"].get("drawn"):
        said.append("The pictures are drawn by dermalign: they show no skin, and nothing follows from them for any.")
    return said


def classifiers(results: StudyResults) -> list[str]:
    """Say how good the classifiers are on held-out pictures."""
    table = results.tables.get("tables/classifiers")
    if table is None:
        return ["Without training pictures none are held out, on which classifiers could be measured."]
    overall = records(table[table["metric"].isin(OVERALL[:3])].drop_duplicates("metric"))
    return [
        f"{model}: "
        + ", ".join(
            f"{in_words(row['metric']) if row['metric'] != 'roc_auc' else 'ROC AUC'} {_with_interval(row, model)}"
            for row in overall
        )
        + f" on {int(overall[0]['pictures']):,} held-out pictures."
        for model in results.models
        if f"{model}_value" in table
    ]


def thresholds(results: StudyResults) -> list[str]:
    """Say the highest mean J of the union, of which features it is highest and lowest, and what it is out of sample."""
    said = []
    for model in results.models:
        rows = results.rows("extended_best_thresholds", model, method=results.method)
        features = [row for row in rows if row["feature"] != UNION and not math.isnan(row["j_mean"])]
        sentences = _best_of_union(results, model)
        if len(features) > 1:
            high, low = (choice(features, key=lambda row: row["j_mean"]) for choice in (max, min))
            sentences.append(
                f"Of the features it is highest for {in_words(high['feature'])} ({_number(high['j_mean'])}) and lowest "
                f"for {in_words(low['feature'])} ({_number(low['j_mean'])})."
            )
        for row in results.rows("extended_out_of_sample", model, method=results.method, feature=UNION):
            if not math.isnan(row["out_value"]):
                sentences.append(f"At thresholds that other lesions chose, it is {_with_interval(row, 'out')}.")
        said.append(" ".join(sentences))
    return said


def controls(results: StudyResults) -> list[str]:
    """Say whether the maps have more than their controls, and how much of what their grid allows."""
    said = []
    if "tables/extended_controls" not in results.tables:
        said.append("No controls were asked for: `controls` of the configuration names none.")
    for model in results.models:
        what = f"the mean J of the union by {in_words(results.method)} of {model}"
        if sentences := [*_beside_controls(results, model, what), *_of_ceiling(results, model)]:
            said.append(" ".join(sentences))
    return said


def reference(results: StudyResults) -> list[str]:
    """Say what the segmentation network reaches, which share of that each model does, and what the challenge says."""
    if "tables/extended_reference" not in results.tables:
        return ["No segmentation network was asked for: `segmentation` of the configuration names none."]
    said = _of_folds(results)
    for name in dict.fromkeys(results.tables["tables/extended_reference"]["reference"]):
        network, method = name.split("/")
        said += [
            f"{network}, out of fold: mean J of the union is {_between(row['j_mean'], row['j_low'], row['j_high'])} at "
            f"threshold {row['threshold']}, over {row['n']:,} pictures."
            for row in results.rows("extended_best_thresholds", network, method=method, feature=UNION)
            if not math.isnan(row["j_mean"])
        ]
    for model in results.models:
        what = f"The mean J of the union by {in_words(results.method)} of {model}"
        said += _of_reference(results, model, what)
    return said + _aggregations(results)


def correctness(results: StudyResults) -> list[str]:
    """Say J of the groups that table 6 compares, and what came of the paper's hypotheses."""
    said = []
    for model in results.models:
        groups = {
            row["group"]: row
            for row in results.rows("extended_groups", model, method=results.method, at=UNION_BEST)
            if row["n"]
        }
        for test in results.rows("extended_mann_whitney", model, method=results.method, at=UNION_BEST):
            names = test["first"], test["second"]
            if f"{names[0]} vs {names[1]}" in _compared(results) and all(name in groups for name in names):
                first, second = (
                    f"{name} {_number(groups[name]['j_mean'])} ({groups[name]['n']:,} pictures)" for name in names
                )
                said.append(f"{model}: mean J of {first}, of {second}; Mann-Whitney p {_p(test['p'])}, not corrected.")
    hypotheses = results.tables.get("tables/extended_hypotheses")
    if hypotheses is not None:
        for name, rows in hypotheses.groupby("hypothesis", sort=False):
            counts = Counter(rows["result"])
            parts = [f"{word} by {counts[word]}" for word in (SUPPORTED, CONTRADICTED, NEITHER)]
            said.append(f"That {name} is {_listed(parts)} of {len(rows)} comparisons.")
    return said


def methods(results: StudyResults) -> list[str]:
    """Say which saliency method has the highest J, which the sanity check questions, and what faithfulness says."""
    said = []
    for model in results.models:
        rows = [row for row in results.rows("extended_methods", model, feature=UNION) if not math.isnan(row["j_value"])]
        if len(rows) == 1:
            said.append(f"{model}: {in_words(rows[0]['method'])} is the only saliency method.")
        elif rows:
            best = max(rows, key=lambda row: row["j_value"])
            sentence = (
                f"{model}: of {len(rows)} saliency methods {in_words(best['method'])} has the highest mean J of the "
                f"union, {_with_interval(best, 'j')} over {best['n']:,} pictures"
            )
            if not math.isnan(best["versus_first_value"]):
                sentence += (
                    f"; on the pictures that both have maps of, that is {_signed(best, 'versus_first')} that of "
                    f"{in_words(results.method)}, {_about_0(best, 'versus_first')}"
                )
            said.append(f"{sentence}.")
    said += _sanity(results)
    said += _faithfulness(results)
    return said


def readers(results: StudyResults) -> list[str]:
    """Say how far each reader's regions coincide with the study's masks, and what maps reach on the same pictures."""
    table = results.tables.get("tables/extended_readers")
    if table is None:
        return ["No reader's feedback was named: `feedback` of the configuration is empty."]
    said = [
        f"{row['first']}, {row['second']}: mean J of the union is "
        f"{_between(row['value'], row['value_low'], row['value_high'])}, over {row['n']:,} pictures."
        for row in records(table[(table["measure"] == JACCARD) & (table["feature"] == UNION)])
        if not math.isnan(row["value"])
    ]
    return said or ["No reader finished a picture of the analysis."]


def published(results: StudyResults) -> list[str]:
    """Say how many published values have ours beside them, how many agree, and what the audit found."""
    said = []
    table = results.tables.get("tables/comparison")
    if table is None:
        return ["No published values were named: `published` of the configuration is empty."]
    bounded = table.dropna(subset=["ours", "low", "high"])
    inside = ((bounded["low"] <= bounded["published"]) & (bounded["published"] <= bounded["high"])).sum()
    said.append(
        f"{table['ours'].notna().sum():,} of {len(table):,} published values have ours beside them; of "
        f"{len(bounded):,} of ours with an interval, {inside:,} have the published value in it. What differs stands "
        "beside each."
    )
    if "tables/audit" in results.tables:
        verdicts = Counter(results.tables["tables/audit"]["verdict"])
        parts = _listed(f"{verdict} ({count:,})" for verdict, count in verdicts.most_common())
        said.append(f"What came of {verdicts.total():,} checks of the published values against each other: {parts}.")
    return said


def settings(results: StudyResults) -> list[str]:
    """Say in words what bears on every number."""
    configuration = results.configuration
    unit = configuration["resampled_by"] if configuration["archives"].get("training_metadata") else "picture"
    grid = configuration["thresholds"]
    if isinstance(grid, Mapping):
        grid = f"from {grid['start']:g} to {grid['stop']:g} in steps of {grid['step']:g}"
    else:
        grid = ", ".join(f"{value:g}" for value in grid)
    return [
        f"Thresholds: {grid}.",
        f"Intervals resample by {UNITS[unit]}.",
        f"Everything random follows from the seed {configuration['seed']}.",
    ]


def run(results: StudyResults) -> list[str]:
    """Say what wrote the results, how long it took, and which maps are constant."""
    record, runs = results.record, results.runs
    times = record["times"]
    commit = f"commit {record['commit'][:12]}" if record["commit"] else "an unknown commit"
    changed = ", with changes" if record["changed"] else ""
    constant = [
        f"{row['degenerate']:,} of {row['maps']:,} by {in_words(row['method'])} of {row['model']}"
        for row in records(runs)
        if row["degenerate"]
    ]
    return [
        f"Written by dermalign {record['versions']['dermalign']} ({commit}{changed}).",
        f"{times['jobs']:,} jobs ran for {duration(times['seconds'])}; one after the other they take "
        f"{duration(times['job_seconds'])}.",
        f"{runs['maps'].sum():,} saliency maps were asked for and none is missing, since a job that fails ends a run. "
        + (
            f"Constant, with no place more salient than another, are {_listed(constant)}; they stay in the analysis."
            if constant
            else "None is constant."
        ),
    ]


SAYS: dict[str, Callable[[StudyResults], list[str]]] = {
    "question": question,
    "data": data,
    "classifiers": classifiers,
    "thresholds": thresholds,
    "controls": controls,
    "reference": reference,
    "correctness": correctness,
    "methods": methods,
    "readers": readers,
    "published": published,
    "settings": settings,
    "run": run,
}


def _best_of_union(results: StudyResults, model: str) -> list[str]:
    for row in results.rows("extended_best_thresholds", model, method=results.method, feature=UNION):
        if not math.isnan(row["j_mean"]):
            where = "at any threshold" if pd.isna(row["threshold"]) else f"at threshold {row['threshold']}"
            return [
                f"{model}: the highest mean J of the union is {_between(row['j_mean'], row['j_low'], row['j_high'])} "
                f"{where}, over {row['n']:,} pictures ({in_words(results.method)})."
            ]
    return [f"{model}: no picture of the analysis shows a feature, so that there is no J."]


def _beside_controls(results: StudyResults, model: str, what: str = "it") -> list[str]:
    rows = results.rows("extended_controls", model, method=results.method, feature=UNION)
    rows = [row for row in rows if not math.isnan(row["difference_value"])]
    if not rows:
        return []
    closest = min(rows, key=lambda row: row["difference_value"])
    beaten = sum(row["difference_low"] > 0 for row in rows)
    return [
        f"At equal white area {what} is {_signed(closest, 'difference')} that of its strongest control, "
        f"{in_words(closest['control'])}, {_about_0(closest, 'difference')}; it is above {beaten} of {len(rows)} "
        "controls with an interval that excludes 0."
    ]


def _of_ceiling(results: StudyResults, model: str) -> list[str]:
    return [
        f"It is {_share(row)} of the most that maps of {row['grid'].replace('x', ' x ')} cells could have."
        for row in results.rows("extended_ceilings", model, method=results.method, feature=UNION)
        if not math.isnan(row["share_value"])
    ]


def _of_folds(results: StudyResults) -> list[str]:
    """Say how many pictures are others of the study, and how many of them a network saw that maps their copy."""
    if results.folds is None:
        return []
    copied, seen = results.folds["evaluation_image"].nunique(), len(seen_copies(results.folds))
    folds = results.configuration["segmentation"]["folds"]
    return [
        f"Each picture is mapped by that network of {folds} that did not train on it. {copied:,} pictures are another "
        f"of the study, or of its lesion, by name, lesion or content; {seen:,} are mapped by a network that saw that "
        "one."
    ]


def _of_reference(results: StudyResults, model: str, what: str = "It") -> list[str]:
    """Say which share of each segmentation network's J of the union a model's is."""
    return [
        f"{what} is {_share(row)} of what the segmentation network {row['reference'].partition('/')[0]} reaches out "
        "of fold."
        for row in results.rows("extended_reference", model, method=results.method, feature=UNION)
        if not math.isnan(row["share_value"])
    ]


def _aggregations(results: StudyResults) -> list[str]:
    """Say what the challenge's aggregation makes of the same maps, and what mixing the two would."""
    table = results.tables["tables/extended_challenge"]
    together = records(table[table["feature"] == MICRO_AVERAGE])
    union = {(row["model"], row["method"]): row["j_mean"] for row in records(table[table["feature"] == UNION])}
    networks = [row for row in together if row["model"] in results.configuration["segmentation"]["networks"]]
    published = [row for row in together if not row["method"]]  # of no source here
    said = []
    for row in networks:
        words = (
            f"By the challenge's own aggregation, the ratio of sums over all masks, {row['model']} reaches "
            f"{_with_interval(row, 'all')}"
        )
        if published:
            listed = _listed(f"{each['all_value']:.3f} ({each['model']})" for each in published)
            words += f"; with this number alone the published {listed} are comparable, over other pictures"
        said.append(f"{words}.")
        explained = [each for each in together if each["model"] in results.models and each["method"] == results.method]
        for own in explained:
            mean, of_network = (union[each["model"], each["method"]] for each in (own, row))
            if row["all_value"] and of_network > 0:  # of no picture that shows a feature there is no mean
                said.append(
                    f"{own['model']} reaches {own['all_value'] / row['all_value']:.0%} of it in that aggregation and "
                    f"{mean / of_network:.0%} in the mean of J of the union; its mean of J "
                    f"beside the network's ratio of sums, as the paper compares, would say "
                    f"{mean / row['all_value']:.0%}."
                )
    return [" ".join(said)] if said else []


def _compared(results: StudyResults) -> set[str]:
    """Return the pairs of groups that table 6 compares."""
    return set(results.tables["tables/table6"]["versus"])


def _sanity(results: StudyResults) -> list[str]:
    table = results.tables.get("tables/extended_sanity")
    if table is None:
        return ["The sanity check of the methods was not asked for, or no classifier's weights can be randomised."]
    said = []
    for model, rows in table.dropna(subset=["flag"]).groupby("model", sort=False):
        by_flag = {flag: rows.loc[rows["flag"] == flag, "method"] for flag in (CHANGES, HARDLY_CHANGES, UNDECIDED)}
        parts = []
        for flag, words in ((CHANGES, "change"), (HARDLY_CHANGES, "hardly change"), (UNDECIDED, "are undecided")):
            if len(by_flag[flag]):
                parts.append(f"maps by {_listed(map(in_words, by_flag[flag]))} {words}")
        said.append(f"Sanity check, {model} with all layers random: {'; '.join(parts)}.")
    return said


def _faithfulness(results: StudyResults) -> list[str]:
    if "tables/extended_faithfulness" not in results.tables:
        return ["Faithfulness was not asked for: `faithfulness` of the configuration has no pictures."]
    said = []
    part = f"{in_words(results.method)} minus control"
    for model in results.models:
        if rows := results.rows("extended_faithfulness", model, part=part):
            less, more = (
                sum(row["deletion_high"] < 0 for row in rows),
                sum(row["insertion_low"] > 0 for row in rows),
            )
            said.append(
                f"Faithfulness, {model}: beside {len(rows)} controls, {in_words(results.method)} has a lower deletion "
                f"area than {less} and a higher insertion area than {more}, with intervals that exclude 0."
            )
    return said


def _left_out(reasons: Counter[str]) -> str:
    parts = [f"{count:,} ({reason})" for reason, count in reasons.most_common(MOST_REASONS)]
    if others := reasons.total() - sum(count for _, count in reasons.most_common(MOST_REASONS)):
        parts.append(f"{others:,} (for other reasons)")
    return f" Left out: {_listed(parts)}." if parts else ""


def _number(value: float) -> str:
    return f"{value:z.3f}"


def _between(value: float, low: float, high: float) -> str:
    if math.isnan(low) or math.isnan(high):
        return _number(value)
    return f"{_number(value)} (95 % interval {_number(low)} to {_number(high)})"


def _with_interval(row: Row, name: str) -> str:
    return _between(row[f"{name}_value"], row[f"{name}_low"], row[f"{name}_high"])


def _share(row: Row) -> str:
    return f"{row['share_value']:.1%} ({row['share_low']:.1%} to {row['share_high']:.1%})"


def _signed(row: Row, name: str) -> str:
    value, low, high = (row[f"{name}_{end}"] for end in ("value", "low", "high"))
    return f"{abs(value):z.3f} {'above' if value >= 0 else 'below'} (difference {_number(low)} to {_number(high)})"


def _about_0(row: Row, name: str) -> str:
    excludes = row[f"{name}_low"] > 0 or row[f"{name}_high"] < 0
    return f"an interval that {'excludes' if excludes else 'includes'} 0"


def _p(value: float) -> str:
    return f"= {value:.3f}" if value >= 0.001 else "< 0.001"


def _listed(words: Iterable[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last
