"""Draw the figure whose function the rule names among its params."""

from pathlib import Path

from dermalign.classifiers.evaluation_predictions import read_evaluation_predictions
from dermalign.classifiers.tables import read_history, read_predictions_table
from dermalign.data.manifests import read_evaluation
from dermalign.logs import job_log
from dermalign.overlap.shards import read_shards
from dermalign.results.ceiling_figure import ceilings_figure
from dermalign.results.classifier_figures import confusion, learning_curves, reliability_figure, roc_curves
from dermalign.results.figures import groups_figure, histograms, jaccard_by_threshold, mean_curves
from dermalign.results.group_figures import correlations_figure
from dermalign.results.method_figure import methods_figure
from dermalign.results.plotting import save
from dermalign.results.reference_figure import reference_figure
from dermalign.results.sanity import read_sanity_statistics
from dermalign.results.sanity_figure import sanity_figure
from dermalign.results.statistics import best_threshold, read_statistics
from dermalign.study.groups import groups_of


def but_for(left_out, table):
    """Return statistics without the rows of some sources, `{model}/{method}`."""
    return table[~(table["model"] + "/" + table["method"]).isin(left_out)]


def of_shards(paths):
    """Read shards of several models and features, {model: {feature: shards}}."""
    found = {}
    for path in map(Path, paths):
        model, _, feature = path.parts[-4:-1]
        found.setdefault(model, {}).setdefault(feature, {})[path.stem] = path
    return {
        model: {feature: read_shards(of_feature) for feature, of_feature in features.items()}
        for model, features in found.items()
    }


def histograms_of(inputs, threshold, asked):
    shards = of_shards(inputs.shards)
    return histograms(
        {
            model: {feature: each.jaccard_at(threshold) for feature, each in features.items()}
            for model, features in shards.items()
        },
        threshold,
        asked,
    )


def groups_of_shards(inputs, groups):
    evaluation = read_evaluation(inputs.evaluation).set_index("image")
    jaccard, thresholds = {}, {}
    for (model, features), predictions in zip(of_shards(inputs.shards).items(), inputs.predictions, strict=True):
        (union,) = features.values()
        names = groups_of(union.images, evaluation, read_evaluation_predictions(predictions), groups)
        best = thresholds[model] = best_threshold(union.thresholds, union.jaccard)
        values = union.jaccard_at(best)
        jaccard[model] = {group: values[names == group] for group in groups}
    return groups_figure(jaccard, thresholds)


# What reads the rule's input and draws it.
FIGURES = {
    "jaccard_by_threshold": lambda inputs, left_out, **arguments: jaccard_by_threshold(
        but_for(left_out, read_statistics(inputs[0])), **arguments
    ),
    "mean_curves": lambda inputs, left_out, **arguments: mean_curves(
        but_for(left_out, read_statistics(inputs[0])), **arguments
    ),
    "correlations": lambda inputs, **arguments: correlations_figure(read_statistics(inputs[0]), **arguments),
    "sanity": lambda inputs: sanity_figure(read_sanity_statistics(inputs[0])),
    "histograms": histograms_of,
    "ceilings": lambda inputs: ceilings_figure(read_statistics(inputs.ceilings), read_statistics(inputs.shares)),
    "reference": lambda inputs, **arguments: reference_figure(
        read_statistics(inputs.best), read_statistics(inputs.shares), **arguments
    ),
    "groups": groups_of_shards,
    "methods": lambda inputs: methods_figure(read_statistics(inputs[0])),
    "confusion": lambda inputs, **arguments: confusion(read_predictions_table(inputs[0]), **arguments),
    "roc": lambda inputs, **arguments: roc_curves(read_predictions_table(inputs[0]), **arguments),
    "reliability": lambda inputs, **arguments: reliability_figure(read_predictions_table(inputs[0]), **arguments),
    "learning_curves": lambda inputs, **arguments: learning_curves(read_history(inputs[0]), **arguments),
}

with job_log(snakemake.log[0], snakemake.input, snakemake.output):
    figure = FIGURES[snakemake.params.function](snakemake.input, **snakemake.params.arguments)
    save(figure, snakemake.output)
