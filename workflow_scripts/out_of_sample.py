"""Compute J of every source at thresholds that other lesions chose, from its shards."""

from dermalign.data.patients import read_units
from dermalign.files import write_text
from dermalign.logs import job_log
from dermalign.results.out_of_sample import out_of_sample
from dermalign.results.source_shards import read_sources
from dermalign.results.statistics import below_each_other

with job_log(snakemake.log[0], snakemake.input, snakemake.output):
    params = snakemake.params
    lesions = read_units(snakemake.input.lesions, params.resampled_by)
    tables = [
        out_of_sample(*source, shards, lesions, params.folds, params.repeats, params.seed)
        for source, shards in read_sources(snakemake.input.shards)
    ]
    write_text(snakemake.output[0], below_each_other(tables).to_csv(index=False))
