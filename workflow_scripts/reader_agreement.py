"""Compute how far readers agree with each other and with the study's masks, beside the models."""

from pathlib import Path

from dermalign.data.manifests import read_evaluation
from dermalign.data.patients import read_units
from dermalign.data.reader_files import read_reader_table
from dermalign.files import write_text
from dermalign.logs import job_log
from dermalign.overlap.reader_overlaps import read_overlaps
from dermalign.results.readers import reader_agreement
from dermalign.results.statistics import read_statistics

with job_log(snakemake.log[0], snakemake.input, snakemake.output):
    given, params = snakemake.input, snakemake.params
    evaluation = read_evaluation(given.evaluation)
    labels, ratings = (
        {Path(path).parent.name: read_reader_table(path) for path in paths} for paths in (given.labels, given.ratings)
    )
    agreement = reader_agreement(
        read_overlaps(given.overlaps),
        labels,
        ratings,
        {(Path(path).parent.name, Path(path).stem): path for path in given.curves},
        read_statistics(given.best_thresholds),
        params.features,
        evaluation.loc[evaluation["included"], "image"].tolist(),
        read_units(given.lesions, params.resampled_by),
        params.seed,
    )
    write_text(snakemake.output[0], agreement.to_csv(index=False))
