"""Draw the figure whose function the rule names among its params."""

from dermalign.classifiers.tables import read_history, read_predictions_table
from dermalign.logs import job_log
from dermalign.results.classifier_figures import confusion, learning_curves
from dermalign.results.figures import jaccard_by_threshold, mean_curves
from dermalign.results.plotting import save
from dermalign.results.statistics import read_statistics

# What reads the rule's input, and what draws it.
FIGURES = {
    "jaccard_by_threshold": (read_statistics, jaccard_by_threshold),
    "mean_curves": (read_statistics, mean_curves),
    "confusion": (read_predictions_table, confusion),
    "learning_curves": (read_history, learning_curves),
}

with job_log(snakemake.log[0]):
    read, draw = FIGURES[snakemake.params.function]
    save(draw(read(snakemake.input[0]), **snakemake.params.arguments), snakemake.output)
