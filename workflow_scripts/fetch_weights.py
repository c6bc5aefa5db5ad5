"""Fetch the ImageNet weights of one architecture."""

from dermalign.classifiers.imagenet import fetch_weights
from dermalign.logs import job_log

with job_log(snakemake.log[0]) as log:
    fetch_weights(snakemake.params.architecture, snakemake.params.input_size, snakemake.output[0])
    log.info("%s: the ImageNet weights of %s", snakemake.output[0], snakemake.params.architecture)
