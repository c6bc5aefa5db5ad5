"""Compute the statistics of a model's maps, or of maps that belong to no model, from their shards."""

from pathlib import Path

from dermalign.classifiers.evaluation_predictions import read_evaluation_predictions
from dermalign.data.manifests import read_evaluation
from dermalign.data.patients import read_units
from dermalign.files import write_text
from dermalign.logs import job_log
from dermalign.results.source_shards import read_sources
from dermalign.results.statistics import below_each_other, source_statistics
from dermalign.study.groups import group_account, groups_of

with job_log(snakemake.log[0], snakemake.input, snakemake.output) as log:
    owner, groups = snakemake.params.owner, snakemake.params.groups
    evaluation = read_evaluation(snakemake.input.evaluation)
    resampled_by, seed = snakemake.params.resampled_by, snakemake.params.seed
    lesions = read_units(snakemake.input.lesions, resampled_by)
    predicted = None
    if snakemake.input.predictions:  # without them there are no groups by correctness
        predicted = read_evaluation_predictions(snakemake.input.predictions[0])
        analysed = evaluation[evaluation["included"]].set_index("image")
        for line in group_account(groups_of(analysed.index.tolist(), analysed, predicted, groups), groups):
            log.info(line)
            print(f"{owner}: {line}\n", end="")
    sources = [
        source_statistics(
            *(owner, method, by_feature, evaluation, predicted, groups, lesions, seed, resampled_by),
            is_constant=method in snakemake.params.constant,
        )
        for (_, method), by_feature in read_sources(snakemake.input.shards)
    ]
    for path in snakemake.output:
        table = below_each_other([getattr(source, Path(path).stem) for source in sources])
        write_text(path, table.to_csv(index=False))
