"""Correlate J with what else is known of each picture, of each model's first saliency method."""

from pathlib import Path

from dermalign.classifiers.evaluation_predictions import read_confidence
from dermalign.data.manifests import read_evaluation
from dermalign.data.mask_shapes import read_shapes
from dermalign.data.patients import read_units
from dermalign.files import write_text
from dermalign.logs import job_log
from dermalign.results.correlations import correlation_statistics
from dermalign.results.source_shards import read_sources
from dermalign.results.statistics import below_each_other

with job_log(snakemake.log[0], snakemake.input, snakemake.output):
    given = snakemake.input
    evaluation, masks = read_evaluation(given.evaluation), read_shapes([given.masks])
    lesions = read_units(given.lesions, snakemake.params.resampled_by)
    confidence = {Path(path).parent.name: read_confidence(path) for path in given.predictions}
    found = [
        correlation_statistics(
            *(model, method, shards, evaluation, masks, confidence[model], lesions, snakemake.params.seed)
        )
        for (model, method), shards in read_sources(given.shards)
    ]
    write_text(snakemake.output[0], below_each_other(found).to_csv(index=False))
