"""Measure whether the maps of all sources lie where a classifier looks: deletion and insertion, on a sample."""

from dermalign.classifiers.evaluation_predictions import read_evaluation_predictions
from dermalign.data.manifests import read_evaluation
from dermalign.logs import job_log
from dermalign.saliency.faithfulness_files import write_faithfulness
from dermalign.saliency.faithfulness_rows import faithfulness_rows
from dermalign.saliency.inputs import Inputs
from dermalign.study.batches import fixed_sample

with job_log(snakemake.log[0], snakemake.input, snakemake.output):
    given, params = snakemake.input, snakemake.params
    evaluation = read_evaluation(given.evaluation)
    inputs = Inputs(
        images=fixed_sample(evaluation.loc[evaluation["included"], "image"], params.pictures),
        classifier=given.classifier,
        pictures=given.pictures,
        threads=snakemake.threads,
        **params.inputs,
    )
    rows = faithfulness_rows(inputs, given.maps, read_evaluation_predictions(given.predictions), **params.asked)
    write_faithfulness(snakemake.output[0], rows)
